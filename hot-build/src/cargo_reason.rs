//! Why cargo had to be asked.

use std::fmt;
use std::path::PathBuf;

/// Why a builder that can run the compiler itself asked cargo instead.
///
/// Each of these is about something that only cargo can judge. After cargo has, the builder knows again
/// how to do without it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CargoReason {
    /// Nobody told yet how the crate is compiled.
    FirstBuild,
    /// A file changed that cargo decides by: a manifest, the lock file, a configuration, a toolchain.
    Settings {
        /// The file.
        path: PathBuf,
    },
    /// A build script changed, or what it said that it reads.
    BuildScript {
        /// The file that changed.
        path: PathBuf,
    },
    /// A file changed of a package whose build script does not say what it reads, so that cargo runs it
    /// again whatever changes.
    SilentBuildScript {
        /// The package's directory.
        manifest_dir: PathBuf,
        /// The file that changed.
        path: PathBuf,
    },
    /// A file changed of a crate that cargo did not have to compile since the program runs.
    NotRecorded {
        /// The file.
        path: PathBuf,
    },
    /// A configuration of cargo's gives variables to the compiler, and the program does not know which.
    ConfiguredVariables {
        /// The configuration.
        path: PathBuf,
    },
    /// A wrapper of the compiler is set, which the program does not know of.
    Wrapper {
        /// The variable or the configuration that sets it.
        set_by: String,
    },
    /// A variable of the environment is not what it was.
    Variable {
        /// Its name.
        name: String,
    },
    /// The build was asked for with other features, or another profile, than the one before.
    OtherBuild,
    /// What the program was linked from is not what is there now.
    NewerThanProgram {
        /// A compiled crate.
        path: PathBuf,
    },
    /// What cargo left beside the program does not tell how the program was built.
    NoTraces {
        /// What is missing, or is not understood.
        path: PathBuf,
    },
    /// The compiler failed, and not because of the code.
    Compiler,
    /// The library looks for others beside itself, so it has to lie where cargo puts it.
    RelativeSearchPath {
        /// The argument of the compiler that says so.
        argument: String,
    },
    /// There is no place for the compiler to write to.
    Unwritable {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

impl fmt::Display for CargoReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FirstBuild => f.write_str("how the crate is compiled was not known yet"),
            Self::Settings { path } => {
                write!(f, "{} changed, which cargo builds by", path.display())
            }
            Self::BuildScript { path } => {
                write!(f, "{} changed, which a build script reads", path.display())
            }
            Self::SilentBuildScript { manifest_dir, path } => write!(
                f,
                "{} changed, and the build script in {} does not say what it reads, so it has to run again; let \
                 it print `cargo::rerun-if-changed=..`",
                path.display(),
                manifest_dir.display()
            ),
            Self::NotRecorded { path } => write!(
                f,
                "{} changed, and how its crate is compiled was not known yet",
                path.display()
            ),
            Self::ConfiguredVariables { path } => {
                write!(f, "{} gives variables to the compiler", path.display())
            }
            Self::Wrapper { set_by } => write!(f, "{set_by} sets a wrapper of the compiler"),
            Self::Variable { name } => write!(f, "the environment variable {name} changed"),
            Self::OtherBuild => f.write_str("other features or another profile were asked for"),
            Self::NewerThanProgram { path } => write!(
                f,
                "{} was compiled after the program was built",
                path.display()
            ),
            Self::NoTraces { path } => write!(
                f,
                "{} does not tell how the program was built",
                path.display()
            ),
            Self::Compiler => f.write_str("the compiler failed for another reason than the code"),
            Self::RelativeSearchPath { argument } => write!(
                f,
                "`{argument}` has the library look for others beside itself, where only cargo puts it"
            ),
            Self::Unwritable { path, problem } => {
                write!(f, "cannot write {}: {problem}", path.display())
            }
        }
    }
}
