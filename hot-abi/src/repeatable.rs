//! Which arguments may be cloned before a call, so that it can be made again should its code panic.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::ffi::{CString, OsStr, OsString};
use std::hash::RandomState;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::{NonZero, Wrapping};
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// A type of which a clone is noticed by nobody: a value that owns what it holds, and shares nothing.
///
/// While new code is on trial, an argument of such a type is cloned before the call, so that older code can
/// answer should the new code panic. Nothing else is cloned: a clone of an `Arc`, of an `Rc` or of the sender of
/// a channel is one owner more, which the program may well notice. An argument that is a reference, or
/// `Copy`, can be handed over again in any case.
///
/// It is implemented for the plain types of the standard library, and for its collections, tuples and arrays
/// of such. Implement it for a type of your own that is handed over by value, if a clone of it goes unnoticed.
///
/// # Examples
///
/// ```
/// use hot_abi::Repeatable;
///
/// #[derive(Clone)]
/// struct Order { item: String, count: u32 }
///
/// impl Repeatable for Order {}
/// ```
#[diagnostic::on_unimplemented(
    message = "a clone of `{Self}` may be noticed",
    note = "write `impl hot_abi::Repeatable for ...` for a type of your own that shares nothing"
)]
pub trait Repeatable: Clone {}

macro_rules! plain {
    ($($ty:ty),* $(,)?) => { $(impl Repeatable for $ty {})* };
}

plain! {
    bool, char, (), u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64,
    String, PathBuf, OsString, CString, Box<str>, Box<Path>, Box<OsStr>,
    Duration, Instant, SystemTime, IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, RandomState, Ordering,
    NonZero<u8>, NonZero<u16>, NonZero<u32>, NonZero<u64>, NonZero<u128>, NonZero<usize>,
    NonZero<i8>, NonZero<i16>, NonZero<i32>, NonZero<i64>, NonZero<i128>, NonZero<isize>,
}

impl<T: ?Sized> Repeatable for &T {}
impl<T: ?Sized> Repeatable for PhantomData<T> {}
impl<T: Repeatable> Repeatable for Wrapping<T> {}
impl<T: Repeatable> Repeatable for Option<T> {}
impl<T: Repeatable, E: Repeatable> Repeatable for Result<T, E> {}
impl<T: Repeatable> Repeatable for Box<T> {}
impl<T: Repeatable> Repeatable for Box<[T]> {}
impl<T: Repeatable, const N: usize> Repeatable for [T; N] {}
impl<T: Repeatable> Repeatable for Vec<T> {}
impl<T: Repeatable> Repeatable for VecDeque<T> {}
impl<T: Repeatable> Repeatable for LinkedList<T> {}
impl<T: Repeatable> Repeatable for BinaryHeap<T> {}
impl<T: Repeatable> Repeatable for BTreeSet<T> {}
impl<K: Repeatable, V: Repeatable> Repeatable for BTreeMap<K, V> {}
impl<T: Repeatable, S: Repeatable> Repeatable for HashSet<T, S> {}
impl<K: Repeatable, V: Repeatable, S: Repeatable> Repeatable for HashMap<K, V, S> {}
impl<T: Repeatable> Repeatable for Range<T> {}
impl<T: Repeatable> Repeatable for RangeInclusive<T> {}
impl<T: ToOwned<Owned: Repeatable> + ?Sized> Repeatable for Cow<'_, T> {}

macro_rules! tuples {
    ($($name:ident)*) => {
        impl<$($name: Repeatable),*> Repeatable for ($($name,)*) {}
    };
}

tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);
