//! The frame that stops exceptions of other runtimes, by the Itanium C++ ABI for x86-64: its personality
//! routine looks at each exception that passes, and takes those of known runtimes for the frame's result.

use crate::services;
use std::ffi::c_int;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicUsize, Ordering};

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

/// What the exceptions of Rust have for a class: `MOZ\0RUST`.
const RUST: u64 = u64::from_ne_bytes(*b"MOZ\0RUST");

const UA_SEARCH_PHASE: c_int = 1;
const UA_HANDLER_FRAME: c_int = 4;
const UA_FORCE_UNWIND: c_int = 8;
const URC_HANDLER_FOUND: c_int = 6;
const URC_INSTALL_CONTEXT: c_int = 7;
const URC_CONTINUE_UNWIND: c_int = 8;

/// The number of `rax` in debug information.
const RAX: c_int = 0;

unsafe extern "C" {
    fn _Unwind_GetIP(context: *mut Context) -> usize;
    fn _Unwind_SetIP(context: *mut Context, value: usize);
    fn _Unwind_SetGR(context: *mut Context, register: c_int, value: usize);
}

unsafe extern "C-unwind" {
    fn _Unwind_RaiseException(exception: *mut Exception) -> c_int;
}

/// The mark of this module's own exceptions; 0 until it is learnt.
static OWN: AtomicUsize = AtomicUsize::new(0);

/// The mark of this module's own exceptions, learnt at the first call from one that is raised and caught.
pub(super) fn learn_mark() -> Option<usize> {
    if OWN.load(Ordering::Relaxed) == 0 {
        // No hook is called for it. That it ends here is all that is wanted of it.
        let raise = || stop(|| std::panic::resume_unwind(Box::new(())));
        drop(std::panic::catch_unwind(raise));
    }
    match OWN.load(Ordering::Relaxed) {
        0 => None,
        own => Some(own),
    }
}

pub(super) fn mark_of(exception: NonNull<Exception>) -> Option<usize> {
    // SAFETY: the header of an exception can be read as long as nobody freed it, and only its runtime does.
    let header = unsafe { exception.as_ref() };
    (header.class == RUST).then_some(header.cleanup)
}

/// Calls `f`. An exception of another known runtime ends here; one of this module's own goes on.
#[inline]
pub(super) fn stop<F: FnOnce() -> R, R>(f: F) -> Result<R, NonNull<Exception>> {
    struct Call<F, R> {
        function: Option<F>,
        result: Option<R>,
    }

    extern "C-unwind" fn run<F: FnOnce() -> R, R>(call: *mut ()) -> *mut Exception {
        // SAFETY: `call` is the one below, which nobody else touches meanwhile.
        let call = unsafe { &mut *call.cast::<Call<F, R>>() };
        if let Some(function) = call.function.take() {
            call.result = Some(function());
        }
        ptr::null_mut()
    }

    let mut call = Call {
        function: Some(f),
        result: None,
    };
    // SAFETY: `run` takes a pointer to this very `Call`, which outlives the call of it.
    let stopped = unsafe { call_in_frame(run::<F, R>, ptr::from_mut(&mut call).cast()) };
    match (call.result, NonNull::new(stopped)) {
        (Some(result), _) => Ok(result),
        (None, Some(exception)) => Err(exception),
        (None, None) => unreachable!("it returned, and so it has a result"),
    }
}

/// Raises an exception again: unwinds from here as from where it was raised first. It returns only if nobody
/// catches it.
pub(super) fn raise(exception: NonNull<Exception>) {
    // SAFETY: the exception was raised before and stopped in a frame that it unwound to, so its unwinding has
    // ended, and the ABI allows it to be raised again, as C++ does at `throw;`.
    let failed = unsafe { _Unwind_RaiseException(exception.as_ptr()) };
    eprintln!("a panic that passed through a library cannot go on: {failed}");
    std::process::abort();
}

/// Calls `function` with `data` in a frame whose personality is [`personality`]. Returns what it returns; or,
/// where the personality stops an exception, the exception.
///
/// # Safety
///
/// `function` may be called with `data`, and returns null.
#[unsafe(naked)]
unsafe extern "C-unwind" fn call_in_frame(
    function: extern "C-unwind" fn(*mut ()) -> *mut Exception,
    data: *mut (),
) -> *mut Exception {
    std::arch::naked_asm!(
        ".cfi_startproc",
        // The address of the routine, relative to where it stands, in four bytes.
        ".hidden {personality}",
        ".cfi_personality 0x1b, {personality}",
        "sub rsp, 8", // as the ABI aligns it for a call
        ".cfi_adjust_cfa_offset 8",
        "mov rax, rdi",
        "mov rdi, rsi",
        "call rax",
        // Here a call returns with null in `rax`, and a stopped unwinding arrives with its exception there.
        "add rsp, 8",
        ".cfi_adjust_cfa_offset -8",
        "ret",
        ".cfi_endproc",
        personality = sym personality,
    )
}

/// The personality routine of [`call_in_frame`]: asked by the unwinder, for each exception that reaches the
/// frame, first whether it ends there and then to let it.
extern "C" fn personality(
    _version: c_int,
    actions: c_int,
    class: u64,
    exception: *mut Exception,
    context: *mut Context,
) -> c_int {
    // A thread that is cancelled, or ends itself, unwinds to its very end.
    let forced = actions & UA_FORCE_UNWIND != 0;
    let stops = class == RUST && !forced && {
        // SAFETY: the unwinder hands over the exception that it unwinds for.
        let mark = unsafe { (*exception).cleanup };
        is_of_other_runtime(mark)
    };
    if !stops {
        return URC_CONTINUE_UNWIND;
    }
    if actions & UA_SEARCH_PHASE != 0 {
        return URC_HANDLER_FOUND;
    }
    if actions & UA_HANDLER_FRAME == 0 {
        return URC_CONTINUE_UNWIND;
    }
    // SAFETY: this frame is being unwound to, and `rax`, in which its call returns, may be set.
    unsafe { _Unwind_SetGR(context, RAX, exception.expose_provenance()) };
    // SAFETY: the context is that of this frame.
    let returns_to = unsafe { _Unwind_GetIP(context) };
    // SAFETY: execution goes on behind the call, as if it had returned; the frame has nothing to clean up.
    unsafe { _Unwind_SetIP(context, returns_to) };
    URC_INSTALL_CONTEXT
}

fn is_of_other_runtime(mark: usize) -> bool {
    // The first exception ever is the one of `learn_mark`.
    let own = OWN.compare_exchange(0, mark, Ordering::Relaxed, Ordering::Relaxed);
    match own {
        Ok(_) => false,
        Err(own) => own != mark && (services::current().runtime)(mark).is_some(),
    }
}
