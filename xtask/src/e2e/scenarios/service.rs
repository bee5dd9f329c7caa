//! The service, the status and the events, as a program sees them while builds run.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use super::super::gate::{Gate, NEEDS_A_GATE};
use super::super::project::{BACKDROP, Project, SCENE};
use super::super::variant::Variant;
use super::super::{Modes, Scenario, Verdict};
use crate::program::Program;
use crate::repository::cargo_program;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "status_and_events",
        about: "status and events never contradict each other, whoever looks, through every outcome",
        modes: Modes::Both,
        run: status_and_events,
    },
    Scenario {
        name: "only_the_changed_crate",
        about: "only the nodes of the crate that changed are made again, and a child node survives",
        modes: Modes::Both,
        run: only_the_changed_crate,
    },
    Scenario {
        name: "rebuilders",
        about: "rebuilders are asked in order, until one builds; before and after the start",
        modes: Modes::Both,
        run: rebuilders,
    },
];

const OBSERVED: Variant = Variant {
    host: include_str!("../fixture/service/host.rs"),
    scene: include_str!("../fixture/service/scene.rs"),
    edits: &[],
};

/// The program that is built in several ways.
pub(super) const BUILDERS: Variant = Variant {
    host: include_str!("../fixture/builders/host.rs"),
    scene: include_str!("../fixture/scene.rs"),
    edits: &[],
};

/// What is told of a library that a builder of the program's own made: it is full, for no reason.
pub(super) const BY_ITSELF: &str = "full)";

fn put_observed_into(project: &Project) -> Result<()> {
    OBSERVED.put_into(project)?;
    let observer = include_str!("../fixture/service/observer.rs");
    project.write("host/src/observer.rs", observer)?;
    project.write(BACKDROP, include_str!("../fixture/service/backdrop.rs"))
}

fn status_and_events(project: &Project) -> Result<Verdict> {
    if !cfg!(unix) {
        return Ok(Verdict::Skipped(NEEDS_A_GATE.to_owned()));
    }
    put_observed_into(project)?;
    let gate = Gate::in_compiler(project)?;
    let mut host = project.run()?;
    let scene = project.path("scene").display().to_string();
    host.expect_answer("standing scene", "never built")?;
    project.edit(SCENE, "scene one", "scene two")?;
    host.event_about("applied", "scene")?;
    host.expect_answer("standing scene", "up to date, generation 1, 1 builds")?;

    // A build that is held open, replaced by the next save, and cancelled by the program.
    gate.close()?;
    project.edit(SCENE, "scene two", "scene three")?;
    host.event_about("build-started", "scene")?;
    host.expect_answer("standing scene", "building, 2 builds")?;
    host.expect_answer("standing backdrop", "never built")?;
    project.edit(SCENE, "scene three", "scene four")?;
    let replaced = host.event_about("cancelled", "scene")?;
    ensure!(replaced.contains("changed meanwhile"), "{replaced}");
    host.event_about("build-started", "scene")?;
    host.expect_answer("standing scene", "building, 3 builds")?;
    host.ask(&format!("cancel {scene}"))?;
    let cancelled = host.event_about("cancelled", "scene")?;
    ensure!(!cancelled.contains("changed meanwhile"), "{cancelled}");
    host.expect_answer("standing scene", "cancelled, 3 builds")?;
    gate.open()?;

    project.edit(
        SCENE,
        "Box::new(Counter { reads: 0 })",
        "Box::new(Counter { reads: \"none\" })",
    )?;
    host.event_about("build-failed", "scene")?;
    host.expect_answer("standing scene", "failed, 4 builds")?;
    project.edit(SCENE, "reads: \"none\"", "reads: 0")?;
    host.event_about("applied", "scene")?;
    host.expect_answer("standing scene", "up to date, generation 2, 5 builds")?;

    // Back to a source that ran before: nothing is built.
    project.edit(SCENE, "scene four", "scene two")?;
    host.event_about("applied", "scene")?;
    host.expect_answer("standing scene", "up to date, generation 1, 5 builds")?;

    // Requests: a build for nothing, and two of a crate that is none. To cancel what does not run is
    // nothing.
    host.ask(&format!("cancel {scene}"))?;
    host.ask(&format!("rebuild {scene}"))?;
    host.event_about("applied", "scene")?;
    host.expect_answer("standing scene", "up to date, generation 3, 6 builds")?;
    host.ask(&format!("rebuild {scene}"))?;
    host.event_about("unchanged", "scene")?;
    host.expect_answer("standing scene", "up to date, generation 3, 7 builds")?;
    host.ask("rebuild /no/such/crate")?;
    host.event_about("problem", "rebuild /no/such/crate")?;
    host.ask("cancel /no/such/crate")?;
    host.event_about("problem", "cancel /no/such/crate")?;

    // Generations that are in memory, and one that is not: asking for that changes nothing, not even
    // a build that is running.
    gate.close()?;
    project.edit(SCENE, "scene two", "scene five")?;
    host.event_about("build-started", "scene")?;
    host.expect_answer("switch 99", "[0, 1, 2, 3]")?;
    host.event_about("problem", "generation 99")?;
    gate.open()?;
    host.event_about("applied", "scene")?;
    host.expect_answer("standing scene", "up to date, generation 4, 8 builds")?;
    host.expect_answer("gauge scene", "scene five, read 1")?;
    host.expect_answer("switch 0", "[0, 1, 2, 3, 4]")?;
    host.event_about("applied", "scene")?;
    host.expect_answer("standing scene", "stale, generation 0, 8 builds")?;
    host.expect_answer("gauge scene", "scene one, read 1")?;
    host.ask("rebuild scene")?;
    host.event_about("applied", "scene")?;
    host.expect_answer("gauge scene", "scene five, read 1")?;
    host.expect_answer("standing scene", "up to date, generation 4, 9 builds")?;

    let verdict = host.ask("observer")?;
    ensure!(verdict.starts_with("agreed"), "{verdict}");
    the_same_was_heard_by_all(&mut host)?;
    host.end()?;
    Ok(Verdict::Passed)
}

