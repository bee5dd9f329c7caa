//! The attributes of hot code reloading. Use them through `hot-abi`, which re-exports them.
//!
//! Each attribute checks what the user wrote, all of it, and emits one call of a template that hot-abi
//! holds. This crate knows the shape of functions and traits and nothing of what happens to them at
//! run time. It is pinned by hot-abi to its own version, for the templates are private between the two.

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
mod signature;
mod state;

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

/// Describes how the crate that calls it is compiled, for `hot_app::hot_host!`.
#[doc(hidden)]
#[proc_macro]
pub fn __compilation(input: TokenStream) -> TokenStream {
    compilation::expand(input.into()).into()
}
