//! A file's debug information: its sections, and the compilation units of one crate.

use super::{CrateSource, Missing, abbreviations};
use gimli::{
    Abbreviations, Dwarf, EndianSlice, Reader, RunTimeEndian, Section, SectionId, Unit, UnitHeader,
    constants,
};
use memmap2::Mmap;
use object::{Object, ObjectSection, ObjectSymbol, ObjectSymbolTable};
use std::collections::HashMap;
use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::path::Path;

/// A piece of a section.
pub(super) type Bytes<'a> = EndianSlice<'a, RunTimeEndian>;

/// A file of which only what is read is ever brought into memory: libraries have tens of megabytes.
#[derive(Debug)]
pub(crate) struct MappedFile(Mmap);

impl MappedFile {
    pub(crate) fn open(file: &File) -> io::Result<MappedFile> {
        // SAFETY: the file is the running program, which systems keep from being written, or a copy of
        // a library under a name that only this process uses.
        let map = unsafe { Mmap::map(file) }?;
        Ok(MappedFile(map))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The sections with the debug information.
    pub(super) fn dwarf(&self) -> Result<Dwarf<Bytes<'_>>, Missing> {
        let object = object::File::parse(&*self.0).map_err(unreadable)?;
        let endian = match object.is_little_endian() {
            true => RunTimeEndian::Little,
            false => RunTimeEndian::Big,
        };
        let dwarf = Dwarf::load(|id: SectionId| -> Result<Bytes<'_>, Missing> {
            let section = object
                .section_by_name(id.name())
                .or_else(|| object.section_by_name(id.dwo_name()?));
            let Some(section) = section else {
                return Ok(EndianSlice::new(&[], endian));
            };
            let data = section.compressed_data().map_err(unreadable)?;
            match data.format {
                object::CompressionFormat::None => Ok(EndianSlice::new(data.data, endian)),
                _ => Err(Missing::Compressed),
            }
        })?;
        match dwarf.debug_info.reader().is_empty() {
            true => Err(Missing::DebugInfo),
            false => Ok(dwarf),
        }
    }
}

impl MappedFile {
    /// Where the words lead to that lie at these addresses, by the addresses of the words.
    ///
    /// A word of a program or library that can be placed anywhere is filled in by the system's loader, as
    /// its list of relocations says; else it is in the file.
    ///
    /// The words are in order: there are many, and many more relocations.
    pub(super) fn pointers(&self, words: &[u64]) -> Result<HashMap<u64, u64>, Missing> {
        let object = object::File::parse(&*self.0).map_err(unreadable)?;
        let mut pointers = HashMap::new();
        for section in object.sections() {
            let end = section.address().saturating_add(section.size());
            let first = words.partition_point(|word| *word < section.address());
            let last = words.partition_point(|word| *word < end);
            for word in &words[first..last] {
                let bytes = section.data_range(*word, 8).map_err(unreadable)?;
                if let Some(bytes) = bytes.and_then(|bytes| <[u8; 8]>::try_from(bytes).ok()) {
                    let target = match object.is_little_endian() {
                        true => u64::from_le_bytes(bytes),
                        false => u64::from_be_bytes(bytes),
                    };
                    pointers.insert(*word, target);
                }
            }
        }
        for (word, relocation) in object.dynamic_relocations().into_iter().flatten() {
            if words.binary_search(&word).is_err() {
                continue;
            }
            let base = match relocation.target() {
                object::RelocationTarget::Absolute => Some(0),
                object::RelocationTarget::Symbol(index) => object
                    .dynamic_symbol_table()
                    .and_then(|symbols| symbols.symbol_by_index(index).ok())
                    .filter(|symbol| symbol.is_definition())
                    .map(|symbol| symbol.address()),
                _ => None,
            };
            if let Some(base) = base {
                pointers.insert(word, base.wrapping_add_signed(relocation.addend()));
            }
        }
        Ok(pointers)
    }

    /// The symbols that have `part` in them, by their addresses.
    pub(super) fn symbols_with(&self, part: &str) -> Result<HashMap<u64, String>, Missing> {
        let object = object::File::parse(&*self.0).map_err(unreadable)?;
        let mut found = HashMap::new();
        for symbol in object.symbols() {
            if let Ok(name) = symbol.name()
                && name.contains(part)
            {
                found.insert(symbol.address(), name.to_owned());
            }
        }
        Ok(found)
    }
}

