//! Whether a type of one name is one type in two modules, where a value of it passes from one to the other whole.
//!
//! Name, size and alignment say nothing of the types of fields. What says more, the sources and the debug
//! information, is known to the loader of the program; this crate asks it, telling a place in each module.

use crate::args::TypeKey;
use crate::services;
use std::sync::OnceLock;

/// Compares a type of that name in the modules that two addresses lie in, of code or of data.
///
/// # Errors
///
/// How the types differ, or why that is not known.
pub type CompareTypes = fn(type_name: &str, giver: usize, taker: usize) -> Result<(), String>;

/// Has types compared so from now on, in the program and all its libraries. The first call wins; before it there
/// are no libraries.
pub fn compare_types_with(compare: CompareTypes) {
    // The loaders of one process know the same.
    let _ = COMPARE.set(compare);
}

static COMPARE: OnceLock<CompareTypes> = OnceLock::new();

/// The program's own way to the comparison: what libraries call through their services.
pub(crate) fn compare_own(type_name: &str, giver: usize, taker: usize) -> Result<(), String> {
    match COMPARE.get() {
        Some(compare) => compare(type_name, giver, taker),
        None => Ok(()),
    }
}

/// Whether the type of that key is one type in the modules of both places.
pub(crate) fn compare(key: TypeKey, giver: usize, taker: usize) -> Result<(), String> {
    match giver == taker {
        true => Ok(()),
        false => (services::current().same_type)(key.name, giver, taker),
    }
}

/// An address in the code that knows `T` here: each module has its own.
pub(crate) fn place_of<T: 'static>() -> usize {
    let key: fn() -> TypeKey = TypeKey::of::<T>;
    key as usize
}
