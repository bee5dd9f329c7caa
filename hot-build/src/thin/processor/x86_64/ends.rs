//! What becomes of code that the assembler made.

use std::collections::HashSet;

use super::super::super::assembled;
use super::super::super::host::{HostSymbol, Place};
use super::super::super::object_file::ObjectFile;
use super::super::super::rewrite::{self, Lending, Moved, NewSymbols};
use super::super::super::statics::Target;
use super::super::Processor;

/// A variable of 20 bytes, which optimised code knows by where it begins, by where it ends, and by what would stand
/// before it. As it is the file's own, each place is told by that of the section.
const LOOP: &str = r#"
    .section .data.LIST,"aw",@progbits
    .type LIST,@object
LIST:
    .zero 20
    .size LIST, 20
    .section .text.sum,"ax",@progbits
    .globl sum
    .type sum,@function
sum:
    lea rax, [rip + LIST]
    lea rcx, [rip + LIST + 20]
    lea rdx, [rip + LIST - 4]
    ret
    .size sum, . - sum
    .section .data.BOUNDS,"aw",@progbits
    .globl BOUNDS
    .type BOUNDS,@object
BOUNDS:
    .quad LIST
    .quad LIST+20
    .size BOUNDS, 16
"#;

#[test]
fn the_end_of_a_variable_goes_where_the_variable_is() {
    const AT: u64 = 0x5555_0000_1230;
    let bytes = assembled::object_of(LOOP);
    let object = ObjectFile::parse(&bytes).expect("an object");
    assert_eq!(object.processor, Processor::X86_64);
    let list = Target::Program(HostSymbol {
        place: Place::Data(AT),
        size: 20,
        is_variable: true,
    });
    let moved = Moved::from([(b"LIST".to_vec(), list)]);
    let lending = Lending {
        mark: "1",
        names: HashSet::new(),
    };
    let mut wanted = NewSymbols::default();
    let rewritten = rewrite::rewrite(&object, "o", &moved, &lending, &mut wanted);
    let bytes = rewritten.expect("it can be read").expect("it is another");
    let addresses: Vec<u64> = wanted.absolutes.values().copied().collect();
    assert_eq!(addresses, [AT - 4, AT, AT + 20]);

    // Nothing is left that leads to where the variable was.
    let object = ObjectFile::parse(&bytes).expect("still an object");
    let of_list = |symbol: usize| {
        let symbol = &object.symbols[symbol];
        let section = symbol.section.map(|section| object.sections[section].name);
        section == Some(b".data.LIST".as_slice())
    };
    let uses = (0..object.sections.len())
        .filter_map(|section| object.relocations(section).expect("relocations"))
        .flat_map(|(_, relocations)| relocations)
        .filter(|relocation| of_list(relocation.symbol));
    assert_eq!(uses.count(), 0);
}
