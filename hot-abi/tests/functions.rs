//! Every shape that a hot function may have, used as a caller uses it. With the `reload` feature and
//! without it these are the same functions.

// What a careful crate may ask of its own code must hold for the generated code, too.
#![deny(
    warnings,
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    unsafe_op_in_unsafe_fn
)]

use hot_abi::{hot_entry, hot_fn};
use std::fmt::Display;

hot_entry!();

/// Something for functions to work on.
#[derive(Debug, Default, PartialEq)]
pub struct World {
    /// A list.
    pub log: Vec<String>,
    frame: u64,
}

/// Something with a lifetime.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Words<'a> {
    text: &'a str,
}

#[hot_fn]
fn longest<'a>(left: &'a str, right: &'a str) -> &'a str {
    if left.len() >= right.len() {
        left
    } else {
        right
    }
}

#[hot_fn]
fn first(words: &[String]) -> Option<&str> {
    words.first().map(String::as_str)
}

#[hot_fn]
fn words<'t>(text: &'t str, _other: &str) -> Words<'t> {
    Words { text }
}

#[hot_fn]
fn rest(words: Words<'_>) -> &str {
    words.text
}

#[hot_fn]
fn each(values: &[u32], visit: &mut dyn FnMut(u32)) {
    values.iter().copied().for_each(visit);
}

#[hot_fn]
fn with_text(with: &dyn Fn(&str) -> usize, callback: fn(&str) -> &str) -> usize {
    with(callback("  text "))
}

#[hot_fn]
fn countdown(mut from: u32, _: &str, _: (u8, u8)) -> Vec<u32> {
    let mut seen = Vec::new();
    while from > 0 {
        seen.push(from);
        from -= 1;
    }
    seen
}

#[hot_fn]
fn factorial(n: u64) -> u64 {
    if n == 0 { 1 } else { n * factorial(n - 1) }
}

/// # Safety
///
/// `at` points at a number.
#[hot_fn]
pub unsafe fn read(at: *const u32) -> u32 {
    // SAFETY: as the caller promises.
    unsafe { *at }
}

#[hot_fn]
extern "C" fn add(left: i32, right: i32) -> i32 {
    left + right
}

#[hot_fn]
fn boxed(show: Box<dyn Display + Send>) -> String {
    show.to_string()
}

#[hot_fn]
fn early(world: &mut World, stop: bool) -> Result<(), String> {
    if stop {
        return Err("stopped".to_owned());
    }
    world.log.push("went on".to_owned());
    Ok(())
}

#[test]
fn references_and_lifetimes_go_through() {
    assert_eq!(longest("ab", "c"), "ab");
    let list = ["x".to_owned(), "y".to_owned()];
    assert_eq!(first(&list), Some("x"));
    let text = "t".to_owned();
    let found = {
        let other = "gone".to_owned();
        words(&text, &other)
    };
    assert_eq!(found, Words { text: "t" });
    assert_eq!(rest(found), "t");
}

#[test]
fn closures_go_through() {
    let mut sum = 0;
    each(&[1, 2, 3], &mut |value| sum += value);
    assert_eq!(sum, 6);
    let limit = 10;
    assert_eq!(with_text(&|text| limit + text.len(), str::trim), 14);
}

#[test]
fn patterns_recursion_and_early_returns_stay() {
    assert_eq!(countdown(3, "", (0, 0)), [3, 2, 1]);
    assert_eq!(factorial(5), 120);
    let mut world = World::default();
    assert_eq!(early(&mut world, true), Err("stopped".to_owned()));
    assert_eq!(early(&mut world, false), Ok(()));
    assert_eq!(world.log, ["went on"]);
    assert_eq!(boxed(Box::new(7)), "7");
}

#[test]
fn unsafe_and_foreign_functions_stay_what_they_are() {
    let number = 5;
    // SAFETY: it points at a number.
    assert_eq!(unsafe { read(&number) }, 5);
    let pointer: extern "C" fn(i32, i32) -> i32 = add;
    assert_eq!(pointer(2, 3), 5);
}

