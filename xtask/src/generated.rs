//! Random edits of a hot crate, each of which the running program must take with the right answers, or refuse
//! for the right reason.
//!
//! A model of a crate (types, functions, traits, statics) prints itself as Rust source, and tells by itself
//! what each function must answer. Edits of the model are saved as edits of the source while a real program
//! runs, and after each one the program is asked for all its functions, and its events are compared with what
//! must be told. A seed is all it takes to repeat a run.

mod edit;
mod host;
mod judge;
mod layouts;
mod play;
mod print;
mod random;
mod scene;
mod types;
mod value;
mod world;

use std::ops::Range;
use std::panic::resume_unwind;
use std::path::Path;
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::e2e::Mode;
use crate::flags::Edits;
use crate::terminal::Terminal;
use crate::{interrupt, repository};

/// What is to be run.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// How many saves each program gets.
    saves: usize,
    /// Whether the programs run in valgrind.
    valgrind: bool,
}

/// Runs programs and saves edits of their hot crate, in both modes of linking at the same time.
///
/// # Errors
/// A program did not do what it must: with the seed and all that it takes to see it again.
pub(crate) fn run(flags: &Edits) -> Result<()> {
    let modes = Mode::asked_for(flags.mode.as_deref())?;
    if flags.valgrind && !play::has_valgrind() {
        let ignored = Terminal::stdout().yellow("ignored");
        println!("edits under valgrind ... {ignored}: there is no valgrind on the path");
        return Ok(());
    }
    let run = Run {
        saves: flags.saves.unwrap_or(50),
        valgrind: flags.valgrind,
    };
    let first = flags.seed.unwrap_or(1);
    let seeds = first..first + flags.programs.unwrap_or(4);
    let target_dir = repository::target_dir()?.join("edits");
    thread::scope(|scope| {
        let runs: Vec<_> = modes
            .into_iter()
            .map(|mode| {
                let (seeds, target_dir) = (seeds.clone(), target_dir.join(mode.to_string()));
                scope.spawn(move || run_all(mode, seeds, run, &target_dir))
            })
            .collect();
        runs.into_iter()
            .try_for_each(|run| run.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

/// Runs the programs of one mode, one after the other.
fn run_all(mode: Mode, seeds: Range<u64>, run: Run, target_dir: &Path) -> Result<()> {
    let terminal = Terminal::stdout();
    if let Some(reason) = mode.unavailable() {
        println!("edits {mode} ... {}: {reason}", terminal.yellow("ignored"));
        return Ok(());
    }
    for seed in seeds {
        interrupt::check()?;
        let began = Instant::now();
        let tally = play::play(mode, seed, run, target_dir).with_context(|| {
            let Run { saves, valgrind } = run;
            let valgrind = if valgrind { " --valgrind" } else { "" };
            format!(
                "repeat it with `cargo xtask edits --mode {mode} --seed {seed} --programs 1 --saves \
                 {saves}{valgrind}`"
            )
        })?;
        let (ok, took) = (terminal.green("ok"), began.elapsed().as_secs_f64());
        println!("edits {mode}, seed {seed} ... {ok}: {tally} ({took:.1}s)");
    }
    Ok(())
}
