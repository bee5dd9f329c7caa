//! Every way in which a build fails says what happened and what to do.
#![cfg(feature = "cargo")]

mod support;

use std::process::Command;

use hot_build::{BuildArgs, BuildError, BuildReport, Diagnostic};
use support::{Finish, Project, in_own_process, package, reports};

fn failure(args: &BuildArgs) -> (String, Vec<Diagnostic>, String) {
    match args.default_build().finish() {
        Err(error @ BuildError::Command { .. }) => {
            let text = error.to_string();
            let BuildError::Command {
                message,
                diagnostics,
                status,
                ..
            } = error
            else {
                unreachable!("it was one")
            };
            assert!(!status.success());
            (message, diagnostics, text)
        }
        other => panic!("not a failed command: {other:?}"),
    }
}

#[test]
fn compile_errors_are_all_kept_with_their_places() {
    let project = Project::game();
    project.write(
        "scene/src/lib.rs",
        "pub fn step() -> u8 {\n    let x: u8 = \"a\";\n    missing()\n}\n",
    );
    let (message, diagnostics, text) = failure(&project.scene());
    let mut places: Vec<_> = diagnostics
        .iter()
        .map(|found| {
            let span = found.span.as_ref().expect("each has a place");
            (
                found.code.as_deref(),
                span.file.clone(),
                span.line,
                span.column,
            )
        })
        .collect();
    places.sort_by_key(|(_, _, line, _)| *line);
    let file = project.path("scene/src/lib.rs");
    assert_eq!(
        places,
        [
            (Some("E0308"), file.clone(), 2, 17),
            (Some("E0425"), file, 3, 5)
        ]
    );
    for found in &diagnostics {
        assert!(found.level.is_error());
        assert!(
            found.rendered.contains("\u{1b}["),
            "coloured: {:?}",
            found.rendered
        );
        assert!(!found.plain.contains('\u{1b}'), "plain: {:?}", found.plain);
        assert!(text.contains(found.plain.trim_end()), "{text}");
    }
    assert!(message.contains("could not compile `scene`"), "{message}");
}

#[test]
fn a_manifest_that_does_not_parse_is_explained_by_cargo() {
    let project = Project::game();
    project.write("scene/Cargo.toml", "[package\nname = \"scene\"\n");
    let (message, diagnostics, text) = failure(&project.scene());
    assert!(diagnostics.is_empty());
    assert!(message.contains("scene/Cargo.toml:1:9"), "{message}");
    assert!(text.contains(&message), "{text}");
}

#[test]
fn a_build_script_that_fails_is_heard() {
    let project = Project::game();
    project.write(
        "scene/build.rs",
        "fn main() {\n    panic!(\"no shader compiler\");\n}\n",
    );
    let (message, _, _) = failure(&project.scene());
    assert!(message.contains("no shader compiler"), "{message}");
}

#[test]
fn a_crate_that_is_no_cdylib_is_told_so() {
    let project = Project::game();
    project.write(
        "scene/Cargo.toml",
        &(package("scene") + "[dependencies]\npaint = { path = \"../paint\" }\n"),
    );
    let result = project.scene().default_build().finish();
    let expected = BuildError::NotCdylib {
        manifest_dir: project.path("scene"),
        crate_types: vec!["lib".to_owned()],
    };
    assert_eq!(result, Err(expected));
}

#[test]
fn a_build_of_something_else_is_told_so() {
    let project = Project::game();
    let result = project.scene().build(Some("paint")).finish();
    let Err(error @ BuildError::NotBuilt { .. }) = result else {
        panic!("{result:?}")
    };
    assert!(
        error
            .to_string()
            .contains(&project.path("scene").display().to_string()),
        "{error}"
    );
}

#[test]
fn an_unknown_package_is_explained_by_cargo() {
    let project = Project::game();
    let mut args = project.scene();
    args.program.package = Some("gone".to_owned());
    let (message, _, _) = failure(&args);
    assert!(message.contains("gone"), "{message}");
}

#[cfg(unix)]
#[test]
fn a_command_that_is_no_cargo_is_told_so() {
    let args = BuildArgs::new("/nowhere");
    let mut command = Command::new("echo");
    command.arg("hello there");
    let result = args.custom(command).finish();
    let Err(BuildError::UnknownFormat { command, line }) = result else {
        panic!("{result:?}")
    };
    assert_eq!(
        (&*command, line.as_deref()),
        ("echo 'hello there'", Some("hello there"))
    );

    let result = args.custom(Command::new("true")).finish();
    assert!(
        matches!(result, Err(BuildError::UnknownFormat { line: None, .. })),
        "{result:?}"
    );

    let mut command = Command::new("sh");
    command.args(["-c", "echo out of luck >&2; exit 3"]);
    let result = args.custom(command).finish();
    let Err(BuildError::Command {
        status, message, ..
    }) = result
    else {
        panic!("{result:?}")
    };
    assert_eq!((status.code(), &*message), (Some(3), "out of luck"));
}

#[test]
fn a_command_that_cannot_start_is_told_so() {
    let result = BuildArgs::new("/nowhere")
        .custom(Command::new("/nowhere/build"))
        .finish();
    assert!(
        matches!(result, Err(BuildError::Spawn { .. })),
        "{result:?}"
    );
}

#[test]
fn a_crate_whose_directory_is_gone_is_no_missing_cargo() {
    let project = Project::game();
    let mut args = project.scene();
    args.program.manifest_dir = Some(project.path("gone"));
    let result = args.default_build().finish();
    let Err(error) = result else {
        panic!("{result:?}")
    };
    assert!(matches!(error, BuildError::Spawn { .. }), "{error:?}");
}

#[test]
fn a_missing_cargo_is_told_so() {
    let run = in_own_process("a_missing_cargo_is_told_so", |command| {
        command.env("PATH", "").env("CARGO", "/nowhere/cargo");
    });
    if run {
        let project = Project::game();
        let result = project.scene().default_build().finish();
        let Err(error @ BuildError::CargoMissing { .. }) = result else {
            panic!("{result:?}")
        };
        assert!(error.to_string().contains("https://rustup.rs"), "{error}");
    }
}

#[test]
fn a_flood_of_diagnostics_comes_through_whole() {
    const ERRORS: usize = 3000;
    let project = Project::game();
    let lines: String = (0..ERRORS)
        .map(|index| format!("    missing_{index}();\n"))
        .collect();
    project.write(
        "scene/src/lib.rs",
        &format!("pub fn step() {{\n{lines}}}\n"),
    );
    let (_, diagnostics, _) = failure(&project.scene());
    assert_eq!(diagnostics.len(), ERRORS);
}

#[cfg(unix)]
#[test]
fn floods_on_both_pipes_do_not_stop_the_command() {
    let mut args = BuildArgs::new("/nowhere");
    let reports = reports(&mut args);
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "for i in 1 2 3; do seq 100000 >&2; seq 100000; done; exit 1",
    ]);
    let result = args.custom(command).finish();
    assert!(
        matches!(result, Err(BuildError::Command { .. })),
        "{result:?}"
    );
    drop(args);
    let lines = reports
        .iter()
        .filter(|report| matches!(report, BuildReport::Line(_)));
    assert_eq!(lines.count(), 600_000);
}
