//! The mappings of modules from the system's loader, the calls in progress from the unwinder, and how a call was
//! made from its instruction.

use super::super::unwind::{
    _Unwind_Backtrace, _Unwind_GetIP, Context, URC_END_OF_STACK, URC_NO_REASON,
};
use std::ffi::{c_char, c_int, c_void};
use std::ptr;

/// The beginning of `dl_phdr_info`.
#[repr(C)]
struct Module {
    /// What is added to the addresses in its file.
    bias: usize,
    name: *const c_char,
    headers: *const Header,
    header_count: u16,
}

/// `Elf64_Phdr`.
#[repr(C)]
struct Header {
    kind: u32,
    flags: u32,
    offset: u64,
    address: u64,
    physical_address: u64,
    size_in_file: u64,
    size: u64,
    align: u64,
}

/// `PT_LOAD`.
const LOAD: u32 = 1;

type VisitModule = extern "C" fn(*const Module, usize, *mut c_void) -> c_int;

unsafe extern "C" {
    fn dl_iterate_phdr(visit: VisitModule, argument: *mut c_void) -> c_int;
}

/// Where a module is mapped.
#[derive(Debug)]
pub(super) struct Segments {
    /// The first address of each, and the first behind it.
    bounds: Vec<(usize, usize)>,
}

impl Segments {
    pub(super) fn hold(&self, address: usize) -> bool {
        let mut bounds = self.bounds.iter();
        bounds.any(|(start, end)| (*start..*end).contains(&address))
    }
}

/// Where the module is mapped that an address belongs to.
pub(super) fn segments_around(address: usize) -> Option<Segments> {
    extern "C" fn visit(module: *const Module, _: usize, search: *mut c_void) -> c_int {
        // SAFETY: it is the `Search` below, which nobody else uses while the loader walks.
        let search = unsafe { &mut *search.cast::<Search>() };
        // SAFETY: the loader describes a module there, for as long as this call lasts.
        let module = unsafe { &*module };
        if module.headers.is_null() {
            return 0;
        }
        // SAFETY: the loader says that there are so many, and that they stay while it walks.
        let headers =
            unsafe { std::slice::from_raw_parts(module.headers, module.header_count.into()) };
        let loaded = headers.iter().filter(|header| header.kind == LOAD);
        let bounds = loaded.map(|header| {
            let start = module.bias.wrapping_add(header.address as usize);
            (start, start.wrapping_add(header.size as usize))
        });
        // There may be hundreds of modules.
        if !bounds
            .clone()
            .any(|(start, end)| (start..end).contains(&search.address))
        {
            return 0;
        }
        search.found = Some(Segments {
            bounds: bounds.collect(),
        });
        1
    }

    struct Search {
        address: usize,
        found: Option<Segments>,
    }
    let mut search = Search {
        address,
        found: None,
    };
    // SAFETY: `visit` takes a pointer to this very `Search`, and the walk is over when it returns.
    unsafe { dl_iterate_phdr(visit, ptr::from_mut(&mut search).cast()) };
    search.found
}

/// The return addresses of the calls in progress on this thread, the innermost first, up to the first that is one
/// that `is_it` knows; none if there is no such call.
#[inline(never)]
pub(super) fn return_addresses_to<F: Fn(usize) -> bool>(is_it: F) -> Vec<usize> {
    extern "C" fn visit<F: Fn(usize) -> bool>(context: *mut Context, search: *mut c_void) -> c_int {
        // SAFETY: it is the `Search` below, which nobody else uses during the walk.
        let search = unsafe { &mut *search.cast::<Search<F>>() };
        // SAFETY: the context is that of the walk, for as long as this call lasts.
        let address = unsafe { _Unwind_GetIP(context) };
        search.calls.push(address);
        // The call itself: behind it may begin another module.
        search.is_found = (search.is_it)(address.saturating_sub(1));
        if search.is_found {
            URC_END_OF_STACK
        } else {
            URC_NO_REASON
        }
    }

    struct Search<F> {
        is_it: F,
        calls: Vec<usize>,
        is_found: bool,
    }
    let mut search = Search {
        is_it,
        calls: Vec::new(),
        is_found: false,
    };
    // SAFETY: `visit` takes a pointer to this very `Search`, and the walk is over when it returns.
    unsafe { _Unwind_Backtrace(visit::<F>, ptr::from_mut(&mut search).cast()) };
    if !search.is_found {
        search.calls.clear();
    }
    search.calls
}

/// Whether the call that returns to this address names what it calls, rather than to take its address from a
/// register or from an object.
pub(super) fn calls_by_name(return_address: usize) -> bool {
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
    use std::cell::Cell;

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

    #[test]
    fn calls_in_progress_say_how_they_were_made() {
        /// Up to the call of this function: the first two calls are those that it makes, and that are made below.
        #[inline(never)]
        fn found() -> Vec<usize> {
            let calls = Cell::new(0);
            let found = return_addresses_to(|_| calls.replace(calls.get() + 1) == 2);
            std::hint::black_box(found)
        }
        fn of_test() {}
        let address = of_test as *const () as usize;
        assert!(segments_around(address).is_some_and(|segments| segments.hold(address)));
        assert!(segments_around(8).is_none());
        assert_eq!(return_addresses_to(|_| false), []);

        let by_name = found();
        assert!(by_name.last().is_some_and(|call| calls_by_name(*call)));
        let pointer: fn() -> Vec<usize> = std::hint::black_box(found);
        let by_pointer = pointer();
        assert!(by_pointer.last().is_some_and(|call| !calls_by_name(*call)));
    }
}
