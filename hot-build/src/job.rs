//! A build that runs: a value to poll, wait for, await, or drop.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

use crate::{Artifact, BuildArgs, BuildError, CancelSignal, cancel::CancelWatch};

/// What a build ends with.
pub type BuildResult = Result<Artifact, BuildError>;

/// A running build. It runs on a thread of its own and needs no async runtime.
///
/// Take its result in the way that suits: [`poll_result`](Self::poll_result) from a loop,
/// [`wait`](Self::wait) where blocking is right, `.await` where it is a future, or be called by
/// [`on_done`](Self::on_done). The result stays, so it can be asked for again.
///
/// **Dropping a build that is not done kills it**, with all processes it started.
///
/// Any function can be a build, without cargo:
/// ```
/// use hot_build::{Artifact, Build, BuildArgs};
///
/// let build = Build::spawn(&BuildArgs::new("/projects/scene"), |_args| {
///     Ok(Artifact::new("/out/libscene.so"))
/// });
/// assert_eq!(build.wait(), Ok(Artifact::new("/out/libscene.so")));
/// ```
#[must_use = "dropping a build that is not done kills it"]
pub struct Build {
    shared: Arc<Shared>,
    cancel: CancelSignal,
    /// Passes the cancel signal of the arguments on to this build's own.
    _caller_cancel: Option<CancelWatch>,
}

impl Build {
    /// Runs `work` on a new thread as a build of `args`.
    ///
    /// `work` gets a copy of the arguments whose cancel signal is the build's own: set when that
    /// of `args` is set *and* when the build is dropped. The build is done when `work` returns,
    /// so work that ignores the signal cannot be cancelled. A panic in it is an
    /// [`Abandoned`](BuildError::Abandoned) result.
    pub fn spawn(
        args: &BuildArgs,
        work: impl FnOnce(&BuildArgs) -> BuildResult + Send + 'static,
    ) -> Self {
        Self::spawn_with_handle(args, |args, handle| handle.finish(work(args)))
    }

    /// A build that is done already.
    ///
    /// ```
    /// use hot_build::{Build, BuildError};
    ///
    /// let mut build = Build::ready(Err(BuildError::Cancelled));
    /// assert_eq!(build.poll_result(), Some(Err(BuildError::Cancelled)));
    /// ```
    pub fn ready(result: BuildResult) -> Self {
        let (mut handle, build) = Self::pending(&CancelSignal::new());
        handle.finish(result);
        build
    }

    /// A build that someone else finishes, through the handle. `cancel` cancels it, and so does
    /// dropping it; the handle knows.
    ///
    /// ```
    /// use hot_build::{Artifact, Build, CancelSignal};
    ///
    /// let (mut handle, mut build) = Build::pending(&CancelSignal::new());
    /// assert_eq!(build.poll_result(), None);
    /// handle.finish(Ok(Artifact::new("/out/libscene.so")));
    /// assert!(build.poll_result().is_some());
    /// ```
    pub fn pending(cancel: &CancelSignal) -> (BuildHandle, Self) {
        let own = CancelSignal::new();
        let passed_on = own.clone();
        let caller_cancel = cancel.on_cancel(move || {
            passed_on.cancel();
        });
        let shared = Arc::new(Shared::default());
        let handle = BuildHandle {
            shared: shared.clone(),
            cancel: own.clone(),
        };
        (
            handle,
            Self {
                shared,
                cancel: own,
                _caller_cancel: Some(caller_cancel),
            },
        )
    }

    /// The result, if the build is done. Never blocks.
    pub fn poll_result(&mut self) -> Option<BuildResult> {
        self.shared.state().result.clone()
    }

    /// Is the build done? Never blocks.
    pub fn is_done(&self) -> bool {
        self.shared.state().result.is_some()
    }

