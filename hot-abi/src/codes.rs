//! The stable code of each thing that did not go as the edit wanted it.
//!
//! A code is `HOT` and four digits, and never changes its meaning. `docs/codes/` of the repository has a
//! page for each.

use crate::boundary::Caught;
use crate::exchange::Refusal;
use crate::generation::{Applied, LayoutChange, SignatureChange};
use crate::held::MigrationError;
use crate::notice::{FallbackReason, Notice};
use crate::state::StateReport;
use crate::statics::{PatchReport, StaticMismatch};

/// A code and what it stands for, in a sentence.
type Code = (&'static str, &'static str);

const SIGNATURE_CHANGED: Code = ("HOT0401", "A hot function changed its signature.");
const LAYOUT_CHANGED: Code = (
    "HOT0402",
    "A type that a hot function or node hands over changed its layout.",
);
const FUNCTION_REMOVED: Code = ("HOT0403", "A hot function that the program calls is gone.");
const NODE_REMOVED: Code = ("HOT0404", "A hot node that the program has is gone.");
const NOT_A_REQUEST: Code = (
    "HOT0405",
    "A library was asked for a node without a request.",
);
const ARGUMENTS_CHANGED: Code = ("HOT0406", "The arguments of a hot node changed.");
const INTERFACE_CHANGED: Code = ("HOT0407", "The interface of a hot node changed.");
const NODE_LAYOUT_CHANGED: Code = (
    "HOT0408",
    "A hot node is not made anew, for a type that it hands over changed its layout.",
);
const NODE_NOT_FOUND: Code = ("HOT0409", "The newest library has no node of that name.");
const HELD_IS_BUSY: Code = (
    "HOT0410",
    "A value that the program holds for its hot code is locked.",
);
const STATIC_RETYPED: Code = ("HOT0411", "A shared static changed its type.");
const STATE_DROPPED: Code = (
    "HOT0412",
    "A part of the state could not be carried over to new code.",
);
const NOT_FORWARDED: Code = (
    "HOT0413",
    "New code set a logger or subscriber of its own before it was initialised.",
);
const MIGRATION_DEADLINE: Code = (
    "HOT0414",
    "The migration of the values that the program holds took too long.",
);
const MIGRATION_OUTDATED: Code = (
    "HOT0415",
    "Values that the program holds were used while they migrated for too long.",
);
const MIGRATION_THREAD: Code = (
    "HOT0416",
    "The thread that migrates the values that the program holds cannot be started.",
);
const PANICKED: Code = ("HOT0501", "New code panicked.");
const CONSTRUCTOR_PANICKED: Code = ("HOT0502", "A hot node panicked while it was made.");
const MIGRATION_PANICKED: Code = (
    "HOT0503",
    "The migration of a value that the program holds panicked.",
);

impl SignatureChange {
    /// The code of a function whose signature changed.
    pub const CODE: &'static str = SIGNATURE_CHANGED.0;
}

impl LayoutChange {
    /// The code of an item that hands over a type whose layout changed.
    pub const CODE: &'static str = LAYOUT_CHANGED.0;
}

impl Caught {
    /// The code of a panic of new code.
    pub const CODE: &'static str = PANICKED.0;
}

impl StaticMismatch {
    /// The code of a static whose type changed.
    pub const CODE: &'static str = STATIC_RETYPED.0;
}

impl Applied {
    /// Every code that [`codes`](Self::codes) can give, each with what it stands for.
    pub const CODES: &'static [(&'static str, &'static str)] = &[
        SIGNATURE_CHANGED,
        LAYOUT_CHANGED,
        FUNCTION_REMOVED,
        NODE_REMOVED,
    ];

    /// The code of a function that is gone.
    pub const FUNCTION_REMOVED: &'static str = FUNCTION_REMOVED.0;

    /// The code of a node that is gone.
    pub const NODE_REMOVED: &'static str = NODE_REMOVED.0;

    /// The codes of all that did not go live, each once.
    pub fn codes(&self) -> Vec<&'static str> {
        let Applied {
            functions: _,
            signatures_changed,
            layouts_changed,
            functions_removed,
            nodes: _,
            nodes_removed,
            // A migration that fails keeps everything from going live. What it drops, its report tells.
            migrated,
        } = self;
        let of = |happened: bool, code: Code| happened.then_some(code.0);
        let dropped = migrated.iter().any(|one| one.report.code().is_some());
        [
            of(!signatures_changed.is_empty(), SIGNATURE_CHANGED),
            of(!layouts_changed.is_empty(), LAYOUT_CHANGED),
            of(!functions_removed.is_empty(), FUNCTION_REMOVED),
            of(dropped, STATE_DROPPED),
            of(!nodes_removed.is_empty(), NODE_REMOVED),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl PatchReport {
    /// Every code that [`code`](Self::code) can give, each with what it stands for.
    pub const CODES: &'static [(&'static str, &'static str)] = &[STATIC_RETYPED];

    /// The code of a report with statics that are not shared though they should be.
    pub fn code(&self) -> Option<&'static str> {
        (!self.mismatched.is_empty()).then_some(StaticMismatch::CODE)
    }
}