/// Functions that are written by a macro.
mod generated {
    use hot_abi::hot_fn;

    macro_rules! functions {
        ($($name:ident($argument:ident: $ty:ty) -> $result:ty = $body:expr;)+) => {$(
            #[hot_fn]
            fn $name($argument: $ty, other: u32) -> $result {
                let hidden = other;
                $body + hidden
            }

            #[hot_fn]
            impl Adder<$ty> {
                fn $name(&mut self, $argument: $ty) -> &mut Self {
                    self.0 += $argument + $name($argument, 0);
                    self
                }
            }
        )+};
    }

    struct Adder<T>(T);

    functions! {
        double(x: u32) -> u32 = 2 * x;
        triple(y: u32) -> u32 = 3 * y;
    }

    #[test]
    fn macros_write_functions() {
        assert_eq!(double(2, 1) + triple(2, 1), 12);
        assert_eq!(Adder(1).double(2).triple(1).0, 11);
    }
}

mod attributes {
    //! Attributes keep their effect.
    use hot_abi::hot_fn;

    /// Old.
    #[hot_fn]
    #[deprecated(note = "old")]
    pub(crate) fn old() -> u8 {
        1
    }

    /// Used.
    #[hot_fn]
    #[must_use]
    #[inline]
    pub(crate) fn used() -> u8 {
        2
    }

    #[hot_fn]
    #[cfg(any())]
    pub(crate) fn never_compiled() -> Missing {}

    #[hot_fn]
    #[expect(unused_variables, reason = "the expectation is met inside the body")]
    pub(super) fn expecting(x: u8) {
        let y = 1;
    }

    /// A raw name.
    #[hot_fn]
    pub(in crate::attributes) fn r#type() -> u8 {
        3
    }

    #[test]
    fn the_functions_are_there() {
        #[allow(deprecated)]
        let old = old();
        expecting(0);
        assert_eq!((old, used(), r#type()), (1, 2, 3));
    }
}

mod methods {
    use super::{Words, World};
    use hot_abi::hot_fn;

    /// What the world does.
    #[hot_fn]
    impl World {
        /// A constant stays one.
        pub const STEP: u64 = 2;

        /// No `self`.
        #[must_use]
        pub fn at(frame: u64) -> Self {
            Self {
                frame,
                ..Self::default()
            }
        }

        /// `&mut self`.
        pub fn step(&mut self, mut times: u64) -> &mut Self {
            while times > 0 {
                self.frame += Self::STEP;
                times -= 1;
            }
            self.note(|frame| frame.to_string());
            self
        }

        /// `&self`, and a result that borrows from it.
        pub fn last<'w>(&'w self, or: &'w str) -> &'w str {
            self.log.last().map_or(or, String::as_str)
        }

        /// Two references, and a result that borrows from `self` by default.
        pub(crate) fn line(&self, _prefix: &str) -> Option<&String> {
            self.log.first()
        }

        /// `self`.
        pub fn finish(mut self) -> Vec<String> {
            self.log.push("end".to_owned());
            self.log
        }

        /// `self: Box<Self>`.
        #[expect(clippy::boxed_local, reason = "the receiver is what is tested")]
        pub fn unbox(self: Box<Self>, other: Option<Self>) -> (Self, bool) {
            let same = other.as_ref() == Some(&*self);
            (*self, same)
        }

        /// Generic, so it stays ordinary.
        #[hot_fn(skip)]
        fn note(&mut self, text: impl FnOnce(u64) -> String) {
            self.log.push(text(self.frame));
        }

        #[cfg(any())]
        fn never_compiled(&self) -> Missing {}

        /// # Safety
        ///
        /// None is needed.
        pub unsafe fn frame(&self) -> u64 {
            self.frame
        }
    }

    #[hot_fn]
    impl<'a> Words<'a> {
        fn new(text: &'a str) -> Self {
            Words { text }
        }

        fn next(&mut self) -> Option<&'a str> {
            let (word, rest) = self.text.split_once(' ')?;
            self.text = rest;
            Some(word)
        }
    }

    #[hot_fn]
    impl Words<'_> {
        fn len(&self) -> usize {
            self.text.len()
        }
    }

    #[test]
    fn every_receiver_goes_through() {
        let mut world = World::at(1);
        assert_eq!(world.step(2).frame, 5);
        assert_eq!(world.last("none"), "5");
        assert_eq!(world.line("> "), Some(&"5".to_owned()));
        // SAFETY: nothing is needed.
        assert_eq!(unsafe { world.frame() }, 5);
        let (world, same) = Box::new(world).unbox(Some(World::at(1)));
        assert!(!same);
        assert_eq!(world.finish(), ["5", "end"]);
    }

    #[test]
    fn lifetimes_of_the_type_go_through() {
        let text = "one two".to_owned();
        let first = {
            let mut words = Words::new(&text);
            assert_eq!(words.len(), 7);
            words.next()
        };
        assert_eq!(first, Some("one"));
    }
}

