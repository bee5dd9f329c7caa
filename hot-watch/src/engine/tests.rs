//! The engine with real files, and with a backend that says what a test wants.

use std::collections::BTreeSet;
use std::fs;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use super::*;
use crate::backend::{Backend, Reach};

/// A backend that says what it was asked for, and may refuse.
#[derive(Clone, Default)]
struct Fake {
    watched: Arc<Mutex<BTreeSet<PathBuf>>>,
    room: Option<usize>,
    reach_everything: bool,
}

impl Backend for Fake {
    fn reach(&self) -> Reach {
        if self.reach_everything {
            Reach::Everything
        } else {
            Reach::Entries
        }
    }

    fn watch(&mut self, directory: &Path, _: Reach) -> Result<(), BackendError> {
        let mut watched = self.watched.lock().unwrap();
        if self.room.is_some_and(|room| watched.len() >= room) {
            return Err(BackendError {
                cause: Cause::WatchLimit,
                source: "no room".into(),
            });
        }
        watched.insert(directory.to_owned());
        Ok(())
    }

    fn unwatch(&mut self, directory: &Path) {
        self.watched.lock().unwrap().remove(directory);
    }
}

struct Scene {
    dir: TempDir,
    root: PathBuf,
    fake: Fake,
    engine: Engine,
    zero: Instant,
}

impl Scene {
    /// An engine that has just started on a directory with these files.
    fn new(files: &[&str]) -> Self {
        Scene::with(Fake::default(), files)
    }

    fn with(fake: Fake, files: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap().join("root");
        fs::create_dir(&root).unwrap();
        for file in files {
            write(&root.join(file), "old");
        }
        let watches = Watches::new(Some(Box::new(fake.clone())));
        let config = WatchConfig::default().directory(&root);
        let scope = Scope::new(&[]).unwrap();
        let zero = Instant::now();
        let mut engine = Engine::new(config, scope, watches);
        engine.start(zero);
        Scene {
            dir,
            root,
            fake,
            engine,
            zero,
        }
    }

    fn at(&self, millis: u64) -> Instant {
        self.zero + Duration::from_millis(millis)
    }

    fn hear(&mut self, millis: u64, file: &str, what: What) {
        let path = self.root.join(file);
        let now = self.at(millis);
        self.engine.on_event(Event::Path { path, what }, now);
    }

    fn run_until(&mut self, millis: u64) -> Vec<Notice> {
        let now = self.at(millis);
        self.engine.advance(now);
        self.engine.take_notices(now)
    }

    fn watched(&self) -> Vec<String> {
        let watched = self.fake.watched.lock().unwrap();
        watched
            .iter()
            .filter_map(|path| path.strip_prefix(&self.root).ok())
            .map(|path| path.display().to_string())
            .collect()
    }