    /// Blocks until the build is done.
    pub fn wait(self) -> BuildResult {
        let mut state = self.shared.state();
        loop {
            if let Some(result) = &state.result {
                return result.clone();
            }
            state = self
                .shared
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Blocks until nothing of the build runs any more. A build is done when its library is there;
    /// what it started may take a moment longer to be gone.
    pub fn wait_settled(&self) {
        let mut state = self.shared.state();
        while !state.settled {
            state = self
                .shared
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Cancels the build, and leaves the cancel signal of its arguments alone. The result comes in
    /// its own time; a build that is done ignores it.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// Calls `callback` with the result when the build is done: on the build's thread, or at once
    /// on this one if it is done already. The callback replaces one that was given before.
    ///
    /// It is not called after the build was dropped.
    pub fn on_done(&self, callback: impl FnOnce(BuildResult) + Send + 'static) {
        let mut state = self.shared.state();
        match state.result.clone() {
            Some(result) => {
                drop(state);
                callback(result);
            }
            None => {
                let replaced = state.on_done.replace(Box::new(callback));
                drop(state);
                drop(replaced);
            }
        }
    }

    /// Runs `work` on a new thread, which finishes the build through the handle and may clean up
    /// after that. The build is settled when `work` returns.
    pub(crate) fn spawn_with_handle(
        args: &BuildArgs,
        work: impl FnOnce(&BuildArgs, &mut BuildHandle) + Send + 'static,
    ) -> Self {
        let (mut handle, build) = Self::pending(&args.cancel_build);
        let args = BuildArgs {
            cancel_build: handle.cancel.clone(),
            ..args.clone()
        };
        let worker = thread::Builder::new()
            .name("hot-build".to_owned())
            .spawn(move || {
                let outcome = catch_unwind(AssertUnwindSafe(|| work(&args, &mut handle)));
                if let Err(payload) = outcome {
                    handle.finish(Err(BuildError::panicked(payload.as_ref())));
                }
            });
        match worker {
            Ok(_detached) => build,
            Err(source) => Self::ready(Err(BuildError::Spawn {
                command: "a thread for the build".to_owned(),
                source: Arc::new(source),
            })),
        }
    }
}

impl Future for Build {
    type Output = BuildResult;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<BuildResult> {
        let mut state = self.shared.state();
        match &state.result {
            Some(result) => Poll::Ready(result.clone()),
            None => {
                let replaced = state.waker.replace(context.waker().clone());
                drop(state);
                drop(replaced);
                Poll::Pending
            }
        }
    }
}

impl Drop for Build {
    fn drop(&mut self) {
        let callbacks = {
            let mut state = self.shared.state();
            (
                state.on_done.take(),
                state.waker.take(),
                state.result.is_some(),
            )
        };
        let (_, _, done) = callbacks;
        if !done {
            self.cancel.cancel();
        }
    }
}

impl fmt::Debug for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Build")
            .field("result", &self.shared.state().result)
            .finish()
    }
}

/// Finishes a [`Build::pending`]. Dropping it without [`finish`](Self::finish) ends the build as
/// [`Abandoned`](BuildError::Abandoned).
#[derive(Debug)]
pub struct BuildHandle {
    shared: Arc<Shared>,
    cancel: CancelSignal,
}

impl BuildHandle {
    /// Ends the build with `result`. Only the first result counts.
    pub fn finish(&mut self, result: BuildResult) {
        self.shared.finish(result);
    }

    /// The signal that is set when the build is to stop: it was cancelled, or dropped.
    pub fn cancel_signal(&self) -> &CancelSignal {
        &self.cancel
    }
}

impl Drop for BuildHandle {
    fn drop(&mut self) {
        self.shared
            .finish(Err(BuildError::Abandoned { panic: None }));
        self.shared.state().settled = true;
        self.shared.changed.notify_all();
    }
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finish(&self, result: BuildResult) {
        let (callback, waker) = {
            let mut state = self.state();
            if state.result.is_some() {
                return;
            }
            state.result = Some(result.clone());
            (state.on_done.take(), state.waker.take())
        };
        self.changed.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
        if let Some(callback) = callback {
            callback(result);
        }
    }
}

#[derive(Default)]
struct State {
    result: Option<BuildResult>,
    settled: bool,
    waker: Option<Waker>,
    on_done: Option<Box<dyn FnOnce(BuildResult) + Send>>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("result", &self.result)
            .field("settled", &self.settled)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::task::Wake;

    fn artifact() -> Artifact {
        Artifact::new("/out/libscene.so")
    }

    struct Woken(mpsc::Sender<()>);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.send(()).expect("the test listens");
        }
    }

