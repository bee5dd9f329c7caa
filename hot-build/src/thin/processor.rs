//! What differs from processor to processor: relocations, instructions, and where thread-locals are.
//!
//! Each processor is known on every machine, so that all of them are tested everywhere. The program that runs
//! has [one](Processor::OWN).

use std::fmt;

use object::elf;

use super::object_file::Relocation;
use super::rewrite::{Patch, Targets};

#[path = "processor/aarch64.rs"]
mod aarch64;
#[path = "processor/x86_64.rs"]
mod x86_64;

/// A processor that thin libraries are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Processor {
    X86_64,
    Aarch64,
}

/// A relocation that asks for something that all processors know, and what it adds to the symbol.
pub(crate) type Kind = (elf::RelocationType, i64);

impl Processor {
    /// That of the running program.
    pub(crate) const OWN: Self = match cfg!(target_arch = "aarch64") {
        true => Self::Aarch64,
        false => Self::X86_64,
    };

    /// The processor that files for this machine are for.
    pub(crate) fn of(machine: elf::Machine) -> Option<Self> {
        match machine {
            elf::EM_X86_64 => Some(Self::X86_64),
            elf::EM_AARCH64 => Some(Self::Aarch64),
            _ => None,
        }
    }

    /// What its files say that they are for.
    pub(crate) fn machine(self) -> elf::Machine {
        match self {
            Self::X86_64 => elf::EM_X86_64,
            Self::Aarch64 => elf::EM_AARCH64,
        }
    }

    /// What linkers call it.
    pub(crate) fn emulation(self) -> &'static str {
        match self {
            Self::X86_64 => "elf_x86_64",
            Self::Aarch64 => "aarch64linux",
        }
    }

    /// A word with an address.
    pub(crate) fn address(self) -> elf::RelocationType {
        match self {
            Self::X86_64 => elf::R_X86_64_64,
            Self::Aarch64 => elf::R_AARCH64_ABS64,
        }
    }

    /// Four bytes with the distance of an address.
    pub(crate) fn distance(self) -> Kind {
        match self {
            Self::X86_64 => (elf::R_X86_64_PC32, -4),
            Self::Aarch64 => (elf::R_AARCH64_PREL32, 0),
        }
    }

    /// A call, or a jump to a function. It reaches all of a library, but not the program.
    pub(crate) fn call(self) -> Kind {
        match self {
            Self::X86_64 => (elf::R_X86_64_PLT32, -4),
            Self::Aarch64 => (elf::R_AARCH64_CALL26, 0),
        }
    }

    /// Whether what such a relocation is about may be called by a relative address.
    pub(crate) fn may_call(self, kind: u32) -> bool {
        let kind = elf::RelocationType(kind);
        match self {
            Self::X86_64 => matches!(kind, elf::R_X86_64_PLT32 | elf::R_X86_64_PC32),
            Self::Aarch64 => matches!(kind, elf::R_AARCH64_CALL26 | elf::R_AARCH64_JUMP26),
        }
    }

    /// How many bytes a relocation of loaded content writes.
    pub(crate) fn width(self, kind: u32) -> usize {
        let kind = elf::RelocationType(kind);
        let is_word = match self {
            Self::X86_64 => kind == elf::R_X86_64_64,
            Self::Aarch64 => matches!(kind, elf::R_AARCH64_ABS64 | elf::R_AARCH64_PREL64),
        };
        if is_word { 8 } else { 4 }
    }

    /// A jump to an address, however far.
    pub(crate) fn far_jump(self, address: u64) -> [u8; 16] {
        let before = match self {
            Self::X86_64 => x86_64::BEFORE_FAR_ADDRESS,
            Self::Aarch64 => aarch64::BEFORE_FAR_ADDRESS,
        };
        let mut code = [0; 16];
        code[..8].copy_from_slice(&before);
        code[8..].copy_from_slice(&address.to_le_bytes());
        code
    }

    /// Where the program's block of thread-locals begins, seen from the thread pointer, in every thread. The
    /// block is in the file at `address`, with this size and alignment.
    pub(crate) fn thread_block(self, address: u64, size: u64, align: u64) -> i64 {
        match self {
            Self::X86_64 => x86_64::thread_block(address, size, align),
            Self::Aarch64 => aarch64::thread_block(address, align),
        }
    }

    /// Leads what a section does with the targets to where those are.
    pub(super) fn rewrite(
        self,
        patch: &mut Patch<'_, '_>,
        section: usize,
        relocations: &[Relocation],
        targets: &Targets<'_>,
    ) {
        match self {
            Self::X86_64 => patch.section_of_x86_64(section, relocations, targets),
            Self::Aarch64 => patch.section_of_aarch64(section, relocations, targets),
        }
    }
}

impl fmt::Display for Processor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::X86_64 => "x86-64",
            Self::Aarch64 => "aarch64",
        })
    }
}
