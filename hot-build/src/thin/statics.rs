//! Whose variable each static and thread-local of new code is.
//!
//! A variable that the program has is the program's, and one that a thin library brought is that library's,
//! as long as both builds give it one type. Everyone else uses it there, at its one address.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object::LittleEndian;
use object::elf;
use object::read::elf::{FileHeader, Sym};

use super::host::{self, HostImage, HostSymbol, Place};
use super::object_file::{ObjectFile, Section, Symbol};
use crate::{ChangedStatic, FallbackReason, StaticComparison, StaticPair, StaticTypes};

/// Begins the name under which a library lends a variable of its own. The library's mark follows, then the
/// symbol's own name.
pub(crate) const LENT: &str = "hot_lent_";

/// A static or thread-local that new code defines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) name: Vec<u8>,
    pub(crate) size: u64,
    pub(crate) is_thread_local: bool,
    /// For one of a compiled crate that did not change: what tells its object from others. Two of one object
    /// have one type.
    pub(crate) object: Option<u64>,
    /// Whether code of its own object uses it. If so it is alive, and if not, perhaps.
    pub(crate) is_used: bool,
    /// Whether other objects can use it.
    is_visible: bool,
}

/// The variables that an object of new code defines.
///
/// # Errors
///
/// When the object is none.
pub(crate) fn variables(
    object: &ObjectFile<'_>,
    identity: Option<u64>,
) -> object::read::Result<Vec<Variable>> {
    let used = used_symbols(object)?;
    let is_variable = |symbol: &Symbol<'_>| {
        !symbol.name.is_empty()
            && symbol.is_defined
            && symbol.is_variable
            && symbol.size != 0
            && is_in_variables(object, symbol)
            && !is_of_the_build(symbol.name)
    };
    let symbols = object.symbols.iter().enumerate();
    let symbols = symbols.filter(|(_, symbol)| is_variable(symbol));
    Ok(symbols
        .map(|(index, symbol)| Variable {
            name: symbol.name.to_vec(),
            size: symbol.size,
            is_thread_local: symbol.is_thread_local,
            object: identity,
            is_used: used.contains(&Used::Symbol(index))
                || symbol
                    .section
                    .is_some_and(|section| used.contains(&Used::Section(section))),
            is_visible: !symbol.is_local,
        })
        .collect())
}

/// What code and data of an object refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Used {
    /// The symbol of that index.
    Symbol(usize),
    /// Something in the section of that index.
    Section(usize),
}

fn used_symbols(object: &ObjectFile<'_>) -> object::read::Result<HashSet<Used>> {
    let mut used = HashSet::new();
    for section in 0..object.sections.len() {
        let Some((_, relocations)) = object.relocations(section)? else {
            continue;
        };
        for relocation in relocations {
            used.insert(Used::Symbol(relocation.symbol));
            let symbol = object.symbols.get(relocation.symbol);
            let section = symbol.filter(|symbol| symbol.is_section);
            used.extend(section.and_then(|symbol| symbol.section).map(Used::Section));
        }
    }
    Ok(used)
}

/// Where a symbol of new code is that is not the new code's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// In the program.
    Program(HostSymbol),
    /// In a thin library.
    Library(Arc<Lent>),
}

impl Target {
    /// In bytes.
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::Program(symbol) => symbol.size,
            Self::Library(lent) => lent.size,
        }
    }

    /// The file of the library that it is in; `None` for the program.
    pub(crate) fn library(&self) -> Option<&Path> {
        match self {
            Self::Program(_) => None,
            Self::Library(lent) => Some(&lent.library),
        }
    }

    /// Whether it has the form of a variable.
    fn fits(&self, variable: &Variable) -> bool {
        let is_thread_local = match self {
            Self::Program(symbol) => matches!(symbol.place, Place::ThreadLocal(_)),
            Self::Library(lent) => lent.is_thread_local,
        };
        self.size() == variable.size && is_thread_local == variable.is_thread_local
    }
}

/// A variable of a thin library that other libraries use.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Lent {
    /// The file that the system loaded.
    pub(crate) library: PathBuf,
    /// The name under which the library exports it.
    pub(crate) export: Vec<u8>,
    /// For a thread-local: where it is in the library's block.
    pub(crate) offset: u64,
    pub(crate) size: u64,
    pub(crate) is_thread_local: bool,
    object: Option<u64>,
}

/// A thin library that was built in this process, and what it brought.
#[derive(Debug)]
pub(crate) struct BuiltLibrary {
    path: PathBuf,
    /// By the names of their symbols.
    statics: HashMap<Vec<u8>, Own>,
}

