//! What `#[derive(HotState)]` says.

use hot_abi::HotState;

#[derive(HotState)]
struct Generic<T> {
    value: T,
}

#[derive(HotState)]
struct Unnamed(u8);

#[derive(HotState)]
enum Either {
    Left,
}

#[derive(HotState)]
union Overlaid {
    left: u8,
}

#[derive(HotState)]
#[hot(kept)]
struct UnknownAbove {}

#[derive(HotState)]
struct UnknownOnField {
    #[hot(forget)]
    value: u8,
    #[hot(skip, alias = "old")]
    other: u8,
}

fn main() {}
