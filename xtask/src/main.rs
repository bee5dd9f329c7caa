//! The repository's own commands, run as `cargo xtask <command>`.
//!
//! It drives cargo and the examples from outside, as a user would, and knows the product's packages
//! only by their names and their printed output: no product code depends on it, nor it on them.

#[cfg(test)]
mod behaviours;
mod bench;
mod ci;
mod demo;
mod e2e;
mod flags;
mod generated;
mod interrupt;
mod layers;
mod package;
mod program;
mod repository;
mod save;
mod scratch;
mod step;
mod target;
mod terminal;

use std::process::ExitCode;

use flags::{Xtask, XtaskCmd};

fn main() -> ExitCode {
    let flags = Xtask::from_env_or_exit();
    let outcome = interrupt::listen().and_then(|()| match flags.subcommand {
        XtaskCmd::Demo(demo) => demo::run(demo.interactive),
        XtaskCmd::E2e(e2e) if e2e.list => e2e::list(),
        XtaskCmd::E2e(e2e) => e2e::run(&e2e.filter, e2e.mode.as_deref(), e2e.target.as_deref()),
        XtaskCmd::Edits(edits) => generated::run(&edits.into()),
        XtaskCmd::Bench(bench) if bench.list => bench::list(),
        XtaskCmd::Bench(bench) => bench::run(&bench::Order {
            program: bench.program.as_deref(),
            rounds: bench.rounds,
            json: bench.json.as_deref(),
            plot: bench.plot.as_deref(),
        }),
        XtaskCmd::Layers(_) => layers::run(),
        XtaskCmd::Package(_) => package::run(),
        XtaskCmd::Ci(_) => ci::run(),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
