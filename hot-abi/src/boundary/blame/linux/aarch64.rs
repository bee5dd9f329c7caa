//! Calls of aarch64.

use std::ptr;

/// Whether the call that returns to this address names what it calls, rather than to take its address from a
/// register. What lies in another library, or too far away, is called by name as well: the linker has the call lead
/// to a few instructions that go on there.
pub(in super::super) fn calls_by_name(return_address: usize) -> bool {
    let Some(start) = return_address.checked_sub(size_of::<u32>()) else {
        return true;
    };
    let code: *const u32 = ptr::with_exposed_provenance(start);
    // SAFETY: it is the return address of a call in progress, so the instruction of that call stands before it. All
    // instructions are four bytes, aligned, and code can be read.
    let code = unsafe { code.read() };
    is_call_by_name(code)
}

/// Whether an instruction is `bl`, the one call whose target stands in it.
fn is_call_by_name(code: u32) -> bool {
    const BRANCH_WITH_LINK: u32 = 0b100101 << 26;
    const OPCODE: u32 = 0b111111 << 26;
    code & OPCODE == BRANCH_WITH_LINK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_known_by_its_instruction() {
        // `bl` forwards, backwards, and as far as it can
        let by_name = [0x9400_0004, 0x97ff_fff0, 0x95ff_ffff];
        assert!(by_name.into_iter().all(is_call_by_name));
        // `blr x8`, `blr x0`, `blraaz x8`; `b`, which returns to nowhere
        let by_pointer = [0xd63f_0100, 0xd63f_0000, 0xd63f_091f, 0x1400_0004];
        assert!(!by_pointer.into_iter().any(is_call_by_name));
    }
}
