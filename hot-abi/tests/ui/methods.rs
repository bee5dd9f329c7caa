//! What `#[hot_fn]` says of methods.

#![allow(unused_variables)]

use hot_abi::{hot_entry, hot_fn};

hot_entry!();

struct World;
struct Grid<T>(T);
struct Words<'a, 'b>(&'a str, &'b str);

#[hot_fn(local)]
impl World {
    fn at<T>(&self, value: T) {}

    #[hot_fn(skip)]
    fn skipped<T>(&self, value: T) {}

    #[hot_fn(loud)]
    fn unknown_option(&self) {}
}

#[hot_fn]
impl Default for World {
    fn default() -> Self {
        World
    }
}

#[hot_fn]
impl dyn std::fmt::Debug {}

#[hot_fn]
impl<T> Grid<T>
where
    T: Copy,
{
}

#[hot_fn]
impl<'a, 'b: 'a> Words<'a, 'b> {}

#[hot_fn]
impl<'a> Words<'a, 'static> {
    fn loose() -> Option<Words<'a, 'static>> {
        None
    }
}

impl World {
    #[hot_fn]
    fn alone(&self) {}
}

fn main() {}
