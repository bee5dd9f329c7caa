//! One save, wherever and however, and the running program runs it.

use anyhow::{Result, ensure};

use super::super::project::{BACKDROP, Project, SCENE};
use super::super::{Modes, Scenario, Verdict};
use crate::save::Save;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "body_of_a_function",
        about: "an edited body runs, and the host's state goes on",
        modes: Modes::Both,
        run: body_of_a_function,
    },
    Scenario {
        name: "body_of_a_node",
        about: "an edited node is made again with the arguments it had",
        modes: Modes::Both,
        run: body_of_a_node,
    },
    Scenario {
        name: "helper_function",
        about: "an edit of a plain function that hot functions and nodes call",
        modes: Modes::Both,
        run: helper_function,
    },
    Scenario {
        name: "path_dependency",
        about: "an edit of a plain crate that the hot crate depends on",
        modes: Modes::Both,
        run: path_dependency,
    },
    Scenario {
        name: "included_file",
        about: "an edit of a file that `include_str!` reads",
        modes: Modes::Both,
        run: included_file,
    },
    Scenario {
        name: "new_module",
        about: "a new file, and an edit that uses it",
        modes: Modes::Both,
        run: new_module,
    },
    Scenario {
        name: "editors_habits",
        about: "saves by truncation, by rename, by deletion, and in pieces",
        modes: Modes::Both,
        run: editors_habits,
    },
    Scenario {
        name: "one_after_another",
        about: "ten edits in turn, each one live before the next",
        modes: Modes::Both,
        run: one_after_another,
    },
    Scenario {
        name: "undo",
        about: "going back to a source that the program has run before",
        modes: Modes::Both,
        run: undo,
    },
];

fn body_of_a_function(project: &Project) -> Result<Verdict> {
    let mut host = project.run()?;
    let ticks = host.tick()?;
    project.edit(SCENE, "step one", "step two")?;
    host.event_about("applied", "scene")?;
    host.says("step", "step two, helper one")?;
    ensure!(host.tick()? > ticks, "the host's state went back");
    ensure!(
        host.ask("shade")?.contains("shade one"),
        "the other crate changed"
    );
    host.end()?;
    Ok(Verdict::Passed)
}

fn body_of_a_node(project: &Project) -> Result<Verdict> {
    let mut host = project.run()?;
    project.edit(SCENE, "panel one of {}", "panel two of {}")?;
    host.event_about("applied", "scene")?;
    host.says("panel", "panel two of the host")?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn helper_function(project: &Project) -> Result<Verdict> {
    let mut host = project.run()?;
    project.edit(SCENE, "helper one", "helper two")?;
    host.says("step", "step one, helper two")?;
    ensure!(
        host.ask("panel")?.contains("helper two"),
        "the node calls the old helper"
    );
    host.end()?;
    Ok(Verdict::Passed)
}

fn path_dependency(project: &Project) -> Result<Verdict> {
    let mut host = project.run()?;
    project.edit("palette/src/lib.rs", "colour one", "colour two")?;
    host.says("step", "colour two")?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn included_file(project: &Project) -> Result<Verdict> {
    project.write("scene/words/greeting.txt", "greeting one")?;
    project.edit(
        SCENE,
        "\"helper one\"",
        "include_str!(\"../words/greeting.txt\")",
    )?;
    let mut host = project.run()?;
    ensure!(
        host.ask("step")?.contains("greeting one"),
        "the file is not in the program"
    );
    project.edit("scene/words/greeting.txt", "greeting one", "greeting two")?;
    host.says("step", "greeting two")?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn new_module(project: &Project) -> Result<Verdict> {
    let mut host = project.run()?;
    project.write(
        "scene/src/weather.rs",
        "pub fn forecast() -> &'static str {\n    \"forecast one\"\n}\n",
    )?;
    project.edit(SCENE, "    \"helper one\"", "    weather::forecast()")?;
    project.edit(SCENE, "hot_entry!();", "hot_entry!();\nmod weather;")?;
    host.says("step", "forecast one")?;
    project.edit("scene/src/weather.rs", "forecast one", "forecast two")?;
    host.says("step", "forecast two")?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn editors_habits(project: &Project) -> Result<Verdict> {
    let mut host = project.run()?;
    let habits = [Save::Truncate, Save::Rename, Save::Recreate, Save::Pieces];
    let mut old = "step one".to_owned();
    for habit in habits {
        let new = format!("step by {habit:?}");
        project.edit_by(habit, SCENE, &old, &new)?;
        host.says("step", &new)?;
        old = new;
    }
    host.end()?;
    Ok(Verdict::Passed)
}

fn one_after_another(project: &Project) -> Result<Verdict> {
    let mut host = project.run()?;
    let ticks = host.tick()?;
    let mut old = "step one".to_owned();
    for round in 2..=11 {
        let new = format!("step {round}");
        project.edit(SCENE, &format!("{old},"), &format!("{new},"))?;
        host.says("step", &new)?;
        old = new;
    }
    ensure!(host.tick()? > ticks, "the host's state went back");
    host.end()?;
    Ok(Verdict::Passed)
}

fn undo(project: &Project) -> Result<Verdict> {
    let mut host = project.run()?;
    project.edit(BACKDROP, "shade one", "shade two")?;
    host.says("shade", "shade two")?;
    project.edit(BACKDROP, "shade two", "shade three")?;
    host.says("shade", "shade three")?;
    // A generation that is loaded already, and then the code that is linked in.
    project.edit(BACKDROP, "shade three", "shade two")?;
    host.says("shade", "shade two")?;
    project.edit(BACKDROP, "shade two", "shade one")?;
    host.says("shade", "shade one")?;
    project.edit(BACKDROP, "shade one", "shade four")?;
    host.says("shade", "shade four")?;
    host.end()?;
    Ok(Verdict::Passed)
}
