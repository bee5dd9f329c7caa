//! What happened in a scenario, in one order: what its programs wrote and what was done to them.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// A shared, growing record. Clones are the same record.
#[derive(Clone)]
pub(crate) struct Log {
    began: Instant,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Log {
    pub(crate) fn new() -> Log {
        Log {
            began: Instant::now(),
            lines: Arc::default(),
        }
    }

    /// Records that `who` wrote or did `what`.
    pub(crate) fn record(&self, who: &str, what: &str) {
        let at = self.began.elapsed().as_secs_f64();
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(format!("{at:8.3} {who:>10}| {what}"));
    }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
