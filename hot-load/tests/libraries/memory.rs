use crate::fixture::{Program, assert_told, ended, fixture, told};
use std::io::Write;
use std::process::Command;

const EXCHANGED: &str = "
    10100 exchanges
    5050
    a text of the first edition is 0 blocks of the checking allocator
";

const EARLY: &str = r#"
    grown in the library: 4
    late block and again in the program
    ["early block 0", "early block 1", "early block 2"]
    early block 0
"#;

/// The allocator of this program aborts when it is given a block that it did not make.
#[test]
fn memory_of_either_side_is_on_the_programs_heap() {
    assert_told(
        &fixture().run(Program::Checking, "memory"),
        "
        10100 exchanges
        5050
        a text of the first edition is 1 blocks of the checking allocator
        ",
    );
}

#[test]
fn memory_crosses_with_mimalloc() {
    assert_told(&fixture().run(Program::Mimalloc, "memory"), EXCHANGED);
}

#[test]
fn memory_crosses_with_the_system_allocator() {
    assert_told(&fixture().run(Program::System, "memory"), EXCHANGED);
}

#[test]
fn memory_of_constructors_goes_back_to_where_it_is_from() {
    for program in [Program::Checking, Program::Mimalloc, Program::System] {
        assert_told(&fixture().run(program, "early-memory"), EARLY);
    }
}

#[test]
fn a_library_with_too_much_memory_of_constructors_is_refused() {
    let mut command = fixture().command(
        Program::Checking,
        "early-memory",
        &[fixture().library("first")],
    );
    let told = told(command.env("SCENE_EARLY_BLOCKS", "600"));
    assert!(
        told.contains("hold more memory than can be told apart"),
        "{told}"
    );
}

/// What the fingerprint and hot-abi cannot see: without its feature, only the symbols tell.
#[test]
fn a_library_is_refused_where_the_program_has_an_undeclared_allocator() {
    let library = [fixture().plain_library()];
    let told = told(&mut fixture().command(Program::Undeclared, "refusals", &library));
    assert!(told.starts_with("OtherAllocator: "), "{told}");
    assert!(
        told.contains("(std's) than the running program (a `#[global_allocator]`)"),
        "{told}"
    );
    assert!(told.ends_with("loaded: []\n"), "{told}");
}

#[test]
fn valgrind_finds_nothing() {
    let known = Command::new("valgrind").arg("--version").output();
    if !known.is_ok_and(|output| output.status.success()) {
        // Past the test harness, which keeps the output of a test that passes to itself.
        let warning = "warning: valgrind is not installed; memory was NOT checked with it\n";
        std::io::stderr().write_all(warning.as_bytes()).unwrap();
        return;
    }
    let programs = [Program::System, Program::Mimalloc];
    let runs = programs
        .into_iter()
        .flat_map(|program| ["memory", "early-memory"].map(|scenario| (program, scenario)));
    // Where exceptions are exchanged, and stacks walked.
    let panics = [
        "panics-answered",
        "panics-passing",
        "panics-caught",
        "panics-handed-out",
    ];
    let runs = runs.chain(panics.map(|scenario| (Program::System, scenario)));
    for (program, scenario) in runs {
        let mut command = Command::new("valgrind");
        command
            .args(["--quiet", "--error-exitcode=99"])
            .arg(concat!(
                "--suppressions=",
                env!("CARGO_MANIFEST_DIR"),
                "/tests/libraries/mimalloc.supp"
            ))
            .arg(fixture().program(program))
            .arg(scenario)
            .args([fixture().library("first"), fixture().library("second")]);
        let output = ended(&mut command);
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{command:?}: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
