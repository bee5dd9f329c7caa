//! What is seen of the files that hot crates are made of, wherever they are.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::super::gate::{Gate, NEEDS_A_GATE};
use super::super::project::{BACKDROP, BuildAs, Project, SCENE};
use super::super::{Modes, Scenario, Verdict};
use crate::save::Save;
use crate::step;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "outside_the_workspace",
        about: "a path dependency, an included file and a build script's input, none of them in the workspace",
        modes: Modes::Both,
        run: outside_the_workspace,
    },
    Scenario {
        name: "outside_of_dependencies",
        about: "files outside of their folders that a path dependency, its build script and a procedural macro include",
        modes: Modes::Both,
        run: outside_of_dependencies,
    },
    Scenario {
        name: "written_while_first_read",
        about: "a file outside of the workspace that a save includes is written while that is built",
        modes: Modes::Both,
        run: written_while_first_read,
    },
    Scenario {
        name: "manifest_edits",
        about: "a dependency is added, edited and removed again; Cargo.lock and cargo's configuration change",
        modes: Modes::Both,
        run: manifest_edits,
    },
    Scenario {
        name: "checkout",
        about: "a `git checkout` that changes a thousand files is one build",
        modes: Modes::Both,
        run: checkout,
    },
    Scenario {
        name: "polling",
        about: "files that are looked at regularly: a save goes live, and one without change is nothing",
        modes: Modes::Both,
        run: polling,
    },
    Scenario {
        name: "watch_limits",
        about: "without inotify's watches or instances files are polled, and a problem tells the remedy",
        modes: Modes::Both,
        run: watch_limits,
    },
];

/// The first edits are all made before the program has built anything: what it is made of is known
/// from its own build.
fn outside_the_workspace(project: &Project) -> Result<Verdict> {
    let outside = tempfile::tempdir().context("cannot make a folder outside")?;
    let outside = outside
        .path()
        .canonicalize()
        .context("cannot find the folder outside")?;
    let write = |relative: &str, text: &str| -> Result<()> {
        let path = outside.join(relative);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).context("cannot make a folder outside")?;
        }
        Save::Truncate.write(&path, text)
    };
    write("greeting.txt", "greeting one")?;
    write("farewell.txt", "farewell one")?;
    write(
        "weather/Cargo.toml",
        "[package]\nname = \"weather\"\nedition = \"2024\"\n",
    )?;
    let forecast =
        |word: &str| format!("pub fn forecast() -> &'static str {{\n    \"forecast {word}\"\n}}\n");
    write("weather/src/lib.rs", &forecast("one"))?;
    project.edit(
        "scene/Cargo.toml",
        "palette = {",
        &format!(
            "weather = {{ path = '{}/weather' }}\npalette = {{",
            outside.display()
        ),
    )?;
    let farewell = outside.join("farewell.txt").display().to_string();
    project.write(
        "scene/build.rs",
        &format!(
            r#"fn main() {{
    println!("cargo::rerun-if-changed={farewell}");
    let farewell = std::fs::read_to_string("{farewell}").expect("it can be read");
    println!("cargo::rustc-env=FAREWELL={{farewell}}");
}}
"#
        ),
    )?;
    let greeting = outside.join("greeting.txt").display().to_string();
    project.edit(
        SCENE,
        "    \"helper one\"",
        &format!("    concat!(include_str!({greeting:?}), \", \", env!(\"FAREWELL\"))"),
    )?;
    project.edit(SCENE, "palette::colour()", "weather::forecast()")?;
    let mut host = project.run()?;
    host.says("step", "step one, greeting one, farewell one, forecast one")?;

    write("greeting.txt", "greeting two")?;
    host.says("step", "greeting two, farewell one, forecast one")?;
    write("weather/src/lib.rs", &forecast("two"))?;
    host.says("step", "greeting two, farewell one, forecast two")?;
    write("farewell.txt", "farewell two")?;
    host.says("step", "greeting two, farewell two, forecast two")?;

    // And the first save after a restart, which finds the files from what the program itself read.
    host.end()?;
    let mut host = project.run()?;
    write("farewell.txt", "farewell three")?;
    host.says("step", "greeting two, farewell three, forecast two")?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn written_while_first_read(project: &Project) -> Result<Verdict> {
    if !cfg!(unix) {
        return Ok(Verdict::Skipped(NEEDS_A_GATE.to_owned()));
    }
    let outside = tempfile::tempdir().context("cannot make a folder outside")?;
    let greeting = outside.path().join("greeting.txt");
    Save::Truncate.write(&greeting, "greeting one")?;
    // Behind the place where the compiler reads the file.
    let gate = Gate::in_compiler(project)?;
    let mut host = project.run()?;
    gate.close()?;
    let included = format!("include_str!({greeting:?})");
    project.edit(SCENE, "\"helper one\"", &included)?;
    gate.reached()?;
    Save::Truncate.write(&greeting, "greeting two")?;
    gate.open()?;
    host.says("step", "greeting two")?;
    // From now on it is a file like all others.
    Save::Truncate.write(&greeting, "greeting three")?;
    host.says("step", "greeting three")?;
    host.end()?;
    Ok(Verdict::Passed)
}

