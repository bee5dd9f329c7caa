//! Goes over the entries of a unit, and stops at those of a few kinds.
//!
//! Most entries are what functions are made of, and nobody asks for them. To pass one, its size is enough, and
//! that follows from the abbreviation that describes it. This code mostly runs unoptimised, in which each call
//! costs more than what it does here, so these are plain loops over bytes.

use super::super::debug_info::Bytes;
use gimli::constants::{self, DwForm, DwTag};
use gimli::{AttributeSpecification, Endianity, Error, Reader, ReaderOffsetId, Unit, UnitOffset};

/// A walk over the entries of a unit, in the order of the file.
pub(super) struct Walk<'u, 'a> {
    unit: &'u Unit<Bytes<'a>>,
    /// All entries.
    entries: Bytes<'a>,
    /// Where in the unit the first of them is.
    start: usize,
    /// Where the next one is, from the first.
    at: usize,
    depth: isize,
    /// Those that were met, by their codes.
    kinds: Vec<Kind>,
    /// The attributes of all kinds, one kind after another.
    steps: Vec<Step>,
    wanted: &'static [DwTag],
    is_little_endian: bool,
}

/// An entry at which the walk stopped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop {
    pub(super) offset: UnitOffset,
    /// In how many entries it is nested.
    pub(super) depth: isize,
    pub(super) tag: DwTag,
    pub(super) has_children: bool,
    /// Where in the section of strings its name is, if it is there.
    pub(super) name: Option<usize>,
}

/// What is known of the entries of one abbreviation.
#[derive(Clone, Copy)]
struct Kind {
    is_known: bool,
    is_wanted: bool,
    has_children: bool,
    tag: DwTag,
    /// How many bytes are before its name, or rather before the place of that in the section of strings.
    name: Option<usize>,
    /// The place of its first step, and of the first step of the next kind.
    steps: (usize, usize),
}

const UNKNOWN: Kind = Kind {
    is_known: false,
    is_wanted: false,
    has_children: false,
    tag: constants::DW_TAG_null,
    name: None,
    steps: (0, 0),
};

/// Abbreviations are numbered from one on, and no unit has as many different ones.
const MOST_KINDS: usize = 1 << 16;

/// The bytes of a place in the section of strings, in all but the largest files.
const NAME: usize = 4;

/// So many bytes, and then something of a size of its own.
#[derive(Clone, Copy)]
struct Step {
    fixed: usize,
    then: Then,
}

/// An attribute whose size is not always the same.
#[derive(Clone, Copy)]
enum Then {
    /// None, for this is the last step.
    End,
    /// A number whose bytes say which is its last.
    Number,
    /// That many bytes, after such a number.
    Block,
    /// That many bytes, after a number of so many.
    BlockOf(usize),
    /// Bytes up to a zero.
    Text,
}

impl<'u, 'a> Walk<'u, 'a> {
    /// A walk that stops at entries of these tags.
    pub(super) fn new(unit: &'u Unit<Bytes<'a>>, wanted: &'static [DwTag]) -> gimli::Result<Self> {
        let root = unit.header.root_offset();
        let entries = unit.header.range_from(root..)?;
        Ok(Self {
            unit,
            entries,
            start: root.0,
            at: 0,
            depth: 0,
            kinds: Vec::new(),
            steps: Vec::new(),
            wanted,
            is_little_endian: entries.endian().is_little_endian(),
        })
    }

    /// The next entry of a wanted tag; `None` behind the last.
    pub(super) fn next_stop(&mut self) -> gimli::Result<Option<Stop>> {
        let bytes = self.entries.slice();
        let end = bytes.len();
        let mut at = self.at;
        let mut depth = self.depth;
        while at < end {
            let offset = at;
            let first = bytes[at];
            at += 1;
            let code = match first {
                0..0x80 => first as usize,
                _ => {
                    at = offset;
                    number(bytes, &mut at)?
                }
            };
            if code == 0 {
                depth -= 1;
                continue;
            }
            let kind = match self.kinds.as_slice().get(code) {
                Some(kind) if kind.is_known => *kind,
                _ => self.learn(code)?,
            };
            let steps = self.steps.as_slice();
            let attributes = at;
            let (mut step, last) = kind.steps;
            while step < last {
                let Step { fixed, then } = steps[step];
                step += 1;
                // What goes beyond the end is found by whoever reads there next.
                at += fixed;
                match then {
                    Then::End => {}
                    Then::Number => {
                        number(bytes, &mut at)?;
                    }
                    Then::Block => {
                        let size = number(bytes, &mut at)?;
                        at = beyond(at, size)?;
                    }
                    Then::BlockOf(width) => {
                        let size = fixed_number(self.entries, &mut at, width)?;
                        at = beyond(at, size)?;
                    }
                    Then::Text => at = beyond_text(bytes, at)?,
                }
            }
            if at > end {
                return Err(too_short(at));
            }
            let at_depth = depth;
            if kind.has_children {
                depth += 1;
            }
            if kind.is_wanted {
                self.at = at;
                self.depth = depth;
                let name = match kind.name {
                    Some(before) => {
                        let at = attributes + before;
                        let place = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
                        Some(match self.is_little_endian {
                            true => u32::from_le_bytes(place),
                            false => u32::from_be_bytes(place),
                        } as usize)
                    }
                    None => None,
                };
                return Ok(Some(Stop {
                    offset: UnitOffset(self.start + offset),
                    depth: at_depth,
                    tag: kind.tag,
                    has_children: kind.has_children,
                    name,
                }));
            }
        }
        self.at = at;
        self.depth = depth;
        Ok(None)
    }

