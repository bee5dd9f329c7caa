//! Who has variables that new code can use: the program, and the thin libraries before it.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use object::LittleEndian;
use object::elf;
use object::read::elf::{FileHeader, Sym};

use super::super::host::{self, HostImage, HostSymbol, Place};
use super::super::symbol_path::path_of;
use super::{InitialValue, Variable};
use crate::{FallbackReason, StaticTypes};

/// Begins the name under which a library lends a variable of its own. The library's mark follows, then the
/// symbol's own name.
const LENT: &str = "hot_lent_";

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
    pub(super) fn fits(&self, variable: &Variable) -> bool {
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
    pub(super) object: Option<u64>,
    /// What it begins with.
    pub(super) initial: InitialValue,
}

#[cfg(test)]
impl Lent {
    /// A variable of a library that does not exist.
    pub(crate) fn of_nowhere(export: &[u8], size: u64, is_thread_local: bool) -> Self {
        Self {
            library: PathBuf::from("/nowhere/libthin.so"),
            export: export.to_vec(),
            offset: 0,
            size,
            is_thread_local,
            object: None,
            initial: InitialValue(0),
        }
    }
}

/// A thin library that was built in this process, and what it brought.
#[derive(Debug)]
pub(crate) struct BuiltLibrary {
    path: PathBuf,
    /// Open, so that what is in it is there when somebody deletes it.
    file: File,
    /// By the names of their symbols.
    statics: HashMap<Vec<u8>, Own>,
    /// Their names by their [`path_of`]: made when the first is looked for that way.
    by_path: OnceLock<HashMap<Vec<u8>, Vec<Vec<u8>>>>,
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
            initial: own.variable.initial,
        })))
    }

    fn candidate(&self, name: &[u8], file: &Path) -> Option<Candidate> {
        Some(Candidate {
            name: name.to_vec(),
            target: self.lent(name, file)?,
        })
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
        let open = || {
            let mut file = File::open(path)?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok((file, bytes))
        };
        let (file, bytes) = open().map_err(|error: io::Error| unreadable(error.to_string()))?;
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
            file,
            statics,
            by_path: OnceLock::new(),
        }))
    }

    /// The names of the variables that are called so in the source.
    fn of_path(&self, path: &[u8]) -> impl Iterator<Item = &[u8]> {
        let by_path = self.by_path.get_or_init(|| {
            let mut by_path: HashMap<_, Vec<Vec<u8>>> = HashMap::new();
            for name in self.statics.keys() {
                if let Some(path) = path_of(name) {
                    let names = by_path.entry(path.into_owned()).or_default();
                    names.push(name.clone());
                }
            }
            by_path
        });
        let names = by_path.get(path).into_iter().flatten();
        names.map(Vec::as_slice)
    }

    /// Where it is loaded from. `None` if it never was, so that nobody has seen its variables.
    fn find(
        &self,
        types: &dyn StaticTypes,
        mapped: &[PathBuf],
    ) -> Option<Result<PathBuf, LostLibrary>> {
        let opened = types.opened(&self.path)?;
        if mapped.contains(&opened) {
            return Some(Ok(opened));
        }
        let mut deleted = OsString::from(&opened);
        deleted.push(" (deleted)");
        let lost = |problem: String| LostLibrary {
            library: self.path.clone(),
            problem,
        };
        if !mapped.contains(&PathBuf::from(deleted)) {
            // Named as needed, it would be loaded once more.
            return Some(Err(lost("it is not loaded any more".into())));
        }
        // The loader knows it by its name, and does not look at the file; but who links and compares types does.
        Some(match self.restore(&opened) {
            Ok(()) => Ok(opened),
            Err(error) => Err(lost(format!("its file was deleted ({error})"))),
        })
    }

    /// Writes it once more, under the name that it was loaded by.
    fn restore(&self, opened: &Path) -> io::Result<()> {
        if let Some(directory) = opened.parent() {
            fs::create_dir_all(directory)?;
        }
        let whole = opened.with_extension("restored");
        let mut from = &self.file;
        from.rewind()?;
        io::copy(&mut from, &mut File::create(&whole)?)?;
        fs::rename(&whole, opened)
    }
}

