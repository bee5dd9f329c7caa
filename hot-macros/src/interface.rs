//! `#[hot_trait]`: a trait whose nodes can be made again behind the host's back.

use crate::attributes;
use crate::errors::{Errors, with_item};
use crate::explicit::{Explicit, Owner};
use crate::signature::{self, Parameter};
use crate::written::written;
use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{
    Attribute, FnArg, GenericArgument, GenericParam, Ident, Item, ItemTrait, Path, PathArguments,
    ReceiverKind, ReturnType, Safety, Signature, TraitItem, TraitItemFn, Type, TypeParamBound,
    WherePredicate,
};

pub(crate) fn expand(attr: TokenStream, item: TokenStream) -> TokenStream {
    let interface = match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Trait(interface)) => Ok(interface),
        Ok(other) => Err(syn::Error::new_spanned(
            other,
            "`#[hot_trait]` stands on a trait",
        )),
        Err(error) => Err(error),
    };
    match interface.and_then(|interface| check(attr, interface)) {
        Ok(model) => model.expand(),
        Err(error) => with_item(&error, item),
    }
}

/// A trait that passed the checks.
struct Model {
    interface: ItemTrait,
    methods: Vec<Method>,
    /// Whether `Debug` is a supertrait.
    debug: bool,
    /// Whether `Display` is a supertrait.
    display: bool,
    /// Supertraits that are hot traits themselves.
    hot: Vec<Path>,
}

/// A method that can be called through `dyn Trait`.
struct Method {
    /// Its `#[cfg(..)]`s.
    conditions: Vec<Attribute>,
    signature: Signature,
    receiver: Receiver,
    arguments: Vec<(Ident, Type)>,
}

#[derive(Clone, Copy)]
enum Receiver {
    Shared,
    Mutable,
    Boxed,
}

fn check(attr: TokenStream, interface: ItemTrait) -> syn::Result<Model> {
    let mut errors = Errors::default();
    if !attr.is_empty() {
        errors.at(attr, "`#[hot_trait]` takes no arguments");
    }
    for parameter in &interface.generics.params {
        errors.at(
            parameter,
            "a hot trait cannot have parameters: its nodes are used as `dyn Trait` of one type",
        );
    }
    if let Some(clause) = &interface.generics.where_clause {
        errors.at(
            clause,
            "a hot trait cannot have a `where` clause; write supertraits after the name",
        );
    }
    let (mut debug, mut display, mut hot) = (false, false, Vec::new());
    for bound in &interface.supertraits {
        match bound {
            TypeParamBound::Lifetime(lifetime) if lifetime.ident == "static" => {}
            TypeParamBound::Trait(supertrait) => match last_name(&supertrait.path).as_str() {
                "Send" | "Sync" | "Unpin" => {} // as the trait object is
                "Debug" => debug = true,
                "Display" => display = true,
                _ => hot.push(supertrait.path.clone()),
            },
            other => errors.at(
                other,
                "a hot trait's supertraits are `Send`, `Sync`, `Debug`, `Display` or hot traits",
            ),
        }
    }
    let mut methods = Vec::new();
    for item in &interface.items {
        match item {
            TraitItem::Fn(method) => methods.extend(check_method(method, &mut errors)),
            TraitItem::Const(constant) => {
                errors.at(
                    constant,
                    "a hot trait cannot have constants; make it a method that returns the value",
                );
            }
            TraitItem::Type(associated) => {
                errors.at(
                    associated,
                    "a hot trait cannot have associated types; use the concrete type",
                );
            }
            other => errors.at(other, "a hot trait has methods only"),
        }
    }
    errors.or(Model {
        interface,
        methods,
        debug,
        display,
        hot,
    })
}

fn last_name(path: &Path) -> String {
    let last = path.segments.last();
    last.map(|segment| segment.ident.to_string())
        .unwrap_or_default()
}

