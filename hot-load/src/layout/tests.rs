//! What the comparison sees, and what it does not mind, on libraries that rustc made just now.

use super::behind::{Behind, Search};
use super::earlier::Conflicts;
use super::origin::{Origin, Origins};
use super::{CrateSource, LayoutDifference, Layouts, Missing, earlier};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock};
use std::{env, fs};
use tempfile::TempDir;

mod found_out;
mod references;
mod unchanged;

/// A crate with one item, number 7. Every test changes some of this text.
const SCENE: &str = r#"
#![crate_type = "cdylib"]
#![allow(dead_code)]
use std::collections::HashMap;
use std::marker::PhantomData;

pub struct ItemLayout<const ITEM: u64, T>(u32, PhantomData<fn() -> T>);
pub struct InterfaceLayout<I: ?Sized, M>(PhantomData<fn(&I) -> M>);

pub struct World {
    pub hp: u32,
    position: Position,
    monsters: Vec<Monster>,
    by_name: HashMap<String, Item>,
    shape: Box<dyn Shape>,
    panel: Box<dyn Panel>,
    on_click: Box<dyn Fn(&Click) -> bool + Send>,
    callback: fn(&Wheel) -> u8,
    state: State,
    mood: Mood,
    maybe: Option<Box<Treasure>>,
    grid: [u16; 4],
    bits: Bits,
    pair: (u8, Marker<u8>),
    next: Option<Box<World>>,
    anything: Box<dyn std::any::Any>,
}
pub struct Position { x: f32, y: f32 }
pub struct Monster { weapon: Weapon }
pub struct Weapon { damage: u32 }
pub struct Item { price: u32 }
pub struct Click { at: u32 }
pub struct Wheel { at: u32 }
pub struct Treasure { gold: u64 }
pub enum State { Idle, Walking(u32), Fighting { with: u32 } }
pub enum Mood { Good, Bad }
pub union Bits { whole: u32, real: f32 }
pub struct Marker<T> { of: PhantomData<T> }
pub struct Elsewhere { a: u32 }
pub struct Loot { coins: u64 }

pub trait Shape { fn area(&self) -> f32; fn name(&self) -> u8; }
pub struct Circle { radius: f32 }
impl Shape for Circle {
    fn area(&self) -> f32 { self.radius }
    fn name(&self) -> u8 { 1 }
}

pub trait Panel { fn draw(&mut self, canvas: &mut Canvas); fn hide(&self) -> bool; }
pub struct Canvas { pixels: Vec<u32> }
pub struct Sidebar { width: u32 }
impl Panel for Sidebar {
    fn draw(&mut self, _: &mut Canvas) { self.width += 1; }
    fn hide(&self) -> bool { false }
}
const _: () = {
    #[repr(C)]
    pub struct Methods {
        draw: for<'a, 'b> fn(&'a mut dyn Panel, &'b mut Canvas),
        hide: for<'a> fn(&'a dyn Panel) -> bool,
    }
    #[used]
    static __HOT_INTERFACE: InterfaceLayout<dyn Panel, Methods> = InterfaceLayout(PhantomData);
};

#[unsafe(no_mangle)]
pub fn step(world: &mut World, dt: f32) -> Result<Weapon, Box<String>> {
    #[used]
    static __HOT_LAYOUT: ItemLayout<7, for<'a> fn(&'a mut World, f32) -> Result<Weapon, Box<String>>> =
        ItemLayout(0, PhantomData);
    let local = dt;
    world.shape = Box::new(Circle { radius: local });
    world.panel = Box::new(Sidebar { width: 1 });
    let limit = world.hp;
    world.on_click = Box::new(move |click| click.at > limit);
    Err(Box::default())
}
"#;

struct Fixture {
    folder: TempDir,
    layouts: Layouts,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let file = compile(folder.path(), "scene", SCENE, &["-g"]);
    let layouts = read(&file).unwrap();
    Fixture { folder, layouts }
});

/// Compiles a crate named `scene` to a library of that file name.
fn compile(folder: &Path, file: &str, source: &str, flags: &[&str]) -> PathBuf {
    let source_file = folder.join(format!("{file}.rs"));
    fs::write(&source_file, source).unwrap();
    let library = folder.join(format!("lib{file}.so"));
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--edition=2024", "--crate-name=scene"])
        .args(flags)
        .arg("-o")
        .arg(&library)
        .arg(&source_file)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    library
}

fn read(library: &Path) -> Result<Layouts, Missing> {
    read_beside(library, &Behind::default())
}

