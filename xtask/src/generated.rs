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
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// The seed of the first program; each further one has the next.
    seed: u64,
    /// How many programs in each mode.
    programs: u64,
    /// How many saves each program gets.
    saves: usize,
    /// `full`, `thin` or `both`.
    mode: Option<String>,
    /// Whether the programs run in valgrind.
    valgrind: bool,
}

impl Default for Order {
    fn default() -> Order {
        Order {
            seed: 1,
            programs: 4,
            saves: 60,
            mode: None,
            valgrind: false,
        }
    }
}

impl Order {
    /// What is run in valgrind, where everything takes longer.
    pub(crate) fn in_valgrind() -> Order {
        Order {
            programs: 1,
            saves: 15,
            valgrind: true,
            ..Order::default()
        }
    }
}

impl From<Edits> for Order {
    fn from(flags: Edits) -> Order {
        let usual = match flags.valgrind {
            true => Order::in_valgrind(),
            false => Order::default(),
        };
        Order {
            seed: flags.seed.unwrap_or(usual.seed),
            programs: flags.programs.unwrap_or(usual.programs),
            saves: flags.saves.unwrap_or(usual.saves),
            mode: flags.mode,
            ..usual
        }
    }
}

/// Runs programs and saves edits of their hot crate, in both modes of linking at the same time.
///
/// # Errors
/// A program did not do what it must: with the seed and all that it takes to see it again.
pub(crate) fn run(order: &Order) -> Result<()> {
    let modes = Mode::asked_for(order.mode.as_deref())?;
    if order.valgrind && !play::has_valgrind() {
        let ignored = Terminal::stdout().yellow("ignored");
        println!("edits in valgrind ... {ignored}: there is no valgrind on the path");
        return Ok(());
    }
    let target_dir = repository::target_dir()?.join("edits");
    thread::scope(|scope| {
        let runs: Vec<_> = modes
            .into_iter()
            .map(|mode| {
                let target_dir = target_dir.join(mode.to_string());
                scope.spawn(move || run_all(mode, order, &target_dir))
            })
            .collect();
        runs.into_iter()
            .try_for_each(|run| run.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

/// How often a program is run in a valgrind that fails itself: 3.19 does now and then, where code panics for the first time.
const TRIES_IN_VALGRIND: usize = 4;

/// Runs the programs of one mode, one after the other.
fn run_all(mode: Mode, order: &Order, target_dir: &Path) -> Result<()> {
    let terminal = Terminal::stdout();
    if let Some(reason) = mode.unavailable(None) {
        println!("edits {mode} ... {}: {reason}", terminal.yellow("ignored"));
        return Ok(());
    }
    for seed in order.seed..order.seed + order.programs {
        interrupt::check()?;
        let began = Instant::now();
        let mut played = play::play(mode, seed, order, target_dir);
        for _ in 1..TRIES_IN_VALGRIND {
            if !matches!(&played, Err(error) if error.is::<play::ValgrindFailed>()) {
                break;
            }
            println!(
                "edits {mode}, seed {seed} ... once more: {}",
                play::ValgrindFailed
            );
            played = play::play(mode, seed, order, target_dir);
        }
        let tally = played.with_context(|| {
            let saves = order.saves;
            let valgrind = if order.valgrind { " --valgrind" } else { "" };
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
