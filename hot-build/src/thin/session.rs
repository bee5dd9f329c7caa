//! A directory for the files of this process alone, since a thin library fits no other process.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::FallbackReason;

/// A directory that this process owns for as long as it lives.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) directory: PathBuf,
    /// Locked until the process ends, which is how others know that it is alive.
    _lock: File,
}

impl Session {
    /// Makes a directory in `parent`, and removes those of processes that are gone.
    pub(crate) fn begin(parent: &Path) -> Result<Self, FallbackReason> {
        let unwritable = |error: io::Error| FallbackReason::OutputUnwritable {
            path: parent.to_owned(),
            problem: error.to_string(),
        };
        fs::create_dir_all(parent).map_err(unwritable)?;
        sweep(parent);
        let process = std::process::id();
        for attempt in 0.. {
            let directory = parent.join(format!("{PREFIX}{process}-{attempt}"));
            match fs::create_dir(&directory) {
                Ok(()) => {}
                // Left by an earlier process of this number, in use by this one, or being swept.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(unwritable(error)),
            }
            let lock = File::create(directory.join(LOCK)).map_err(unwritable)?;
            lock.lock().map_err(unwritable)?;
            if !directory.join(LOCK).is_file() {
                // Another process saw the lock before it was locked, and took the directory for left.
                continue;
            }
            return Ok(Self {
                directory,
                _lock: lock,
            });
        }
        unreachable!("the loop ends with a directory or an error")
    }
}

const PREFIX: &str = "process-";
const LOCK: &str = "lock";

/// Removes the directories of processes that are gone. What cannot be removed is in nobody's way, so
/// failing is not an error.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        let is_session = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(PREFIX));
        // A directory without a lock is one whose process is just making it.
        let Ok(lock) = File::open(entry.path().join(LOCK)) else {
            continue;
        };
        if is_session && lock.try_lock().is_ok() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removes_what_dead_processes_left_and_nothing_else() {
        let parent = tempfile::tempdir().expect("a directory");
        let living = Session::begin(parent.path()).expect("a session");
        let dead = Session::begin(parent.path()).expect("another one");
        assert_ne!(living.directory, dead.directory);
        let left = dead.directory.clone();
        drop(dead);
        let other = parent.path().join("precious");
        fs::create_dir(&other).expect("a directory of someone else");

        let next = Session::begin(parent.path()).expect("a third one");
        assert!(living.directory.is_dir());
        assert!(next.directory.is_dir());
        assert!(other.is_dir());
        assert!(next.directory == left || !left.exists());
    }
}