/// Reads a library, and looks in it for what others put behind trait objects.
fn read_beside(library: &Path, elsewhere: &Behind) -> Result<Layouts, Missing> {
    let search = Search {
        elsewhere,
        of_crates: &[],
    };
    // Each test has a root file of its own.
    let file = library.file_stem().unwrap_or_default().to_string_lossy();
    let root_file = library.with_file_name(format!("{}.rs", file.trim_start_matches("lib")));
    let scene = CrateSource {
        crate_name: "scene",
        root_file: &root_file.to_string_lossy(),
    };
    Layouts::read(library, &[scene], search)?.remove(0)
}

/// How item number `item` differs, if nothing is known of the sources.
fn differences(program: &Layouts, library: &Layouts, item: u64) -> Option<Vec<LayoutDifference>> {
    let origins = Origins {
        program: None,
        library: None,
    };
    program.differences(library, item, origins, &Conflicts::default())
}

/// The differences after replacing each text by another.
fn after(name: &str, changes: &[(&str, &str)]) -> Vec<LayoutDifference> {
    let mut source = SCENE.to_owned();
    for (from, to) in changes {
        assert!(source.contains(from), "{from} is not in the fixture");
        source = source.replace(from, to);
    }
    let library = compile(FIXTURE.folder.path(), name, &source, &["-g"]);
    let library = read(&library).unwrap();
    differences(&FIXTURE.layouts, &library, 7).unwrap()
}

fn told(name: &str, changes: &[(&str, &str)]) -> Vec<String> {
    let differences = after(name, changes);
    differences
        .iter()
        .map(LayoutDifference::to_string)
        .collect()
}

#[test]
fn a_library_is_equal_to_itself_and_lacks_what_it_lacks() {
    let own = &FIXTURE.layouts;
    assert_eq!(differences(own, own, 7), Some(Vec::new()));
    assert_eq!(differences(own, own, 8), None);
}

#[test]
fn a_field_of_the_same_size() {
    assert_eq!(
        told(
            "retyped",
            &[
                ("pub hp: u32", "pub hp: f32"),
                ("world.hp", "world.hp as u32")
            ]
        )[0],
        "`scene::World`, field `hp`: the program has `u32`, the new code `f32`"
    );
}

#[test]
fn what_is_reached_in_several_units_is_told_once() {
    const ELSEWHERE: &str = "
        pub mod elsewhere {
            use super::{Shape, Weapon};

            pub struct Spear(*const Weapon);
            impl Shape for Spear {
                fn area(&self) -> f32 { 0.0 }
                fn name(&self) -> u8 { 2 }
            }
            pub fn shape() -> Box<dyn Shape> { Box::new(Spear(std::ptr::null())) }
        }";
    let folder = tempfile::tempdir().unwrap();
    let incremental = format!("-Cincremental={}", folder.path().display());
    // Then each module has a unit.
    let flags = ["-g", "-Ccodegen-units=16", &incremental];
    let source = SCENE.replace("Box::new(Circle { radius: local })", "elsewhere::shape()");
    let read_of = |name, source: &str| {
        let source = format!("{source}{ELSEWHERE}");
        read(&compile(folder.path(), name, &source, &flags)).unwrap()
    };
    let program = read_of("before", &source);
    let longer = source.replace("damage: u32", "damage: u32, length: u8");
    let found = differences(&program, &read_of("after", &longer), 7).unwrap();
    assert_eq!(
        lines(&found),
        ["`scene::Weapon`, field `length`: the program has no such thing, the new code `u8`"]
    );
}

#[test]
fn fields_that_are_swapped() {
    let told = told("swapped", &[("x: f32, y: f32", "y: f32, x: f32")]);
    assert_eq!(
        told,
        [
            "`scene::Position`, field `x`: the program has at byte 0, the new code at byte 4",
            "`scene::Position`, field `y`: the program has at byte 4, the new code at byte 0",
        ]
    );
}

#[test]
fn a_field_that_is_added_changes_sizes_which_are_not_told() {
    assert_eq!(
        told(
            "added",
            &[("{ damage: u32 }", "{ damage: u32, reach: u64 }")]
        ),
        ["`scene::Weapon`, field `reach`: the program has no such thing, the new code `u64`"]
    );
}

