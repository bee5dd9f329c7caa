//! Functions of a hot crate that run when a generation is left and when one is entered.

use crate::boundary::Caught;

/// When a hook runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookKind {
    /// Before the generation it belongs to is left for a newer one.
    Leave,
    /// After the generation it belongs to has become the live one.
    Enter,
}

/// A function marked with [`#[hot_leave]`](crate::hot_leave) or [`#[hot_enter]`](crate::hot_enter), as
/// it registers.
#[derive(Debug)]
pub struct HookEntry {
    /// When it runs.
    pub kind: HookKind,
    /// The path of its module, `::`, its name.
    pub path: &'static str,
    /// Calls it, and contains its panic.
    pub run: fn() -> Result<(), Box<Caught>>,
}
