//! Roots of every kind: given crookedly, nested, missing, coming back, added and taken away.

mod support;

use std::fs;

use hot_watch::ChangeKind::{Created, Modified};
use hot_watch::{Notice, Root, WatchConfig, WatchError};
use support::{Place, Watched, created, modified};

fn returned(watched: &Watched) -> std::path::PathBuf {
    match watched.next() {
        Notice::RootReturned { root } => root,
        other => panic!("not a root's return: {other:?}"),
    }
}

fn missing(watched: &Watched) -> std::path::PathBuf {
    match watched.problem() {
        WatchError::RootMissing { root } => root,
        other => panic!("not a missing root: {other}"),
    }
}

#[test]
fn names_are_as_given() {
    let place = Place::with(&["a/lib.rs", "b/x"]);
    let crooked = place.at("b/../a");
    let watched = Watched::start(WatchConfig::default().directory(&crooked));
    place.write("a/lib.rs", "new");
    watched.expect(Modified, crooked.join("lib.rs"));
}

#[test]
fn a_relative_root_is_made_absolute() {
    let here = std::env::current_dir().unwrap();
    let dir = tempfile::tempdir_in(&here).unwrap();
    let file = dir.path().join("lib.rs");
    fs::write(&file, "old").unwrap();
    let relative = dir.path().strip_prefix(&here).unwrap();
    let watched = Watched::start(WatchConfig::default().directory(relative));
    fs::write(&file, "new").unwrap();
    watched.expect(Modified, file);
}

#[test]
fn nested_roots_tell_a_file_once() {
    let place = Place::with(&["outer/inner/lib.rs"]);
    let config = WatchConfig::default()
        .directory(place.at("outer/inner"))
        .directory(place.at("outer"))
        .file(place.at("outer/inner/lib.rs"));
    let mut watched = Watched::start(config);
    place.write("outer/inner/lib.rs", "new");
    watched.expect(Modified, place.at("outer/inner/lib.rs"));
    watched.expect_nothing(&place.at("outer"));
}

#[test]
fn roots_are_added_and_taken_away_while_watching() {
    let place = Place::with(&["a/lib.rs", "b/lib.rs", "shared/x"]);
    let mut watched = Watched::start(WatchConfig::default().directory(place.at("a")));
    place.write("b/lib.rs", "unseen");
    watched.expect_nothing(&place.at("a"));

    watched
        .watcher
        .watch(Root::directory(place.at("b")))
        .unwrap();
    watched
        .watcher
        .watch(Root::file(place.at("shared/x")))
        .unwrap();
    watched.ready();
    watched.ready();
    place.write("b/lib.rs", "new");
    watched.expect(Modified, place.at("b/lib.rs"));
    place.write("shared/x", "new");
    watched.expect(Modified, place.at("shared/x"));
    place.write("shared/y", "not asked for");
    watched.expect_nothing(&place.at("a"));

    watched
        .watcher
        .unwatch(Root::directory(place.at("b")))
        .unwrap();
    watched.ready();
    place.write("b/lib.rs", "newer");
    watched.expect_nothing(&place.at("a"));

    watched
        .watcher
        .set_roots([Root::directory(place.at("b"))])
        .unwrap();
    watched.ready();
    place.write("a/lib.rs", "new");
    place.write("shared/x", "newer");
    watched.expect_nothing(&place.at("b"));
    place.write("b/lib.rs", "newest");
    watched.expect(Modified, place.at("b/lib.rs"));
}

#[test]
fn a_change_on_its_way_survives_a_change_of_roots() {
    let place = Place::with(&["a/lib.rs", "b/lib.rs"]);
    let mut watched = Watched::start(WatchConfig::default().directory(place.at("a")));
    place.write("a/new.rs", "new");
    watched
        .watcher
        .set_roots([
            Root::directory(place.at("a")),
            Root::directory(place.at("b")),
        ])
        .unwrap();
    watched.ready();
    let changes = watched.changes_so_far(&place.at("a"));
    assert_eq!(changes, [created(place.at("a/new.rs"))]);
}

