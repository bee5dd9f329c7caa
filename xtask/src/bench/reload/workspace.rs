//! The workspace of one contestant: a host, a hot crate, and what they need.

use std::env::consts::EXE_SUFFIX;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use super::subject::{FIRST_EDITION, Subject, edition};
use crate::bench::Setting;
use crate::save::Save;
use crate::scratch::Scratch;
use crate::{repository, step};

/// A subject written down for one contestant, with one file to edit.
pub(super) struct Workspace {
    scratch: Scratch,
    /// The name of the contestant, which the names of its packages end with: cargo leaves the hashes
    /// out of some files' names, and several workspaces share the directory that they are built into.
    what: &'static str,
    edited: PathBuf,
    /// What the edited file says in its first edition.
    text: String,
    log: PathBuf,
}

impl Workspace {
    /// Writes `subject` as a user of hot would, for `what`.
    pub(super) fn of_ours(
        subject: &Subject,
        what: &'static str,
        setting: &Setting,
    ) -> Result<Workspace> {
        let workspace = Workspace::empty(subject, what, setting)?;
        workspace.write_root(&["host", "scene"], subject)?;
        let host = format!(
            "{}scene = {{ package = \"scene-{what}\", path = \"../scene\" }}\n{}",
            product("hot-app"),
            subject.host_dependencies
        );
        workspace.write_host(&host, include_str!("fixture/ours.rs"), subject)?;
        let kinds = ["lib", "cdylib"];
        let marks = Marks {
            entry: "hot_abi::hot_entry!();",
            hot: "#[hot_abi::hot_fn]",
        };
        workspace.write_scene(&product("hot-abi"), kinds, marks, subject)?;
        workspace.finish(subject, "scene/src")
    }

    /// Writes `subject` as a user of `dx serve --hot-patch` would.
    pub(super) fn of_dx(
        subject: &Subject,
        what: &'static str,
        setting: &Setting,
    ) -> Result<Workspace> {
        let workspace = Workspace::empty(subject, what, setting)?;
        workspace.write_root(&["host"], subject)?;
        let mut host = format!("dioxus-devtools = \"0.7.9\"\n{}", subject.dependencies);
        if subject.palette.is_some() {
            host += &workspace.palette_dependency();
        }
        workspace.write_host(&host, include_str!("fixture/dx.rs"), subject)?;
        let marks = Marks { entry: "", hot: "" };
        for (file, text) in (subject.scene)() {
            // A module's own file, where the crate's was.
            let file = file.replace("lib.rs", "mod.rs");
            let file = format!("host/src/scene/{file}");
            workspace.scratch.write(&file, &marks.set_in(&text))?;
        }
        workspace.write_palette(subject)?;
        workspace.finish(subject, "host/src/scene")
    }

    /// Writes `subject` as a user of hot-lib-reloader would.
    pub(super) fn of_hot_lib_reloader(
        subject: &Subject,
        what: &'static str,
        setting: &Setting,
    ) -> Result<Workspace> {
        let workspace = Workspace::empty(subject, what, setting)?;
        workspace.write_root(&["host", "scene"], subject)?;
        let host = format!(
            "hot-lib-reloader = \"0.8.2\"\nscene_types = {{ package = \"scene-{what}\", path = \"../scene\" }}\n{}",
            subject.host_dependencies
        );
        let built = setting.target_dir.join("debug").display().to_string();
        let main = include_str!("fixture/hot_lib_reloader.rs").replace("<lib-dir>", &built);
        workspace.write_host(&host, &main, subject)?;
        let marks = Marks {
            entry: "",
            hot: "#[unsafe(no_mangle)]",
        };
        workspace.write_scene("", ["rlib", "dylib"], marks, subject)?;
        workspace.finish(subject, "scene/src")
    }

    fn empty(subject: &Subject, what: &'static str, setting: &Setting) -> Result<Workspace> {
        let name = format!("bench-{}-{what}", subject.name);
        Ok(Workspace {
            scratch: Scratch::create(&name, &setting.target_dir)?,
            what,
            edited: PathBuf::new(),
            text: String::new(),
            log: setting
                .target_dir
                .join("logs")
                .join(format!("{}-{what}.log", subject.name)),
        })
    }

    /// Takes the file that edits go to, and removes what earlier workspaces left of these packages.
    fn finish(mut self, subject: &Subject, scene: &str) -> Result<Workspace> {
        let edited = match (subject.palette, subject.edited) {
            (Some(_), _) => "palette/src/lib.rs".to_owned(),
            (None, "lib.rs") if scene != "scene/src" => format!("{scene}/mod.rs"),
            (None, file) => format!("{scene}/{file}"),
        };
        self.text = self.scratch.read(&edited)?;
        self.edited = self.scratch.path(&edited);
        let places = self.text.matches(FIRST_EDITION).count();
        ensure!(
            places == 1,
            "{edited} says its edition in {places} places, and not in one"
        );
        let ours: Vec<_> = ["host", "scene", "palette"]
            .into_iter()
            .filter(|folder| self.scratch.path(folder).is_dir())
            .map(|folder| self.package(folder))
            .collect();
        let ours: Vec<_> = ours.iter().map(String::as_str).collect();
        self.scratch.clean(&ours)?;
        Ok(self)
    }

