//! Starting and stopping.

mod support;

use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hot_watch::{Notice, Root, WatchConfig, WatchError, Watcher};
use support::Place;

const HANG: Duration = Duration::from_secs(20);

#[test]
fn nothing_is_delivered_after_the_drop() {
    let place = Place::with(&["lib.rs"]);
    let (sender, notices) = mpsc::channel();
    let watcher = Watcher::start(
        WatchConfig::default().directory(&place.path),
        move |notice| {
            sender.send(notice).unwrap();
        },
    )
    .unwrap();
    assert!(matches!(notices.recv_timeout(HANG), Ok(Notice::Ready)));
    drop(watcher);
    place.write("lib.rs", "new");
    // The function is gone with the thread, and the sender with the function.
    assert!(notices.recv().is_err());
}

#[test]
fn the_function_that_takes_the_notices_may_drop_the_watcher() {
    let place = Place::with(&["lib.rs"]);
    let slot: Arc<Mutex<Option<Watcher>>> = Arc::default();
    let (sender, done) = mpsc::channel();
    let (stored, is_stored) = mpsc::channel::<()>();
    let inner = slot.clone();
    let watcher = Watcher::start(WatchConfig::default().directory(&place.path), move |_| {
        is_stored.recv().unwrap();
        drop(inner.lock().unwrap().take());
        sender.send(()).unwrap();
    })
    .unwrap();
    *slot.lock().unwrap() = Some(watcher);
    stored.send(()).unwrap();
    done.recv_timeout(HANG).unwrap();
    assert!(done.recv_timeout(HANG).is_err(), "the thread has ended");
    assert!(slot.lock().unwrap().is_none());
}

#[test]
fn a_watcher_whose_function_panicked_says_so() {
    let place = Place::with(&["lib.rs"]);
    let (sender, ended) = mpsc::channel::<()>();
    let watcher = Watcher::start(WatchConfig::default().directory(&place.path), move |_| {
        let _until_unwound = &sender;
        panic!("on purpose");
    })
    .unwrap();
    assert!(ended.recv_timeout(HANG).is_err());
    // The sender goes while the thread unwinds, and the thread's receiver only after that.
    let error = loop {
        match watcher.watch(Root::directory(&place.path)) {
            Ok(()) => std::thread::yield_now(),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, WatchError::Stopped));
}
