//! What a builder is given.

use std::path::PathBuf;

use crate::{CancelSignal, CrateBuild, ProgramBuild, Reporter};

/// Everything a builder needs to build one hot crate once.
///
/// ```
/// use hot_build::{BuildArgs, Reporter};
///
/// let mut args = BuildArgs::new("/projects/game/scene");
/// args.hot_crate.package = Some("scene".to_owned());
/// args.program.package = Some("game".to_owned());
/// args.reporter = Reporter::new(|report| eprintln!("{report:?}"));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BuildArgs {
    /// The directory of the hot crate's `Cargo.toml`: the name of what is to be built.
    pub manifest_dir: PathBuf,
    /// What else is known about the hot crate.
    pub hot_crate: CrateBuild,
    /// How the running program was built.
    pub program: ProgramBuild,
    /// Stops the build when it is set.
    pub cancel_build: CancelSignal,
    /// Takes the progress.
    pub reporter: Reporter,
}

impl BuildArgs {
    /// Arguments for building the crate in `manifest_dir`, with a cancel signal of their own, no
    /// reporter, and nothing known about the program.
    pub fn new(manifest_dir: impl Into<PathBuf>) -> Self {
        Self {
            manifest_dir: manifest_dir.into(),
            hot_crate: CrateBuild::default(),
            program: ProgramBuild::default(),
            cancel_build: CancelSignal::new(),
            reporter: Reporter::silent(),
        }
    }
}
