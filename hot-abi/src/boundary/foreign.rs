//! Panics of another runtime: those of the program, or of another library, that pass through this one.
//!
//! std's `catch_unwind` ends the process when it meets an exception that its own runtime did not raise. So
//! in a library a frame below it stops such an exception, if its runtime is known, and has that runtime
//! catch it: the panic is then a value like any other. An exception of nobody known, as from C++, is left
//! alone.
//!
//! Where there is no such frame for a platform, the process ends as std has it.

use super::{Caught, adopted};
use crate::services;
use std::ptr::NonNull;
use std::sync::{PoisonError, RwLock};

#[cfg_attr(
    all(
        target_os = "linux",
        target_arch = "x86_64",
        target_env = "gnu",
        panic = "unwind"
    ),
    path = "foreign/linux_x86_64.rs"
)]
#[cfg_attr(
    not(all(
        target_os = "linux",
        target_arch = "x86_64",
        target_env = "gnu",
        panic = "unwind"
    )),
    path = "foreign/elsewhere.rs"
)]
mod platform;

use platform::Exception;

/// The panic runtime of a module, as others see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Runtime {
    /// What its exceptions are known by.
    mark: usize,
    /// Has it catch an exception of its own.
    adopt: Adopt,
}

/// Raises an exception again in the module that raised it first, and catches it there.
pub(crate) type Adopt = fn(NonNull<Exception>) -> Box<Caught>;

/// The runtime of this module, where exceptions can be told apart.
pub(crate) fn runtime() -> Option<Runtime> {
    platform::learn_mark().map(|mark| Runtime { mark, adopt })
}

/// In the program: makes a runtime known to all libraries.
pub(crate) fn register(runtime: Runtime) {
    let mut runtimes = RUNTIMES.write().unwrap_or_else(PoisonError::into_inner);
    // A library that is mapped where an unmapped one was takes its place.
    runtimes.retain(|known| known.mark != runtime.mark);
    runtimes.push(runtime);
}

/// In the program: what catches the exceptions with this mark.
pub(crate) fn find(mark: usize) -> Option<Adopt> {
    let runtimes = RUNTIMES.read().unwrap_or_else(PoisonError::into_inner);
    let known = runtimes.iter().find(|runtime| runtime.mark == mark);
    known.map(|runtime| runtime.adopt)
}

static RUNTIMES: RwLock<Vec<Runtime>> = RwLock::new(Vec::new());

/// Calls `f`; in a library, a panic of another known runtime ends here.
#[inline]
pub(super) fn stop<R>(f: impl FnOnce() -> R) -> Result<R, Box<Caught>> {
    if !services::in_library() {
        return Ok(f());
    }
    platform::stop(f).map_err(|exception| {
        let adopt =
            platform::mark_of(exception).and_then(|mark| (services::current().runtime)(mark));
        adopt.expect("only exceptions of known runtimes are stopped")(exception)
    })
}

fn adopt(exception: NonNull<Exception>) -> Box<Caught> {
    adopted(std::panic::catch_unwind(|| platform::raise(exception)))
}
