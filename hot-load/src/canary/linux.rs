//! The canary of Linux with glibc: a fork that opens and initialises the library, and ends.
//!
//! glibc makes its own locks anew in the child, those of malloc and of the loader, so both can be used there
//! though other threads of the program may have held them. A lock of anyone else that was held at that moment
//! stays locked; then the child hangs, is ended, and the library is refused though it may be good.

use super::{CanaryEnd, Outcome};
use std::ffi::c_int;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::panic::{self, AssertUnwindSafe};
use std::time::{Duration, Instant};

pub(crate) const IS_AVAILABLE: bool = true;

/// What the child writes when it has come to the end.
const LIVED: u8 = b'.';

/// How much of what the child wrote to stderr is kept.
const SAID: u64 = 2000;

/// Calls `load` in a child process, and tells whether that lived.
///
/// # Errors
///
/// When there is no child process to be had.
pub(crate) fn try_out(deadline: Duration, load: impl FnOnce()) -> io::Result<Outcome> {
    let null = File::options().read(true).write(true).open("/dev/null")?;
    let (mut done, mut said) = (memory_file()?, memory_file()?);
    // SAFETY: what the child runs is `become_canary`, which never returns, so this program goes on once only.
    // Locks that other threads hold are held for good in the child, which can make it hang. That is what the
    // deadline is for, as for everything else that the library may do there.
    let child = match unsafe { libc::fork() } {
        -1 => return Err(io::Error::last_os_error()),
        0 => become_canary(&null, &said, &done, load),
        child => child,
    };
    let ended = wait(child, deadline);
    if !matches!(ended, Ok(true)) {
        // SAFETY: this asks nothing of memory. Nobody was told yet that the child has ended, so the id is its.
        unsafe { libc::kill(child, libc::SIGKILL) };
    }
    let end = reap(child);
    let end = match ended? {
        true if read_end(&mut done)?.as_bytes() == [LIVED] => return Ok(Outcome::Lived),
        true => end,
        false => CanaryEnd::Deadline(deadline),
    };
    let said = read_end(&mut said)?;
    Ok(Outcome::Died { end, said })
}

/// The whole life of the child.
fn become_canary(null: &File, say: &File, done: &File, load: impl FnOnce()) -> ! {
    let no_dump = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: this asks nothing of memory. The child has no business when the program is gone.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    // SAFETY: the pointer is to a live value.
    unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const no_dump) };
    // What is typed and printed is the program's.
    let files = [
        (null, libc::STDIN_FILENO),
        (null, libc::STDOUT_FILENO),
        (say, libc::STDERR_FILENO),
    ];
    for (file, standard) in files {
        // SAFETY: the file is open, and the three are the child's to change.
        unsafe { libc::dup2(file.as_raw_fd(), standard) };
    }
    for (signal, _) in SIGNALS {
        // SAFETY: the default action needs nothing of the program, whose handlers would take the crash for its
        // own.
        unsafe { libc::signal(*signal, libc::SIG_DFL) };
    }
    let loaded = panic::catch_unwind(AssertUnwindSafe(load));
    if loaded.is_ok() {
        // SAFETY: the buffer is one byte. Where it cannot be written, the library is refused, which is safe.
        unsafe { libc::write(done.as_raw_fd(), [LIVED].as_ptr().cast(), 1) };
    }
    // SAFETY: it ends the process at once, without the exit handlers and buffers that are the program's.
    unsafe { libc::_exit(0) }
}

/// Whether the child ended within the deadline.
fn wait(child: libc::pid_t, deadline: Duration) -> io::Result<bool> {
    // SAFETY: this asks nothing of memory; the result is checked.
    let opened = unsafe { libc::syscall(libc::SYS_pidfd_open, child, 0) };
    let opened = c_int::try_from(opened).unwrap_or(-1);
    if opened < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was just opened, and nobody else has it.
    let child = unsafe { OwnedFd::from_raw_fd(opened) };
    let until = Instant::now() + deadline;
    loop {
        let mut ended = libc::pollfd {
            fd: child.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // Rounded up, so that it does not turn around with nothing left to wait for.
        let left = until.saturating_duration_since(Instant::now()) + Duration::from_micros(999);
        let left = c_int::try_from(left.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: there is one entry, and it is borrowed for the call.
        match unsafe { libc::poll(&raw mut ended, 1, left) } {
            0 => return Ok(false),
            -1 => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
            _ => return Ok(true),
        }
    }
}

/// How the child ended. It is known to have ended, or about to.
fn reap(child: libc::pid_t) -> CanaryEnd {
    let mut status = 0;
    loop {
        // SAFETY: the pointer is to a live number.
        if unsafe { libc::waitpid(child, &raw mut status, 0) } == child {
            break;
        }
        if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            // The program ignores its children, or waits for all of them.
            return CanaryEnd::Unknown;
        }
    }
    if libc::WIFSIGNALED(status) {
        CanaryEnd::Signal(libc::WTERMSIG(status))
    } else {
        CanaryEnd::Exited(libc::WEXITSTATUS(status))
    }
}

/// A file that is in memory only. Unlike a pipe it is never full, and never waits for its last writer.
fn memory_file() -> io::Result<File> {
    // SAFETY: the name ends with a null; the result is checked.
    let opened = unsafe { libc::memfd_create(c"hot-canary".as_ptr(), libc::MFD_CLOEXEC) };
    if opened < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was just opened, and nobody else has it.
    Ok(unsafe { File::from_raw_fd(opened) })
}

fn read_end(said: &mut File) -> io::Result<String> {
    let length = said.seek(SeekFrom::End(0))?;
    said.seek(SeekFrom::Start(length.saturating_sub(SAID)))?;
    let mut end = Vec::new();
    said.read_to_end(&mut end)?;
    Ok(String::from_utf8_lossy(&end).trim().to_owned())
}

pub(super) fn signal_name(signal: i32) -> Option<&'static str> {
    let found = SIGNALS.iter().find(|(number, _)| *number == signal);
    found.map(|(_, name)| *name)
}

/// The signals that a crash is, or that end a process unless it handles them.
const SIGNALS: &[(c_int, &str)] = &[
    (libc::SIGABRT, "SIGABRT"),
    (libc::SIGBUS, "SIGBUS"),
    (libc::SIGFPE, "SIGFPE"),
    (libc::SIGILL, "SIGILL"),
    (libc::SIGSEGV, "SIGSEGV"),
    (libc::SIGSYS, "SIGSYS"),
    (libc::SIGTRAP, "SIGTRAP"),
    (libc::SIGTERM, "SIGTERM"),
    (libc::SIGINT, "SIGINT"),
    (libc::SIGHUP, "SIGHUP"),
    (libc::SIGALRM, "SIGALRM"),
];
