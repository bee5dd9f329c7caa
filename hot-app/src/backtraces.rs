//! Backtraces of panics, with the names and lines of new code.
//!
//! std lists the libraries of the process at its first backtrace, and code that is loaded later has no names in
//! any that follow. Here they are listed each time, and their debug information is read where a panic is one of
//! new code. Where the system's loader cannot be asked, std's backtraces stay.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod debug_info;
mod frame;
#[cfg_attr(
    all(target_os = "linux", target_env = "gnu"),
    path = "backtraces/linux_gnu.rs"
)]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    path = "backtraces/elsewhere.rs"
)]
mod platform;

/// Has the backtraces of panics made so from now on.
pub(crate) use platform::install;
