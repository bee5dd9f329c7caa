//! The object file that tells the linker where the program's symbols are.

use object::elf;

use super::processor::Processor;
use super::rewrite::Detour;

/// A symbol of the stub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StubSymbol<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) address: u64,
    /// Whether code calls it by a relative address, which does not reach the program: then the symbol
    /// stands for a jump there.
    pub(crate) by_jump: bool,
}

/// A word that the system's loader fills in with the address of another library's symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StubWord<'a> {
    pub(crate) name: &'a [u8],
    /// The symbol of the other library.
    pub(crate) symbol: &'a [u8],
    /// What is added to its address.
    pub(crate) offset: i64,
}

/// An instruction that is done here instead of in its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StubDetour<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) detour: &'a Detour,
}

/// Writes the stub.
pub(crate) fn write(
    processor: Processor,
    symbols: &[StubSymbol<'_>],
    words: &[StubWord<'_>],
    detours: &[StubDetour<'_>],
) -> Vec<u8> {
    let mut code = Vec::new();
    let mut table = Symbols {
        table: vec![0; SYMBOL],
        strings: vec![0],
    };
    for symbol in symbols {
        let StubSymbol { name, address, .. } = *symbol;
        if symbol.by_jump {
            let start = code.len() as u64;
            let jump = processor.far_jump(address);
            code.extend_from_slice(&jump);
            table.define(name, elf::STT_FUNC, CODE, start, jump.len() as u64);
        } else {
            let absolute = usize::from(elf::SHN_ABS.0);
            table.define(name, elf::STT_NOTYPE, absolute, address, 0);
        }
    }
    let mut symbols = table;
    let mut relocations = Vec::new();
    for (number, word) in words.iter().enumerate() {
        let place = (number * WORD) as u64;
        symbols.define(word.name, elf::STT_OBJECT, WORDS, place, WORD as u64);
        let target = symbols.require(word.symbol, elf::STV_DEFAULT);
        relocations.extend_from_slice(&relocation(place, target, processor.address(), word.offset));
    }
    let mut of_detours = Vec::with_capacity(detours.len());
    for (number, StubDetour { name, detour }) in detours.iter().enumerate() {
        let mut relocations = Vec::new();
        for needed in &detour.references {
            let target = symbols.require(&needed.symbol, elf::STV_HIDDEN);
            let place = needed.place as u64;
            let needed = relocation(place, target, needed.kind, needed.addend);
            relocations.extend_from_slice(&needed);
        }
        let section = DETOURS + 2 * number;
        symbols.define(name, elf::STT_FUNC, section, 0, detour.code.len() as u64);
        of_detours.push((&detour.code, relocations));
    }
    let Symbols { table, strings } = symbols;

    let mut file = File::default();
    file.section(".text", elf::SHT_PROGBITS, EXECUTED, &code);
    file.section(".note.GNU-stack", elf::SHT_PROGBITS, 0, &[]);
    file.section(".strtab", elf::SHT_STRTAB, 0, &strings);
    file.section(".symtab", elf::SHT_SYMTAB, 0, &table);
    file.section(
        ".data.rel.ro",
        elf::SHT_PROGBITS,
        WRITTEN,
        &vec![0; words.len() * WORD],
    );
    file.relocations(".rela.data.rel.ro", WORDS, &relocations);
    for (number, (code, relocations)) in of_detours.iter().enumerate() {
        // Each is left out if its instruction is.
        let section = DETOURS + 2 * number;
        file.section(".text.hot_thin_detour", elf::SHT_PROGBITS, EXECUTED, code);
        file.relocations(".rela.text.hot_thin_detour", section, relocations);
    }
    file.finish(processor)
}

const CODE: usize = 1;
const STRINGS: u32 = 3;
const SYMBOLS: u32 = 4;
const WORDS: usize = 5;
const DETOURS: usize = 7;
const SYMBOL: usize = 24;
const RELOCATION: usize = 24;
const WORD: usize = 8;
const HEADER: usize = 64;
const EXECUTED: u64 = 0x6;
const WRITTEN: u64 = 0x3;

fn relocation(place: u64, symbol: u64, kind: elf::RelocationType, addend: i64) -> [u8; RELOCATION] {
    let mut entry = [0; RELOCATION];
    entry[..8].copy_from_slice(&place.to_le_bytes());
    entry[8..16].copy_from_slice(&(symbol << 32 | u64::from(kind.0)).to_le_bytes());
    entry[16..].copy_from_slice(&addend.to_le_bytes());
    entry
}

/// The symbols, and their names.
struct Symbols {
    table: Vec<u8>,
    strings: Vec<u8>,
}

impl Symbols {
    /// Adds a symbol of this library alone.
    fn define(
        &mut self,
        name: &[u8],
        kind: elf::SymbolType,
        section: usize,
        value: u64,
        size: u64,
    ) {
        self.add(name, kind, elf::STV_HIDDEN, section as u16, value, size);
    }

    /// The index of a symbol that is defined elsewhere.
    fn require(&mut self, name: &[u8], visibility: elf::SymbolVisibility) -> u64 {
        self.add(name, elf::STT_NOTYPE, visibility, elf::SHN_UNDEF.0, 0, 0);
        (self.table.len() / SYMBOL - 1) as u64
    }

    fn add(
        &mut self,
        name: &[u8],
        kind: elf::SymbolType,
        visibility: elf::SymbolVisibility,
        section: u16,
        value: u64,
        size: u64,
    ) {
        let table = &mut self.table;
        table.extend_from_slice(&(self.strings.len() as u32).to_le_bytes());
        table.push((elf::STB_GLOBAL.0 << 4) | kind.0);
        table.push(visibility.0);
        table.extend_from_slice(&section.to_le_bytes());
        table.extend_from_slice(&value.to_le_bytes());
        table.extend_from_slice(&size.to_le_bytes());
        self.strings.extend_from_slice(name);
        self.strings.push(0);
    }
}

/// A relocatable file in the making: its sections follow the header, their headers come last.
#[derive(Default)]
struct File {
    content: Vec<u8>,
    headers: Vec<u8>,
    names: Vec<u8>,
}

impl File {
    fn section(&mut self, name: &str, kind: elf::SectionType, flags: u64, content: &[u8]) {
        // Symbols: where their names are, and that all but the first are global.
        let about = match kind {
            elf::SHT_SYMTAB => (STRINGS, 1, SYMBOL),
            _ => (0, 0, 0),
        };
        self.add(name, kind, flags, about, content);
    }

    /// The relocations of the section of that number.
    fn relocations(&mut self, name: &str, section: usize, content: &[u8]) {
        let about = (SYMBOLS, section as u32, RELOCATION);
        self.add(name, elf::SHT_RELA, 0, about, content);
    }

    /// Adds a section; of what it is about: the section that it refers to, a number, and the size of its
    /// entries.
    fn add(
        &mut self,
        name: &str,
        kind: elf::SectionType,
        flags: u64,
        (link, info, entry): (u32, u32, usize),
        content: &[u8],
    ) {
        if self.headers.is_empty() {
            self.headers.resize(HEADER, 0);
            self.names.push(0);
        }
        self.content
            .resize(self.content.len().next_multiple_of(16), 0);
        let words = [
            flags,
            0,
            (HEADER + self.content.len()) as u64,
            content.len() as u64,
            u64::from(link) | u64::from(info) << 32,
            16,
            entry as u64,
        ];
        self.headers
            .extend_from_slice(&(self.names.len() as u32).to_le_bytes());
        self.headers.extend_from_slice(&kind.0.to_le_bytes());
        for word in words {
            self.headers.extend_from_slice(&word.to_le_bytes());
        }
        self.names.extend_from_slice(name.as_bytes());
        self.names.push(0);
        self.content.extend_from_slice(content);
    }

    fn finish(mut self, processor: Processor) -> Vec<u8> {
        // The names of the sections are one, too, and its own name is the last of them.
        let mut names = std::mem::take(&mut self.names);
        let own_name = names.len();
        names.extend_from_slice(b".shstrtab\0");
        self.names = vec![0; own_name];
        self.section(".shstrtab", elf::SHT_STRTAB, 0, &names);
        self.content
            .resize(self.content.len().next_multiple_of(16), 0);
        let count = self.headers.len() / HEADER;

        let mut file = Vec::with_capacity(HEADER + self.content.len() + self.headers.len());
        file.extend_from_slice(&elf::ELFMAG);
        // 64 bits, little-endian, version 1, System V.
        file.extend_from_slice(&[2, 1, 1, 0]);
        file.resize(16, 0);
        file.extend_from_slice(&elf::ET_REL.0.to_le_bytes());
        file.extend_from_slice(&processor.machine().0.to_le_bytes());
        file.extend_from_slice(&1_u32.to_le_bytes());
        file.extend_from_slice(&[0; 16]);
        file.extend_from_slice(&((HEADER + self.content.len()) as u64).to_le_bytes());
        file.extend_from_slice(&0_u32.to_le_bytes());
        for half in [HEADER, 0, 0, HEADER, count, count - 1] {
            file.extend_from_slice(&(half as u16).to_le_bytes());
        }
        file.extend_from_slice(&self.content);
        file.extend_from_slice(&self.headers);
        file
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use object::{Object, ObjectSection, ObjectSymbol};

    #[test]
    fn data_is_absolute_and_code_is_a_jump() {
        let bytes = write(
            Processor::X86_64,
            &[
                StubSymbol {
                    name: b"counter",
                    address: 0x5555_0000_1234,
                    by_jump: false,
                },
                StubSymbol {
                    name: b"step",
                    address: 0x5555_0000_5678,
                    by_jump: true,
                },
            ],
            &[],
            &[],
        );
        let file = object::File::parse(&*bytes).expect("an object file");
        let symbol = |name: &str| file.symbol_by_name(name).expect("it is in the file");
        assert_eq!(symbol("counter").address(), 0x5555_0000_1234);
        assert_eq!(symbol("counter").section(), object::SymbolSection::Absolute);
        let code = file.section_by_name(".text").expect("there is code");
        assert_eq!(symbol("step").section_index(), Some(code.index()));
        let jump = &code.data().expect("its bytes")[symbol("step").address() as usize..];
        assert_eq!(jump[..2], [0xff, 0x25]);
        assert_eq!(jump[8..16], 0x5555_0000_5678_u64.to_le_bytes());
    }

    #[test]
    fn a_word_is_filled_in_with_the_address_of_another_librarys_symbol() {
        let words = ["first", "second"].map(|name| StubWord {
            name: name.as_bytes(),
            symbol: b"lent",
            offset: 16,
        });
        let bytes = write(Processor::X86_64, &[], &words, &[]);
        let file = object::File::parse(&*bytes).expect("an object file");
        let section = file.section_by_name(".data.rel.ro").expect("the words");
        let second = file.symbol_by_name("second").expect("it is in the file");
        assert_eq!(
            (second.address(), second.section_index()),
            (8, Some(section.index()))
        );
        let relocations: Vec<_> = section.relocations().collect();
        assert_eq!(relocations.len(), 2);
        let (place, relocation) = &relocations[1];
        assert_eq!((*place, relocation.addend()), (8, 16));
        let object::RelocationTarget::Symbol(target) = relocation.target() else {
            panic!("{relocation:?}");
        };
        let target = file.symbol_by_index(target).expect("a symbol");
        assert_eq!(target.name(), Ok("lent"));
        assert!(target.is_undefined());
    }

    #[test]
    fn each_detour_has_a_section_and_refers_to_what_it_needs() {
        let mut detour = Detour {
            code: vec![0x90, 0xe9],
            ..Detour::default()
        };
        detour.refer(b"back".to_vec(), elf::R_X86_64_PC32, -4);
        detour.code.extend_from_slice(&[0; 4]);
        let detours = ["one", "two"].map(|name| StubDetour {
            name: name.as_bytes(),
            detour: &detour,
        });
        let bytes = write(Processor::X86_64, &[], &[], &detours);
        let file = object::File::parse(&*bytes).expect("an object file");
        let sections = ["one", "two"].map(|name| {
            let symbol = file.symbol_by_name(name).expect("it is in the file");
            symbol.section_index().expect("it is defined")
        });
        assert_ne!(sections[0], sections[1]);
        let section = file.section_by_index(sections[1]).expect("its section");
        assert_eq!(section.data(), Ok(&detour.code[..]));
        let relocations: Vec<_> = section.relocations().collect();
        assert_eq!(relocations.len(), 1);
        assert_eq!((relocations[0].0, relocations[0].1.addend()), (2, -4));
    }

    #[test]
    fn a_stub_may_be_empty() {
        let bytes = write(Processor::X86_64, &[], &[], &[]);
        let file = object::File::parse(&*bytes).expect("an object file");
        assert_eq!(file.symbols().count(), 0);
    }
}
