//! Runs a recorded command of the compiler.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use crate::child::{Child, ChildEvent, Killer};
use crate::{BuildArgs, BuildError, BuildReport, CancelWatch, Diagnostic, messages, run};

use super::{RustcCommand, WaitingCompiler, Workplace};

/// What a run of the compiler is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The rlib alone. A dynamic library is not linked.
    Rlib,
    /// The rlib and the dynamic library.
    Library,
}

/// A run of the compiler to be made.
#[derive(Debug)]
pub(crate) struct Compilation<'a> {
    pub(crate) args: &'a BuildArgs,
    /// What to repeat.
    pub(crate) command: &'a RustcCommand,
    /// Where to write.
    pub(crate) place: &'a Workplace,
    /// Crates to take from elsewhere, by the names of their files.
    pub(crate) replaced: &'a HashMap<String, PathBuf>,
    pub(crate) wanted: Wanted,
    /// Whether the command is known to be right. Of another one nothing is reported until it succeeds: whatever
    /// it says may be because of it.
    pub(crate) is_proven: bool,
}

/// Why the compiler did not make what was wanted.
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
    /// The run, which goes on.
    pub(crate) ending: Ending,
}

/// A compiler that has made its rlib, and links a dynamic library now, or does what is of no interest here:
/// cleaning up, which is a fifth of its time. Dropping it waits for the end, after which its
/// directory is free for the next run. Cancelling the build kills it.
#[derive(Debug)]
pub(crate) struct Ending {
    run: Run,
    wanted: Wanted,
    _watch: CancelWatch,
}

impl Compilation<'_> {
    /// Runs the compiler until the rlib is there. `waiting` may be one that is loaded already.
    pub(crate) fn run(
        &self,
        waiting: Option<WaitingCompiler>,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Result<Compiled, CompileFailure> {
        if self.args.cancel_build.is_cancelled() {
            return Err(CompileFailure::Failed(BuildError::Cancelled));
        }
        let repeated = (self.command).repeat(self.place, self.replaced, self.wanted);
        let line = run::command_line(&repeated);
        self.args.reporter.report(BuildReport::Started {
            command: line.clone(),
        });
        if let Some(child) = waiting.and_then(|waiting| waiting.run(&repeated)) {
            match self.listen(child, line.clone(), diagnostics) {
                // It may have ended while it waited. What one says that is started for this alone is what counts.
                Err(CompileFailure::AskCargo) => {}
                result => return result,
            }
        }
        match Child::spawn(repeated) {
            Ok(child) => self.listen(child, line, diagnostics),
            Err(_) => Err(CompileFailure::AskCargo),
        }
    }

    /// Listens to a compiler until the rlib is there.
    fn listen(
        &self,
        child: Child,
        line: String,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Result<Compiled, CompileFailure> {
        let Self {
            args,
            command,
            place,
            is_proven,
            ..
        } = *self;
        let killer = child.killer();
        let watch = args.cancel_build.on_cancel(move || killer.kill());

        let rlib = place.out_dir.join(command.rlib_name());
        let mut run = Run {
            child,
            line,
            crate_name: command.crate_name.clone(),
            source: command.source(),
            found: Vec::new(),
            told: 0,
            status: None,
        };
        let is_rlib = |file: &Path| file == rlib;
        let made = run.until(args, is_proven, is_rlib);
        let is_done = made.is_some() || run.status.is_some_and(|status| status.success());
        run.check(args, is_done, is_proven, diagnostics)?;
        args.reporter.report(BuildReport::Compiled {
            target: command.crate_name.clone(),
            fresh: false,
            done: 1,
        });
        let ending = Ending {
            run,
            wanted: self.wanted,
            _watch: watch,
        };
        Ok(Compiled { rlib, ending })
    }
}

impl Ending {
    /// Waits until the dynamic library is linked, if that was [wanted](Wanted::Library), and returns it.
    pub(crate) fn library(
        &mut self,
        args: &BuildArgs,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Result<PathBuf, CompileFailure> {
        debug_assert_eq!(self.wanted, Wanted::Library);
        // The command has proven to be right by the rlib.
        let made = self.run.until(args, true, run::is_dynamic_library);
        self.run.check(args, made.is_some(), true, diagnostics)?;
        made.ok_or(CompileFailure::AskCargo)
    }

    /// Kills the compiler, for nobody needs what it still makes. What it remembers is safe by now.
    pub(crate) fn kill(&self) {
        self.run.killer().kill();
    }
}

/// A compiler that runs, and what it said.
#[derive(Debug)]
struct Run {
    child: Child,
    line: String,
    crate_name: String,
    source: PathBuf,
    found: Vec<Diagnostic>,
    /// How many of those were reported.
    told: usize,
    status: Option<ExitStatus>,
}

impl Run {
    /// Listens until it has made a file that `is_it`, and returns that; `None` if it came to its end before.
    fn until(
        &mut self,
        args: &BuildArgs,
        is_proven: bool,
        is_it: impl Fn(&Path) -> bool,
    ) -> Option<PathBuf> {
        while let Some(event) = self.child.next_event() {
            let line = match event {
                ChildEvent::Line(_, line) => line,
                ChildEvent::PipeEnd(..) => continue,
                ChildEvent::Exited(exited) => {
                    self.status = exited.ok();
                    continue;
                }
            };
            let diagnostic = messages::rustc_diagnostic(&line, &self.crate_name, &self.source);
            if let Some(diagnostic) = diagnostic {
                self.found.push(diagnostic);
                if is_proven {
                    self.tell(args);
                }
                continue;
            }
            let made = messages::rustc_artifact(&line);
            if let Some(made) = made.filter(|made| is_it(made)) {
                return Some(made);
            }
        }
        None
    }

    /// Whether it `is_done`, or else why not. What it said is taken into `diagnostics`.
    fn check(
        &mut self,
        args: &BuildArgs,
        is_done: bool,
        is_proven: bool,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Result<(), CompileFailure> {
        if args.cancel_build.is_cancelled() {
            return Err(CompileFailure::Failed(BuildError::Cancelled));
        }
        if is_done {
            self.tell(args);
            diagnostics.append(&mut self.found);
            self.told = 0;
            return Ok(());
        }
        match self.status {
            Some(status) if is_proven && is_about_the_code(&self.found) => {
                diagnostics.append(&mut self.found);
                Err(CompileFailure::Failed(BuildError::Command {
                    command: self.line.clone(),
                    status,
                    message: String::new(),
                    diagnostics: std::mem::take(diagnostics),
                }))
            }
            _ => Err(CompileFailure::AskCargo),
        }
    }

    /// Reports what was not reported yet.
    fn tell(&mut self, args: &BuildArgs) {
        for diagnostic in &self.found[self.told..] {
            let report = BuildReport::Diagnostic(diagnostic.clone());
            args.reporter.report(report);
        }
        self.told = self.found.len();
    }

    fn killer(&self) -> Killer {
        self.child.killer()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // How it ends changes nothing: what was wanted of it is there, and so is the incremental cache.
        while self.child.next_event().is_some() {}
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
