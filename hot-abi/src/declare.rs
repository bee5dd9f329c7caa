//! `hot_static!` and `hot_static_ref!`, with reloading on and off.

/// Declares statics that exist once, in the program and all its libraries. Read them with
/// [`hot_static_ref!`](crate::hot_static_ref).
///
/// # Examples
///
/// ```
/// use hot_abi::{hot_static, hot_static_ref};
/// use std::sync::atomic::{AtomicU32, Ordering};
/// hot_static! { pub static FRAMES: AtomicU32 = AtomicU32::new(0); }
///
/// hot_static_ref!(FRAMES).fetch_add(1, Ordering::Relaxed);
/// assert_eq!(hot_static_ref!(FRAMES).load(Ordering::Relaxed), 1);
/// ```
#[cfg(feature = "reload")]
#[macro_export]
macro_rules! hot_static {
    ($($(#[$attr:meta])* $vis:vis static $name:ident: $ty:ty = $init:expr;)+) => {$(
        $(#[$attr])*
        $vis static $name: $crate::statics::HotStatic<$ty> = {
            static VALUE: $ty = $init;
            $crate::statics::HotStatic::new(&VALUE)
        };
        const _: () = {
            #[$crate::private::linkme::distributed_slice($crate::private::STATICS)]
            #[linkme(crate = $crate::private::linkme)]
            static ENTRY: $crate::private::StaticEntry = $crate::private::StaticEntry {
                key: $crate::__static_key!($name),
                type_key: $crate::private::TypeKey::of::<$ty>,
                slot: $name.slot(),
            };
        };
    )+};
}

/// Declares statics that exist once. Read them with [`hot_static_ref!`](crate::hot_static_ref).
#[cfg(not(feature = "reload"))]
#[macro_export]
macro_rules! hot_static {
    ($($(#[$attr:meta])* $vis:vis static $name:ident: $ty:ty = $init:expr;)+) => {$(
        $(#[$attr])*
        $vis static $name: $ty = $init;
    )+};
}

/// A `&'static T` to the value of a [`hot_static!`](crate::hot_static), given its path.
#[cfg(feature = "reload")]
#[macro_export]
macro_rules! hot_static_ref {
    ($path:path) => {
        $path.get()
    };
}

/// A `&'static T` to the value of a [`hot_static!`](crate::hot_static), given its path.
#[cfg(not(feature = "reload"))]
#[macro_export]
macro_rules! hot_static_ref {
    ($path:path) => {
        &$path
    };
}
