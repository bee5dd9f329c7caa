//! What people and debuggers see of code in a thin library.

use std::process::Command;

use crate::game::Game;

/// Code of the hot crate that tells where it is.
const WHERE: &str = r#"
#[unsafe(no_mangle)]
pub extern "C-unwind" fn hot_entry_more(out: &mut String) {
    let trace = std::backtrace::Backtrace::force_capture().to_string();
    let here = trace.lines().find(|line| line.contains("scene/src/lib.rs"));
    out.push_str(here.unwrap_or("nowhere").trim());
}
"#;

#[test]
fn a_backtrace_has_the_lines_of_the_new_file() {
    let game = Game::new("thin_backtrace", "");
    let mut running = game.run();
    game.append("scene/src/lib.rs", WHERE);
    assert_eq!(running.says("build"), "thin cargo+record+link");
    game.edit(
        "scene/src/lib.rs",
        "use std::fmt::Write;",
        "use std::fmt::Write;\n\n\n",
    );
    assert_eq!(running.says("build"), "thin plan+compile+link");
    // The first in this process: std looks but once for the libraries that are there.
    let place = running.says("call more");
    let source =
        std::fs::read_to_string(game.project.path("scene/src/lib.rs")).expect("it is there");
    let line = source
        .lines()
        .position(|line| line.contains("force_capture"));
    let line = line.expect("it is in the code") + 1;
    assert!(
        place.contains(&format!("scene/src/lib.rs:{line}:")),
        "{place}, not {line}"
    );
    assert_eq!(running.says("panic"), "dropped, caught");
}

#[test]
fn gdb_shows_the_source_of_new_code() {
    if Command::new("gdb").arg("--version").output().is_err() {
        eprintln!("gdb is not tested: it is not installed");
        return;
    }
    let game = Game::new("thin_gdb", "");
    let mut running = game.run();
    game.append(
        "scene/src/lib.rs",
        "\n\n#[inline(never)]\npub fn find_me_in_gdb() -> u32 { // here it is\n    7\n}\n",
    );
    game.append("scene/src/lib.rs", "#[unsafe(no_mangle)]\npub extern \"C-unwind\" fn hot_entry_more(out: &mut String) {\n    *out = find_me_in_gdb().to_string();\n}\n");
    assert_eq!(running.says("build"), "thin cargo+record+link");
    assert_eq!(running.says("call more"), "7");
    let output = Command::new("gdb")
        .args(["--nx", "--batch", "-p", &running.id().to_string()])
        .args(["-ex", "list thin_gdb_scene::find_me_in_gdb"])
        .output()
        .expect("gdb runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    if complained.contains("Operation not permitted") {
        eprintln!("gdb is not tested: the system lets no process look into another");
        return;
    }
    assert!(said.contains("// here it is"), "{said}\n{complained}");
}
