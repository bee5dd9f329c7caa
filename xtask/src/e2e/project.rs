//! A scratch workspace of a user of ours: a host, two hot crates, and a plain library that one of
//! them uses.

use std::env::consts::EXE_SUFFIX;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;

use super::log::Log;
use super::program::Program;
use super::save::Save;
use crate::repository::{as_from_a_shell, cargo_program};
use crate::{repository, step};

/// The packages of the workspace.
const PACKAGES: [&str; 4] = ["host", "scene", "backdrop", "palette"];

/// The file that most scenarios edit: `step` and `sidebar` live there.
pub(crate) const SCENE: &str = "scene/src/lib.rs";

/// The other hot crate's file: `shade` lives there.
pub(crate) const BACKDROP: &str = "backdrop/src/lib.rs";

/// The workspace, removed when dropped.
pub(crate) struct Project {
    directory: TempDir,
    target_dir: PathBuf,
    log: Log,
}

/// How a program is built: what the user would add to `cargo build --package host`.
#[derive(Clone, Copy, Default)]
pub(crate) struct BuildAs {
    pub(crate) release: bool,
    pub(crate) features: &'static [&'static str],
}

impl Project {
    /// Writes the workspace into a fresh directory. It is built into `target_dir`, by its own
    /// `.cargo/config.toml`, as a user with a shared target directory would have it.
    pub(crate) fn create(scenario: &str, target_dir: &Path) -> Result<Project> {
        let directory = tempfile::Builder::new()
            .prefix(&format!("hot-{scenario}-"))
            .tempdir()
            .context("cannot make a scratch directory")?;
        let project = Project {
            directory,
            target_dir: target_dir.to_owned(),
            log: Log::new(),
        };
        project.write_all()?;
        // Leftovers of an earlier scenario's packages, which only have the same names: nobody will
        // use them again, and they are what would let the shared directory grow.
        let mut clean = project.cargo(&["clean", "--quiet"]);
        clean.args(PACKAGES.iter().flat_map(|package| ["--package", package]));
        step::capture(&mut clean)?;
        Ok(project)
    }

    /// Where the workspace lies.
    pub(crate) fn root(&self) -> &Path {
        self.directory.path()
    }

