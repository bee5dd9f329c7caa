//! Where each symbol that new code needs comes from.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::BuildHasherDefault;
use std::path::Path;

use object::elf;

use super::archives::{Archives, Member, MemberId};
use super::host::{HostImage, HostSymbol, Identity, Place, hash};
use super::object_file::{ObjectFile, Symbol};
use super::statics::INDIRECT;
use crate::FallbackReason;

/// The routine that every frame of Rust names, which says where a panic ends.
pub(crate) const PERSONALITY: &[u8] = b"rust_eh_personality";

/// What is linked, and against what.
#[derive(Debug, Default)]
pub(crate) struct Resolution {
    /// Symbols of the program.
    pub(crate) host: BTreeMap<Vec<u8>, HostSymbol>,
    /// Symbols that code calls by a relative address.
    pub(crate) called: NameHashes,
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

/// What an object defines and what it needs, which is all that counts for where its symbols come from.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    defined: Vec<NameHash>,
    wanted: Vec<(NameHash, Vec<u8>)>,
    /// What is wanted by code that calls it by a relative address.
    called: Vec<NameHash>,
    /// Sections that the linker may be asked for the bounds of.
    sections: Vec<Vec<u8>>,
}

/// A [`hash`] of a symbol's name. Of 64 bits, for far fewer names than would make two of them meet.
pub(crate) type NameHash = u64;

/// Hashes of names, which are not hashed again.
pub(crate) type NameHashes = HashSet<NameHash, BuildHasherDefault<Identity>>;

