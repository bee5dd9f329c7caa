//! Copies of libraries that belong to this process alone, or links where the file itself does.
//!
//! The next build overwrites the library it made, and the system's loader gives the old image for a
//! path it has seen; so each library is opened from a copy under a name of its own, beside the
//! original, where its relative search paths still hold. Each process locks one file per folder for as
//! long as it lives, so the copies of a process that is gone can be told from those of a living one,
//! whatever its process id.

use crate::error::LoadError;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// The prefix of every file that this module makes.
const PREFIX: &str = "hot-copy-";
const LOCK_SUFFIX: &str = ".lock";

/// Where this process keeps its copies.
#[derive(Debug, Default)]
pub(crate) struct Staging {
    folders: HashMap<PathBuf, Folder>,
}

/// This process's share of one folder.
#[derive(Debug)]
struct Folder {
    /// What the names of this process's files have in common.
    session: String,
    copies: u32,
    /// Locked until the process ends.
    _lock: File,
}

impl Staging {
    /// Gives `library` a name beside itself that nobody uses: copies it, or, if nobody writes to it any more,
    /// links it.
    ///
    /// The first one in a folder also removes what dead processes left there.
    pub(crate) fn take(&mut self, library: &Path, is_private: bool) -> Result<PathBuf, LoadError> {
        let folder = library.parent().unwrap_or(Path::new("."));
        let fail = |to: &Path| {
            let (from, to) = (library.to_owned(), to.to_owned());
            move |source| LoadError::Copy {
                from,
                to,
                source: Arc::new(source),
            }
        };
        if !self.folders.contains_key(folder) {
            let claimed = Folder::claim(folder).map_err(fail(folder))?;
            sweep(folder);
            self.folders.insert(folder.to_owned(), claimed);
        }
        let share = self.folders.get_mut(folder).expect("inserted above");
        share.copies += 1;
        let mut name = format!("{PREFIX}{}-{}-", share.session, share.copies);
        name.push_str(
            &library
                .file_name()
                .unwrap_or(OsStr::new("library"))
                .to_string_lossy(),
        );
        let copy = folder.join(name);
        // A file system may have no links.
        if is_private && fs::hard_link(library, &copy).is_ok() {
            return Ok(copy);
        }
        if let Err(error) = fs::copy(library, &copy) {
            // Half a copy is of no use, and on a full disk it is in the way.
            let _ = fs::remove_file(&copy);
            return Err(fail(&copy)(error));
        }
        Ok(copy)
    }
}

impl Folder {
    fn claim(folder: &Path) -> io::Result<Folder> {
        loop {
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            let session = format!("{}.{:x}", std::process::id(), now.as_nanos());
            let path = lock_path(folder, &session);
            let lock = File::create_new(&path)?;
            lock.lock()?;
            // Another process may have swept the file away between its making and its locking.
            if path.exists() {
                return Ok(Folder {
                    session,
                    copies: 0,
                    _lock: lock,
                });
            }
        }
    }
}

/// Removes the files of processes that are gone. What cannot be removed is left for the next time.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let mut dead: HashMap<String, bool> = HashMap::new();
    let mut locks = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(session) = session_of(&name) else {
            continue;
        };
        let is_dead = *dead
            .entry(session.clone())
            .or_insert_with(|| is_dead(folder, &session));
        if !is_dead {
            continue;
        }
        if name.to_string_lossy().ends_with(LOCK_SUFFIX) {
            locks.push(entry.path());
        } else {
            let _ = fs::remove_file(entry.path());
        }
    }
    // The locks go last: while one is there, its copies are known to be of a dead process.
    for lock in locks {
        let _ = fs::remove_file(lock);
    }
}

/// The session that a file of this module belongs to.
fn session_of(name: &OsStr) -> Option<String> {
    let rest = name.to_str()?.strip_prefix(PREFIX)?;
    let end = rest.find(|c: char| !(c.is_ascii_hexdigit() || c == '.'))?;
    let session = rest[..end].trim_end_matches('.');
    (!session.is_empty()).then(|| session.to_owned())
}

/// Whether the process of a session has ended: its lock is free, or gone.
fn is_dead(folder: &Path, session: &str) -> bool {
    match File::open(lock_path(folder, session)) {
        Ok(file) => file.try_lock().is_ok(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

fn lock_path(folder: &Path, session: &str) -> PathBuf {
    folder.join(format!("{PREFIX}{session}-{LOCK_SUFFIX}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error;

    fn files(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn each_copy_has_a_name_of_its_own_and_the_same_content() {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("libscene.so");
        fs::write(&library, "first").unwrap();
        let mut staging = Staging::default();
        let first = staging.take(&library, false).unwrap();
        fs::write(&library, "second").unwrap();
        let second = staging.take(&library, false).unwrap();
        assert_ne!(first, second);
        assert_eq!(fs::read_to_string(first).unwrap(), "first");
        assert_eq!(fs::read_to_string(&second).unwrap(), "second");
        assert!(second.to_str().unwrap().ends_with("-libscene.so"));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_nobody_writes_to_is_not_copied() {
        use std::os::unix::fs::MetadataExt;
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("libscene-1.so");
        fs::write(&library, "first").unwrap();
        let mut staging = Staging::default();
        let inode = |path: &Path| fs::metadata(path).unwrap().ino();
        let linked = staging.take(&library, true).unwrap();
        let copied = staging.take(&library, false).unwrap();
        assert_eq!(inode(&linked), inode(&library));
        assert_ne!(inode(&copied), inode(&library));
        // It is there for as long as it is needed, whatever becomes of the name it was built under.
        fs::remove_file(&library).unwrap();
        assert_eq!(fs::read_to_string(linked).unwrap(), "first");
    }

    #[test]
    fn the_dead_are_swept_and_the_living_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("libscene.so");
        fs::write(&library, "code").unwrap();
        // A living process is one that holds its lock: an open file description of its own.
        let mut living = Staging::default();
        let kept = living.take(&library, false).unwrap();
        let mut dead = Staging::default();
        let left = dead.take(&library, false).unwrap();
        drop(dead);
        let orphan = folder.path().join("hot-copy-1.abc-1-libscene.so");
        fs::write(&orphan, "code").unwrap();
        fs::write(folder.path().join("hot-copy-of-a-user.txt"), "mine").unwrap();

        Staging::default().take(&library, false).unwrap();

        assert!(kept.exists());
        assert!(!left.exists());
        assert!(!orphan.exists());
        assert!(folder.path().join("hot-copy-of-a-user.txt").exists());
        let locks = files(folder.path())
            .iter()
            .filter(|name| name.ends_with(LOCK_SUFFIX))
            .count();
        assert_eq!(
            locks,
            2,
            "the living one's and, until it is swept in turn, the newest's: {:?}",
            files(folder.path())
        );
    }

    #[test]
    fn a_copy_that_fails_says_from_where_to_where_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("libmissing.so");
        let error = Staging::default().take(&missing, false).unwrap_err();
        assert!(
            matches!(&error, LoadError::Copy { from, .. } if *from == missing),
            "{error:?}"
        );
        assert!(error.source().is_some());
        assert!(
            !files(folder.path())
                .iter()
                .any(|name| name.ends_with("libmissing.so"))
        );
    }
}
