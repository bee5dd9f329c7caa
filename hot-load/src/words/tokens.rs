//! Rust's tokens, in one form however they are laid out.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// Attributes that say nothing of what a definition means to other code.
const MUTE: &[&str] = &[
    "allow",
    "clippy",
    "cold",
    "deny",
    "deprecated",
    "derive",
    "diagnostic",
    "doc",
    "expect",
    "forbid",
    "inline",
    "must_use",
    "non_exhaustive",
    "rustfmt",
    "track_caller",
    "warn",
];

/// The tokens of a text; `None` if it is no Rust.
pub(super) fn of(text: &str) -> Option<TokenStream> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let is_script = text.starts_with("#!") && !text[2..].trim_start().starts_with('[');
    let code = match is_script {
        true => text.split_once('\n').map_or("", |(_, code)| code),
        false => text,
    };
    code.parse().ok()
}

/// Writes tokens one after the other, a space before each. What comments, attributes without a meaning and the
/// last comma of a list add is left out.
pub(super) fn write(tokens: &[TokenTree], text: &mut String) {
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if let Some(attribute) = attribute(&tokens[at..]) {
            if !is_mute(attribute) {
                text.push_str(" #");
                write_group(attribute, text);
            }
            at += 2;
            continue;
        }
        match token {
            TokenTree::Group(group) => write_group(group, text),
            TokenTree::Punct(punct) => {
                text.push(' ');
                text.push(punct.as_char());
            }
            token => {
                text.push(' ');
                text.push_str(&token.to_string());
            }
        }
        at += 1;
    }
}

fn write_group(group: &Group, text: &mut String) {
    let (open, close) = match group.delimiter() {
        Delimiter::Parenthesis => (" (", " )"),
        Delimiter::Brace => (" {", " }"),
        Delimiter::Bracket => (" [", " ]"),
        Delimiter::None => ("", ""),
    };
    let tokens: Vec<_> = group.stream().into_iter().collect();
    text.push_str(open);
    write(without_last_comma(group.delimiter(), &tokens), text);
    text.push_str(close);
}

/// In parentheses one comma alone makes a tuple.
fn without_last_comma(delimiter: Delimiter, tokens: &[TokenTree]) -> &[TokenTree] {
    let Some((last, rest)) = tokens.split_last() else {
        return tokens;
    };
    let is_needed =
        delimiter == Delimiter::Parenthesis && !rest.iter().any(|token| is_punct(token, ','));
    match is_punct(last, ',') && !is_needed {
        true => rest,
        false => tokens,
    }
}

/// The brackets of the outer attribute that these tokens begin with.
pub(super) fn attribute(tokens: &[TokenTree]) -> Option<&Group> {
    match tokens {
        [hash, TokenTree::Group(group), ..]
            if is_punct(hash, '#') && group.delimiter() == Delimiter::Bracket =>
        {
            Some(group)
        }
        _ => None,
    }
}

fn is_mute(attribute: &Group) -> bool {
    first_ident(attribute).is_some_and(|name| MUTE.contains(&name.as_str()))
}

/// The name that an attribute begins with.
pub(super) fn first_ident(attribute: &Group) -> Option<String> {
    match attribute.stream().into_iter().next() {
        Some(TokenTree::Ident(name)) => Some(name.to_string()),
        _ => None,
    }
}

pub(super) fn is_punct(token: &TokenTree, wanted: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

pub(super) fn ident(token: Option<&TokenTree>) -> Option<String> {
    match token {
        Some(TokenTree::Ident(name)) => {
            let name = name.to_string();
            Some(name.strip_prefix("r#").unwrap_or(&name).to_owned())
        }
        _ => None,
    }
}

/// How deep the next token is in angle brackets, given the tokens before it, one after the other.
#[derive(Default)]
pub(super) struct Angles {
    pub(super) depth: i32,
    before: Option<char>,
}

impl Angles {
    pub(super) fn pass(&mut self, token: &TokenTree) {
        let punct = match token {
            TokenTree::Punct(punct) => Some(punct.as_char()),
            _ => None,
        };
        match punct {
            Some('<') => self.depth += 1,
            // `->` and `=>` are arrows.
            Some('>') if !matches!(self.before, Some('-' | '=')) => self.depth -= 1,
            _ => {}
        }
        self.before = punct;
    }
}
