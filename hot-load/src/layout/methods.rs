//! What is in tables of methods: the functions, and in which order.

use super::Missing;
use super::behind;
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

/// Words in the memory of a file, and where they lead to.
#[derive(Clone, Debug, Default)]
pub(super) struct Pointers {
    /// The addresses of the words, in order.
    words: Vec<u64>,
    /// By the address of the word. One that is nowhere leads to nothing.
    targets: HashMap<u64, u64>,
}

impl Pointers {
    /// Reads each of these words.
    fn read(file: &MappedFile, mut words: Vec<u64>) -> Result<Pointers, Missing> {
        words.sort_unstable();
        words.dedup();
        let targets = file.pointers(&words)?;
        Ok(Pointers { words, targets })
    }

    /// Adds others of the same file.
    pub(super) fn add(&mut self, other: &Pointers) {
        self.words.extend(&other.words);
        self.words.sort_unstable();
        self.words.dedup();
        self.targets.extend(&other.targets);
    }

    #[cfg(test)]
    pub(super) fn addresses(&self) -> impl Iterator<Item = u64> {
        self.words.iter().copied()
    }

    /// Where the word at `address` leads to.
    pub(super) fn target(&self, address: u64) -> Option<u64> {
        self.targets.get(&address).copied()
    }

    /// Whether the words in another file lead to the same places.
    pub(super) fn are_those_of(&self, file: &MappedFile) -> bool {
        self.words.is_empty()
            || file
                .pointers(&self.words)
                .is_ok_and(|targets| targets == self.targets)
    }
}

/// Where the words in tables of methods lead to.
#[derive(Debug)]
pub(super) struct Methods {
    pub(super) pointers: Pointers,
    /// The functions of the crate, by their addresses.
    functions: HashMap<u64, Place>,
    /// The symbols of the methods that tell what is behind an object, of all crates. Read when they are first needed.
    telling: Option<HashMap<u64, String>>,
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
        Ok(Methods {
            pointers: Pointers::read(file, words.collect())?,
            functions,
            telling: None,
        })
    }

    /// The function of the crate that the word at `address` leads to.
    pub(super) fn at(&self, address: u64) -> Option<Place> {
        let function = self.pointers.target(address)?;
        self.functions.get(&function).copied()
    }

    /// Whether the word at `address` leads to the method by which objects of `plain_trait` tell what is behind them. It
    /// may have been compiled into another crate. What leads out of the file is taken for that of `Any`.
    pub(super) fn tells(
        &mut self,
        file: &MappedFile,
        address: u64,
        plain_trait: &str,
    ) -> Result<bool, Missing> {
        let Some(function) = self.pointers.target(address) else {
            return Ok(plain_trait == behind::ANY);
        };
        let telling = match &mut self.telling {
            Some(telling) => telling,
            None => self.telling.insert(file.symbols_with(behind::TYPE_ID)?),
        };
        let symbol = telling.get(&function);
        Ok(symbol.is_some_and(|symbol| behind::is_type_id_of(plain_trait, symbol)))
    }
}
