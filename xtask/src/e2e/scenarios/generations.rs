//! Generations that are gone back to, tried out before they are opened, or take too long.

use anyhow::{Result, ensure};

use super::super::project::{Project, SCENE};
use super::super::{Modes, Scenario, Verdict};
use super::panics::{Scene, start};
use super::state::GAME;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "switching",
        about: "back and forth between generations in memory, and a node and what it knows come along",
        modes: Modes::Both,
        run: switching,
    },
    Scenario {
        name: "canary",
        about: "code that crashes, aborts, exits or hangs while it is loaded does so in a child process, and is refused",
        modes: Modes::Both,
        run: canary,
    },
    Scenario {
        name: "load_deadline",
        about: "code that does not return while it is loaded is refused at the deadline, and the status tells of it",
        modes: Modes::Both,
        run: load_deadline,
    },
    Scenario {
        name: "migration_deadline",
        about: "a value that takes too long to migrate does not hold the program up, and its code goes live later",
        modes: Modes::Both,
        run: migration_deadline,
    },
];

fn switching(project: &Project) -> Result<Verdict> {
    let mut scene = Scene::put_into(project)?;
    let mut host = start(project, &[])?;
    host.expect_answer("enter a", "look 0, a form with \"a\"")?;
    scene.go_live(&mut host, "nowhere")?;
    host.expect_answer("enter b", "look 1, a form with \"ab\"")?;
    scene.go_live(&mut host, "nowhere")?;
    let mut text = "ab".to_owned();
    host.expect_answer("look", &format!("look 2, a form with {text:?}"))?;
    let scene_folder = "[0, 1, 2]";
    for generation in [1, 0, 2, 0, 1, 2, 1] {
        host.expect_answer(&format!("switch {generation}"), scene_folder)?;
        host.event_about("applied", "scene: ")?;
        host.expect_answer("plain word", &format!("plain {generation}, 4"))?;
        text.push('c');
        let known = format!("look {generation}, a form with {text:?}");
        host.expect_answer("enter c", &known)?;
        let standing = host.ask("standing")?;
        let is_newest = generation == 2;
        ensure!(
            standing.contains("not what the sources say") != is_newest,
            "the status is wrong about the sources: {standing}"
        );
    }
    let builds = host.events_heard("build-started").len();
    ensure!(builds == 2, "{builds} builds for two saves");
    scene.go_live(&mut host, "nowhere")?;
    host.expect_answer("look", &format!("look 3, a form with {text:?}"))?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn canary(project: &Project) -> Result<Verdict> {
    if !cfg!(target_os = "linux") {
        let reason = "the child process is a fork of the program, which is made on Linux only";
        return Ok(Verdict::Skipped(reason.to_owned()));
    }
    let mut scene = Scene::put_into(project)?;
    let mut host = start(project, &["canary"])?;
    scene.go_live(&mut host, "nowhere")?;
    for (place, end) in [
        ("born: aborts", "SIGABRT"),
        ("born: crashes", "SIGSEGV"),
        ("born: exits", "exited with code 3"),
        ("born: hangs", "was not done within"),
    ] {
        scene.save(place)?;
        let refused = host.event_about("refused", "scene: ")?;
        ensure!(
            refused.contains("in a child process") && refused.contains(end),
            "the event does not tell how it ended: {refused}"
        );
        host.expect_answer("plain word", "plain 1, 4")?;
        host.expect_answer("look", "look 1, a form with \"\"")?;
    }
    scene.go_live(&mut host, "nowhere")?;
    host.expect_answer("plain word", &format!("plain {}, 4", scene.edition()))?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn load_deadline(project: &Project) -> Result<Verdict> {
    let mut scene = Scene::put_into(project)?;
    let mut host = start(project, &["deadline"])?;
    scene.go_live(&mut host, "nowhere")?;
    scene.save("born: waits")?;
    let refused = host.event_about("refused", "scene: ")?;
    ensure!(
        refused.contains("within"),
        "the event does not tell why: {refused}"
    );
    host.expect_answer("plain word", "plain 1, 4")?;
    let standing = host.ask("overdue")?;
    ensure!(
        !standing.ends_with("[]"),
        "the status does not tell what goes on: {standing}"
    );
    // It is let go, and told.
    project.write("born", "")?;
    host.event_about("ended-late", "scene")?;
    host.expect_answer("overdue", "[]")?;
    host.expect_answer("plain word", "plain 1, 4")?;
    scene.go_live(&mut host, "nowhere")?;
    host.expect_answer("plain word", "plain 3, 4")?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn migration_deadline(project: &Project) -> Result<Verdict> {
    GAME.put_into(project)?;
    project.edit_all(
        "host/src/main.rs",
        &[
            ("from_secs(120)", "from_millis(200)"),
            (
                "    console::answer_requests(|request| {\n",
                "    console::answer_requests(|request| {\n        if request == \"alive\" {\n            \
                 return \"yes\".to_owned();\n        }\n",
            ),
        ],
    )?;
    let mut host = project.run()?;
    host.expect_answer(
        "play ada sword",
        "game one of ada, level 2, weapon sword, score 1000",
    )?;
    project.write("hold", "")?;
    project.edit_all(
        SCENE,
        &[
            ("game one", "game two"),
            ("    player: String,\n", "    player: String,\n    lives: u32,\n"),
            ("            level: 1,\n", "            level: 1,\n            lives: 3,\n"),
            (
                "        Ok(Score(score))",
                "        while std::fs::exists(\"hold\").unwrap_or(false) {\n            \
                 std::thread::sleep(std::time::Duration::from_millis(5));\n        }\n        Ok(Score(score))",
            ),
        ],
    )?;
    let told = host.event_about("not-applied", "scene")?;
    ensure!(
        told.contains("did not migrate within"),
        "the event does not tell why: {told}"
    );
    host.expect_answer("alive", "yes")?;
    std::fs::remove_file(project.path("hold"))?;
    host.event_about("ended-late", "scene")?;
    host.event_about("applied", "scene")?;
    host.expect_answer("show", "game two of ada, level 2, weapon sword, score 1000")?;
    host.end()?;
    Ok(Verdict::Passed)
}
