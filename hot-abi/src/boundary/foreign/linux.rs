//! Exceptions by the Itanium C++ ABI.
//!
//! Each frame names a personality routine, which the unwinder asks for each exception: first whether it ends
//! in the frame, then to clean up or to let it end. All frames of Rust in one module find theirs through one
//! pointer of that module, `DW.ref.rust_eh_personality`. What [`exchange_foreign_exceptions`] puts in its
//! place does as std's routine does; but where a foreign exception ends, it hands one of this module's own to
//! the code that catches it.

use crate::services;
use std::ffi::c_int;
use std::mem;
use std::panic;
use std::ptr::{self, NonNull};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

#[cfg_attr(target_arch = "x86_64", path = "linux/x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "linux/aarch64.rs")]
mod processor;

use processor::{RESULT, call_and_catch, place_of_personality};

/// The header of every exception, as the ABI lays it out; what follows is its runtime's.
#[repr(C)]
pub(crate) struct Exception {
    class: u64,
    /// Frees it. Each Rust runtime has a function of its own, so it is what they are told apart by.
    cleanup: usize,
}

/// `_Unwind_Context`.
#[repr(C)]
struct Context {
    _opaque: [u8; 0],
}

type Personality = extern "C" fn(c_int, c_int, u64, *mut Exception, *mut Context) -> c_int;

/// What the exceptions of Rust have for a class.
const RUST: u64 = u64::from_ne_bytes(*b"MOZ\0RUST");

const UA_SEARCH_PHASE: c_int = 1;
const UA_HANDLER_FRAME: c_int = 4;
const URC_HANDLER_FOUND: c_int = 6;
const URC_INSTALL_CONTEXT: c_int = 7;
const URC_CONTINUE_UNWIND: c_int = 8;

unsafe extern "C" {
    fn _Unwind_GetIP(context: *mut Context) -> usize;
    fn _Unwind_SetIP(context: *mut Context, value: usize);
    fn _Unwind_SetGR(context: *mut Context, register: c_int, value: usize);
}

unsafe extern "C-unwind" {
    fn _Unwind_RaiseException(exception: *mut Exception) -> c_int;
}

/// What this module's own exceptions are known by, learnt from one.
pub(super) fn own_mark() -> Option<usize> {
    static OWN: LazyLock<Option<usize>> = LazyLock::new(|| {
        // No hook is called for it.
        let exception = capture(|| panic::resume_unwind(Box::new(())));
        let mark = mark_of(exception);
        drop(panic::catch_unwind(|| raise(exception)));
        mark
    });
    *OWN
}

fn mark_of(exception: NonNull<Exception>) -> Option<usize> {
    // SAFETY: the header of an exception can be read as long as nobody freed it, and only its runtime does.
    let header = unsafe { exception.as_ref() };
    (header.class == RUST).then_some(header.cleanup)
}

/// Raises an exception again: unwinds from here as from where it was raised first. It returns only if nobody
/// catches it, which ends the process.
pub(super) fn raise(exception: NonNull<Exception>) {
    // SAFETY: the exception was raised before, and its unwinding has come to its end, by whoever handed it
    // here; then the ABI allows it to be raised again, as C++ does at `throw;`.
    let failed = unsafe { _Unwind_RaiseException(exception.as_ptr()) };
    eprintln!("a panic that came through a library cannot go on: {failed}");
    std::process::abort();
}

/// The exception that `f` ends in.
pub(super) fn capture<F: FnOnce()>(f: F) -> NonNull<Exception> {
    extern "C-unwind" fn run<F: FnOnce()>(function: *mut ()) -> *mut Exception {
        // SAFETY: it is the function below, which nobody else touches meanwhile.
        let function = unsafe { &mut *function.cast::<Option<F>>() };
        if let Some(function) = function.take() {
            function();
        }
        ptr::null_mut()
    }

    let mut function = Some(f);
    // SAFETY: `run` takes a pointer to this very function, which outlives the call of it.
    let captured = unsafe { call_and_catch(run::<F>, ptr::from_mut(&mut function).cast()) };
    NonNull::new(captured).expect("it ends in an exception")
}