    #[test]
    fn the_result_can_be_had_in_every_way() {
        let (mut handle, mut build) = Build::pending(&CancelSignal::new());
        let (sender, done) = mpsc::channel();
        build.on_done(move |result| sender.send(result).expect("the test listens"));
        assert!(!build.is_done());
        assert_eq!(build.poll_result(), None);

        handle.finish(Ok(artifact()));
        handle.finish(Err(BuildError::Cancelled));
        assert_eq!(done.recv(), Ok(Ok(artifact())), "the first result counts");
        assert_eq!(build.poll_result(), Some(Ok(artifact())));
        let (sender, late) = mpsc::channel();
        build.on_done(move |result| sender.send(result).expect("the test listens"));
        assert_eq!(late.recv(), Ok(Ok(artifact())));
        assert_eq!(build.wait(), Ok(artifact()));
    }

    #[test]
    fn a_future_wakes_its_task() {
        let (mut handle, mut build) = Build::pending(&CancelSignal::new());
        let (sender, woken) = mpsc::channel();
        let waker = Waker::from(Arc::new(Woken(sender)));
        let mut context = Context::from_waker(&waker);
        assert_eq!(Pin::new(&mut build).poll(&mut context), Poll::Pending);
        handle.finish(Ok(artifact()));
        woken.recv().expect("finishing wakes");
        assert_eq!(
            Pin::new(&mut build).poll(&mut context),
            Poll::Ready(Ok(artifact()))
        );
    }

    #[test]
    fn waiting_ends_when_another_thread_finishes() {
        let (mut handle, build) = Build::pending(&CancelSignal::new());
        let waiter = thread::spawn(move || build.wait());
        handle.finish(Ok(artifact()));
        assert_eq!(waiter.join().expect("no panic"), Ok(artifact()));
    }

    #[test]
    fn dropping_a_running_build_cancels_it_alone() {
        let signal = CancelSignal::new();
        let (handle, build) = Build::pending(&signal);
        drop(build);
        assert!(handle.cancel_signal().is_cancelled());
        assert!(
            !signal.is_cancelled(),
            "the arguments may serve another build"
        );
    }

    #[test]
    fn a_build_that_is_done_ignores_the_signal() {
        let signal = CancelSignal::new();
        let (mut handle, build) = Build::pending(&signal);
        handle.finish(Ok(artifact()));
        signal.cancel();
        assert_eq!(build.wait(), Ok(artifact()));
    }

    #[test]
    fn the_signal_of_the_arguments_reaches_the_work() {
        let args = BuildArgs::new("/crate");
        let (started, has_started) = mpsc::channel();
        let build = Build::spawn(&args, move |args| {
            let (sender, cancelled) = mpsc::channel();
            let _watch = args.cancel_build.on_cancel(move || {
                sender.send(()).expect("the work listens");
            });
            started.send(()).expect("the test listens");
            cancelled.recv().expect("the test cancels");
            Err(BuildError::Cancelled)
        });
        has_started.recv().expect("the work starts");
        args.cancel_build.cancel();
        build.wait_settled();
        assert_eq!(build.wait(), Err(BuildError::Cancelled));
    }

    #[test]
    fn work_that_panics_or_gives_up_is_told_apart() {
        let panicked = Build::spawn(&BuildArgs::new("/crate"), |_| panic!("no disk"));
        assert_eq!(
            panicked.wait(),
            Err(BuildError::Abandoned {
                panic: Some("no disk".into())
            })
        );
        let (handle, build) = Build::pending(&CancelSignal::new());
        drop(handle);
        build.wait_settled();
        assert_eq!(build.wait(), Err(BuildError::Abandoned { panic: None }));
    }
}
