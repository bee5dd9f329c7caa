//! The command leads a process group, and the group is killed.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// A running command. Dropping it does not kill it.
pub(crate) struct Process {
    child: Child,
    group: Arc<Mutex<Option<Pid>>>,
}

impl Process {
    /// Starts `command` in a process group of its own.
    pub(crate) fn spawn(mut command: Command) -> io::Result<Process> {
        let child = command.process_group(0).spawn()?;
        let group = Arc::new(Mutex::new(Some(Pid::from_child(&child))));
        Ok(Process { child, group })
    }

    /// Kills the command and all that it started, from any thread.
    pub(crate) fn killer(&self) -> Killer {
        Killer {
            group: Arc::clone(&self.group),
        }
    }

    /// Waits until the command has ended.
    pub(crate) fn wait(mut self) -> io::Result<ExitStatus> {
        // The number of the group is its own until its leader is reaped. So the end is waited for first, then nobody
        // may kill any more, and only then is the leader reaped.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let id = Pid::from_child(&self.child);
        while matches!(waitid(WaitId::Pid(id), options), Err(Errno::INTR)) {}
        self.group
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        self.child.wait()
    }
}

/// Kills a [`Process`].
pub(crate) struct Killer {
    group: Arc<Mutex<Option<Pid>>>,
}

impl Killer {
    /// Kills the command and all that it started; nothing if it has ended.
    pub(crate) fn kill(&self) {
        let group = self.group.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(group) = *group {
            // Fails only when all of the group is gone already.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
