//! What `#[hot_fn]` says of functions.

#![allow(unused_variables)]

use hot_abi::{hot_entry, hot_fn};
use std::fmt::Display;

hot_entry!();

#[hot_fn]
struct NotAFunction;

#[hot_fn("name")]
fn named() {}

#[hot_fn(loud)]
fn unknown_option() {}

#[hot_fn(skip)]
fn skipped() {}

#[hot_fn(local)]
fn local_and_synchronous() {}

#[hot_fn]
const fn constant() {}

#[hot_fn]
unsafe extern "C" fn variadic(first: u8, ...) {}

#[hot_fn]
fn generic<T>(value: T) {}

#[hot_fn]
fn sized<const N: usize>(value: [u8; N]) {}

#[hot_fn]
fn pattern((left, right): (u8, u8)) {}

#[hot_fn]
fn attributed(#[allow(unused)] value: u8) {}

#[hot_fn]
fn any(value: impl Display) {}

#[hot_fn]
fn some() -> Option<impl Display> {
    Some(0)
}

#[hot_fn]
fn forever() -> ! {
    loop {}
}

#[hot_fn]
fn whered(value: u8)
where
    u8: Copy,
{
}

#[hot_fn]
fn bounded<'a, 'b: 'a>(left: &'a u8, right: &'b u8) -> &'a u8 {
    right
}

#[hot_fn]
fn loose<'a>() -> &'a str {
    ""
}

#[hot_fn]
#[track_caller]
fn tracked() {}

#[hot_fn]
#[target_feature(enable = "sse2")]
fn featured() {}

fn main() {}
