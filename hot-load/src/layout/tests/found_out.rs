//! Types that somebody may find out behind a trait object, by whatever way they get there.

use super::*;
use std::any::Any;

const BEFORE: &str = "pub struct Elsewhere";

/// Two traits that lead to `Any`; for the second, a pointer in its table does.
const TRAITS: (&str, &str) = (
    BEFORE,
    "pub trait Component: std::any::Any { fn tick(&self) -> u8; }
pub trait Named { fn name(&self) -> u8; }
pub trait Late: Named + std::any::Any { fn late(&self) -> u8; }
impl Component for Loot { fn tick(&self) -> u8 { 1 } }
impl Named for Loot { fn name(&self) -> u8 { 1 } }
impl Late for Loot { fn late(&self) -> u8 { 1 } }
pub struct Elsewhere",
);

/// A crate that makes `Loot` under one of these traits, and that takes it for anything.
fn made_as(plain_trait: &str) -> String {
    format!(
        "let made: Box<dyn {plain_trait}> = Box::new(Loot {{ coins: 1 as _ }});
    world.anything = made;
    let limit"
    )
}

#[test]
fn a_supertrait_leads_to_any() {
    let none = Behind::default();
    for (name, plain_trait) in [("prefix", "Component"), ("pointer", "Late")] {
        let named = |of: &str| format!("{name}-{of}");
        let makes = made_as(plain_trait);
        let make = ("let limit", makes.as_str());
        let maker = beside(&named("maker"), &[TRAITS, make], &none);
        let of_maker = &maker.crossing.behind;
        let any: Vec<_> = of_maker.of_trait("core::any::Any").collect();
        assert_eq!(any, ["scene::Loot"], "{name}");
        let errors: Vec<_> = of_maker.of_trait("core::error::Error").collect();
        assert_eq!(errors, [""; 0], "{name}");
        // New code takes it.
        let same = beside(&named("taker"), &[TRAITS, TAKE], of_maker);
        assert_eq!(differences(&maker, &same, 7), Some(Vec::new()), "{name}");
        let other = beside(&named("other-taker"), &[TRAITS, TAKE, RETYPE], of_maker);
        let found = differences(&maker, &other, 7).unwrap();
        assert_eq!(lines(&found), [LOOT], "{name}");
        // New code makes it.
        let new = beside(&named("other-maker"), &[TRAITS, make, RETYPE], &none);
        let old = beside(&named("old-taker"), &[TRAITS, TAKE], &new.crossing.behind);
        let found = differences(&old, &new, 7).unwrap();
        assert_eq!(lines(&found), [LOOT], "{name}");
        // One side makes it for the trait, the other as anything.
        let plain = beside(&named("plain"), &[TRAITS, MAKE], &none);
        assert_eq!(differences(&maker, &plain, 7), Some(Vec::new()), "{name}");
        let found = differences(&plain, &new, 7).unwrap();
        assert_eq!(lines(&found), [LOOT], "{name}");
    }
    // Whoever has it as anything does not call the methods of the trait.
    let makes = made_as("Component");
    let make = ("let limit", makes.as_str());
    let maker = beside("few-methods", &[TRAITS, make], &none);
    let method = "fn tick(&self) -> u8; ";
    let more = [
        TRAITS,
        make,
        (method, "fn tick(&self) -> u8; fn more(&self) {} "),
    ];
    let more = beside("more-methods", &more, &none);
    assert_eq!(differences(&maker, &more, 7), Some(Vec::new()));
}

/// What panics carry, as far as that differs.
fn carried(program: &Layouts, library: &Layouts, sources: Option<&Origin>) -> Vec<String> {
    let origins = Origins {
        program: sources,
        library: sources,
    };
    lines(&program.differences_of_payloads(library, origins, &Conflicts::default()))
}