impl StateReport {
    /// Every code that [`code`](Self::code) can give, each with what it stands for.
    pub const CODES: &'static [(&'static str, &'static str)] = &[STATE_DROPPED];

    /// The code of a report with values that could not be carried over.
    pub fn code(&self) -> Option<&'static str> {
        (!self.dropped.is_empty()).then_some(STATE_DROPPED.0)
    }
}

impl Refusal {
    /// Every code that [`code`](Self::code) can give, each with what it stands for.
    pub const CODES: &'static [(&'static str, &'static str)] = &[
        NOT_A_REQUEST,
        ARGUMENTS_CHANGED,
        INTERFACE_CHANGED,
        NODE_LAYOUT_CHANGED,
        CONSTRUCTOR_PANICKED,
    ];

    /// The code of this refusal.
    ///
    /// ```
    /// use hot_abi::exchange::Exchange;
    /// let refused = Exchange::Responding.take_request().unwrap_err();
    /// assert_eq!(refused.code(), "HOT0405");
    /// ```
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::NotARequest { .. } => NOT_A_REQUEST.0,
            Refusal::Arguments { .. } => ARGUMENTS_CHANGED.0,
            Refusal::Interface { .. } => INTERFACE_CHANGED.0,
            Refusal::Layout { .. } => NODE_LAYOUT_CHANGED.0,
            Refusal::Panicked { .. } => CONSTRUCTOR_PANICKED.0,
        }
    }
}

impl FallbackReason {
    /// Every code that [`code`](Self::code) can give besides those of a [`Refusal`], each with what it stands
    /// for.
    pub const CODES: &'static [(&'static str, &'static str)] = &[NODE_NOT_FOUND];

    /// The code of this reason; `None` where there simply is no newer code yet.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            FallbackReason::NoLibrary => None,
            FallbackReason::NotFound => Some(NODE_NOT_FOUND.0),
            FallbackReason::Refused(refusal) => Some(refusal.code()),
        }
    }
}

impl MigrationError {
    /// Every code that [`code`](Self::code) can give, each with what it stands for.
    pub const CODES: &'static [(&'static str, &'static str)] = &[
        HELD_IS_BUSY,
        MIGRATION_DEADLINE,
        MIGRATION_OUTDATED,
        MIGRATION_THREAD,
        MIGRATION_PANICKED,
    ];

    /// The code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            MigrationError::Busy => HELD_IS_BUSY.0,
            MigrationError::Panicked { .. } => MIGRATION_PANICKED.0,
            MigrationError::Deadline { .. } => MIGRATION_DEADLINE.0,
            MigrationError::Outdated { .. } => MIGRATION_OUTDATED.0,
            MigrationError::Thread { .. } => MIGRATION_THREAD.0,
        }
    }
}

impl Notice {
    /// Every code that [`code`](Self::code) can give besides those of what it holds, each with what it stands
    /// for. That of a static whose type changed is among those of a [`PatchReport`].
    pub const CODES: &'static [(&'static str, &'static str)] = &[NOT_FORWARDED, PANICKED];

    /// The code of this notice; `None` where nothing is wrong.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Notice::Fallback { reason, .. } => reason.code(),
            Notice::Instantiated { .. } => None,
            Notice::StateCarried { report, .. } => report.code(),
            Notice::NotForwarded { .. } => Some(NOT_FORWARDED.0),
            Notice::LocalAnew { .. } => Some(STATIC_RETYPED.0),
            Notice::Panicked { .. } => Some(PANICKED.0),
        }
    }
}
