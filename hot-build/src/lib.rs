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
//! The contract stands alone: with `default-features = false` it is all there is, with no
//! dependency.

mod args;
mod artifact;
mod cancel;
mod diagnostic;
mod error;
mod job;
mod program;
mod rebuilder;
mod report;

pub use args::BuildArgs;
pub use artifact::Artifact;
pub use cancel::{CancelSignal, CancelWatch};
pub use diagnostic::{Diagnostic, DiagnosticLevel, SourceSpan};
pub use error::BuildError;
pub use job::{Build, BuildHandle, BuildResult};
pub use program::{CrateBuild, ProgramBuild, TargetKind};
pub use rebuilder::Rebuilder;
pub use report::{BuildReport, Reporter};
