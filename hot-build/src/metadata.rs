//! `cargo metadata`.

use std::path::Path;
use std::sync::Arc;

use cargo_metadata::{CargoOpt, Metadata, MetadataCommand};

use crate::child::{Child, ChildEvent, Pipe};
use crate::{BuildError, CancelSignal, ProgramBuild, environment, run};

/// Which packages `cargo metadata` is to tell of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Those of the workspace. Takes no network and no lock file.
    Workspace,
    /// Their dependencies too, and how they depend on each other.
    Dependencies,
}

/// Runs `cargo metadata` in `directory`.
pub(crate) fn read(directory: &Path, scope: Scope) -> Result<Metadata, BuildError> {
    read_until(directory, scope, &CancelSignal::new())
}

/// The same, until `cancel` is set: then it is killed.
pub(crate) fn read_until(
    directory: &Path,
    scope: Scope,
    cancel: &CancelSignal,
) -> Result<Metadata, BuildError> {
    let mut request = request_in(directory);
    if scope == Scope::Workspace {
        request.no_deps();
    }
    run(&request, cancel)
}

/// What the program in `directory` is made of on this computer, with its features, until `cancel` is set.
pub(crate) fn of_program(
    directory: &Path,
    program: &ProgramBuild,
    cancel: &CancelSignal,
) -> Result<Metadata, BuildError> {
    let mut request = request_in(directory);
    request.other_options(["--filter-platform".to_owned(), "host-tuple".to_owned()]);
    if !program.default_features {
        request.features(CargoOpt::NoDefaultFeatures);
    }
    let features = program.features.iter().filter(|name| *name != "default");
    request.features(CargoOpt::SomeFeatures(features.cloned().collect()));
    run(&request, cancel)
}

fn request_in(directory: &Path) -> MetadataCommand {
    let mut request = MetadataCommand::new();
    request
        .cargo_path(environment::cargo())
        .current_dir(directory);
    request
}

fn run(request: &MetadataCommand, cancel: &CancelSignal) -> Result<Metadata, BuildError> {
    let mut command = request.cargo_command();
    environment::scrub(&mut command);
    let line = run::command_line(&command);
    let program = command.get_program().to_owned();
    let mut child = Child::spawn(command)
        .map_err(|source| run::spawn_error(Path::new(&program), line.clone(), source))?;
    let killer = child.killer();
    let _watch = cancel.on_cancel(move || killer.kill());
    let broken = |source| BuildError::CommandIo {
        command: line.clone(),
        source: Arc::new(source),
    };
    let (mut text, mut message, mut status) = (String::new(), Vec::new(), None);
    while let Some(event) = child.next_event() {
        match event {
            ChildEvent::Line(Pipe::Stdout, line) => {
                text.push_str(&line);
                text.push('\n');
            }
            ChildEvent::Line(Pipe::Stderr, line) => message.push(line),
            ChildEvent::PipeEnd(_, end) => end.map_err(broken)?,
            ChildEvent::Exited(exited) => status = Some(exited.map_err(broken)?),
        }
    }
    if cancel.is_cancelled() {
        return Err(BuildError::Cancelled);
    }
    match status {
        Some(status) if status.success() => {
            MetadataCommand::parse(text).map_err(|source| BuildError::Metadata {
                command: line,
                source: Arc::new(source),
            })
        }
        Some(status) => Err(BuildError::Command {
            command: line,
            status,
            message: message.join("\n"),
            diagnostics: Vec::new(),
        }),
        None => Err(broken(std::io::Error::other(
            "it is gone without an exit status",
        ))),
    }
}
