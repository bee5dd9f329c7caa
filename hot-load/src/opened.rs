//! Which files the system's loader was given for which libraries.

use crate::library;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The library that was built, and the copy of it that was opened. Of this process, whoever loaded it.
static OPENED: Mutex<Vec<(PathBuf, PathBuf)>> = Mutex::new(Vec::new());

/// The file that was opened last for the library that was built as `built`, if one was, and its code has been
/// initialised. It may be unloaded again meanwhile; if it is not, it stays loaded from now on, whatever is
/// retained: who asks links other libraries against it, which would otherwise load it once more, with all its
/// statics beginning anew.
pub fn opened(built: &Path) -> Option<PathBuf> {
    let found = {
        let opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
        let found = opened.iter().rev().find(|(known, _)| known == built);
        found.map(|(_, copy)| copy.clone())
    };
    if let Some(copy) = &found {
        library::keep(copy);
    }
    found
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

    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[test]
    fn a_library_that_others_are_linked_against_stays() {
        let place = tempfile::tempdir().expect("a directory");
        let source = place.path().join("lent.rs");
        std::fs::write(&source, "#[unsafe(no_mangle)] pub static LENT: u8 = 1;").expect("a file");
        let build = |name: &str| {
            let library = place.path().canonicalize().expect("it is there").join(name);
            let mut rustc = std::process::Command::new("rustc");
            rustc.args(["--edition", "2024", "--crate-type", "cdylib", "-o"]);
            let built = rustc
                .args([&library, &source])
                .status()
                .expect("rustc runs");
            assert!(built.success());
            library
        };
        let (lent, other) = (build("liblent.so"), build("libother.so"));
        let is_mapped = |library: &Path| {
            let maps = std::fs::read_to_string("/proc/self/maps").expect("Linux");
            maps.contains(library.to_str().expect("text"))
        };
        for library in [&lent, &other] {
            // SAFETY: it has no constructors.
            let loaded = unsafe { library::open(library, library) }.expect("it opens");
            note(library, library);
            assert!(is_mapped(library));
            if *library == lent {
                assert_eq!(opened(library).as_ref(), Some(library));
            }
            drop(loaded);
        }
        assert!(is_mapped(&lent));
        // What is not loaded is not loaded by asking.
        assert!(!is_mapped(&other));
        assert_eq!(opened(&other), Some(other.clone()));
        assert!(!is_mapped(&other));
    }

    #[test]
    fn the_last_copy_counts() {
        let built = Path::new("/built/libscene-of-the-test.so");
        assert_eq!(opened(built), None);
        note(built, Path::new("/built/hot-copy-1"));
        note(built, Path::new("/built/hot-copy-2"));
        assert_eq!(opened(built), Some(PathBuf::from("/built/hot-copy-2")));
    }
}
