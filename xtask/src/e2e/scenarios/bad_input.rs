//! Broken surroundings: told by name with the remedy, the old code runs on, the next good save
//! recovers.

use std::env;
use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::super::mode::Mode;
use super::super::project::{BuildAs, Project, SCENE};
use super::super::{Modes, Scenario, Verdict};
use crate::repository::cargo_program;
use crate::{program::Program, step};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "no_cargo",
        about: "no cargo on the path and none named by CARGO; then there is one",
        modes: Modes::Both,
        run: no_cargo,
    },
    Scenario {
        name: "broken_manifest",
        about: "a Cargo.toml that does not parse, and its repair",
        modes: Modes::Both,
        run: broken_manifest,
    },
    Scenario {
        name: "no_cdylib",
        about: "a hot crate whose manifest does not ask for a `cdylib`",
        modes: Modes::Both,
        run: no_cdylib,
    },
    Scenario {
        name: "no_entry",
        about: "a hot crate that lost its `hot_entry!()`, and found it again",
        modes: Modes::Both,
        run: no_entry,
    },
    Scenario {
        name: "folder_gone_and_back",
        about: "the hot crate's folder is moved away and comes back changed",
        modes: Modes::Both,
        run: folder_gone_and_back,
    },
    Scenario {
        name: "disk_full",
        about: "a library that cannot be copied, because no file may grow that large; then it may",
        modes: Modes::Both,
        run: disk_full,
    },
    Scenario {
        name: "other_compiler",
        about: "a library that says it is another compiler's is not loaded",
        modes: Modes::Only(
            Mode::Full,
            "the program itself calls the compiler for a thin library, the one that it was made by",
        ),
        run: other_compiler,
    },
];

const NEEDS_A_SHELL: &str = "it stands a shell script in for a program";

