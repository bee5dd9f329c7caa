//! Leads what new code does with variables to the copies that the program has.
//!
//! The program and the library are too far apart for a relative address, so a reference to a variable
//! of the crate's own, which the compiler made relative, is changed in the object file: from "the
//! address is so far from here" to "the address is written in a table so far from here". Both
//! instructions have one length. Optimised code works on a variable without loading its address; such an
//! instruction is done in a place of its own, with the address in a register. A reference to a thread-local of the program needs no call of the
//! loader's, for its distance from the thread pointer is known.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use object::elf;

use super::host::{HostSymbol, Place};
use super::instruction::{Instruction, Scratch};
use super::object_file::{ObjectFile, Relocation, Section};
use super::statics::{self, Lent, Target};
use crate::FallbackReason;

/// Variables and functions that are to be the program's or an earlier library's, by the names of their
/// symbols.
pub(crate) type Moved = HashMap<Vec<u8>, Target>;

/// The variables that a library lends to those after it.
#[derive(Debug)]
pub(crate) struct Lending<'a> {
    /// What is in the names of its exports.
    pub(crate) mark: &'a str,
    /// The names of the variables' own symbols.
    pub(crate) names: HashSet<&'a [u8]>,
}

/// Symbols that rewritten objects need.
#[derive(Debug, Default)]
pub(crate) struct NewSymbols {
    /// Those that stand for an address in the program.
    pub(crate) absolutes: BTreeMap<Vec<u8>, u64>,
    /// Those that stand for a jump to an address in the program.
    pub(crate) jumps: BTreeMap<Vec<u8>, u64>,
    /// Those that stand for a word in which the address of a library's variable is.
    pub(crate) words: BTreeMap<Vec<u8>, Word>,
    /// Those that stand for an instruction that is done elsewhere.
    pub(crate) detours: BTreeMap<Vec<u8>, Detour>,
}

/// An instruction that is done elsewhere, with a register that holds the address of its operand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Detour {
    pub(crate) instruction: Vec<u8>,
    pub(crate) scratch: Scratch,
    pub(crate) operand: Operand,
    /// The symbol of the place to go on at, if the instruction does not go on elsewhere.
    pub(crate) back: Option<Vec<u8>>,
}

/// Where an address is that is to be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operand {
    /// It is known.
    Address(u64),
    /// In the word of that symbol.
    Word(Vec<u8>),
}

/// A word that the system's loader fills in: the address of a symbol, and so many bytes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) symbol: Vec<u8>,
    pub(crate) offset: i64,
}

impl NewSymbols {
    pub(crate) fn add(&mut self, other: &Self) {
        let copied = |(name, address): (&Vec<u8>, &u64)| (name.clone(), *address);
        self.absolutes.extend(other.absolutes.iter().map(copied));
        self.jumps.extend(other.jumps.iter().map(copied));
        let words = other.words.iter();
        self.words
            .extend(words.map(|(name, word)| (name.clone(), word.clone())));
        let detours = other.detours.iter();
        self.detours
            .extend(detours.map(|(name, detour)| (name.clone(), detour.clone())));
    }
}

/// The file's bytes with all uses of the variables in `moved` led to where those are, and with the variables
/// that are lent exported. Whatever symbols that takes are added to `wanted`; `label` tells them from those of
/// other objects. `None` when there is nothing to change.
pub(crate) fn rewrite(
    object: &ObjectFile<'_>,
    label: &str,
    moved: &Moved,
    lending: &Lending<'_>,
    wanted: &mut NewSymbols,
) -> Result<Option<Vec<u8>>, FallbackReason> {
    let targets = Targets::new(object, moved);
    let lent = lent(object, lending);
    if targets.is_empty() && lent.is_empty() {
        return Ok(None);
    }
    let mut patch = Patch {
        object,
        label,
        bytes: object.bytes.to_vec(),
        new_symbols: lent,
        wanted,
    };
    for index in 0..object.sections.len() {
        let relocations = object.relocations(index).map_err(|error| not_elf(&error))?;
        let Some((section, relocations)) = relocations else {
            continue;
        };
        patch.section(section, &relocations, &targets)?;
    }
    Ok(Some(patch.finish()?))
}

