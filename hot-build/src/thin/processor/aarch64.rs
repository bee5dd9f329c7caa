//! The code of aarch64.
//!
//! An address is made in two steps: `adrp` loads its page, by the distance from here, and a second instruction adds
//! the bits within the page, or loads or stores there. Compilers are free to put other instructions between the two,
//! and to have one page serve several. So each step is led on its own: the page is loaded in a detour, where it is
//! written as a whole, and the bits within it are those of the new address.

use object::elf;

use super::super::host::{HostSymbol, Place};
use super::super::object_file::Relocation;
use super::super::rewrite::{
    Detour, Patch, Targets, Variable, code_address, thread_offset, word_name,
};
use super::super::statics::Target;

/// The block follows what the system keeps at the thread pointer, with the alignment that it has in the file.
pub(super) fn thread_block(address: u64, align: u64) -> i64 {
    let padding = address.wrapping_sub(KEPT_BY_SYSTEM) & (align - 1);
    (KEPT_BY_SYSTEM + padding) as i64
}

const KEPT_BY_SYSTEM: u64 = 16;

/// `ldr x16, 8; br x16`, in a register that is nobody's between a call and the function. The address follows.
pub(super) const BEFORE_FAR_ADDRESS: [u8; 8] = [0x50, 0, 0, 0x58, 0, 0x02, 0x1f, 0xd6];

impl Patch<'_, '_> {
    /// Leads what a section does with the targets to where those are.
    pub(super) fn section_of_aarch64(
        &mut self,
        section: usize,
        relocations: &[Relocation],
        targets: &Targets<'_>,
    ) {
        let pages: Vec<PageUse<'_>> = relocations
            .iter()
            .filter(|relocation| is_page(relocation))
            .filter_map(|relocation| self.page_use(section, relocation, targets))
            .collect();
        for relocation in relocations {
            let Some(some) = targets.any_of(self.object, relocation) else {
                continue;
            };
            let found = targets.of(self.object, relocation, 0);
            let rewritten = match found {
                _ if is_relative(relocation) && self.is_apart(relocation, targets) => None,
                Some((variable, offset)) => self.led(section, relocation, variable, offset, &pages),
                None => self.is_about_another(relocation).then_some(()),
            };
            self.or_unreachable(rewritten, relocation, some.name);
        }
    }

