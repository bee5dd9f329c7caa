//! When is a changed file to be believed? A pure function of instants: nothing here reads a clock,
//! a file or a channel.
//!
//! A write that is known to be finished makes its file *ripe* at once. Anything else (a write that
//! goes on, a file that is gone or new) makes it ripe when nothing more was heard of it for the
//! quiet interval. Ripe files are taken together: at once when there are few and none is on its
//! way, otherwise when all is quiet, so that a thousand files written by one command are one batch.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What was heard of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// A writer closed it, or it was renamed into place: it is whole.
    Finished,
    /// It appeared, is being written to, or is gone: more may follow.
    Unfinished,
    /// Its metadata changed, which says nothing about a write that is finished or not.
    Touched,
}

/// Why a path is ripe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ripeness {
    /// The system said that the write is finished.
    Finished,
    /// Nothing was heard for the quiet interval.
    Quiet,
}

/// The paths of which something was heard and that were not taken yet.
#[derive(Debug)]
pub(crate) struct Settle {
    quiet: Duration,
    max_hold: Duration,
    pending: HashMap<PathBuf, Pending>,
    last_taken: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Pending {
    first: Instant,
    last: Instant,
    finished: bool,
    touched_only: bool,
}

/// Up to this many finished paths are taken at once: an editor's "save all". More are a command at
/// work on the whole tree, and such a command is waited for.
const FEW: usize = 8;

/// While a command is known to be rewriting the tree, it is waited for this much longer.
const BULK_PATIENCE: u32 = 10;

impl Settle {
    pub(crate) fn new(quiet: Duration, max_hold: Duration) -> Self {
        Settle {
            quiet,
            max_hold,
            pending: HashMap::new(),
            last_taken: None,
        }
    }

    /// Notes that something was heard of `path`.
    pub(crate) fn on_event(&mut self, path: &Path, signal: Signal, now: Instant) {
        let Some(pending) = self.pending.get_mut(path) else {
            self.pending.insert(
                path.to_owned(),
                Pending {
                    first: now,
                    last: now,
                    finished: signal == Signal::Finished,
                    touched_only: signal == Signal::Touched,
                },
            );
            return;
        };
        match signal {
            Signal::Finished => pending.finished = true,
            Signal::Unfinished => pending.finished = false,
            Signal::Touched => {}
        }
        pending.touched_only &= signal == Signal::Touched;
        pending.last = now;
    }

    /// Drops what was heard of `path`: it turned out to be of no concern.
    pub(crate) fn forget(&mut self, path: &Path) {
        self.pending.remove(path);
    }

    /// Whether something was heard of `path` and it was not taken yet.
    pub(crate) fn is_pending(&self, path: &Path) -> bool {
        self.pending.contains_key(path)
    }

    /// Whether nothing is pending.
    pub(crate) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Whether something is on its way that others should wait for.
    pub(crate) fn expects_more(&self) -> bool {
        self.pending
            .values()
            .any(|pending| pending.counts(self.max_hold))
    }

    /// How long a finished change may be held back for the sake of others.
    pub(crate) fn patience(&self, bulk: bool) -> Duration {
        if bulk {
            self.max_hold * BULK_PATIENCE
        } else {
            self.max_hold
        }
    }

    /// When [`take_ripe`](Self::take_ripe) will have something, unless more is heard first. `bulk`
    /// says that a command is known to be rewriting the tree; what it did so far is taken when it
    /// is no longer at work, and before that only if it takes too long.
    pub(crate) fn next_deadline(&self, bulk: bool) -> Option<Instant> {
        let first_ripe = self
            .pending
            .values()
            .map(|pending| pending.ripe_at(self.quiet))
            .min()?;
        let (mut count, mut all_finished, mut last_heard) = (0, true, None);
        for pending in self.pending.values() {
            if pending.counts(self.max_hold) {
                count += 1;
                all_finished &= pending.finished;
                last_heard = last_heard.max(Some(pending.last));
            }
        }
        let Some(last_heard) = last_heard else {
            return Some(first_ripe);
        };
        let close_behind_a_batch = self
            .last_taken
            .is_some_and(|taken| last_heard < taken + self.quiet);
        let patient = first_ripe + self.patience(bulk);
        if bulk {
            return Some(patient);
        }
        if all_finished && count <= FEW && !close_behind_a_batch {
            return Some(first_ripe);
        }
        let all_quiet = last_heard + self.quiet;
        Some(first_ripe.max(all_quiet.min(patient)))
    }

