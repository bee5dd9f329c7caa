//! `docs/behaviours.md` promises what hot does, row by row, and names the file and the test of each. Here
//! is what keeps it from promising more than there is.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// The table, from the repository's root.
const TABLE: &str = "docs/behaviours.md";

/// The letter of each chapter, and how many behaviours it has.
const CHAPTERS: [(char, usize); 11] = [
    ('M', 6),
    ('E', 5),
    ('N', 6),
    ('S', 6),
    ('B', 9),
    ('L', 5),
    ('W', 5),
    ('A', 3),
    ('T', 3),
    ('K', 5),
    ('P', 9),
];

/// What the repository has that a row can name.
#[derive(Default)]
struct Evidence {
    /// The functions marked as tests, and the end-to-end scenarios.
    tests: BTreeSet<String>,
    files: BTreeSet<String>,
}

impl Evidence {
    /// Gathers what lies in `folder` of the repository at `root`.
    fn gather(&mut self, root: &Path, folder: &str) -> Result<()> {
        let entries = fs::read_dir(root.join(folder));
        for entry in entries.with_context(|| format!("cannot read {folder}"))? {
            let entry = entry.with_context(|| format!("cannot read {folder}"))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') || name == "target" {
                continue;
            }
            let relative = match folder {
                "" => name,
                folder => format!("{folder}/{name}"),
            };
            if entry.path().is_dir() {
                self.gather(root, &relative)?;
                continue;
            }
            if relative.ends_with(".rs") {
                let text = fs::read_to_string(entry.path())
                    .with_context(|| format!("cannot read {relative}"))?;
                self.tests.extend(test_functions(&text));
                if relative.starts_with("xtask/src/e2e/scenarios/") {
                    self.tests.extend(scenarios(&text));
                }
            }
            self.files.insert(relative);
        }
        Ok(())
    }
}

/// The names of the functions marked with `#[test]`.
fn test_functions(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_marked = false;
    for line in text.lines().map(str::trim_start) {
        if line.starts_with("#[test]") {
            is_marked = true;
        } else if let Some(rest) = line.strip_prefix("fn ") {
            let name = rest.split('(').next().unwrap_or_default();
            names.extend(is_marked.then(|| name.to_owned()));
            is_marked = false;
        }
    }
    names
}

/// The names of the scenarios in a file's list.
fn scenarios(text: &str) -> Vec<String> {
    let values = text
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("name: \""));
    values
        .filter_map(|rest| rest.split('"').next())
        .map(str::to_owned)
        .collect()
}

/// What is wrong with the table: rows that are missing, and rows that name what is not there.
fn problems(table: &str, evidence: &Evidence) -> Vec<String> {
    let mut problems = Vec::new();
    let mut missing: BTreeSet<String> = CHAPTERS
        .iter()
        .flat_map(|(letter, count)| (1..=*count).map(move |number| format!("{letter}{number}")))
        .collect();
    for line in table.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let mark = cells[0];
        if !missing.remove(mark) {
            let is_head = mark.is_empty() || mark.starts_with('-');
            problems.extend(
                (!is_head).then(|| format!("there is no behaviour {mark}, or it is there twice")),
            );
            continue;
        }
        let [_, behaviour, files, tests] = cells[..] else {
            problems.push(format!(
                "{mark} has {} cells, not its mark, what it does, where, and its tests",
                cells.len()
            ));
            continue;
        };
        if behaviour.is_empty() {
            problems.push(format!("{mark} says nothing"));
        }
        let (files, tests) = (names(files), names(tests));
        if files.is_empty() || tests.is_empty() {
            problems.push(format!("{mark} names no file, or no test"));
        }
        let no_file = files.iter().filter(|file| !evidence.files.contains(**file));
        problems.extend(no_file.map(|file| format!("{mark}: there is no file {file}")));
        let no_test = tests
            .iter()
            .filter(|test| !evidence.tests.contains(**test) && !evidence.files.contains(**test));
        problems.extend(no_test.map(|test| format!("{mark}: there is no test or scenario {test}")));
    }
    problems.extend(missing.iter().map(|mark| format!("{mark} has no row")));
    problems
}

/// What stands between backticks.
fn names(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_behaviour_has_its_file_and_its_test() {
    let root = crate::repository::root();
    let table = fs::read_to_string(root.join(TABLE)).expect("the table is there");
    let mut evidence = Evidence::default();
    evidence.gather(root, "").expect("the sources can be read");
    let problems = problems(&table, &evidence);
    assert!(problems.is_empty(), "{TABLE}: {problems:#?}");
}

#[test]
fn a_row_that_is_missing_or_names_what_is_not_there_is_named() {
    let evidence = Evidence {
        tests: ["it_works".to_owned(), "a_scenario".to_owned()].into(),
        files: ["src/lib.rs".to_owned()].into(),
    };
    let row = |letter: &char, number: usize| {
        format!("| {letter}{number} | it does | `src/lib.rs` | `it_works`, `a_scenario` |\n")
    };
    let all = CHAPTERS
        .iter()
        .flat_map(|(letter, count)| (1..=*count).map(move |number| row(letter, number)));
    let all: String = all.collect();
    let table = format!("| | what | where | tests |\n|---|---|---|---|\n{all}");
    assert_eq!(problems(&table, &evidence), [""; 0]);

    let check = |old: &str, new: &str, told: &[&str]| {
        let found = problems(&table.replacen(old, new, 1), &evidence);
        assert_eq!(found, told);
    };
    check(&row(&'E', 5), "", &["E5 has no row"]);
    check(
        "`src/lib.rs`",
        "`src/no.rs`",
        &["M1: there is no file src/no.rs"],
    );
    check(
        "`it_works`",
        "`it_does_not`",
        &["M1: there is no test or scenario it_does_not"],
    );
    check(
        "`it_works`, `a_scenario`",
        "",
        &["M1 names no file, or no test"],
    );
    check("it does", "", &["M1 says nothing"]);
    check(
        "| it does ",
        "",
        &["M1 has 3 cells, not its mark, what it does, where, and its tests"],
    );
    check(
        "| M2 ",
        "| M1 ",
        &[
            "there is no behaviour M1, or it is there twice",
            "M2 has no row",
        ],
    );
}

#[test]
fn tests_and_scenarios_are_found_by_how_they_are_written() {
    let text = "#[test]\nfn one() {}\nfn helper(x: u8) {}\n    #[test]\n    #[cfg(unix)]\n    fn two() {}\n";
    assert_eq!(test_functions(text), ["one", "two"]);
    assert_eq!(scenarios("        name: \"checkout\",\n"), ["checkout"]);
}
