//! `#[hot_fn]`: a function whose every call runs the newest code.

use crate::attributes;
use crate::entry::needs_entry;
use crate::errors::{Errors, with_item};
use crate::explicit::{Explicit, Owner};
use crate::methods;
use crate::options::Options;
use crate::proxy::Proxy;
use crate::signature::{self, Kind, Parameter};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, GenericParam, Item, ItemFn, ReturnType, Signature, Type};

pub(crate) fn expand(attr: TokenStream, item: TokenStream) -> TokenStream {
    match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Fn(function)) => match check(attr, &function) {
            Ok(checked) => generate(&function, &checked),
            Err(error) => with_item(&error, item),
        },
        Ok(Item::Impl(block)) => methods::expand(attr, block),
        Ok(other) => {
            let message = "`#[hot_fn]` stands on a function or on an `impl` block";
            with_item(&syn::Error::new_spanned(other, message), item)
        }
        Err(error) => with_item(&error, item),
    }
}

/// A function that passed the checks.
pub(crate) struct Checked {
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) explicit: Explicit,
    /// Whether the future of an `async fn` need not be `Send`.
    pub(crate) local: bool,
}

fn check(attr: TokenStream, function: &ItemFn) -> syn::Result<Checked> {
    let mut errors = Errors::default();
    let mut options = Options::default();
    options.read(attr, &mut errors);
    if let Some(skip) = &options.skip {
        errors.at(
            skip,
            "`skip` is for a method of a `#[hot_fn] impl`; to make a function ordinary, take `#[hot_fn]` away",
        );
    }
    let checked = check_callable(
        Kind::Function,
        &function.attrs,
        &function.sig,
        &options,
        None,
        &mut errors,
    );
    errors.or(checked)
}

/// Checks all that functions and methods have in common.
pub(crate) fn check_callable(
    kind: Kind,
    attributes: &[Attribute],
    signature: &Signature,
    options: &Options,
    owner: Option<&Owner>,
    errors: &mut Errors,
) -> Checked {
    attributes::check("a hot function", attributes, errors);
    let parameters = signature::check(kind, signature, errors);
    if let (Some(local), None) = (&options.local, &signature.asyncness) {
        errors.at(
            local,
            "`local` is for an `async fn`: it says that the future need not be `Send`",
        );
    }
    for parameter in &parameters {
        if let Some(found) = signature::find_impl_trait(&parameter.ty) {
            errors.at(
                found,
                "a hot function cannot take `impl Trait`, which is a type parameter in disguise; take `&dyn Trait`, \
                 `&mut dyn Trait`, `Box<dyn Trait>` or the concrete type",
            );
        }
    }
    if let ReturnType::Type(_, ty) = &signature.output {
        if let Some(found) = signature::find_impl_trait(ty) {
            errors.at(
                found,
                "a hot function cannot return `impl Trait`, whose type changes with the body; return `Box<dyn Trait>` \
                 or the concrete type",
            );
        }
        if let Type::Never(never) = signature::ungrouped(ty) {
            errors.at(never, "a hot function cannot return `!`: a function that never returns is never called anew");
        }
    }
    if let Some(clause) = &signature.generics.where_clause {
        errors.at(
            clause,
            "a hot function cannot have a `where` clause: its types are concrete",
        );
    }
    for parameter in &signature.generics.params {
        if let GenericParam::Lifetime(lifetime) = parameter
            && lifetime.colon_token.is_some()
        {
            errors.at(
                lifetime,
                "a hot function cannot bound its lifetimes; use one lifetime for both references",
            );
        }
    }
    let explicit = Explicit::new(signature, &parameters, owner);
    for lifetime in explicit.loose_lifetimes() {
        errors.at(
            &signature.output,
            format!(
                "the result of a hot function cannot have the lifetime `{lifetime}`, which is in none of its \
                 parameters; write `'static`"
            ),
        );
    }
    Checked {
        parameters,
        explicit,
        local: options.local.is_some(),
    }
}

fn generate(function: &ItemFn, checked: &Checked) -> TokenStream {
    let ItemFn {
        attrs,
        vis,
        sig,
        block,
        ..
    } = function;
    let mut body = sig.clone();
    body.ident = syn::Ident::new("__hot_body", sig.ident.span());
    body.abi = None;
    let proxy = Proxy {
        attributes: attrs,
        visibility: vis,
        signature: sig,
        checked,
        path: sig.ident.to_string(),
        body: quote!(#body #block),
        call_body_in_proxy: quote!(__hot_body),
        call_body: quote!(__hot_body),
    };
    let mut plain = function.clone();
    plain.block.stmts.insert(0, needs_entry());
    quote!(::hot_abi::__hot_item! { { #proxy } { #plain } })
}
