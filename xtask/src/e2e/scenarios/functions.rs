//! Hot functions: of every signature, and called from everywhere while they are replaced.

use anyhow::Result;

use super::super::project::{BACKDROP, Project, SCENE};
use super::super::variant::Variant;
use super::super::{Modes, Scenario, Verdict};
use crate::program::Program;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "function_signatures",
        about: "functions of every signature, methods and `async` ones run the new code, and go back",
        modes: Modes::Both,
        run: function_signatures,
    },
    Scenario {
        name: "function_pointer",
        about: "a function pointer that was taken before runs the new code",
        modes: Modes::Both,
        run: function_pointer,
    },
    Scenario {
        name: "running_loop",
        about: "old code that is still running in a loop calls the new code",
        modes: Modes::Both,
        run: running_loop,
    },
    Scenario {
        name: "recursion",
        about: "a recursion that is under way goes on in the new code, and returns through the old",
        modes: Modes::Both,
        run: recursion,
    },
    Scenario {
        name: "another_hot_crate_calls",
        about: "another hot crate calls the new code, from the program and from a library of its own",
        modes: Modes::Both,
        run: another_hot_crate_calls,
    },
];

const PROGRAM: Variant = Variant {
    host: include_str!("../fixture/functions/host.rs"),
    scene: include_str!("../fixture/functions/scene.rs"),
    edits: &[],
};

/// Every answer of the program, by the first edition and by the second.
const SHAPES: [&str; 2] = [
    "edition 0 [5, 6, 7, 0]; left; Some(\"left\"); left!; [2, 3]; ab; 7; no door, says edition 0; 20; \
     -3; 5; later 0",
    "edition 1 [5, 6, 7, 1]; right; Some(\"right\"); right!; [3, 4]; b; 8; no door, says edition 1; \
     21; -6; 110; later 2",
];

fn function_signatures(project: &Project) -> Result<Verdict> {
    PROGRAM.put_into(project)?;
    let mut host = project.run()?;
    host.expect_answer("shapes", SHAPES[0])?;
    save_edition(project, &mut host, 0, 1)?;
    host.expect_answer("shapes", SHAPES[1])?;
    save_edition(project, &mut host, 1, 0)?;
    host.expect_answer("shapes", SHAPES[0])?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn function_pointer(project: &Project) -> Result<Verdict> {
    PROGRAM.put_into(project)?;
    let mut host = project.run()?;
    host.expect_answer("pointer", "0 1")?;
    save_edition(project, &mut host, 0, 1)?;
    host.expect_answer("pointer", "1 2")?;
    save_edition(project, &mut host, 1, 2)?;
    host.expect_answer("pointer", "2 3")?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn running_loop(project: &Project) -> Result<Verdict> {
    PROGRAM.put_into(project)?;
    let mut host = project.run()?;
    host.expect_answer("turn", "loop of 0, word of 0")?;
    save_edition(project, &mut host, 0, 1)?;
    // The turn that was under way had asked for its word already.
    host.expect_answer("turn", "loop of 0, word of 1")?;
    save_edition(project, &mut host, 1, 2)?;
    host.expect_answer("turn", "loop of 0, word of 2")?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn recursion(project: &Project) -> Result<Verdict> {
    PROGRAM.put_into(project)?;
    let mut host = project.run()?;
    save_edition(project, &mut host, 0, 1)?;
    host.expect_answer("count", "3 by 0, 2 by 0, 1 by 1, 0 by 1")?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn another_hot_crate_calls(project: &Project) -> Result<Verdict> {
    PROGRAM.put_into(project)?;
    project.edit(
        "backdrop/Cargo.toml",
        "[dependencies]",
        "[dependencies]\nscene = { path = \"../scene\" }",
    )?;
    project.edit(
        BACKDROP,
        "\"shade one\".to_owned()",
        "format!(\"shade one, word of {}\", scene::word())",
    )?;
    let mut host = project.run()?;
    host.expect_answer("shade", "shade one, word of 0")?;
    save_edition(project, &mut host, 0, 1)?;
    host.expect_answer("shade", "shade one, word of 1")?;
    // A library of the other crate brings a copy of the scene along, which must not be the one that
    // answers.
    project.edit(BACKDROP, "shade one", "shade two")?;
    while !host.ask("shade")?.contains("shade two") {
        host.event_about("applied", "backdrop")?;
    }
    host.expect_answer("shade", "shade two, word of 1")?;
    save_edition(project, &mut host, 1, 2)?;
    host.expect_answer("shade", "shade two, word of 2")?;
    host.end()?;
    Ok(Verdict::Passed)
}

/// Saves the scene's other edition, and waits until it is live.
fn save_edition(project: &Project, host: &mut Program, old: u32, new: u32) -> Result<()> {
    let text = |edition| format!("EDITION: usize = {edition};");
    project.edit(SCENE, &text(old), &text(new))?;
    host.event_about("applied", "scene: ")?;
    Ok(())
}
