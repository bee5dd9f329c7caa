//! The user's own attributes: which of them generated code repeats, and which cannot be kept.

use crate::errors::Errors;
use syn::Attribute;

/// The `#[cfg(..)]`s of an item. What is generated beside the item stands and falls with it.
pub(crate) fn conditions(attributes: &[Attribute]) -> impl Iterator<Item = &Attribute> + Clone {
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"))
}

/// Refuses what would say something else of the function that callers see than of its body.
pub(crate) fn check(noun: &str, attributes: &[Attribute], errors: &mut Errors) {
    for attribute in attributes {
        if attribute.path().is_ident("track_caller") {
            errors.at(
                attribute,
                format!("{noun} cannot be `#[track_caller]`: its body is called by generated code, not by the caller"),
            );
        }
        if attribute.path().is_ident("target_feature") {
            errors.at(
                attribute,
                format!("{noun} cannot have `#[target_feature]`; put it on a function that this one calls"),
            );
        }
    }
}
