//! The codes of what only this crate's own functions can be brought to do.
#![cfg(feature = "reload")]

use hot_abi::args::Args;
use hot_abi::exchange::Exchange;
use hot_abi::registry::Module;
use hot_abi::{LocalContext, entry, hot_entry};
use std::collections::BTreeSet;
use std::fs;

hot_entry!();

#[test]
fn every_code_is_reached() {
    let krate = Module::this().crates[0];
    // The state in which a node is left that is made while it is being made.
    let mut exchange = Exchange::Request(Args::new(()));
    drop(exchange.take_request());
    let mut context = LocalContext::capture();
    entry::entry(
        krate,
        krate.manifest_dir,
        "panel",
        &mut context,
        &mut exchange,
    );
    let Exchange::Refused(refusal) = exchange else {
        panic!("{exchange:?}")
    };
    let reached = BTreeSet::from([refusal.code().to_owned()]);
    assert_eq!(reached, codes_of_this_file());
}

/// The codes that are reached here, by their index.
fn codes_of_this_file() -> BTreeSet<String> {
    let index = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/codes.md");
    let index = fs::read_to_string(index).unwrap();
    let rows = index
        .lines()
        .filter(|line| line.ends_with("| `hot-abi/tests/codes.rs` |"))
        .map(|row| row["| [".len()..][.."HOT0000".len()].to_owned());
    rows.collect()
}
