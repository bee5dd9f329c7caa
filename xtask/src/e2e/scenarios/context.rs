//! The context of a caller, seen by the new code that it calls.

use anyhow::Result;

use super::super::project::{Project, SCENE};
use super::super::variant::Variant;
use super::super::{Modes, Scenario, Verdict};
use crate::program::Program;

pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    name: "context",
    about: "what the host sets for a call is seen by new functions and nodes, and what they set by the host",
    modes: Modes::Both,
    run: context,
}];

const PROGRAM: Variant = Variant {
    host: include_str!("../fixture/context/host.rs"),
    scene: include_str!("../fixture/context/scene.rs"),
    edits: &[],
};

fn context(project: &Project) -> Result<Verdict> {
    PROGRAM.put_into(project)?;
    let mut host = project.run()?;
    ask_for_everyone(&mut host, 0, 0)?;
    host.expect_answer("node ada", "edition 0 for ada, desk of the owner")?;
    project.edit(SCENE, "edition 0", "edition 1")?;
    host.event_about("applied", "scene")?;
    ask_for_everyone(&mut host, 1, 3)?;
    // It is made again by the call that finds it old.
    host.expect_answer("node ada", "edition 1 for ada, desk of ada")?;
    host.expect_answer("node eve", "edition 1 for eve, desk of ada")?;

    // Another type of the same name and size: new code has a value of its own.
    project.edit_all(
        SCENE,
        &[
            ("edition 1", "edition 2"),
            ("asked: AtomicU32,", "asked: AtomicI32,"),
            ("asked: AtomicU32::new(0)", "asked: AtomicI32::new(0)"),
        ],
    )?;
    host.event_about("applied", "scene")?;
    host.expect_answer("function ada", "edition 2 for ada, 1")?;
    host.event_about("problem", "scene::ASKED` begins anew")?;
    host.expect_answer("function eve", "edition 2 for eve, 2")?;
    host.end()?;
    Ok(Verdict::Passed)
}

/// Every way to the code of `edition`, which has been `asked` before.
fn ask_for_everyone(host: &mut Program, edition: u32, asked: u32) -> Result<()> {
    let edition = format!("edition {edition}");
    // The value of the app is one, whichever generation counts.
    let counted = |n| format!("{}", asked + n);
    host.expect_answer(
        "function ada",
        &format!("{edition} for ada, {}", counted(1)),
    )?;
    host.expect_answer("thread ada", &format!("{edition} for ada, {}", counted(2)))?;
    host.expect_answer(
        "stray-thread ada",
        &format!("{edition} for nobody, {}", counted(3)),
    )?;
    host.expect_answer("another-app ada", &format!("{edition} for nobody, 1"))?;
    host.expect_answer("back ada", &format!("bob by {edition}"))?;
    Ok(())
}
