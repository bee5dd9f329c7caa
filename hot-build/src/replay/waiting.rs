//! A compiler that is started before there is anything to compile.
//!
//! To load the compiler and have its libraries relocated takes the system some 15 milliseconds, a tenth of a small
//! crate's time. It reads its arguments from a file if it is asked to, and does so before all else; that file is a
//! pipe, so it is loaded and then waits for as long as nobody writes there.

use std::ffi::{OsStr, OsString};
use std::io::{self, PipeReader, PipeWriter, Write};
use std::path::PathBuf;
use std::process::Command;

use crate::child::Child;

use super::RustcCommand;

#[cfg_attr(unix, path = "waiting/unix.rs")]
#[cfg_attr(not(unix), path = "waiting/other.rs")]
mod system;

/// A compiler that runs, and waits for its arguments. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct WaitingCompiler {
    surroundings: Surroundings,
    child: Child,
    writer: PipeWriter,
    /// As long as somebody could read, writing does no harm, even if the compiler is gone.
    _reader: PipeReader,
}

impl WaitingCompiler {
    /// Starts the compiler for runs like `command`. `None` where it cannot wait; why it cannot be started says the run.
    pub(crate) fn start(command: &RustcCommand) -> Option<Self> {
        if !command.may_wait() {
            return None;
        }
        let mut command = command.without_arguments();
        let surroundings = Surroundings::of(&command);
        command.arg(system::ARGUMENTS_FROM_INPUT?);
        let (reader, writer) = io::pipe().ok()?;
        let input = reader.try_clone().ok()?;
        Some(Self {
            surroundings,
            child: Child::spawn_with_input(command, input.into()).ok()?,
            writer,
            _reader: reader,
        })
    }

    /// Has it run `command`, if that is a run of this compiler here and now. Else the compiler is ended.
    pub(crate) fn run(mut self, command: &Command) -> Option<Child> {
        if self.surroundings != Surroundings::of(command) {
            return None;
        }
        let text = lines(command.get_args())?;
        // Longer ones wait for a reader, and there may be none any more.
        if text.len() > system::capacity(&self.writer) {
            return None;
        }
        self.writer.write_all(text.as_bytes()).ok()?;
        // Its arguments end where the writer does.
        Some(self.child)
    }
}

/// What a process gets from whoever starts it, beside its arguments.
#[derive(Debug, PartialEq, Eq)]
struct Surroundings {
    program: OsString,
    directory: Option<PathBuf>,
    /// Which directory that is. One that was made anew is another one, and the process stays in the old one.
    directory_file: Option<system::FileId>,
    /// What the system allows it.
    limits: Vec<system::Rlimit>,
    /// What the command changes of this process's variables.
    changes: Vec<(OsString, Option<OsString>)>,
    /// This process's variables.
    variables: Vec<(OsString, OsString)>,
}

impl Surroundings {
    fn of(command: &Command) -> Self {
        let directory = command.get_current_dir();
        Self {
            program: command.get_program().to_owned(),
            directory_file: directory.and_then(|directory| system::file_id(directory).ok()),
            directory: directory.map(Into::into),
            limits: system::limits(),
            changes: command
                .get_envs()
                .map(|(name, value)| (name.to_owned(), value.map(OsStr::to_owned)))
                .collect(),
            variables: std::env::vars_os().collect(),
        }
    }
}

/// The arguments as a file of arguments has them: one a line, nothing quoted. `None` if one cannot be written so.
fn lines<'a>(arguments: impl Iterator<Item = &'a OsStr>) -> Option<String> {
    let mut text = String::new();
    for argument in arguments {
        let argument = argument.to_str()?;
        if argument.contains(['\n', '\r']) {
            return None;
        }
        text.push_str(argument);
        text.push('\n');
    }
    Some(text)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::child::ChildEvent;
    use std::path::Path;

    /// Cargo's command line for a crate in `directory`.
    fn command_in(directory: &Path) -> RustcCommand {
        let directory = directory.display();
        let shown = format!(
            "CARGO_MANIFEST_DIR='{directory}' rustc --crate-name scene --edition=2024 src/lib.rs --crate-type lib \
             --emit=metadata --out-dir '{directory}/out'",
        );
        RustcCommand::parse(&shown).expect("a run of rustc")
    }

    fn status(mut child: Child) -> std::process::ExitStatus {
        loop {
            match child.next_event().expect("it ends with its status") {
                ChildEvent::Exited(status) => break status.expect("it has one"),
                ChildEvent::Line(..) | ChildEvent::PipeEnd(..) => {}
            }
        }
    }

    fn crate_with(source: &str) -> tempfile::TempDir {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(directory.path().join("src")).expect("a directory");
        std::fs::write(directory.path().join("src/lib.rs"), source).expect("a file");
        directory
    }

    fn run_of(command: &RustcCommand, directory: &Path) -> Command {
        let place = crate::replay::Workplace::below(directory);
        command.repeat(&place, &Default::default(), crate::replay::Wanted::Rlib)
    }

    #[test]
    fn it_compiles_what_is_there_when_it_is_told_to() {
        let directory = crate_with("not yet Rust");
        let command = command_in(directory.path());
        let waiting = WaitingCompiler::start(&command).expect("it waits");
        std::fs::write(directory.path().join("src/lib.rs"), "pub fn f() {}").expect("a file");
        let child = waiting.run(&run_of(&command, directory.path()));
        assert!(status(child.expect("the same surroundings")).success());
        assert!(directory.path().join("out/libscene.rmeta").is_file());
    }

    #[test]
    fn it_runs_nothing_that_would_run_elsewhere() {
        let (here, there) = (crate_with(""), crate_with(""));
        let command = command_in(here.path());
        let other = command_in(there.path());
        let waiting = WaitingCompiler::start(&command).expect("it waits");
        assert!(waiting.run(&run_of(&other, there.path())).is_none());

        // A directory of the same name, which is another one.
        let waiting = WaitingCompiler::start(&command).expect("it waits");
        let moved = there.path().join("moved");
        std::fs::rename(here.path(), &moved).expect("it can be moved");
        std::fs::create_dir(here.path()).expect("it can be made anew");
        assert!(waiting.run(&run_of(&command, here.path())).is_none());
    }

    #[test]
    fn a_wrapper_is_not_kept_waiting() {
        let shown = "CARGO_MANIFEST_DIR=/w sccache /t/bin/rustc --crate-name scene src/lib.rs";
        let command = RustcCommand::parse(shown).expect("a run of rustc");
        assert!(WaitingCompiler::start(&command).is_none());
    }

    #[test]
    fn an_argument_of_two_lines_cannot_be_told() {
        let told = |words: &[&str]| lines(words.iter().map(OsStr::new));
        assert_eq!(
            told(&["--cfg", "", "a b"]).as_deref(),
            Some("--cfg\n\na b\n")
        );
        assert_eq!(told(&["a\nb"]), None);
    }
}
