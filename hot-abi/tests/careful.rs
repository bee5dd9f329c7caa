//! Crates that ask much of their own code, or were begun long ago: the generated code is no worse.

#![cfg_attr(not(feature = "reload"), forbid(unsafe_code))]
#![deny(
    warnings,
    unsafe_code,
    clippy::pedantic,
    elided_lifetimes_in_paths,
    let_underscore_drop,
    missing_docs,
    non_ascii_idents,
    rust_2018_idioms,
    rust_2021_compatibility,
    rust_2024_compatibility,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    unit_bindings,
    unreachable_pub,
    unused_crate_dependencies,
    unused_import_braces,
    unused_lifetimes,
    unused_qualifications,
    unused_results,
    variant_size_differences
)]
#![allow(
    unused_crate_dependencies,
    reason = "a test has the dependencies of its package"
)]

use hot_abi::{hot_entry, hot_fn, hot_node, hot_trait};
use std::fmt::Debug;

hot_entry!();

/// Counts.
#[derive(Debug, Default)]
pub struct Counter {
    count: u32,
}

/// Counts on.
#[hot_fn]
pub fn add(counter: &mut Counter, by: u32) {
    counter.count += by;
}

/// Counts on, slowly.
#[hot_fn]
pub async fn add_slowly(counter: &mut Counter, by: &u32) -> u32 {
    std::future::ready(()).await;
    counter.count += by;
    counter.count
}

#[hot_fn]
impl Counter {
    /// The count.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }
}

/// Shows something.
#[hot_trait]
pub trait Show: Send + Debug {
    /// What is shown.
    fn shown<'a>(&'a mut self, prefix: &'a str) -> &'a str;
}

#[derive(Debug)]
struct Shown {
    text: String,
}

impl Show for Shown {
    fn shown<'a>(&'a mut self, prefix: &'a str) -> &'a str {
        self.text.insert_str(0, prefix);
        &self.text
    }
}

/// Something to show.
#[hot_node]
#[must_use]
pub fn text(text: impl Into<String>) -> Box<dyn Show> {
    Box::new(Shown { text: text.into() })
}

mod private {
    //! Nothing here is seen outside.
    use hot_abi::{hot_fn, hot_node, hot_trait};

    #[hot_trait]
    pub(super) trait Number {
        fn number(&self) -> u32;
    }

    impl Number for u32 {
        fn number(&self) -> u32 {
            *self
        }
    }

    #[hot_node]
    pub(super) fn seven() -> Box<dyn Number> {
        Box::new(seven_itself())
    }

    #[hot_fn]
    fn seven_itself() -> u32 {
        7
    }
}

#[test]
fn it_works_as_well() {
    let mut counter = Counter::default();
    add(&mut counter, 2);
    assert_eq!(counter.count(), 2);
    let mut waiting = std::pin::pin!(add_slowly(&mut counter, &3));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert_eq!(
        waiting.as_mut().poll(&mut context),
        std::task::Poll::Ready(5)
    );
    assert_eq!(text("x").shown("a"), "ax");
    assert_eq!(private::seven().number(), 7);
}
