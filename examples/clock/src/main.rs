//! A clock that shows how long it runs. Its face is built by a command: the one on the command line, or cargo.
//!
//! ```console
//! $ cargo run --package clock -- make face
//! ```

use std::env;
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use command_builder::CommandBuilder;
use hot_app::build::BuildArgs;
use hot_app::{HOT_RELOAD, HotReload};

hot_app::hot_host!();

fn main() -> io::Result<()> {
    let words: Vec<OsString> = env::args_os().skip(1).collect();
    let builder = CommandBuilder::new("clock-face", library()?, move |args| {
        match words.split_first() {
            Some((program, rest)) => {
                let mut command = Command::new(program);
                command.args(rest);
                command
            }
            None => cargo(args),
        }
    });
    HOT_RELOAD.rebuilder(builder);
    let events = HOT_RELOAD.events();
    let mut hot = HotReload::options().console(false).start();

    let started = Instant::now();
    let mut shown = String::new();
    loop {
        hot.update();
        for event in events.try_iter() {
            println!("[{}] {event}", event.name());
        }
        let face = clock_face::show(started.elapsed().as_secs());
        if face != shown {
            println!("{face}");
            shown = face;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Where cargo leaves the library of the face: beside the program.
fn library() -> io::Result<PathBuf> {
    let name = format!("{DLL_PREFIX}clock_face{DLL_SUFFIX}");
    Ok(env::current_exe()?.with_file_name(name))
}

/// Both packages at once, and only their libraries, so that the face is built with the very dependencies that it has
/// in the program.
fn cargo(args: &BuildArgs) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(&args.manifest_dir);
    cargo.args([
        "build",
        "--package",
        "clock",
        "--package",
        "clock-face",
        "--lib",
    ]);
    if let Some(profile) = &args.program.profile {
        cargo.args(["--profile", profile]);
    }
    if let Some(target_dir) = &args.program.target_dir {
        cargo.arg("--target-dir").arg(target_dir);
    }
    cargo
}
