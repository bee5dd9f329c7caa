//! Which of the files that are mapped into the process an address lies in.

use std::path::PathBuf;

#[cfg_attr(all(target_os = "linux", target_env = "gnu"), path = "mapped/glibc.rs")]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    path = "mapped/unknown.rs"
)]
mod system;

/// A part of the running process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mapped {
    /// The program, which this code is in.
    Program,
    /// A library, by the name that it was opened by.
    Library(PathBuf),
}

/// What an address of code or of a static lies in; `None` if the system does not tell.
pub(crate) fn at(address: usize) -> Option<Mapped> {
    let (start, file) = system::file_at(address)?;
    let own: fn(usize) -> Option<Mapped> = at;
    let (program, _) = system::file_at(own as usize)?;
    Some(match start == program {
        true => Mapped::Program,
        false => Mapped::Library(file),
    })
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    static HERE: u8 = 1;

    #[test]
    fn what_is_the_programs_and_what_is_a_librarys() {
        assert_eq!(at(&raw const HERE as usize), Some(Mapped::Program));
        let library = at(libc::getpid as *const () as usize);
        assert!(matches!(library, Some(Mapped::Library(_))), "{library:?}");
        let local = 0u8;
        assert_eq!(at(&raw const local as usize), None);
    }
}
