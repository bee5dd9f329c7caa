//! State that lives through a reload: of nodes, by each policy, and of what the host holds.

use anyhow::{Result, ensure};

use super::super::project::{Project, SCENE};
use super::super::variant::{SCENE_SAVES_STATE, Variant};
use super::super::{Modes, Scenario, Verdict};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "state_of_a_node",
        about: "a node's fields are added, renamed, retyped and removed: what was entered stays, and \
                the event says what was dropped",
        modes: Modes::Both,
        run: state_of_a_node,
    },
    Scenario {
        name: "policies_of_state",
        about: "a fresh node starts from its arguments, a kept one stays as it is",
        modes: Modes::Both,
        run: policies_of_state,
    },
    Scenario {
        name: "state_of_the_host",
        about: "a value that the host holds migrates with its values, and the event says what was dropped",
        modes: Modes::Both,
        run: state_of_the_host,
    },
    Scenario {
        name: "failed_migration",
        about: "a restore that panics leaves the old code and the old value in place, and its repair \
                goes live",
        modes: Modes::Both,
        run: failed_migration,
    },
];

const FORMS: Variant = Variant {
    host: include_str!("../fixture/state/host.rs"),
    scene: include_str!("../fixture/state/scene.rs"),
    edits: &[SCENE_SAVES_STATE],
};

/// A program that holds a value for its hot code.
pub(super) const GAME: Variant = Variant {
    host: include_str!("../fixture/held/host.rs"),
    scene: include_str!("../fixture/held/scene.rs"),
    edits: &[SCENE_SAVES_STATE],
};

fn state_of_a_node(project: &Project) -> Result<Verdict> {
    FORMS.put_into(project)?;
    let mut host = project.run()?;
    host.ask("enter letter to ada")?;
    host.ask("enter letter copies 7")?;
    host.ask("enter letter stamp penny")?;
    host.ask("enter letter colour blue")?;
    host.ask("enter letter page A")?;
    host.expect_answer(
        "enter letter page B",
        "letter one to ada, copies 7, stamp penny, edits 6, pages AB, colour blue",
    )?;

    // Another body, and the same fields. Whoever only looks may not be the only one that does, so what
    // cannot be copied stays behind for now.
    project.edit_all(SCENE, &[("letter one", "letter two")])?;
    host.event_about("applied", "scene")?;
    host.expect_answer(
        "show letter",
        "letter two to ada, copies 7, stamp penny, edits 0, pages , colour blue",
    )?;
    let told = host.event_about("state-carried", "letter")?;
    ensure!(!told.contains("dropped"), "nothing was dropped: {told}");
    ensure!(told.contains("`pages` follows"), "the pages follow: {told}");
    host.expect_answer(
        "enter letter page C",
        "letter two to ada, copies 7, stamp penny, edits 1, pages ABC, colour blue",
    )?;
    let told = host.event_about("state-carried", "letter")?;
    ensure!(!told.contains("follows"), "the pages have come: {told}");

    // One added, one renamed, one retyped, one removed.
    project.edit_all(
        SCENE,
        &[
            ("letter two", "letter three"),
            (
                "    to: String,\n",
                "    weight: u32,\n    #[hot(alias = \"to\")]\n    receiver: String,\n",
            ),
            (
                "            to: \"nobody\".to_owned(),\n",
                "            weight: 20,\n            receiver: \"nobody\".to_owned(),\n",
            ),
            ("\"to\" => self.to = ", "\"to\" => self.receiver = "),
            ("            self.to,", "            self.receiver,"),
            ("    stamp: String,\n", "    stamp: u16,\n"),
            (
                "            stamp: \"none\".to_owned(),\n",
                "            stamp: 5,\n",
            ),
            (
                "\"stamp\" => self.stamp = value.to_owned()",
                "\"stamp\" => self.stamp = value.len() as u16",
            ),
            ("    colour: String,\n", ""),
            ("            colour: \"black\".to_owned(),\n", ""),
            (
                "            \"colour\" => self.colour = value.to_owned(),\n",
                "",
            ),
            (", colour {}\"", ", weight {}\""),
            (", self.colour,", ", self.weight,"),
        ],
    )?;
    host.event_about("applied", "scene")?;
    // Each change costs its own field only.
    host.expect_answer(
        "enter letter page D",
        "letter three to ada, copies 7, stamp 5, edits 1, pages ABCD, weight 20",
    )?;
    let told = host.event_about("state-carried", "letter")?;
    for said in [
        "`stamp` was dropped: it does not fit `u16`",
        "`colour` was dropped",
        "`weight` is new",
    ] {
        ensure!(told.contains(said), "the event does not say {said}: {told}");
    }
    for kept in ["`to`", "`receiver`", "`copies`", "`pages`"] {
        ensure!(!told.contains(kept), "{kept} was kept: {told}");
    }

    // A number that grows is no other value.
    project.edit_all(
        SCENE,
        &[
            ("letter three", "letter four"),
            ("    copies: u8,\n", "    copies: i64,\n"),
        ],
    )?;
    host.event_about("applied", "scene")?;
    host.expect_answer(
        "enter letter copies 8",
        "letter four to ada, copies 8, stamp 5, edits 1, pages ABCD, weight 20",
    )?;

    // What is given over whole is only a value to code that knows its type, however far inside it changed.
    project.edit_all(
        SCENE,
        &[
            ("letter four", "letter five"),
            ("struct Page(String);", "struct Page(u64, String);"),
            ("Page(value.to_owned())", "Page(1, value.to_owned())"),
            ("page.0.as_str()", "page.1.as_str()"),
        ],
    )?;
    host.event_about("applied", "scene")?;
    host.expect_answer(
        "enter letter page E",
        "letter five to ada, copies 8, stamp 5, edits 1, pages E, weight 20",
    )?;
    let told = host.event_about("state-carried", "`pages` was dropped")?;
    ensure!(
        told.contains("`Page` is written differently"),
        "the event does not say what changed: {told}"
    );
    host.end()?;
    Ok(Verdict::Passed)
}