/// Each file is saved three times: before the program has built anything, when it has, and after a restart.
fn outside_of_dependencies(project: &Project) -> Result<Verdict> {
    const FILES: [&str; 4] = ["sky.txt", "season.rs", "wind.txt", "tint.txt"];
    let write = |name: &str, word: &str| {
        let text = match name {
            "season.rs" => {
                format!("pub fn season() -> &'static str {{\n    \"season.rs {word}\"\n}}\n")
            }
            _ => format!("{name} {word}"),
        };
        project.write(name, &text)
    };
    for name in FILES {
        write(name, "one")?;
    }
    let package = |name: &str| format!("[package]\nname = \"{name}\"\nedition = \"2024\"\n");
    project.write("weather/Cargo.toml", &package("weather"))?;
    project.write(
        "weather/src/lib.rs",
        r#"#[path = "../../season.rs"]
mod season;

pub fn forecast() -> String {
    [include_str!("../../sky.txt"), season::season(), env!("WIND")].join(", ")
}
"#,
    )?;
    project.write(
        "weather/build.rs",
        r#"fn main() {
    println!("cargo::rerun-if-changed=../wind.txt");
    let wind = std::fs::read_to_string("../wind.txt").expect("it can be read");
    println!("cargo::rustc-env=WIND={wind}");
}
"#,
    )?;
    let macros = format!("{}\n[lib]\nproc-macro = true\n", package("tints"));
    project.write("tints/Cargo.toml", &macros)?;
    project.write(
        "tints/src/lib.rs",
        r#"use proc_macro::{Literal, TokenStream, TokenTree};

#[proc_macro]
pub fn tint(_: TokenStream) -> TokenStream {
    TokenTree::from(Literal::string(include_str!("../../tint.txt"))).into()
}
"#,
    )?;
    project.edit(
        "scene/Cargo.toml",
        "palette = {",
        "weather = { path = '../weather' }\ntints = { path = '../tints' }\npalette = {",
    )?;
    project.edit(
        "Cargo.toml",
        "members = [",
        "members = [\"weather\", \"tints\", ",
    )?;
    project.edit(SCENE, "\"helper one\"", "tints::tint!()")?;
    project.edit(
        SCENE,
        "palette::colour()",
        "&format!(\"{}, end\", weather::forecast())",
    )?;
    let mut words = ["one"; FILES.len()];
    let shown = |words: &[&str; FILES.len()]| {
        let [sky, season, wind, tint] = words;
        format!("tint.txt {tint}, sky.txt {sky}, season.rs {season}, wind.txt {wind}, end")
    };
    for saves in [["two", "three"], ["four", "five"]] {
        let mut host = project.run()?;
        host.says("step", &shown(&words))?;
        for word in saves {
            for (index, name) in FILES.into_iter().enumerate() {
                write(name, word)?;
                words[index] = word;
                host.says("step", &shown(&words))?;
            }
        }
        host.end()?;
    }

    // What a save of the dependency newly includes is watched as soon as that is built.
    let mut host = project.run()?;
    project.write("moon.txt", "moon.txt one")?;
    project.edit(
        "weather/src/lib.rs",
        "[include_str!",
        "[include_str!(\"../../moon.txt\"), include_str!",
    )?;
    host.says("step", "tint.txt five, moon.txt one")?;
    // The watcher has been told when it tells of a later save.
    project.edit(SCENE, "step one", "step two")?;
    host.says("step", "step two, tint.txt five, moon.txt one")?;
    project.write("moon.txt", "moon.txt two")?;
    host.says("step", "step two, tint.txt five, moon.txt two")?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn manifest_edits(project: &Project) -> Result<Verdict> {
    project.write(
        "weather/Cargo.toml",
        "[package]\nname = \"weather\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
    )?;
    let forecast = "pub fn forecast() -> &'static str {\n    \"forecast one\"\n}\n";
    project.write("weather/src/lib.rs", forecast)?;
    project.edit(
        SCENE,
        "\"helper one\"",
        "option_env!(\"GREETING\").unwrap_or(\"no greeting\")",
    )?;
    let mut host = project.run()?;

    // A dependency comes: from the next build on its files are watched.
    project.edit("Cargo.toml", "members = [", "members = [\"weather\", ")?;
    project.edit(
        "scene/Cargo.toml",
        "palette = {",
        "weather = { path = \"../weather\" }\npalette = {",
    )?;
    project.edit(SCENE, "palette::colour()", "weather::forecast()")?;
    host.says("step", "no greeting, forecast one")?;
    project.edit("weather/src/lib.rs", "forecast one", "forecast two")?;
    host.says("step", "no greeting, forecast two")?;

    // It goes, and its files are no business of the scene's any more.
    project.edit(SCENE, "weather::forecast()", "palette::colour()")?;
    project.edit(
        "scene/Cargo.toml",
        "weather = { path = \"../weather\" }\n",
        "",
    )?;
    host.says("step", "no greeting, colour one")?;
    project.edit(BACKDROP, "shade one", "shade two")?;
    host.says("shade", "shade two")?;
    host.count_from_here();
    project.edit("weather/src/lib.rs", "forecast two", "forecast three")?;
    project.edit(BACKDROP, "shade two", "shade three")?;
    host.says("shade", "shade three")?;
    let started = host.events_heard("build-started");
    ensure!(
        started.iter().all(|event| event.starts_with("backdrop")),
        "a file that is no longer part of the scene started a build: {started:?}"
    );

    // It comes back. That changes Cargo.lock, which is cargo's own doing and no change to build again for.
    host.count_from_here();
    project.edit(
        "scene/Cargo.toml",
        "palette = {",
        "weather = { path = \"../weather\" }\npalette = {",
    )?;
    project.edit(SCENE, "palette::colour()", "weather::forecast()")?;
    host.says("step", "no greeting, forecast three")?;
    project.edit(BACKDROP, "shade three", "shade four")?;
    host.says("shade", "shade four")?;
    let seen = host.events_heard("change-seen");
    ensure!(
        !seen.iter().any(|event| event.contains("Cargo.lock")),
        "Cargo.lock counts as changed: {seen:?}"
    );
    let applied = host.events_heard("applied");
    let of_scene = applied.iter().filter(|event| event.starts_with("scene"));
    ensure!(
        of_scene.count() == 1,
        "the scene went live again: {applied:?}"
    );

    // Cargo's configuration, which is in no package.
    project.edit(
        ".cargo/config.toml",
        "[build]",
        "[env]\nGREETING = \"greeting two\"\n\n[build]",
    )?;
    host.says("step", "greeting two, forecast three")?;

    // The lock file starts a build, which finds that it says the same.
    let lock = project.read("Cargo.lock")?;
    project.write("Cargo.lock", &format!("{lock}\n# A comment.\n"))?;
    let seen = host.event_about("change-seen", "Cargo.lock")?;
    ensure!(!seen.is_empty(), "the event says nothing");
    project.edit(SCENE, "step one", "step two")?;
    host.says("step", "step two, greeting two, forecast three")?;
    host.end()?;
    Ok(Verdict::Passed)
}

