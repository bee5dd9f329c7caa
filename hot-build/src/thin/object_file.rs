//! A relocatable object file, taken apart just far enough to link and to patch it.

use std::fmt;

use object::LittleEndian;
use object::elf;
use object::read::elf::{FileHeader, SectionHeader, Sym};

use super::processor::Processor;

type Header = elf::FileHeader64<LittleEndian>;

/// What an object file holds, in plain numbers, with the places in the file where they are written.
#[derive(Debug)]
pub(crate) struct ObjectFile<'data> {
    pub(crate) bytes: &'data [u8],
    /// What its code is for.
    pub(crate) processor: Processor,
    pub(crate) sections: Vec<Section<'data>>,
    pub(crate) symbols: Vec<Symbol<'data>>,
    /// The index of the section that holds the symbols.
    pub(crate) symbol_section: usize,
    /// The index of the section that holds the symbols' names.
    pub(crate) string_section: usize,
    /// Where in the file the first section header is.
    section_headers: usize,
    /// Whether section numbers of symbols are in a table of their own, for want of room.
    pub(crate) has_extended_indexes: bool,
}

/// Why a file is no object file that can be linked.
#[derive(Debug)]
pub(crate) enum NoObject {
    /// It is no ELF file, or a damaged one.
    NotElf(object::Error),
    /// It is for a machine of this number, which is not known.
    Machine(u16),
}

impl From<object::Error> for NoObject {
    fn from(error: object::Error) -> Self {
        Self::NotElf(error)
    }
}

impl fmt::Display for NoObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotElf(error) => error.fmt(f),
            Self::Machine(number) => write!(
                f,
                "it is for the machine of number {number}, and not for {}",
                Processor::OWN
            ),
        }
    }
}

/// A section.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section<'data> {
    pub(crate) name: &'data [u8],
    pub(crate) kind: u32,
    pub(crate) flags: u64,
    /// Where its content is in the file.
    pub(crate) offset: usize,
    pub(crate) size: usize,
    /// For relocations: the section that they are for.
    pub(crate) info: usize,
}

impl Section<'_> {
    pub(crate) fn is_loaded(&self) -> bool {
        self.flags & elf::SHF_ALLOC.0 != 0
    }

    pub(crate) fn is_code(&self) -> bool {
        self.flags & elf::SHF_EXECINSTR.0 != 0
    }

    /// Whether what is in it can be told apart from its copy in the program.
    pub(crate) fn holds_variables(&self) -> bool {
        holds_variables(self.name, self.flags)
    }
}

/// Whether a section of that name and with these flags holds variables, as opposed to constants that the
/// loader fills in, and to the slices that the linker gathers.
pub(crate) fn holds_variables(name: &[u8], flags: u64) -> bool {
    const VARIABLES: [&[u8]; 4] = [b".data", b".bss", b".tdata", b".tbss"];
    flags & elf::SHF_WRITE.0 != 0
        && !name.starts_with(b".data.rel.ro")
        && VARIABLES.iter().any(|kind| {
            name.strip_prefix(*kind)
                .is_some_and(|rest| rest.is_empty() || rest[0] == b'.')
        })
}

/// A symbol.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Symbol<'data> {
    pub(crate) name: &'data [u8],
    /// The index of the section that it is in; `None` where it is defined elsewhere.
    pub(crate) section: Option<usize>,
    pub(crate) is_defined: bool,
    pub(crate) value: u64,
    pub(crate) size: u64,
    pub(crate) is_section: bool,
    pub(crate) is_thread_local: bool,
    pub(crate) is_variable: bool,
    pub(crate) is_function: bool,
    pub(crate) is_local: bool,
}

/// A relocation, and where it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Relocation {
    /// Where its 24 bytes are in the file.
    pub(crate) at: usize,
    /// What it changes: an offset in its section.
    pub(crate) offset: usize,
    pub(crate) kind: u32,
    pub(crate) symbol: usize,
    pub(crate) addend: i64,
}