/// Resolves everything that `objects`, those of the crate, leave undefined: from the `changed` crates,
/// or else from the program, or else from the other `archives`. What is in none of them is left to the
/// libraries that the program has loaded.
pub(crate) fn resolve<'a>(
    objects: impl Iterator<Item = &'a Needs>,
    changed: &'a Archives,
    host: &HostImage,
    archives: &Archives,
) -> Result<Resolution, FallbackReason> {
    let mut resolution = Resolution::default();
    // By the new code, and by members of unchanged crates: those yield to the program.
    let mut defined = NameHashes::default();
    let mut defined_again = NameHashes::default();
    let mut wanted: Vec<(NameHash, Cow<'a, [u8]>)> = Vec::new();
    // Looked up once, however many objects want it.
    let mut met = NameHashes::default();
    let mut pulled: BTreeSet<(bool, MemberId)> = BTreeSet::new();
    let mut own_sections: HashSet<Cow<'a, [u8]>> = HashSet::new();
    for needs in objects {
        defined.extend(&needs.defined);
        for (name_hash, name) in &needs.wanted {
            if met.insert(*name_hash) {
                wanted.push((*name_hash, Cow::Borrowed(name)));
            }
        }
        resolution.called.extend(&needs.called);
        own_sections.extend(needs.sections.iter().map(|name| Cow::Borrowed(&**name)));
    }
    while let Some((name_hash, name)) = wanted.pop() {
        if defined.contains(&name_hash) || is_made_by_the_linker(&name, &own_sections) {
            continue;
        }
        let member = match changed.find(&name) {
            Some(id) => Some((changed, id, true)),
            None => {
                let found = if is_of_rust(&name) {
                    host.find(&name)
                } else {
                    host.find_shared(&name)
                };
                if let Some(symbol) = found {
                    resolution.host.insert(name.into_owned(), symbol);
                    continue;
                }
                if defined_again.contains(&name_hash) {
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
        let needs = Needs::of(&parse(&member)?)?;
        if is_changed {
            defined.extend(&needs.defined);
            // The items of a hot crate register here too, for the loader to compare and to lead on to newer code.
            for init in changed.inits_beside(id) {
                let name_hash = hash(init);
                if met.insert(name_hash) {
                    wanted.push((name_hash, Cow::Borrowed(init)));
                }
            }
            let sections = needs.sections.into_iter();
            own_sections.extend(
                sections
                    .filter(|name| registers_items(name))
                    .map(Cow::Owned),
            );
        } else {
            defined_again.extend(&needs.defined);
        }
        resolution.called.extend(&needs.called);
        for (name_hash, name) in needs.wanted {
            if met.insert(name_hash) {
                wanted.push((name_hash, Cow::Owned(name)));
            }
        }
        resolution.pulled.push(Pulled { member, is_changed });
    }
    // What a changed crate brought along may have been taken from the program before.
    resolution.host.retain(|name, _| {
        !defined.contains(&hash(name)) && !is_made_by_the_linker(name, &own_sections)
    });
    Ok(resolution)
}

impl Needs {
    pub(crate) fn of(object: &ObjectFile<'_>) -> Result<Self, FallbackReason> {
        let mut needs = Self::default();
        for section in &object.sections {
            // Only names that are identifiers have bounds.
            if section.is_loaded() && !section.name.starts_with(b".") {
                needs.sections.push(section.name.to_vec());
            }
        }
        for symbol in &object.symbols {
            if symbol.name.is_empty() || symbol.is_local || symbol.is_section {
                continue;
            }
            if symbol.is_defined {
                needs.defined.push(hash(symbol.name));
            } else {
                let name_hash = hash(symbol.name);
                needs.wanted.push((name_hash, symbol.name.to_vec()));
            }
        }
        let mut called = vec![false; object.symbols.len()];
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
                if object.processor.may_call(relocation.kind)
                    && let Some(called) = called.get_mut(relocation.symbol)
                {
                    *called = true;
                }
            }
        }
        let undefined = object.symbols.iter().zip(called);
        let called = undefined.filter(|(symbol, called)| *called && !symbol.is_defined);
        needs.called = called.map(|(symbol, _)| hash(symbol.name)).collect();
        // The unwind tables name one function, and name it by a relative address.
        needs.called.push(hash(PERSONALITY));
        Ok(needs)
    }
}

/// What of `object` is the program's without question: thread-locals that are defined elsewhere, and if its
/// code is the program's, everything that has a name of its own and is in the program too.
pub(crate) fn shared<'data>(
    object: &ObjectFile<'data>,
    host: &HostImage,
    is_the_programs_code: bool,
) -> Vec<(&'data [u8], HostSymbol)> {
    let mut shared = Vec::new();
    for symbol in object
        .symbols
        .iter()
        .filter(|symbol| !symbol.name.is_empty())
    {
        if symbol.is_defined && (!is_the_programs_code || may_be_anyones(symbol)) {
            continue;
        }
        let Some(found) = host.find(symbol.name) else {
            continue;
        };
        let is_thread_local = matches!(found.place, Place::ThreadLocal(_));
        let is_shared = if !symbol.is_defined {
            is_thread_local
        } else if symbol.is_function {
            matches!(found.place, Place::Code(_))
        } else {
            symbol.is_variable
                && !symbol.name.starts_with(INDIRECT)
                && symbol.size != 0
                && found.size == symbol.size
                && is_thread_local == symbol.is_thread_local
                && !matches!(found.place, Place::Code(_))
        };
        if is_shared {
            shared.push((symbol.name, found));
        }
    }
    shared
}

/// Whether other objects may have something else of that name: what is `static` in C is known in its file alone.
pub(crate) fn may_be_anyones(symbol: &Symbol<'_>) -> bool {
    let name = symbol.name;
    let unnamed = b"_GLOBAL__N_";
    symbol.is_local
        && (!is_of_rust(name) || name.windows(unnamed.len()).any(|part| part == unnamed))
}

/// Whether a name is one that a compiler made, of a path: another thing has another.
fn is_of_rust(name: &[u8]) -> bool {
    const STARTS: [&[u8]; 3] = [b"_ZN", b"_R", b"_rust_extern_with_linkage_"];
    STARTS.iter().any(|start| name.starts_with(start))
}

pub(crate) fn parse(member: &Member) -> Result<ObjectFile<'_>, FallbackReason> {
    parse_object(&member.name, &member.bytes)
}

/// Parses the object file of that name.
pub(crate) fn parse_object<'data>(
    name: &str,
    bytes: &'data [u8],
) -> Result<ObjectFile<'data>, FallbackReason> {
    ObjectFile::parse(bytes).map_err(|error| FallbackReason::InputUnreadable {
        path: Path::new(name).to_owned(),
        problem: error.to_string(),
    })
}

