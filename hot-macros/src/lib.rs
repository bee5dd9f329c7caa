//! The attributes of hot code reloading. Use them through `hot-abi`, which re-exports them.
//!
//! Each attribute checks what the user wrote, all of it, and emits one call of a template that hot-abi
//! holds. This crate knows the shape of functions and traits and nothing of what happens to them at
//! run time. It is pinned by hot-abi to its own version, for the templates are private between the two.

mod compilation;
mod entry;
mod errors;
mod function;
mod interface;
mod node;
mod signature;

use proc_macro::TokenStream;

/// Makes the crate a hot crate. Called once, at the root of the crate: `hot_entry!();`.
///
/// It exports the two functions through which a program uses a newly built library of the crate, under
/// names of the crate's own, so that one program can link several hot crates.
#[proc_macro]
pub fn hot_entry(input: TokenStream) -> TokenStream {
    entry::expand(input.into()).into()
}

/// Makes every call of a function run the newest code.
///
/// The function's types must be concrete: references and lifetimes may be anywhere, type and const
/// generics and `impl Trait` nowhere.
#[proc_macro_attribute]
pub fn hot_fn(attr: TokenStream, item: TokenStream) -> TokenStream {
    function::expand(attr.into(), item.into()).into()
}

/// Makes a function a node: what it returns is made again, by the newest code, on each reload.
///
/// The function returns `Box<dyn Trait>` or `Arc<dyn Trait>`, where `Trait` is a
/// [`macro@hot_trait`]. Its arguments are `Clone + Send + 'static`, or `impl Into<T>` for such a `T`.
/// `#[hot_node("name")]` gives the node a name other than the function's.
#[proc_macro_attribute]
pub fn hot_node(attr: TokenStream, item: TokenStream) -> TokenStream {
    node::expand(attr.into(), item.into()).into()
}

/// Makes a trait an interface of nodes.
///
/// The trait must be usable as `dyn Trait`. Its methods take `&self`, `&mut self` or
/// `self: Box<Self>`, and concrete arguments. Supertraits are `Send`, `Sync`, `Debug`, `Display` or hot
/// traits.
#[proc_macro_attribute]
pub fn hot_trait(attr: TokenStream, item: TokenStream) -> TokenStream {
    interface::expand(attr.into(), item.into()).into()
}

/// Describes how the crate that calls it is compiled, for `hot_app::hot_host!`.
#[doc(hidden)]
#[proc_macro]
pub fn __compilation(input: TokenStream) -> TokenStream {
    compilation::expand(input.into()).into()
}
