//! The unwinder's walk over the stack, by the Itanium C++ ABI.

use std::ffi::{c_int, c_void};

/// `_Unwind_Context`: a frame, during a walk.
#[repr(C)]
pub(super) struct Context {
    _opaque: [u8; 0],
}

pub(super) type Visit = extern "C" fn(*mut Context, *mut c_void) -> c_int;

unsafe extern "C" {
    pub(super) fn _Unwind_Backtrace(visit: Visit, argument: *mut c_void) -> c_int;
    pub(super) fn _Unwind_GetCFA(context: *mut Context) -> usize;
    pub(super) fn _Unwind_GetIP(context: *mut Context) -> usize;
}

/// What lets a walk go on.
pub(super) const URC_NO_REASON: c_int = 0;
/// What ends it.
pub(super) const URC_END_OF_STACK: c_int = 5;
