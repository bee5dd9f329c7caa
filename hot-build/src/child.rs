//! A child process with everything it starts: killed as a whole, its pipes always drained.

use std::io::{self, BufRead, BufReader, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

#[cfg_attr(unix, path = "child/unix.rs")]
#[cfg_attr(not(unix), path = "child/other.rs")]
mod group;
#[cfg(unix)]
mod guard;
#[cfg(unix)]
mod survivors;

use group::Group;

/// A running command and all processes it started. Dropping it kills them.
///
/// What it writes and how it ends comes as [`ChildEvent`]s from one channel.
#[derive(Debug)]
pub(crate) struct Child {
    group: Arc<Group>,
    events: Receiver<ChildEvent>,
    state: Progress,
}

/// What a [`Child`] does.
#[derive(Debug)]
pub(crate) enum ChildEvent {
    /// It wrote a line, here without its line end. Bytes that are no UTF-8 are replaced.
    Line(Pipe, String),
    /// A pipe is at its end, or broke.
    PipeEnd(Pipe, io::Result<()>),
    /// It is gone, and so is everything it started.
    Exited(io::Result<ExitStatus>),
}

/// Which of a child's two outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pipe {
    Stdout,
    Stderr,
}

impl Child {
    /// Starts `command` in a process group of its own, without standard input.
    pub(crate) fn spawn(command: Command) -> io::Result<Self> {
        Self::spawn_with_input(command, Stdio::null())
    }

    /// Starts `command` in a process group of its own, which reads from `input`.
    pub(crate) fn spawn_with_input(mut command: Command, input: Stdio) -> io::Result<Self> {
        command
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let (group, stdout, stderr) = Group::spawn(command)?;
        let group = Arc::new(group);
        let (sender, events) = mpsc::channel();
        // From here on an early return drops the child, which kills the group.
        let child = Self {
            group: group.clone(),
            events,
            state: Progress::default(),
        };
        read_lines(Pipe::Stdout, stdout, sender.clone())?;
        read_lines(Pipe::Stderr, stderr, sender.clone())?;
        thread::Builder::new()
            .name("hot-build wait".to_owned())
            .spawn(move || {
                // Nobody listens any more when the child was dropped.
                let _ = sender.send(ChildEvent::Exited(group.wait()));
            })?;
        Ok(child)
    }

    /// Can kill the child from any thread.
    pub(crate) fn killer(&self) -> Killer {
        Killer {
            group: self.group.clone(),
        }
    }

    /// The next event; `None` when there will be no more.
    pub(crate) fn next_event(&mut self) -> Option<ChildEvent> {
        if self.state.is_over() {
            return None;
        }
        let event = if self.state.exited {
            // A process that left the group may hold a pipe open for as long as it likes. All
            // that the child itself wrote is in the pipe by now.
            match self.events.recv_timeout(PIPE_PATIENCE) {
                Ok(event) => event,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
            }
        } else {
            self.events.recv().ok()?
        };
        self.state.note(&event);
        Some(event)
    }

    /// Like [`next_event`](Self::next_event), but gives up after `patience`.
    pub(crate) fn next_event_within(&mut self, patience: Duration) -> Option<ChildEvent> {
        let event = self.events.recv_timeout(patience).ok()?;
        self.state.note(&event);
        Some(event)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.group.kill();
    }
}

/// Kills a [`Child`], from any thread. It keeps no child alive.
#[derive(Clone, Debug)]
pub(crate) struct Killer {
    group: Arc<Group>,
}

impl Killer {
    /// Kills the child and everything it started. Does nothing when it is gone already.
    pub(crate) fn kill(&self) {
        self.group.kill();
    }
}

/// For how long the pipes of a child that is gone may be silent before they are given up.
const PIPE_PATIENCE: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
struct Progress {
    exited: bool,
    stdout_ended: bool,
    stderr_ended: bool,
}

impl Progress {
    fn note(&mut self, event: &ChildEvent) {
        match event {
            ChildEvent::Line(..) => {}
            ChildEvent::PipeEnd(Pipe::Stdout, _) => self.stdout_ended = true,
            ChildEvent::PipeEnd(Pipe::Stderr, _) => self.stderr_ended = true,
            ChildEvent::Exited(_) => self.exited = true,
        }
    }

    fn is_over(&self) -> bool {
        self.exited && self.stdout_ended && self.stderr_ended
    }
}

/// Reads `pipe` to its end on a thread of its own, whether or not anybody listens: a child that
/// cannot write stands still.
fn read_lines(
    which: Pipe,
    pipe: impl Read + Send + 'static,
    sender: Sender<ChildEvent>,
) -> io::Result<()> {
    thread::Builder::new()
        .name("hot-build read".to_owned())
        .spawn(move || {
            let mut reader = BufReader::with_capacity(64 * 1024, pipe);
            let mut line = Vec::new();
            let end = loop {
                line.clear();
                match reader.read_until(b'\n', &mut line) {
                    Ok(0) => break Ok(()),
                    Ok(_) => {
                        let text = String::from_utf8_lossy(&line);
                        let text = text.trim_end_matches(['\n', '\r']).to_owned();
                        let _ = sender.send(ChildEvent::Line(which, text));
                    }
                    Err(error) => break Err(error),
                }
            };
            let _ = sender.send(ChildEvent::PipeEnd(which, end));
        })?;
    Ok(())
}
