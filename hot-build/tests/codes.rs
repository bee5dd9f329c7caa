//! Each code that a build can fail with is reached by a build that fails so. What befalls a whole process
//! befalls one of its own: this program once more, in another environment.
#![cfg(all(feature = "cargo", unix))]

mod support;

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use hot_build::{Build, BuildArgs, BuildError, FallbackReason, LinkedCrate, ProgramBuild};
#[cfg(feature = "thin")]
use hot_build::{DirectBuilder, Rebuilder as _};
use support::{Finish, Project, package};

/// Tells a process which case it is for.
const CASE: &str = "HOT_BUILD_CODES_CASE";
/// The directory that it works in.
const PLACE: &str = "HOT_BUILD_CODES_PLACE";
/// What a line of its output begins with that holds a code.
const MARK: &str = "the code is ";

#[test]
fn every_code_is_reached() {
    let place = tempfile::tempdir().unwrap();
    let mut reached: BTreeSet<String> = [
        missing_cargo(place.path()),
        custom(Command::new("/nowhere/build")),
        in_own_process("a lost child", place.path(), |command| command),
        an_unreadable_trace(place.path()),
        custom(shell("exit 3")),
        a_build_of_something_else(),
        a_crate_that_is_no_cdylib(),
        custom(shell("echo hello there")),
        a_cargo_of_another_day(place.path()),
        open_quotes(place.path()),
        code_of(Build::spawn(&nowhere(), |_| panic!("on purpose"))),
        code_of(Build::spawn(&nowhere(), |_| {
            Err(BuildError::other("the build farm is on fire"))
        })),
    ]
    .into();
    let has_thin = cfg!(all(
        target_os = "linux",
        any(target_arch = "x86_64", target_arch = "aarch64")
    ));
    if !has_thin {
        reached.extend(a_library_that_cannot_be_thin());
    }
    let all = BuildError::CODES.iter().chain(FallbackReason::CODES);
    let mut expected: BTreeSet<_> = all
        .map(|(code, _)| (*code).to_owned())
        .filter(|code| is_reached_here(code))
        .collect();
    if has_thin {
        expected.remove("HOT0601");
    }
    assert_eq!(reached, expected);
}

#[test]
fn a_build_that_was_cancelled_has_no_code() {
    let args = nowhere();
    args.cancel_build.cancel();
    let error = args.custom(shell("exit 3")).finish().unwrap_err();
    assert_eq!((error.code(), error.is_cancelled()), (None, true));
}

#[test]
fn codes_are_told_once_and_each_with_a_sentence() {
    for (range, codes) in [
        ("HOT02", BuildError::CODES),
        ("HOT06", FallbackReason::CODES),
    ] {
        let distinct: BTreeSet<_> = codes.iter().map(|(code, _)| code).collect();
        assert_eq!(distinct.len(), codes.len());
        for (code, title) in codes {
            assert!(code.starts_with(range) && code.len() == 7, "{code}");
            assert!(title.ends_with('.') && !title.contains('\n'), "{title}");
        }
    }
}

fn missing_cargo(place: &Path) -> String {
    in_own_process("cargo build", place, |mut command| {
        command.env("PATH", "").env("CARGO", "/nowhere/cargo");
        command
    })
}

/// A directory where cargo keeps a file.
fn an_unreadable_trace(place: &Path) -> String {
    let deps_dir = place.join("target/debug/deps");
    fs::create_dir_all(deps_dir.join("scene.d")).unwrap();
    let linked = LinkedCrate {
        deps_dir: &deps_dir,
        crate_name: "scene",
        package: "scene",
        manifest_dir: place,
    };
    code(&linked.inputs().unwrap_err())
}

fn a_build_of_something_else() -> String {
    let project = Project::game();
    code_of(project.scene().build(Some("paint")))
}

fn a_crate_that_is_no_cdylib() -> String {
    let project = Project::new(&[
        ("scene/Cargo.toml", &package("scene")),
        ("scene/src/lib.rs", ""),
    ]);
    code_of(project.args("scene").default_build())
}

fn a_cargo_of_another_day(place: &Path) -> String {
    let cargo = place.join("cargo");
    fs::write(&cargo, "#!/bin/sh\necho '{\"packages\": 7}'\n").unwrap();
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
    in_own_process("metadata", place, |mut command| {
        command.env("CARGO", &cargo);
        command
    })
}

fn open_quotes(place: &Path) -> String {
    in_own_process("arguments", place, |mut command| {
        command.env(hot_build::BUILD_ARGS_VARIABLE, "--features 'fog");
        command
    })
}

/// On a system for which thin libraries are not made.
fn a_library_that_cannot_be_thin() -> Option<String> {
    #[cfg(feature = "thin")]
    {
        let project = Project::game();
        let build = DirectBuilder::thin().rebuild(&project.scene())?;
        let reason = build.finish().unwrap().fallback?;
        Some(reason.code().to_owned())
    }
    #[cfg(not(feature = "thin"))]
    None
}

/// The other process: fails in its environment, and tells with which code.
#[test]
fn the_other_process() {
    let Ok(case) = env::var(CASE) else { return };
    let place = PathBuf::from(env::var_os(PLACE).unwrap());
    let code = match &*case {
        "cargo build" | "arguments" => code_of(BuildArgs::new(&place).default_build()),
        "a lost child" => {
            nobody_hears_of_children();
            custom(shell("exit 0"))
        }
        "metadata" => {
            let program = env::current_exe().unwrap();
            code(&ProgramBuild::discover(&program, &place).unwrap_err())
        }
        other => panic!("no case `{other}`"),
    };
    println!("{MARK}{code}");
}

/// From now on the system reaps this process's children, and nobody hears how they ended.
fn nobody_hears_of_children() {
    // SAFETY: no handler is set, only the default replaced.
    let before = unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    assert_ne!(before, libc::SIG_ERR);
}

/// The code that a process of its own tells.
fn in_own_process(case: &str, place: &Path, change: impl FnOnce(Command) -> Command) -> String {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args([
            "--exact",
            "the_other_process",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(CASE, case)
        .env(PLACE, place);
    let output = change(command).output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{case}: {stdout}\n{stderr}");
    let code = stdout.lines().find_map(|line| line.split_once(MARK));
    code.expect("it tells a code").1.to_owned()
}

fn nowhere() -> BuildArgs {
    BuildArgs::new("/nowhere")
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

fn custom(command: Command) -> String {
    code_of(nowhere().custom(command))
}

fn code_of(build: Build) -> String {
    code(&build.finish().unwrap_err())
}

fn code(error: &BuildError) -> String {
    error.code().expect("a failure has one").to_owned()
}

/// Whether the index of codes says that this crate's tests reach it.
fn is_reached_here(code: &str) -> bool {
    let index = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/codes.md");
    let index = fs::read_to_string(index).unwrap();
    let row = index
        .lines()
        .find(|line| line.starts_with(&format!("| [{code}]")));
    row.unwrap_or_else(|| panic!("{code} is not in the index"))
        .ends_with("| `hot-build/tests/codes.rs` |")
}
