//! What can be found out about a workspace and the program in it.
#![cfg(feature = "cargo")]

mod support;

use hot_build::{BuildError, LocalPackages, ProgramBuild, TargetKind};
use support::{Project, in_own_process, package};

fn names<'a>(packages: impl IntoIterator<Item = &'a hot_build::LocalPackage>) -> Vec<&'a str> {
    let mut names: Vec<&str> = packages
        .into_iter()
        .map(|package| package.name.as_str())
        .collect();
    names.sort_unstable();
    names
}

/// The game, with a brush outside of the workspace that paint is made with, and a test helper.
fn studio() -> Project {
    let project = Project::game();
    project.write(
        "Cargo.toml",
        "[workspace]\nresolver = \"3\"\nmembers = [\"game\", \"scene\", \"paint\", \"checks\"]\nexclude = [\"brush\"]\n",
    );
    project.write("brush/Cargo.toml", &package("brush"));
    project.write("brush/src/lib.rs", "");
    project.write("checks/Cargo.toml", &package("checks"));
    project.write("checks/src/lib.rs", "");
    project.write(
        "paint/Cargo.toml",
        &(package("paint")
            + "[features]\nred = []\nbig = []\n[dependencies]\nbrush = { path = \"../brush\" }\n\
               [dev-dependencies]\nchecks = { path = \"../checks\" }\n"),
    );
    project
}

#[test]
fn a_crate_is_made_of_its_local_dependencies() {
    let project = studio();
    let packages = LocalPackages::read(&project.path("scene")).expect("cargo tells");
    assert_eq!(
        names(&packages.packages),
        ["brush", "checks", "game", "paint", "scene"]
    );
    assert_eq!(
        names(packages.closure(&project.path("scene"))),
        ["brush", "paint", "scene"]
    );
    assert_eq!(
        names(packages.dependents(&project.path("brush"))),
        ["brush", "game", "paint", "scene"]
    );
    assert_eq!(
        names(packages.closure(&project.path("nowhere"))),
        Vec::<&str>::new()
    );
    let brush = packages
        .packages
        .iter()
        .find(|package| package.name == "brush");
    let brush = brush.expect("it is listed");
    assert!(!brush.in_workspace);
    assert_eq!(brush.manifest_dir, project.path("brush"));
    assert_eq!(packages.workspace_root, project.path(""));
}

#[test]
fn files_that_change_the_build_are_listed() {
    let project = studio();
    project.write("scene/.cargo/config.toml", "");
    let packages = LocalPackages::read(&project.path("scene")).expect("cargo tells");
    for file in [
        "Cargo.toml",
        "Cargo.lock",
        "scene/Cargo.toml",
        "brush/Cargo.toml",
        "scene/.cargo/config.toml",
        ".cargo/config.toml",
        "rust-toolchain.toml",
    ] {
        assert!(packages.build_files.contains(&project.path(file)), "{file}");
    }
    assert!(
        !packages
            .build_files
            .contains(&project.path("brush/.cargo/config.toml"))
    );
}

#[test]
fn a_broken_manifest_is_explained_by_cargo() {
    let project = studio();
    project.write("brush/Cargo.toml", "[package\n");
    let result = LocalPackages::read(&project.path("scene"));
    let Err(BuildError::Command { message, .. }) = result else {
        panic!("{result:?}")
    };
    assert!(message.contains("brush/Cargo.toml"), "{message}");
}

#[test]
fn a_program_is_found_by_its_executable() {
    let run = in_own_process("a_program_is_found_by_its_executable", |command| {
        command
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("CARGO_BUILD_TARGET_DIR");
    });
    if !run {
        return;
    }
    let project = studio();
    project.write("game/examples/tour.rs", "fn main() {}\n");
    project.cargo(&["build", "-p", "game", "--release"]);
    project.cargo(&["build", "-p", "game", "--example", "tour"]);
    let exe = |path: &str| {
        project
            .path(path)
            .with_extension(std::env::consts::EXE_EXTENSION)
    };
    let discover = |path: &str, near: &str| {
        ProgramBuild::discover(&exe(path), &project.path(near)).expect("cargo tells")
    };
    let expected = ProgramBuild {
        package: Some("game".to_owned()),
        manifest_dir: Some(project.path("game")),
        target_kind: TargetKind::Bin("game".to_owned()),
        profile: Some("release".to_owned()),
        target_dir: Some(project.path("target")),
        ..ProgramBuild::default()
    };
    assert_eq!(
        discover("target/release/game", "scene"),
        Some(expected.clone())
    );
    // A crate outside of the workspace: the program's own workspace is found above the executable.
    assert_eq!(
        discover("target/release/game", "brush"),
        Some(expected.clone())
    );
    assert_eq!(
        discover("target/debug/examples/tour", "scene"),
        Some(ProgramBuild {
            target_kind: TargetKind::Example("tour".to_owned()),
            profile: Some("dev".to_owned()),
            ..expected
        })
    );
    assert_eq!(discover("target/release/other", "scene"), None);
    assert_eq!(discover("elsewhere/game", "scene"), None);
}
