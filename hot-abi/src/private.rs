//! What the code that the macros generate refers to, and nobody else.

#[cfg(feature = "reload")]
pub use {hot_macros::__compilation, linkme};

#[cfg(feature = "reload")]
pub use crate::{
    args::{Args, NodeArg, TypeKey},
    boundary::{Caught, Frame, contain},
    context::LocalContext,
    entry::{InitReport, InitRequest, entry, init},
    exchange::{Exchange, Refusal},
    fingerprint,
    function::{CodePtr, FunctionEntry, Slot, after_panic},
    future::ContainedFuture,
    generation::Live,
    held::{HeldEntry, RawValue},
    hook::{HookEntry, HookKind},
    layout::{InterfaceLayout, ItemLayout, LayoutMark, ShapeOf, ShapeOfUnsized},
    node::{
        Carry, ContainsPanics, Guarded, Guards, Interface, Node, NodeEntry, StandIn, Taken,
        contain_if, unpack,
    },
    registry::{CRATES, Compilation, HotCrate, PROGRAMS, ProgramRecord, RustcRun, STATICS},
    repeat::{Argument, KeepClone, KeepCopy, KeepExclusive, KeepNot},
    statics::StaticEntry,
    supertraits::{is_same, no_supertrait, view, view_box, view_mut},
};

#[cfg(all(feature = "reload", feature = "allocator"))]
pub use crate::forward::allocator::{DECLARED as DECLARED_ALLOCATORS, Heap};

/// Implemented once for each path of a hot function, so that a path used twice is two equal impls, which
/// the compiler reports with both places. It happens where two hot functions of one name stand in the
/// bodies of two functions of one module.
#[cfg(feature = "reload")]
#[allow(
    non_camel_case_types,
    reason = "the compiler's message is made of this name"
)]
pub trait the_path_of_a_hot_function_is_used_once_in_a_crate<const PATH: u64> {}

/// What stands for a path in the type system: its FNV-1a hash.
#[cfg(feature = "reload")]
pub const fn path_hash(path: &str) -> u64 {
    let bytes = path.as_bytes();
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut i = 0;
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0100_0000_01b3);
        i += 1;
    }
    hash
}

/// Whether every argument of a node is a [`NodeArg`](crate::args::NodeArg), asked at the argument's type.
#[cfg(feature = "reload")]
pub const fn assert_node_arg<T: NodeArg>() {}

/// Chooses between the two forms of an item that an attribute wrote.
#[cfg(feature = "reload")]
#[doc(hidden)]
#[macro_export]
macro_rules! __hot_item {
    ({ $($reload:tt)* } { $($plain:tt)* }) => { $($reload)* };
}

/// Chooses between the two forms of an item that an attribute wrote.
#[cfg(not(feature = "reload"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __hot_item {
    ({ $($reload:tt)* } { $($plain:tt)* }) => { $($plain)* };
}

/// Chooses between the two forms of state that is saved as copies.
#[cfg(all(feature = "reload", feature = "state"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __hot_state {
    ({ $($reload:tt)* } { $($plain:tt)* }) => { $($reload)* };
}

/// Chooses between the two forms of state that is saved as copies.
#[cfg(all(feature = "reload", not(feature = "state")))]
#[doc(hidden)]
#[macro_export]
macro_rules! __hot_state {
    ({ $($reload:tt)* } { $($plain:tt)* }) => {
        ::core::compile_error!(
            "to save fields turn on the feature `state` of hot-abi: `hot-abi = { version = \"0.1\", features = [\"state\"] }`; \
             or mark each field with `#[hot(skip)]` or `#[hot(hand_over)]`"
        );
        $($plain)*
    };
}

/// Chooses between the two forms of state that is saved as copies.
#[cfg(not(feature = "reload"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __hot_state {
    ({ $($reload:tt)* } { $($plain:tt)* }) => { $($plain)* };
}

/// The key of a static: the folder of its crate's Cargo.toml, the path of its module, its name.
#[doc(hidden)]
#[macro_export]
macro_rules! __static_key {
    ($name:ident) => {
        concat!(
            env!("CARGO_MANIFEST_DIR"),
            " ",
            module_path!(),
            "::",
            stringify!($name)
        )
    };
}
