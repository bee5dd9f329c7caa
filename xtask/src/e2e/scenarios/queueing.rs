//! Saves that come before their turn: none is lost, none is built for nothing.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::super::project::{BACKDROP, BuildAs, Project, SCENE};
use super::super::{Mode, Modes, Scenario, Verdict};
use crate::interrupt;
use crate::program::Program;
use crate::save::Save;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "edit_while_building",
        about: "a save during a build replaces it: the latest wins, the middle one never runs",
        modes: Modes::Both,
        run: edit_while_building,
    },
    Scenario {
        name: "two_quick_saves",
        about: "two saves in a breath: the second is live in the end, and nothing is left over",
        modes: Modes::Both,
        run: two_quick_saves,
    },
    Scenario {
        name: "save_without_change",
        about: "saving, touching or replacing a file with the same bytes starts nothing",
        modes: Modes::Both,
        run: save_without_change,
    },
    Scenario {
        name: "change_and_back",
        about: "a change taken back during its build leaves the program as it was",
        modes: Modes::Both,
        run: change_and_back,
    },
    Scenario {
        name: "requests",
        about: "a build that the program asks for, one that it cancels, and one of an unknown crate",
        modes: Modes::Both,
        run: requests,
    },
    Scenario {
        name: "cancel_at_every_stage",
        about: "a build is cancelled before, in and behind its compiler, and none of its processes is left",
        modes: Modes::Both,
        run: cancel_at_every_stage,
    },
];

/// Why a scenario with a [`gated_host`] is for Unix.
pub(super) const NEEDS_A_GATE: &str = "it holds a build open with a shell script";

/// A stand-in for rustc that waits, as long as the project's file `gate` is there.
///
/// Cargo calls it by `RUSTC_WRAPPER`, with the compiler's own command line. It lets the questions
/// pass that cargo asks before it builds anything.
pub(super) fn gated_host(project: &Project) -> Result<Program> {
    let gate = project.path("gate");
    let wrapper = project.script(
        "gated-rustc",
        &format!(
            "#!/bin/sh\ncase \"$*\" in *'--crate-name scene'*)\n\
             while [ -e '{}' ]; do sleep 0.02; done;;\nesac\nexec \"$@\"\n",
            gate.display()
        ),
    )?;
    let mut command = project.command(&project.build(BuildAs::default())?);
    command.env("RUSTC_WRAPPER", wrapper);
    project.start("host", command)
}

fn edit_while_building(project: &Project) -> Result<Verdict> {
    if !cfg!(unix) {
        return Ok(Verdict::Skipped(NEEDS_A_GATE.to_owned()));
    }
    let mut host = gated_host(project)?;
    project.write("gate", "")?;
    project.edit(SCENE, "step one", "step two")?;
    host.event_about("build-started", "scene")?;
    project.edit(SCENE, "step two", "step three")?;
    host.event_about("cancelled", "scene")?;
    host.event_about("build-started", "scene")?;
    fs::remove_file(project.path("gate")).context("cannot open the gate")?;
    host.says("step", "step three")?;
    ensure!(
        !host.heard().iter().any(|line| line.contains("step two")),
        "the save that was replaced ran all the same"
    );
    host.end()?;
    Ok(Verdict::Passed)
}

fn two_quick_saves(project: &Project) -> Result<Verdict> {
    let mut host = project.run()?;
    project.edit(SCENE, "step one", "step two")?;
    project.edit(SCENE, "step two", "step three")?;
    host.says("step", "step three")?;
    // Whatever the two had started is over when a later save of the same crate is live.
    host.count_from_here();
    project.edit(SCENE, "step three", "step four")?;
    host.says("step", "step four")?;
    let builds = host.events_heard("build-started");
    ensure!(
        builds.len() == 1,
        "one save started {} builds: {builds:?}",
        builds.len()
    );
    host.end()?;
    Ok(Verdict::Passed)
}

