//! What may stand in the parentheses of `#[hot_fn(..)]`.

use crate::errors::Errors;
use proc_macro2::TokenStream;
use syn::punctuated::Punctuated;
use syn::{Attribute, Ident, Meta, Token, parse::Parser};

/// What the user asked of one function.
#[derive(Default)]
pub(crate) struct Options {
    /// `local`: the future of an `async fn` need not be `Send`.
    pub(crate) local: Option<Ident>,
    /// `skip`: the method stays an ordinary one.
    pub(crate) skip: Option<Ident>,
}

impl Options {
    /// Reads the arguments of one attribute.
    pub(crate) fn read(&mut self, arguments: TokenStream, errors: &mut Errors) {
        const UNKNOWN: &str = "`#[hot_fn]` takes `local`, for an `async fn` whose future is not `Send`, or `skip`, for \
                               a method of a `#[hot_fn] impl`; a function is known by its path and needs no name";
        let parsed = Punctuated::<Ident, Token![,]>::parse_terminated.parse2(arguments.clone());
        let Ok(words) = parsed else {
            errors.at(arguments, UNKNOWN);
            return;
        };
        for word in words {
            match word.to_string().as_str() {
                "local" => self.local = Some(word),
                "skip" => self.skip = Some(word),
                _ => errors.at(word, UNKNOWN),
            }
        }
    }

    /// Takes the `#[hot_fn(..)]` away from a method, and reads it.
    pub(crate) fn take_from(attributes: &mut Vec<Attribute>, errors: &mut Errors) -> Options {
        let mut options = Options::default();
        attributes.retain(|attribute| {
            let ours = is_hot_fn(attribute);
            if let (true, Meta::List(list)) = (ours, &attribute.meta) {
                options.read(list.tokens.clone(), errors);
            }
            !ours
        });
        options
    }
}

fn is_hot_fn(attribute: &Attribute) -> bool {
    let last = attribute.path().segments.last();
    last.is_some_and(|segment| segment.ident == "hot_fn")
}
