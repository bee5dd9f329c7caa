//! A crate that forgot `hot_entry!()`.

use hot_abi::{hot_fn, hot_node, hot_trait};

#[hot_fn]
fn step() {}

#[hot_trait]
trait Panel {}
impl Panel for () {}

#[hot_node]
fn sidebar() -> Box<dyn Panel> {
    Box::new(())
}

fn main() {}
