//! Where the time between a save and the new code goes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};

use super::live::Heard;

/// The phases of one reload, in the order in which they follow each other, and last what is none of
/// them.
#[derive(Debug, PartialEq)]
pub(super) struct Phases(Vec<(String, Duration)>);

/// What is between and behind the phases: threads that wake up, events, the program's own turn.
pub(super) const OTHER: &str = "other";

/// From the write of the file to the system's report of it.
const EVENT: &str = "event";

impl Phases {
    /// Reads them from what the program said about a reload that took `total`.
    pub(super) fn read(heard: &[Heard], saved_at: SystemTime, total: Duration) -> Result<Phases> {
        let mut phases = Phases(vec![(EVENT.to_owned(), Duration::ZERO)]);
        let mut seen = None;
        for line in heard.iter().map(|heard| heard.line.as_str()) {
            if let Some(rest) = line.strip_prefix("phase ") {
                let (name, nanos) = rest.split_once(' ').context("a phase has no time")?;
                let nanos = nanos
                    .parse()
                    .with_context(|| format!("{name} took `{nanos}`"))?;
                phases.add(name_of(name), Duration::from_nanos(nanos));
            }
            // The first one: where a save is seen in pieces, the others come while it is built.
            if let Some(rest) = line.strip_prefix("event change-seen ")
                && seen.is_none()
            {
                seen = Some(since(saved_at, rest)?);
                phases.0[0].1 = seen.unwrap_or_default().saturating_sub(phases.sum());
            }
        }
        phases.add(OTHER, total.saturating_sub(phases.sum()));
        Ok(phases)
    }

    /// Name and duration of each.
    pub(super) fn parts(&self) -> &[(String, Duration)] {
        &self.0
    }

    /// How long that one took; nothing, if it was not told.
    pub(super) fn of(&self, name: &str) -> Duration {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map_or(Duration::ZERO, |(_, took)| *took)
    }

    fn sum(&self) -> Duration {
        self.0.iter().map(|(_, took)| *took).sum()
    }

    /// One that comes several times, as once for each crate, counts as one.
    fn add(&mut self, name: &str, took: Duration) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, sum)) => *sum += took,
            None => self.0.push((name.to_owned(), took)),
        }
    }
}

/// What a phase that an event tells is called here: several are one for who only asks what to blame.
fn name_of(told: &str) -> &str {
    match told {
        "compile" => "rustc",
        "fingerprint" | "allocator" | "layouts" => "check",
        other => other,
    }
}

/// From `began` to the time that begins `rest`, in nanoseconds since the epoch.
fn since(began: SystemTime, rest: &str) -> Result<Duration> {
    let nanos = rest.split(' ').next().unwrap_or_default();
    let nanos: u128 = nanos
        .parse()
        .with_context(|| format!("`{nanos}` is no time"))?;
    let began = began
        .duration_since(UNIX_EPOCH)
        .context("the clock is before its epoch")?;
    let nanos = nanos.saturating_sub(began.as_nanos());
    Ok(Duration::from_nanos(
        u64::try_from(nanos).context("a phase took centuries")?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn phases_add_up_to_the_whole() {
        let lines = [
            "phase settle 1000000",
            "event change-seen 6000000 scene changed",
            "phase compile 70000000",
            "event change-seen 9000000 scene changed",
            "phase compile 30000000",
            "phase link 9000000",
            "live edition 1",
        ];
        let heard: Vec<_> = lines
            .iter()
            .map(|line| Heard {
                at: Instant::now(),
                line: (*line).to_owned(),
            })
            .collect();
        let saved_at = UNIX_EPOCH + Duration::from_millis(2);
        let phases = Phases::read(&heard, saved_at, Duration::from_millis(120)).expect("times");
        let parts: Vec<_> = phases
            .parts()
            .iter()
            .map(|(name, took)| (name.as_str(), took.as_millis()))
            .collect();
        let expected = [
            ("event", 3),
            ("settle", 1),
            ("rustc", 100),
            ("link", 9),
            ("other", 7),
        ];
        assert_eq!(parts, expected);
    }
}