    fn write_root(&self, members: &[&str], subject: &Subject) -> Result<()> {
        let mut members = members.to_vec();
        if subject.palette.is_some() {
            members.push("palette");
        }
        let text = format!("[workspace]\nresolver = \"3\"\nmembers = {members:?}\n");
        self.scratch.write("Cargo.toml", &text)
    }

    fn write_package(&self, folder: &str, dependencies: &str, more: &str) -> Result<()> {
        let text = format!(
            "[package]\nname = \"{}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n{more}\n[dependencies]\n{dependencies}",
            self.package(folder)
        );
        self.scratch.write(&format!("{folder}/Cargo.toml"), &text)
    }

    fn write_palette(&self, subject: &Subject) -> Result<()> {
        let Some(text) = subject.palette else {
            return Ok(());
        };
        self.write_package("palette", "", "")?;
        self.scratch.write("palette/src/lib.rs", text)
    }

    fn write_host(&self, dependencies: &str, main: &str, subject: &Subject) -> Result<()> {
        self.write_package("host", dependencies, "")?;
        let main = format!("{main}{}", subject.turn);
        self.scratch.write("host/src/main.rs", &main)?;
        let answers = include_str!("fixture/answers.rs");
        self.scratch.write("host/src/answers.rs", answers)
    }

    fn write_scene(
        &self,
        abi: &str,
        kinds: [&str; 2],
        marks: Marks,
        subject: &Subject,
    ) -> Result<()> {
        let mut dependencies = format!("{abi}{}", subject.dependencies);
        if subject.palette.is_some() {
            dependencies += &self.palette_dependency();
        }
        let library = format!("[lib]\ncrate-type = {kinds:?}\n");
        self.write_package("scene", &dependencies, &library)?;
        for (file, text) in (subject.scene)() {
            let file = format!("scene/src/{file}");
            self.scratch.write(&file, &marks.set_in(&text))?;
        }
        self.write_palette(subject)
    }

    fn palette_dependency(&self) -> String {
        format!(
            "palette = {{ package = \"{}\", path = \"../palette\" }}\n",
            self.package("palette")
        )
    }

    /// The name of the package in `folder`.
    pub(super) fn package(&self, folder: &str) -> String {
        format!("{folder}-{}", self.what)
    }

    /// Puts that many small files, a hundred in a folder, beside the sources of the hot crate.
    pub(super) fn add_files(&self, count: usize) -> Result<()> {
        const PER_FOLDER: usize = 100;
        for number in 0..count {
            let folder = number / PER_FOLDER;
            let file = format!("scene/assets/{folder:04}/{number:06}.txt");
            self.scratch.write(&file, &format!("asset {number}\n"))?;
        }
        Ok(())
    }

    pub(super) fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// Where the output of this contestant's program goes.
    pub(super) fn log(&self) -> &Path {
        &self.log
    }

    /// Builds the host, and returns the program's file.
    pub(super) fn build(&self) -> Result<PathBuf> {
        let host = self.package("host");
        step::capture(&mut self.scratch.cargo(&["build", "--package", &host]))?;
        let file = self
            .scratch
            .target_dir()
            .join("debug")
            .join(format!("{host}{EXE_SUFFIX}"));
        ensure!(
            file.is_file(),
            "cargo built {host}, but {} is not there",
            file.display()
        );
        Ok(file)
    }

    /// The whole text of that edition of the edited file.
    pub(super) fn text(&self, number: u32) -> String {
        self.text.replace(FIRST_EDITION, &edition(number))
    }

    /// Saves `text` as the edited file.
    pub(super) fn save(&self, text: &str) -> Result<()> {
        Save::Truncate
            .write(&self.edited, text)
            .context("an edition cannot be saved")
    }
}

/// What stands where a subject's source is marked.
#[derive(Clone, Copy)]
struct Marks {
    /// At the root of the hot crate.
    entry: &'static str,
    /// Before each hot function.
    hot: &'static str,
}

impl Marks {
    fn set_in(self, text: &str) -> String {
        text.replace("// <entry>", self.entry)
            .replace("// <hot>", self.hot)
    }
}

/// A package of this repository, as a line of a manifest.
fn product(name: &str) -> String {
    let path = repository::root().join(name);
    format!("{name} = {{ path = '{}' }}\n", path.display())
}