/// The name under which the library of that mark exports a variable.
pub(crate) fn exported_name(mark: &str, name: &[u8]) -> Vec<u8> {
    [LENT.as_bytes(), mark.as_bytes(), b"_", name].concat()
}

/// Symbols of new code, and the symbols of the variables whose places they took, where those are others.
pub(crate) type Renamed = HashMap<Vec<u8>, Vec<u8>>;

/// A variable whose place another may take.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// The name of its symbol.
    pub(super) name: Vec<u8>,
    pub(super) target: Target,
}

/// A thin library whose variables cannot be had any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LostLibrary {
    pub(super) library: PathBuf,
    pub(super) problem: String,
}

/// The program, and the libraries that became part of it.
pub(super) struct Owners<'a> {
    host: &'a HostImage,
    /// The newest first, with the file that was opened.
    opened: Vec<(&'a BuiltLibrary, Result<PathBuf, LostLibrary>)>,
}

/// Whose a variable may be.
#[derive(Debug)]
pub(super) struct Found<T> {
    /// The newest first.
    pub(super) candidates: Vec<T>,
    /// The newest that has it, if that is lost. Nobody else has its value then.
    pub(super) lost: Option<LostLibrary>,
}

impl<T> Default for Found<T> {
    fn default() -> Self {
        Self {
            candidates: Vec::new(),
            lost: None,
        }
    }
}

impl<'a> Owners<'a> {
    /// The program, and those of `libraries`, oldest first, that were opened.
    pub(super) fn new(
        host: &'a HostImage,
        libraries: &'a [BuiltLibrary],
        types: Option<&dyn StaticTypes>,
    ) -> Result<Self, FallbackReason> {
        let mut opened = Vec::new();
        if let (Some(types), false) = (types, libraries.is_empty()) {
            let mapped = host::mapped_files()?;
            let newest_first = libraries.iter().rev();
            opened.extend(newest_first.filter_map(|library| {
                let found = library.find(types, &mapped)?;
                Some((library, found))
            }));
        }
        Ok(Self { host, opened })
    }

    /// The variables of that symbol.
    pub(super) fn of_name(&self, name: &[u8]) -> Result<Found<Candidate>, host::Ambiguous> {
        let mut found = Found::default();
        for (library, file) in &self.opened {
            match file {
                Ok(file) => found.candidates.extend(library.candidate(name, file)),
                Err(lost) if library.statics.contains_key(name) => {
                    found.lost = found.candidates.is_empty().then(|| lost.clone());
                    return Ok(found);
                }
                Err(_) => {}
            }
        }
        let of_program = self.host.lookup(name)?;
        let of_program = of_program.filter(|symbol| symbol.is_variable);
        found.candidates.extend(of_program.map(|symbol| Candidate {
            name: name.to_vec(),
            target: Target::Program(symbol),
        }));
        Ok(found)
    }

    /// The variables that are called so in the source, but for those whose symbols are `taken`, of each owner
    /// that has any.
    pub(super) fn of_path(
        &self,
        path: &[u8],
        taken: impl Fn(&[u8]) -> bool,
    ) -> Found<Vec<Candidate>> {
        let mut found = Found::default();
        let mut is_lost = false;
        for (library, file) in &self.opened {
            let mut names = library.of_path(path).filter(|name| !taken(name));
            match file {
                Ok(file) => {
                    let candidates = names.filter_map(|name| library.candidate(name, file));
                    found.candidates.push(candidates.collect());
                }
                Err(lost) if names.next().is_some() => {
                    let is_newest = found.candidates.iter().all(Vec::is_empty);
                    found.lost = is_newest.then(|| lost.clone());
                    is_lost = true;
                    break;
                }
                Err(_) => {}
            }
        }
        if !is_lost {
            let names = self.host.variables_of_path(path);
            let of_program = names.filter(|name| !taken(name)).filter_map(|name| {
                Some(Candidate {
                    name: name.to_vec(),
                    target: Target::Program(self.host.find(name)?),
                })
            });
            found.candidates.push(of_program.collect());
        }
        found.candidates.retain(|of_owner| !of_owner.is_empty());
        found
    }
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
