//! A child process where there are no process groups.
//!
//! On Windows cargo puts itself and its children into a job object that dies with it, so to kill
//! cargo is to kill all that it started.

use std::io;
use std::process::{ChildStderr, ChildStdout, Command, ExitStatus};

use shared_child::SharedChild;

#[derive(Debug)]
pub(super) struct Group {
    child: SharedChild,
}

impl Group {
    pub(super) fn spawn(mut command: Command) -> io::Result<(Self, ChildStdout, ChildStderr)> {
        let child = SharedChild::spawn(&mut command)?;
        let (Some(stdout), Some(stderr)) = (child.take_stdout(), child.take_stderr()) else {
            return Err(io::Error::other("the child's outputs are no pipes"));
        };
        Ok((Self { child }, stdout, stderr))
    }

    /// Blocks until the child has exited.
    pub(super) fn wait(&self) -> io::Result<ExitStatus> {
        self.child.wait()
    }

    pub(super) fn kill(&self) {
        // It fails only for a child that is gone, which is what was asked for.
        let _ = self.child.kill();
    }
}
