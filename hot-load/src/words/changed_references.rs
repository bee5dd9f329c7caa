//! Which names speak otherwise of references in one state of the sources than in another.

use super::definition::{ANY, BY_MACROS, Definition, Reach};
use super::references::{CALLABLE, Reference};
use super::{FileWords, Sources};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// What is different between two states. Empty if nothing is.
#[derive(Debug, Default)]
pub(crate) struct ChangedReferences {
    changed: BTreeSet<String>,
    /// Names that one state defines, and the other may define in a file of which it is not known what was in it.
    unknown: BTreeMap<String, Arc<Path>>,
    /// Names that only one state defines.
    missing: BTreeSet<String>,
    /// The names that aliases speak of, by their own.
    aliases: BTreeMap<String, BTreeSet<String>>,
}

/// Why what is behind a name may have other references, or references that live as long as others did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OtherReferences {
    /// The definition of that name speaks otherwise of them.
    Changed(String),
    /// It was defined in that file, and it is not known how.
    Unknown(Arc<Path>),
    /// No definition is found in one of the states, or in both, and something changed that a macro may have made one of.
    NotFound,
}

impl Sources {
    /// What is different in `new`.
    pub(crate) fn changed_references(&self, new: &Sources) -> ChangedReferences {
        let mut names = self.names_only_here(new);
        names.extend(new.names_only_here(self));
        if names.is_empty() {
            return ChangedReferences::default();
        }
        // Another file may be the one that a module is in.
        let are_modules_others = names.contains(ANY) && self.modules() != new.modules();
        if are_modules_others {
            names.extend(self.names_of_references());
            names.extend(new.names_of_references());
        }
        let both = || self.files.iter().chain(&new.files);
        let definitions = both().flat_map(|(_, words)| words.known());
        let mut aliases: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for alias in definitions.filter(|definition| definition.is_alias()) {
            let of_name = aliases.entry(alias.name.clone()).or_default();
            of_name.extend(alias.mentions().map(str::to_owned));
        }
        let mut found = ChangedReferences {
            aliases,
            ..ChangedReferences::default()
        };
        for name in names {
            let [old, new] = [self, new].map(|sources| said(sources, name, &found.aliases));
            match (old, new) {
                (Some(old), Some(new)) => {
                    let is_other = old.is_other(&new)
                        || (are_modules_others && (old.is_ambiguous() || new.is_ambiguous()));
                    found.changed.extend(is_other.then(|| name.to_owned()));
                }
                (Some(only), None) | (None, Some(only)) if only != Said::default() => {
                    let of_macros = name == BY_MACROS;
                    let list = if of_macros {
                        &mut found.changed
                    } else {
                        &mut found.missing
                    };
                    list.insert(name.to_owned());
                }
                _ => {}
            }
        }
        found.add_unknown(self, new);
        found.add_unknown(new, self);
        found
    }

    /// The names that something is defined by which the others have not.
    fn names_only_here<'a>(&'a self, others: &Sources) -> BTreeSet<&'a str> {
        let mut names = BTreeSet::new();
        for (path, words) in &self.files {
            let other = others.file(path);
            if other.is_some_and(|other| Arc::ptr_eq(words, other)) {
                continue;
            }
            let others = other.map(|other| other.known()).unwrap_or_default();
            for definition in words.known() {
                if others.binary_search(definition).is_err() {
                    names.insert(definition.name.as_str());
                }
            }
        }
        names
    }

    /// What is said of which modules there are, and of their files, where that is not as usual.
    fn modules(&self) -> BTreeSet<(&Path, &str)> {
        let definitions = self.definitions_of(ANY);
        let of_modules = definitions.filter(|(_, definition)| definition.keyword == "mod");
        of_modules
            .map(|(path, definition)| (path, definition.text.as_str()))
            .collect()
    }

    /// The names whose definitions speak of references.
    fn names_of_references(&self) -> impl Iterator<Item = &str> {
        let definitions = self.files.iter().flat_map(|(_, words)| words.known());
        let speaking = definitions.filter(|definition| !definition.references.is_empty());
        speaking.map(|definition| definition.name.as_str())
    }
}