#[test]
fn variants() {
    let told_of = told(
        "variant",
        &[("Idle, Walking(u32)", "Idle, Running(u32), Walking(u32)")],
    );
    let inserted = "`scene::State`, variant `Running`: the program has no such thing, the new code with discriminant 1";
    assert!(told_of.contains(&inserted.to_owned()), "{told_of:#?}");
    let moved = "`scene::State`, variant `Walking`: the program has with discriminant 1, the new code with discriminant 2";
    assert!(told_of.contains(&moved.to_owned()), "{told_of:#?}");

    let told_of = told("enumerator", &[("{ Good, Bad }", "{ Fair, Good, Bad }")]);
    let moved = "`scene::Mood`, variant `Good`: the program has with discriminant 0, the new code with discriminant 1";
    assert!(told_of.contains(&moved.to_owned()), "{told_of:#?}");
}

#[test]
fn what_is_reached_through() {
    let cases = [
        (
            "vec",
            "{ weapon: Weapon }",
            "{ weapon: Position }",
            "scene::Monster",
        ),
        ("nested", "damage: u32", "damage: f32", "scene::Weapon"),
        ("map", "price: u32", "price: f32", "scene::Item"),
        ("niche", "gold: u64", "gold: i64", "scene::Treasure"),
        (
            "closure",
            "pub struct Click { at: u32 }",
            "pub struct Click { at: i32 }",
            "scene::Click",
        ),
        (
            "pointer",
            "pub struct Wheel { at: u32 }",
            "pub struct Wheel { at: i32 }",
            "scene::Wheel",
        ),
        (
            "fields",
            "Fighting { with: u32 }",
            "Fighting { with: f32 }",
            "scene::State::Fighting",
        ),
        ("array", "[u16; 4]", "[u16; 3]", "scene::World"),
        ("union", "real: f32", "real: i32", "scene::Bits"),
        ("generic", "Marker<u8>)", "Marker<i8>)", "scene::World"),
        ("behind", "radius: f32", "radius: u32", "scene::Circle"),
        (
            "method",
            "pixels: Vec<u32>",
            "pixels: Vec<i32>",
            "scene::Canvas",
        ),
        (
            "count",
            "fn name(&self) -> u8; }",
            "fn name(&self) -> u8; fn more(&self) {} }",
            "scene::Circle as scene::Shape",
        ),
    ];
    for (name, from, to, expected) in cases {
        let changes = [(from, to)];
        let changes = match name {
            // The bodies have to go along.
            "behind" => &[
                changes[0],
                ("self.radius }", "self.radius as f32 }"),
                ("radius: local", "radius: 1"),
            ][..],
            "closure" => &[changes[0], ("click.at > limit", "click.at > limit as i32")],
            _ => &changes,
        };
        let differences = after(name, changes);
        let found = differences
            .iter()
            .any(|difference| difference.type_name.starts_with(expected));
        assert!(found, "{name}: {differences:#?}");
    }
}

#[test]
fn the_order_of_the_methods_of_a_hot_trait() {
    let draw = "draw: for<'a, 'b> fn(&'a mut dyn Panel, &'b mut Canvas),";
    let hide = "hide: for<'a> fn(&'a dyn Panel) -> bool,";
    let told = told("methods", &[(draw, ""), (hide, &format!("{hide} {draw}"))]);
    assert!(told[0].contains("Methods`, field `"), "{told:#?}");
}

#[test]
fn the_order_and_the_types_of_the_methods_of_another_trait() {
    let (area, name) = ("fn area(&self) -> f32;", "fn name(&self) -> u8;");
    let told_of = told("order", &[(area, ""), (name, &format!("{name} {area}"))]);
    let moved = "`scene::Circle as scene::Shape`, method `area`: the program has in place 3 of the trait, the new code \
                 in place 4 of the trait";
    assert!(told_of.contains(&moved.to_owned()), "{told_of:#?}");

    let other = [
        (area, "fn area(&self) -> f64;"),
        ("-> f32 { self.radius }", "-> f64 { 1.0 }"),
    ];
    assert_eq!(
        told("types", &other),
        [
            "`scene::Circle as scene::Shape`, method `area`: the program has `fn(&scene::Circle) -> f32`, the new code \
          `fn(&scene::Circle) -> f64`"
        ]
    );
}

