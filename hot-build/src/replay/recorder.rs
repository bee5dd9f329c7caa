//! Listens to a cargo that runs, and keeps what is needed to do without it next time.

use std::path::PathBuf;

use super::RustcCommand;

/// What one run of cargo told.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    /// The runs of the compiler for libraries.
    pub(crate) commands: Vec<RustcCommand>,
    /// Everything that was built or found to be up to date, dependencies first.
    pub(crate) built: Vec<BuiltCrate>,
    /// A command that goes on in the next line, for a variable has a line break in it.
    unfinished: Option<String>,
}

/// A library that is part of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BuiltCrate {
    /// The directory of its manifest.
    pub(crate) manifest_dir: PathBuf,
    /// Whether its sources are the user's.
    pub(crate) is_local: bool,
    /// Its rlib.
    pub(crate) rlib: PathBuf,
}

impl Recorder {
    /// Takes in a line of cargo's error output, without colours. True if it is of no interest to people.
    pub(crate) fn take_line(&mut self, line: &str) -> bool {
        let shown = match (
            self.unfinished.take(),
            line.trim_start().strip_prefix("Running `"),
        ) {
            (Some(before), _) => format!("{before}\n{line}"),
            (None, Some(shown)) => shown.to_owned(),
            (None, None) => return false,
        };
        match shown.strip_suffix('`') {
            Some(shown) => self.commands.extend(RustcCommand::parse(shown)),
            None => self.unfinished = Some(shown),
        }
        true
    }

    /// Takes in what cargo says of a target that is done.
    pub(crate) fn take_artifact(&mut self, artifact: &cargo_metadata::Artifact) {
        let rlib = artifact
            .filenames
            .iter()
            .find(|file| file.extension() == Some("rlib"));
        let (Some(rlib), Some(manifest_dir)) = (rlib, artifact.manifest_path.parent()) else {
            return;
        };
        self.built.push(BuiltCrate {
            manifest_dir: manifest_dir.as_std_path().to_owned(),
            is_local: artifact.package_id.repr.starts_with("path+"),
            rlib: rlib.as_std_path().to_owned(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_may_have_several_lines() {
        let mut recorder = Recorder::default();
        assert!(!recorder.take_line("   Compiling scene v0.1.0 (/w/scene)"));
        assert!(
            recorder
                .take_line("     Running `CARGO_MANIFEST_DIR=/w/scene CARGO_PKG_DESCRIPTION='two")
        );
        assert!(
            recorder.take_line("lines' /t/rustc --crate-name scene src/lib.rs --crate-type lib`")
        );
        assert!(!recorder.take_line("    Finished"));
        assert_eq!(recorder.commands.len(), 1);
        assert_eq!(recorder.commands[0].crate_name, "scene");
    }
}
