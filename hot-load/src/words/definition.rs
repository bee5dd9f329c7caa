//! Definitions in a text, and what each says to other code.

use super::lexer::{Group, Token};
use super::references::{self, Reference};
use super::tokens::{self, Angles, attribute, is_punct, word};

/// What a name stands for, in words.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Definition {
    /// The name; [`ANY`] for what may define any name.
    pub(super) name: String,
    /// Where the name stands for it.
    pub(super) reach: Reach,
    /// What it begins with: `struct`, `trait`.
    pub(super) keyword: &'static str,
    /// Its tokens, without what is nobody's business: visibility, bodies, names of parameters.
    pub(super) text: String,
    /// What in it speaks of references.
    pub(super) references: Vec<Reference>,
    /// Whether what it means depends on more than words.
    pub(super) is_from_outside: bool,
}

/// Stands for every name: `use a::*`.
pub(super) const ANY: &str = "*";

/// Stands for the names of what macros write.
pub(super) const BY_MACROS: &str = "!";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// In its file alone, as what is imported there.
    File,
    Everywhere,
}

impl Definition {
    /// Every name that it speaks of.
    pub(super) fn mentions(&self) -> impl Iterator<Item = &str> {
        idents(&self.text)
    }

    /// The same, each with whether it is said where it is: `module::Name`.
    pub(super) fn placed_mentions(&self) -> impl Iterator<Item = (&str, bool)> {
        let mut before = ["", "", ""];
        self.text.split(' ').flat_map(move |token| {
            let is_placed = before[1] == ":" && before[2] == ":" && before[0] != "Self";
            before = [before[1], before[2], token];
            idents(token).map(move |name| (name, is_placed))
        })
    }
}

/// Stands for what is imported from above: `use super::*`.
pub(super) const ABOVE: &str = "super::*";

/// The names in a text.
pub(super) fn idents(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with(|c: char| c.is_alphabetic() || c == '_'))
}

/// What was found in a text so far.
#[derive(Default)]
pub(super) struct Found {
    pub(super) definitions: Vec<Definition>,
    pub(super) makes_macros: bool,
}