/// What is told where the library makes no value behind the trait `Shape`, if both were built from these sources.
fn without_tables(name: &str, program: Option<&Origin>, library: Option<&Origin>) -> Vec<String> {
    let made = "world.shape = Box::new(Circle { radius: local });";
    assert!(SCENE.contains(made));
    let source = SCENE.replace(made, "let _ = (local, world.shape.area());");
    let file = compile(FIXTURE.folder.path(), name, &source, &["-g"]);
    let origins = Origins { program, library };
    let differences =
        FIXTURE
            .layouts
            .differences(&read(&file).unwrap(), 7, origins, &Conflicts::default());
    let differences = differences.unwrap();
    differences
        .iter()
        .map(LayoutDifference::to_string)
        .collect()
}

#[test]
fn the_sources_tell_what_no_table_of_methods_tells() {
    const CRATES: &str = "cfg=unix\ndependencies=paint:libpaint-1 regex:libregex-1\n";
    let old = Origin::of_text(SCENE, CRATES);
    assert_eq!(
        without_tables("untold", None, None),
        [
            "`dyn scene::Shape`, `Shape`: the program has the methods of the trait that it was built with, the new code \
             one whose sources are not known, and no table of methods tells their order; restart the program to use it"
        ]
    );
    let body = SCENE.replace("let limit = world.hp;", "let limit = world.hp + 1;");
    let new = Origin::of_text(&body, CRATES);
    assert_eq!(without_tables("body", Some(&old), Some(&new)), [""; 0]);
    let (area, name) = ("fn area(&self) -> f32;", "fn name(&self) -> u8;");
    let swapped = SCENE
        .replace(area, "")
        .replace(name, &format!("{name} {area}"));
    let new = Origin::of_text(&swapped, CRATES);
    let told = without_tables("reordered", Some(&old), Some(&new));
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(
        told[0].contains("`Shape` is written differently"),
        "{told:#?}"
    );
    // A crate more is nobody's business, and another one in the place of one is.
    let more = CRATES.replace("regex:", "more:libmore-1 regex:");
    let new = Origin::of_text(SCENE, &more);
    assert_eq!(without_tables("more", Some(&old), Some(&new)), [""; 0]);
    for (name, other) in [
        ("other", CRATES.replace("regex-1", "regex-2")),
        ("features", CRATES.replace("unix", "unix feature=\"x\"")),
        ("nothing", String::new()),
    ] {
        let new = Origin::of_text(SCENE, &other);
        let told = without_tables(name, Some(&old), Some(&new));
        assert_eq!(told.len(), 1, "{name}: {told:#?}");
    }
}

/// A crate that puts `Loot` behind `dyn Any`.
const MAKES: &str = "world.anything = Box::new(Loot { coins: 1 });\n    let limit";
/// One that takes it from there.
const TAKES: &str = "let coins = world.anything.downcast_ref().map_or(0, |loot: &Loot| loot.coins as u32);\n    let limit = coins +";

/// A library of which each text was replaced by another, beside one that puts these types behind trait objects.
fn beside(name: &str, changes: &[(&str, &str)], elsewhere: &Behind) -> Arc<Layouts> {
    let change = |source: String, (from, to): &(&str, &str)| {
        assert!(source.contains(from), "{from} is not in the fixture");
        source.replace(from, to)
    };
    let source = changes.iter().fold(SCENE.to_owned(), change);
    let library = compile(FIXTURE.folder.path(), name, &source, &["-g"]);
    Arc::new(read_beside(&library, elsewhere).unwrap())
}

const TAKE: (&str, &str) = ("let limit =", TAKES);
const MAKE: (&str, &str) = ("let limit", MAKES);
const RETYPE: (&str, &str) = ("coins: u64", "coins: f64");
const LOOT: &str = "`scene::Loot`, field `coins`: the program has `u64`, the new code `f64`";

fn lines(differences: &[LayoutDifference]) -> Vec<String> {
    let lines = differences.iter().map(LayoutDifference::to_string);
    lines.collect()
}

#[test]
fn what_is_behind_any_is_known_by_its_name_where_only_one_side_makes_it() {
    let none = Behind::default();
    // The program makes it, and new code takes it.
    let maker = beside("maker", &[MAKE], &none);
    let of_maker = &maker.crossing.behind;
    let any: Vec<_> = of_maker.of_trait("core::any::Any").collect();
    assert_eq!(any, ["scene::Loot"]);
    let same = beside("taker", &[TAKE], of_maker);
    assert_eq!(differences(&maker, &same, 7), Some(Vec::new()));
    let other = beside("taker-of-another", &[TAKE, RETYPE], of_maker);
    let found = differences(&maker, &other, 7).unwrap();
    assert_eq!(lines(&found), [LOOT]);
    // One that does not know it has no way to take it.
    let without = beside("without", &[], of_maker);
    assert_eq!(differences(&maker, &without, 7), Some(Vec::new()));
    // New code makes it, and that of the program takes it.
    let new = [MAKE, RETYPE, ("coins: 1 }", "coins: 1.0 }")];
    let new = beside("maker-of-another", &new, &none);
    let old = beside("old-taker", &[TAKE], &new.crossing.behind);
    let found = differences(&old, &new, 7).unwrap();
    assert_eq!(lines(&found), [LOOT]);
}

