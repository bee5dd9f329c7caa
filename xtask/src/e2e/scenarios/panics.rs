//! Panics of new code at every way into it, by every policy, and panics of the program that pass through it.

use anyhow::{Context, Result, ensure};

use super::super::project::{BuildAs, Project, SCENE};
use super::super::variant::{SCENE_SAVES_STATE, Variant};
use super::super::{Mode, Modes, Scenario, Verdict};
use super::fallbacks::COUNT;
use crate::program::Program;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "panics_of_functions",
        about: "functions of every kind that panic are answered by the code before, and their generation is rolled back",
        modes: Modes::Both,
        run: panics_of_functions,
    },
    Scenario {
        name: "panics_of_nodes",
        about: "a node that panics in an operation, while it is made, saved, restored or dropped, and hooks that panic",
        modes: Modes::Both,
        run: panics_of_nodes,
    },
    Scenario {
        name: "panic_after_probation",
        about: "of a generation that has proved itself only the function that panics goes back, and the status says so",
        modes: Modes::Both,
        run: panic_after_probation,
    },
    Scenario {
        name: "panic_waits_for_build",
        about: "a call that panicked waits for the next build, and is answered by it: with a safe point and without",
        modes: Modes::Both,
        run: panic_waits_for_build,
    },
    Scenario {
        name: "panic_ends_the_program",
        about: "a program that wants to end with the first panic of new code tells it, and ends as by a panic of its own",
        modes: Modes::Both,
        run: panic_ends_the_program,
    },
    Scenario {
        name: "panics_of_the_program",
        about: "a panic of the program that passes through hot code reaches the program whole, and is no panic of new code; one of std is",
        modes: Modes::Both,
        run: panics_of_the_program,
    },
    Scenario {
        name: "panics_of_what_was_handed_out",
        about: "a closure of new code that the program keeps panics where the program calls it, and where a thread does: the program catches a panic of its own, and is told",
        modes: Modes::Both,
        run: panics_of_what_was_handed_out,
    },
    Scenario {
        name: "panics_between_full_and_thin",
        about: "a closure of a full library panics where code of a thin one catches it, and the other way round",
        modes: Modes::Only(Mode::Thin, "every library is full"),
        run: panics_between_full_and_thin,
    },
    Scenario {
        name: "panic_abort",
        about: "a program whose panics abort is told at the start what it loses, and takes saves all the same",
        modes: Modes::Both,
        run: panic_abort,
    },
];

const PROGRAM: Variant = Variant {
    host: include_str!("../fixture/panics/host.rs"),
    scene: include_str!("../fixture/panics/scene.rs"),
    edits: &[SCENE_SAVES_STATE],
};

/// The scene's text, as it is now.
pub(super) struct Scene<'a> {
    project: &'a Project,
    edition: u32,
    fails: &'static str,
}