fn check_method(method: &TraitItemFn, errors: &mut Errors) -> Option<Method> {
    let signature = &method.sig;
    if is_for_sized_only(signature) {
        return None; // never called through `dyn Trait`
    }
    if let Some(asyncness) = &signature.asyncness {
        errors.at(asyncness, "a method of a hot trait cannot be `async`; return `Pin<Box<dyn Future<Output = T> + '_>>`");
    }
    for parameter in &signature.generics.params {
        if !matches!(parameter, GenericParam::Lifetime(_)) {
            errors.at(
                parameter,
                "a method of a hot trait cannot have type or const parameters; use `&dyn Trait`, or add \
                 `where Self: Sized` to keep it out of `dyn Trait`",
            );
        }
    }
    let receiver = signature
        .receiver()
        .and_then(|receiver| Receiver::of(&receiver.kind));
    if receiver.is_none() {
        errors.at(
            signature,
            "a method of a hot trait takes `&self`, `&mut self` or `self: Box<Self>`; add `where Self: Sized` to keep \
             it out of `dyn Trait`",
        );
    }
    let mut arguments = Vec::new();
    for (index, input) in signature.inputs.iter().enumerate() {
        let attributes = match input {
            FnArg::Typed(argument) => &argument.attrs,
            FnArg::Receiver(receiver) => &receiver.attrs,
        };
        for attribute in attributes {
            errors.at(
                attribute,
                "attributes on the parameters of a hot trait's method are not supported; put them on the method",
            );
        }
        let FnArg::Typed(argument) = input else {
            continue;
        };
        if let Some(found) = signature::find_self(&argument.ty) {
            errors.at(found, NO_SELF);
        }
        if let Some(found) = signature::find_impl_trait(&argument.ty) {
            errors.at(found, "a method of a hot trait cannot take `impl Trait`; use `&dyn Trait` or the concrete type");
        }
        arguments.push((format_ident!("argument{}", index), (*argument.ty).clone()));
    }
    if let ReturnType::Type(_, ty) = &signature.output {
        if let Some(found) = signature::find_impl_trait(ty) {
            errors.at(
                found,
                "a method of a hot trait cannot return `impl Trait`; return `Box<dyn Trait>`",
            );
        }
        if let Some(found) = signature::find_self(ty) {
            errors.at(found, NO_SELF);
        }
    }
    Some(Method {
        conditions: attributes::conditions(&method.attrs).cloned().collect(),
        signature: signature.clone(),
        receiver: receiver?,
        arguments,
    })
}

const NO_SELF: &str = "a method of a hot trait cannot name the type `Self`, which is unknown behind `dyn Trait`; use \
                       `&dyn Trait` or `Box<dyn Trait>`, or add `where Self: Sized` to keep it out of `dyn Trait`";

impl Receiver {
    fn of(kind: &ReceiverKind) -> Option<Receiver> {
        match kind {
            ReceiverKind::Reference(_, _, None) => Some(Receiver::Shared),
            ReceiverKind::Reference(_, _, Some(_)) => Some(Receiver::Mutable),
            ReceiverKind::Typed(_, ty) => match signature::ungrouped(ty) {
                Type::Reference(reference) if is_self(&reference.elem) => {
                    match reference.mutability {
                        None => Some(Receiver::Shared),
                        Some(_) => Some(Receiver::Mutable),
                    }
                }
                Type::Path(path) => {
                    let last = path.path.segments.last()?;
                    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
                        return None;
                    };
                    let of_self = matches!(arguments.args.first(), Some(GenericArgument::Type(ty)) if is_self(ty));
                    (last.ident == "Box" && arguments.args.len() == 1 && of_self)
                        .then_some(Receiver::Boxed)
                }
                _ => None,
            },
            _ => None,
        }
    }
}

fn is_self(ty: &Type) -> bool {
    matches!(signature::ungrouped(ty), Type::Path(path) if path.qself.is_none() && path.path.is_ident("Self"))
}

/// Whether the method says `where Self: Sized`.
fn is_for_sized_only(signature: &Signature) -> bool {
    let predicates = signature
        .generics
        .where_clause
        .iter()
        .flat_map(|clause| &clause.predicates);
    predicates.into_iter().any(|predicate| match predicate {
        WherePredicate::Type(predicate) => {
            predicate.bounded_ty.to_token_stream().to_string() == "Self"
                && predicate
                    .bounds
                    .iter()
                    .any(|bound| bound.to_token_stream().to_string() == "Sized")
        }
        _ => false,
    })
}

