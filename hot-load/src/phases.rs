//! What the time of a load goes into.

use std::time::{Duration, Instant};

/// A part of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadPhase {
    /// What was done: "copy", "fingerprint", "allocator", "open", "init", "layouts". The layouts are read
    /// beside the others, so this is only the time that was still to be waited for them.
    pub name: &'static str,
    /// How long it took.
    pub duration: Duration,
}

/// Measures one part after the other.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    since: Instant,
    phases: Vec<LoadPhase>,
}

impl Stopwatch {
    pub(crate) fn start() -> Stopwatch {
        Stopwatch {
            since: Instant::now(),
            phases: Vec::new(),
        }
    }

    /// What was done since the last call, or since the start, was this.
    pub(crate) fn lap(&mut self, name: &'static str) {
        let now = Instant::now();
        self.phases.push(LoadPhase {
            name,
            duration: now - self.since,
        });
        self.since = now;
    }

    /// The parts that another thread measured between two of these.
    pub(crate) fn take_over(&mut self, phases: Vec<LoadPhase>) {
        self.phases.extend(phases);
        self.since = Instant::now();
    }

    pub(crate) fn finish(self) -> Vec<LoadPhase> {
        self.phases
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_in_their_order_and_leave_no_gap() {
        let mut watch = Stopwatch::start();
        let start = watch.since;
        watch.lap("copy");
        watch.lap("open");
        let end = watch.since;
        watch.take_over(vec![LoadPhase {
            name: "init",
            duration: Duration::from_secs(1),
        }]);
        let phases = watch.finish();
        let names: Vec<_> = phases.iter().map(|phase| phase.name).collect();
        assert_eq!(names, ["copy", "open", "init"]);
        assert_eq!(phases[0].duration + phases[1].duration, end - start);
    }
}
