//! The benchmarks: programs in a scratch workspace that are built, run and measured, a file each.
//!
//! What is measured comes as [`Measurement`]s, which this prints as a table and writes as JSON. No
//! number here is a test: what must hold is asserted by the scenarios.

mod bars;
mod goals;
mod measurement;
mod micro;
mod plot;
mod reload;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};

use crate::{interrupt, repository};
use measurement::{Measurement, table};

/// Something to measure.
struct Program {
    /// What the command line calls it.
    name: &'static str,
    /// What it measures, in a sentence.
    about: &'static str,
    /// Measures it.
    run: fn(&Setting) -> Result<Vec<Measurement>>,
}

/// How the programs are measured.
struct Setting {
    /// What they are built into.
    target_dir: PathBuf,
    /// How many rounds, where the user said so.
    rounds: Option<usize>,
}

const PROGRAMS: &[Program] = &[
    reload::SMALL,
    reload::HEAVY,
    reload::LARGE,
    reload::DEPENDENCY,
    reload::scale::PROGRAM,
    micro::PROGRAM,
];

/// Prints the programs, a line each.
pub(crate) fn list() -> Result<()> {
    for program in PROGRAMS {
        println!("{:<12} {}", program.name, program.about);
    }
    Ok(())
}

/// What to measure, and where to write what comes of it.
pub(crate) struct Order<'a> {
    /// Only this program.
    pub(crate) program: Option<&'a str>,
    /// How many rounds, instead of what each program finds enough.
    pub(crate) rounds: Option<usize>,
    /// The numbers go to this file.
    pub(crate) json: Option<&'a Path>,
    /// The picture goes to this file.
    pub(crate) plot: Option<&'a Path>,
}

/// Measures what was ordered; prints tables, and writes the files.
///
/// A program that does not run to its end keeps none of the others from being measured.
///
/// # Errors
/// There is no such program, one did not run to its end, or a file cannot be written.
pub(crate) fn run(order: &Order) -> Result<()> {
    let chosen: Vec<_> = PROGRAMS
        .iter()
        .filter(|program| order.program.is_none_or(|name| program.name == name))
        .collect();
    if chosen.is_empty() {
        bail!("there is no such program; `cargo xtask bench --list` lists them");
    }
    ensure!(order.rounds != Some(0), "nothing is measured in 0 rounds");
    let setting = Setting {
        target_dir: repository::target_dir()?.join("bench"),
        rounds: order.rounds,
    };
    let mut measurements = Vec::new();
    let mut failures = Vec::new();
    for program in chosen {
        eprintln!("measuring {}: {}", program.name, program.about);
        let measured = (program.run)(&setting);
        interrupt::check()?;
        match measured {
            Ok(measured) => {
                print!("{}", report(&measured));
                measurements.extend(measured);
            }
            Err(error) => {
                eprintln!("error: {} did not run to its end: {error:#}", program.name);
                failures.push(program.name);
            }
        }
    }
    if let Some(path) = order.json {
        measurement::write_json(path, &measurements)?;
    }
    if let Some(path) = order.plot {
        plot::write(path, &measurements)?;
    }
    ensure!(
        failures.is_empty(),
        "these did not run to their end: {}",
        failures.join(", ")
    );
    Ok(())
}

/// The numbers of one program, what they should be, and where the time goes.
fn report(measured: &[Measurement]) -> String {
    let parts = [
        table(measured),
        goals::table(&goals::verdicts(measured)),
        bars::text(measured),
    ];
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    parts.map(|part| format!("{part}\n")).collect()
}
