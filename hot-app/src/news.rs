//! That something has happened, for threads that wait for it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Counts what happens; a thread can wait until there is more than it has seen.
#[derive(Debug, Default)]
pub(crate) struct News {
    count: Mutex<u64>,
    more: Condvar,
}

impl News {
    /// Something has happened.
    pub(crate) fn tell(&self) {
        *self.lock() += 1;
        self.more.notify_all();
    }

    /// How much has happened so far.
    pub(crate) fn seen(&self) -> u64 {
        *self.lock()
    }

    /// Waits until more has happened than was `seen`, at most for as long as given, if it is. Returns whether more
    /// has happened.
    pub(crate) fn wait_for_more_than(&self, seen: u64, at_most: Option<Duration>) -> bool {
        let count = self.lock();
        let is_seen = |count: &mut u64| *count <= seen;
        let count = match at_most {
            None => self
                .more
                .wait_while(count, is_seen)
                .unwrap_or_else(PoisonError::into_inner),
            Some(at_most) => {
                self.more
                    .wait_timeout_while(count, at_most, is_seen)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            }
        };
        *count > seen
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_between_looking_and_waiting_is_not_missed() {
        let news = News::default();
        let seen = news.seen();
        news.tell();
        assert!(news.wait_for_more_than(seen, None));
        std::thread::scope(|scope| {
            let (news, seen) = (&news, news.seen());
            let waiting = scope.spawn(move || news.wait_for_more_than(seen, None));
            news.tell();
            assert!(waiting.join().unwrap());
        });
    }

    #[test]
    fn nobody_waits_longer_than_wanted() {
        let news = News::default();
        assert!(!news.wait_for_more_than(news.seen(), Some(Duration::ZERO)));
    }
}