    /// Leads one instruction, or one word, to a variable.
    fn led(
        &mut self,
        section: usize,
        relocation: &Relocation,
        variable: Variable<'_>,
        offset: i64,
        pages: &[PageUse<'_>],
    ) -> Option<()> {
        match elf::RelocationType(relocation.kind) {
            elf::R_AARCH64_ADR_PREL_PG_HI21 | elf::R_AARCH64_ADR_PREL_PG_HI21_NC => {
                self.page(section, relocation, variable, offset)
            }
            _ if is_within_page(relocation) => {
                self.within_page(section, relocation, variable, offset, pages)
            }
            elf::R_AARCH64_ADR_GOT_PAGE => {
                let of_word = elf::R_AARCH64_ADR_PREL_PG_HI21;
                self.of_table(relocation, variable, offset, of_word)
            }
            elf::R_AARCH64_LD64_GOT_LO12_NC => {
                let of_word = elf::R_AARCH64_LDST64_ABS_LO12_NC;
                self.of_table(relocation, variable, offset, of_word)
            }
            elf::R_AARCH64_TLSDESC_ADR_PAGE21
            | elf::R_AARCH64_TLSDESC_LD64_LO12
            | elf::R_AARCH64_TLSDESC_ADD_LO12
            | elf::R_AARCH64_TLSDESC_CALL => {
                self.described_thread_local(section, relocation, variable, offset)
            }
            elf::R_AARCH64_TLSIE_ADR_GOTTPREL_PAGE21
            | elf::R_AARCH64_TLSIE_LD64_GOTTPREL_LO12_NC => {
                self.offset_from_table(section, relocation, variable, offset)
            }
            elf::R_AARCH64_ABS64 => self.written_address(relocation, variable, offset),
            elf::R_AARCH64_CALL26 | elf::R_AARCH64_JUMP26 => {
                let address = code_address(variable)?;
                self.by_jump(relocation, address, offset)
            }
            _ => None,
        }
    }

    /// `adrp reg, variable` is done elsewhere, where the page of a variable of the program is written. Where that of
    /// a library's variable is, only the system's loader knows: the register gets the whole address then, and what
    /// would add the bits within the page [adds none](Self::within_page).
    fn page(
        &mut self,
        section: usize,
        relocation: &Relocation,
        variable: Variable<'_>,
        offset: i64,
    ) -> Option<()> {
        let register = self.register_of_page(section, relocation)?;
        let start = self.object.sections[section].offset + relocation.offset;
        let back = self.back(section, start, relocation.offset + 4);
        let mut detour = Detour::default();
        match variable.target {
            Target::Program(HostSymbol {
                place: Place::Data(address) | Place::Code(address),
                ..
            }) => {
                let page = address.wrapping_add_signed(offset) & !WITHIN_PAGE;
                add(&mut detour, LOAD_FOLLOWING | register);
                detour.refer(back, elf::R_AARCH64_JUMP26, 0);
                add(&mut detour, JUMP);
                detour.code.extend_from_slice(&page.to_le_bytes());
            }
            Target::Library(lent) if !lent.is_thread_local => {
                self.word(lent, offset);
                let word = word_name(lent, offset);
                detour.refer(word.clone(), elf::R_AARCH64_ADR_PREL_PG_HI21, 0);
                add(&mut detour, PAGE | register);
                detour.refer(word, elf::R_AARCH64_LDST64_ABS_LO12_NC, 0);
                add(&mut detour, LOAD | register << BASE | register);
                detour.refer(back, elf::R_AARCH64_JUMP26, 0);
                add(&mut detour, JUMP);
            }
            _ => return None,
        }
        let symbol = self.detour(start, detour);
        self.put_instruction(section, relocation, JUMP);
        self.retarget(relocation, symbol, elf::R_AARCH64_JUMP26, 0);
        Some(())
    }

    /// The bits of an address within its page, in an instruction that adds them, or loads or stores there.
    fn within_page(
        &mut self,
        section: usize,
        relocation: &Relocation,
        variable: Variable<'_>,
        offset: i64,
        pages: &[PageUse<'_>],
    ) -> Option<()> {
        match variable.target {
            Target::Program(host) => {
                let symbol = self.absolute(host, offset)?;
                let kind = elf::RelocationType(relocation.kind);
                self.retarget(relocation, symbol, kind, 0);
            }
            Target::Library(_) => {
                // The register must hold this very address, and not that of something else on the page.
                let instruction = self.instruction(section, relocation)?;
                let is_certain = pages.iter().any(|page| {
                    let register = instruction >> BASE & REGISTER;
                    (page.name, page.offset, page.register) == (variable.name, offset, register)
                });
                is_certain.then_some(())?;
                self.put_instruction(section, relocation, instruction & !CONSTANT);
                self.no_relocation(relocation);
            }
        }
        Some(())
    }

    /// A step to where an address is written: for a variable of the program in the linker's table, which the
    /// instruction asks for already, and for a library's in a word of our own, which takes another relocation.
    fn of_table(
        &mut self,
        relocation: &Relocation,
        variable: Variable<'_>,
        offset: i64,
        of_word: elf::RelocationType,
    ) -> Option<()> {
        match variable.target {
            Target::Program(host) => {
                let symbol = self.absolute(host, offset)?;
                let kind = elf::RelocationType(relocation.kind);
                self.retarget(relocation, symbol, kind, 0);
            }
            Target::Library(lent) if !lent.is_thread_local => {
                let symbol = self.word(lent, offset);
                self.retarget(relocation, symbol, of_word, 0);
            }
            Target::Library(_) => return None,
        }
        Some(())
    }

    /// One of the four instructions that call a function for the distance of a thread-local from the thread pointer.
    /// For one of the program the four become two that load the distance, and two that do nothing, each in its place
    /// as linkers do it. One of a library is asked for under its name there.
    fn described_thread_local(
        &mut self,
        section: usize,
        relocation: &Relocation,
        variable: Variable<'_>,
        offset: i64,
    ) -> Option<()> {
        let host = match variable.target {
            Target::Program(host) => host,
            Target::Library(lent) => {
                (lent.is_thread_local && offset == 0).then_some(())?;
                let symbol = self.lent(lent);
                let kind = elf::RelocationType(relocation.kind);
                self.retarget(relocation, symbol, kind, 0);
                return Some(());
            }
        };
        let value = u32::try_from(thread_offset(host, offset)?).ok()?;
        // adrp x0, ..; ldr .., [x0]; add x0, x0, ..; blr ..
        let (mask, expected, instead) = match elf::RelocationType(relocation.kind) {
            elf::R_AARCH64_TLSDESC_ADR_PAGE21 => (0x9f00_001f, PAGE, set_high_half(0, value)),
            elf::R_AARCH64_TLSDESC_LD64_LO12 => (0xffc0_03e0, LOAD, set_low_half(0, value)),
            elf::R_AARCH64_TLSDESC_ADD_LO12 => (0xffc0_03ff, 0x9100_0000, NOTHING),
            elf::R_AARCH64_TLSDESC_CALL => (0xffff_fc1f, 0xd63f_0000, NOTHING),
            _ => return None,
        };
        let is_usual = self.instruction(section, relocation)? & mask == expected;
        is_usual.then_some(())?;
        self.put_instruction(section, relocation, instead);
        self.no_relocation(relocation);
        Some(())
    }

    /// One of the two instructions that load the distance of a thread-local from a table: `adrp reg, ..; ldr reg,
    /// [reg, ..]`. For one of the program they load its halves. Only the program's are at one distance in every
    /// thread.
    fn offset_from_table(
        &mut self,
        section: usize,
        relocation: &Relocation,
        variable: Variable<'_>,
        offset: i64,
    ) -> Option<()> {
        let Target::Program(host) = variable.target else {
            return None;
        };
        let value = u32::try_from(thread_offset(host, offset)?).ok()?;
        let instruction = self.instruction(section, relocation)?;
        let register = instruction & REGISTER;
        let instead = match elf::RelocationType(relocation.kind) {
            elf::R_AARCH64_TLSIE_ADR_GOTTPREL_PAGE21 if instruction & PAGE_MASK == PAGE => {
                set_high_half(register, value)
            }
            elf::R_AARCH64_TLSIE_LD64_GOTTPREL_LO12_NC
                if instruction & !CONSTANT == LOAD | register << BASE | register =>
            {
                set_low_half(register, value)
            }
            _ => return None,
        };
        self.put_instruction(section, relocation, instead);
        self.no_relocation(relocation);
        Some(())
    }

    /// Whether the section of a variable is one in which the compiler laid several, to reach all of them by the
    /// address of one, and not all of them are that far from each other where they are now.
    fn is_apart(&self, relocation: &Relocation, targets: &Targets<'_>) -> bool {
        let symbol = self.object.symbols.get(relocation.symbol);
        let Some(section) = symbol.and_then(|symbol| symbol.section) else {
            return false;
        };
        let name = self.object.sections[section].name;
        let is_merged = name.windows(MERGED.len()).any(|part| part == MERGED);
        is_merged && targets.distance_of_all(self.object, section).is_none()
    }

    /// Whether a relocation by place is about something that stays where it is. What follows a variable directly may
    /// be its end.
    fn is_about_another(&self, relocation: &Relocation) -> bool {
        let symbol = self.object.symbols.get(relocation.symbol);
        let place = symbol.and_then(|symbol| symbol.value.checked_add_signed(relocation.addend));
        let (Some(symbol), Some(place)) = (symbol, place) else {
            return false;
        };
        if !symbol.is_section && relocation.addend == 0 {
            return true;
        }
        self.object.symbols.iter().any(|other| {
            other.section == symbol.section
                && (other.value..other.value.saturating_add(other.size)).contains(&place)
        })
    }

    fn page_use<'t>(
        &self,
        section: usize,
        relocation: &Relocation,
        targets: &Targets<'t>,
    ) -> Option<PageUse<'t>> {
        let (variable, offset) = targets.of(self.object, relocation, 0)?;
        Some(PageUse {
            name: variable.name,
            offset,
            register: self.register_of_page(section, relocation)?,
        })
    }

