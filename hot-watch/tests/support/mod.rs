//! A directory with a watcher on it. Nothing here sleeps: what is awaited is a notice, and the
//! timeout only ends a test that would hang.

#![allow(dead_code, reason = "each test file uses its own part")]

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(crate) mod seccomp;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use hot_watch::{Change, ChangeKind, Notice, WatchConfig, WatchError, Watcher};
use tempfile::TempDir;

const HANG: Duration = Duration::from_secs(20);

/// An empty directory, links in its path resolved.
pub(crate) struct Place {
    _dir: TempDir,
    pub(crate) path: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Place {
            path: dir.path().canonicalize().unwrap(),
            _dir: dir,
        }
    }

    /// A place with these files, each holding `old`.
    pub(crate) fn with(files: &[&str]) -> Self {
        let place = Place::new();
        for file in files {
            place.write(file, "old");
        }
        place
    }

    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.path.join(path)
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn rename(&self, from: &str, to: &str) {
        fs::rename(self.at(from), self.at(to)).unwrap();
    }

    pub(crate) fn remove(&self, path: &str) {
        fs::remove_file(self.at(path)).unwrap();
    }

    /// Runs a shell command here.
    #[cfg(unix)]
    pub(crate) fn sh(&self, command: &str) {
        let status = Command::new("sh")
            .args(["-e", "-c", command])
            .current_dir(&self.path)
            .status()
            .unwrap();
        assert!(status.success(), "{command}: {status}");
    }
}

/// A watcher that has taken the files in, and what it delivers.
pub(crate) struct Watched {
    pub(crate) watcher: Watcher,
    notices: Receiver<Notice>,
    sentinels: u32,
}

impl Watched {
    /// Watches, and waits until it is ready.
    pub(crate) fn start(config: WatchConfig) -> Self {
        let watched = Watched::start_unready(config);
        watched.ready();
        watched
    }

    pub(crate) fn start_unready(config: WatchConfig) -> Self {
        let (sender, notices) = mpsc::channel();
        let watcher = Watcher::start(config, move |notice| {
            // Fails when the test is over.
            let _ = sender.send(notice);
        })
        .unwrap();
        Watched {
            watcher,
            notices,
            sentinels: 0,
        }
    }

    pub(crate) fn next(&self) -> Notice {
        self.notices.recv_timeout(HANG).expect("a notice")
    }

    pub(crate) fn ready(&self) {
        let notice = self.next();
        assert!(matches!(notice, Notice::Ready), "{notice:?}");
    }

    pub(crate) fn changes(&self) -> Vec<Seen> {
        match self.next() {
            Notice::Changed(changes) => changes.list.into_iter().map(Seen::from).collect(),
            other => panic!("not a change: {other:?}"),
        }
    }

    pub(crate) fn problem(&self) -> WatchError {
        match self.next() {
            Notice::Problem(problem) => problem,
            other => panic!("not a problem: {other:?}"),
        }
    }

    /// The next thing delivered is this change and no other.
    #[track_caller]
    pub(crate) fn expect(&self, kind: ChangeKind, path: impl Into<PathBuf>) {
        let path = path.into();
        assert_eq!(self.changes(), [Seen { path, kind }]);
    }

    /// All the changes from now until a file that is created now, itself left out. The system's
    /// events come in order and new files wait the longest, so whatever was done before shows.
    pub(crate) fn changes_so_far(&mut self, directory: &Path) -> Vec<Seen> {
        self.sentinels += 1;
        let sentinel = directory.join(format!("sentinel {}", self.sentinels));
        fs::write(&sentinel, "here").unwrap();
        let mut all = Vec::new();
        loop {
            let mut changes = self.changes();
            let before = changes.len();
            changes.retain(|change| change.path != sentinel);
            let is_last = changes.len() < before;
            all.append(&mut changes);
            if is_last {
                return all;
            }
        }
    }

    #[track_caller]
    pub(crate) fn expect_nothing(&mut self, directory: &Path) {
        assert_eq!(self.changes_so_far(directory), []);
    }
}

/// A change, less what the files held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) path: PathBuf,
    pub(crate) kind: ChangeKind,
}

impl From<Change> for Seen {
    fn from(change: Change) -> Self {
        Seen {
            path: change.path,
            kind: change.kind,
        }
    }
}

pub(crate) fn modified(path: PathBuf) -> Seen {
    Seen {
        path,
        kind: ChangeKind::Modified,
    }
}

pub(crate) fn created(path: PathBuf) -> Seen {
    Seen {
        path,
        kind: ChangeKind::Created,
    }
}

pub(crate) fn removed(path: PathBuf) -> Seen {
    Seen {
        path,
        kind: ChangeKind::Removed,
    }
}
