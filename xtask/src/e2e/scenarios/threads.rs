//! Hot functions that many threads call while they are replaced.

use anyhow::{Result, ensure};

use super::super::project::{Project, SCENE};
use super::super::variant::Variant;
use super::super::{Modes, Scenario, Verdict};

pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    name: "threads",
    about: "eight threads call a function while twenty generations go live: each answer is one \
            generation's, and no thread goes back to an older one",
    modes: Modes::Both,
    run: threads,
}];

const PROGRAM: Variant = Variant {
    host: include_str!("../fixture/threads/host.rs"),
    scene: include_str!("../fixture/threads/scene.rs"),
    edits: &[],
};

fn threads(project: &Project) -> Result<Verdict> {
    const GENERATIONS: u32 = 20;
    PROGRAM.put_into(project)?;
    let mut host = project.run()?;
    for generation in 0..GENERATIONS {
        let text = |generation| format!("GENERATION: u64 = {generation};");
        project.edit(SCENE, &text(generation), &text(generation + 1))?;
        host.event_about("applied", "scene")?;
    }
    let answered = host.ask("stop")?;
    let expected = vec![format!("0 to {GENERATIONS}"); 8].join(", ");
    ensure!(
        answered == expected,
        "the threads were answered by the generations {answered}"
    );
    host.end()?;
    Ok(Verdict::Passed)
}
