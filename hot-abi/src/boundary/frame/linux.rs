//! Who called, by a walk over the stack and the loader's list of modules.

use super::super::unwind::{
    _Unwind_Backtrace, _Unwind_GetCFA, _Unwind_GetIP, Context, URC_END_OF_STACK, URC_NO_REASON,
};
use std::ffi::{c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;

/// `Dl_info`.
#[repr(C)]
struct ModuleInfo {
    file: *const c_char,
    /// Where the module is mapped.
    base: *const c_void,
    symbol: *const c_char,
    symbol_address: *const c_void,
}

unsafe extern "C" {
    fn dladdr(address: *const c_void, info: *mut ModuleInfo) -> c_int;
}

/// What the walk looks for, and finds.
struct Search {
    place: usize,
    /// An address in the code of the caller.
    caller: Option<usize>,
}

/// Whether the function in whose frame `place` lies was called by code of this module; that it was, if the
/// stack does not tell.
pub(super) fn is_called_by_own_module(place: *const u8) -> bool {
    let mut search = Search {
        place: place.addr(),
        caller: None,
    };
    // SAFETY: `visit` takes a pointer to this very `Search`, and the walk is over when it returns.
    unsafe { _Unwind_Backtrace(visit, ptr::from_mut(&mut search).cast()) };
    let own = module_of(ptr::from_ref(&OWN).cast());
    match search.caller {
        Some(caller) => module_of(ptr::with_exposed_provenance(caller)) == own,
        None => true,
    }
}

/// An address in this module.
static OWN: u8 = 0;

/// Stops at the first frame that begins above the place: stacks grow downwards.
extern "C" fn visit(context: *mut Context, search: *mut c_void) -> c_int {
    // SAFETY: it is the `Search` of `is_called_by_own_module`, which does nothing else with it meanwhile.
    let search = unsafe { &mut *search.cast::<Search>() };
    // SAFETY: the context is that of the walk, for as long as this call lasts.
    let begins = unsafe { _Unwind_GetCFA(context) };
    if begins <= search.place {
        return URC_NO_REASON;
    }
    // SAFETY: as above.
    let returns_to = unsafe { _Unwind_GetIP(context) };
    // The call itself: behind it may begin another function.
    search.caller = Some(returns_to.saturating_sub(1));
    URC_END_OF_STACK
}

/// Where the module is mapped that an address belongs to; null if there is none.
fn module_of(address: *const c_void) -> *const c_void {
    let mut info = MaybeUninit::<ModuleInfo>::zeroed();
    // SAFETY: any address may be asked for, and `info` has room for the answer.
    unsafe { dladdr(address, info.as_mut_ptr()) };
    // SAFETY: all its fields may be null, as they are where there is no answer.
    unsafe { info.assume_init() }.base
}