fn save_without_change(project: &Project) -> Result<Verdict> {
    let mut host = project.run()?;
    let text = project.read(SCENE)?;
    let path = project.path(SCENE);
    for save in [Save::Truncate, Save::Rename, Save::Recreate, Save::Pieces] {
        save.write(&path, &text)?;
    }
    let file = fs::File::options()
        .append(true)
        .open(&path)
        .context("cannot open the file")?;
    file.set_modified(std::time::SystemTime::now())
        .context("cannot touch the file")?;
    // A real save behind it, of the other crate: had the others started something, it would have
    // been heard before this one is live, or together with it.
    project.edit(BACKDROP, "shade one", "shade two")?;
    host.says("shade", "shade two")?;
    for event in ["change-seen", "build-started"] {
        let heard = host.events_heard(event);
        ensure!(
            heard.len() == 1,
            "`{event}` came {} times: {heard:?}",
            heard.len()
        );
        ensure!(
            heard[0].contains("backdrop"),
            "`{event}` is about another crate: {heard:?}"
        );
    }
    host.end()?;
    Ok(Verdict::Passed)
}

fn change_and_back(project: &Project) -> Result<Verdict> {
    if !cfg!(unix) {
        return Ok(Verdict::Skipped(NEEDS_A_GATE.to_owned()));
    }
    let mut host = gated_host(project)?;
    project.write("gate", "")?;
    project.edit(SCENE, "step one", "step two")?;
    host.event_about("build-started", "scene")?;
    project.edit(SCENE, "step two", "step one")?;
    host.event_about("cancelled", "scene")?;
    fs::remove_file(project.path("gate")).context("cannot open the gate")?;
    project.edit(SCENE, "helper one", "helper two")?;
    host.says("step", "step one, helper two")?;
    ensure!(
        !host.heard().iter().any(|line| line.contains("step two")),
        "the change that was taken back ran all the same"
    );
    host.end()?;
    Ok(Verdict::Passed)
}

fn requests(project: &Project) -> Result<Verdict> {
    if !cfg!(unix) {
        return Ok(Verdict::Skipped(NEEDS_A_GATE.to_owned()));
    }
    // Nothing was compiled for the first build, so nothing told how.
    project.libraries().expect_full("is not known yet");
    let mut host = gated_host(project)?;
    let scene = project.path("scene").display().to_string();
    host.ask(&format!("rebuild {scene}"))?;
    host.event_about("applied", "scene")?;
    host.ask(&format!("rebuild {scene}"))?;
    host.event_about("unchanged", "scene")?;

    host.ask("rebuild /no/such/crate")?;
    host.event_about("problem", "/no/such/crate")?;

    project.write("gate", "")?;
    project.edit(SCENE, "step one", "step two")?;
    host.event_about("build-started", "scene")?;
    host.ask(&format!("cancel {scene}"))?;
    host.event_about("cancelled", "scene")?;
    ensure!(
        host.ask("step")?.contains("step one"),
        "the build that was cancelled runs"
    );
    fs::remove_file(project.path("gate")).context("cannot open the gate")?;
    host.ask(&format!("rebuild {scene}"))?;
    host.says("step", "step two")?;
    host.end()?;
    Ok(Verdict::Passed)
}