/// The compilation units of each of some crates, in the order of the file.
///
/// rustc names a unit `<root file>/@/<name or hash>`. Of all the others only the name is read.
#[derive(Debug)]
pub(super) struct Units<'a> {
    pub(super) by_crate: Vec<Vec<Unit<Bytes<'a>>>>,
    /// For each of the crates, those of the others of its workspace, which are read only if they are needed.
    pub(super) neighbours: Vec<Vec<UnitHeader<Bytes<'a>>>>,
    /// Whether the rest of some unit is in another file.
    pub(super) split: bool,
}

impl<'a> Units<'a> {
    /// Finds the units of those crates.
    pub(super) fn find(
        dwarf: &Dwarf<Bytes<'a>>,
        crates: &[CrateSource<'_>],
    ) -> gimli::Result<Units<'a>> {
        let mut by_crate: Vec<_> = crates.iter().map(|_| Vec::new()).collect();
        let mut neighbours: Vec<_> = crates.iter().map(|_| Vec::new()).collect();
        let mut split = false;
        each_unit(dwarf, |header, name, is_split| {
            split |= is_split;
            let Some(name) = name else { return Ok(()) };
            // Crates of several workspaces may have root files of one name.
            let both = by_crate.iter_mut().zip(&mut neighbours);
            for (krate, (units, neighbours)) in crates.iter().zip(both) {
                if is_unit_of(name.slice(), krate.root_file) {
                    units.push(unit(dwarf, header)?);
                } else if is_of_workspace(name.slice()) {
                    neighbours.push(header);
                }
            }
            Ok(())
        })?;
        Ok(Units {
            by_crate,
            neighbours,
            split,
        })
    }
}

/// The unit of a header.
pub(super) fn unit<'a>(
    dwarf: &Dwarf<Bytes<'a>>,
    header: UnitHeader<Bytes<'a>>,
) -> gimli::Result<Unit<Bytes<'a>>> {
    let table = abbreviations::at(&dwarf.debug_abbrev, header.debug_abbrev_offset())?;
    Unit::new_with_abbreviations(dwarf, header, table)
}

/// Whether some string of the debug information is one that is looked for.
pub(super) fn has_string(
    dwarf: &Dwarf<Bytes<'_>>,
    mut is_meant: impl FnMut(&[u8]) -> bool,
) -> bool {
    let mut rest = dwarf.debug_str.reader().slice();
    // Looked for by std, which is optimised where this code is not.
    while let Ok(text) = CStr::from_bytes_until_nul(rest) {
        let text = text.to_bytes();
        if is_meant(text) {
            return true;
        }
        rest = &rest[text.len() + 1..];
    }
    false
}

/// The root files of all crates that have a unit, as the compiler was given them. Each once.
pub(super) fn root_files(dwarf: &Dwarf<Bytes<'_>>) -> gimli::Result<Vec<String>> {
    let mut roots: Vec<String> = Vec::new();
    each_unit(dwarf, |_, name, _| {
        let name = name.map(|name| name.to_string_lossy().into_owned());
        if let Some(name) = name
            && let Some((root, _)) = name.split_once("/@/")
            && !roots.iter().any(|known| known == root)
        {
            roots.push(root.to_owned());
        }
        Ok(())
    })?;
    Ok(roots)
}

/// Goes over the units in the order of the file, with the name of each, and whether the rest of it is in
/// another file.
fn each_unit<'a>(
    dwarf: &Dwarf<Bytes<'a>>,
    mut take: impl FnMut(UnitHeader<Bytes<'a>>, Option<Bytes<'a>>, bool) -> gimli::Result<()>,
) -> gimli::Result<()> {
    let mut roots = Roots::default();
    let mut headers = dwarf.units();
    while let Some(header) = headers.next()? {
        let root = roots.read(dwarf, &header)?;
        let is_split = root.split || matches!(header.type_(), gimli::UnitType::Skeleton(_));
        let name = match root.name {
            Some(name) => Some(name),
            // It is in a table that only the whole unit tells the place of.
            None => dwarf.unit(header)?.name,
        };
        take(header, name, is_split)?;
    }
    Ok(())
}

pub(super) fn unreadable(error: impl std::fmt::Display) -> Missing {
    Missing::Unreadable(error.to_string())
}

