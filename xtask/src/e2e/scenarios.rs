//! The scenarios, a file per subject.

mod bad_input;
mod edits;
mod functions;
mod leftovers;
mod nodes;
mod programs;
mod queueing;
mod recovery;

use super::Scenario;

/// All of them, in the order in which they run: the plainest first.
pub(super) fn all() -> Vec<Scenario> {
    [
        edits::SCENARIOS,
        recovery::SCENARIOS,
        queueing::SCENARIOS,
        nodes::SCENARIOS,
        functions::SCENARIOS,
        programs::SCENARIOS,
        leftovers::SCENARIOS,
        bad_input::SCENARIOS,
    ]
    .concat()
}
