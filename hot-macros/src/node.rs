//! `#[hot_node]`: a function whose result is made again on each reload.

use crate::attributes;
use crate::entry::{entry_module, hash};
use crate::errors::{Errors, with_item};
use crate::signature::{self, Kind, Parameter};
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{
    GenericArgument, GenericParam, Ident, Item, ItemFn, LitStr, PathArguments, ReturnType, Safety,
    Token, Type, TypeParamBound,
};

pub(crate) fn expand(attr: TokenStream, item: TokenStream) -> TokenStream {
    let function = match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Fn(function)) => Ok(function),
        Ok(other) => Err(syn::Error::new_spanned(
            other,
            "`#[hot_node]` stands on a function",
        )),
        Err(error) => Err(error),
    };
    match function.and_then(|function| check(attr, function)) {
        Ok(model) => model.expand(),
        Err(error) => with_item(&error, item),
    }
}

/// A node function that passed the checks.
struct Model {
    function: ItemFn,
    options: NodeOptions,
    parameters: Vec<NodeParameter>,
    interface: Type,
    holder: Holder,
}

/// What stands in the parentheses of `#[hot_node(..)]`.
struct NodeOptions {
    name: String,
    name_span: Span,
    carry: Carry,
}

/// What becomes of the node's state when it is made again.
#[derive(Clone, Copy)]
enum Carry {
    Fresh,
    Keep,
    Save,
}

impl NodeOptions {
    fn parse(attr: TokenStream, function: &Ident, errors: &mut Errors) -> NodeOptions {
        const ARGUMENTS: &str = "`#[hot_node]` takes the node's name, and what becomes of its state on a reload: \
                                 `#[hot_node(\"name\", save)]`; `fresh` starts anew, `save` saves and restores, `keep` \
                                 keeps the instance";
        let mut options = NodeOptions {
            name: function.unraw().to_string(),
            name_span: function.span(),
            carry: Carry::Fresh,
        };
        let parsed = Punctuated::<Argument, Token![,]>::parse_terminated.parse2(attr);
        let arguments = match parsed {
            Ok(arguments) => arguments,
            Err(error) => {
                errors.add(syn::Error::new(error.span(), ARGUMENTS));
                return options;
            }
        };
        for argument in arguments {
            match argument {
                Argument::Name(name) => {
                    if name.value().is_empty() {
                        errors.at(&name, "the name of a hot node cannot be empty");
                    }
                    options.name = name.value();
                    options.name_span = name.span();
                }
                Argument::Word(word) => match word.to_string().as_str() {
                    "fresh" => options.carry = Carry::Fresh,
                    "keep" => options.carry = Carry::Keep,
                    "save" => options.carry = Carry::Save,
                    _ => errors.at(word, ARGUMENTS),
                },
            }
        }
        options
    }
}

enum Argument {
    Name(LitStr),
    Word(Ident),
}

impl Parse for Argument {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        match input.peek(LitStr) {
            true => input.parse().map(Argument::Name),
            false => input.parse().map(Argument::Word),
        }
    }
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

    let options = NodeOptions::parse(attr, &signature.ident, &mut errors);
    attributes::check("a hot node", &function.attrs, &mut errors);
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
        options,
        parameters,
        interface,
        holder,
    })
}

fn check_argument(parameter: Parameter, errors: &mut Errors) -> NodeParameter {
    if let Type::ImplTrait(bounds) = signature::ungrouped(&parameter.ty) {
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
fn into_target(bounds: &Punctuated<TypeParamBound, Token![+]>) -> Option<Type> {
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

fn check_return(output: &ReturnType, name: &Ident, errors: &mut Errors) -> Option<(Type, Holder)> {
    let ReturnType::Type(_, ty) = output else {
        errors.at(name, format!("{RETURN}; this one returns nothing"));
        return None;
    };
    let held = match signature::ungrouped(ty) {
        Type::Path(path) => path.path.segments.last().and_then(|segment| {
            let holder = match segment.ident.to_string().as_str() {
                "Box" => Holder::Box,
                "Arc" => Holder::Arc,
                _ => return None,
            };
            let interface = only_type_argument(&segment.arguments)?;
            Some((signature::ungrouped(&interface).clone(), holder))
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
        let (name, interface) = (&self.options.name, &self.interface);
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

        let carry = match self.options.carry {
            Carry::Fresh => quote!(::hot_abi::private::Carry::Fresh),
            Carry::Keep => quote!(::hot_abi::private::Carry::Keep),
            Carry::Save => quote!(::hot_abi::private::Carry::state()),
        };
        let mut body = sig.clone();
        body.ident = Ident::new("__hot_body", sig.ident.span());
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
        let once = self.once();

        let reload = quote! {
            #(#attrs)*
            #vis #proxy {
                #once
                #body #block

                #(#assertions)*
                #[allow(clippy::all, clippy::pedantic)]
                type __HotArgs = (#(#packed,)*);

                #[allow(clippy::all, clippy::pedantic)]
                fn __hot_make(args: ::hot_abi::private::Args)
                    -> ::core::result::Result<::hot_abi::private::Node, ::hot_abi::private::Refusal>
                {
                    let (#(#names,)*) = ::hot_abi::private::unpack::<__HotArgs>(args)?;
                    let node = __hot_body(#(#names),*);
                    ::core::result::Result::Ok(::hot_abi::private::Node::new::<#interface>(
                        ::hot_abi::private::Guarded::#guard(node, &__HOT_ENTRY),
                    ))
                }

                // For the comparison of layouts: its type leads to every type that crosses.
                #[allow(clippy::all, clippy::pedantic)]
                type __HotCrossing = (
                    ::std::boxed::Box<#interface>, __HotArgs,
                    <#interface as ::hot_abi::private::Interface>::Methods,
                );
                static __HOT_LAYOUT: ::hot_abi::private::ItemLayout<
                    { ::hot_abi::private::path_hash(::core::concat!("node ", #name)) },
                    __HotCrossing,
                > = ::hot_abi::private::ItemLayout::unmarked();

                #[allow(unsafe_code)] // the section that the linker gathers
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
                    layout: &__HOT_LAYOUT.mark,
                    make: __hot_make,
                };

                #[allow(clippy::all, clippy::pedantic)]
                let __hot_args: __HotArgs = (#(#values,)*);
                let __hot_place = 0;
                let __hot_frame = ::hot_abi::private::Frame::of(&__hot_place);
                <#interface as ::hot_abi::private::Interface>::#stand_in(
                    ::hot_abi::private::StandIn::<#interface>::new(
                        &__HOT_ENTRY, __hot_args, #carry, __hot_frame,
                    ),
                )
            }
        };
        let plain = quote!(#(#attrs)* #vis #sig { #once #block });
        quote!(::hot_abi::__hot_item! { { #reload } { #plain } })
    }

    /// An item of which the compiler allows one in a crate, at the place of the node's name. What it says of
    /// a second one is made of the item's name.
    fn once(&self) -> TokenStream {
        let (module, name) = (entry_module(), &self.options.name);
        let plain = name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        // Two names that differ in what an identifier cannot hold are two names still.
        let distinction = if plain == *name {
            String::new()
        } else {
            format!("_{:08x}", hash(name) as u32)
        };
        let unique = format_ident!(
            "two_hot_nodes_of_this_crate_are_named_{}{}",
            plain,
            distinction
        );
        let item = quote_spanned!(self.options.name_span=> const #unique: () = (););
        quote! {
            #[allow(non_local_definitions)]
            const _: () = {
                #[allow(dead_code, non_upper_case_globals, non_snake_case)]
                impl crate::#module::Crate { #item }
            };
        }
    }
}