#[derive(Debug)]
struct Own {
    export: Vec<u8>,
    offset: u64,
    variable: Variable,
}

impl BuiltLibrary {
    /// A variable that it brought, given the file that was opened.
    fn lent(&self, name: &[u8], file: &Path) -> Option<Target> {
        let own = self.statics.get(name)?;
        Some(Target::Library(Arc::new(Lent {
            library: file.to_owned(),
            export: own.export.clone(),
            offset: own.offset,
            size: own.variable.size,
            is_thread_local: own.variable.is_thread_local,
            object: own.variable.object,
        })))
    }

    /// Reads from the library's file under which names and at which places it exports `own`. `None` if it
    /// brought nothing.
    pub(crate) fn read(
        path: &Path,
        mark: &str,
        own: Vec<Variable>,
    ) -> Result<Option<Self>, FallbackReason> {
        if own.is_empty() {
            return Ok(None);
        }
        let unreadable = |problem: String| FallbackReason::InputUnreadable {
            path: path.to_owned(),
            problem,
        };
        let bytes = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
        let exports = exports(&bytes, mark).map_err(|error| unreadable(error.to_string()))?;
        let mut statics = HashMap::new();
        for variable in own {
            // What the linker left out is used by nobody.
            if let Some(offset) = exports.get(&variable.name) {
                let own = Own {
                    export: exported_name(mark, &variable.name),
                    offset: *offset,
                    variable,
                };
                statics.insert(own.variable.name.clone(), own);
            }
        }
        Ok((!statics.is_empty()).then(|| Self {
            path: path.to_owned(),
            statics,
        }))
    }
}

/// The name under which the library of that mark exports a variable.
pub(crate) fn exported_name(mark: &str, name: &[u8]) -> Vec<u8> {
    [LENT.as_bytes(), mark.as_bytes(), b"_", name].concat()
}

/// The places of the variables that a library lends, by their own names.
fn exports(bytes: &[u8], mark: &str) -> object::read::Result<HashMap<Vec<u8>, u64>> {
    let header = elf::FileHeader64::<LittleEndian>::parse(bytes)?;
    let sections = header.sections(LittleEndian, bytes)?;
    let table = sections.symbols(LittleEndian, bytes, elf::SHT_DYNSYM)?;
    let prefix = exported_name(mark, b"");
    let mut exports = HashMap::new();
    for symbol in table.iter() {
        let is_defined = symbol.st_shndx(LittleEndian) != elf::SHN_UNDEF;
        let name = table.symbol_name(LittleEndian, symbol)?;
        if let Some(name) = name.strip_prefix(&*prefix).filter(|_| is_defined) {
            exports.insert(name.to_vec(), symbol.st_value(LittleEndian));
        }
    }
    Ok(exports)
}

/// Where each variable of new code is to be.
#[derive(Debug)]
pub(crate) struct Placement {
    variables: Vec<Placed>,
    /// Those that are still to be told apart by their types.
    namesakes: Vec<Namesakes>,
}

#[derive(Debug)]
struct Placed {
    variable: Variable,
    /// Those that it may be, the newest first.
    candidates: Vec<Candidate>,
    /// The candidate that it is to be. Beyond the last: a variable of the new code's own.
    chosen: usize,
    /// Whether the types are known to be one.
    is_compared: bool,
    /// How its type differs from that of the newest.
    change: Option<ChangedStatic>,
}

/// Variables that have one name in the source, and none of which has a symbol of before. A thread-local is
/// two, of which one is used.
#[derive(Debug)]
struct Namesakes {
    /// Their indexes.
    new: Vec<usize>,
    /// Those of before, of each owner that has any, the newest first.
    old: Vec<Vec<Candidate>>,
}

/// Symbols of new code, and the symbols of the variables whose places they took, where those are others.
pub(crate) type Renamed = HashMap<Vec<u8>, Vec<u8>>;

/// A variable whose place another may take.
#[derive(Clone, Debug)]
struct Candidate {
    /// The name of its symbol.
    name: Vec<u8>,
    target: Target,
}

/// The program, and the libraries that are part of it now.
struct Owners<'a> {
    host: &'a HostImage,
    /// The newest first, with the file that was opened.
    opened: Vec<(&'a BuiltLibrary, PathBuf)>,
}

