//! The code of x86-64.
//!
//! A load of an address, `lea`, becomes a load from the table of addresses. Both instructions have one length.
//! Optimised code works on a variable without loading its address; such an instruction is done in a place of
//! its own, with the address in a register.

use std::collections::HashMap;
use std::sync::Arc;

use object::elf;

use super::super::host::{HostSymbol, Place};
use super::super::object_file::{Relocation, Section};
use super::super::rewrite::{
    Detour, Patch, Targets, Variable, code_address, thread_offset, word_name,
};
use super::super::statics::{Lent, Target};

use instruction::{Instruction, Scratch};

#[path = "x86_64/instruction.rs"]
mod instruction;

impl Patch<'_, '_> {
    /// Leads what a section does with the targets to where those are.
    pub(super) fn section_of_x86_64(
        &mut self,
        section: usize,
        relocations: &[Relocation],
        targets: &Targets<'_>,
    ) {
        let index_of_section = section;
        let section = self.object.sections[section];
        // Of the code as it was compiled. Found when it is first needed.
        let mut instructions: Option<HashMap<usize, Instruction>> = None;
        // What the module's block is asked for serves all variables after it, so it is all or none.
        let mut module_block = ModuleBlock::default();
        for (index, relocation) in relocations.iter().enumerate() {
            let at = section.offset + relocation.offset;
            let next = relocations.get(index + 1);
            match elf::RelocationType(relocation.kind) {
                elf::R_X86_64_TLSLD => module_block.requests.push((at, *relocation, next.copied())),
                elf::R_X86_64_DTPOFF32 => match targets.of(self.object, relocation, 0) {
                    Some((variable, offset)) => {
                        module_block.moved.push(MovedUse {
                            at,
                            relocation: *relocation,
                            variable,
                            offset,
                        });
                    }
                    None => module_block.stays = true,
                },
                elf::R_X86_64_TLSGD => {
                    if let Some((variable, offset)) = targets.of(self.object, relocation, 4) {
                        let rewritten = match variable.target {
                            Target::Program(host) => {
                                thread_offset(host, offset).and_then(|value| {
                                    self.general_dynamic(at, relocation, next, value)
                                })
                            }
                            Target::Library(lent) if offset == 0 => {
                                let symbol = self.lent(lent);
                                self.retarget(relocation, symbol, elf::R_X86_64_TLSGD, -4);
                                Some(())
                            }
                            Target::Library(_) => None,
                        };
                        self.or_unreachable(rewritten, relocation, variable.name);
                    }
                }
                elf::R_X86_64_GOTTPOFF => {
                    if let Some((variable, offset)) = targets.of(self.object, relocation, 4) {
                        let rewritten = match variable.target {
                            Target::Program(host) => thread_offset(host, offset)
                                .and_then(|value| self.initial_exec(at, relocation, value)),
                            // Only the program's are at one distance in every thread.
                            Target::Library(_) => None,
                        };
                        self.or_unreachable(rewritten, relocation, variable.name);
                    }
                }
                elf::R_X86_64_GOTPCREL | elf::R_X86_64_GOTPCRELX | elf::R_X86_64_REX_GOTPCRELX => {
                    if let Some((variable, offset)) = targets.of(self.object, relocation, 4) {
                        let rewritten = self.by_table(relocation, variable, offset);
                        self.or_unreachable(rewritten, relocation, variable.name);
                    }
                }
                elf::R_X86_64_64 => {
                    if let Some((variable, offset)) = targets.of(self.object, relocation, 0) {
                        let rewritten = self.written_address(relocation, variable, offset);
                        self.or_unreachable(rewritten, relocation, variable.name);
                    }
                }
                elf::R_X86_64_PC32 | elf::R_X86_64_PLT32 => {
                    let Some(some) = targets.any_of(self.object, relocation) else {
                        continue;
                    };
                    let near = targets.of(self.object, relocation, 4);
                    let rewritten = if let Some((variable, offset)) = near
                        && let Some(address) = code_address(variable)
                    {
                        self.by_jump(relocation, address, offset)
                    } else if !section.is_code() {
                        near.is_none().then_some(())
                    } else if self.is_load_of_address(at) {
                        self.load_of_address(relocation, at, near)
                    } else {
                        let instructions =
                            instructions.get_or_insert_with(|| self.instructions(&section));
                        // A call of what is the library's own has its target right behind the opcode.
                        let found = instructions.get(&relocation.offset);
                        match found {
                            Some(found) if found.is_load_of_address() => {
                                self.load_of_address(relocation, at, near)
                            }
                            Some(found) => {
                                self.by_detour(index_of_section, relocation, found, targets)
                            }
                            None if near.is_none() && self.is_call(at) => Some(()),
                            None => None,
                        }
                    };
                    self.or_unreachable(rewritten, relocation, some.name);
                }
                _ => {
                    if let Some((variable, _)) = targets.of(self.object, relocation, 0) {
                        self.or_unreachable(None, relocation, variable.name);
                    }
                }
            }
        }
        self.module_block(&module_block);
    }