/// Where a build can be held: each place waits as long as the file `hold-<place>` is there, and says by a
/// file `held-<place>` that it was reached.
fn cancel_at_every_stage(project: &Project) -> Result<Verdict> {
    if !cfg!(target_os = "linux") {
        return Ok(Verdict::Skipped("it looks at /proc".to_owned()));
    }
    let root = project.root().display().to_string();
    let hold = |place: &str| {
        format!(
            "if [ -e '{root}/hold-{place}' ]; then touch '{root}/held-{place}'; \
             while [ -e '{root}/hold-{place}' ]; do sleep 0.02; done; fi"
        )
    };
    let linker = project.script(
        "slow-linker",
        &format!(
            "#!/bin/sh\ncase \"$*\" in *'libscene'*) {};; esac\nexec cc \"$@\"\n",
            hold("linker")
        ),
    )?;
    // It names the linker, too: were that in cargo's configuration, cargo would build everything anew.
    let wrapper = project.script(
        "slow-rustc",
        &format!(
            "#!/bin/sh\ncase \"$*\" in *'--crate-name scene'*) {};\n\
             exec \"$@\" -C linker='{}';; esac\nexec \"$@\"\n",
            hold("wrapper"),
            linker.display()
        ),
    )?;
    // The compiler itself is held by a macro that it runs.
    project.edit("Cargo.toml", "members = [", "members = [\"held\", ")?;
    project.write(
        "held/Cargo.toml",
        "[package]\nname = \"held\"\nedition = \"2024\"\n\n[lib]\nproc-macro = true\n",
    )?;
    let in_compiler = hold("compiler");
    project.write(
        "held/src/lib.rs",
        &format!(
            "#[proc_macro]\npub fn hold(_: proc_macro::TokenStream) -> proc_macro::TokenStream {{\n    \
             let mut shell = std::process::Command::new(\"sh\");\n    \
             shell.args([\"-c\", {in_compiler:?}]).status().expect(\"there is a shell\");\n    \
             Default::default()\n}}\n"
        ),
    )?;
    project.edit(
        "scene/Cargo.toml",
        "palette = {",
        "held = { path = \"../held\" }\npalette = {",
    )?;
    project.edit(SCENE, "fn helper()", "held::hold!();\n\nfn helper()")?;

    let program = project.build(BuildAs::default())?;
    let scene = project.path("scene").display().to_string();
    let mut step = 0;
    let mut next_step = || {
        let edit = |word| format!("step {word},");
        let before = if step == 0 {
            edit("one".to_owned())
        } else {
            edit(step.to_string())
        };
        step += 1;
        let after = edit(step.to_string());
        project.edit(SCENE, &before, &after).map(|()| after)
    };
    // A thin library is linked by another linker, which nothing holds.
    let places: &[&str] = match project.mode() {
        Mode::Thin => &["wrapper", "compiler"],
        Mode::Full => &["wrapper", "compiler", "linker"],
    };
    let mut command = project.command(&program);
    command.env("RUSTC_WRAPPER", &wrapper);
    let mut host = project.start("host", command)?;
    // The first builds are cargo's, and those behind one that went live may repeat what it did.
    for _ in 0..2 {
        for place in places {
            let (gate, reached) = (format!("hold-{place}"), format!("held-{place}"));
            project.write(&gate, "")?;
            next_step()?;
            host.event_about("build-started", "scene")?;
            wait_for_file(&project.path(&reached))?;
            host.ask(&format!("cancel {scene}"))?;
            host.event_about("cancelled", "scene")?;
            let left = processes_in(project, host.pid())?;
            ensure!(
                left.is_empty(),
                "cancelled at the {place}, the build left {left:?}"
            );
            for file in [gate, reached] {
                fs::remove_file(project.path(&file)).context("cannot open the gate")?;
            }
        }
        let step = next_step()?;
        host.says("step", &step)?;
    }
    host.end()?;
    Ok(Verdict::Passed)
}

fn wait_for_file(path: &Path) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(180);
    while !path.exists() {
        interrupt::check()?;
        ensure!(
            Instant::now() < deadline,
            "{} does not come",
            path.display()
        );
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// The command lines of what runs in the project's folders, by the process table; not that of `host`.
fn processes_in(project: &Project, host: u32) -> Result<Vec<String>> {
    let processes = fs::read_dir("/proc").context("there is no process table")?;
    let folders = processes.filter_map(|process| Some(process.ok()?.path()));
    let others = folders.filter(|folder| !folder.ends_with(host.to_string()));
    let running = others.filter(|folder| {
        fs::read_link(folder.join("cwd")).is_ok_and(|cwd| cwd.starts_with(project.root()))
    });
    Ok(running
        .map(|folder| fs::read_to_string(folder.join("cmdline")).unwrap_or_default())
        .collect())
}
