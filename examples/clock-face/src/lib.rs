//! What the clock shows. Edit and save it while the clock runs.

use hot_abi::{hot_entry, hot_fn};

hot_entry!();

/// The time since the clock was started, as a line.
#[hot_fn]
pub fn show(seconds: u64) -> String {
    format!("{:02}:{:02} on the clock", seconds / 60, seconds % 60)
}
