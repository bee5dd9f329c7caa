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

use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::flags::Edits;
use crate::terminal::Terminal;
use crate::{interrupt, repository};
pub(crate) use world::Linking;

/// What is to be run.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// How many saves each program gets.
    saves: usize,
    /// Whether the programs run in valgrind.
    valgrind: bool,
}

/// Runs programs and saves edits of their hot crate, for each way of linking in turn.
///
/// # Errors
/// A program did not do what it must: with the seed and all that it takes to see it again.
pub(crate) fn run(flags: &Edits) -> Result<()> {
    if flags.valgrind && !play::has_valgrind() {
        let ignored = Terminal::stdout().yellow("ignored");
        println!("edits under valgrind ... {ignored}: there is no valgrind on the path");
        return Ok(());
    }
    let run = Run {
        saves: flags.saves.unwrap_or(65),
        valgrind: flags.valgrind,
    };
    let first = flags.seed.unwrap_or(1);
    let linkings = flags
        .mode
        .map_or(vec![Linking::Thin, Linking::Full], |mode| vec![mode]);
    let target_dir = repository::target_dir()?.join("edits");
    for linking in linkings {
        for seed in first..first + flags.programs.unwrap_or(4) {
            interrupt::check()?;
            let began = Instant::now();
            let tally = play::play(linking, seed, run, &target_dir).with_context(|| {
                format!(
                    "repeat it with `cargo xtask edits --mode {linking} --seed {seed} --programs 1 --saves {}{}`",
                    run.saves,
                    if run.valgrind { " --valgrind" } else { "" }
                )
            })?;
            let ok = Terminal::stdout().green("ok");
            let took = began.elapsed().as_secs_f64();
            println!("edits {linking}, seed {seed} ... {ok}: {tally} ({took:.1}s)");
        }
    }
    Ok(())
}
