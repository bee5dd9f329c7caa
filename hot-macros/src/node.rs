//! `#[hot_node]`: a function whose result is made again on each reload.

use crate::entry::{entry_module, hash};
use crate::errors::{Errors, with_item};
use crate::signature::{self, Kind, Parameter};
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{
    GenericArgument, GenericParam, ItemFn, LitStr, PathArguments, ReturnType, Safety, Type,
    TypeParamBound,
};

pub(crate) fn expand(attr: TokenStream, item: TokenStream) -> TokenStream {
    match syn::parse2::<ItemFn>(item.clone()).and_then(|function| check(attr, function)) {
        Ok(model) => model.expand(),
        Err(error) => with_item(&error, item),
    }
}

/// A node function that passed the checks.
struct Model {
    function: ItemFn,
    name: String,
    name_span: Span,
    parameters: Vec<NodeParameter>,
    interface: Type,
    holder: Holder,
}

struct NodeParameter {
    parameter: Parameter,
    /// The type in the pack of arguments: the `T` of `impl Into<T>`, else the type as written.
    packed: Type,
    converted: bool,
}

/// What the node is returned in.
#[derive(Clone, Copy)]
enum Holder {
    Box,
    Arc,
}

const RETURN: &str =
    "a hot node returns `Box<dyn Trait>` or `Arc<dyn Trait>`, where `Trait` is a `#[hot_trait]`";

fn check(attr: TokenStream, function: ItemFn) -> syn::Result<Model> {
    let mut errors = Errors::default();
    let signature = &function.sig;

    let (name, name_span) = if attr.is_empty() {
        (signature.ident.to_string(), signature.ident.span())
    } else {
        match syn::parse2::<LitStr>(attr) {
            Ok(literal) => {
                if literal.value().is_empty() {
                    errors.at(&literal, "the name of a hot node cannot be empty");
                }
                (literal.value(), literal.span())
            }
            Err(error) => {
                let message = "the only argument of `#[hot_node]` is the node's name: `#[hot_node(\"name\")]`";
                errors.add(syn::Error::new(error.span(), message));
                (String::new(), Span::call_site())
            }
        }
    };

    let parameters = signature::check(Kind::Node, signature, &mut errors);
    if let Some(asyncness) = &signature.asyncness {
        errors.at(
            asyncness,
            "a hot node cannot be `async`: it is made at once, where it is used; start the asynchronous work from a \
             method of its interface",
        );
    }
    if let Safety::Unsafe(unsafety) = &signature.safety {
        errors.at(unsafety, "a hot node cannot be `unsafe`: it is made again when no caller is there to vouch for it");
    }
    if let Some(abi) = &signature.abi {
        errors.at(
            abi,
            "a hot node cannot have a foreign ABI; it is only ever called from Rust",
        );
    }
    for parameter in &signature.generics.params {
        if let GenericParam::Lifetime(lifetime) = parameter {
            errors.at(
                lifetime,
                "a hot node cannot have lifetime parameters: it outlives the call that made it",
            );
        }
    }
    if let Some(clause) = &signature.generics.where_clause {
        errors.at(
            clause,
            "a hot node cannot have a `where` clause: its types are concrete",
        );
    }
    let parameters = parameters
        .into_iter()
        .map(|parameter| check_argument(parameter, &mut errors))
        .collect();
    let returned = check_return(&signature.output, &signature.ident, &mut errors);
    let fallback = || (Type::Verbatim(TokenStream::new()), Holder::Box);
    let (interface, holder) = returned.unwrap_or_else(fallback);
    errors.or(Model {
        function,
        name,
        name_span,
        parameters,
        interface,
        holder,
    })
}

fn check_argument(parameter: Parameter, errors: &mut Errors) -> NodeParameter {
    if let Type::ImplTrait(bounds) = &parameter.ty {
        if let Some(into) = into_target(&bounds.bounds) {
            return NodeParameter {
                packed: into,
                parameter,
                converted: true,
            };
        }
        errors.at(
            &parameter.ty,
            "an argument of a hot node is a concrete type or `impl Into<T>`, which is converted when the node is first \
             made",
        );
    } else if let Some(found) = signature::find_impl_trait(&parameter.ty) {
        errors.at(found, "`impl Trait` inside a type is not supported; write the concrete type, or `impl Into<T>`");
    }
    if let Some(found) = signature::find_lifetime(&parameter.ty) {
        errors.at(
            found,
            "an argument of a hot node cannot borrow: it is kept to make the node again; take an owned value, or \
             `impl Into<T>` to let callers pass a reference",
        );
    }
    NodeParameter {
        packed: parameter.ty.clone(),
        parameter,
        converted: false,
    }
}

/// The `T` of `impl Into<T>`.
fn into_target(
    bounds: &syn::punctuated::Punctuated<TypeParamBound, syn::Token![+]>,
) -> Option<Type> {
    let mut bounds = bounds.iter();
    let (Some(TypeParamBound::Trait(bound)), None) = (bounds.next(), bounds.next()) else {
        return None;
    };
    let segment = bound
        .path
        .segments
        .last()
        .filter(|segment| segment.ident == "Into")?;
    only_type_argument(&segment.arguments)
}

