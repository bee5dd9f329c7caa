//! The workspace of one contestant: a host, a hot crate, and what they need.

use std::env::consts::EXE_SUFFIX;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use super::subject::{FIRST_EDITION, Subject, edition};
use crate::bench::Setting;
use crate::save::Save;
use crate::scratch::Scratch;
use crate::{repository, step};

/// The marks in a subject's source, where each flavour has something of its own.
const ENTRY: &str = "// <entry>";
const HOT: &str = "// <hot>";

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
        let product = |name: &str| repository::root().join(name).display().to_string();
        workspace.write_root(&["host", "scene"], subject)?;
        let host = format!(
            "hot-app = {{ path = '{}' }}\nscene = {{ package = \"scene-{what}\", path = \"../scene\" }}\n{}",
            product("hot-app"),
            subject.host_dependencies
        );
        workspace.write_package("host", &host, "")?;
        let main = format!("{}{}", include_str!("fixture/ours.rs"), subject.turn);
        workspace.scratch.write("host/src/main.rs", &main)?;
        workspace.write_answers()?;

        let mut scene = format!(
            "hot-abi = {{ path = '{}' }}\n{}",
            product("hot-abi"),
            subject.dependencies
        );
        if subject.palette.is_some() {
            scene += &workspace.palette_dependency();
        }
        workspace.write_package(
            "scene",
            &scene,
            "[lib]\ncrate-type = [\"lib\", \"cdylib\"]\n",
        )?;
        for (file, text) in (subject.scene)() {
            let text = text
                .replace(ENTRY, "hot_abi::hot_entry!();")
                .replace(HOT, "#[hot_abi::hot_fn]");
            workspace
                .scratch
                .write(&format!("scene/src/{file}"), &text)?;
        }
        workspace.write_palette(subject)?;
        let edited = match subject.palette {
            Some(_) => "palette/src/lib.rs".to_owned(),
            None => format!("scene/src/{}", subject.edited),
        };
        workspace.finish(&edited)
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
    fn finish(mut self, edited: &str) -> Result<Workspace> {
        self.text = self.scratch.read(edited)?;
        self.edited = self.scratch.path(edited);
        let places = self.text.matches(FIRST_EDITION).count();
        ensure!(
            places == 1,
            "{edited} says its edition in {places} places, and not in one"
        );
        let host = self.package("host");
        self.scratch.clean(&[&host])?;
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

    fn write_answers(&self) -> Result<()> {
        let text = include_str!("fixture/answers.rs");
        self.scratch.write("host/src/answers.rs", text)
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
