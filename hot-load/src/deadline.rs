//! Work that is given up waiting for.

use crate::error::LoadError;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Runs `work`, the loading of `built`, on a thread of its own, and gives up waiting for it after the
/// deadline. Then its result is nobody's.
pub(crate) fn within<T: Send + 'static>(
    deadline: Duration,
    built: &Path,
    work: impl FnOnce() -> Result<T, LoadError> + Send + 'static,
) -> Result<T, LoadError> {
    // Not a channel: those of std have a thread-local with a destructor, and glibc registers that under
    // the lock that it holds while a constructor runs, so the wait could outlast every deadline.
    let outcome = Arc::new(Outcome {
        result: Mutex::new(None),
        is_there: Condvar::new(),
    });
    let for_thread = Arc::clone(&outcome);
    let name = built.to_owned();
    thread::Builder::new()
        .name("hot-load".into())
        .spawn(move || {
            let result = panic::catch_unwind(AssertUnwindSafe(work));
            for_thread.set(result.unwrap_or_else(|_| {
                Err(LoadError::Init {
                    library: name,
                    reason: "the thread that loads it panicked".to_owned(),
                })
            }));
        })
        .map_err(|source| LoadError::Thread {
            source: Arc::new(source),
        })?;
    outcome.wait(deadline).unwrap_or_else(|| {
        Err(LoadError::Deadline {
            library: built.to_owned(),
            deadline,
        })
    })
}

struct Outcome<T> {
    result: Mutex<Option<T>>,
    is_there: Condvar,
}

impl<T> Outcome<T> {
    fn set(&self, result: T) {
        *self.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        self.is_there.notify_one();
    }

    fn wait(&self, deadline: Duration) -> Option<T> {
        let result = self.result.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut result, _) = self
            .is_there
            .wait_timeout_while(result, deadline, |result| result.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        result.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn library() -> &'static Path {
        Path::new("libscene.so")
    }

    #[test]
    fn work_in_time_is_answered() {
        let minute = Duration::from_secs(60);
        assert_eq!(within(minute, library(), || Ok(7)), Ok(7));
    }

    #[test]
    fn work_that_takes_longer_is_given_up() {
        let (go_on, wait) = mpsc::channel::<()>();
        let error = within(Duration::ZERO, library(), move || {
            // Ends when the other end is gone, at the end of this test.
            let _ = wait.recv();
            Ok(())
        });
        assert!(
            matches!(error, Err(LoadError::Deadline { .. })),
            "{error:?}"
        );
        drop(go_on);
    }

    #[test]
    fn work_that_panics_is_an_error() {
        let minute = Duration::from_secs(60);
        let error = within::<()>(minute, library(), || panic!("while loading")).unwrap_err();
        assert!(error.to_string().contains("panicked"), "{error}");
    }
}