impl Owners<'_> {
    /// The variables of that symbol, the newest first.
    fn of_name(&self, name: &[u8]) -> Result<Vec<Candidate>, host::Ambiguous> {
        let mut found: Vec<Target> = self
            .opened
            .iter()
            .filter_map(|(library, file)| library.lent(name, file))
            .collect();
        let of_program = self.host.lookup(name)?;
        let is_variable = |symbol: &HostSymbol| symbol.is_variable;
        found.extend(of_program.filter(is_variable).map(Target::Program));
        let candidate = |target| Candidate {
            name: name.to_vec(),
            target,
        };
        Ok(found.into_iter().map(candidate).collect())
    }

    /// The variables that are called so in the source, of each owner, the newest first.
    fn of_path(&self, path: &[u8]) -> Vec<Vec<Candidate>> {
        let of_library = |(library, file): &(&BuiltLibrary, PathBuf)| {
            let names = library.statics.keys();
            let names = names.filter(|name| host::path_of(name) == Some(path));
            let found = names.filter_map(|name| {
                Some(Candidate {
                    name: name.clone(),
                    target: library.lent(name, file)?,
                })
            });
            found.collect()
        };
        let of_program = self.host.variables_of_path(path).filter_map(|name| {
            Some(Candidate {
                name: name.to_vec(),
                target: Target::Program(self.host.find(name)?),
            })
        });
        let of_libraries = self.opened.iter().map(of_library);
        of_libraries.chain([of_program.collect()]).collect()
    }
}

impl Placement {
    /// Takes the newest of each name, of the program's and those of `libraries`, oldest first.
    pub(crate) fn new(
        variables: Vec<Variable>,
        host: &HostImage,
        libraries: &[BuiltLibrary],
        renamed: &Renamed,
        types: Option<&dyn StaticTypes>,
    ) -> Result<Self, FallbackReason> {
        let opened: Vec<(&BuiltLibrary, PathBuf)> = libraries
            .iter()
            .rev()
            .filter_map(|library| Some((library, types?.opened(&library.path)?)))
            .collect();
        // Whatever is not mapped any more would be loaded again, with its first values.
        let mapped = match opened.is_empty() {
            true => Vec::new(),
            false => host::mapped_files()?,
        };
        let owners = Owners {
            host,
            opened: opened
                .into_iter()
                .filter(|(_, file)| mapped.contains(file))
                .collect(),
        };
        let mut placed = Vec::with_capacity(variables.len());
        for variable in variables {
            let mut candidates = owners.of_name(&variable.name);
            if let (Ok([]), Some(old)) = (candidates.as_deref(), renamed.get(&variable.name)) {
                candidates = owners.of_name(old);
            }
            let candidates = candidates.map_err(|_ambiguous| {
                let name = String::from_utf8_lossy(&variable.name);
                unknown(&name, "the program has several of that name")
            })?;
            placed.push(Placed {
                variable,
                candidates,
                chosen: 0,
                is_compared: false,
                change: None,
            });
        }
        let mut placement = Self {
            variables: placed,
            namesakes: Vec::new(),
        };
        placement.find_by_path(&owners);
        Ok(placement)
    }

    /// Finds what has another symbol only because its type changed, or how its crate is compiled.
    fn find_by_path(&mut self, owners: &Owners<'_>) {
        let is_kept = |name: &[u8], placed: &[Placed]| {
            placed.iter().any(|placed| placed.variable.name == name)
        };
        let mut by_path: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
        for (index, placed) in self.variables.iter().enumerate() {
            let path = host::path_of(&placed.variable.name);
            let path = path.filter(|_| placed.candidates.is_empty());
            if let Some(path) = path.filter(|_| placed.variable.object.is_none()) {
                by_path.entry(path.to_vec()).or_default().push(index);
            }
        }
        for (path, indexes) in by_path {
            let mut found = owners.of_path(&path);
            for of_owner in &mut found {
                of_owner.retain(|candidate| !is_kept(&candidate.name, &self.variables));
            }
            found.retain(|of_owner| !of_owner.is_empty());
            let is_one_of_each = found.iter().all(|of_owner| of_owner.len() == 1);
            if let ([only], true) = (&indexes[..], is_one_of_each) {
                self.variables[*only].candidates = found.concat();
            } else if !found.is_empty() {
                self.namesakes.push(Namesakes {
                    new: indexes,
                    old: found,
                });
            }
        }
    }

    /// A variable of the program that new code has too, but not in its objects: optimisation saw that the new
    /// code only reads it, and took it for the constant that it begins with.
    pub(crate) fn folded(
        &self,
        library: &Path,
        host: &HostImage,
        types: &dyn StaticTypes,
    ) -> Option<String> {
        let known: HashSet<&[u8]> = self
            .variables
            .iter()
            .map(|placed| without_number(&placed.variable.name))
            .collect();
        let mut statics = types.statics_in(library).into_iter();
        statics.find(|symbol| {
            let is_variable = |found: HostSymbol| found.is_variable;
            let is_there = |name: &[u8]| host.find(name).is_some_and(is_variable);
            let first_part = format!("{symbol}.0");
            let in_program = is_there(symbol.as_bytes()) || is_there(first_part.as_bytes());
            in_program && !known.contains(symbol.as_bytes()) && !is_of_the_build(symbol.as_bytes())
        })
    }

