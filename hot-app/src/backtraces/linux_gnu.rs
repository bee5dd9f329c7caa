//! Addresses from glibc, and the modules of the process from its loader.

use super::debug_info;
use super::frame::{self, Frame};
use hot_abi::boundary::{Backtraces, set_backtraces};
use libc::{c_int, c_void, dl_phdr_info, size_t};
use std::ffi::CStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;

/// Has the backtraces of panics made here from now on.
pub(crate) fn install() {
    set_backtraces(Backtraces { capture, in_words });
}

/// More frames than these are left out, those nearest to `main`.
const DEEPEST: usize = 4096;

fn capture() -> Vec<usize> {
    let mut frames: Vec<*mut c_void> = vec![ptr::null_mut(); 128];
    loop {
        let room = c_int::try_from(frames.len()).unwrap_or(c_int::MAX);
        // SAFETY: the buffer has room for that many pointers.
        let count = unsafe { libc::backtrace(frames.as_mut_ptr(), room) };
        let count = usize::try_from(count).unwrap_or(0);
        if count < frames.len() || count >= DEEPEST {
            frames.truncate(count);
            return frames.into_iter().map(<*mut c_void>::addr).collect();
        }
        frames.resize(count * 2, ptr::null_mut());
    }
}

fn in_words(addresses: &[usize]) -> String {
    // The calls themselves: behind one may begin another line, or another function.
    let calls: Vec<_> = addresses
        .iter()
        .map(|address| address.saturating_sub(1))
        .collect();
    let mut frames = vec![vec![Frame::default()]; calls.len()];
    for module in Module::all() {
        let numbers = 0..calls.len();
        let own: Vec<_> = numbers
            .filter(|&number| module.holds(calls[number]))
            .collect();
        if own.is_empty() {
            continue;
        }
        let in_file = |&number: &usize| calls[number].wrapping_sub(module.bias) as u64;
        let in_file: Vec<_> = own.iter().map(in_file).collect();
        for (number, found) in own
            .into_iter()
            .zip(debug_info::frames(&module.file, &in_file))
        {
            frames[number] = found;
        }
    }
    frame::in_words(&frames.concat())
}

/// The program, or a library that it has loaded.
struct Module {
    file: PathBuf,
    /// What is added to the addresses in the file.
    bias: usize,
    /// Where its segments are, in the process.
    segments: Vec<(usize, usize)>,
}

impl Module {
    /// All that are loaded now.
    fn all() -> Vec<Module> {
        let mut modules: Vec<Module> = Vec::new();
        // SAFETY: `visit` takes a pointer to this very list, and the walk is over when it returns.
        unsafe { libc::dl_iterate_phdr(Some(visit), ptr::from_mut(&mut modules).cast()) };
        modules
    }

    fn holds(&self, address: usize) -> bool {
        let mut segments = self.segments.iter();
        segments.any(|&(start, end)| (start..end).contains(&address))
    }
}

/// Adds a module to the list.
unsafe extern "C" fn visit(info: *mut dl_phdr_info, _size: size_t, modules: *mut c_void) -> c_int {
    // SAFETY: it is the list of `Module::all`, which does nothing else with it meanwhile.
    let modules = unsafe { &mut *modules.cast::<Vec<Module>>() };
    // SAFETY: the loader describes a module there, for as long as this call lasts.
    let info = unsafe { &*info };
    let headers = match info.dlpi_phdr.is_null() {
        true => &[],
        // SAFETY: the loader says that there are so many, and that they stay while it walks.
        false => unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) },
    };
    let bias = info.dlpi_addr as usize;
    let segments = headers
        .iter()
        .filter(|header| header.p_type == libc::PT_LOAD)
        .map(|header| {
            let start = bias.wrapping_add(header.p_vaddr as usize);
            (start, start.wrapping_add(header.p_memsz as usize))
        });
    let name = match info.dlpi_name.is_null() {
        true => c"",
        // SAFETY: a name is a C string that stays while the loader walks.
        false => unsafe { CStr::from_ptr(info.dlpi_name) },
    };
    let file = match name.to_bytes() {
        // The program. This way it is the file that runs, though another may have its path by now.
        b"" => PathBuf::from("/proc/self/exe"),
        name => Path::new(std::ffi::OsStr::from_bytes(name)).to_owned(),
    };
    modules.push(Module {
        file,
        bias,
        segments: segments.collect(),
    });
    0
}
