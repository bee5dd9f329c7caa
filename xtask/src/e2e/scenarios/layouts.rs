//! Types whose layout changes while the program holds values of them.

use anyhow::{Result, bail};

use super::super::project::{BACKDROP, Project, SCENE};
use super::super::variant::Variant;
use super::super::{Modes, Scenario, Verdict};
use crate::program::Program;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "layouts_of_functions",
        about: "a function is not applied when a type that it hands over changed its layout, and the others are",
        modes: Modes::Both,
        run: layouts_of_functions,
    },
    Scenario {
        name: "layouts_of_nodes",
        about: "a node is not applied when its arguments or its interface changed their layout, and the others are",
        modes: Modes::Both,
        run: layouts_of_nodes,
    },
    Scenario {
        name: "layouts_that_stay",
        about: "changes that leave the layout of what crosses alone go live",
        modes: Modes::Both,
        run: layouts_that_stay,
    },
    Scenario {
        name: "layouts_between_hot_crates",
        about: "a hot crate that hands changed types to another one is answered by code that was built with them",
        modes: Modes::Both,
        run: layouts_between_hot_crates,
    },
    Scenario {
        name: "signatures",
        about: "a function that changed its signature keeps its old code for old callers, and new code calls the new one",
        modes: Modes::Both,
        run: signatures,
    },
    Scenario {
        name: "layouts_without_debug_info",
        about: "without debug information the check of layouts says once that it is shallow",
        modes: Modes::Both,
        run: layouts_without_debug_info,
    },
];

const PALETTE: &str = "palette/src/lib.rs";

const PROGRAM: Variant = Variant {
    host: include_str!("../fixture/layouts/host.rs"),
    scene: include_str!("../fixture/layouts/scene.rs"),
    edits: &[],
};

const TWO_CRATES: Variant = Variant {
    host: include_str!("../fixture/layouts/two_crates/host.rs"),
    scene: include_str!("../fixture/layouts/two_crates/scene.rs"),
    edits: &[(
        "scene/Cargo.toml",
        "[dependencies]",
        "[dependencies]\nbackdrop = { path = \"../backdrop\" }",
    )],
};

/// What `step` says of the world, after the edition.
const WORLD: &str = "true 1 2 0";

/// A change of a type: what the source reads, what it then reads, and what must be told.
struct Change {
    old: &'static str,
    new: &'static str,
    told: &'static [&'static str],
}

