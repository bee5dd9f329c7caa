//! All errors of one item are told at once, and the item is still there for who uses it.

#![allow(unused_variables)]

use hot_abi::{hot_entry, hot_node};

hot_entry!();

#[hot_node(name)]
async unsafe fn wrong<'a, T>(title: &'a str, (left, right): (T, T)) -> String {
    title.to_owned()
}

fn main() {
    let _ = wrong::<u8>;
}
