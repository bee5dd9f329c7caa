//! `#[hot_leave]` and `#[hot_enter]`: functions that run when a generation is left or entered.

use crate::attributes;
use crate::entry::entry_module;
use crate::errors::{Errors, with_item};
use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::{ItemFn, ReturnType, Safety};

/// Which of the two attributes expands.
#[derive(Clone, Copy)]
pub(crate) enum Hook {
    Leave,
    Enter,
}

pub(crate) fn expand(hook: Hook, attr: TokenStream, item: TokenStream) -> TokenStream {
    match syn::parse2::<ItemFn>(item.clone()).and_then(|function| check(attr, function)) {
        Ok(function) => expand_checked(hook, &function),
        Err(error) => with_item(&error, item),
    }
}

fn check(attr: TokenStream, function: ItemFn) -> syn::Result<ItemFn> {
    let mut errors = Errors::default();
    if !attr.is_empty() {
        errors.at(attr, "the attribute of a hook takes no arguments");
    }
    let signature = &function.sig;
    if !signature.inputs.is_empty() {
        errors.at(
            &signature.inputs,
            "a hook takes no arguments; reach what it needs through `hot_static!` or `app_local!`",
        );
    }
    if let ReturnType::Type(_, ty) = &signature.output {
        errors.at(ty, "a hook returns nothing: there is nobody to take it");
    }
    if let Some(asyncness) = &signature.asyncness {
        errors.at(
            asyncness,
            "a hook cannot be `async`: it is over before the program goes on",
        );
    }
    if let Safety::Unsafe(unsafety) = &signature.safety {
        errors.at(
            unsafety,
            "a hook cannot be `unsafe`: no caller is there to vouch for it",
        );
    }
    if !signature.generics.params.is_empty() {
        errors.at(&signature.generics, "a hook cannot have generic parameters");
    }
    errors.or(function)
}

fn expand_checked(hook: Hook, function: &ItemFn) -> TokenStream {
    let (plain, name) = (function.to_token_stream(), &function.sig.ident);
    let (module, path) = (entry_module(), name.to_string());
    let kind = match hook {
        Hook::Leave => format_ident!("Leave"),
        Hook::Enter => format_ident!("Enter"),
    };
    let conditions = attributes::conditions(&function.attrs);
    quote! {
        #[allow(dead_code)]
        #plain

        ::hot_abi::__hot_item! {
            {
                #(#conditions)*
                const _: () = {
                    #[allow(unsafe_code)] // the section that the linker gathers
                    #[::hot_abi::private::linkme::distributed_slice(crate::#module::HOOKS)]
                    #[linkme(crate = ::hot_abi::private::linkme)]
                    static __HOT_ENTRY: ::hot_abi::private::HookEntry = ::hot_abi::private::HookEntry {
                        kind: ::hot_abi::private::HookKind::#kind,
                        path: ::core::concat!(::core::module_path!(), "::", #path),
                        run: || ::hot_abi::private::contain(#name),
                    };
                };
            }
            {}
        }
    }
}
