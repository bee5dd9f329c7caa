//! The demo: the example program runs, its source is edited, broken and repaired, and the terminal
//! shows what comes of it.
//!
//! The program, the edits and the time are real: a copy of `examples/`, built and run as a user
//! would, and a clock that runs from the file being written to the program's first line of new code.

use std::env::consts::EXE_SUFFIX;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::program::{Mortal, Program};
use crate::save::Save;
use crate::scratch::Scratch;
use crate::terminal::Terminal;
use crate::{interrupt, repository, step};

/// The file that is edited.
const SCENE: &str = "fountain-scene/src/lib.rs";

/// Runs the demo to its end, or leaves the program running for the user to edit.
pub(crate) fn run(interactive: bool) -> Result<()> {
    let terminal = Terminal::stdout();
    heading(terminal, "Building a copy of examples/");
    let scratch = Scratch::create("demo", &repository::target_dir()?.join("demo"))?;
    copy_examples(&scratch)?;
    scratch.clean(&["fountain", "fountain-scene"])?;
    step::run(&mut scratch.cargo(&["build", "--package", "fountain"]))?;
    let file = format!("fountain{EXE_SUFFIX}");
    let command = scratch.command(&scratch.target_dir().join("debug").join(file));
    if interactive {
        leave_running(terminal, &scratch, command)
    } else {
        play(terminal, &scratch, command)
    }
}

/// The three edits, and what the program says to each.
fn play(terminal: Terminal, scratch: &Scratch, command: Command) -> Result<()> {
    heading(terminal, "The program runs, and prints a line per second");
    let bar = terminal.dim("  |");
    let witness = move |who: &str, what: &str| {
        // What is done to the program is told by the headings.
        if !what.starts_with('(') && !what.starts_with("[progress]") {
            let mark = if who.ends_with("err") { "!" } else { "" };
            println!("{bar}{mark} {what}");
        }
    };
    let mut program = Program::start("fountain", command, Arc::new(witness))?;
    wait_for(&mut program, "[watching]")?;
    let first = frame(&wait_for(&mut program, "frame ")?)?;

    heading(
        terminal,
        "An edit: more pressure, and other words on the sign",
    );
    let saved = save(
        terminal,
        scratch,
        &[
            ("let strength = 15.0;", "let strength = 18.0;"),
            ("droplets, up to", "droplets, and now as high as"),
        ],
    )?;
    let line = wait_for(&mut program, "and now as high as")?;
    report(terminal, saved);
    ensure!(frame(&line)? > first, "the program began anew");
    wait_for(&mut program, "frame ")?;
    wait_for(&mut program, "frame ")?;

    heading(
        terminal,
        "A mistake: the compiler's message comes, and the program runs on",
    );
    save(
        terminal,
        scratch,
        &[("let strength = 18.0;", "let strength = \"high\";")],
    )?;
    wait_for(&mut program, "[build-failed]")?;
    wait_for(&mut program, "frame ")?;
    wait_for(&mut program, "frame ")?;

    heading(terminal, "The repair");
    let saved = save(
        terminal,
        scratch,
        &[
            ("let strength = \"high\";", "let strength = 12.0;"),
            ("and now as high as", "calm again, up to"),
        ],
    )?;
    wait_for(&mut program, "calm again")?;
    report(terminal, saved);
    let last = frame(&wait_for(&mut program, "frame ")?)?;
    ensure!(last > first, "the program began anew");
    program.kill()?;

    heading(
        terminal,
        &format!("One program from frame {first} to frame {last}, three saves, no restart"),
    );
    println!("Your turn: `cargo xtask demo --interactive`, or `examples/README.md`.");
    Ok(())
}

/// Hands the terminal to the program until it ends or is interrupted.
fn leave_running(terminal: Terminal, scratch: &Scratch, mut command: Command) -> Result<()> {
    heading(
        terminal,
        "The program runs until Ctrl-C. Edit and save this file:",
    );
    println!(
        "    {}\n",
        terminal.bold(&scratch.path(SCENE).display().to_string())
    );
    let mut program = Mortal::spawn(&mut command).context("cannot start the program")?;
    while program
        .try_wait()
        .context("cannot ask whether the program runs")?
        .is_none()
    {
        if interrupt::check().is_err() {
            // That is how this is meant to end.
            return Ok(());
        }
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// Copies the examples' workspace, with the way to our packages made absolute.
pub(crate) fn copy_examples(scratch: &Scratch) -> Result<()> {
    let examples = repository::root().join("examples");
    let mut folders = vec![examples.clone()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder);
        let entries = entries.with_context(|| format!("cannot read {}", folder.display()))?;
        for entry in entries {
            let path = entry
                .with_context(|| format!("cannot read {}", folder.display()))?
                .path();
            if !path.is_dir() {
                copy_file(scratch, &examples, &path)?;
            } else if path.file_name().is_some_and(|name| name != "target") {
                folders.push(path);
            }
        }
    }
    Ok(())
}

fn copy_file(scratch: &Scratch, examples: &Path, path: &Path) -> Result<()> {
    let relative = path
        .strip_prefix(examples)
        .context("a file outside of the examples")?;
    let relative = relative.to_string_lossy().replace('\\', "/");
    scratch.copy(path, &relative)?;
    if relative.ends_with("Cargo.toml") {
        let repository = repository::root().display().to_string().replace('\\', "/");
        let manifest = scratch.read(&relative)?;
        let manifest = manifest.replace("\"../../hot-", &format!("\"{repository}/hot-"));
        scratch.write(&relative, &manifest)?;
    }
    Ok(())
}

/// Makes the edits in one save, shows them, and returns when the file was written.
fn save(terminal: Terminal, scratch: &Scratch, edits: &[(&str, &str)]) -> Result<Instant> {
    let before = scratch.read(SCENE)?;
    let mut after = before.clone();
    for (old, new) in edits {
        after = after.replacen(old, new, 1);
    }
    println!("    {}", terminal.bold(SCENE));
    let lines = before.lines().zip(after.lines()).enumerate();
    for (number, (old, new)) in lines.filter(|(_, (old, new))| old != new) {
        println!(
            "    {:>4} {}",
            number + 1,
            terminal.red(&format!("- {}", old.trim()))
        );
        println!(
            "    {:>4} {}",
            "",
            terminal.green(&format!("+ {}", new.trim()))
        );
    }
    scratch.edit(Save::Rename, SCENE, edits)?;
    Ok(Instant::now())
}

fn report(terminal: Terminal, saved: Instant) {
    let time = format!("{} ms", saved.elapsed().as_millis());
    println!(
        "    {} from the save to the first line of the new code",
        terminal.yellow(&time)
    );
}

fn heading(terminal: Terminal, text: &str) {
    println!("\n{}", terminal.bold(&format!("==> {text}")));
}

fn wait_for(program: &mut Program, part: &str) -> Result<String> {
    program.wait_for(&format!("`{part}`"), |line| line.contains(part))
}

/// The number in `frame 123  ...`.
fn frame(line: &str) -> Result<u64> {
    let number = line.split_whitespace().nth(1).unwrap_or_default();
    number
        .parse()
        .with_context(|| format!("no frame number in `{line}`"))
}
