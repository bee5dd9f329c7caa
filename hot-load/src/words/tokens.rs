//! Tokens in one form, however they are laid out.

use super::lexer::{self, Group, Token};

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
pub(super) fn of(text: &str) -> Option<Vec<Token<'_>>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let is_script = text.starts_with("#!") && !text[2..].trim_start().starts_with('[');
    let code = match is_script {
        true => text.split_once('\n').map_or("", |(_, code)| code),
        false => text,
    };
    lexer::read(code)
}

/// Writes tokens one after the other, a space before each. What comments, attributes without a meaning and the
/// last comma of a list add is left out.
pub(super) fn write(tokens: &[Token<'_>], text: &mut String) {
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
            Token::Group(group) => write_group(group, text),
            Token::Punct(punct) => {
                text.push(' ');
                text.push(*punct);
            }
            Token::Word(word) | Token::Literal(word) => {
                text.push(' ');
                text.push_str(word);
            }
        }
        at += 1;
    }
}

fn write_group(group: &Group<'_>, text: &mut String) {
    text.push(' ');
    text.push(group.open);
    write(without_last_comma(group), text);
    text.push_str(" end");
}

/// In parentheses one comma alone makes a tuple.
fn without_last_comma<'t, 'a>(group: &'t Group<'a>) -> &'t [Token<'a>] {
    let Some((last, rest)) = group.tokens.split_last() else {
        return &group.tokens;
    };
    let is_needed = group.open == '(' && !rest.iter().any(|token| is_punct(token, ','));
    match is_punct(last, ',') && !is_needed {
        true => rest,
        false => &group.tokens,
    }
}

/// The brackets of the outer attribute that these tokens begin with.
pub(super) fn attribute<'t, 'a>(tokens: &'t [Token<'a>]) -> Option<&'t Group<'a>> {
    match tokens {
        [Token::Punct('#'), Token::Group(group), ..] if group.open == '[' => Some(group),
        _ => None,
    }
}

fn is_mute(attribute: &Group<'_>) -> bool {
    word(attribute.tokens.first()).is_some_and(|name| MUTE.contains(&name))
}

pub(super) fn is_punct(token: &Token<'_>, wanted: char) -> bool {
    *token == Token::Punct(wanted)
}

pub(super) fn word<'a>(token: Option<&Token<'a>>) -> Option<&'a str> {
    match token {
        Some(Token::Word(word)) => Some(word),
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
    pub(super) fn pass(&mut self, token: &Token<'_>) {
        let punct = match token {
            Token::Punct(punct) => Some(*punct),
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
