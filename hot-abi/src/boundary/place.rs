//! What the panic hook saw, for the [`Caught`](super::Caught) that a panic will become.

use super::blame::{self, Blame};
use super::trace::Trace;
use super::{Caught, NO_TEXT, source, text};
use crate::registry::HotCrate;
use std::any::{Any, TypeId};
use std::cell::{Cell, RefCell};
use std::panic::PanicHookInfo;
use std::ptr;
use std::thread;

/// Remembers where a panic happened. Called by the panic hook of a library, and by the program's for the
/// libraries that share it.
pub(crate) fn remember(info: &PanicHookInfo<'_>) {
    let seen = Place {
        known_by: Mark::Content(
            info.payload().type_id(),
            info.payload_as_str().map(str::to_owned),
        ),
        location: info.location().map(ToString::to_string),
        blame: Blame::find(info.location()),
        backtrace: Trace::capture(),
        caught: Catch::None,
    };
    with_known(|known| {
        // What is in flight yet goes on once a destructor has caught this one.
        known.retain(|place| place.caught == Catch::None);
        push(known, seen);
    });
}

/// Remembers a place again, for a panic that goes on before anybody was told of it.
pub(super) fn restore(
    payload: TypeId,
    message: String,
    location: Option<String>,
    backtrace: Option<String>,
) {
    let place = Place {
        known_by: Mark::Content(payload, Some(message)),
        location,
        // Whoever let it go on has found out that it is.
        blame: Some(Blame::Known),
        backtrace: Trace::InWords(backtrace),
        caught: Catch::None,
    };
    with_known(|known| push(known, place));
}

/// Lets the unwinding with this payload pass: it is told already, or none of new code's affair.
pub(super) fn lets_pass(payload: &(dyn Any + Send)) {
    let place = Place {
        known_by: Mark::Passing(address(payload)),
        location: None,
        blame: None,
        backtrace: Trace::InWords(None),
        caught: Catch::None,
    };
    with_known(|known| push(known, place));
}

/// The place of the panic with this payload, which was caught for good, if it is known on this thread.
pub(super) fn take(payload: &(dyn Any + Send)) -> Option<Place> {
    // Where the platform does not tell of catches.
    CONTAINED.set(false);
    let taken = with_known(|known| {
        let newest = |is_possible: fn(&Place) -> bool| {
            let mut places = known.iter();
            places.rposition(|place| is_possible(place) && place.is_of(payload))
        };
        // One like it that a destructor has caught meanwhile may be newer.
        let found = newest(|place| place.caught == Catch::None).or_else(|| newest(|_| true));
        let taken = found.and_then(|found| known.drain(found..).next());
        if !thread::panicking() {
            // What is left was caught where nobody tells of it.
            known.clear();
        }
        taken
    });
    taken.flatten()
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
    let told = with_known(|known| {
        let mut newest_first = known.iter_mut().rev();
        let seen = newest_first.find(|place| place.caught == Catch::None)?;
        if blame::crate_at(catcher).is_some() {
            seen.caught = Catch::NewCode;
            return None;
        }
        seen.caught = Catch::Told;
        let krate = seen.blame.as_ref().and_then(Blame::krate)?;
        seen.is_of_new_code().then(|| (krate, seen.to_caught()))
    });
    told.flatten()
}

/// Where a panic happened, and what is needed to know it again.
pub(super) struct Place {
    known_by: Mark,
    pub(super) location: Option<String>,
    /// Whose code panicked, where the program's modules tell it.
    blame: Option<Blame>,
    backtrace: Trace,
    /// Who caught the panic. It may have gone on all the same.
    caught: Catch,
}

/// What an unwinding is known by.
enum Mark {
    /// The type of its payload, and its text, if it has one: the hook sees the payload before it is where it stays.
    Content(TypeId, Option<String>),
    /// Where the payload is of one that passes.
    Passing(*const ()),
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
    /// Whether it is that of the panic with this payload.
    fn is_of(&self, payload: &(dyn Any + Send)) -> bool {
        match &self.known_by {
            Mark::Content(of, seen) => {
                *of == payload.type_id()
                    && text(payload).is_none_or(|text| seen.as_deref() == Some(text))
            }
            Mark::Passing(at) => ptr::eq(*at, address(payload)),
        }
    }

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

