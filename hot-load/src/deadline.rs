//! Work that is given up waiting for, and not forgotten.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Runs `work` on a thread of its own and waits for it, at most for `deadline`. Then it is `given_up`, and
/// when it ends all the same, its result and the time it took go to `late`, on its thread.
///
/// `None` if it was given up.
///
/// # Errors
///
/// When the thread cannot be started. A panic of `work` is its result.
pub(crate) fn within<T: Send + 'static>(
    name: &str,
    deadline: Duration,
    work: impl FnOnce() -> T + Send + 'static,
    given_up: impl FnOnce(),
    late: impl FnOnce(thread::Result<T>, Duration) + Send + 'static,
) -> io::Result<Option<thread::Result<T>>> {
    // Not a channel: those of std have a thread-local with a destructor, and glibc registers that under
    // the lock that it holds while a constructor runs, so the wait could outlast every deadline.
    let outcome = Arc::new(Outcome {
        stage: Mutex::new(Stage::Running),
        has_ended: Condvar::new(),
    });
    let for_thread = Arc::clone(&outcome);
    let began = Instant::now();
    thread::Builder::new().name(name.into()).spawn(move || {
        let result = panic::catch_unwind(AssertUnwindSafe(work));
        if let Some(result) = for_thread.end(result) {
            late(result, began.elapsed());
        }
    })?;
    Ok(outcome.wait(deadline, given_up))
}

struct Outcome<T> {
    stage: Mutex<Stage<T>>,
    has_ended: Condvar,
}

enum Stage<T> {
    Running,
    Ended(thread::Result<T>),
    GivenUp,
}

impl<T> Outcome<T> {
    /// Hands the result to who waits; gives it back if nobody does.
    fn end(&self, result: thread::Result<T>) -> Option<thread::Result<T>> {
        let mut stage = self.lock();
        if matches!(*stage, Stage::GivenUp) {
            return Some(result);
        }
        *stage = Stage::Ended(result);
        self.has_ended.notify_one();
        None
    }

    fn wait(&self, deadline: Duration, given_up: impl FnOnce()) -> Option<thread::Result<T>> {
        let stage = self.lock();
        let is_running = |stage: &mut Stage<T>| matches!(stage, Stage::Running);
        let (mut stage, _) = self
            .has_ended
            .wait_timeout_while(stage, deadline, is_running)
            .unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *stage, Stage::GivenUp) {
            Stage::Ended(result) => Some(result),
            Stage::Running | Stage::GivenUp => {
                // Under the lock, so that the end is told after this.
                given_up();
                None
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Stage<T>> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    const MINUTE: Duration = Duration::from_secs(60);

    fn in_time<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> thread::Result<T> {
        let never = || panic!("a minute is over");
        within("work", MINUTE, work, never, |_, _| unreachable!())
            .unwrap()
            .unwrap()
    }

    #[test]
    fn work_in_time_is_answered() {
        assert_eq!(in_time(|| 7).unwrap(), 7);
    }

    #[test]
    fn work_that_takes_longer_is_given_up_and_its_end_is_told() {
        let (go_on, wait) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        let tell_late = tell.clone();
        let result = within(
            "work",
            Duration::ZERO,
            move || {
                wait.recv().unwrap();
                7
            },
            || tell.send("given up".to_owned()).unwrap(),
            move |result, _| tell_late.send(format!("late: {result:?}")).unwrap(),
        );
        assert!(result.unwrap().is_none());
        assert_eq!(told.try_recv().unwrap(), "given up");
        go_on.send(()).unwrap();
        assert_eq!(told.recv_timeout(MINUTE).unwrap(), "late: Ok(7)");
    }

    #[test]
    fn a_panic_is_a_result() {
        let payload = in_time::<()>(|| panic!("while loading")).unwrap_err();
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"while loading"));
    }
}
