//! Ways to build, through a real program.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use super::super::project::{BuildAs, Project, SCENE};
use super::super::{Mode, Modes, Scenario, Verdict};
use super::service::{BUILDERS, BY_ITSELF, cargo_command, expect_step};
use crate::demo::copy_examples;
use crate::program::Program;
use crate::scratch::Scratch;
use crate::step;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "another_builder",
        about: "a program with a builder of its own has no cargo_metadata in it, and reloads",
        modes: Modes::Only(Mode::Full, "a builder of one's own makes full libraries"),
        run: another_builder,
    },
    Scenario {
        name: "build_arguments",
        about: "HOT_BUILD_ARGS is split as a shell does, and is all that cargo is told",
        modes: Modes::Both,
        run: build_arguments,
    },
    Scenario {
        name: "build_commands",
        about: "commands that work, fail, are no cargo, build something else, or are not there",
        modes: Modes::Both,
        run: build_commands,
    },
    Scenario {
        name: "many_diagnostics",
        about: "a thousand errors, and a thousand warnings, come through whole",
        modes: Modes::Both,
        run: many_diagnostics,
    },
];

fn another_builder(project: &Project) -> Result<Verdict> {
    const FACE: &str = "clock-face/src/lib.rs";
    let scratch = Scratch::create_for("another_builder", project.target_dir(), project.target())?;
    copy_examples(&scratch)?;
    scratch.clean(&["clock", "clock-face", "command-builder"])?;
    let tree = |package: &str| {
        let arguments = ["tree", "--edges=normal,build", "--prefix=none", "--package"];
        step::capture(scratch.cargo(&arguments).arg(package))
    };
    ensure!(
        tree("fountain")?.contains("cargo_metadata "),
        "the default builder uses cargo_metadata, and the tree does not show it"
    );
    let of_clock = tree("clock")?;
    ensure!(
        of_clock.contains("hot-build ") && !of_clock.contains("cargo_metadata "),
        "the clock depends on more than the builder's contract:\n{of_clock}"
    );

    step::capture(&mut scratch.cargo(&["build", "--package", "clock"]))?;
    let file = format!("clock{}", std::env::consts::EXE_SUFFIX);
    let file = scratch.profile_dir("debug").join(file);
    // A command that says what it does, and waits for as long as the file `gate` is there.
    let script = "echo at work; [ ! -e gate ] || { sleep 1000 & wait; }; \
                  exec cargo build --package clock --package clock-face --lib";
    let mut command = scratch.command(&file);
    if cfg!(unix) {
        command.args(["sh", "-c", script]);
    }
    let mut clock = Program::start("clock", command, project.witness())?;
    let mut hear = |what: &str| clock.wait_for(&format!("`{what}`"), |line| line.contains(what));
    let edit =
        |old: &str, new: &str| scratch.edit(crate::save::Save::Truncate, FACE, &[(old, new)]);
    hear("[watching]")?;
    hear("on the clock")?;
    edit("on the clock", "by the clock")?;
    hear("[applied] clock-face")?;
    hear("by the clock")?;
    if cfg!(unix) {
        // Its lines are progress, and the next save kills it together with what it started: its
        // pipe would be open otherwise, and the build would not end.
        scratch.write("gate", "")?;
        edit("by the clock", "says the clock")?;
        hear("[progress] clock-face: at work")?;
        fs::remove_file(scratch.path("gate")).context("cannot open the gate")?;
        edit("says the clock", "thinks the clock")?;
        hear("[cancelled] clock-face")?;
        hear("thinks the clock")?;
    }
    edit("seconds / 60", "seconds / \"sixty\"")?;
    let failure = hear("[build-failed] clock-face")?;
    ensure!(failure.contains("failed"), "{failure}");
    edit("seconds / \"sixty\"", "seconds / 60")?;
    edit("thinks the clock", "on the clock again")?;
    hear("on the clock again")?;
    clock.kill()?;
    Ok(Verdict::Passed)
}

