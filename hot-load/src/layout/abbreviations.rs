//! The tables of abbreviations, which describe the entries of units.
//!
//! Each unit has one, and most are the same in the next build: nothing in them says where anything is.

use super::debug_info::{Bytes, skip_abbreviation};
use gimli::{Abbreviations, DebugAbbrev, DebugAbbrevOffset, Reader};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A table that was parsed.
struct Table {
    /// With the zero at its end.
    bytes: Box<[u8]>,
    parsed: Arc<Abbreviations>,
}

/// The tables that were parsed, by how their bytes begin.
static KNOWN: Mutex<Option<HashMap<[u8; BEGINNING], Vec<Table>>>> = Mutex::new(None);

/// Tables of one beginning are compared one after the other.
const BEGINNING: usize = 256;

/// How many tables are kept at most. Then it begins anew, for those of old code are of no use.
const MOST: usize = 1024;

/// The table at that place of the section. It is parsed, unless one of the same bytes was.
pub(super) fn at(
    section: &DebugAbbrev<Bytes<'_>>,
    offset: DebugAbbrevOffset,
) -> gimli::Result<Arc<Abbreviations>> {
    let parse = || section.abbreviations(offset).map(Arc::new);
    let mut rest = *gimli::Section::reader(section);
    rest.skip(offset.0)?;
    // One that is shorter, at the end of the section, is parsed each time.
    let Some(beginning) = rest.slice().first_chunk::<BEGINNING>().copied() else {
        return parse();
    };
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    // A table ends at its first zero in the place of a code, so what begins with all of one is that one.
    let is_same = |table: &&Table| rest.slice().starts_with(&table.bytes);
    let alike = known.get(&beginning).map_or(&[][..], Vec::as_slice);
    if let Some(same) = alike.iter().find(is_same) {
        return Ok(Arc::clone(&same.parsed));
    }
    let parsed = parse()?;
    if known.values().map(Vec::len).sum::<usize>() >= MOST {
        known.clear();
    }
    let table = Table {
        bytes: rest.slice()[..length(rest)?].into(),
        parsed: Arc::clone(&parsed),
    };
    known.entry(beginning).or_default().push(table);
    Ok(parsed)
}

/// How many bytes a table has, with the zero at its end.
fn length(table: Bytes<'_>) -> gimli::Result<usize> {
    let mut rest = table;
    while rest.read_uleb128()? != 0 {
        skip_abbreviation(&mut rest)?;
    }
    Ok(table.len() - rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use gimli::{EndianSlice, RunTimeEndian, constants};

    /// A table of as many abbreviations as `tags`, each with a name.
    fn table(tags: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (number, tag) in tags.iter().enumerate() {
            let code = u8::try_from(number + 1).expect("they are few");
            bytes.extend([code, *tag, 0]);
            // DW_AT_name as DW_FORM_strp, and no more.
            bytes.extend([3, 0x0e, 0, 0]);
        }
        bytes.push(0);
        bytes
    }

    #[test]
    fn tables_of_one_beginning_are_told_apart() {
        let structs = [constants::DW_TAG_structure_type.0 as u8; 60];
        let mut longer = structs.to_vec();
        longer.push(constants::DW_TAG_member.0 as u8);
        let mut other = structs;
        other[59] = constants::DW_TAG_union_type.0 as u8;
        let tables = [table(&structs), table(&longer), table(&other)];
        let offsets: Vec<usize> = tables
            .iter()
            .scan(0, |end, table| {
                let start = *end;
                *end += table.len();
                Some(start)
            })
            .collect();
        // Behind the last is something else.
        let mut bytes = tables.concat();
        bytes.extend([0xff; BEGINNING]);
        let section = DebugAbbrev::from(EndianSlice::new(&bytes, RunTimeEndian::Little));
        for _ in 0..2 {
            for (offset, table) in offsets.iter().zip([&structs[..], &longer, &other]) {
                let offset = DebugAbbrevOffset(*offset);
                let found = at(&section, offset).expect("it can be parsed");
                let again = at(&section, offset).expect("it can be parsed");
                assert!(Arc::ptr_eq(&found, &again));
                let last = table.len() as u64;
                let tag = found.get(last).expect("it has as many").tag();
                assert_eq!(tag.0 as u8, table[table.len() - 1]);
                assert!(found.get(last + 1).is_none());
            }
        }
    }
}
