//! What this crate has to tell while the program runs. It prints nothing itself: whoever drives the
//! reloading takes the notices with [`set_sink`].

use crate::exchange::Refusal;
use crate::policy::{Aftermath, Panicked};
use crate::services;
use crate::state::StateReport;
use std::fmt;
use std::sync::OnceLock;

/// Something that happened at a node or a function.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// A node was answered by the code linked into the program.
    Fallback {
        /// The folder of its crate's Cargo.toml.
        manifest_dir: &'static str,
        /// The node's name.
        node: &'static str,
        /// The generation that could not answer; `None` where no library was loaded yet.
        generation: Option<u32>,
        /// Why.
        reason: FallbackReason,
    },
    /// A node was made by a library.
    Instantiated {
        /// The folder of its crate's Cargo.toml.
        manifest_dir: &'static str,
        /// The node's name.
        node: &'static str,
        /// The generation that answered.
        generation: u32,
    },
    /// The state of a node was carried over to its new instance.
    StateCarried {
        /// The folder of its crate's Cargo.toml.
        manifest_dir: &'static str,
        /// The node's name.
        node: &'static str,
        /// What became of each value.
        report: StateReport,
    },
    /// A library set something of its own before it was initialised, so the program's is not used in its
    /// place.
    NotForwarded {
        /// The crate.
        crate_name: &'static str,
        /// What: its logger, its tracing subscriber.
        what: &'static str,
    },
    /// A value of [`app_local!`](crate::app_local) or [`context_local!`](crate::context_local) is of a type that changed:
    /// the code that asked for it has one of its own.
    LocalAnew {
        /// The value's key.
        key: &'static str,
        /// How the types differ.
        reason: String,
    },
    /// New code panicked; the panic was contained at the edge of its library.
    Panicked {
        /// What panicked, and how.
        panicked: Panicked,
        /// What became of the call.
        aftermath: Aftermath,
    },
}

/// Why a node was answered by the code linked into the program.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FallbackReason {
    /// No library was loaded yet.
    NoLibrary,
    /// The newest library has no node of that name.
    NotFound,
    /// The newest library has the node and could not make it.
    Refused(Refusal),
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Fallback {
                node,
                generation,
                reason,
                ..
            } => {
                write!(
                    f,
                    "node `{node}` is answered by the code linked into the program: "
                )?;
                let number = generation.unwrap_or(0);
                match reason {
                    FallbackReason::NoLibrary => f.write_str("no newer code is loaded yet"),
                    FallbackReason::NotFound => {
                        write!(f, "generation {number} has no node of that name")
                    }
                    FallbackReason::Refused(refusal) => write!(f, "generation {number}: {refusal}"),
                }
            }
            Notice::Instantiated {
                node, generation, ..
            } => {
                write!(f, "node `{node}` was made by generation {generation}")
            }
            Notice::StateCarried { node, report, .. } => {
                write!(f, "state of node `{node}`: {report}")
            }
            Notice::NotForwarded { crate_name, what } => write!(
                f,
                "new code of `{crate_name}` set a {what} of its own before it was initialised, so nothing of it reaches \
                 the program's {what}; set it in the program"
            ),
            Notice::LocalAnew { key, reason } => write!(
                f,
                "`{key}` begins anew for the code that asks for it: {reason}; restart the program to share it"
            ),
            Notice::Panicked {
                panicked,
                aftermath,
            } => {
                let (item, caught) = (panicked.item, &panicked.caught);
                write!(f, "`{item}` panicked in new code: {caught}; {aftermath}")
            }
        }
    }
}

/// Takes the notices of the program and of all its libraries from now on. The first call wins.
///
/// `sink` is called on whatever thread a notice comes from, and must be quick.
pub fn set_sink(sink: impl Fn(&Notice) + Send + Sync + 'static) {
    // A second driver in one process would see nothing; the first keeps working.
    let _ = SINK.set(Box::new(sink));
}

/// Sends a notice to the sink of the program.
pub(crate) fn send(notice: Notice) {
    (services::current().notice)(&notice);
}

/// The program's own way to the sink: what libraries call through their services.
pub(crate) fn deliver(notice: &Notice) {
    if let Some(sink) = SINK.get() {
        sink(notice);
    }
}

type Sink = Box<dyn Fn(&Notice) + Send + Sync>;

static SINK: OnceLock<Sink> = OnceLock::new();
