//! The one place where a library is opened.

use crate::error::LoadError;
use libloading::Library;
use std::path::Path;
use std::sync::Arc;

/// Opens the library at `path` with all its symbols bound, so that one that is missing is found now and
/// not when it is first called. Symbols stay local to the library.
///
/// `built` is the name to use in errors.
///
/// # Safety
///
/// The library's constructors run, so it must be one whose code the program trusts as its own.
pub(crate) unsafe fn open(path: &Path, built: &Path) -> Result<Library, LoadError> {
    // SAFETY: running the constructors is what the caller vouches for.
    let opened = unsafe { open_bound(path) };
    opened.map_err(|source| LoadError::Open {
        library: built.to_owned(),
        source: Arc::new(source),
    })
}

/// The address of the function that `library` exports as `symbol`.
///
/// # Safety
///
/// `F` is the type of that function, and the result is not called once the library is closed.
pub(crate) unsafe fn function<F: Copy>(
    library: &Library,
    symbol: &str,
    built: &Path,
) -> Result<F, LoadError> {
    // SAFETY: the caller vouches for the type.
    let found = unsafe { library.get::<F>(symbol) };
    found
        .map(|function| *function)
        .map_err(|source| LoadError::MissingSymbol {
            library: built.to_owned(),
            symbol: symbol.to_owned(),
            source: Arc::new(source),
        })
}

/// Keeps the library that was opened as `path` in memory until the program ends. One that is not loaded is not
/// loaded for that.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn keep(path: &Path) {
    use libloading::os::unix::{Library as UnixLibrary, RTLD_NOW};
    let flags = RTLD_NOW | libc::RTLD_NOLOAD | libc::RTLD_NODELETE;
    // SAFETY: nothing is loaded, so no constructor runs. It fails where there is nothing to keep.
    drop(unsafe { UnixLibrary::open(Some(path), flags) });
}

/// Elsewhere no library is linked against another.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn keep(_: &Path) {}

#[cfg(unix)]
unsafe fn open_bound(path: &Path) -> Result<Library, libloading::Error> {
    use libloading::os::unix::{Library as UnixLibrary, RTLD_LOCAL, RTLD_NOW};
    // SAFETY: the caller of `open` vouches for the constructors.
    unsafe { UnixLibrary::open(Some(path), RTLD_NOW | RTLD_LOCAL) }.map(Library::from)
}

#[cfg(not(unix))]
unsafe fn open_bound(path: &Path) -> Result<Library, libloading::Error> {
    // SAFETY: the caller of `open` vouches for the constructors. Windows always binds everything.
    unsafe { Library::new(path) }
}
