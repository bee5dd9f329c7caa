//! Whose variable each static and thread-local of new code is.
//!
//! A variable that the program has is the program's, and one that a thin library brought is that library's,
//! as long as both builds give it one type. Everyone else uses it there, at its one address.

use std::collections::{HashMap, HashSet};

use super::object_file::{ObjectFile, Relocation, Section, Symbol};
use super::resolve::may_be_anyones;

use initial::ObjectValues;

pub(crate) use initial::{InitialValue, Initialiser, add_initialisers};
pub(crate) use owners::{BuiltLibrary, Lent, Renamed, Target, exported_name};
pub(crate) use placement::{Began, InitialValues, Placement};

#[path = "statics/initial.rs"]
mod initial;
#[path = "statics/owners.rs"]
mod owners;
#[path = "statics/placement.rs"]
mod placement;
#[cfg(test)]
#[path = "statics/tests.rs"]
mod tests;

/// A static or thread-local that new code defines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) name: Vec<u8>,
    pub(crate) size: u64,
    pub(crate) is_thread_local: bool,
    /// For one of a compiled crate that did not change: what tells its object from others. Two of one object
    /// have one type.
    pub(crate) object: Option<u64>,
    /// Whether code of its own object uses it. If so it is alive, and if not, perhaps.
    pub(crate) is_used: bool,
    /// Whether other objects can use it.
    is_visible: bool,
    /// Whether a variable of the program that has its name may be another one.
    pub(crate) is_namesake: bool,
    /// What it begins with.
    initial: InitialValue,
}

impl Variable {
    /// What the first of its name begins with.
    pub(crate) fn begins(&self) -> (Vec<u8>, Began) {
        let began = Began {
            first: self.initial,
            last: self.initial,
        };
        (self.name.clone(), began)
    }

    /// Whether anybody can miss it.
    fn is_alive(&self) -> bool {
        self.is_used || self.is_visible
    }
}

/// What an object of new code defines.
#[derive(Debug)]
pub(crate) struct Defined {
    pub(crate) variables: Vec<Variable>,
    /// Of these variables, and of those of other objects.
    pub(crate) initialisers: Vec<Initialiser>,
}

/// What an object of new code defines.
///
/// # Errors
///
/// When the object is none.
pub(crate) fn defined(
    object: &ObjectFile<'_>,
    identity: Option<u64>,
) -> object::read::Result<Defined> {
    let relocations = relocations(object)?;
    let used = used_symbols(object, &relocations);
    let initial_values = ObjectValues::new(object, &relocations);
    let is_variable = |symbol: &Symbol<'_>| {
        !symbol.name.is_empty()
            && symbol.is_defined
            && symbol.is_variable
            && symbol.size != 0
            && is_in_variables(object, symbol)
            && !is_of_the_build(symbol.name)
    };
    let symbols = object.symbols.iter().enumerate();
    let symbols = symbols.filter(|(_, symbol)| is_variable(symbol));
    let variables = symbols
        .map(|(index, symbol)| Variable {
            name: symbol.name.to_vec(),
            size: symbol.size,
            is_thread_local: symbol.is_thread_local,
            object: identity,
            is_used: used.contains(&Used::Symbol(index))
                || symbol
                    .section
                    .is_some_and(|section| used.contains(&Used::Section(section))),
            is_visible: !symbol.is_local,
            is_namesake: may_be_anyones(symbol),
            initial: initial_values.of(symbol),
        })
        .collect();
    Ok(Defined {
        variables,
        initialisers: initial_values.initialisers(),
    })
}

/// What code and data of an object refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Used {
    /// The symbol of that index.
    Symbol(usize),
    /// Something in the section of that index.
    Section(usize),
}

fn used_symbols(
    object: &ObjectFile<'_>,
    relocations: &HashMap<usize, Vec<Relocation>>,
) -> HashSet<Used> {
    let mut used = HashSet::new();
    for relocation in relocations.values().flatten() {
        used.insert(Used::Symbol(relocation.symbol));
        let symbol = object.symbols.get(relocation.symbol);
        let section = symbol.filter(|symbol| symbol.is_section);
        used.extend(section.and_then(|symbol| symbol.section).map(Used::Section));
    }
    used
}

/// The relocations of an object, by the sections that they are for.
fn relocations(object: &ObjectFile<'_>) -> object::read::Result<HashMap<usize, Vec<Relocation>>> {
    let mut relocations: HashMap<usize, Vec<Relocation>> = HashMap::new();
    for section in 0..object.sections.len() {
        if let Some((section, found)) = object.relocations(section)? {
            relocations.entry(section).or_default().extend(found);
        }
    }
    Ok(relocations)
}

fn is_in_variables(object: &ObjectFile<'_>, symbol: &Symbol<'_>) -> bool {
    symbol
        .section
        .and_then(|section| object.sections.get(section))
        .is_some_and(Section::holds_variables)
}

/// Begins the name of a pointer that the unwind tables use. Each library has its own.
pub(crate) const INDIRECT: &[u8] = b"DW.ref.";

/// Variables that tell of the very build they are part of: how its items register, and what its log
/// messages look like. Each build has its own.
fn is_of_the_build(name: &[u8]) -> bool {
    const PARTS: [&[u8]; 4] = [
        b"__HOT_",
        b"__hot_entry_is_missing__",
        b"CALLSITE",
        INDIRECT,
    ];
    PARTS
        .iter()
        .any(|part| name.windows(part.len()).any(|window| window == *part))
}
