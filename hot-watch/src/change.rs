use std::path::PathBuf;
use std::time::{Duration, Instant};

use twox_hash::XxHash3_128;

use crate::WatchError;

/// What a [`Watcher`](crate::Watcher) delivers.
#[derive(Debug)]
#[non_exhaustive]
pub enum Notice {
    /// The content of every watched file is known: a change from now on is not missed. Sent once
    /// after the start, and again after each `watch`, `unwatch`, `set_roots` or `rescan` took effect.
    Ready,
    /// Files changed in content. Never empty.
    Changed(Changes),
    /// What had been heard of these files is delivered, and what they hold was looked at: the answer to
    /// [`settle`](crate::Watcher::settle).
    Settled {
        /// The files, as they were asked for.
        paths: Vec<PathBuf>,
    },
    /// Something went wrong. Watching goes on as well as it can; the error says how.
    Problem(WatchError),
    /// A root that a [`WatchError::RootMissing`] told of is there (again), and is watched. What is
    /// different from before comes as [`Notice::Changed`].
    RootReturned {
        /// The root, as given.
        root: PathBuf,
    },
    /// From now on the files are looked at regularly, for want of the system's events or because
    /// the configuration says so.
    Polling {
        /// The time from one look to the next.
        interval: Duration,
    },
}

/// A set of changes that came together: one save, or one checkout of many files.
///
/// Each path occurs once, and the paths are sorted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// The changes, sorted by path.
    pub list: Vec<Change>,
    /// When the first was heard of that led to them; `None` if they were found without an event.
    pub heard: Option<Instant>,
    /// How much of the time since then it took to read and hash files.
    pub reading: Duration,
}

impl Changes {
    /// The paths that changed, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &std::path::Path> {
        self.list.iter().map(|change| change.path.as_path())
    }
}

impl<'a> IntoIterator for &'a Changes {
    type Item = &'a Change;
    type IntoIter = std::slice::Iter<'a, Change>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}

/// One file whose content is not what it was.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Change {
    /// The file: absolute, beneath the root as it was given.
    pub path: PathBuf,
    /// What happened to it.
    pub kind: ChangeKind,
    /// What it held when it was last delivered, or at the start.
    pub before: FileContent,
    /// What it holds now.
    pub after: FileContent,
}

/// What a file holds, to be compared with what it held at another time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FileContent {
    /// There is no such file.
    Missing,
    /// So many bytes, with this 128-bit hash.
    Bytes {
        /// The number of bytes.
        len: u64,
        /// Their XXH3 hash.
        hash: u128,
    },
    /// It is too large to be hashed, or could not be read. Not to be taken for equal to anything.
    Unknown,
}

impl FileContent {
    /// What a file holds that has these bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// use hot_watch::FileContent;
    /// assert_eq!(FileContent::of(b"same"), FileContent::of(b"same"));
    /// assert_ne!(FileContent::of(b"same"), FileContent::of(b"sane"));
    /// ```
    pub fn of(bytes: &[u8]) -> FileContent {
        FileContent::Bytes {
            len: bytes.len() as u64,
            hash: XxHash3_128::oneshot(bytes),
        }
    }
}

/// What happened to a file since it was last delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// It was not there.
    Created,
    /// It holds other bytes.
    Modified,
    /// It is no longer there.
    Removed,
}