    fn lock_repository(&self) -> PathBuf {
        self.root.join(".git/index.lock")
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn changes(notices: Vec<Notice>) -> Vec<(String, ChangeKind)> {
    let mut all = Vec::new();
    for notice in notices {
        match notice {
            Notice::Changed(changes) => {
                all.extend(changes.list.into_iter().map(|change| {
                    let name = change.path.file_name().unwrap();
                    (name.to_str().unwrap().to_owned(), change.kind)
                }));
            }
            Notice::Ready => {}
            other => panic!("not a change: {other:?}"),
        }
    }
    all
}

fn modified(name: &str) -> (String, ChangeKind) {
    (name.to_owned(), ChangeKind::Modified)
}

#[test]
fn a_batch_tells_when_the_first_of_it_was_heard() {
    let mut scene = Scene::new(&["a", "b"]);
    scene.run_until(0);
    let heard = |notices: Vec<Notice>| {
        notices.into_iter().find_map(|notice| match notice {
            Notice::Changed(changes) => changes.heard,
            _ => None,
        })
    };
    for (start, text) in [(10, "new"), (2000, "newer")] {
        write(&scene.root.join("a"), text);
        scene.hear(start, "a", What::Touched);
        scene.hear(start + 1, "b", What::Touched);
        let notices = scene.run_until(start + 1500);
        assert_eq!(heard(notices), Some(scene.at(start)));
    }
}

#[test]
fn there_is_no_deadline_while_nothing_happens() {
    let mut scene = Scene::new(&["a"]);
    assert!(matches!(scene.run_until(0)[..], [Notice::Ready]));
    assert_eq!(scene.engine.next_deadline(), None);
    write(&scene.root.join("a"), "new");
    scene.hear(1, "a", What::Closed);
    assert_eq!(changes(scene.run_until(1)), [modified("a")]);
    assert_eq!(scene.engine.next_deadline(), None);
}

#[test]
fn what_is_left_out_is_not_watched() {
    let mut scene = Scene::new(&[
        "Cargo.toml",
        "src/deep/lib.rs",
        "target/debug/deps/x",
        ".git/objects/aa",
        "generated/x",
    ]);
    // Of .git the entries, to see a checkout end.
    let watched = ["", ".git", "generated", "src", "src/deep"];
    assert_eq!(scene.watched(), watched);
    write(&scene.root.join(".gitignore"), "/generated/\n");
    scene.hear(0, ".gitignore", What::Created);
    let created = (".gitignore".to_owned(), ChangeKind::Created);
    assert_eq!(changes(scene.run_until(40)), [created]);
    assert_eq!(scene.watched(), ["", ".git", "src", "src/deep"]);
}

#[test]
fn an_empty_file_is_believed_only_when_it_stays_empty() {
    let mut scene = Scene::new(&["a"]);
    scene.run_until(0);
    write(&scene.root.join("a"), "");
    scene.hear(100, "a", What::Closed);
    assert_eq!(changes(scene.run_until(100)), []);
    write(&scene.root.join("a"), "new");
    scene.hear(110, "a", What::Closed);
    // Close behind: the emptying was taken before.
    assert_eq!(changes(scene.run_until(150)), [modified("a")]);

    write(&scene.root.join("a"), "");
    scene.hear(300, "a", What::Closed);
    assert_eq!(changes(scene.run_until(300)), []);
    assert_eq!(changes(scene.run_until(340)), [modified("a")]);
}

#[test]
fn files_are_settled_when_what_was_heard_of_them_is_told() {
    let settled = |notices: &[Notice]| -> Vec<String> {
        let names = notices.iter().map(|notice| match notice {
            Notice::Changed(changes) => format!("changed {}", changes.list.len()),
            Notice::Settled { paths } => format!("settled {}", paths.len()),
            other => panic!("not expected: {other:?}"),
        });
        names.collect()
    };
    let mut scene = Scene::new(&["a", "b"]);
    scene.run_until(0);
    let ask = |scene: &mut Scene, millis: u64, names: &[&str]| {
        let paths = names.iter().map(|name| scene.root.join(name)).collect();
        let now = scene.at(millis);
        scene.engine.on_command(Command::Settle(paths), now);
    };
    // Nothing was heard of them, and nothing is to be told.
    ask(&mut scene, 100, &["a", "unknown"]);
    assert_eq!(settled(&scene.run_until(100)), ["settled 2"]);
    // Nothing was heard of it, and it was written all the same.
    write(&scene.root.join("a"), "new");
    ask(&mut scene, 200, &["a"]);
    assert_eq!(settled(&scene.run_until(200)), ["changed 1", "settled 1"]);
    // It is being written.
    write(&scene.root.join("b"), "half");
    scene.hear(300, "b", What::Written);
    ask(&mut scene, 301, &["b", "a"]);
    assert_eq!(settled(&scene.run_until(301)), <[&str; 0]>::default());
    write(&scene.root.join("b"), "whole");
    scene.hear(310, "b", What::Closed);
    assert_eq!(settled(&scene.run_until(350)), ["changed 1", "settled 2"]);
}

#[test]
fn a_change_that_is_undone_before_it_is_delivered_is_none() {
    let mut scene = Scene::new(&["a", "b"]);
    scene.run_until(0);
    write(&scene.root.join("a"), "new");
    scene.hear(100, "a", What::Closed);
    let now = scene.at(100);
    scene.engine.advance(now);
    // Another file holds it back, and meanwhile it is undone.
    scene.hear(101, "b", What::Written);
    let now = scene.at(101);
    assert_eq!(changes(scene.engine.take_notices(now)), []);
    write(&scene.root.join("a"), "old");
    scene.hear(102, "a", What::Closed);
    assert_eq!(changes(scene.run_until(142)), []);
}

#[test]
fn a_change_is_not_held_back_without_end() {
    let mut scene = Scene::new(&["a", "b"]);
    scene.run_until(0);
    write(&scene.root.join("a"), "new");
    scene.hear(0, "a", What::Closed);
    let now = scene.at(0);
    scene.engine.advance(now);
    for millis in (0..300).step_by(10) {
        scene.hear(millis, "b", What::Written);
        assert_eq!(changes(scene.run_until(millis)), []);
    }
    assert_eq!(changes(scene.run_until(300)), [modified("a")]);
}

#[test]
fn all_that_git_checks_out_is_one_batch() {
    let names: Vec<_> = (0..50).map(|index| format!("{index:02}")).collect();
    let files: Vec<_> = names.iter().map(String::as_str).collect();
    let mut scene = Scene::with(Fake::default(), &[&files[..], &[".git/HEAD"]].concat());
    scene.run_until(0);
    write(&scene.lock_repository(), "");
    for (index, name) in names.iter().enumerate() {
        let millis = 20 * index as u64;
        write(&scene.root.join(name), "new");
        scene.hear(millis, name, What::Closed);
        assert_eq!(changes(scene.run_until(millis)), []);
    }
    assert_eq!(changes(scene.run_until(1500)), []);
    fs::remove_file(scene.lock_repository()).unwrap();
    scene.hear(1501, ".git/index.lock", What::Gone);
    assert_eq!(changes(scene.run_until(1501)).len(), 50);
}

#[test]
fn lost_events_make_every_file_be_compared() {
    let mut scene = Scene::new(&["same", "other", "gone", "dir/x"]);
    scene.run_until(0);
    write(&scene.root.join("other"), "new");
    write(&scene.root.join("fresh/file"), "new");
    fs::remove_file(scene.root.join("gone")).unwrap();
    let now = scene.at(100);
    scene.engine.on_event(Event::Overflow, now);
    assert!(matches!(
        scene.engine.take_notices(now)[..],
        [Notice::Problem(WatchError::Overflow)]
    ));
    assert_eq!(
        changes(scene.run_until(140)),
        [
            ("file".to_owned(), ChangeKind::Created),
            ("gone".to_owned(), ChangeKind::Removed),
            modified("other"),
        ]
    );
    assert_eq!(scene.watched(), ["", "dir", "fresh"]);
}

#[test]
fn at_the_watch_limit_files_are_polled_and_it_is_told_why() {
    let fake = Fake {
        room: Some(1),
        ..Fake::default()
    };
    let mut scene = Scene::with(fake, &["src/a"]);
    let notices = scene.run_until(0);
    let [
        Notice::Problem(WatchError::WatchLimit { directory, .. }),
        Notice::Polling { interval },
        Notice::Ready,
    ] = &notices[..]
    else {
        panic!("{notices:?}");
    };
    assert_eq!(directory.as_deref(), Some(&*scene.root.join("src")));
    assert_eq!(scene.engine.next_deadline(), Some(scene.zero + *interval));

    write(&scene.root.join("src/a"), "new");
    assert_eq!(changes(scene.run_until(500)), []);
    assert_eq!(changes(scene.run_until(540)), [modified("a")]);
}

#[test]
fn a_backend_that_fails_later_is_replaced_by_polling() {
    let mut scene = Scene::new(&["a"]);
    scene.run_until(0);
    let error = BackendError {
        cause: Cause::Other,
        source: "broken".into(),
    };
    let now = scene.at(0);
    scene.engine.on_event(Event::Failed(error), now);
    assert!(matches!(
        scene.engine.take_notices(now)[..],
        [
            Notice::Problem(WatchError::Backend { .. }),
            Notice::Polling { .. }
        ]
    ));
}

#[test]
fn where_one_watch_covers_a_tree_new_directories_are_found_by_their_files() {
    let fake = Fake {
        reach_everything: true,
        ..Fake::default()
    };
    let mut scene = Scene::with(fake, &["Cargo.toml", "src/a"]);
    scene.run_until(0);
    assert_eq!(scene.watched(), [""]);
    write(&scene.root.join("src/one/two/b"), "new");
    scene.hear(0, "src/one/two/b", What::Written);
    write(&scene.root.join("target/debug/x"), "new");
    scene.hear(0, "target/debug/x", What::Written);
    let created = ("b".to_owned(), ChangeKind::Created);
    assert_eq!(changes(scene.run_until(40)), [created]);
}

#[test]
fn a_directory_replaced_unheard_is_watched_anew() {
    let mut scene = Scene::new(&["src/a"]);
    scene.run_until(0);
    let aside = scene.dir.path().join("aside");
    fs::rename(scene.root.join("src"), &aside).unwrap();
    write(&scene.root.join("src/a"), "new");
    write(&scene.root.join("src/b"), "new");
    // All that is heard is of a file in the old one.
    scene.hear(0, "src/a", What::Gone);
    let created = ("b".to_owned(), ChangeKind::Created);
    assert_eq!(changes(scene.run_until(40)), []);
    assert_eq!(changes(scene.run_until(80)), [modified("a"), created]);
}
