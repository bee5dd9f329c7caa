//! The future of a hot `async fn`: its panics end in its library, as those of a call do.

use crate::boundary::{self, Caught};
use crate::notice::{self, Notice};
use std::any::type_name;
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
}

impl<F: Future> ContainedFuture<F> {
    /// Contains the panics of `future`.
    pub fn new(future: F) -> Self {
        ContainedFuture {
            future: Some(future),
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
            notice::send(Notice::Panicked {
                item: type_name::<F>(),
                caught: *caught,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future;
    use std::pin::pin;
    use std::task::Waker;

    fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_panic_between_two_awaits_is_the_result() {
        let mut polled = false;
        let mut future = pin!(ContainedFuture::new(async {
            future::poll_fn(|_| match std::mem::replace(&mut polled, true) {
                false => Poll::Pending,
                true => Poll::Ready(()),
            })
            .await;
            panic!("after the first await")
        }));
        assert!(poll(future.as_mut()).is_pending());
        let Poll::Ready(Err::<(), _>(caught)) = poll(future) else {
            panic!("it is ready, with the panic");
        };
        assert_eq!(caught.message, "after the first await");
    }

    #[test]
    fn a_destructor_that_panics_goes_no_further() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("dropped");
            }
        }
        let bomb = Bomb;
        let future = ContainedFuture::new(async move {
            let _bomb = bomb;
            future::pending::<()>().await;
        });
        drop(future);
    }
}
