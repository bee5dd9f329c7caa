//! The compiler's runs, recorded from cargo's and repeated without cargo.
//!
//! Cargo takes longer to find out that one crate is to be compiled than the linker takes to link it. What
//! it would run is known from the last time, or from the program that is running, and does not change
//! until a manifest, a build script or the set of crates does. Then cargo is asked again, and the record
//! is renewed.

mod command;
mod commands;
mod compile;
mod decisive;
mod first;
mod record;
mod recorder;
mod stamp;
mod toolchain;
mod traces;
mod variables;
mod waiting;
mod workplace;

pub(crate) use command::RustcCommand;
pub(crate) use commands::Commands;
pub(crate) use compile::{Compilation, CompileFailure, Compiled, Ending, Wanted};
pub(crate) use first::{program_built, unreadable};
pub(crate) use record::{CrateFile, Plan, Record, modified};
pub(crate) use recorder::Recorder;
#[cfg(feature = "thin")]
pub(crate) use toolchain::host_target;
pub(crate) use waiting::WaitingCompiler;
pub(crate) use workplace::{Workplace, Workplaces};
