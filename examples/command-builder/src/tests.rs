//! Builds by real commands.

use super::*;
use hot_build::Reporter;
use std::sync::mpsc::channel;

fn args(package: &str) -> BuildArgs {
    let mut args = BuildArgs::new("/projects/scene");
    args.hot_crate.package = Some(package.to_owned());
    args
}

fn shell(script: &'static str) -> CommandBuilder {
    CommandBuilder::new("scene", "/out/libscene.so", move |_| {
        let mut shell = Command::new("sh");
        shell.args(["-c", script]);
        shell
    })
}

#[test]
fn another_crate_is_left_to_others() {
    assert!(shell("exit 0").rebuild(&args("audio")).is_none());
}

#[test]
fn lines_are_progress_and_the_library_is_where_it_was_said_to_be() {
    let (sender, lines) = channel();
    let mut args = args("scene");
    args.reporter = Reporter::new(move |report| {
        if let BuildReport::Line(line) = report {
            sender.send(line).expect("the test listens");
        }
    });
    let build = shell("echo one; echo two >&2").rebuild(&args);
    let artifact = build.expect("it is its crate").wait().expect("it works");
    assert_eq!(artifact.library.to_str(), Some("/out/libscene.so"));
    drop(args);
    assert_eq!(lines.iter().collect::<Vec<_>>(), ["one", "two"]);
}

#[test]
fn a_command_that_fails_is_told_with_its_words() {
    let build = shell("echo no disk; exit 3").rebuild(&args("scene"));
    let error = build
        .expect("it is its crate")
        .wait()
        .expect_err("it fails");
    let BuildError::Command {
        status, message, ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!(status.code(), Some(3));
    assert_eq!(message, "no disk\n");
}

#[test]
fn a_command_that_is_not_there_is_told() {
    let builder = CommandBuilder::new("scene", "x", |_| Command::new("/no/such/command"));
    let build = builder.rebuild(&args("scene")).expect("it is its crate");
    let error = build.wait().expect_err("there is no such command");
    assert!(matches!(error, BuildError::Spawn { .. }), "{error:?}");
}

/// The child holds the pipe, so that the build could not end before the child is gone.
#[cfg(unix)]
#[test]
fn cancelling_kills_what_the_command_started() {
    let (sender, lines) = channel();
    let mut args = args("scene");
    args.reporter = Reporter::new(move |report| {
        if let BuildReport::Line(line) = report {
            sender.send(line).expect("the test listens");
        }
    });
    let build = shell("sh -c 'echo ready; sleep 1000'; echo over").rebuild(&args);
    let build = build.expect("it is its crate");
    assert_eq!(lines.recv().as_deref(), Ok("ready"));
    args.cancel_build.cancel();
    assert_eq!(build.wait(), Err(BuildError::Cancelled));
    assert!(lines.try_recv().is_err(), "the command went on");
}
