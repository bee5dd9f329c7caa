//! How a hot crate stands.

use crate::crate_id::CrateId;
use hot_build::{BuildError, BuildMode, FallbackReason};
use hot_load::{LoadError, Overdue};
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
    /// How many builds were started.
    pub rebuild_count: u32,
    /// The number of the live generation; 0 is the code linked into the program.
    pub generation: u32,
    /// Whether a save was seen that the live generation does not have: it is being built, failed, was
    /// refused, or waits for the safe point.
    pub stale: bool,
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
            rebuild_count: 0,
            generation: 0,
            stale: false,
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
