//! The attributes of hot code reloading. Use them through `hot-abi`, which re-exports them.
//!
//! Each attribute checks what the user wrote, all of it, and emits one call of a template that hot-abi
//! holds. This crate knows the shape of functions and traits and nothing of what happens to them at
//! run time. It is pinned by hot-abi to its own version, for the templates are private between the two.

mod abi_build;
mod attributes;
mod compilation;
mod entry;
mod errors;
mod explicit;
mod function;
mod hook;
mod interface;
mod methods;
mod node;
mod options;
mod proxy;
mod rustc_run;
mod signature;
mod state;
mod written;

use proc_macro::TokenStream;

/// Makes the crate a hot crate. Called once, at the root of the crate: `hot_entry!();`.
///
/// It exports the two functions through which a program uses a newly built library of the crate, under
/// names of the crate's own, so that one program can link several hot crates.
///
/// # Errors
///
/// In a crate that has hot items and lacks this call, the compiler says of each that it cannot find
/// `__hot_entry_is_missing__call_it_at_the_root_of_this_crate`.
#[proc_macro]
pub fn hot_entry(input: TokenStream) -> TokenStream {
    entry::expand(input.into()).into()
}

/// Makes every call of a function run the newest code.
///
/// A call that has begun ends on the code it began on; a call of itself, or of another hot function, is a
/// new call. With the first new code of a function in place a call costs one atomic load and one
/// indirect call more than before.
///
/// - *Functions* may have references and lifetimes anywhere, closures as `&mut dyn FnMut()`, may be `unsafe`
///   or `extern "C"`.
/// - *Methods*: put `#[hot_fn]` on the `impl` block, and each method in it is hot, whatever its `self`.
///   `#[hot_fn(skip)]` leaves one out.
/// - *`async fn`*: the future is `Send`, unless `#[hot_fn(local)]` says that it need not be. A call is begun
///   when its future is first polled.
///
/// A function is known by its path. When the types of its parameters or its result change, its callers
/// stay with the code they have until the program is restarted.
///
/// # Errors
///
/// The types must be concrete, for a library holds no code for types it does not know: type and const
/// parameters, `impl Trait` and `where` clauses are refused. So are `const fn`, variadic functions, the
/// result `!`, bounds on lifetimes, a lifetime of the result that is in no parameter, parameters that
/// are patterns or have attributes, `#[track_caller]` and `#[target_feature]`; and for an `impl` block
/// that of a trait. Two hot functions of one path, as in the bodies of two functions of one module,
/// are conflicting implementations of `the_path_of_a_hot_function_is_used_once_in_a_crate`.
///
/// In an `async fn`, a type that borrows must show it: `Words<'_>`, not `Words`.
#[proc_macro_attribute]
pub fn hot_fn(attr: TokenStream, item: TokenStream) -> TokenStream {
    function::expand(attr.into(), item.into()).into()
}

/// Makes a function a node: what it returns is made again, by the newest code, on each reload.
///
/// The function returns `Box<dyn Trait>` or `Arc<dyn Trait>`, where `Trait` is a
/// [`macro@hot_trait`]. Its arguments are kept, to make the node again from clones of them: they are
/// `Clone + Send + 'static`, or `impl Into<T>` for such a `T`, converted once. Another node is passed as
/// `Child<dyn Trait>` and survives its parent.
///
/// The caller gets a stand-in that is the node to it. It makes the node anew at its first use after a
/// reload; by default afresh from the arguments. `#[hot_node(save)]` lets the old instance save and the
/// new one restore, for a trait with the supertrait `HotState`; `#[hot_node(keep)]` keeps the instance,
/// with the code that made it. `#[hot_node("name")]` gives the node a name other than the function's.
///
/// # Errors
///
/// Refused are `async`, `unsafe`, `const` and foreign functions, methods, parameters that borrow, are
/// patterns or have attributes, `impl Trait` other than `impl Into<T>`, lifetimes, type and const
/// parameters, `where` clauses, and any other result. Of two nodes of one name in a crate the compiler
/// says that `two_hot_nodes_of_this_crate_are_named_..`, with both places.
#[proc_macro_attribute]
pub fn hot_node(attr: TokenStream, item: TokenStream) -> TokenStream {
    node::expand(attr.into(), item.into()).into()
}

/// Makes a trait an interface of nodes.
///
/// The trait must be usable as `dyn Trait`. Its methods take `&self`, `&mut self` or
/// `self: Box<Self>`, and concrete arguments; a method with `where Self: Sized` may be anything.
/// Supertraits are `Send`, `Sync`, `Unpin`, `Debug`, `Display` or hot traits, of this module or another.
///
/// # Errors
///
/// Refused are parameters of the trait, `where` clauses, constants, associated types, and methods that
/// could not be called through `dyn Trait`: `async` and generic ones, those with `impl Trait` or `Self`
/// in their types, those with another receiver or none.
#[proc_macro_attribute]
pub fn hot_trait(attr: TokenStream, item: TokenStream) -> TokenStream {
    interface::expand(attr.into(), item.into()).into()
}

/// Makes a function run before a generation of its crate is left for a newer one.
///
/// It takes and returns nothing, and runs on the thread that makes the newer code live.
#[proc_macro_attribute]
pub fn hot_leave(attr: TokenStream, item: TokenStream) -> TokenStream {
    hook::expand(hook::Hook::Leave, attr.into(), item.into()).into()
}

/// Makes a function run after a generation of its crate has become the live one.
///
/// It takes and returns nothing, and runs on the thread that makes its code live.
#[proc_macro_attribute]
pub fn hot_enter(attr: TokenStream, item: TokenStream) -> TokenStream {
    hook::expand(hook::Hook::Enter, attr.into(), item.into()).into()
}

/// Implements `hot_abi::HotState`: each field is saved and restored by its name.
///
/// On a field: `#[hot(alias = "old name")]` also restores what had that name, `#[hot(skip)]` leaves it
/// as it is in a new value, `#[hot(hand_over)]` gives it over whole, which asks for `Default` and not for
/// serde. Above the struct: `#[hot(held)]` lets a program hold it as `hot_abi::Held`.
#[proc_macro_derive(HotState, attributes(hot))]
pub fn hot_state(item: TokenStream) -> TokenStream {
    state::expand(item.into()).into()
}

/// Tells which build of hot-abi this is, for hot-abi's fingerprint.
#[doc(hidden)]
#[proc_macro]
pub fn __abi_build(_: TokenStream) -> TokenStream {
    abi_build::expand().into()
}

/// Describes how the crate that calls it is compiled, for `hot_app::hot_host!`.
#[doc(hidden)]
#[proc_macro]
pub fn __compilation(input: TokenStream) -> TokenStream {
    compilation::expand(input.into()).into()
}
