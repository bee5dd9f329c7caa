//! Runs a recorded command of the compiler.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use crate::child::{Child, ChildEvent};
use crate::{BuildArgs, BuildError, BuildReport, Diagnostic, messages, run};

use super::RustcCommand;

/// Why the compiler made no rlib.
#[derive(Debug)]
pub(crate) enum CompileFailure {
    /// The code is not right, or the build was cancelled.
    Failed(BuildError),
    /// It has nothing to do with the code, so cargo may know better.
    AskCargo,
}

/// Repeats `command` with its output in `out_dir`, and returns the rlib.
///
/// Of a command that is not `proven` to be right nothing is reported until it succeeds: whatever it says may
/// be because of it.
pub(crate) fn compile(
    args: &BuildArgs,
    proven: bool,
    command: &RustcCommand,
    out_dir: &Path,
    replaced: &HashMap<String, PathBuf>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<PathBuf, CompileFailure> {
    if args.cancel_build.is_cancelled() {
        return Err(CompileFailure::Failed(BuildError::Cancelled));
    }
    let repeated = command.repeat(out_dir, replaced);
    let line = run::command_line(&repeated);
    args.reporter.report(BuildReport::Started {
        command: line.clone(),
    });
    let Ok(mut child) = Child::spawn(repeated) else {
        return Err(CompileFailure::AskCargo);
    };
    let killer = child.killer();
    let _watch = args.cancel_build.on_cancel(move || killer.kill());

    let source = command.source();
    let mut found = Vec::new();
    let mut status: Option<ExitStatus> = None;
    while let Some(event) = child.next_event() {
        match event {
            ChildEvent::Line(_, line) => {
                let read = messages::rustc_diagnostic(&line, &command.crate_name, &source);
                if let Some(diagnostic) = read {
                    if proven {
                        args.reporter
                            .report(BuildReport::Diagnostic(diagnostic.clone()));
                    }
                    found.push(diagnostic);
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
        Some(status) if status.success() => {
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
            Ok(out_dir.join(command.rlib_name()))
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
