//! The stable code of each refusal, and of each check that a load could not make.

use crate::allocator::HeapCheck;
use crate::error::LoadError;
use crate::layout::LayoutDepth;
use crate::overdue::Work;

impl LoadError {
    /// Every code that [`code`](Self::code) can give, each with what it stands for. `docs/codes/` of the
    /// repository has a page for each.
    pub const CODES: &'static [(&'static str, &'static str)] = &[
        (
            "HOT0301",
            "The library cannot be copied to a name of its own.",
        ),
        ("HOT0302", "The library's file cannot be read."),
        ("HOT0303", "The file is no dynamic library."),
        ("HOT0304", "The library holds no hot crate of that name."),
        (
            "HOT0305",
            "The library was built in another way than the program.",
        ),
        (
            "HOT0306",
            "The library has another allocator than the program.",
        ),
        ("HOT0307", "The system's loader refused the library."),
        (
            "HOT0308",
            "The library does not export a function that it must.",
        ),
        ("HOT0309", "Opening the library took too long."),
        ("HOT0310", "The library could not be initialised."),
        ("HOT0311", "Two nodes of the library have one name."),
        (
            "HOT0312",
            "The thread that loads libraries cannot be started.",
        ),
        (
            "HOT0315",
            "The library ended the child process that opened it first.",
        ),
        (
            "HOT0316",
            "There is no child process to be had to try out the library.",
        ),
    ];

    /// The code of this refusal: `HOT` and four digits, of which the first two are 03. It never changes its
    /// meaning.
    ///
    /// ```
    /// let error = hot_load::read_fingerprints("no/such/library.so".as_ref()).unwrap_err();
    /// assert_eq!(error.code(), "HOT0302");
    /// ```
    pub fn code(&self) -> &'static str {
        match self {
            LoadError::Copy { .. } => "HOT0301",
            LoadError::Read { .. } => "HOT0302",
            LoadError::NotALibrary { .. } => "HOT0303",
            LoadError::NoFingerprint { .. } => "HOT0304",
            LoadError::Incompatible { .. } => "HOT0305",
            LoadError::OtherAllocator { .. } => "HOT0306",
            LoadError::Open { .. } => "HOT0307",
            LoadError::MissingSymbol { .. } => "HOT0308",
            LoadError::Deadline { .. } => "HOT0309",
            LoadError::Init { .. } => "HOT0310",
            LoadError::DuplicateNodes { .. } => "HOT0311",
            LoadError::Thread { .. } => "HOT0312",
            LoadError::Canary { .. } => "HOT0315",
            LoadError::CanaryStart { .. } => "HOT0316",
        }
    }
}

impl Work {
    /// The code that was told when this work missed its deadline.
    pub fn code(&self) -> &'static str {
        match self {
            Work::Opening { .. } => "HOT0309",
            Work::Migration => "HOT0414",
        }
    }
}

impl LayoutDepth {
    /// Every code that [`code`](Self::code) can give, each with what it stands for.
    pub const CODES: &'static [(&'static str, &'static str)] = &[(
        "HOT0313",
        "The layouts of types are compared by name and size only.",
    )];

    /// The code of a comparison that could not be made in full; `None` for one that was. It never changes
    /// its meaning.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            LayoutDepth::Deep => None,
            LayoutDepth::Shallow { .. } => Some("HOT0313"),
        }
    }
}

impl HeapCheck {
    /// Every code that [`code`](Self::code) can give, each with what it stands for.
    pub const CODES: &'static [(&'static str, &'static str)] = &[(
        "HOT0314",
        "It is not known whether program and library have one allocator.",
    )];

    /// The code of a check that could not be made; `None` for one that was. It never changes its meaning.
    pub fn code(self) -> Option<&'static str> {
        match self {
            HeapCheck::Same => None,
            HeapCheck::Unknown => Some("HOT0314"),
        }
    }
}