fn no_cargo(project: &Project) -> Result<Verdict> {
    if !cfg!(unix) {
        return Ok(Verdict::Skipped(NEEDS_A_SHELL.to_owned()));
    }
    project.write("bin/README", "The only folder on the program's path.")?;
    let mut command = project.command(&project.build(BuildAs::default())?);
    command.env("PATH", project.path("bin"));
    let mut host = project.start("host", command)?;
    project.edit(SCENE, "step one", "step two")?;
    let failure = host.event_about("build-failed", "scene")?;
    ensure!(
        failure.contains("cargo"),
        "the event does not name what is missing: {failure}"
    );
    ensure!(
        failure.contains("CARGO"),
        "the event does not name the remedy: {failure}"
    );
    runs_on(&mut host, "step one")?;
    // Now cargo is installed, and it finds the compiler and the linker as ever.
    let real_path = env::var_os("PATH").unwrap_or_default();
    project.script(
        "bin/cargo",
        &format!(
            "#!/bin/sh\nPATH='{}' exec '{}' \"$@\"\n",
            real_path.display(),
            cargo_program().display()
        ),
    )?;
    project.edit(SCENE, "step two", "step three")?;
    host.says("step", "step three")?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn broken_manifest(project: &Project) -> Result<Verdict> {
    let mut host = project.run()?;
    project.edit("scene/Cargo.toml", "[features]", "[features")?;
    let failure = host.event_about("build-failed", "scene")?;
    ensure!(
        failure.contains("Cargo.toml"),
        "the event does not name the file: {failure}"
    );
    runs_on(&mut host, "step one")?;
    project.edit("scene/Cargo.toml", "[features", "[features]")?;
    project.edit(SCENE, "step one", "step two")?;
    host.says("step", "step two")?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn no_cdylib(project: &Project) -> Result<Verdict> {
    const GOOD: &str = "crate-type = [\"lib\", \"cdylib\"]";
    project.edit("scene/Cargo.toml", GOOD, "crate-type = [\"lib\"]")?;
    let mut host = project.run()?;
    project.edit(SCENE, "step one", "step two")?;
    let failure = host.event_about("build-failed", "scene")?;
    ensure!(
        failure.contains(GOOD),
        "the event does not say what to write: {failure}"
    );
    runs_on(&mut host, "step one")?;
    // What the event says is what helps, and without a restart.
    project.edit("scene/Cargo.toml", "crate-type = [\"lib\"]", GOOD)?;
    host.says("step", "step two")?;
    project.edit(SCENE, "step two", "step three")?;
    host.says("step", "step three")?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn no_entry(project: &Project) -> Result<Verdict> {
    let mut host = project.run()?;
    project.edit(SCENE, "\nhot_entry!();\n", "\n")?;
    let failure = host.event_about("build-failed", "scene")?;
    ensure!(
        failure.contains("hot_entry"),
        "the event does not say what is missing: {failure}"
    );
    runs_on(&mut host, "step one")?;
    project.edit(SCENE, "hot_trait};\n", "hot_trait};\nhot_entry!();\n")?;
    project.edit(SCENE, "step one", "step two")?;
    host.says("step", "step two")?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn folder_gone_and_back(project: &Project) -> Result<Verdict> {
    let mut host = project.run()?;
    let (scene, away) = (project.path("scene"), project.path("away"));
    fs::rename(&scene, &away).context("cannot move the folder away")?;
    host.event_about("problem", "scene")?;
    runs_on(&mut host, "step one")?;
    let text = fs::read_to_string(away.join("src/lib.rs")).context("cannot read the source")?;
    fs::write(
        away.join("src/lib.rs"),
        text.replace("step one", "step two"),
    )
    .context("cannot change the source")?;
    fs::rename(&away, &scene).context("cannot move the folder back")?;
    host.says("step", "step two")?;
    project.edit(SCENE, "step two", "step three")?;
    host.says("step", "step three")?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn disk_full(project: &Project) -> Result<Verdict> {
    let prlimit = Command::new("prlimit").arg("--version").output();
    if !prlimit.is_ok_and(|output| output.status.success()) {
        let reason = "it gives a running program its disk back by `prlimit`, which is not here";
        return Ok(Verdict::Skipped(reason.to_owned()));
    }
    let file = project.build(BuildAs::default())?;
    // A limit on the size of files stands in for a full disk: the copy fails half-way. It holds for
    // the program, but not for the compiler that it calls.
    let cargo = project.script(
        "unlimited-cargo",
        &format!(
            "#!/bin/sh\nulimit -S -f unlimited\nexec '{}' \"$@\"\n",
            cargo_program().display()
        ),
    )?;
    let limited = "trap '' XFSZ; ulimit -S -f 16; exec \"$0\"";
    let mut command = project.command("sh".as_ref());
    command.args(["-c", limited]).arg(&file).env("CARGO", cargo);
    // No thin library can be written either.
    project.libraries().expect_full("File too large");
    let mut host = project.start("host", command)?;
    project.edit(SCENE, "step one", "step two")?;
    let told = failure(&mut host)?;
    ensure!(
        told.contains("scene"),
        "the event does not name the crate: {told}"
    );
    ensure!(
        told.contains("free some space"),
        "the event does not name the remedy: {told}"
    );
    runs_on(&mut host, "step one")?;
    let pid = host.pid().to_string();
    step::capture(Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited:unlimited"]))?;
    project.edit(SCENE, "step two", "step three")?;
    host.says("step", "step three")?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn other_compiler(project: &Project) -> Result<Verdict> {
    if !cfg!(unix) {
        return Ok(Verdict::Skipped(NEEDS_A_SHELL.to_owned()));
    }
    // A cargo that, as long as the file `forge` is there, changes what the library says of its
    // compiler before it reports the library.
    let forge = project.path("forge");
    let cargo = project.script(
        "forging-cargo",
        &format!(
            r#"#!/bin/sh
[ -e '{forge}' ] || exec '{cargo}' "$@"
messages=$(mktemp) || exit 1
'{cargo}' "$@" > "$messages"
status=$?
for library in $(grep -o '"[^"]*libscene\.[a-z]*"' "$messages" | tr -d '"' | grep -v '\.rlib$' | sort -u); do
    LC_ALL=C sed 's/rustc=rustc 1/rustc=rustc 0/g' "$library" > "$library.forged"
    mv "$library.forged" "$library"
done
cat "$messages"
rm "$messages"
exit $status
"#,
            forge = forge.display(),
            cargo = cargo_program().display(),
        ),
    )?;
    project.write("forge", "")?;
    let mut command = project.command(&project.build(BuildAs::default())?);
    command.env("CARGO", cargo);
    // Has cargo build each time, which otherwise need not be asked.
    command.env("HOT_BUILD_ARGS", "--package host --package scene --lib");
    let mut host = project.start("host", command)?;
    project.edit(SCENE, "step one", "step two")?;
    let refusal = host.event_about("refused", "scene")?;
    ensure!(
        refusal.contains("rustc 0"),
        "the event does not name the compiler: {refusal}"
    );
    runs_on(&mut host, "step one")?;
    fs::remove_file(forge).context("cannot stop the forging")?;
    project.edit(SCENE, "step two", "step three")?;
    host.says("step", "step three")?;
    host.end()?;
    Ok(Verdict::Passed)
}

/// The next event that says that a save did not go live.
fn failure(host: &mut Program) -> Result<String> {
    const FAILURES: [&str; 3] = ["event build-failed ", "event refused ", "event problem "];
    host.wait_for("that the save failed", |line| {
        FAILURES.iter().any(|failure| line.starts_with(failure))
    })
}

/// The program answers, and by the code that it had before.
fn runs_on(host: &mut Program, step: &str) -> Result<()> {
    let before = host.tick()?;
    let said = host.ask("step")?;
    ensure!(said.contains(step), "the old code does not run on: {said}");
    ensure!(host.tick()? > before, "the program stands still");
    Ok(())
}
