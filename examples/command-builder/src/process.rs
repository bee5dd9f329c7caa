//! A running command that can be killed from another thread, with the processes that it started.

#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
pub(crate) use other::Process;
#[cfg(unix)]
pub(crate) use unix::Process;
