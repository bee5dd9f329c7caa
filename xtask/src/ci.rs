//! Everything that must hold before a change goes in, as one command, at home and on the
//! integration machine.

use std::fs;
use std::io;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::repository::{self, cargo};
use crate::terminal::Terminal;
use crate::{e2e, generated, interrupt, layers, package, step};

/// Runs every step in turn.
///
/// # Errors
/// The first step that fails, and what to type to repeat it alone.
pub(crate) fn run() -> Result<()> {
    let terminal = Terminal::stdout();
    let began = Instant::now();
    let mut times = Vec::new();
    for step in steps() {
        interrupt::check()?;
        println!(
            "{}",
            terminal.bold(&format!("==> {}: {}", step.name, step.repeat))
        );
        let began = Instant::now();
        (step.run)().with_context(|| {
            format!(
                "ci stopped at the step \"{}\"; repeat it with `{}`",
                step.name, step.repeat
            )
        })?;
        let took = began.elapsed();
        println!(
            "{}",
            terminal.green(&format!("<== {}: {}", step.name, seconds(took)))
        );
        times.push((step.name, took));
    }
    println!("{}", terminal.bold("==> ci: all steps passed"));
    for (name, took) in times {
        println!("{name:>14} {:>8}", seconds(took));
    }
    println!("{:>14} {:>8}", "all", seconds(began.elapsed()));
    Ok(())
}

/// One thing that must hold.
struct Step {
    name: &'static str,
    /// What a person types, at the root of the repository, to run just this.
    repeat: String,
    run: Box<dyn FnOnce() -> Result<()>>,
}

/// Cheap and telling first: what a person fixes in a minute should not come after ten.
fn steps() -> Vec<Step> {
    const EXAMPLES: [&str; 2] = ["--manifest-path", "examples/Cargo.toml"];
    let deny = ["--", "-D", "warnings"];
    vec![
        call("format", cargo(["fmt", "--all", "--check"])),
        call(
            "format",
            extended(cargo(["fmt", "--all", "--check"]), EXAMPLES),
        ),
        // Before anything mends them in passing.
        call("lock files", locked_packages()),
        call("lock files", extended(locked_packages(), EXAMPLES)),
        own("layers", layers::run),
        call(
            "clippy",
            extended(
                compile(["clippy", "--workspace", "--all-targets", "--all-features"]),
                deny,
            ),
        ),
        // A feature that is off must not leave dead code or a missing item behind.
        call(
            "clippy",
            extended(
                compile([
                    "clippy",
                    "--workspace",
                    "--all-targets",
                    "--no-default-features",
                ]),
                deny,
            ),
        ),
        call(
            "clippy",
            extended(
                extended(
                    compile(["clippy", "--workspace", "--all-targets"]),
                    EXAMPLES,
                ),
                deny,
            ),
        ),
        // Documentation tests run along with the others.
        call("test", compile(["test", "--workspace", "--all-features"])),
        // What these say depends on the features: the nodes and functions of a program without reloading are
        // the same ones, and a derive that lacks the feature `state` has a sentence of its own.
        call("test", compile(["test", "--package", "hot-abi"])),
        call(
            "test",
            compile(["test", "--package", "hot-abi", "--features", "reload"]),
        ),
        // Without cargo nobody builds a crate that no rebuilder wants.
        call(
            "test",
            compile([
                "test",
                "--package",
                "hot-app",
                "--no-default-features",
                "--features",
                "reload",
            ]),
        ),
        call("test", extended(compile(["test", "--workspace"]), EXAMPLES)),
        remove("tmp"),
        call("doc", {
            let mut command = compile(["doc", "--workspace", "--no-deps", "--all-features"]);
            command.env("RUSTDOCFLAGS", "-D warnings");
            command
        }),
        own("package", package::run),
        own("e2e", || e2e::run(&[], None, None)),
        remove("e2e"),
        own("edits", || generated::run(&generated::Order::default())),
        // Far fewer, for each takes thirty times as long.
        own("edits --valgrind", || {
            generated::run(&generated::Order::in_valgrind())
        }),
    ]
}

/// Removes what the steps before built into that folder of the target directory: what follows needs the room.
fn remove(folder: &'static str) -> Step {
    let run = move || {
        let folder = repository::target_dir()?.join(folder);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", folder.display()))
            }
            _ => Ok(()),
        }
    };
    Step {
        name: "tidy",
        repeat: format!("rm -r target/{folder}"),
        run: Box::new(run),
    }
}

/// A command of cargo that compiles, and leaves no cache for the next time behind: that is larger than all the rest,
/// and a clean clone has none to begin with.
fn compile<const N: usize>(arguments: [&str; N]) -> Command {
    let [subcommand, options @ ..] = &arguments[..] else {
        unreachable!("cargo is asked for nothing");
    };
    let mut command = cargo([*subcommand, "--config", "build.incremental=false"]);
    command.args(options);
    command
}

/// Lists the packages of a workspace, and fails if its Cargo.lock is not what cargo would write.
fn locked_packages() -> Command {
    cargo(["tree", "--workspace", "--depth", "0", "--locked"])
}

/// A step that is a command of cargo.
fn call(name: &'static str, mut command: Command) -> Step {
    let variables = command.get_envs().filter_map(|(name, value)| {
        Some(format!(
            "{}='{}' ",
            name.to_string_lossy(),
            value?.to_string_lossy()
        ))
    });
    let repeat = format!("{}{}", variables.collect::<String>(), step::words(&command));
    Step {
        name,
        repeat,
        run: Box::new(move || step::run(&mut command)),
    }
}

/// A step that is a command of ours, and has the step's name.
fn own(name: &'static str, run: fn() -> Result<()>) -> Step {
    Step {
        name,
        repeat: format!("cargo xtask {name}"),
        run: Box::new(run),
    }
}

fn extended<const N: usize>(mut command: Command, arguments: [&str; N]) -> Command {
    command.args(arguments);
    command
}

fn seconds(duration: Duration) -> String {
    format!("{:.1}s", duration.as_secs_f64())
}
