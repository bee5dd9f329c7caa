//! One save is one change, however it is made, and no change if no byte is different.

mod support;

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::time::SystemTime;

use hot_watch::ChangeKind::{Created, Modified, Removed};
use hot_watch::{FileContent, Notice, WatchConfig};
use support::{Place, Watched, created, modified, removed};

fn scene(files: &[&str]) -> (Place, Watched) {
    let place = Place::with(files);
    let watched = Watched::start(WatchConfig::default().directory(&place.path));
    (place, watched)
}

#[test]
fn a_save_in_place_is_one_change() {
    let (place, mut watched) = scene(&["src/lib.rs"]);
    place.write("src/lib.rs", "new");
    watched.expect(Modified, place.at("src/lib.rs"));
    watched.expect_nothing(&place.path);
}

#[test]
fn a_save_of_the_same_bytes_is_nothing() {
    let (place, mut watched) = scene(&["lib.rs"]);
    place.write("lib.rs", "old");
    watched.expect_nothing(&place.path);
}

#[test]
fn new_times_and_permissions_are_nothing() {
    let (place, mut watched) = scene(&["lib.rs"]);
    let file = OpenOptions::new()
        .append(true)
        .open(place.at("lib.rs"))
        .unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    drop(file);
    let mut permissions = fs::metadata(place.at("lib.rs")).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(place.at("lib.rs"), permissions).unwrap();
    watched.expect_nothing(&place.path);
}

#[test]
fn the_bytes_count_and_not_their_number_or_time() {
    let (place, watched) = scene(&["lib.rs"]);
    let time = fs::metadata(place.at("lib.rs"))
        .unwrap()
        .modified()
        .unwrap();
    let mut file = File::create(place.at("lib.rs")).unwrap();
    file.write_all(b"odd").unwrap();
    file.set_modified(time).unwrap();
    drop(file);
    watched.expect(Modified, place.at("lib.rs"));
}

#[test]
fn a_save_by_rename_is_one_change() {
    let (place, mut watched) = scene(&["lib.rs"]);
    place.write("lib.rs.Xq3f9Z", "new");
    place.rename("lib.rs.Xq3f9Z", "lib.rs");
    watched.expect(Modified, place.at("lib.rs"));
    watched.expect_nothing(&place.path);
}

#[test]
fn a_save_through_a_backup_is_one_change() {
    // As vim does: probe, swap file, the original set aside, a new one in its place.
    let (place, mut watched) = scene(&["lib.rs"]);
    place.write(".lib.rs.swp", "swap");
    place.write("4913", "");
    place.remove("4913");
    place.rename("lib.rs", "lib.rs~");
    place.write("lib.rs", "new");
    place.remove("lib.rs~");
    place.remove(".lib.rs.swp");
    watched.expect(Modified, place.at("lib.rs"));
    watched.expect_nothing(&place.path);
}

#[test]
fn a_save_by_removal_and_creation_is_one_change() {
    let (place, mut watched) = scene(&["lib.rs"]);
    place.remove("lib.rs");
    place.write("lib.rs", "new");
    watched.expect(Modified, place.at("lib.rs"));
    watched.expect_nothing(&place.path);
}

#[test]
fn a_removal_and_creation_of_the_same_is_nothing() {
    let (place, mut watched) = scene(&["lib.rs"]);
    place.remove("lib.rs");
    place.write("lib.rs", "old");
    watched.expect_nothing(&place.path);
}

#[test]
fn many_writes_of_one_writer_are_one_change() {
    let (place, mut watched) = scene(&["lib.rs"]);
    let mut file = File::create(place.at("lib.rs")).unwrap();
    for _ in 0..100 {
        file.write_all(b"line\n").unwrap();
        file.flush().unwrap();
    }
    drop(file);
    watched.expect(Modified, place.at("lib.rs"));
    watched.expect_nothing(&place.path);
}

#[test]
fn an_emptied_file_that_is_filled_at_once_is_one_change() {
    let (place, mut watched) = scene(&["lib.rs"]);
    drop(File::create(place.at("lib.rs")).unwrap());
    place.write("lib.rs", "new");
    watched.expect(Modified, place.at("lib.rs"));
    watched.expect_nothing(&place.path);
}

