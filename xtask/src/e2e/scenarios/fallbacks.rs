//! Why a library is full where thin ones are wanted: the reason is told by the event and by the status,
//! the full library works, and thin ones come back when the reason is gone.
//!
//! That the linker is missing or fails, that a file to be linked cannot be read, and that the system is another
//! one is not brought about from outside; `hot-build` reaches these by hand.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::super::gate::NEEDS_A_GATE;
use super::super::mode::Mode;
use super::super::project::{BuildAs, LINKING, Project, SCENE};
use super::super::{Modes, Scenario, Verdict};
use crate::program::Program;
use crate::step;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "fallback_custom_command",
        about: "HOT_BUILD_ARGS says how to build: a full library, and the reason; thin ones are not to be insisted on",
        modes: ONLY_THIN,
        run: custom_command,
    },
    Scenario {
        name: "fallback_stripped",
        about: "a program without symbols gets full libraries, and the reason; one that insists on thin ones gets none",
        modes: ONLY_THIN,
        run: stripped,
    },
    Scenario {
        name: "fallback_unreadable",
        about: "a program that cannot see where its code is in memory gets full libraries, and the reason",
        modes: ONLY_THIN,
        run: unreadable,
    },
    Scenario {
        name: "fallback_not_recorded",
        about: "cargo has nothing to compile, so how it does is not known: a full library, and then thin ones",
        modes: ONLY_THIN,
        run: not_recorded,
    },
    Scenario {
        name: "fallback_abi_changed",
        about: "hot-abi is compiled anew under a running program: a full library, and thin ones when that is undone",
        modes: ONLY_THIN,
        run: abi_changed,
    },
    Scenario {
        name: "fallback_no_machine_code",
        about: "link-time optimisation leaves no machine code to link: a full library, and the reason",
        modes: ONLY_THIN,
        run: no_machine_code,
    },
    Scenario {
        name: "fallback_unresolved",
        about: "new code needs a symbol that is nowhere: its name, a full library, and a refusal; then the repair",
        modes: ONLY_THIN,
        run: unresolved,
    },
    Scenario {
        name: "fallback_unreachable_static",
        about: "a static that is used where the linker cannot lead it to the program's: a full library, and its name",
        modes: ONLY_THIN,
        run: unreachable_static,
    },
    Scenario {
        name: "fallback_untyped_static",
        about: "without debug information the types of statics cannot be compared: a full library, and the static's name",
        modes: ONLY_THIN,
        run: untyped_static,
    },
    Scenario {
        name: "fallback_output",
        about: "the folder of thin libraries cannot be made: a full library, and the folder; then it can",
        modes: ONLY_THIN,
        run: output,
    },
];

const ONLY_THIN: Modes = Modes::Only(Mode::Thin, "every library is full, and for no reason");

/// Saves the next step and expects a full library, for what `reason` says and `variant` is called.
fn falls_back(
    project: &Project,
    host: &mut Program,
    (old, new): (&str, &str),
    reason: &str,
    variant: &str,
) -> Result<()> {
    project.libraries().expect_full(reason);
    project.edit(SCENE, old, new)?;
    let built = host.event_about("built", "scene")?;
    ensure!(
        built.contains("(full, because ") && built.contains(reason),
        "the event does not tell that the library is full because `{reason}`: {built}"
    );
    host.says("step", new)?;
    let status = host.ask("status")?;
    ensure!(
        status.contains("Some(Full)") && status.contains(&format!("fallback: Some({variant}")),
        "the status does not tell of {variant}: {status}"
    );
    Ok(())
}

/// Saves the next step and expects a thin library.
fn is_thin(project: &Project, host: &mut Program, (old, new): (&str, &str)) -> Result<()> {
    project.edit(SCENE, old, new)?;
    let built = host.event_about("built", "scene")?;
    ensure!(built.contains("(thin)"), "it is not thin: {built}");
    host.says("step", new)?;
    let status = host.ask("status")?;
    ensure!(status.contains("Some(Thin)"), "{status}");
    Ok(())
}

/// The function `count`, and a static that it can use in no other place than its own.
pub(super) const COUNT: &str = r#"static mut CALLS: u64 = 0;

// An instruction that needs the stack as well can be done in no other place, and what is behind a variable is another thing
// somewhere else.
fn count() {
    #[cfg(target_arch = "x86_64")]
    unsafe { std::arch::asm!("push qword ptr [rip + {0}]", "pop {1}", sym CALLS, out(reg) _) };
    #[cfg(target_arch = "aarch64")]
    unsafe { std::arch::asm!("adrp {1}, {0} + 8", sym CALLS, out(reg) _) };
}

"#;

const ONE: (&str, &str) = ("step one", "step two");
const TWO: (&str, &str) = ("step two", "step three");
const THREE: (&str, &str) = ("step three", "step four");

