//! Where a panic of new code ends: at the edge of its library, as a value.
//!
//! A panic that leaves a library is foreign to the runtime of the host, which would abort. So
//! [`contain`] is called by code that is compiled into the library, and what it returns crosses. The
//! other way round, a panic of the program that comes into a library, from a callback, is recognised
//! there and goes on as the program's own. So is in the program what a library handed out and nothing contains.

mod blame;
mod foreign;
mod frame;
mod panicking;
mod place;
mod source;
mod trace;
#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_env = "gnu",
    panic = "unwind"
))]
mod unwind;

pub(crate) use blame::forget_library;
pub use foreign::personality;
pub(crate) use foreign::{
    Exception, Runtime, find, note_library, register, settle_as_library, settle_as_program,
};
pub use frame::Frame;
pub(crate) use panicking::{Companions, is_caught, passes};
pub(crate) use place::remember;
pub(crate) use trace::own_backtraces;
pub use trace::{Backtraces, set_backtraces};

use place::Place;

use crate::services;
use std::any::Any;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::ptr::NonNull;

/// A panic that was contained.
///
/// Boxed where it crosses, so that a result without an error stays small. A clone of it is its
/// description only.
pub struct Caught {
    /// The panic's message.
    pub message: String,
    /// File, line and column, where the panic hook saw them.
    pub location: Option<String>,
    /// The backtrace, where the panic hook saw the panic.
    pub backtrace: Option<String>,
    payload: Option<Payload>,
    passes: bool,
}

impl Caught {
    /// The description of a panic that is known by its message.
    pub fn new(message: impl Into<String>) -> Caught {
        Caught {
            message: message.into(),
            location: None,
            backtrace: None,
            payload: None,
            passes: false,
        }
    }

    /// Whether it is no panic of the code that was called, and only passes: the program's own, one that is
    /// told already, or an unwinding that no panic hook saw, as `resume_unwind` begins one.
    pub fn passes(&self) -> bool {
        self.passes
    }

    /// The panic, which everyone who is concerned has been told of.
    pub(crate) fn told(mut self) -> Caught {
        self.passes = true;
        self
    }

    /// The panic as one of the program's own.
    #[cfg(any(feature = "log", feature = "tracing"))]
    pub(crate) fn of_program(mut self: Box<Self>) -> Box<Self> {
        self.passes = true;
        self
    }
}

impl Clone for Caught {
    fn clone(&self) -> Self {
        Caught {
            message: self.message.clone(),
            location: self.location.clone(),
            backtrace: self.backtrace.clone(),
            payload: None,
            passes: self.passes,
        }
    }
}

impl PartialEq for Caught {
    fn eq(&self, other: &Self) -> bool {
        let description = |caught: &Caught| {
            let Caught {
                message,
                location,
                backtrace,
                ..
            } = caught.clone();
            (message, location, backtrace)
        };
        description(self) == description(other)
    }
}

impl Eq for Caught {}

impl fmt::Debug for Caught {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caught")
            .field("message", &self.message)
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
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

/// The payload of a panic of the program's own runtime. By a thin pointer, so that no comparison of layouts
/// follows it.
struct Payload(NonNull<Box<dyn Any + Send>>);

impl Payload {
    fn new(payload: Box<dyn Any + Send>) -> Payload {
        Payload(NonNull::from(Box::leak(Box::new(payload))))
    }

