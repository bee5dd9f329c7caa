//! Why a library did not become a generation.

use crate::allocator::Allocator;
use crate::canary::CanaryEnd;
use hot_abi::fingerprint::Difference;
use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Why a library did not become a generation. The code that was running goes on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// The library could not be copied to a name of its own.
    Copy {
        /// The library that was built.
        from: PathBuf,
        /// Where the copy should have gone.
        to: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// The file could not be read.
    Read {
        /// The library that was built.
        library: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// The file is no dynamic library: cut short, or something else.
    NotALibrary {
        /// The file.
        library: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The library has no fingerprint of the crate: it is not a hot crate's, or was built without
    /// reloading.
    NoFingerprint {
        /// The library that was built.
        library: PathBuf,
        /// The crate that should be in it.
        crate_name: String,
        /// The crates that are.
        found: Vec<String>,
    },
    /// The library was built in another way than the program, so they share no type.
    Incompatible {
        /// The library that was built.
        library: PathBuf,
        /// Each line in which the fingerprints differ.
        differences: Vec<Difference>,
    },
    /// The library has another heap than the program: what one allocates, the other cannot free.
    OtherAllocator {
        /// The library that was built.
        library: PathBuf,
        /// The program's allocator.
        program: Allocator,
        /// The library's.
        new_code: Allocator,
    },
    /// The system's loader refused the library.
    Open {
        /// The library that was built.
        library: PathBuf,
        /// What the loader said.
        source: Arc<libloading::Error>,
    },
    /// The library does not export a function that it must.
    MissingSymbol {
        /// The library that was built.
        library: PathBuf,
        /// The function's name.
        symbol: String,
        /// What the loader said.
        source: Arc<libloading::Error>,
    },
    /// Opening and initialising the library took too long. It goes on in its thread, and its end is told
    /// by [`Loader::on_late_end`](crate::Loader::on_late_end).
    Deadline {
        /// The library that was built.
        library: PathBuf,
        /// How long it was given.
        deadline: Duration,
        /// An earlier library that is still being opened, and keeps the system's loader from opening others.
        blocked_by: Option<PathBuf>,
    },
    /// The library was opened, and its initialisation failed.
    Init {
        /// The library that was built.
        library: PathBuf,
        /// How.
        reason: String,
    },
    /// The library was tried out in a child process, and that died of it.
    Canary {
        /// The library that was built.
        library: PathBuf,
        /// How it died.
        end: CanaryEnd,
        /// The end of what it wrote to stderr.
        said: String,
    },
    /// There was no child process to be had to try out the library.
    CanaryStart {
        /// The library that was built.
        library: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// Two nodes of the library have one name.
    DuplicateNodes {
        /// The library that was built.
        library: PathBuf,
        /// The names.
        names: Vec<String>,
    },
    /// The thread that loads could not be started.
    Thread {
        /// What the system said.
        source: Arc<io::Error>,
    },
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Copy { from, to, source } => {
                write!(
                    f,
                    "cannot copy {} to {}: {source}",
                    from.display(),
                    to.display()
                )?;
                match source.kind() {
                    io::ErrorKind::StorageFull
                    | io::ErrorKind::QuotaExceeded
                    | io::ErrorKind::FileTooLarge => {
                        f.write_str("; free some space on that disk and save again")
                    }
                    io::ErrorKind::PermissionDenied => {
                        f.write_str("; make that folder writable and save again")
                    }
                    _ => Ok(()),
                }
            }
            LoadError::Read { library, source } => {
                write!(f, "cannot read {}: {source}", library.display())
            }
            LoadError::NotALibrary { library, reason } => {
                write!(
                    f,
                    "{} is no dynamic library ({reason}); build it again",
                    library.display()
                )
            }
            LoadError::NoFingerprint {
                library,
                crate_name,
                found,
            } => {
                write!(f, "{} holds no hot crate `{crate_name}`", library.display())?;
                if found.is_empty() {
                    f.write_str(
                        "; write `hot_abi::hot_entry!();` at the root of the crate, and build it together with the \
                         program, so that hot-abi has its `reload` feature",
                    )
                } else {
                    write!(
                        f,
                        " but {}; was the crate renamed? restart the program",
                        found.join(", ")
                    )
                }
            }
            LoadError::Incompatible {
                library,
                differences,
            } => {
                write!(
                    f,
                    "{} was built in another way than the running program",
                    library.display()
                )?;
                for difference in differences {
                    write!(f, "; {difference}")?;
                }
                f.write_str("; build the program again and restart it, or build the library as the program was built")
            }
            LoadError::OtherAllocator {
                library,
                program,
                new_code,
            } => write!(
                f,
                "{} has another allocator ({new_code}) than the running program ({program}), so memory could not pass \
                 between them; in the program, turn on the feature `allocator` of hot-app and write \
                 `hot_app::global_allocator! {{ .. }}` in the place of `#[global_allocator]`",
                library.display()
            ),
            LoadError::Open { library, source } => {
                write!(
                    f,
                    "the system cannot load {}: {}",
                    library.display(),
                    Chain(&**source)
                )
            }
            LoadError::MissingSymbol {
                library,
                symbol,
                source,
            } => write!(
                f,
                "{} does not export `{symbol}`: {}; is `hot_abi::hot_entry!();` at the root of the crate?",
                library.display(),
                Chain(&**source)
            ),
            LoadError::Deadline {
                library,
                deadline,
                blocked_by,
            } => {
                write!(
                    f,
                    "{} was not initialised within {deadline:?}",
                    library.display()
                )?;
                match blocked_by {
                    Some(earlier) => write!(
                        f,
                        ", for {} still is being initialised and keeps the system from opening others; if it never ends, \
                         restart the program",
                        earlier.display()
                    ),
                    None => f.write_str("; it is left to itself, and the next build is tried anew"),
                }
            }
            LoadError::Init { library, reason } => {
                write!(
                    f,
                    "{} could not be initialised: {reason}",
                    library.display()
                )
            }
            LoadError::Canary { library, end, said } => {
                write!(
                    f,
                    "{} was opened in a child process first, which {end}",
                    library.display()
                )?;
                if !said.is_empty() {
                    write!(f, " and said: {said}")?;
                }
                f.write_str("; mend what the crate does while it is loaded")
            }
            LoadError::CanaryStart { library, source } => write!(
                f,
                "{} cannot be tried out, for there is no child process to be had: {source}",
                library.display()
            ),
            LoadError::DuplicateNodes { library, names } => write!(
                f,
                "{} has several nodes named {}; give each its own name with `#[hot_node(\"name\")]`",
                library.display(),
                names.join(", ")
            ),
            LoadError::Thread { source } => {
                write!(f, "cannot start the thread that loads: {source}")
            }
        }
    }
}

impl Error for LoadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            LoadError::Copy { source, .. }
            | LoadError::Read { source, .. }
            | LoadError::CanaryStart { source, .. }
            | LoadError::Thread { source } => Some(&**source),
            LoadError::Open { source, .. } | LoadError::MissingSymbol { source, .. } => {
                Some(&**source)
            }
            LoadError::NotALibrary { .. }
            | LoadError::NoFingerprint { .. }
            | LoadError::Incompatible { .. }
            | LoadError::OtherAllocator { .. }
            | LoadError::Deadline { .. }
            | LoadError::Init { .. }
            | LoadError::Canary { .. }
            | LoadError::DuplicateNodes { .. } => None,
        }
    }
}

/// Two errors are equal when they tell the same.
impl PartialEq for LoadError {
    fn eq(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
            && self.to_string() == other.to_string()
    }
}

impl Eq for LoadError {}

/// An error and its sources in one line. libloading tells the loader's own words only as a source.
struct Chain<'a>(&'a dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
