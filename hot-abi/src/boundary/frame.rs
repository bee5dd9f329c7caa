//! The frame of a generated function, to find out whose code called it.

use super::Caught;
use crate::services;
use std::ptr;

#[cfg_attr(
    all(
        target_os = "linux",
        any(target_arch = "x86_64", target_arch = "aarch64"),
        target_env = "gnu",
        panic = "unwind"
    ),
    path = "frame/linux.rs"
)]
#[cfg_attr(
    not(all(
        target_os = "linux",
        any(target_arch = "x86_64", target_arch = "aarch64"),
        target_env = "gnu",
        panic = "unwind"
    )),
    path = "frame/elsewhere.rs"
)]
mod platform;

/// The frame of a generated function: a place on its stack.
///
/// A stand-in that a library made may be called by the program. A panic of its node then goes on in the
/// runtime of the program, and not in that of the library which the stand-in is compiled into.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Frame(*const u8);

#[doc(hidden)]
impl Frame {
    /// The frame that `place` is in.
    #[inline(always)]
    pub fn of(place: &u8) -> Frame {
        Frame(ptr::from_ref(place))
    }

    /// Lets a contained panic go on in the caller of this frame's function.
    #[cold]
    pub fn resume(self, caught: Caught) -> ! {
        if services::in_library() && !platform::is_called_by_own_module(self.0) {
            (services::current().resume)(caught)
        }
        super::resume(caught)
    }
}
