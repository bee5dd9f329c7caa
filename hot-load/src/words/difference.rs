//! Whether a name means the same in the sources of two builds.

use super::definition::{ABOVE, ANY, Definition, Reach, idents};
use super::{FileWords, Sources};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// Why it cannot be taken that a name means the same to two builds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// The definition of a name changed: of the name itself, or of one that it leads to.
    Changed(String),
    /// No definition of it is written in the sources of one of them: it may be made by a macro.
    NotFound,
    /// It is not known what was in a file.
    Unknown(Arc<Path>),
    /// A procedural macro changed, and may write anything.
    Macros(Arc<Path>),
    /// The definition of that name depends on more than words.
    Outside(String),
}

/// What changed from one state of sources to another.
#[derive(Debug, Default)]
pub(crate) struct Changes<'a> {
    /// What all files have in common, by the name, and in which of them it changed.
    everywhere: BTreeMap<&'a str, BTreeSet<&'a Path>>,
    /// Imports, by the file and the name.
    in_files: BTreeSet<(&'a Path, &'a str)>,
    obstacle: Option<Difference>,
}

impl Sources {
    /// What is different in `new`.
    pub(crate) fn changes<'a>(&'a self, new: &'a Sources) -> Changes<'a> {
        let mut changes = Changes::default();
        let (mut own, mut other) = (self.files.iter().peekable(), new.files.iter().peekable());
        loop {
            let order = match (own.peek(), other.peek()) {
                (Some((a, _)), Some((b, _))) => a.cmp(b),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return changes,
            };
            let old = own.next_if(|_| order.is_le());
            let new = other.next_if(|_| order.is_ge());
            let Some((path, _)) = old.or(new) else {
                return changes;
            };
            changes.add(
                path,
                old.map(|(_, words)| words),
                new.map(|(_, words)| words),
            );
        }
    }

    /// Why a name and all that it leads to may not mean the same in a state of which `changes` tells; `None` if
    /// it does. `is_defined` says whether its definition must be in these files.
    pub(crate) fn difference(
        &self,
        changes: &Changes<'_>,
        name: &str,
        is_defined: bool,
    ) -> Option<Difference> {
        if changes.obstacle.is_some() {
            return changes.obstacle.clone();
        }
        if is_defined && !self.has(name) {
            return Some(Difference::NotFound);
        }
        let changed = |name: &str| Some(Difference::Changed(name.to_owned()));
        if changes.everywhere.contains_key(ANY) {
            return changed(name);
        }
        let is_same = changes.everywhere.is_empty() && changes.in_files.is_empty();
        if is_same && !self.files.iter().any(|(_, words)| words.has_outside) {
            return None;
        }
        // A name, and the file that it is of; `None` if it may be of any.
        let mut seen: BTreeSet<(&str, Option<&Path>)> = BTreeSet::new();
        seen.extend(idents(name).map(|name| (name, None)));
        let mut waiting: Vec<_> = seen.iter().copied().collect();
        while let Some((name, place)) = waiting.pop() {
            let is_meant = |path: &Path| place.is_none_or(|place| place == path);
            let files = changes.everywhere.get(name);
            if files.is_some_and(|files| files.iter().any(|path| is_meant(path))) {
                return changed(name);
            }
            for (path, definition) in self.definitions_of(name) {
                if !is_meant(path) {
                    continue;
                }
                if changes.in_files.contains(&(path, ANY)) {
                    return changed(name);
                }
                if definition.is_from_outside {
                    return Some(Difference::Outside(name.to_owned()));
                }
                for (mentioned, is_placed) in definition.placed_mentions() {
                    if changes.in_files.contains(&(path, mentioned)) {
                        return changed(mentioned);
                    }
                    let is_own = !is_placed && self.is_own(path, mentioned);
                    let next = (mentioned, is_own.then_some(path));
                    if seen.insert(next) {
                        waiting.push(next);
                    }
                }
            }
        }
        None
    }

    /// Whether a name without a place means what the file itself defines: it imports no other of that name, and nothing
    /// that it does not name.
    fn is_own(&self, path: &Path, name: &str) -> bool {
        let all = self
            .file(path)
            .map(|words| words.known())
            .unwrap_or_default();
        let of = |name: &str| {
            let start = all.partition_point(|definition| definition.name.as_str() < name);
            let name = name.to_owned();
            all[start..]
                .iter()
                .take_while(move |found| found.name == name)
        };
        let mut own = of(name).peekable();
        own.peek().is_some()
            && own.all(|definition| definition.keyword != "use")
            && of(ANY).next().is_none()
            && of(ABOVE).next().is_none()
    }

