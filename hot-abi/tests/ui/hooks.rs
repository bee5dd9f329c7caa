//! What `#[hot_leave]` and `#[hot_enter]` say.

#![allow(unused_variables)]

use hot_abi::{hot_enter, hot_entry, hot_leave};

hot_entry!();

#[hot_leave(now)]
fn with_arguments() {}

#[hot_enter]
fn taking(value: u8) {}

#[hot_enter]
fn giving() -> u8 {
    0
}

#[hot_enter]
async fn asynchronous() {}

#[hot_leave]
unsafe fn dangerous() {}

#[hot_leave]
fn generic<T>() {}

fn main() {}
