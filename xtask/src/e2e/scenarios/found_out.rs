//! Types whose layout changes, and that cross only where somebody finds out what they are.

use anyhow::Result;

use super::super::project::Project;
use super::super::variant::Variant;
use super::super::{Modes, Scenario, Verdict};
use super::layouts::{expect_told, save};
use crate::program::Program;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "layouts_behind_any",
        about: "a type that a supertrait leads to `dyn Any` is compared where that is handed over",
        modes: Modes::Both,
        run: layouts_behind_any,
    },
    Scenario {
        name: "layouts_in_panics",
        about: "no new code is called while it knows otherwise what the program panics with",
        modes: Modes::Both,
        run: layouts_in_panics,
    },
];

const PROGRAM: Variant = Variant {
    host: include_str!("../fixture/found_out/host.rs"),
    scene: include_str!("../fixture/found_out/scene.rs"),
    edits: &[],
};

fn start(project: &Project) -> Result<Program> {
    PROGRAM.put_into(project)?;
    let mut host = project.run()?;
    host.expect_answer("open", "0 Some(7)")?;
    host.expect_answer("watch", "0 Some(7)")?;
    Ok(host)
}

fn layouts_behind_any(project: &Project) -> Result<Verdict> {
    let mut host = start(project)?;
    let mut edition = 0;
    let coins = ("pub coins: u32", "pub coins: f32");
    let told = save(project, &mut host, &mut edition, Some(coins))?;
    let told_of_coins = ["`scene::Loot`, field `coins`", "has `u32`", "code `f32`"];
    expect_told(&told, "`scene::open` hand", &told_of_coins)?;
    host.expect_answer("open", "0 Some(7)")?;
    host.expect_answer("edition", "1")?;
    save(project, &mut host, &mut edition, Some((coins.1, coins.0)))?;
    host.expect_answer("open", "2 Some(7)")?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn layouts_in_panics(project: &Project) -> Result<Verdict> {
    let mut host = start(project)?;
    let mut edition = 0;
    let code = ("pub code: u32", "pub code: f32");
    let told = save(project, &mut host, &mut edition, Some(code))?;
    let told_of_code = [
        "`scene::Cancelled`, field `code`",
        "has `u32`",
        "code `f32`, and panics carry it in their payload",
    ];
    expect_told(&told, "`scene::edition`", &told_of_code)?;
    host.expect_answer("watch", "0 Some(7)")?;
    host.expect_answer("edition", "0")?;
    save(project, &mut host, &mut edition, Some((code.1, code.0)))?;
    host.expect_answer("edition", "2")?;
    host.end()?;
    Ok(Verdict::Passed)
}