    /// The register that an `adrp` loads.
    fn register_of_page(&self, section: usize, relocation: &Relocation) -> Option<u32> {
        let instruction = self.instruction(section, relocation)?;
        (instruction & PAGE_MASK == PAGE).then_some(instruction & REGISTER)
    }

    /// The instruction that a relocation is for, as it was compiled.
    fn instruction(&self, section: usize, relocation: &Relocation) -> Option<u32> {
        let section = &self.object.sections[section];
        let is_inside = section.is_code() && relocation.offset + 4 <= section.size;
        let rest = self.object.bytes.get(section.offset + relocation.offset..);
        let bytes = rest.and_then(|rest| rest.first_chunk::<4>());
        bytes
            .filter(|_| is_inside)
            .map(|bytes| u32::from_le_bytes(*bytes))
    }

    fn put_instruction(&mut self, section: usize, relocation: &Relocation, instruction: u32) {
        let at = self.object.sections[section].offset + relocation.offset;
        self.bytes[at..at + 4].copy_from_slice(&instruction.to_le_bytes());
    }
}

/// An `adrp` of a variable that is elsewhere.
struct PageUse<'a> {
    name: &'a [u8],
    offset: i64,
    register: u32,
}

/// Whether it is the page of an address.
fn is_page(relocation: &Relocation) -> bool {
    matches!(
        elf::RelocationType(relocation.kind),
        elf::R_AARCH64_ADR_PREL_PG_HI21 | elf::R_AARCH64_ADR_PREL_PG_HI21_NC
    )
}

