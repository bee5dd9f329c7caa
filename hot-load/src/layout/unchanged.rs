//! Libraries whose debug information is byte for byte that of one that was read before.
//!
//! Most edits change what functions do, and nothing that debug information tells of. To compare the bytes takes a small
//! part of the time that it takes to read them.

use super::behind::Behind;
use super::debug_info::{Bytes, MappedFile};
use super::files::LibraryLayouts;
use super::methods::Pointers;
use super::{Layouts, Missing};
use gimli::{Dwarf, Section as _};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Which crates of a library are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// The hot crates that are linked into the program.
    Linked,
    /// These, and all others that are in the library.
    All,
}

/// A library that was read.
#[derive(Debug)]
struct Known {
    /// Nobody writes to it, as long as this process lives.
    file: MappedFile,
    /// Where in the file its debug information is.
    sections: Sections,
    /// What was read beside that.
    pointers: Pointers,
    extent: Extent,
    /// What was looked for.
    elsewhere: Behind,
    layouts: Arc<LibraryLayouts>,
}

/// The libraries that were read last, the newest at the end.
static KNOWN: Mutex<Vec<Arc<Known>>> = Mutex::new(Vec::new());

/// How many are remembered: the last of each of a few crates.
const REMEMBERED: usize = 6;

/// How many bytes are compared at most. Beyond, most of them are those of crates that nobody reads.
const MOST: usize = 64 << 20;

/// What `read` reads from a library, unless it is known.
///
/// # Errors
///
/// When the library has no debug information that can be read, or as `read` does.
pub(super) fn or_read(
    file: MappedFile,
    extent: Extent,
    elsewhere: Behind,
    read: impl FnOnce(&MappedFile, &Dwarf<Bytes<'_>>, &Behind) -> Result<LibraryLayouts, Missing>,
) -> Result<Arc<LibraryLayouts>, Missing> {
    let dwarf = file.dwarf()?;
    let sections = Sections::of(&file, &dwarf);
    let candidates = KNOWN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let is_meant = |known: &&Arc<Known>| known.extent == extent && known.elsewhere == elsewhere;
    let same = |known: &&Arc<Known>| known.is_same(&file, &sections);
    let known = candidates.iter().rev().filter(is_meant).find(same);
    if let Some(known) = known {
        return Ok(known.layouts.clone());
    }
    let layouts = Arc::new(read(&file, &dwarf, &elsewhere)?);
    let pointers = pointers_of(&layouts);
    if let (Some(pointers), true) = (pointers, sections.size() <= MOST) {
        let known = Arc::new(Known {
            file,
            sections,
            pointers,
            extent,
            elsewhere,
            layouts: layouts.clone(),
        });
        let mut all = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(known);
        let surplus = all.len().saturating_sub(REMEMBERED);
        all.drain(..surplus);
    }
    Ok(layouts)
}

impl Known {
    /// Whether reading the file could only come to what is known.
    fn is_same(&self, file: &MappedFile, sections: &Sections) -> bool {
        self.sections.is_same(self.file.bytes(), sections, file.bytes())
            // The system's loader fills in tables of methods. Debug information does not tell with what.
            && self.pointers.are_those_of(file)
    }
}

/// What was read of tables of methods. `None` if something could not be read: the next library is no better known for
/// that.
fn pointers_of(library: &LibraryLayouts) -> Option<Pointers> {
    let mut pointers = Pointers::default();
    for (_, layouts) in library.crates() {
        match layouts {
            Ok(layouts) => {
                let Layouts { crossing } = &**layouts;
                pointers.add(&crossing.pointers);
            }
            // That is in the debug information, or rather is not.
            Err(Missing::DebugInfo | Missing::Types) => {}
            Err(_) => return None,
        }
    }
    Some(pointers)
}

/// The sections that are read of debug information, as places in a file. Those that tell of the lines of code are none
/// of them: they are others after most edits.
#[derive(Debug)]
struct Sections(Vec<Range<usize>>);

impl Sections {
    fn of(file: &MappedFile, dwarf: &Dwarf<Bytes<'_>>) -> Sections {
        let sections = [
            dwarf.debug_info.reader(),
            dwarf.debug_abbrev.reader(),
            dwarf.debug_str.reader(),
            dwarf.debug_line_str.reader(),
            dwarf.debug_str_offsets.reader(),
            dwarf.debug_addr.reader(),
        ];
        let beginning = file.bytes().as_ptr().addr();
        let place = |section: &Bytes<'_>| {
            let bytes = section.slice();
            // One that is missing is nowhere.
            let start = match bytes.is_empty() {
                true => 0,
                false => bytes.as_ptr().addr() - beginning,
            };
            start..start + bytes.len()
        };
        Sections(sections.into_iter().map(place).collect())
    }

    fn size(&self) -> usize {
        self.0.iter().map(Range::len).sum()
    }

    fn is_same(&self, file: &[u8], other: &Sections, other_file: &[u8]) -> bool {
        let both = || self.0.iter().zip(&other.0);
        let is_same = |(own, new): (&Range<usize>, &Range<usize>)| {
            file[own.clone()] == other_file[new.clone()]
        };
        both().all(|(own, new)| own.len() == new.len()) && both().all(is_same)
    }
}
