//! What is left of all this in a program whose reloading is off.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use super::super::project::{BACKDROP, BuildAs, Project, SCENE};
use super::super::variant::Variant;
use super::super::{Modes, Scenario, Verdict};

pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    name: "off_means_off",
    about: "with reloading off a release build is byte for byte the program that was written without it",
    modes: Modes::NoLibrary("with reloading off nothing is linked while the program runs"),
    run: off_means_off,
}];

const PROGRAM: Variant = Variant {
    host: include_str!("../fixture/off/host.rs"),
    scene: include_str!("../fixture/functions/scene.rs"),
    edits: &[
        (
            "host/Cargo.toml",
            "hot-app = { path",
            "hot-app = { default-features = false, path",
        ),
        // LLVM puts a hash of the whole module into the names of private symbols.
        (
            "Cargo.toml",
            "[profile.release.package]",
            "[profile.release]\nstrip = true\n\n[profile.release.package]",
        ),
    ],
};

fn off_means_off(project: &Project) -> Result<Verdict> {
    PROGRAM.put_into(project)?;
    project.write(BACKDROP, include_str!("../fixture/off/backdrop.rs"))?;
    let release = BuildAs {
        release: true,
        features: &[],
    };
    let program = project.build(release)?;
    let off = fs::read(&program).with_context(|| format!("cannot read {}", program.display()))?;
    let mut host = project.start_unwatched("off", project.command(&program))?;
    let answer = host.ask("left")?;
    ensure!(
        answer.starts_with("the panel, drawn 0 times before [1, 2, 3, 0] left"),
        "with reloading off the program answers {answer}"
    );
    host.end()?;

    // The manifests stay, for cargo makes the names of all symbols from them.
    for file in ["host/src/main.rs", SCENE, BACKDROP] {
        project.write(file, &twin(&project.read(file)?))?;
    }
    let program = project.build(release)?;
    let plain = fs::read(&program).with_context(|| format!("cannot read {}", program.display()))?;
    ensure!(
        off == plain,
        "reloading that is off leaves something behind: {} bytes with it, {} bytes without",
        off.len(),
        plain.len()
    );
    Ok(Verdict::Passed)
}

/// The same text without what speaks of `hot`. Its lines keep their numbers, which panics tell.
fn twin(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let speaks = line.to_lowercase().contains("hot");
        if speaks { "//" } else { line }
    });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}