/// Whether it is the bits of an address within its page.
fn is_within_page(relocation: &Relocation) -> bool {
    matches!(
        elf::RelocationType(relocation.kind),
        elf::R_AARCH64_ADD_ABS_LO12_NC
            | elf::R_AARCH64_LDST8_ABS_LO12_NC
            | elf::R_AARCH64_LDST16_ABS_LO12_NC
            | elf::R_AARCH64_LDST32_ABS_LO12_NC
            | elf::R_AARCH64_LDST64_ABS_LO12_NC
            | elf::R_AARCH64_LDST128_ABS_LO12_NC
    )
}

/// Whether code may go on from that address to what it knows to be at some distance.
fn is_relative(relocation: &Relocation) -> bool {
    is_page(relocation) || is_within_page(relocation)
}

fn add(detour: &mut Detour, instruction: u32) {
    detour.code.extend_from_slice(&instruction.to_le_bytes());
}

/// `movz reg, #high, lsl #16`
fn set_high_half(register: u32, value: u32) -> u32 {
    0xd2a0_0000 | value >> 16 << 5 | register
}

/// `movk reg, #low`
fn set_low_half(register: u32, value: u32) -> u32 {
    0xf280_0000 | (value & 0xffff) << 5 | register
}

/// Is in the names of sections in which the compiler lays several variables.
const MERGED: &[u8] = b"_MergedGlobals";
/// The bits of an address within its page.
const WITHIN_PAGE: u64 = 0xfff;

/// `adrp x0, ..`
const PAGE: u32 = 0x9000_0000;
/// The bits that tell that it is one.
const PAGE_MASK: u32 = 0x9f00_0000;
/// `ldr x0, [x0]`
const LOAD: u32 = 0xf940_0000;
/// `ldr x0, 8`: what stands behind the next instruction.
const LOAD_FOLLOWING: u32 = 0x5800_0040;
/// `b ..`
const JUMP: u32 = 0x1400_0000;
const NOTHING: u32 = 0xd503_201f;
/// The bits of the register that an instruction writes.
const REGISTER: u32 = 0x1f;
/// Where the bits are of the register that an instruction counts from.
const BASE: u32 = 5;
/// The bits of what is added to that.
const CONSTANT: u32 = 0xfff << 10;

#[cfg(test)]
#[path = "aarch64/tests.rs"]
mod tests;
