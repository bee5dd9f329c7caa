//! The two modes of linking new code, and the proof that a scenario saw the one that it ran for.
//!
//! Where a thin library cannot be had a program takes a full one, and runs on. A scenario would not
//! notice: so what each build tells of its library is held against what was expected.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, bail, ensure};

use crate::target::Target;

/// How the libraries of a scenario's programs are linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Each stands for itself.
    Full,
    /// Against the running program.
    Thin,
}

impl Mode {
    pub(crate) const ALL: [Mode; 2] = [Mode::Full, Mode::Thin];

    /// The modes that a command line asks for: one by its name, or both.
    ///
    /// # Errors
    /// There is no mode of that name.
    pub(crate) fn asked_for(name: Option<&str>) -> Result<Vec<Mode>> {
        match name {
            Some("full") => Ok(vec![Mode::Full]),
            Some("thin") => Ok(vec![Mode::Thin]),
            None | Some("both") => Ok(Mode::ALL.to_vec()),
            Some(other) => bail!("there is no mode `{other}`; there are `full`, `thin` and `both`"),
        }
    }

    /// What `HOT_LINKING` is set to. A thin run leaves the choice to the program, as its user does, so
    /// that what is wrongly taken for impossible shows as a full library.
    pub(crate) fn variable(self) -> &'static str {
        match self {
            Mode::Full => "full",
            Mode::Thin => "auto",
        }
    }

    /// Why there are no such libraries for the target, or on this machine, if so.
    pub(crate) fn unavailable(self, target: Option<&Target>) -> Option<&'static str> {
        let is_thin = self == Mode::Thin;
        let has_thin = match target {
            Some(target) => target.has_thin(),
            None => cfg!(all(
                target_os = "linux",
                any(target_arch = "x86_64", target_arch = "aarch64")
            )),
        };
        (is_thin && !has_thin)
            .then_some("thin libraries are made for Linux on x86-64 and aarch64 only")
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mode::Full => "full",
            Mode::Thin => "thin",
        })
    }
}

/// In which modes a scenario is run.
#[derive(Clone, Copy)]
pub(crate) enum Modes {
    /// In both.
    Both,
    /// In one, for in the other it would say nothing: and why.
    Only(Mode, &'static str),
    /// Its programs load no library, so that one run says all: and why.
    NoLibrary(&'static str),
}

impl Modes {
    /// Why the scenario is not run in this mode, if so.
    pub(crate) fn exclude(self, mode: Mode) -> Option<&'static str> {
        match self {
            Modes::Only(only, reason) if only != mode => Some(reason),
            Modes::NoLibrary(reason) if mode != Mode::Full => Some(reason),
            _ => None,
        }
    }
}

/// What the builds of a scenario told of their libraries. Clones are the same record.
#[derive(Clone, Default)]
pub(crate) struct Libraries(Arc<Mutex<Record>>);

#[derive(Default)]
struct Record {
    /// How each was linked, as its event says in brackets.
    linked: Vec<String>,
    /// What full libraries are expected to say in a thin run, and how many did.
    expected: Vec<(String, usize)>,
}

impl Libraries {
    /// Notes the library if `line` is the event of one.
    pub(crate) fn hear(&self, line: &str) {
        let Some((_, linked)) = line.split_once(": built in ") else {
            return;
        };
        let linked = linked.split_once('(').map_or(linked, |(_, linked)| linked);
        self.with(|record| record.linked.push(linked.to_owned()));
    }

    /// From now on a library of a thin run may be full if its event says `reason` in brackets, and at
    /// least one is.
    pub(crate) fn expect_full(&self, reason: &str) {
        self.with(|record| {
            if !record.expected.iter().any(|(known, _)| known == reason) {
                record.expected.push((reason.to_owned(), 0));
            }
        });
    }

    /// That each library was linked as `mode` says, except the expected ones, and that there were any
    /// if the scenario needs some.
    pub(crate) fn check(&self, modes: Modes, mode: Mode) -> Result<()> {
        self.with(|record| {
            if let Modes::NoLibrary(_) = modes {
                ensure!(record.linked.is_empty(), "a library was built");
                return Ok(());
            }
            ensure!(!record.linked.is_empty(), "no library was built");
            for linked in &record.linked {
                let is_it = match mode {
                    Mode::Full => linked.starts_with("full)"),
                    Mode::Thin => linked.starts_with("thin)"),
                };
                let expected = &mut record.expected;
                let expected = expected.iter_mut().find(|(reason, _)| {
                    mode == Mode::Thin
                        && linked.starts_with("full")
                        && linked.contains(reason.as_str())
                });
                if let Some((_, count)) = expected {
                    *count += 1;
                } else {
                    ensure!(is_it, "a library of a {mode} run was linked so: {linked}");
                }
            }
            if mode == Mode::Thin {
                for (reason, count) in &record.expected {
                    ensure!(*count > 0, "no library was full because `{reason}`");
                }
            }
            Ok(())
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Record) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(mode: Mode, expected: &[&str], lines: &[&str]) -> Result<(), String> {
        let libraries = Libraries::default();
        for reason in expected {
            libraries.expect_full(reason);
        }
        for line in lines {
            libraries.hear(line);
        }
        libraries
            .check(Modes::Both, mode)
            .map_err(|error| error.to_string())
    }

    const THIN: &str = "event built scene: built in 83 ms (thin)";
    const FULL: &str = "event built scene: built in 610 ms (full), with 1 warning";
    const FALLBACK: &str =
        "event built scene: built in 610 ms (full, because /host has no symbols to link against)";

    #[test]
    fn every_library_must_be_what_the_run_is_for() {
        assert_eq!(checked(Mode::Thin, &[], &["says step: one", THIN]), Ok(()));
        assert_eq!(checked(Mode::Full, &[], &[FULL]), Ok(()));
        for (mode, line) in [
            (Mode::Thin, FULL),
            (Mode::Thin, FALLBACK),
            (Mode::Full, THIN),
            (Mode::Full, FALLBACK),
        ] {
            let told = checked(mode, &[], &[line]).expect_err("it is the other");
            assert!(told.contains("was linked so"), "{told}");
        }
    }

    #[test]
    fn a_run_without_any_library_proves_nothing() {
        let told = checked(
            Mode::Thin,
            &[],
            &["event applied scene: generation 1 is live"],
        );
        assert_eq!(told, Err("no library was built".to_owned()));
    }

    #[test]
    fn an_expected_fallback_must_come_and_no_other() {
        let expected = ["has no symbols"];
        assert_eq!(checked(Mode::Thin, &expected, &[THIN, FALLBACK]), Ok(()));
        assert!(checked(Mode::Thin, &expected, &[THIN]).is_err());
        assert!(checked(Mode::Thin, &expected, &[FALLBACK, FULL]).is_err());
        // Where everything is full nothing falls back.
        assert_eq!(checked(Mode::Full, &expected, &[FULL]), Ok(()));
        assert!(checked(Mode::Full, &expected, &[FALLBACK]).is_err());
    }
}
