//! Names that are used twice.

use hot_abi::{hot_entry, hot_fn, hot_node, hot_trait};

hot_entry!();

#[hot_trait]
trait Panel {}
impl Panel for () {}

#[hot_node]
fn sidebar() -> Box<dyn Panel> {
    Box::new(())
}

mod other {
    #[super::hot_node]
    fn sidebar() -> Box<dyn super::Panel> {
        Box::new(())
    }
}

#[hot_node("top bar")]
fn top() -> Box<dyn Panel> {
    Box::new(())
}

#[hot_node("top bar")]
fn bar() -> Box<dyn Panel> {
    Box::new(())
}

fn left() {
    #[hot_fn]
    fn helper() {}
}

fn right() {
    #[hot_fn]
    fn helper() {}
}

fn main() {}