fn build_arguments(project: &Project) -> Result<Verdict> {
    project.edit(
        SCENE,
        "\"helper one\"",
        "option_env!(\"GREETING\").unwrap_or(\"no greeting\")",
    )?;
    let file = project.build(BuildAs::default())?;
    let mut command = project.command(&file);
    let arguments = "--package host --package scene --lib --config 'env.GREETING=\"two words\"'";
    command.env("HOT_BUILD_ARGS", arguments);
    project
        .libraries()
        .expect_full("HOT_BUILD_ARGS says how to build");
    let mut host = project.start("host", command)?;
    host.says("step", "step one, no greeting")?;
    project.edit(SCENE, "step one", "step two")?;
    let running = host.event_about("progress", "scene: running")?;
    ensure!(
        running.contains("two words") && !running.contains("--profile"),
        "cargo was told something else: {running}"
    );
    host.says("step", "step two, two words")?;
    host.end()?;

    let mut command = project.command(&file);
    command.env("HOT_BUILD_ARGS", "--package 'scene");
    let mut host = project.start("host", command)?;
    project.edit(SCENE, "step two", "step three")?;
    let failure = host.event_about("build-failed", "HOT_BUILD_ARGS")?;
    ensure!(
        failure.contains("--package 'scene"),
        "the event does not show the value: {failure}"
    );
    ensure!(
        host.ask("step")?.contains("step one"),
        "the old code does not run on"
    );
    host.end()?;
    Ok(Verdict::Passed)
}

fn build_commands(project: &Project) -> Result<Verdict> {
    /// A line for each word of the command, and what the event must say of it.
    const FAILURES: [(&str, &[&str]); 4] = [
        (
            "echo\ngood morning\n",
            &["did not write cargo's JSON messages", "good morning"],
        ),
        (
            "cargo\nbuild\n--package=palette\n--message-format=json\n",
            &["did not build the crate", "-p"],
        ),
        ("cargo\nno-such-command\n", &["failed", "no-such-command"]),
        ("no-such-program\n", &["cannot start", "no-such-program"]),
    ];
    BUILDERS.put_into(project)?;
    project.libraries().expect_full(BY_ITSELF);
    let mut host = project.run()?;
    let mut old = "step one".to_owned();
    for (number, (words, told)) in FAILURES.into_iter().enumerate() {
        project.write("build-command", words)?;
        let new = format!("step {number}");
        project.edit(SCENE, &old, &new)?;
        old = new;
        let failure = host.event_about("build-failed", "scene")?;
        for part in told {
            ensure!(
                failure.contains(part),
                "the event does not say `{part}`: {failure}"
            );
        }
        expect_step(&mut host, "step one")?;
    }
    project.write("build-command", &cargo_command())?;
    project.edit(SCENE, &old, "step last")?;
    host.event_about("applied", "scene")?;
    expect_step(&mut host, "step last")?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn many_diagnostics(project: &Project) -> Result<Verdict> {
    const MANY: usize = 1000;
    let lines = |line: fn(usize) -> String| (0..MANY).map(line).collect::<String>();
    let mut host = project.run()?;
    let text = project.read(SCENE)?;
    let wrong = lines(|number| format!("pub fn wrong_{number}() -> u8 {{ \"text {number}\" }}\n"));
    project.write(SCENE, &format!("{text}{wrong}"))?;
    let failure = host.event_about("build-failed", "scene")?;
    let told = failure.matches("mismatched types").count();
    ensure!(told == MANY, "{told} errors were told of {MANY}");
    let unused = lines(|number| format!("fn unused_{number}() {{}}\n"));
    let text = text.replace("step one", "step two");
    project.write(SCENE, &format!("{text}{unused}"))?;
    let built = host.event_about("built", "scene")?;
    ensure!(
        built.contains(&format!("with {MANY} warnings")),
        "not every warning was told: {built}"
    );
    host.says("step", "step two")?;
    host.end()?;
    Ok(Verdict::Passed)
}
