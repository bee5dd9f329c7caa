//! All that a hot crate links: the exported entry, the exchange, nodes, functions, context and statics
//! of hot code reloading.
//!
//! A hot crate is a library that is linked into a program and, while the program runs, is built again
//! as a dynamic library whose code takes the place of what was linked. This crate holds the types on
//! both sides of that exchange and the few operations on them. It does no I/O, starts no thread, and
//! knows neither files nor cargo nor how a library is loaded; `hot-app` does all that.
//!
//! ```toml
//! [lib]
//! crate-type = ["lib", "cdylib"]
//! ```
//! ```standalone_crate
//! use hot_abi::{hot_entry, hot_fn};
//! hot_entry!(); // once, at the root of the crate
//!
//! #[hot_fn] // every call runs the newest code
//! pub fn step(x: &mut f32, dt: f32) {
//!     *x += 10.0 * dt; // edit me
//! }
//! # fn main() {
//! #     let mut x = 0.0;
//! #     step(&mut x, 0.5);
//! #     assert_eq!(x, 5.0);
//! # }
//! ```
//!
//! # Features
//!
//! - `reload`: without it every attribute and macro leaves plain Rust behind, and this crate adds no code
//!   to a program. `hot-app` turns it on.
//! - `state`: state is saved and restored as copies, through serde, by what `#[derive(HotState)]` writes.
//! - `log`, `tracing`: what new code logs and traces goes to the program's logger and subscribers, as
//!   they are at that moment.
//! - `allocator`: for a program with a global allocator of its own, which it declares with
//!   [`global_allocator!`]; new code uses it too. With this feature hot-abi itself is the
//!   `#[global_allocator]`, so that no second one can be overlooked.

// What the attributes write refers to this crate by its name, here too.
extern crate self as hot_abi;

pub mod args;
#[cfg(feature = "reload")]
pub mod boundary;
mod child;
#[cfg(feature = "reload")]
mod codes;
#[cfg(feature = "reload")]
pub mod entry;
#[cfg(feature = "reload")]
pub mod exchange;
#[cfg(feature = "reload")]
pub mod fingerprint;
#[cfg(feature = "reload")]
mod forward;
#[cfg(feature = "reload")]
pub mod function;
#[cfg(feature = "reload")]
mod future;
#[cfg(feature = "reload")]
pub mod generation;
#[cfg(feature = "reload")]
pub mod held;
#[cfg(not(feature = "reload"))]
mod held_plain;
#[cfg(feature = "reload")]
pub mod hook;
#[cfg(feature = "reload")]
pub mod layout;
#[cfg(feature = "reload")]
pub mod node;
#[cfg(feature = "reload")]
pub mod notice;
#[cfg(feature = "reload")]
pub mod policy;
#[cfg(feature = "reload")]
pub mod registry;
#[cfg(feature = "reload")]
mod repeat;
mod repeatable;
#[cfg(feature = "reload")]
pub mod same_type;
#[cfg(feature = "reload")]
mod services;

mod attributes;
mod context;
mod declare;
mod lazy;
#[doc(hidden)]
pub mod private;
mod state;
#[cfg(feature = "reload")]
pub mod statics;
#[cfg(feature = "reload")]
mod supertraits;
#[cfg(feature = "reload")]
mod trail;
#[cfg(feature = "reload")]
mod trial;

pub use attributes::{HotState, hot_enter, hot_entry, hot_fn, hot_leave, hot_node, hot_trait};
pub use child::Child;
pub use context::{AppLocal, ContextLocal, LocalContext};
#[cfg(feature = "reload")]
pub use held::{Held, HeldGuard, HeldType};
#[cfg(not(feature = "reload"))]
pub use held_plain::{Held, HeldGuard, HeldType};
pub use lazy::{LazyStatic, lazy_static_init};
pub use repeatable::Repeatable;
pub use state::{HotState, SavedState, StateReport};