#[test]
fn a_write_that_is_never_closed_is_believed_too() {
    let (place, watched) = scene(&["lib.rs"]);
    let mut file = OpenOptions::new()
        .write(true)
        .open(place.at("lib.rs"))
        .unwrap();
    file.write_all(b"new").unwrap();
    watched.expect(Modified, place.at("lib.rs"));
    drop(file);
}

#[test]
fn files_come_and_go() {
    let (place, watched) = scene(&["lib.rs"]);
    place.write("new.rs", "new");
    watched.expect(Created, place.at("new.rs"));
    place.remove("new.rs");
    watched.expect(Removed, place.at("new.rs"));
}

#[test]
fn a_file_that_came_and_went_is_nothing() {
    let (place, mut watched) = scene(&["lib.rs"]);
    place.write("passing", "x");
    place.remove("passing");
    watched.expect_nothing(&place.path);
}

#[test]
fn directories_come_move_and_go_with_their_files() {
    let (place, watched) = scene(&["lib.rs"]);
    place.write("a/deep/x.rs", "x");
    watched.expect(Created, place.at("a/deep/x.rs"));
    place.write("a/deep/x.rs", "y");
    watched.expect(Modified, place.at("a/deep/x.rs"));

    place.rename("a", "b");
    assert_eq!(
        watched.changes(),
        [
            removed(place.at("a/deep/x.rs")),
            created(place.at("b/deep/x.rs"))
        ]
    );
    place.write("b/deep/x.rs", "z");
    watched.expect(Modified, place.at("b/deep/x.rs"));

    fs::remove_dir_all(place.at("b")).unwrap();
    watched.expect(Removed, place.at("b/deep/x.rs"));
}

#[test]
fn a_change_tells_what_the_file_held_before_and_holds_now() {
    let (place, watched) = scene(&["lib.rs"]);
    let next = || match watched.next() {
        Notice::Changed(changes) => changes.list[0].clone(),
        other => panic!("not a change: {other:?}"),
    };
    place.write("lib.rs", "one");
    let there = next();
    place.write("lib.rs", "two");
    let on = next();
    place.write("lib.rs", "one");
    let back = next();
    assert_ne!(there.before, there.after);
    assert_eq!(there.after, on.before);
    assert_ne!(on.before, on.after);
    assert_eq!(back.after, there.after);
    fs::remove_file(place.at("lib.rs")).unwrap();
    assert_eq!(next().after, FileContent::Missing);
}

#[test]
fn a_directory_made_anew_in_an_instant_is_watched_on() {
    let (place, watched) = scene(&["src/lib.rs"]);
    fs::remove_dir_all(place.at("src")).unwrap();
    place.write("src/lib.rs", "new");
    watched.expect(Modified, place.at("src/lib.rs"));
    place.write("src/lib.rs", "newer");
    watched.expect(Modified, place.at("src/lib.rs"));
}

#[cfg(unix)]
#[test]
fn another_process_saves() {
    let (place, watched) = scene(&["lib.rs"]);
    place.sh("echo new > tmp.rs && mv tmp.rs lib.rs");
    watched.expect(Modified, place.at("lib.rs"));
    place.sh("cp lib.rs copy.rs && echo more >> lib.rs");
    let mut all = watched.changes();
    if all.len() == 1 {
        all.extend(watched.changes());
        all.sort_by(|a, b| a.path.cmp(&b.path));
    }
    assert_eq!(
        all,
        [created(place.at("copy.rs")), modified(place.at("lib.rs"))]
    );
}

#[cfg(unix)]
#[test]
fn what_cannot_be_read_is_told_once_and_counts_as_unchanged() {
    use std::os::unix::fs::PermissionsExt;

    let (place, mut watched) = scene(&["lib.rs"]);
    let lock = |mode| fs::set_permissions(place.at("lib.rs"), PermissionsExt::from_mode(mode));
    lock(0o000).unwrap();
    if File::open(place.at("lib.rs")).is_ok() {
        // The superuser reads everything.
        watched.expect_nothing(&place.path);
        return;
    }
    assert!(watched.problem().to_string().contains("cannot read"));
    lock(0o644).unwrap();
    watched.expect_nothing(&place.path);
}

#[cfg(unix)]
#[test]
fn a_named_pipe_does_not_block() {
    let (place, mut watched) = scene(&["lib.rs"]);
    place.sh("mkfifo pipe");
    watched.expect_nothing(&place.path);
}
