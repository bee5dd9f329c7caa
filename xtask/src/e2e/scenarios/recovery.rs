//! A save that does not work, and the one after it that does.

use anyhow::{Result, ensure};

use super::super::project::{Project, SCENE};
use super::super::{Modes, Scenario, Verdict};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "compile_error",
        about: "the compiler's message is told, the old code runs on, the repair goes live",
        modes: Modes::Both,
        run: compile_error,
    },
    Scenario {
        name: "two_compile_errors",
        about: "a second error is told as well, and the repair of both goes live",
        modes: Modes::Both,
        run: two_compile_errors,
    },
    Scenario {
        name: "panic_in_new_code",
        about: "a panic of new code is told, the code before answers, and the repair goes live",
        modes: Modes::Both,
        run: panic_in_new_code,
    },
    Scenario {
        name: "panic_of_a_node",
        about: "a panic of a node's method is told with its place, the code before answers, and the repair goes live",
        modes: Modes::Both,
        run: panic_of_a_node,
    },
];

fn compile_error(project: &Project) -> Result<Verdict> {
    let mut host = project.run()?;
    let ticks = host.tick()?;
    project.edit(SCENE, "step one, {}", "step two, {missing}, {}")?;
    let failure = host.event_about("build-failed", "scene")?;
    ensure!(
        failure.contains("cannot find value") && failure.contains("missing"),
        "the event does not have the compiler's message: {failure}"
    );
    ensure!(
        failure.contains("lib.rs"),
        "the event does not say where: {failure}"
    );
    ensure!(
        host.ask("step")?.contains("step one"),
        "the old code does not run on"
    );
    ensure!(host.tick()? > ticks, "the program stands still");
    project.edit(SCENE, "step two, {missing}, {}", "step three, {}")?;
    host.says("step", "step three")?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn two_compile_errors(project: &Project) -> Result<Verdict> {
    let mut host = project.run()?;
    project.edit(SCENE, "\"helper one\"", "first_mistake")?;
    host.event_about("build-failed", "first_mistake")?;
    project.edit(SCENE, "first_mistake", "second_mistake")?;
    host.event_about("build-failed", "second_mistake")?;
    ensure!(
        host.ask("step")?.contains("helper one"),
        "the old code does not run on"
    );
    project.edit(SCENE, "second_mistake", "\"helper two\"")?;
    host.says("step", "helper two")?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn panic_in_new_code(project: &Project) -> Result<Verdict> {
    let mut host = project.run()?;
    project.edit(
        SCENE,
        "world.ticks += 1;",
        "world.ticks += 1; panic!(\"a mistake\");",
    )?;
    let told = host.event_about("panicked", "a mistake")?;
    ensure!(
        told.contains("step"),
        "the event does not say what panicked: {told}"
    );
    says_where(&told)?;
    let before = host.tick()?;
    ensure!(host.tick()? > before, "the program stands still");
    project.edit(SCENE, " panic!(\"a mistake\");", "")?;
    project.edit(SCENE, "step one", "step two")?;
    host.says("step", "step two")?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn panic_of_a_node(project: &Project) -> Result<Verdict> {
    let mut host = project.run()?;
    let (good, bad) = (
        "format!(\"panel one of {}, {}\", self.title, helper())",
        "panic!(\"a mistake of {}\", self.title)",
    );
    project.edit(SCENE, good, bad)?;
    let told = host.event_about("panicked", "a mistake of the host")?;
    ensure!(
        told.contains("sidebar"),
        "the event does not say what panicked: {told}"
    );
    says_where(&told)?;
    // The code before answers, with no panic that reaches the host.
    host.says("panel", "panel one of the host")?;
    let before = host.tick()?;
    ensure!(host.tick()? > before, "the program stands still");
    project.edit(SCENE, bad, &good.replace("panel one", "panel two"))?;
    host.says("panel", "panel two of the host")?;
    host.end()?;
    Ok(Verdict::Passed)
}

/// That the event of a panic names the line of the scene.
fn says_where(told: &str) -> Result<()> {
    ensure!(
        told.contains("lib.rs:"),
        "the event does not say where the panic was: {told}"
    );
    Ok(())
}
