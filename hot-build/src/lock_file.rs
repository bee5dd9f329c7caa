//! Cargo's lock file, while a cargo is at work that may be killed.
//!
//! Cargo writes `Cargo.lock` in place, before it compiles anything. Killed in that instant it leaves half
//! a file, which no later cargo can read. So a build remembers what the file held, and puts it back when
//! it was killed before cargo had got that far; the next build then resolves anew.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The lock file of a workspace, as it was before a build.
#[derive(Debug)]
pub(crate) struct LockFile {
    path: PathBuf,
    before: Vec<u8>,
}

impl LockFile {
    /// Remembers the lock file of the workspace that `manifest_dir` is in; `None` where there is none.
    pub(crate) fn remember(manifest_dir: &Path) -> Option<LockFile> {
        let path = manifest_dir
            .ancestors()
            .map(|folder| folder.join("Cargo.lock"))
            .find(|path| path.is_file())?;
        let before = fs::read(&path).ok()?;
        Some(LockFile { path, before })
    }

    /// Puts the file back as it was, if it is different now.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(crate) fn put_back(&self) -> io::Result<()> {
        if fs::read(&self.path).is_ok_and(|now| now == self.before) {
            return Ok(());
        }
        // By a rename, so that whoever reads it meanwhile sees one whole file or the other.
        let whole = self
            .path
            .with_extension(format!("lock.{}.tmp", std::process::id()));
        fs::write(&whole, &self.before)?;
        fs::rename(&whole, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_file_is_put_back_whole() {
        let workspace = tempfile::tempdir().unwrap();
        let member = workspace.path().join("scene");
        fs::create_dir(&member).unwrap();
        assert!(
            LockFile::remember(&member).is_none_or(|found| !found.path.starts_with(&workspace))
        );
        let path = workspace.path().join("Cargo.lock");
        fs::write(&path, "version = 4\n[[package]]\n").unwrap();
        let lock_file = LockFile::remember(&member).unwrap();
        fs::write(&path, "version = 4\n[[pa").unwrap();
        lock_file.put_back().unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "version = 4\n[[package]]\n"
        );
        let names = fs::read_dir(workspace.path()).unwrap().count();
        assert_eq!(names, 2, "nothing else is left behind");
    }
}
