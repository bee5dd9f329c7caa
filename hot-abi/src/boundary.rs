//! Where a panic of new code ends: at the edge of its library, as a value.
//!
//! A panic that leaves a library is foreign to the runtime of the host, which would abort. So
//! [`contain`] is called by code that is compiled into the library, and what it returns crosses.

use crate::notice::{self, Notice};
use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::fmt;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};

/// A panic that was contained.
///
/// Boxed where it crosses, so that a result without an error stays small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caught {
    /// The panic's message.
    pub message: String,
    /// File, line and column, where the library's panic hook saw them.
    pub location: Option<String>,
    /// The backtrace, if the environment asks for one (`RUST_BACKTRACE`).
    pub backtrace: Option<String>,
}

impl fmt::Display for Caught {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(location) = &self.location {
            write!(f, " (at {location})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Caught {}

/// Calls `f`, and makes a value of its panic.
///
/// # Errors
///
/// The panic's message and place.
pub fn contain<R>(f: impl FnOnce() -> R) -> Result<R, Box<Caught>> {
    panic::catch_unwind(AssertUnwindSafe(f)).map_err(caught)
}

/// Lets a contained panic go on in the host, as a panic of the host's own runtime.
///
/// The panic hook has seen it already and is not called again.
pub fn resume(caught: Caught) -> ! {
    panic::resume_unwind(Box::new(caught.message))
}

/// What a proxy or a stand-in does with a panic that its library contained: it is told, and goes on in
/// the caller.
#[doc(hidden)]
#[cold]
#[allow(
    clippy::boxed_local,
    reason = "boxed is how it crosses, and unboxing it is not the caller's business"
)]
pub fn panicked(item: &'static str, caught: Box<Caught>) -> ! {
    notice::send(Notice::Panicked {
        item,
        caught: (*caught).clone(),
    });
    resume(*caught)
}

/// Remembers where a panic happened, for the [`Caught`] that it will become. Called by the panic hook
/// of a library, and by the program's for the libraries that share it.
pub(crate) fn remember(info: &PanicHookInfo<'_>) {
    let location = info.location().map(ToString::to_string);
    let backtrace = Backtrace::capture();
    let backtrace = matches!(
        backtrace.status(),
        std::backtrace::BacktraceStatus::Captured
    )
    .then(|| backtrace.to_string());
    // The thread may be past the point where its locals can be used; then the place stays unknown.
    let _ = LAST_PANIC.try_with(|last| {
        if let Ok(mut last) = last.try_borrow_mut() {
            *last = (location, backtrace);
        }
    });
}

/// The message of a panic, by its payload.
pub(crate) fn message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "(the panic's payload is no text)".to_owned()
    }
}

thread_local! {
    /// Location and backtrace of the panic that the hook saw last on this thread.
    static LAST_PANIC: RefCell<(Option<String>, Option<String>)> = const { RefCell::new((None, None)) };
}

fn caught(payload: Box<dyn Any + Send>) -> Box<Caught> {
    let message = message(&*payload);
    // A payload whose destructor panics would leave this function by a panic.
    if let Err(second) = panic::catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
    let (location, backtrace) = LAST_PANIC
        .try_with(|last| {
            last.try_borrow_mut()
                .map(|mut last| std::mem::take(&mut *last))
                .unwrap_or_default()
        })
        .unwrap_or_default();
    Box::new(Caught {
        message,
        location,
        backtrace,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_value() {
        assert_eq!(contain(|| 1).unwrap(), 1);
        let number = 2;
        let caught = contain(|| panic!("number {number}")).unwrap_err();
        assert_eq!(caught.message, "number 2");
    }

    #[test]
    fn a_payload_that_panics_when_dropped_is_contained() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("dropped");
            }
        }
        let caught = contain(|| panic::panic_any(Bomb)).unwrap_err();
        assert_eq!(caught.message, "(the panic's payload is no text)");
    }

    #[test]
    fn a_resumed_panic_is_an_ordinary_one() {
        let caught = Caught {
            message: "on it goes".into(),
            location: None,
            backtrace: None,
        };
        let payload = panic::catch_unwind(|| resume(caught)).unwrap_err();
        assert_eq!(message(&*payload), "on it goes");
    }
}
