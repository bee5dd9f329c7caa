//! Where threads have no priority that can be lowered so simply.

pub(super) fn lower() {}
