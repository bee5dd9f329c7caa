//! Tells a file or directory from another one that took its path.

use std::fs::Metadata;

#[cfg(not(unix))]
#[path = "identity_other.rs"]
mod platform;
#[cfg(unix)]
#[path = "identity_unix.rs"]
mod platform;

/// What stays the same for one file or directory as long as it exists, under whatever path. Where
/// the platform does not tell, all identities are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity(platform::Identity);

impl Identity {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Identity(platform::identity(metadata))
    }
}

/// The time of the last change of a file's content or metadata, which no program can set back;
/// where the platform has no such time, always the same value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChangeTime(platform::ChangeTime);

impl ChangeTime {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        ChangeTime(platform::change_time(metadata))
    }
}
