//! What the panic hook saw, for the [`Caught`](super::Caught) that a panic will become.

use super::blame::{self, Blame};
use super::trace::Trace;
use super::{Caught, NO_TEXT, source, text};
use crate::registry::HotCrate;
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
        caught: Catch::None,
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
        blame: Some(Blame::Known),
        backtrace: Trace::InWords(backtrace),
        caught: Catch::None,
    }));
}

/// The place of the panic with this payload, if the hook saw it on this thread.
pub(super) fn take(payload: &(dyn Any + Send)) -> Option<Place> {
    // Where the platform does not tell of catches.
    CONTAINED.set(false);
    let seen = replace(None)?;
    let is_it = seen.payload == payload.type_id()
        && text(payload).is_none_or(|text| seen.text.as_deref() == Some(text));
    is_it.then_some(seen)
}

/// Notes that a catch will be that of [`contain`](super::contain), which takes the place of the panic itself: the next
/// one on this thread.
pub(super) fn expect_contained() {
    CONTAINED.set(true);
}

/// Notes that somebody catches a panic of this module's runtime, in code at `catcher`. Returns what is not told yet, and
/// whose it is, if that was new code's panic, and new code neither contains nor catches it.
pub(super) fn caught_at(catcher: usize) -> Option<(&'static HotCrate, Caught)> {
    if CONTAINED.replace(false) {
        return None;
    }
    let mut seen = replace(None)?;
    let mut told = None;
    if seen.caught == Catch::None {
        if blame::crate_at(catcher).is_some() {
            seen.caught = Catch::NewCode;
        } else {
            seen.caught = Catch::Told;
            let krate = seen.blame.as_ref().and_then(Blame::krate);
            let krate = krate.filter(|_| seen.is_of_new_code());
            told = krate.map(|krate| (krate, seen.to_caught()));
        }
    }
    replace(Some(seen));
    told
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
    /// Who caught the panic. It may have gone on all the same.
    caught: Catch,
}

/// Who caught a panic, other than [`contain`](super::contain).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Catch {
    /// Nobody yet.
    None,
    /// New code, which knows of its own panics.
    NewCode,
    /// The program. Who had to be told of it has been.
    Told,
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

    /// Whether the program has caught the panic before, and let it go on.
    pub(super) fn is_told(&self) -> bool {
        self.caught == Catch::Told
    }

    /// What is known of the panic, which goes on.
    fn to_caught(&self) -> Caught {
        let (location, backtrace) = self.in_words();
        Caught {
            location,
            backtrace,
            ..Caught::new(self.text.as_deref().unwrap_or(NO_TEXT))
        }
    }

    /// Location and backtrace.
    pub(super) fn in_words(&self) -> (Option<String>, Option<String>) {
        (self.location.clone(), self.backtrace.in_words())
    }
}

thread_local! {
    /// The panic that the hook saw last on this thread.
    static SEEN: RefCell<Option<Place>> = const { RefCell::new(None) };
    /// Where the payload is of the unwinding that was let pass last on this thread.
    static PASSING: Cell<*const ()> = const { Cell::new(ptr::null()) };
    /// Whether the next catch on this thread is that of `contain`.
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
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
