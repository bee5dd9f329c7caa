//! The mappings of modules from the system's loader, the calls in progress from the unwinder, and how a call was
//! made from its instruction.

use super::super::unwind::{
    _Unwind_Backtrace, _Unwind_GetIP, Context, URC_END_OF_STACK, URC_NO_REASON,
};
use std::ffi::{c_char, c_int, c_void};
use std::ptr;

#[cfg_attr(target_arch = "x86_64", path = "linux/x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "linux/aarch64.rs")]
mod processor;

pub(super) use processor::calls_by_name;

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

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

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
