//! Statics and thread-locals whose types change, and those that new code brings.

use std::any::type_name;
use std::path::Path;
use std::sync::atomic::{AtomicI32, AtomicU32};

use crate::game::{Game, SCENE};
use crate::support::package;

/// A thread-local whose symbol stays the same when fields in it change places.
const PLACE: &str = r#"
#[derive(Clone, Copy)]
struct Place { first: u32, second: u32 }
#[derive(Clone, Copy)]
struct Placed { place: Place }
thread_local! {
    static PLACE: Cell<Placed> = const { Cell::new(Placed { place: Place { first: 10, second: 20 } }) };
}

fn place(out: &mut String) {
    let Place { first, second } = PLACE.get().place;
    PLACE.set(Placed { place: Place { first: first + 1, second: second + 1 } });
    write!(out, "{first} {second} ").unwrap();
}
"#;

#[test]
fn a_static_whose_type_changed_begins_anew_and_that_is_said() {
    let scene = SCENE.replace("write!(out, \"one ", "place(out);\nwrite!(out, \"one ") + PLACE;
    let game = Game::with_files("thin_types", "", &[("scene/src/lib.rs", &scene)]);
    let mut running = game.run();
    assert_eq!(running.says("call"), "10 20 one 1 1 1 1 red 1 1");

    // Of one size, and of one name.
    game.edit("scene/src/lib.rs", "AtomicU32", "AtomicI32");
    // Some versions of std have one type for all of them.
    let (old, new) = (type_name::<AtomicU32>(), type_name::<AtomicI32>());
    assert_eq!(
        running.says("build"),
        format!(
            "thin cargo+record+link; static `thin_types_scene::CALLS` changed its type \
             (`{old}` → `{new}`) and begins anew"
        )
    );
    assert_eq!(running.says("call"), "11 21 one 1 2 2 2 red 2 2");
    // From now on it is the library's.
    game.edit("scene/src/lib.rs", "\"one ", "\"two ");
    assert_eq!(running.says("build"), "thin plan+compile+link");
    assert_eq!(running.says("call"), "12 22 two 2 3 3 3 red 3 3");
    // The program's still has the type that it had.
    game.edit("scene/src/lib.rs", "AtomicI32", "AtomicU32");
    assert_eq!(running.says("build"), "thin plan+compile+link");
    assert_eq!(running.says("call"), "13 23 two 2 4 4 4 red 4 4");

    // Objects that do not define the thread-local use it too.
    let ordered = "#[repr(C)] struct Place { second: u32, first: u32 }";
    game.edit(
        "scene/src/lib.rs",
        "struct Place { first: u32, second: u32 }",
        ordered,
    );
    let says = running.says("build");
    assert!(
        says.starts_with("thin plan+compile+link; static `thin_types_scene::PLACE"),
        "{says}"
    );
    assert_eq!(running.says("call"), "10 20 two 3 5 5 5 red 5 5");
    game.edit("scene/src/lib.rs", "\"two ", "\"three ");
    assert_eq!(running.says("build"), "thin plan+compile+link");
    assert_eq!(running.says("call"), "11 21 three 4 6 6 6 red 6 6");
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

    // Somebody deletes what was built, the library that has the statics with it.
    let library = running.says("library");
    let session = Path::new(&library)
        .ancestors()
        .nth(2)
        .expect("the directory of the process");
    std::fs::remove_dir_all(session).expect("it can be deleted");
    game.edit("scene/src/lib.rs", "\"two ", "\"deleted ");
    assert_eq!(running.says("build"), "thin plan+compile+link");
    assert_eq!(running.says("call"), "44 11 53 4 deleted 4 4 3 3 red 4 3");
    game.edit("scene/src/lib.rs", "\"deleted ", "\"two ");
    assert_eq!(running.says("build"), "thin plan+compile+link");
    assert_eq!(running.says("call"), "45 12 54 5 two 5 5 4 4 red 5 4");

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
    assert_eq!(running.says("call"), "41 8 55 6 two 6 6 5 5 red 6 5");
    game.edit("scene/src/lib.rs", "\"two ", "\"three ");
    assert_eq!(running.says("build"), "thin plan+compile+link");
    assert_eq!(running.says("call"), "42 9 56 7 three 7 7 6 6 red 7 6");
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

#[test]
fn variables_live_on_when_a_dependency_is_added() {
    let helper = package("thin_added_helper");
    let game = Game::with_files(
        "thin_added",
        "",
        &[
            ("helper/Cargo.toml", &helper),
            ("helper/src/lib.rs", "pub fn help() -> u32 { 7 }\n"),
        ],
    );
    let mut running = game.run();
    assert_eq!(running.says("call"), "one 1 1 1 1 red 1 1");
    game.edit("scene/src/lib.rs", "\"one ", "\"two ");
    assert_eq!(running.says("build"), "thin cargo+record+link");
    assert_eq!(running.says("call"), "two 2 2 2 2 red 2 2");

    // Every symbol of the crate has another hash now.
    game.append(
        "scene/Cargo.toml",
        "thin_added_helper = { path = \"../helper\" }\n",
    );
    game.edit("scene/src/lib.rs", "\"two ", "\"three{} ");
    game.edit(
        "scene/src/lib.rs",
        "{brush}\", ",
        "{brush}\", thin_added_helper::help(), ",
    );
    assert_eq!(running.says("build"), "thin cargo+record+link");
    assert_eq!(running.says("call"), "three7 3 3 3 3 red 3 3");
    assert_eq!(running.says("call in a thread"), "three7 4 4 1 1 red 4 1");
    game.edit("scene/src/lib.rs", "\"three", "\"four");
    let says = running.says("build");
    assert!(says.starts_with("thin ") && !says.contains(';'), "{says}");
    assert_eq!(running.says("call"), "four7 5 5 4 4 red 5 4");

    // Statics of one name and of one type cannot be told apart once their symbols are others.
    game.append(
        "scene/src/lib.rs",
        "fn twice() -> (u32, u32) {\n\
             let first = { static TWICE: AtomicU32 = AtomicU32::new(0); TWICE.fetch_add(1, Ordering::SeqCst) };\n\
             (first, { static TWICE: AtomicU32 = AtomicU32::new(9); TWICE.fetch_add(1, Ordering::SeqCst) })\n\
         }\n",
    );
    game.edit("scene/src/lib.rs", "\"four{} ", "\"five{:?} ");
    game.edit(
        "scene/src/lib.rs",
        "thin_added_helper::help(), ",
        "twice(), ",
    );
    assert_eq!(running.says("build"), "thin plan+compile+link");
    assert_eq!(running.says("call"), "five(0, 9) 6 6 5 5 red 6 5");
    game.edit("scene/src/lib.rs", "\"five", "\"six");
    assert_eq!(running.says("build"), "thin plan+compile+link");
    assert_eq!(running.says("call"), "six(1, 10) 7 7 6 6 red 7 6");
    game.edit(
        "scene/Cargo.toml",
        "thin_added_helper = { path = \"../helper\" }\n",
        "",
    );
    let says = running.says("build");
    let anew = "; static `thin_added_scene::twice::TWICE` begins anew, for there were several of its name and type; \
                give each a name of its own";
    assert!(
        says.starts_with("thin ") && says.ends_with(&anew.repeat(2)),
        "{says}"
    );
    assert_eq!(running.says("call"), "six(0, 9) 8 8 7 7 red 8 7");
}

#[test]
fn an_initial_value_counts_after_a_restart_and_that_is_said() {
    let game = Game::new("thin_initial", "");
    let mut running = game.run();
    game.edit(
        "scene/src/lib.rs",
        "static CALLS",
        "static LIMIT: u32 = 3;\n\
         static NAME: &str = \"ada\";\n\
         static TABLE: [fn() -> u32; 2] = [seven, eight];\n\
         static OWNER: Mutex<&str> = Mutex::new(\"bob\");\n\
         static WORDS: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| \"lazy\".to_owned());\n\
         thread_local! { static NEW: Cell<u32> = const { Cell::new(50) }; }\n\
         fn seven() -> u32 { 7 }\n\
         fn eight() -> u32 { 8 }\n\
         static CALLS",
    );
    game.edit(
        "scene/src/lib.rs",
        "write!(out, \"one ",
        "let (owner, table) = (*OWNER.lock().unwrap(), TABLE.map(|function| function()));\n\
         write!(out, \"{LIMIT} {NAME} {table:?} {owner} {} {} \", *WORDS, NEW.get()).unwrap();\n\
         write!(out, \"one ",
    );
    assert_eq!(running.says("build"), "thin cargo+record+link");
    let first = "3 ada [7, 8] bob lazy 50 one 1 1 1 1 red 1 1";
    assert_eq!(running.says("call"), first);

    // What cannot change while the program runs is a constant, and new code has its own.
    game.edit("scene/src/lib.rs", "LIMIT: u32 = 3", "LIMIT: u32 = 4");
    game.edit("scene/src/lib.rs", "\"ada\"", "\"eve\"");
    game.edit("scene/src/lib.rs", "[seven, eight]", "[eight, seven]");
    assert_eq!(running.says("build"), "thin plan+compile+link");
    let second = "4 eve [8, 7] bob lazy 50 one 2 2 2 2 red 2 2";
    assert_eq!(running.says("call"), second);

    // All else keeps its value. That lines move is no change.
    game.edit("scene/src/lib.rs", "static LIMIT", "\n\nstatic LIMIT");
    game.edit("scene/src/lib.rs", "\"bob\"", "\"ann\"");
    game.edit("scene/src/lib.rs", "\"lazy\"", "\"busy\"");
    game.edit("scene/src/lib.rs", "Cell::new(50)", "Cell::new(60)");
    game.edit(
        "scene/src/lib.rs",
        "AtomicU32::new(0)",
        "AtomicU32::new(100)",
    );
    let kept = |name: &str| {
        format!(
            "; static `thin_initial_scene::{name}` keeps its value, though its initial value changed; restart the \
             program to begin with that"
        )
    };
    let says = running.says("build");
    let all = ["CALLS", "NEW", "OWNER", "WORDS"].map(kept).concat();
    assert_eq!(says, format!("thin plan+compile+link{all}"));
    assert_eq!(
        running.says("call"),
        "4 eve [8, 7] bob lazy 50 one 3 3 3 3 red 3 3"
    );
    // It is said once, and not where the value is what it began with.
    game.edit("scene/src/lib.rs", "\"ann\"", "\"bob\"");
    assert_eq!(running.says("build"), "thin plan+compile+link");
    assert_eq!(
        running.says("call"),
        "4 eve [8, 7] bob lazy 50 one 4 4 4 4 red 4 4"
    );
}
