//! The frames of aarch64, in its instructions.

use super::{Exception, catch_all};
use std::ffi::c_int;
use std::sync::atomic::AtomicPtr;

/// The number of `x0` in debug information: where code that catches an exception, or a call that returns,
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
        "stp x29, x30, [sp, -16]!",
        ".cfi_adjust_cfa_offset 16",
        ".cfi_rel_offset x29, 0",
        ".cfi_rel_offset x30, 8",
        "mov x29, sp", // for those who follow the chain of frames
        "mov x2, x0",
        "mov x0, x1",
        "blr x2",
        // Here a call returns with null in `x0`, and an unwinding ends with its exception there.
        "ldp x29, x30, [sp], 16",
        ".cfi_adjust_cfa_offset -16",
        ".cfi_restore x29",
        ".cfi_restore x30",
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
        "adrp x0, :got:DW.ref.rust_eh_personality",
        "ldr x0, [x0, :got_lo12:DW.ref.rust_eh_personality]",
        "ret",
    )
}
