//! Where each symbol that new code needs comes from.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use object::elf;

use super::archives::{Archives, Member, MemberId};
use super::host::{HostImage, HostSymbol, Place};
use super::object_file::ObjectFile;
use crate::FallbackReason;

/// What is linked, and against what.
#[derive(Debug, Default)]
pub(crate) struct Resolution {
    /// Symbols of the program.
    pub(crate) host: BTreeMap<Vec<u8>, HostSymbol>,
    /// Symbols that code calls by a relative address.
    pub(crate) called: HashSet<Vec<u8>>,
    /// Objects of other crates that are linked as well: of crates that changed, and those that define
    /// what the program was linked without.
    pub(crate) pulled: Vec<Pulled>,
}

/// An object of another crate.
#[derive(Debug)]
pub(crate) struct Pulled {
    pub(crate) member: Member,
    /// Whether the program has older code of it.
    pub(crate) is_changed: bool,
}

/// Resolves everything that `objects`, those of the crate, leave undefined: from the `changed` crates,
/// or else from the program, or else from the other `archives`. What is in none of them is left to the
/// libraries that the program has loaded.
pub(crate) fn resolve(
    objects: &[ObjectFile<'_>],
    changed: &Archives,
    host: &HostImage,
    archives: &Archives,
) -> Result<Resolution, FallbackReason> {
    let mut resolution = Resolution::default();
    // By the new code, and by members of unchanged crates: those yield to the program.
    let mut defined: HashSet<Vec<u8>> = HashSet::new();
    let mut defined_again: HashSet<Vec<u8>> = HashSet::new();
    let mut wanted: Vec<Vec<u8>> = Vec::new();
    let mut pulled: BTreeSet<(bool, MemberId)> = BTreeSet::new();
    let own_sections: HashSet<&[u8]> = objects
        .iter()
        .flat_map(|object| object.sections.iter().map(|section| section.name))
        .collect();
    for object in objects {
        take_in(object, &mut defined, &mut wanted, &mut resolution.called)?;
    }
    while let Some(name) = wanted.pop() {
        if defined.contains(&name)
            || resolution.host.contains_key(&name)
            || is_made_by_the_linker(&name, &own_sections)
        {
            continue;
        }
        let member = match changed.find(&name) {
            Some(id) => Some((changed, id, true)),
            None => {
                if let Some(symbol) = host.find(&name) {
                    resolution.host.insert(name, symbol);
                    continue;
                }
                if defined_again.contains(&name) {
                    continue;
                }
                archives.find(&name).map(|id| (archives, id, false))
            }
        };
        let Some((source, id, is_changed)) = member else {
            continue;
        };
        if !pulled.insert((is_changed, id)) {
            continue;
        }
        let mut member = source.read(id)?;
        if !is_changed {
            without_debug_info(&mut member)?;
        }
        let defines = if is_changed {
            &mut defined
        } else {
            &mut defined_again
        };
        take_in(
            &parse(&member)?,
            defines,
            &mut wanted,
            &mut resolution.called,
        )?;
        resolution.pulled.push(Pulled { member, is_changed });
    }
    // What a changed crate brought along may have been taken from the program before.
    resolution.host.retain(|name, _| !defined.contains(name));
    Ok(resolution)
}

/// What of `object` the program has too: variables, and if its code is the program's, functions. And
/// the program's thread-locals that it uses.
pub(crate) fn shared<'data>(
    object: &ObjectFile<'data>,
    host: &HostImage,
    is_the_programs_code: bool,
) -> Vec<(&'data [u8], HostSymbol)> {
    let mut shared = Vec::new();
    for symbol in &object.symbols {
        if symbol.name.is_empty() {
            continue;
        }
        if !symbol.is_defined {
            if let Some(found) = host.find(symbol.name)
                && matches!(found.place, Place::ThreadLocal(_))
            {
                shared.push((symbol.name, found));
            }
            continue;
        }
        if is_the_programs_code && symbol.is_function {
            if let Some(found) = host.find(symbol.name)
                && matches!(found.place, Place::Code(_))
            {
                shared.push((symbol.name, found));
            }
            continue;
        }
        let in_variables = symbol
            .section
            .and_then(|section| object.sections.get(section))
            .is_some_and(|section| section.holds_variables());
        if !symbol.is_variable || !in_variables || symbol.size == 0 || is_of_the_build(symbol.name)
        {
            continue;
        }
        if let Some(found) = host.find(symbol.name)
            && found.size == symbol.size
            && matches!(found.place, Place::ThreadLocal(_)) == symbol.is_thread_local
            && !matches!(found.place, Place::Code(_))
        {
            shared.push((symbol.name, found));
        }
    }
    shared
}

