//! A scratch workspace of a user of ours: a host, two hot crates, and a plain library that one of
//! them uses.

use std::env::consts::EXE_SUFFIX;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};

use super::log::Log;
use super::mode::{Libraries, Mode};
use crate::program::{Program, Witness};
use crate::save::Save;
use crate::scratch::Scratch;
use crate::target::Target;
use crate::{repository, step};

/// The packages of the workspace.
const PACKAGES: [&str; 4] = ["host", "scene", "backdrop", "palette"];

/// The file that most scenarios edit: `step` and `sidebar` live there.
pub(crate) const SCENE: &str = "scene/src/lib.rs";

/// The other hot crate's file: `shade` lives there.
pub(crate) const BACKDROP: &str = "backdrop/src/lib.rs";

/// The variable by which a program is told how to link.
pub(crate) const LINKING: &str = "HOT_LINKING";

/// The workspace, with a log of all that is done to it; what is not here is [`Scratch`]'s.
pub(crate) struct Project {
    scratch: Scratch,
    mode: Mode,
    log: Log,
    libraries: Libraries,
}

/// How a program is built: what the user would add to `cargo build --package host`.
#[derive(Clone, Copy, Default)]
pub(crate) struct BuildAs {
    pub(crate) release: bool,
    pub(crate) features: &'static [&'static str],
}

impl Project {
    /// Writes the workspace into a fresh directory, to be built into `target_dir`. Its programs link new
    /// code by `mode`.
    pub(crate) fn create(
        scenario: &str,
        mode: Mode,
        target_dir: &Path,
        target: Option<&Target>,
    ) -> Result<Project> {
        let project = Project {
            scratch: Scratch::create_for(scenario, target_dir, target)?,
            mode,
            log: Log::new(),
            libraries: Libraries::default(),
        };
        project.write_packages()?;
        project.clean(&PACKAGES)?;
        Ok(project)
    }

    /// All that happened so far.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// How new code is linked.
    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    /// What the programs told of their libraries.
    pub(crate) fn libraries(&self) -> &Libraries {
        &self.libraries
    }

    /// Whom each program tells of what it writes.
    pub(crate) fn witness(&self) -> Witness {
        let (log, libraries) = (self.log.clone(), self.libraries.clone());
        Arc::new(move |who, what| {
            libraries.hear(what);
            log.record(who, what);
        })
    }

    /// Replaces the one place of a file that reads `old`, and saves the file.
    pub(crate) fn edit(&self, relative: &str, old: &str, new: &str) -> Result<()> {
        self.edit_by(Save::Truncate, relative, old, new)
    }

    /// [`Project::edit`], saved as a certain editor does.
    pub(crate) fn edit_by(&self, save: Save, relative: &str, old: &str, new: &str) -> Result<()> {
        let edit = format!("{relative}: `{old}` -> `{new}` ({save:?})");
        self.log.record("editor", &edit);
        self.scratch.edit(save, relative, &[(old, new)])
    }

    /// Replaces several places of a file, each of which reads its `old` alone, in one save.
    pub(crate) fn edit_all(&self, relative: &str, edits: &[(&str, &str)]) -> Result<()> {
        let edit = format!("{relative}: {} places", edits.len());
        self.log.record("editor", &edit);
        self.scratch.edit(Save::Truncate, relative, edits)
    }

    /// Writes an executable shell script, and returns its path.
    pub(crate) fn script(&self, relative: &str, text: &str) -> Result<PathBuf> {
        self.write(relative, text)?;
        let path = self.path(relative);
        make_executable(&path).with_context(|| format!("cannot make {relative} executable"))?;
        Ok(path)
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
        let file = format!("host{EXE_SUFFIX}");
        let program = self.profile_dir(profile).join(file);
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

    /// Starts `command`, called `name` in the log; returns once every later save will be seen.
    pub(crate) fn start(&self, name: &str, command: Command) -> Result<Program> {
        let mut program = self.start_unwatched(name, command)?;
        program.event("watching")?;
        Ok(program)
    }

    /// Starts `command`, which watches nothing, or not yet.
    pub(crate) fn start_unwatched(&self, name: &str, mut command: Command) -> Result<Program> {
        // A backtrace per panic would bury the log.
        command.env("RUST_BACKTRACE", "0");
        let is_set = |name: &str| command.get_envs().any(|(variable, _)| variable == name);
        if !is_set(LINKING) {
            command.env(LINKING, self.mode.variable());
        }
        Program::start(name, command, self.witness())
    }

    fn write_packages(&self) -> Result<()> {
        let product = |name: &str| repository::root().join(name).display().to_string();
        let (hot_abi, hot_app) = (product("hot-abi"), product("hot-app"));
        self.write(
            "Cargo.toml",
            // What is tested of a release build is the hot crate, its host and the code between
            // them; to optimise all the rest would take minutes.
            &format!(
                r#"[workspace]
resolver = "3"
members = {PACKAGES:?}

[profile.release.package]
"*" = {{ opt-level = 0 }}
hot-abi = {{ opt-level = 3 }}
"#
            ),
        )?;

        let host = format!(
            r#"{}
[features]
fancy = ["scene/fancy"]

[dependencies]
hot-app = {{ path = '{hot_app}' }}
scene = {{ path = "../scene" }}
backdrop = {{ path = "../backdrop" }}
"#,
            package("host"),
        );
        self.write("host/Cargo.toml", &host)?;
        self.write("host/src/main.rs", include_str!("fixture/host.rs"))?;

        let scene = format!(
            r#"{}
[lib]
crate-type = ["lib", "cdylib"]

[features]
fancy = []

[dependencies]
hot-abi = {{ path = '{hot_abi}' }}
palette = {{ path = "../palette" }}
"#,
            package("scene"),
        );
        self.write("scene/Cargo.toml", &scene)?;
        self.write(SCENE, include_str!("fixture/scene.rs"))?;

        let backdrop = format!(
            r#"{}
[lib]
crate-type = ["lib", "cdylib"]

[dependencies]
hot-abi = {{ path = '{hot_abi}' }}
"#,
            package("backdrop"),
        );
        self.write("backdrop/Cargo.toml", &backdrop)?;
        self.write(BACKDROP, include_str!("fixture/backdrop.rs"))?;

        self.write("palette/Cargo.toml", &package("palette"))?;
        self.write("palette/src/lib.rs", include_str!("fixture/palette.rs"))
    }
}

impl Deref for Project {
    type Target = Scratch;

    fn deref(&self) -> &Scratch {
        &self.scratch
    }
}

fn package(name: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n")
}

#[cfg(unix)]
fn make_executable(path: &Path) -> std::io::Result<()> {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;
    set_permissions(path, Permissions::from_mode(0o755))
}

/// Elsewhere a file's name says whether it can be run.
#[cfg(not(unix))]
fn make_executable(_path: &Path) -> std::io::Result<()> {
    Ok(())
}
