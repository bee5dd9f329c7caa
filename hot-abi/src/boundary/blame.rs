//! Whose code panicked, where library and program share a runtime.
//!
//! New code is what is mapped from the libraries that were loaded. A panic of it is one whose place is recorded
//! there, or in a function that it called by name: one of a dependency, of std. What it called through a
//! pointer is a callback or the method of an object, and a panic of such a one is the program's own.
//!
//! So the stack is looked at, when a panic happens, from the innermost frame to the first one of new code. Where
//! that is not known for a platform, the source file of the panic must do.

use crate::services;
use std::panic::Location;
use std::sync::{PoisonError, RwLock};

#[cfg_attr(
    all(
        target_os = "linux",
        any(target_arch = "x86_64", target_arch = "aarch64"),
        target_env = "gnu",
        panic = "unwind"
    ),
    path = "blame/linux.rs"
)]
#[cfg_attr(
    not(all(
        target_os = "linux",
        any(target_arch = "x86_64", target_arch = "aarch64"),
        target_env = "gnu",
        panic = "unwind"
    )),
    path = "blame/elsewhere.rs"
)]
mod platform;

use platform::{Segments, calls_by_name, return_addresses_to, segments_around};

/// Where the libraries are mapped that share this runtime.
static NEW_CODE: RwLock<Vec<Segments>> = RwLock::new(Vec::new());

/// Notes that the module around `address`, a library that shares this runtime, is new code.
pub(crate) fn note_library<T>(address: &T) {
    if let Some(segments) = segments_around(std::ptr::from_ref(address).addr()) {
        let mut known = NEW_CODE.write().unwrap_or_else(PoisonError::into_inner);
        known.push(segments);
    }
}

/// Notes that the module around `address` is about to be unmapped, if it is a library that was noted.
pub(crate) fn forget_library<T>(address: &T) {
    let address = std::ptr::from_ref(address).addr();
    let mut known = NEW_CODE.write().unwrap_or_else(PoisonError::into_inner);
    known.retain(|segments| !segments.hold(address));
}

/// What tells whose code panicked.
#[derive(Debug)]
pub(super) enum Blame {
    /// The place of the panic is recorded in new code, or it is known from before.
    NewCode,
    /// The calls that were in progress, the innermost first, as return addresses: up to the first one that new
    /// code made, if there is one.
    Calls(Vec<usize>),
}

impl Blame {
    /// Of a panic at `location` of the calling thread, whose hook is running; `None` if there is no new code, or if
    /// it is not known here where it is.
    pub(super) fn find(location: Option<&Location<'_>>) -> Option<Blame> {
        let known = NEW_CODE.read().unwrap_or_else(PoisonError::into_inner);
        if known.is_empty() {
            return None;
        }
        let is_new = |address: usize| known.iter().any(|segments| segments.hold(address));
        if location.is_some_and(|location| is_new(std::ptr::from_ref(location).addr())) {
            return Some(Blame::NewCode);
        }
        Some(Blame::Calls(return_addresses_to(is_new)))
    }

    /// Whether new code panicked.
    pub(super) fn is_new_codes(&self) -> bool {
        let Blame::Calls(calls) = self else {
            return true;
        };
        let mut outermost_first = calls.iter().rev();
        let Some(of_new_code) = outermost_first.next() else {
            return false;
        };
        if !calls_by_name(*of_new_code) {
            return false;
        }
        for call in outermost_first {
            if !is_in_passage(*call) {
                return true;
            }
            if !calls_by_name(*call) {
                return false;
            }
        }
        true
    }
}

/// Whether a call stands in a function that only leads on to another: std's for a boxed closure, for a reference to
/// one, and for what is dropped.
fn is_in_passage(call: usize) -> bool {
    let Some(backtraces) = (services::current().backtraces)() else {
        return false;
    };
    let words = (backtraces.in_words)(&[call]);
    [
        "core::ops::function::",
        "core::ptr::drop_in_place",
        "core::ptr::drop_glue",
    ]
    .iter()
    .any(|passage| words.contains(passage))
}
