//! Programs started in every way a user starts one.

use anyhow::{Context as _, Result, ensure};

use super::super::project::{BACKDROP, BuildAs, Project, SCENE};
use super::super::{Modes, Scenario, Verdict};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "two_hot_crates",
        about: "two hot crates in one host go live each by itself, and both at once",
        modes: Modes::Both,
        run: two_hot_crates,
    },
    Scenario {
        name: "two_instances",
        about: "two instances of one program both take a save; one goes on when the other ends",
        modes: Modes::Both,
        run: two_instances,
    },
    Scenario {
        name: "another_directory",
        about: "a program started from another directory finds its sources and its target directory",
        modes: Modes::Both,
        run: another_directory,
    },
    Scenario {
        name: "cargo_run",
        about: "a program started by `cargo run`",
        modes: Modes::Both,
        run: cargo_run,
    },
    Scenario {
        name: "release_with_features",
        about: "the release profile and features that are not the default ones are kept",
        modes: Modes::Both,
        run: release_with_features,
    },
    Scenario {
        name: "readme_program",
        about: "what the README says to write is a program that compiles",
        modes: Modes::NoLibrary("it is built and not run"),
        run: readme_program,
    },
];

fn readme_program(project: &Project) -> Result<Verdict> {
    let readme = include_str!("../../../../README.md");
    let of_file = |file: &str| {
        let begin = format!("```rust\n// {file}\n");
        let blocks = readme.split(&*begin).skip(1);
        let blocks = blocks.filter_map(|rest| rest.split("```").next());
        blocks.collect::<String>()
    };
    for file in ["host/src/main.rs", SCENE] {
        let text = of_file(file);
        ensure!(!text.is_empty(), "the README has nothing for {file}");
        project.write(file, &text)?;
    }
    project.build(BuildAs::default())?;
    Ok(Verdict::Passed)
}

fn two_hot_crates(project: &Project) -> Result<Verdict> {
    let mut host = project.run()?;
    project.edit(SCENE, "step one", "step two")?;
    host.says("step", "step two")?;
    ensure!(
        host.ask("shade")?.contains("shade one"),
        "the other crate changed"
    );
    project.edit(BACKDROP, "shade one", "shade two")?;
    host.says("shade", "shade two")?;
    ensure!(
        host.ask("step")?.contains("step two"),
        "the first crate went back"
    );
    project.edit(SCENE, "step two", "step three")?;
    project.edit(BACKDROP, "shade two", "shade three")?;
    // In whatever order: ask until both have come.
    while !(host.ask("step")?.contains("step three") && host.ask("shade")?.contains("shade three"))
    {
        host.event("applied")?;
    }
    host.end()?;
    Ok(Verdict::Passed)
}

fn two_instances(project: &Project) -> Result<Verdict> {
    let program = project.build(BuildAs::default())?;
    let mut first = project.start("first", project.command(&program))?;
    let mut second = project.start("second", project.command(&program))?;
    project.edit(SCENE, "step one", "step two")?;
    first.says("step", "step two")?;
    second.says("step", "step two")?;
    first.end()?;
    project.edit(SCENE, "step two", "step three")?;
    second.says("step", "step three")?;
    second.end()?;
    Ok(Verdict::Passed)
}

fn another_directory(project: &Project) -> Result<Verdict> {
    let program = project.build(BuildAs::default())?;
    let elsewhere = tempfile::tempdir().context("cannot make another directory")?;
    let mut command = project.command(&program);
    command.current_dir(elsewhere.path());
    let mut host = project.start("host", command)?;
    project.edit(SCENE, "step one", "step two")?;
    host.says("step", "step two")?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn cargo_run(project: &Project) -> Result<Verdict> {
    let mut host = project.start("host", project.cargo(&["run", "--package", "host"]))?;
    project.edit(SCENE, "step one", "step two")?;
    host.says("step", "step two")?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn release_with_features(project: &Project) -> Result<Verdict> {
    let program = project.build(BuildAs {
        release: true,
        features: &["fancy"],
    })?;
    let mut host = project.start("host", project.command(&program))?;
    ensure!(
        host.ask("step")?.contains("fancy"),
        "the feature is not in the program"
    );
    project.edit(SCENE, "step one", "step two")?;
    let now = host.says("step", "step two")?;
    ensure!(now.contains("fancy"), "the feature was lost: {now}");
    // By cargo, or by the compiler as cargo ran it.
    let log = project.log().to_string();
    let is_for_release = |line: &str| {
        line.contains("progress scene: running")
            && ["--profile release", "opt-level=3"]
                .iter()
                .any(|option| line.contains(option))
    };
    ensure!(
        log.lines().any(is_for_release),
        "the library was not built for release"
    );
    host.end()?;
    Ok(Verdict::Passed)
}
