//! Which files the system's loader was given for which libraries.

use crate::library;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Of this process, whoever loaded them.
static OPENED: Mutex<Opened> = Mutex::new(Opened {
    copies: Vec::new(),
    loading: Vec::new(),
});
static LOADING_ENDED: Condvar = Condvar::new();

struct Opened {
    /// The libraries that were built, and the copies of them that were opened.
    copies: Vec<(PathBuf, PathBuf)>,
    /// The libraries that are being loaded.
    loading: Vec<PathBuf>,
}

/// Says that a library is to be loaded, for as long as it lives: [`opened`] waits for it.
///
/// ```
/// let built = std::path::Path::new("/projects/game/target/libscene.so");
/// let loading = hot_load::Loading::of(built);
/// // Here it is loaded, perhaps on another thread, which takes `loading` along.
/// drop(loading);
/// assert_eq!(hot_load::opened(built), None);
/// ```
#[derive(Debug)]
pub struct Loading {
    built: PathBuf,
}

impl Loading {
    /// That of the library that was built as `built`.
    pub fn of(built: &Path) -> Loading {
        lock().loading.push(built.to_owned());
        Loading {
            built: built.to_owned(),
        }
    }
}

impl Drop for Loading {
    fn drop(&mut self) {
        let mut opened = lock();
        let place = opened.loading.iter().position(|known| *known == self.built);
        if let Some(place) = place {
            opened.loading.swap_remove(place);
        }
        drop(opened);
        LOADING_ENDED.notify_all();
    }
}

/// The file that was opened last for the library that was built as `built`, if one was, and its code has been
/// initialised. Waits while it is [being loaded](Loading). It may be unloaded again meanwhile; if it is not, it stays
/// loaded from now on, whatever is retained: who asks links other libraries against it, which would otherwise
/// load it once more, with all its statics beginning anew.
pub fn opened(built: &Path) -> Option<PathBuf> {
    let found = {
        let opened = LOADING_ENDED.wait_while(lock(), |opened| {
            opened.loading.iter().any(|known| known == built)
        });
        let opened = opened.unwrap_or_else(PoisonError::into_inner);
        let mut newest_first = opened.copies.iter().rev();
        let found = newest_first.find(|(known, _)| known == built);
        found.map(|(_, copy)| copy.clone())
    };
    if let Some(copy) = &found {
        library::keep(copy);
    }
    found
}

/// Notes that `copy` was opened and initialised.
pub(crate) fn note(built: &Path, copy: &Path) {
    let mut opened = lock();
    opened.copies.retain(|(known, _)| known != built);
    opened.copies.push((built.to_owned(), copy.to_owned()));
}

fn lock() -> MutexGuard<'static, Opened> {
    OPENED.lock().unwrap_or_else(PoisonError::into_inner)
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
    fn one_that_is_being_loaded_is_waited_for() {
        let built = Path::new("/built/libscene-that-is-being-loaded.so");
        let (first, second) = (Loading::of(built), Loading::of(built));
        drop(first);
        let asked = std::thread::spawn(move || opened(built));
        note(built, Path::new("/built/hot-copy-3"));
        assert!(!asked.is_finished());
        drop(second);
        let found = asked.join().expect("it does not panic");
        assert_eq!(found, Some(PathBuf::from("/built/hot-copy-3")));
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
