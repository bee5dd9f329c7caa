//! What goes wrong outside of builds and loads.

use crate::crate_id::CrateId;
use crate::linking::Linking;
use hot_abi::notice::Notice;
use hot_build::BuildError;
use hot_load::layout::LayoutDepth;
use hot_watch::WatchError;
use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Something that went wrong and is tied to no build.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Problem {
    /// Files are not watched as they should be.
    Watching(Arc<WatchError>),
    /// Nothing is watched at all.
    NothingWatched(Arc<WatchError>),
    /// Only the hot crates' own folders are watched, for cargo does not tell their dependencies.
    ScopeUnknown {
        /// The crate.
        krate: CrateId,
        /// What is wrong with cargo or a manifest.
        error: BuildError,
    },
    /// Which files the crate includes from other folders is known from its next build on.
    InputsUnknown {
        /// The crate.
        krate: CrateId,
        /// Why it is not known yet.
        error: BuildError,
    },
    /// The layouts of types could be compared by name, size and alignment only. Told once.
    ShallowLayouts {
        /// The crate.
        krate: CrateId,
        /// What is missing for more.
        depth: LayoutDepth,
    },
    /// It is not known whether program and library have one allocator. Told once.
    AllocatorUnknown {
        /// The crate.
        krate: CrateId,
    },
    /// Something that a hot crate does to itself.
    HotCrate(Notice),
    /// No hot crate of the program has its Cargo.toml in that folder.
    UnknownCrate {
        /// What was asked for: "rebuild", "cancel" or "switch".
        request: &'static str,
        /// The folder.
        manifest_dir: PathBuf,
        /// The folders of the hot crates.
        known: Vec<PathBuf>,
    },
    /// The generation that was asked for is not in memory.
    UnknownGeneration {
        /// The folder of the crate's Cargo.toml.
        manifest_dir: PathBuf,
        /// The generation.
        generation: u32,
        /// Those that are.
        in_memory: Vec<u32>,
    },
    /// Something was asked for before reloading was started.
    NotStarted,
    /// Reloading was started twice.
    StartedAlready,
    /// No hot crate is linked into the program.
    NoHotCrate,
    /// Several nodes of a crate have one name.
    DuplicateNode {
        /// The crate.
        krate: CrateId,
        /// The name.
        node: &'static str,
    },
    /// Several statics have one key.
    RepeatedStatic {
        /// The key.
        key: &'static str,
    },
    /// The environment asks for a way of linking that does not exist, and the default is used.
    UnknownLinking {
        /// The value of `HOT_LINKING`.
        value: String,
    },
    /// New code was to be tried out in a child process, which this system does not have.
    CanaryUnavailable,
    /// The program is built with `panic = "abort"`.
    PanicsAbort,
    /// A thread cannot be started.
    Thread {
        /// What it is for: "reloads", "makes new code live".
        purpose: &'static str,
        /// What the system said.
        source: Arc<io::Error>,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Watching(error) => error.fmt(f),
            Problem::NothingWatched(error) => write!(f, "nothing is watched: {error}"),
            Problem::ScopeUnknown { krate, error } => write!(
                f,
                "{krate}: only its own folder is watched, for cargo does not tell its dependencies: {error}"
            ),
            Problem::InputsUnknown { krate, error } => write!(
                f,
                "{krate}: files that it includes from other folders are watched from its next build on: {error}"
            ),
            Problem::ShallowLayouts { krate, depth } => write!(f, "{krate}: {depth}"),
            Problem::AllocatorUnknown { krate } => write!(
                f,
                "{krate}: it is not known whether program and new code have one allocator, for their files have no \
                 symbols; a program with an allocator of its own declares it with `hot_app::global_allocator!`"
            ),
            Problem::HotCrate(notice) => notice.fmt(f),
            Problem::UnknownCrate {
                request,
                manifest_dir,
                known,
            } => {
                let known: Vec<_> = known
                    .iter()
                    .map(|known| known.display().to_string())
                    .collect();
                write!(
                    f,
                    "cannot {request} {}: no hot crate of the program has its Cargo.toml there; the hot crates are in {}",
                    manifest_dir.display(),
                    known.join(", ")
                )
            }
            Problem::UnknownGeneration {
                manifest_dir,
                generation,
                in_memory,
            } => write!(
                f,
                "cannot switch {} to generation {generation}: it is not in memory; those that are: {in_memory:?}",
                manifest_dir.display()
            ),
            Problem::NotStarted => {
                f.write_str("hot reloading is not started; call `HotReload::start()` first")
            }
            Problem::StartedAlready => f.write_str(
                "hot reloading is started already; the options of the second start are ignored",
            ),
            Problem::NoHotCrate => f.write_str(
                "no hot crate is linked into this program; write `hot_abi::hot_entry!();` at the root of a library \
                 crate that the program uses",
            ),
            Problem::DuplicateNode { krate, node } => write!(
                f,
                "{krate}: several nodes are named `{node}`, and only the first can be reloaded; give each its own \
                 name with `#[hot_node(\"name\")]`"
            ),
            Problem::RepeatedStatic { key } => write!(
                f,
                "several statics have the key `{key}`, and none of them is shared with new code; give each its own name"
            ),
            Problem::UnknownLinking { value } => write!(
                f,
                "HOT_LINKING is `{value}`, which is none of `auto`, `full` and `thin`; it is taken for `{}`",
                Linking::default()
            ),
            Problem::CanaryUnavailable => f.write_str(
                "new code is not tried out in a child process, for this system does not have it; turn off \
                 `Options::canary` here",
            ),
            Problem::PanicsAbort => f.write_str(
                "the program is built with `panic = \"abort\"`, so a panic of new code ends it: nothing is answered by \
                 an older generation, and none is rolled back; build it with `panic = \"unwind\"` for reloading",
            ),
            Problem::Thread { purpose, source } => {
                write!(f, "cannot start the thread that {purpose}: {source}")
            }
        }
    }
}

impl Error for Problem {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            // Shown as its own text, so its source is the next in line.
            Problem::Watching(error) => error.source(),
            Problem::NothingWatched(error) => Some(&**error),
            Problem::ScopeUnknown { error, .. } | Problem::InputsUnknown { error, .. } => {
                Some(error)
            }
            Problem::Thread { source, .. } => Some(&**source),
            _ => None,
        }
    }
}

/// Two problems are equal when they tell the same.
impl PartialEq for Problem {
    fn eq(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
            && self.to_string() == other.to_string()
    }
}

impl Eq for Problem {}
