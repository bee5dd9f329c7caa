//! Types in text, spaced as rustfmt spaces them.
//!
//! Tokens print themselves with a space between any two, `Vec < String >`, which nobody writes.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::ToTokens;

/// The type, or part of a signature, as a person would write it.
pub(crate) fn written(part: &impl ToTokens) -> String {
    let mut text = String::new();
    write(part.to_token_stream(), &mut text);
    text
}

fn write(tokens: TokenStream, text: &mut String) {
    let mut before = Before::Nothing;
    for token in tokens {
        before = match token {
            TokenTree::Punct(punct) => {
                let sign = punct.as_char();
                let is_alone = punct.spacing() == Spacing::Alone;
                let (space_before, space_after) = match (sign, before) {
                    ('>', Before::Sign('-')) | (',' | ';', _) => (false, true),
                    ('-', _) => (true, false),
                    ('+' | '=', _) => (true, true),
                    // Of a bound, and not of a path.
                    (':', Before::Sign(':')) => (false, false),
                    (':', _) if is_alone => (false, true),
                    (':' | '<' | '>', Before::Keyword) if sign != '>' => (true, false),
                    ('&' | '*' | '\'' | '!' | '?', before) => (before.is_word(), false),
                    _ => (false, false),
                };
                space(text, space_before);
                text.push(sign);
                space(text, space_after);
                match sign {
                    '\'' => Before::Apostrophe,
                    _ => Before::Sign(sign),
                }
            }
            TokenTree::Ident(ident) => {
                let follows =
                    before.is_word() || matches!(before, Before::Sign('>') if !text.ends_with(' '));
                space(text, follows && !matches!(before, Before::Apostrophe));
                let word = ident.to_string();
                text.push_str(&word);
                match (before, word.as_str()) {
                    (Before::Apostrophe, _) => Before::Lifetime,
                    (_, "mut" | "const" | "dyn" | "as" | "impl" | "in" | "unsafe") => {
                        Before::Keyword
                    }
                    _ => Before::Word,
                }
            }
            TokenTree::Literal(literal) => {
                space(text, before.is_word());
                text.push_str(&literal.to_string());
                Before::Word
            }
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::None => ("", ""),
                };
                space(text, matches!(before, Before::Keyword | Before::Lifetime));
                text.push_str(open);
                write(group.stream(), text);
                text.push_str(close);
                Before::Group
            }
        };
    }
    text.truncate(text.trim_end().len());
}

fn space(text: &mut String, wanted: bool) {
    if wanted && !text.is_empty() && !text.ends_with([' ', '(', '[', '<']) {
        text.push(' ');
    }
}

/// What the token before was.
#[derive(Clone, Copy)]
enum Before {
    Nothing,
    Word,
    /// A word that what follows stands apart from.
    Keyword,
    Apostrophe,
    Lifetime,
    Group,
    Sign(char),
}

impl Before {
    fn is_word(self) -> bool {
        matches!(self, Before::Word | Before::Keyword | Before::Lifetime)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_spaced_as_people_space_them() {
        for ty in [
            "u8",
            "&'a mut Vec<String>",
            "&'a [u8]",
            "&mut [u8; 4]",
            "&mut &'static (u8, String)",
            "*const *mut u8",
            "*mut [u8]",
            "Box<dyn FnMut(&str, usize) -> Option<u8> + Send + 'static>",
            "&mut dyn for<'a> Fn(&'a str) -> &'a [u8]",
            "for<'a> fn(&'a u8) -> &'a u8",
            "unsafe extern \"C\" fn(*const u8, ...) -> u8",
            "<Vec<u8> as IntoIterator>::Item",
            "<T>::Item",
            "impl Iterator<Item = u8> + ?Sized",
            "dyn ::core::fmt::Debug",
            "std::collections::HashMap<String, Vec<Vec<u8>>>",
            "Array<u8, 3>",
            "Array<u8, -1>",
            "()",
            "!",
            "(u8,)",
            "&dyn Iterator<Item: Send>",
        ] {
            let tokens: TokenStream = ty.parse().unwrap();
            assert_eq!(written(&tokens), ty);
        }
    }
}
