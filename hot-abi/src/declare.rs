//! `hot_static!`, `hot_static_ref!` and `global_allocator!`, with reloading on and off.

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

/// Declares the program's global allocator, and has its libraries use it.
///
/// Stands in the place of `#[global_allocator]`, once in a program. With reloading it needs the
/// `allocator` feature; without, it is a plain `#[global_allocator]`.
///
/// # Examples
///
/// ```
/// hot_abi::global_allocator! { static GLOBAL: std::alloc::System = std::alloc::System; }
/// # fn main() {}
/// ```
#[cfg(all(feature = "reload", feature = "allocator"))]
#[macro_export]
macro_rules! global_allocator {
    ($(#[$attr:meta])* $vis:vis static $name:ident: $ty:ty = $init:expr;) => {
        $(#[$attr])*
        $vis static $name: $ty = $init;
        const _: () = {
            #[$crate::private::linkme::distributed_slice($crate::private::DECLARED_ALLOCATORS)]
            #[linkme(crate = $crate::private::linkme)]
            static DECLARED: $crate::private::Heap = &$name;
            // A second declaration is an error, as a second `#[global_allocator]` is: two symbols of
            // one name.
            #[used]
            #[unsafe(export_name = "hot_abi_global_allocator_is_declared_once")]
            static ONCE: u8 = 0;
        };
    };
}

/// Declares the program's global allocator. Without reloading there is nobody to share it with.
#[cfg(not(feature = "reload"))]
#[macro_export]
macro_rules! global_allocator {
    ($(#[$attr:meta])* $vis:vis static $name:ident: $ty:ty = $init:expr;) => {
        $(#[$attr])*
        #[global_allocator]
        $vis static $name: $ty = $init;
    };
}

/// Declares the program's global allocator. With reloading that takes the `allocator` feature.
#[cfg(all(feature = "reload", not(feature = "allocator")))]
#[macro_export]
macro_rules! global_allocator {
    ($($declaration:tt)*) => {
        ::core::compile_error!(
            "`global_allocator!` needs the feature `allocator` of hot-app (or of hot-abi), so that new code uses \
             the program's allocator"
        );
    };
}
