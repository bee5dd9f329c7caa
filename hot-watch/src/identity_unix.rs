//! Device and inode, and the inode's change time.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

pub(super) type Identity = (u64, u64);
pub(super) type ChangeTime = (i64, i64);

pub(super) fn identity(metadata: &Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

pub(super) fn change_time(metadata: &Metadata) -> ChangeTime {
    (metadata.ctime(), metadata.ctime_nsec())
}