fn is_unit_of(unit: &[u8], root_file: &str) -> bool {
    unit.strip_prefix(root_file.as_bytes())
        .is_some_and(|rest| rest.starts_with(b"/@/"))
}

/// Whether a unit is of a crate of the workspace: cargo names the root files of others by their whole paths.
fn is_of_workspace(unit: &[u8]) -> bool {
    let unit = String::from_utf8_lossy(unit);
    let root_file = unit.split_once("/@/").map(|(root_file, _)| root_file);
    root_file.is_some_and(|root_file| Path::new(root_file).is_relative())
}

/// What is read of the first entry of a unit.
struct Root<'a> {
    name: Option<Bytes<'a>>,
    /// Whether the rest of the unit is in another file.
    split: bool,
}

/// Reads the first entries of units. Their abbreviations are few, each used by many units.
#[derive(Default)]
struct Roots {
    /// Each with its declaration.
    abbreviations: Vec<(Vec<u8>, Abbreviations)>,
}

impl Roots {
    fn read<'a>(
        &mut self,
        dwarf: &Dwarf<Bytes<'a>>,
        header: &UnitHeader<Bytes<'a>>,
    ) -> gimli::Result<Root<'a>> {
        let declaration = root_abbreviation(dwarf, header)?;
        let known = |(known, _): &(Vec<u8>, Abbreviations)| known == declaration;
        let known = self.abbreviations.iter().position(known);
        let place = known.unwrap_or(self.abbreviations.len());
        if known.is_none() {
            // A table of its own. A unit's table has hundreds; to parse them all for each of a program's
            // units would take longer than all the rest.
            let mut table = declaration.to_vec();
            table.push(0);
            let table = gimli::DebugAbbrev::new(&table, dwarf.debug_abbrev.reader().endian());
            let parsed = table.abbreviations(gimli::DebugAbbrevOffset(0))?;
            self.abbreviations.push((declaration.to_vec(), parsed));
        }
        let (_, abbreviations) = &self.abbreviations[place];
        let mut entries = header.entries_raw(abbreviations, None)?;
        let Some(abbreviation) = entries.read_abbreviation()? else {
            return Ok(Root {
                name: None,
                split: false,
            });
        };
        let attributes = abbreviation.attributes();
        let split = attributes.iter().any(|spec| {
            [constants::DW_AT_dwo_name, constants::DW_AT_GNU_dwo_name].contains(&spec.name())
        });
        for spec in attributes {
            let attribute = entries.read_attribute(*spec)?;
            if attribute.name() == constants::DW_AT_name {
                let name = attribute.string_value(&dwarf.debug_str);
                return Ok(Root { name, split });
            }
        }
        Ok(Root { name: None, split })
    }
}

/// The declaration of the abbreviation of a unit's first entry.
fn root_abbreviation<'a>(
    dwarf: &Dwarf<Bytes<'a>>,
    header: &UnitHeader<Bytes<'a>>,
) -> gimli::Result<&'a [u8]> {
    let code = header.range_from(header.root_offset()..)?.read_uleb128()?;
    let mut table = *dwarf.debug_abbrev.reader();
    table.skip(header.debug_abbrev_offset().0)?;
    loop {
        let mut rest = table;
        let found = rest.read_uleb128()?;
        if found == 0 {
            return Err(gimli::Error::InvalidAbbreviationCode(code));
        }
        skip_abbreviation(&mut rest)?;
        if found == code {
            return Ok(&table.slice()[..table.len() - rest.len()]);
        }
        table = rest;
    }
}

/// Skips what follows the code of an abbreviation.
pub(super) fn skip_abbreviation(table: &mut Bytes<'_>) -> gimli::Result<()> {
    table.read_uleb128()?; // tag
    table.skip(1)?; // whether it has children
    loop {
        let name = table.read_uleb128()?;
        let form = table.read_uleb128()?;
        if form == u64::from(constants::DW_FORM_implicit_const.0) {
            table.read_sleb128()?;
        }
        if (name, form) == (0, 0) {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_the_workspace_have_root_files_in_it() {
        assert!(is_of_workspace(
            b"host/src/main.rs/@/0av3uncbi0ljn7fnbljn8r33c"
        ));
        assert!(!is_of_workspace(
            b"/registry/regex-1.0/src/lib.rs/@/regex.0"
        ));
        assert!(!is_of_workspace(b"crt1.c"), "it is not rustc's");
    }
}
