//! That a thread panics, as the modules see it that a panic of another passes through.
//!
//! `std::thread::panicking` tells of the panics of its own module's runtime. Destructors go by it: a lock is
//! poisoned, and a guard that must not be forgotten complains only on a thread that does not panic; such a complaint
//! while the stack unwinds ends the process. So a module that cleans up for a foreign exception has one of its own
//! in flight meanwhile, its companion, until the foreign one is caught by the runtime that raised it. That is where
//! each ends: who catches it in its place hands it to that runtime first.

use super::foreign::Exception;
use std::cell::RefCell;
use std::ptr::NonNull;

/// How a module has an exception in flight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Companions {
    /// What its exceptions are known by.
    pub(super) mark: usize,
    /// Raises one, and keeps it.
    pub(super) begin: fn() -> NonNull<Exception>,
    /// Catches one that it keeps.
    pub(super) end: fn(NonNull<Exception>),
}

/// In the program: a module is about to clean up for a foreign exception.
pub(crate) fn passes(foreign: NonNull<Exception>, module: Companions) {
    let is_known = |known: &mut Vec<Companion>| {
        let mut known = known.iter();
        known.any(|known| known.foreign == foreign && known.module.mark == module.mark)
    };
    if with_companions(is_known) != Some(false) {
        return;
    }
    // Not while the list is borrowed: an exception that is raised passes here, too.
    let companion = Companion {
        foreign,
        own: (module.begin)(),
        module,
    };
    with_companions(|known| known.push(companion));
}

/// In the program: an exception is caught by the runtime that raised it.
pub(crate) fn is_caught(exception: NonNull<Exception>) {
    let next = |known: &mut Vec<Companion>| {
        let last = known.iter().rposition(|known| known.foreign == exception)?;
        Some(known.remove(last))
    };
    while let Some(Some(companion)) = with_companions(next) {
        (companion.module.end)(companion.own);
    }
}

/// An exception of one module, which is in flight as long as a foreign one is.
struct Companion {
    foreign: NonNull<Exception>,
    own: NonNull<Exception>,
    module: Companions,
}

thread_local! {
    static COMPANIONS: RefCell<Vec<Companion>> = const { RefCell::new(Vec::new()) };
}

/// `None` where the thread is past the point at which its locals can be used.
fn with_companions<R>(f: impl FnOnce(&mut Vec<Companion>) -> R) -> Option<R> {
    COMPANIONS
        .try_with(|companions| f(&mut companions.borrow_mut()))
        .ok()
}
