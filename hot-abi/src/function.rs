//! Functions that run the newest code: a slot for each, and what the slot points at.

use crate::args::TypeKey;
use crate::boundary::{self, Caught};
use crate::generation::Generation;
use crate::layout::LayoutMark;
use crate::policy::FunctionPanic;
use crate::registry::HotCrate;
use crate::services;
use crate::trail::Answering;
use crate::trial::PROBATION;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where a hot function's proxy finds the newest code: null while its own body is the newest.
#[derive(Debug)]
pub struct Slot {
    /// The newest code, null, or [`ON_TRIAL`].
    code: AtomicPtr<()>,
    /// The newest code, or null.
    newest: AtomicPtr<()>,
    /// For how many calls more it is on trial.
    calls_left: AtomicU32,
    /// Locked while it is decided that the trial is over, or that there is newer code.
    changing: Mutex<()>,
}

/// Stands in a slot for code on trial: callers then keep what they need to make the call again. That costs
/// nothing where it does not stand, for callers look for null anyway.
const ON_TRIAL: *mut () = ptr::without_provenance_mut(1);

/// A call that begins.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Begun {
    /// The code to call; null is the proxy's own body.
    pub code: CodePtr,
    /// Whether it is on trial.
    pub on_trial: bool,
}

impl Slot {
    /// A slot that points nowhere.
    pub const fn new() -> Slot {
        Slot {
            code: AtomicPtr::new(ptr::null_mut()),
            newest: AtomicPtr::new(ptr::null_mut()),
            calls_left: AtomicU32::new(0),
            changing: Mutex::new(()),
        }
    }

    /// Begins a call of the newest code.
    #[doc(hidden)]
    #[inline(always)]
    pub fn begin(&self, entry: &'static FunctionEntry) -> Begun {
        // Acquire pairs with the release of `set`: who sees the pointer sees the library behind it
        // initialised.
        let code = self.code.load(Ordering::Acquire);
        if code == ON_TRIAL {
            return self.begin_on_trial(entry);
        }
        Begun {
            code: CodePtr(code),
            on_trial: false,
        }
    }

    #[cold]
    fn begin_on_trial(&self, entry: &'static FunctionEntry) -> Begun {
        if let Some(generation) = entry.krate.live.current() {
            generation.trial.count_call();
        }
        let _changing = lock(&self.changing);
        let code = self.newest.load(Ordering::Acquire);
        let left = self.calls_left.load(Ordering::Relaxed).saturating_sub(1);
        self.calls_left.store(left, Ordering::Relaxed);
        if left == 0 {
            self.code.store(code, Ordering::Release);
        }
        Begun {
            code: CodePtr(code),
            on_trial: true,
        }
    }

    /// The newest code, or null.
    pub(crate) fn newest(&self) -> *const () {
        self.newest.load(Ordering::Acquire)
    }

    /// Points the slot at the contained form of a function, or at nothing.
    ///
    /// # Safety
    ///
    /// `code` is null, or the [`FunctionEntry::contained`] of an entry with the same path and
    /// signature as the entry of this slot, in a library that stays loaded for good.
    pub(crate) unsafe fn set(&self, code: *const (), on_trial: bool) {
        let _changing = lock(&self.changing);
        let code = code.cast_mut();
        let on_trial = on_trial && !code.is_null();
        self.newest.store(code, Ordering::Release);
        self.calls_left.store(PROBATION + 1, Ordering::Relaxed);
        let code = if on_trial { ON_TRIAL } else { code };
        self.code.store(code, Ordering::Release);
    }
}

/// Nothing can go wrong while it is locked.
fn lock(mutex: &Mutex<()>) -> MutexGuard<'_, ()> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a proxy does with a panic that its library contained: the code to call in the place of the one that
/// panicked; or the panic goes on in the caller, and this does not return.
#[doc(hidden)]
#[cold]
pub fn after_panic(
    caller: &'static FunctionEntry,
    code: CodePtr,
    caught: Box<Caught>,
    repeatable: bool,
) -> Instead {
    if caught.passes() {
        boundary::resume(*caught);
    }
    let panic = FunctionPanic {
        caller,
        code,
        repeatable,
        caught: &caught,
    };
    match (services::current().function_panicked)(&panic) {
        Some(Answering { code, generation }) => Instead {
            code,
            _generation: generation,
        },
        None => boundary::resume(caught.told()),
    }
}

/// Code that is called in the place of code that panicked.
#[doc(hidden)]
#[derive(Debug)]
pub struct Instead {
    /// The contained form of the function.
    pub code: CodePtr,
    /// Keeps its library mapped meanwhile.
    _generation: Option<Arc<Generation>>,
}

impl Default for Slot {
    fn default() -> Self {
        Slot::new()
    }
}

/// A function marked with [`#[hot_fn]`](crate::hot_fn), as it registers.
#[derive(Debug)]
pub struct FunctionEntry {
    /// The path of its module, `::`, its name.
    pub path: &'static str,
    /// Its signature, as written.
    pub signature: &'static str,
    /// What the signature's names stand for, as `std::any::type_name` gives it.
    pub type_name: fn() -> &'static str,
    /// The type of the pointer to its contained form, to compare what the signature's names stand for.
    pub key: fn() -> TypeKey,
    /// The file it is written in.
    pub file: &'static str,
    /// Its line.
    pub line: u32,
    /// Its crate.
    pub krate: &'static HotCrate,
    /// Where its callers look for the newest code.
    pub slot: &'static Slot,
    /// Which layouts its types have.
    pub layout: &'static LayoutMark,
    /// Sizes and alignments of the types that it takes and returns, behind references too.
    pub shapes: fn() -> Vec<TypeKey>,
    /// Its body in contained form: a function with the same parameters that returns
    /// `Result<R, Box<Caught>>`.
    pub contained: CodePtr,
}

impl FunctionEntry {
    /// Whether a caller of `self` may call `newer` in its place.
    pub fn accepts(&self, newer: &FunctionEntry) -> bool {
        self.has_signature_of(newer) && self.layout_difference(newer).is_none()
    }

    /// How the layouts of what callers of `self` hand over differ from those that `newer` takes.
    pub fn layout_difference(&self, newer: &FunctionEntry) -> Option<String> {
        if !self.layout.agrees_with(newer.layout) {
            return Some(self.layout.difference_to(newer.layout));
        }
        let (own, new) = ((self.shapes)(), (newer.shapes)());
        let differing = own.iter().zip(&new).find(|(own, new)| own != new);
        differing.map(|(own, new)| format!("the program has {own}, the new code {new}"))
    }

    /// Whether `newer` has the same signature, as written and as a type.
    pub fn has_signature_of(&self, newer: &FunctionEntry) -> bool {
        self.signature == newer.signature && (self.key)() == (newer.key)()
    }
}

/// The address of a function's code.
#[derive(Clone, Copy, Debug)]
pub struct CodePtr(pub *const ());

// SAFETY: it is the address of a function, which any thread may call.
unsafe impl Send for CodePtr {}
// SAFETY: as above; the address never changes.
unsafe impl Sync for CodePtr {}
