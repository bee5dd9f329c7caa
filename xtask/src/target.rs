//! The platform that programs of a scratch workspace are built for, where the command line names one.

use std::env;
use std::path::Path;
use std::process::Command;

/// A target of the compiler, and what runs its programs here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// What the compiler calls it.
    triple: String,
    /// A command in front of the program: an emulator, say. Empty if programs run by themselves.
    runner: Vec<String>,
}

impl Target {
    /// The target of that name, with the runner that cargo has for it in the environment:
    /// `CARGO_TARGET_<TRIPLE>_RUNNER`, words with spaces between them.
    pub(crate) fn named(triple: &str) -> Target {
        let runner = env::var(runner_variable(triple)).unwrap_or_default();
        Target::with_runner(triple, &runner)
    }

    fn with_runner(triple: &str, runner: &str) -> Target {
        Target {
            triple: triple.to_owned(),
            runner: runner.split_whitespace().map(str::to_owned).collect(),
        }
    }

    pub(crate) fn triple(&self) -> &str {
        &self.triple
    }

    /// Whether thin libraries are made for it.
    pub(crate) fn has_thin(&self) -> bool {
        let mut parts = self.triple.split('-');
        let processor = parts.next();
        matches!(processor, Some("x86_64" | "aarch64")) && parts.any(|part| part == "linux")
    }

    /// A command that runs the program in `file`.
    pub(crate) fn command(&self, file: &Path) -> Command {
        match self.runner.split_first() {
            Some((runner, arguments)) => {
                let mut command = Command::new(runner);
                command.args(arguments).arg(file);
                command
            }
            None => Command::new(file),
        }
    }
}

/// The variable in which cargo looks for a target's runner.
fn runner_variable(triple: &str) -> String {
    let triple = triple.replace(['-', '.'], "_").to_uppercase();
    format!("CARGO_TARGET_{triple}_RUNNER")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step;

    #[test]
    fn a_runner_comes_before_the_program() {
        let target = Target::with_runner("aarch64-unknown-linux-gnu", " emulator  -L /usr/lib ");
        let command = target.command(Path::new("host"));
        assert_eq!(step::words(&command), "emulator -L /usr/lib host");
        let target = Target::with_runner("x86_64-unknown-linux-gnu", "");
        assert_eq!(step::words(&target.command(Path::new("host"))), "host");
    }

    #[test]
    fn the_runner_is_that_of_cargo() {
        assert_eq!(
            runner_variable("thumbv8m.main-none-eabi"),
            "CARGO_TARGET_THUMBV8M_MAIN_NONE_EABI_RUNNER"
        );
    }

    #[test]
    fn thin_libraries_are_for_certain_targets() {
        let has_thin = |triple| Target::with_runner(triple, "").has_thin();
        assert!(has_thin("x86_64-unknown-linux-gnu"));
        assert!(has_thin("aarch64-unknown-linux-gnu"));
        assert!(!has_thin("aarch64-apple-darwin"));
        assert!(!has_thin("riscv64gc-unknown-linux-gnu"));
    }
}
