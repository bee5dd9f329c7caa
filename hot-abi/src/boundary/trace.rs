//! How a backtrace is captured, and put into words later.
//!
//! std lists the libraries of a process at its first backtrace, and finds no names in code that was loaded
//! after that. So a program that can do better says how, and its libraries ask it.

use crate::services;
use std::backtrace::Backtrace;
use std::sync::OnceLock;

/// How a program captures backtraces, and puts them into words.
///
/// Both functions are called on a thread that panics, and must not panic themselves.
#[derive(Clone, Copy, Debug)]
pub struct Backtraces {
    /// The return addresses of the calling thread's frames, the innermost first. Called at every panic, so it
    /// has to be quick.
    pub capture: fn() -> Vec<usize>,
    /// The frames with these return addresses, with names and source lines. Called where a panic is one of new
    /// code.
    pub in_words: fn(&[usize]) -> String,
}

/// Lets the backtraces of new code's panics be made this way. Those of std are used until then; only the first
/// call has an effect.
pub fn set_backtraces(backtraces: Backtraces) {
    let _ = OWN.set(backtraces);
}

static OWN: OnceLock<Backtraces> = OnceLock::new();

/// The way of this module, the program.
pub(crate) fn own_backtraces() -> Option<Backtraces> {
    OWN.get().copied()
}

/// A backtrace.
pub(super) enum Trace {
    /// As the program captured it.
    Addresses(Vec<usize>, Backtraces),
    /// As std did.
    Captured(Backtrace),
    InWords(Option<String>),
}

impl Trace {
    /// Of the calling thread. Not put into words here: that takes long, and most panics of a program are none of
    /// new code.
    pub(super) fn capture() -> Trace {
        match (services::current().backtraces)() {
            Some(backtraces) => Trace::Addresses((backtraces.capture)(), backtraces),
            None => Trace::Captured(Backtrace::force_capture()),
        }
    }

    pub(super) fn in_words(&self) -> Option<String> {
        match self {
            Trace::Addresses(addresses, backtraces) => Some((backtraces.in_words)(addresses)),
            Trace::Captured(backtrace) => Some(backtrace.to_string()),
            Trace::InWords(text) => text.clone(),
        }
    }
}
