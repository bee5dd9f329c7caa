//! The program of a test: it builds its own hot crate, as often as it is told to, and says how that went.
//!
//! It answers each line of its input with one line.

use hot_build::{
    Build, BuildArgs, BuildReport, CrateBuild, DirectBuilder, Reporter, RustcRun,
};
use std::io::BufRead;
use std::sync::{Arc, Mutex};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [root, target_dir] = &arguments[..] else {
        panic!("{arguments:?}");
    };
    // Called, so that it is linked.
    scene::step();
    // A program that loads libraries has this, which each of them calls.
    std::hint::black_box(hot_abi::entry::init as *const ());
    let builder = DirectBuilder::thin();
    let full = DirectBuilder::full();
    let mut running = None;
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let words: Vec<&str> = line.split(' ').collect();
        let answer = match words[..] {
            ["prepare"] => {
                builder.prepare(vec![args(root, target_dir)]);
                "preparing".to_owned()
            }
            ["build"] => build(&builder, args(root, target_dir)),
            ["full"] => build(&full, args(root, target_dir)),
            ["start"] => {
                running = Some(builder.build(&args(root, target_dir)));
                "started".to_owned()
            }
            ["cancel"] => {
                let build: Build = running.take().expect("it was started");
                build.cancel();
                build.wait_settled();
                format!("{:?}", build.wait())
            }
            ["build", "with", feature] => {
                let mut args = args(root, target_dir);
                args.program.features.push(feature.to_owned());
                build(&builder, args)
            }
            ["set", name, value] => {
                // SAFETY: no other thread of this program reads the environment while it waits for input:
                // a build is waited for, and preparing is.
                unsafe { std::env::set_var(name, value) };
                "set".to_owned()
            }
            _ => panic!("{line}"),
        };
        println!("{}", answer.replace('\n', " "));
    }
}

fn args(root: &str, target_dir: &str) -> BuildArgs {
    let linked = hot_abi::registry::CRATES
        .iter()
        .find(|krate| krate.crate_name == "scene")
        .expect("it is linked");
    let run = linked.rustc;
    let mut args = BuildArgs::new(linked.manifest_dir);
    args.hot_crate = CrateBuild {
        package: Some(linked.package.to_owned()),
        rustc: Some(RustcRun {
            program: run.program.into(),
            directory: run.directory.into(),
            arguments: run.arguments.iter().map(|&word| word.to_owned()).collect(),
            variables: run
                .variables
                .iter()
                .map(|&(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        }),
        ..CrateBuild::default()
    };
    args.program.package = Some("game".to_owned());
    args.program.manifest_dir = Some(format!("{root}/game").into());
    args.program.target_dir = Some(target_dir.into());
    args
}

/// `<mode> <phases> | <why cargo was asked> | <the programs that were started> | <text in the library>`. The mode
/// of a library that the compiler made as it was is `fresh`.
fn build(builder: &DirectBuilder, mut args: BuildArgs) -> String {
    let started = Arc::new(Mutex::new(Vec::new()));
    let said = started.clone();
    args.reporter = Reporter::new(move |report| {
        let word = match report {
            BuildReport::Started { command } => {
                let program = command.split(' ').next().unwrap_or_default();
                program.rsplit('/').next().unwrap_or_default().to_owned()
            }
            BuildReport::Diagnostic(diagnostic) if diagnostic.level.is_error() => {
                "error".to_owned()
            }
            _ => return,
        };
        said.lock().expect("no panic").push(word);
    });
    let result = builder.build(&args).wait();
    let started = started.lock().expect("no panic").join("+");
    match result {
        Ok(artifact) => {
            let phases: Vec<String> = artifact
                .phases
                .iter()
                .map(|phase| match std::env::var_os("TIMES") {
                    Some(_) => format!("{} {:.1?}", phase.name, phase.duration),
                    None => phase.name.to_owned(),
                })
                .collect();
            let reason = artifact.asked_cargo.as_ref().map(|reason| format!("{reason:?}"));
            let fallback = artifact.fallback.map(|reason| format!(" {reason:?}"));
            let mode = match artifact.fresh && artifact.asked_cargo.is_none() {
                true => "fresh".to_owned(),
                false => artifact.mode.to_string(),
            };
            format!(
                "{mode}{} {} | {} | {started} | {}",
                fallback.unwrap_or_default(),
                phases.join("+"),
                reason.unwrap_or_default(),
                text_in(&artifact.library)
            )
        }
        Err(error) => {
            let messages: Vec<_> = error
                .diagnostics()
                .iter()
                .map(|said| &said.message)
                .collect();
            format!("failed {messages:?} | | {started} | {error}")
        }
    }
}

/// What the scene says, which begins with `says ` and ends with a dot.
fn text_in(library: &std::path::Path) -> String {
    let bytes = std::fs::read(library).expect("the library is there");
    let text = String::from_utf8_lossy(&bytes);
    let mut found: Vec<&str> = text
        .split("says ")
        .skip(1)
        .filter_map(|rest| rest.split_once('.'))
        .map(|(text, _)| text)
        .collect();
    found.dedup();
    found.join(",")
}
