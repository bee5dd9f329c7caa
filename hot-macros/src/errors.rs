//! All errors of one item, told at once.

use proc_macro2::TokenStream;
use quote::ToTokens;

/// Collects errors while an item is checked.
#[derive(Default)]
pub(crate) struct Errors {
    found: Option<syn::Error>,
}

impl Errors {
    /// Adds an error at the place of `tokens`.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl std::fmt::Display) {
        self.add(syn::Error::new_spanned(tokens, message));
    }

    /// Adds an error.
    pub(crate) fn add(&mut self, error: syn::Error) {
        match &mut self.found {
            Some(found) => found.combine(error),
            None => self.found = Some(error),
        }
    }

    /// `value` if there were no errors, else all of them.
    pub(crate) fn or<T>(self, value: T) -> Result<T, syn::Error> {
        match self.found {
            Some(error) => Err(error),
            None => Ok(value),
        }
    }
}

/// The errors, and the user's own tokens after them: an editor goes on to complete and highlight the
/// item as if the attribute were not there.
pub(crate) fn with_item(error: &syn::Error, item: TokenStream) -> TokenStream {
    let mut tokens = error.to_compile_error();
    tokens.extend(item);
    tokens
}