mod futures {
    use super::{Words, World};
    use hot_abi::hot_fn;
    use std::future::{self, Future};
    use std::pin::pin;
    use std::rc::Rc;
    use std::task::{Context, Poll, Waker};

    #[hot_fn]
    pub(crate) async fn describe(world: &mut World, name: &str, mut times: u32) -> String {
        while times > 0 {
            world.log.push(name.to_owned());
            future::ready(()).await;
            times -= 1;
        }
        format!("{} of {name}", world.log.len())
    }

    #[hot_fn]
    async fn newest<'a>(left: &'a mut Vec<&'static str>, _right: &str) -> &'a str {
        left.push("new");
        left[left.len() - 1]
    }

    #[hot_fn]
    async fn nothing() {}

    #[hot_fn]
    async fn depth(of: u32) -> u32 {
        match of {
            0 => 0,
            _ => 1 + Box::pin(depth(of - 1)).await,
        }
    }

    #[hot_fn(local)]
    async fn shared(count: Rc<u32>) -> u32 {
        future::ready(()).await;
        *count
    }

    /// # Safety
    ///
    /// None is needed.
    #[hot_fn]
    async unsafe fn careful(x: &u32) -> u32 {
        *x
    }

    #[hot_fn]
    impl World {
        async fn wait(&mut self, words: Words<'_>) -> &str {
            future::ready(()).await;
            self.log.push(words.text.to_owned());
            self.log[0].as_str()
        }

        #[hot_fn(local)]
        async fn local(self: Rc<Self>) -> usize {
            future::ready(()).await;
            self.log.len()
        }
    }

    /// Runs a future that needs no one to wake it.
    fn run<F: Future>(future: F) -> F::Output {
        let mut future = pin!(future);
        loop {
            let context = &mut Context::from_waker(Waker::noop());
            if let Poll::Ready(value) = future.as_mut().poll(context) {
                return value;
            }
        }
    }

    fn sendable<F: Future + Send>(future: F) -> F {
        future
    }

    #[test]
    fn asynchronous_functions_go_through() {
        let mut world = World::default();
        let name = "n".to_owned();
        assert_eq!(run(sendable(describe(&mut world, &name, 2))), "2 of n");
        let mut list = vec!["old"];
        let right = "r".to_owned();
        let found = run(newest(&mut list, &right));
        drop(right);
        assert_eq!(found, "new");
        run(nothing());
        assert_eq!(run(sendable(depth(3))), 3);
        assert_eq!(run(shared(Rc::new(4))), 4);
        // SAFETY: nothing is needed.
        assert_eq!(run(unsafe { careful(&5) }), 5);
        let text = "w".to_owned();
        assert_eq!(run(sendable(world.wait(Words { text: &text }))), "n");
        assert_eq!(run(Rc::new(world).local()), 3);
    }
}