    /// Takes down what the abbreviation of that code says.
    #[cold]
    fn learn(&mut self, code: usize) -> gimli::Result<Kind> {
        let unknown = Error::InvalidAbbreviationCode(code as u64);
        let Some(abbreviation) = self.unit.abbreviations.get(code as u64) else {
            return Err(unknown);
        };
        if code > MOST_KINDS {
            return Err(unknown);
        }
        let first = self.steps.len();
        let mut fixed = 0;
        let mut name = None;
        for attribute in abbreviation.attributes() {
            let is_name = attribute.name() == constants::DW_AT_name
                && attribute.form() == constants::DW_FORM_strp;
            if is_name && attribute.size(&self.unit.header) == Some(NAME) {
                // Behind an attribute of any size it is left to who wants to know.
                name = (self.steps.len() == first).then_some(fixed);
            }
            match attribute.size(&self.unit.header) {
                Some(size) => fixed += size,
                None => {
                    let then = then(attribute)?;
                    self.steps.push(Step { fixed, then });
                    fixed = 0;
                }
            }
        }
        if fixed > 0 {
            let then = Then::End;
            self.steps.push(Step { fixed, then });
        }
        let kind = Kind {
            is_known: true,
            is_wanted: self.wanted.contains(&abbreviation.tag()),
            has_children: abbreviation.has_children(),
            tag: abbreviation.tag(),
            name,
            steps: (first, self.steps.len()),
        };
        if self.kinds.len() <= code {
            self.kinds.resize(code + 1, UNKNOWN);
        }
        self.kinds[code] = kind;
        Ok(kind)
    }
}

/// How an attribute is passed that has no fixed size.
fn then(attribute: &AttributeSpecification) -> gimli::Result<Then> {
    match attribute.form() {
        constants::DW_FORM_udata
        | constants::DW_FORM_sdata
        | constants::DW_FORM_ref_udata
        | constants::DW_FORM_strx
        | constants::DW_FORM_GNU_str_index
        | constants::DW_FORM_addrx
        | constants::DW_FORM_GNU_addr_index
        | constants::DW_FORM_loclistx
        | constants::DW_FORM_rnglistx => Ok(Then::Number),
        constants::DW_FORM_exprloc | constants::DW_FORM_block => Ok(Then::Block),
        constants::DW_FORM_block1 => Ok(Then::BlockOf(1)),
        constants::DW_FORM_block2 => Ok(Then::BlockOf(2)),
        constants::DW_FORM_block4 => Ok(Then::BlockOf(4)),
        constants::DW_FORM_string => Ok(Then::Text),
        // Compilers do not write a form into each entry.
        other @ DwForm(_) => Err(Error::UnknownForm(other)),
    }
}

/// A number whose bytes say which is its last. Of more than 64 bits only the low ones count.
fn number(bytes: &[u8], at: &mut usize) -> gimli::Result<usize> {
    let end = bytes.len();
    let mut place = *at;
    let mut value = 0_usize;
    let mut shift = 0;
    while place < end {
        let byte = bytes[place];
        place += 1;
        if shift < usize::BITS {
            value |= ((byte & 0x7f) as usize) << shift;
        }
        shift += 7;
        if byte & 0x80 == 0 {
            *at = place;
            return Ok(value);
        }
    }
    Err(too_short(place))
}

/// A number of so many bytes.
fn fixed_number(entries: Bytes<'_>, at: &mut usize, width: usize) -> gimli::Result<usize> {
    let mut rest = entries;
    rest.skip(*at)?;
    *at += width;
    match width {
        1 => rest.read_u8().map(usize::from),
        2 => rest.read_u16().map(usize::from),
        _ => rest.read_u32().map(|size| size as usize),
    }
}

