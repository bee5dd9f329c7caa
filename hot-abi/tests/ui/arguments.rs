//! Arguments that cannot be kept, and interfaces that are none.

#![allow(unused_variables)]

use hot_abi::{hot_entry, hot_node, hot_trait};
use std::rc::Rc;

hot_entry!();

struct NotClone;

#[hot_trait]
trait Panel {}
impl Panel for () {}

trait Ordinary {}
impl Ordinary for () {}

#[hot_node]
fn not_clone(first: String, second: NotClone) -> Box<dyn Panel> {
    Box::new(())
}

#[hot_node]
fn not_send(shared: Rc<u8>) -> Box<dyn Panel> {
    Box::new(())
}

#[hot_node]
fn not_hot() -> Box<dyn Ordinary> {
    Box::new(())
}

#[hot_trait]
trait Built: Ordinary {}

fn main() {}
