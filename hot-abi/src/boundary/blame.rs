//! Whose code panicked, where library and program share a runtime.
//!
//! New code is what is mapped from the libraries that were loaded. A panic of it is one whose place is recorded
//! there, or in a function that it called by name: one of a dependency, of std. What it called through a
//! pointer is a callback or the method of an object, and a panic of such a one is the program's own.
//!
//! So the stack is looked at, when a panic happens, from the innermost frame to the first one of new code. Where
//! that is not known for a platform, the source file of the panic must do.

use crate::registry::HotCrate;
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

/// A library that shares this runtime.
struct Library {
    /// Where it is mapped.
    segments: Segments,
    /// As it registered it.
    krate: &'static HotCrate,
}

static NEW_CODE: RwLock<Vec<Library>> = RwLock::new(Vec::new());

/// Notes that the module in which `krate` is, a library that shares this runtime, is new code. Of several crates in it
/// the first counts, which is the one that it is a library of.
pub(super) fn note_library(krate: &'static HotCrate) {
    let address = std::ptr::from_ref(krate).addr();
    if let Some(segments) = segments_around(address) {
        let mut known = NEW_CODE.write().unwrap_or_else(PoisonError::into_inner);
        if !known.iter().any(|library| library.segments.hold(address)) {
            known.push(Library { segments, krate });
        }
    }
}

/// Notes that the module in which `krate` is is about to be unmapped, if it is a library that was noted.
pub(crate) fn forget_library(krate: &HotCrate) {
    let address = std::ptr::from_ref(krate).addr();
    let mut known = NEW_CODE.write().unwrap_or_else(PoisonError::into_inner);
    known.retain(|library| !library.segments.hold(address));
}

/// Whose the new code at an address is; `None` if there is none.
pub(super) fn crate_at(address: usize) -> Option<&'static HotCrate> {
    let known = NEW_CODE.read().unwrap_or_else(PoisonError::into_inner);
    let library = known.iter().find(|library| library.segments.hold(address));
    library.map(|library| library.krate)
}

/// What tells whose code panicked.
#[derive(Debug)]
pub(super) enum Blame {
    /// It is known from before that it is new code's.
    Known,
    /// The place of the panic is recorded at this address, in new code.
    Recorded(usize),
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
        let is_new = |address: usize| {
            let mut libraries = known.iter();
            libraries.any(|library| library.segments.hold(address))
        };
        let recorded = location.map(|location| std::ptr::from_ref(location).addr());
        match recorded.filter(|address| is_new(*address)) {
            Some(address) => Some(Blame::Recorded(address)),
            None => Some(Blame::Calls(return_addresses_to(is_new))),
        }
    }

    /// Whose the new code is that panicked, or that was called last; `None` if it is not known, or not mapped any more.
    pub(super) fn krate(&self) -> Option<&'static HotCrate> {
        match self {
            Blame::Known => None,
            Blame::Recorded(address) => crate_at(*address),
            // The call itself: behind it may begin another module.
            Blame::Calls(calls) => crate_at(calls.last()?.saturating_sub(1)),
        }
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
