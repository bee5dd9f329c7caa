//! What becomes of code that rustc made: see `recorded.rs`.

use std::collections::HashSet;
use std::sync::Arc;

use super::super::super::object_file::ObjectFile;
use super::super::super::rewrite::{self, Lending, Moved, NewSymbols, UNREACHABLE};
use super::super::super::statics::Lent;
use super::super::Processor;
use super::*;

/// Each variable has a section of its own.
const APART: &[u8] = include_bytes!("apart.o");
/// `COUNT` and `LIST` are in one section, and reached by the address of `COUNT`.
const MERGED_OBJECT: &[u8] = include_bytes!("merged.o");

const COUNT: &str = "5COUNT17h";
const LIST: &str = "4LIST17h";
const LOCAL: &str = "5LOCAL";
const COUNT_AT: u64 = 0x5555_0000_1234;
const LIST_AT: u64 = 0x5555_0000_5ff0;

/// The name of the only variable whose name contains `part`.
fn name(object: &ObjectFile<'_>, part: &str) -> Vec<u8> {
    let mut found = object
        .symbols
        .iter()
        .filter(|symbol| symbol.is_variable && String::from_utf8_lossy(symbol.name).contains(part));
    let name = found.next().expect("it is in the object").name.to_vec();
    assert!(found.next().is_none(), "{part}");
    name
}

fn of_program(place: Place, size: u64) -> Target {
    Target::Program(HostSymbol {
        place,
        size,
        is_variable: true,
    })
}

fn of_library(export: &str, size: u64, is_thread_local: bool) -> Target {
    let lent = Lent::of_nowhere(export.as_bytes(), size, is_thread_local);
    Target::Library(Arc::new(lent))
}

/// A rewritten object.
struct Rewritten {
    bytes: Vec<u8>,
    wanted: NewSymbols,
}

/// An instruction or a word with a relocation: where it is in its function, its bits, the relocation's kind, the
/// symbol, and what is added.
type Use = (usize, u32, u32, String, i64);

impl Rewritten {
    /// Rewrites an object of which these variables are elsewhere.
    fn of(object: &[u8], moved: &[(&str, Target)]) -> Self {
        let parsed = ObjectFile::parse(object).expect("an object");
        assert_eq!(parsed.processor, Processor::Aarch64);
        let moved: Moved = moved
            .iter()
            .map(|(part, target)| (name(&parsed, part), target.clone()))
            .collect();
        let lending = Lending {
            mark: "1",
            names: HashSet::new(),
        };
        let mut wanted = NewSymbols::default();
        let rewritten = rewrite::rewrite(&parsed, "o", &moved, &lending, &mut wanted);
        let bytes = rewritten.expect("it can be read");
        Self {
            bytes: bytes.expect("there is something to rewrite"),
            wanted,
        }
    }

    /// The instructions of a function, and the relocations for it.
    fn function(&self, function: &str) -> (Vec<u32>, Vec<Use>) {
        let object = ObjectFile::parse(&self.bytes).expect("still an object");
        let name = format!(".text.{function}");
        let sections = object.sections.iter();
        let index = sections
            .clone()
            .position(|section| section.name == name.as_bytes());
        let index = index.expect("each function has a section");
        let section = object.sections[index];
        let code = &self.bytes[section.offset..][..section.size];
        let (instructions, _) = code.as_chunks::<4>();
        let instructions: Vec<u32> = instructions
            .iter()
            .map(|instruction| u32::from_le_bytes(*instruction))
            .collect();
        let uses = (0..object.sections.len())
            .filter_map(|section| object.relocations(section).expect("relocations"))
            .filter(|(of, _)| *of == index)
            .flat_map(|(_, relocations)| relocations)
            .filter(|relocation| relocation.kind != 0)
            .map(|relocation| {
                let symbol = &object.symbols[relocation.symbol];
                let name = String::from_utf8_lossy(symbol.name).into_owned();
                let at = relocation.offset;
                (
                    at,
                    instructions[at / 4],
                    relocation.kind,
                    name,
                    relocation.addend,
                )
            })
            .collect();
        (instructions, uses)
    }

    /// Of the symbol of a detour: the bits of its code, and what it refers to.
    fn detour(&self, symbol: &str) -> (Vec<u32>, Vec<(usize, u32, String)>) {
        let detour = &self.wanted.detours[symbol.as_bytes()];
        let (code, rest) = detour.code.as_chunks::<4>();
        assert!(rest.is_empty());
        let references = detour.references.iter().map(|needed| {
            let symbol = String::from_utf8_lossy(&needed.symbol).into_owned();
            (needed.place, needed.kind.0, symbol)
        });
        let code = code.iter().map(|word| u32::from_le_bytes(*word));
        (code.collect(), references.collect())
    }

