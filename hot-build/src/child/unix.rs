//! A process group.
//!
//! A group can be killed only while its number is its own, and the number is free for others as
//! soon as the leader is reaped. So the leader's exit is awaited without reaping it, the rest of
//! the group is killed, and only then is the leader reaped, all under the lock that a kill takes.

use std::io;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use std::os::unix::process::CommandExt;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::{guard, survivors};

/// A process group and its leader.
#[derive(Debug)]
pub(super) struct Group {
    id: Pid,
    leader: Mutex<Leader>,
}

impl Group {
    pub(super) fn spawn(mut command: Command) -> io::Result<(Self, ChildStdout, ChildStderr)> {
        let mut child = command.process_group(0).spawn()?;
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(io::Error::other("the child's outputs are no pipes"));
        };
        let id = Pid::from_child(&child);
        guard::watch(id);
        let leader = Mutex::new(Leader {
            child,
            reaped: false,
        });
        Ok((Self { id, leader }, stdout, stderr))
    }

    /// Blocks until the leader has exited, then kills what is left of the group.
    pub(super) fn wait(&self) -> io::Result<ExitStatus> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        loop {
            match waitid(WaitId::Pid(self.id), options) {
                Ok(_) => break,
                Err(Errno::INTR) => {}
                // Reaped by someone else, a `wait` for any child: there is no status to be had.
                Err(error) => return Err(error.into()),
            }
        }
        let status = {
            let mut leader = self.leader();
            self.kill_locked(&leader);
            guard::forget(self.id);
            leader.reaped = true;
            leader.child.wait()?
        };
        self.wait_for_the_rest();
        Ok(status)
    }

    pub(super) fn kill(&self) {
        self.kill_locked(&self.leader());
    }

    fn kill_locked(&self, leader: &Leader) {
        if leader.reaped {
            return;
        }
        match kill_process_group(self.id, Signal::KILL) {
            // Gone already. macOS says "not permitted" for a group of zombies.
            Ok(()) | Err(Errno::SRCH | Errno::PERM) => {}
            Err(error) => debug_assert!(false, "killing a process group: {error}"),
        }
    }

    /// Blocks until the processes that were killed with the leader are gone. They are not children
    /// of this process, so they can only be asked after. When nothing was left, as after a build
    /// that came to its end, this does not block.
    ///
    /// The group's number might be another's by now; asking does no harm to it.
    fn wait_for_the_rest(&self) {
        let deadline = Instant::now() + DYING;
        while survivors::any(self.id) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn leader(&self) -> MutexGuard<'_, Leader> {
        self.leader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For how long killed processes are waited for. The limit is for one that the system cannot kill at
/// once, and for systems where [zombies](survivors) count.
const DYING: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct Leader {
    child: Child,
    reaped: bool,
}
