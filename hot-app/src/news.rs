//! That something has happened, for threads that wait for it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

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

    /// Waits until more has happened than was `seen`.
    pub(crate) fn wait_for_more_than(&self, seen: u64) {
        let mut count = self.lock();
        while *count <= seen {
            count = self
                .more
                .wait(count)
                .unwrap_or_else(PoisonError::into_inner);
        }
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
        news.wait_for_more_than(seen);
        std::thread::scope(|scope| {
            let (news, seen) = (&news, news.seen());
            let waiting = scope.spawn(move || news.wait_for_more_than(seen));
            news.tell();
            waiting.join().unwrap();
        });
    }
}
