//! Types that are others where it is not easily seen: somebody finds out what they are, or their references live longer.

use anyhow::{Result, ensure};

use super::super::project::Project;
use super::super::variant::Variant;
use super::super::{Mode, Modes, Scenario, Verdict};
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
    Scenario {
        name: "references",
        about: "a type, a trait and a static of the same layout are others where their references live longer",
        modes: Modes::Both,
        run: references,
    },
];

const PROGRAM: Variant = Variant {
    host: include_str!("../fixture/found_out/host.rs"),
    scene: include_str!("../fixture/found_out/scene.rs"),
    edits: &[],
};

const LENDS: Variant = Variant {
    host: include_str!("../fixture/lent/host.rs"),
    scene: include_str!("../fixture/lent/scene.rs"),
    edits: &[],
};

fn references(project: &Project) -> Result<Verdict> {
    LENDS.put_into(project)?;
    let mut host = project.run()?;
    let mut edition = 0;
    host.expect_answer("hear", "0 1 21")?;
    for (item, request, is_answered, (old, new), told_of) in [
        (
            "read",
            "read",
            "one two",
            ("first: &'a str", "first: &'static str"),
            "`Lent` is written differently",
        ),
        (
            "named",
            "name",
            "a rose",
            ("-> &'static str;", "-> &str;"),
            "`Named` is written differently",
        ),
        (
            "pass",
            "pass",
            "one two",
            ("(Passed, &'a str)", "(Passed, &'static str)"),
            "its definition is not found in the sources",
        ),
    ] {
        host.expect_answer(request, &format!("{edition} {is_answered}"))?;
        let told = save(project, &mut host, &mut edition, Some((old, new)))?;
        let written = [told_of, "restart the program"];
        expect_told(&told, &format!("`scene::{item}` hands over"), &written)?;
        host.expect_answer(request, &format!("{} {is_answered}", edition - 1))?;
        host.expect_answer("edition", &edition.to_string())?;
        save(project, &mut host, &mut edition, Some((new, old)))?;
        host.expect_answer(request, &format!("{edition} {is_answered}"))?;
    }
    // Layouts that are the same, and whatever else is written.
    let body = (
        "hooks.push(|_| {});",
        "hooks.push(|text| drop(text.len()));",
    );
    save(project, &mut host, &mut edition, Some(body))?;
    host.expect_answer("read", &format!("{edition} one two"))?;
    let hooks = ("Mutex<Vec<fn(&'static str)>>", "Mutex<Vec<fn(&str)>>");
    save(project, &mut host, &mut edition, Some(hooks))?;
    host.expect_answer("hear", &format!("{edition} 1 21"))?;
    if project.mode() == Mode::Thin {
        let told = host.events_heard("built");
        let is_told = told
            .last()
            .is_some_and(|told| told.contains("`scene::HOOKS`") && told.contains("begins anew"));
        ensure!(
            is_told,
            "it is not told that the static begins anew: {told:?}"
        );
    }
    host.end()?;
    Ok(Verdict::Passed)
}

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
