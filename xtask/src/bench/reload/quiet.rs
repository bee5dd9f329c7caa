//! Leaves the machine alone until it rests, so that what one contestant still does in the background is not
//! charged to the next.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// How long it is left alone at least, and looked at each time.
const AT_LEAST: Duration = Duration::from_millis(300);

/// How long it is waited for: a machine that others use never rests.
const AT_MOST: Duration = Duration::from_secs(5);

/// The share of the processors' time that a machine at rest may use.
const AT_REST: f64 = 0.08;

/// Waits until the processors did next to nothing for a while.
pub(super) fn wait() {
    let began = Instant::now();
    let mut before = times();
    loop {
        thread::sleep(AT_LEAST);
        let now = times();
        let busy = before.zip(now).map(|(before, now)| now.busy_since(before));
        // Where the system does not tell, a while has to do.
        if busy.is_none_or(|busy| busy < AT_REST) || began.elapsed() > AT_MOST {
            return;
        }
        before = now;
    }
}

/// The time of all processors since the system started, in ticks of its clock.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Times {
    all: f64,
    idle: f64,
}

impl Times {
    fn busy_since(self, before: Times) -> f64 {
        let all = self.all - before.all;
        if all <= 0.0 {
            return 0.0;
        }
        1.0 - (self.idle - before.idle) / all
    }
}

fn times() -> Option<Times> {
    read(&fs::read_to_string("/proc/stat").ok()?)
}

/// Reads Linux's `/proc/stat`, whose first line is of all processors together: user, nice, system, idle,
/// waiting for input and output, and more.
fn read(stat: &str) -> Option<Times> {
    let numbers = stat.lines().next()?.strip_prefix("cpu ")?;
    let numbers: Vec<f64> = numbers
        .split_whitespace()
        .map(|number| number.parse().ok())
        .collect::<Option<_>>()?;
    Some(Times {
        all: numbers.iter().take(8).sum(),
        idle: numbers.get(3)? + numbers.get(4)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_of_the_time_between_two_looks() {
        let before = read("cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 2 3\n").expect("it is told");
        let after = read("cpu  130 0 60 850 60 0 0 0 0 0\ncpu0 1 2 3\n").expect("it is told");
        assert_eq!(
            before,
            Times {
                all: 1000.0,
                idle: 850.0
            }
        );
        assert!((after.busy_since(before) - 0.4).abs() < 1e-9);
        assert!(before.busy_since(before).abs() < 1e-9);
        assert_eq!(read("intr 1 2 3"), None);
    }
}