#[test]
fn what_an_earlier_library_put_behind_any_is_known_to_the_next() {
    let program = beside("program", &[], &Behind::default());
    let origin = Arc::new(Origin::of_text(SCENE, "cfg=unix\ndependencies=\n"));
    let conflicts = |library: &Layouts| Conflicts::of(&[library], Some(&origin));
    let first = beside("first", &[MAKE], &Behind::default());
    earlier::note(&program, &first, &origin, &Conflicts::default());
    let origins = Origins {
        program: Some(&origin),
        library: Some(&origin),
    };
    let found = |library: &Layouts| {
        let conflicts = conflicts(library);
        program
            .differences(library, 7, origins, &conflicts)
            .unwrap()
    };
    let same = beside("second", &[TAKE], &first.crossing.behind);
    assert_eq!(lines(&found(&same)), [""; 0]);
    let other = beside("third", &[TAKE, RETYPE], &first.crossing.behind);
    assert_eq!(lines(&found(&other)), [LOOT]);
    // It is refused, so what it would make is nobody's business.
    let makes_another = [MAKE, RETYPE, ("coins: 1 }", "coins: 1.0 }")];
    let refused = beside("fourth", &makes_another, &first.crossing.behind);
    assert_eq!(lines(&found(&refused)), [LOOT]);
    earlier::note(&program, &refused, &origin, &conflicts(&refused));
    assert_eq!(lines(&found(&same)), [""; 0]);
    // Who cannot ask what is behind an object need not know.
    let shaped = [
        (
            "pub struct Elsewhere",
            "pub struct Square { side: u32 }\nimpl Shape for Square { fn area(&self) -> f32 { 1.0 } fn name(&self) -> u8 { 2 } }\npub struct Elsewhere",
        ),
        (
            "let limit",
            "world.shape = Box::new(Square { side: 1 });\n    let limit",
        ),
    ];
    let shaped_first = beside("shaped", &shaped, &Behind::default());
    assert!(
        shaped_first
            .crossing
            .behind
            .of_trait("scene::Shape")
            .any(|ty| ty == "scene::Square")
    );
    earlier::note(&program, &shaped_first, &origin, &Conflicts::default());
    let larger = [shaped[0], shaped[1], ("side: u32", "side: u64")];
    let larger = beside("larger", &larger, &shaped_first.crossing.behind);
    assert_eq!(lines(&found(&larger)), [""; 0]);
}

#[test]
fn a_dependency_under_the_same_name() {
    let layouts = [("old", "u32"), ("new", "f32")].map(|(name, ty)| {
        let folder = FIXTURE.folder.path().join(name);
        fs::create_dir(&folder).unwrap();
        let dependency = format!("pub struct Color {{ red: {ty} }}");
        let dependency_file = folder.join("paint.rs");
        fs::write(&dependency_file, dependency).unwrap();
        let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let mut command = Command::new(rustc);
        command.args(["-g", "--crate-type=rlib", "--crate-name=paint", "--out-dir"]);
        let status = command.arg(&folder).arg(&dependency_file).status().unwrap();
        assert!(status.success());
        let source = SCENE.replace("pub hp: u32", "pub hp: u32, color: paint::Color");
        let extern_flag = format!("paint={}", folder.join("libpaint.rlib").display());
        let library = compile(&folder, "scene", &source, &["-g", "--extern", &extern_flag]);
        read(&library).unwrap()
    });
    let differences = differences(&layouts[0], &layouts[1], 7).unwrap();
    assert_eq!(differences.len(), 1, "{differences:#?}");
    assert_eq!(
        differences[0].to_string(),
        "`paint::Color`, field `red`: the program has `u32`, the new code `f32`"
    );
}

