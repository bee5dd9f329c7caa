//! Builds a hot crate by running a command: `make`, a script, another build system. Copy it, and change what your
//! build needs.
//!
//! It knows where the library will be, because it is told. What the command writes is told as progress, line by line,
//! and cancelling kills the command with everything that it started.

mod process;

use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use hot_build::{Artifact, Build, BuildArgs, BuildError, BuildReport, BuildResult, Rebuilder};
use process::Process;

/// Builds one hot crate with a command.
///
/// ```
/// use command_builder::CommandBuilder;
/// use std::process::Command;
///
/// // To be given to `HOT_RELOAD.rebuilder(..)`.
/// let builder = CommandBuilder::new("scene", "target/debug/libscene.so", |_args| {
///     let mut make = Command::new("make");
///     make.arg("scene");
///     make
/// });
/// ```
pub struct CommandBuilder {
    package: String,
    library: PathBuf,
    command: Box<dyn Fn(&BuildArgs) -> Command + Send + Sync>,
}

impl CommandBuilder {
    /// Builds the hot crate `package` by the command that `command` makes for each build, which leaves the new
    /// library at `library`. Other crates are left to the next rebuilder.
    pub fn new(
        package: impl Into<String>,
        library: impl Into<PathBuf>,
        command: impl Fn(&BuildArgs) -> Command + Send + Sync + 'static,
    ) -> CommandBuilder {
        CommandBuilder {
            package: package.into(),
            library: library.into(),
            command: Box::new(command),
        }
    }
}

impl Rebuilder for CommandBuilder {
    fn rebuild(&self, args: &BuildArgs) -> Option<Build> {
        if args.hot_crate.package.as_ref() != Some(&self.package) {
            return None;
        }
        let command = (self.command)(args);
        let library = self.library.clone();
        // Build::spawn runs it on a thread of its own, and sets the cancel signal when the build is dropped as well.
        Some(Build::spawn(args, move |args| run(args, command, library)))
    }
}

fn run(args: &BuildArgs, mut command: Command, library: PathBuf) -> BuildResult {
    let started = Instant::now();
    let line = format!("{command:?}");
    args.reporter.report(BuildReport::Started {
        command: line.clone(),
    });
    let lost = |source| BuildError::CommandIo {
        command: line.clone(),
        source: Arc::new(source),
    };

    // One pipe for both outputs keeps their lines in order.
    let (output, input) = io::pipe().map_err(lost)?;
    command.stdin(Stdio::null());
    command.stdout(input.try_clone().map_err(lost)?);
    command.stderr(input);
    let process = Process::spawn(command).map_err(|source| BuildError::Spawn {
        command: line.clone(),
        source: Arc::new(source),
    })?;
    let killer = process.killer();
    // Called at the moment when the signal is set, at once if it is set already.
    let _watch = args.cancel_build.on_cancel(move || killer.kill());

    let mut said = String::new();
    for text in BufReader::new(output).split(b'\n') {
        let text = String::from_utf8_lossy(&text.map_err(lost)?).into_owned();
        said.push_str(&text);
        said.push('\n');
        args.reporter.report(BuildReport::Line(text));
    }
    let status = process.wait().map_err(lost)?;

    if args.cancel_build.is_cancelled() {
        Err(BuildError::Cancelled)
    } else if !status.success() {
        Err(BuildError::Command {
            command: line,
            status,
            message: said,
            diagnostics: Vec::new(),
        })
    } else {
        let mut artifact = Artifact::new(library);
        artifact.duration = started.elapsed();
        Ok(artifact)
    }
}

#[cfg(test)]
mod tests;
