//! A signature as the type of a function pointer has to write it: without `Self`, and with a name for
//! every lifetime that the user left out.

use crate::signature::Parameter;
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::visit_mut::{self, VisitMut};
use syn::{
    FnArg, GenericParam, Ident, Lifetime, Receiver, ReceiverKind, ReturnType, Signature, Type,
    TypePath, TypeReference, parse_quote,
};

/// The type whose methods are hot.
pub(crate) struct Owner {
    /// Its lifetimes, those included that were written `'_`.
    pub(crate) lifetimes: Vec<Lifetime>,
    /// The type, with all its lifetimes named.
    pub(crate) ty: Type,
}

impl Owner {
    /// The type of an `impl` block with these lifetimes.
    pub(crate) fn new(declared: Vec<Lifetime>, ty: &Type) -> Owner {
        let mut naming = Naming::new("owner");
        let mut ty = ty.clone();
        naming.visit_type_mut(&mut ty);
        let lifetimes = declared.into_iter().chain(naming.made).collect();
        Owner { lifetimes, ty }
    }
}

/// A signature in which nothing is left out.
pub(crate) struct Explicit {
    /// Every lifetime that is not `'static`.
    pub(crate) lifetimes: Vec<Lifetime>,
    /// Names and types; a receiver is a parameter like any other.
    pub(crate) parameters: Vec<(Ident, Type)>,
    /// The result.
    pub(crate) result: Type,
}

impl Explicit {
    /// The explicit form of a signature whose parameters were checked.
    pub(crate) fn new(
        signature: &Signature,
        parameters: &[Parameter],
        owner: Option<&Owner>,
    ) -> Explicit {
        let mut naming = Naming::new("hot");
        let mut typed = parameters
            .iter()
            .map(|Parameter { name, ty }| (name.clone(), ty.clone()));
        let mut explicit = Vec::new();
        let mut of_receiver = None;
        for input in &signature.inputs {
            let (name, mut ty) = match input {
                FnArg::Typed(_) => match typed.next() {
                    Some(parameter) => parameter,
                    None => continue, // refused by the checks
                },
                FnArg::Receiver(receiver) => (format_ident!("__hot_self"), receiver_type(receiver)),
            };
            naming.visit_type_mut(&mut ty);
            if let (FnArg::Receiver(_), Type::Reference(reference)) = (input, &ty) {
                of_receiver.clone_from(&reference.lifetime);
            }
            explicit.push((name, ty));
        }

        let mut result: Type = match &signature.output {
            ReturnType::Default => parse_quote!(()),
            ReturnType::Type(_, ty) => (**ty).clone(),
        };
        // What a result leaves out is the lifetime of `&self`, else the only one there is.
        let only = match naming.seen.as_slice() {
            [only] => Some(only.clone()),
            _ => None,
        };
        if let Some(lifetime) = of_receiver.or(only) {
            Filling { lifetime }.visit_type_mut(&mut result);
        }

        if let Some(owner) = owner {
            let mut naming = SelfNaming { ty: &owner.ty };
            for (_, ty) in &mut explicit {
                naming.visit_type_mut(ty);
            }
            naming.visit_type_mut(&mut result);
        }
        let declared = signature.generics.params.iter().filter_map(|parameter| {
            let GenericParam::Lifetime(parameter) = parameter else {
                return None;
            };
            Some(parameter.lifetime.clone())
        });
        let of_owner = owner.into_iter().flat_map(|owner| owner.lifetimes.clone());
        Explicit {
            lifetimes: of_owner.chain(declared).chain(naming.made).collect(),
            parameters: explicit,
            result,
        }
    }

