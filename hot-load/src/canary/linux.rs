//! The canary of Linux with glibc: a fork that opens and initialises the library, and ends.
//!
//! glibc makes its own locks anew in the child, those of malloc and of the loader, so both can be used there
//! though other threads of the program may have held them. A lock of anyone else that was held at that moment
//! stays locked; then the child hangs, is ended, and the library is refused though it may be good.

use super::{CanaryEnd, Outcome};
use std::ffi::c_int;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::panic::{self, AssertUnwindSafe};
use std::ptr;
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
    let (begins, may_begin) = UnixStream::pair()?;
    // SAFETY: this asks nothing of memory.
    let program = unsafe { libc::getpid() };
    // A system that has no such files is found out while there is no child yet.
    drop(Child::open(program)?);
    // SAFETY: what the child runs is `become_canary`, which never returns, so this program goes on once only.
    // Locks that other threads hold are held for good in the child, which can make it hang. That is what the
    // deadline is for, as for everything else that the library may do there.
    let child = match unsafe { libc::fork() } {
        -1 => return Err(io::Error::last_os_error()),
        0 => {
            drop(may_begin);
            await_begin(begins, program);
            become_canary(&null, &said, &done, load)
        }
        child => child,
    };
    drop(begins);
    // The child has not begun, so it has not ended either, and its number is its own. A program that ignores its
    // children has the system forget them as they end, and then another process may get the number: from here on
    // the child is known by this file alone.
    let child = Child::open(child)?;
    let_begin(&may_begin);
    let ended = child.wait(deadline);
    if !matches!(ended, Ok(true)) {
        child.kill();
    }
    let end = child.reap();
    let end = match ended? {
        true if read_end(&mut done)?.as_bytes() == [LIVED] => return Ok(Outcome::Lived),
        true => end,
        false => CanaryEnd::Deadline(deadline),
    };
    let said = read_end(&mut said)?;
    Ok(Outcome::Died { end, said })
}

/// In the program: lets the child begin. One that is gone already is not told, and no signal says so: how it ended is
/// found out as ever.
fn let_begin(may_begin: &UnixStream) {
    let signal = [LIVED];
    // SAFETY: the buffer is one byte.
    unsafe {
        libc::send(
            may_begin.as_raw_fd(),
            signal.as_ptr().cast(),
            signal.len(),
            libc::MSG_NOSIGNAL,
        )
    };
}

/// In the child: waits until the program lets it begin, and ends if the program is gone, or has no use for it.
fn await_begin(mut begins: UnixStream, program: libc::pid_t) {
    // SAFETY: this asks nothing of memory. The child has no business when the program is gone.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    // It may be gone already, which nobody is told of any more.
    // SAFETY: this asks nothing of memory.
    let is_orphan = unsafe { libc::getppid() } != program;
    if is_orphan || begins.read_exact(&mut [0]).is_err() {
        // SAFETY: it ends the process at once.
        unsafe { libc::_exit(0) }
    }
}

/// The whole life of the child.
fn become_canary(null: &File, say: &File, done: &File, load: impl FnOnce()) -> ! {
    let no_dump = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
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

/// A child process, by a file that stands for it and for no other, whatever becomes of its number.
struct Child {
    file: OwnedFd,
}

impl Child {
    /// The process of that number, which is known to run.
    fn open(number: libc::pid_t) -> io::Result<Child> {
        // SAFETY: this asks nothing of memory; the result is checked.
        let opened = unsafe { libc::syscall(libc::SYS_pidfd_open, number, 0) };
        let opened = c_int::try_from(opened).unwrap_or(-1);
        if opened < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it was just opened, and nobody else has it.
        let file = unsafe { OwnedFd::from_raw_fd(opened) };
        Ok(Child { file })
    }

    /// Whether it ended within the deadline.
    fn wait(&self, deadline: Duration) -> io::Result<bool> {
        let until = Instant::now() + deadline;
        loop {
            let mut ended = libc::pollfd {
                fd: self.file.as_raw_fd(),
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

    /// Ends it. One that has ended stays as it is, and nobody else is meant.
    fn kill(&self) {
        let (file, no_info) = (self.file.as_raw_fd(), ptr::null::<libc::siginfo_t>());
        // SAFETY: without information about the signal, this asks nothing of memory.
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, file, libc::SIGKILL, no_info, 0) };
    }

    /// How it ended. It is known to have ended, or about to.
    fn reap(&self) -> CanaryEnd {
        let file = libc::id_t::try_from(self.file.as_raw_fd()).unwrap_or_default();
        let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
        // SAFETY: the pointer is to room for the answer.
        while unsafe { libc::waitid(libc::P_PIDFD, file, info.as_mut_ptr(), libc::WEXITED) } != 0 {
            if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
                // The program ignores its children, or waits for all of them.
                return CanaryEnd::Unknown;
            }
        }
        // SAFETY: it was filled in, and all of it may be zero.
        let info = unsafe { info.assume_init() };
        // SAFETY: the answer is that of a child that ended, which has this field.
        let status = unsafe { info.si_status() };
        match info.si_code {
            libc::CLD_EXITED => CanaryEnd::Exited(status),
            _ => CanaryEnd::Signal(status),
        }
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
