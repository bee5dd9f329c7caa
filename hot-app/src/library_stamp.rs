//! What tells one built library from another.

use hot_build::{Artifact, BuildMode};
use std::hash::{DefaultHasher, Hasher as _};
use std::path::PathBuf;
use std::time::SystemTime;

/// What a library looks like, to know it again when a build brings the same one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum LibraryStamp {
    /// A file that cargo leaves alone if nothing that it is made of has changed.
    File(PathBuf, u64, Option<SystemTime>),
    /// What is in a thin library: it is small, and each build writes one under a name of its own.
    Content(u64, u64),
}

impl LibraryStamp {
    /// `None` if the file cannot be read.
    pub(crate) fn of(artifact: &Artifact) -> Option<LibraryStamp> {
        let path = &artifact.library;
        if artifact.mode == BuildMode::Thin {
            let bytes = std::fs::read(path).ok()?;
            let mut hasher = DefaultHasher::new();
            hasher.write(&bytes);
            return Some(LibraryStamp::Content(bytes.len() as u64, hasher.finish()));
        }
        let metadata = std::fs::metadata(path).ok()?;
        Some(LibraryStamp::File(
            path.clone(),
            metadata.len(),
            metadata.modified().ok(),
        ))
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
        assert_eq!(thin, artifact("2.so", "one", BuildMode::Thin));
        assert_ne!(thin, artifact("2.so", "two", BuildMode::Thin));
        let full = artifact("1.so", "one", BuildMode::Full);
        assert_ne!(full, artifact("2.so", "one", BuildMode::Full));
        assert_eq!(LibraryStamp::of(&Artifact::new("/no/such/file")), None);
    }
}
