//! Every code that any of the crates gives is given by one, and has a page and a row in the index.
#![cfg(feature = "reload")]

use hot_abi::exchange::Refusal;
use hot_abi::notice::{self, Notice};
use hot_app::build::{BuildError, FallbackReason};
use hot_app::load::layout::LayoutDepth;
use hot_app::load::{Applied, HeapCheck, LoadError, MigrationError, PatchReport, StateReport};
use hot_app::watch::WatchError;
use hot_app::{Event, Problem};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn no_code_is_given_twice() {
    let all = lists().concat();
    let distinct: BTreeSet<_> = all.iter().map(|(code, _)| code).collect();
    assert_eq!(distinct.len(), all.len());
    for (code, title) in all {
        assert!(is_code(code), "{code}");
        assert!(title.ends_with('.') && !title.contains('\n'), "{title}");
    }
}

/// A code in a `match` that is in no list would have no page, and nobody would miss it.
#[test]
fn every_code_in_the_sources_is_in_a_list() {
    let listed: BTreeSet<_> = titles().into_keys().collect();
    let mut written = BTreeSet::new();
    for krate in ["hot-abi", "hot-app", "hot-build", "hot-load", "hot-watch"] {
        codes_in(&repository().join(krate).join("src"), &mut written);
    }
    assert_eq!(written, listed);
}

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let folder = repository().join("docs/codes");
    let pages: BTreeSet<_> = entries(&folder)
        .into_iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    let titles = titles();
    let expected: BTreeSet<_> = titles.keys().map(|code| format!("{code}.md")).collect();
    assert_eq!(pages, expected);
    for (code, title) in titles {
        let page = fs::read_to_string(folder.join(format!("{code}.md"))).unwrap();
        let headings: Vec<_> = page.lines().filter(|line| line.starts_with('#')).collect();
        let headings = headings.iter().filter(|line| !line.starts_with("#["));
        let headings: Vec<_> = headings.copied().collect();
        assert_eq!(
            headings,
            [
                &*format!("# {code}: {title}"),
                "## What happened",
                "## Example",
                "## What to do"
            ]
        );
        let sections: Vec<_> = page.split("\n## ").skip(1).collect();
        for section in &sections {
            let (heading, text) = section.split_once('\n').unwrap();
            assert!(!text.trim().is_empty(), "{code}: {heading} is empty");
        }
        // As a program shows it.
        assert!(sections[1].contains(&format!("[{code}]")), "{code}");
    }
}

#[test]
fn the_index_lists_every_code_and_where_it_is_reached() {
    let index = fs::read_to_string(repository().join("docs/codes.md")).unwrap();
    let rows: Vec<_> = index
        .lines()
        .filter(|line| line.starts_with("| [HOT"))
        .collect();
    let titles = titles();
    assert_eq!(rows.len(), titles.len());
    for (row, (code, title)) in rows.into_iter().zip(titles) {
        let begin = format!("| [{code}](codes/{code}.md) | {title} | `");
        let test = row
            .strip_prefix(&begin)
            .unwrap_or_else(|| panic!("{row}\ndoes not begin with\n{begin}"));
        let test = repository().join(test.strip_suffix("` |").unwrap());
        assert!(test.exists(), "{code}: there is no {}", test.display());
    }
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    assert!(readme.contains("(docs/codes.md)"));
}

/// The codes of each type that has some.
fn lists() -> [&'static [(&'static str, &'static str)]; 15] {
    [
        WatchError::CODES,
        BuildError::CODES,
        FallbackReason::CODES,
        LoadError::CODES,
        LayoutDepth::CODES,
        HeapCheck::CODES,
        Applied::CODES,
        PatchReport::CODES,
        StateReport::CODES,
        Refusal::CODES,
        notice::FallbackReason::CODES,
        MigrationError::CODES,
        Notice::CODES,
        Event::CODES,
        Problem::CODES,
    ]
}

fn titles() -> BTreeMap<String, &'static str> {
    let all = lists().concat();
    all.iter()
        .map(|(code, title)| ((*code).to_owned(), *title))
        .collect()
}

/// The codes that the sources in a folder have between quotation marks.
fn codes_in(folder: &Path, found: &mut BTreeSet<String>) {
    for path in entries(folder) {
        if path.is_dir() {
            codes_in(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let quoted = text.split('"').filter(|text| is_code(text));
            found.extend(quoted.map(str::to_owned));
        }
    }
}

fn is_code(text: &str) -> bool {
    text.strip_prefix("HOT")
        .is_some_and(|number| number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
