use crate::fixture::{Program, assert_told, fixture, told};
#[cfg(target_os = "linux")]
use std::fs::{self, File};

#[test]
fn functions_and_nodes_answer_from_the_newest_generation() {
    let told = fixture().run(Program::System, "generations");
    assert_told(
        &told,
        r#"
        linked in: first
        ten by the first edition 11
        Generation(scene #1) loaded, not live: first
        nodes {"board", "counter", "shelf", "sign", "spare one", "spare two", "vase", "vase_of"}
        ten by the first edition 11
        Generation(scene #2), the same load: false, the same copy: false
        `scene::edition::widened` changed its signature from `fn(u32) -> u32` to `fn(u64) -> u64`: its callers stay with the code they have until the program is restarted
        removed: ["scene::edition::removed"]
        Generation(scene #3) is live: second
        ten by the second edition 11
        ten by the second edition 12
        widened 2, removed linked in
        back: first, ten by the first edition 11
        loaded: [Generation(scene #1), Generation(scene #2), Generation(scene #3)]
        crate: scene
        "#,
    );
}

#[test]
fn everything_works_with_nothing_forwarded() {
    let library = fixture().plain_library();
    let mut command = fixture().command(Program::Plain, "memory", &[library.clone(), library]);
    assert_told(
        &told(&mut command),
        "
        10100 exchanges
        5050
        a text of the first edition is 0 blocks of the checking allocator
        ",
    );
}

/// Only where nothing is traced: subscribers keep what they were told of callsites.
#[cfg(target_os = "linux")]
#[test]
fn what_retention_releases_is_unmapped() {
    let mut command = fixture().command(Program::Plain, "retention", &[fixture().plain_library()]);
    assert_told(
        &told(&mut command),
        "
        first [Generation(scene #1)], mapped 1
        first [Generation(scene #1), Generation(scene #2)], mapped 2
        first [Generation(scene #2), Generation(scene #3)], mapped 2
        first [Generation(scene #3), Generation(scene #4)], mapped 2
        a node keeps its library: [Generation(scene #5), Generation(scene #6)], mapped 3
        ",
    );
}

#[test]
fn the_last_good_library_stays_however_few_are_to() {
    let told = fixture().run(Program::System, "retention-of-one");
    assert_told(
        &told,
        "
        [Generation(scene #1)]
        [Generation(scene #1), Generation(scene #2)]
        [Generation(scene #2), Generation(scene #3)]
        brittle: whole
        [Generation(scene #2), Generation(scene #4)]
        brittle: whole
        ",
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_library_that_may_have_traced_stays_mapped() {
    let told = fixture().run(Program::System, "retention");
    let last = told.lines().last().unwrap();
    assert!(last.ends_with("mapped 6"), "{told}");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[test]
fn a_library_that_dies_while_it_is_opened_does_so_in_a_child() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("input");
    fs::write(&input, "for the program\n").unwrap();
    let mut command = fixture().command(Program::System, "canary", &[fixture().library("first")]);
    command.env("SCENE_DIES_BY", folder.path().join("how"));
    command.stdin(File::open(input).unwrap());
    let told = told(&mut command);
    let told: Vec<_> = told.lines().collect();
    let expected = [
        "a line begun before, abort: was ended by SIGABRT and said: about to abort; mend what the crate does while it is \
         loaded",
        "goes on: first",
        "segfault: was ended by SIGSEGV; mend what the crate does while it is loaded",
        "goes on: first",
        "panic: was ended by SIGABRT and said: ",
        "goes on: first",
        "exit: exited with code 3; mend what the crate does while it is loaded",
        "goes on: first",
        "loop: was not done within 300ms; mend what the crate does while it is loaded",
        "goes on: first",
        "abort, ignored: ended and said: about to abort; mend what the crate does while it is loaded",
        "loop, ignored: was not done within 300ms; mend what the crate does while it is loaded",
        "printed by a constructor",
        "Lived Generation(scene #1)",
        r#"["copy", "fingerprint", "allocator", "canary", "open", "init", "layouts"]"#,
        r#"read "for the program\n""#,
    ];
    for (line, expected) in told.iter().zip(expected) {
        assert!(line.starts_with(expected), "{line}\n is not\n{expected}");
    }
    assert_eq!(told.len(), expected.len(), "{told:?}");
}

#[cfg(unix)]
#[test]
fn a_constructor_that_does_not_return_ends_at_the_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = fixture().command(Program::System, "deadline", &[fixture().library("first")]);
    command.env("SCENE_WAITS_FOR", folder.path().join("pipe"));
    assert_told(
        &told(&mut command),
        "
        made it: true
        not within 300ms
        goes on: first
        overdue: true
        by the first: true
        ended late, failed: None
        ended late, failed: None
        overdue: []
        then: Ok(Generation(scene #1))
        ",
    );
}
