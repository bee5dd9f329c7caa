//! Rust's tokens, in trees.
//!
//! This is no dependency on purpose. The crates that read Rust are those that macros are made with: one that a
//! program also links is built otherwise by cargo, which then builds hot-abi anew beneath the running program.

/// A token, or what stands between two brackets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A name or a keyword, without the sign of a raw one.
    Word(&'a str),
    /// A number, a text, a character, a lifetime.
    Literal(&'a str),
    Punct(char),
    Group(Group<'a>),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Group<'a> {
    /// The bracket that opens it.
    pub(super) open: char,
    pub(super) tokens: Vec<Token<'a>>,
}

/// The tokens of a text; `None` if its brackets, comments or literals do not end.
pub(super) fn read(text: &str) -> Option<Vec<Token<'_>>> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    // The groups around the next token: what opened each, and what stood before it.
    let mut around: Vec<(char, Vec<Token<'_>>)> = Vec::new();
    while let Some(byte) = lexer.skip_to_token()? {
        match byte {
            b'(' | b'[' | b'{' => {
                around.push((char::from(byte), std::mem::take(&mut tokens)));
                lexer.at += 1;
            }
            b')' | b']' | b'}' => {
                let (open, before) = around.pop().filter(|(open, _)| closes(*open, byte))?;
                let inner = std::mem::replace(&mut tokens, before);
                tokens.push(Token::Group(Group {
                    open,
                    tokens: inner,
                }));
                lexer.at += 1;
            }
            _ => tokens.push(lexer.token(byte)?),
        }
    }
    around.is_empty().then_some(tokens)
}

fn closes(open: char, close: u8) -> bool {
    matches!((open, close), ('(', b')') | ('[', b']') | ('{', b'}'))
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    /// Goes to the next token, and returns its first byte; `None` within if there is none left.
    #[allow(
        clippy::option_option,
        reason = "a comment that does not end is no end of the text"
    )]
    fn skip_to_token(&mut self) -> Option<Option<u8>> {
        loop {
            let Some(byte) = self.byte(0) else {
                return Some(None);
            };
            match (byte, self.byte(1)) {
                (b'/', Some(b'/')) => {
                    let rest = &self.text.as_bytes()[self.at..];
                    let length = rest.iter().position(|byte| *byte == b'\n');
                    self.at += length.unwrap_or(rest.len());
                }
                (b'/', Some(b'*')) => self.skip_block_comment()?,
                _ if byte.is_ascii_whitespace() || byte == 0x0b => self.at += 1,
                _ if !byte.is_ascii() => {
                    let c = self.text[self.at..].chars().next()?;
                    if c.is_alphanumeric() {
                        return Some(Some(byte));
                    }
                    self.at += c.len_utf8();
                }
                _ => return Some(Some(byte)),
            }
        }
    }

    /// Comments of this kind stand in each other.
    fn skip_block_comment(&mut self) -> Option<()> {
        let mut depth = 0;
        loop {
            match (self.byte(0)?, self.byte(1)) {
                (b'/', Some(b'*')) => {
                    depth += 1;
                    self.at += 2;
                }
                (b'*', Some(b'/')) => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        return Some(());
                    }
                }
                _ => self.at += 1,
            }
        }
    }

    fn token(&mut self, first: u8) -> Option<Token<'a>> {
        let start = self.at;
        match first {
            b'"' => self.skip_text()?,
            b'\'' => self.skip_character_or_lifetime()?,
            b'0'..=b'9' => self.skip_number(),
            _ if is_in_word(first) => return self.word(),
            _ => {
                self.at += 1;
                return Some(Token::Punct(char::from(first)));
            }
        }
        Some(Token::Literal(&self.text[start..self.at]))
    }

    /// A word, or a literal that begins with letters.
    fn word(&mut self) -> Option<Token<'a>> {
        let start = self.at;
        self.skip_word();
        let word = &self.text[start..self.at];
        let is_raw = matches!(word, "r" | "br" | "cr");
        match self.byte(0) {
            Some(b'"') if matches!(word, "b" | "c") => self.skip_text()?,
            Some(b'\'') if word == "b" => self.skip_character_or_lifetime()?,
            Some(b'"') if is_raw => self.skip_raw_text(0)?,
            Some(b'#') if is_raw => {
                let hashes = self.text[self.at..]
                    .bytes()
                    .take_while(|byte| *byte == b'#');
                let hashes = hashes.count();
                match self.byte(hashes) {
                    Some(b'"') => self.skip_raw_text(hashes)?,
                    Some(byte) if word == "r" && hashes == 1 && is_in_word(byte) => {
                        self.at += 1;
                        let name = self.at;
                        self.skip_word();
                        return Some(Token::Word(&self.text[name..self.at]));
                    }
                    _ => return Some(Token::Word(word)),
                }
            }
            _ => return Some(Token::Word(word)),
        }
        Some(Token::Literal(&self.text[start..self.at]))
    }

    fn skip_word(&mut self) {
        while self.byte(0).is_some_and(is_in_word) {
            self.at += 1;
        }
    }

    fn skip_number(&mut self) {
        self.skip_word();
        let is_fraction =
            self.byte(0) == Some(b'.') && self.byte(1).is_some_and(|byte| byte.is_ascii_digit());
        if is_fraction {
            self.at += 1;
            self.skip_word();
        }
    }

    fn skip_text(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match self.byte(0)? {
                b'\\' => self.at += 2,
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                _ => self.at += 1,
            }
        }
    }

    fn skip_raw_text(&mut self, hashes: usize) -> Option<()> {
        self.at += hashes + 1;
        loop {
            let ends =
                self.byte(0)? == b'"' && (1..=hashes).all(|ahead| self.byte(ahead) == Some(b'#'));
            self.at += 1;
            if ends {
                self.at += hashes;
                return Some(());
            }
        }
    }

    /// `'a'` is a character, `'a` a lifetime.
    fn skip_character_or_lifetime(&mut self) -> Option<()> {
        self.at += 1;
        if self.byte(0)? == b'\\' {
            self.at += 2;
            while self.byte(0)? != b'\'' {
                self.at += 1;
            }
            self.at += 1;
            return Some(());
        }
        let character = self.text[self.at..].chars().next()?;
        if self.byte(character.len_utf8()) == Some(b'\'') {
            self.at += character.len_utf8() + 1;
        } else {
            self.skip_word();
        }
        Some(())
    }
}

