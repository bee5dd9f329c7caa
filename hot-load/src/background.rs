//! Work that is done ahead: on a thread of its own, and only where nobody else needs the processor.

use std::io;
use std::thread;

#[cfg_attr(
    all(target_os = "linux", target_env = "gnu"),
    path = "background/linux.rs"
)]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    path = "background/other.rs"
)]
mod priority;

/// Runs `work` on a new thread of that name and of low priority.
pub(crate) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn(|| {
        priority::lower();
        work();
    })?;
    Ok(())
}
