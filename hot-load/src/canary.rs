//! A library is opened and initialised in a child process first, so that one that dies of it does not take
//! the program along.
//!
//! The child is a fork of this very process, for a library that is linked against the running program fits
//! nothing else.

use std::fmt;
use std::time::Duration;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[path = "canary/linux.rs"]
mod child;
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
#[path = "canary/none.rs"]
mod child;

pub(crate) use child::try_out;

/// Whether a library was opened and initialised in a child process first, a fork of the program. Only Linux
/// with glibc has it.
///
/// The child has one thread, so code that waits for another one while it loads hangs there; and what a library
/// does to the world outside of the process while it loads, it does twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Canary {
    /// It was not asked for.
    Off,
    /// It was, and the child lived.
    Lived,
    /// It was asked for, and this system does not have it.
    Unavailable,
}

impl Canary {
    /// Whether this system has it.
    pub const IS_AVAILABLE: bool = child::IS_AVAILABLE;
}

/// How a library ended the child process that opened it first.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CanaryEnd {
    /// It was ended by a signal.
    Signal(i32),
    /// It exited with this code.
    Exited(i32),
    /// It was not done in time.
    Deadline(Duration),
    /// It is gone, and something else in the program took note of how.
    Unknown,
}

impl fmt::Display for CanaryEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CanaryEnd::Signal(signal) => match child::signal_name(*signal) {
                Some(name) => write!(f, "was ended by {name}"),
                None => write!(f, "was ended by signal {signal}"),
            },
            CanaryEnd::Exited(code) => write!(f, "exited with code {code}"),
            CanaryEnd::Deadline(deadline) => write!(f, "was not done within {deadline:?}"),
            CanaryEnd::Unknown => f.write_str("ended"),
        }
    }
}

/// What became of the child process.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It lived.
    Lived,
    /// It did not.
    Died {
        end: CanaryEnd,
        /// The end of what it wrote to stderr.
        said: String,
    },
}
