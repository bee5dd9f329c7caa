//! How the running program and its hot crate were built, as plain data.

use std::path::PathBuf;

/// How the running program was built. Someone else records it, at compile time for the most part,
/// and a builder repeats it, so that dependencies come out the same as in the program.
///
/// The default is a program of which nothing is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramBuild {
    /// The name of the program's package.
    pub package: Option<String>,
    /// The directory of the package's `Cargo.toml`.
    pub manifest_dir: Option<PathBuf>,
    /// Which target of the package is running.
    pub target_kind: TargetKind,
    /// The features of the package that are on, as `cfg!(feature = "..")` tells them. `default`
    /// among them says that the package has such a feature, which saves asking cargo.
    pub features: Vec<String>,
    /// False when the package was built without its default features, or has none:
    /// `cfg!(feature = "default")`. True is cargo's default, and what to say when it is not known.
    pub default_features: bool,
    /// The *name* of the cargo profile: `dev`, `release`, or one of the user's.
    pub profile: Option<String>,
    /// What was given as `--target`: a triple or the path of a target file. `None` when it was not
    /// given, which is not the same as giving the host's triple.
    pub target: Option<String>,
    /// The target directory: `target` beside the workspace's manifest, unless the user moved it.
    pub target_dir: Option<PathBuf>,
    /// The rustup toolchain that built the program, as in `RUSTUP_TOOLCHAIN`.
    pub toolchain: Option<String>,
}

impl Default for ProgramBuild {
    fn default() -> Self {
        Self {
            package: None,
            manifest_dir: None,
            target_kind: TargetKind::Other,
            features: Vec::new(),
            default_features: true,
            profile: None,
            target: None,
            target_dir: None,
            toolchain: None,
        }
    }
}

/// Which kind of target a program is. It matters because cargo builds examples with the
/// dev-dependencies, whose features then count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum TargetKind {
    /// A binary of this name.
    Bin(String),
    /// An example of this name.
    Example(String),
    /// Something else, or unknown.
    #[default]
    Other,
}

/// How the hot crate was built when it was linked into the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrateBuild {
    /// The name of its package. `None` when it is not known; cargo then finds it by its directory.
    pub package: Option<String>,
    /// Its features that are on, as `cfg!(feature = "..")` tells them.
    pub features: Vec<String>,
    /// False when it was linked without its default features, or has none:
    /// `cfg!(feature = "default")`. True is cargo's default, and what to say when it is not known.
    pub default_features: bool,
    /// The run of the compiler that made the crate in the program, if it was recorded. A builder can
    /// repeat it without asking anybody how.
    pub rustc: Option<RustcRun>,
}

/// A run of the compiler, as a macro of the crate saw it from inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RustcRun {
    /// The compiler's file.
    pub program: PathBuf,
    /// The directory that it ran in.
    pub directory: PathBuf,
    /// The command line, without the compiler itself.
    pub arguments: Vec<String>,
    /// The variables that cargo set for the package, by name.
    pub variables: Vec<(String, String)>,
}

impl Default for CrateBuild {
    fn default() -> Self {
        Self {
            package: None,
            features: Vec::new(),
            default_features: true,
            rustc: None,
        }
    }
}
