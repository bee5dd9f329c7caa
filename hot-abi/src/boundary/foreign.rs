//! Panics of another runtime: those of the program, or of another library, that come into this one.
//!
//! std's `catch_unwind` ends the process when it meets an exception that its own runtime did not raise. So
//! in a library every `catch_unwind` gets an exception of its own in the place of such a one, which the
//! runtime that raised it catches: the panic is then that module's no more, and is raised there again when it
//! leaves this library. An exception of nobody known, as from C++, is left alone.
//!
//! Where this is not known for a platform, the process ends as std has it.

use super::{Caught, adopted, pass_on};
use crate::services;
use std::panic;
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

pub(crate) use platform::Exception;

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

/// In the program: makes its runtime known to all libraries.
pub(crate) fn settle_as_program() {
    if let Some(mark) = platform::own_mark() {
        register(Runtime { mark, adopt });
    }
}

/// In a library that was handed the program's services: makes its runtime known, and has it catch what
/// others raise.
pub(crate) fn settle_as_library() {
    if let Some(mark) = platform::own_mark() {
        (services::current().add_runtime)(Runtime { mark, adopt });
        platform::exchange_foreign_exceptions();
    }
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

fn adopt(exception: NonNull<Exception>) -> Box<Caught> {
    adopted(panic::catch_unwind(|| platform::raise(exception)))
}

/// An exception of this module's runtime in the place of a foreign one; `None` if that is nobody's who is
/// known.
#[allow(dead_code, reason = "called only on platforms that can exchange them")]
fn exchange(mark: usize, foreign: NonNull<Exception>) -> Option<NonNull<Exception>> {
    let adopt = (services::current().runtime)(mark)?;
    let caught = adopt(foreign);
    Some(platform::capture(|| pass_on(caught)))
}
