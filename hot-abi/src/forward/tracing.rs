//! The subscriber of `tracing`: what a library traces goes to the program's subscriber, the one that is
//! the thread's default at that moment.
//!
//! A span stays with the subscriber that made it, as it would in the program. What a library does not
//! have of its program's subscriber is its type: `Dispatch::downcast_ref` finds nothing, since a scoped
//! subscriber may be gone while the reference lives. The `log` feature of `tracing`, by which events
//! become log records where there is no subscriber, sees this one; forward `log` itself instead.
//!
//! Subscribers keep the metadata of every callsite for good, so a library that traced cannot be
//! unloaded.

mod program;
mod spans;

use super::{Contained, or_panic};
use crate::services;
use std::collections::HashSet;
use std::sync::{LazyLock, Mutex, PoisonError};
use tracing_core::callsite::Identifier;
use tracing_core::span::{Attributes, Current, Id, Record};
use tracing_core::{Dispatch, Event, Interest, Metadata, Subscriber, dispatcher};

pub(crate) use program::OWN;

/// In a library: sets its default subscriber. `false` if it has one already, set before the library was
/// initialised.
pub(crate) fn install() -> bool {
    dispatcher::set_global_default(Dispatch::new(ToProgram)).is_ok()
}

/// The program's subscribers, as functions of the program.
///
/// A function that runs no code of the library contains the panics of the program's subscribers. The
/// others format values of the library, and those may panic: the panic passes through the
/// subscriber and ends in its own library. A panic of the subscriber itself would have to end in the
/// program, and nothing can tell the two apart in time.
#[derive(Debug)]
pub(crate) struct Subscribers {
    register_callsite: fn(&'static Metadata<'static>) -> Contained<()>,
    enabled: fn(&Metadata<'_>) -> Contained<bool>,
    new_span: fn(&Attributes<'_>) -> Id,
    record: fn(&Id, &Record<'_>),
    record_follows_from: fn(&Id, &Id) -> Contained<()>,
    event: fn(&Event<'_>),
    enter: fn(&Id) -> Contained<()>,
    exit: fn(&Id) -> Contained<()>,
    clone_span: fn(&Id) -> Contained<Id>,
    try_close: fn(Id) -> Contained<bool>,
    current_span: fn() -> Contained<Current>,
}

/// The subscriber of a library.
struct ToProgram;

impl Subscriber for ToProgram {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        // Called anew whenever the library makes a subscriber of its own, and the program registers
        // what it is given.
        let new = REGISTERED
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(metadata.callsite());
        if new {
            or_panic((program().register_callsite)(metadata));
        }
        // Not what the program's subscribers say: they may say something else later.
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        or_panic((program().enabled)(metadata))
    }

    // `max_level_hint` stays unknown and `event_enabled` true: the program's dispatcher asks for both.

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        (program().new_span)(attributes)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        (program().record)(span, values);
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        or_panic((program().record_follows_from)(span, follows));
    }

    fn event(&self, event: &Event<'_>) {
        (program().event)(event);
    }

    fn enter(&self, span: &Id) {
        or_panic((program().enter)(span));
    }

    fn exit(&self, span: &Id) {
        or_panic((program().exit)(span));
    }

    fn clone_span(&self, id: &Id) -> Id {
        or_panic((program().clone_span)(id))
    }

    fn try_close(&self, id: Id) -> bool {
        or_panic((program().try_close)(id))
    }

    fn current_span(&self) -> Current {
        or_panic((program().current_span)())
    }
}

/// The library's callsites that the program knows.
static REGISTERED: LazyLock<Mutex<HashSet<Identifier>>> = LazyLock::new(Mutex::default);

fn program() -> &'static Subscribers {
    services::current().subscribers
}
