//! Save-to-live: from just before a file is written to the first answer by which a running program
//! shows that it runs the new code, taken from outside of that program.
//!
//! Every [contestant](Contestant) has a workspace and a compiler's cache of its own with the same
//! source in it, so none profits from what another one compiled. They take turns: each round gives
//! each of them an edit that none has seen, so that whatever else the machine does hits all alike.

mod cargo_build;
mod compiler;
mod live;
mod ours;
mod phases;
mod proc_files;
mod process;
mod quoting;
mod subject;
mod workspace;

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::measurement::Measurement;
use super::{Program, Setting};
use crate::interrupt;
use subject::Subject;

pub(super) const SMALL: Program = Program {
    name: subject::SMALL.name,
    about: subject::SMALL.about,
    run: |setting| run(&subject::SMALL, setting),
};

/// How long the machine is left alone before each edit, so that what one contestant still does in the
/// background is not charged to the next.
const QUIET: Duration = Duration::from_millis(300);

/// One way to get from a saved file to new code.
trait Contestant {
    /// Makes `edition` of the source live, and returns what was measured on the way.
    fn take(&mut self, edition: u32) -> Result<Vec<Sample>>;
}

/// One number of one round.
struct Sample {
    what: String,
    unit: &'static str,
    value: f64,
}

impl Sample {
    fn milliseconds(what: impl Into<String>, took: Duration) -> Sample {
        Sample {
            what: what.into(),
            unit: "ms",
            value: took.as_secs_f64() * 1e3,
        }
    }
}

/// Measures every contestant there is with `subject`.
fn run(subject: &'static Subject, setting: &Setting) -> Result<Vec<Measurement>> {
    let mut editions = 1..;
    let mut contestants = enter(subject, setting)?;
    // The first edit of each is for its caches, and is not counted.
    for (what, contestant) in &mut contestants {
        let edition = editions.next().context("editions do not end")?;
        let took = Instant::now();
        contestant
            .take(edition)
            .with_context(|| format!("{what} did not take its first edit"))?;
        eprintln!("  {what} is warm ({:.1} s)", took.elapsed().as_secs_f64());
    }
    let mut samples = Vec::new();
    let rounds = setting.rounds.unwrap_or(subject.rounds);
    for round in 0..rounds {
        eprintln!("  round {} of {rounds}", round + 1);
        let count = contestants.len();
        // Each is the first of some rounds, and comes after each of the others in some.
        for turn in 0..count {
            interrupt::check()?;
            thread::sleep(QUIET);
            let (what, contestant) = &mut contestants[(round + turn) % count];
            let edition = editions.next().context("editions do not end")?;
            let taken = contestant.take(edition);
            samples.extend(taken.with_context(|| format!("{what} failed in round {round}"))?);
        }
    }
    summarize(subject.name, samples)
}

type Named = (&'static str, Box<dyn Contestant>);

/// Everybody who can take part, ready for the first edit.
fn enter(subject: &'static Subject, setting: &Setting) -> Result<Vec<Named>> {
    let compiler = compiler::Compiler::prepare(subject, setting).context("rustc-no-link")?;
    let cargo_build = cargo_build::CargoBuild::prepare(subject, setting).context("cargo-build")?;
    let full = ours::Ours::prepare(subject, ours::Mode::Full, setting).context("full")?;
    let thin = ours::Ours::prepare(subject, ours::Mode::Thin, setting).context("thin")?;
    Ok(vec![
        ("rustc-no-link", Box::new(compiler)),
        ("cargo-build", Box::new(cargo_build)),
        ("full", Box::new(full)),
        ("thin", Box::new(thin)),
    ])
}

/// The samples of each `what` as one measurement, in the order in which each first came.
fn summarize(program: &'static str, samples: Vec<Sample>) -> Result<Vec<Measurement>> {
    let mut series: Vec<(String, &'static str, Vec<f64>)> = Vec::new();
    for Sample { what, unit, value } in samples {
        match series.iter_mut().find(|(known, ..)| *known == what) {
            Some((_, _, values)) => values.push(value),
            None => series.push((what, unit, vec![value])),
        }
    }
    series
        .into_iter()
        .map(|(what, unit, values)| Measurement::of(program, &what, unit, values))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_one_name_are_one_measurement() {
        let sample =
            |what, milliseconds| Sample::milliseconds(what, Duration::from_millis(milliseconds));
        let samples = vec![sample("thin", 3), sample("full", 9), sample("thin", 5)];
        let measured = summarize("small", samples).expect("numbers");
        let rows: Vec<_> = measured
            .iter()
            .map(|row| (row.what.as_str(), row.median, row.runs))
            .collect();
        assert_eq!(rows, [("thin", 4.0, 2), ("full", 9.0, 1)]);
    }
}