const THROW: (&str, &str) = (
    "let limit",
    "if dt > 9.0 { std::panic::panic_any(Loot { coins: 1 as _ }) }
    let limit",
);
const CATCH: (&str, &str) = (
    "let limit =",
    "let caught = std::panic::catch_unwind(|| ()).err();
    let coins = caught.and_then(|caught| caught.downcast::<Loot>().ok()).map_or(0, |loot| loot.coins as u32);
    let limit = coins +",
);
const CARRIED: &str = "`scene::Loot`, field `coins`: the program has `u64`, the new code `f64`, and panics carry it in \
                       their payload";

#[test]
fn what_code_panics_with_passes_every_item() {
    let none = Behind::default();
    let thrower = beside("thrower", &[THROW], &none);
    let of_thrower = &thrower.crossing.behind;
    let thrown: Vec<_> = of_thrower.of_trait("core::panic::PanicPayload").collect();
    assert_eq!(thrown, ["scene::Loot"]);
    let same = beside("catcher", &[CATCH], of_thrower);
    assert_eq!(carried(&thrower, &same, None), [""; 0]);
    let other = beside("other-catcher", &[CATCH, RETYPE], of_thrower);
    assert_eq!(carried(&thrower, &other, None), [CARRIED]);
    let other = beside("other-thrower", &[THROW, RETYPE], &none);
    assert_eq!(carried(&thrower, &other, None), [CARRIED]);
    let old = beside("old-catcher", &[CATCH], &other.crossing.behind);
    assert_eq!(carried(&old, &other, None), [CARRIED]);
    // Who knows no such type cannot catch one.
    let without = beside("no-catcher", &[], of_thrower);
    assert_eq!(carried(&thrower, &without, None), [""; 0]);
}

#[test]
fn programs_that_panic_with_words_carry_no_types() {
    let none = Behind::default();
    let words = "if dt > 9.0 { panic!(\"{dt}\") }
    let coins = Loot { coins: 2 as _ }.coins as u32;
    let limit = coins +";
    let words = ("let limit =", words);
    let own = beside("words", &[words], &none);
    let new = beside("other-words", &[words, RETYPE], &own.crossing.behind);
    assert_eq!(carried(&own, &new, None), [""; 0]);
}

#[test]
fn a_box_that_is_resumed_is_a_payload() {
    const RESUME: &str = "std::panic::resume_unwind(Box::new(Loot { coins: 1 as _ }))";
    let none = Behind::default();
    let throw = format!("if dt > 9.0 {{ {RESUME} }}\n    let limit");
    let throw = ("let limit", throw.as_str());
    let record = "cfg=unix\ndependencies=\n";
    let speaks_of_it = Origin::of_text(RESUME, record);
    let own = beside("resumes", &[throw], &none);
    let new = beside("resumes-another", &[throw, RETYPE], &none);
    assert_eq!(carried(&own, &new, Some(&speaks_of_it)), [CARRIED]);
    assert_eq!(carried(&own, &new, None), [CARRIED], "unknown is not equal");
    // Else a type behind `dyn Any` is compared where that crosses.
    let silent = Origin::of_text(SCENE, record);
    let own = beside("silent", &[MAKE], &none);
    let new = [MAKE, RETYPE, ("coins: 1 }", "coins: 1.0 }")];
    let new = beside("silent-other", &new, &none);
    assert_eq!(carried(&own, &new, Some(&silent)), [""; 0]);
}