impl Model {
    fn expand(self) -> TokenStream {
        let interface = &self.interface;
        let (name, vis, unsafety) = (&interface.ident, &interface.vis, &interface.unsafety);
        let guarded = format_ident!("__HotGuarded{}", name);
        let hot = &self.hot;
        let description = self.description();

        let declarations = self.methods.iter().map(|method| {
            let (conditions, signature) = (&method.conditions, method.contained_signature());
            quote!(#(#conditions)* #signature;)
        });
        let contained = self.methods.iter().map(|method| method.contained(name));
        let forwarded = self
            .methods
            .iter()
            .map(|method| method.forwarded(name, &guarded));

        let fields = self.methods.iter().map(|method| method.as_field(name));
        let conditions = attributes::conditions(&interface.attrs);
        let (debug, display) = (
            self.format("Debug", "debug", self.debug),
            self.format("Display", "display", self.display),
        );
        let debug_bound = self.debug.then(|| quote!(::core::fmt::Debug+));
        // An error of these is an error of the supertrait as the user wrote it.
        let hot_bounds = hot
            .iter()
            .map(|hot| quote_spanned!(hot.span()=> ::hot_abi::private::Guards<dyn #hot>));
        let display_bound = self.display.then(|| quote!(::core::fmt::Display+));

        quote! {
            #interface

            ::hot_abi::__hot_item! {
                {
                    #(#conditions)*
                    #[allow(clippy::all, clippy::pedantic, deprecated, missing_docs)]
                    const _: () = {
                        use ::hot_abi::private as __hot;

                        #vis trait #guarded: #debug_bound #display_bound #(#hot_bounds +)* __hot::ContainsPanics + 'static {
                            #(#declarations)*
                        }

                        impl<N: ?::core::marker::Sized + #name + 'static> #guarded for __hot::Guarded<N> {
                            #(#contained)*
                        }

                        impl<N: ?::core::marker::Sized + #name + 'static> __hot::Guards<dyn #name> for __hot::Guarded<N> {
                            fn guarded(&self) -> &(dyn #guarded + 'static) { self }
                            fn guarded_mut(&mut self) -> &mut (dyn #guarded + 'static) { self }
                            fn guarded_box(self: ::std::boxed::Box<Self>) -> ::std::boxed::Box<dyn #guarded> { self }
                        }

                        // `dyn Trait` is whatever its trait is, supertraits of supertraits included; so is the
                        // stand-in for it.
                        #unsafety impl<I> #name for __hot::StandIn<I>
                        where
                            I: ?::core::marker::Sized + __hot::Interface + #name,
                        {
                            #(#forwarded)*
                        }

                        // For the comparison of layouts: the methods in their order, and what they take.
                        #[allow(dead_code)]
                        #[repr(C)]
                        pub struct __HotMethods {
                            #(#fields,)*
                            __hot_supertraits: (#(fn(&dyn #hot),)*),
                        }
                        #[used]
                        static __HOT_INTERFACE: __hot::InterfaceLayout<dyn #name, __HotMethods> =
                            __hot::InterfaceLayout::of_trait();

                        impl __hot::Interface for dyn #name {
                            type Guarded = dyn #guarded;
                            type Methods = __HotMethods;

                            fn describe(text: &mut ::std::string::String) {
                                #description
                            }
                            fn guard(node: __hot::Guarded<Self>) -> ::std::boxed::Box<Self::Guarded> {
                                ::std::boxed::Box::new(node)
                            }
                            fn stand_in(stand_in: __hot::StandIn<Self>) -> ::std::boxed::Box<Self> {
                                ::std::boxed::Box::new(stand_in)
                            }
                            fn shared_stand_in(stand_in: __hot::StandIn<Self>) -> ::std::sync::Arc<Self> {
                                ::std::sync::Arc::new(stand_in)
                            }
                            fn extends<W: ?::core::marker::Sized + __hot::Interface>() -> bool {
                                __hot::is_same::<Self, W>() #(|| <dyn #hot as __hot::Interface>::extends::<W>())*
                            }
                            fn step<W: ?::core::marker::Sized + __hot::Interface>(guarded: &Self::Guarded) -> &W::Guarded {
                                #(if <dyn #hot as __hot::Interface>::extends::<W>() {
                                    return __hot::view::<dyn #hot, W>(__hot::Guards::<dyn #hot>::guarded(guarded));
                                })*
                                __hot::no_supertrait::<Self, W>()
                            }
                            fn step_mut<W: ?::core::marker::Sized + __hot::Interface>(guarded: &mut Self::Guarded) -> &mut W::Guarded {
                                #(if <dyn #hot as __hot::Interface>::extends::<W>() {
                                    return __hot::view_mut::<dyn #hot, W>(__hot::Guards::<dyn #hot>::guarded_mut(guarded));
                                })*
                                __hot::no_supertrait::<Self, W>()
                            }
                            fn step_box<W: ?::core::marker::Sized + __hot::Interface>(
                                guarded: ::std::boxed::Box<Self::Guarded>,
                            ) -> ::std::boxed::Box<W::Guarded> {
                                #(if <dyn #hot as __hot::Interface>::extends::<W>() {
                                    return __hot::view_box::<dyn #hot, W>(__hot::Guards::<dyn #hot>::guarded_box(guarded));
                                })*
                                __hot::no_supertrait::<Self, W>()
                            }
                            fn debug(
                                guarded: &Self::Guarded,
                                f: &mut ::core::fmt::Formatter<'_>,
                            ) -> ::core::option::Option<::core::fmt::Result> {
                                #debug
                            }
                            fn display(
                                guarded: &Self::Guarded,
                                f: &mut ::core::fmt::Formatter<'_>,
                            ) -> ::core::option::Option<::core::fmt::Result> {
                                #display
                            }
                        }
                    };
                }
                {}
            }
        }
    }

    /// How a node is formatted through its guard: by the guard itself, or by that of a supertrait.
    fn format(&self, known: &str, function: &str, by_itself: bool) -> TokenStream {
        let (known, function) = (format_ident!("{}", known), format_ident!("{}", function));
        if by_itself {
            return quote!(::core::option::Option::Some(::core::fmt::#known::fmt(guarded, f)));
        }
        let hot = &self.hot;
        quote! {
            let _ = (guarded, &f);
            #(
                let by_supertrait = <dyn #hot as __hot::Interface>::#function(
                    __hot::Guards::<dyn #hot>::guarded(guarded),
                    f,
                );
                if by_supertrait.is_some() {
                    return by_supertrait;
                }
            )*
            ::core::option::Option::None
        }
    }

    /// Statements that append the supertraits and methods in their order to `text`: what callers depend on.
    fn description(&self) -> TokenStream {
        let supertraits = written(&self.interface.supertraits);
        let methods = self.methods.iter().map(|method| {
            let (conditions, signature) = (&method.conditions, &method.signature);
            let written = signature::as_written(signature);
            let written = format!("; {}: {written}", signature.ident);
            quote!(#(#conditions)* text.push_str(#written);)
        });
        let hot = &self.hot;
        quote! {
            text.push_str(#supertraits);
            #(#methods)*
            #(
                text.push_str("; ");
                <dyn #hot as __hot::Interface>::describe(text);
            )*
        }
    }
}

