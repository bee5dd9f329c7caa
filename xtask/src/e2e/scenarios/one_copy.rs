//! What a program and its thin libraries have one copy of, with no annotation: runtimes, loggers, the
//! allocator, pools, statics and thread-locals.

use std::any::type_name;
use std::sync::atomic::{AtomicI32, AtomicU32};

use anyhow::{Result, ensure};

use super::super::mode::Mode;
use super::super::project::{Project, SCENE};
use super::super::variant::Variant;
use super::super::{Modes, Scenario, Verdict};
use crate::program::Program;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "tokio_in_hot_code",
        about: "hot code sleeps, spawns, waits and talks on the tokio runtime of the program",
        modes: Modes::Only(Mode::Thin, COPIES),
        run: tokio_in_hot_code,
    },
    Scenario {
        name: "logging",
        about: "hot code logs to the program's logger, and traces to its subscriber, at the level of the moment",
        modes: Modes::Both,
        run: logging,
    },
    Scenario {
        name: "global_allocator",
        about: "program and hot code free what the other allocated, with an allocator of the program's own",
        modes: Modes::Both,
        run: global_allocator,
    },
    Scenario {
        name: "rayon_in_hot_code",
        about: "hot code works in the pool of threads that it is called in",
        modes: Modes::Only(Mode::Thin, COPIES),
        run: rayon_in_hot_code,
    },
    Scenario {
        name: "statics_keep_their_values",
        about: "statics and thread-locals of program, dependency and hot crate count on through twenty edits",
        modes: Modes::Only(Mode::Thin, COPIES),
        run: statics_keep_their_values,
    },
    Scenario {
        name: "statics_that_change",
        about: "a static whose type changed begins anew, one whose initial value was edited does not, and both is said; new ones live on",
        modes: Modes::Only(Mode::Thin, COPIES),
        run: statics_that_change,
    },
];

/// Why a full library cannot do it.
const COPIES: &str = "a full library has a copy of its own of all that its dependencies keep";

/// One of each feature of tokio that a scenario uses, so that it is compiled once for all of them.
pub(super) const TOKIO: &str = "tokio = { version = \"1\", features = \
    [\"io-util\", \"macros\", \"net\", \"rt-multi-thread\", \"sync\", \"time\"] }";

fn tokio_in_hot_code(project: &Project) -> Result<Verdict> {
    put(
        project,
        include_str!("../fixture/one_copy/tokio_host.rs"),
        include_str!("../fixture/one_copy/tokio_scene.rs"),
    )?;
    add_dependencies(project, &["host", "scene"], TOKIO)?;
    let mut host = project.run()?;
    for edition in 0..=2 {
        host.expect_answer(
            "work",
            &format!("edition {edition} in of the program, edition {edition} by wire, request 7"),
        )?;
        host.expect_answer("spawn", &format!("edition {edition} in of the program"))?;
        host.expect_answer(
            "handle",
            &format!("edition {edition}, 2 workers here and 2 there"),
        )?;
        next_edition(project, &mut host, edition)?;
    }
    host.end()?;
    Ok(Verdict::Passed)
}

fn logging(project: &Project) -> Result<Verdict> {
    put(
        project,
        include_str!("../fixture/one_copy/logging_host.rs"),
        include_str!("../fixture/one_copy/logging_scene.rs"),
    )?;
    add_dependencies(
        project,
        &["host", "scene"],
        "log = \"0.4\"\ntracing = { version = \"0.1\", default-features = false, features = [\"std\"] }",
    )?;
    add_dependencies(
        project,
        &["host"],
        "tracing-subscriber = { version = \"0.3\", default-features = false, features = [\"fmt\"] }",
    )?;
    if project.mode() == Mode::Full {
        project.edit(
            "host/Cargo.toml",
            "hot-app = { path",
            "hot-app = { features = [\"log\", \"tracing\"], path",
        )?;
    }
    let mut host = project.run()?;
    for edition in 0..=2 {
        host.expect_answer("level INFO", "INFO")?;
        host.expect_answer("work loud", "true")?;
        host.says("log", &format!("INFO edition {edition} logs loud"))?;
        host.wait_for("what was traced", |line| {
            line.trim_start()
                == format!(
                    "INFO working{{edition=\"edition {edition}\"}}: scene: traced n=\"loud\""
                )
        })?;
        host.expect_answer("level WARN", "WARN")?;
        host.expect_answer("work quiet", "false")?;
        next_edition(project, &mut host, edition)?;
    }
    let unheard = host
        .heard()
        .iter()
        .find(|line| line.contains("whisper") || line.contains("logs quiet"));
    ensure!(unheard.is_none(), "nobody wanted to hear {unheard:?}");
    host.end()?;
    Ok(Verdict::Passed)
}

