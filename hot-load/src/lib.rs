//! Turns a library file into a generation of a hot crate, or into the reason why not.
//!
//! A [`Loader`] copies the file under a name of its own, reads the fingerprint in it, opens it, calls
//! its init function within a deadline, and hands out a [`Generation`] that is ready to be made live.
//! It knows neither who built the file nor when its code should go live.
//!
//! ```no_run
//! use hot_load::{LoadOptions, Loader};
//!
//! let krate = hot_load::linked_crates()[0]; // a crate that called `hot_entry!()`
//! let loader = Loader::new(LoadOptions::default());
//! match loader.load(krate, "target/debug/libscene.so".as_ref()) {
//!     Ok(loaded) => println!("generation {} is ready", loaded.generation.number()),
//!     Err(reason) => eprintln!("{reason}"),
//! }
//! ```

mod allocator;
mod background;
mod canary;
mod codes;
mod deadline;
mod error;
pub mod layout;
mod library;
mod loader;
mod mapped;
mod migration;
mod opened;
mod overdue;
mod phases;
mod retention;
mod staging;
mod verify;
pub mod words;

pub use allocator::{Allocator, HeapCheck};
pub use canary::{Canary, CanaryEnd};
pub use error::LoadError;
pub use hot_abi::StateReport;
pub use hot_abi::fingerprint::{Difference, Fingerprint};
pub use hot_abi::generation::{Applied, Generation, LayoutChange, SignatureChange, TypeChange};
pub use hot_abi::held::{Migrated, MigrationError, WhenBusy};
pub use hot_abi::registry::{HotCrate, Module};
pub use hot_abi::statics::{PatchReport, StaticMismatch};
pub use loader::{LoadOptions, Loaded, Loader, linked_crates, repeated_statics};
pub use opened::{Loading, opened};
pub use overdue::{LateEnd, Overdue, Work};
pub use phases::LoadPhase;
pub use retention::Retention;
pub use verify::read_fingerprints;

// The README's example is tested too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
