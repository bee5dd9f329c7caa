//! The command line: what can be asked for, and the sentence that `--help` says about each.

use std::path::PathBuf;

xflags::xflags! {
    /// The repository's own commands.
    cmd xtask {
        /// Show a running program take an edit, a broken edit and its repair; ends by itself.
        cmd demo {
            /// Leave the program running, and say which file to edit.
            optional --interactive
        }
        /// Run the end-to-end scenarios: real programs, real edits, asserted by their output.
        cmd e2e {
            /// Run only the scenarios whose names contain one of these.
            repeated filter: String
            /// How new code is linked: `full`, `thin`, or `both` modes side by side.
            optional --mode mode: String
            /// Build the programs for this target, and run them as cargo would: by `CARGO_TARGET_<TRIPLE>_RUNNER`,
            /// if that is set.
            optional --target target: String
            /// List the scenarios instead of running them.
            optional --list
        }
        /// Save random edits of a hot crate while it runs, and compare its answers and events with a model's.
        cmd edits {
            /// The seed of the first program; each further one has the next. Default: 1.
            optional --seed seed: u64
            /// How many programs in each mode. Default: 4, in valgrind 1.
            optional --programs programs: u64
            /// How many saves each program gets. Default: 60, in valgrind 15.
            optional --saves saves: usize
            /// How new code is linked: `full`, `thin`, or `both` modes side by side.
            optional --mode mode: String
            /// Run the programs in valgrind.
            optional --valgrind
        }
        /// Measure how fast a save goes live and what hot code costs, and print tables.
        cmd bench {
            /// Measure only this program.
            optional program: String
            /// Write the numbers to this file, too: a JSON list of objects.
            optional --json json: PathBuf
            /// Draw the numbers into this file: a picture in SVG.
            optional --plot plot: PathBuf
            /// How many rounds to measure, instead of what each program finds enough.
            optional --rounds rounds: usize
            /// List the programs instead of measuring them.
            optional --list
        }
        /// Prove the dependency arrows between the packages, and what a hot crate never links.
        cmd layers {}
        /// Prove that each publishable package packages: its metadata, its files, its pinned halves.
        cmd package {}
        /// Run everything that must hold before a change goes in, and stop at the first failure.
        cmd ci {}
    }
}