    /// Variables that have another symbol than those whose places they took.
    pub(crate) fn renamed(&self) -> Renamed {
        let renamed = self.variables.iter().filter_map(|placed| {
            let old = &placed.candidates.get(placed.chosen)?.name;
            (*old != placed.variable.name).then(|| (placed.variable.name.clone(), old.clone()))
        });
        renamed.collect()
    }

    /// The variables that are not the new code's own.
    pub(crate) fn moved(&self) -> impl Iterator<Item = (&Variable, &Target)> {
        self.variables.iter().filter_map(|placed| {
            let candidate = placed.candidates.get(placed.chosen)?;
            Some((&placed.variable, &candidate.target))
        })
    }

    /// The variables that are the new code's own.
    pub(crate) fn own(&self) -> impl Iterator<Item = &Variable> {
        let own = |placed: &&Placed| placed.chosen == placed.candidates.len();
        self.variables
            .iter()
            .filter(own)
            .map(|placed| &placed.variable)
    }

    /// The variables that begin anew because their types changed.
    pub(crate) fn changed(&self) -> Vec<ChangedStatic> {
        let own = |placed: &&Placed| placed.chosen == placed.candidates.len();
        let anew = self.variables.iter().filter(own);
        let mut changed: Vec<_> = anew.filter_map(|placed| placed.change.clone()).collect();
        changed.sort_by(|one, other| one.name.cmp(&other.name));
        changed
    }

    /// Compares the types of what is shared, as they are in `library`, which was linked so. A variable whose
    /// type changed goes to an older one of its type, or becomes the new code's own; then the library has to
    /// be linked anew. Returns whether that is so.
    pub(crate) fn compare(
        &mut self,
        library: &Path,
        types: Option<&dyn StaticTypes>,
    ) -> Result<bool, FallbackReason> {
        let mut moved_on = false;
        loop {
            let mut by_owner: HashMap<Option<PathBuf>, Vec<usize>> = HashMap::new();
            for (index, placed) in self.variables.iter_mut().enumerate() {
                let Some(Candidate { target, .. }) = placed.candidates.get(placed.chosen) else {
                    continue;
                };
                let owner = target.library().map(Path::to_owned);
                placed.is_compared |= placed.variable.is_known_to_be(target);
                if !placed.is_compared {
                    by_owner.entry(owner).or_default().push(index);
                }
            }
            if by_owner.is_empty() {
                for namesakes in std::mem::take(&mut self.namesakes) {
                    if let Some(types) = types {
                        moved_on |= self.tell_apart(&namesakes, library, types);
                    }
                }
                return Ok(moved_on);
            }
            for (owner, indexes) in by_owner {
                moved_on |= self.compare_with(owner, &indexes, library, types)?;
            }
        }
    }

    /// Finds who of namesakes was who, by the types, in the newest owner that has one of them. Returns whether
    /// one was found.
    fn tell_apart(
        &mut self,
        namesakes: &Namesakes,
        library: &Path,
        types: &dyn StaticTypes,
    ) -> bool {
        let mut owners = namesakes.old.iter();
        owners.any(|old| self.find_among(&namesakes.new, old, library, types))
    }

    /// Finds who of `namesakes` was who of `candidates`, which are of one owner. Returns whether one was found.
    fn find_among(
        &mut self,
        namesakes: &[usize],
        candidates: &[Candidate],
        library: &Path,
        types: &dyn StaticTypes,
    ) -> bool {
        let new_name = |index: &usize| text(&self.variables[*index].variable.name);
        let new: Vec<String> = namesakes.iter().map(new_name).collect();
        let old: Vec<String> = candidates.iter().map(|old| text(&old.name)).collect();
        let pairs = new
            .iter()
            .flat_map(|new| old.iter().map(move |old| StaticPair { new, old }));
        let owner = candidates[0].target.library();
        let compared = types.compare(owner, library, &pairs.collect::<Vec<_>>());
        let is_same = |new: usize, old: usize| {
            let same = compared.get(new * candidates.len() + old) == Some(&StaticComparison::Same);
            let variable = &self.variables[namesakes[new]].variable;
            same && candidates[old].target.fits(variable)
        };
        let mut found = Vec::new();
        for (number, index) in namesakes.iter().enumerate() {
            let mut same = (0..old.len()).filter(|old| is_same(number, *old));
            if let (Some(only), None) = (same.next(), same.next())
                && (0..new.len()).filter(|new| is_same(*new, only)).count() == 1
            {
                found.push((*index, only));
            }
        }
        for (index, old) in &found {
            let placed = &mut self.variables[*index];
            placed.candidates = vec![candidates[*old].clone()];
            placed.is_compared = true;
        }
        let changes = compared.into_iter().filter_map(|compared| match compared {
            StaticComparison::Changed { name, change } => Some(ChangedStatic { name, change }),
            _ => None,
        });
        // The most alike of them tell what changed.
        let change = changes.min_by_key(|changed| changed.change.len());
        if let (true, Some(change)) = (found.is_empty(), change) {
            self.variables[namesakes[0]].change.get_or_insert(change);
        }
        !found.is_empty()
    }