fn layouts_of_functions(project: &Project) -> Result<Verdict> {
    let changes = [
        // A field of the same size.
        Change {
            old: "pub ticks: u32",
            new: "pub ticks: f32",
            told: &[
                "`scene::World`, field `ticks` (",
                "lib.rs:12)",
                "has `u32`",
                "code `f32`",
            ],
        },
        // Two fields in each other's place.
        Change {
            old: "pub x: f32,\n    pub y: f32",
            new: "pub y: f32,\n    pub x: f32",
            told: &["`scene::Position`, field `x`"],
        },
        // A variant before others.
        Change {
            old: "Idle,\n",
            new: "Idle,\n    Running(u32),\n",
            told: &[
                "`scene::State`, variant `Walking`",
                "discriminant 1",
                "discriminant 2",
            ],
        },
        // In a vector, two levels down.
        Change {
            old: "pub damage: u32",
            new: "pub damage: i32",
            told: &["`scene::Weapon`, field `damage`"],
        },
        // Another generic argument.
        Change {
            old: "Marker<u8>",
            new: "Marker<i8>",
            told: &["`scene::World`, field `marker`", "Marker<i8>"],
        },
        // Behind a trait object.
        Change {
            old: "pub radius: u32",
            new: "pub radius: f32",
            told: &["`scene::Circle`, field `radius`"],
        },
        // The methods of a trait in another order. New code only calls what the program made: no table of methods
        // tells.
        Change {
            old: "    fn area(&self) -> u32;\n    fn edge(&self) -> u32;\n",
            new: "    fn edge(&self) -> u32;\n    fn area(&self) -> u32;\n",
            told: &[
                "`dyn scene::Shape`, `Shape` (",
                "`Shape` is written differently",
            ],
        },
        // One more, and what one of them speaks of.
        Change {
            old: "    fn area(&self) -> u32;\n",
            new: "    fn round(&self) -> bool {\n        true\n    }\n    fn area(&self) -> u32;\n",
            told: &[
                "`dyn scene::Shape`, `Shape` (",
                "`Shape` is written differently",
            ],
        },
        // What a vector holds.
        Change {
            old: "pub counts: Vec<u32>",
            new: "pub counts: Vec<f32>",
            told: &["`scene::World`, field `counts`", "Vec<f32"],
        },
        // Two levels down, behind an `Option` and a `Box`.
        Change {
            old: "pub teeth: u32",
            new: "pub teeth: i32",
            told: &["`scene::Key`, field `teeth`", "`u32`", "`i32`"],
        },
        // What has no name of its own: a tuple, an array, and fields that share their place.
        Change {
            old: "pub span: (u8, i16)",
            new: "pub span: (u8, u16)",
            told: &["`scene::World`, field `span`", "(u8, u16)"],
        },
        Change {
            old: "pub row: [u16; 3]",
            new: "pub row: [i16; 3]",
            told: &["`scene::World`, field `row`", "[i16; 3]"],
        },
        Change {
            old: "pub whole: u32",
            new: "pub whole: f32",
            told: &["`scene::Bits`, field `whole`"],
        },
    ];
    let mut host = start(project)?;
    let mut edition = 0;
    for change in &changes {
        let told = save(
            project,
            &mut host,
            &mut edition,
            Some((change.old, change.new)),
        )?;
        expect_told(&told, "`scene::step` hands over", change.told)?;
        // The other function is live, and this one sees the world as it is.
        host.expect_answer("edition", &edition.to_string())?;
        host.expect_answer("step", &format!("{} {WORLD}", edition - 1))?;
        host.expect_answer("panel", &edition.to_string())?;
        save(
            project,
            &mut host,
            &mut edition,
            Some((change.new, change.old)),
        )?;
        host.expect_answer("step", &format!("{edition} {WORLD}"))?;
    }
    behind_any(project, &mut host, &mut edition)?;
    // A dependency of the same name.
    project.edit(PALETTE, "red: u32", "red: f32")?;
    let told = host.event_about("applied", "scene: ")?;
    expect_told(
        &told,
        "`scene::step` hands over",
        &["`palette::Tint`, field `red`"],
    )?;
    host.expect_answer("step", &format!("{edition} {WORLD}"))?;
    host.end()?;
    Ok(Verdict::Passed)
}

/// A type that the program puts behind `dyn Any`, and new code takes from there. Then one that new code puts there, and
/// newer code takes.
fn behind_any(project: &Project, host: &mut Program, edition: &mut u32) -> Result<()> {
    let coins = ("pub coins: u32", "pub coins: f32");
    let told = save(project, host, edition, Some(coins))?;
    let told_of_coins = ["`scene::Loot`, field `coins`", "has `u32`", "code `f32`"];
    expect_told(
        &told,
        "`scene::find` and `scene::open` hand over",
        &told_of_coins,
    )?;
    host.expect_answer("open", &format!("{} Some(0)", *edition - 1))?;
    host.expect_answer("edition", &edition.to_string())?;
    save(project, host, edition, Some((coins.1, coins.0)))?;
    host.expect_answer("open", &format!("{edition} Some(0)"))?;
    let makes = [
        (
            "Box::new(EDITION)",
            "Box::new(Gem {\n        weight: 7 as _,\n    })",
        ),
        (
            "pub struct Options",
            "pub struct Gem {\n    pub weight: u32,\n}\n\npub struct Options",
        ),
    ];
    save_all(project, host, edition, &makes)?;
    host.expect_answer("find", "found")?;
    host.expect_answer("open", &format!("{edition} None"))?;
    let takes = ("|loot: &Loot| loot.coins", "|gem: &Gem| gem.weight");
    save(project, host, edition, Some(takes))?;
    host.expect_answer("open", &format!("{edition} Some(7)"))?;
    let weight = ("pub weight: u32", "pub weight: f32");
    let told = save(project, host, edition, Some(weight))?;
    let told_of_gem = ["`scene::Gem`, field `weight`"];
    expect_told(
        &told,
        "`scene::find` and `scene::open` hand over",
        &told_of_gem,
    )?;
    host.expect_answer("open", &format!("{} Some(7)", *edition - 1))?;
    save(project, host, edition, Some((weight.1, weight.0)))?;
    host.expect_answer("open", &format!("{edition} Some(7)"))
}

