//! Save-to-live: from just before a file is written to the first answer by which a running program
//! shows that it runs the new code, taken from outside of that program.
//!
//! Every [contestant](Contestant) has a workspace and a compiler's cache of its own with the same
//! source in it, so none profits from what another one compiled. They take turns: each round gives
//! each of them an edit that none has seen, so that whatever else the machine does hits all alike.

mod cargo_build;
mod compiler;
mod dx;
mod generated;
mod hot_lib_reloader;
mod live;
mod on_path;
mod ours;
mod phases;
mod proc_files;
mod process;
mod quiet;
mod quoting;
mod random;
pub(super) mod scale;
mod subject;
mod workspace;

use std::ops::RangeFrom;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::measurement::Measurement;
use super::{Program, Setting};
use crate::interrupt;
use random::Random;
use subject::Subject;

pub(super) const SMALL: Program = Program {
    name: subject::SMALL.name,
    about: subject::SMALL.about,
    run: |setting| run(&subject::SMALL, setting),
};

pub(super) const HEAVY: Program = Program {
    name: subject::HEAVY.name,
    about: subject::HEAVY.about,
    run: |setting| run(&subject::HEAVY, setting),
};

pub(super) const LARGE: Program = Program {
    name: subject::LARGE.name,
    about: subject::LARGE.about,
    run: |setting| run(&subject::LARGE, setting),
};

pub(super) const DEPENDENCY: Program = Program {
    name: subject::DEPENDENCY.name,
    about: subject::DEPENDENCY.about,
    run: |setting| run(&subject::DEPENDENCY, setting),
};

/// The rows in the order of the tables, each with its phases behind it.
const ROWS: [&str; 7] = [
    "rustc-no-link",
    "cargo-build",
    "full",
    "thin",
    "undo",
    "dx",
    "hot-lib-reloader",
];

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

/// A contestant among the others.
struct Entrant {
    what: &'static str,
    /// Whether it is somebody else's tool. What does not work there leaves it out, and is said.
    peer: bool,
    contestant: Box<dyn Contestant>,
}

/// Measures every contestant there is with `subject`.
fn run(subject: &'static Subject, setting: &Setting) -> Result<Vec<Measurement>> {
    let mut editions = 1..;
    let mut entrants = enter(subject, setting)?;
    // The first edit of each is for its caches, and is not counted.
    let mut warm = Vec::new();
    for mut entrant in entrants.drain(..) {
        let began = Instant::now();
        let took = entrant.take(&mut editions)?;
        if took.is_some() {
            let seconds = began.elapsed().as_secs_f64();
            eprintln!("  {} is warm ({seconds:.1} s)", entrant.what);
            warm.push(entrant);
        }
    }
    let mut samples = Vec::new();
    let mut random = Random::seeded(1);
    let rounds = setting.rounds.unwrap_or(subject.rounds);
    for round in 0..rounds {
        eprintln!("  round {} of {rounds}", round + 1);
        let mut out = Vec::new();
        // In another order each time, so that none always comes behind the same other.
        for index in random.order(warm.len()) {
            quiet::wait();
            match warm[index].take(&mut editions)? {
                Some(taken) => samples.extend(taken),
                None => out.push(index),
            }
        }
        out.sort_unstable();
        for index in out.into_iter().rev() {
            warm.remove(index);
        }
    }
    let mut measured = summarize(subject.name, samples)?;
    measured.sort_by_key(|row| {
        let what = row.what.split('/').next();
        ROWS.iter().position(|known| Some(*known) == what)
    });
    Ok(measured)
}

impl Entrant {
    /// Takes the next edition; `None` if this is a peer that did not, and is out.
    fn take(&mut self, editions: &mut RangeFrom<u32>) -> Result<Option<Vec<Sample>>> {
        interrupt::check()?;
        let edition = editions.next().context("editions do not end")?;
        let taken = self.contestant.take(edition);
        let taken = taken.with_context(|| format!("{} did not take an edit", self.what));
        match taken {
            Err(error) if self.peer => {
                interrupt::check()?;
                eprintln!("  {} is out: {error:#}", self.what);
                Ok(None)
            }
            taken => taken.map(Some),
        }
    }
}

/// Everybody who can take part, ready for the first edit.
fn enter(subject: &'static Subject, setting: &Setting) -> Result<Vec<Entrant>> {
    let own = |what, contestant| Entrant {
        what,
        peer: false,
        contestant,
    };
    let compiler = compiler::Compiler::prepare(subject, setting).context("rustc-no-link")?;
    let cargo_build = cargo_build::CargoBuild::prepare(subject, setting).context("cargo-build")?;
    let full = ours::Ours::prepare(subject, ours::Mode::Full, setting).context("full")?;
    let thin = ours::Ours::prepare(subject, ours::Mode::Thin, setting).context("thin")?;
    let mut entrants = vec![
        own("rustc-no-link", Box::new(compiler)),
        own("cargo-build", Box::new(cargo_build)),
        own("full", Box::new(full)),
        own("thin", Box::new(thin)),
    ];
    for (what, prepare) in PEERS {
        interrupt::check()?;
        match prepare(subject, setting) {
            Ok(Peer::Ready(contestant)) => entrants.push(Entrant {
                what,
                peer: true,
                contestant,
            }),
            Ok(Peer::Missing(remedy)) => eprintln!("  {what} is not measured: {remedy}"),
            Err(error) => eprintln!("  {what} is out, for it did not run the program: {error:#}"),
        }
    }
    Ok(entrants)
}

/// How somebody else's tool is brought to run a subject.
type Prepare = fn(&Subject, &Setting) -> Result<Peer>;

const PEERS: &[(&str, Prepare)] = &[
    (dx::WHAT, dx::prepare),
    (hot_lib_reloader::WHAT, hot_lib_reloader::prepare),
];

/// Somebody else's tool.
enum Peer {
    /// It runs the program.
    Ready(Box<dyn Contestant>),
    /// It is not on this machine; what to do.
    Missing(&'static str),
}

/// Whether a line is an answer of that edition.
fn is_edition(number: u32) -> impl Fn(&str) -> bool {
    let edition = subject::edition(number);
    move |line| line.starts_with("live ") && line.contains(&edition)
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
