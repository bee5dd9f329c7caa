//! A running program that is measured, and what it says.
//!
//! Every program says it in the same way, ours and others': in lines over a connection to this
//! process, which nothing buffers or rewrites, whatever tool the program was started by.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::process::Group;
use crate::interrupt;

/// Tells a program where to say what it has to say.
const ADDRESS: &str = "BENCH_ANSWERS";

/// How long the first line may take to come before the program counts as failed: a tool that builds
/// the program itself may have all of its packages to compile.
const PATIENCE_AT_FIRST: Duration = Duration::from_secs(1800);

/// How long any other line may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often somebody who waits asks whether to go on.
const GLANCE: Duration = Duration::from_millis(200);

/// How many lines of the program's own output an error shows.
const SHOWN: usize = 30;

/// A running program. It ends when this is dropped.
pub(super) struct Live {
    name: String,
    process: Group,
    lines: Receiver<Heard>,
    /// Whether it said anything yet.
    spoke: bool,
    /// What it said since [`Live::begin`].
    heard: Vec<Heard>,
    /// Where its standard output and error go.
    log: PathBuf,
}

/// A line, and when it came.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub(super) at: Instant,
    pub(super) line: String,
}

impl Live {
    /// Starts `command`, the program itself or a tool that will run it, with its output in `log`.
    pub(super) fn start(name: &str, mut command: Command, log: &Path) -> Result<Live> {
        let listener = TcpListener::bind("127.0.0.1:0").context("cannot listen for answers")?;
        let address = listener
            .local_addr()
            .context("cannot tell where it listens")?;
        if let Some(folder) = log.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        let output = File::create(log).with_context(|| format!("cannot make {}", log.display()))?;
        let errors = output
            .try_clone()
            .with_context(|| format!("cannot share {}", log.display()))?;
        command
            .env(ADDRESS, address.to_string())
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors);
        let (sender, lines) = channel();
        thread::spawn(move || listen(&listener, &sender));
        Ok(Live {
            name: name.to_owned(),
            process: Group::spawn(&mut command)?,
            lines,
            spoke: false,
            heard: Vec::new(),
            log: log.to_owned(),
        })
    }

    /// The operating system's number for what was started.
    pub(super) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Forgets what was said so far.
    pub(super) fn begin(&mut self) {
        self.heard.clear();
        while self.lines.try_recv().is_ok() {}
    }

    /// What was said since [`Live::begin`], as far as it was waited for.
    pub(super) fn heard(&self) -> &[Heard] {
        &self.heard
    }

    /// The first line since [`Live::begin`] that `wanted` accepts. `what` names it in errors.
    pub(super) fn wait(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> Result<Heard> {
        let patience = if self.spoke {
            PATIENCE
        } else {
            PATIENCE_AT_FIRST
        };
        let deadline = Instant::now() + patience;
        let mut next = 0;
        loop {
            while let Some(heard) = self.heard.get(next) {
                if wanted(&heard.line) {
                    return Ok(heard.clone());
                }
                next += 1;
            }
            match self.lines.recv_timeout(GLANCE) {
                Ok(heard) => {
                    self.spoke = true;
                    self.heard.push(heard);
                }
                Err(RecvTimeoutError::Timeout) => {
                    interrupt::check()?;
                    if let Ok(Some(status)) = self.process.try_wait() {
                        bail!(
                            "{} ended ({status}) before it said {what}{}",
                            self.name,
                            self.output()
                        );
                    }
                    if Instant::now() >= deadline {
                        bail!(
                            "{} did not say {what} within {patience:?}{}",
                            self.name,
                            self.output()
                        );
                    }
                }
                Err(RecvTimeoutError::Disconnected) => bail!(
                    "{} closed its connection before it said {what}{}",
                    self.name,
                    self.output()
                ),
            }
        }
    }

    /// The end of its output and of what it said, for errors.
    fn output(&self) -> String {
        let said: Vec<_> = self.heard.iter().map(|heard| heard.line.as_str()).collect();
        let log = fs::read_to_string(&self.log).unwrap_or_else(|error| error.to_string());
        let log: Vec<_> = log.lines().collect();
        let tail = |lines: &[&str]| lines[lines.len().saturating_sub(SHOWN)..].join("\n");
        format!(
            "; it said last:\n{}\nand wrote last to {}:\n{}",
            tail(&said),
            self.log.display(),
            tail(&log)
        )
    }
}

/// Takes the program's connections, one after the other, for a tool may start it anew.
fn listen(listener: &TcpListener, to: &Sender<Heard>) {
    for connection in listener.incoming() {
        let Ok(connection) = connection else { return };
        for line in BufReader::new(connection).lines() {
            let at = Instant::now();
            let Ok(line) = line else { break };
            if to.send(Heard { at, line }).is_err() {
                return;
            }
        }
    }
}