/// What the definitions of a name say of references.
#[derive(Default, PartialEq, Eq)]
struct Said {
    /// By the methods of traits.
    of_traits: BTreeMap<String, BTreeSet<String>>,
    of_others: BTreeSet<(String, String)>,
}

/// `None` if nothing is defined by that name.
fn said(
    sources: &Sources,
    name: &str,
    aliases: &BTreeMap<String, BTreeSet<String>>,
) -> Option<Said> {
    let definitions = sources
        .definitions_of(name)
        .map(|(_, definition)| definition);
    let defined = definitions.filter(|definition| definition.reach == Reach::Everywhere);
    let mut said = None;
    for definition in defined {
        let said = said.get_or_insert_with(Said::default);
        for Reference { part, text } in &definition.references {
            let text = without_types(text, aliases);
            if definition.is_trait() && !part.is_empty() {
                said.of_traits.entry(part.clone()).or_default().insert(text);
            } else {
                said.of_others.insert((part.clone(), text));
            }
        }
    }
    said
}

impl Said {
    fn is_other(&self, new: &Said) -> bool {
        // A method more is seen elsewhere, if it is one of trait objects at all.
        let mut both = self
            .of_traits
            .iter()
            .filter_map(|(part, texts)| Some((texts, new.of_traits.get(part)?)));
        self.of_others != new.of_others || both.any(|(old, new)| old != new)
    }

    /// Whether it is said in several definitions, and not the same in each.
    fn is_ambiguous(&self) -> bool {
        let mut parts = BTreeSet::new();
        let mut others = self.of_others.iter();
        others.any(|(part, _)| !parts.insert(part))
            || self.of_traits.values().any(|texts| texts.len() > 1)
    }
}

/// A text without the names of types, which debug information tells of: `( & \'a , )` of `(&\'a str, u8)`. What may stand for
/// a reference stays.
fn without_types(text: &str, aliases: &BTreeMap<String, BTreeSet<String>>) -> String {
    const KEYWORDS: [&str; 5] = ["dyn", "end", "for", "impl", "mut"];
    let is_kept = |token: &&str| {
        let is_name = token.starts_with(|first: char| first.is_alphanumeric() || first == '_');
        !is_name
            || KEYWORDS.contains(token)
            || CALLABLE.contains(token)
            || aliases.contains_key(*token)
    };
    let kept: Vec<_> = text.split(' ').filter(is_kept).collect();
    kept.join(" ")
}

impl Definition {
    fn is_alias(&self) -> bool {
        self.keyword == "type"
    }

    fn is_trait(&self) -> bool {
        self.keyword == "trait"
    }
}

impl ChangedReferences {
    pub(crate) fn is_empty(&self) -> bool {
        self.is_written_the_same() && self.missing.is_empty()
    }

    fn is_written_the_same(&self) -> bool {
        self.changed.is_empty() && self.unknown.is_empty()
    }

    /// Adds the names that `known` defines with references, in a file of which it is not known what the other state had in it,
    /// or whose definition is missing where there is such a file.
    fn add_unknown(&mut self, known: &Sources, other: &Sources) {
        let is_unknown = |words: &FileWords| words.definitions.is_none();
        let mut files = other.files.iter();
        let Some((any, _)) = files.find(|(_, words)| is_unknown(words)) else {
            return;
        };
        for (path, words) in &known.files {
            let is_unknown = other.file(path).is_some_and(|words| is_unknown(words));
            let definitions = words.known().iter();
            for Definition { name, .. } in definitions
                .map(|found| &**found)
                .filter(|found| !found.references.is_empty())
            {
                let place = match is_unknown {
                    true => path,
                    false if self.missing.remove(name) => any,
                    false => continue,
                };
                self.unknown.insert(name.clone(), Arc::clone(place));
            }
        }
    }