    fn is_unreachable(&self, function: &str) -> bool {
        let (_, uses) = self.function(function);
        uses.iter().any(|used| used.3.starts_with(UNREACHABLE))
    }
}

#[test]
fn a_page_is_loaded_in_a_detour_and_what_is_in_it_is_the_programs() {
    let rewritten = Rewritten::of(
        APART,
        &[
            (COUNT, of_program(Place::Data(COUNT_AT), 4)),
            (LIST, of_program(Place::Data(LIST_AT), 32)),
        ],
    );
    // adrp x8, COUNT; adrp x9, LIST + 24; str w0, [x8]; str x1, [x9]
    let (_, uses) = rewritten.function("write");
    let [count, list, store, store_of_list] = &uses[..] else {
        panic!("{uses:?}");
    };
    for (used, register, page) in [(count, 8, COUNT_AT & !0xfff), (list, 9, 0x5555_0000_6000)] {
        assert_eq!((used.1, used.2), (JUMP, elf::R_AARCH64_JUMP26.0));
        let (code, references) = rewritten.detour(&used.3);
        // ldr reg, 8; b back; the page
        let halves = [page as u32, (page >> 32) as u32];
        assert_eq!(code, [0x5800_0040 | register, JUMP, halves[0], halves[1]]);
        let [(4, kind, back)] = &references[..] else {
            panic!("{references:?}");
        };
        assert_eq!(*kind, elf::R_AARCH64_JUMP26.0);
        assert_eq!(
            rewritten.place(back),
            (".text.write".to_owned(), used.0 as u64 + 4)
        );
    }
    let stores = [
        (store, "LDST32", COUNT_AT),
        (store_of_list, "LDST64", LIST_AT + 24),
    ];
    for (used, width, address) in stores {
        let kind = match width {
            "LDST32" => elf::R_AARCH64_LDST32_ABS_LO12_NC,
            _ => elf::R_AARCH64_LDST64_ABS_LO12_NC,
        };
        assert_eq!((used.2, used.4), (kind.0, 0));
        assert_eq!(rewritten.wanted.absolutes[used.3.as_bytes()], address);
    }
    // adrp x8, LIST; add x8, x8, ..: next to them a constant of the library's own.
    let (_, uses) = rewritten.function("place");
    let kinds: Vec<u32> = uses.iter().map(|used| used.2).collect();
    assert_eq!(
        kinds,
        [
            elf::R_AARCH64_JUMP26.0,
            elf::R_AARCH64_ADD_ABS_LO12_NC.0,
            elf::R_AARCH64_ADR_PREL_PG_HI21.0,
            elf::R_AARCH64_ADD_ABS_LO12_NC.0,
            elf::R_AARCH64_CALL26.0,
        ]
    );
    assert_eq!(rewritten.wanted.absolutes[uses[1].3.as_bytes()], LIST_AT);
    for function in ["read", "place", "write", "both"] {
        assert!(!rewritten.is_unreachable(function), "{function}");
    }
}

#[test]
fn the_whole_address_of_a_librarys_variable_is_loaded_and_nothing_is_added() {
    let list = of_library("hot_lent_0_LIST", 32, false);
    let rewritten = Rewritten::of(APART, &[(LIST, list)]);
    let (instructions, uses) = rewritten.function("write");
    let (code, references) = rewritten.detour(&uses[1].3);
    // adrp x9, word; ldr x9, [x9, word]; b back
    assert_eq!(code, [0x9000_0009, 0xf940_0129, JUMP]);
    let kinds: Vec<u32> = references.iter().map(|(_, kind, _)| *kind).collect();
    let expected = [
        elf::R_AARCH64_ADR_PREL_PG_HI21,
        elf::R_AARCH64_LDST64_ABS_LO12_NC,
        elf::R_AARCH64_JUMP26,
    ];
    assert_eq!(kinds, expected.map(|kind| kind.0));
    let word = &rewritten.wanted.words[references[0].2.as_bytes()];
    assert_eq!(
        (&word.symbol[..], word.offset),
        (&b"hot_lent_0_LIST"[..], 24)
    );
    // str x1, [x9], without a relocation
    assert_eq!(instructions[3], 0xf900_0121);
    assert!(uses.iter().all(|used| used.0 != 12), "{uses:?}");
    // What is in the program's section is as it was.
    assert_eq!(uses[0].2, elf::R_AARCH64_ADR_PREL_PG_HI21.0);
}

