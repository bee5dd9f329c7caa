//! Saves that come before their turn: none is lost, none is built for nothing.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use super::super::gate::{Gate, NEEDS_A_GATE};
use super::super::project::{BACKDROP, BuildAs, Project, SCENE};
use super::super::{Mode, Modes, Scenario, Verdict};
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
        name: "written_while_built",
        about: "what the compiler may have read in part, or before it was told of, does not run",
        modes: Modes::Both,
        run: written_while_built,
    },
    Scenario {
        name: "save_without_change",
        about: "saving, touching or replacing a file with the same bytes starts nothing",
        modes: Modes::Both,
        run: save_without_change,
    },
    Scenario {
        name: "comments",
        about: "a save that changes a comment says that nothing that runs has changed, from the first one on",
        modes: Modes::Both,
        run: comments,
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

fn edit_while_building(project: &Project) -> Result<Verdict> {
    if !cfg!(unix) {
        return Ok(Verdict::Skipped(NEEDS_A_GATE.to_owned()));
    }
    let gate = Gate::in_compiler(project)?;
    let mut host = project.run()?;
    gate.close()?;
    project.edit(SCENE, "step one", "step two")?;
    host.event_about("build-started", "scene")?;
    project.edit(SCENE, "step two", "step three")?;
    host.event_about("cancelled", "scene")?;
    host.event_about("build-started", "scene")?;
    gate.open()?;
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

/// The watcher looks so seldom here that nothing is told of a save before the build is over.
fn written_while_built(project: &Project) -> Result<Verdict> {
    if !cfg!(unix) {
        return Ok(Verdict::Skipped(NEEDS_A_GATE.to_owned()));
    }
    project.edit(
        "host/src/main.rs",
        "HotReload::start()",
        "HotReload::options().poll_files(Duration::from_secs(86_400)).start()",
    )?;
    let gate = Gate::in_compiler(project)?;
    let mut host = project.run()?;
    let scene = project.path("scene").display().to_string();
    let build_held = |host: &mut Program, save: &dyn Fn() -> Result<()>| -> Result<()> {
        gate.close()?;
        host.ask(&format!("rebuild {scene}"))?;
        host.event_about("build-started", "scene")?;
        gate.reached()?;
        save()?;
        gate.open()?;
        let cancelled = host.event_about("cancelled", "scene")?;
        ensure!(cancelled.contains("changed meanwhile"), "{cancelled}");
        Ok(())
    };
    // The compiler has read "step one" and is to be believed to have built "step two".
    build_held(&mut host, &|| project.edit(SCENE, "step one", "step two"))?;
    host.event_about("change-seen", "scene")?;
    host.says("step", "step two")?;
    host.event_about("applied", "scene")?;
    // The same bytes again: nobody tells of that, but the compiler may have read the half of them.
    let text = project.read(SCENE)?;
    let path = project.path(SCENE);
    build_held(&mut host, &|| Save::Truncate.write(&path, &text))?;
    host.event_about("build-started", "scene")?;
    host.event_about("unchanged", "scene")?;
    // What fails tells of the text that is there.
    build_held(&mut host, &|| {
        project.edit(SCENE, "fn helper()", "fn helped()")
    })?;
    host.event_about("build-failed", "scene")?;
    build_held(&mut host, &|| {
        project.edit(SCENE, "fn helped()", "fn helper()")?;
        project.edit(SCENE, "step two", "step three")
    })?;
    host.says("step", "step three")?;
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

fn comments(project: &Project) -> Result<Verdict> {
    // As by hand, and not by cargo in an environment of rustup's.
    let mut command = project.command(&project.build(BuildAs::default())?);
    command.env_remove("RUSTUP_TOOLCHAIN");
    let mut host = project.start("host", command)?;
    let mut remark = |relative: &str, old: &str, new: &str| -> Result<()> {
        project.edit(relative, old, new)?;
        let told = host.event_about("unchanged", "scene")?;
        ensure!(told.contains("nothing that runs has changed"), "{told}");
        Ok(())
    };
    remark(SCENE, "\"helper one\"", "\"helper one\" // helps")?;
    remark(SCENE, "// helps", "// helps once")?;
    // Of a plain library below, which cargo compiles.
    remark(
        "palette/src/lib.rs",
        "\"colour one\"",
        "\"colour one\" // paints",
    )?;
    remark("palette/src/lib.rs", "// paints", "// paints twice")?;
    ensure!(
        host.ask("step")?
            .contains("step one, helper one, colour one")
    );
    project.edit(SCENE, "helper one", "helper two")?;
    host.says("step", "step one, helper two")?;
    project.edit(SCENE, "helps once", "helps twice")?;
    host.event_about("unchanged", "scene")?;
    ensure!(host.ask("step")?.contains("helper two"));
    let applied = host.events_heard("applied");
    ensure!(applied.len() == 1, "comments went live: {applied:?}");
    host.end()?;
    Ok(Verdict::Passed)
}

fn change_and_back(project: &Project) -> Result<Verdict> {
    if !cfg!(unix) {
        return Ok(Verdict::Skipped(NEEDS_A_GATE.to_owned()));
    }
    let gate = Gate::in_compiler(project)?;
    let mut host = project.run()?;
    gate.close()?;
    project.edit(SCENE, "step one", "step two")?;
    host.event_about("build-started", "scene")?;
    project.edit(SCENE, "step two", "step one")?;
    host.event_about("cancelled", "scene")?;
    gate.open()?;
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
    let gate = Gate::in_compiler(project)?;
    let mut host = project.run()?;
    let scene = project.path("scene").display().to_string();
    host.ask(&format!("rebuild {scene}"))?;
    host.event_about("applied", "scene")?;
    host.ask(&format!("rebuild {scene}"))?;
    host.event_about("unchanged", "scene")?;

    host.ask("rebuild /no/such/crate")?;
    host.event_about("problem", "/no/such/crate")?;

    gate.close()?;
    project.edit(SCENE, "step one", "step two")?;
    host.event_about("build-started", "scene")?;
    host.ask(&format!("cancel {scene}"))?;
    host.event_about("cancelled", "scene")?;
    ensure!(
        host.ask("step")?.contains("step one"),
        "the build that was cancelled runs"
    );
    gate.open()?;
    host.ask(&format!("rebuild {scene}"))?;
    host.says("step", "step two")?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn cancel_at_every_stage(project: &Project) -> Result<Verdict> {
    if !cfg!(target_os = "linux") {
        return Ok(Verdict::Skipped("it looks at /proc".to_owned()));
    }
    let mut gates = vec![Gate::in_compiler(project)?];
    let mut wrapper = None;
    // A thin library needs no cargo, which calls the one, and no C compiler, which is the other.
    if project.mode() == Mode::Full {
        let before = Gate::at(project, "wrapper");
        let behind = Gate::at(project, "linker");
        let linker = project.script(
            "slow-linker",
            &format!(
                "#!/bin/sh\ncase \"$*\" in *'libscene'*) {};; esac\nexec cc \"$@\"\n",
                behind.shell()
            ),
        )?;
        // It names the linker, too: were that in cargo's configuration, cargo would build everything anew.
        wrapper = Some(project.script(
            "slow-rustc",
            &format!(
                "#!/bin/sh\ncase \"$*\" in *'--crate-name scene'*) {};\n\
                 exec \"$@\" -C linker='{}';; esac\nexec \"$@\"\n",
                before.shell(),
                linker.display()
            ),
        )?);
        gates.extend([before, behind]);
    }
    let mut command = project.command(&project.build(BuildAs::default())?);
    command.envs(wrapper.map(|wrapper| ("RUSTC_WRAPPER", wrapper)));
    let mut host = project.start("host", command)?;
    let scene = project.path("scene").display().to_string();
    let mut now = "step one,".to_owned();
    let mut step = 0;
    let mut next_step = || {
        step += 1;
        let before = std::mem::replace(&mut now, format!("step {step},"));
        project.edit(SCENE, &before, &now).map(|()| now.clone())
    };
    // Builds behind one that went live may repeat what it did.
    for _ in 0..2 {
        for gate in &gates {
            gate.close()?;
            next_step()?;
            host.event_about("build-started", "scene")?;
            gate.reached()?;
            host.ask(&format!("cancel {scene}"))?;
            host.event_about("cancelled", "scene")?;
            let mut left = processes_in(project, host.pid())?;
            // The others do ahead what builds of other crates will need.
            left.retain(|command| command.contains("scene"));
            ensure!(left.is_empty(), "the cancelled build left {left:?}");
            gate.open()?;
        }
        let step = next_step()?;
        host.says("step", &step)?;
    }
    host.end()?;
    Ok(Verdict::Passed)
}

/// The command lines of what runs in the project's folders for the scene, by the process table; not that of
/// `host`.
fn processes_in(project: &Project, host: u32) -> Result<Vec<String>> {
    let processes = fs::read_dir("/proc").context("there is no process table")?;
    let folders = processes.filter_map(|process| Some(process.ok()?.path()));
    let others = folders.filter(|folder| !folder.ends_with(host.to_string()));
    let running = others.filter(|folder| {
        fs::read_link(folder.join("cwd")).is_ok_and(|cwd| cwd.starts_with(project.root()))
    });
    let commands =
        running.map(|folder| fs::read_to_string(folder.join("cmdline")).unwrap_or_default());
    // What is compiled ahead of the other crate's first edit is nobody's build.
    Ok(commands
        .filter(|command| !command.contains("--crate-name\0backdrop"))
        .collect())
}