/// A crate of a workspace and one that it uses, which makes and takes a type that is nobody else's.
fn with_paint(name: &str, red: &str, scene: (&str, &str), elsewhere: &Behind) -> Layouts {
    let folder = FIXTURE.folder.path().join(name);
    fs::create_dir(&folder).unwrap();
    let paint = format!(
        "pub struct Color {{ pub red: {red} }}
pub fn make() -> Box<dyn std::any::Any> {{ Box::new(Color {{ red: 1 as _ }}) }}
pub fn take(any: &dyn std::any::Any) -> u32 {{ any.downcast_ref().map_or(0, |color: &Color| color.red as u32) }}"
    );
    fs::write(folder.join("paint.rs"), paint).unwrap();
    fs::write(folder.join("scene.rs"), SCENE.replace(scene.0, scene.1)).unwrap();
    // Cargo names the files of a workspace by paths in it.
    let compile = |arguments: &[&str]| {
        let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let mut command = Command::new(rustc);
        command.current_dir(&folder).args(["-g", "--edition=2024"]);
        assert!(command.args(arguments).status().unwrap().success());
    };
    compile(&["--crate-type=rlib", "--crate-name=paint", "paint.rs"]);
    let arguments = [
        "--crate-name=scene",
        "--extern=paint=libpaint.rlib",
        "scene.rs",
    ];
    compile(&arguments);
    let scene = CrateSource {
        crate_name: "scene",
        root_file: "scene.rs",
    };
    let search = Search {
        elsewhere,
        of_crates: &[],
    };
    let mut layouts = Layouts::read(&folder.join("libscene.so"), &[scene], search).unwrap();
    layouts.remove(0).unwrap()
}

#[test]
fn a_crate_that_is_no_hot_one_makes_and_takes() {
    let none = Behind::default();
    let make = (
        "let limit",
        "world.anything = paint::make();\n    let limit",
    );
    let take = (
        "let limit =",
        "let coins = paint::take(&*world.anything);\n    let limit = coins +",
    );
    let told = "`paint::Color`, field `red`: the program has `u32`, the new code `f32`";
    let own = with_paint("paint-makes", "u32", make, &none);
    let of_own = &own.crossing.behind;
    let any: Vec<_> = of_own.of_trait("core::any::Any").collect();
    assert_eq!(any, ["paint::Color"]);
    let same = with_paint("paint-takes", "u32", take, of_own);
    assert_eq!(differences(&own, &same, 7), Some(Vec::new()));
    let new = with_paint("paint-takes-another", "f32", take, of_own);
    assert_eq!(lines(&differences(&own, &new, 7).unwrap()), [told]);
    let new = with_paint("paint-makes-another", "f32", make, &none);
    assert_eq!(lines(&differences(&own, &new, 7).unwrap()), [told]);
    let own = with_paint("paint-took", "u32", take, &new.crossing.behind);
    assert_eq!(lines(&differences(&own, &new, 7).unwrap()), [told]);
}

#[test]
fn code_that_still_runs_takes_what_newer_code_makes() {
    let none = Behind::default();
    let record = "cfg=unix\ndependencies=\n";
    let origin = Arc::new(Origin::of_text(SCENE, record));
    // Only a library speaks of it, and nobody makes it yet.
    let gem = (
        BEFORE,
        "pub struct Gem { weight: u32 }\npub struct Elsewhere",
    );
    let take = "let coins = world.anything.downcast_ref().map_or(0, |gem: &Gem| gem.weight);
    let limit = coins +";
    let runs = beside("runs", &[gem, ("let limit =", take)], &none);
    let root_file = FIXTURE.folder.path().join("runs.rs");
    let source = CrateSource {
        crate_name: "scene",
        root_file: &root_file.to_string_lossy(),
    };
    let mapped: Arc<dyn Any + Send + Sync> = Arc::new(());
    let file = FIXTURE.folder.path().join("libruns.so");
    earlier::note_taker(source, &file, Arc::downgrade(&mapped), &runs, &origin);
    let program = beside("speaks-not-of-it", &[], &none);
    let origins = Origins {
        program: Some(&origin),
        library: Some(&origin),
    };
    let found = |library: &Layouts| {
        let mut conflicts = Conflicts::default();
        conflicts.add_takers(library, &origin);
        let found = program.differences(library, 7, origins, &conflicts);
        lines(&found.unwrap())
    };
    let make = (
        "let limit",
        "world.anything = Box::new(Gem { weight: 1 as _ });\n    let limit",
    );
    let same = beside("makes-gem", &[gem, make], &none);
    assert_eq!(found(&same), [""; 0]);
    let retype = ("weight: u32", "weight: f32");
    let other = beside("makes-another-gem", &[gem, make, retype], &none);
    let told = "`scene::Gem`, field `weight`: the program has `u32`, the new code `f32`";
    assert_eq!(found(&other), [told]);
    // Calls of its code, too, do not get to the new one.
    let of_it = Conflicts::with_taker(&runs, &other, &origin);
    let differences = runs.differences(&other, 7, origins, &of_it).unwrap();
    assert_eq!(lines(&differences), [told]);
    // Once it is unmapped, none of its code runs.
    drop(mapped);
    assert_eq!(found(&other), [""; 0]);
}