    /// Takes the paths that are to be believed now, sorted. Empty before the deadline.
    pub(crate) fn take_ripe(&mut self, now: Instant, bulk: bool) -> Vec<(PathBuf, Ripeness)> {
        if self
            .next_deadline(bulk)
            .is_none_or(|deadline| now < deadline)
        {
            return Vec::new();
        }
        let mut ripe: Vec<_> = self
            .pending
            .extract_if(|_, pending| pending.ripe_at(self.quiet) <= now)
            .map(|(path, pending)| {
                let ripeness = if pending.finished {
                    Ripeness::Finished
                } else {
                    Ripeness::Quiet
                };
                (path, ripeness)
            })
            .collect();
        ripe.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        self.last_taken = Some(now);
        ripe
    }
}

impl Pending {
    fn ripe_at(&self, quiet: Duration) -> Instant {
        if self.finished {
            self.last
        } else {
            self.last + quiet
        }
    }

    /// Whether others wait for it. Not for a change of metadata alone, and not for a file that is
    /// written to without end (a log).
    fn counts(&self, max_hold: Duration) -> bool {
        let is_stream = !self.finished && self.last.duration_since(self.first) > max_hold;
        !self.touched_only && !is_stream
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Duration = Duration::from_millis(40);
    const MAX_HOLD: Duration = Duration::from_millis(300);

    /// A settle and a clock of its own, in milliseconds.
    struct Scene {
        settle: Settle,
        zero: Instant,
    }

    impl Scene {
        fn new() -> Self {
            Scene {
                settle: Settle::new(QUIET, MAX_HOLD),
                zero: Instant::now(),
            }
        }

        fn at(&self, millis: u64) -> Instant {
            self.zero + Duration::from_millis(millis)
        }

        fn hear(&mut self, millis: u64, path: &str, signal: Signal) {
            let now = self.at(millis);
            self.settle.on_event(Path::new(path), signal, now);
        }

        fn deadline(&self) -> Option<u64> {
            self.deadline_in(false)
        }

        fn deadline_in(&self, bulk: bool) -> Option<u64> {
            let deadline = self.settle.next_deadline(bulk)?;
            Some((deadline - self.zero).as_millis() as u64)
        }

        fn take(&mut self, millis: u64) -> Vec<String> {
            let now = self.at(millis);
            let ripe = self.settle.take_ripe(now, false);
            ripe.into_iter()
                .map(|(path, _)| path.display().to_string())
                .collect()
        }
    }

    #[test]
    fn nothing_heard_means_no_deadline() {
        let mut scene = Scene::new();
        assert_eq!(scene.deadline(), None);
        assert!(scene.take(1000).is_empty());
    }

    #[test]
    fn a_finished_write_is_ripe_at_once() {
        let mut scene = Scene::new();
        scene.hear(5, "a", Signal::Unfinished);
        scene.hear(6, "a", Signal::Finished);
        assert_eq!(scene.deadline(), Some(6));
        let ripe = scene.settle.take_ripe(scene.at(6), false);
        assert_eq!(ripe, [("a".into(), Ripeness::Finished)]);
        assert!(scene.settle.is_empty());
        assert_eq!(scene.deadline(), None);
    }

    #[test]
    fn an_unfinished_write_waits_for_quiet() {
        let mut scene = Scene::new();
        scene.hear(0, "a", Signal::Unfinished);
        scene.hear(30, "a", Signal::Unfinished);
        assert_eq!(scene.deadline(), Some(70));
        assert!(scene.take(69).is_empty());
        let ripe = scene.settle.take_ripe(scene.at(70), false);
        assert_eq!(ripe, [("a".into(), Ripeness::Quiet)]);
    }

    #[test]
    fn a_write_after_a_finished_one_makes_it_unfinished_again() {
        let mut scene = Scene::new();
        scene.hear(0, "a", Signal::Finished);
        scene.hear(1, "a", Signal::Unfinished);
        assert!(scene.take(1).is_empty());
        scene.hear(2, "a", Signal::Finished);
        assert_eq!(scene.take(2), ["a"]);
    }

    #[test]
    fn a_touch_does_not_undo_a_finished_write() {
        let mut scene = Scene::new();
        scene.hear(0, "a", Signal::Finished);
        scene.hear(1, "a", Signal::Touched);
        assert_eq!(scene.take(1), ["a"]);
    }

    #[test]
    fn nothing_waits_for_a_touched_file() {
        let mut scene = Scene::new();
        scene.hear(0, "touched", Signal::Touched);
        assert!(!scene.settle.expects_more());
        scene.hear(1, "a", Signal::Finished);
        assert_eq!(scene.take(1), ["a"]);
        assert_eq!(scene.take(40), ["touched"]);
    }

    #[test]
    fn a_few_finished_files_are_taken_together_at_once() {
        let mut scene = Scene::new();
        scene.hear(0, "b", Signal::Finished);
        scene.hear(1, "a", Signal::Finished);
        assert_eq!(scene.take(1), ["a", "b"]);
    }

    #[test]
    fn a_finished_file_waits_for_one_that_is_on_its_way() {
        let mut scene = Scene::new();
        scene.hear(0, "a", Signal::Finished);
        scene.hear(1, "b", Signal::Unfinished);
        assert!(scene.settle.expects_more());
        assert_eq!(scene.deadline(), Some(41));
        scene.hear(5, "b", Signal::Finished);
        assert_eq!(scene.take(5), ["a", "b"]);
    }

    #[test]
    fn many_files_are_one_batch_when_all_is_quiet() {
        let mut scene = Scene::new();
        for index in 0..1000 {
            scene.hear(index / 10, &format!("{index:04}"), Signal::Finished);
        }
        assert_eq!(scene.deadline(), Some(139));
        assert!(scene.take(138).is_empty());
        assert_eq!(scene.take(139).len(), 1000);
    }

    #[test]
    fn what_follows_close_behind_a_batch_waits_for_quiet() {
        let mut scene = Scene::new();
        scene.hear(0, "a", Signal::Finished);
        assert_eq!(scene.take(0), ["a"]);
        scene.hear(10, "b", Signal::Finished);
        scene.hear(20, "c", Signal::Finished);
        assert!(scene.take(20).is_empty());
        assert_eq!(scene.take(60), ["b", "c"]);
        scene.hear(200, "d", Signal::Finished);
        assert_eq!(scene.take(200), ["d"]);
    }

    #[test]
    fn events_without_end_hold_finished_files_only_so_long() {
        let mut scene = Scene::new();
        for index in 0..=FEW {
            scene.hear(0, &format!("early {index}"), Signal::Finished);
        }
        for millis in 1..300 {
            scene.hear(millis, &format!("{millis}"), Signal::Finished);
            assert!(scene.take(millis).is_empty());
        }
        assert_eq!(scene.deadline(), Some(300));
        assert_eq!(scene.take(300).len(), FEW + 300);
    }

    #[test]
    fn a_command_known_to_rewrite_the_tree_is_waited_for() {
        let mut scene = Scene::new();
        scene.hear(0, "a", Signal::Finished);
        scene.hear(1, "b", Signal::Unfinished);
        assert_eq!(scene.deadline_in(true), Some(3000));
        let late = scene.at(2999);
        assert!(scene.settle.take_ripe(late, true).is_empty());
        // Once it is done, so is the waiting.
        assert_eq!(scene.take(2999), ["a", "b"]);
    }

    #[test]
    fn nothing_waits_for_a_file_that_is_written_to_without_end() {
        let mut scene = Scene::new();
        for millis in (0..=320).step_by(20) {
            scene.hear(millis, "log", Signal::Unfinished);
        }
        scene.hear(321, "a", Signal::Finished);
        assert_eq!(scene.take(321), ["a"]);
        assert_eq!(scene.deadline(), Some(360));
        assert_eq!(scene.take(360), ["log"]);
    }

    #[test]
    fn a_forgotten_path_leaves_nothing_behind() {
        let mut scene = Scene::new();
        scene.hear(0, "a", Signal::Unfinished);
        assert!(scene.settle.is_pending(Path::new("a")));
        scene.settle.forget(Path::new("a"));
        assert!(!scene.settle.is_pending(Path::new("a")));
        assert_eq!(scene.deadline(), None);
    }
}