/// The symbols under which an object's variables are lent.
fn lent(object: &ObjectFile<'_>, lending: &Lending<'_>) -> Vec<NewSymbol> {
    let symbols = object.symbols.iter();
    symbols
        .filter(|symbol| symbol.is_defined && lending.names.contains(symbol.name))
        .filter_map(|symbol| {
            Some(NewSymbol {
                name: statics::exported_name(lending.mark, symbol.name),
                place: Some((symbol.section?, symbol.value, symbol.size)),
                is_thread_local: symbol.is_thread_local,
                is_hidden: false,
            })
        })
        .collect()
}

/// What the symbols of one object stand for elsewhere.
struct Targets<'a> {
    /// By the index of the symbol, for those that are used by name.
    by_symbol: HashMap<usize, Variable<'a>>,
    /// By the index of the section, for those that are used by their place in it.
    by_section: HashMap<usize, Vec<(u64, Variable<'a>)>>,
}

/// A variable that is elsewhere, or a function of the program.
#[derive(Clone, Copy)]
struct Variable<'a> {
    name: &'a [u8],
    target: &'a Target,
}

impl<'a> Targets<'a> {
    fn new(object: &ObjectFile<'a>, moved: &'a Moved) -> Self {
        let mut targets = Self {
            by_symbol: HashMap::new(),
            by_section: HashMap::new(),
        };
        for (index, symbol) in object.symbols.iter().enumerate() {
            let is_item = symbol.is_variable || symbol.is_function;
            if symbol.name.is_empty() || (symbol.is_defined && !is_item) {
                continue;
            }
            let Some(target) = moved.get(symbol.name) else {
                continue;
            };
            let variable = Variable {
                name: symbol.name,
                target,
            };
            targets.by_symbol.insert(index, variable);
            if let Some(section) = symbol.section {
                let variables = targets.by_section.entry(section).or_default();
                variables.push((symbol.value, variable));
            }
        }
        targets
    }

    fn is_empty(&self) -> bool {
        self.by_symbol.is_empty()
    }

    /// Any variable that a relocation may be about.
    fn any_of(&self, object: &ObjectFile<'_>, relocation: &Relocation) -> Option<Variable<'a>> {
        if let Some(variable) = self.by_symbol.get(&relocation.symbol) {
            return Some(*variable);
        }
        let symbol = object.symbols.get(relocation.symbol)?;
        let (_, variable) = self.by_section.get(&symbol.section?)?.first()?;
        Some(*variable)
    }

    /// The variable that a relocation is about, and the offset in it. `bias` is the distance of the
    /// relocation's place from where the processor counts.
    fn of(
        &self,
        object: &ObjectFile<'_>,
        relocation: &Relocation,
        bias: i64,
    ) -> Option<(Variable<'a>, i64)> {
        let offset = relocation.addend + bias;
        if let Some(variable) = self.by_symbol.get(&relocation.symbol) {
            return Some((*variable, offset));
        }
        let symbol = object.symbols.get(relocation.symbol)?;
        let place = i64::try_from(symbol.value).ok()? + offset;
        let variables = self.by_section.get(&symbol.section?)?;
        variables.iter().find_map(|(start, variable)| {
            let inside = place - i64::try_from(*start).ok()?;
            let size = i64::try_from(variable.target.size()).ok()?;
            (0..size).contains(&inside).then_some((*variable, inside))
        })
    }
}

/// A file in the making.
struct Patch<'a, 'data> {
    object: &'a ObjectFile<'data>,
    label: &'a str,
    bytes: Vec<u8>,
    new_symbols: Vec<NewSymbol>,
    wanted: &'a mut NewSymbols,
}

/// A symbol that the file gets.
#[derive(Clone, Debug, PartialEq, Eq)]
struct NewSymbol {
    name: Vec<u8>,
    /// Its section, the offset there, and its size. `None` for one that is defined elsewhere.
    place: Option<(usize, u64, u64)>,
    is_thread_local: bool,
    /// Whether it is for this library alone.
    is_hidden: bool,
}

impl Patch<'_, '_> {
    fn section(
        &mut self,
        section: usize,
        relocations: &[Relocation],
        targets: &Targets<'_>,
    ) -> Result<(), FallbackReason> {
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
        Ok(())
    }

