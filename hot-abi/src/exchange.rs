//! What host and library hand each other when a node is made.

use crate::args::Args;
use crate::boundary::Caught;
use crate::node::Node;
use std::fmt;

/// One request for a node, and its answer.
///
/// The host writes [`Request`](Exchange::Request) and lends the exchange to the library's entry
/// function, which takes the arguments, leaves [`Responding`](Exchange::Responding) in their place
/// while the node is being made, and writes one of the others.
#[derive(Debug)]
pub enum Exchange {
    /// The host asks for a node made from these arguments.
    Request(Args),
    /// The library took the request and has not answered yet.
    Responding,
    /// The library's answer; `None` where it has no node of that name.
    Response(Option<Node>),
    /// The library has such a node, and cannot make it for this host.
    Refused(Refusal),
    /// The node function panicked.
    Panicked(Box<Caught>),
}

/// Why a library has a node but cannot make it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The exchange did not hold a request.
    NotARequest {
        /// The state it held.
        state: &'static str,
    },
    /// The node's arguments are of other types than the host's.
    Arguments {
        /// What the host passed.
        host: String,
        /// What the library takes.
        library: String,
    },
    /// The node's interface is another than the host's.
    Interface {
        /// The host's.
        host: String,
        /// The library's.
        library: String,
    },
    /// A type that the node takes or that its interface hands over has another layout than the host's.
    Layout {
        /// How they differ.
        reason: String,
    },
    /// The node function panicked.
    Panicked {
        /// The panic's message.
        message: String,
        /// File, line and column of the panic, where it is known.
        location: Option<String>,
    },
}

impl Exchange {
    /// The name of the state, for messages.
    pub fn state(&self) -> &'static str {
        match self {
            Exchange::Request(_) => "Request",
            Exchange::Responding => "Responding",
            Exchange::Response(_) => "Response",
            Exchange::Refused(_) => "Refused",
            Exchange::Panicked(_) => "Panicked",
        }
    }

    /// Takes the request and leaves [`Exchange::Responding`].
    ///
    /// # Errors
    ///
    /// [`Refusal::NotARequest`] if there is no request; the exchange stays as it is.
    pub fn take_request(&mut self) -> Result<Args, Refusal> {
        match std::mem::replace(self, Exchange::Responding) {
            Exchange::Request(args) => Ok(args),
            other => {
                let state = other.state();
                *self = other;
                Err(Refusal::NotARequest { state })
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NotARequest { state } => {
                write!(
                    f,
                    "the exchange held no request but `{state}`; host and library disagree on the protocol"
                )
            }
            Refusal::Arguments { host, library } => write!(
                f,
                "its arguments changed: the running program passes {host}, the new code takes {library}; \
                 restart the program to use the new arguments"
            ),
            Refusal::Interface { host, library } => write!(
                f,
                "its interface changed: the running program calls {host}, the new code has {library}; \
                 restart the program to use the new interface"
            ),
            Refusal::Layout { reason } => write!(
                f,
                "a type that it hands over changed its layout: {reason}; restart the program to use the new layout"
            ),
            Refusal::Panicked { message, location } => {
                write!(f, "it panicked while it was made: {message}")?;
                match location {
                    Some(location) => write!(f, " (at {location})"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_once() {
        let mut exchange = Exchange::Request(Args::new((1u8,)));
        assert!(exchange.take_request().is_ok());
        assert_eq!(exchange.state(), "Responding");
        let again = exchange.take_request().map(drop);
        assert_eq!(
            again,
            Err(Refusal::NotARequest {
                state: "Responding"
            })
        );
    }
}