fn layouts_of_nodes(project: &Project) -> Result<Verdict> {
    let changes = [
        Change {
            old: "pub width: u32",
            new: "pub width: f32",
            told: &["`scene::Options`, field `width`"],
        },
        Change {
            old: "    fn draw(&mut self) -> u32;\n    fn hide(&self) -> u32;\n",
            new: "    fn hide(&self) -> u32;\n    fn draw(&mut self) -> u32;\n",
            told: &["field `draw`"],
        },
    ];
    let mut host = start(project)?;
    let mut edition = 0;
    for change in &changes {
        let told = save(
            project,
            &mut host,
            &mut edition,
            Some((change.old, change.new)),
        )?;
        expect_told(&told, "`sidebar` hands over", change.told)?;
        // The node is made by the code linked into the program.
        host.expect_answer("panel", "0")?;
        host.expect_answer("step", &format!("{edition} {WORLD}"))?;
        save(
            project,
            &mut host,
            &mut edition,
            Some((change.new, change.old)),
        )?;
        host.expect_answer("panel", &edition.to_string())?;
    }
    host.end()?;
    Ok(Verdict::Passed)
}

fn layouts_that_stay(project: &Project) -> Result<Verdict> {
    let changes = [
        (
            "pub struct World {",
            "/// All there is.\npub struct World { // here\n",
        ),
        (
            "let walking =",
            "let unused = EDITION; let _ = unused; let walking =",
        ),
        (
            "pub struct Options",
            "pub fn new_function(x: u64) -> u64 {\n    x\n}\n\npub struct Options",
        ),
        (
            "pub struct Options",
            "pub struct NewType {\n    pub inner: World,\n}\n\npub struct Options",
        ),
        (
            "fn new() -> World {",
            "fn heal(&mut self) {\n        self.ticks += 1;\n    }\n    pub fn new() -> World {",
        ),
        ("    drawn: u32,", "    drawn: u64,"),
        // Formatting.
        (
            "pub struct Marker<T> {\n    pub of: T,\n}",
            "pub struct Marker < T > { pub of : T }",
        ),
        // A renamed local.
        (
            "let Position { x, y } = world.position;\n    format!(\"{EDITION} {walking} {x} {y} {}\", world.shape.area())",
            "let Position { x: left, y: top } = world.position;\n    \
             format!(\"{EDITION} {walking} {left} {top} {}\", world.shape.area())",
        ),
        // A method of a trait whose objects do not cross.
        (
            "pub struct Options",
            "pub trait Unseen {\n    fn seen(&self) -> bool;\n}\nimpl Unseen for Circle {\n    fn seen(&self) -> bool {\n        true\n    }\n}\n\npub struct Options",
        ),
        (
            "    fn seen(&self) -> bool;\n",
            "    fn unseen(&self) -> bool {\n        !self.seen()\n    }\n    fn seen(&self) -> bool;\n",
        ),
        (
            "impl Shape for Circle",
            "pub struct Square(pub u64);\nimpl Shape for Square {\n    fn area(&self) -> u32 {\n        4\n    }\n    fn edge(&self) -> u32 {\n        1\n    }\n}\n\nimpl Shape for Circle",
        ),
    ];
    let mut host = start(project)?;
    let mut edition = 0;
    for change in changes {
        let told = save(project, &mut host, &mut edition, Some(change))?;
        if told.contains("layout") {
            bail!(
                "`{}` is no change of a layout, and yet it is told:\n{told}",
                change.1
            );
        }
        host.expect_answer("edition", &edition.to_string())?;
        host.expect_answer("step", &format!("{edition} {WORLD}"))?;
        host.expect_answer("panel", &edition.to_string())?;
    }
    host.end()?;
    Ok(Verdict::Passed)
}

