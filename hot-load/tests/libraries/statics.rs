use std::any::type_name;
use std::sync::atomic::{AtomicU32, AtomicU64};

use crate::fixture::{Program, assert_told, fixture};

#[test]
fn statics_are_one_in_program_library_and_dependency() {
    let told = fixture().run(Program::System, "statics");
    // Some versions of std have one type for all of them.
    let (program, library) = (type_name::<AtomicU32>(), type_name::<AtomicU64>());
    let retyped = format!(
        "RETYPED: `{program}` (4 bytes, aligned to 4) is not `{library}` (8 bytes, aligned to 8)"
    );
    let expected = r#"
        nobody: 1 calls, 1 of them in this module; kept 1, retyped 2, dropped 3
        nobody: 2 calls, 1 of them in this module; kept 11, retyped 12, dropped 13
        nobody: 7 calls, 6 of them in this module; kept 61, retyped 62, dropped 63
        program: 8 calls, 2 of them in this module
        ["made", "first", "first", "first", "first", "first", "first", "first"]
        nobody: 9 calls, 1 of them in this module; kept 71, retyped 2, added 4
        nobody: 10 calls, 2 of them in this module; kept 81, retyped 12, added 14
        patched 3, new ["ADDED"], missing ["DROPPED"]
        {retyped}
        score 9
        "#;
    assert_told(&told, &expected.replace("{retyped}", &retyped));
}

#[test]
fn new_code_runs_in_the_context_of_its_caller() {
    let told = fixture().run(Program::System, "contexts");
    assert_told(
        &told,
        "
        nobody
        ada
        ada
        nobody
        bob eve
        ada
        another app's score 1
        this app's score 4
        ",
    );
}
