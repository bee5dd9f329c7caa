//! Where there are no process groups, the command alone is killed; a job object would be the way on Windows.

use std::io;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A running command. Dropping it does not kill it.
pub(crate) struct Process {
    child: Arc<Mutex<Child>>,
}

impl Process {
    /// Starts `command`.
    pub(crate) fn spawn(mut command: Command) -> io::Result<Process> {
        let child = Arc::new(Mutex::new(command.spawn()?));
        Ok(Process { child })
    }

    /// Kills the command, from any thread.
    pub(crate) fn killer(&self) -> Killer {
        Killer {
            child: Arc::clone(&self.child),
        }
    }

    /// Waits until the command has ended. Its outputs are at their end by then, so that this does not take long.
    pub(crate) fn wait(self) -> io::Result<ExitStatus> {
        lock(&self.child).wait()
    }
}

/// Kills a [`Process`].
pub(crate) struct Killer {
    child: Arc<Mutex<Child>>,
}

impl Killer {
    /// Kills the command; nothing if it has ended.
    pub(crate) fn kill(&self) {
        // Fails only when it is gone already.
        let _ = lock(&self.child).kill();
    }
}

fn lock(child: &Mutex<Child>) -> MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}
