//! Progress: what a build tells while it runs.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::Diagnostic;

/// One thing that happened in a running build.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildReport {
    /// The command was started.
    Started {
        /// The command line, quoted for a shell.
        command: String,
    },
    /// The build waits for another one, an editor's perhaps, that holds a lock.
    Blocked {
        /// What it waits for, in cargo's words: "file lock on build directory".
        waiting_for: String,
    },
    /// Cargo decides by this lock file. It may have been written for this build: a manifest asked for other
    /// packages.
    LockFile {
        /// The file.
        path: PathBuf,
        /// What it holds.
        content: Vec<u8>,
    },
    /// The compiler was started for a crate.
    Compiling {
        /// The crate's package, with its version if the build told it: "serde v1.0.200".
        package: String,
    },
    /// A target is done.
    Compiled {
        /// The target's name: a library, a binary or a build script.
        target: String,
        /// True when it was up to date and did not have to be compiled.
        fresh: bool,
        /// How many targets are done by now, this one included.
        done: usize,
    },
    /// The compiler had something to say.
    Diagnostic(Diagnostic),
    /// Any other line that the command wrote, without its line end: cargo's status lines, output
    /// of a build script that failed, or of a command that is no cargo.
    Line(String),
}

/// Takes the [`BuildReport`]s of a build: a callback, or nothing.
///
/// The callback runs on the build's own thread, so it should return soon: send the report on.
///
/// ```
/// use hot_build::{BuildReport, Reporter};
///
/// let (sender, receiver) = std::sync::mpsc::channel();
/// let reporter = Reporter::new(move |report| sender.send(report).unwrap());
/// reporter.report(BuildReport::Line("Finished".to_owned()));
/// assert_eq!(receiver.recv().unwrap(), BuildReport::Line("Finished".to_owned()));
/// ```
#[derive(Clone, Default)]
pub struct Reporter {
    callback: Option<Arc<dyn Fn(BuildReport) + Send + Sync>>,
}

impl Reporter {
    /// A reporter that calls `callback` for each report.
    pub fn new(callback: impl Fn(BuildReport) + Send + Sync + 'static) -> Self {
        Self {
            callback: Some(Arc::new(callback)),
        }
    }

    /// A reporter that drops every report.
    pub fn silent() -> Self {
        Self::default()
    }

    /// Passes `report` to the callback.
    pub fn report(&self, report: BuildReport) {
        if let Some(callback) = &self.callback {
            callback(report);
        }
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reporter")
            .field("silent", &self.callback.is_none())
            .finish()
    }
}
