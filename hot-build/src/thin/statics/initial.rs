//! What a variable begins with, so that an edit of it is noticed: the variable keeps the value that it has.

use std::collections::HashMap;
use std::ops::Range;

use object::elf;

use super::super::host::{hash, mix};
use super::super::object_file::{ObjectFile, Relocation, Symbol, holds_variables};
use super::super::symbol_path::{initialised_static, path_of};
use super::Variable;

/// What tells the initial value of a variable from another one: its bytes, the constants that it leads to, and
/// the closures that are written in its initialiser. What those call is not in it, nor in which line they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InitialValue(pub(super) u64);

/// A closure that is written in the initialiser of a static. It need not be in the same object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Initialiser {
    /// The path of the static.
    of: Vec<u8>,
    value: u64,
}

/// Adds to the initial values of `variables` the closures that are in their initialisers.
pub(crate) fn add_initialisers<'a>(
    variables: &mut [Variable],
    initialisers: impl Iterator<Item = &'a Initialiser>,
) {
    let mut values: HashMap<&[u8], u64> = HashMap::new();
    for initialiser in initialisers {
        let value = values.entry(&initialiser.of).or_default();
        // In any order.
        *value = value.wrapping_add(initialiser.value);
    }
    if values.is_empty() {
        return;
    }
    // Those of a thread-local run for each thread that comes, so an edit of them counts.
    let variables = variables
        .iter_mut()
        .filter(|variable| !variable.is_thread_local);
    for variable in variables {
        let path = path_of(&variable.name);
        if let Some(value) = path.and_then(|path| values.get(&*path)) {
            variable.initial.0 = mix(variable.initial.0 ^ value);
        }
    }
}

/// The initial values of the variables of an object.
pub(super) struct ObjectValues<'a, 'data> {
    object: &'a ObjectFile<'data>,
    /// By the section that they are for.
    relocations: &'a HashMap<usize, Vec<Relocation>>,
}

impl<'a, 'data> ObjectValues<'a, 'data> {
    pub(super) fn new(
        object: &'a ObjectFile<'data>,
        relocations: &'a HashMap<usize, Vec<Relocation>>,
    ) -> Self {
        Self {
            object,
            relocations,
        }
    }

    pub(super) fn of(&self, variable: &Symbol<'_>) -> InitialValue {
        let Some(section) = variable.section else {
            return InitialValue(0);
        };
        InitialValue(self.content(section, range(variable), 0))
    }

    /// The closures of the initialisers of statics.
    pub(super) fn initialisers(&self) -> Vec<Initialiser> {
        let symbols = self.object.symbols.iter();
        let functions = symbols.filter(|symbol| symbol.is_function);
        let initialisers = functions.filter_map(|function| {
            let of = initialised_static(function.name)?;
            Some(Initialiser {
                of: of.into_owned(),
                value: self.content(function.section?, range(function), 0),
            })
        });
        initialisers.collect()
    }

    /// What is in a part of a section, and in the constants that it refers to.
    fn content(&self, index: usize, range: Range<usize>, depth: u32) -> u64 {
        let section = &self.object.sections[index];
        let length = range.len();
        if section.kind == elf::SHT_NOBITS.0 {
            return mix(length as u64);
        }
        let bytes = self.object.bytes.get(section.offset..);
        let Some(bytes) = bytes.and_then(|bytes| bytes.get(range.clone())) else {
            return mix(length as u64);
        };
        let mut bytes = bytes.to_vec();
        let relocations = self.relocations.get(&index);
        let relocations = relocations.into_iter().flatten();
        let relocations: Vec<&Relocation> = relocations
            .filter(|relocation| range.contains(&relocation.offset))
            .collect();
        for relocation in &relocations {
            let start = relocation.offset - range.start;
            let width = self.object.processor.width(relocation.kind);
            let end = length.min(start + width);
            bytes[start..end].fill(0);
        }
        if let [only] = relocations[..]
            && self.is_place_in_source(&bytes, only)
        {
            bytes[16..].fill(0);
        }
        let mut value = hash(&bytes);
        for relocation in relocations {
            let place = (relocation.offset - range.start) as u64;
            value = mix(value ^ place);
            value = mix(value ^ self.referred(relocation, depth));
        }
        value
    }

    /// What a relocation leads to: constants by what is in them, all else by name.
    fn referred(&self, relocation: &Relocation, depth: u32) -> u64 {
        let Some(symbol) = self.object.symbols.get(relocation.symbol) else {
            return 0;
        };
        let addend = relocation.addend.cast_unsigned();
        let constant = symbol.section.filter(|section| self.is_constant(*section));
        match constant {
            Some(section) if depth < DEEPEST => {
                let whole = 0..self.object.sections[section].size;
                let part = match symbol.is_section || symbol.size == 0 {
                    true => whole,
                    false => range(symbol),
                };
                mix(self.content(section, part, depth + 1) ^ addend)
            }
            Some(_) => mix(addend),
            None => mix(hash(&path_of(symbol.name).unwrap_or(symbol.name.into())) ^ addend),
        }
    }

    fn is_constant(&self, section: usize) -> bool {
        let section = &self.object.sections[section];
        let is_data = section.is_loaded() && !section.is_code() && section.size <= LARGEST;
        is_data && !holds_variables(section.name, section.flags)
    }

    /// Whether these bytes are the [`Location`](std::panic::Location) of code, which is another one whenever
    /// lines move: the address and length of a file's name, a line and a column.
    fn is_place_in_source(&self, bytes: &[u8], relocation: &Relocation) -> bool {
        let length = bytes.get(8..16).and_then(|length| length.try_into().ok());
        let length = length
            .map(u64::from_le_bytes)
            .and_then(|length| usize::try_from(length).ok());
        let symbol = self.object.symbols.get(relocation.symbol);
        let section = symbol.and_then(|symbol| Some((symbol, symbol.section?)));
        let (24, Some(length), Some((symbol, section))) = (bytes.len(), length, section) else {
            return false;
        };
        let start = usize::try_from(symbol.value as i64 + relocation.addend).ok();
        let start = start.and_then(|start| start.checked_add(self.object.sections[section].offset));
        let name = start.and_then(|start| self.object.bytes.get(start..)?.get(..length));
        name.is_some_and(|name| name.ends_with(b".rs"))
    }
}

/// Where in its section a symbol is.
fn range(symbol: &Symbol<'_>) -> Range<usize> {
    let start = symbol.value as usize;
    start..start.saturating_add(symbol.size as usize)
}

/// How many constants are followed from one to the next.
const DEEPEST: u32 = 4;

/// In bytes: a section that is larger is not looked into.
const LARGEST: usize = 1 << 16;