#[test]
fn what_a_librarys_page_is_of_must_be_certain() {
    // As if `str x1, [x9]` were about the beginning of the list, on the page of another of its items.
    let mut changed = APART.to_vec();
    let object = ObjectFile::parse(APART).expect("an object");
    let of_write = (0..object.sections.len())
        .filter_map(|section| object.relocations(section).expect("relocations"))
        .find(|(section, _)| object.sections[*section].name == b".text.write");
    let (_, relocations) = of_write.expect("it has some");
    let store = relocations
        .iter()
        .find(|relocation| relocation.offset == 12);
    let at = store.expect("the store has one").at;
    changed[at + 16..at + 24].fill(0);
    let of_library = Rewritten::of(&changed, &[(LIST, of_library("lent", 32, false))]);
    assert!(of_library.is_unreachable("write"));
    let of_program = Rewritten::of(&changed, &[(LIST, of_program(Place::Data(LIST_AT), 32))]);
    assert!(!of_program.is_unreachable("write"));
}

#[test]
fn variables_in_one_section_are_led_together_or_not_at_all() {
    let count = of_program(Place::Data(COUNT_AT), 4);
    // As far from each other as in the section.
    let together = of_program(Place::Data(COUNT_AT + 8), 32);
    let moved = [(COUNT, count.clone()), (LIST, together)];
    let rewritten = Rewritten::of(MERGED_OBJECT, &moved);
    for function in ["read", "place", "write", "both"] {
        assert!(!rewritten.is_unreachable(function), "{function}");
    }
    let apart = of_program(Place::Data(LIST_AT), 32);
    let in_library = of_library("lent", 32, false);
    for others in [vec![(LIST, apart)], vec![(LIST, in_library)], vec![]] {
        let moved = [&[(COUNT, count.clone())], &others[..]].concat();
        let rewritten = Rewritten::of(MERGED_OBJECT, &moved);
        for function in ["read", "place", "write", "both"] {
            assert!(rewritten.is_unreachable(function), "{function}");
        }
    }
}

#[test]
fn a_thread_local_of_the_program_is_a_distance() {
    let local = of_program(Place::ThreadLocal(0x1_2345), 4);
    let rewritten = Rewritten::of(APART, &[(LOCAL, local)]);
    let (instructions, uses) = rewritten.function("local");
    // movz x0, #1, lsl #16; movk x0, #0x2345; nop; nop; mrs x10, tpidr_el0
    let expected = [
        0xd2a0_0020,
        0xf284_68a0,
        0xd503_201f,
        0xd503_201f,
        0xd53b_d04a,
    ];
    assert_eq!(instructions[3..8], expected);
    assert_eq!(uses, []);
    // That of a library is asked for as it was, under its name there.
    let local = of_library("hot_lent_0_LOCAL", 4, true);
    let rewritten = Rewritten::of(APART, &[(LOCAL, local)]);
    let (_, uses) = rewritten.function("local");
    assert_eq!(uses.len(), 4);
    assert!(
        uses.iter().all(|used| used.3 == "hot_lent_0_LOCAL"),
        "{uses:?}"
    );
    assert_eq!(uses[3].2, elf::R_AARCH64_TLSDESC_CALL.0);
    // Where the block would be before the thread pointer, this is no address.
    let before = of_program(Place::ThreadLocal(-16), 4);
    let rewritten = Rewritten::of(APART, &[(LOCAL, before)]);
    assert!(rewritten.is_unreachable("local"));
}

#[test]
fn a_written_address_is_the_programs() {
    let known = of_program(Place::Data(0x5555_0000_0000), 4);
    let rewritten = Rewritten::of(APART, &[("5KNOWN17h", known)]);
    let absolutes: Vec<u64> = rewritten.wanted.absolutes.values().copied().collect();
    assert_eq!(absolutes, [0x5555_0000_0000]);
}

#[test]
fn the_block_of_thread_locals_follows_the_thread_pointer() {
    assert_eq!(thread_block(0x6d970, 8), 16);
    assert_eq!(thread_block(0x6d970, 64), 0x30);
    assert_eq!(thread_block(0x1000, 64), 64);
    assert_eq!(thread_block(0x1004, 8), 20);
}

#[test]
fn a_far_jump_uses_the_register_between_functions() {
    let jump = Processor::Aarch64.far_jump(0x5555_0000_1234);
    // ldr x16, 8; br x16
    assert_eq!(jump[..4], 0x5800_0050_u32.to_le_bytes());
    assert_eq!(jump[4..8], 0xd61f_0200_u32.to_le_bytes());
    assert_eq!(jump[8..], 0x5555_0000_1234_u64.to_le_bytes());
}

impl Rewritten {
    /// The section of a symbol, and its place there.
    fn place(&self, symbol: &str) -> (String, u64) {
        let object = ObjectFile::parse(&self.bytes).expect("still an object");
        let mut symbols = object.symbols.iter();
        let symbol = symbols.find(|known| known.name == symbol.as_bytes());
        let symbol = symbol.expect("it is in the object");
        let section = object.sections[symbol.section.expect("it is defined")];
        (
            String::from_utf8_lossy(section.name).into_owned(),
            symbol.value,
        )
    }
}