#[test]
fn what_does_not_matter() {
    let closure_above = "let other: Box<dyn Fn(&Click) -> bool + Send> = Box::new(|click| click.at == 3);\n    \
                         world.on_click = other;\n    let limit";
    let cases = [
        (
            "comments",
            "pub struct World {",
            "\n\n/// A world.\npub struct World { // here\n",
        ),
        (
            "locals",
            "let local = dt;",
            "let unused = 3; let local = dt + unused as f32;",
        ),
        (
            "functions",
            "pub struct Elsewhere",
            "pub fn new(x: u64) -> u64 { x }\npub struct Elsewhere",
        ),
        (
            "types",
            "pub struct Elsewhere",
            "pub struct Another { b: u64 }\npub struct Elsewhere",
        ),
        (
            "others",
            "Elsewhere { a: u32 }",
            "Elsewhere { a: f32, b: u8 }",
        ),
        ("bodies", "world.hp;", "world.hp + 3;"),
        (
            "inherent",
            "pub struct Elsewhere",
            "impl World { pub fn heal(&mut self) { self.hp += 1 } }\npub struct Elsewhere",
        ),
        ("closures", "let limit", closure_above),
        (
            "captures",
            "let limit = world.hp;",
            "let limit = world.hp; let more = [limit; 9]; let limit = more[3];",
        ),
        (
            "nodes",
            "Sidebar { width: u32 }",
            "Sidebar { width: u32, height: u64 }",
        ),
        (
            "implementors",
            "pub struct Elsewhere",
            "pub struct Square; impl Shape for Square { fn area(&self) -> f32 { 1.0 } fn name(&self) -> u8 { 2 } }\npub struct Elsewhere",
        ),
    ];
    for (name, from, to) in cases {
        let changes = [(from, to)];
        let changes = match name {
            "nodes" => &[
                changes[0],
                ("Sidebar { width: 1 }", "Sidebar { width: 1, height: 2 }"),
            ][..],
            "implementors" => &[
                changes[0],
                (
                    "Box::new(Circle { radius: local });",
                    "if dt > 1.0 { Box::new(Circle { radius: local }) } else { Box::new(Square) };",
                ),
            ],
            _ => &changes,
        };
        assert_eq!(told(&format!("equal-{name}"), changes), [""; 0], "{name}");
    }
}

#[test]
fn builds_of_every_kind_have_the_same_layouts() {
    let folder = FIXTURE.folder.path();
    let incremental = format!("-Cincremental={}", folder.join("incremental").display());
    let kinds: [(&str, &[&str]); 4] = [
        ("optimised", &["-g", "-O"]),
        ("incremental", &["-g", &incremental]),
        ("whole", &["-g", "-O", "-Clto=fat", "-Ccodegen-units=1"]),
        ("newer", &["-g", "-Cdwarf-version=5"]),
    ];
    for (name, flags) in kinds {
        let library = read(&compile(folder, name, SCENE, flags)).unwrap();
        let differences = differences(&FIXTURE.layouts, &library, 7);
        assert_eq!(differences, Some(Vec::new()), "{name}");
    }
}

#[test]
fn what_is_missing_is_told() {
    let folder = FIXTURE.folder.path();
    let read_file = |library: &Path| read(library).map(drop);
    let read = |name: &str, flags: &[&str]| read_file(&compile(folder, name, SCENE, flags));
    assert_eq!(read("none", &[]), Err(Missing::DebugInfo));
    assert_eq!(
        read("stripped", &["-g", "-Cstrip=debuginfo"]),
        Err(Missing::DebugInfo)
    );
    assert_eq!(
        read("lines", &["-Cdebuginfo=line-tables-only"]),
        Err(Missing::Types)
    );
    assert_eq!(read("limited", &["-Cdebuginfo=1"]), Err(Missing::Types));
    if cfg!(target_os = "linux") {
        assert_eq!(
            read("unpacked", &["-g", "-Csplit-debuginfo=unpacked"]),
            Err(Missing::Split)
        );
        assert_eq!(
            read("packed", &["-g", "-Csplit-debuginfo=packed"]),
            Err(Missing::Split)
        );
        let compress = "-Clink-arg=-Wl,--compress-debug-sections=zlib";
        assert_eq!(
            read("compressed", &["-g", compress]),
            Err(Missing::Compressed)
        );
    }
    let no_file = read_file(&folder.join("no-such-file"));
    assert!(matches!(no_file, Err(Missing::File(_))), "{no_file:?}");
    fs::write(folder.join("garbage"), "no object").unwrap();
    let garbage = read_file(&folder.join("garbage"));
    assert!(
        matches!(garbage, Err(Missing::Unreadable(_))),
        "{garbage:?}"
    );
}
