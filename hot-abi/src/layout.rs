//! What an item leaves behind for the comparison of the types that cross, and what that comparison leaves
//! at the item.
//!
//! For each hot function and node the attributes write a static whose *type* leads to every type that
//! crosses, so that a debugger, or a checker of libraries, finds their layouts in the debug information
//! of the program and of the library. This module knows nothing of debug information.

use crate::args::TypeKey;
use std::any::type_name;
use std::marker::PhantomData;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Which layouts an item was compiled with: items of one path and one class, in the program and its
/// libraries, can take each other's place.
///
/// Class 0 are the layouts of the program. Whoever compares a library with the program marks the items
/// that differ, before the library's code is live; an item that is not marked is in class 0.
#[derive(Debug)]
pub struct LayoutMark {
    class: AtomicU32,
    reason: OnceLock<String>,
}

impl LayoutMark {
    /// The mark of an item with the layouts of the program.
    pub const fn new() -> LayoutMark {
        LayoutMark {
            class: AtomicU32::new(0),
            reason: OnceLock::new(),
        }
    }

    /// The class.
    pub fn class(&self) -> u32 {
        self.class.load(Ordering::Acquire)
    }

    /// How the item differs from the program's; `None` in class 0.
    pub fn reason(&self) -> Option<&str> {
        self.reason.get().map(String::as_str)
    }

    /// Puts the item into another class than the program's. The first call counts.
    ///
    /// `class` is a number that no item of this path with other layouts has; `reason` says how they differ from
    /// the program's, for people.
    ///
    /// # Examples
    ///
    /// ```
    /// use hot_abi::layout::LayoutMark;
    /// let (program, library) = (LayoutMark::new(), LayoutMark::new());
    /// assert!(program.agrees_with(&library));
    /// library.set(3, "`World` has another field".to_owned());
    /// assert!(!program.agrees_with(&library));
    /// ```
    pub fn set(&self, class: u32, reason: String) {
        if self.reason.set(reason).is_ok() {
            self.class.store(class, Ordering::Release);
        }
    }

    /// Whether code compiled for one item may call the other.
    pub fn agrees_with(&self, other: &LayoutMark) -> bool {
        self.class() == other.class()
    }

    /// Why code compiled for this item may not call a newer one.
    pub(crate) fn difference_to(&self, newer: &LayoutMark) -> String {
        match newer.reason().or(self.reason()) {
            Some(reason) => reason.to_owned(),
            None => "the layouts are those of another generation".to_owned(),
        }
    }
}

impl Default for LayoutMark {
    fn default() -> Self {
        LayoutMark::new()
    }
}

/// The static of an item. Its type carries the item's identity, the hash of its path or name, and a type
/// that leads to all that cross.
#[doc(hidden)]
pub struct ItemLayout<const ITEM: u64, T> {
    pub mark: LayoutMark,
    pub types: PhantomData<fn() -> T>,
}

impl<const ITEM: u64, T> ItemLayout<ITEM, T> {
    pub const fn unmarked() -> Self {
        ItemLayout {
            mark: LayoutMark::new(),
            types: PhantomData,
        }
    }
}

/// The static of a hot trait: leads from its trait object to its methods.
#[doc(hidden)]
pub struct InterfaceLayout<I: ?Sized, M> {
    pub interface: PhantomData<fn(&I) -> M>,
}

impl<I: ?Sized, M> InterfaceLayout<I, M> {
    pub const fn of_trait() -> Self {
        InterfaceLayout {
            interface: PhantomData,
        }
    }
}

/// What can be asked of a type without a value of it: its size and alignment, if it has one.
///
/// Not every type behind a reference has: for those that do, `key` below is found first; for the others,
/// that of [`ShapeOfUnsized`].
#[doc(hidden)]
pub struct ShapeOf<T: ?Sized> {
    of: PhantomData<T>,
}

impl<T> ShapeOf<T> {
    pub fn key() -> TypeKey {
        TypeKey {
            name: type_name::<T>(),
            size: size_of::<T>(),
            align: align_of::<T>(),
        }
    }
}

#[doc(hidden)]
pub trait ShapeOfUnsized {
    fn key() -> TypeKey;
}

impl<T: ?Sized> ShapeOfUnsized for ShapeOf<T> {
    fn key() -> TypeKey {
        TypeKey {
            name: type_name::<T>(),
            size: 0,
            align: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_without_a_size_has_a_key_too() {
        assert_eq!(ShapeOf::<u32>::key(), TypeKey::of::<u32>());
        let unsized_keys = [ShapeOf::<str>::key(), ShapeOf::<dyn Send>::key()];
        assert!(
            unsized_keys.iter().all(|key| key.size == 0),
            "{unsized_keys:?}"
        );
    }

    #[test]
    fn the_first_mark_counts() {
        let mark = LayoutMark::new();
        assert_eq!((mark.class(), mark.reason()), (0, None));
        mark.set(2, "first".to_owned());
        mark.set(3, "second".to_owned());
        assert_eq!((mark.class(), mark.reason()), (2, Some("first")));
        assert_eq!(LayoutMark::new().difference_to(&mark), "first");
        assert_eq!(mark.difference_to(&LayoutMark::new()), "first");
    }
}
