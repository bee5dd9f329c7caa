//! How a hot crate stands.

use crate::crate_id::CrateId;
use crate::event::Millis;
use crate::source::Source;
use hot_build::{BuildError, BuildMode, CargoReason, FallbackReason};
use hot_load::{LoadError, MigrationError, Overdue};
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

/// How a hot crate stands right now. It is changed before the event that tells of the change is sent.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct HotStatus {
    /// The crate.
    pub krate: CrateId,
    /// When the running build was started; `None` if none is running.
    pub building: Option<Instant>,
    /// How the last build ended: how long it took, or why it failed. `None` if it was never built while
    /// the program runs.
    pub last_build: Option<Result<Duration, BuildError>>,
    /// Why the last library was not loaded; `None` if it was, or if there was none.
    pub refused: Option<LoadError>,
    /// How the last library was linked; `None` if there was none.
    pub mode: Option<BuildMode>,
    /// Why the last library is not thin, where it could have been.
    pub fallback: Option<FallbackReason>,
    /// Why cargo was asked for the last library, where the compiler alone does in other cases.
    pub asked_cargo: Option<CargoReason>,
    /// How many builds were started.
    pub rebuild_count: u32,
    /// The number of the live generation; 0 is the code linked into the program.
    pub generation: u32,
    /// The sources that the live generation was built from; `None` where that is not known: a file could not be
    /// read, or the program is older than its sources.
    pub source: Option<Source>,
    /// Whether the sources are not those of the live generation: a save is being built, failed, was refused, waits
    /// for the safe point or was rolled back, or the program went to another generation.
    pub stale: bool,
    /// How the last attempt to bring code live ended; `None` while there was none.
    pub outcome: Option<Outcome>,
    /// The functions and nodes of the live generation that panicked, and that other code answers for.
    pub panicked: Vec<PanickedItem>,
    /// Work that has not ended though its deadline is over. Its end, if it comes, is told by
    /// [`Event::EndedLate`](crate::Event::EndedLate).
    pub overdue: Vec<Overdue>,
}

impl HotStatus {
    pub(crate) fn new(krate: CrateId) -> HotStatus {
        HotStatus {
            krate,
            building: None,
            last_build: None,
            refused: None,
            mode: None,
            fallback: None,
            asked_cargo: None,
            rebuild_count: 0,
            generation: 0,
            source: None,
            stale: false,
            outcome: None,
            panicked: Vec::new(),
            overdue: Vec::new(),
        }
    }

    /// The folder of the crate's Cargo.toml.
    pub fn manifest_dir(&self) -> &Path {
        self.krate.manifest_dir()
    }

    /// Whether the last build made a library; also true while there was no build.
    pub fn ok(&self) -> bool {
        !matches!(self.last_build, Some(Err(_)))
    }

    /// Whether the last build was cancelled.
    pub fn is_cancelled(&self) -> bool {
        matches!(&self.last_build, Some(Err(error)) if error.is_cancelled())
    }

    /// Why the last build failed, if it failed for another reason than being cancelled.
    pub fn err(&self) -> Option<&BuildError> {
        match &self.last_build {
            Some(Err(error)) if !error.is_cancelled() => Some(error),
            _ => None,
        }
    }
}

/// Which generation is live, of which sources, and what became of the newest save.
impl fmt::Display for HotStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.generation {
            0 => write!(
                f,
                "{}: the code linked into the program is live",
                self.krate
            )?,
            number => write!(f, "{}: generation {number} is live", self.krate)?,
        }
        if let Some(source) = &self.source {
            write!(f, " ({source})")?;
        }
        for PanickedItem { item, answered_by } in &self.panicked {
            write!(
                f,
                "; `{item}` panicked and is answered by generation {answered_by}"
            )?;
        }
        if self.stale {
            f.write_str("; it is not what the sources say now")?;
        }
        match (&self.outcome, self.building) {
            (_, Some(_)) => f.write_str("; a build is running"),
            (Some(outcome), None) => write!(f, "; {outcome}"),
            (None, None) => Ok(()),
        }
    }
}

/// How an attempt to bring code live ended.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// A generation went live, so long after the change was seen; `None` if no change led to it.
    Applied(Option<Duration>),
    /// The code that is live is that of the sources.
    Unchanged,
    /// The build failed, as `last_build` tells.
    BuildFailed,
    /// The build was cancelled, and none follows.
    Cancelled,
    /// The library was refused, as `refused` tells.
    Refused,
    /// The generation was loaded and could not go live.
    NotApplied {
        /// The generation.
        generation: u32,
        /// Why.
        error: MigrationError,
    },
    /// The generation panicked among its first calls, and was left.
    RolledBack {
        /// The generation.
        from: u32,
        /// What panicked, and with which message.
        reason: String,
    },
    /// The sources are those of a generation that was rolled back, which is not made live for that.
    KnownBad {
        /// The generation.
        generation: u32,
        /// What panicked, and with which message.
        reason: String,
    },
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Applied(Some(time)) => {
                write!(f, "it went live {} after the change", Millis(*time))
            }
            Outcome::Applied(None) => f.write_str("it went live on request"),
            Outcome::Unchanged => f.write_str("the last save changed nothing that runs"),
            Outcome::BuildFailed => f.write_str("the last build failed"),
            Outcome::Cancelled => f.write_str("the last build was cancelled"),
            Outcome::Refused => f.write_str("the last library was refused"),
            Outcome::NotApplied { generation, error } => {
                write!(f, "generation {generation} did not go live: {error}")
            }
            Outcome::RolledBack { from, reason } => {
                write!(f, "generation {from} was rolled back: {reason}")
            }
            Outcome::KnownBad { generation, reason } => write!(
                f,
                "the sources are those of generation {generation}, which was left: {reason}"
            ),
        }
    }
}

/// A function or node that panicked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PanickedItem {
    /// The path of the function, or the name of the node.
    pub item: &'static str,
    /// The generation that answers for it; 0 is the code linked into the program.
    pub answered_by: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancelled_build_is_no_failure() {
        let mut status = HotStatus::new(CrateId::new("scene", "/scene"));
        assert!(status.ok() && !status.is_cancelled() && status.err().is_none());
        status.last_build = Some(Err(BuildError::Cancelled));
        assert!(!status.ok() && status.is_cancelled() && status.err().is_none());
        status.last_build = Some(Ok(Duration::from_millis(3)));
        assert!(status.ok() && !status.is_cancelled());
    }
}
