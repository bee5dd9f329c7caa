//! Leads what new code does with variables to the copies that the program has.
//!
//! The program and the library are too far apart for a relative address, so a reference to a variable
//! of the crate's own, which the compiler made relative, is changed in the object file: from "the
//! address is so far from here" to "the address is written in a table so far from here". A reference to a
//! thread-local of the program needs no call of the loader's, for its distance from the thread pointer is known.
//!
//! Which instructions that takes is the [`Processor`](super::processor::Processor)'s part. Here is what is the same
//! for all.

use std::collections::{BTreeMap, HashMap, HashSet};

use object::elf;

use super::host::{HostSymbol, Place};
use super::object_file::{ObjectFile, Relocation};
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

/// Code that stands in for an instruction elsewhere, and goes on behind that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Detour {
    pub(crate) code: Vec<u8>,
    pub(crate) references: Vec<Reference>,
}

/// What the code of a detour needs the linker for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    /// Where in the code.
    pub(crate) place: usize,
    pub(crate) symbol: Vec<u8>,
    pub(crate) kind: elf::RelocationType,
    pub(crate) addend: i64,
}

impl Detour {
    /// Has what is added to the code next refer to a symbol of this library.
    pub(super) fn refer(&mut self, symbol: Vec<u8>, kind: elf::RelocationType, addend: i64) {
        self.references.push(Reference {
            place: self.code.len(),
            symbol,
            kind,
            addend,
        });
    }
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
        let processor = object.processor;
        processor.rewrite(&mut patch, section, &relocations, &targets);
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
pub(super) struct Targets<'a> {
    /// By the index of the symbol, for those that are used by name.
    by_symbol: HashMap<usize, Variable<'a>>,
    /// By the index of the section, for those that are used by their place in it.
    by_section: HashMap<usize, Vec<(u64, Variable<'a>)>>,
}

/// A variable that is elsewhere, or a function of the program.
#[derive(Clone, Copy)]
pub(super) struct Variable<'a> {
    pub(super) name: &'a [u8],
    pub(super) target: &'a Target,
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

    /// How far the variables of a section are from where they were, if that is the same for all of them, and all of
    /// them are the program's.
    pub(super) fn distance_of_all(&self, object: &ObjectFile<'_>, section: usize) -> Option<u64> {
        let moved = self.by_section.get(&section)?;
        let variables = object
            .symbols
            .iter()
            .filter(|symbol| symbol.section == Some(section) && symbol.is_variable);
        let mut distances = variables.map(|symbol| {
            let mut moved = moved.iter().filter(|(start, _)| *start == symbol.value);
            let (start, variable) = moved.find(|(_, variable)| variable.name == symbol.name)?;
            match variable.target {
                Target::Program(HostSymbol {
                    place: Place::Data(address),
                    ..
                }) => Some(address.wrapping_sub(*start)),
                _ => None,
            }
        });
        let first = distances.next()??;
        distances
            .all(|distance| distance == Some(first))
            .then_some(first)
    }

    /// Any variable that a relocation may be about.
    pub(super) fn any_of(
        &self,
        object: &ObjectFile<'_>,
        relocation: &Relocation,
    ) -> Option<Variable<'a>> {
        if let Some(variable) = self.by_symbol.get(&relocation.symbol) {
            return Some(*variable);
        }
        let symbol = object.symbols.get(relocation.symbol)?;
        let (_, variable) = self.by_section.get(&symbol.section?)?.first()?;
        Some(*variable)
    }

    /// The variable that a relocation is about, and the offset in it. `bias` is the distance of the
    /// relocation's place from where the processor counts.
    pub(super) fn of(
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
        let within = |(start, variable): &(u64, Variable<'a>)| {
            let inside = place - i64::try_from(*start).ok()?;
            let size = i64::try_from(variable.target.size()).ok()?;
            (0..size).contains(&inside).then_some((*variable, inside))
        };
        variables.iter().find_map(within).or_else(|| {
            // Loops know a variable by its end, or by what would stand before it.
            let (start, variable) = sole(object, symbol.section?, variables)?;
            Some((variable, place - i64::try_from(start).ok()?))
        })
    }
}

