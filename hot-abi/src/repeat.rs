//! The arguments of a call, kept for the case that its code panics and other code is to answer it.
//!
//! How an argument is kept depends on its type, and is chosen where the type is known, by the macros: with
//! four traits of the same methods, each implemented for one reference less, the compiler takes the first that
//! applies.

use crate::repeatable::Repeatable;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr;

/// An argument that may be handed over once more.
#[doc(hidden)]
pub enum Kept<T> {
    /// It cannot be.
    Not,
    /// Its bytes: it is a reference, or may be copied.
    Bytes(MaybeUninit<T>),
    /// A clone, and what makes another.
    Clone(T, fn(&T) -> T),
}

impl<T> Kept<T> {
    /// Whether the argument may be handed over once more.
    #[inline]
    pub fn is_kept(&self) -> bool {
        !matches!(self, Kept::Not)
    }

    /// The argument once more.
    ///
    /// # Panics
    ///
    /// If it [is not kept](Kept::is_kept).
    ///
    /// # Safety
    ///
    /// The argument may be a `&mut`: every call that it was handed to before is over, and nothing that such a
    /// call returned is used any more.
    #[cold]
    pub unsafe fn again(&self) -> T {
        match self {
            Kept::Not => panic!("an argument that was not kept"),
            // SAFETY: these are the bytes of a value that was initialised, and that may be copied; or of a
            // `&mut`, whose other copies are used no more, as the caller vouches.
            Kept::Bytes(bytes) => unsafe { bytes.assume_init_read() },
            Kept::Clone(clone, again) => again(clone),
        }
    }

    fn bytes_of(argument: &T) -> Kept<T> {
        // SAFETY: what is read is a value of this type; as `MaybeUninit` it is never dropped, and never used
        // but by `again`.
        Kept::Bytes(unsafe { ptr::read(ptr::from_ref(argument).cast()) })
    }
}

/// The type of an argument, to choose by.
#[doc(hidden)]
pub struct Argument<T>(PhantomData<fn(T)>);

impl<T> Argument<T> {
    /// The type of `argument`.
    #[inline(always)]
    pub fn of(_: &T) -> Argument<T> {
        Argument(PhantomData)
    }
}

/// First: `&mut`.
#[doc(hidden)]
pub trait KeepExclusive<T> {
    /// Whether the argument can be kept, be it only while the code is on trial.
    #[inline(always)]
    fn __hot_can_keep(&self) -> bool {
        true
    }
    fn __hot_keep(&self, argument: &T, on_trial: bool) -> Kept<T>;
}

impl<'a, T: ?Sized> KeepExclusive<&'a mut T> for &&&Argument<&'a mut T> {
    #[inline(always)]
    fn __hot_keep(&self, argument: &&'a mut T, _: bool) -> Kept<&'a mut T> {
        Kept::bytes_of(argument)
    }
}

/// Second: what may be copied, `&` among it.
#[doc(hidden)]
pub trait KeepCopy<T> {
    #[inline(always)]
    fn __hot_can_keep(&self) -> bool {
        true
    }
    fn __hot_keep(&self, argument: &T, on_trial: bool) -> Kept<T>;
}

impl<T: Copy> KeepCopy<T> for &&Argument<T> {
    #[inline(always)]
    fn __hot_keep(&self, argument: &T, _: bool) -> Kept<T> {
        Kept::bytes_of(argument)
    }
}

/// Third: what can be cloned without anybody noticing. It is while the code is on trial.
#[doc(hidden)]
pub trait KeepClone<T> {
    #[inline(always)]
    fn __hot_can_keep(&self) -> bool {
        true
    }
    fn __hot_keep(&self, argument: &T, on_trial: bool) -> Kept<T>;
}

impl<T: Repeatable> KeepClone<T> for &Argument<T> {
    #[inline(always)]
    fn __hot_keep(&self, argument: &T, on_trial: bool) -> Kept<T> {
        if on_trial {
            Kept::Clone(argument.clone(), T::clone)
        } else {
            Kept::Not
        }
    }
}

/// Last: everything else.
#[doc(hidden)]
pub trait KeepNot<T> {
    #[inline(always)]
    fn __hot_can_keep(&self) -> bool {
        false
    }
    fn __hot_keep(&self, argument: &T, on_trial: bool) -> Kept<T>;
}

impl<T> KeepNot<T> for Argument<T> {
    #[inline(always)]
    fn __hot_keep(&self, _: &T, _: bool) -> Kept<T> {
        Kept::Not
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;
    use std::sync::Arc;

    macro_rules! keep {
        ($argument:expr, $on_trial:expr) => {
            (&&&&Argument::of(&$argument)).__hot_keep(&$argument, $on_trial)
        };
    }

    #[test]
    fn an_argument_is_kept_as_its_type_allows() {
        struct Neither;
        let (number, text) = (1_u8, "text".to_owned());
        let mut world = vec![1];
        let exclusive = &mut world;
        assert!(matches!(keep!(number, false), Kept::Bytes(_)));
        assert!(matches!(keep!(&text, false), Kept::Bytes(_)));
        assert!(matches!(keep!(exclusive, false), Kept::Bytes(_)));
        assert!(matches!(keep!(text, true), Kept::Clone(..)));
        assert!(!keep!(text, false).is_kept());
        assert!(!keep!(Neither, true).is_kept());
        // One owner more is noticed.
        let (shared, counted) = (Arc::new(1), vec![Some(Rc::new(1))]);
        assert!(!keep!(shared, true).is_kept() && !keep!(counted, true).is_kept());
        assert_eq!((Arc::strong_count(&shared), counted.len()), (1, 1));
        let nested = (vec![Some("text".to_owned())], [1_u8; 4]);
        assert!(matches!(keep!(nested, true), Kept::Clone(..)));
    }

    #[test]
    fn it_is_known_before_whether_all_arguments_can_be_kept() {
        macro_rules! can_keep {
            ($argument:expr) => {
                (&&&&Argument::of(&$argument)).__hot_can_keep()
            };
        }
        let (mut number, text) = (1_u8, "text".to_owned());
        assert!(can_keep!(number) && can_keep!(text) && can_keep!(&text));
        assert!(can_keep!(&mut number));
        assert!(!can_keep!(Arc::new(1)));
    }

    #[test]
    fn a_kept_argument_is_handed_over_as_often_as_wanted() {
        let text = "text".to_owned();
        let kept = keep!(text, true);
        drop(text);
        // SAFETY: nothing else of it is left.
        let twice = [unsafe { kept.again() }, unsafe { kept.again() }];
        assert_eq!(twice, ["text", "text"]);

        let mut world = vec![1];
        let exclusive = &mut world;
        let kept = keep!(exclusive, false);
        exclusive.push(2);
        // SAFETY: `exclusive` is used no more.
        unsafe { kept.again() }.push(3);
        // SAFETY: as above, and so is what the first use got.
        unsafe { kept.again() }.push(4);
        assert_eq!(world, [1, 2, 3, 4]);
    }
}
