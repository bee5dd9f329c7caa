//! A signal that says "stop this build", set once and seen without polling.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Tells a build to stop. It can be set once and never unset; clones share it.
///
/// A build that is done, or that cannot be cancelled, ignores it.
///
/// Nobody has to poll it: [`on_cancel`](Self::on_cancel) runs a callback at the moment it is set.
///
/// ```
/// use hot_build::CancelSignal;
///
/// let signal = CancelSignal::new();
/// let (sender, receiver) = std::sync::mpsc::channel();
/// let _watch = signal.on_cancel(move || sender.send("stopped").unwrap());
///
/// assert!(signal.cancel(), "this call set it");
/// assert!(!signal.cancel(), "it was set already");
/// assert_eq!(receiver.recv().unwrap(), "stopped");
/// ```
#[derive(Clone, Default)]
pub struct CancelSignal {
    shared: Arc<Mutex<State>>,
}

impl CancelSignal {
    /// A signal that is not set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the signal and runs what [`on_cancel`](Self::on_cancel) registered, on this thread.
    /// True when this call set it, false when it was set before.
    pub fn cancel(&self) -> bool {
        let callbacks = {
            let mut state = self.state();
            if state.cancelled {
                return false;
            }
            state.cancelled = true;
            std::mem::take(&mut state.callbacks)
        };
        // Run without the lock: a callback may ask the signal, or drop another callback's watch.
        for (_, callback) in callbacks {
            callback();
        }
        true
    }

    /// Has the signal been set?
    pub fn is_cancelled(&self) -> bool {
        self.state().cancelled
    }

    /// Runs `callback` when the signal is set, on the thread that sets it; at once, on this
    /// thread, when it is set already. Dropping the returned watch forgets a callback that has not
    /// begun.
    pub fn on_cancel(&self, callback: impl FnOnce() + Send + 'static) -> CancelWatch {
        let mut state = self.state();
        let id = state.next_id;
        state.next_id += 1;
        if state.cancelled {
            drop(state);
            callback();
        } else {
            state.callbacks.push((id, Box::new(callback)));
        }
        CancelWatch {
            signal: self.clone(),
            id,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for CancelSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelSignal")
            .field("cancelled", &self.is_cancelled())
            .finish()
    }
}

/// Keeps a callback of [`CancelSignal::on_cancel`] registered until it is dropped.
#[derive(Debug)]
#[must_use = "dropping the watch forgets the callback"]
pub struct CancelWatch {
    signal: CancelSignal,
    id: u64,
}

impl Drop for CancelWatch {
    fn drop(&mut self) {
        let forgotten = {
            let mut state = self.signal.state();
            let position = state.callbacks.iter().position(|(id, _)| *id == self.id);
            position.map(|index| state.callbacks.swap_remove(index))
        };
        // Dropped without the lock: what the callback owns may ask the signal.
        drop(forgotten);
    }
}

#[derive(Default)]
struct State {
    cancelled: bool,
    next_id: u64,
    callbacks: Vec<(u64, Box<dyn FnOnce() + Send>)>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn counter() -> (Arc<AtomicUsize>, impl FnOnce() + Send + 'static) {
        let count = Arc::new(AtomicUsize::new(0));
        let seen = count.clone();
        (count, move || {
            seen.fetch_add(1, Ordering::SeqCst);
        })
    }

    #[test]
    fn runs_each_callback_once() {
        let signal = CancelSignal::new();
        let (count, callback) = counter();
        let _watch = signal.on_cancel(callback);
        assert_eq!(count.load(Ordering::SeqCst), 0);
        assert!(signal.cancel());
        assert!(!signal.clone().cancel());
        assert_eq!(count.load(Ordering::SeqCst), 1);
        assert!(signal.is_cancelled());
    }

    #[test]
    fn runs_a_late_callback_at_once() {
        let signal = CancelSignal::new();
        signal.cancel();
        let (count, callback) = counter();
        let _watch = signal.on_cancel(callback);
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn forgets_the_callback_of_a_dropped_watch() {
        let signal = CancelSignal::new();
        let (count, callback) = counter();
        drop(signal.on_cancel(callback));
        signal.cancel();
        assert_eq!(count.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn a_callback_may_use_the_signal_and_other_watches() {
        let signal = CancelSignal::new();
        let inner = signal.clone();
        let other = signal.on_cancel(|| {});
        let _watch = signal.on_cancel(move || {
            drop(other);
            assert!(inner.is_cancelled());
            assert!(!inner.cancel());
        });
        assert!(signal.cancel());
    }
}