fn only_type_argument(arguments: &PathArguments) -> Option<Type> {
    let PathArguments::AngleBracketed(arguments) = arguments else {
        return None;
    };
    let mut arguments = arguments.args.iter();
    match (arguments.next(), arguments.next()) {
        (Some(GenericArgument::Type(ty)), None) => Some(ty.clone()),
        _ => None,
    }
}

fn check_return(
    output: &ReturnType,
    name: &syn::Ident,
    errors: &mut Errors,
) -> Option<(Type, Holder)> {
    let ReturnType::Type(_, ty) = output else {
        errors.at(name, format!("{RETURN}; this one returns nothing"));
        return None;
    };
    let held = match &**ty {
        Type::Path(path) => path.path.segments.last().and_then(|segment| {
            let holder = match segment.ident.to_string().as_str() {
                "Box" => Holder::Box,
                "Arc" => Holder::Arc,
                _ => return None,
            };
            Some((only_type_argument(&segment.arguments)?, holder))
        }),
        _ => None,
    };
    let Some((interface, holder)) = held else {
        errors.at(ty, RETURN);
        return None;
    };
    match &interface {
        Type::TraitObject(object) if object.bounds.len() == 1 => Some((interface, holder)),
        Type::TraitObject(object) => {
            errors.at(
                object,
                "write further bounds of a hot node as supertraits of its trait: `trait Panel: Send`, then \
                 `Box<dyn Panel>`",
            );
            None
        }
        other => {
            errors.at(other, RETURN);
            None
        }
    }
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
        let (name, interface) = (&self.name, &self.interface);
        let written = signature::as_written(sig);
        let module = entry_module();

        let names: Vec<_> = self
            .parameters
            .iter()
            .map(|parameter| &parameter.parameter.name)
            .collect();
        let packed: Vec<_> = self
            .parameters
            .iter()
            .map(|parameter| &parameter.packed)
            .collect();
        let values = self.parameters.iter().map(|NodeParameter { parameter, packed, converted }| {
            let name = &parameter.name;
            match converted {
                true => quote_spanned!(parameter.ty.span()=> ::core::convert::Into::<#packed>::into(#name)),
                false => name.to_token_stream(),
            }
        });
        let assertions = packed.iter().map(|ty| {
            quote_spanned!(ty.span()=> const _: () = ::hot_abi::private::assert_node_arg::<#ty>();)
        });
        let (guard, stand_in) = match self.holder {
            Holder::Box => (quote!(owned), quote!(stand_in)),
            Holder::Arc => (quote!(shared), quote!(shared_stand_in)),
        };

        let mut body = sig.clone();
        body.ident = syn::Ident::new("__hot_body", sig.ident.span());
        let mut proxy = sig.clone();
        proxy.inputs = self
            .parameters
            .iter()
            .map(
                |NodeParameter {
                     parameter: Parameter { name, ty },
                     ..
                 }|
                 -> syn::FnArg { syn::parse_quote!(#name: #ty) },
            )
            .collect();
        let name_hash = hash(name);
        let once = quote_spanned! {self.name_span=>
            const _: () = {
                impl ::hot_abi::private::a_hot_node_name_is_used_once_in_a_crate<#name_hash> for crate::#module::Crate {}
            };
        };

        let reload = quote! {
            #once

            #(#attrs)*
            #vis #proxy {
                #body #block

                #(#assertions)*
                type __HotArgs = (#(#packed,)*);

                fn __hot_make(args: ::hot_abi::private::Args)
                    -> ::core::result::Result<::hot_abi::private::Node, ::hot_abi::private::Refusal>
                {
                    let (#(#names,)*) = ::hot_abi::private::unpack::<__HotArgs>(args)?;
                    let node = __hot_body(#(#names),*);
                    ::core::result::Result::Ok(::hot_abi::private::Node::new::<#interface>(
                        ::hot_abi::private::Guarded::#guard(node),
                    ))
                }

                #[::hot_abi::private::linkme::distributed_slice(crate::#module::NODES)]
                #[linkme(crate = ::hot_abi::private::linkme)]
                static __HOT_ENTRY: ::hot_abi::private::NodeEntry = ::hot_abi::private::NodeEntry {
                    manifest_dir: ::core::env!("CARGO_MANIFEST_DIR"),
                    name: #name,
                    signature: #written,
                    file: ::core::file!(),
                    line: ::core::line!(),
                    krate: &crate::#module::CRATE,
                    args: ::hot_abi::private::TypeKey::of::<__HotArgs>,
                    make: __hot_make,
                };

                let __hot_args: __HotArgs = (#(#values,)*);
                <#interface as ::hot_abi::private::Interface>::#stand_in(
                    ::hot_abi::private::StandIn::new::<#interface, __HotArgs>(&__HOT_ENTRY, __hot_args),
                )
            }
        };
        quote!(::hot_abi::__hot_item! { { #reload } { #once #plain } })
    }
}
