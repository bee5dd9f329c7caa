//! What definitions say of references and lifetimes, of which debug information tells nothing: `&'static str` and
//! `&str` are one layout, and not one type.

use super::Sources;
use super::definition::{Definition, Reach};
use super::lexer::Token;
use super::tokens::{Angles, attribute, is_punct, word};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A part of a definition in which there are lifetimes, or may be some that are not written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reference {
    /// The field, variant or method; empty for what is before them.
    part: String,
    /// Without attributes, visibility and comments.
    text: String,
}

/// The references in a definition that begins with this keyword.
pub(super) fn of_definition(keyword: &str, tokens: &[Token<'_>]) -> Vec<Reference> {
    let mut found = Found(Vec::new());
    let mut angles = Angles::default();
    let body = tokens.iter().position(|token| {
        let is_body =
            angles.depth == 0 && matches!(token, Token::Group(group) if group.open != '[');
        angles.pass(token);
        is_body
    });
    let (Some(at), "struct" | "enum" | "union") = (body, keyword) else {
        found.add("", tokens);
        return found.0;
    };
    found.add("", &tokens[..at]);
    found.add("where", &tokens[at + 1..]);
    if let Token::Group(body) = &tokens[at] {
        let mut angles = Angles::default();
        let fields = body.tokens.split(|token| {
            angles.pass(token);
            angles.depth == 0 && is_punct(token, ',')
        });
        for (number, field) in fields.enumerate() {
            let field = without_attributes(field);
            match (body.open, word(field.first())) {
                ('{', Some(name)) => found.add(name, field),
                _ => found.add(&number.to_string(), field),
            }
        }
    }
    found.0
}

/// The references in a method, or another item, of a trait.
pub(super) fn of_item(item: &[Token<'_>], text: &str) -> Option<Reference> {
    let keywords = ["fn", "type", "const"];
    let keyword = item
        .iter()
        .position(|token| word(Some(token)).is_some_and(|word| keywords.contains(&word)))?;
    bears(item).then(|| Reference {
        part: word(item.get(keyword + 1)).unwrap_or_default().to_owned(),
        text: text.to_owned(),
    })
}

struct Found(Vec<Reference>);

impl Found {
    fn add(&mut self, part: &str, tokens: &[Token<'_>]) {
        if bears(tokens) {
            let mut text = String::new();
            write(tokens, &mut text);
            self.0.push(Reference {
                part: part.to_owned(),
                text,
            });
        }
    }
}

/// What takes and returns references whose lifetimes may not be written.
const CALLABLE: [&str; 7] = [
    "fn",
    "Fn",
    "FnMut",
    "FnOnce",
    "AsyncFn",
    "AsyncFnMut",
    "AsyncFnOnce",
];

/// Whether there is a lifetime among the tokens, or something that has one.
fn bears(tokens: &[Token<'_>]) -> bool {
    tokens.iter().any(|token| match token {
        Token::Group(group) => bears(&group.tokens),
        Token::Punct(punct) => *punct == '&',
        Token::Word(word) => CALLABLE.contains(word),
        Token::Literal(literal) => literal.starts_with('\'') && !literal[1..].ends_with('\''),
    })
}

/// Writes tokens without attributes and visibility.
fn write(tokens: &[Token<'_>], text: &mut String) {
    let mut rest = tokens;
    loop {
        rest = without_attributes(rest);
        let Some((token, following)) = rest.split_first() else {
            return;
        };
        text.push(' ');
        match token {
            Token::Group(group) => {
                text.push(group.open);
                write(&group.tokens, text);
                text.push_str(" end");
            }
            Token::Punct(punct) => text.push(*punct),
            Token::Word(word) | Token::Literal(word) => text.push_str(word),
        }
        rest = following;
    }
}

/// What follows the attributes and the visibility that the tokens begin with.
fn without_attributes<'t, 'a>(mut tokens: &'t [Token<'a>]) -> &'t [Token<'a>] {
    loop {
        if attribute(tokens).is_some() {
            tokens = &tokens[2..];
        } else if word(tokens.first()) == Some("pub") {
            tokens = &tokens[1..];
            if let Some(Token::Group(group)) = tokens.first()
                && let Some("crate" | "super" | "self" | "in") = word(group.tokens.first())
            {
                tokens = &tokens[1..];
            }
        } else {
            return tokens;
        }
    }
}

/// The names whose definitions speak otherwise of references in one state of the sources than in another.
#[derive(Debug, Default)]
pub(crate) struct ChangedReferences {
    changed: BTreeSet<String>,
    /// The names that aliases speak of, by their own.
    aliases: BTreeMap<String, BTreeSet<String>>,
}

impl Sources {
    /// What is different in `new`. Of a file of which it is not known what was in it, nothing.
    pub(crate) fn changed_references(&self, new: &Sources) -> ChangedReferences {
        let names = self.changed_names(new);
        if names.is_empty() {
            return ChangedReferences::default();
        }
        let files = self.files.iter().chain(&new.files);
        let definitions =
            files.flat_map(|(_, words)| words.definitions.as_deref().unwrap_or_default());
        let mut aliases: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for alias in definitions.filter(|definition| definition.is_alias()) {
            let of_name = aliases.entry(alias.name.clone()).or_default();
            of_name.extend(alias.mentions().map(str::to_owned));
        }
        let names = names.into_iter();
        let changed = names.filter(|name| is_other(self, new, name, &aliases));
        ChangedReferences {
            changed: changed.map(str::to_owned).collect(),
            aliases,
        }
    }

    /// The names that something is defined by which only one of the two has.
    fn changed_names<'a>(&'a self, new: &'a Sources) -> BTreeSet<&'a str> {
        let only = |these: &'a Sources, others: &Sources| {
            let other = |path| {
                let at = others.files.binary_search_by(|(other, _)| other.cmp(path));
                at.ok().map(|at| &others.files[at].1)
            };
            let mut names = BTreeSet::new();
            for (path, words) in &these.files {
                let other = other(path);
                if other.is_some_and(|other| Arc::ptr_eq(words, other)) {
                    continue;
                }
                let known = other.and_then(|other| other.definitions.as_deref());
                let known = known.unwrap_or_default();
                for definition in words.definitions.as_deref().unwrap_or_default() {
                    if known.binary_search(definition).is_err() {
                        names.insert(definition.name.as_str());
                    }
                }
            }
            names
        };
        let mut names = only(self, new);
        names.extend(only(new, self));
        names
    }
}

/// Whether the definitions of a name speak otherwise of references. What only one of the two defines is nothing that
/// both know.
fn is_other(
    old: &Sources,
    new: &Sources,
    name: &str,
    aliases: &BTreeMap<String, BTreeSet<String>>,
) -> bool {
    let all = |sources: &Sources| {
        let definitions = sources
            .definitions_of(name)
            .map(|(_, definition)| definition);
        let defined = definitions.filter(|definition| definition.reach == Reach::Everywhere);
        let mut is_defined = false;
        let mut of_traits: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut of_others = BTreeSet::new();
        for definition in defined {
            is_defined = true;
            for Reference { part, text } in &definition.references {
                let text = without_types(text, aliases);
                if definition.is_trait() && !part.is_empty() {
                    of_traits.entry(part.clone()).or_default().insert(text);
                } else {
                    of_others.insert((part.clone(), text));
                }
            }
        }
        is_defined.then_some((of_traits, of_others))
    };
    let (Some((old_traits, old)), Some((new_traits, new))) = (all(old), all(new)) else {
        return false;
    };
    // A method more is seen elsewhere, if it is one of trait objects at all.
    let mut both = old_traits
        .iter()
        .filter_map(|(part, text)| Some((text, new_traits.get(part)?)));
    old != new || both.any(|(old, new)| old != new)
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
        self.changed.is_empty()
    }

    /// The name that changed of those that stand for `name`, by itself or by an alias in its definition, which speaks of
    /// `mentions`.
    pub(crate) fn of(&self, sources: [&Sources; 2], name: &str) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let mut seen = BTreeSet::from([name.to_owned()]);
        let mut waiting = vec![name.to_owned()];
        while let Some(next) = waiting.pop() {
            if self.changed.contains(&next) {
                return Some(next);
            }
            let is_asked_for = next == name;
            let aliases = self.aliases.get(&next).into_iter().flatten().cloned();
            let mut mentioned: BTreeSet<String> = aliases.collect();
            if is_asked_for {
                for sources in sources {
                    for (_, definition) in sources.definitions_of(name) {
                        mentioned.extend(definition.mentions().map(str::to_owned));
                    }
                }
            }
            // What has a definition of its own is compared where a value leads to it.
            mentioned.retain(|name| self.aliases.contains_key(name));
            for name in mentioned {
                if seen.insert(name.clone()) {
                    waiting.push(name);
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::FileWords;
    use super::*;
    use std::path::Path;

    const SCENE: &str = "
        pub struct Two<'a, 'b> { x: &'a str, pub y: &'b str, count: u32 }
        pub struct Wrapped(Box<dyn Fn(&'static str) + Send>, u8);
        pub enum Message<'a> { Text(&'a str), Number(u8) }
        pub struct Hook { call: Callback }
        pub type Callback = fn(&'static str);
        pub trait Named: Send { fn name(&self) -> &'static str; fn call(&self, with: Callback) {} }
        pub struct Plain { hp: u32 }
        static HOOKS: Mutex<Vec<fn(&'static str)>> = Mutex::new(Vec::new());
        thread_local! { static LOCAL: Cell<&'static str> = const { Cell::new(\"a\") }; }
        fn body() { let f = static || 1; }
    ";

    fn sources(text: &str, before: Option<&Sources>) -> Sources {
        let before = before.map(|before| &*before.files[0].1);
        let words = Arc::new(FileWords::read(text, before));
        Sources {
            crates: None,
            files: vec![(Arc::from(Path::new("lib.rs")), words)],
        }
    }

    /// The name that changed of those that stand for `name`.
    fn after(name: &str, from: &str, to: &str) -> Option<String> {
        assert!(SCENE.contains(from), "{from}");
        let old = sources(SCENE, None);
        let new = sources(&SCENE.replace(from, to), Some(&old));
        let changed = old.changed_references(&new);
        changed.of([&old, &new], name)
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
            ("HOOKS", "Vec<fn(&'static str)>", "Vec<fn(&str)>", "HOOKS"),
            ("LOCAL", "Cell<&'static str>", "Cell<&str>", "LOCAL"),
            ("Hook", "call: Callback", "call: fn(&str)", "Hook"),
        ] {
            assert_eq!(
                after(name, from, to).as_deref(),
                Some(changed),
                "{name}: {to}"
            );
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
    fn what_only_one_side_defines_is_no_change() {
        assert_eq!(
            after(
                "Two",
                "pub struct Two<'a, 'b> {",
                "pub struct Three<'a, 'b> {"
            ),
            None
        );
        // Of a file that is not known, nothing is.
        assert_eq!(after("Two", "fn body() {", "fn body() {{"), None);
    }
}