/// Whether a byte can be in a name. Those of other alphabets are made of bytes that are not ASCII.
fn is_in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Option<String> {
        fn tell(tokens: &[Token<'_>], told: &mut String) {
            for token in tokens {
                match token {
                    Token::Word(word) => *told += &format!(" {word}"),
                    Token::Literal(literal) => *told += &format!(" <{literal}>"),
                    Token::Punct(punct) => *told += &format!(" {punct}"),
                    Token::Group(group) => {
                        told.push(group.open);
                        tell(&group.tokens, told);
                        *told += " end";
                    }
                }
            }
        }
        let mut told = String::new();
        tell(&read(text)?, &mut told);
        Some(told)
    }

    #[test]
    fn what_looks_like_a_bracket_and_is_none() {
        for (text, expected) in [
            (
                r#"f("}\"{", '{', '\'', '\u{7d}', b'}', b"\\")"#,
                r#" f( <"}\"{"> , <'{'> , <'\''> , <'\u{7d}'> , <b'}'> , <b"\\"> end"#,
            ),
            (
                "r\"\\\" r#\"\"}\"# br##\"\"#}\"## cr\"{\" c\"{\"",
                " <r\"\\\"> <r#\"\"}\"#> <br##\"\"#}\"##> <cr\"{\"> <c\"{\">",
            ),
            ("a // {\nb /* { /* } */ { */ c //", " a b c"),
            (
                "&'a T, 'x', 'static: 'é'",
                " & <'a> T , <'x'> , <'static> : <'é'>",
            ),
            ("r#type r # x", " type r # x"),
            (
                "1.5 1..2 x.0.1 0xff_u8 1e-3",
                " <1.5> <1> . . <2> x . <0.1> <0xff_u8> <1e> - <3>",
            ),
            ("größe ‎ λ", " größe λ"),
        ] {
            assert_eq!(told(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_does_not_end_is_no_rust() {
        for text in ["(", "(]", "}", "\"", "/* /* */", "r#\"\"", "'\\", "b\""] {
            assert_eq!(told(text), None, "{text}");
        }
    }

    #[test]
    fn this_very_file_is_read() {
        assert!(read(include_str!("lexer.rs")).is_some());
    }
}
