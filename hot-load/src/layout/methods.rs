//! What is in tables of methods: the functions, and in which order.

use super::Missing;
use super::debug_info::{MappedFile, unreadable};
use super::entry::{Entries, Place};
use super::index;
use std::collections::HashMap;

/// The table of the methods of a type behind a trait object.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// `Type as Trait`
    pub(super) name: String,
    pub(super) implementor: Place,
    /// Where it is in the file's memory; `None` if it was left out.
    pub(super) address: Option<u64>,
    /// In bytes.
    pub(super) size: u64,
}

/// Where the words in tables of methods lead to.
#[derive(Debug)]
pub(super) struct Methods {
    /// By the address of the word.
    pointers: HashMap<u64, u64>,
    /// The functions of the crate, by their addresses.
    functions: HashMap<u64, Place>,
}

impl Methods {
    /// Finds the functions that tables lead to.
    pub(super) fn find<'t>(
        file: &MappedFile,
        entries: &Entries<'_, '_>,
        tables: impl Iterator<Item = &'t Table>,
    ) -> Result<Methods, Missing> {
        let mut functions = HashMap::new();
        for (unit, (of_unit, own)) in entries.units.iter().enumerate() {
            let found = index::functions(entries.dwarf, of_unit, own).map_err(unreadable)?;
            let places = found.into_iter();
            functions.extend(places.map(|(address, offset)| (address, Place { unit, offset })));
        }
        let words = tables.filter_map(|table| Some((table.address?, table.size)));
        let words = words.flat_map(|(start, size)| (0..size).step_by(8).map(move |at| start + at));
        let mut words: Vec<u64> = words.collect();
        words.sort_unstable();
        words.dedup();
        Ok(Methods {
            pointers: file.pointers(&words)?,
            functions,
        })
    }

    /// The function of the crate that the word at `address` leads to.
    pub(super) fn at(&self, address: u64) -> Option<Place> {
        self.functions.get(self.pointers.get(&address)?).copied()
    }
}
