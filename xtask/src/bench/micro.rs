//! What a call of hot code costs above a plain one, before and after a library is loaded, and what a
//! reload costs a program with a thousand nodes.
//!
//! The program measures itself; here it is built, given something to reload, and listened to.

use std::env::consts::EXE_SUFFIX;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};

use super::measurement::Measurement;
use super::{Program as Benchmark, Setting};
use crate::program::Program;
use crate::save::Save;
use crate::scratch::Scratch;
use crate::{repository, step};

pub(super) const PROGRAM: Benchmark = Benchmark {
    name: NAME,
    about: "the cost of a call, and of making a thousand nodes again",
    run,
};

const NAME: &str = "micro";
const HOT: &str = "scene/src/lib.rs";

/// What it measures, and in which unit.
const ROWS: &[(&str, &str)] = &[
    ("call-direct", "ns"),
    ("call-hot-fn", "ns"),
    ("call-hot-fn-loaded", "ns"),
    ("call-hot-fn-off", "ns"),
    ("call-virtual", "ns"),
    ("call-node", "ns"),
    ("call-node-loaded", "ns"),
    ("call-node-off", "ns"),
    ("context-entry", "ns"),
    ("reload-1000-nodes", "ms"),
    ("longest-frame", "ms"),
];

fn run(setting: &Setting) -> Result<Vec<Measurement>> {
    let scratch = Scratch::create(NAME, &setting.target_dir)?;
    write_packages(&scratch)?;
    scratch.clean(&["micro", "scene"])?;

    let mut heard = Vec::new();
    let mut off = start(&scratch, &["--no-default-features"], &["off"])?;
    off.wait_for("that it is done", |line| line == "done")?;
    heard.extend(off.heard().iter().cloned());
    off.end()?;

    let mut program = start(&scratch, &[], &[])?;
    let mut edition = 0;
    loop {
        let said = program.wait_for("that it is ready or done", |line| {
            line == "ready" || line == "done"
        })?;
        if said == "done" {
            break;
        }
        let text = |edition| format!("EDITION: u64 = {edition};");
        scratch.edit(Save::Rename, HOT, &[(&text(edition), &text(edition + 1))])?;
        edition += 1;
    }
    heard.extend(program.heard().iter().cloned());
    program.end()?;

    ROWS.iter()
        .map(|(what, unit)| Measurement::of(NAME, what, unit, runs(&heard, what)?))
        .collect()
}

/// Every `run <what> <number>` that was heard.
fn runs(heard: &[String], what: &str) -> Result<Vec<f64>> {
    let prefix = format!("run {what} ");
    let numbers = heard.iter().filter_map(|line| line.strip_prefix(&prefix));
    numbers
        .map(|number| {
            number
                .parse()
                .with_context(|| format!("{what} took `{number}`"))
        })
        .collect()
}

/// Builds the program for release and starts it.
fn start(scratch: &Scratch, features: &[&str], arguments: &[&str]) -> Result<Program> {
    let mut build = scratch.cargo(&["build", "--release", "--package", "micro"]);
    build.args(features);
    step::capture(&mut build)?;
    let mut command = scratch.command(&executable(scratch)?);
    command.args(arguments);
    // What it says beside its numbers tells why it did not come to its end.
    let witness = Arc::new(|who: &str, line: &str| {
        if who.ends_with("err") {
            eprintln!("{who}: {line}");
        }
    });
    Program::start(NAME, command, witness)
}

fn executable(scratch: &Scratch) -> Result<PathBuf> {
    let file = scratch
        .target_dir()
        .join("release")
        .join(format!("micro{EXE_SUFFIX}"));
    if !file.is_file() {
        bail!(
            "cargo built the program, but {} is not there",
            file.display()
        );
    }
    Ok(file)
}

fn write_packages(scratch: &Scratch) -> Result<()> {
    let product = |name: &str| repository::root().join(name).display().to_string();
    let (hot_abi, hot_app) = (product("hot-abi"), product("hot-app"));
    scratch.write(
        "Cargo.toml",
        // What is measured is the program, its hot crate and hot-abi between them; to optimise all the
        // rest would take minutes.
        r#"[workspace]
resolver = "3"
members = ["micro", "scene"]

[profile.release.package]
"*" = { opt-level = 0 }
hot-abi = { opt-level = 3 }
hot-app = { opt-level = 3 }
"#,
    )?;
    scratch.write(
        "micro/Cargo.toml",
        &format!(
            r#"[package]
name = "micro"
version = "0.1.0"
edition = "2024"

[features]
default = ["reload"]
reload = ["hot-app/reload", "hot-app/cargo"]

[dependencies]
hot-abi = {{ path = '{hot_abi}' }}
hot-app = {{ path = '{hot_app}', default-features = false }}
scene = {{ path = "../scene" }}
"#
        ),
    )?;
    scratch.write("micro/src/main.rs", include_str!("micro/host.rs"))?;
    scratch.write(
        "scene/Cargo.toml",
        &format!(
            r#"[package]
name = "scene"
version = "0.1.0"
edition = "2024"

[lib]
crate-type = ["lib", "cdylib"]

[dependencies]
hot-abi = {{ path = '{hot_abi}' }}
"#
        ),
    )?;
    scratch.write(HOT, include_str!("micro/hot.rs"))
}
