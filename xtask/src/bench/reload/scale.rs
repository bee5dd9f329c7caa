//! What grows when a program does: its tree of files, its items, and the number of its reloads.

use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::ours::{Mode, Ours, Reload};
use super::proc_files;
use super::workspace::Workspace;
use super::{Sample, quiet, subject, summarize};
use crate::bench::measurement::Measurement;
use crate::bench::{Program, Setting};
use crate::interrupt;

pub(in crate::bench) const PROGRAM: Program = Program {
    name: NAME,
    about: "a tree of 100,000 files, a crate of 1,000 hot functions, 500 reloads in a row",
    run,
};

const NAME: &str = "scale";

/// How many files the large tree has.
const FILES: usize = 100_000;

/// How many edits the programs of which one figure is asked take.
const EDITS: u32 = 7;

/// How long the program with the large tree is left alone, to see what it does then.
const IDLE: Duration = Duration::from_secs(10);

/// How many reloads in a row each mode takes: full ones take longer and tell the same.
const ROWS_OF_RELOADS: [(Mode, usize); 2] = [(Mode::Thin, 500), (Mode::Full, 100)];

/// The first and the last reloads that are compared, as a part of all.
const EDGE: usize = 5;

fn run(setting: &Setting) -> Result<Vec<Measurement>> {
    let mut samples = tree(setting).context("a tree of 100,000 files")?;
    for mode in [Mode::Thin, Mode::Full] {
        samples.extend(items(mode, setting).context("1,000 hot functions")?);
    }
    for (mode, count) in ROWS_OF_RELOADS {
        let count = setting.rounds.unwrap_or(count);
        let taken = reloads(mode, count, setting);
        samples.extend(taken.with_context(|| format!("{count} reloads"))?);
    }
    summarize(NAME, samples)
}

/// A program that watches many files, beside the same one that watches few.
fn tree(setting: &Setting) -> Result<Vec<Sample>> {
    let mut samples = Vec::new();
    for (what, files) in [("tree-few", 0), ("tree-100000", FILES)] {
        eprintln!("  {what}");
        let workspace = Workspace::of_ours(&subject::SMALL, Mode::Thin.name(), setting)?;
        workspace.add_files(files)?;
        let mut ours = Ours::start(workspace, Mode::Thin)?;
        let started = Sample::milliseconds(format!("{what}-start"), ours.started_in());
        samples.push(started);
        for edition in 1..=EDITS {
            quiet::wait();
            let Reload { total, phases } = ours.reload(edition)?;
            if edition == 1 {
                continue; // for the compiler's cache
            }
            let noticed = ["event", "settle", "hash"].map(|phase| phases.of(phase));
            samples.push(Sample::milliseconds(
                format!("{what}-notice"),
                noticed.iter().sum(),
            ));
            samples.push(Sample::milliseconds(format!("{what}-live"), total));
        }
        // What is done ahead of the next save is done by then.
        wait(IDLE)?;
        let before = proc_files::activity(ours.pid())?;
        wait(IDLE)?;
        let after = proc_files::activity(ours.pid())?;
        let idle = format!("{what}-idle-cpu");
        samples.push(Sample::milliseconds(
            idle,
            after.cpu.saturating_sub(before.cpu),
        ));
        samples.push(Sample {
            what: format!("{what}-idle-wakeups"),
            unit: "times",
            value: after.waits - before.waits,
        });
    }
    Ok(samples)
}

/// A crate with many hot functions.
fn items(mode: Mode, setting: &Setting) -> Result<Vec<Sample>> {
    let what = format!("items-1000-{}", mode.name());
    eprintln!("  {what}");
    let mut ours = Ours::prepare(&subject::ITEMS, mode, setting)?;
    let mut samples = Vec::new();
    for edition in 1..=EDITS {
        quiet::wait();
        let Reload { total, phases } = ours.reload(edition)?;
        if edition == 1 {
            continue;
        }
        samples.push(Sample::milliseconds(what.as_str(), total));
        for (phase, took) in phases.parts() {
            samples.push(Sample::milliseconds(format!("{what}/{phase}"), *took));
        }
    }
    Ok(samples)
}

/// Many reloads of one program, one behind the other: what the first of them take and the last.
fn reloads(mode: Mode, count: usize, setting: &Setting) -> Result<Vec<Sample>> {
    let name = mode.name();
    eprintln!("  {count} reloads, {name}");
    let mut ours = Ours::prepare(&subject::SMALL, mode, setting)?;
    ours.reload(1)?;
    let mut times = Vec::new();
    let mut phases = Vec::new();
    let mut memory = vec![proc_files::resident(ours.pid())?];
    for edition in (2..).take(count) {
        interrupt::check()?;
        let reload = ours.reload(edition)?;
        times.push(reload.total.as_secs_f64() * 1e3);
        phases.push(reload.phases);
        memory.push(proc_files::resident(ours.pid())?);
    }
    let edge = (count / EDGE).max(1);
    let grown: Vec<_> = memory.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let mut samples = Vec::new();
    let mut add = |what: &str, unit, values: &[f64]| {
        samples.extend(values.iter().map(|value| Sample {
            what: format!("reloads-{name}-{what}"),
            unit,
            value: *value,
        }));
    };
    add("first-time", "ms", &times[..edge]);
    add("last-time", "ms", &times[count - edge..]);
    add("time-slope", "us", &[slope(&times) * 1e3]);
    // Memory comes in pages and arenas: means of several reloads tell more than single ones.
    add("first-memory", "kB", &means(&grown[..edge]));
    add("last-memory", "kB", &means(&grown[count - edge..]));
    add("memory-slope", "kB", &[slope(&memory)]);
    for (edge, reloads) in [
        ("first", &phases[..edge]),
        ("last", &phases[count - edge..]),
    ] {
        for (phase, took) in reloads.iter().flat_map(|phases| phases.parts()) {
            let what = format!("reloads-{name}-{edge}-time/{phase}");
            samples.push(Sample::milliseconds(what, *took));
        }
    }
    Ok(samples)
}

/// How much the values grow from one to the next, by least squares.
fn slope(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let middle = (count - 1.0) / 2.0;
    let mean = values.iter().sum::<f64>() / count;
    let (mut above, mut below) = (0.0, 0.0);
    for (index, value) in values.iter().enumerate() {
        let distance = index as f64 - middle;
        above += distance * (value - mean);
        below += distance * distance;
    }
    if below == 0.0 { 0.0 } else { above / below }
}

/// The means of ten each.
fn means(values: &[f64]) -> Vec<f64> {
    values
        .chunks(10)
        .map(|chunk| chunk.iter().sum::<f64>() / chunk.len() as f64)
        .collect()
}

/// Waits, and can be interrupted.
fn wait(duration: Duration) -> Result<()> {
    const GLANCE: Duration = Duration::from_millis(200);
    for _ in 0..duration.as_millis() / GLANCE.as_millis() {
        interrupt::check()?;
        thread::sleep(GLANCE);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_is_what_a_line_climbs_at_each_step() {
        assert!((slope(&[5.0, 7.0, 9.0, 11.0]) - 2.0).abs() < 1e-9);
        assert!(slope(&[4.0, 4.0, 4.0]).abs() < 1e-9);
        assert_eq!(slope(&[4.0]), 0.0);
    }

    #[test]
    fn means_are_of_ten_each_and_of_what_is_left() {
        let values: Vec<f64> = (0..12).map(f64::from).collect();
        assert_eq!(means(&values), [4.5, 10.5]);
    }
}