#[test]
fn a_root_that_goes_and_returns_is_compared_with_what_it_was() {
    let place = Place::with(&["root/same.rs", "root/other.rs"]);
    let root = place.at("root");
    let mut watched = Watched::start(WatchConfig::default().directory(&root));

    place.rename("root", "aside");
    assert_eq!(missing(&watched), root);
    place.write("aside/other.rs", "new");
    place.rename("aside", "root");
    assert_eq!(returned(&watched), root);
    watched.expect(Modified, place.at("root/other.rs"));
    watched.expect_nothing(&root);
    place.write("root/same.rs", "new");
    watched.expect(Modified, place.at("root/same.rs"));
}

#[test]
fn a_root_that_is_removed_is_named_and_watched_again() {
    let place = Place::with(&["root/lib.rs"]);
    let root = place.at("root");
    let watched = Watched::start(WatchConfig::default().directory(&root));
    fs::remove_dir_all(&root).unwrap();
    assert_eq!(missing(&watched), root);
    place.write("root/lib.rs", "new");
    assert_eq!(returned(&watched), root);
    watched.expect(Modified, place.at("root/lib.rs"));
}

#[test]
fn a_root_that_comes_late_is_watched_then() {
    let place = Place::new();
    let root = place.at("not/yet/there");
    let watched = Watched::start_unready(WatchConfig::default().directory(&root));
    assert_eq!(missing(&watched), root);
    watched.ready();
    place.write("not/yet/there/lib.rs", "new");
    assert_eq!(returned(&watched), root);
    watched.expect(Created, root.join("lib.rs"));
    place.write("not/yet/there/lib.rs", "newer");
    watched.expect(Modified, root.join("lib.rs"));
}

#[test]
fn a_file_may_come_later_and_its_directory_too() {
    let place = Place::new();
    let file = place.at("a/b/Cargo.lock");
    let watched = Watched::start(WatchConfig::default().file(&file));
    place.write("a/b/Cargo.lock", "new");
    watched.expect(Created, &file);
    place.write("a/b/Cargo.lock", "newer");
    watched.expect(Modified, &file);
    fs::remove_dir_all(place.at("a")).unwrap();
    watched.expect(hot_watch::ChangeKind::Removed, &file);
    place.write("a/b/Cargo.lock", "newest");
    watched.expect(Created, &file);
}

#[cfg(unix)]
#[test]
fn a_root_that_is_a_link_is_named_by_the_link_and_may_be_turned() {
    let place = Place::with(&["one/same.rs", "one/lib.rs", "two/same.rs", "two/lib.rs"]);
    place.write("two/lib.rs", "other");
    place.sh("ln -s one current");
    let root = place.at("current");
    let config = WatchConfig::default()
        .directory(&root)
        .directory(place.at("one"));
    let mut watched = Watched::start(config);
    place.write("one/lib.rs", "new");
    watched.expect(Modified, root.join("lib.rs"));

    watched.watcher.set_roots([Root::directory(&root)]).unwrap();
    watched.ready();
    place.sh("ln -s two turned && mv -T turned current");
    let changes = watched.changes_so_far(&root);
    assert_eq!(changes, [modified(root.join("lib.rs"))]);
}

#[cfg(unix)]
#[test]
fn a_link_to_a_file_changes_with_its_target() {
    let place = Place::with(&["elsewhere/shared.rs", "root/lib.rs"]);
    place.sh("ln -s ../elsewhere/shared.rs root/shared.rs");
    let mut watched = Watched::start(WatchConfig::default().directory(place.at("root")));
    place.write("elsewhere/shared.rs", "new");
    watched.expect(Modified, place.at("root/shared.rs"));
    watched.expect_nothing(&place.at("root"));

    place.write("elsewhere/other.rs", "other");
    place.sh("ln -sf ../elsewhere/other.rs root/shared.rs");
    watched.expect(Modified, place.at("root/shared.rs"));
    place.write("elsewhere/other.rs", "another");
    watched.expect(Modified, place.at("root/shared.rs"));
}
