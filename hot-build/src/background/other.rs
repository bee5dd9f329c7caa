//! Where threads have no priority that is changed without more ado, the work is done with the usual one.

pub(super) fn lower() {}