fn beyond(at: usize, size: usize) -> gimli::Result<usize> {
    at.checked_add(size).ok_or_else(|| too_short(at))
}

fn beyond_text(bytes: &[u8], at: usize) -> gimli::Result<usize> {
    let text = bytes.get(at..).unwrap_or_default();
    let text = std::ffi::CStr::from_bytes_until_nul(text);
    let text = text.map_err(|_| too_short(at))?;
    Ok(at + text.count_bytes() + 1)
}

/// The entries end in the middle of one.
fn too_short(at: usize) -> Error {
    Error::UnexpectedEof(ReaderOffsetId(at as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::debug_info::MappedFile;
    use std::process::Command;
    use std::{env, fs};

    /// What a compiler writes, as gimli reads it.
    fn stops_of_gimli(unit: &Unit<Bytes<'_>>, wanted: &[DwTag]) -> Vec<(usize, isize, DwTag)> {
        let entries = unit.header.entries_raw(&unit.abbreviations, None);
        let mut entries = entries.expect("a unit has entries");
        let mut stops = Vec::new();
        while !entries.is_empty() {
            let (offset, depth) = (entries.next_offset(), entries.next_depth());
            let abbreviation = entries.read_abbreviation().expect("it is in the table");
            let Some(abbreviation) = abbreviation else {
                continue;
            };
            if wanted.contains(&abbreviation.tag()) {
                stops.push((offset.0, depth, abbreviation.tag()));
            }
            let skipped = entries.skip_attributes(abbreviation.attributes());
            skipped.expect("the attributes are whole");
        }
        stops
    }

    #[test]
    fn stops_where_a_walk_over_all_entries_comes_by() {
        const WANTED: &[DwTag] = &[
            constants::DW_TAG_variable,
            constants::DW_TAG_structure_type,
            constants::DW_TAG_lexical_block,
        ];
        let source = r#"
            #![crate_type = "cdylib"]
            use std::collections::BTreeMap;
            pub enum Size { Small, Large(u64) }
            static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
            #[unsafe(no_mangle)]
            pub fn sum(text: &str) -> u64 {
                COUNT.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                let mut words = BTreeMap::new();
                for (number, word) in text.split(' ').enumerate() {
                    words.insert(word.to_owned(), Size::Large(number as u64));
                }
                words.values().map(|size| match size { Size::Small => 0, Size::Large(n) => *n }).sum()
            }
        "#;
        let folder = tempfile::tempdir().expect("a directory");
        let (file, library) = (folder.path().join("sum.rs"), folder.path().join("sum.so"));
        fs::write(&file, source).expect("a file");
        for version in ["4", "5"] {
            let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
            let mut rustc = Command::new(rustc);
            rustc.args(["--edition=2024", "-g", "-C"]);
            rustc.arg(format!("dwarf-version={version}")).arg("-o");
            let made = rustc.arg(&library).arg(&file).status();
            assert!(made.expect("rustc is there").success());
            let opened = fs::File::open(&library).expect("it was made");
            let mapped = MappedFile::open(&opened).expect("it can be read");
            let dwarf = mapped.dwarf().expect("it has debug information");
            let mut headers = dwarf.units();
            let mut count = 0;
            while let Some(header) = headers.next().expect("a header") {
                let unit = dwarf.unit(header).expect("a unit");
                let mut walk = Walk::new(&unit, WANTED).expect("it has entries");
                let mut stops = Vec::new();
                while let Some(stop) = walk.next_stop().expect("the entries are whole") {
                    stops.push((stop.offset.0, stop.depth, stop.tag));
                }
                assert!(stops == stops_of_gimli(&unit, WANTED), "of {:?}", unit.name);
                count += stops.len();
            }
            assert!(count > 100, "there are {count}");
        }
    }

    #[test]
    fn a_number_ends_where_its_last_byte_says() {
        let mut at = 1;
        assert_eq!(
            number(&[0xff, 0xe5, 0x8e, 0x26, 0xff], &mut at),
            Ok(624_485)
        );
        assert_eq!(at, 4);
        assert!(
            number(&[0x80, 0x80], &mut 0).is_err(),
            "it has no last byte"
        );
        assert!(number(&[], &mut 0).is_err());
        assert!(beyond_text(b"a\0bc", 2).is_err(), "no zero follows");
        assert_eq!(beyond_text(b"a\0bc\0", 2), Ok(5));
    }
}