    /// Reads the address of a variable of the program from the linker's table of addresses, and that of a
    /// library's from a word of our own.
    fn by_table(
        &mut self,
        relocation: &Relocation,
        variable: Variable<'_>,
        offset: i64,
    ) -> Option<()> {
        match variable.target {
            Target::Program(host) => {
                let symbol = self.absolute(host, offset)?;
                self.retarget(relocation, symbol, elf::R_X86_64_GOTPCREL, -4);
            }
            Target::Library(lent) if !lent.is_thread_local => {
                let symbol = self.word(lent, offset);
                self.retarget(relocation, symbol, elf::R_X86_64_PC32, -4);
            }
            Target::Library(_) => return None,
        }
        Some(())
    }

    /// `lea sym(%rip), %reg` becomes `mov sym@GOTPCREL(%rip), %reg`.
    fn load_of_address(
        &mut self,
        relocation: &Relocation,
        at: usize,
        near: Option<(Variable<'_>, i64)>,
    ) -> Option<()> {
        near.map_or(Some(()), |(variable, offset)| {
            self.bytes[at - 2] = MOV;
            self.by_table(relocation, variable, offset)
        })
    }

    /// Whether it is `lea sym(%rip), %reg` for certain, which is seen without knowing where instructions begin.
    fn is_load_of_address(&self, at: usize) -> bool {
        let code = at.checked_sub(6);
        let code = code.and_then(|start| self.bytes.get(start..at));
        code.is_some_and(is_load_of_address)
    }

    /// Whether it is where a call or a jump goes to.
    fn is_call(&self, at: usize) -> bool {
        let opcode = at
            .checked_sub(2)
            .and_then(|start| self.bytes.get(start..at));
        opcode.is_some_and(|opcode| {
            matches!(opcode[1], 0xe8 | 0xe9) || (opcode[0] == 0x0f && opcode[1] & 0xf0 == 0x80)
        })
    }

    /// The instructions of a section that have a memory operand at a distance, by where that is written. What
    /// follows something that is no instruction is not known.
    fn instructions(&self, section: &Section<'_>) -> HashMap<usize, Instruction> {
        let code = self.code(section);
        let mut found = HashMap::new();
        let mut at = 0;
        while let Some(instruction) = Instruction::at(code, at) {
            if let Some(distance) = instruction.distance(code) {
                found.insert(distance, instruction);
            }
            at = instruction.end;
        }
        found
    }

    fn code(&self, section: &Section<'_>) -> &[u8] {
        let code = self.object.bytes.get(section.offset..);
        code.and_then(|code| code.get(..section.size))
            .unwrap_or_default()
    }

    /// An instruction with a variable as its operand is done elsewhere, with the variable's address in a
    /// register: in its place is a jump there.
    fn by_detour(
        &mut self,
        section: usize,
        relocation: &Relocation,
        instruction: &Instruction,
        targets: &Targets<'_>,
    ) -> Option<()> {
        // Constants may follow the distance, and the processor counts from the end of all.
        let bias = i64::try_from(instruction.end - relocation.offset).ok()?;
        let Some((variable, offset)) = targets.of(self.object, relocation, bias) else {
            // It is about something else in the section.
            return Some(());
        };
        let of_section = self.object.sections[section];
        let (moved, scratch) = instruction.by_register(self.code(&of_section))?;
        let operand = match variable.target {
            Target::Program(HostSymbol {
                place: Place::Data(address),
                ..
            }) => Operand::Address(address.wrapping_add_signed(offset)),
            Target::Library(lent) if !lent.is_thread_local => {
                self.word(lent, offset);
                Operand::Word(word_name(lent, offset))
            }
            _ => return None,
        };
        let start = of_section.offset + instruction.start;
        let goes_on_elsewhere = scratch == Scratch::R11;
        let back = (!goes_on_elsewhere).then(|| self.back(section, start, instruction.end));
        let symbol = self.detour(start, detour(&moved, scratch, operand, back));
        // What is called returns to what follows. All else is jumped to. Nothing is in what room is left.
        let opcode = match instruction.is_call(self.code(&of_section)) {
            true => CALL,
            false => JUMP,
        };
        let end = of_section.offset + instruction.end;
        self.bytes[start..start + 5].copy_from_slice(&[opcode, 0, 0, 0, 0]);
        self.bytes[start + 5..end].fill(NOTHING);
        self.put_u64(relocation.at, instruction.start as u64 + 1);
        self.retarget(relocation, symbol, elf::R_X86_64_PLT32, -4);
        Some(())
    }

    /// The call that finds a thread-local by module and offset becomes a sum.
    fn general_dynamic(
        &mut self,
        at: usize,
        relocation: &Relocation,
        next: Option<&Relocation>,
        value: i64,
    ) -> Option<()> {
        let before = at
            .checked_sub(4)
            .and_then(|start| self.bytes.get(start..at));
        let call = self.bytes.get(at + 4..at + 8);
        let is_sequence = before == Some(&[0x66, 0x48, LEA, 0x3d])
            && (call == Some(&[0x66, 0x66, 0x48, 0xe8]) || call == Some(&[0x66, 0x48, 0xff, 0x15]));
        let next = next.filter(|next| is_sequence && next.offset == relocation.offset + 8)?;
        // mov %fs:0, %rax; lea value(%rax), %rax
        self.bytes[at - 4..at + 8]
            .copy_from_slice(&[0x64, 0x48, MOV, 0x04, 0x25, 0, 0, 0, 0, 0x48, LEA, 0x80]);
        self.put_i32(at + 8, value).then_some(())?;
        self.no_relocation(relocation);
        self.no_relocation(next);
        Some(())
    }

    /// `mov sym@gottpoff(%rip), %reg` becomes `mov $value, %reg`, and the same for `add`.
    fn initial_exec(&mut self, at: usize, relocation: &Relocation, value: i64) -> Option<()> {
        let code = at
            .checked_sub(3)
            .and_then(|start| self.bytes.get(start..at));
        let Some(&[rex @ (0x48 | 0x4c), operation @ (MOV | ADD), operand]) = code else {
            return None;
        };
        let register = (operand >> 3) & 7;
        // The register moves from the field for the first operand to that for the second.
        self.bytes[at - 3] = if rex == 0x4c { 0x49 } else { 0x48 };
        self.bytes[at - 2] = if operation == MOV { 0xc7 } else { 0x81 };
        self.bytes[at - 1] = 0xc0 | register;
        self.put_i32(at, value).then_some(())?;
        self.no_relocation(relocation);
        Some(())
    }

    fn put_i32(&mut self, at: usize, value: i64) -> bool {
        let value = i32::try_from(value);
        if let Ok(value) = value {
            self.bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        value.is_ok()
    }

    /// The calls that find the module's block become loads of the thread pointer, or find the block of
    /// another library.
    fn module_block(&mut self, block: &ModuleBlock<'_>) {
        if block.moved.is_empty() {
            return;
        }
        let led = match block.anchor() {
            Some(Anchor::Program) => self.block_of_the_program(block),
            Some(Anchor::Library(anchor)) => self.block_of_a_library(block, &anchor),
            None => None,
        };
        if led.is_none() {
            for used in &block.moved {
                self.or_unreachable(None, &used.relocation, used.variable.name);
            }
        }
    }

    fn block_of_the_program(&mut self, block: &ModuleBlock<'_>) -> Option<()> {
        let requests = self.block_requests(block)?;
        for used in &block.moved {
            let Target::Program(host) = used.variable.target else {
                return None;
            };
            let value = thread_offset(host, used.offset)?;
            self.put_i32(used.at, value).then_some(())?;
        }
        for ((start, length), (_, relocation, next)) in requests.iter().zip(&block.requests) {
            // mov %fs:0, %rax, with as many prefixes as fill the room
            let code = *start + length - 9;
            self.bytes[*start..code].fill(0x66);
            self.bytes[code..start + length]
                .copy_from_slice(&[0x64, 0x48, MOV, 0x04, 0x25, 0, 0, 0, 0]);
            self.no_relocation(relocation);
            if let Some(next) = next {
                self.no_relocation(next);
            }
        }
        for used in &block.moved {
            self.no_relocation(&used.relocation);
        }
        Some(())
    }

    /// The call is left as it is, and asked for one variable of the library: the others are at fixed
    /// distances from it.
    fn block_of_a_library(&mut self, block: &ModuleBlock<'_>, anchor: &Lent) -> Option<()> {
        self.block_requests(block)?;
        let start = i64::try_from(anchor.offset).ok()?;
        for used in &block.moved {
            let Target::Library(lent) = used.variable.target else {
                return None;
            };
            let value = i64::try_from(lent.offset).ok()? - start + used.offset;
            self.put_i32(used.at, value).then_some(())?;
        }
        let symbol = self.lent(anchor);
        for (_, relocation, _) in &block.requests {
            self.retarget(relocation, symbol, elf::R_X86_64_TLSGD, -4);
        }
        for used in &block.moved {
            self.no_relocation(&used.relocation);
        }
        Some(())
    }

    fn block_requests(&self, block: &ModuleBlock<'_>) -> Option<Vec<(usize, usize)>> {
        block
            .requests
            .iter()
            .map(|(at, relocation, next)| self.block_request(*at, relocation, next.as_ref()))
            .collect()
    }

    /// Where the instructions that ask for the module's block begin, and how long they are, if they are
    /// the usual ones.
    fn block_request(
        &self,
        at: usize,
        relocation: &Relocation,
        next: Option<&Relocation>,
    ) -> Option<(usize, usize)> {
        let start = at.checked_sub(3)?;
        let (length, next_at) = match self.bytes.get(at + 4..at + 6)? {
            [0xe8, _] => (12, 5),
            [0xff, 0x15] => (13, 6),
            _ => return None,
        };
        let is_usual = self.bytes[start..at] == [0x48, LEA, 0x3d]
            && next.is_some_and(|next| next.offset == relocation.offset + next_at);
        is_usual.then_some((start, length))
    }
}

/// Where an address is that is to be loaded.
enum Operand {
    /// It is known.
    Address(u64),
    /// In the word of that symbol.
    Word(Vec<u8>),
}

/// The instruction with the address of its operand in a register, and the way back if it does not go on elsewhere.
///
/// The registers are as they were and so are the flags, and what the function keeps below its stack is left
/// alone.
fn detour(instruction: &[u8], scratch: Scratch, operand: Operand, back: Option<Vec<u8>>) -> Detour {
    let is_kept = scratch != Scratch::R11;
    let register = scratch.number() & 7;
    // The prefixes for 64 bits, with the register in the opcode and in the first operand.
    let (in_opcode, in_operand) = if is_kept { (0x48, 0x48) } else { (0x49, 0x4c) };
    let mut detour = Detour::default();
    if is_kept {
        // lea -128(%rsp), %rsp; push
        detour
            .code
            .extend_from_slice(&[0x48, 0x8d, 0x64, 0x24, 0x80, 0x50 | register]);
    }
    match operand {
        Operand::Address(address) => {
            detour.code.extend_from_slice(&[in_opcode, 0xb8 | register]);
            detour.code.extend_from_slice(&address.to_le_bytes());
        }
        Operand::Word(word) => {
            detour
                .code
                .extend_from_slice(&[in_operand, 0x8b, 0x05 | register << 3]);
            detour.refer(word, elf::R_X86_64_PC32, -4);
            detour.code.extend_from_slice(&[0; 4]);
        }
    }
    detour.code.extend_from_slice(instruction);
    if is_kept {
        // pop; lea 128(%rsp), %rsp
        detour.code.push(0x58 | register);
        detour
            .code
            .extend_from_slice(&[0x48, 0x8d, 0xa4, 0x24, 0x80, 0, 0, 0]);
    }
    if let Some(back) = back {
        detour.code.push(JUMP);
        detour.refer(back, elf::R_X86_64_PC32, -4);
        detour.code.extend_from_slice(&[0; 4]);
    }
    detour
}

/// The block ends at the thread pointer.
pub(super) fn thread_block(address: u64, size: u64, align: u64) -> i64 {
    let padding = address.wrapping_add(size).wrapping_neg() & (align - 1);
    -((size + padding) as i64)
}

/// `jmp *2(%rip)`, and two bytes to have the address aligned that follows.
pub(super) const BEFORE_FAR_ADDRESS: [u8; 8] = [0xff, 0x25, 2, 0, 0, 0, 0x66, 0x90];

const LEA: u8 = 0x8d;
/// Begin the prefixes of the vector extensions, of four, three and two bytes.
const EVEX: u8 = 0x62;
const VEX: u8 = 0xc4;
const SHORT_VEX: u8 = 0xc5;
const MOV: u8 = 0x8b;
const ADD: u8 = 0x03;
const CALL: u8 = 0xe8;
const JUMP: u8 = 0xe9;
const NOTHING: u8 = 0x90;

/// What a section does with the thread-locals of its own module.
#[derive(Default)]
struct ModuleBlock<'a> {
    /// Where it asks for the block, and the relocation of the call that follows.
    requests: Vec<(usize, Relocation, Option<Relocation>)>,
    /// Uses of variables that are elsewhere.
    moved: Vec<MovedUse<'a>>,
    /// Whether other variables are used.
    stays: bool,
}

/// The use of a thread-local that is elsewhere.
struct MovedUse<'a> {
    /// Where in the file its offset is written.
    at: usize,
    relocation: Relocation,
    variable: Variable<'a>,
    offset: i64,
}