/// The personality routine of [`call_and_catch`].
extern "C" fn catch_all(
    _version: c_int,
    actions: c_int,
    _class: u64,
    exception: *mut Exception,
    context: *mut Context,
) -> c_int {
    if actions & UA_SEARCH_PHASE != 0 {
        return URC_HANDLER_FOUND;
    }
    if actions & UA_HANDLER_FRAME == 0 {
        // A thread that is cancelled, or ends itself, unwinds to its very end.
        return URC_CONTINUE_UNWIND;
    }
    // SAFETY: this frame is being unwound to, and the register in which its call returns may be set.
    unsafe { _Unwind_SetGR(context, RESULT, exception.expose_provenance()) };
    // SAFETY: the context is that of this frame.
    let returns_to = unsafe { _Unwind_GetIP(context) };
    // SAFETY: execution goes on behind the call, as if it had returned; the frame has nothing to clean up.
    unsafe { _Unwind_SetIP(context, returns_to) };
    URC_INSTALL_CONTEXT
}

/// std's personality routine, once [`exchanging`] is in its place.
static OF_STD: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// [`own_mark`] for [`exchanging`].
static OWN: AtomicUsize = AtomicUsize::new(0);

/// Hands every `catch_unwind` of this module an exception of its own in the place of a foreign one, from now
/// on.
pub(super) fn exchange_foreign_exceptions() {
    // SAFETY: the pointer is null or leads to the module's pointer to the routine, which lies in its writable
    // data, is aligned, and is written by nobody else.
    let place = unsafe { place_of_personality().as_ref() };
    let (Some(place), Some(own)) = (place, own_mark()) else {
        return;
    };
    let ours = (exchanging as Personality as *const ()).cast_mut();
    let of_std = place.load(Ordering::Acquire);
    if of_std != ours {
        OWN.store(own, Ordering::Relaxed);
        OF_STD.store(of_std, Ordering::Release);
        place.store(ours, Ordering::Release);
    }
}

/// A personality routine for code outside of this module that shares its runtime: at any time, that of the module's
/// own frames. `None` if these name one that is never replaced.
pub(super) fn personality() -> Option<usize> {
    // SAFETY: as above.
    let place = unsafe { place_of_personality().as_ref() };
    place.map(|_| (as_in_this_module as Personality as *const ()).expose_provenance())
}

extern "C" fn as_in_this_module(
    version: c_int,
    actions: c_int,
    class: u64,
    exception: *mut Exception,
    context: *mut Context,
) -> c_int {
    // SAFETY: as above, and it was not null when `personality` handed this out.
    let place = unsafe { &*place_of_personality() };
    // SAFETY: what stands there is a routine of this type, std's or `exchanging`.
    let routine = unsafe { mem::transmute::<*mut (), Personality>(place.load(Ordering::Acquire)) };
    routine(version, actions, class, exception, context)
}

/// The personality routine in the place of std's.
extern "C" fn exchanging(
    version: c_int,
    actions: c_int,
    class: u64,
    exception: *mut Exception,
    context: *mut Context,
) -> c_int {
    let of_std = OF_STD.load(Ordering::Acquire);
    // SAFETY: it is what stood where this routine stands, and so a routine of this type.
    let of_std = unsafe { mem::transmute::<*mut (), Personality>(of_std) };
    let reason = of_std(version, actions, class, exception, context);
    let of_rust = NonNull::new(exception)
        .filter(|_| reason == URC_INSTALL_CONTEXT && class == RUST)
        .and_then(|exception| Some((mark_of(exception)?, exception)));
    let Some((mark, exception)) = of_rust else {
        return reason;
    };
    let is_own = mark == OWN.load(Ordering::Relaxed);
    let ends_here = actions & UA_HANDLER_FRAME != 0;
    // SAFETY: the context is that of the frame in which the exception ends, if it does.
    let place = unsafe { _Unwind_GetIP(context) };
    match (is_own, ends_here) {
        (true, true) => {
            (services::current().is_caught)(exception);
            super::tell_of_caught(place);
        }
        (true, false) => {}
        (false, false) => super::accompany(mark, exception),
        (false, true) => {
            if let Some(own) = super::exchange(mark, exception) {
                // SAFETY: std's routine has just put the foreign exception there, for the code that catches it.
                unsafe { _Unwind_SetGR(context, RESULT, own.as_ptr().expose_provenance()) };
                super::tell_of_caught(place);
            }
        }
    }
    reason
}