    fn into_inner(self) -> Box<dyn Any + Send> {
        let pointer = std::mem::ManuallyDrop::new(self).0;
        // SAFETY: the pointer comes from the box that `new` leaked, and `self` is not dropped.
        *unsafe { Box::from_raw(pointer.as_ptr()) }
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        // SAFETY: as above; this is the drop of its only owner.
        let payload = unsafe { Box::from_raw(self.0.as_ptr()) };
        discard(*payload);
    }
}

// SAFETY: it owns a box of what is `Send`.
unsafe impl Send for Payload {}
// SAFETY: nothing is reached through a shared reference to it.
unsafe impl Sync for Payload {}

/// A panic of another module on its way through a library, as the payload of an unwinding of that library.
struct Passing(Box<Caught>);

/// Calls `f`, and makes a value of its panic.
///
/// # Errors
///
/// The panic's message and place.
pub fn contain<R>(f: impl FnOnce() -> R) -> Result<R, Box<Caught>> {
    catch_here(f).map_err(caught)
}

/// Catches the panic of `f`, of which nobody else is told: it ends here, or goes on as a value.
fn catch_here<R>(f: impl FnOnce() -> R) -> Result<R, Box<dyn Any + Send>> {
    /// Is dropped by an unwinding alone, and as the last of what is dropped before it is caught here.
    struct Unwinds;
    impl Drop for Unwinds {
        fn drop(&mut self) {
            place::expect_contained();
        }
    }
    let noted = || {
        let unwinds = Unwinds;
        let result = f();
        std::mem::forget(unwinds);
        result
    };
    panic::catch_unwind(AssertUnwindSafe(noted))
}

/// Lets a contained panic go on in this module, as a panic of its own runtime.
///
/// The panic hook has seen it already and is not called again. In the program the payload is the panic's
/// own, unless a library with a runtime of its own has caught it: then it is the message, as a `String`.
pub fn resume(caught: Caught) -> ! {
    let passes = caught.passes;
    let (payload, place) = if services::in_library() && caught.payload.is_some() {
        let payload: Box<dyn Any + Send> = Box::new(Passing(Box::new(caught)));
        (payload, None)
    } else {
        let Caught {
            message,
            location,
            backtrace,
            payload,
            ..
        } = caught;
        let place = (message.clone(), location, backtrace);
        let payload = match payload {
            Some(payload) => payload.into_inner(),
            None => Box::new(message),
        };
        (payload, Some(place))
    };
    match (passes, place) {
        (false, Some((message, location, backtrace))) => {
            place::restore((*payload).type_id(), message, location, backtrace);
        }
        (false, None) => {}
        (true, _) => place::lets_pass(&*payload),
    }
    panic::resume_unwind(payload)
}

/// Whether this build of hot-abi can contain a panic at all: with `panic = "abort"` it cannot, and a panic of
/// new code ends the program.
pub const fn can_contain() -> bool {
    cfg!(panic = "unwind")
}

/// The message of a panic, by its payload.
pub(crate) fn message(payload: &(dyn Any + Send)) -> String {
    text(payload).unwrap_or(NO_TEXT).to_owned()
}

/// What stands for the message of a panic that has none.
const NO_TEXT: &str = "(the panic's payload is no text)";

fn text(payload: &(dyn Any + Send)) -> Option<&str> {
    match payload.downcast_ref::<&'static str>() {
        Some(text) => Some(text),
        None => payload.downcast_ref::<String>().map(String::as_str),
    }
}

/// What was caught by this module's runtime.
fn caught(payload: Box<dyn Any + Send>) -> Box<Caught> {
    let payload = match payload.downcast::<Passing>() {
        Ok(passing) => return passing.0,
        Err(payload) => payload,
    };
    let place = place::take(&*payload);
    let passed = place.as_ref().is_some_and(Place::passes);
    let of_new_code = match &place {
        Some(place) => services::in_library() || place.is_of_new_code(),
        // One of another thread, as scoped threads and pools hand it on; or else no panic at all.
        None => text(&*payload).is_some(),
    };
    let is_new = !passed && of_new_code;
    let (location, backtrace) = match place {
        Some(place) if is_new => place.in_words(),
        Some(place) => (place.location, None),
        None => (None, None),
    };
    let message = message(&*payload);
    // A payload of a library's runtime means nothing to the program's.
    let payload = if services::in_library() {
        discard(payload);
        None
    } else {
        Some(Payload::new(payload))
    };
    Box::new(Caught {
        message,
        location,
        backtrace,
        payload,
        passes: !is_new,
    })
}

/// What this module's runtime caught of its own, for a library that it came into.
fn adopted<R>(outcome: Result<R, Box<dyn Any + Send>>) -> Box<Caught> {
    let Err(payload) = outcome else {
        unreachable!("a panic that is raised again does not return");
    };
    // One of a library has not been told yet. One of the program has been told by its hook, and is told no more.
    if services::in_library() {
        return caught(payload);
    }
    let described = Caught::new(message(&*payload));
    Box::new(Caught {
        payload: Some(Payload::new(payload)),
        passes: true,
        ..described
    })
}

