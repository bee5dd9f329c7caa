//! Why a build has no artifact.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;

use crate::{Diagnostic, FallbackReason};

/// Why a build has no artifact. There is a variant per cause; [`Display`](fmt::Display) says what
/// happened, to what, and what to do about it.
///
/// It is cheap enough to clone, and two errors are equal when they say the same: an error always
/// equals its clone.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// The build was cancelled, by its signal or because its [`Build`](crate::Build) was dropped.
    Cancelled,
    /// There is no cargo to run.
    CargoMissing {
        /// What was to be run.
        cargo: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// A command could not be started, for another reason than [`CargoMissing`](Self::CargoMissing).
    Spawn {
        /// The command line.
        command: String,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// Talking with a running command failed.
    CommandIo {
        /// The command line.
        command: String,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// A file or directory could not be read.
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// The command failed: the code does not compile, a manifest is not right, an argument is
    /// unknown.
    Command {
        /// The command line.
        command: String,
        /// How it exited.
        status: ExitStatus,
        /// What it wrote to its error output, without colours: for a manifest that does not parse
        /// this is cargo's own explanation.
        message: String,
        /// What the compiler had to say, errors and warnings.
        diagnostics: Vec<Diagnostic>,
    },
    /// The command succeeded and did not build the crate.
    NotBuilt {
        /// The crate's directory.
        manifest_dir: PathBuf,
        /// The command line.
        command: String,
    },
    /// The crate was built, but not as a dynamic library, for its manifest does not ask for one.
    NotCdylib {
        /// The crate's directory.
        manifest_dir: PathBuf,
        /// The crate types it has.
        crate_types: Vec<String>,
    },
    /// The output of the command is not that of `cargo build --message-format json`.
    UnknownFormat {
        /// The command line.
        command: String,
        /// The first line that was not understood, or nothing if there was no output.
        line: Option<String>,
    },
    /// The output of `cargo metadata` could not be read.
    Metadata {
        /// The command line.
        command: String,
        /// What is wrong with it.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The build arguments in an environment variable are not words that a shell would accept.
    Arguments {
        /// The variable.
        variable: String,
        /// Its value.
        value: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Whoever ran the build went away without a result: it panicked, or dropped its
    /// [`BuildHandle`](crate::BuildHandle).
    Abandoned {
        /// The panic message, if it was a panic.
        panic: Option<String>,
    },
    /// The library is [full](crate::BuildMode::Full), and the program insists on thin ones.
    NotThin {
        /// Why it is full, where it could have been thin.
        reason: Option<FallbackReason>,
    },
    /// Nobody builds the crate: no rebuilder wants to, and there is no cargo half to do it.
    NoBuilder {
        /// The crate's directory.
        manifest_dir: PathBuf,
    },
    /// A cause of a builder that is not of this crate.
    Other(Arc<dyn Error + Send + Sync>),
}

impl BuildError {
    /// An error of a builder that is not of this crate.
    pub fn other(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Other(Arc::from(error.into()))
    }

    /// The error of a builder that panicked with `payload`.
    pub fn panicked(payload: &(dyn Any + Send)) -> Self {
        let panic = Some(panic_message(payload));
        Self::Abandoned { panic }
    }

    /// Was the build cancelled, which is no failure of the code?
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled)
    }

    /// What the compiler had to say.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            Self::Command { diagnostics, .. } => diagnostics,
            _ => &[],
        }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => f.write_str("the build was cancelled"),
            Self::CargoMissing { cargo, source } => write!(
                f,
                "cannot run `{}`: {source}; install Rust from https://rustup.rs, or set the \
                 environment variable CARGO to the path of cargo",
                cargo.display()
            ),
            Self::Spawn { command, source } => write!(
                f,
                "cannot start `{command}`: {source}; check that the program and its working \
                 directory exist and may be used"
            ),
            Self::CommandIo { command, source } => {
                write!(
                    f,
                    "lost touch with `{command}`: {source}; save again to build again"
                )
            }
            Self::Io { path, source } => write!(
                f,
                "cannot read {}: {source}; check that it exists and may be read",
                path.display()
            ),
            Self::Command {
                command,
                status,
                message,
                diagnostics,
            } => {
                write!(f, "`{command}` failed ({status})")?;
                let mut errors = diagnostics.iter().filter(|found| found.level.is_error());
                match (errors.next(), message.trim_end()) {
                    (Some(first), _) => {
                        write!(f, ":\n{first}")?;
                        for error in errors {
                            write!(f, "\n\n{error}")?;
                        }
                        Ok(())
                    }
                    (None, "") => f.write_str(" and did not say why; run it in a terminal"),
                    (None, message) => write!(f, ":\n{message}"),
                }
            }
            Self::NotBuilt {
                manifest_dir,
                command,
            } => write!(
                f,
                "`{command}` succeeded, but did not build the crate in {}; add that crate to the \
                 packages the command selects (`-p`)",
                manifest_dir.display()
            ),
            Self::NotCdylib {
                manifest_dir,
                crate_types,
            } => write!(
                f,
                "the crate in {} is built as {}, which cannot be loaded; under `[lib]` in its \
                 Cargo.toml write:\ncrate-type = [\"lib\", \"cdylib\"]",
                manifest_dir.display(),
                crate_types.join(" and ")
            ),
            Self::UnknownFormat { command, line } => {
                write!(f, "`{command}` did not write cargo's JSON messages")?;
                if let Some(line) = line {
                    writeln!(f, ", but: {line}")?;
                } else {
                    f.write_str("; ")?;
                }
                f.write_str("have it run cargo with `--message-format json`")
            }
            Self::Metadata { command, source } => write!(
                f,
                "cannot read the output of `{command}`: {source}; run it in a terminal to see it, \
                 and check that CARGO names a cargo of today"
            ),
            Self::Arguments {
                variable,
                value,
                problem,
            } => write!(
                f,
                "the environment variable {variable} is not a list of shell words: {problem} in \
                 `{value}`; quote its words as for a shell, or unset it"
            ),
            Self::Abandoned { panic: Some(panic) } => write!(
                f,
                "the builder panicked: {panic}; this is a bug in the builder, look there"
            ),
            Self::Abandoned { panic: None } => f.write_str(
                "the builder ended without a result; this is a bug in the builder, look there",
            ),
            Self::NotThin { reason } => {
                f.write_str("the program insists on thin libraries, and this one is full")?;
                match reason {
                    Some(reason) => write!(f, ": {reason}"),
                    None => f.write_str(
                        ", for whoever built it makes full ones; have the program ask for `Linking::Auto`",
                    ),
                }
            }
            Self::NoBuilder { manifest_dir } => write!(
                f,
                "nobody builds {}; register a rebuilder with `HOT_RELOAD.rebuilder`, or turn on hot-app's \
                 feature `cargo`",
                manifest_dir.display()
            ),
            Self::Other(error) => error.fmt(f),
        }
    }
}