fn policies_of_state(project: &Project) -> Result<Verdict> {
    FORMS.put_into(project)?;
    let mut host = project.run()?;
    host.ask("enter fresh text entered")?;
    host.ask("enter kept text entered")?;
    // The node says it when it is made, and each time when it is shown.
    project.edit_all(SCENE, &[("code: \"note one\"", "code: \"note two\"")])?;
    host.event_about("applied", "scene")?;
    host.expect_answer("show fresh", "note two made, note one shown: an argument")?;
    host.expect_answer("show kept", "note one made, note one shown: entered")?;
    let heard = host.events_heard("node-made");
    ensure!(
        !heard
            .iter()
            .any(|told| told.contains("`kept_note`") && told.contains("generation")),
        "the kept node was made again: {heard:?}"
    );
    host.end()?;
    Ok(Verdict::Passed)
}

fn state_of_the_host(project: &Project) -> Result<Verdict> {
    GAME.put_into(project)?;
    let mut host = project.run()?;
    host.expect_answer(
        "play ada sword",
        "game one of ada, level 2, weapon sword, score 1000",
    )?;

    // The same layout: the value itself stays, and nothing migrates.
    project.edit_all(SCENE, &[("game one", "game two")])?;
    let told = host.event_about("applied", "scene")?;
    ensure!(!told.contains("migrated"), "the layout is the same: {told}");
    host.expect_answer(
        "play ada bow",
        "game two of ada, level 3, weapon bow, score 2000",
    )?;

    // A type two levels down, in a vector: the text and the size of the value's own type stay.
    host.expect_answer("bag", "7 gold")?;
    project.edit_all(SCENE, &[("gold: u32", "gold: f32")])?;
    let told = host.event_about("applied", "scene")?;
    ensure!(
        told.contains("::Game` migrated"),
        "it is to migrate: {told}"
    );
    host.expect_answer("bag", "7.0 gold")?;

    // One renamed, one added, one retyped.
    project.edit_all(
        SCENE,
        &[
            ("game two", "game three"),
            (
                "    player: String,\n",
                "    lives: u32,\n    #[hot(alias = \"player\")]\n    name: String,\n",
            ),
            (
                "            player: \"nobody\".to_owned(),\n",
                "            lives: 3,\n            name: \"nobody\".to_owned(),\n",
            ),
            ("game.player = name", "game.name = name"),
            ("game.player, game.level", "game.name, game.level"),
            ("    weapon: String,\n", "    weapon: Option<u8>,\n"),
            (
                "            weapon: \"none\".to_owned(),\n",
                "            weapon: None,\n",
            ),
            (
                "game.weapon = weapon.to_owned()",
                "game.weapon = Some(weapon.len() as u8)",
            ),
            ("weapon {}, score", "weapon {:?}, lives {}, score"),
            (
                "game.weapon, game.score.0,",
                "game.weapon, game.lives, game.score.0,",
            ),
        ],
    )?;
    let told = host.event_about("applied", "scene")?;
    for said in ["::Game` migrated", "`weapon` was dropped", "`lives` is new"] {
        ensure!(told.contains(said), "the event does not say {said}: {told}");
    }
    // Each change costs its own field only.
    host.expect_answer(
        "show",
        "game three of ada, level 3, weapon None, lives 3, score 2000",
    )?;

    // One removed.
    project.edit_all(
        SCENE,
        &[
            ("game three", "game four"),
            ("    level: u8,\n", ""),
            ("            level: 1,\n", ""),
            ("    game.level += 1;\n", ""),
            (", level {}", ""),
            ("game.name, game.level,", "game.name,"),
        ],
    )?;
    let told = host.event_about("applied", "scene")?;
    ensure!(
        told.contains("`level` was dropped: the new code has no such value"),
        "the event does not say what was dropped: {told}"
    );
    host.expect_answer(
        "play bob hammer",
        "game four of bob, weapon Some(6), lives 3, score 3000",
    )?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn failed_migration(project: &Project) -> Result<Verdict> {
    GAME.put_into(project)?;
    let mut host = project.run()?;
    host.ask("play ada sword")?;
    project.edit_all(
        SCENE,
        &[
            ("game one", "game two"),
            (
                "    player: String,\n",
                "    player: String,\n    lives: u32,\n",
            ),
            (
                "            level: 1,\n",
                "            level: 1,\n            lives: 3,\n",
            ),
            (
                "        Ok(Score(score))",
                "        panic!(\"no score of {score}\")",
            ),
        ],
    )?;
    let told = host.event_about("not-applied", "scene")?;
    ensure!(
        told.contains("::Game") && told.contains("no score of 1000"),
        "the event does not say what failed: {told}"
    );
    host.expect_answer(
        "play ada bow",
        "game one of ada, level 3, weapon bow, score 2000",
    )?;
    project.edit_all(
        SCENE,
        &[(
            "        panic!(\"no score of {score}\")",
            "        Ok(Score(score + 5))",
        )],
    )?;
    host.event_about("applied", "scene")?;
    // With the value as it was last.
    host.expect_answer("show", "game two of ada, level 3, weapon bow, score 2005")?;
    host.end()?;
    Ok(Verdict::Passed)
}
