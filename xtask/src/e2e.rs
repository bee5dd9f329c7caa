//! The end-to-end scenarios: a scratch workspace, a real program, real saves, and what the program
//! then says. Nothing is asserted about time.
//!
//! A scenario is a function in one of the files of `scenarios/`, and a line in its list there.

mod log;
mod project;
mod scenarios;
mod variant;

use std::time::Instant;

use anyhow::{Result, bail};

use crate::terminal::Terminal;
use crate::{interrupt, repository};
use project::Project;

/// One thing that must work, from outside.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    /// What the command line calls it.
    name: &'static str,
    /// What must hold, in a sentence.
    about: &'static str,
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

/// Runs the scenarios whose names contain `filter`, one after the other.
///
/// They share one target directory, kept between runs, so that the product is compiled once.
///
/// # Errors
/// Some scenario failed (each is printed as it fails, with all that its programs wrote), or the
/// filter fits none.
pub(crate) fn run(filter: Option<&str>) -> Result<()> {
    let (chosen, others): (Vec<_>, Vec<_>) = scenarios::all()
        .into_iter()
        .partition(|scenario| filter.is_none_or(|filter| scenario.name.contains(filter)));
    if chosen.is_empty() {
        bail!("no scenario has that in its name; `cargo xtask e2e --list` lists them");
    }
    let terminal = Terminal::stdout();
    let target_dir = repository::target_dir()?.join("e2e");
    let began = Instant::now();
    let mut failed = Vec::new();
    let mut skipped = 0;
    println!("running {} scenarios", chosen.len());
    for scenario in &chosen {
        interrupt::check()?;
        let began = Instant::now();
        let project = Project::create(scenario.name, &target_dir)?;
        let outcome = (scenario.run)(&project);
        interrupt::check()?;
        let took = began.elapsed().as_secs_f64();
        match outcome {
            Ok(Verdict::Passed) => {
                println!(
                    "test {} ... {} ({took:.1}s)",
                    scenario.name,
                    terminal.green("ok")
                );
            }
            Ok(Verdict::Skipped(reason)) => {
                skipped += 1;
                let ignored = terminal.yellow("ignored");
                println!("test {} ... {ignored}: {reason}", scenario.name);
            }
            Err(error) => {
                failed.push(scenario.name);
                println!(
                    "test {} ... {} ({took:.1}s)",
                    scenario.name,
                    terminal.red("FAILED")
                );
                println!(
                    "{error:#}\n---- everything, in order ----\n{}----",
                    project.log()
                );
            }
        }
    }
    let verdict = if failed.is_empty() {
        terminal.green("ok")
    } else {
        terminal.red("FAILED")
    };
    println!(
        "\ntest result: {verdict}. {} passed; {} failed; {skipped} ignored; 0 measured; {} filtered \
         out; finished in {:.1}s\n",
        chosen.len() - failed.len() - skipped,
        failed.len(),
        others.len(),
        began.elapsed().as_secs_f64(),
    );
    if !failed.is_empty() {
        bail!("these scenarios failed: {}", failed.join(", "));
    }
    Ok(())
}
