//! The spans that libraries hold, and whose they are.
//!
//! In the program a span holds its subscriber. In a library it holds the library's one, which stands
//! for all of the program's, so the program remembers here which of them made the span: it may be
//! entered or closed when another is the thread's default.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tracing_core::Dispatch;
use tracing_core::dispatcher::get_default;
use tracing_core::span::Id;

/// A span as its owner knows it.
#[derive(Clone)]
pub(super) struct Span {
    pub(super) owner: Dispatch,
    pub(super) id: Id,
}

/// A span with the number of its handles in libraries.
struct Held {
    span: Span,
    handles: usize,
}

/// The span that a library calls `id`. One that no library holds is the current subscriber's own: its
/// current span, or one that the program passed on by its number.
pub(super) fn find(id: &Id) -> Span {
    match read().get(&id.into_u64()) {
        Some(held) => held.span.clone(),
        None => Span {
            owner: get_default(Clone::clone),
            id: id.clone(),
        },
    }
}

/// Remembers a span that was made, and returns what libraries call it: its own number, unless
/// another subscriber's span has that.
///
/// By any other number it is unknown to its subscriber where the number arrives untranslated, which
/// is the explicit parent of an event.
pub(super) fn add(owner: Dispatch, id: Id) -> Id {
    let mut held = write();
    let mut number = id.into_u64();
    while held.contains_key(&number) {
        // Subscribers count upwards, so there are free numbers at the other end.
        number = NEXT_ALIAS.fetch_sub(1, Ordering::Relaxed);
    }
    let span = Span { owner, id };
    held.insert(number, Held { span, handles: 1 });
    Id::from_u64(number)
}

/// Remembers that a library has one more handle of the span that it calls `id`.
pub(super) fn add_handle(id: &Id, span: Span) -> Id {
    write()
        .entry(id.into_u64())
        .or_insert(Held { span, handles: 0 })
        .handles += 1;
    id.clone()
}

/// Remembers that a library has one handle less of the span that it calls `id`.
pub(super) fn remove_handle(id: &Id) -> Span {
    let mut held = write();
    if let Some(last) = held.get_mut(&id.into_u64()) {
        last.handles -= 1;
        if last.handles > 0 {
            return last.span.clone();
        }
    }
    match held.remove(&id.into_u64()) {
        Some(last) => last.span,
        None => {
            drop(held);
            find(id)
        }
    }
}

static NEXT_ALIAS: AtomicU64 = AtomicU64::new(u64::MAX);

static HELD: LazyLock<RwLock<HashMap<u64, Held>>> = LazyLock::new(RwLock::default);

fn read() -> RwLockReadGuard<'static, HashMap<u64, Held>> {
    HELD.read().unwrap_or_else(PoisonError::into_inner)
}

fn write() -> RwLockWriteGuard<'static, HashMap<u64, Held>> {
    HELD.write().unwrap_or_else(PoisonError::into_inner)
}
