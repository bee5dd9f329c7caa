//! What a hot function or node may look like, and every sentence that says why one may not.

use crate::errors::Errors;
use crate::written::written;
use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{FnArg, GenericParam, Ident, Pat, ReceiverKind, Safety, Signature, Type};

/// Which attribute checks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Function,
    Method,
    Node,
}

impl Kind {
    fn noun(self) -> &'static str {
        match self {
            Kind::Function | Kind::Method => "a hot function",
            Kind::Node => "a hot node",
        }
    }
}

/// One parameter that passed the checks.
pub(crate) struct Parameter {
    /// Its name.
    pub(crate) name: Ident,
    /// Its type as written.
    pub(crate) ty: Type,
}

/// Checks everything that both attributes refuse, and returns the parameters except `self`.
pub(crate) fn check(kind: Kind, signature: &Signature, errors: &mut Errors) -> Vec<Parameter> {
    let noun = kind.noun();
    if let Some(constness) = &signature.constness {
        errors.at(
            constness,
            format!("{noun} cannot be `const`: which code runs is known only at run time"),
        );
    }
    if let Some(variadic) = &signature.variadic {
        errors.at(variadic, format!("{noun} cannot be variadic; take a slice"));
    }
    for parameter in &signature.generics.params {
        match parameter {
            GenericParam::Type(parameter) => errors.at(
                parameter,
                format!(
                    "{noun} cannot have type parameters: a library holds no code for types it does not know; write \
                     the concrete type, or call a hot function from inside the generic one"
                ),
            ),
            GenericParam::Const(parameter) => errors.at(
                parameter,
                format!("{noun} cannot have const parameters; pass the value as an argument"),
            ),
            GenericParam::Lifetime(_) => {}
        }
    }
    signature
        .inputs
        .iter()
        .enumerate()
        .filter_map(|(index, input)| check_parameter(kind, index, input, errors))
        .collect()
}

fn check_parameter(
    kind: Kind,
    index: usize,
    input: &FnArg,
    errors: &mut Errors,
) -> Option<Parameter> {
    let noun = kind.noun();
    let attributes = match input {
        FnArg::Receiver(receiver) => &receiver.attrs,
        FnArg::Typed(typed) => &typed.attrs,
    };
    for attr in attributes {
        errors.at(
            attr,
            format!(
                "attributes on the parameters of {noun} are not supported; put them on the function"
            ),
        );
    }
    let typed = match (input, kind) {
        (FnArg::Typed(typed), _) => typed,
        (FnArg::Receiver(_), Kind::Method) => return None,
        (FnArg::Receiver(receiver), Kind::Function) => {
            let message = "a method is not a hot function on its own; put `#[hot_fn]` on the whole `impl` block, and \
                           `#[hot_fn(skip)]` on the methods that are to stay ordinary";
            errors.at(receiver, message);
            return None;
        }
        (FnArg::Receiver(receiver), Kind::Node) => {
            let message = "a hot node is a free function and has no `self`; pass what it needs as an argument";
            errors.at(receiver, message);
            return None;
        }
    };
    match &*typed.pat {
        Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => Some(Parameter {
            name: pat.ident.clone(),
            ty: (*typed.ty).clone(),
        }),
        Pat::Wild(wild) => {
            let name = Ident::new(&format!("_unused{index}"), wild.underscore_token.spans[0]);
            Some(Parameter {
                name,
                ty: (*typed.ty).clone(),
            })
        }
        pattern => {
            errors.at(
                pattern,
                format!(
                    "a parameter of {noun} is a plain name; take it apart with `let` in the body"
                ),
            );
            None
        }
    }
}

/// A type without the parentheses around it, those included that no one sees: where a `macro_rules!` macro
/// passes a type on.
pub(crate) fn ungrouped(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => ungrouped(&group.elem),
        Type::Paren(paren) => ungrouped(&paren.elem),
        other => other,
    }
}

/// The first `impl Trait` in a type.
pub(crate) fn find_impl_trait(ty: &Type) -> Option<TokenStream> {
    struct Find(Option<TokenStream>);
    impl<'ast> Visit<'ast> for Find {
        fn visit_type_impl_trait(&mut self, found: &'ast syn::TypeImplTrait) {
            self.0.get_or_insert_with(|| found.to_token_stream());
        }
    }
    let mut find = Find(None);
    find.visit_type(ty);
    find.0
}

/// The first `Self` in a type.
pub(crate) fn find_self(ty: &Type) -> Option<TokenStream> {
    struct Find(Option<TokenStream>);
    impl<'ast> Visit<'ast> for Find {
        fn visit_path(&mut self, path: &'ast syn::Path) {
            if let Some(first) = path.segments.first().filter(|first| first.ident == "Self") {
                self.0.get_or_insert_with(|| first.ident.to_token_stream());
            }
            visit::visit_path(self, path);
        }
    }
    let mut find = Find(None);
    find.visit_type(ty);
    find.0
}

/// The first reference or lifetime in a type that is not `'static`.
pub(crate) fn find_lifetime(ty: &Type) -> Option<TokenStream> {
    struct Find(Option<TokenStream>);
    impl<'ast> Visit<'ast> for Find {
        fn visit_type_reference(&mut self, reference: &'ast syn::TypeReference) {
            if reference
                .lifetime
                .as_ref()
                .is_none_or(|lifetime| lifetime.ident != "static")
            {
                self.0.get_or_insert_with(|| reference.to_token_stream());
            }
            visit::visit_type_reference(self, reference);
        }
        fn visit_lifetime(&mut self, lifetime: &'ast syn::Lifetime) {
            if lifetime.ident != "static" {
                self.0.get_or_insert_with(|| lifetime.to_token_stream());
            }
        }
        // The references in a function pointer's signature are bound by the pointer itself.
        fn visit_type_fn_ptr(&mut self, _: &'ast syn::TypeFnPtr) {}
    }
    let mut find = Find(None);
    find.visit_type(ty);
    find.0
}

/// The types of a signature as one line of text: what two builds compare.
pub(crate) fn as_written(signature: &Signature) -> String {
    let inputs = signature.inputs.iter().map(|input| match input {
        FnArg::Typed(typed) => written(&typed.ty),
        FnArg::Receiver(receiver) => {
            let mut receiver = receiver.clone();
            if !matches!(receiver.kind, ReceiverKind::Reference(..)) {
                receiver.mutability = None; // the body's affair
            }
            written(&receiver)
        }
    });
    let inputs = inputs.collect::<Vec<_>>().join(", ");
    let qualifiers = [
        signature.asyncness.is_some().then_some("async "),
        matches!(signature.safety, Safety::Unsafe(_)).then_some("unsafe "),
        signature.abi.is_some().then_some("extern "),
    ];
    let qualifiers: String = qualifiers.into_iter().flatten().collect();
    let output = written(&signature.output);
    let separator = if output.is_empty() { "" } else { " " };
    format!("{qualifiers}fn({inputs}){separator}{output}")
}