/// The only variable of a section, if there is one: every place that is told by the section's is about it.
fn sole<'a>(
    object: &ObjectFile<'_>,
    section: usize,
    moved: &[(u64, Variable<'a>)],
) -> Option<(u64, Variable<'a>)> {
    let [(start, variable)] = *moved else {
        return None;
    };
    let mut own = object
        .symbols
        .iter()
        .filter(|symbol| symbol.section == Some(section) && !symbol.is_section);
    let is_alone = own.next().is_some_and(|symbol| symbol.is_variable) && own.next().is_none();
    is_alone.then_some((start, variable))
}

/// A file in the making.
pub(super) struct Patch<'a, 'data> {
    pub(super) object: &'a ObjectFile<'data>,
    label: &'a str,
    pub(super) bytes: Vec<u8>,
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
    /// Leaves it to the linker to fail, and to say which variable it was, if the code is used at all: of
    /// what other crates bring along, most is not.
    pub(super) fn or_unreachable(
        &mut self,
        rewritten: Option<()>,
        relocation: &Relocation,
        name: &[u8],
    ) {
        if rewritten.is_none() {
            let name = [UNREACHABLE.as_bytes(), name].concat();
            let symbol = self.hidden(name);
            let (kind, addend) = self.object.processor.distance();
            self.retarget(relocation, symbol, kind, addend);
        }
    }

    /// The address of a variable as a word of the file.
    pub(super) fn written_address(
        &mut self,
        relocation: &Relocation,
        variable: Variable<'_>,
        offset: i64,
    ) -> Option<()> {
        let kind = self.object.processor.address();
        match variable.target {
            Target::Program(host) => {
                let symbol = self.absolute(host, offset)?;
                self.retarget(relocation, symbol, kind, 0);
            }
            Target::Library(lent) if !lent.is_thread_local => {
                let symbol = self.lent(lent);
                self.retarget(relocation, symbol, kind, offset);
            }
            Target::Library(_) => return None,
        }
        Some(())
    }

    /// Calls a function of the program by way of a jump that is near.
    pub(super) fn by_jump(
        &mut self,
        relocation: &Relocation,
        address: u64,
        offset: i64,
    ) -> Option<()> {
        if offset != 0 {
            return None;
        }
        let name = format!("hot_thin_jump_{address:x}").into_bytes();
        self.wanted.jumps.insert(name.clone(), address);
        let symbol = self.hidden(name);
        let (kind, addend) = self.object.processor.call();
        self.retarget(relocation, symbol, kind, addend);
        Some(())
    }

    /// The index of a symbol that stands for the address of a variable of the program, plus `offset`.
    pub(super) fn absolute(&mut self, host: &HostSymbol, offset: i64) -> Option<u32> {
        let (Place::Data(address) | Place::Code(address)) = host.place else {
            return None;
        };
        let address = address.wrapping_add_signed(offset);
        let name = format!("hot_thin_{address:x}").into_bytes();
        self.wanted.absolutes.insert(name.clone(), address);
        Some(self.hidden(name))
    }

    /// The index of a symbol that stands for a word with the address of a library's variable, plus `offset`.
    pub(super) fn word(&mut self, lent: &Lent, offset: i64) -> u32 {
        let name = word_name(lent, offset);
        let word = Word {
            symbol: lent.export.clone(),
            offset,
        };
        self.wanted.words.insert(name.clone(), word);
        self.hidden(name)
    }

    /// The index of the symbol that a library exports a variable as.
    pub(super) fn lent(&mut self, lent: &Lent) -> u32 {
        self.new_symbol(NewSymbol {
            name: lent.export.clone(),
            place: None,
            is_thread_local: lent.is_thread_local,
            is_hidden: false,
        })
    }

    /// The name of a symbol for what is behind an instruction: that of the section which is at `start` in the
    /// file, and ends at `end` in the section.
    pub(super) fn back(&mut self, section: usize, start: usize, end: usize) -> Vec<u8> {
        let name = format!("hot_thin_back_{}_{start:x}", self.label).into_bytes();
        self.new_symbol(NewSymbol {
            name: name.clone(),
            place: Some((section, end as u64, 0)),
            is_thread_local: false,
            is_hidden: true,
        });
        name
    }

    /// The index of the symbol of a detour, for the instruction that is at `start` in the file.
    pub(super) fn detour(&mut self, start: usize, detour: Detour) -> u32 {
        let name = format!("hot_thin_detour_{}_{start:x}", self.label).into_bytes();
        self.wanted.detours.insert(name.clone(), detour);
        self.hidden(name)
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

    pub(super) fn retarget(
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

    pub(super) fn no_relocation(&mut self, relocation: &Relocation) {
        // All processors call it by that number.
        self.put_u64(relocation.at + 8, u64::from(elf::R_X86_64_NONE.0));
        self.put_u64(relocation.at + 16, 0);
    }

    pub(super) fn put_u64(&mut self, at: usize, value: u64) {
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

pub(super) fn word_name(lent: &Lent, offset: i64) -> Vec<u8> {
    let mut name = format!("hot_thin_word_{offset:x}_").into_bytes();
    name.extend_from_slice(&lent.export);
    name
}

/// The distance of a place in a thread-local of the program from the thread pointer.
pub(super) fn thread_offset(host: &HostSymbol, offset: i64) -> Option<i64> {
    match host.place {
        Place::ThreadLocal(start) => Some(i64::from(start) + offset),
        Place::Code(_) | Place::Data(_) => None,
    }
}

/// The address of a function of the program.
pub(super) fn code_address(variable: Variable<'_>) -> Option<u64> {
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
