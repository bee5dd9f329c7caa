//! Memory for the compiler in large pages.
//!
//! A compiler that has little to do spends a third of its time on getting memory from the system, four
//! kilobytes at a time. Its allocator, jemalloc, can ask for two megabytes instead, if the system leaves that to
//! programs, as Linux mostly does. Measured with rustc 1.95 on a small crate, one literal changed: half the
//! page faults (14,000 and 6,700) and a tenth less time of the processor (164 and 146 ms).

use std::env;
use std::process::Command;

/// How a user tells jemalloc what to do.
const SETTINGS: &str = "MALLOC_CONF";

/// Has a compiler that `command` runs use large pages, unless the user set how its allocator works. What it
/// compiles to is the same.
pub(super) fn use_large_pages(command: &mut Command) {
    if env::var_os(SETTINGS).is_none() {
        command.env(SETTINGS, "thp:always,metadata_thp:always");
    }
}
