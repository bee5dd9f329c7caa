//! A program without a hot crate is told what it lacks.
#![cfg(feature = "reload")]

use hot_app::{Event, HOT_RELOAD, HotReload, Problem};
use std::time::Duration;

#[test]
fn a_program_without_a_hot_crate_is_told_so() {
    let events = HOT_RELOAD.events();
    drop(HotReload::options().console(false).start());
    let event = events.recv_timeout(Duration::from_secs(60));
    let problem = Problem::NoHotCrate;
    let event = event.expect("it begins with what is wrong");
    assert_eq!(event, Event::Problem { problem });
    // As the index has it.
    assert_eq!(event.codes(), ["HOT0705"]);
    let index = include_str!("../../docs/codes.md");
    let row = index.lines().find(|line| line.starts_with("| [HOT0705]"));
    assert!(
        row.unwrap()
            .ends_with("| `hot-app/tests/no_hot_crate.rs` |")
    );
}
