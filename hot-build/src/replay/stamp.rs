//! Whether files are still as they were.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What files looked like at a time: enough to see that one was written since, without reading any.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stamps {
    files: BTreeMap<PathBuf, Stamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stamp {
    Absent,
    /// It was written while it was read, maybe, so nobody knows which content was read.
    Uncertain,
    File {
        modified: SystemTime,
        length: u64,
    },
}

impl Stamps {
    /// Notes what `files` look like. A file that was written after `read_since` counts as changed, for it
    /// may have been read before.
    pub(crate) fn take(files: impl IntoIterator<Item = PathBuf>, read_since: SystemTime) -> Self {
        let stamp = |file: &Path| match Stamp::of(file) {
            Stamp::File { modified, .. } if modified >= read_since => Stamp::Uncertain,
            stamp => stamp,
        };
        Self {
            files: files
                .into_iter()
                .map(|file| {
                    let stamp = stamp(&file);
                    (file, stamp)
                })
                .collect(),
        }
    }

    /// The files.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.keys().map(PathBuf::as_path)
    }

    /// A file that is not as it was, if there is one.
    pub(crate) fn first_changed(&self) -> Option<&Path> {
        self.files
            .iter()
            .find(|(file, stamp)| **stamp == Stamp::Uncertain || Stamp::of(file) != **stamp)
            .map(|(file, _)| file.as_path())
    }
}

impl Stamp {
    fn of(file: &Path) -> Self {
        let Ok(metadata) = fs::metadata(file) else {
            return Self::Absent;
        };
        match metadata.modified() {
            Ok(modified) => Self::File {
                modified,
                length: metadata.len(),
            },
            Err(_) => Self::Uncertain,
        }
    }
}

/// The files in a directory and those below it, without hidden directories and those in `others`.
pub(crate) fn files_below(directory: &Path, others: &[PathBuf]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        let Ok(entries) = fs::read_dir(&directory) else {
            continue;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => {
                    if !is_hidden && !others.contains(&path) {
                        directories.push(path);
                    }
                }
                Ok(_) => files.push(path),
                Err(_) => {}
            }
        }
        // A file that is added or taken away changes its directory.
        files.push(directory);
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn later() -> SystemTime {
        SystemTime::now() + Duration::from_secs(60)
    }

    #[test]
    fn sees_files_that_change_come_and_go() {
        let directory = tempfile::tempdir().expect("a directory");
        let (file, absent) = (directory.path().join("a.rs"), directory.path().join("b.rs"));
        fs::write(&file, "one").expect("a file");
        let take = || Stamps::take([file.clone(), absent.clone()], later());

        let stamps = take();
        assert_eq!(stamps.first_changed(), None);
        fs::write(&file, "longer").expect("a change");
        assert_eq!(stamps.first_changed(), Some(&*file));

        let stamps = take();
        fs::write(&absent, "new").expect("a new file");
        assert_eq!(stamps.first_changed(), Some(&*absent));

        let stamps = take();
        fs::remove_file(&file).expect("it was there");
        assert_eq!(stamps.first_changed(), Some(&*file));
    }

    #[test]
    fn a_file_written_meanwhile_counts_as_changed() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("a.rs");
        fs::write(&file, "one").expect("a file");
        let stamps = Stamps::take([file.clone()], SystemTime::UNIX_EPOCH);
        assert_eq!(stamps.first_changed(), Some(&*file));
    }

    #[test]
    fn looks_below_a_directory_but_not_into_others() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path();
        for name in ["src/deep", "target/debug", ".git"] {
            fs::create_dir_all(root.join(name)).expect("a directory");
        }
        for name in ["src/deep/a.rs", "target/debug/b", ".git/c"] {
            fs::write(root.join(name), "").expect("a file");
        }
        let files = files_below(root, &[root.join("target")]);
        assert!(files.contains(&root.join("src/deep/a.rs")));
        assert!(
            !files
                .iter()
                .any(|file| file.ends_with("b") || file.ends_with("c"))
        );
    }
}