    fn has(&self, name: &str) -> bool {
        self.definitions_of(name)
            .any(|(_, definition)| !definition.text.starts_with("use"))
    }

    pub(super) fn definitions_of<'a>(
        &'a self,
        name: &'a str,
    ) -> impl Iterator<Item = (&'a Path, &'a Definition)> {
        self.files.iter().flat_map(move |(path, words)| {
            let all = words.known();
            let start = all.partition_point(|definition| definition.name.as_str() < name);
            let own = all[start..]
                .iter()
                .take_while(move |found| found.name == name);
            own.map(move |definition| (&**path, &**definition))
        })
    }
}

impl<'a> Changes<'a> {
    /// Adds what is different in a file, which one of the two may lack.
    fn add(
        &mut self,
        path: &'a Arc<Path>,
        old: Option<&'a Arc<FileWords>>,
        new: Option<&'a Arc<FileWords>>,
    ) {
        if let (Some(old), Some(new)) = (old, new)
            && Arc::ptr_eq(old, new)
        {
            return;
        }
        let both = || old.into_iter().chain(new);
        let obstacle = match () {
            () if both().any(|words| words.definitions.is_none()) => {
                Some(Difference::Unknown(Arc::clone(path)))
            }
            () if both().any(|words| words.makes_macros) => {
                Some(Difference::Macros(Arc::clone(path)))
            }
            () => None,
        };
        if obstacle.is_some() {
            self.obstacle = obstacle;
        }
        let of = |words: Option<&'a Arc<FileWords>>| {
            let all = words.map(|words| words.known());
            all.unwrap_or_default().iter().peekable()
        };
        let (mut own, mut other) = (of(old), of(new));
        loop {
            let order = match (own.peek(), other.peek()) {
                (Some(a), Some(b)) if Arc::ptr_eq(a, b) => Ordering::Equal,
                (Some(a), Some(b)) => a.cmp(b),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return,
            };
            let old = own.next_if(|_| order.is_le());
            let new = other.next_if(|_| order.is_ge());
            if let (Some(only), None) | (None, Some(only)) = (old, new) {
                match only.reach {
                    Reach::Everywhere => {
                        let files = self.everywhere.entry(&only.name).or_default();
                        files.insert(path);
                    }
                    Reach::File => drop(self.in_files.insert((path, &only.name))),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCENE: &str = "
        use paint::Colour;
        /// A shape.
        pub trait Shape: Named { fn area(&self) -> Area; fn name(&self, of: &Canvas) -> u8 { 1 } }
        pub trait Named { fn named(&self) -> Colour; }
        pub type Area = f32;
        const SIDE: usize = 4;
        pub struct Canvas { rows: [Row; SIDE] }
        pub enum Row { Empty, Full(u8) }
        pub struct Elsewhere { a: u32 }
        fn body() { struct Inside { a: u8 } let x = 1; }
    ";

    fn sources(files: &[(&str, &str)], before: Option<&Sources>) -> Sources {
        let read = |at: usize, (path, text): &(&str, &str)| {
            let before = before.and_then(|before| before.files.get(at));
            let words = FileWords::read(text, before.map(|(_, words)| &**words));
            (Arc::from(Path::new(path)), Arc::new(words))
        };
        let files = files.iter().enumerate();
        Sources {
            crates: None,
            files: files.map(|(at, file)| read(at, file)).collect(),
        }
    }

    fn after(from: &str, to: &str) -> Option<Difference> {
        assert!(SCENE.contains(from), "{from}");
        let old = sources(&[("lib.rs", SCENE)], None);
        let new = sources(&[("lib.rs", &SCENE.replace(from, to))], Some(&old));
        old.difference(&old.changes(&new), "Shape", true)
    }

    #[test]
    fn what_a_trait_leads_to_is_part_of_what_it_means() {
        for (from, to, named) in [
            // The order of methods, another one, their types.
            (
                "fn area(&self) -> Area; fn name(&self, of: &Canvas) -> u8 { 1 }",
                "fn name(&self, of: &Canvas) -> u8 { 1 } fn area(&self) -> Area;",
                "Shape",
            ),
            (
                "fn area(&self) -> Area;",
                "fn area(&self) -> Area; fn more(&self) {}",
                "Shape",
            ),
            ("fn area(&self)", "fn area(&mut self)", "Shape"),
            ("of: &Canvas", "of: &mut Canvas", "Shape"),
            ("Shape: Named", "Shape: Named + Send", "Shape"),
            // What those speak of, however far away.
            ("Area = f32", "Area = f64", "Area"),
            ("fn named(&self)", "fn renamed(&self)", "Named"),
            ("SIDE: usize = 4", "SIDE: usize = 5", "SIDE"),
            ("Full(u8)", "Full(i8)", "Row"),
            ("Empty, Full(u8)", "Full(u8), Empty", "Row"),
            ("use paint::Colour", "use inks::Colour", "Colour"),
            ("use paint::Colour", "use inks::Tint as Colour", "Colour"),
            ("const SIDE", "use inks::*; const SIDE", "SIDE"),
            (
                "pub struct Canvas",
                "#[repr(C)] pub struct Canvas",
                "Canvas",
            ),
        ] {
            let expected = match to.contains("inks::*") {
                // Any name of the file may be another one now.
                true => matches!(after(from, to), Some(Difference::Changed(_))),
                false => after(from, to) == Some(Difference::Changed(named.to_owned())),
            };
            assert!(expected, "{to}: {:?}", after(from, to));
        }
    }

    #[test]
    fn what_a_trait_does_not_lead_to_is_not() {
        for (from, to) in [
            ("/// A shape.", "// Not a shape."),
            ("pub trait Shape", "#[must_use] pub(crate) trait Shape"),
            ("-> u8 { 1 }", "-> u8 { let x = 2; x }"),
            ("-> u8 { 1 }", "-> u8;"),
            ("of: &Canvas", "_canvas: &Canvas,"),
            ("let x = 1;", "struct More(u8); let x = |y: u8| y + 1;"),
            ("a: u32", "a: f32, b: u8"),
            ("{ rows: [Row; SIDE] }", "{\n    rows: [Row; SIDE],\n}"),
            ("const SIDE", "use super::*; const SIDE"),
            (
                "pub struct Elsewhere",
                "#[derive(Debug)] pub struct Elsewhere",
            ),
            ("pub struct Canvas", "#[derive(Debug)] pub struct Canvas"),
            ("Empty, Full(u8)", "Empty, Full(u8),"),
        ] {
            assert_eq!(after(from, to), None, "{to}");
        }
    }

    #[test]
    fn a_tuple_of_one_is_no_type_in_parentheses() {
        let changed = Some(Difference::Changed("Row".to_owned()));
        let old = sources(&[("lib.rs", "struct Row { a: (u8) }")], None);
        let new = sources(&[("lib.rs", "struct Row { a: (u8,) }")], None);
        assert_eq!(old.difference(&old.changes(&new), "Row", true), changed);
    }

    #[test]
    fn a_name_that_a_file_defines_is_no_other_files() {
        let own = "pub trait Shape { fn put(&self, row: Row) -> Self::Out; } pub struct Row(u8);";
        let of = |own: &str, other: &str| sources(&[("lib.rs", own), ("other.rs", other)], None);
        let after = |own: &str| {
            let (old, new) = (of(own, "type Row = u8;"), of(own, "type Row = i8;"));
            old.difference(&old.changes(&new), "Shape", true)
        };
        assert_eq!(after(own), None);
        let changed = Some(Difference::Changed("Row".to_owned()));
        for (from, to) in [
            ("row: Row", "row: other::Row"),
            ("pub trait", "use other::Row; pub trait"),
            ("pub trait", "use super::*; pub trait"),
            ("pub trait", "use crate::other::*; pub trait"),
            ("pub struct Row(u8);", ""),
        ] {
            assert_eq!(after(&own.replace(from, to)), changed, "{to}");
        }
        // What is changed in the file itself.
        let (old, new) = (of(own, ""), of(&own.replace("Row(u8)", "Row(i8)"), ""));
        assert_eq!(old.difference(&old.changes(&new), "Shape", true), changed);
    }

    #[test]
    fn what_depends_on_more_than_words_is_not_known() {
        let text = "pub trait Shape { fn put(&self, rows: [u8; SIDE]); }
                    const SIDE: usize = 3; const NAME: &str = env!(\"NAME\");";
        let after = |from: &str, to: &str| {
            let old = sources(&[("lib.rs", &text.replace(from, to))], None);
            old.difference(&old.changes(&old), "Shape", true)
        };
        assert_eq!(after("SIDE: usize = 3", "SIDE: usize = 4"), None);
        let outside = Some(Difference::Outside("SIDE".to_owned()));
        for value in ["include_bytes!(\"side\").len()", "{ line!() as usize }"] {
            assert_eq!(after("= 3;", &format!("= {value};")), outside, "{value}");
        }
    }

    #[test]
    fn a_name_that_is_not_written_is_not_known() {
        let old = sources(&[("lib.rs", "make_trait!(Shape, area);")], None);
        let difference = old.difference(&old.changes(&old), "Shape", true);
        assert_eq!(difference, Some(Difference::NotFound));
        assert_eq!(old.difference(&old.changes(&old), "core", false), None);
    }

    #[test]
    fn what_macros_are_given_is_read_and_what_they_are_too() {
        let text =
            "rows! { #[doc = \"x\"] pub struct Row { a: u8 } } macro_rules! number { () => { u8 } }
                    struct Page { row: Row, number: number!() }";
        let old = sources(&[("lib.rs", text)], None);
        let after = |from: &str, to: &str| {
            let new = sources(&[("lib.rs", &text.replace(from, to))], Some(&old));
            old.difference(&old.changes(&new), "Page", true)
        };
        let changed = |name: &str| Some(Difference::Changed(name.to_owned()));
        assert_eq!(after("{ a: u8 }", "{ a: i8 }"), changed("Row"));
        assert_eq!(after("{ u8 }", "{ i8 }"), changed("number"));
        assert_eq!(after("\"x\"", "\"y\""), None);
    }

    #[test]
    fn imports_of_other_files_do_not_matter_unless_they_are_public() {
        let of = |other: &str| sources(&[("lib.rs", SCENE), ("other.rs", other)], None);
        let old = of("");
        let after = |other: &str| {
            let mut new = of(other);
            // The first file is the same.
            new.files[0] = old.files[0].clone();
            old.difference(&old.changes(&new), "Shape", true)
        };
        assert_eq!(after("use inks::{Colour, other::*};"), None);
        let changed = Some(Difference::Changed("Colour".to_owned()));
        assert_eq!(after("pub use inks::{self, Colour};"), changed);
        assert!(after("pub use inks::*;").is_some());
        assert!(after("#[path = \"b.rs\"] mod a;").is_some());
        assert!(after("#[allow(unused)] mod a;").is_none());
    }

    #[test]
    fn what_is_not_known_is_like_nothing() {
        let old = sources(&[("lib.rs", SCENE)], None);
        let mut new = sources(&[("lib.rs", SCENE)], None);
        new.files[0].1 = Arc::new(FileWords::read("struct {", None));
        let unknown = Some(Difference::Unknown(Path::new("lib.rs").into()));
        assert_eq!(old.difference(&old.changes(&new), "Shape", true), unknown);
        assert_eq!(new.difference(&new.changes(&new), "core", false), None);
        let text = "#[proc_macro_attribute] pub fn shape(a: T, b: T) -> T { b }";
        let makes = sources(&[("lib.rs", text)], None);
        let changed = sources(&[("lib.rs", &text.replace("{ b }", "{ a }"))], Some(&makes));
        let difference = makes.difference(&makes.changes(&changed), "Shape", false);
        assert_eq!(
            difference,
            Some(Difference::Macros(Path::new("lib.rs").into()))
        );
    }

    #[test]
    fn what_stayed_is_kept_once() {
        let old = FileWords::read(SCENE, None);
        let new = FileWords::read(&SCENE.replace("a: u32", "a: u64"), Some(&old));
        let (old, new) = (old.definitions.unwrap(), new.definitions.unwrap());
        let kept = new
            .iter()
            .filter(|new| old.iter().any(|old| Arc::ptr_eq(old, new)));
        assert_eq!(kept.count(), new.len() - 1);
    }
}
