//! A command with all the processes that it starts: they end together.

use std::ops::{Deref, DerefMut};
use std::process::{Child, Command};

use anyhow::{Context as _, Result};

use crate::step;

/// A running command, which leads a group of processes of its own. The group is killed when this is
/// dropped.
pub(super) struct Group(Child);

impl Group {
    /// Starts `command`.
    pub(super) fn spawn(command: &mut Command) -> Result<Group> {
        lead_a_group(command);
        let child = command.spawn();
        child
            .map(Group)
            .with_context(|| format!("cannot start `{}`", step::words(command)))
    }
}

impl Deref for Group {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl DerefMut for Group {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        kill_group(&mut self.0);
        // It can only fail because the process is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(unix)]
fn lead_a_group(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0);
}

#[cfg(unix)]
fn kill_group(leader: &mut Child) {
    // Its number may be another process's only once it was waited for.
    if leader.try_wait().is_ok_and(|ended| ended.is_none()) {
        let group = format!("-{}", leader.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
    }
}

/// Elsewhere there are no groups, and the programs that are measured end with their connection.
#[cfg(not(unix))]
fn lead_a_group(_command: &mut Command) {}

#[cfg(not(unix))]
fn kill_group(_leader: &mut Child) {}