    /// The path of a file or folder of the workspace, given with forward slashes.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root().join(relative)
    }

    /// Where cargo puts what it builds.
    pub(crate) fn target_dir(&self) -> &Path {
        &self.target_dir
    }

    /// All that happened so far.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Reads a file of the workspace.
    pub(crate) fn read(&self, relative: &str) -> Result<String> {
        fs::read_to_string(self.path(relative)).with_context(|| format!("cannot read {relative}"))
    }

    /// Saves a whole file, with the folders it needs.
    pub(crate) fn write(&self, relative: &str, text: &str) -> Result<()> {
        let path = self.path(relative);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make the folder of {relative}"))?;
        }
        fs::write(&path, text).with_context(|| format!("cannot write {relative}"))
    }

    /// Replaces the one place of a file that reads `old`, and saves the file.
    pub(crate) fn edit(&self, relative: &str, old: &str, new: &str) -> Result<()> {
        self.edit_by(Save::Truncate, relative, old, new)
    }

    /// [`Project::edit`], saved as a certain editor does.
    pub(crate) fn edit_by(&self, save: Save, relative: &str, old: &str, new: &str) -> Result<()> {
        let text = self.read(relative)?;
        let places = text.matches(old).count();
        ensure!(
            places == 1,
            "{relative} has `{old}` in {places} places, and the edit means one"
        );
        self.log.record(
            "editor",
            &format!("{relative}: `{old}` -> `{new}` ({save:?})"),
        );
        save.write(&self.path(relative), &text.replacen(old, new, 1))
    }

    /// Writes an executable shell script, and returns its path.
    pub(crate) fn script(&self, relative: &str, text: &str) -> Result<PathBuf> {
        self.write(relative, text)?;
        let path = self.path(relative);
        make_executable(&path).with_context(|| format!("cannot make {relative} executable"))?;
        Ok(path)
    }

    /// A call of cargo in the workspace, as from the user's shell.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(cargo_program());
        command.args(arguments).current_dir(self.root());
        as_from_a_shell(&mut command);
        command
    }

    /// Builds the host, and returns the program's file.
    pub(crate) fn build(&self, how: BuildAs) -> Result<PathBuf> {
        let mut cargo = self.cargo(&["build", "--package", "host"]);
        if how.release {
            cargo.arg("--release");
        }
        for feature in how.features {
            cargo.args(["--features", feature]);
        }
        self.log.record("cargo", &step::words(&cargo));
        step::capture(&mut cargo)?;
        let profile = if how.release { "release" } else { "debug" };
        let program = self
            .target_dir
            .join(profile)
            .join(format!("host{EXE_SUFFIX}"));
        if !program.is_file() {
            bail!(
                "cargo built the host, but {} is not there",
                program.display()
            );
        }
        Ok(program)
    }

    /// Builds the host plainly and starts it in the workspace; returns once it watches.
    pub(crate) fn run(&self) -> Result<Program> {
        let program = self.build(BuildAs::default())?;
        self.start("host", self.command(&program))
    }

    /// How a user starts the program `file` from the workspace's root.
    pub(crate) fn command(&self, file: &Path) -> Command {
        let mut command = Command::new(file);
        command.current_dir(self.root());
        as_from_a_shell(&mut command);
        command
    }

    /// Starts `command`, called `name` in the log; returns once every later save will be seen.
    pub(crate) fn start(&self, name: &str, command: Command) -> Result<Program> {
        let mut program = Program::start(name, command, &self.log)?;
        program.event("watching")?;
        Ok(program)
    }

    fn write_all(&self) -> Result<()> {
        let crate_path = |name: &str| repository::root().join(name).display().to_string();
        let (hot_abi, hot_app) = (crate_path("hot-abi"), crate_path("hot-app"));
        let target_dir = self.target_dir.display();
        // Literal strings: a backslash in a path is no escape.
        self.write(
            ".cargo/config.toml",
            &format!("[build]\ntarget-dir = '{target_dir}'\n"),
        )?;
        self.write(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"host\", \"scene\", \"backdrop\", \"palette\"]\n",
        )?;
        // The versions that the repository was tested with, and no look at the registry's index.
        fs::copy(
            repository::root().join("Cargo.lock"),
            self.path("Cargo.lock"),
        )
        .context("cannot copy the repository's Cargo.lock")?;
        self.write(
            "host/Cargo.toml",
            &format!(
                "{}[features]\nfancy = [\"scene/fancy\"]\n\n[dependencies]\nhot-app = {{ path = '{hot_app}' }}\n\
                 scene = {{ path = \"../scene\" }}\nbackdrop = {{ path = \"../backdrop\" }}\n",
                package("host"),
            ),
        )?;
        self.write("host/src/main.rs", include_str!("fixture/host.rs"))?;
        self.write(
            "scene/Cargo.toml",
            &format!(
                "{}[lib]\ncrate-type = [\"lib\", \"cdylib\"]\n\n[features]\nfancy = []\n\n[dependencies]\n\
                 hot-abi = {{ path = '{hot_abi}' }}\npalette = {{ path = \"../palette\" }}\n",
                package("scene"),
            ),
        )?;
        self.write(SCENE, include_str!("fixture/scene.rs"))?;
        self.write(
            "backdrop/Cargo.toml",
            &format!(
                "{}[lib]\ncrate-type = [\"lib\", \"cdylib\"]\n\n[dependencies]\nhot-abi = {{ path = '{hot_abi}' }}\n",
                package("backdrop"),
            ),
        )?;
        self.write(BACKDROP, include_str!("fixture/backdrop.rs"))?;
        self.write("palette/Cargo.toml", &package("palette"))?;
        self.write("palette/src/lib.rs", include_str!("fixture/palette.rs"))
    }
}

fn package(name: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n")
}

#[cfg(unix)]
fn make_executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

/// Elsewhere a file's name says whether it can be run.
#[cfg(not(unix))]
fn make_executable(_path: &Path) -> std::io::Result<()> {
    Ok(())
}