impl<'data> ObjectFile<'data> {
    pub(crate) fn parse(bytes: &'data [u8]) -> Result<Self, NoObject> {
        let header = Header::parse(bytes)?;
        let endian = header.endian()?;
        let machine = header.e_machine(endian);
        let processor = Processor::of(machine).ok_or(NoObject::Machine(machine.0))?;
        let table = header.sections(endian, bytes)?;
        let mut sections = Vec::with_capacity(table.len());
        for section in table.iter() {
            sections.push(Section {
                name: table.section_name(endian, section)?,
                kind: section.sh_type(endian).0,
                flags: section.sh_flags(endian).0,
                offset: number(section.sh_offset(endian)),
                size: number(section.sh_size(endian)),
                info: section.sh_info(endian) as usize,
            });
        }
        let found = table.symbols(endian, bytes, elf::SHT_SYMTAB)?;
        let mut symbols = Vec::with_capacity(found.len());
        for (index, symbol) in found.enumerate() {
            let kind = symbol.st_type();
            symbols.push(Symbol {
                name: found.symbol_name(endian, symbol)?,
                section: found
                    .symbol_section(endian, symbol, index)?
                    .map(|section| section.0),
                is_defined: symbol.st_shndx(endian) != elf::SHN_UNDEF,
                value: symbol.st_value(endian),
                size: symbol.st_size(endian),
                is_section: kind == elf::STT_SECTION,
                is_thread_local: kind == elf::STT_TLS,
                is_variable: kind == elf::STT_OBJECT || kind == elf::STT_TLS,
                is_function: kind == elf::STT_FUNC,
                is_local: symbol.st_bind() == elf::STB_LOCAL,
            });
        }
        Ok(Self {
            bytes,
            processor,
            sections,
            symbols,
            symbol_section: found.section().0,
            string_section: found.string_section().0,
            section_headers: number(header.e_shoff(endian)),
            has_extended_indexes: found.shndx_section().0 != 0,
        })
    }

    /// Where in the file the header of a section is.
    pub(crate) fn section_header(&self, index: usize) -> usize {
        self.section_headers + index * size_of::<elf::SectionHeader64<LittleEndian>>()
    }

    /// The relocations in the section of that index, if it holds any for what is loaded, and the section
    /// that they are for. Relocations of unwind tables are left out: they name code alone.
    pub(crate) fn relocations(
        &self,
        index: usize,
    ) -> object::read::Result<Option<(usize, Vec<Relocation>)>> {
        let section = &self.sections[index];
        if section.kind != elf::SHT_RELA.0 {
            return Ok(None);
        }
        let Some(target) = self.sections.get(section.info) else {
            return Ok(None);
        };
        if !target.is_loaded() || target.name == b".eh_frame" {
            return Ok(None);
        }
        let count = section.size / size_of::<elf::Rela64<LittleEndian>>();
        let entries = self
            .bytes
            .get(section.offset..)
            .and_then(|rest| {
                object::pod::slice_from_bytes::<elf::Rela64<LittleEndian>>(rest, count).ok()
            })
            .map(|(entries, _)| entries);
        let Some(entries) = entries else {
            return Ok(None);
        };
        let mut relocations = Vec::with_capacity(entries.len());
        for (entry_index, entry) in entries.iter().enumerate() {
            relocations.push(Relocation {
                at: section.offset + entry_index * size_of::<elf::Rela64<LittleEndian>>(),
                offset: number(entry.r_offset.get(LittleEndian)),
                kind: entry.r_type(LittleEndian, false).0,
                symbol: entry.r_sym(LittleEndian, false) as usize,
                addend: entry.r_addend.get(LittleEndian),
            });
        }
        Ok(Some((section.info, relocations)))
    }
}

/// A number of a 64-bit file on a 64-bit system.
fn number(value: u64) -> usize {
    value as usize
}
