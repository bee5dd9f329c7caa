//! A full library that was linked without cargo: it gets a name that no later build writes to, so that nobody
//! needs to copy it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::CargoReason;

/// The last full library of a crate, in the directory that the compiler writes to.
#[derive(Debug)]
pub(super) struct PrivateLibrary {
    path: PathBuf,
    number: u32,
}

impl PrivateLibrary {
    /// Gives `made`, which the compiler's next run overwrites, a name of its own, and removes the one before:
    /// whoever loads it has opened it, or given it a second name. Where both are the same, byte by byte, the
    /// one before stays. Returns the library, and whether it is new.
    ///
    /// It stays in its directory, for it may look for others relative to where it is.
    pub(super) fn keep(
        made: PathBuf,
        last: &mut Option<Self>,
    ) -> Result<(PathBuf, bool), CargoReason> {
        let unwritable = |error: io::Error| CargoReason::Unwritable {
            path: made.clone(),
            problem: error.to_string(),
        };
        if let Some(last) = last
            && are_same(&last.path, &made).unwrap_or(false)
        {
            return Ok((last.path.clone(), false));
        }
        let number = last.as_ref().map_or(1, |last| last.number + 1);
        let mut name = made.file_stem().unwrap_or_default().to_owned();
        name.push(format!("-{number}"));
        if let Some(extension) = made.extension() {
            name.push(".");
            name.push(extension);
        }
        let path = made.with_file_name(name);
        fs::rename(&made, &path).map_err(unwritable)?;
        if let Some(before) = last.replace(Self {
            path: path.clone(),
            number,
        }) {
            // One that is still open, on systems where that matters, goes with the directory.
            let _ = fs::remove_file(before.path);
        }
        Ok((path, true))
    }
}

/// Whether two files hold the same bytes. Libraries of different code differ in their first pages.
fn are_same(one: &Path, other: &Path) -> io::Result<bool> {
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut part, mut other_part) = (vec![0; PART], vec![0; PART]);
    loop {
        let length = one.read(&mut part)?;
        if length == 0 {
            return Ok(true);
        }
        other.read_exact(&mut other_part[..length])?;
        if part[..length] != other_part[..length] {
            return Ok(false);
        }
    }
}

/// How many bytes are compared at once.
const PART: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_name_of_its_own_unless_it_is_the_same() {
        let directory = tempfile::tempdir().expect("a directory");
        let made = directory.path().join("libscene.so");
        let mut last = None;
        let mut keep = |content: &[u8]| {
            fs::write(&made, content).expect("it can be written");
            PrivateLibrary::keep(made.clone(), &mut last).expect("it can be renamed")
        };
        let large = vec![7; PART + 1];
        let (first, is_new) = keep(&large);
        assert!(is_new && first != made);
        assert_eq!(keep(&large), (first.clone(), false));
        let mut other = large.clone();
        other[PART] = 8;
        let (second, is_new) = keep(&other);
        assert!(is_new && second != first);
        assert_eq!(fs::read(&second).expect("it is there"), other);
        assert!(!first.exists());
        assert!(keep(b"short").1);
    }
}
