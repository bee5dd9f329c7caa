//! Functions that run the newest code: a slot for each, and what the slot points at.

use crate::args::TypeKey;
use crate::layout::LayoutMark;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Where a hot function's proxy finds the newest code: null while its own body is the newest.
#[derive(Debug)]
pub struct Slot {
    code: AtomicPtr<()>,
}

impl Slot {
    /// A slot that points nowhere.
    pub const fn new() -> Slot {
        Slot {
            code: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// The newest code, or null.
    #[inline(always)]
    pub fn get(&self) -> *const () {
        // Acquire pairs with the release of `set`: who sees the pointer sees the library behind it
        // initialised.
        self.code.load(Ordering::Acquire)
    }

    /// Points the slot at the contained form of a function, or at nothing.
    ///
    /// # Safety
    ///
    /// `code` is null, or the [`FunctionEntry::contained`] of an entry with the same path and
    /// signature as the entry of this slot, in a library that stays loaded for good.
    pub(crate) unsafe fn set(&self, code: *const ()) {
        self.code.store(code.cast_mut(), Ordering::Release);
    }
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
    /// The type of the function pointer, to compare what the signature's names stand for.
    pub key: fn() -> TypeKey,
    /// The file it is written in.
    pub file: &'static str,
    /// Its line.
    pub line: u32,
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
