//! Every run of the compiler that is known.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::{BuildArgs, CargoReason, ProgramBuild};

use super::{RustcCommand, first};

/// How each local crate was compiled the last time, as far as that is known.
#[derive(Debug, Default)]
pub(crate) struct Commands {
    known: Vec<RustcCommand>,
    /// The crates of which the program told.
    told: BTreeSet<PathBuf>,
}

impl Commands {
    /// Takes in, once, what the program tells of a hot crate that is part of it.
    pub(crate) fn learn(&mut self, args: &BuildArgs) {
        let Some(run) = &args.hot_crate.rustc else {
            return;
        };
        if !self.told.insert(args.manifest_dir.clone()) {
            return;
        }
        let (Some(mut command), Some(built)) = (RustcCommand::of_run(run), first::program_built())
        else {
            return;
        };
        command.note_output(built);
        command.name_toolchain(&args.program);
        // What cargo said since is newer.
        if !self.has(|known| known.is_for_the_crate_of(&command)) {
            self.known.push(command);
        }
    }

    /// Takes in what cargo told while it ran, and forgets what may not be true any more.
    pub(crate) fn record(&mut self, recorded: Vec<RustcCommand>, program: &ProgramBuild) {
        // Of a crate that was up to date it is known how it was compiled if nobody else compiled it since.
        self.known.retain(RustcCommand::is_last);
        // A crate may be compiled twice in one run, as for build scripts when cross-compiling; the program
        // has the last.
        for mut command in recorded {
            command.note_output(SystemTime::now());
            command.name_toolchain(program);
            self.known
                .retain(|known| !known.is_for_the_crate_of(&command));
            self.known.push(command);
        }
    }

    /// Forgets what the program told of a crate, for it cannot be trusted. Where that is for the environment,
    /// nothing that it told can.
    pub(crate) fn forget_program(&mut self, manifest_dir: &Path, reason: &CargoReason) {
        let is_about_all = matches!(
            reason,
            CargoReason::Variable { .. }
                | CargoReason::ConfiguredVariables { .. }
                | CargoReason::Wrapper { .. }
                | CargoReason::BuildScript { .. }
        );
        self.known.retain(|command| {
            !command.is_of_program() || !(is_about_all || command.is_in(manifest_dir))
        });
    }

    /// Whether it is known how the crate in `manifest_dir` was compiled.
    pub(crate) fn knows(&self, manifest_dir: &Path) -> bool {
        self.has(|command| command.is_in(manifest_dir))
    }

    /// All of them.
    pub(crate) fn all(&self) -> &[RustcCommand] {
        &self.known
    }

    fn has(&self, is_it: impl FnMut(&RustcCommand) -> bool) -> bool {
        self.known.iter().any(is_it)
    }
}