/// Lets a panic of another module, which has been told, go on in this one.
fn pass_on(caught: Box<Caught>) {
    if services::in_library() {
        panic::resume_unwind(Box::new(Passing(caught)))
    }
    resume(*caught)
}

/// Drops a payload. One whose destructor panics would leave its caller by a panic, which ends here instead.
fn discard(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_here(|| drop(payload)) {
        drop(place::take(&*second));
        std::mem::forget(second);
    }
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
        assert!(!caught.passes());
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
        drop(caught);
    }

    #[test]
    fn a_resumed_panic_is_an_ordinary_one() {
        let payload = panic::catch_unwind(|| resume(Caught::new("on it goes"))).unwrap_err();
        assert_eq!(message(&*payload), "on it goes");
    }

    #[test]
    fn a_payload_of_a_shared_runtime_goes_on_as_it_is() {
        let caught = contain(|| panic::panic_any(7_u8)).unwrap_err();
        let payload = panic::catch_unwind(AssertUnwindSafe(|| resume(*caught))).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&7_u8));
    }

    #[test]
    fn an_unwinding_that_is_no_panic_passes() {
        struct Cancelled;
        let caught = contain(|| panic::resume_unwind(Box::new(Cancelled))).unwrap_err();
        assert!(caught.passes());
        let payload = panic::catch_unwind(AssertUnwindSafe(|| resume(*caught))).unwrap_err();
        assert!(payload.is::<Cancelled>());
    }

    #[test]
    fn a_panic_that_was_told_passes_where_it_goes_on() {
        let mut told = contain(|| panic!("told")).unwrap_err();
        told.passes = true;
        let again = contain(|| resume(*told)).unwrap_err();
        assert!(again.passes());
        // Another panic with the same text is another panic.
        assert!(!contain(|| panic!("told")).unwrap_err().passes());
    }

    #[test]
    fn a_panic_that_goes_on_untold_keeps_its_place() {
        panic_hook_of_tests();
        let first = contain(|| panic!("placed")).unwrap_err();
        let location = first.location.clone();
        assert!(
            location
                .as_ref()
                .is_some_and(|place| place.contains("boundary.rs"))
        );
        let second = contain(|| resume(*first)).unwrap_err();
        assert_eq!(second.location, location);
        assert!(second.backtrace.is_some() && !second.passes());
    }

    #[test]
    fn a_panic_keeps_its_place_while_a_destructor_catches_others() {
        /// Catches a panic while it is dropped, and lets another pass.
        struct Nested;
        impl Drop for Nested {
            fn drop(&mut self) {
                drop(panic::catch_unwind(|| panic!("nested")));
                drop(contain(|| panic!("contained")));
                let mut told = contain(|| panic!("told")).unwrap_err();
                told.passes = true;
                drop(panic::catch_unwind(AssertUnwindSafe(|| resume(*told))));
            }
        }
        panic_hook_of_tests();
        let outer = contain(|| {
            let _nested = Nested;
            panic!("outer");
        });
        let outer = outer.unwrap_err();
        assert_eq!(outer.message, "outer");
        assert!(outer.location.is_some() && outer.backtrace.is_some());
        assert!(!outer.passes());
    }

    #[test]
    fn a_panic_that_passes_does_so_after_a_destructor_has_caught_one() {
        struct Nested;
        impl Drop for Nested {
            fn drop(&mut self) {
                let nested = contain(|| panic!("nested")).unwrap_err();
                assert!(!nested.passes());
            }
        }
        panic_hook_of_tests();
        let mut told = contain(|| panic!("told")).unwrap_err();
        told.passes = true;
        let again = contain(|| {
            let _nested = Nested;
            resume(*told)
        });
        assert!(again.unwrap_err().passes());
    }

    fn panic_hook_of_tests() {
        crate::forward::settle_as_program();
    }
}
