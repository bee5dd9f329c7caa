//! The stable code of each event that tells of a failure or a refusal.

use crate::event::Event;
use crate::problem::Problem;
use hot_abi::boundary::Caught;
use hot_build::ChangedStatic;
use hot_load::{HeapCheck, MigrationError, StaticMismatch};
use std::fmt;

impl Event {
    /// Every code that [`codes`](Self::codes) can give besides those of what it holds, each with what it stands
    /// for.
    pub const CODES: &'static [(&'static str, &'static str)] = &[(
        "HOT0504",
        "A generation panicked among its first calls and was rolled back.",
    )];

    /// The code of a generation that was rolled back.
    pub const ROLLED_BACK: &'static str = "HOT0504";

    /// The codes of what went wrong: `HOT` and four digits each, which never change their meaning, in the
    /// order in which the sentence shows them. Empty where nothing did. `docs/codes/` of the repository has a
    /// page for each.
    ///
    /// ```
    /// # #[cfg(feature = "reload")] {
    /// use hot_app::{Event, Problem};
    /// let event = Event::Problem { problem: Problem::NotStarted };
    /// assert_eq!(event.codes(), ["HOT0703"]);
    /// assert!(event.to_string().ends_with("[HOT0703]"));
    /// # }
    /// ```
    pub fn codes(&self) -> Vec<&'static str> {
        let one = |code: Option<&'static str>| code.into_iter().collect();
        match self {
            Event::Built {
                fallback,
                changed_statics,
                ..
            } => {
                let mut statics = changed_statics.iter();
                let anew = statics.any(ChangedStatic::begins_anew);
                let anew = anew.then_some(StaticMismatch::CODE);
                let fallback = fallback.as_ref().map(|reason| reason.code());
                fallback.into_iter().chain(anew).collect()
            }
            Event::EndedLate {
                failed: Some(_),
                work,
                ..
            } => vec![work.code()],
            Event::BuildFailed { error, .. } => one(error.code()),
            Event::Loaded { statics, .. } => one(statics.code()),
            Event::Refused { error, .. } => vec![error.code()],
            Event::Applied { items, .. } => items.codes(),
            Event::NotApplied { error, .. } => vec![error.code()],
            Event::HeldBack { .. } => vec![MigrationError::Busy.code()],
            Event::StateCarried { report, .. } => one(report.code()),
            Event::Fallback { code, .. } => one(*code),
            Event::Panicked { .. } | Event::WaitingForBuild { .. } | Event::NotWaiting { .. } => {
                vec![Caught::CODE]
            }
            Event::RolledBack { items, .. } => {
                let rolled_back = std::iter::once(Event::ROLLED_BACK);
                rolled_back.chain(items.codes()).collect()
            }
            Event::NotRecalled { .. } => vec![Event::ROLLED_BACK],
            Event::Problem { problem } => one(problem.code()),
            Event::Watching { .. }
            | Event::Polling { .. }
            | Event::RootReturned { .. }
            | Event::ChangeSeen { .. }
            | Event::BuildStarted { .. }
            | Event::Progress { .. }
            | Event::Unchanged { .. }
            | Event::Cancelled { .. }
            | Event::Recalled { .. }
            | Event::EndedLate { .. }
            | Event::NodeMade { .. } => Vec::new(),
        }
    }
}

impl Problem {
    /// Every code that [`code`](Self::code) can give besides those of what it holds, each with what it stands
    /// for. `docs/codes/` of the repository has a page for each.
    pub const CODES: &'static [(&'static str, &'static str)] = &[
        (
            "HOT0701",
            "A request names a crate that is no hot crate of the program.",
        ),
        (
            "HOT0702",
            "A request names a generation that is not in memory.",
        ),
        ("HOT0703", "A request comes before reloading is started."),
        ("HOT0704", "Reloading is started a second time."),
        ("HOT0705", "No hot crate is linked into the program."),
        ("HOT0706", "Two nodes of a hot crate have one name."),
        ("HOT0707", "Two shared statics have one key."),
        ("HOT0708", "A thread of the reloading cannot be started."),
        (
            "HOT0709",
            "It is not known which other crates a hot crate depends on.",
        ),
        (
            "HOT0710",
            "It is not known which files a hot crate includes from other folders.",
        ),
        ("HOT0711", "HOT_LINKING has a value that is none."),
        (
            "HOT0712",
            "New code cannot be tried out in a child process on this system.",
        ),
        ("HOT0713", "The program is built so that panics end it."),
    ];

    /// The code of this problem: `HOT` and four digits. It never changes its meaning.
    pub fn code(&self) -> Option<&'static str> {
        Some(match self {
            Problem::Watching(error) | Problem::NothingWatched(error) => error.code(),
            Problem::ShallowLayouts { depth, .. } => return depth.code(),
            Problem::AllocatorUnknown { .. } => return HeapCheck::Unknown.code(),
            Problem::HotCrate(notice) => return notice.code(),
            Problem::UnknownCrate { .. } => "HOT0701",
            Problem::UnknownGeneration { .. } => "HOT0702",
            Problem::NotStarted => "HOT0703",
            Problem::StartedAlready => "HOT0704",
            Problem::NoHotCrate => "HOT0705",
            Problem::DuplicateNode { .. } => "HOT0706",
            Problem::RepeatedStatic { .. } => "HOT0707",
            Problem::Thread { .. } => "HOT0708",
            Problem::ScopeUnknown { .. } => "HOT0709",
            Problem::InputsUnknown { .. } => "HOT0710",
            Problem::UnknownLinking { .. } => "HOT0711",
            Problem::CanaryUnavailable => "HOT0712",
            Problem::PanicsAbort => "HOT0713",
        })
    }
}

/// A code as a sentence shows it, with a space before it; nothing where there is none.
pub(crate) struct Tag(pub(crate) Option<&'static str>);

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(code) => write!(f, " [{code}]"),
            None => Ok(()),
        }
    }
}
