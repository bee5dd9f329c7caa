//! What a build that worked hands over.

use std::path::PathBuf;
use std::time::Duration;

use crate::{BuildMode, CargoReason, ChangedStatic, Diagnostic, FallbackReason};

/// The library that a build made, and what is known about how it was made.
///
/// Builders of your own start from [`Artifact::new`] and set what they know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Artifact {
    /// The dynamic library: a `.so`, `.dylib` or `.dll` file.
    ///
    /// The next build of the crate replaces this file, so copy it before you load it, unless it
    /// [is private](Self::is_private).
    pub library: PathBuf,
    /// Whether the file is this process's own and is never written again, so that whoever loads it need not copy
    /// it. False for what other builds replace.
    pub is_private: bool,
    /// True when the library was up to date, and nothing was compiled for it.
    pub fresh: bool,
    /// True when it is known to hold what the program was linked with: the sources differ in nothing that runs, as in
    /// a comment. Where builders do not know it is false.
    pub is_linked_in: bool,
    /// The files that the compiler and the crate's build script said they read: the sources,
    /// `include_str!` files, `rerun-if-changed` files. Absolute, sorted, each once.
    ///
    /// With a [`DirectBuilder`](crate::DirectBuilder) those of the local packages that it depends on too, wherever
    /// they are. Those in a package's folder may be left out: ask cargo [which there are](crate::LocalPackages).
    ///
    /// Empty when the builder does not know.
    pub inputs: Vec<PathBuf>,
    /// Warnings and notes, from the crate and from every other crate that was compiled with it.
    pub diagnostics: Vec<Diagnostic>,
    /// From the start of the build to the report of the library.
    pub duration: Duration,
    /// Whether the library stands for itself, or uses the program's code.
    pub mode: BuildMode,
    /// Why the library is a full one, where the builder would rather have made a thin one.
    pub fallback: Option<FallbackReason>,
    /// The statics and thread-locals of a thin library that do not go on as their source has them: those that
    /// begin anew in it, and those that keep their values though they begin with others in the source. All
    /// statics of a full library begin anew.
    pub changed_statics: Vec<ChangedStatic>,
    /// Why cargo was asked, where the builder can do without it in other cases.
    pub asked_cargo: Option<CargoReason>,
    /// What the time went into, in order. Empty when the builder does not know.
    pub phases: Vec<BuildPhase>,
}

/// A part of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BuildPhase {
    /// What was done: "compile", "link".
    pub name: &'static str,
    /// How long it took.
    pub duration: Duration,
}

impl BuildPhase {
    /// A part of that name and duration.
    pub fn new(name: &'static str, duration: Duration) -> Self {
        Self { name, duration }
    }
}

impl Artifact {
    /// A library of which no more is known than where it is.
    pub fn new(library: impl Into<PathBuf>) -> Self {
        Self {
            library: library.into(),
            is_private: false,
            fresh: false,
            is_linked_in: false,
            inputs: Vec::new(),
            diagnostics: Vec::new(),
            duration: Duration::ZERO,
            mode: BuildMode::Full,
            fallback: None,
            changed_statics: Vec::new(),
            asked_cargo: None,
            phases: Vec::new(),
        }
    }
}