fn checkout(project: &Project) -> Result<Verdict> {
    const FILES: usize = 1000;
    let git = |arguments: &[&str]| -> Result<()> {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=a user", "-c", "user.email=user@localhost"])
            .args(arguments)
            .current_dir(project.root());
        step::capture(&mut git).map(drop)
    };
    if Command::new("git").arg("--version").output().is_err() {
        return Ok(Verdict::Skipped("there is no git here".to_owned()));
    }
    let write_all = |word: &str| -> Result<()> {
        (0..FILES).try_for_each(|number| {
            let text = format!("word {word} of page {number}");
            project.write(&format!("scene/pages/{number}.txt"), &text)
        })
    };
    write_all("one")?;
    git(&["init", "--quiet", "--initial-branch=first"])?;
    git(&["add", "--all"])?;
    git(&["commit", "--quiet", "--message=first"])?;
    git(&["checkout", "--quiet", "-b", "second"])?;
    write_all("two")?;
    project.edit(SCENE, "step one", "step two")?;
    git(&["commit", "--quiet", "--all", "--message=second"])?;

    let mut host = project.run()?;
    host.says("step", "step two")?;
    git(&["checkout", "--quiet", "first"])?;
    let seen = host.event("change-seen")?;
    ensure!(
        seen.contains(&format!("{} files changed", FILES + 1)),
        "the checkout came in pieces: {seen}"
    );
    host.says("step", "step one")?;
    // Whatever else it had started is over when a later save is live.
    project.edit(SCENE, "step one", "step three")?;
    host.says("step", "step three")?;
    let builds = host.events_heard("build-started");
    ensure!(
        builds.len() == 2,
        "a checkout and a save started {} builds: {builds:?}",
        builds.len()
    );
    host.end()?;
    Ok(Verdict::Passed)
}

