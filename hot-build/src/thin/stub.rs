//! The object file that tells the linker where the program's symbols are.

use object::elf;

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

/// Writes the stub.
pub(crate) fn write(symbols: &[StubSymbol<'_>], words: &[StubWord<'_>]) -> Vec<u8> {
    let mut code = Vec::new();
    let mut strings = vec![0];
    let mut table = vec![0; SYMBOL];
    for symbol in symbols {
        let (section, value, size) = if symbol.by_jump {
            let start = code.len() as u64;
            // jmp *2(%rip); two bytes to have the address aligned; the address
            code.extend_from_slice(&[0xff, 0x25, 2, 0, 0, 0, 0x66, 0x90]);
            code.extend_from_slice(&symbol.address.to_le_bytes());
            (CODE as u16, start, 16)
        } else {
            (elf::SHN_ABS.0, symbol.address, 0)
        };
        let kind = if symbol.by_jump {
            elf::STT_FUNC
        } else {
            elf::STT_NOTYPE
        };
        table.extend_from_slice(&(strings.len() as u32).to_le_bytes());
        table.push((elf::STB_GLOBAL.0 << 4) | kind.0);
        table.push(elf::STV_HIDDEN.0);
        table.extend_from_slice(&section.to_le_bytes());
        table.extend_from_slice(&value.to_le_bytes());
        table.extend_from_slice(&u64::to_le_bytes(size));
        strings.extend_from_slice(symbol.name);
        strings.push(0);
    }
    let mut relocations = Vec::new();
    for (number, word) in words.iter().enumerate() {
        let place = (number * WORD) as u64;
        table.extend_from_slice(&(strings.len() as u32).to_le_bytes());
        table.push((elf::STB_GLOBAL.0 << 4) | elf::STT_OBJECT.0);
        table.push(elf::STV_HIDDEN.0);
        table.extend_from_slice(&(WORDS as u16).to_le_bytes());
        table.extend_from_slice(&place.to_le_bytes());
        table.extend_from_slice(&(WORD as u64).to_le_bytes());
        strings.extend_from_slice(word.name);
        strings.push(0);
        // What it leads to is defined elsewhere.
        let target = (table.len() / SYMBOL) as u64;
        table.extend_from_slice(&(strings.len() as u32).to_le_bytes());
        table.push((elf::STB_GLOBAL.0 << 4) | elf::STT_NOTYPE.0);
        table.push(elf::STV_DEFAULT.0);
        table.extend_from_slice(&[0; 18]);
        strings.extend_from_slice(word.symbol);
        strings.push(0);
        relocations.extend_from_slice(&place.to_le_bytes());
        relocations
            .extend_from_slice(&(target << 32 | u64::from(elf::R_X86_64_64.0)).to_le_bytes());
        relocations.extend_from_slice(&word.offset.to_le_bytes());
    }

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
    file.section(".rela.data.rel.ro", elf::SHT_RELA, 0, &relocations);
    file.finish()
}

const CODE: usize = 1;
const STRINGS: u32 = 3;
const SYMBOLS: u32 = 4;
const WORDS: usize = 5;
const SYMBOL: usize = 24;
const RELOCATION: usize = 24;
const WORD: usize = 8;
const HEADER: usize = 64;
const EXECUTED: u64 = 0x6;
const WRITTEN: u64 = 0x3;

/// A relocatable file in the making: its sections follow the header, their headers come last.
#[derive(Default)]
struct File {
    content: Vec<u8>,
    headers: Vec<u8>,
    names: Vec<u8>,
}

impl File {
    fn section(&mut self, name: &str, kind: elf::SectionType, flags: u64, content: &[u8]) {
        if self.headers.is_empty() {
            self.headers.resize(HEADER, 0);
            self.names.push(0);
        }
        self.content
            .resize(self.content.len().next_multiple_of(16), 0);
        // The section that it refers to, what it is about, and the size of its entries.
        let (link, info, entry) = match kind {
            // Symbols: where their names are, and that all but the first are global.
            elf::SHT_SYMTAB => (STRINGS, 1, SYMBOL),
            elf::SHT_RELA => (SYMBOLS, WORDS as u32, RELOCATION),
            _ => (0, 0, 0),
        };
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

    fn finish(mut self) -> Vec<u8> {
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
        file.extend_from_slice(&elf::EM_X86_64.0.to_le_bytes());
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
        let bytes = write(&[], &words);
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
    fn a_stub_may_be_empty() {
        let bytes = write(&[], &[]);
        let file = object::File::parse(&*bytes).expect("an object file");
        assert_eq!(file.symbols().count(), 0);
    }
}
