//! Panics of another runtime: those of the program, or of another library, that come into this one, and those of
//! a library that come into the program.
//!
//! std's `catch_unwind` ends the process when it meets an exception that its own runtime did not raise. So
//! in a library every `catch_unwind` gets an exception of its own in the place of such a one, which the
//! runtime that raised it catches: the panic is then that module's no more, and is raised there again when it
//! leaves this library. An exception of nobody known, as from C++, is left alone.
//!
//! In a program it is the same, once it has a library with a runtime of its own. What such a library hands out, a
//! closure or an object, may be called or dropped where nothing of the library contains its panic. So that is
//! told here, and the program catches it as a panic of its own, with the message for a payload. What a library hands
//! out that shares the program's runtime panics as the program itself does, and is told where the program catches it.
//!
//! Where this is not known for a platform, the process ends as std has it.

use super::panicking::Companions;
use super::{Caught, adopted, blame, catch_here, pass_on, place};
use crate::policy;
use crate::registry::HotCrate;
use crate::services;
use std::panic;
use std::ptr::NonNull;
use std::sync::{PoisonError, RwLock};

#[cfg_attr(
    all(
        target_os = "linux",
        any(target_arch = "x86_64", target_arch = "aarch64"),
        target_env = "gnu",
        panic = "unwind"
    ),
    path = "foreign/linux.rs"
)]
#[cfg_attr(
    not(all(
        target_os = "linux",
        any(target_arch = "x86_64", target_arch = "aarch64"),
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
    /// Whose library it is of; `None` for the program's.
    krate: Option<&'static HotCrate>,
}

/// Raises an exception again in the module that raised it first, and catches it there.
type Adopt = fn(NonNull<Exception>) -> Box<Caught>;

/// In the program: notes a library of `krate` that shares its runtime, and has the program tell from now on what of new
/// code panics where nothing of new code contains it.
pub(crate) fn note_library(krate: &'static HotCrate) {
    blame::note_library(krate);
    platform::exchange_foreign_exceptions();
}

/// In the program: makes its runtime known to all libraries.
pub(crate) fn settle_as_program() {
    if let Some(mark) = platform::own_mark() {
        let krate = None;
        register(Runtime { mark, adopt, krate });
    }
}

/// In a library of `krate` that was handed the program's services: makes its runtime known, and has it catch what
/// others raise.
pub(crate) fn settle_as_library(krate: &'static HotCrate) {
    if let Some(mark) = platform::own_mark() {
        let krate = Some(krate);
        (services::current().add_runtime)(Runtime { mark, adopt, krate });
        platform::exchange_foreign_exceptions();
    }
}

/// Where in memory the routine is that says where a panic ends in the program's frames, for those of a library that
/// shares the program's runtime: std's, until the program learns to catch what other runtimes raise. `None` where the
/// program does not learn that.
///
/// It is called as `rust_eh_personality` is.
pub fn personality() -> Option<usize> {
    platform::personality()
}

/// In the program: makes a runtime known to all modules. If it is a library's, the program catches from now on
/// what that raises.
pub(crate) fn register(runtime: Runtime) {
    if runtime.krate.is_some() {
        platform::exchange_foreign_exceptions();
    }
    let mut runtimes = RUNTIMES.write().unwrap_or_else(PoisonError::into_inner);
    // A library that is mapped where an unmapped one was takes its place.
    runtimes.retain(|known| known.mark != runtime.mark);
    runtimes.push(runtime);
}

/// In the program: the runtime whose exceptions have this mark.
pub(crate) fn find(mark: usize) -> Option<Runtime> {
    let runtimes = RUNTIMES.read().unwrap_or_else(PoisonError::into_inner);
    let mut runtimes = runtimes.iter();
    runtimes.find(|runtime| runtime.mark == mark).copied()
}

/// What is told to have panicked where no function and no node was called, but what they gave out.
const HANDED_OUT: &str = "a closure or an object";

static RUNTIMES: RwLock<Vec<Runtime>> = RwLock::new(Vec::new());

fn adopt(exception: NonNull<Exception>) -> Box<Caught> {
    adopted(panic::catch_unwind(|| platform::raise(exception)))
}

/// An exception of this module's runtime in the place of a foreign one; `None` if that is nobody's who is
/// known.
#[allow(dead_code, reason = "called only on platforms that can exchange them")]
fn exchange(mark: usize, foreign: NonNull<Exception>) -> Option<NonNull<Exception>> {
    let runtime = (services::current().runtime)(mark)?;
    let mut caught = (runtime.adopt)(foreign);
    if let Some(krate) = runtime.krate
        && !caught.passes()
    {
        // Here it ends, or goes on as another module's: no edge of its own library will see it.
        policy::tell_going_on(krate, HANDED_OUT, caught.as_ref().clone());
        caught = Box::new(caught.told());
    }
    Some(platform::capture(|| pass_on(caught)))
}

/// Tells of a panic of this module's runtime that code at `catcher` is about to catch, if it has to be told.
#[allow(dead_code, reason = "called only on platforms that can exchange them")]
fn tell_of_caught(catcher: usize) {
    // What a full library catches of its own it knows of.
    if !services::in_library()
        && let Some((krate, caught)) = place::caught_at(catcher)
    {
        policy::tell_going_on(krate, HANDED_OUT, caught);
    }
}

/// Has this module panic along with a foreign exception, for which it is about to clean up.
#[allow(dead_code, reason = "called only on platforms that can exchange them")]
fn accompany(mark: usize, foreign: NonNull<Exception>) {
    let services = services::current();
    if let Some(mark_of_own) = platform::own_mark()
        && (services.runtime)(mark).is_some()
    {
        let module = Companions {
            mark: mark_of_own,
            begin: || platform::capture(|| panic::resume_unwind(Box::new(()))),
            end: |own| drop(catch_here(|| platform::raise(own))),
        };
        (services.passes)(foreign, module);
    }
}
