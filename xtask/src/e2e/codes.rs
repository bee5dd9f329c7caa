//! The codes that the scenarios' programs show, held against the index of codes: each that the index says
//! is reached here must have been, and none may be shown that it does not know.

use std::collections::BTreeSet;
use std::fs;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};

use crate::repository;

/// The index, from the repository's root.
const INDEX: &str = "docs/codes.md";

/// What the rows of the codes end with that are reached by scenarios.
const HERE: &str = "| `xtask/src/e2e` |";

/// The codes that were shown so far.
#[derive(Default)]
pub(crate) struct Codes(Mutex<BTreeSet<String>>);

impl Codes {
    /// Notes the codes that a text shows.
    pub(crate) fn hear(&self, text: &str) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.extend(shown_in(text));
    }

    /// Compares them with the index. Where the run was not `whole`, those that are missing are no error.
    ///
    /// # Errors
    /// A code was shown that is not in the index, or one was not that should have been.
    pub(crate) fn check(self, whole: bool) -> Result<()> {
        let heard = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let path = repository::root().join(INDEX);
        let index = fs::read_to_string(&path).with_context(|| format!("cannot read {INDEX}"))?;
        check(&heard, &index, whole)
    }
}

fn check(heard: &BTreeSet<String>, index: &str, whole: bool) -> Result<()> {
    let rows = index.lines().filter(|line| line.starts_with("| [HOT"));
    let (mut known, mut to_be_reached) = (BTreeSet::new(), BTreeSet::new());
    for row in rows {
        let code = shown_in(row).next().context("a row without a code")?;
        if row.ends_with(HERE) {
            to_be_reached.insert(code.clone());
        }
        known.insert(code);
    }
    let strange: Vec<_> = heard.difference(&known).cloned().collect();
    ensure!(
        strange.is_empty(),
        "programs showed codes that {INDEX} does not have: {}",
        strange.join(", ")
    );
    let missing: Vec<_> = to_be_reached.difference(heard).cloned().collect();
    ensure!(
        missing.is_empty() || !whole,
        "{INDEX} says that scenarios reach {}, and none did",
        missing.join(", ")
    );
    Ok(())
}

/// The codes in a text, each in brackets.
fn shown_in(text: &str) -> impl Iterator<Item = String> {
    text.split("[HOT").skip(1).filter_map(|rest| {
        let (number, _) = rest.split_once(']')?;
        let is_code = number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit());
        is_code.then(|| format!("HOT{number}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "| code | what happened | reached in |\n\
        | [HOT0101](codes/HOT0101.md) | This. | `hot-watch/tests/codes.rs` |\n\
        | [HOT0401](codes/HOT0401.md) | That. | `xtask/src/e2e` |\n";

    fn told(text: &str, whole: bool) -> Result<(), String> {
        let heard = shown_in(text).collect();
        check(&heard, TABLE, whole).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_shown_is_what_the_index_says() {
        assert_eq!(
            told("event applied scene: it changed [HOT0401]", true),
            Ok(())
        );
        assert_eq!(told("[HOT0401] [HOT0101] [HOTEL] [HOT12]", true), Ok(()));
        assert_eq!(told("nothing", false), Ok(()));
        let missing = told("[HOT0101]", true).expect_err("one is missing");
        assert!(missing.contains("HOT0401"), "{missing}");
        let strange = told("[HOT0999]", false).expect_err("one is unknown");
        assert!(strange.contains("HOT0999"), "{strange}");
    }
}