    /// Why the type or trait that is called `name`, in what is called `around`, may have other references: by its own
    /// definition, or by that of an alias in it.
    pub(crate) fn of_type(
        &self,
        sources: [&Sources; 2],
        around: &str,
        name: &str,
    ) -> Option<OtherReferences> {
        let is_variant = || {
            sources
                .iter()
                .all(|sources| sources.defines(&["enum"], around))
        };
        // What the attributes of hot-abi write has the types of the item that they are written at.
        if name.starts_with("__") || is_variant() {
            return None;
        }
        match sources.iter().any(|sources| sources.defines(&TYPES, name)) {
            true => self.of_name(sources, name),
            false => self.may_be_by_macro(),
        }
    }

    /// Why what a static is written as may have other references. It is known to be one that takes callbacks: all else
    /// in a static lives for ever.
    pub(crate) fn of_static(&self, sources: [&Sources; 2], name: &str) -> Option<OtherReferences> {
        match sources
            .iter()
            .any(|sources| sources.defines(&["static"], name))
        {
            true => self.of_name(sources, name),
            // As by `lazy_static!`, or in a closure.
            false => self.may_be_by_macro(),
        }
    }

    /// What is defined nowhere, a macro writes: out of anything.
    fn may_be_by_macro(&self) -> Option<OtherReferences> {
        (!self.is_written_the_same()).then_some(OtherReferences::NotFound)
    }

    fn of_name(&self, sources: [&Sources; 2], name: &str) -> Option<OtherReferences> {
        let mut seen = BTreeSet::from([name.to_owned()]);
        let mut waiting = vec![name.to_owned()];
        while let Some(next) = waiting.pop() {
            if let Some(path) = self.unknown.get(&next) {
                return Some(OtherReferences::Unknown(Arc::clone(path)));
            }
            if self.missing.contains(&next) {
                return Some(OtherReferences::NotFound);
            }
            if self.changed.contains(&next) {
                return Some(OtherReferences::Changed(next));
            }
            let is_asked_for = next == name;
            let of_alias = self.aliases.get(&next).into_iter().flatten();
            let of_alias = of_alias.filter(|name| self.aliases.contains_key(*name));
            let mut mentioned: BTreeSet<String> = of_alias.cloned().collect();
            for sources in sources {
                for (_, definition) in sources.definitions_of(&next) {
                    // A type with a definition of its own is compared where a value leads to it. No value leads to a trait
                    // that another stands on.
                    let mentions = definition.mentions().filter(|name| {
                        (is_asked_for && self.aliases.contains_key(*name))
                            || (definition.is_trait() && sources.defines(&["trait"], name))
                    });
                    mentioned.extend(mentions.map(str::to_owned));
                }
            }
            mentioned.retain(|name| seen.insert(name.clone()));
            waiting.extend(mentioned);
        }
        None
    }
}

/// What definitions of types and traits begin with.
const TYPES: [&str; 4] = ["struct", "enum", "union", "trait"];

