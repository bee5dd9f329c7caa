//! The reason for a full library that a program has whose crates recorded nothing.

use crate::game::Game;

#[test]
fn a_crate_that_cargo_need_not_compile_is_not_known_yet() {
    let game = Game::new("thin_fresh", "");
    let mut running = game.run();
    let says = running.says("build");
    assert!(says.starts_with("full "), "{says}");
    assert!(says.ends_with("[HOT0605]"), "{says}");
    let mut rows = include_str!("../../../docs/codes.md").lines();
    let row = rows.find(|row| row.starts_with("| [HOT0605]"));
    let row = row.expect("it is in the index");
    assert!(
        row.ends_with("| `hot-build/tests/thin/codes.rs` |"),
        "{row}"
    );
    // The next change tells.
    game.edit("scene/src/lib.rs", "\"one ", "\"two ");
    let says = running.says("build");
    assert!(says.starts_with("thin "), "{says}");
}