    /// The type of a function pointer with this signature.
    pub(crate) fn pointer(&self) -> TokenStream {
        let (lifetimes, result) = (&self.lifetimes, &self.result);
        let bound = (!lifetimes.is_empty()).then(|| quote!(for<#(#lifetimes),*>));
        let types = self.parameters.iter().map(|(_, ty)| ty);
        quote!(#bound fn(#(#types),*) -> #result)
    }

    /// The lifetimes of the result that are in no parameter, and so in no type of a function pointer.
    pub(crate) fn loose_lifetimes(&self) -> Vec<Lifetime> {
        let mut of_parameters = Naming::new("unused");
        for (_, ty) in &self.parameters {
            of_parameters.visit_type_mut(&mut ty.clone());
        }
        let mut of_result = Naming::new("unused");
        of_result.visit_type_mut(&mut self.result.clone());
        let declared = |lifetime: &Lifetime| self.lifetimes.contains(lifetime);
        let loose = of_result.seen.into_iter().filter(declared);
        loose
            .filter(|lifetime| !of_parameters.seen.contains(lifetime))
            .collect()
    }
}

fn receiver_type(receiver: &Receiver) -> Type {
    match &receiver.kind {
        ReceiverKind::Reference(and, lifetime, mutability) => Type::Reference(TypeReference {
            attrs: Vec::new(),
            and_token: *and,
            lifetime: lifetime.clone(),
            mutability: *mutability,
            elem: parse_quote!(Self),
        }),
        ReceiverKind::Typed(_, ty) => (**ty).clone(),
        _ => parse_quote!(Self),
    }
}

/// Names what was left out, and notes every lifetime it comes across.
struct Naming {
    prefix: &'static str,
    made: Vec<Lifetime>,
    seen: Vec<Lifetime>,
}

impl Naming {
    fn new(prefix: &'static str) -> Naming {
        Naming {
            prefix,
            made: Vec::new(),
            seen: Vec::new(),
        }
    }

    fn make(&mut self) -> Lifetime {
        let name = format!("'__{}{}", self.prefix, self.made.len());
        let lifetime = Lifetime::new(&name, Span::call_site());
        self.made.push(lifetime.clone());
        lifetime
    }
}

impl VisitMut for Naming {
    fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
        let lifetime = reference.lifetime.take();
        let mut lifetime = lifetime.unwrap_or_else(|| parse_quote!('_));
        self.visit_lifetime_mut(&mut lifetime);
        reference.lifetime = Some(lifetime);
        self.visit_type_mut(&mut reference.elem);
    }

    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if lifetime.ident == "_" {
            *lifetime = self.make();
        }
        if !self.seen.contains(lifetime) {
            self.seen.push(lifetime.clone());
        }
    }

    fn visit_trait_bound_mut(&mut self, bound: &mut syn::TraitBound) {
        // Those of `for<'a> Fn(&'a T)` belong to the bound alone.
        if bound.lifetimes.is_none() {
            visit_mut::visit_trait_bound_mut(self, bound);
        }
    }

    // What these leave out is theirs to choose at each call.
    fn visit_type_fn_ptr_mut(&mut self, _: &mut syn::TypeFnPtr) {}
    fn visit_parenthesized_generic_arguments_mut(
        &mut self,
        _: &mut syn::ParenthesizedGenericArguments,
    ) {
    }
}

/// Writes one lifetime wherever one was left out.
struct Filling {
    lifetime: Lifetime,
}

impl VisitMut for Filling {
    fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
        match &mut reference.lifetime {
            Some(lifetime) => self.visit_lifetime_mut(lifetime),
            none => *none = Some(self.lifetime.clone()),
        }
        self.visit_type_mut(&mut reference.elem);
    }

    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if lifetime.ident == "_" {
            *lifetime = self.lifetime.clone();
        }
    }

    fn visit_type_fn_ptr_mut(&mut self, _: &mut syn::TypeFnPtr) {}
    fn visit_parenthesized_generic_arguments_mut(
        &mut self,
        _: &mut syn::ParenthesizedGenericArguments,
    ) {
    }
}

/// Writes the type of an `impl` block for `Self`.
struct SelfNaming<'a> {
    ty: &'a Type,
}

impl VisitMut for SelfNaming<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        match ty {
            Type::Path(TypePath {
                qself: None, path, ..
            }) if path.is_ident("Self") => *ty = self.ty.clone(),
            other => visit_mut::visit_type_mut(self, other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::Errors;
    use crate::signature::{self, Kind};
    use quote::ToTokens;

    /// The explicit form of a method of `Words<'_>`, or of a function, on one line.
    fn explicit(signature: &str) -> String {
        let signature: Signature = syn::parse_str(signature).unwrap();
        let mut errors = Errors::default();
        let parameters = signature::check(Kind::Method, &signature, &mut errors);
        errors.or(()).unwrap();
        let owner = Owner::new(Vec::new(), &parse_quote!(Words<'_>));
        let owner = signature.receiver().map(|_| &owner);
        let explicit = Explicit::new(&signature, &parameters, owner);
        let types = explicit
            .parameters
            .iter()
            .map(|(_, ty)| ty.to_token_stream());
        let types: Vec<_> = types.map(|ty| ty.to_string().replace(' ', "")).collect();
        let lifetimes: Vec<_> = explicit.lifetimes.iter().map(Lifetime::to_string).collect();
        let result = explicit.result.to_token_stream().to_string();
        format!(
            "<{}> {} -> {}",
            lifetimes.join(" "),
            types.join(" "),
            result.replace(' ', "")
        )
    }

    #[test]
    fn a_result_borrows_from_the_only_lifetime() {
        assert_eq!(
            explicit("fn f(a: &A, b: u8) -> Option<&B>"),
            "<'__hot0> &'__hot0A u8 -> Option<&'__hot0B>"
        );
        assert_eq!(
            explicit("fn f<'a>(a: &'a A, b: B<'a>) -> B<'_>"),
            "<'a> &'aA B<'a> -> B<'a>"
        );
        assert_eq!(
            explicit("fn f(a: B<'_>) -> &'static B"),
            "<'__hot0> B<'__hot0> -> &'staticB"
        );
    }

    #[test]
    fn a_result_borrows_from_self() {
        assert_eq!(
            explicit("fn f(&mut self, a: &A) -> &Self"),
            "<'__owner0 '__hot0 '__hot1> &'__hot0mutWords<'__owner0> &'__hot1A -> &'__hot0Words<'__owner0>"
        );
        assert_eq!(
            explicit("fn f(self: Box<Self>, a: Option<Self>) -> Self"),
            "<'__owner0> Box<Words<'__owner0>> Option<Words<'__owner0>> -> Words<'__owner0>"
        );
    }

    #[test]
    fn what_closures_and_pointers_leave_out_stays_theirs() {
        assert_eq!(
            explicit(
                "fn f(a: &A, g: &mut dyn FnMut(&B) -> &B, h: fn(&B) -> &B, i: &dyn for<'x> G<'x>)"
            ),
            "<'__hot0 '__hot1 '__hot2> &'__hot0A &'__hot1mutdynFnMut(&B)->&B fn(&B)->&B &'__hot2dynfor<'x>G<'x> -> ()"
        );
    }

    #[test]
    fn a_lifetime_of_the_result_alone_is_loose() {
        let signature: Signature = parse_quote!(fn f<'a, 'b>(a: &'a A) -> (&'a A, B<'b>));
        let parameters = signature::check(Kind::Function, &signature, &mut Errors::default());
        let loose = Explicit::new(&signature, &parameters, None).loose_lifetimes();
        let loose: Vec<_> = loose.iter().map(Lifetime::to_string).collect();
        assert_eq!(loose, ["'b"]);
    }
}
