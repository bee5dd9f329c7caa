//! `#[hot_fn]` on an `impl` block: each of its methods is a hot function.

use crate::attributes;
use crate::entry::needs_entry;
use crate::errors::{Errors, with_item};
use crate::explicit::Owner;
use crate::function::{Checked, check_callable};
use crate::options::Options;
use crate::proxy::Proxy;
use crate::signature::{self, Kind};
use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::{GenericParam, ImplItem, ImplItemFn, ItemImpl, Type};

pub(crate) fn expand(attr: TokenStream, mut block: ItemImpl) -> TokenStream {
    let mut errors = Errors::default();
    // Taken from the user's own tokens, too: they are no longer in an attribute's care.
    let options = take_options(&mut block, &mut errors);
    match check(attr, &block, &options, errors) {
        Ok(model) => model.expand(&block),
        Err(error) => with_item(&error, block.into_token_stream()),
    }
}

/// An `impl` block that passed the checks.
struct Model {
    owner: Owner,
    /// For each item of the block, `None` where it stays as it is.
    methods: Vec<Option<Checked>>,
}

fn take_options(block: &mut ItemImpl, errors: &mut Errors) -> Vec<Options> {
    let items = block.items.iter_mut();
    items
        .map(|item| match item {
            ImplItem::Fn(method) => Options::take_from(&mut method.attrs, errors),
            _ => Options::default(),
        })
        .collect()
}

fn check(
    attr: TokenStream,
    block: &ItemImpl,
    options: &[Options],
    mut errors: Errors,
) -> syn::Result<Model> {
    if !attr.is_empty() {
        errors.at(
            attr,
            "`#[hot_fn]` on an `impl` block takes no arguments; put them on a method: `#[hot_fn(skip)]`",
        );
    }
    if let Some((interface, _)) = &block.trait_ {
        errors.at(
            interface,
            "the methods of a trait cannot be hot functions: who calls them chooses the code; call a hot function from \
             the method, or make the trait a `#[hot_trait]`",
        );
    }
    if !matches!(signature::ungrouped(&block.self_ty), Type::Path(_)) {
        errors.at(
            &block.self_ty,
            "`#[hot_fn]` stands on the `impl` block of a type that has a name",
        );
    }
    if let Some(clause) = &block.generics.where_clause {
        errors.at(
            clause,
            "a hot `impl` block cannot have a `where` clause: its types are concrete",
        );
    }
    let mut lifetimes = Vec::new();
    for parameter in &block.generics.params {
        match parameter {
            GenericParam::Lifetime(parameter) if parameter.colon_token.is_none() => {
                lifetimes.push(parameter.lifetime.clone());
            }
            GenericParam::Lifetime(parameter) => errors.at(
                parameter,
                "a hot `impl` block cannot bound its lifetimes; use one lifetime for both references",
            ),
            other => errors.at(
                other,
                "a hot `impl` block cannot have type or const parameters: a library holds no code for types it does \
                 not know; write the block for the concrete type",
            ),
        }
    }
    let owner = Owner::new(lifetimes, &block.self_ty);
    let methods = block.items.iter().zip(options);
    let methods = methods
        .map(|(item, options)| match item {
            ImplItem::Fn(method) if options.skip.is_none() => Some(check_callable(
                Kind::Method,
                &method.attrs,
                &method.sig,
                options,
                Some(&owner),
                &mut errors,
            )),
            _ => None,
        })
        .collect();
    errors.or(Model { owner, methods })
}

impl Model {
    fn expand(&self, block: &ItemImpl) -> TokenStream {
        let ItemImpl {
            attrs,
            generics,
            self_ty,
            ..
        } = block;
        let items = block.items.iter().zip(&self.methods);
        let items = items.map(|(item, checked)| match (item, checked) {
            (ImplItem::Fn(method), Some(checked)) => self.method(method, checked, self_ty),
            (item, _) => item.to_token_stream(),
        });
        let reload = quote!(#(#attrs)* impl #generics #self_ty { #(#items)* });
        let (conditions, needs_entry) = (attributes::conditions(attrs), needs_entry());
        quote!(::hot_abi::__hot_item! { { #reload } { #(#conditions)* #needs_entry #block } })
    }

    fn method(&self, method: &ImplItemFn, checked: &Checked, written: &Type) -> TokenStream {
        let ImplItemFn {
            attrs,
            vis,
            sig,
            block,
            ..
        } = method;
        let Owner { ty, lifetimes } = &self.owner;
        let mut body = sig.clone();
        body.ident = format_ident!("__hot_body_{}", sig.ident);
        body.abi = None;
        let name = &body.ident;
        let owner = crate::written::written(written);
        Proxy {
            attributes: attrs,
            visibility: vis,
            signature: sig,
            checked,
            path: format!("{owner}::{}", sig.ident),
            // A method, so that its `self` and `Self` stay what they are.
            body: quote! {
                #[allow(non_local_definitions)]
                const _: () = {
                    impl<#(#lifetimes),*> #ty {
                        #[doc(hidden)]
                        #body #block
                    }
                };
            },
            call_body_in_proxy: quote!(Self::#name),
            call_body: quote!(<#ty>::#name),
        }
        .into_token_stream()
    }
}
