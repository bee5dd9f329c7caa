//! What is taken over from an earlier read, and what is not.

use super::super::files;
use super::super::unchanged::Extent;
use super::*;
use object::{Object, ObjectSection};

/// A copy of a library whose file is changed by `edit`.
fn copy(library: &Path, name: &str, edit: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
    let mut bytes = fs::read(library).unwrap();
    edit(&mut bytes);
    let copy = library.with_file_name(name);
    fs::write(&copy, bytes).unwrap();
    copy
}

/// Puts a text at the place of another of the same length, in one section.
fn replace(bytes: &mut [u8], section: &str, old: &[u8], new: &[u8]) {
    assert_eq!(old.len(), new.len());
    let file = object::File::parse(&*bytes).unwrap();
    let (start, size) = file.section_by_name(section).unwrap().file_range().unwrap();
    let section = &mut bytes[start as usize..][..size as usize];
    let mut places = section.windows(old.len()).enumerate();
    let found = places.find_map(|(at, window)| (window == old).then_some(at));
    let at = found.unwrap_or_else(|| panic!("{old:?} is not in the section"));
    section[at..][..new.len()].copy_from_slice(new);
}

/// The layouts of the only crate of a library.
fn read_of(library: &Path) -> Arc<Layouts> {
    let read = files::read_library(library, Extent::All);
    let mut crates = read.crates().map(|(_, layouts)| layouts);
    let scene = crates.find_map(|layouts| layouts.as_ref().ok());
    // A reader that knows no crate finds no items, but every static.
    scene.expect("the crate is in it").clone()
}

/// The scene, with a static that leads to all.
fn with_static() -> String {
    let shared = "pub struct Shared(Vec<World>); unsafe impl Sync for Shared {}";
    format!("{SCENE}\n{shared}\npub static WORLDS: Shared = Shared(Vec::new());\n")
}

/// How the type of the static differs.
fn differences_of_static(program: &Layouts, library: &Layouts) -> Vec<String> {
    let find = |layouts: &Layouts| {
        let mut statics = layouts.crossing.statics.values();
        let found = statics.find(|found| found.path == "scene::WORLDS");
        found.expect("the static is there").ty
    };
    let origins = Origins {
        program: None,
        library: None,
    };
    let (own, new) = (find(program), find(library));
    let found = super::super::compare::differences(
        (&program.crossing.graph, own),
        (&library.crossing.graph, new),
        origins,
        &Conflicts::default(),
    );
    lines(&found)
}

#[test]
fn a_library_is_not_read_again_unless_something_in_it_is_another() {
    let folder = tempfile::tempdir().unwrap();
    let library = compile(folder.path(), "again", &with_static(), &["-g"]);
    let first = read_of(&library);
    // Code that is another is nobody's business here.
    let same = copy(&library, "libsame.so", |bytes| {
        let file = object::File::parse(&**bytes).unwrap();
        let (start, _) = file.section_by_name(".text").unwrap().file_range().unwrap();
        bytes[start as usize] ^= 1;
    });
    let same = read_of(&same);
    assert!(Arc::ptr_eq(&first, &same));
    assert_eq!(differences_of_static(&first, &same), [""; 0]);

    // The entries are the same, and the texts that they lead to are not.
    let renamed = copy(&library, "librenamed.so", |bytes| {
        replace(bytes, ".debug_str", b"\0damage\0", b"\0Damage\0");
    });
    let renamed = read_of(&renamed);
    let told = differences_of_static(&first, &renamed);
    assert!(
        told.iter().any(|told| told.contains("`Damage`")),
        "{told:#?}"
    );

    // What describes the entries.
    let described = copy(&library, "libdescribed.so", |bytes| {
        // DW_TAG_enumerator, no children, DW_AT_name: then it is a member.
        replace(bytes, ".debug_abbrev", &[0x28, 0, 3], &[0x0d, 0, 3]);
    });
    assert!(!Arc::ptr_eq(&first, &read_of(&described)));
}

#[test]
fn a_table_of_methods_is_read_in_each_library() {
    let folder = tempfile::tempdir().unwrap();
    let library = compile(folder.path(), "tables", &with_static(), &["-g"]);
    let first = read_of(&library);
    // Two words of the table of `Circle` are exchanged, as if the trait had its methods in another order. No byte of
    // the debug information tells it.
    let exchanged = copy(&library, "libexchanged.so", |bytes| {
        let file = object::File::parse(&**bytes).unwrap();
        let words = &first.crossing.pointers;
        let targets: Vec<u64> = words
            .addresses()
            .filter_map(|word| words.target(word))
            .collect();
        let table = file.section_by_name(".rela.dyn").unwrap();
        let (start, size) = table.file_range().unwrap();
        let entries = &mut bytes[start as usize..][..size as usize];
        // Each is a word's address, a kind, and where it leads to.
        let mut methods = entries.as_chunks_mut::<24>().0.iter_mut().filter(|entry| {
            let number = |at: usize| u64::from_le_bytes(entry[at..at + 8].try_into().unwrap());
            words.addresses().any(|word| word == number(0)) && targets.contains(&number(16))
        });
        let (one, other) = (methods.next().unwrap(), methods.next().unwrap());
        assert_ne!(one[16..], other[16..]);
        one[16..].swap_with_slice(&mut other[16..]);
    });
    let exchanged = read_of(&exchanged);
    assert!(!Arc::ptr_eq(&first, &exchanged));
    assert_ne!(differences_of_static(&first, &exchanged), [""; 0]);
}

#[test]
fn what_is_known_to_be_one_is_compared_again_when_the_sources_are_others() {
    const CRATES: &str = "cfg=unix\ndependencies=paint:libpaint-1\n";
    let made = "world.shape = Box::new(Circle { radius: local });";
    let source = SCENE.replace(made, "let _ = (local, world.shape.area());");
    let file = compile(FIXTURE.folder.path(), "proven", &source, &["-g"]);
    let library = read(&file).unwrap();
    let found = |old: &Origin, new: &Origin| {
        let origins = Origins {
            program: Some(old),
            library: Some(new),
        };
        let program = &FIXTURE.layouts;
        lines(
            &program
                .differences(&library, 7, origins, &Conflicts::default())
                .unwrap(),
        )
    };
    let (area, name) = ("fn area(&self) -> f32;", "fn name(&self) -> u8;");
    let swapped = SCENE
        .replace(area, "")
        .replace(name, &format!("{name} {area}"));
    let (old, same) = (
        Origin::of_text(SCENE, CRATES),
        Origin::of_text(SCENE, CRATES),
    );
    let other = Origin::of_text(&swapped, CRATES);
    for _ in 0..2 {
        assert_eq!(found(&old, &same), [""; 0]);
        assert_eq!(found(&old, &same), [""; 0], "it is remembered");
        // That they differ is found as often as somebody asks.
        assert_eq!(found(&old, &other).len(), 1);
        assert_eq!(found(&old, &other).len(), 1);
    }
}