impl Method {
    /// The signature with plain argument names and no body's `mut`.
    fn plain_signature(&self) -> Signature {
        let mut signature = self.signature.clone();
        let receiver = signature.receiver().cloned().map(|mut receiver| {
            if matches!(receiver.kind, ReceiverKind::Typed(..)) {
                receiver.mutability = None;
            }
            FnArg::Receiver(receiver)
        });
        let arguments = self
            .arguments
            .iter()
            .map(|(name, ty)| -> FnArg { syn::parse_quote!(#name: #ty) });
        signature.inputs = receiver.into_iter().chain(arguments).collect();
        signature
    }

    /// The signature in the guarded trait: the result may be a contained panic.
    fn contained_signature(&self) -> Signature {
        let mut signature = self.plain_signature();
        let result = match &signature.output {
            ReturnType::Default => quote!(()),
            ReturnType::Type(_, ty) => ty.to_token_stream(),
        };
        signature.output = syn::parse_quote! {
            -> ::core::result::Result<#result, ::std::boxed::Box<::hot_abi::private::Caught>>
        };
        signature
    }

    /// The method as a field of a function pointer's type.
    fn as_field(&self, interface: &Ident) -> TokenStream {
        let (conditions, name) = (&self.conditions, &self.signature.ident);
        let parameters: Vec<_> = self
            .arguments
            .iter()
            .map(|(name, ty)| Parameter {
                name: name.clone(),
                ty: ty.clone(),
            })
            .collect();
        let owner = Owner::new(Vec::new(), &syn::parse_quote!((dyn #interface + 'static)));
        let pointer = Explicit::new(&self.signature, &parameters, Some(&owner)).pointer();
        quote!(#(#conditions)* #name: #pointer)
    }

    fn is_unsafe(&self) -> bool {
        matches!(self.signature.safety, Safety::Unsafe(_))
    }

    fn call<'a>(
        &self,
        callee: &TokenStream,
        receiver: &TokenStream,
        arguments: impl Iterator<Item = &'a Ident>,
    ) -> TokenStream {
        let call = quote!(#callee(#receiver #(, #arguments)*));
        if self.is_unsafe() {
            quote!(unsafe { #call })
        } else {
            call
        }
    }

    fn names(&self) -> impl Iterator<Item = &Ident> {
        self.arguments.iter().map(|(name, _)| name)
    }

    /// The method of the guard: calls the node, and contains its panic.
    fn contained(&self, interface: &Ident) -> TokenStream {
        let (signature, method) = (self.contained_signature(), &self.signature.ident);
        let conditions = &self.conditions;
        // By path: the user's trait may have methods of the same names.
        let node = match self.receiver {
            Receiver::Shared => quote!(__hot::Guarded::node(self)),
            Receiver::Mutable => quote!(__hot::Guarded::node_mut(self)),
            Receiver::Boxed => quote!(__hot::Guarded::into_box(*self)),
        };
        let call = self.call(&quote!(#interface::#method), &quote!(node), self.names());
        quote! {
            #(#conditions)*
            #[inline]
            #signature {
                let contains = __hot::Guarded::contains_panics(&*self);
                __hot::contain_if(contains, move || {
                    let node = #node;
                    #call
                })
            }
        }
    }

    /// The method of the stand-in: calls the guard of the newest instance, and where that panics the guard of
    /// the one that takes its place.
    fn forwarded(&self, interface: &Ident, guarded: &Ident) -> TokenStream {
        let (signature, method) = (self.plain_signature(), &self.signature.ident);
        let conditions = &self.conditions;
        let (begin, guard, on_trial, recover) = match self.receiver {
            Receiver::Shared => (
                quote!(let mut called = __hot::StandIn::begin(self, frame);),
                quote!(called.guard::<dyn #interface>()),
                quote!(called.on_trial),
                quote! {
                    __hot::StandIn::recover(self, &called, caught, repeatable, frame);
                    called = __hot::StandIn::begin(self, frame);
                },
            ),
            // By pointer, for a result that borrows from `self` would keep it borrowed even where there is none.
            Receiver::Mutable => (
                quote! {
                    let called: *mut Self = self;
                    // SAFETY: it is `self`, which nothing else uses from here on.
                    let on_trial = __hot::StandIn::begin_mut(unsafe { &mut *called }, frame);
                },
                // SAFETY: as above; a call that was made before has ended in a panic, which borrows nothing.
                quote!(__hot::StandIn::guard_mut::<dyn #interface>(unsafe { &mut *called })),
                quote!(on_trial),
                quote! {
                    // SAFETY: as above.
                    __hot::StandIn::recover_mut(unsafe { &mut *called }, caught, repeatable, frame);
                },
            ),
            Receiver::Boxed => (
                quote!(let mut called = __hot::StandIn::take(*self, frame);),
                quote!(called.guard::<dyn #interface>(frame)),
                quote!(called.on_trial),
                quote!(called.recover(caught, repeatable, frame);),
            ),
        };
        let names: Vec<_> = self.names().collect();
        let numbered = |prefix: &'static str| {
            (0..names.len()).map(move |index| format_ident!("{prefix}{index}"))
        };
        let (kept, again): (Vec<_>, Vec<_>) = numbered("kept").zip(numbered("again")).unzip();
        let callee = quote!(#guarded::#method);
        let call = self.call(&callee, &quote!(guard), names.iter().copied());
        let call_again = self.call(&callee, &quote!(guard), again.iter());
        quote! {
            #(#conditions)*
            #[inline]
            #signature {
                #[allow(unused_imports)]
                use __hot::{KeepClone as _, KeepCopy as _, KeepExclusive as _, KeepNot as _};
                let place = 0;
                let frame = __hot::Frame::of(&place);
                #begin
                // Nothing is cloned in vain, where another argument cannot be handed over again.
                let is_cloned = #on_trial #(&& (&&&&__hot::Argument::of(&#names)).__hot_can_keep())*;
                #(let #kept = (&&&&__hot::Argument::of(&#names)).__hot_keep(&#names, is_cloned);)*
                let guard = #guard;
                let mut outcome = #call;
                loop {
                    match outcome {
                        ::core::result::Result::Ok(value) => break value,
                        ::core::result::Result::Err(caught) => {
                            let repeatable = true #(&& #kept.is_kept())*;
                            #recover
                            // SAFETY: the call that had the arguments is over, and its outcome is a panic, which
                            // borrows nothing.
                            #(let #again = unsafe { #kept.again() };)*
                            let guard = #guard;
                            outcome = #call_again;
                        }
                    }
                }
            }
        }
    }
}