impl<'a> Scene<'a> {
    pub(super) fn put_into(project: &'a Project) -> Result<Scene<'a>> {
        PROGRAM.put_into(project)?;
        let (edition, fails) = (0, "nowhere");
        Ok(Scene {
            project,
            edition,
            fails,
        })
    }

    /// The edition that was saved last.
    pub(super) fn edition(&self) -> u32 {
        self.edition
    }

    /// Saves the next edition, which panics in that place.
    pub(super) fn save(&mut self, fails: &'static str) -> Result<()> {
        let text = |edition: u32, fails: &str| {
            (
                format!("EDITION: u32 = {edition};"),
                format!("FAILS: &str = \"{fails}\";"),
            )
        };
        let (old_edition, old_fails) = text(self.edition, self.fails);
        (self.edition, self.fails) = (self.edition + 1, fails);
        let (mut new_edition, new_fails) = text(self.edition, self.fails);
        // All that follows is one line further down.
        new_edition.push('\n');
        self.project.edit_all(
            SCENE,
            &[(&old_edition, &new_edition), (&old_fails, &new_fails)],
        )
    }

    /// [`Scene::save`], and waits until it is live.
    pub(super) fn go_live(&mut self, host: &mut Program, fails: &'static str) -> Result<()> {
        self.save(fails)?;
        host.event_about("applied", "scene: ")?;
        Ok(())
    }
}

fn panics_of_functions(project: &Project) -> Result<Verdict> {
    let mut scene = Scene::put_into(project)?;
    let mut host = project.run()?;
    scene.go_live(&mut host, "nowhere")?;
    host.expect_answer("plain word", "plain 1, 4")?;
    // The place, the call, its answer by the edition before, and what is told to have panicked.
    let ways = [
        ("plain", "plain word", "plain 1, 4", "`scene::plain`"),
        (
            "borrowed",
            "borrowed",
            "borrowed 1, call 2",
            "`scene::borrowed`",
        ),
        ("owned", "owned word", "owned 1, word! 3", "`scene::owned`"),
        ("later", "later word", "later 1, word", "`scene::later`"),
        ("method", "method word", "method 1, word", "method`"),
    ];
    for (place, request, answer, item) in ways {
        scene.go_live(&mut host, place)?;
        host.expect_answer(request, answer)?;
        expect_told(&mut host, item, place, scene.edition)?;
        expect_backtrace(project, &mut host, place)?;
        is_rolled_back(&mut host, scene.edition)?;
        host.expect_answer(request, &answer.replace("call 2", "call 3"))?;
    }
    // A payload that panics when it is dropped is nobody's panic.
    scene.go_live(&mut host, "payload")?;
    let told = host.events_heard("panicked").len();
    host.expect_answer("plain word", "plain 1, 4")?;
    is_rolled_back(&mut host, scene.edition)?;
    let told: Vec<_> = host.events_heard("panicked").drain(told..).collect();
    ensure!(
        matches!(told[..], [told] if told.contains("is no text") && told.contains("`scene::plain`")),
        "it is not the panic of the call alone that is told: {told:?}"
    );
    // What cannot be called again reaches the program, and the next call is answered.
    scene.go_live(&mut host, "once")?;
    let reached = format!(
        "a panic reached the program: once of edition {}",
        scene.edition
    );
    host.expect_answer("once word", &reached)?;
    expect_told(&mut host, "`scene::once`", "once", scene.edition)?;
    is_rolled_back(&mut host, scene.edition)?;
    host.expect_answer("once word", "once 1, 4")?;
    let standing = host.ask("standing")?;
    ensure!(
        standing.contains("generation 1 is live") && standing.contains("not what the sources say"),
        "the status does not tell that the program went back: {standing}"
    );

    // The sources of a generation that was left are no good just because they are back.
    let bad = project.read(SCENE)?;
    scene.go_live(&mut host, "nowhere")?;
    host.expect_answer("once word", &format!("once {}, 4", scene.edition))?;
    project.write(SCENE, &bad)?;
    let told = host.event_about("not-recalled", "scene")?;
    ensure!(
        told.contains("once of edition"),
        "the event does not tell why: {told}"
    );
    host.expect_answer("once word", &format!("once {}, 4", scene.edition))?;
    host.end()?;
    Ok(Verdict::Passed)
}

/// The event of a panic names what panicked, where, and with which words.
fn expect_told(host: &mut Program, item: &str, place: &str, edition: u32) -> Result<()> {
    let told = host.event_about("panicked", &format!("{place} of edition {edition}"))?;
    ensure!(
        told.contains(item) && told.contains("lib.rs:"),
        "the event does not tell of {item} and its place: {told}"
    );
    Ok(())
}

/// The backtrace of the next panic shows the call that panicked in the newest code, and the program's call of it.
fn expect_backtrace(project: &Project, host: &mut Program, place: &str) -> Result<()> {
    let source = project.read(SCENE)?;
    let line_of = |text: &str| {
        let line = source.lines().position(|line| line.contains(text));
        line.map(|index| index + 1).context("it is in the scene")
    };
    let panicked = line_of("panic!(")?;
    let called = line_of(&format!("at(\"{place}\")"))?;
    let shown = host.ask("backtrace")?;
    let mut frames = shown.split(" | ");
    for (function, place) in [
        ("scene::at", format!("scene/src/lib.rs:{panicked}:")),
        ("", format!("scene/src/lib.rs:{called}:")),
        ("host::main", "host/src/main.rs:".to_owned()),
    ] {
        let is_named = frames.any(|frame| frame.contains(function))
            && frames.any(|frame| frame.contains(&place));
        ensure!(
            is_named,
            "no `{function}` at {place} in the backtrace:\n{}",
            shown.replace(" | ", "\n")
        );
    }
    Ok(())
}

/// The generation is left for the one of the first edition.
fn is_rolled_back(host: &mut Program, generation: u32) -> Result<()> {
    let told = host.event_about("rolled-back", "scene: ")?;
    ensure!(
        told.contains(&format!("generation {generation} is rolled back"))
            && told.contains("generation 1 is live again"),
        "the event does not tell which generation is left for which: {told}"
    );
    Ok(())
}

fn panics_of_nodes(project: &Project) -> Result<Verdict> {
    let mut scene = Scene::put_into(project)?;
    let mut host = project.run()?;
    host.expect_answer("enter text", "look 0, a form with \"text\"")?;
    scene.go_live(&mut host, "nowhere")?;
    host.expect_answer("look", "look 1, a form with \"text\"")?;
    let ways = [
        ("operate", "operate on", "operate 1, a form on"),
        ("look", "look", "look 1, a form with \"text\""),
        ("form", "make another", "look 1, another with \"\""),
    ];
    for (place, request, answer) in ways {
        scene.go_live(&mut host, place)?;
        host.expect_answer(request, answer)?;
        expect_told(&mut host, "`form`", place, scene.edition)?;
        is_rolled_back(&mut host, scene.edition)?;
        host.expect_answer("look", "look 1, a form with \"text\"")?;
    }

    // Nobody waits for an answer of these.
    scene.go_live(&mut host, "drop")?;
    host.expect_answer(
        "make short-lived",
        &format!("look {}, short-lived with \"\"", scene.edition),
    )?;
    host.expect_answer("drop", "dropped")?;
    expect_told(&mut host, "", "drop", scene.edition)?;
    is_rolled_back(&mut host, scene.edition)?;
    scene.save("enter")?;
    expect_told(&mut host, "enter`", "enter", scene.edition)?;
    is_rolled_back(&mut host, scene.edition)?;
    host.expect_answer("look", "look 1, a form with \"text\"")?;
    scene.go_live(&mut host, "restore")?;
    host.ask("look")?;
    expect_told(&mut host, "", "restore", scene.edition)?;
    is_rolled_back(&mut host, scene.edition)?;

    // Those that are left are told when they are.
    scene.go_live(&mut host, "leave")?;
    let left = scene.edition;
    scene.save("save")?;
    expect_told(&mut host, "leave`", "leave", left)?;
    host.event_about("applied", "scene: ")?;
    let now = host.ask("look")?;
    ensure!(
        now.starts_with(&format!("look {}, a form", scene.edition)),
        "{now}"
    );
    let left = scene.edition;
    scene.go_live(&mut host, "nowhere")?;
    let now = host.ask("look")?;
    ensure!(
        now.starts_with(&format!("look {}, a form", scene.edition)),
        "{now}"
    );
    expect_told(&mut host, "", "save", left)?;
    host.expect_answer("panicking", "false")?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn panic_after_probation(project: &Project) -> Result<Verdict> {
    let mut scene = Scene::put_into(project)?;
    let mut host = project.run()?;
    scene.go_live(&mut host, "nowhere")?;
    host.expect_answer("many", "plain 1, 9")?;
    scene.go_live(&mut host, "late")?;
    host.expect_answer("many", "plain 2, 9")?;
    host.expect_answer("plain a-long-word", "plain 1, 11")?;
    let told = host.event_about("panicked", "late of edition 2")?;
    ensure!(
        told.contains("generation 1"),
        "the event does not tell who answers: {told}"
    );
    host.expect_answer("plain word", "plain 1, 4")?;
    host.expect_answer("owned word", "owned 2, word! 3")?;
    let standing = host.ask("standing")?;
    ensure!(
        standing.contains("generation 2 is live")
            && standing.contains("`scene::plain` panicked and is answered by generation 1"),
        "the status does not tell of the function: {standing}"
    );
    scene.go_live(&mut host, "nowhere")?;
    host.expect_answer("plain a-long-word", "plain 3, 11")?;
    let left = host.events_heard("rolled-back");
    ensure!(
        left.is_empty(),
        "the generation had proved itself: {left:?}"
    );
    host.end()?;
    Ok(Verdict::Passed)
}

fn panic_waits_for_build(project: &Project) -> Result<Verdict> {
    let mut scene = Scene::put_into(project)?;
    for safe_point in [false, true] {
        let mut host = start(project, &["wait", if safe_point { "update" } else { "" }])?;
        scene.save("plain")?;
        if safe_point {
            host.event_about("loaded", "scene")?;
            while host.ask("update")? == "0" {}
        }
        host.event_about("applied", "scene")?;
        host.request("plain word")?;
        let panicked = format!("plain of edition {}", scene.edition);
        let told = host.event_about("waiting-for-build", &panicked)?;
        ensure!(
            told.contains("the program stands still") == safe_point,
            "the event does not tell who waits: {told}"
        );
        // A mistake more, and then the repair.
        let text = project.read(SCENE)?;
        project.write(SCENE, &text.replace("at(\"plain\")", "at(\"plain\""))?;
        host.event_about("build-failed", "scene")?;
        project.write(SCENE, &text)?;
        scene.save("nowhere")?;
        host.expect_next_answer("plain word", &format!("plain {}, 4", scene.edition))?;
        host.expect_answer("owned word", &format!("owned {}, word! 3", scene.edition))?;
        // The sources that panicked are not gone back to just because they are there again.
        let good = project.read(SCENE)?;
        project.write(SCENE, &text)?;
        host.event_about("not-recalled", &panicked)?;
        host.expect_answer("plain word", &format!("plain {}, 4", scene.edition))?;
        project.write(SCENE, &good)?;
        host.event_about("recalled", "stays live")?;
        host.end()?;
    }
    Ok(Verdict::Passed)
}

fn panic_ends_the_program(project: &Project) -> Result<Verdict> {
    let mut scene = Scene::put_into(project)?;
    let mut host = start(project, &["abort"])?;
    scene.go_live(&mut host, "plain")?;
    host.expect_answer("owned word", "owned 1, word! 3")?;
    host.request("plain word")?;
    let code = host.exit_code()?;
    ensure!(code == Some(101), "it ended with {code:?}");
    ensure!(
        project.log().to_string().contains("plain of edition 1"),
        "it did not tell why"
    );
    Ok(Verdict::Passed)
}

fn panics_of_the_program(project: &Project) -> Result<Verdict> {
    let mut scene = Scene::put_into(project)?;
    let mut host = project.run()?;
    for edition in 0..=2 {
        for (request, reached) in [
            ("back", "its own, number 7"),
            ("cancel", "its own, number 8"),
            ("twice", "its own, number 9"),
        ] {
            host.expect_answer(request, &format!("a panic reached the program: {reached}"))?;
            host.says("cleaned", "by edition")?;
            host.expect_answer("panicking", "false")?;
        }
        // By value, through code of std for it.
        host.expect_answer("boxed", "a panic reached the program: its own, number 10")?;
        host.expect_answer("plain word", &format!("plain {edition}, 4"))?;
        scene.go_live(&mut host, "nowhere")?;
    }
    for event in ["panicked", "rolled-back"] {
        let told = host.events_heard(event);
        ensure!(told.is_empty(), "the hot code did not panic: {told:?}");
    }
    // What new code calls by its name panics for it, wherever that is linked.
    scene.go_live(&mut host, "in std")?;
    let edition = scene.edition - 1;
    host.expect_answer("plain word", &format!("plain {edition}, 4"))?;
    let told = host.event_about("panicked", "capacity overflow")?;
    ensure!(
        told.contains("`scene::plain`"),
        "it does not tell of the function: {told}"
    );
    host.event_about("rolled-back", "scene: ")?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn panics_of_what_was_handed_out(project: &Project) -> Result<Verdict> {
    let mut scene = Scene::put_into(project)?;
    let mut host = project.run()?;
    scene.go_live(&mut host, "nowhere")?;
    for (request, reached) in [
        ("kept", "a panic reached the program"),
        ("kept-on-a-thread", "the thread panicked"),
    ] {
        scene.go_live(&mut host, "handed out")?;
        let edition = scene.edition;
        host.expect_answer("keep", "kept")?;
        let message = format!("handed out of edition {edition}");
        host.expect_answer(request, &format!("{reached}: {message}"))?;
        expect_told(&mut host, "a closure or an object", "handed out", edition)?;
        is_rolled_back(&mut host, edition)?;
        host.expect_answer("panicking", "false")?;
        host.expect_answer("keep", "kept")?;
        host.expect_answer(request, "handed out by 1")?;
    }
    host.end()?;
    Ok(Verdict::Passed)
}

fn panics_between_full_and_thin(project: &Project) -> Result<Verdict> {
    let mut scene = Scene::put_into(project)?;
    let at = "fn at(place: &str) {";
    let (not_called, called) = (format!("{COUNT}{at}"), format!("{COUNT}{at}\n    count();"));
    project.edit(SCENE, at, &not_called)?;
    let mut host = project.run()?;
    project.libraries().expect_full("CALLS");
    let mut is_full = false;
    let mut go_live = |scene: &mut Scene<'_>, host: &mut Program, linking: &str, fails| {
        if is_full != (linking == "full") {
            let (old, new) = match is_full {
                false => (&not_called, &called),
                true => (&called, &not_called),
            };
            project.edit(SCENE, old, new)?;
            host.event_about("applied", "scene: ")?;
            is_full = !is_full;
        }
        scene.save(fails)?;
        let built = host.event_about("built", "scene")?;
        let is_meant = built.contains(&format!("({linking}"));
        ensure!(is_meant, "it is not {linking}: {built}");
        host.event_about("applied", "scene: ")
    };
    for (keeps, catches) in [("full", "thin"), ("thin", "full")] {
        go_live(&mut scene, &mut host, keeps, "handed out")?;
        let edition = scene.edition;
        host.expect_answer("keep", "kept")?;
        go_live(&mut scene, &mut host, catches, "nowhere")?;
        let answer = format!("caught by {}", scene.edition);
        host.expect_answer("caught-by-new-code", &answer)?;
        expect_told(&mut host, "a closure or an object", "handed out", edition)?;
        host.expect_answer("panicking", "false")?;
        host.expect_answer("plain word", &format!("plain {}, 4", scene.edition))?;
    }
    host.end()?;
    Ok(Verdict::Passed)
}

fn panic_abort(project: &Project) -> Result<Verdict> {
    let mut scene = Scene::put_into(project)?;
    let manifest = project.read("Cargo.toml")?;
    let text = format!("{manifest}\n[profile.dev]\npanic = \"abort\"\n");
    project.write("Cargo.toml", &text)?;
    let program = project.build(BuildAs::default())?;
    let mut host = project.start_unwatched("host", project.command(&program))?;
    host.event_about("problem", "abort")?;
    host.event("watching")?;
    scene.go_live(&mut host, "nowhere")?;
    host.expect_answer("plain word", "plain 1, 4")?;
    scene.go_live(&mut host, "plain")?;
    host.request("plain word")?;
    let code = host.exit_code()?;
    ensure!(code.is_none(), "it ended by itself, with {code:?}");
    Ok(Verdict::Passed)
}

/// Builds the program, and starts it with these arguments.
pub(super) fn start(project: &Project, arguments: &[&str]) -> Result<Program> {
    let program = project.build(BuildAs::default())?;
    let mut command = project.command(&program);
    command.args(arguments);
    project.start("host", command)
}
