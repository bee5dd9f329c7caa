//! Nodes that go and come.

use anyhow::{Result, ensure};

use super::super::project::{Project, SCENE};
use super::super::{Modes, Scenario, Verdict};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "node_removed",
        about: "a node that the new library lacks is answered by the linked-in code, and that is told",
        modes: Modes::Both,
        run: node_removed,
    },
    Scenario {
        name: "node_added",
        about: "a node that the library before lacked is answered by the new library",
        modes: Modes::Both,
        run: node_added,
    },
    Scenario {
        name: "node_changed",
        about: "a node whose arguments or interface changed is answered by the linked-in code, and that is told",
        modes: Modes::Both,
        run: node_changed,
    },
    Scenario {
        name: "duplicate_names",
        about: "two nodes of one name are refused by name; the old code runs on",
        modes: Modes::Both,
        run: duplicate_names,
    },
];

const NODE: &str = "#[hot_node]\npub fn sidebar(";

/// The same function, and no node any more.
const NO_NODE: &str = "pub fn sidebar(";

fn node_removed(project: &Project) -> Result<Verdict> {
    let mut host = project.run()?;
    project.edit(SCENE, "panel one of", "panel two of")?;
    host.says("panel", "panel two")?;
    project.edit(SCENE, NODE, NO_NODE)?;
    host.event_about("fallback", "sidebar")?;
    host.says("panel", "panel one")?;
    // The rest of the library is in force.
    project.edit(SCENE, "step one", "step two")?;
    host.says("step", "step two")?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn node_added(project: &Project) -> Result<Verdict> {
    let mut host = project.run()?;
    project.edit(SCENE, NODE, NO_NODE)?;
    host.event_about("fallback", "sidebar")?;
    project.edit_all(SCENE, &[("panel one of", "panel two of"), (NO_NODE, NODE)])?;
    host.says("panel", "panel two")?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn node_changed(project: &Project) -> Result<Verdict> {
    let mut host = project.run()?;
    let changes = [
        // Another argument.
        (
            [
                ("sidebar(title: String)", "sidebar(width: u32)"),
                ("{ title })", "{ title: width.to_string() })"),
            ],
            "arguments",
        ),
        // Another result of a method.
        (
            [
                (
                    "    fn draw(&mut self) -> String;",
                    "    fn draw(&mut self) -> Box<str>;",
                ),
                (
                    "    fn draw(&mut self) -> String {\n        format!(\"panel one of {}, {}\", self.title, helper())",
                    "    fn draw(&mut self) -> Box<str> {\n        format!(\"panel one of {}, {}\", self.title, helper()).into_boxed_str()",
                ),
            ],
            "`draw`",
        ),
    ];
    for (number, (edits, what)) in changes.iter().enumerate() {
        project.edit_all(SCENE, edits)?;
        let told = host.event_about("fallback", "sidebar")?;
        ensure!(
            told.contains(what),
            "the event does not say what changed, {what}: {told}"
        );
        // The linked-in code makes it, and the rest of the library is in force.
        let (now, next) = (format!("step {number}"), format!("step {}", number + 1));
        project.edit(SCENE, if number == 0 { "step one" } else { &now }, &next)?;
        host.says("step", &next)?;
        ensure!(
            host.ask("panel")?.contains("panel one of the host"),
            "the panel is another one"
        );
        let back: Vec<_> = edits.iter().map(|(old, new)| (*new, *old)).collect();
        project.edit_all(SCENE, &back)?;
        host.event_about("node-made", "was made by generation")?;
    }
    host.end()?;
    Ok(Verdict::Passed)
}

fn duplicate_names(project: &Project) -> Result<Verdict> {
    let mut host = project.run()?;
    let text = project.read(SCENE)?;
    let second = "\n#[hot_node(\"sidebar\")]\npub fn other(title: String) -> Box<dyn Panel> {\n    \
                  Box::new(Sidebar { title })\n}\n";
    project.write(SCENE, &format!("{text}{second}"))?;
    let told = host.wait_for("that `sidebar` is there twice", |line| {
        let told = ["event refused ", "event build-failed ", "event problem "];
        told.iter().any(|event| line.starts_with(event)) && line.contains("sidebar")
    })?;
    ensure!(
        told.contains("scene"),
        "the event does not name the crate: {told}"
    );
    project.write(SCENE, &text.replace("panel one of", "panel two of"))?;
    host.says("panel", "panel two of the host")?;
    host.end()?;
    Ok(Verdict::Passed)
}
