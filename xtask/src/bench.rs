//! The benchmarks: programs in a scratch workspace that are built, run and measured, a file each.
//!
//! What is measured comes as [`Measurement`]s, which this prints as a table and writes as JSON. No
//! number here is a test: what must hold is asserted by the scenarios.

mod measurement;
mod micro;
mod reload;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

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

const PROGRAMS: &[Program] = &[reload::SMALL, micro::PROGRAM];

/// Prints the programs, a line each.
pub(crate) fn list() -> Result<()> {
    for program in PROGRAMS {
        println!("{:<12} {}", program.name, program.about);
    }
    Ok(())
}

/// Runs the program of that name, or all of them; prints a table, and writes the numbers to `json`.
///
/// # Errors
/// There is no such program, one did not run to its end, or `json` cannot be written.
pub(crate) fn run(name: Option<&str>, json: Option<&Path>, rounds: Option<usize>) -> Result<()> {
    let chosen: Vec<_> = PROGRAMS
        .iter()
        .filter(|program| name.is_none_or(|name| program.name == name))
        .collect();
    if chosen.is_empty() {
        bail!("there is no such program; `cargo xtask bench --list` lists them");
    }
    let setting = Setting {
        target_dir: repository::target_dir()?.join("bench"),
        rounds,
    };
    let mut measurements = Vec::new();
    for program in chosen {
        interrupt::check()?;
        eprintln!("measuring {}: {}", program.name, program.about);
        let measured = (program.run)(&setting)
            .with_context(|| format!("the program {} did not run to its end", program.name))?;
        print!("{}", table(&measured));
        measurements.extend(measured);
    }
    if let Some(path) = json {
        measurement::write_json(path, &measurements)?;
    }
    Ok(())
}
