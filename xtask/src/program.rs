//! A running program: what it says is a stream of lines to wait in, and it ends when dropped.

use std::collections::HashMap;
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::{interrupt, step};

/// How long a line may take to come before the scenario counts as failed. It guards against waiting
/// for ever; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(180);

/// How often a waiting scenario asks whether it was interrupted.
const GLANCE: Duration = Duration::from_millis(200);

/// Told of everything: who (a program, its standard error) wrote or did what. It is called on the
/// threads that read, in the order in which things happen.
pub(crate) type Witness = Arc<dyn Fn(&str, &str) + Send + Sync>;

/// A child process that is killed when dropped.
pub(crate) struct Mortal(Child);

impl Mortal {
    /// Starts `command`.
    pub(crate) fn spawn(command: &mut Command) -> io::Result<Mortal> {
        command.spawn().map(Mortal)
    }
}

impl Deref for Mortal {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl DerefMut for Mortal {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Mortal {
    fn drop(&mut self) {
        // Either can only fail because the process is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A child process with its standard output read line by line.
///
/// A wait goes on behind the line at which the one before it ended, among lines of its kind: what a
/// host's hot code says, what its events tell and what it answers come from different threads, so
/// that only lines of one kind have an order.
pub(crate) struct Program {
    name: String,
    child: Mortal,
    /// Closed, it tells the program to end.
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    heard: Vec<String>,
    /// Where the next wait begins in what was heard, by how the lines of a kind begin.
    passed: HashMap<String, usize>,
    /// Where counting begins in what was heard.
    counted_from: usize,
    witness: Witness,
}

impl Program {
    /// Starts `command`, calling it `name` to the witness.
    pub(crate) fn start(name: &str, mut command: Command, witness: Witness) -> Result<Program> {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        witness(name, &format!("(started) {}", step::words(&command)));
        let mut child = Mortal::spawn(&mut command)
            .with_context(|| format!("cannot start {name}: {command:?}"))?;
        let (sender, lines) = channel();
        let stdout = child
            .stdout
            .take()
            .context("the program has no standard output")?;
        let stderr = child
            .stderr
            .take()
            .context("the program has no standard error")?;
        read_lines(name.to_owned(), stdout, Some(sender), Arc::clone(&witness));
        read_lines(format!("{name} err"), stderr, None, Arc::clone(&witness));
        let stdin = child.stdin.take();
        Ok(Program {
            name: name.to_owned(),
            child,
            stdin,
            lines,
            heard: Vec::new(),
            passed: HashMap::new(),
            counted_from: 0,
            witness,
        })
    }

    /// Waits for the first line that `wanted` accepts, and returns it. `what` names it in errors.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> Result<String> {
        self.wait_in("", what, wanted)
    }

    /// [`Program::wait_for`], among the lines that begin with `stream`.
    #[track_caller]
    fn wait_in(
        &mut self,
        stream: &str,
        what: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<String> {
        // A scenario waits in many places, and the sentence alone does not tell them apart.
        let waiting = Location::caller();
        let deadline = Instant::now() + PATIENCE;
        let mut next = self.passed.get(stream).copied().unwrap_or(0);
        loop {
            interrupt::check()?;
            while let Some(line) = self.heard.get(next) {
                next += 1;
                if line.starts_with(stream) && wanted(line) {
                    self.passed.insert(stream.to_owned(), next);
                    return Ok(line.clone());
                }
            }
            match self.lines.recv_timeout(GLANCE) {
                Ok(line) => self.heard.push(line),
                Err(RecvTimeoutError::Timeout) if Instant::now() < deadline => {}
                Err(RecvTimeoutError::Timeout) => bail!(
                    "{waiting}: {} did not say {what} within {PATIENCE:?}",
                    self.name
                ),
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self
                        .child
                        .wait()
                        .context("cannot ask how the program ended")?;
                    bail!(
                        "{waiting}: {} ended ({status}) before it said {what}",
                        self.name
                    )
                }
            }
        }
    }

    /// Waits for the event of this name, and returns its sentence.
    #[track_caller]
    pub(crate) fn event(&mut self, name: &str) -> Result<String> {
        self.event_about(name, "")
    }

    /// Waits for the event of this name whose sentence contains `about`, and returns its sentence.
    #[track_caller]
    pub(crate) fn event_about(&mut self, name: &str, about: &str) -> Result<String> {
        let prefix = format!("event {name} ");
        let what = format!("the event `{name}` about `{about}`");
        let line = self.wait_in("event ", &what, |line| {
            line.starts_with(&prefix) && line.contains(about)
        })?;
        Ok(line[prefix.len()..].to_owned())
    }

    /// Waits until the hot code called `speaker` is heard to say something with `text` in it.
    #[track_caller]
    pub(crate) fn says(&mut self, speaker: &str, text: &str) -> Result<String> {
        let prefix = format!("says {speaker}: ");
        let what = format!("`{text}` as {speaker}");
        self.wait_in(&prefix, &what, |line| line.contains(text))
    }

    /// Asks the program to do `request` in its next round, and returns what it answers.
    ///
    /// `step`, `panel` and `shade` call the hot code of that name; `tick` tells how many rounds the
    /// host has counted, which only a restart sets back; `status` and `rebuild <folder>` go to the
    /// reload service.
    #[track_caller]
    pub(crate) fn ask(&mut self, request: &str) -> Result<String> {
        self.request(request)?;
        self.answer_to(request)
    }

    /// Asks, and does not wait for an answer, which [`Program::expect_next_answer`] does.
    pub(crate) fn request(&mut self, request: &str) -> Result<()> {
        (self.witness)(&self.name, &format!("(asked) {request}"));
        let stdin = self
            .stdin
            .as_mut()
            .context("the program was already told to end")?;
        writeln!(stdin, "{request}").with_context(|| format!("cannot ask for `{request}`"))
    }

    #[track_caller]
    fn answer_to(&mut self, request: &str) -> Result<String> {
        let prefix = format!("answer {request}: ");
        let what = format!("its answer to `{request}`");
        let line = self.wait_in(&prefix, &what, |_| true)?;
        Ok(line[prefix.len()..].to_owned())
    }

    /// Asks, and fails unless the answer is the expected one.
    #[track_caller]
    pub(crate) fn expect_answer(&mut self, request: &str, expected: &str) -> Result<()> {
        self.request(request)?;
        self.expect_next_answer(request, expected)
    }

    /// [`Program::expect_answer`], for what was asked before.
    #[track_caller]
    pub(crate) fn expect_next_answer(&mut self, request: &str, expected: &str) -> Result<()> {
        let asking = Location::caller();
        let answer = self.answer_to(request)?;
        if answer != expected {
            bail!(
                "{asking}: to `{request}` {} answers\n  {answer}\nand not\n  {expected}",
                self.name
            );
        }
        Ok(())
    }

    /// The rounds that the host has counted in its own state: it only grows while the program runs.
    #[track_caller]
    pub(crate) fn tick(&mut self) -> Result<u64> {
        let answer = self.ask("tick")?;
        answer
            .parse()
            .with_context(|| format!("the program's tick is `{answer}`"))
    }

    /// The sentences of all events of this name that came so far, from where counting begins.
    pub(crate) fn events_heard(&self, name: &str) -> Vec<&str> {
        let prefix = format!("event {name} ");
        self.heard()
            .iter()
            .filter_map(|line| line.strip_prefix(prefix.as_str()))
            .collect()
    }

    /// Every line that came so far, from where counting begins.
    pub(crate) fn heard(&self) -> &[String] {
        &self.heard[self.counted_from..]
    }

    /// Lets counting begin here.
    pub(crate) fn count_from_here(&mut self) {
        self.counted_from = self.heard.len();
    }

    /// The operating system's number for it.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Lets it end by itself, and fails if it did not end well.
    pub(crate) fn end(mut self) -> Result<()> {
        self.stdin = None;
        let status = self.ended()?;
        if !status.success() {
            bail!("{} did not end well: {status}", self.name);
        }
        Ok(())
    }

    /// Ends it as `kill -9` does: it gets no chance to tidy up.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill().context("cannot kill the program")?;
        self.ended().map(drop)
    }