fn layouts_between_hot_crates(project: &Project) -> Result<Verdict> {
    let parcel = [
        ("content: Box<u64>", "content: u64"),
        ("content: Box::new(77)", "content: 77"),
    ];
    let told_of_parcel = ["`shelf`", "`backdrop::weigh`", "`backdrop::Parcel`"];
    let tint = [("red: u32", "red: f32")];
    let told_of_tint = ["`backdrop::paint`", "`backdrop::Tint`, field `red`"];
    project.write(
        BACKDROP,
        include_str!("../fixture/layouts/two_crates/backdrop.rs"),
    )?;
    TWO_CRATES.put_into(project)?;
    let mut host = project.run()?;
    let mut edition = 0;
    expect_of_backdrop(&mut host, edition, [edition; 3])?;
    for _twice in 0..2 {
        let before = edition;
        let told = save_backdrop(project, &mut host, &mut edition, &parcel)?;
        expect_told(&told, "hand over", &told_of_parcel)?;
        expect_of_backdrop(&mut host, edition, [0, before, edition])?;
        let told = save_backdrop(project, &mut host, &mut edition, &tint)?;
        expect_told(&told, "hand over", &told_of_tint)?;
        expect_of_backdrop(&mut host, edition, [0, before, edition - 1])?;
        let back = [parcel[0], parcel[1], tint[0]].map(|(old, new)| (new, old));
        let told = save_backdrop(project, &mut host, &mut edition, &back)?;
        if told.contains("layout") {
            bail!("the layouts are what they were, and yet it is told:\n{told}");
        }
        expect_of_backdrop(&mut host, edition, [edition; 3])?;
        // What fits is seen at once.
        save_backdrop(project, &mut host, &mut edition, &[])?;
        expect_of_backdrop(&mut host, edition, [edition; 3])?;
    }
    host.end()?;
    Ok(Verdict::Passed)
}

/// Saves the next edition of the backdrop, and waits until it and the scene, which is built with it, are live. Returns
/// what is told of the backdrop.
fn save_backdrop(
    project: &Project,
    host: &mut Program,
    edition: &mut u32,
    changes: &[(&str, &str)],
) -> Result<String> {
    let (old, new) = (edition_text(*edition), edition_text(*edition + 1));
    project.edit_all(BACKDROP, &[&[(&*old, &*new)], changes].concat())?;
    *edition += 1;
    let both = [host.event("applied")?, host.event("applied")?];
    let [backdrop, scene] =
        ["backdrop: ", "scene: "].map(|krate| both.iter().find(|told| told.starts_with(krate)));
    match (backdrop, scene) {
        (Some(backdrop), Some(_)) => Ok(backdrop.clone()),
        _ => bail!("not both crates were applied:\n{}", both.join("\n")),
    }
}

/// The scene is answered by the backdrop's `newest` edition, and so are calls of the program that hand over nothing. Those
/// that do are answered by the editions given: a node for a parcel, a function for a parcel, and one for a tint.
fn expect_of_backdrop(
    host: &mut Program,
    newest: u32,
    [put, weigh, paint]: [u32; 3],
) -> Result<()> {
    for (request, edition, value) in [
        ("put", put, ": 77"),
        ("weigh", weigh, ": 77"),
        ("paint", paint, ": 7"),
        ("shade", newest, ""),
        ("scene put", newest, ": 77"),
        ("scene keep", newest, ": 77"),
        ("scene weigh", newest, ": 77"),
        ("scene paint", newest, ": 7"),
        ("scene shade", newest, ""),
    ] {
        host.expect_answer(request, &format!("{edition}{value}"))?;
    }
    Ok(())
}

fn signatures(project: &Project) -> Result<Verdict> {
    let mut host = start(project)?;
    let mut edition = 0;
    for (edits, told, caption) in [
        (
            vec![
                ("label(n: u32)", "label(n: i64)"),
                ("label(5)", "label(-5)"),
            ],
            ["fn(u32) -> String", "fn(i64) -> String"],
            "of -5",
        ),
        (
            vec![
                ("label(n: u32)", "label(n: u32, more: &str)"),
                ("{EDITION} of {n}", "{EDITION} of {n}{more}"),
                ("label(5)", "label(5, \" and more\")"),
            ],
            ["fn(u32) -> String", "fn(u32, &str) -> String"],
            "of 5 and more",
        ),
        (
            vec![
                ("label(n: u32) -> String", "label(n: u32) -> Option<String>"),
                (
                    "format!(\"{EDITION} of {n}\")",
                    "Some(format!(\"{EDITION} of {n}\"))",
                ),
                ("label(5)", "label(5).unwrap_or_default()"),
            ],
            ["fn(u32) -> String", "fn(u32) -> Option<String>"],
            "of 5",
        ),
    ] {
        let live = save_all(project, &mut host, &mut edition, &edits)?;
        // As written, and wherever the spaces are.
        let told = told.map(|signature| signature.replace(' ', ""));
        expect_told(
            &live.replace(' ', ""),
            "`scene::label`changeditssignature",
            &[&told[0], &told[1]],
        )?;
        // The program has its own form of it; what else is new is live, and calls the new form.
        host.expect_answer("label", &format!("{} of 4", edition - 1))?;
        host.expect_answer("caption", &format!("{edition} {caption}"))?;
        host.expect_answer("edition", &edition.to_string())?;
        let back: Vec<_> = edits.iter().map(|(old, new)| (*new, *old)).collect();
        save_all(project, &mut host, &mut edition, &back)?;
        host.expect_answer("label", &format!("{edition} of 4"))?;
    }
    host.end()?;
    Ok(Verdict::Passed)
}

