//! What registers itself: by linker sections, as linkme does, and by constructors, as inventory and ctor do.

use crate::game::{Game, PAINT, SCENE};

/// A slice of linkme's and a list that constructors fill, both in the hot crate, each with one item. What the
/// macros of those crates would write.
const REGISTERED: &str = r#"
#[linkme::distributed_slice]
static SLICE: [fn() -> &'static str];
#[linkme::distributed_slice(SLICE)]
static FIRST: fn() -> &'static str = || "first";

static ENTERED: Mutex<Vec<&str>> = Mutex::new(Vec::new());
#[used]
#[unsafe(link_section = ".init_array")]
static REGISTER: extern "C" fn() = {
    extern "C" fn register() {
        ENTERED.lock().unwrap().push("first");
    }
    register
};

#[unsafe(no_mangle)]
pub extern "C-unwind" fn hot_entry_more(out: &mut String) {
    let slice: Vec<_> = SLICE.iter().map(|item| item()).collect();
    let board: Vec<_> = paint::BOARD.iter().map(|item| item()).collect();
    write!(out, "{slice:?} {board:?} {:?}", ENTERED.lock().unwrap()).unwrap();
}

#[linkme::distributed_slice(paint::BOARD)]
static PINNED: fn() -> &'static str = || "pinned";
"#;

#[test]
fn registrations_are_found_as_documented() {
    let board = "#[linkme::distributed_slice]\npub static BOARD: [fn() -> &'static str];\n";
    let game = Game::with_dependencies(
        "thin_registered",
        "",
        "linkme = \"0.3\"\n",
        &[
            ("scene/src/lib.rs", &(SCENE.to_owned() + REGISTERED)),
            ("paint/src/lib.rs", &(PAINT.to_owned() + board)),
        ],
    );
    let mut running = game.run();
    game.edit("scene/src/lib.rs", "\"one ", "\"two ");
    let says = running.says("build");
    assert!(says.starts_with("thin "), "{says}");
    // The slice is that of the new code, the one of the other crate is the program's, and the list is one.
    assert_eq!(
        running.says("call more"),
        r#"["first"] ["pinned"] ["first", "first"]"#
    );
    game.edit("scene/src/lib.rs", "\"first\"", "\"new\"");
    game.edit("scene/src/lib.rs", "\"pinned\"", "\"moved\"");
    let says = running.says("build");
    assert!(says.starts_with("thin "), "{says}");
    assert_eq!(
        running.says("call more"),
        r#"["new"] ["pinned"] ["first", "first", "new"]"#
    );
}
