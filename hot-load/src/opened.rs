//! Which files the system's loader was given for which libraries.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The library that was built, and the copy of it that was opened. Of this process, whoever loaded it.
static OPENED: Mutex<Vec<(PathBuf, PathBuf)>> = Mutex::new(Vec::new());

/// The file that was opened last for the library that was built as `built`, if one was, and its code has been
/// initialised. It may be unloaded again meanwhile.
pub fn opened(built: &Path) -> Option<PathBuf> {
    let opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    let found = opened.iter().rev().find(|(known, _)| known == built);
    found.map(|(_, copy)| copy.clone())
}

/// Notes that `copy` was opened and initialised.
pub(crate) fn note(built: &Path, copy: &Path) {
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    opened.retain(|(known, _)| known != built);
    opened.push((built.to_owned(), copy.to_owned()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_copy_counts() {
        let built = Path::new("/built/libscene-of-the-test.so");
        assert_eq!(opened(built), None);
        note(built, Path::new("/built/hot-copy-1"));
        note(built, Path::new("/built/hot-copy-2"));
        assert_eq!(opened(built), Some(PathBuf::from("/built/hot-copy-2")));
    }
}
