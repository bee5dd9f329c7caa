//! Dependencies that come while the program runs.

use crate::game::Game;
use crate::support::package;

#[test]
fn what_a_new_dependency_keeps_lives_on_too() {
    let game = Game::new("thin_new_dependency", "");
    let mut running = game.run();
    game.project.write("extra/Cargo.toml", &package("extra"));
    game.project.write(
        "extra/src/lib.rs",
        "use std::sync::atomic::{AtomicU32, Ordering};\n\
         use std::cell::Cell;\n\
         static CALLS: AtomicU32 = AtomicU32::new(70);\n\
         thread_local! { static LOCAL: Cell<u32> = const { Cell::new(80) }; }\n\
         pub fn extra() -> (u32, u32) {\n\
             LOCAL.set(LOCAL.get() + 1);\n\
             (CALLS.fetch_add(1, Ordering::SeqCst) + 1, LOCAL.get())\n\
         }\n",
    );
    game.append("scene/Cargo.toml", "extra = { path = \"../extra\" }\n");
    game.edit(
        "scene/src/lib.rs",
        "write!(out, \"one ",
        "write!(out, \"{:?} \", extra::extra()).unwrap();\nwrite!(out, \"one ",
    );
    assert_eq!(running.says("build"), "thin cargo+record+link");
    assert_eq!(running.says("call"), "(71, 81) one 1 1 1 1 red 1 1");
    game.edit("scene/src/lib.rs", "\"one ", "\"two ");
    let says = running.says("build");
    assert!(says.starts_with("thin "), "{says}");
    assert!(!says.contains("anew"), "{says}");
    assert_eq!(running.says("call"), "(72, 82) two 2 2 2 2 red 2 2");

    // Changed itself, it is code like the hot crate's own.
    game.edit(
        "extra/src/lib.rs",
        "AtomicU32::new(70)",
        "AtomicU32::new(7)",
    );
    let says = running.says("build");
    assert!(says.starts_with("thin "), "{says}");
    assert_eq!(running.says("call"), "(73, 83) two 3 3 3 3 red 3 3");
}
