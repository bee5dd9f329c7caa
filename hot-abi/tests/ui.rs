//! What the attributes say of what they cannot take, word for word.
//!
//! After a change of a sentence: `TRYBUILD=overwrite cargo test -p hot-abi --features reload --test ui`.

#![cfg(feature = "reload")]

use std::fs;
use std::path::Path;
use syn::visit::{self, Visit};

#[test]
fn every_case_is_answered_as_recorded() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}

/// The same derive is fine with the feature, so it has a folder of its own.
#[cfg(not(feature = "state"))]
#[test]
fn a_derive_that_lacks_its_feature_says_so() {
    trybuild::TestCases::new().compile_fail("tests/ui-without-state/*.rs");
}

/// Whoever adds a sentence adds a case.
#[test]
fn every_sentence_has_a_case() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let answers: String = files(&package.join("tests/ui"), "stderr").collect();
    let mut sentences = Sentences::default();
    for source in files(&package.join("../hot-macros/src"), "rs") {
        sentences.visit_file(&syn::parse_file(&source).unwrap());
    }
    assert!(!sentences.found.is_empty());
    let missing: Vec<_> = sentences
        .found
        .iter()
        .filter(|sentence| !is_said(sentence, &answers))
        .collect();
    assert!(
        missing.is_empty(),
        "no case in tests/ui makes the macros say: {missing:#?}"
    );
}

/// Whether a sentence is among the answers, whatever stands in its `{..}`.
fn is_said(sentence: &str, answers: &str) -> bool {
    let parts = sentence.split(['{', '}']).step_by(2);
    let parts: Vec<_> = parts
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect();
    answers.lines().any(|line| {
        let mut rest = line;
        parts.iter().all(|part| match rest.split_once(part) {
            Some((_, after)) => {
                rest = after;
                true
            }
            None => false,
        })
    })
}

/// Every text of four words or more in the code of the macros, except what they generate.
#[derive(Default)]
struct Sentences {
    found: Vec<String>,
}

impl<'ast> Visit<'ast> for Sentences {
    fn visit_lit_str(&mut self, text: &'ast syn::LitStr) {
        self.note(&text.value());
    }

    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if module.ident != "tests" {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        // What `expect` says is of the macros' own mistakes.
        if call.method == "expect" {
            self.visit_expr(&call.receiver);
        } else {
            visit::visit_expr_method_call(self, call);
        }
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        if called.path.is_ident("format") {
            let first = called.tokens.clone().into_iter().next();
            let literal = first.map(|token| syn::parse2::<syn::LitStr>(token.into()).unwrap());
            self.note(&literal.unwrap().value());
        }
    }
}

impl Sentences {
    fn note(&mut self, text: &str) {
        if text.split_whitespace().count() > 3 {
            self.found.push(text.to_owned());
        }
    }
}

/// The contents of the files in a folder that have an extension.
fn files(folder: &Path, extension: &str) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = entries
        .filter(|path| path.extension().is_some_and(|it| it == extension))
        .collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| fs::read_to_string(path).unwrap())
}
