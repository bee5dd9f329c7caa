//! Hot code reloading for Rust programs: save a file, and the running program runs the new code.
//!
//! This is the crate that a program depends on. It watches the sources of the program's hot crates,
//! builds them when they change, loads what was built, and makes it live where the program says that
//! it is ready: change → build → load → apply → event. What a hot crate itself writes is in `hot-abi`.
//!
//! ```no_run
//! hot_app::hot_host!(); // tells how this program was built; at the root of the program
//!
//! fn main() {
//!     let mut hot = hot_app::HotReload::start();
//!     loop {
//!         hot.update(); // the safe point: new code goes live here
//!         // ... one turn of the program ...
//!     }
//! }
//! ```
//!
//! A program without a loop says [`HotReload::background()`], and new code goes live when it is ready.
//! What happens is told by [`HOT_RELOAD`]: its [`events`](Service::events), its
//! [`status`](Service::status). It needs no async runtime and works with any.
//!
//! # Features
//!
//! - `reload` (default): without it everything here does nothing, and hot crates are plain crates.
//! - `thin` (default): new code is linked against the running program, unless [`Linking`] says otherwise.
//! - `cargo` (default): builds with cargo. Without it the program brings a
//!   [`rebuilder`](Service::rebuilder), and neither cargo_metadata nor the rest of hot-build's cargo half is
//!   compiled.
//! - `log`, `tracing`: what new code logs and traces goes to the program's logger and subscribers.
//! - `allocator`: for a program with a global allocator of its own, declared with [`global_allocator!`].

#[cfg(feature = "reload")]
mod backtraces;
#[cfg(all(feature = "reload", feature = "cargo"))]
#[path = "with_cargo.rs"]
mod cargo;
#[cfg(all(feature = "reload", not(feature = "cargo")))]
#[path = "without_cargo.rs"]
mod cargo;
#[cfg(feature = "reload")]
mod codes;
#[cfg(feature = "reload")]
mod console;
#[cfg(feature = "reload")]
mod crate_id;
#[cfg(feature = "reload")]
mod driver;
#[cfg(feature = "reload")]
mod event;
#[cfg(feature = "reload")]
mod event_bus;
#[cfg(feature = "reload")]
mod extension;
#[cfg(feature = "reload")]
mod file_name;
#[cfg(feature = "reload")]
mod hot_reload;
#[cfg(feature = "reload")]
mod library_stamp;
#[cfg(feature = "reload")]
mod linking;
#[cfg(feature = "reload")]
mod news;
#[cfg(feature = "reload")]
mod notices;
mod panic_policy;
#[cfg(feature = "reload")]
mod panics;
#[cfg(feature = "reload")]
mod pipeline;
#[cfg(feature = "reload")]
mod problem;
#[cfg(feature = "reload")]
mod program;
#[cfg(feature = "reload")]
mod running;
#[cfg(feature = "reload")]
mod safe_point;
#[cfg(feature = "reload")]
mod scope;
#[cfg(feature = "reload")]
mod service;
#[cfg(feature = "reload")]
mod snapshot;
#[cfg(feature = "reload")]
mod source;
#[cfg(all(feature = "reload", feature = "thin"))]
mod static_types;
#[cfg(feature = "reload")]
mod status;
#[cfg(feature = "reload")]
mod words;

#[cfg(not(feature = "reload"))]
mod off;

#[cfg(feature = "reload")]
pub use {
    crate_id::CrateId,
    event::{Event, NotWaiting, Phase},
    event_bus::{Events, NextEvent},
    extension::Extension,
    hot_build as build, hot_load as load,
    hot_reload::{HotReload, Options},
    hot_watch as watch,
    linking::Linking,
    problem::Problem,
    safe_point::Hold,
    service::{HOT_RELOAD, Service},
    source::Source,
    status::{HotStatus, Outcome, PanickedItem},
};

#[cfg(not(feature = "reload"))]
pub use off::*;

pub use hot_abi::global_allocator;
pub use panic_policy::PanicPolicy;

#[doc(hidden)]
pub mod private {
    #[cfg(feature = "reload")]
    pub use hot_abi::private::{__compilation, Compilation, PROGRAMS, ProgramRecord, linkme};
}

/// Records how the program is built, so that its hot crates are built again in the same way: its
/// package, its features, its profile and its target.
///
/// Called once, at the root of the program. A program that is run with its default features can do
/// without: then package and target are found by the path of the running file.
#[cfg(feature = "reload")]
#[macro_export]
macro_rules! hot_host {
    () => {
        const _: () = {
            use $crate::private as __hot;
            #[__hot::linkme::distributed_slice(__hot::PROGRAMS)]
            #[linkme(crate = $crate::private::linkme)]
            static PROGRAM: __hot::ProgramRecord = __hot::ProgramRecord {
                manifest_dir: ::core::env!("CARGO_MANIFEST_DIR"),
                package: ::core::env!("CARGO_PKG_NAME"),
                binary: ::core::option_env!("CARGO_BIN_NAME"),
                compilation: __hot::__compilation!(__hot::Compilation),
            };
        };
    };
}

/// Records how the program is built. Without the `reload` feature there is nothing to record.
#[cfg(not(feature = "reload"))]
#[macro_export]
macro_rules! hot_host {
    () => {};
}

// The README's example is tested too.
#[cfg(all(doctest, feature = "reload"))]
#[doc = include_str!("../README.md")]
struct Readme;