fn layouts_without_debug_info(project: &Project) -> Result<Verdict> {
    PROGRAM.put_into(project)?;
    add_tint(project)?;
    let manifest = project.read("Cargo.toml")?;
    project.write(
        "Cargo.toml",
        &format!("{manifest}\n[profile.dev]\ndebug = \"line-tables-only\"\n"),
    )?;
    let mut host = project.run()?;
    let mut edition = 0;
    project.edit(SCENE, &edition_text(0), &edition_text(1))?;
    host.event_about("problem", "the check of layouts is shallow")?;
    host.event_about("applied", "scene: ")?;
    edition += 1;
    host.expect_answer("step", &format!("{edition} {WORLD}"))?;
    // Sizes are seen all the same, and the fields are not.
    let larger = ("pub ticks: u32", "pub ticks: [u64; 4]");
    let told = save(project, &mut host, &mut edition, Some(larger))?;
    expect_told(&told, "`scene::step` hands over", &["`scene::World` ("])?;
    host.expect_answer("step", &format!("{} {WORLD}", edition - 1))?;
    // What is written is seen, too.
    for (change, told) in [
        (
            (
                "sidebar(_options: Options)",
                "sidebar(_options: Options, _more: u8)",
            ),
            "arguments",
        ),
        (
            (
                "fn hide(&self) -> u32;",
                "fn hide(&self) -> u32;\n    fn show(&self) {}",
            ),
            "interface",
        ),
    ] {
        save(project, &mut host, &mut edition, Some(change))?;
        host.ask("panel")?;
        let reason = host.event_about("fallback", "sidebar")?;
        expect_told(&reason, "`sidebar`", &[told])?;
        save(project, &mut host, &mut edition, Some((change.1, change.0)))?;
    }
    let told = host.events_heard("problem");
    if told.iter().filter(|told| told.contains("shallow")).count() != 1 {
        bail!("it is to be told once:\n{}", told.join("\n"));
    }
    host.end()?;
    Ok(Verdict::Passed)
}

fn start(project: &Project) -> Result<Program> {
    PROGRAM.put_into(project)?;
    add_tint(project)?;
    project.run()
}

/// Gives the plain library that the scene uses a type.
fn add_tint(project: &Project) -> Result<()> {
    let palette = project.read(PALETTE)?;
    let tint =
        "/// A shade of a colour.\npub struct Tint {\n    /// How red.\n    pub red: u32,\n}\n";
    project.write(PALETTE, &format!("{palette}\n{tint}"))
}

/// Saves the next edition, with another change of the text, and returns what is told when it is live.
pub(super) fn save(
    project: &Project,
    host: &mut Program,
    edition: &mut u32,
    change: Option<(&str, &str)>,
) -> Result<String> {
    save_all(project, host, edition, change.as_slice())
}

/// [`save`], with several changes.
fn save_all(
    project: &Project,
    host: &mut Program,
    edition: &mut u32,
    changes: &[(&str, &str)],
) -> Result<String> {
    let (old, new) = (edition_text(*edition), edition_text(*edition + 1));
    let edits: Vec<_> = [(&*old, &*new)]
        .into_iter()
        .chain(changes.iter().copied())
        .collect();
    project.edit_all(SCENE, &edits)?;
    *edition += 1;
    host.event_about("applied", "scene: ")
}

fn edition_text(edition: u32) -> String {
    format!("EDITION: u32 = {edition};")
}

pub(super) fn expect_told(told: &str, item: &str, parts: &[&str]) -> Result<()> {
    for part in [item].iter().chain(parts) {
        if !told.contains(part) {
            bail!("`{part}` is not told:\n{told}");
        }
    }
    Ok(())
}
