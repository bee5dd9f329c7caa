//! Where std's backtraces are all there are.

pub(crate) fn install() {}
