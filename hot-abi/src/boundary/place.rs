//! What the panic hook saw, for the [`Caught`](super::Caught) that a panic will become.

use super::blame::Blame;
use super::trace::Trace;
use super::{source, text};
use std::any::{Any, TypeId};
use std::cell::{Cell, RefCell};
use std::panic::PanicHookInfo;
use std::ptr;

/// Remembers where a panic happened. Called by the panic hook of a library, and by the program's for the
/// libraries that share it.
pub(crate) fn remember(info: &PanicHookInfo<'_>) {
    let seen = Place {
        payload: info.payload().type_id(),
        text: info.payload_as_str().map(str::to_owned),
        location: info.location().map(ToString::to_string),
        blame: Blame::find(info.location()),
        backtrace: Trace::capture(),
    };
    PASSING.set(ptr::null());
    replace(Some(seen));
}

/// Remembers a place again, for a panic that goes on before anybody was told of it.
pub(super) fn restore(
    payload: TypeId,
    message: String,
    location: Option<String>,
    backtrace: Option<String>,
) {
    if location.is_none() && backtrace.is_none() {
        return;
    }
    replace(Some(Place {
        payload,
        text: Some(message),
        location,
        // Whoever let it go on has found out that it is.
        blame: Some(Blame::NewCode),
        backtrace: Trace::InWords(backtrace),
    }));
}

/// The place of the panic with this payload, if the hook saw it on this thread.
pub(super) fn take(payload: &(dyn Any + Send)) -> Option<Place> {
    let seen = replace(None)?;
    let is_it = seen.payload == payload.type_id()
        && text(payload).is_none_or(|text| seen.text.as_deref() == Some(text));
    is_it.then_some(seen)
}

/// Lets the unwinding with this payload pass: it is told already, or none of new code's affair.
pub(super) fn lets_pass(payload: &(dyn Any + Send)) {
    PASSING.set(address(payload));
}

/// Whether it is the unwinding that was let pass last.
pub(super) fn is_let_pass(payload: &(dyn Any + Send)) -> bool {
    let passing = PASSING.replace(ptr::null());
    !passing.is_null() && ptr::eq(passing, address(payload))
}

/// Where a panic happened, and what is needed to know it again.
pub(super) struct Place {
    payload: TypeId,
    text: Option<String>,
    pub(super) location: Option<String>,
    /// Whose code panicked, where the program's modules tell it.
    blame: Option<Blame>,
    backtrace: Trace,
}

impl Place {
    /// Whether new code panicked, and not the program's, in a callback.
    pub(super) fn is_of_new_code(&self) -> bool {
        match &self.blame {
            Some(blame) => blame.is_new_codes(),
            None => !self
                .location
                .as_deref()
                .is_some_and(source::is_the_programs),
        }
    }

    /// Location and backtrace.
    pub(super) fn into_words(self) -> (Option<String>, Option<String>) {
        (self.location, self.backtrace.into_words())
    }
}

thread_local! {
    /// The panic that the hook saw last on this thread.
    static SEEN: RefCell<Option<Place>> = const { RefCell::new(None) };
    /// Where the payload is of the unwinding that was let pass last on this thread.
    static PASSING: Cell<*const ()> = const { Cell::new(ptr::null()) };
}

/// The thread may be past the point where its locals can be used; then the place stays unknown.
fn replace(seen: Option<Place>) -> Option<Place> {
    let before = SEEN.try_with(|last| {
        last.try_borrow_mut()
            .ok()
            .map(|mut last| std::mem::replace(&mut *last, seen))
    });
    before.ok().flatten().flatten()
}

fn address(payload: &(dyn Any + Send)) -> *const () {
    ptr::from_ref(payload).cast()
}
