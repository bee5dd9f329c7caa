//! What is built is what the program has: packages, features, profile, target.
#![cfg(feature = "cargo")]

mod support;

use std::fs;
use std::process::Command;

use hot_build::{BuildError, BuildReport, DiagnosticLevel, TargetKind};
use support::{Finish, Project, SCENE, contains, in_own_process, package, reports};

#[test]
fn the_default_build_repeats_the_program() {
    let project = Project::game();
    project.cargo(&["build", "-p", "game", "--features", "big"]);
    let mut args = project.scene();
    args.program.features = vec!["big".to_owned(), "default".to_owned(), "sound".to_owned()];
    args.program.profile = Some("dev".to_owned());
    args.program.target_kind = TargetKind::Bin("game".to_owned());

    // Everything is there already: the same features, and the library beside the program's.
    let first = args.default_build().finish().expect("it builds");
    assert!(first.fresh, "nothing had to be compiled");
    assert_eq!(first.library.parent(), Some(&*project.path("target/debug")));
    assert!(contains(&first.library, "paint: red, big"));

    project.write("scene/src/lib.rs", &SCENE.replace("fog: ", "mist: "));
    let build = args.default_build();
    let second = build.finish().expect("it builds");
    assert!(!second.fresh);
    assert!(contains(&second.library, "mist: "));

    // Cargo was killed, and yet knows what it did; and the program's own build is none the wiser.
    assert!(args.default_build().finish().expect("it builds").fresh);
    let messages = project.cargo(&[
        "build",
        "-p",
        "game",
        "--features",
        "big",
        "--lib",
        "-p",
        "scene",
        "--no-default-features",
        "--message-format=json",
    ]);
    assert!(!messages.contains("\"fresh\":false"), "{messages}");
    let run = project.cargo(&["run", "-p", "game", "--features", "big"]);
    assert!(run.contains("mist: false"), "{run}");
    assert!(
        !run.contains("Compiling scene") && !run.contains("Compiling paint"),
        "{run}"
    );
}

#[test]
fn what_program_and_macros_share_is_not_compiled_again() {
    let project = Project::game();
    let manifest = "[workspace]\nresolver = \"3\"\nmembers = [\"game\", \"scene\", \"paint\"]\nexclude = [\"words\", \"told\"]\n";
    project.write("Cargo.toml", manifest);
    project.write("words/Cargo.toml", &package("words"));
    project.write("words/src/lib.rs", "pub fn word() {}\n");
    let told = package("told")
        + "[lib]\nproc-macro = true\n[dependencies]\nwords = { path = \"../words\" }\n";
    project.write("told/Cargo.toml", &told);
    let tells = "#[proc_macro]\npub fn tell(_: proc_macro::TokenStream) -> proc_macro::TokenStream {\n    \
                 words::word();\n    Default::default()\n}\n";
    project.write("told/src/lib.rs", tells);
    let uses = |crate_name: &str, used: &str| {
        let file = format!("{crate_name}/Cargo.toml");
        let text = fs::read_to_string(project.path(&file)).expect("it is there");
        let dependency = format!("[dependencies]\n{used} = {{ path = \"../{used}\" }}\n");
        project.write(&file, &text.replace("[dependencies]\n", &dependency));
    };
    uses("game", "words");
    uses("scene", "told");
    let scene = fs::read_to_string(project.path("scene/src/lib.rs")).expect("it is there");
    project.write("scene/src/lib.rs", &(scene + "told::tell!();\n"));
    project.cargo(&["build", "-p", "game"]);
    let mut args = project.scene();
    args.program.features = vec!["default".to_owned(), "sound".to_owned()];
    assert!(args.default_build().finish().expect("it builds").fresh);
}

#[test]
fn default_features_follow_the_program() {
    let project = Project::game();
    let built = |default_features, features: &[&str]| {
        let mut args = project.scene();
        args.program.default_features = default_features;
        args.program.features = features.iter().map(|name| (*name).to_owned()).collect();
        args.default_build().finish().expect("it builds").library
    };
    project.write(
        "scene/src/lib.rs",
        &SCENE.replace("{}, fog: {}", "{}, fog: {}!"),
    );
    for default_features in [true, false] {
        let library = built(default_features, &[]);
        assert!(contains(&library, "paint: red") && !contains(&library, "paint: red, big"));
        assert!(contains(
            &built(default_features, &["big"]),
            "paint: red, big"
        ));
    }
}

#[test]
fn a_hot_crate_linked_with_its_defaults_keeps_them() {
    let project = Project::game();
    project.write("scene/src/lib.rs", "#[cfg(feature = \"fog\")]\n#[unsafe(no_mangle)]\npub static FOG: [u8; 12] = *b\"with the fog\";\npub fn step() -> u8 {\n    0\n}\n");
    let mut args = project.scene();
    assert!(!contains(
        &args.default_build().finish().expect("it builds").library,
        "with the fog"
    ));
    args.hot_crate.default_features = true;
    assert!(contains(
        &args.default_build().finish().expect("it builds").library,
        "with the fog"
    ));
}

