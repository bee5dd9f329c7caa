//! What counts and what is left out, at the start and when the rules change.

mod support;

use hot_watch::ChangeKind::{Created, Modified};
use hot_watch::{Root, WatchConfig, WatchError, Watcher};
use support::{Place, Watched};

#[test]
fn build_output_version_control_and_ignored_files_do_not_show() {
    let place = Place::with(&[
        "Cargo.toml",
        "src/lib.rs",
        "target/debug/x",
        ".git/HEAD",
        "logs/a.log",
    ]);
    place.write(".gitignore", "*.log\n/gen/\n");
    place.write("src/.gitignore", "!keep.log\n");
    place.write("gen/x", "old");
    let mut watched = Watched::start(WatchConfig::default().directory(&place.path));
    for left_out in [
        "target/debug/x",
        "target/debug/new",
        ".git/HEAD",
        ".git/index",
        "logs/a.log",
        "gen/x",
        "gen/deep/y",
    ] {
        place.write(left_out, "new");
    }
    watched.expect_nothing(&place.path);
    place.write("src/keep.log", "new");
    watched.expect(Created, place.at("src/keep.log"));
}

#[test]
fn a_target_directory_that_cargo_makes_later_does_not_show() {
    let place = Place::with(&["src/lib.rs"]);
    let mut watched = Watched::start(WatchConfig::default().directory(&place.path));
    // As cargo does it: with its tag, under another name first.
    place.write(
        "outq1w2e3/CACHEDIR.TAG",
        "Signature: 8a477f597d28d172789f06886806bc55\n",
    );
    place.rename("outq1w2e3", "out");
    place.write("out/debug/x", "new");
    watched.expect_nothing(&place.path);
}

#[test]
fn rules_above_the_root_count_and_may_change() {
    let place = Place::with(&[".git/HEAD", "crate/a.log", "crate/lib.rs", "crate/gen/x"]);
    place.write(".gitignore", "*.log\n");
    let root = place.at("crate");
    let mut watched = Watched::start(WatchConfig::default().directory(&root));
    place.write("crate/a.log", "new");
    watched.expect_nothing(&root);

    // The rules change, and no file does. A rule file above the root is none of the root's files.
    place.write(".gitignore", "gen/\n");
    watched.expect_nothing(&root);
    place.write("crate/gen/x", "new");
    watched.expect_nothing(&root);
    place.write("crate/a.log", "newer");
    watched.expect(Modified, place.at("crate/a.log"));
}

#[test]
fn rules_within_the_root_may_change() {
    let place = Place::with(&["lib.rs", "gen/x"]);
    let mut watched = Watched::start(WatchConfig::default().directory(&place.path));
    place.write(".gitignore", "gen/\n");
    watched.expect(Created, place.at(".gitignore"));
    place.write("gen/x", "new");
    watched.expect_nothing(&place.path);
    place.remove(".gitignore");
    let changes = watched.changes_so_far(&place.path);
    assert_eq!(changes, [support::removed(place.at(".gitignore"))]);
    place.write("gen/x", "newer");
    watched.expect(Modified, place.at("gen/x"));
}

#[test]
fn a_file_root_is_never_left_out() {
    let place = Place::with(&["Cargo.toml", "target/gen/tables.rs", "src/lib.rs"]);
    let file = place.at("target/gen/tables.rs");
    let config = WatchConfig::default().directory(&place.path).file(&file);
    let mut watched = Watched::start(config);
    place.write("target/gen/tables.rs", "new");
    watched.expect(Modified, file);
    place.write("target/gen/other.rs", "new");
    watched.expect_nothing(&place.path);
}

#[test]
fn the_configuration_leaves_out_more() {
    let place = Place::with(&["assets/a", "src/lib.rs"]);
    let mut watched = Watched::start(WatchConfig {
        exclude: vec!["/assets/".into()],
        ..WatchConfig::default().directory(&place.path)
    });
    place.write("assets/a", "new");
    watched.expect_nothing(&place.path);
}

#[test]
fn what_cannot_be_understood_is_an_error_at_the_start() {
    let config = WatchConfig {
        exclude: vec!["[z-a]".into()],
        ..WatchConfig::default()
    };
    let error = Watcher::start(config, |_| {}).unwrap_err();
    assert!(matches!(error, WatchError::Pattern { pattern, .. } if pattern == "[z-a]"));

    let config = WatchConfig {
        roots: vec![Root::directory("")],
        ..WatchConfig::default()
    };
    let error = Watcher::start(config, |_| {}).unwrap_err();
    assert!(matches!(error, WatchError::Root { .. }), "{error}");
}
