//! Many files at once, while the consumer is busy and while it is not.

#![cfg(unix)]

mod support;

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::Duration;

use hot_watch::{ChangeKind, Notice, WatchConfig, Watcher};
use support::{Place, Seen, Watched, modified};

/// A repository with two commits that differ in all of these files, at the first one.
fn repository(files: usize) -> Place {
    let place = Place::new();
    let fill = |text: &str| {
        for index in 0..files {
            place.write(&format!("src/{:02}/{index:04}.rs", index % 20), text);
        }
    };
    place.sh("git init -q . && git config user.name x && git config user.email x@example.invalid");
    fill("old");
    place.sh("git add . && git commit -qm one && git tag one");
    fill("new");
    place.sh("git add . && git commit -qm two && git tag two && git checkout -q one");
    place
}

#[test]
fn every_file_of_a_checkout_is_told() {
    let place = repository(1000);
    let mut watched = Watched::start(WatchConfig::default().directory(&place.path));
    place.sh("git checkout -q two");
    let changes = watched.changes_so_far(&place.path);
    // On a machine that is slow enough, a file that git removes to make it anew may be told twice.
    let last: BTreeMap<_, _> = changes
        .iter()
        .map(|change| (&change.path, change.kind))
        .collect();
    assert_eq!(last.len(), 1000);
    assert!(last.values().all(|kind| *kind != ChangeKind::Removed));
}

#[test]
fn a_checkout_and_back_while_the_consumer_is_busy_is_nothing() {
    let place = repository(50);
    let (sender, notices) = mpsc::channel();
    let (go_on, gate) = mpsc::channel::<()>();
    let _watcher = Watcher::start(
        WatchConfig::default().directory(&place.path),
        move |notice| {
            let is_change = matches!(notice, Notice::Changed(_));
            sender.send(notice).unwrap();
            if is_change {
                gate.recv().unwrap();
            }
        },
    )
    .unwrap();
    let next = || notices.recv_timeout(Duration::from_secs(20)).unwrap();
    let changes = || match next() {
        Notice::Changed(changes) => changes.list.into_iter().map(Seen::from).collect::<Vec<_>>(),
        other => panic!("not a change: {other:?}"),
    };
    assert!(matches!(next(), Notice::Ready));

    place.write("src/00/0000.rs", "edit");
    assert_eq!(changes(), [modified(place.at("src/00/0000.rs"))]);
    place.write("src/00/0000.rs", "old");
    place.sh("git checkout -q two && git checkout -q one");
    place.write("src/01/0001.rs", "last");
    go_on.send(()).unwrap();
    assert_eq!(
        changes(),
        [
            modified(place.at("src/00/0000.rs")),
            modified(place.at("src/01/0001.rs"))
        ]
    );
    go_on.send(()).unwrap();
}