/// Begins the name of the section that linkme makes where a slice is declared.
const DECLARES_A_SLICE: &[u8] = b"linkm2_";

/// Whether a section tells that a slice is declared in which the items of a hot crate register.
fn registers_items(section: &[u8]) -> bool {
    let slice = section.strip_prefix(DECLARES_A_SLICE);
    slice.is_some_and(|slice| slice.starts_with(b"__HOT_"))
}

/// Whether the linker defines a symbol for each library it makes.
///
/// The bounds of a section are such symbols. Those of a slice that the crate itself declares are the
/// library's own, so that it finds the items of the new code, and so are those of the items of other hot
/// crates that changed; those of slices declared elsewhere are the program's.
fn is_made_by_the_linker(name: &[u8], own_sections: &HashSet<Cow<'_, [u8]>>) -> bool {
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
            Some(slice) => own_sections.contains(&[DECLARES_A_SLICE, slice].concat()[..]),
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

#[cfg(test)]
mod tests {
    use super::super::assembled;
    use super::*;

    /// What is local in its object, and has a name that others may have.
    macro_rules! local {
        () => {
            ".pushsection .data.hot_local_of_the_test, \"awR\", @progbits\n\
             .type hot_local_of_the_test, @object\n\
             hot_local_of_the_test: .quad 7\n\
             .size hot_local_of_the_test, 8\n\
             .popsection"
        };
    }

    std::arch::global_asm!(local!());
    std::arch::global_asm!(
        ".pushsection .data.hot_hidden_of_the_test, \"awR\", @progbits",
        ".globl hot_hidden_of_the_test",
        ".hidden hot_hidden_of_the_test",
        ".type hot_hidden_of_the_test, @object",
        "hot_hidden_of_the_test: .quad 8",
        ".size hot_hidden_of_the_test, 8",
        ".popsection"
    );

    /// What [`resolve`] takes from the program of two names, one of which the program knows in one file alone.
    #[test]
    fn what_is_static_in_c_is_not_taken_for_what_new_code_asks_for() {
        let host = HostImage::of_this_process().expect("this program can be read");
        let names = [
            &b"hot_local_of_the_test"[..],
            b"hot_hidden_of_the_test",
            b"rust_eh_personality",
        ];
        assert!(names.iter().all(|name| host.find(name).is_some()));
        let wanted = names.map(|name| (hash(name), name.to_vec()));
        let needs = Needs {
            wanted: wanted.into(),
            ..Needs::default()
        };
        let none = Archives::default();
        let resolution = resolve([&needs].into_iter(), &none, &host, &none).expect("it is told");
        let taken = |name| resolution.host.contains_key(name);
        let is_taken = names.map(taken);
        assert!(host.marks_hidden);
        assert_eq!(is_taken, [false, true, true]);
    }

    #[test]
    fn a_name_that_is_known_in_one_file_is_no_others() {
        let host = HostImage::of_this_process().expect("this program can be read");
        let name = b"hot_local_of_the_test";
        assert!(host.find(name).is_some_and(|symbol| symbol.is_variable));
        let bytes = assembled::object_of(local!());
        let object = ObjectFile::parse(&bytes).expect("an object");
        let symbol = object.symbols.iter().find(|symbol| symbol.name == name);
        let symbol = symbol.expect("it is in the object");
        assert!(symbol.is_variable && symbol.size == 8, "{symbol:?}");
        assert!(may_be_anyones(symbol));
        assert_eq!(shared(&object, &host, true), []);
        // The same name of a global is one thing.
        let global = Symbol {
            is_local: false,
            ..*symbol
        };
        assert!(!may_be_anyones(&global));
        let of_rust = Symbol {
            name: b"_ZN5scene5CALLS17hda512a97dd1fb467E",
            ..*symbol
        };
        assert!(!may_be_anyones(&of_rust));
        let of_cpp = Symbol {
            name: b"_ZN12_GLOBAL__N_15countE",
            ..*symbol
        };
        assert!(may_be_anyones(&of_cpp));
    }
}
