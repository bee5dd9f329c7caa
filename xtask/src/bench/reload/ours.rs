//! A program that is reloaded by hot: full and thin libraries, and the way back.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Result, bail, ensure};

use super::live::Live;
use super::phases::Phases;
use super::proc_files;
use super::subject::Subject;
use super::workspace::Workspace;
use super::{Contestant, Sample, is_edition};
use crate::bench::Setting;

/// How new code is linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Full,
    Thin,
}

impl Mode {
    /// What the tables call it, and the event that tells how a library was linked.
    pub(super) fn name(self) -> &'static str {
        match self {
            Mode::Full => "full",
            Mode::Thin => "thin",
        }
    }

    /// The value of `HOT_LINKING` that asks for it.
    fn linking(self) -> &'static str {
        match self {
            Mode::Full => "full",
            Mode::Thin => "auto",
        }
    }
}

/// The program.
pub(super) struct Ours {
    mode: Mode,
    workspace: Workspace,
    live: Live,
    /// From its start to the moment from which it saw every save.
    started_in: Duration,
    /// The edition that an undo goes back to: that of the first library.
    first: Option<u32>,
    /// The libraries that are known to be mapped.
    mapped: Vec<PathBuf>,
}

impl Ours {
    /// Builds the program and starts it; returns once it watches.
    pub(super) fn prepare(subject: &Subject, mode: Mode, setting: &Setting) -> Result<Ours> {
        let workspace = Workspace::of_ours(subject, mode.name(), setting)?;
        Ours::start(workspace, mode)
    }

    /// [`Ours::prepare`], for a workspace that was written already.
    pub(super) fn start(workspace: Workspace, mode: Mode) -> Result<Ours> {
        let program = workspace.build()?;
        let mut command = workspace.scratch().command(&program);
        command.env("HOT_LINKING", mode.linking());
        let began = Instant::now();
        let mut live = Live::start(mode.name(), command, workspace.log())?;
        let watching = live.wait("that it watches", |line| {
            line.starts_with("event watching ")
        })?;
        live.wait("its first answer", is_edition(0))?;
        Ok(Ours {
            mode,
            workspace,
            live,
            started_in: watching.at - began,
            first: None,
            mapped: Vec::new(),
        })
    }

    /// From the program's start to the moment from which it saw every save.
    pub(super) fn started_in(&self) -> Duration {
        self.started_in
    }

    /// The operating system's number for the program.
    pub(super) fn pid(&self) -> u32 {
        self.live.pid()
    }

    /// Saves that edition, which nobody has compiled yet, and waits until the program runs it.
    pub(super) fn reload(&mut self, number: u32) -> Result<Reload> {
        let (saved_at, total) = self.save_and_wait(number)?;
        self.check_mode()?;
        Ok(Reload {
            total,
            phases: Phases::read(self.live.heard(), saved_at, total)?,
        })
    }

    /// Saves that edition; returns when that was, and how long it took until the program ran it.
    fn save_and_wait(&mut self, number: u32) -> Result<(SystemTime, Duration)> {
        let text = self.workspace.text(number);
        self.live.begin();
        let saved_at = SystemTime::now();
        let began = Instant::now();
        self.workspace.save(&text)?;
        let answer = self.live.wait("the new edition", is_edition(number))?;
        // What happened is told by another thread than the one that runs the code.
        self.live.wait("that the new edition is live", |line| {
            line.starts_with("event applied ")
        })?;
        Ok((saved_at, answer.at - began))
    }

    fn check_mode(&self) -> Result<()> {
        let expected = format!("mode {}", self.mode.name());
        let lines = self.live.heard().iter().map(|heard| heard.line.as_str());
        let built: Vec<_> = lines
            .clone()
            .filter(|line| line.starts_with("mode "))
            .collect();
        if built.iter().any(|line| *line != expected) || built.is_empty() {
            let events: Vec<_> = lines
                .filter(|line| line.starts_with("event built "))
                .collect();
            bail!("the library is not {}: {events:?}", self.mode.name());
        }
        Ok(())
    }
}

/// A reload that went well.
pub(super) struct Reload {
    /// From just before the file was written to the first answer of the new code.
    pub(super) total: Duration,
    pub(super) phases: Phases,
}

impl Contestant for Ours {
    fn take(&mut self, number: u32) -> Result<Vec<Sample>> {
        let what = self.mode.name();
        let Reload { total, phases } = self.reload(number)?;
        let mut samples = vec![Sample::milliseconds(what, total)];
        for (phase, took) in phases.parts() {
            samples.push(Sample::milliseconds(format!("{what}/{phase}"), *took));
        }
        if let Some(kilobytes) = proc_files::newly_mapped(self.pid(), &mut self.mapped) {
            samples.push(Sample {
                what: format!("{what}/mapped"),
                unit: "kB",
                value: kilobytes,
            });
        }
        let first = *self.first.get_or_insert(number);
        if self.mode == Mode::Thin && first != number {
            // Back to the source of a library that was loaded earlier.
            let (_, total) = self.save_and_wait(first)?;
            let lines = self.live.heard().iter().map(|heard| heard.line.as_str());
            let builds = lines
                .filter(|line| line.starts_with("event build-started "))
                .count();
            ensure!(builds == 0, "an undo was built");
            samples.push(Sample::milliseconds("undo", total));
        }
        Ok(samples)
    }
}