/// The thread, the task and the extension have heard the same events in the same order.
fn the_same_was_heard_by_all(host: &mut Program) -> Result<()> {
    // A mark: what comes behind it may have reached one and not yet another.
    host.ask("rebuild /the/last/one")?;
    host.event_about("problem", "/the/last/one")?;
    let marks = host.events_heard("problem").len();
    let by_thread = names_until(host, "event ", marks);
    for listener in ["awaited ", "hook "] {
        let mark = format!("{listener}problem");
        while host.heard().iter().filter(|line| **line == mark).count() < marks {
            host.wait_for("another event", |line| line.starts_with(listener))?;
        }
        let heard = names_until(host, listener, marks);
        ensure!(
            heard == by_thread,
            "`{listener}` heard {heard:?}, and the thread {by_thread:?}"
        );
    }
    Ok(())
}

/// The names of the events that a listener told of, until this many of them were problems.
fn names_until(host: &Program, listener: &str, problems: usize) -> Vec<String> {
    let told = host
        .heard()
        .iter()
        .filter_map(|line| line.strip_prefix(listener));
    let mut names = Vec::new();
    let mut left = problems;
    for rest in told {
        let name = rest.split(' ').next().unwrap_or_default();
        names.push(name.to_owned());
        left -= usize::from(name == "problem");
        if left == 0 {
            break;
        }
    }
    names
}

fn only_the_changed_crate(project: &Project) -> Result<Verdict> {
    put_observed_into(project)?;
    let mut host = project.run()?;
    host.expect_answer("gauge scene", "scene one, read 1")?;
    host.expect_answer(
        "gauge frame",
        "frame one, read 1, around the host's own, read 1",
    )?;
    host.expect_answer("gauge backdrop", "backdrop one, read 1")?;

    host.count_from_here();
    project.edit(SCENE, "frame one", "frame two")?;
    let applied = host.event("applied")?;
    ensure!(
        applied.starts_with("scene: "),
        "the event does not name the crate: {applied}"
    );
    host.expect_answer("gauge scene", "scene one, read 1")?;
    host.expect_answer(
        "gauge frame",
        "frame two, read 1, around the host's own, read 2",
    )?;
    host.expect_answer("gauge backdrop", "backdrop one, read 2")?;

    project.edit(BACKDROP, "backdrop one", "backdrop two")?;
    let applied = host.event("applied")?;
    ensure!(
        applied.starts_with("backdrop: "),
        "the event does not name the crate: {applied}"
    );
    host.expect_answer("gauge backdrop", "backdrop two, read 1")?;
    host.expect_answer("gauge scene", "scene one, read 2")?;
    host.expect_answer(
        "gauge frame",
        "frame two, read 2, around the host's own, read 3",
    )?;
    host.event_about("node-made", "backdrop: node `gauge`")?;
    let made = host.events_heard("node-made");
    ensure!(
        made.len() == 3,
        "three nodes had to be made again, and {} were: {made:?}",
        made.len()
    );
    host.end()?;
    Ok(Verdict::Passed)
}

fn rebuilders(project: &Project) -> Result<Verdict> {
    BUILDERS.put_into(project)?;
    project.libraries().expect_full(BY_ITSELF);
    let mut host = project.run()?;
    // Two from before the start that decline, and one from after it.
    project.edit(SCENE, "step one", "step two")?;
    host.event_about("applied", "scene")?;
    let all = "declines scene, by_command scene, panics_when_told scene";
    host.expect_answer("asked", all)?;
    expect_step(&mut host, "step two")?;

    // The first that builds is the last that is asked.
    project.write("build-command", &cargo_command())?;
    project.edit(SCENE, "step two", "step three")?;
    host.event_about("applied", "scene")?;
    host.expect_answer("asked", "declines scene, by_command scene")?;
    expect_step(&mut host, "step three")?;
    fs::remove_file(project.path("build-command")).context("cannot take the command away")?;

    // One that panics fails that build, and no other.
    project.write("panic", "")?;
    project.edit(BACKDROP, "shade one", "shade two")?;
    let failure = host.event_about("build-failed", "backdrop")?;
    ensure!(
        failure.contains("the builder panicked: "),
        "the event does not say who failed: {failure}"
    );
    let all = "declines backdrop, by_command backdrop, panics_when_told backdrop";
    host.expect_answer("asked", all)?;
    fs::remove_file(project.path("panic")).context("cannot stop the panics")?;

    // One more from a running program: a plain function that never declines.
    host.ask("register")?;
    project.edit(BACKDROP, "shade two", "shade three")?;
    host.event_about("applied", "backdrop")?;
    host.expect_answer("asked", &format!("{all}, always backdrop"))?;
    host.expect_answer("shade", "shade three")?;
    host.end()?;
    Ok(Verdict::Passed)
}

/// The hot function answers by the code that has these words.
pub(super) fn expect_step(host: &mut Program, words: &str) -> Result<()> {
    let answer = host.ask("step")?;
    ensure!(answer.contains(words), "`{words}` is not live: {answer}");
    Ok(())
}

/// A line for each word of a command that builds the scene, as the program's file `build-command`
/// has it.
pub(super) fn cargo_command() -> String {
    let cargo = cargo_program();
    let words = "build --package=host --package=scene --lib --message-format=json";
    format!("{} {words}", cargo.display()).replace(' ', "\n")
}