fn polling(project: &Project) -> Result<Verdict> {
    project.edit(
        "host/src/main.rs",
        "HotReload::start()",
        "HotReload::options().poll_files(Duration::from_millis(50)).start()",
    )?;
    let mut host = project.run()?;
    project.edit(SCENE, "step one", "step two")?;
    host.says("step", "step two")?;
    let text = project.read(SCENE)?;
    Save::Rename.write(&project.path(SCENE), &text)?;
    project.edit(BACKDROP, "shade one", "shade two")?;
    host.says("shade", "shade two")?;
    let builds = host.events_heard("build-started");
    ensure!(
        builds.len() == 2,
        "two changes and a save without one started {} builds: {builds:?}",
        builds.len()
    );
    let problems = host.events_heard("problem");
    ensure!(
        problems
            .iter()
            .all(|problem| !problem.contains("looked at")),
        "what the program asked for is no problem: {problems:?}"
    );
    host.end()?;
    Ok(Verdict::Passed)
}

fn watch_limits(project: &Project) -> Result<Verdict> {
    const LIMITS: [(&str, &str); 2] = [
        ("max_inotify_watches", "fs.inotify.max_user_watches"),
        ("max_inotify_instances", "fs.inotify.max_user_instances"),
    ];
    // A namespace of the program's own, whose limits are nobody else's.
    let limited = |name: &str, then: &str| -> Command {
        let mut unshare = project.command("unshare".as_ref());
        let limit = format!("echo 0 > /proc/sys/user/{name} && exec {then}");
        unshare.args(["--user", "--map-root-user", "sh", "-c", &limit]);
        unshare
    };
    for (name, _) in LIMITS {
        let known = limited(name, "true").output();
        if !known.is_ok_and(|output| output.status.success()) {
            let reason = "it lowers inotify's limits in a user namespace, which cannot be had here";
            return Ok(Verdict::Skipped(reason.to_owned()));
        }
    }
    let file = project.build(BuildAs::default())?;
    let mut now = "step one";
    for ((name, setting), next) in LIMITS.into_iter().zip(["step two", "step three"]) {
        let mut command = limited(name, "\"$0\"");
        command.arg(&file);
        let mut host = project.start("host", command)?;
        project.edit(SCENE, now, next)?;
        host.says("step", next)?;
        let problems = host.events_heard("problem");
        let remedy = format!("`sudo sysctl {setting}=");
        ensure!(
            problems
                .iter()
                .any(|problem| problem.contains("polled") && problem.contains(&remedy)),
            "no problem tells of {setting} and how to raise it: {problems:?}"
        );
        host.end()?;
        now = next;
    }
    Ok(Verdict::Passed)
}
