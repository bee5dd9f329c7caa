//! Words as a shell reads them.

use anyhow::{Result, bail};

/// Splits what cargo shows of a command into its words: quotes of both kinds, and backslashes.
///
/// # Errors
/// A quote does not end.
pub(super) fn words(line: &str) -> Result<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ' ' | '\t' | '\n' => words.extend(word.take()),
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next() {
                        Some(end) if end == letter => break,
                        Some('\\') if letter == '"' => word.extend(letters.next()),
                        Some(inside) => word.push(inside),
                        None => bail!("a quote does not end in `{line}`"),
                    }
                }
            }
            '\\' => word.get_or_insert_default().extend(letters.next()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_a_shell_reads_them() {
        let line = r#"A='it'\''s' B="a \"b\"" rustc 'cfg(docsrs, test)' --empty '' end"#;
        let expected = [
            "A=it's",
            r#"B=a "b""#,
            "rustc",
            "cfg(docsrs, test)",
            "--empty",
            "",
            "end",
        ];
        assert_eq!(words(line).expect("it is well quoted"), expected);
        assert!(words("rustc 'unfinished").is_err());
    }
}
