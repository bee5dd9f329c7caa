//! The probation of a generation: how its first calls go, and which of its items panicked.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many calls of new code a generation's probation lasts. Each function and each node instance is on
/// trial for as many calls of its own: meanwhile what is needed to make a call again is kept.
pub const PROBATION: u32 = 100;

/// What is known of a generation from the calls that it answered.
#[derive(Debug)]
pub(crate) struct Trial {
    /// Counted when a call begins, so the last call of the probation is in it until the next one begins.
    calls_left: AtomicU32,
    failed: AtomicBool,
    /// The items that panicked, each with its first message.
    panicked: Mutex<Vec<(&'static str, String)>>,
}

impl Trial {
    pub(crate) const fn new() -> Trial {
        Trial {
            calls_left: AtomicU32::new(PROBATION + 1),
            failed: AtomicBool::new(false),
            panicked: Mutex::new(Vec::new()),
        }
    }

    /// Counts a call that begins.
    pub(crate) fn count_call(&self) {
        let counted = |left: u32| left.checked_sub(1);
        // Relaxed: it is a count, and nothing is published by it. An error is a count that has ended.
        let _ = self
            .calls_left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, counted);
    }

    pub(crate) fn in_probation(&self) -> bool {
        self.calls_left.load(Ordering::Relaxed) > 0
    }

    /// Notes that it panicked in its probation.
    pub(crate) fn fail(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }

    /// Notes that an item panicked, and is to be answered by other code from now on.
    pub(crate) fn note_panic(&self, item: &'static str, message: &str) {
        let mut panicked = self.panicked();
        if !panicked.iter().any(|(known, _)| *known == item) {
            panicked.push((item, message.to_owned()));
        }
    }

    /// Whether it panicked in its probation.
    pub(crate) fn failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// What an item said when it panicked first.
    pub(crate) fn panic_of(&self, item: &str) -> Option<String> {
        let panicked = self.panicked();
        let known = panicked.iter().find(|(known, _)| *known == item);
        known.map(|(_, message)| message.clone())
    }

    pub(crate) fn has_panicked(&self, item: &str) -> bool {
        self.panicked().iter().any(|(known, _)| *known == item)
    }

    /// A generation that is made live once more is given another chance: a whole probation if it failed
    /// the first one.
    pub(crate) fn begin_again(&self) {
        if self.failed.swap(false, Ordering::Relaxed) {
            self.calls_left.store(PROBATION + 1, Ordering::Relaxed);
        }
        self.panicked().clear();
    }

    fn panicked(&self) -> MutexGuard<'_, Vec<(&'static str, String)>> {
        self.panicked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probation_lasts_for_its_first_calls() {
        let trial = Trial::new();
        for _ in 0..PROBATION {
            trial.count_call();
            assert!(trial.in_probation());
        }
        trial.count_call();
        assert!(!trial.in_probation());
        trial.count_call();
        assert!(!trial.in_probation());
        trial.note_panic("late", "message");
        assert!(!trial.failed());
        assert_eq!(trial.panic_of("late").as_deref(), Some("message"));
    }

    #[test]
    fn what_failed_is_on_probation_again_when_it_is_live_again() {
        let trial = Trial::new();
        (0..PROBATION).for_each(|_| trial.count_call());
        trial.note_panic("early", "message");
        trial.fail();
        trial.count_call();
        assert!(trial.failed() && !trial.in_probation());
        trial.begin_again();
        assert!(!trial.failed() && trial.in_probation() && !trial.has_panicked("early"));
    }
}
