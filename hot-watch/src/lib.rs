//! Tells which files changed **in content**: a save that changes no byte, a `touch` or a `chmod`
//! is nothing, and a save is one change however the editor goes about it. It watches directories
//! and single files, honours `.gitignore`, and knows nothing of cargo, crates or builds.
//!
//! ```no_run
//! use hot_watch::{Notice, WatchConfig, Watcher};
//!
//! let watcher = Watcher::start(WatchConfig::default().directory("src"), |notice| {
//!     if let Notice::Changed(changes) = notice {
//!         println!("{:?}", changes.list);
//!     }
//! })?;
//! # Ok::<(), hot_watch::WatchError>(())
//! ```
//!
//! # How it works
//!
//! 1. At the start, every file that [counts](#what-counts) is read once, and a hash of it kept.
//! 2. The system's events say which files to look at again. While there are none, nothing runs.
//! 3. A write that is finished is believed at once. Where that is not known, the file must lie
//!    still for an [instant](WatchConfig::quiet) first.
//! 4. What is different from what was last delivered is delivered, all that came together as one
//!    [`Changes`].
//!
//! # What counts
//!
//! Everything beneath a [directory root](Root::Directory), except
//! - directories of version control (`.git`, `.jj`, ...);
//! - target directories of cargo: those with a `CACHEDIR.TAG`, and `target` beside a `Cargo.toml`;
//! - what `.gitignore` files say, up to the root of the repository, and `.git/info/exclude`;
//! - editors' swap, backup and temporary files;
//! - [excluded](WatchConfig::exclude) paths;
//! - what lies behind a link to a directory, which may lead anywhere. Links to files are followed.
//!
//! A [file root](Root::File) always counts.
//!
//! # What it does not see
//!
//! Writes through a memory map, or to a network file system by another machine: choose
//! [`Method::Polling`] there. That a directory *above* a root was renamed, until the next event in
//! the root.

#![forbid(unsafe_code)]

// What comes out, and what goes in.
mod change;
mod codes;
mod config;
mod error;

// What counts, what a file holds, and when it is believed.
mod content;
mod identity;
mod scope;
mod settle;

// Where events come from.
mod backend;
mod limits;
mod watches;

// How all that becomes one watcher.
mod engine;
mod tree;
mod watcher;

pub use change::{Change, ChangeKind, Changes, FileContent, Notice};
pub use config::{Method, Root, WatchConfig};
pub use error::WatchError;
pub use watcher::Watcher;

// The README's example is tested too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
