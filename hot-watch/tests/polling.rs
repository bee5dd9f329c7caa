//! The same without the system's events.

mod support;

use std::fs;
use std::time::Duration;

use hot_watch::ChangeKind::{Created, Modified, Removed};
use hot_watch::{Method, Notice, WatchConfig, WatchError};
use support::{Place, Watched};

fn polled(place: &Place) -> Watched {
    let watched = Watched::start_unready(WatchConfig {
        method: Method::Polling,
        poll_interval: Duration::from_millis(10),
        ..WatchConfig::default().directory(place.at("root"))
    });
    let notice = watched.next();
    let Notice::Polling { interval } = notice else {
        panic!("not polling: {notice:?}");
    };
    assert_eq!(interval, Duration::from_millis(10));
    watched.ready();
    watched
}

#[test]
fn changes_are_told_and_saves_of_the_same_are_not() {
    let place = Place::with(&["root/lib.rs", "root/same.rs"]);
    let mut watched = polled(&place);
    place.write("root/same.rs", "old");
    watched.expect_nothing(&place.at("root"));
    // The same length, in the same instant as far as the file's time tells.
    place.write("root/lib.rs", "new");
    watched.expect(Modified, place.at("root/lib.rs"));
    place.write("root/src/new.rs", "new");
    watched.expect(Created, place.at("root/src/new.rs"));
    fs::remove_dir_all(place.at("root/src")).unwrap();
    watched.expect(Removed, place.at("root/src/new.rs"));
}

#[test]
fn a_root_that_goes_is_named_and_seen_again() {
    let place = Place::with(&["root/lib.rs"]);
    let watched = polled(&place);
    place.rename("root", "aside");
    assert!(matches!(watched.problem(), WatchError::RootMissing { .. }));
    place.write("aside/lib.rs", "new");
    place.rename("aside", "root");
    assert!(matches!(watched.next(), Notice::RootReturned { .. }));
    watched.expect(Modified, place.at("root/lib.rs"));
}
