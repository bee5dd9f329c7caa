//! What tells one built library from another.

use hot_build::{Artifact, BuildMode};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What a library looks like, to know it again when a build brings the same one.
#[derive(Debug)]
pub(crate) enum LibraryStamp {
    /// A file that cargo leaves alone if nothing that it is made of has changed.
    File(PathBuf, u64, Option<SystemTime>),
    /// A thin library, which is what is in it: each build writes one under a name of its own, and nobody
    /// changes it. With its length.
    Content(PathBuf, u64),
}

impl LibraryStamp {
    /// `None` if the file cannot be read.
    pub(crate) fn of(artifact: &Artifact) -> Option<LibraryStamp> {
        let path = artifact.library.clone();
        let metadata = std::fs::metadata(&path).ok()?;
        Some(match artifact.mode {
            BuildMode::Thin => LibraryStamp::Content(path, metadata.len()),
            _ => LibraryStamp::File(path, metadata.len(), metadata.modified().ok()),
        })
    }

    /// Whether it is of the same library. What cannot be read any more is not known to be.
    pub(crate) fn is_same(&self, other: &LibraryStamp) -> bool {
        match (self, other) {
            (LibraryStamp::Content(own, length), LibraryStamp::Content(other, others_length)) => {
                length == others_length && have_one_content(own, other).unwrap_or(false)
            }
            (
                LibraryStamp::File(own, length, written),
                LibraryStamp::File(other, others_length, other_written),
            ) => (own, length, written) == (other, others_length, other_written),
            _ => false,
        }
    }
}

/// Whether two files of one length are the same, read as far as they are. A hash would be made of all of both,
/// by code that is not optimised.
fn have_one_content(one: &Path, other: &Path) -> io::Result<bool> {
    const AT_ONCE: usize = 64 * 1024;
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    let (mut ones, mut others) = (vec![0; AT_ONCE], vec![0; AT_ONCE]);
    loop {
        let read = one.read(&mut ones)?;
        if read == 0 {
            return Ok(other.read(&mut others)? == 0);
        }
        other.read_exact(&mut others[..read])?;
        if ones[..read] != others[..read] {
            return Ok(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thin_library_is_known_by_its_content_and_a_full_one_by_its_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let artifact = |name: &str, content: &str, mode| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).expect("it can be written");
            let mut artifact = Artifact::new(path);
            artifact.mode = mode;
            LibraryStamp::of(&artifact).expect("it is there")
        };
        let thin = artifact("1.so", "one", BuildMode::Thin);
        assert!(thin.is_same(&artifact("2.so", "one", BuildMode::Thin)));
        assert!(!thin.is_same(&artifact("2.so", "two", BuildMode::Thin)));
        assert!(!thin.is_same(&artifact("2.so", "one, and more", BuildMode::Thin)));
        let full = artifact("1.so", "one", BuildMode::Full);
        assert!(full.is_same(&full));
        assert!(!full.is_same(&thin));
        assert!(!full.is_same(&artifact("2.so", "one", BuildMode::Full)));
        assert!(LibraryStamp::of(&Artifact::new("/no/such/file")).is_none());
    }

    #[test]
    fn long_libraries_are_compared_to_their_ends() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut content = vec![7; 200_000];
        let mut stamp = |name: &str, last: u8| {
            content[199_999] = last;
            let path = folder.path().join(name);
            std::fs::write(&path, &content).expect("it can be written");
            LibraryStamp::Content(path, 200_000)
        };
        let (one, same, other) = (stamp("1.so", 1), stamp("2.so", 1), stamp("3.so", 2));
        assert!(one.is_same(&same));
        assert!(!one.is_same(&other));
        let LibraryStamp::Content(deleted, _) = &same else {
            unreachable!("it is thin");
        };
        std::fs::remove_file(deleted).expect("it is there");
        assert!(!one.is_same(&same), "it is not known any more");
    }
}
