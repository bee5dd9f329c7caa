//! Runs a recorded command of the compiler.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitStatus;

use crate::child::{Child, ChildEvent};
use crate::{BuildArgs, BuildError, BuildReport, CancelWatch, Diagnostic, messages, run};

use super::{RustcCommand, Workplace};

/// Why the compiler made no rlib.
#[derive(Debug)]
pub(crate) enum CompileFailure {
    /// The code is not right, or the build was cancelled.
    Failed(BuildError),
    /// It has nothing to do with the code, so cargo may know better.
    AskCargo,
}

/// What a run of the compiler made.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// The rlib. It is whole.
    pub(crate) rlib: PathBuf,
    /// The run, which comes to its end.
    pub(crate) ending: Ending,
}

/// A compiler that has made its rlib and does what is of no interest here: a dynamic library that nobody
/// links, and cleaning up, which is a fifth of its time. Dropping it waits for the end, after which its
/// directory is free for the next run. Cancelling the build kills it.
#[derive(Debug)]
pub(crate) struct Ending {
    child: Child,
    _watch: CancelWatch,
}

impl Drop for Ending {
    fn drop(&mut self) {
        // How it ends changes nothing: the rlib is there, and so is the incremental cache.
        while self.child.next_event().is_some() {}
    }
}

/// Repeats `command` in `place`, until the rlib is there.
///
/// Of a command that is not `proven` to be right nothing is reported until it succeeds: whatever it says may
/// be because of it.
pub(crate) fn compile(
    args: &BuildArgs,
    proven: bool,
    command: &RustcCommand,
    place: &Workplace,
    replaced: &HashMap<String, PathBuf>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<Compiled, CompileFailure> {
    if args.cancel_build.is_cancelled() {
        return Err(CompileFailure::Failed(BuildError::Cancelled));
    }
    let repeated = command.repeat(place, replaced);
    let line = run::command_line(&repeated);
    args.reporter.report(BuildReport::Started {
        command: line.clone(),
    });
    let Ok(mut child) = Child::spawn(repeated) else {
        return Err(CompileFailure::AskCargo);
    };
    let killer = child.killer();
    let watch = args.cancel_build.on_cancel(move || killer.kill());

    let rlib = place.out_dir.join(command.rlib_name());
    let source = command.source();
    let mut found = Vec::new();
    let mut is_made = false;
    let mut status: Option<ExitStatus> = None;
    while !is_made && let Some(event) = child.next_event() {
        match event {
            ChildEvent::Line(_, line) => {
                if let Some(diagnostic) =
                    messages::rustc_diagnostic(&line, &command.crate_name, &source)
                {
                    if proven {
                        args.reporter
                            .report(BuildReport::Diagnostic(diagnostic.clone()));
                    }
                    found.push(diagnostic);
                } else {
                    is_made = messages::rustc_artifact(&line).is_some_and(|file| file == rlib);
                }
            }
            ChildEvent::PipeEnd(..) => {}
            ChildEvent::Exited(exited) => status = exited.ok(),
        }
    }
    if args.cancel_build.is_cancelled() {
        return Err(CompileFailure::Failed(BuildError::Cancelled));
    }
    match status {
        _ if is_made || status.is_some_and(|status| status.success()) => {
            for diagnostic in found.iter().filter(|_| !proven) {
                args.reporter
                    .report(BuildReport::Diagnostic(diagnostic.clone()));
            }
            diagnostics.extend(found);
            args.reporter.report(BuildReport::Compiled {
                target: command.crate_name.clone(),
                fresh: false,
                done: 1,
            });
            let ending = Ending {
                child,
                _watch: watch,
            };
            Ok(Compiled { rlib, ending })
        }
        Some(status) if proven && is_about_the_code(&found) => {
            diagnostics.extend(found);
            Err(CompileFailure::Failed(BuildError::Command {
                command: line,
                status,
                message: String::new(),
                diagnostics: std::mem::take(diagnostics),
            }))
        }
        _ => Err(CompileFailure::AskCargo),
    }
}

/// Whether the errors are about the code, rather than about compiled crates that are missing, or not the
/// ones that the compiler expected.
fn is_about_the_code(found: &[Diagnostic]) -> bool {
    const ABOUT_CRATES: [&str; 8] = [
        "E0457", "E0460", "E0461", "E0462", "E0463", "E0464", "E0514", "E0786",
    ];
    let mut errors = found
        .iter()
        .filter(|diagnostic| diagnostic.level.is_error())
        .peekable();
    errors.peek().is_some()
        && !errors.any(|error| {
            error
                .code
                .as_deref()
                .is_some_and(|code| ABOUT_CRATES.contains(&code))
        })
}
