//! Where new code goes live, and who is told.

use anyhow::{Result, ensure};

use super::super::project::{BACKDROP, BuildAs, Project, SCENE};
use super::super::variant::Variant;
use super::super::{Modes, Scenario, Verdict};
use crate::program::Program;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "only_in_update",
        about: "new code waits for `update`, and goes live in it",
        modes: Modes::Both,
        run: only_in_update,
    },
    Scenario {
        name: "in_the_background",
        about: "a program without a loop gets new code as soon as it is ready, except while it holds it back",
        modes: Modes::Both,
        run: in_the_background,
    },
    Scenario {
        name: "hold_and_update",
        about: "while new code is held back `update` applies nothing, until the last hold is released",
        modes: Modes::Both,
        run: hold_and_update,
    },
    Scenario {
        name: "hooks",
        about: "a crate is told before its generation is left and after the next is entered, on the \
                thread that applies it",
        modes: Modes::Both,
        run: hooks,
    },
];

const PROGRAM: Variant = Variant {
    host: include_str!("../fixture/safe_points/host.rs"),
    scene: include_str!("../fixture/safe_points/scene.rs"),
    edits: &[],
};

fn only_in_update(project: &Project) -> Result<Verdict> {
    PROGRAM.put_into(project)?;
    let mut host = project.run()?;
    host.expect_answer("update", "0")?;
    project.edit(SCENE, "edition 0", "edition 1")?;
    // What is loaded second is ready after what is loaded first.
    host.event_about("loaded", "scene")?;
    project.edit(BACKDROP, "shade one", "shade two")?;
    host.event_about("loaded", "backdrop")?;
    host.expect_answer("word", "edition 0")?;
    host.expect_answer("shade", "shade one")?;
    let applied = host.events_heard("applied");
    ensure!(applied.is_empty(), "live before `update`: {applied:?}");
    // The second was loaded on a thread that may not have handed it over yet.
    let mut updated = 0;
    while updated < 2 {
        updated += host.ask("update")?.parse::<u32>()?;
    }
    ensure!(
        updated == 2,
        "two crates were ready, and {updated} went live"
    );
    host.expect_answer("word", "edition 1")?;
    host.expect_answer("shade", "shade two")?;
    host.event_about("applied", "scene")?;
    host.expect_answer("update", "0")?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn in_the_background(project: &Project) -> Result<Verdict> {
    let mut host = start_in_background(project)?;
    project.edit(SCENE, "edition 0", "edition 1")?;
    host.event_about("applied", "scene")?;
    host.expect_answer("word", "edition 1")?;

    host.expect_answer("hold", "1")?;
    host.count_from_here();
    project.edit(SCENE, "edition 1", "edition 2")?;
    host.event_about("loaded", "scene")?;
    project.edit(BACKDROP, "shade one", "shade two")?;
    host.event_about("loaded", "backdrop")?;
    host.expect_answer("word", "edition 1")?;
    host.expect_answer("shade", "shade one")?;
    let applied = host.events_heard("applied");
    ensure!(applied.is_empty(), "live while held back: {applied:?}");
    host.expect_answer("release", "0")?;
    host.event_about("applied", "scene")?;
    host.expect_answer("word", "edition 2")?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn hold_and_update(project: &Project) -> Result<Verdict> {
    PROGRAM.put_into(project)?;
    let mut host = project.run()?;
    host.expect_answer("hold", "1")?;
    host.expect_answer("hold", "2")?;
    project.edit(SCENE, "edition 0", "edition 1")?;
    host.event_about("loaded", "scene")?;
    project.edit(SCENE, "edition 1", "edition 2")?;
    host.event_about("loaded", "scene")?;
    host.expect_answer("update", "0")?;
    host.expect_answer("release", "1")?;
    host.expect_answer("update", "0")?;
    host.expect_answer("word", "edition 0")?;
    host.expect_answer("release", "0")?;
    while host.ask("word")? == "edition 0" {
        host.ask("update")?;
    }
    // Of a crate only the newest is ready, or the one before it and then the newest.
    while host.ask("word")? != "edition 2" {
        host.ask("update")?;
    }
    host.end()?;
    Ok(Verdict::Passed)
}

fn hooks(project: &Project) -> Result<Verdict> {
    PROGRAM.put_into(project)?;
    let mut host = project.run()?;
    for edition in 0..2 {
        let (old, new) = (
            format!("edition {edition}"),
            format!("edition {}", edition + 1),
        );
        project.edit(SCENE, &old, &new)?;
        host.event_about("loaded", "scene")?;
        while host.ask("update")? == "0" {}
        host.says("hook", &format!("{old} is left, at the safe point"))?;
        host.says("hook", &format!("{new} is entered, at the safe point"))?;
    }
    project.edit(BACKDROP, "shade one", "shade two")?;
    host.event_about("loaded", "backdrop")?;
    while host.ask("update")? == "0" {}
    let hooks = host
        .heard()
        .iter()
        .filter(|line| line.starts_with("says hook"));
    let hooks = hooks.count();
    ensure!(
        hooks == 4,
        "the hooks of the scene ran {hooks} times for two generations"
    );
    host.end()?;
    Ok(Verdict::Passed)
}

fn start_in_background(project: &Project) -> Result<Program> {
    PROGRAM.put_into(project)?;
    let program = project.build(BuildAs::default())?;
    let mut command = project.command(&program);
    command.arg("background");
    project.start("host", command)
}