/// Types that no single name stands for: what they lead to is told by theirs.
#[test]
fn a_type_without_a_name_of_its_own_is_known_by_those_in_it() {
    let none = Behind::default();
    let plain = (
        BEFORE,
        "pub trait Plain<T> { fn first(&self, of: T) -> u8; }
pub struct Player; impl<T> Plain<T> for Player { fn first(&self, _: T) -> u8 { 1 } }
pub fn call(loot: Loot) -> u32 { loot.coins as u32 }
pub struct Elsewhere",
    );
    let loot = "Loot { coins: 1 as _ }";
    let is_told = |line: &String| line == LOOT || line.contains("`Loot`: the program has the type");
    for (name, ty, value, used) in [
        (
            "function",
            "fn(Loot) -> u32",
            "call",
            format!("found({loot})"),
        ),
        (
            "closure",
            "Box<dyn Fn(&Loot) -> u32>",
            "Box::new(|loot: &Loot| loot.coins as u32)",
            format!("found(&{loot})"),
        ),
        (
            "maker",
            "Box<dyn FnMut() -> Loot>",
            "Box::new(|| Loot { coins: 1 as _ })",
            "found().coins as u32".to_owned(),
        ),
        (
            "iterator",
            "Box<dyn Iterator<Item = Loot>>",
            "Box::new(std::iter::empty())",
            "found.next().map_or(0, |loot| loot.coins as u32)".to_owned(),
        ),
        (
            "trait",
            "Box<dyn Plain<Loot>>",
            "Box::new(Player)",
            format!("u32::from(found.first({loot}))"),
        ),
        (
            "pair",
            "(u8, Loot)",
            "(1, Loot { coins: 1 as _ })",
            "found.1.coins as u32".to_owned(),
        ),
    ] {
        let makes = format!(
            "let made: {ty} = {value};
    world.anything = Box::new(made);
    let limit"
        );
        let takes = format!(
            "let found = world.anything.downcast_mut::<{ty}>();
    let found = found.map_or(0, |found| {used});
    let limit = found +"
        );
        let (make, take) = (
            ("let limit", makes.as_str()),
            ("let limit =", takes.as_str()),
        );
        let maker = beside(&format!("{name}-made"), &[plain, make], &none);
        let of_maker = &maker.crossing.behind;
        let same = beside(&format!("{name}-taken"), &[plain, take], of_maker);
        let found = differences(&maker, &same, 7).unwrap();
        // Of the methods of a trait without a table only the sources tell, of which there are none here.
        let mut told = lines(&found);
        told.retain(|line| !line.contains("whose sources are not known"));
        assert_eq!(told, [""; 0], "{name}");
        let other = beside(&format!("{name}-other"), &[plain, take, RETYPE], of_maker);
        let found = differences(&maker, &other, 7).unwrap();
        assert!(lines(&found).iter().any(is_told), "{name}: {found:#?}");
        // And the other way round.
        let new = beside(&format!("{name}-made-other"), &[plain, make, RETYPE], &none);
        let old = beside(
            &format!("{name}-taken-by-old"),
            &[plain, take],
            &new.crossing.behind,
        );
        let found = differences(&old, &new, 7).unwrap();
        assert!(lines(&found).iter().any(is_told), "{name}: {found:#?}");
    }
}
