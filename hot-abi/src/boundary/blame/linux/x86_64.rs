//! Calls of x86-64.

use std::ptr;

/// Whether the call that returns to this address names what it calls, rather than to take its address from a
/// register or from an object.
pub(in super::super) fn calls_by_name(return_address: usize) -> bool {
    const LONGEST: usize = 6;
    let Some(start) = return_address.checked_sub(LONGEST) else {
        return true;
    };
    let code: *const [u8; LONGEST] = ptr::with_exposed_provenance(start);
    // SAFETY: it is the return address of a call in progress, so what stands before it is the instruction of that
    // call, with the code before it where the instruction is shorter: a function begins with more than none, and
    // what is mapped begins with the headers of its file or with the code that starts a program.
    let code = unsafe { code.read() };
    is_call_by_name(code)
}

/// Whether the instruction that ends with these bytes is a call of an address that stands in it, or in the table of
/// addresses beside the code.
fn is_call_by_name(code: [u8; 6]) -> bool {
    let [first, second, a, b, c, d] = code;
    // `call address`. What only looks like one, for it ends with the bytes of a shorter call, leads farther than a
    // module is large.
    const FAR: i32 = 1 << 28;
    let distance = i32::from_le_bytes([a, b, c, d]);
    let is_direct = second == 0xe8 && (-FAR..FAR).contains(&distance);
    // `call [rip + distance]`
    let through_table = first == 0xff && second == 0x15;
    is_direct || through_table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_known_by_its_instruction() {
        let by_name: [[u8; 6]; 4] = [
            [0x90, 0xe8, 0x10, 0x20, 0x00, 0x00],
            [0x90, 0xe8, 0xf0, 0xff, 0xff, 0xff],
            [0x67, 0xe8, 0x10, 0x20, 0x30, 0x00],
            [0xff, 0x15, 0x10, 0x20, 0x30, 0x00],
        ];
        assert!(by_name.into_iter().all(is_call_by_name));
        // `call rax`, `call r10`, `call [rax + 24]`, `call [rax + 512]`, `call [rax]`; the byte before the shorter ones
        // may be anything.
        let by_pointer: [[u8; 6]; 6] = [
            [0x90, 0x90, 0x90, 0x90, 0xff, 0xd0],
            [0x90, 0xe8, 0x12, 0x41, 0xff, 0xd2],
            [0x90, 0xe8, 0x12, 0xff, 0x50, 0x18],
            [0xff, 0x90, 0x00, 0x02, 0x00, 0x00],
            [0x90, 0xe8, 0x12, 0x12, 0xff, 0x10],
            [0x90, 0x90, 0x90, 0x90, 0xff, 0x10],
        ];
        assert!(!by_pointer.into_iter().any(is_call_by_name));
    }
}