    /// Whether nobody is to be told of the panic: it was let pass, or the program has caught it before, and let it go on.
    pub(super) fn passes(&self) -> bool {
        self.caught == Catch::Told || matches!(self.known_by, Mark::Passing(_))
    }

    /// What is known of the panic, which goes on.
    fn to_caught(&self) -> Caught {
        let (location, backtrace) = self.in_words();
        let text = match &self.known_by {
            Mark::Content(_, text) => text.as_deref(),
            Mark::Passing(_) => None,
        };
        Caught {
            location,
            backtrace,
            ..Caught::new(text.unwrap_or(NO_TEXT))
        }
    }

    /// Location and backtrace.
    pub(super) fn in_words(&self) -> (Option<String>, Option<String>) {
        (self.location.clone(), self.backtrace.in_words())
    }
}

/// How many are known at once. A panic of a destructor, while another unwinds, has to be caught in it, so there are few;
/// where the platform does not tell of catches, all that was caught is among them.
const KNOWN: usize = 8;

thread_local! {
    /// The panics of this thread that are in flight, or were caught and may go on; the newest last.
    static IN_FLIGHT: RefCell<Vec<Place>> = const { RefCell::new(Vec::new()) };
    /// Whether the next catch on this thread is that of `contain`.
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

fn push(known: &mut Vec<Place>, place: Place) {
    if known.len() == KNOWN {
        known.remove(0);
    }
    known.push(place);
}

/// The thread may be past the point where its locals can be used; then the places stay unknown.
fn with_known<R>(f: impl FnOnce(&mut Vec<Place>) -> R) -> Option<R> {
    let done =
        IN_FLIGHT.try_with(|known| known.try_borrow_mut().ok().map(|mut known| f(&mut known)));
    done.ok().flatten()
}

fn address(payload: &(dyn Any + Send)) -> *const () {
    ptr::from_ref(payload).cast()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic;

    /// An address in no library.
    const PROGRAM: usize = 0;

    fn begin(text: &str) -> Box<dyn Any + Send> {
        let payload: Box<dyn Any + Send> = Box::new(text.to_owned());
        restore((*payload).type_id(), text.to_owned(), None, None);
        payload
    }

    /// Runs `f` on a thread that panics, as destructors do.
    fn while_panicking(f: impl FnOnce()) {
        struct Dropped<F: FnOnce()>(Option<F>);
        impl<F: FnOnce()> Drop for Dropped<F> {
            fn drop(&mut self) {
                if let Some(f) = self.0.take() {
                    f();
                }
            }
        }
        let dropped = Dropped(Some(f));
        let unwinding = panic::AssertUnwindSafe(move || {
            let _dropped = dropped;
            panic::resume_unwind(Box::new(()))
        });
        drop(panic::catch_unwind(unwinding));
    }

    #[test]
    fn a_catch_is_of_the_newest_panic_that_nobody_caught() {
        while_panicking(|| {
            let outer = begin("outer");
            let inner = begin("inner");
            caught_at(PROGRAM);
            assert!(take(&*inner).is_some_and(|inner| inner.passes()));
            drop(begin("inner"));
            caught_at(PROGRAM);
            caught_at(PROGRAM);
            assert!(take(&*outer).is_some_and(|outer| outer.passes()));
        });
    }

    #[test]
    fn a_panic_is_not_mistaken_for_one_like_it_that_was_caught_meanwhile() {
        while_panicking(|| {
            let outer = begin("alike");
            drop(begin("alike"));
            caught_at(PROGRAM);
            assert!(take(&*outer).is_some_and(|outer| !outer.passes()));
            assert!(take(&*outer).is_none());
        });
    }

    #[test]
    fn only_the_last_panics_are_kept_where_nobody_tells_of_catches() {
        while_panicking(|| {
            let oldest = begin("oldest");
            for _ in 0..KNOWN {
                drop(begin("newer"));
            }
            assert!(take(&*oldest).is_none());
            assert_eq!(with_known(|known| known.len()), Some(KNOWN));
        });
        let last = begin("last");
        assert!(take(&*last).is_some());
        assert_eq!(with_known(|known| known.len()), Some(0));
    }
}