fn global_allocator(project: &Project) -> Result<Verdict> {
    put(
        project,
        include_str!("../fixture/one_copy/allocator_host.rs"),
        include_str!("../fixture/one_copy/allocator_scene.rs"),
    )?;
    if project.mode() == Mode::Full {
        // A full library would have the system's allocator, and is told to use the program's.
        project.edit(
            "host/Cargo.toml",
            "hot-app = { path",
            "hot-app = { features = [\"allocator\"], path",
        )?;
        project.edit(
            "host/src/main.rs",
            "#[global_allocator]\nstatic GLOBAL: Marking = Marking;",
            "hot_app::global_allocator! {\n    static GLOBAL: Marking = Marking;\n}",
        )?;
    }
    let mut host = project.run()?;
    for edition in 0..=3 {
        host.expect_answer(
            "exchange",
            &format!("edition {edition} took 500, true blocks more"),
        )?;
        host.expect_answer("keep", &(edition + 1).to_string())?;
        next_edition(project, &mut host, edition)?;
    }
    // Made by four generations, and freed by the program.
    host.expect_answer(
        "drop",
        "[\"edition 0 0\", \"edition 1 0\", \"edition 2 0\", \"edition 3 0\"]",
    )?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn rayon_in_hot_code(project: &Project) -> Result<Verdict> {
    put(
        project,
        include_str!("../fixture/one_copy/rayon_host.rs"),
        include_str!("../fixture/one_copy/rayon_scene.rs"),
    )?;
    add_dependencies(project, &["host", "scene"], "rayon = \"1\"")?;
    let mut host = project.run()?;
    let sum: u64 = (0..10_000_u64).map(|n| n * n % 7).sum();
    for edition in 0..=2 {
        let begin = format!("edition {edition}: {sum}, a first");
        // The thread that asks is no thread of the pool: its half of a `join` may run there, or here.
        let answer = host.ask("work")?;
        ensure!(
            answer.starts_with(&format!("{begin}, 3 threads {{")) && !answer.contains("another"),
            "{answer}"
        );
        ensure!(answer.contains("of the program "), "{answer}");
        host.expect_answer(
            "other",
            &format!("{begin}, 2 threads {{\"of another pool \"}}"),
        )?;
        host.expect_answer("stolen", "true")?;
        next_edition(project, &mut host, edition)?;
    }
    host.end()?;
    Ok(Verdict::Passed)
}

fn statics_keep_their_values(project: &Project) -> Result<Verdict> {
    const EDITS: u32 = 20;
    put(
        project,
        include_str!("../fixture/one_copy/statics_host.rs"),
        include_str!("../fixture/one_copy/statics_scene.rs"),
    )?;
    project.write(
        "palette/src/lib.rs",
        include_str!("../fixture/one_copy/statics_palette.rs"),
    )?;
    let mut host = project.run()?;
    for edition in 0..=EDITS {
        // Two threads count in each edition, one after the other.
        for (request, of_all, of_thread) in [
            ("here", 2 * edition + 1, edition + 1),
            ("there", 2 * edition + 2, edition + 1),
        ] {
            let lazy = 100 + of_all;
            let inner = 1000 + of_all;
            // The same `static` for all types.
            let generic = 2 * of_all;
            host.expect_answer(
                request,
                &format!(
                    "crate {of_all} {of_all} {lazy} {of_all} {inner} {generic} since edition 0; \
                     thread {of_thread} {of_thread} since edition 0; \
                     dependency {of_all} {of_thread}; program {of_all} {of_thread}"
                ),
            )?;
        }
        host.expect_answer("plain", &(2 * edition + 2).to_string())?;
        host.expect_answer("name", &format!("edition {edition}"))?;
        if edition < EDITS {
            next_edition(project, &mut host, edition)?;
        }
    }
    host.end()?;
    Ok(Verdict::Passed)
}

fn statics_that_change(project: &Project) -> Result<Verdict> {
    const EDITS: u32 = 5;
    put(
        project,
        include_str!("../fixture/one_copy/statics_host.rs"),
        include_str!("../fixture/one_copy/statics_scene.rs"),
    )?;
    project.write(
        "palette/src/lib.rs",
        include_str!("../fixture/one_copy/statics_palette.rs"),
    )?;
    let mut host = project.run()?;
    answers(&mut host, "here", "crate 1 1 101 ")?;
    // What the program began with is known, though nothing was built yet.
    project.edit(
        SCENE,
        "static COUNT: AtomicU32 = AtomicU32::new(0);\n/// The program",
        "static COUNT: AtomicU32 = AtomicU32::new(70);\n/// The program",
    )?;
    host.event_about(
        "built",
        "static `scene::COUNT` keeps its value, though its initial value changed; restart the program",
    )?;
    host.event_about("applied", "scene: ")?;
    answers(&mut host, "here", "crate 2 2 102 ")?;
    // Of one size, and of one name.
    project.edit(
        SCENE,
        "static COUNT: AtomicU32 = AtomicU32::new(70);\n/// The program",
        "static COUNT: std::sync::atomic::AtomicI32 = std::sync::atomic::AtomicI32::new(0);\n/// The program",
    )?;
    // Some versions of std have one type for all of them.
    let (old, new) = (type_name::<AtomicU32>(), type_name::<AtomicI32>());
    host.event_about(
        "built",
        &format!("static `scene::COUNT` changed its type (`{old}` → `{new}`) and begins anew"),
    )?;
    host.event_about("applied", "scene: ")?;
    answers(&mut host, "here", "crate 1 3 103 ")?;

    project.edit_all(
        SCENE,
        &[
            (
                "static FIRST: OnceLock",
                "static NEW: Mutex<u32> = Mutex::new(500);\n\
                 thread_local! { static NEW_CELL: Cell<u32> = const { Cell::new(600) }; }\n\
                 static FIRST: OnceLock",
            ),
            (
                "    format!(\n        \"crate {count} ",
                "    let mut new = NEW.lock().expect(\"nothing panics\");\n    *new += 1;\n    \
                 NEW_CELL.set(NEW_CELL.get() + 1);\n    let cell = NEW_CELL.get();\n    \
                 format!(\n        \"new {new} {cell} crate {count} ",
            ),
        ],
    )?;
    host.event_about("applied", "scene: ")?;
    for edition in 0..=EDITS {
        let (new, cell, count) = (501 + 2 * edition, 601 + edition, 2 + 2 * edition);
        answers(
            &mut host,
            "here",
            &format!("new {new} {cell} crate {count} "),
        )?;
        // In another thread, where the thread-local is another.
        let (new, count) = (new + 1, count + 1);
        answers(
            &mut host,
            "there",
            &format!("new {new} {cell} crate {count} "),
        )?;
        if edition < EDITS {
            next_edition(project, &mut host, edition)?;
        }
    }
    host.end()?;
    Ok(Verdict::Passed)
}

/// Asks, and looks how the answer begins.
fn answers(host: &mut Program, request: &str, beginning: &str) -> Result<()> {
    let answer = host.ask(request)?;
    ensure!(answer.starts_with(beginning), "{answer}, not {beginning}");
    Ok(())
}

fn put(project: &Project, host: &'static str, scene: &'static str) -> Result<()> {
    let edits = &[];
    Variant { host, scene, edits }.put_into(project)
}

/// Adds lines to the dependencies of packages.
pub(super) fn add_dependencies(project: &Project, packages: &[&str], lines: &str) -> Result<()> {
    packages.iter().try_for_each(|package| {
        project.edit(
            &format!("{package}/Cargo.toml"),
            "[dependencies]",
            &format!("[dependencies]\n{lines}"),
        )
    })
}

/// Saves the edition after this one, and waits until it is live.
fn next_edition(project: &Project, host: &mut Program, edition: u32) -> Result<()> {
    let text = |edition| format!("\"edition {edition}\"");
    project.edit(SCENE, &text(edition), &text(edition + 1))?;
    host.event_about("applied", "scene: ")?;
    Ok(())
}