    fn compare_with(
        &mut self,
        owner: Option<PathBuf>,
        indexes: &[usize],
        library: &Path,
        types: Option<&dyn StaticTypes>,
    ) -> Result<bool, FallbackReason> {
        let names = |index: &usize| {
            let placed = &self.variables[*index];
            (
                text(&placed.variable.name),
                text(&placed.candidates[placed.chosen].name),
            )
        };
        let names: Vec<(String, String)> = indexes.iter().map(names).collect();
        let pairs = names.iter().map(|(new, old)| StaticPair { new, old });
        let compared = match types {
            Some(types) => types.compare(owner.as_deref(), library, &pairs.collect::<Vec<_>>()),
            None => Vec::new(),
        };
        let mut moved_on = false;
        for (number, index) in indexes.iter().enumerate() {
            let placed = &mut self.variables[*index];
            let target = &placed.candidates[placed.chosen].target;
            let fits = target.fits(&placed.variable);
            let (name, change) = match compared.get(number) {
                Some(StaticComparison::Same) if fits => {
                    placed.is_compared = true;
                    continue;
                }
                Some(StaticComparison::Changed { name, change }) => (name.clone(), change.clone()),
                // Nobody misses the one that nobody uses.
                _ if !placed.variable.is_used && !placed.variable.is_visible => {
                    placed.chosen = placed.candidates.len();
                    continue;
                }
                Some(StaticComparison::Unknown { problem }) => {
                    return Err(unknown(&names[number].0, problem));
                }
                // A type is the same, and yet the variable is not: then the compiler changed its form.
                Some(StaticComparison::Same) => {
                    return Err(unknown(&names[number].0, "its size is another one"));
                }
                None => return Err(unknown(&names[number].0, "nobody compares it")),
            };
            placed.change.get_or_insert(ChangedStatic { name, change });
            placed.chosen += 1;
            moved_on = true;
        }
        Ok(moved_on)
    }
}

impl Variable {
    /// Whether it was compiled in the same run as the target, or has not changed since the program's.
    fn is_known_to_be(&self, target: &Target) -> bool {
        match target {
            Target::Program(symbol) => self.object.is_some() && symbol.size == self.size,
            Target::Library(lent) => self.object.is_some() && self.object == lent.object,
        }
    }
}

fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

fn unknown(symbol: &str, problem: &str) -> FallbackReason {
    FallbackReason::StaticTypeUnknown {
        symbol: symbol.to_owned(),
        problem: problem.to_owned(),
    }
}

fn is_in_variables(object: &ObjectFile<'_>, symbol: &Symbol<'_>) -> bool {
    symbol
        .section
        .and_then(|section| object.sections.get(section))
        .is_some_and(Section::holds_variables)
}

/// The name of the whole of a variable that optimisation left a part of.
fn without_number(name: &[u8]) -> &[u8] {
    let digits = name.iter().rev().take_while(|byte| byte.is_ascii_digit());
    let (whole, number) = name.split_at(name.len() - digits.count());
    match whole.strip_suffix(b".") {
        Some(whole) if !number.is_empty() => whole,
        _ => name,
    }
}

/// Begins the name of a pointer that the unwind tables use. Each library has its own.
pub(crate) const INDIRECT: &[u8] = b"DW.ref.";

/// Variables that tell of the very build they are part of: how its items register, and what its log
/// messages look like. Each build has its own.
fn is_of_the_build(name: &[u8]) -> bool {
    const PARTS: [&[u8]; 4] = [
        b"__HOT_",
        b"__hot_entry_is_missing__",
        b"CALLSITE",
        INDIRECT,
    ];
    PARTS
        .iter()
        .any(|part| name.windows(part.len()).any(|window| window == *part))
}
