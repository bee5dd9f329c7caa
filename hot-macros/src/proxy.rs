//! What callers of a hot function see: a function of the same signature that calls the newest code.

use crate::entry::entry_module;
use crate::function::Checked;
use crate::signature::{self, Parameter};
use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Attribute, FnArg, Lifetime, ReceiverKind, Safety, Signature, Type, Visibility};

/// Everything that the reloading form of a function is made of.
pub(crate) struct Proxy<'a> {
    pub(crate) attributes: &'a [Attribute],
    pub(crate) visibility: &'a Visibility,
    pub(crate) signature: &'a Signature,
    pub(crate) checked: &'a Checked,
    /// The function's path in its module.
    pub(crate) path: String,
    /// The user's body, as an item of another name.
    pub(crate) body: TokenStream,
    /// What calls that item from the proxy itself.
    pub(crate) call_body_in_proxy: TokenStream,
    /// What calls that item from the items inside the proxy.
    pub(crate) call_body: TokenStream,
}

impl ToTokens for Proxy<'_> {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let (attributes, visibility, body) = (self.attributes, self.visibility, &self.body);
        let signature = self.signature();
        let contained = self.contained();
        let entry = self.entry();
        let wait = self.signature.asyncness.map(|_| quote!(.await));
        let arguments = self.arguments_of_proxy();
        let anchor = (!self.anchors().is_empty()).then(|| quote!(::core::marker::PhantomData,));
        let call_body = self.call(&self.call_body_in_proxy, &quote!(#(#arguments,)*));
        let newest = quote!(__hot_newest);
        let call_newest = self.call(&newest, &quote!(#(#arguments,)* #anchor));
        let numbered =
            |prefix: &'static str| (0..arguments.len()).map(move |i| format_ident!("{prefix}{i}"));
        let kept: Vec<_> = numbered("__hot_kept").collect();
        let again: Vec<_> = numbered("__hot_again").collect();
        let call_again = self.call(&newest, &quote!(#(#again,)* #anchor));

        tokens.extend(quote! {
            #(#attributes)*
            #visibility #signature {
                #body
                #contained
                #entry

                let __hot_begun = __HOT_SLOT.begin(&__HOT_ENTRY);
                // Lints of the call are lints of names and types that the user has read about once already.
                #[allow(clippy::all, clippy::pedantic)]
                let __hot_result = if __hot_begun.code.0.is_null() {
                    #call_body #wait
                } else {
                    #[allow(unused_imports)]
                    use ::hot_abi::private::{
                        KeepClone as _, KeepCopy as _, KeepExclusive as _, KeepNot as _,
                    };
                    // Nothing is cloned in vain, where another argument cannot be handed over again.
                    let __hot_on_trial = __hot_begun.on_trial
                        #(&& (&&&&::hot_abi::private::Argument::of(&#arguments)).__hot_can_keep())*;
                    #(let #kept = (&&&&::hot_abi::private::Argument::of(&#arguments))
                        .__hot_keep(&#arguments, __hot_on_trial);)*
                    let mut __hot_code = __hot_begun.code;
                    // SAFETY: a slot holds null or the contained form of a function of this path whose
                    // signature, as written and as a type, is this one.
                    let __hot_newest =
                        unsafe { ::core::mem::transmute::<*const (), __HotContained>(__hot_code.0) };
                    let mut __hot_outcome = #call_newest #wait;
                    loop {
                        match __hot_outcome {
                            ::core::result::Result::Ok(value) => break value,
                            ::core::result::Result::Err(caught) => {
                                let repeatable = true #(&& #kept.is_kept())*;
                                let __hot_instead = ::hot_abi::private::after_panic(
                                    &__HOT_ENTRY, __hot_code, caught, repeatable,
                                );
                                __hot_code = __hot_instead.code;
                                // SAFETY: as above: it is the code of a function that this one accepts.
                                let __hot_newest = unsafe {
                                    ::core::mem::transmute::<*const (), __HotContained>(__hot_code.0)
                                };
                                // SAFETY: the call that had the arguments is over, and its outcome is a panic,
                                // which borrows nothing.
                                #(let #again = unsafe { #kept.again() };)*
                                __hot_outcome = #call_again #wait;
                            }
                        }
                    }
                };
                __hot_result
            }
        });
    }
}

impl Proxy<'_> {
    /// The user's signature with nothing but names for parameters.
    fn signature(&self) -> Signature {
        let mut signature = self.signature.clone();
        let receiver = signature.receiver().cloned().map(|mut receiver| {
            if !matches!(receiver.kind, ReceiverKind::Reference(..)) {
                receiver.mutability = None;
            }
            FnArg::Receiver(receiver)
        });
        let parameters = self.checked.parameters.iter();
        let parameters =
            parameters.map(|Parameter { name, ty }| -> FnArg { syn::parse_quote!(#name: #ty) });
        signature.inputs = receiver.into_iter().chain(parameters).collect();
        signature
    }

    /// The body behind a `catch_unwind`: what a slot points at.
    fn contained(&self) -> TokenStream {
        let explicit = &self.checked.explicit;
        let (names, types): (Vec<_>, Vec<_>) = explicit.parameters.iter().cloned().unzip();
        let (result, unsafety) = (&explicit.result, self.unsafety());
        let anchors = self.anchors();
        let anchored = !anchors.is_empty();
        let future = anchored.then(future_lifetime);
        let lifetimes: Vec<_> = explicit.lifetimes.iter().chain(&future).collect();
        let bound = (!lifetimes.is_empty()).then(|| quote!(for<#(#lifetimes),*>));
        // A reference to a reference says that the inner one lives longer, where no bound may be written.
        let anchor_type =
            anchored.then(|| quote!(::core::marker::PhantomData<(#(&#future &#anchors (),)*)>,));
        let anchor_parameter = anchored.then(|| quote!(_: #anchor_type));

        let outcome = quote!(
            ::core::result::Result<#result, ::std::boxed::Box<::hot_abi::private::Caught>>
        );
        let call_body = self.call(&self.call_body, &quote!(#(#names),*));
        let (output, contain) = match &self.signature.asyncness {
            None => (
                outcome,
                quote!(::hot_abi::private::contain(move || #call_body)),
            ),
            Some(asyncness) => {
                let send = (!self.checked.local).then(|| quote!(+ ::core::marker::Send));
                let outlives = future.clone().unwrap_or_else(|| syn::parse_quote!('static));
                (
                    quote!(::core::pin::Pin<::std::boxed::Box<
                        dyn ::core::future::Future<Output = #outcome> #send + #outlives
                    >>),
                    quote_spanned!(asyncness.span=>
                        ::std::boxed::Box::pin(::hot_abi::private::ContainedFuture::new(#call_body, &__HOT_ENTRY))
                    ),
                )
            }
        };
        quote! {
            #[allow(clippy::all, clippy::pedantic)]
            type __HotContained = #bound #unsafety fn(#(#types,)* #anchor_type) -> #output;

            #[allow(clippy::all, clippy::pedantic)]
            #unsafety fn __hot_contained<#(#lifetimes),*>(#(#names: #types,)* #anchor_parameter) -> #output {
                #contain
            }
        }
    }

    /// The slot, and the function's place in the slice of its crate.
    fn entry(&self) -> TokenStream {
        let (module, path) = (entry_module(), &self.path);
        let written = signature::as_written(self.signature);
        let explicit = &self.checked.explicit;
        let direct = explicit.pointer();
        let lifetimes = &explicit.lifetimes;
        let handed_over = explicit.parameters.iter().map(|(_, ty)| ty);
        let handed_over = handed_over.chain([&explicit.result]).map(behind_references);
        quote! {
            const __HOT_PATH: &str = ::core::concat!(::core::module_path!(), "::", #path);

            #[allow(non_local_definitions)]
            const _: () = {
                impl ::hot_abi::private::the_path_of_a_hot_function_is_used_once_in_a_crate<
                    { ::hot_abi::private::path_hash(__HOT_PATH) }
                > for crate::#module::Crate {}
            };

            // For the comparison of layouts: its type leads to every type that crosses. The future of an
            // `async fn` hides its result, so that is named, too.
            #[allow(clippy::all, clippy::pedantic)]
            type __HotCrossing = (__HotContained, #direct);
            static __HOT_LAYOUT: ::hot_abi::private::ItemLayout<
                { ::hot_abi::private::path_hash(__HOT_PATH) },
                __HotCrossing,
            > = ::hot_abi::private::ItemLayout::unmarked();

            // What can be compared of the same types where there is no debug information.
            #[allow(clippy::all, clippy::pedantic)]
            fn __hot_shapes<#(#lifetimes),*>() -> ::std::vec::Vec<::hot_abi::private::TypeKey> {
                #[allow(unused_imports)]
                use ::hot_abi::private::ShapeOfUnsized as _;
                ::std::vec![#(::hot_abi::private::ShapeOf::<#handed_over>::key()),*]
            }

            static __HOT_SLOT: ::hot_abi::private::Slot = ::hot_abi::private::Slot::new();

            #[allow(unsafe_code)] // the section that the linker gathers
            #[::hot_abi::private::linkme::distributed_slice(crate::#module::FUNCTIONS)]
            #[linkme(crate = ::hot_abi::private::linkme)]
            static __HOT_ENTRY: ::hot_abi::private::FunctionEntry = ::hot_abi::private::FunctionEntry {
                path: __HOT_PATH,
                signature: #written,
                type_name: ::core::any::type_name::<#direct>,
                key: ::hot_abi::private::TypeKey::of::<__HotContained>,
                file: ::core::file!(),
                line: ::core::line!(),
                krate: &crate::#module::CRATE,
                slot: &__HOT_SLOT,
                layout: &__HOT_LAYOUT.mark,
                shapes: __hot_shapes,
                contained: ::hot_abi::private::CodePtr(__hot_contained as __HotContained as *const ()),
            };
        }
    }

    fn call(&self, callee: &TokenStream, arguments: &TokenStream) -> TokenStream {
        match self.unsafety() {
            Some(_) => quote!(unsafe { #callee(#arguments) }),
            None => quote!(#callee(#arguments)),
        }
    }

    fn unsafety(&self) -> Option<TokenStream> {
        matches!(self.signature.safety, Safety::Unsafe(_)).then(|| quote!(unsafe))
    }

    fn arguments_of_proxy(&self) -> Vec<TokenStream> {
        let receiver = self.signature.receiver();
        let receiver = receiver.map(|receiver| receiver.self_token.to_token_stream());
        let parameters = self.checked.parameters.iter();
        let names = parameters.map(|parameter| parameter.name.to_token_stream());
        receiver.into_iter().chain(names).collect()
    }

    /// The lifetimes that the future of an `async fn` holds on to.
    fn anchors(&self) -> &[Lifetime] {
        match self.signature.asyncness {
            Some(_) => &self.checked.explicit.lifetimes,
            None => &[],
        }
    }
}

/// The type that a reference leads to, or a reference to a reference.
fn behind_references(ty: &Type) -> &Type {
    match signature::ungrouped(ty) {
        Type::Reference(reference) => behind_references(&reference.elem),
        other => other,
    }
}

/// The lifetime of the future of an `async fn`, which all its references outlive.
fn future_lifetime() -> Lifetime {
    syn::parse_quote!('__hot_future)
}
