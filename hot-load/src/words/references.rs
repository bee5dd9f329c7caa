//! What definitions say of references and lifetimes, of which debug information tells nothing: `&'static str` and
//! `&str` are one layout, and not one type. Nor does it tell which traits a trait stands on, as `Send`, and how a method is
//! called, as `extern "C"`.

use super::lexer::Token;
use super::tokens::{self, Angles, attribute, is_punct, word};

/// A part of a definition in which there are lifetimes, or may be some that are not written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reference {
    /// The field, variant or method; empty for what is before them. The macro, of what macros are made of or given.
    pub(super) part: String,
    /// Without attributes, visibility and comments.
    pub(super) text: String,
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
        if keyword == "trait" {
            found.0.extend(of_supertraits(tokens));
        }
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
            let name = word(without_attributes(field).first());
            match (body.open, name) {
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
    let is_extern = item[..keyword]
        .iter()
        .any(|token| word(Some(token)) == Some("extern"));
    (bears(item) || is_extern).then(|| {
        let mut text = text.to_owned();
        if is_extern {
            text.push(' ');
            text.push_str(&unbroken(&item[..keyword]));
        }
        Reference {
            part: word(item.get(keyword + 1)).unwrap_or_default().to_owned(),
            text,
        }
    })
}

/// The traits that one stands on, given what is before its methods.
fn of_supertraits(head: &[Token<'_>]) -> Option<Reference> {
    let mut angles = Angles::default();
    let is_bound = |token: &Token<'_>| {
        let is_bound = angles.depth == 0 && is_punct(token, ':');
        angles.pass(token);
        is_bound
    };
    let start = head.iter().position(is_bound)?;
    let is_end = |token: &Token<'_>| word(Some(token)) == Some("where");
    let length = head[start..].iter().position(is_end);
    let bounds = &head[start..length.map_or(head.len(), |length| start + length)];
    Some(Reference {
        part: String::new(),
        text: unbroken(bounds),
    })
}

/// Tokens in one piece, in which no name is taken for that of a type.
fn unbroken(tokens: &[Token<'_>]) -> String {
    let mut text = String::new();
    tokens::write(tokens, &mut text);
    let characters = text.chars().filter(|c| !c.is_whitespace());
    std::iter::once('#').chain(characters).collect()
}

/// What the rules of a macro, or what it is given, may put into types that it writes. Lifetimes that are not written there
/// are only those of callbacks.
pub(super) fn of_macro(name: &str, tokens: &[Token<'_>]) -> Option<Reference> {
    speaks_of_lifetimes(tokens).then(|| Reference::of(name, tokens))
}

impl Reference {
    fn of(part: &str, tokens: &[Token<'_>]) -> Reference {
        let mut text = String::new();
        write(tokens, &mut text);
        Reference {
            part: part.to_owned(),
            text,
        }
    }
}

struct Found(Vec<Reference>);

impl Found {
    fn add(&mut self, part: &str, tokens: &[Token<'_>]) {
        if bears(tokens) {
            self.0.push(Reference::of(part, tokens));
        }
    }
}

/// What takes and returns references whose lifetimes may not be written.
pub(super) const CALLABLE: [&str; 7] = [
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
    speaks_of_lifetimes(tokens) || has_reference(tokens)
}

fn speaks_of_lifetimes(tokens: &[Token<'_>]) -> bool {
    tokens.iter().any(|token| match token {
        Token::Group(group) => speaks_of_lifetimes(&group.tokens),
        Token::Punct(_) => false,
        Token::Word(word) => CALLABLE.contains(word),
        Token::Literal(literal) => is_lifetime(literal),
    })
}

fn has_reference(tokens: &[Token<'_>]) -> bool {
    tokens.iter().any(|token| match token {
        Token::Group(group) => has_reference(&group.tokens),
        token => is_punct(token, '&'),
    })
}

/// `'a`, and not `'a'`.
fn is_lifetime(literal: &str) -> bool {
    literal.starts_with('\'') && !literal[1..].ends_with('\'')
}

/// The conditions among the attributes of a definition: which of several of one name is compiled.
pub(super) fn of_conditions(attributes: &[Token<'_>]) -> Option<Reference> {
    let mut text = String::new();
    write_conditions(attributes, &mut text);
    (!text.is_empty()).then(|| Reference {
        part: "cfg".to_owned(),
        text,
    })
}

/// Writes tokens without visibility, and of attributes only the conditions.
fn write(tokens: &[Token<'_>], text: &mut String) {
    let mut rest = tokens;
    loop {
        let before = rest.len();
        let following = without_attributes(rest);
        write_conditions(&rest[..before - following.len()], text);
        let Some((token, following)) = following.split_first() else {
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
            Token::Word(word) => text.push_str(word),
            Token::Literal(literal) if is_lifetime(literal) => text.push_str(literal),
            Token::Literal(_) => text.push('0'),
        }
        rest = following;
    }
}

/// Writes the conditions among attributes. In them names are not those of types.
fn write_conditions(attributes: &[Token<'_>], text: &mut String) {
    for at in 0..attributes.len() {
        if let Some(attribute) = attribute(&attributes[at..])
            && let Some("cfg" | "cfg_attr") = word(attribute.tokens.first())
        {
            text.push(' ');
            text.push_str(&unbroken(&attribute.tokens));
        }
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