impl Found {
    /// Collects the definitions at any depth: in modules, in the bodies of functions, in what macros are given.
    pub(super) fn collect(&mut self, tokens: &[Token<'_>]) {
        let mut attributes = 0..0;
        let mut is_public = false;
        for at in 0..tokens.len() {
            if let Some(attribute) = attribute(&tokens[at..]) {
                self.makes_macros |= word(attribute.tokens.first())
                    .is_some_and(|name| name.starts_with("proc_macro"));
                if attributes.end != at {
                    attributes.start = at;
                }
                attributes.end = at + 2;
                continue;
            }
            if let Token::Group(group) = &tokens[at] {
                self.collect(&group.tokens);
            }
            let Some(keyword) = word(tokens.get(at)) else {
                continue;
            };
            let is_prefix = ["pub", "unsafe", "auto", "extern", "crate"].contains(&keyword);
            is_public |= keyword == "pub";
            if is_prefix {
                continue;
            }
            self.macros(&tokens[at..]);
            let before = &tokens[..at];
            let attributes = match belongs(&tokens[attributes.end.min(at)..at]) {
                true => &tokens[attributes.clone()],
                false => &[],
            };
            self.item(keyword, before, attributes, &tokens[at..], is_public);
            is_public = false;
        }
    }

    /// Adds the item that these tokens begin with, if that is one of those that matter.
    fn item(
        &mut self,
        keyword: &str,
        before: &[Token<'_>],
        attributes: &[Token<'_>],
        tokens: &[Token<'_>],
        is_public: bool,
    ) {
        let name = word(tokens.get(1));
        let written = |keyword, name, tokens| Written {
            keyword,
            name,
            text: text_of(tokens),
            references: references::of_definition(keyword, tokens),
            is_from_outside: is_from_outside(tokens),
        };
        let found = match (keyword, name) {
            ("trait", Some(name)) => {
                until_body(tokens).map(|end| trait_definition(name, &tokens[..=end]))
            }
            ("struct", Some(name)) => {
                until_body(tokens).map(|end| written("struct", name, &tokens[..=end]))
            }
            ("enum", Some(name)) => {
                until_body(tokens).map(|end| written("enum", name, &tokens[..=end]))
            }
            ("union", Some(name)) => {
                until_body(tokens).map(|end| written("union", name, &tokens[..=end]))
            }
            ("type", Some(name)) => {
                until_semicolon(tokens).map(|end| written("type", name, &tokens[..end]))
            }
            ("static", Some(_)) => until_initial_value(tokens)
                .map(|(name, end)| written("static", name, &tokens[..end])),
            // The length of an array may be one.
            ("const", Some("fn")) => {
                let end = tokens.iter().position(is_body);
                word(tokens.get(2))
                    .zip(end)
                    .map(|(name, end)| Written::plain("fn", name, &tokens[..=end]))
            }
            ("const", Some(name)) if !before.last().is_some_and(|last| is_punct(last, '*')) => {
                until_value(tokens).map(|end| Written::plain("const", name, &tokens[..end]))
            }
            ("macro_rules", None) => word(tokens.get(2)).map(|name| {
                let end = tokens.len().min(4);
                Written::plain("macro_rules", name, &tokens[..end])
            }),
            ("use", _) => {
                if let Some(end) = until_semicolon(tokens) {
                    self.imports(&mut String::new(), &tokens[1..end], is_public);
                }
                None
            }
            // Which file it is in, and whether it is there.
            ("mod", Some(name)) if !attributes.is_empty() => Some(Written {
                text: name.to_owned(),
                ..Written::plain("mod", ANY, &[])
            }),
            _ => None,
        };
        if let Some(found) = found.filter(|found| found.name != "_") {
            let mut text = text_of(attributes);
            if found.name == ANY && text.is_empty() {
                return;
            }
            text.push_str(&found.text);
            let mut references = found.references;
            if !references.is_empty() {
                references.extend(references::of_conditions(attributes));
            }
            self.definitions.push(Definition {
                name: found.name.to_owned(),
                reach: Reach::Everywhere,
                keyword: found.keyword,
                text,
                references,
                is_from_outside: found.is_from_outside,
            });
        }
    }

    /// Adds what the macro that begins here may write, if one does: its rules, or what it is given.
    fn macros(&mut self, tokens: &[Token<'_>]) {
        let given = match tokens {
            [Token::Word(_), bang, Token::Group(given), ..]
            | [
                Token::Word(_),
                bang,
                Token::Word(_),
                Token::Group(given),
                ..,
            ] if is_punct(bang, '!') => given,
            _ => return,
        };
        let name = word(tokens.first()).unwrap_or_default();
        if let Some(reference) = references::of_macro(name, &given.tokens) {
            self.definitions.push(Definition {
                name: BY_MACROS.to_owned(),
                reach: Reach::Everywhere,
                keyword: "macro",
                text: String::new(),
                references: vec![reference],
                is_from_outside: false,
            });
        }
    }

    /// Adds the names that a tree of imports brings.
    fn imports(&mut self, path: &mut String, tree: &[Token<'_>], is_public: bool) {
        let reach = match is_public {
            true => Reach::Everywhere,
            false => Reach::File,
        };
        let start = path.len();
        let mut at = 0;
        while let Some(token) = tree.get(at) {
            match token {
                Token::Group(group) => {
                    for branch in group.tokens.split(|token| is_punct(token, ',')) {
                        self.imports(path, branch, is_public);
                    }
                    path.truncate(start);
                    return;
                }
                token if is_punct(token, '*') => {
                    // What is above is in the same crate, and known by its name.
                    if path
                        .split_whitespace()
                        .any(|word| word != "super" && word != "self")
                    {
                        self.add(ANY.to_owned(), reach, path.clone());
                    } else {
                        self.add(ABOVE.to_owned(), Reach::File, path.clone());
                    }
                    path.truncate(start);
                    return;
                }
                token => {
                    if let Some(word) = word(Some(token)) {
                        path.push(' ');
                        path.push_str(word);
                    }
                }
            }
            at += 1;
        }
        let words: Vec<_> = path.split_whitespace().collect();
        let name = match words.as_slice() {
            [.., of, "self"] => Some(*of),
            [.., name] => Some(*name),
            [] => None,
        };
        if let Some(name) = name.map(str::to_owned) {
            self.add(name, reach, format!("use{path}"));
        }
        path.truncate(start);
    }

    /// Adds an import.
    fn add(&mut self, name: String, reach: Reach, text: String) {
        self.definitions.push(Definition {
            name,
            reach,
            keyword: "use",
            text,
            references: Vec::new(),
            is_from_outside: false,
        });
    }
}

/// A definition, before its attributes are known.
struct Written<'a> {
    keyword: &'static str,
    name: &'a str,
    text: String,
    references: Vec<Reference>,
    is_from_outside: bool,
}

impl<'a> Written<'a> {
    /// One that has no references that matter.
    fn plain(keyword: &'static str, name: &'a str, tokens: &[Token<'_>]) -> Written<'a> {
        Written {
            keyword,
            name,
            text: text_of(tokens),
            references: Vec::new(),
            is_from_outside: is_from_outside(tokens),
        }
    }
}

/// Whether what stands between attributes and a keyword belongs to the item: `pub(crate) unsafe`.
fn belongs(between: &[Token<'_>]) -> bool {
    between.iter().all(|token| match token {
        Token::Word(word) => ["pub", "unsafe", "auto", "extern"].contains(word),
        Token::Group(group) => group.open == '(',
        _ => false,
    })
}

fn text_of(tokens: &[Token<'_>]) -> String {
    let mut text = String::new();
    tokens::write(tokens, &mut text);
    text
}

/// The last token of an item that ends with a body or a semicolon.
fn until_body(tokens: &[Token<'_>]) -> Option<usize> {
    let mut angles = Angles::default();
    tokens.iter().position(|token| {
        let ends = angles.depth == 0 && (is_body(token) || is_punct(token, ';'));
        angles.pass(token);
        ends
    })
}

fn until_semicolon(tokens: &[Token<'_>]) -> Option<usize> {
    // `impl Trait + use<'a>` is no import.
    if tokens.get(1).is_some_and(|token| is_punct(token, '<')) {
        return None;
    }
    tokens.iter().position(|token| is_punct(token, ';'))
}

/// Where a constant ends; `None` if it is a parameter of something generic.
fn until_value(tokens: &[Token<'_>]) -> Option<usize> {
    let mut angles = Angles::default();
    for (at, token) in tokens.iter().enumerate() {
        angles.pass(token);
        let is_left = angles.depth < 0 || (angles.depth == 0 && is_punct(token, ','));
        if is_left || is_body(token) {
            return None;
        }
        if angles.depth == 0 && (is_punct(token, '=') || is_punct(token, ';')) {
            let end = tokens[at..].iter().position(|token| is_punct(token, ';'));
            return end.map(|length| at + length);
        }
    }
    None
}

/// Whether a macro of std is called whose value is in no definition: in a file, in the environment, in the place where it
/// stands.
fn is_from_outside(tokens: &[Token<'_>]) -> bool {
    const MACROS: [&str; 10] = [
        "cfg",
        "column",
        "env",
        "file",
        "include",
        "include_bytes",
        "include_str",
        "line",
        "module_path",
        "option_env",
    ];
    let is_called = |at: usize| tokens.get(at + 1).is_some_and(|next| is_punct(next, '!'));
    tokens.iter().enumerate().any(|(at, token)| match token {
        Token::Word(word) => MACROS.contains(word) && is_called(at),
        Token::Group(group) => is_from_outside(&group.tokens),
        _ => false,
    })
}

fn is_body(token: &Token<'_>) -> bool {
    matches!(token, Token::Group(group) if group.open == '{')
}

/// The name of a static, and where its type ends. `None` if it is a closure that is `static`.
fn until_initial_value<'a>(tokens: &[Token<'a>]) -> Option<(&'a str, usize)> {
    let at = match word(tokens.get(1)) {
        // `static ref` is a macro's.
        Some("mut" | "ref") => 2,
        _ => 1,
    };
    let name = word(tokens.get(at))?;
    tokens.get(at + 1).filter(|next| is_punct(next, ':'))?;
    let mut angles = Angles::default();
    let end = tokens.iter().position(|token| {
        let ends = angles.depth == 0 && ['=', ';'].iter().any(|end| is_punct(token, *end));
        angles.pass(token);
        ends
    });
    Some((name, end.unwrap_or(tokens.len())))
}

/// A trait, without the bodies of its methods and the names of their parameters.
fn trait_definition<'a>(name: &'a str, tokens: &[Token<'_>]) -> Written<'a> {
    let Some((Token::Group(body), head)) = tokens.split_last() else {
        return Written::plain("trait", name, tokens);
    };
    let mut found = Written {
        references: references::of_definition("trait", head),
        is_from_outside: is_from_outside(tokens),
        ..Written::plain("trait", name, head)
    };
    found.text.push_str(" {");
    let mut rest = body.tokens.as_slice();
    while !rest.is_empty() {
        let end = until_body(rest).map_or(rest.len(), |end| end + 1);
        let (item, following) = rest.split_at(end);
        let start = found.text.len();
        method_text(item, &mut found.text);
        let reference = references::of_item(item, &found.text[start..]);
        found.references.extend(reference);
        rest = following;
    }
    found.text.push_str(" }");
    found
}

/// Writes an item of a trait.
fn method_text(item: &[Token<'_>], text: &mut String) {
    let is_fn = |token: &Token<'_>| word(Some(token)) == Some("fn");
    let Some(function) = item.iter().position(is_fn) else {
        return tokens::write(item, text);
    };
    let mut angles = Angles::default();
    let parameters = item[function..].iter().position(|token| {
        let found = angles.depth == 0 && matches!(token, Token::Group(group) if group.open == '(');
        angles.pass(token);
        found
    });
    let parameters = parameters.map(|at| at + function);
    let (Some(at), Some((last, _))) = (parameters, item.split_last()) else {
        return tokens::write(item, text);
    };
    tokens::write(&item[..at], text);
    if let Token::Group(group) = &item[at] {
        parameters_text(group, text);
    }
    let end = match is_body(last) || is_punct(last, ';') {
        true => item.len() - 1,
        false => item.len(),
    };
    tokens::write(&item[at + 1..end], text);
    text.push_str(" ;");
}

/// Writes the types of parameters.
fn parameters_text(parameters: &Group<'_>, text: &mut String) {
    text.push_str(" (");
    let mut angles = Angles::default();
    let parameters = parameters.tokens.split(|token| {
        angles.pass(token);
        angles.depth == 0 && is_punct(token, ',')
    });
    for parameter in parameters.filter(|parameter| !parameter.is_empty()) {
        tokens::write(without_name(parameter), text);
        text.push_str(" ,");
    }
    text.push_str(" )");
}

/// What stands behind the first single colon, if there is one. `self` stays: what it is decides over the call.
fn without_name<'t, 'a>(parameter: &'t [Token<'a>]) -> &'t [Token<'a>] {
    let is_colon = |at: usize| parameter.get(at).is_some_and(|token| is_punct(token, ':'));
    let is_self = |token: &Token<'_>| word(Some(token)) == Some("self");
    let mut at = 0;
    while at < parameter.len() {
        match (is_colon(at), is_colon(at + 1)) {
            (true, true) => at += 2,
            (true, false) if parameter[..at].iter().any(is_self) => return parameter,
            (true, false) => return &parameter[at + 1..],
            _ => at += 1,
        }
    }
    parameter
}
