//! `#[hot_fn]`: a function whose every call runs the newest code.

use crate::entry::entry_module;
use crate::errors::{Errors, with_item};
use crate::signature::{self, Kind, Parameter};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{GenericParam, ItemFn, ReturnType, Safety, Type};

pub(crate) fn expand(attr: TokenStream, item: TokenStream) -> TokenStream {
    match syn::parse2::<ItemFn>(item.clone()).and_then(|function| check(attr, function)) {
        Ok(model) => model.expand(),
        Err(error) => with_item(&error, item),
    }
}

/// A function that passed the checks.
struct Model {
    function: ItemFn,
    parameters: Vec<Parameter>,
}

fn check(attr: TokenStream, function: ItemFn) -> syn::Result<Model> {
    let mut errors = Errors::default();
    if !attr.is_empty() {
        errors.at(
            attr,
            "`#[hot_fn]` takes no arguments: a function is known by its path",
        );
    }
    let signature = &function.sig;
    let parameters = signature::check(Kind::Function, signature, &mut errors);
    if let Some(asyncness) = &signature.asyncness {
        errors.at(
            asyncness,
            "an `async fn` cannot be a hot function yet; make the synchronous steps that it calls hot, or return \
             `Pin<Box<dyn Future<Output = T> + Send>>` from a plain `fn`",
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
        if let Type::Never(never) = &**ty {
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
    errors.or(Model {
        function,
        parameters,
    })
}

impl Model {
    fn expand(self) -> TokenStream {
        let ItemFn {
            attrs,
            vis,
            sig,
            block,
            ..
        } = &self.function;
        let plain = self.function.to_token_stream();
        let name = sig.ident.to_string();
        let written = signature::as_written(sig);
        let module = entry_module();

        let names: Vec<_> = self
            .parameters
            .iter()
            .map(|parameter| &parameter.name)
            .collect();
        let types: Vec<_> = self
            .parameters
            .iter()
            .map(|parameter| &parameter.ty)
            .collect();
        let lifetimes = &sig.generics.params;
        let (bound, unsafety) = (
            (!lifetimes.is_empty()).then(|| quote!(for<#lifetimes>)),
            matches!(sig.safety, Safety::Unsafe(_)).then(|| quote!(unsafe)),
        );
        let result = match &sig.output {
            ReturnType::Default => quote!(()),
            ReturnType::Type(_, ty) => ty.to_token_stream(),
        };

        // The body keeps the parameters as written (`mut x`); the proxy only passes them on.
        let mut body = sig.clone();
        body.ident = syn::Ident::new("__hot_body", sig.ident.span());
        body.abi = None;
        let mut proxy = sig.clone();
        proxy.inputs = self
            .parameters
            .iter()
            .map(|Parameter { name, ty }| -> syn::FnArg { syn::parse_quote!(#name: #ty) })
            .collect();
        let call = |callee: TokenStream| match &unsafety {
            Some(_) => quote!(unsafe { #callee(#(#names),*) }),
            None => quote!(#callee(#(#names),*)),
        };
        let call_body = call(quote!(__hot_body));
        let call_newest = call(quote!(__hot_newest));

        let reload = quote! {
            #(#attrs)*
            #vis #proxy {
                #body #block

                type __HotContained =
                    #bound #unsafety fn(#(#types),*)
                        -> ::core::result::Result<#result, ::std::boxed::Box<::hot_abi::private::Caught>>;

                #unsafety fn __hot_contained<#lifetimes>(#(#names: #types),*)
                    -> ::core::result::Result<#result, ::std::boxed::Box<::hot_abi::private::Caught>>
                {
                    ::hot_abi::private::contain(move || #call_body)
                }

                static __HOT_SLOT: ::hot_abi::private::Slot = ::hot_abi::private::Slot::new();

                #[::hot_abi::private::linkme::distributed_slice(crate::#module::FUNCTIONS)]
                #[linkme(crate = ::hot_abi::private::linkme)]
                static __HOT_ENTRY: ::hot_abi::private::FunctionEntry = ::hot_abi::private::FunctionEntry {
                    path: ::core::concat!(::core::module_path!(), "::", #name),
                    signature: #written,
                    key: ::hot_abi::private::TypeKey::of::<__HotContained>,
                    file: ::core::file!(),
                    line: ::core::line!(),
                    slot: &__HOT_SLOT,
                    contained: ::hot_abi::private::CodePtr(__hot_contained as __HotContained as *const ()),
                };

                let __hot_newest = __HOT_SLOT.get();
                if __hot_newest.is_null() {
                    return #call_body;
                }
                // SAFETY: a slot holds null or the contained form of a function of this path whose
                // signature, as written and as a type, is this one.
                let __hot_newest = unsafe {
                    ::core::mem::transmute::<*const (), __HotContained>(__hot_newest)
                };
                match #call_newest {
                    ::core::result::Result::Ok(value) => value,
                    ::core::result::Result::Err(caught) => {
                        ::hot_abi::private::panicked(__HOT_ENTRY.path, caught)
                    }
                }
            }
        };
        quote!(::hot_abi::__hot_item! { { #reload } { #plain } })
    }
}