#[test]
fn an_example_is_built_with_its_dev_dependencies() {
    let project = Project::game();
    project.write(
        "game/Cargo.toml",
        &(package("game")
            + "[dependencies]\nscene = { path = \"../scene\", default-features = false }\n\
               [dev-dependencies]\npaint = { path = \"../paint\", features = [\"red\", \"big\"] }\n"),
    );
    project.write(
        "game/examples/tour.rs",
        "fn main() {\n    println!(\"{}\", scene::step());\n}\n",
    );
    project.cargo(&["build", "-p", "game", "--example", "tour"]);
    let mut args = project.scene();
    args.program.target_kind = TargetKind::Example("tour".to_owned());
    let artifact = args.default_build().finish().expect("it builds");
    assert!(artifact.fresh);
    assert!(contains(&artifact.library, "paint: red, big"));

    let artifact = args
        .build_example(Some("game"), "tour")
        .finish()
        .expect("it builds");
    assert!(artifact.fresh);
}

#[test]
fn profile_target_and_target_directory_are_the_programs() {
    let project = Project::game();
    project.write(
        "Cargo.toml",
        "[workspace]\nresolver = \"3\"\nmembers = [\"game\", \"scene\", \"paint\"]\n\
         [profile.quick]\ninherits = \"dev\"\ndebug = false\n",
    );
    let version = Command::new("rustc")
        .arg("-vV")
        .output()
        .expect("rustc runs");
    let version = String::from_utf8(version.stdout).expect("it writes text");
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .expect("has a host");
    let mut args = project.scene();
    for (profile, directory) in [("dev", "debug"), ("release", "release"), ("quick", "quick")] {
        args.program.profile = Some(profile.to_owned());
        let artifact = args.build(None).finish().expect("it builds");
        assert_eq!(
            artifact.library.parent(),
            Some(&*project.path("target").join(directory))
        );
    }
    args.program.target = Some(host.to_owned());
    args.program.target_dir = Some(project.path("elsewhere"));
    let artifact = args.build(None).finish().expect("it builds");
    let expected = project.path("elsewhere").join(host).join("quick");
    assert_eq!(artifact.library.parent(), Some(&*expected));
}

#[test]
fn a_hot_crate_outside_of_the_workspace_is_built_from_within() {
    let project = Project::game();
    project.write(
        "Cargo.toml",
        "[workspace]\nresolver = \"3\"\nmembers = [\"game\", \"paint\"]\nexclude = [\"scene\"]\n",
    );
    project.cargo(&["build", "-p", "game"]);
    let mut args = project.scene();
    let artifact = args.default_build().finish().expect("it builds");
    assert!(artifact.fresh && contains(&artifact.library, "paint: red"));

    args.hot_crate.package = None;
    let artifact = args
        .default_build()
        .finish()
        .expect("it is found by its directory");
    assert!(artifact.fresh);
}

#[test]
fn a_program_may_be_its_own_hot_crate() {
    let project = Project::new(&[
        (
            "Cargo.toml",
            &(package("game")
                + "[lib]\ncrate-type = [\"lib\", \"cdylib\"]\n[features]\ndefault = [\"a\"]\na = []\n"),
        ),
        ("src/lib.rs", "pub fn step() {}\n"),
        ("src/main.rs", "fn main() {\n    game::step();\n}\n"),
        ("examples/tour.rs", "fn main() {\n    game::step();\n}\n"),
        ("build.rs", "fn main() {}\n"),
    ]);
    project.cargo(&["build"]);
    let mut args = project.args("");
    args.hot_crate.package = Some("game".to_owned());
    args.program.package = Some("game".to_owned());
    assert!(args.default_build().finish().expect("it builds").fresh);
    // All of the package's targets are reported, of which only the library counts.
    let artifact = args.build(Some("game")).finish().expect("it builds");
    assert!(
        artifact
            .library
            .file_name()
            .is_some_and(|name| name.to_string_lossy().contains("game"))
    );
    let artifact = args.build_bin(None, "game").finish().expect("it builds");
    assert!(artifact.fresh);
    args.program.default_features = false;
    assert!(
        !args.default_build().finish().expect("it builds").fresh,
        "the feature `a` is off"
    );
}

#[test]
fn without_a_program_the_crate_is_built_for_itself() {
    let project = Project::game();
    let mut args = project.args("scene");
    args.hot_crate.default_features = false;
    args.hot_crate.features = vec!["fog".to_owned()];
    let artifact = args.default_build().finish().expect("it builds");
    assert!(contains(&artifact.library, "paint: plain"));
}

#[test]
fn a_manifest_can_be_named() {
    let project = Project::game();
    let artifact = project
        .scene()
        .build_manifest(project.path("scene/Cargo.toml"))
        .finish();
    assert!(artifact.expect("it builds").library.is_file());
}

