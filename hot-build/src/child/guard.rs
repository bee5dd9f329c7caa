//! Kills what a build runs when this process ends in the middle of it, however it ends.
//!
//! A process that is killed, by Ctrl-C for one, gets no chance to tidy up, and what it started goes on: a
//! compiler takes a processor for seconds, and writes what nobody reads. The system can be asked to kill a child
//! with its parent, on Linux, but not what that child has started in turn. So a shell of a few lines waits
//! beside this process: it is told which process groups run, by a socket, and when the socket closes, it kills
//! them. It is started with the first build, in a process group of its own, where no Ctrl-C reaches it.
//!
//! Where there is no shell, nobody guards, and that is all.

use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::Pid;

/// Has `group` killed when this process ends before [`forget`] is called.
pub(super) fn watch(group: Pid) {
    let mut watched = watched();
    watched.groups.push(group);
    // Nothing is left to do about a failure: the build is as good without a guard.
    let _ = watched.tell(&format!("+ {group}\n"));
}

/// Leaves `group` alone. It has to be called while the number is still this group's.
pub(super) fn forget(group: Pid) {
    let mut watched = watched();
    watched.groups.retain(|other| *other != group);
    let _ = watched.tell(&format!("- {group}\n"));
}

const SCRIPT: &str = r#"
trap '' HUP INT TERM
groups=
while read -r sign group; do
    case $sign in
    +) groups="$groups $group" ;;
    -)
        others=
        for other in $groups; do
            [ "$other" = "$group" ] || others="$others $other"
        done
        groups=$others
        ;;
    esac
done
for group in $groups; do
    kill -s KILL -- "-$group"
done
"#;

static WATCHED: Mutex<Watched> = Mutex::new(Watched {
    groups: Vec::new(),
    shell: None,
});

fn watched() -> MutexGuard<'static, Watched> {
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The groups that run, and who knows of them.
#[derive(Debug)]
struct Watched {
    groups: Vec<Pid>,
    shell: Option<Shell>,
}

#[derive(Debug)]
struct Shell {
    process: Child,
    socket: UnixStream,
}

impl Watched {
    /// Tells the shell a line. One that is new is told everything.
    fn tell(&mut self, line: &str) -> io::Result<()> {
        if let Some(shell) = &mut self.shell
            && shell.process.try_wait()?.is_none()
        {
            return shell.socket.write_all(line.as_bytes());
        }
        if self.groups.is_empty() {
            return Ok(());
        }
        let shell = self.shell.insert(Shell::start()?);
        let groups = self.groups.iter();
        let lines: String = groups.map(|group| format!("+ {group}\n")).collect();
        shell.socket.write_all(lines.as_bytes())
    }
}

impl Shell {
    fn start() -> io::Result<Self> {
        // A socket rather than a pipe: writing to one that nobody reads raises no signal.
        let (socket, theirs) = UnixStream::pair()?;
        // It reads at once. Should it not, nobody waits for it.
        socket.set_nonblocking(true)?;
        let process = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "hot-build-guard"])
            // No directory is kept in use by it, and no output open.
            .current_dir("/")
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Self { process, socket })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_killed_is_replaced() {
        let mut watched = Watched {
            groups: vec![rustix::process::getpid()],
            shell: None,
        };
        watched.tell("").expect("a shell");
        let first = watched.shell.as_mut().expect("it was started");
        let id = first.process.id();
        first.process.kill().expect("it runs");
        first.process.wait().expect("it is gone");
        watched.groups.clear();
        watched.tell("- 1\n").expect("there is nothing to guard");
        let still = watched.shell.as_ref().map(|shell| shell.process.id());
        assert_eq!(still, Some(id));
        let mut sleeper = Command::new("sleep")
            .arg("1000")
            .process_group(0)
            .spawn()
            .expect("it is there");
        watched.groups.push(Pid::from_child(&sleeper));
        watched.tell("").expect("another shell");
        let next = watched.shell.take().expect("it was started");
        assert_ne!(next.process.id(), id);
        let Shell {
            mut process,
            socket,
        } = next;
        drop(socket);
        process.wait().expect("it comes to its end");
        let status = sleeper.wait().expect("it is gone");
        assert!(!status.success(), "it was killed: {status}");
    }
}
