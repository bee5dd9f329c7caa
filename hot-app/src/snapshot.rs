//! Whether files were written while a build read them.
//!
//! The watcher believes a write when it is finished, and one that follows close behind another only when all is quiet.
//! A compiler that is at work meanwhile may have read the half of it. So a build counts only if its files are at its
//! end what they were at its beginning.

use crate::source::Source;
use hot_watch::FileContent;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What the files of a build looked like when it began.
#[derive(Debug)]
pub(crate) struct Snapshot {
    taken: SystemTime,
    files: BTreeMap<PathBuf, Look>,
    /// What the files are taken to hold that are different from when the program started.
    contents: BTreeMap<PathBuf, FileContent>,
}

/// What the directory tells of a file; nothing where there is none.
#[derive(Debug, Default, PartialEq, Eq)]
struct Look {
    length: Option<u64>,
    modified: Option<SystemTime>,
}

impl Snapshot {
    /// Looks at the files that the last build `read`, and at those that are different in `source`.
    pub(crate) fn take<'a>(
        read: impl IntoIterator<Item = &'a PathBuf>,
        source: Option<&Source>,
    ) -> Snapshot {
        let contents: BTreeMap<_, _> = source
            .into_iter()
            .flat_map(Source::contents)
            .map(|(path, content)| (path.to_owned(), content))
            .collect();
        let taken = SystemTime::now();
        let different = contents.keys().cloned();
        let files = read.into_iter().cloned().chain(different);
        let looked = |path: PathBuf| {
            let look = Look::at(&path);
            (path, look)
        };
        Snapshot {
            taken,
            files: files.map(looked).collect(),
            contents,
        }
    }

    /// The files that were written since, or that hold something else than they were taken to. Sorted.
    pub(crate) fn written(&self) -> Vec<PathBuf> {
        let files = self.files.iter();
        let written = files.filter(|(path, look)| {
            Look::at(path) != **look || (self.may_hide_a_write(look) && self.holds_other(path))
        });
        written.map(|(path, _)| path.clone()).collect()
    }

    /// Whether a file was so fresh that a write behind that need not show. File times are coarse, up to 2 s.
    fn may_hide_a_write(&self, look: &Look) -> bool {
        const COARSEST: Duration = Duration::from_secs(2);
        // `None` for one that is of the future, too.
        let age = look
            .modified
            .and_then(|modified| self.taken.duration_since(modified).ok());
        age.is_none_or(|age| age <= COARSEST)
    }

    fn holds_other(&self, path: &Path) -> bool {
        match self.contents.get(path) {
            None | Some(FileContent::Unknown) => false,
            Some(FileContent::Missing) => path.exists(),
            Some(content @ FileContent::Bytes { .. }) => {
                fs::read(path).is_ok_and(|bytes| FileContent::of(&bytes) != *content)
            }
        }
    }
}

impl Look {
    fn at(path: &Path) -> Look {
        let Ok(metadata) = fs::metadata(path) else {
            return Look::default();
        };
        Look {
            length: Some(metadata.len()),
            modified: metadata.modified().ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceState;
    use hot_watch::{Change, ChangeKind};

    #[test]
    fn what_is_written_after_the_beginning_is_seen_whatever_it_holds() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str| folder.path().join(name);
        for name in ["same", "left", "other", "gone"] {
            fs::write(file(name), name).expect("it can be written");
        }
        let files = ["same", "left", "other", "gone", "new"].map(file);
        let snapshot = Snapshot::take(&files, None);
        assert_eq!(snapshot.written(), <[PathBuf; 0]>::default());
        let later = SystemTime::now() + Duration::from_secs(5);
        let same = fs::File::options().append(true).open(file("same"));
        same.and_then(|same| same.set_modified(later))
            .expect("it can be touched");
        fs::write(file("other"), "another").expect("it can be written");
        fs::remove_file(file("gone")).expect("it is there");
        fs::write(file("new"), "new").expect("it can be written");
        assert_eq!(
            snapshot.written(),
            ["gone", "new", "other", "same"].map(file)
        );
    }

    #[test]
    fn a_fresh_file_is_told_by_what_it_was_taken_to_hold() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lib.rs");
        fs::write(&path, "halves").expect("it can be written");
        let mut state = SourceState::new(folder.path());
        let mut told = |content: &[u8]| {
            state.change(&Change {
                path: path.clone(),
                kind: ChangeKind::Modified,
                before: FileContent::of(b"at start"),
                after: FileContent::of(content),
            });
            let snapshot = Snapshot::take(&[], state.now().as_ref());
            snapshot.written()
        };
        assert_eq!(told(b"halves"), <[PathBuf; 0]>::default());
        // The next save has begun before the build of this one did.
        assert_eq!(told(b"a whole"), std::slice::from_ref(&path));
    }
}