    /// Waits until it ends by itself, and returns its exit code; `None` if a signal ended it.
    pub(crate) fn exit_code(mut self) -> Result<Option<i32>> {
        Ok(self.ended()?.code())
    }

    /// Waits for the end of its output, and then of itself.
    fn ended(&mut self) -> Result<ExitStatus> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            interrupt::check()?;
            match self.lines.recv_timeout(GLANCE) {
                Ok(line) => self.heard.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) if Instant::now() < deadline => {}
                Err(RecvTimeoutError::Timeout) => {
                    bail!("{} did not end within {PATIENCE:?}", self.name)
                }
            }
        }
        let status = self
            .child
            .wait()
            .context("cannot ask how the program ended")?;
        (self.witness)(&self.name, &format!("(ended) {status}"));
        Ok(status)
    }
}

/// Reads `from` to its end on a thread of its own, so that the program never blocks on a full pipe.
fn read_lines(
    who: String,
    from: impl Read + Send + 'static,
    to: Option<Sender<String>>,
    witness: Witness,
) {
    thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            match from.read_until(b'\n', &mut bytes) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) => return witness(&who, &format!("(unreadable) {error}")),
            }
            let line = String::from_utf8_lossy(&bytes);
            let line = line.trim_end_matches(['\r', '\n']);
            witness(&who, line);
            if let Some(to) = &to {
                // Nobody waits any more once the program's value is dropped; the pipe is drained on.
                let _ = to.send(line.to_owned());
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository::cargo_program;
    use std::sync::Mutex;

    fn cargo_version(witness: Witness) -> Program {
        let mut command = Command::new(cargo_program());
        command.arg("--version");
        Program::start("cargo", command, witness).expect("cargo can be started")
    }

    #[test]
    fn a_line_that_comes_is_returned_and_witnessed() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let witness = Arc::clone(&seen);
        let mut program = cargo_version(Arc::new(move |who: &str, what: &str| {
            let mut seen = witness.lock().expect("no witness panics");
            seen.push(format!("{who}: {what}"));
        }));
        let line = program.wait_for("its version", |line| line.starts_with("cargo "));
        let line = line.expect("cargo says its version");
        assert_eq!(program.heard(), std::slice::from_ref(&line));
        program.end().expect("cargo ends well");
        let seen = seen.lock().expect("no witness panics");
        assert!(seen.contains(&format!("cargo: {line}")), "{seen:?}");
        assert!(
            seen.last().is_some_and(|last| last.contains("(ended)")),
            "{seen:?}"
        );
    }

    #[test]
    fn a_line_that_cannot_come_any_more_is_an_error() {
        let mut program = cargo_version(Arc::new(|_: &str, _: &str| {}));
        let outcome = program.wait_for("a greeting", |line| line.contains("good morning"));
        let error = outcome.expect_err("cargo does not greet").to_string();
        assert!(error.contains("before it said a greeting"), "{error}");
    }
}
