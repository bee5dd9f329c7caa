//! What `#[hot_node]` says.

#![allow(unused_variables)]

use hot_abi::{hot_entry, hot_node, hot_trait};

hot_entry!();

#[hot_trait]
trait Panel {}
impl Panel for () {}

#[hot_node]
struct NotAFunction;

#[hot_node(name = "panel")]
fn named() -> Box<dyn Panel> {
    Box::new(())
}

#[hot_node(save, forget)]
fn unknown_option() -> Box<dyn Panel> {
    Box::new(())
}

#[hot_node("")]
fn nameless() -> Box<dyn Panel> {
    Box::new(())
}

#[hot_node]
async fn asynchronous() -> Box<dyn Panel> {
    Box::new(())
}

#[hot_node]
unsafe fn dangerous() -> Box<dyn Panel> {
    Box::new(())
}

#[hot_node]
extern "C" fn foreign() -> Box<dyn Panel> {
    Box::new(())
}

#[hot_node]
const fn constant() -> Box<dyn Panel> {
    loop {}
}

#[hot_node]
fn lifetime<'a>() -> Box<dyn Panel> {
    Box::new(())
}

#[hot_node]
fn generic<T>(value: Vec<T>) -> Box<dyn Panel> {
    Box::new(())
}

#[hot_node]
fn whered() -> Box<dyn Panel>
where
    u8: Copy,
{
    Box::new(())
}

#[hot_node]
fn pattern((left, right): (u8, u8)) -> Box<dyn Panel> {
    Box::new(())
}

#[hot_node]
fn displayed(value: impl std::fmt::Display) -> Box<dyn Panel> {
    Box::new(())
}

#[hot_node]
fn nested(value: Vec<impl Into<String>>) -> Box<dyn Panel> {
    Box::new(())
}

#[hot_node]
fn borrowing(title: &str, words: Option<std::slice::Iter<'_, u8>>) -> Box<dyn Panel> {
    Box::new(())
}

#[hot_node]
fn nothing() {}

#[hot_node]
fn something() -> u8 {
    0
}

#[hot_node]
fn concrete() -> Box<()> {
    Box::new(())
}

#[hot_node]
fn bounded() -> Box<dyn Panel + Send> {
    Box::new(())
}

#[hot_node]
#[track_caller]
fn tracked() -> Box<dyn Panel> {
    Box::new(())
}

impl Panel for u8 {
    #[hot_node]
    fn method(&self) -> Box<dyn Panel> {
        Box::new(())
    }
}

fn main() {}
