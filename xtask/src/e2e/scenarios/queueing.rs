//! Saves that come before their turn: none is lost, none is built for nothing.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use super::super::project::{BACKDROP, BuildAs, Project, SCENE};
use super::super::{Scenario, Verdict};
use crate::program::Program;
use crate::save::Save;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "edit_while_building",
        about: "a save during a build replaces it: the latest wins, the middle one never runs",
        run: edit_while_building,
    },
    Scenario {
        name: "two_quick_saves",
        about: "two saves in a breath: the second is live in the end, and nothing is left over",
        run: two_quick_saves,
    },
    Scenario {
        name: "save_without_change",
        about: "saving, touching or replacing a file with the same bytes starts nothing",
        run: save_without_change,
    },
    Scenario {
        name: "change_and_back",
        about: "a change taken back during its build leaves the program as it was",
        run: change_and_back,
    },
    Scenario {
        name: "requests",
        about: "a build that the program asks for, one that it cancels, and one of an unknown crate",
        run: requests,
    },
];

/// Why a scenario with a [`gated_host`] is for Unix.
pub(super) const NEEDS_A_GATE: &str = "it holds a build open with a shell script";

/// A stand-in for rustc that waits, as long as the project's file `gate` is there.
///
/// Cargo calls it by `RUSTC_WRAPPER`, with the compiler's own command line. It lets the questions
/// pass that cargo asks before it builds anything.
pub(super) fn gated_host(project: &Project) -> Result<Program> {
    let gate = project.path("gate");
    let wrapper = project.script(
        "gated-rustc",
        &format!(
            "#!/bin/sh\ncase \"$*\" in *'--crate-name scene'*)\n\
             while [ -e '{}' ]; do sleep 0.02; done;;\nesac\nexec \"$@\"\n",
            gate.display()
        ),
    )?;
    let mut command = project.command(&project.build(BuildAs::default())?);
    command.env("RUSTC_WRAPPER", wrapper);
    project.start("host", command)
}

fn edit_while_building(project: &Project) -> Result<Verdict> {
    if !cfg!(unix) {
        return Ok(Verdict::Skipped(NEEDS_A_GATE.to_owned()));
    }
    let mut host = gated_host(project)?;
    project.write("gate", "")?;
    project.edit(SCENE, "step one", "step two")?;
    host.event_about("build-started", "scene")?;
    project.edit(SCENE, "step two", "step three")?;
    host.event_about("cancelled", "scene")?;
    host.event_about("build-started", "scene")?;
    fs::remove_file(project.path("gate")).context("cannot open the gate")?;
    host.says("step", "step three")?;
    ensure!(
        !host.heard().iter().any(|line| line.contains("step two")),
        "the save that was replaced ran all the same"
    );
    host.end()?;
    Ok(Verdict::Passed)
}

fn two_quick_saves(project: &Project) -> Result<Verdict> {
    let mut host = project.run()?;
    project.edit(SCENE, "step one", "step two")?;
    project.edit(SCENE, "step two", "step three")?;
    host.says("step", "step three")?;
    // Whatever the two had started is over when a later save of the same crate is live.
    host.count_from_here();
    project.edit(SCENE, "step three", "step four")?;
    host.says("step", "step four")?;
    let builds = host.events_heard("build-started");
    ensure!(
        builds.len() == 1,
        "one save started {} builds: {builds:?}",
        builds.len()
    );
    host.end()?;
    Ok(Verdict::Passed)
}

fn save_without_change(project: &Project) -> Result<Verdict> {
    let mut host = project.run()?;
    let text = project.read(SCENE)?;
    let path = project.path(SCENE);
    for save in [Save::Truncate, Save::Rename, Save::Recreate, Save::Pieces] {
        save.write(&path, &text)?;
    }
    let file = fs::File::options()
        .append(true)
        .open(&path)
        .context("cannot open the file")?;
    file.set_modified(std::time::SystemTime::now())
        .context("cannot touch the file")?;
    // A real save behind it, of the other crate: had the others started something, it would have
    // been heard before this one is live, or together with it.
    project.edit(BACKDROP, "shade one", "shade two")?;
    host.says("shade", "shade two")?;
    for event in ["change-seen", "build-started"] {
        let heard = host.events_heard(event);
        ensure!(
            heard.len() == 1,
            "`{event}` came {} times: {heard:?}",
            heard.len()
        );
        ensure!(
            heard[0].contains("backdrop"),
            "`{event}` is about another crate: {heard:?}"
        );
    }
    host.end()?;
    Ok(Verdict::Passed)
}

fn change_and_back(project: &Project) -> Result<Verdict> {
    if !cfg!(unix) {
        return Ok(Verdict::Skipped(NEEDS_A_GATE.to_owned()));
    }
    let mut host = gated_host(project)?;
    project.write("gate", "")?;
    project.edit(SCENE, "step one", "step two")?;
    host.event_about("build-started", "scene")?;
    project.edit(SCENE, "step two", "step one")?;
    host.event_about("cancelled", "scene")?;
    fs::remove_file(project.path("gate")).context("cannot open the gate")?;
    project.edit(SCENE, "helper one", "helper two")?;
    host.says("step", "step one, helper two")?;
    ensure!(
        !host.heard().iter().any(|line| line.contains("step two")),
        "the change that was taken back ran all the same"
    );
    host.end()?;
    Ok(Verdict::Passed)
}

fn requests(project: &Project) -> Result<Verdict> {
    if !cfg!(unix) {
        return Ok(Verdict::Skipped(NEEDS_A_GATE.to_owned()));
    }
    let mut host = gated_host(project)?;
    let scene = project.path("scene").display().to_string();
    host.ask(&format!("rebuild {scene}"))?;
    host.event_about("applied", "scene")?;
    host.ask(&format!("rebuild {scene}"))?;
    host.event_about("unchanged", "scene")?;

    host.ask("rebuild /no/such/crate")?;
    host.event_about("problem", "/no/such/crate")?;

    project.write("gate", "")?;
    project.edit(SCENE, "step one", "step two")?;
    host.event_about("build-started", "scene")?;
    host.ask(&format!("cancel {scene}"))?;
    host.event_about("cancelled", "scene")?;
    ensure!(
        host.ask("step")?.contains("step one"),
        "the build that was cancelled runs"
    );
    fs::remove_file(project.path("gate")).context("cannot open the gate")?;
    host.ask(&format!("rebuild {scene}"))?;
    host.says("step", "step two")?;
    host.end()?;
    Ok(Verdict::Passed)
}