#[test]
fn the_environment_can_name_the_arguments() {
    let name = "the_environment_can_name_the_arguments";
    let project = Project::game();
    let target = project.path("a target dir");
    let run = in_own_process(name, |command| {
        command.env(
            "HOT_BUILD_ARGS",
            "-p scene --release --target-dir 'a target dir'",
        );
        command.env("HOT_EMPTY", " ").env("HOT_BROKEN", "-p 'scene");
        command.env_remove("HOT_UNSET");
    });
    if !run {
        return;
    }
    let mut args = project.scene();
    args.program.manifest_dir = Some(project.path(""));
    let artifact = args.default_build().finish().expect("it builds");
    assert_eq!(artifact.library.parent(), Some(&*target.join("release")));

    assert!(args.custom_env(Some("HOT_UNSET")).is_none());
    assert!(args.custom_env(Some("HOT_EMPTY")).is_none());
    let broken = args
        .custom_env(Some("HOT_BROKEN"))
        .expect("it is set")
        .finish();
    assert!(
        matches!(broken, Err(BuildError::Arguments { .. })),
        "{broken:?}"
    );
}

#[test]
fn inputs_are_all_files_that_were_read() {
    let project = Project::game();
    project.write("scene/src/lib.rs", "mod deep;\npub const TEXT: &str = include_str!(\"../some text.txt\");\npub fn step() -> &'static str {\n    TEXT\n}\n");
    project.write("scene/src/deep.rs", "");
    project.write("scene/some text.txt", "hello");
    project.write("scene/shader.wgsl", "");
    project.write(
        "scene/build.rs",
        "fn main() {\n    println!(\"cargo::rerun-if-changed=shader.wgsl\");\n}\n",
    );
    let artifact = project.scene().default_build().finish().expect("it builds");
    let expected = [
        "scene/shader.wgsl",
        "scene/some text.txt",
        "scene/src/deep.rs",
        "scene/src/lib.rs",
    ];
    assert_eq!(artifact.inputs, expected.map(|path| project.path(path)));
    // The same when cargo had nothing to do, and when the library is reported as a dependency.
    let fresh = project.scene().default_build().finish().expect("it builds");
    assert!(fresh.fresh);
    assert_eq!(fresh.inputs, artifact.inputs);
    let dependency = project
        .scene()
        .build_bin(Some("game"), "game")
        .finish()
        .expect("it builds");
    assert_eq!(dependency.inputs, artifact.inputs);
}

#[test]
fn a_build_tells_its_progress_and_its_warnings() {
    let project = Project::game();
    project.write(
        "scene/src/lib.rs",
        "pub fn step() -> u8 {\n    let unused = 1;\n    0\n}\n",
    );
    let mut args = project.scene();
    let reports = reports(&mut args);
    let artifact = args.default_build().finish().expect("it builds");
    let [warning] = &artifact.diagnostics[..] else {
        panic!("{:?}", artifact.diagnostics)
    };
    assert_eq!(warning.level, DiagnosticLevel::Warning);
    assert_eq!(warning.code.as_deref(), Some("unused_variables"));
    let span = warning.span.as_ref().expect("it has a place");
    assert_eq!(
        (&*span.file, span.line, span.column),
        (&*project.path("scene/src/lib.rs"), 2, 9)
    );

    drop(args);
    let reports: Vec<BuildReport> = reports.try_iter().collect();
    assert!(matches!(&reports[0], BuildReport::Started { command } if command.contains("--lib")));
    let has = |wanted: &BuildReport| reports.contains(wanted);
    assert!(
        has(&BuildReport::Compiling {
            package: "scene v0.1.0".to_owned()
        }),
        "{reports:?}"
    );
    assert!(
        has(&BuildReport::Compiled {
            target: "scene".into(),
            fresh: false,
            done: 2
        }),
        "{reports:?}"
    );
    assert!(has(&BuildReport::Diagnostic(warning.clone())));
}

#[test]
fn cargo_does_not_see_what_cargo_run_told_the_program() {
    let run = in_own_process(
        "cargo_does_not_see_what_cargo_run_told_the_program",
        |command| {
            command
                .env("CARGO_BIN_NAME", "game")
                .env("CARGO_PKG_LINKS", "x")
                .env("OUT_DIR", "/x");
            command
                .env("CARGO_MANIFEST_DIR", "/x")
                .env("CARGO_BUILD_JOBS", "1");
        },
    );
    if !run {
        return;
    }
    let project = Project::game();
    project.write(
        "scene/build.rs",
        "fn main() {\n    let all: Vec<String> = std::env::vars().map(|(k, v)| format!(\"{k}={v}\\n\")).collect();\n    \
         std::fs::write(\"environment.txt\", all.concat()).unwrap();\n}\n",
    );
    let artifact = project.scene().default_build().finish();
    assert!(artifact.is_ok(), "{artifact:?}");
    let seen = fs::read_to_string(project.path("scene/environment.txt")).expect("it was written");
    assert!(
        seen.contains("CARGO_PKG_NAME=scene\n"),
        "set by cargo itself"
    );
    assert!(seen.contains("CARGO_BUILD_JOBS=1\n"), "set by the user");
    assert!(!seen.contains("CARGO_BIN_NAME="), "{seen}");
    assert!(!seen.contains("CARGO_PKG_LINKS="), "{seen}");
    assert!(!seen.contains("OUT_DIR=/x\n"), "{seen}");
}
