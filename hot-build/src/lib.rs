//! Turns "this crate changed" into a library file, diagnostics and progress.
//!
//! A hot crate is a library crate of a running program that is built again, as a dynamic library,
//! while the program runs. This crate runs that build. It knows nothing of why it should build
//! (it watches no files) nor of what becomes of the library (it loads nothing).
//!
//! # The contract
//!
//! - [`BuildArgs`] say what to build: the hot crate, how the running program was built, a
//!   [`CancelSignal`], and a [`Reporter`] for progress.
//! - A [`Build`] is the running job. Poll it, wait for it, await it, or drop it to kill it.
//! - It ends with an [`Artifact`], or with a [`BuildError`] that has a variant per cause and keeps
//!   every [`Diagnostic`] of the compiler.
//! - A [`Rebuilder`] turns arguments into a build. It is where another build system steps in.
//!
//! # The cargo half
//!
//! The feature `cargo`, on by default, brings the builder that most programs want:
//! `BuildArgs::default_build` and its siblings run `cargo build` with the selection of packages,
//! the features and the profile of the running program, so that the library's dependencies are
//! those of the program. `ProgramBuild::discover` finds out what nobody recorded, and
//! `LocalPackages` tell which directories a crate is made of.
//!
//! `DirectBuilder` does without cargo where cargo has nothing to decide: it runs the compiler as cargo ran it.
//!
//! # The thin half
//!
//! With the feature `thin`, `DirectBuilder::thin` makes libraries that
//! are linked against the running program itself. They have kilobytes and share everything with the
//! program. An [`Artifact`] tells in which [`BuildMode`] it was made.
//!
//! With `default-features = false` the contract stands alone and has no dependency.
//!
//! ```no_run
//! use hot_build::{BuildArgs, BuildReport, Reporter};
//!
//! let mut args = BuildArgs::new("/projects/game/scene");
//! args.program.package = Some("game".to_owned());
//! args.reporter = Reporter::new(|report| {
//!     if let BuildReport::Diagnostic(diagnostic) = report {
//!         eprint!("{}", diagnostic.rendered);
//!     }
//! });
//! # #[cfg(feature = "cargo")]
//! match args.default_build().wait() {
//!     Ok(artifact) => println!("{} in {:?}", artifact.library.display(), artifact.duration),
//!     Err(error) => println!("{error}"),
//! }
//! ```

// The contract, in reading order.
mod args;
mod artifact;
mod cancel;
mod cargo_reason;
mod codes;
mod diagnostic;
mod error;
mod fallback;
mod job;
mod program;
mod rebuilder;
mod report;

// The cargo half.
#[cfg(feature = "cargo")]
mod background;
#[cfg(feature = "cargo")]
mod cargo;
#[cfg(feature = "cargo")]
mod child;
#[cfg(feature = "cargo")]
mod direct;
#[cfg(feature = "cargo")]
mod discover;
#[cfg(feature = "cargo")]
mod environment;
#[cfg(feature = "cargo")]
mod inputs;
#[cfg(feature = "cargo")]
mod linked;
#[cfg(feature = "cargo")]
mod lock_file;
#[cfg(feature = "cargo")]
mod messages;
#[cfg(feature = "cargo")]
mod metadata;
#[cfg(feature = "cargo")]
mod packages;
#[cfg(feature = "cargo")]
#[cfg_attr(
    not(all(
        feature = "thin",
        target_os = "linux",
        any(target_arch = "x86_64", target_arch = "aarch64"),
        target_endian = "little",
        target_pointer_width = "64"
    )),
    allow(
        dead_code,
        reason = "what links thin libraries, and asks more of a record, is not there"
    )
)]
mod replay;
#[cfg(feature = "cargo")]
mod run;
#[cfg(feature = "cargo")]
mod shared;

// The thin half.
#[cfg(feature = "cargo")]
#[cfg_attr(not(feature = "thin"), path = "without_thin.rs")]
mod thin;

pub use args::BuildArgs;
pub use artifact::{Artifact, BuildPhase};
pub use cancel::{CancelSignal, CancelWatch};
pub use cargo_reason::CargoReason;
pub use diagnostic::{Diagnostic, DiagnosticLevel, SourceSpan};
pub use error::BuildError;
pub use fallback::{BuildMode, ChangedStatic, FallbackReason, StaticChange};
pub use job::{Build, BuildHandle, BuildResult};
pub use program::{CrateBuild, ProgramBuild, RustcRun, TargetKind};
pub use rebuilder::Rebuilder;
pub use report::{BuildReport, Reporter};

#[cfg(feature = "cargo")]
pub use cargo::BUILD_ARGS_VARIABLE;
#[cfg(feature = "cargo")]
pub use direct::DirectBuilder;
#[cfg(feature = "cargo")]
pub use linked::LinkedCrate;
#[cfg(feature = "cargo")]
pub use packages::{LocalPackage, LocalPackages};

#[cfg(feature = "thin")]
pub use thin::{StaticComparison, StaticPair, StaticTypes};

/// The examples in the README compile. They use every feature.
#[cfg(all(doctest, feature = "thin"))]
#[doc = include_str!("../README.md")]
struct Readme;
