//! For tests: objects that the compiler's assembler makes.

use std::process::Command;

/// The object of a text in the assembler's language.
pub(crate) fn object_of(text: &str) -> Vec<u8> {
    let place = tempfile::tempdir().expect("a directory");
    let (source, object) = (place.path().join("asm.rs"), place.path().join("asm.o"));
    let code = format!("std::arch::global_asm!({text:?});\npub fn other() {{}}");
    std::fs::write(&source, code).expect("a file");
    let mut rustc = Command::new("rustc");
    rustc.args(["--crate-type", "lib", "--emit", "obj"]);
    rustc.args(["-C", "codegen-units=1", "-o"]);
    let status = rustc.args([&object, &source]).status();
    assert!(status.expect("rustc runs").success());
    std::fs::read(&object).expect("it was made")
}