    /// Leaves it to the linker to fail, and to say which variable it was, if the code is used at all: of
    /// what other crates bring along, most is not.
    fn or_unreachable(&mut self, rewritten: Option<()>, relocation: &Relocation, name: &[u8]) {
        if rewritten.is_none() {
            let name = [UNREACHABLE.as_bytes(), name].concat();
            let symbol = self.hidden(name);
            self.retarget(relocation, symbol, elf::R_X86_64_PC32, -4);
        }
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

    /// The address of a variable as a word of the file.
    fn written_address(
        &mut self,
        relocation: &Relocation,
        variable: Variable<'_>,
        offset: i64,
    ) -> Option<()> {
        match variable.target {
            Target::Program(host) => {
                let symbol = self.absolute(host, offset)?;
                self.retarget(relocation, symbol, elf::R_X86_64_64, 0);
            }
            Target::Library(lent) if !lent.is_thread_local => {
                let symbol = self.lent(lent);
                self.retarget(relocation, symbol, elf::R_X86_64_64, offset);
            }
            Target::Library(_) => return None,
        }
        Some(())
    }

    /// Calls a function of the program by way of a jump that is near.
    fn by_jump(&mut self, relocation: &Relocation, address: u64, offset: i64) -> Option<()> {
        if offset != 0 {
            return None;
        }
        let name = format!("hot_thin_jump_{address:x}").into_bytes();
        self.wanted.jumps.insert(name.clone(), address);
        let symbol = self.hidden(name);
        self.retarget(relocation, symbol, elf::R_X86_64_PLT32, -4);
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
        let place = format!("{}_{start:x}", self.label);
        let goes_on_elsewhere = scratch == Scratch::R11;
        let back = (!goes_on_elsewhere).then(|| format!("hot_thin_back_{place}").into_bytes());
        if let Some(back) = &back {
            self.new_symbol(NewSymbol {
                name: back.clone(),
                place: Some((section, instruction.end as u64, 0)),
                is_thread_local: false,
                is_hidden: true,
            });
        }
        let name = format!("hot_thin_detour_{place}").into_bytes();
        let detour = Detour {
            instruction: moved,
            scratch,
            operand,
            back,
        };
        self.wanted.detours.insert(name.clone(), detour);
        let symbol = self.hidden(name);
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

    /// The index of a symbol that stands for the address of a variable of the program, plus `offset`.
    fn absolute(&mut self, host: &HostSymbol, offset: i64) -> Option<u32> {
        let (Place::Data(address) | Place::Code(address)) = host.place else {
            return None;
        };
        let address = address.wrapping_add_signed(offset);
        let name = format!("hot_thin_{address:x}").into_bytes();
        self.wanted.absolutes.insert(name.clone(), address);
        Some(self.hidden(name))
    }

    /// The index of a symbol that stands for a word with the address of a library's variable, plus `offset`.
    fn word(&mut self, lent: &Lent, offset: i64) -> u32 {
        let name = word_name(lent, offset);
        let word = Word {
            symbol: lent.export.clone(),
            offset,
        };
        self.wanted.words.insert(name.clone(), word);
        self.hidden(name)
    }

    /// The index of the symbol that a library exports a variable as.
    fn lent(&mut self, lent: &Lent) -> u32 {
        self.new_symbol(NewSymbol {
            name: lent.export.clone(),
            place: None,
            is_thread_local: lent.is_thread_local,
            is_hidden: false,
        })
    }

    fn hidden(&mut self, name: Vec<u8>) -> u32 {
        self.new_symbol(NewSymbol {
            name,
            place: None,
            is_thread_local: false,
            is_hidden: true,
        })
    }

    fn new_symbol(&mut self, symbol: NewSymbol) -> u32 {
        let known = self.new_symbols.iter().position(|known| *known == symbol);
        let index = known.unwrap_or_else(|| {
            self.new_symbols.push(symbol);
            self.new_symbols.len() - 1
        });
        (self.object.symbols.len() + index) as u32
    }

    fn retarget(
        &mut self,
        relocation: &Relocation,
        symbol: u32,
        kind: elf::RelocationType,
        addend: i64,
    ) {
        let info = u64::from(symbol) << 32 | u64::from(kind.0);
        self.put_u64(relocation.at + 8, info);
        self.put_u64(relocation.at + 16, addend.cast_unsigned());
    }

    fn no_relocation(&mut self, relocation: &Relocation) {
        self.put_u64(relocation.at + 8, u64::from(elf::R_X86_64_NONE.0));
        self.put_u64(relocation.at + 16, 0);
    }

    fn put_i32(&mut self, at: usize, value: i64) -> bool {
        let value = i32::try_from(value);
        if let Ok(value) = value {
            self.bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        value.is_ok()
    }

    fn put_u64(&mut self, at: usize, value: u64) {
        self.bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }

    /// The file with the new symbols: both tables, grown, go to the end of it.
    fn finish(mut self) -> Result<Vec<u8>, FallbackReason> {
        if self.new_symbols.is_empty() {
            return Ok(self.bytes);
        }
        if self.object.has_extended_indexes {
            return Err(FallbackReason::UnreachableStatic {
                symbol: String::from_utf8_lossy(&self.new_symbols[0].name).into_owned(),
            });
        }
        let strings = self.object.sections[self.object.string_section];
        let symbols = self.object.sections[self.object.symbol_section];
        let mut new_strings = self.object.bytes[strings.offset..][..strings.size].to_vec();
        let mut new_symbols = self.object.bytes[symbols.offset..][..symbols.size].to_vec();
        for symbol in &self.new_symbols {
            let kind = match (symbol.is_thread_local, symbol.place) {
                (true, _) => elf::STT_TLS,
                (false, Some((_, _, 1..))) => elf::STT_OBJECT,
                (false, _) => elf::STT_NOTYPE,
            };
            let visibility = match symbol.is_hidden {
                true => elf::STV_HIDDEN,
                false => elf::STV_DEFAULT,
            };
            let (section, value, size) = symbol.place.unwrap_or_default();
            let mut entry = [0; 24];
            entry[..4].copy_from_slice(&(new_strings.len() as u32).to_le_bytes());
            entry[4] = (elf::STB_GLOBAL.0 << 4) | kind.0;
            entry[5] = visibility.0;
            entry[6..8].copy_from_slice(&(section as u16).to_le_bytes());
            entry[8..16].copy_from_slice(&value.to_le_bytes());
            entry[16..].copy_from_slice(&size.to_le_bytes());
            new_symbols.extend_from_slice(&entry);
            new_strings.extend_from_slice(&symbol.name);
            new_strings.push(0);
        }
        self.append(self.object.string_section, &new_strings);
        self.append(self.object.symbol_section, &new_symbols);
        Ok(self.bytes)
    }

    fn append(&mut self, section: usize, content: &[u8]) {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let offset = self.bytes.len() as u64;
        self.bytes.extend_from_slice(content);
        let header = self.object.section_header(section);
        self.put_u64(header + 24, offset);
        self.put_u64(header + 32, content.len() as u64);
    }
}

/// Begins the name of a symbol that is defined nowhere; the name of a variable follows.
pub(crate) const UNREACHABLE: &str = "hot_thin_unreachable_";

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

fn word_name(lent: &Lent, offset: i64) -> Vec<u8> {
    let mut name = format!("hot_thin_word_{offset:x}_").into_bytes();
    name.extend_from_slice(&lent.export);
    name
}

/// The distance of a place in a thread-local of the program from the thread pointer.
fn thread_offset(host: &HostSymbol, offset: i64) -> Option<i64> {
    match host.place {
        Place::ThreadLocal(start) => Some(i64::from(start) + offset),
        Place::Code(_) | Place::Data(_) => None,
    }
}

/// The address of a function of the program.
fn code_address(variable: Variable<'_>) -> Option<u64> {
    match variable.target {
        Target::Program(HostSymbol {
            place: Place::Code(address),
            ..
        }) => Some(*address),
        _ => None,
    }
}

fn not_elf(error: &object::Error) -> FallbackReason {
    FallbackReason::InputUnreadable {
        path: "an object of the crate".into(),
        problem: error.to_string(),
    }
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
}
