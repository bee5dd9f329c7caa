//! What a program leaves behind when it gets no chance to tidy up.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use super::super::project::{BuildAs, Project, SCENE};
use super::super::{Modes, Scenario, Verdict};
use crate::program::Program;

pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    name: "kill_and_restart",
    about: "a killed program's copies are swept by the next one, a living one's are not",
    modes: Modes::Both,
    run: kill_and_restart,
}];

fn kill_and_restart(project: &Project) -> Result<Verdict> {
    if !cfg!(target_os = "linux") {
        let reason = "it reads which libraries a program has loaded from /proc";
        return Ok(Verdict::Skipped(reason.to_owned()));
    }
    let file = project.build(BuildAs::default())?;
    let mut killed = project.start("killed", project.command(&file))?;
    let mut living = project.start("living", project.command(&file))?;
    project.edit(SCENE, "step one", "step two")?;
    killed.says("step", "step two")?;
    living.says("step", "step two")?;
    let (left_behind, in_use) = (copies(&killed)?, copies(&living)?);
    ensure!(
        !left_behind.is_empty(),
        "the program that is to be killed has loaded no copy"
    );
    ensure!(
        !in_use.is_empty(),
        "the program that lives on has loaded no copy"
    );
    killed.kill()?;
    ensure!(
        left_behind.iter().all(|copy| copy.exists()),
        "somebody swept before the restart"
    );

    let mut restarted = project.start("restarted", project.command(&file))?;
    project.edit(SCENE, "step two", "step three")?;
    restarted.says("step", "step three")?;
    living.says("step", "step three")?;
    for copy in &left_behind {
        ensure!(
            !copy.exists(),
            "{} was left behind for good",
            copy.display()
        );
    }
    for copy in in_use.iter().chain(&copies(&restarted)?) {
        ensure!(copy.exists(), "{} is in use, and was swept", copy.display());
    }
    living.end()?;
    restarted.end()?;
    Ok(Verdict::Passed)
}

/// The files of the hot crate's libraries that a running program has in its memory.
fn copies(program: &Program) -> Result<Vec<PathBuf>> {
    let maps = format!("/proc/{}/maps", program.pid());
    let maps = fs::read_to_string(&maps).with_context(|| format!("cannot read {maps}"))?;
    let files = maps.lines().filter_map(|line| line.split_once('/'));
    let mut files: Vec<PathBuf> = files
        .map(|(_, path)| PathBuf::from(format!("/{path}")))
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.contains("scene") && name.contains(".so")
        })
        .collect();
    files.dedup();
    Ok(files)
}
