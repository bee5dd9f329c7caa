//! Statics and thread-locals whose types change, and those that new code brings.

use crate::game::Game;

#[test]
fn a_static_whose_type_changed_begins_anew_and_that_is_said() {
    let game = Game::new("thin_types", "");
    let mut running = game.run();
    assert_eq!(running.says("call"), "one 1 1 1 1 red 1 1");

    // Of one size, and of one name.
    game.edit("scene/src/lib.rs", "AtomicU32", "AtomicI32");
    assert_eq!(
        running.says("build"),
        "thin cargo+record+link; static `thin_types_scene::CALLS` changed its type \
         (`core::sync::atomic::AtomicU32` → `core::sync::atomic::AtomicI32`) and begins anew"
    );
    assert_eq!(running.says("call"), "one 1 2 2 2 red 2 2");
    // From now on it is the library's.
    game.edit("scene/src/lib.rs", "\"one ", "\"two ");
    assert_eq!(running.says("build"), "thin plan+compile+link");
    assert_eq!(running.says("call"), "two 2 3 3 3 red 3 3");
    // The program's still has the type that it had.
    game.edit("scene/src/lib.rs", "AtomicI32", "AtomicU32");
    assert_eq!(running.says("build"), "thin plan+compile+link");
    assert_eq!(running.says("call"), "two 2 4 4 4 red 4 4");
}

#[test]
fn new_statics_live_on_from_the_library_that_brought_them() {
    let game = Game::new("thin_new_statics", "");
    let mut running = game.run();
    game.edit(
        "scene/src/lib.rs",
        "static CALLS",
        "#[derive(Debug)]\nstruct Tally { first: u32, second: u16 }\n\
         static NEW: Mutex<Tally> = Mutex::new(Tally { first: 40, second: 7 });\n\
         static NEW_BY_REFERENCE: &Mutex<Tally> = &NEW;\n\
         thread_local! {\n\
             static NEW_PLAIN: Cell<u32> = const { Cell::new(50) };\n\
             static NEW_LAZY: RefCell<Vec<u32>> = RefCell::new(vec![1]);\n\
         }\n\
         static CALLS",
    );
    game.edit(
        "scene/src/lib.rs",
        "write!(out, \"one ",
        "NEW_BY_REFERENCE.lock().unwrap().first += 1;\n\
         NEW.lock().unwrap().second += 1;\n\
         NEW_PLAIN.set(NEW_PLAIN.get() + 1);\n\
         NEW_LAZY.with_borrow_mut(|list| list.push(0));\n\
         let tally = NEW.lock().unwrap();\n\
         write!(out, \"{} {} {} {} \", tally.first, tally.second, NEW_PLAIN.get(), NEW_LAZY.with_borrow(Vec::len)).unwrap();\n\
         write!(out, \"one ",
    );
    assert_eq!(running.says("build"), "thin cargo+record+link");
    assert_eq!(running.says("call"), "41 8 51 2 one 1 1 1 1 red 1 1");
    game.edit("scene/src/lib.rs", "\"one ", "\"two ");
    assert_eq!(running.says("build"), "thin plan+compile+link");
    assert_eq!(running.says("call"), "42 9 52 3 two 2 2 2 2 red 2 2");
    assert_eq!(
        running.says("call in a thread"),
        "43 10 51 2 two 3 3 1 1 red 3 1"
    );

    // Fields that change places leave the size as it is.
    game.edit(
        "scene/src/lib.rs",
        "struct Tally { first: u32, second: u16 }",
        "#[repr(C)] struct Tally { second: u16, first: u32 }",
    );
    let says = running.says("build");
    assert!(
        says.starts_with(
            "thin plan+compile+link; static `thin_new_statics_scene::NEW` changed its type ("
        ),
        "{says}"
    );
    assert_eq!(running.says("call"), "41 8 53 4 two 4 4 3 3 red 4 3");
    game.edit("scene/src/lib.rs", "\"two ", "\"three ");
    assert_eq!(running.says("build"), "thin plan+compile+link");
    assert_eq!(running.says("call"), "42 9 54 5 three 5 5 4 4 red 5 4");
}

#[test]
fn without_debug_information_statics_cannot_be_shared() {
    let game = Game::new(
        "thin_bare",
        "[profile.dev.package.thin_bare_scene]\ndebug = 0\n",
    );
    let mut running = game.run();
    assert_eq!(running.says("call"), "one 1 1 1 1 red 1 1");
    game.edit("scene/src/lib.rs", "\"one ", "\"two ");
    let says = running.says("build");
    assert!(says.starts_with("full "), "{says}");
    assert!(says.contains("StaticTypeUnknown"), "{says}");
    // As the index of codes has it.
    assert!(says.ends_with("[HOT0614]"), "{says}");
    let mut rows = include_str!("../../../docs/codes.md").lines();
    let row = rows
        .find(|row| row.starts_with("| [HOT0614]"))
        .expect("it is in the index");
    assert!(
        row.ends_with("| `hot-build/tests/thin/statics.rs` |"),
        "{row}"
    );
    assert!(says.contains("debug = true"), "{says}");
    assert_eq!(running.says("call"), "two 1 1 1 1 red 1 1");
    // A static that nobody uses is not missed, and with none to share nothing is missing.
    game.project.write(
        "scene/src/lib.rs",
        "static CALLS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);\n\
         #[unsafe(no_mangle)]\n\
         pub extern \"C-unwind\" fn hot_entry_scene(out: &mut String) { out.push_str(\"three\"); }\n\
         #[unsafe(no_mangle)]\n\
         pub extern \"C-unwind\" fn hot_entry_panic(_: &mut String) {}\n",
    );
    let says = running.says("build");
    assert!(says.starts_with("thin "), "{says}");
    assert_eq!(running.says("call"), "three");
    game.edit("paint/src/lib.rs", "\"red\"", "\"green\"");
    assert_eq!(running.says("build paint"), "thin cargo+record+link");
    assert_eq!(running.says("call paint"), "(\"green\", 2, 2)");
}
