//! `cargo metadata`.

use std::path::Path;
use std::sync::Arc;

use cargo_metadata::{Metadata, MetadataCommand};

use crate::{BuildError, environment, run};

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
    let mut request = MetadataCommand::new();
    request
        .cargo_path(environment::cargo())
        .current_dir(directory);
    if scope == Scope::Workspace {
        request.no_deps();
    }
    let mut command = request.cargo_command();
    environment::scrub(&mut command);
    let line = run::command_line(&command);
    let output = command.output().map_err(|source| {
        run::spawn_error(Path::new(command.get_program()), line.clone(), source)
    })?;
    if !output.status.success() {
        return Err(BuildError::Command {
            command: line,
            status: output.status,
            message: String::from_utf8_lossy(&output.stderr)
                .trim_end()
                .to_owned(),
            diagnostics: Vec::new(),
        });
    }
    let text = String::from_utf8_lossy(&output.stdout);
    MetadataCommand::parse(text).map_err(|source| BuildError::Metadata {
        command: line,
        source: Arc::new(source),
    })
}