impl Error for BuildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::CargoMissing { source, .. }
            | Self::Spawn { source, .. }
            | Self::CommandIo { source, .. }
            | Self::Io { source, .. } => Some(source.as_ref()),
            Self::Metadata { source, .. } => Some(source.as_ref()),
            Self::NotThin { reason } => reason
                .as_ref()
                .map(|reason| reason as &(dyn Error + 'static)),
            // `Other` shows its error as its own text, so its source is the next in line.
            Self::Other(error) => error.source(),
            _ => None,
        }
    }
}

impl PartialEq for BuildError {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Command {
                    command,
                    status,
                    message,
                    diagnostics,
                },
                Self::Command {
                    command: other_command,
                    status: other_status,
                    message: other_message,
                    diagnostics: other_diagnostics,
                },
            ) => {
                (command, status, message, diagnostics)
                    == (
                        other_command,
                        other_status,
                        other_message,
                        other_diagnostics,
                    )
            }
            // The texts hold every field of the other variants, and foreign errors have nothing
            // but a text to compare by.
            _ => {
                std::mem::discriminant(self) == std::mem::discriminant(other)
                    && self.to_string() == other.to_string()
            }
        }
    }
}

impl Eq for BuildError {}

fn panic_message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a value that is no text".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DiagnosticLevel;

    fn missing() -> Arc<io::Error> {
        Arc::new(io::ErrorKind::NotFound.into())
    }

    fn one_of_each() -> Vec<BuildError> {
        let command = "cargo build".to_owned();
        vec![
            BuildError::Cancelled,
            BuildError::CargoMissing {
                cargo: "cargo".into(),
                source: missing(),
            },
            BuildError::Spawn {
                command: command.clone(),
                source: missing(),
            },
            BuildError::CommandIo {
                command: command.clone(),
                source: missing(),
            },
            BuildError::Io {
                path: "/a".into(),
                source: missing(),
            },
            BuildError::Command {
                command: command.clone(),
                status: ExitStatus::default(),
                message: "error: no".to_owned(),
                diagnostics: vec![Diagnostic::new(DiagnosticLevel::Error, "mismatched types")],
            },
            BuildError::NotBuilt {
                manifest_dir: "/a".into(),
                command: command.clone(),
            },
            BuildError::NotCdylib {
                manifest_dir: "/a".into(),
                crate_types: vec!["lib".into()],
            },
            BuildError::UnknownFormat {
                command: command.clone(),
                line: Some("hello".into()),
            },
            BuildError::Metadata {
                command,
                source: Arc::from(Box::<dyn Error + Send + Sync>::from("eof")),
            },
            BuildError::Arguments {
                variable: "HOT_BUILD_ARGS".into(),
                value: "'".into(),
                problem: "missing closing quote".into(),
            },
            BuildError::Abandoned { panic: None },
            BuildError::NotThin {
                reason: Some(FallbackReason::NoLinker),
            },
            BuildError::NoBuilder {
                manifest_dir: "/a".into(),
            },
            BuildError::other("the farm is down"),
        ]
    }

    #[test]
    fn equality_is_reflexive_and_tells_causes_apart() {
        let (left, right) = (one_of_each(), one_of_each());
        for (i, a) in left.iter().enumerate() {
            assert_eq!(*a, a.clone());
            for (j, b) in right.iter().enumerate() {
                assert_eq!(a == b, i == j, "{a:?} and {b:?}");
            }
        }
    }

    #[test]
    fn a_failed_command_shows_its_errors() {
        let text = one_of_each()[5].to_string();
        assert!(text.starts_with("`cargo build` failed"), "{text}");
        assert!(text.ends_with("error: mismatched types"), "{text}");
    }

    #[test]
    fn a_crate_without_cdylib_is_told_the_line_to_write() {
        let text = one_of_each()[7].to_string();
        assert!(
            text.ends_with("crate-type = [\"lib\", \"cdylib\"]"),
            "{text}"
        );
    }

    #[test]
    fn io_errors_keep_their_source() {
        let source = one_of_each()[1].source().map(ToString::to_string);
        assert_eq!(source, Some(missing().to_string()));
    }
}
