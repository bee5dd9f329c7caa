//! Types whose layout changes while the program holds values of them.

use anyhow::{Result, bail};

use super::super::project::{Project, SCENE};
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
                "lib.rs:11)",
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
        (
            "impl Shape for Circle",
            "pub struct Square(pub u64);\nimpl Shape for Square {\n    fn area(&self) -> u32 {\n        4\n    }\n}\n\nimpl Shape for Circle",
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
fn save(
    project: &Project,
    host: &mut Program,
    edition: &mut u32,
    change: Option<(&str, &str)>,
) -> Result<String> {
    let (old, new) = (edition_text(*edition), edition_text(*edition + 1));
    let edits: Vec<_> = [(&*old, &*new)].into_iter().chain(change).collect();
    project.edit_all(SCENE, &edits)?;
    *edition += 1;
    host.event_about("applied", "scene: ")
}

fn edition_text(edition: u32) -> String {
    format!("EDITION: u32 = {edition};")
}

fn expect_told(told: &str, item: &str, parts: &[&str]) -> Result<()> {
    for part in [item].iter().chain(parts) {
        if !told.contains(part) {
            bail!("`{part}` is not told:\n{told}");
        }
    }
    Ok(())
}