/// Whose block is to be found.
enum Anchor {
    Program,
    /// That of the library with this variable.
    Library(Arc<Lent>),
}

impl ModuleBlock<'_> {
    /// `None` if it would be several, for it is found once for all uses.
    fn anchor(&self) -> Option<Anchor> {
        if self.stays {
            return None;
        }
        let first = self.moved.first()?.variable.target;
        let mut all = self.moved.iter();
        if !all.all(|used| used.variable.target.library() == first.library()) {
            return None;
        }
        Some(match first {
            Target::Program(_) => Anchor::Program,
            Target::Library(lent) => Anchor::Library(lent.clone()),
        })
    }
}

/// Whether the six bytes before a distance are the end of `lea` with a memory operand there. A vector extension's
/// prefix may come before the same bytes; where one may begin there, it is not certain.
fn is_load_of_address(code: &[u8]) -> bool {
    let &[four, three, two, rex, opcode, operands] = code else {
        return false;
    };
    let is_load = rex & 0xf8 == 0x48 && opcode == LEA && operands & 0xc7 == 0x05;
    is_load && four != EVEX && three != VEX && two != SHORT_VEX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_of_an_address_is_no_vector_instruction() {
        // lea x(%rip), %rdi, after what is part of another instruction
        assert!(is_load_of_address(&[0x90, 0x90, 0xc3, 0x48, 0x8d, 0x3d]));
        assert!(is_load_of_address(&[0, 0, 0, 0x4c, 0x8d, 0x05]));
        // mov x(%rip), %rdi
        assert!(!is_load_of_address(&[0x90, 0x90, 0x90, 0x48, 0x8b, 0x3d]));
        // vpermb x(%rip), %zmm0, %zmm0: the third byte of its prefix is that of a 64-bit operand.
        assert!(!is_load_of_address(&[0x62, 0xf2, 0x7d, 0x48, 0x8d, 0x05]));
        // What may be the end of another instruction is looked up: here the constant of the one before.
        assert!(!is_load_of_address(&[0x62, 0, 0, 0x48, 0x8d, 0x05]));
    }

    #[test]
    fn a_detour_loads_the_address_and_goes_back() {
        // lock xadd %eax, (%rsi)
        let instruction = [0xf0, 0x0f, 0xc1, 0x06];
        let operand = Operand::Address(0x5555_0000_1234);
        let made = detour(&instruction, Scratch::Si, operand, Some(b"back".to_vec()));
        let code = &made.code;
        assert_eq!(code[5..8], [0x56, 0x48, 0xbe]);
        assert_eq!(code[8..16], 0x5555_0000_1234_u64.to_le_bytes());
        assert_eq!(code[16..21], [0xf0, 0x0f, 0xc1, 0x06, 0x5e]);
        let places: Vec<_> = made.references.iter().map(|needed| needed.place).collect();
        assert_eq!(places, [code.len() - 4]);
    }

    #[test]
    fn a_detour_to_a_function_does_not_come_back() {
        // jmp *(%r11)
        let jump = [0x41, 0xff, 0x23];
        // movabs $.., %r11
        let known = Operand::Address(0x5555_0000_1234);
        let known = detour(&jump, Scratch::R11, known, None);
        let code = [
            0x49, 0xbb, 0x34, 0x12, 0, 0, 0x55, 0x55, 0, 0, 0x41, 0xff, 0x23,
        ];
        assert_eq!(
            (&known.code[..], &known.references[..]),
            (&code[..], &[][..])
        );
        // mov word(%rip), %r11
        let of_library = Operand::Word(b"word".to_vec());
        let of_library = detour(&jump, Scratch::R11, of_library, None);
        let code = [0x4c, 0x8b, 0x1d, 0, 0, 0, 0, 0x41, 0xff, 0x23];
        assert_eq!(of_library.code, code);
        let needed = &of_library.references[0];
        assert_eq!((needed.place, &needed.symbol[..]), (3, &b"word"[..]));
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
#[path = "x86_64/ends.rs"]
mod ends;