pub(crate) fn parse(member: &Member) -> Result<ObjectFile<'_>, FallbackReason> {
    ObjectFile::parse(&member.bytes).map_err(|error| FallbackReason::InputUnreadable {
        path: Path::new(&member.name).to_owned(),
        problem: error.to_string(),
    })
}

/// Variables that tell of the very build they are part of: how its items register, and what its log
/// messages look like. Each build has its own.
fn is_of_the_build(name: &[u8]) -> bool {
    const PARTS: [&[u8]; 4] = [
        b"__HOT_",
        b"__hot_entry_is_missing__",
        b"CALLSITE",
        b"DW.ref.",
    ];
    PARTS
        .iter()
        .any(|part| name.windows(part.len()).any(|window| window == *part))
}

/// Notes what an object defines, and what it wants defined.
fn take_in(
    object: &ObjectFile<'_>,
    defined: &mut HashSet<Vec<u8>>,
    wanted: &mut Vec<Vec<u8>>,
    called: &mut HashSet<Vec<u8>>,
) -> Result<(), FallbackReason> {
    for symbol in &object.symbols {
        if symbol.name.is_empty() || symbol.is_local || symbol.is_section {
            continue;
        }
        if symbol.is_defined {
            defined.insert(symbol.name.to_vec());
        } else {
            wanted.push(symbol.name.to_vec());
        }
    }
    for section in 0..object.sections.len() {
        let relocations =
            object
                .relocations(section)
                .map_err(|error| FallbackReason::InputUnreadable {
                    path: "an object of the crate".into(),
                    problem: error.to_string(),
                })?;
        for relocation in relocations
            .map(|(_, relocations)| relocations)
            .unwrap_or_default()
        {
            let kind = elf::RelocationType(relocation.kind);
            if (kind == elf::R_X86_64_PLT32 || kind == elf::R_X86_64_PC32)
                && let Some(symbol) = object.symbols.get(relocation.symbol)
                && !symbol.is_defined
                && !called.contains(symbol.name)
            {
                called.insert(symbol.name.to_vec());
            }
        }
    }
    // The unwind tables name one function, and name it by a relative address.
    called.insert(b"rust_eh_personality".to_vec());
    Ok(())
}

/// Whether the linker defines a symbol for each library it makes.
///
/// The bounds of a section are such symbols. Those of a slice that the crate itself declares are the
/// library's own, so that it finds the items of the new code; those of slices declared elsewhere are
/// the program's.
fn is_made_by_the_linker(name: &[u8], own_sections: &HashSet<&[u8]>) -> bool {
    const NAMES: [&[u8]; 8] = [
        b"_GLOBAL_OFFSET_TABLE_",
        b"_DYNAMIC",
        b"__dso_handle",
        b"__ehdr_start",
        b"__executable_start",
        b"__bss_start",
        b"_edata",
        b"_end",
    ];
    let section = name
        .strip_prefix(b"__start_")
        .or_else(|| name.strip_prefix(b"__stop_"));
    match section {
        Some(section) => match section.strip_prefix(b"linkme_") {
            // linkme puts a mark where the slice is declared.
            Some(slice) => own_sections.contains(&[b"linkm2_", slice].concat()[..]),
            None => own_sections.contains(section),
        },
        None => NAMES.contains(&name),
    }
}

/// Has the linker leave out the debug information of a member: that of std alone is 20 MB.
fn without_debug_info(member: &mut Member) -> Result<(), FallbackReason> {
    let object = parse(member)?;
    let places: Vec<(usize, u64)> = object
        .sections
        .iter()
        .enumerate()
        .filter(|(_, section)| section.name.starts_with(b".debug_"))
        .map(|(index, section)| (object.section_header(index) + 8, section.flags))
        .collect();
    for (place, flags) in places {
        let flags = flags | elf::SHF_EXCLUDE.0;
        member.bytes[place..place + 8].copy_from_slice(&flags.to_le_bytes());
    }
    Ok(())
}
