//! The end-to-end scenarios: a scratch workspace, a real program, real saves, and what the program
//! then says. Nothing is asserted about time.
//!
//! A scenario is a function in one of the files of `scenarios/`, and a line in its list there. It runs
//! once for each [`Mode`] of linking new code, and the two modes run side by side.

mod codes;
mod gate;
mod log;
mod mode;
mod project;
mod scenarios;
mod variant;

use codes::Codes;
pub(crate) use log::Log;
pub(crate) use mode::Mode;

use std::panic::resume_unwind;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::target::Target;
use crate::terminal::Terminal;
use crate::{interrupt, repository};
use mode::Modes;
use project::Project;

/// One thing that must work, from outside.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    /// What the command line calls it.
    name: &'static str,
    /// What must hold, in a sentence.
    about: &'static str,
    /// How new code is linked when it runs.
    modes: Modes,
    run: fn(&Project) -> Result<Verdict>,
}

/// How a scenario ended that did not fail.
pub(crate) enum Verdict {
    /// All of it held.
    Passed,
    /// It cannot be tried on this machine, and why.
    Skipped(String),
}

/// Prints the scenarios, a line each.
pub(crate) fn list() -> Result<()> {
    for scenario in scenarios::all() {
        println!("{:<28} {}", scenario.name, scenario.about);
    }
    Ok(())
}

/// Runs the scenarios whose names contain one of `filters`, or all if there is none, in `mode`: `full`,
/// `thin`, or `both`, which is meant by none. With a `target`, programs are built for that, and run by its runner.
///
/// Those of one mode run one after the other, and share one target directory, kept between runs, so
/// that the product is compiled once. Both modes run at the same time, for a scenario mostly waits for
/// one compiler.
///
/// # Errors
/// Some scenario failed (each is printed as it fails, with all that its programs wrote), the filters fit
/// none, or there is no such mode.
pub(crate) fn run(filters: &[String], mode: Option<&str>, target: Option<&str>) -> Result<()> {
    let target = target.map(Target::named);
    let modes = Mode::asked_for(mode)?;
    let (chosen, others): (Vec<_>, Vec<_>) = scenarios::all().into_iter().partition(|scenario| {
        let mut filters = filters.iter();
        filters.len() == 0 || filters.any(|filter| scenario.name.contains(filter))
    });
    if chosen.is_empty() {
        bail!("no scenario has that in its name; `cargo xtask e2e --list` lists them");
    }
    let target_dir = repository::target_dir()?.join("e2e");
    let began = Instant::now();
    let tally = Tally::new();
    println!("running {} scenarios", chosen.len() * modes.len());
    thread::scope(|scope| {
        let runs: Vec<_> = modes
            .iter()
            .map(|mode| {
                let target_dir = target_dir.join(mode.to_string());
                let (chosen, tally, target) = (&chosen, &tally, target.as_ref());
                scope.spawn(move || run_all(chosen, *mode, &target_dir, target, tally))
            })
            .collect();
        runs.into_iter()
            .try_for_each(|run| run.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })?;
    let whole = others.is_empty() && modes == Mode::ALL;
    tally.finish(others.len() * modes.len(), whole, began)
}

/// Runs the scenarios in one mode, one after the other. Fails if it was interrupted, or could not begin.
fn run_all(
    chosen: &[Scenario],
    mode: Mode,
    target_dir: &Path,
    target: Option<&Target>,
    tally: &Tally,
) -> Result<()> {
    for scenario in chosen {
        interrupt::check()?;
        let name = format!("{}/{mode}", scenario.name);
        if let Some(reason) = mode
            .unavailable(target)
            .or_else(|| scenario.modes.exclude(mode))
        {
            tally.skipped(&name, reason);
            continue;
        }
        let began = Instant::now();
        let project = Project::create(scenario.name, mode, target_dir, target)?;
        let outcome = (scenario.run)(&project).and_then(|verdict| {
            if let Verdict::Passed = verdict {
                project.libraries().check(scenario.modes, mode)?;
            }
            Ok(verdict)
        });
        interrupt::check()?;
        tally.codes.hear(&project.log().to_string());
        match outcome {
            Ok(Verdict::Passed) => tally.passed(&name, began),
            Ok(Verdict::Skipped(reason)) => {
                tally.skipped(&name, &reason);
                tally.count(|counts| counts.untried += 1);
            }
            Err(error) => tally.failed(&name, began, &error, &project),
        }
    }
    Ok(())
}

/// What came of the scenarios so far. It prints each as it ends.
struct Tally {
    terminal: Terminal,
    codes: Codes,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    passed: usize,
    skipped: usize,
    /// How many of those cannot be tried on this machine.
    untried: usize,
    failed: Vec<String>,
}

impl Tally {
    fn new() -> Tally {
        Tally {
            terminal: Terminal::stdout(),
            codes: Codes::default(),
            counts: Mutex::default(),
        }
    }

    fn passed(&self, name: &str, began: Instant) {
        let ok = self.terminal.green("ok");
        self.count(|counts| {
            counts.passed += 1;
            println!("test {name} ... {ok} ({:.1}s)", seconds_since(began));
        });
    }

    fn skipped(&self, name: &str, reason: &str) {
        let ignored = self.terminal.yellow("ignored");
        self.count(|counts| {
            counts.skipped += 1;
            println!("test {name} ... {ignored}: {reason}");
        });
    }

    fn failed(&self, name: &str, began: Instant, error: &anyhow::Error, project: &Project) {
        let failed = self.terminal.red("FAILED");
        self.count(|counts| {
            counts.failed.push(name.to_owned());
            println!(
                "test {name} ... {failed} ({:.1}s)\n{error:#}\n---- everything, in order ----\n{}----",
                seconds_since(began),
                project.log()
            );
        });
    }

    /// Changes the counts and prints, while nobody else does.
    fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Prints the sums, and fails if a scenario did, or if codes were not shown that should have been by a
    /// `whole` run.
    fn finish(self, filtered_out: usize, whole: bool, began: Instant) -> Result<()> {
        let counts = self
            .counts
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let Counts {
            passed,
            skipped,
            untried,
            failed,
        } = counts;
        let verdict = if failed.is_empty() {
            self.terminal.green("ok")
        } else {
            self.terminal.red("FAILED")
        };
        println!(
            "\ntest result: {verdict}. {passed} passed; {} failed; {skipped} ignored; 0 measured; \
             {filtered_out} filtered out; finished in {:.1}s\n",
            failed.len(),
            seconds_since(began),
        );
        if !failed.is_empty() {
            bail!("these scenarios failed: {}", failed.join(", "));
        }
        self.codes.check(whole && untried == 0)
    }
}

fn seconds_since(began: Instant) -> f64 {
    began.elapsed().as_secs_f64()
}
