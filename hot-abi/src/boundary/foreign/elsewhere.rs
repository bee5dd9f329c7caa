//! Platforms where exceptions of other runtimes are left to std.

use std::ptr::NonNull;

/// There is none.
pub(crate) enum Exception {}

pub(super) fn own_mark() -> Option<usize> {
    None
}

pub(super) fn exchange_foreign_exceptions() {}

pub(super) fn personality() -> Option<usize> {
    None
}

pub(super) fn raise(exception: NonNull<Exception>) {
    unreachable!("no exception was exchanged: {exception:?}")
}

pub(super) fn capture(_: impl FnOnce()) -> NonNull<Exception> {
    unreachable!("no exception is exchanged")
}
