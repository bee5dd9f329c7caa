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
    /// says that a command is known to be rewriting the tree.
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
        if all_finished && count <= FEW && !bulk && !close_behind_a_batch {
            return Some(first_ripe);
        }
        let all_quiet = last_heard + self.quiet;
        Some(first_ripe.max(all_quiet.min(first_ripe + self.patience(bulk))))
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
