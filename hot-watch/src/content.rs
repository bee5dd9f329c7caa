//! What a file holds, as far as it matters for telling whether it changed.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, SystemTime};

use twox_hash::XxHash3_128;

use crate::change::FileContent;
use crate::identity::{ChangeTime, Identity};

/// A file's content. Two files with equal contents hold the same bytes, except for a large file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// All bytes were read.
    Hashed { len: u64, hash: u128 },
    /// Too large to be read each time.
    Large {
        len: u64,
        modified: Option<SystemTime>,
    },
    /// It could not be read yet.
    Unknown,
}

impl Content {
    /// The content as others are told of it.
    pub(crate) fn told(content: Option<Content>) -> FileContent {
        match content {
            None => FileContent::Missing,
            Some(Content::Hashed { len, hash }) => FileContent::Bytes { len, hash },
            Some(Content::Large { .. } | Content::Unknown) => FileContent::Unknown,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Content::Hashed { len: 0, .. })
    }
}

/// What the directory tells of a file without its being read. Equal stamps mean equal contents,
/// except for a write in the instants after the stamp was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    len: u64,
    modified: Option<SystemTime>,
    changed: ChangeTime,
    identity: Identity,
}

impl Stamp {
    /// The stamp of the regular file at `path`, links followed; `None` where there is none.
    pub(crate) fn take(path: &Path) -> io::Result<Option<Stamp>> {
        Ok(regular_file(path)?.map(|metadata| Stamp::of(&metadata)))
    }

    /// Whether a write after `read_at` may have left the stamp as it is. File times are coarse
    /// (up to 2 s on FAT), so a file that was fresh when it was read may have changed unseen.
    pub(crate) fn may_hide_a_write(&self, read_at: SystemTime) -> bool {
        const COARSEST: Duration = Duration::from_secs(2);
        self.modified
            .and_then(|modified| read_at.duration_since(modified).ok())
            .is_none_or(|age| age <= COARSEST)
    }

    fn of(metadata: &Metadata) -> Stamp {
        Stamp {
            len: metadata.len(),
            modified: metadata.modified().ok(),
            changed: ChangeTime::of(metadata),
            identity: Identity::of(metadata),
        }
    }
}

/// A content together with the stamp that the file had just before it was read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    pub(crate) content: Content,
    pub(crate) stamp: Option<Stamp>,
    pub(crate) read_at: SystemTime,
}

/// Reads files, with one buffer for all of them.
#[derive(Debug)]
pub(crate) struct Reader {
    hash_limit: u64,
    buffer: Vec<u8>,
}

impl Reader {
    pub(crate) fn new(hash_limit: u64) -> Self {
        Reader {
            hash_limit,
            buffer: vec![0; 64 * 1024],
        }
    }

    /// Reads the regular file at `path`, links followed; `None` where there is none.
    pub(crate) fn read(&mut self, path: &Path) -> io::Result<Option<Reading>> {
        // Asked before opening: opening a named pipe would block.
        let Some(metadata) = regular_file(path)? else {
            return Ok(None);
        };
        let stamp = Stamp::of(&metadata);
        let read_at = SystemTime::now();
        let content = if metadata.len() > self.hash_limit {
            Content::Large {
                len: metadata.len(),
                modified: stamp.modified,
            }
        } else {
            match self.hash(path) {
                Ok(content) => content,
                Err(error) if is_absence(&error) => return Ok(None),
                Err(error) => return Err(error),
            }
        };
        Ok(Some(Reading {
            content,
            stamp: Some(stamp),
            read_at,
        }))
    }

    fn hash(&mut self, path: &Path) -> io::Result<Content> {
        let mut file = File::open(path)?;
        let mut hasher = XxHash3_128::new();
        let mut len = 0;
        loop {
            match file.read(&mut self.buffer) {
                Ok(0) => break,
                Ok(count) => {
                    hasher.write(&self.buffer[..count]);
                    len += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Content::Hashed {
            len,
            hash: hasher.finish_128(),
        })
    }
}

fn regular_file(path: &Path) -> io::Result<Option<Metadata>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(metadata.is_file().then_some(metadata)),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> Option<Content> {
        Reader::new(1000)
            .read(path)
            .unwrap()
            .map(|reading| reading.content)
    }

    #[test]
    fn the_same_bytes_are_the_same_content() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        fs::write(&a, "same").unwrap();
        fs::write(&b, "same").unwrap();
        assert_eq!(read(&a), read(&b));
        fs::write(&b, "sane").unwrap();
        assert_ne!(read(&a), read(&b));
    }

    #[test]
    fn what_is_not_a_regular_file_is_absent() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        assert_eq!(read(dir.path()), None);
        assert_eq!(read(&dir.path().join("none")), None);
        assert_eq!(read(&file.join("beneath a file")), None);
        assert!(read(&file).unwrap().is_empty());
    }

    #[test]
    fn a_large_file_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("video");
        fs::write(&file, vec![7; 1001]).unwrap();
        assert!(matches!(
            read(&file),
            Some(Content::Large { len: 1001, .. })
        ));
    }

    #[test]
    fn a_stamp_taken_right_after_a_write_may_hide_another() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "x").unwrap();
        let stamp = Stamp::take(&path).unwrap().unwrap();
        let modified = stamp.modified.unwrap();
        assert!(stamp.may_hide_a_write(modified + Duration::from_millis(1)));
        assert!(!stamp.may_hide_a_write(modified + Duration::from_secs(3)));
        // A file from the future tells nothing.
        assert!(stamp.may_hide_a_write(modified - Duration::from_secs(3)));
    }
}
