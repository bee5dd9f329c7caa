//! A workspace in a directory of its own, to build, run and edit; removed when dropped.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::repository::{self, as_from_a_shell, cargo_program};
use crate::save::Save;
use crate::step;
use crate::target::Target;

/// The workspace. It lies outside of the repository, as a user's does, and so outside of every
/// folder that is ignored there.
pub(crate) struct Scratch {
    directory: TempDir,
    target_dir: PathBuf,
    /// `None` for that of this machine, as cargo has it when it is told nothing.
    target: Option<Target>,
}

impl Scratch {
    /// An empty one, built into `target_dir`: by its own `.cargo/config.toml`, as a user with a
    /// shared target directory would have it.
    pub(crate) fn create(name: &str, target_dir: &Path) -> Result<Scratch> {
        Self::create_for(name, target_dir, None)
    }

    /// [`Scratch::create`], for programs of a certain target.
    pub(crate) fn create_for(
        name: &str,
        target_dir: &Path,
        target: Option<&Target>,
    ) -> Result<Scratch> {
        let directory = tempfile::Builder::new()
            .prefix(&format!("hot-{name}-"))
            .tempdir()
            .context("cannot make a scratch directory")?;
        let scratch = Scratch {
            directory,
            target_dir: target_dir.to_owned(),
            target: target.cloned(),
        };
        // A literal string: a backslash in a path is no escape.
        let mut config = format!("[build]\ntarget-dir = '{}'\n", target_dir.display());
        if let Some(target) = target {
            config.push_str(&format!("target = '{}'\n", target.triple()));
        }
        // As if the repository's crates came from a registry, and with half of the room that they take otherwise.
        config.push_str("\n[profile.dev.package.\"*\"]\nincremental = false\n");
        scratch.write(".cargo/config.toml", &config)?;
        // The versions that the repository was tested with, and no look at the registry's index.
        scratch.copy(&repository::root().join("Cargo.lock"), "Cargo.lock")?;
        Ok(scratch)
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

    /// What the programs are built for, if it is not just this machine.
    pub(crate) fn target(&self) -> Option<&Target> {
        self.target.as_ref()
    }

    /// Where cargo puts what it builds with a profile, by the name of the profile's folder: `debug` or `release`.
    pub(crate) fn profile_dir(&self, profile: &str) -> PathBuf {
        match &self.target {
            Some(target) => self.target_dir.join(target.triple()).join(profile),
            None => self.target_dir.join(profile),
        }
    }

    /// Reads a file of the workspace.
    pub(crate) fn read(&self, relative: &str) -> Result<String> {
        fs::read_to_string(self.path(relative)).with_context(|| format!("cannot read {relative}"))
    }

    /// Saves a whole file, with the folders it needs.
    pub(crate) fn write(&self, relative: &str, text: &str) -> Result<()> {
        let path = self.path_with_folders(relative)?;
        fs::write(&path, text).with_context(|| format!("cannot write {relative}"))
    }

    /// Copies a file into the workspace, with the folders it needs.
    pub(crate) fn copy(&self, from: &Path, relative: &str) -> Result<()> {
        let path = self.path_with_folders(relative)?;
        let copied = fs::copy(from, &path);
        copied
            .with_context(|| format!("cannot copy {}", from.display()))
            .map(drop)
    }

    /// Replaces in a file each `old` by its `new`, of which each must be there once, and saves it.
    pub(crate) fn edit(&self, save: Save, relative: &str, edits: &[(&str, &str)]) -> Result<()> {
        let mut text = self.read(relative)?;
        for (old, new) in edits {
            let places = text.matches(old).count();
            ensure!(
                places == 1,
                "{relative} has `{old}` in {places} places, and the edit means one"
            );
            text = text.replacen(old, new, 1);
        }
        save.write(&self.path(relative), &text)
    }

    /// A call of cargo in the workspace, as from the user's shell.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(cargo_program());
        command.args(arguments).current_dir(self.root());
        as_from_a_shell(&mut command);
        command
    }

    /// How a user starts the program `file` from the workspace's root.
    pub(crate) fn command(&self, file: &Path) -> Command {
        let mut command = match &self.target {
            Some(target) => target.command(file),
            None => Command::new(file),
        };
        command.current_dir(self.root());
        as_from_a_shell(&mut command);
        command
    }

    /// Removes from the target directory what earlier workspaces' packages of the same names left
    /// there. Nobody will use it again, and it is what would let a directory that is kept grow.
    pub(crate) fn clean(&self, packages: &[&str]) -> Result<()> {
        let mut clean = self.cargo(&["clean", "--quiet"]);
        clean.args(packages.iter().flat_map(|package| ["--package", package]));
        step::capture(&mut clean).map(drop)
    }

    fn path_with_folders(&self, relative: &str) -> Result<PathBuf> {
        let path = self.path(relative);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make the folder of {relative}"))?;
        }
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_replaces_one_place_whatever_the_editor() {
        let scratch = Scratch::create("test", Path::new("/nowhere")).expect("a scratch workspace");
        scratch.write("src/lib.rs", "zero").expect("can be written");
        let saves = [Save::Truncate, Save::Rename, Save::Recreate, Save::Pieces];
        for (round, save) in saves.into_iter().enumerate() {
            let text = scratch.read("src/lib.rs").expect("can be read");
            let new = format!("round {round}").repeat(50);
            scratch
                .edit(save, "src/lib.rs", &[(&text, &new)])
                .expect("can be edited");
            assert_eq!(
                scratch.read("src/lib.rs").expect("can be read"),
                new,
                "{save:?}"
            );
        }
        let left: Vec<_> = fs::read_dir(scratch.path("src"))
            .expect("can be listed")
            .collect();
        assert_eq!(left.len(), 1, "an editor left a file behind: {left:?}");
    }

    #[test]
    fn an_edit_that_could_mean_two_places_or_none_is_an_error() {
        let scratch = Scratch::create("test", Path::new("/nowhere")).expect("a scratch workspace");
        scratch.write("lib.rs", "one one").expect("can be written");
        for old in ["one", "two"] {
            let edited = scratch.edit(Save::Truncate, "lib.rs", &[(old, "three")]);
            let error = edited
                .expect_err("the edit means no single place")
                .to_string();
            assert!(error.contains("places"), "{error}");
        }
        assert_eq!(scratch.read("lib.rs").expect("can be read"), "one one");
    }
}
