//! The system's loader knows what it mapped.

use std::ffi::{CStr, OsStr};
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

/// Where the file begins in memory that an address lies in, and the name that it was opened by.
pub(super) fn file_at(address: usize) -> Option<(usize, PathBuf)> {
    let mut info = MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: any address may be asked for, and is not read; `info` is memory for what is written.
    let found = unsafe { libc::dladdr(address as *const libc::c_void, info.as_mut_ptr()) };
    // SAFETY: all zeros are a value of it, and the function wrote values.
    let info = unsafe { info.assume_init() };
    if found == 0 || info.dli_fname.is_null() {
        return None;
    }
    // SAFETY: the loader keeps the name as long as the file is mapped, which it is: whoever asks runs its code, or
    // holds a value of it.
    let name = unsafe { CStr::from_ptr(info.dli_fname) };
    let name = OsStr::from_bytes(name.to_bytes());
    Some((info.dli_fbase as usize, PathBuf::from(name)))
}
