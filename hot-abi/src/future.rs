//! The future of a hot `async fn`: its panics end in its library, as those of a call do.

use crate::boundary::{self, Caught};
use crate::function::FunctionEntry;
use crate::policy;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A future whose panics are values.
///
/// It must be compiled into the library that made the future inside, as the code that the macros generate
/// sees to: its `poll` and its destructor are the last frames before the program's.
pub struct ContainedFuture<F> {
    /// Pinned with this struct; `None` once it is dropped.
    future: Option<F>,
    /// The function that made it.
    made_by: &'static FunctionEntry,
}

impl<F: Future> ContainedFuture<F> {
    /// Contains the panics of `future`.
    pub fn new(future: F, made_by: &'static FunctionEntry) -> Self {
        ContainedFuture {
            future: Some(future),
            made_by,
        }
    }
}

impl<F: Future> Future for ContainedFuture<F> {
    type Output = Result<F::Output, Box<Caught>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: `future` is never moved out of a pinned `self`: it is polled in place here, and dropped
        // in place by `drop`. `ContainedFuture` is `Unpin` only if `F` is.
        let future = unsafe { self.map_unchecked_mut(|this| &mut this.future) };
        let future = future.as_pin_mut().expect("polled before it is dropped");
        match boundary::contain(|| future.poll(cx)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Err(caught) => Poll::Ready(Err(caught)),
        }
    }
}

impl<F> Drop for ContainedFuture<F> {
    fn drop(&mut self) {
        if let Err(caught) = boundary::contain(|| self.future = None) {
            // A destructor has nobody to answer to: it is told, and the rest goes on.
            policy::tell_contained(self.made_by.krate, self.made_by.path, *caught);
        }
    }
}