impl Sources {
    /// Whether a definition of that name begins with one of the keywords.
    fn defines(&self, keywords: &[&str], name: &str) -> bool {
        let mut definitions = self.definitions_of(name);
        definitions.any(|(_, definition)| keywords.contains(&definition.keyword))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCENE: &str = "
        pub struct Two<'a, 'b> { x: &'a str, pub y: &'b str, count: u32 }
        pub struct Wrapped(Box<dyn Fn(&'static str) + Send>, u8);
        pub enum Message<'a> { Text(&'a str), Number(u8) }
        pub struct Hook { call: Callback }
        pub type Callback = fn(&'static str);
        pub trait Named: Send { fn name(&self) -> &'static str; fn call(&self, with: Callback) {} }
        pub trait Based: Named { fn plain(); }
        pub struct Plain { hp: u32 }
        static HOOKS: Mutex<Vec<fn(&'static str)>> = Mutex::new(Vec::new());
        thread_local! { static LOCAL: Cell<&'static str> = const { Cell::new(\"a\") }; }
        fn body() { let f = static || 1; }
        macro_rules! made { ($name:ident) => { struct $name<'a> { x: &'static u8, y: &'a u8 } } }
        define!(T, &'static str, \"a\");
    ";

    fn sources(text: &str, before: Option<&Sources>) -> Sources {
        let before = before.map(|before| &*before.files[0].1);
        let words = Arc::new(FileWords::read(text, before));
        Sources {
            crates: None,
            files: vec![(Arc::from(Path::new("lib.rs")), words)],
        }
    }

    /// What is other of the type, the trait or, in capitals, the static of that name.
    fn after(name: &str, from: &str, to: &str) -> Option<OtherReferences> {
        assert!(SCENE.contains(from), "{from}");
        let old = sources(SCENE, None);
        let new = sources(&SCENE.replace(from, to), Some(&old));
        of(name, &old, &new)
    }

    fn of(name: &str, old: &Sources, new: &Sources) -> Option<OtherReferences> {
        let changed = old.changed_references(new);
        let (around, name) = name.rsplit_once("::").unwrap_or(("scene", name));
        let found = match name.chars().all(char::is_uppercase) {
            true => changed.of_static([old, new], name),
            false => changed.of_type([old, new], around, name),
        };
        assert!(found.is_none() || !changed.is_empty());
        found
    }

    #[test]
    fn what_a_definition_says_of_references_is_part_of_what_it_means() {
        for (name, from, to, changed) in [
            ("Two", "x: &'a str", "x: &'static str", "Two"),
            (
                "Two",
                "x: &'a str, pub y: &'b str",
                "x: &'b str, pub y: &'a str",
                "Two",
            ),
            ("Two", "Two<'a, 'b>", "Two<'a, 'b: 'a>", "Two"),
            ("Wrapped", "Fn(&'static str)", "Fn(&str)", "Wrapped"),
            ("Message", "Text(&'a str)", "Text(&'static str)", "Message"),
            (
                "Hook",
                "Callback = fn(&'static str)",
                "Callback = fn(&str)",
                "Callback",
            ),
            (
                "Named",
                "Callback = fn(&'static str)",
                "Callback = fn(&str)",
                "Callback",
            ),
            ("Named", "-> &'static str;", "-> &str;", "Named"),
            ("Named", "Named: Send", "Named: Send + 'static", "Named"),
            ("Named", "Named: Send", "Named", "Named"),
            ("Based", "trait Named: Send", "trait Named", "Named"),
            ("Based", "-> &'static str;", "-> &str;", "Named"),
            ("Based", "fn plain()", "extern \"C\" fn plain()", "Based"),
            ("HOOKS", "Vec<fn(&'static str)>", "Vec<fn(&str)>", "HOOKS"),
            ("LOCAL", "Cell<&'static str>", "Cell<&str>", "LOCAL"),
            ("Hook", "call: Callback", "call: fn(&str)", "Hook"),
            (
                "Two",
                "pub y: &'b str",
                "#[cfg(unix)] pub y: &'b str",
                "Two",
            ),
        ] {
            let changed = OtherReferences::Changed(changed.to_owned());
            assert_eq!(after(name, from, to), Some(changed), "{name}: {to}");
        }
    }

    #[test]
    fn what_says_nothing_of_them_is_not() {
        for (name, from, to) in [
            (
                "Two",
                "pub y: &'b str",
                "/// Why.\n #[serde(skip)] pub(crate) y: &'b str",
            ),
            ("Two", "count: u32", "count: f32"),
            // Debug information tells it.
            ("Two", "x: &'a str", "x: &'a String"),
            ("Named", "-> &'static str;", "-> &'static Text;"),
            ("Plain", "hp: u32", "hp: Health"),
            ("Plain", "x: &'a str", "x: &'static str"),
            (
                "Named",
                "fn call(&self",
                "fn more() where Self: Sized {} fn call(&self",
            ),
            (
                "Named",
                "with: Callback) {}",
                "_callback: Callback) { todo!() }",
            ),
            ("HOOKS", "Mutex::new(Vec::new())", "Mutex::new(vec![first])"),
            ("body", "static || 1", "static || 2"),
        ] {
            assert_eq!(after(name, from, to), None, "{name}: {to}");
        }
    }

    #[test]
    fn what_is_found_on_one_side_only_is_not_known() {
        let renamed = ("struct Two<'a, 'b>", "struct Three<'a, 'b>");
        assert_eq!(
            after("Two", renamed.0, renamed.1),
            Some(OtherReferences::NotFound)
        );
        // It has none, whoever writes it.
        assert_eq!(after("Plain", "struct Plain", "struct Other"), None);
        // A new one is nothing that both have.
        let new = "struct New<'a>(&'a str); struct Plain";
        for name in ["Two", "ByMacro", "LAZY"] {
            assert_eq!(after(name, "struct Plain", new), None);
        }
    }

    #[test]
    fn what_macros_write_may_be_made_of_whatever_speaks_of_references() {
        let not_found = Some(OtherReferences::NotFound);
        let other = ("x: &'a str", "x: &'static str");
        for (name, from, to, expected) in [
            ("ByMacro", other.0, other.1, &not_found),
            ("LAZY", other.0, other.1, &not_found),
            ("ByMacro", "T, &'static str", "T, &'a str", &not_found),
            ("ByMacro", "x: &'static u8", "x: &'a u8", &not_found),
            ("Plain", "T, &'static str", "T, &'a str", &None),
            ("ByMacro", "T, &'static str", "T, &'static String", &None),
            ("ByMacro", "\"a\"", "\"b\"", &None),
            // Of what a body prints, no type is made.
            ("ByMacro", "|| 1", "|| println!(\"{}\", &1)", &None),
            ("Message::Text", other.0, other.1, &None),
            ("__Made", other.0, other.1, &None),
        ] {
            assert_eq!(&after(name, from, to), expected, "{name}: {to}");
        }
    }

    #[test]
    fn what_a_file_held_that_is_not_known_may_be_anything() {
        let known = sources(SCENE, None);
        let mut unknown = sources("", None);
        unknown.files[0].1 = Arc::new(FileWords::unknown());
        let place = Arc::clone(&unknown.files[0].0);
        for (old, new) in [(&known, &unknown), (&unknown, &known)] {
            let not_known = Some(OtherReferences::Unknown(Arc::clone(&place)));
            assert_eq!(of("Two", old, new), not_known);
            assert_eq!(of("HOOKS", old, new), not_known);
            assert_eq!(of("Plain", old, new), None);
            assert_eq!(of("ByMacro", old, new), Some(OtherReferences::NotFound));
        }
        // It may have been defined in another file.
        unknown.files[0].0 = Arc::from(Path::new("elsewhere.rs"));
        let not_known = Some(OtherReferences::Unknown(Arc::clone(&unknown.files[0].0)));
        assert_eq!(of("Two", &unknown, &known), not_known);
    }

    #[test]
    fn a_module_that_is_in_another_file_has_what_is_defined_there() {
        let old = "#[path = \"a.rs\"] mod imp; #[path = \"b.rs\"] mod other;";
        let new = "#[path = \"b.rs\"] mod imp; #[path = \"a.rs\"] mod other;";
        let state = |lib: &str| {
            let mut state = sources(lib, None);
            for (name, text) in [
                ("a.rs", "struct Two<'a>(&'a str); struct Same<'a>(&'a str);"),
                (
                    "b.rs",
                    "struct Two<'a>(&'static str); struct Same<'a>(&'a u8);",
                ),
            ] {
                let words = Arc::new(FileWords::read(text, None));
                state.files.insert(0, (Arc::from(Path::new(name)), words));
            }
            state.files.sort_by(|a, b| a.0.cmp(&b.0));
            state
        };
        let changed = Some(OtherReferences::Changed("Two".to_owned()));
        assert_eq!(of("Two", &state(old), &state(new)), changed);
        assert_eq!(of("Same", &state(old), &state(new)), None);
        let imports = format!("{old} use other::*;");
        assert_eq!(of("Two", &state(old), &state(&imports)), None);
    }
}
