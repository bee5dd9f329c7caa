//! Statics that are made at their first use, once in the program and all its libraries.

use std::fmt;
use std::ops::Deref;
use std::sync::OnceLock;

/// A static that is made at its first use. Declared with [`lazy_static!`](crate::lazy_static).
pub struct LazyStatic<T: Send + Sync + 'static> {
    cell: fn() -> &'static OnceLock<T>,
    init: fn() -> T,
}

impl<T: Send + Sync + 'static> LazyStatic<T> {
    #[doc(hidden)]
    pub const fn new(cell: fn() -> &'static OnceLock<T>, init: fn() -> T) -> Self {
        LazyStatic { cell, init }
    }
}

impl<T: Send + Sync + 'static> Deref for LazyStatic<T> {
    type Target = T;

    fn deref(&self) -> &T {
        (self.cell)().get_or_init(self.init)
    }
}

impl<T: Send + Sync + 'static> fmt::Debug for LazyStatic<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LazyStatic")
            .field("made", &(self.cell)().get().is_some())
            .finish()
    }
}

/// Makes a lazy static with a given value, if it is not made yet.
///
/// # Errors
///
/// Gives the value back if the static was made before.
///
/// # Examples
///
/// ```
/// use hot_abi::{lazy_static, lazy_static_init};
/// lazy_static! { static ref NAME: String = "default".to_owned(); }
///
/// assert_eq!(lazy_static_init(&NAME, "given".to_owned()).unwrap(), "given");
/// assert_eq!(*NAME, "given");
/// assert_eq!(lazy_static_init(&NAME, "late".to_owned()), Err("late".to_owned()));
/// ```
pub fn lazy_static_init<T: Send + Sync + 'static>(
    lazy: &'static LazyStatic<T>,
    value: T,
) -> Result<&'static T, T> {
    let cell = (lazy.cell)();
    let mut given = Some(value);
    let made = cell.get_or_init(|| given.take().expect("called once"));
    match given {
        None => Ok(made),
        Some(value) => Err(value),
    }
}

/// Declares statics that are made at their first use, once in the program and all its libraries.
///
/// See [`lazy_static_init`](crate::lazy_static_init) to make one with a given value.
///
/// # Examples
///
/// ```
/// hot_abi::lazy_static! {
///     /// The words, sorted.
///     pub static ref WORDS: Vec<&'static str> = { let mut words = vec!["b", "a"]; words.sort(); words };
/// }
/// assert_eq!(*WORDS, ["a", "b"]);
/// ```
#[macro_export]
macro_rules! lazy_static {
    ($($(#[$attr:meta])* $vis:vis static ref $name:ident: $ty:ty = $init:expr;)+) => {$(
        $(#[$attr])*
        $vis static $name: $crate::LazyStatic<$ty> = $crate::LazyStatic::new(
            {
                mod cell {
                    pub(super) use ::std::sync::OnceLock;
                }
                $crate::__lazy_cell! { $name: $ty }
                cell_of
            },
            || $init,
        );
    )+};
}

/// The cell of one lazy static.
#[doc(hidden)]
#[macro_export]
macro_rules! __lazy_cell {
    ($name:ident: $ty:ty) => {
        $crate::hot_static! { static $name: cell::OnceLock<$ty> = cell::OnceLock::new(); }
        fn cell_of() -> &'static cell::OnceLock<$ty> {
            $crate::hot_static_ref!($name)
        }
    };
}

#[cfg(test)]
mod tests {
    use super::lazy_static_init;
    use std::sync::atomic::{AtomicU32, Ordering};

    static MADE: AtomicU32 = AtomicU32::new(0);

    crate::lazy_static! {
        static ref USED: u32 = MADE.fetch_add(1, Ordering::SeqCst) + 7;
        static ref GIVEN: String = unreachable!("a value was given");
    }

    #[test]
    fn a_value_that_comes_too_late_is_given_back() {
        assert_eq!(MADE.load(Ordering::SeqCst), 0, "nobody has used it yet");
        assert_eq!((*USED, *USED), (7, 7));
        assert_eq!(lazy_static_init(&USED, 8), Err(8));
        assert_eq!(MADE.load(Ordering::SeqCst), 1);

        let given = lazy_static_init(&GIVEN, "early".to_owned());
        assert_eq!(given.map(String::as_str), Ok("early"));
        let late = lazy_static_init(&GIVEN, "late".to_owned());
        assert_eq!(late, Err("late".to_owned()));
        assert_eq!(*GIVEN, "early");
    }
}
