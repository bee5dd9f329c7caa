//! The system's limits on file events, for the error that names them.

use std::fs;

/// The number of directories that a user may watch.
pub(crate) fn max_user_watches() -> Option<u64> {
    read("/proc/sys/fs/inotify/max_user_watches")
}

/// The number of watchers that a user may have.
pub(crate) fn max_user_instances() -> Option<u64> {
    read("/proc/sys/fs/inotify/max_user_instances")
}

/// `None` on a system that has no such limit, or does not show it.
fn read(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}
