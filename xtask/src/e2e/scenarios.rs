//! The scenarios, a file per subject.

mod async_server;
mod bad_input;
mod builds;
mod context;
mod edits;
mod fallbacks;
mod found_out;
mod functions;
mod generations;
mod layouts;
mod leftovers;
mod nodes;
mod off;
mod one_copy;
mod panics;
mod programs;
mod queueing;
mod recovery;
mod safe_points;
mod service;
mod state;
mod threads;
mod watching;

use super::Scenario;

/// All of them, in the order in which they run: the plainest first.
pub(super) fn all() -> Vec<Scenario> {
    [
        edits::SCENARIOS,
        recovery::SCENARIOS,
        queueing::SCENARIOS,
        nodes::SCENARIOS,
        functions::SCENARIOS,
        context::SCENARIOS,
        state::SCENARIOS,
        safe_points::SCENARIOS,
        threads::SCENARIOS,
        async_server::SCENARIOS,
        off::SCENARIOS,
        programs::SCENARIOS,
        panics::SCENARIOS,
        generations::SCENARIOS,
        layouts::SCENARIOS,
        found_out::SCENARIOS,
        one_copy::SCENARIOS,
        fallbacks::SCENARIOS,
        leftovers::SCENARIOS,
        builds::SCENARIOS,
        service::SCENARIOS,
        watching::SCENARIOS,
        bad_input::SCENARIOS,
    ]
    .concat()
}
