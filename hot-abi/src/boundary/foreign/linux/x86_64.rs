//! The frames of x86-64, in its instructions.

use super::{Exception, catch_all};
use std::ffi::c_int;
use std::sync::atomic::AtomicPtr;

/// The number of `rax` in debug information: where code that catches an exception, or a call that returns,
/// finds it.
pub(super) const RESULT: c_int = 0;

/// Calls `function` with `data` in a frame whose personality is [`catch_all`]. Returns what it returns, or the
/// exception that it ends in.
///
/// # Safety
///
/// `function` may be called with `data`, and returns null.
#[unsafe(naked)]
pub(super) unsafe extern "C-unwind" fn call_and_catch(
    function: extern "C-unwind" fn(*mut ()) -> *mut Exception,
    data: *mut (),
) -> *mut Exception {
    std::arch::naked_asm!(
        // By a pointer, as Rust's own frames name theirs: a library may have a copy of this code, and the routine of
        // the program, which is too far away for four bytes.
        ".hidden {personality}",
        ".pushsection .data.rel.ro.hot_catch_all, \"aw\"",
        ".p2align 3",
        ".Lhot_catch_all:",
        ".quad {personality}",
        ".popsection",
        ".cfi_startproc",
        // The address of that pointer, relative to where it stands, in four bytes.
        ".cfi_personality 0x9b, .Lhot_catch_all",
        "sub rsp, 8", // as the ABI aligns it for a call
        ".cfi_adjust_cfa_offset 8",
        "mov rax, rdi",
        "mov rdi, rsi",
        "call rax",
        // Here a call returns with null in `rax`, and an unwinding ends with its exception there.
        "add rsp, 8",
        ".cfi_adjust_cfa_offset -8",
        "ret",
        ".cfi_endproc",
        personality = sym catch_all,
    )
}

/// Where the module keeps the pointer to Rust's personality routine; null if its code names the routine
/// itself, as code does that cannot be moved. No library is made of such code.
#[unsafe(naked)]
pub(super) extern "C" fn place_of_personality() -> *mut AtomicPtr<()> {
    std::arch::naked_asm!(
        ".weak DW.ref.rust_eh_personality",
        ".hidden DW.ref.rust_eh_personality",
        "mov rax, qword ptr [rip + DW.ref.rust_eh_personality@GOTPCREL]",
        "ret",
    )
}