fn custom_command(project: &Project) -> Result<Verdict> {
    let reason = "HOT_BUILD_ARGS says how to build";
    let file = project.build(BuildAs::default())?;
    let start = |linking| {
        let mut command = project.command(&file);
        command
            .env("HOT_BUILD_ARGS", "--package host --package scene --lib")
            .env(LINKING, linking);
        project.start("host", command)
    };
    let mut host = start("auto")?;
    falls_back(project, &mut host, ONE, reason, "CustomCommand")?;
    falls_back(project, &mut host, TWO, reason, "CustomCommand")?;
    host.end()?;
    let mut host = start("thin")?;
    is_refused(project, &mut host, THREE, reason)?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn stripped(project: &Project) -> Result<Verdict> {
    let reason = "has no symbols to link against";
    let file = project.build(BuildAs::default())?;
    let mut strip = Command::new("strip");
    let Ok(status) = strip.arg(&file).status() else {
        return Ok(Verdict::Skipped("there is no `strip` here".to_owned()));
    };
    ensure!(status.success(), "`strip` failed: {status}");
    let mut host = project.start("host", project.command(&file))?;
    falls_back(project, &mut host, ONE, reason, "ProgramStripped")?;
    falls_back(project, &mut host, TWO, reason, "ProgramStripped")?;
    host.end()?;
    let mut command = project.command(&file);
    command.env(LINKING, "thin");
    let mut host = project.start("host", command)?;
    is_refused(project, &mut host, THREE, reason)?;
    host.end()?;
    Ok(Verdict::Passed)
}

/// A program that insists on thin libraries tells the reason, and goes on with the code that it has.
fn is_refused(
    project: &Project,
    host: &mut Program,
    (old, new): (&str, &str),
    reason: &str,
) -> Result<()> {
    project.edit(SCENE, old, new)?;
    let failure = host.event_about("build-failed", "scene")?;
    ensure!(
        failure.contains("thin") && failure.contains(reason),
        "the event does not tell why there is no thin library: {failure}"
    );
    let before = host.tick()?;
    ensure!(host.tick()? > before, "the program stands still");
    let said = host.ask("step")?;
    ensure!(!said.contains(new), "it runs all the same: {said}");
    Ok(())
}

fn unreadable(project: &Project) -> Result<Verdict> {
    // Its own number, which it keeps when it becomes the program, and so of no process that it starts.
    let blind = |then: &str| -> Command {
        let mut unshare = project.command("unshare".as_ref());
        let hidden = format!("mount --bind /dev/null /proc/$$/maps && exec {then}");
        unshare.args(["--user", "--map-root-user", "--mount", "sh", "-c", &hidden]);
        unshare
    };
    if !blind("true")
        .output()
        .is_ok_and(|output| output.status.success())
    {
        let reason = "it hides a file of /proc in a user namespace, which cannot be had here";
        return Ok(Verdict::Skipped(reason.to_owned()));
    }
    let mut command = blind("\"$0\"");
    command.arg(project.build(BuildAs::default())?);
    let mut host = project.start("host", command)?;
    let reason = "/proc/self/maps";
    falls_back(project, &mut host, ONE, reason, "ProgramUnreadable")?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn not_recorded(project: &Project) -> Result<Verdict> {
    let mut host = project.run()?;
    let reason = "is not known yet";
    project.libraries().expect_full(reason);
    // Someone else had cargo compile the crate meanwhile, in whichever way.
    let rlib = project.profile_dir("debug").join("deps/libscene.rlib");
    fs::File::options()
        .append(true)
        .open(&rlib)
        .and_then(|rlib| rlib.set_modified(std::time::SystemTime::now()))
        .context("cannot touch the compiled crate")?;
    // Cargo is asked what the manifest says now, and has nothing to compile.
    project.edit("scene/Cargo.toml", "[features]", "# A comment.\n[features]")?;
    host.event_about("built", reason)?;
    is_thin(project, &mut host, ONE)?;
    is_thin(project, &mut host, TWO)?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn abi_changed(project: &Project) -> Result<Verdict> {
    let manifest = project.read("Cargo.toml")?;
    let mut host = project.run()?;
    is_thin(project, &mut host, ONE)?;
    let reason = "is newer than the program";
    project.libraries().expect_full(reason);
    // In a way that no earlier run did, for cargo would find that one's.
    let units = 300 + std::process::id() % 10_000;
    let text = format!("{manifest}\n[profile.dev.package.hot-abi]\ncodegen-units = {units}\n");
    project.write("Cargo.toml", &text)?;
    // No library of another hot-abi fits the program, and the full one is refused with the remedy.
    host.event_about("built", reason)?;
    let refused = host.event_about("refused", "scene: ")?;
    ensure!(
        refused.contains("build the program again and restart it"),
        "the event does not tell the remedy: {refused}"
    );
    let said = host.ask("step")?;
    ensure!(
        said.contains("step two"),
        "the old code does not run on: {said}"
    );
    project.write("Cargo.toml", &manifest)?;
    is_thin(project, &mut host, TWO)?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn no_machine_code(project: &Project) -> Result<Verdict> {
    if !cfg!(unix) {
        return Ok(Verdict::Skipped(NEEDS_A_GATE.to_owned()));
    }
    // As with `lto`, but for the hot crate alone: to optimise the whole program takes minutes.
    let wrapper = project.script(
        "fusing-rustc",
        "#!/bin/sh\ncase \"$*\" in *'--crate-name scene'*)\n\
         exec \"$@\" -C embed-bitcode=yes -C linker-plugin-lto;;\nesac\nexec \"$@\"\n",
    )?;
    let mut build = project.cargo(&["build", "--package", "host"]);
    step::capture(build.env("RUSTC_WRAPPER", &wrapper))?;
    let file = project.profile_dir("debug").join("host");
    let mut command = project.command(&file);
    command.env("RUSTC_WRAPPER", &wrapper);
    let mut host = project.start("host", command)?;
    let reason = "holds no machine code";
    falls_back(project, &mut host, ONE, reason, "NoMachineCode")?;
    falls_back(project, &mut host, TWO, reason, "NoMachineCode")?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn unresolved(project: &Project) -> Result<Verdict> {
    let mut host = project.run()?;
    is_thin(project, &mut host, ONE)?;
    project.libraries().expect_full("nowhere_to_be_found");
    let (good, bad) = (
        "    \"helper one\"",
        "    unsafe extern \"C\" {\n        fn nowhere_to_be_found();\n    }\n    \
         unsafe { nowhere_to_be_found() };\n    \"helper two\"",
    );
    project.edit(SCENE, good, bad)?;
    host.event_about("built", "nowhere_to_be_found")?;
    // What no linker finds is found by no loader.
    host.event_about("refused", "nowhere_to_be_found")?;
    let said = host.ask("step")?;
    ensure!(
        said.contains("helper one"),
        "the old code does not run on: {said}"
    );
    project.edit(SCENE, bad, good)?;
    is_thin(project, &mut host, TWO)?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn unreachable_static(project: &Project) -> Result<Verdict> {
    project.edit(SCENE, "fn helper()", &format!("{COUNT}fn helper()"))?;
    project.edit(
        SCENE,
        "world.ticks += 1;",
        "world.ticks += 1;\n    count();",
    )?;
    let mut host = project.run()?;
    falls_back(project, &mut host, ONE, "CALLS", "UnreachableStatic")?;
    // Without it thin libraries are possible again.
    project.edit(SCENE, "\n    count();", "")?;
    is_thin(project, &mut host, TWO)?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn untyped_static(project: &Project) -> Result<Verdict> {
    let manifest = project.read("Cargo.toml")?;
    let text = format!("{manifest}\n[profile.dev]\ndebug = \"line-tables-only\"\n");
    project.write("Cargo.toml", &text)?;
    let calls = "use std::sync::atomic::{AtomicU64, Ordering};\nstatic CALLS: AtomicU64 = AtomicU64::new(0);\n\n\
                 fn helper()";
    project.edit(SCENE, "fn helper()", calls)?;
    let count = "\n    CALLS.fetch_add(1, Ordering::Relaxed);";
    let counted = format!("world.ticks += 1;{count}");
    project.edit(SCENE, "world.ticks += 1;", &counted)?;
    let mut host = project.run()?;
    falls_back(project, &mut host, ONE, "CALLS", "StaticTypeUnknown")?;
    // New code without it is none the worse for it.
    let without = [(calls, "fn helper()"), (count, ""), TWO];
    project.edit_all(SCENE, &without)?;
    host.event_about("built", "(thin)")?;
    host.says("step", TWO.1)?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn output(project: &Project) -> Result<Verdict> {
    let mut host = project.run()?;
    let folder = project.profile_dir("debug").join("deps/hot-thin");
    // The program prepares what it can meanwhile, and may make the folder, or a file in it, again.
    let take_its_place = || {
        let _ = fs::remove_dir_all(&folder);
        fs::write(&folder, "no folder")
    };
    (0..1000)
        .map(|_| take_its_place())
        .find(|taken| taken.is_ok())
        .unwrap_or_else(take_its_place)
        .context("cannot put a file in the folder's place")?;
    let reason = "cannot write ";
    falls_back(project, &mut host, ONE, reason, "OutputUnwritable")?;
    fs::remove_file(&folder).context("cannot take the file away")?;
    is_thin(project, &mut host, TWO)?;
    host.end()?;
    Ok(Verdict::Passed)
}
