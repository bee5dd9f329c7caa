//! The program's half: what its libraries trace reaches its subscribers.

use super::{Subscribers, spans};
use crate::boundary::contain;
use tracing_core::callsite::{self, Callsite};
use tracing_core::dispatcher::get_default;
use tracing_core::metadata::LevelFilter;
use tracing_core::span::{Attributes, Id};
use tracing_core::{Interest, Metadata};

/// The functions of this module, for a program to hand to its libraries.
pub(crate) static OWN: Subscribers = Subscribers {
    register_callsite: |metadata| {
        contain(|| callsite::register(Box::leak(Box::new(LibraryCallsite { metadata }))))
    },
    enabled: |metadata| {
        contain(|| {
            // As the macros do: the level is their business, the rest is the subscriber's.
            *metadata.level() <= LevelFilter::current()
                && get_default(|current| current.enabled(metadata))
        })
    },
    new_span,
    record: |span, values| {
        let span = spans::find(span);
        span.owner.record(&span.id, values);
    },
    record_follows_from: |span, follows| {
        contain(|| {
            let span = spans::find(span);
            span.owner
                .record_follows_from(&span.id, &spans::find(follows).id);
        })
    },
    event: |event| get_default(|current| current.event(event)),
    enter: |span| {
        contain(|| {
            let span = spans::find(span);
            span.owner.enter(&span.id);
        })
    },
    exit: |span| {
        contain(|| {
            let span = spans::find(span);
            span.owner.exit(&span.id);
        })
    },
    clone_span: |span| {
        contain(|| {
            let found = spans::find(span);
            let cloned = found.owner.clone_span(&found.id);
            if cloned == found.id {
                spans::add_handle(span, found)
            } else {
                spans::add(found.owner, cloned)
            }
        })
    },
    try_close: |span| {
        contain(|| {
            // Forgotten first: once it is closed its owner may give the number away again.
            let span = spans::remove_handle(&span);
            span.owner.try_close(span.id)
        })
    },
    current_span: || contain(|| get_default(|current| current.current_span())),
};

fn new_span(attributes: &Attributes<'_>) -> Id {
    let owner = get_default(Clone::clone);
    let id = match attributes.parent() {
        Some(parent) => {
            let parent = spans::find(parent).id;
            let (metadata, values) = (attributes.metadata(), attributes.values());
            owner.new_span(&Attributes::child_of(parent, metadata, values))
        }
        None => owner.new_span(attributes),
    };
    spans::add(owner, id)
}

/// A callsite of a library in the program's registry, so that each subscriber of the program, those to
/// come too, is shown it once.
///
/// The library's own callsite cannot be in two registries: it is a node of its registry's list. What
/// it caches does not depend on the program's interest, so there is nothing to pass on.
struct LibraryCallsite {
    metadata: &'static Metadata<'static>,
}

impl Callsite for LibraryCallsite {
    fn set_interest(&self, _interest: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        self.metadata
    }
}
