//! What was read of each file. A library is read once, though several want to know of it.

use super::behind::{Behind, Search};
use super::debug_info::{Bytes, MappedFile};
use super::unchanged::{self, Extent};
use super::{CrateSource, Layouts, Missing};
use gimli::Dwarf;
use hot_abi::registry::HotCrate;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;
use std::{env, fs};

/// The layouts of a crate in a file, or what keeps them from being read.
pub(super) type CrateLayouts = Result<Arc<Layouts>, Missing>;

/// What a file has to say of the layouts of each hot crate that is linked into the program.
pub(super) type LinkedLayouts = Vec<(&'static HotCrate, CrateLayouts)>;

/// The layouts of the hot crates in the program. They never change.
pub(super) static PROGRAM: LazyLock<LinkedLayouts> =
    LazyLock::new(|| linked(read_program(&linked_sources(), &Behind::default())));

/// The layouts of a crate in the program, which need not be a hot one, by its root file.
pub(super) fn of_program(root_file: &str) -> CrateLayouts {
    static OTHERS: Mutex<Option<HashMap<String, CrateLayouts>>> = Mutex::new(None);
    let mut hot = PROGRAM
        .iter()
        .filter(|(krate, _)| krate.root_file == root_file);
    // Of several crates of that root file each was given the units of all.
    if let Some((_, layouts)) = hot.next() {
        return layouts.clone();
    }
    let mut others = OTHERS.lock().unwrap_or_else(PoisonError::into_inner);
    let others = others.get_or_insert_default();
    if let Some(known) = others.get(root_file) {
        return known.clone();
    }
    let source = CrateSource {
        crate_name: "",
        root_file,
    };
    let layouts = read_program_crate(source, &Behind::default());
    others.insert(root_file.to_owned(), layouts.clone());
    layouts
}

/// The layouts of a crate in the program, with the types that a library puts behind trait objects, and the program does
/// not. `plain` are those without.
pub(super) fn beside(
    plain: Arc<Layouts>,
    source: CrateSource<'_>,
    library: &Layouts,
) -> CrateLayouts {
    static WIDER: Mutex<Vec<Wider>> = Mutex::new(Vec::new());
    let of_library = &library.crossing.behind;
    let wanted = of_library.without(&plain.crossing.behind);
    if wanted.is_empty() {
        return Ok(plain);
    }
    let mut wider = WIDER.lock().unwrap_or_else(PoisonError::into_inner);
    let known = wider.iter().position(|known| {
        (&*known.crate_name, &*known.root_file) == (source.crate_name, source.root_file)
    });
    let known = known.map(|at| wider.swap_remove(at));
    let known = match known {
        Some(known) if wanted.without(&known.asked).is_empty() => known,
        other => {
            let mut asked = other.map(|known| known.asked).unwrap_or_default();
            asked.add(&wanted);
            Wider::read(source, asked)
        }
    };
    let layouts = known.layouts.clone();
    wider.push(known);
    layouts
}

/// The layouts of a crate in the program, with types that were looked for by their names.
struct Wider {
    crate_name: String,
    root_file: String,
    /// What was looked for.
    asked: Behind,
    layouts: CrateLayouts,
}

impl Wider {
    fn read(source: CrateSource<'_>, asked: Behind) -> Wider {
        let layouts = read_program_crate(source, &asked);
        Wider {
            crate_name: source.crate_name.to_owned(),
            root_file: source.root_file.to_owned(),
            asked,
            layouts,
        }
    }
}

/// What any code puts behind trait objects that the program has, or a library that was compared with it.
static BEHIND: LazyLock<Mutex<Behind>> = LazyLock::new(|| {
    let mut behind = Behind::default();
    for (_, layouts) in PROGRAM.iter() {
        if let Ok(layouts) = layouts {
            behind.add(&layouts.crossing.behind);
        }
    }
    Mutex::new(behind)
});

/// Remembers what a library puts behind trait objects: libraries that are read later may take it from there.
pub(super) fn note_behind(library: &Layouts) {
    let mut behind = BEHIND.lock().unwrap_or_else(PoisonError::into_inner);
    behind.add(&library.crossing.behind);
}

fn behind() -> Behind {
    let behind = BEHIND.lock().unwrap_or_else(PoisonError::into_inner);
    behind.clone()
}

/// What a thin library has to say of the layouts of all the crates in it.
#[derive(Debug)]
pub(super) struct LibraryLayouts {
    pub(super) linked: LinkedLayouts,
    /// The others, by their root files.
    pub(super) others: Vec<(String, CrateLayouts)>,
}

impl LibraryLayouts {
    /// Every crate's, with its root file.
    pub(super) fn crates(&self) -> impl Iterator<Item = (&str, &CrateLayouts)> {
        let linked = self.linked.iter();
        let linked = linked.map(|(krate, layouts)| (krate.root_file, layouts));
        let others = self.others.iter();
        linked.chain(others.map(|(root, layouts)| (root.as_str(), layouts)))
    }
}

/// A file at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Version {
    path: PathBuf,
    length: u64,
    written: SystemTime,
}

impl Version {
    fn of(path: &Path) -> Option<Version> {
        let metadata = fs::metadata(path).ok()?;
        Some(Version {
            path: path.to_owned(),
            length: metadata.len(),
            written: metadata.modified().ok()?,
        })
    }
}

/// A library, which may still have to be read. Whoever wants it second waits for the first.
type Entry = (Version, Arc<OnceLock<Arc<LibraryLayouts>>>);

/// The libraries that were read last, the newest at the end.
static RECENT: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

/// How many are remembered: the one that was just built, and those that its statics live in.
const REMEMBERED: usize = 6;

/// The layouts of all crates in a thin library. Nobody writes to the file: each build makes another.
pub(super) fn of_library(library: &Path) -> Arc<LibraryLayouts> {
    let Some(version) = Version::of(library) else {
        return read_library(library, Extent::All);
    };
    let layouts = {
        let mut recent = RECENT.lock().unwrap_or_else(PoisonError::into_inner);
        let known = recent.iter().position(|(known, _)| *known == version);
        let entry = match known {
            Some(at) => recent.remove(at),
            None => (version, Arc::default()),
        };
        let layouts = entry.1.clone();
        recent.push(entry);
        let surplus = recent.len().saturating_sub(REMEMBERED);
        recent.drain(..surplus);
        layouts
    };
    layouts
        .get_or_init(|| read_library(library, Extent::All))
        .clone()
}

/// The layouts of the hot crates in a library that is remembered.
pub(super) fn remembered(library: &Path) -> Option<Arc<LibraryLayouts>> {
    let version = Version::of(library)?;
    let recent = RECENT.lock().unwrap_or_else(PoisonError::into_inner);
    let (_, layouts) = recent.iter().find(|(known, _)| *known == version)?;
    layouts.get().cloned()
}

/// Reads the layouts of the linked crates from a library that is no thin one.
pub(super) fn read_full_library(library: &Path) -> LinkedLayouts {
    read_library(library, Extent::Linked).linked.clone()
}

/// Reads the layouts of crates from the program. In others of the workspace, types of hot crates are looked for that are
/// put behind trait objects.
fn read_program(
    sources: &[CrateSource<'_>],
    elsewhere: &Behind,
) -> Result<Vec<Result<Layouts, Missing>>, Missing> {
    let program = running_program().map_err(|error| Missing::File(error.to_string()))?;
    let crates = crate::linked_crates().iter();
    let of_crates: Vec<_> = crates.map(|krate| krate.crate_name).collect();
    let search = Search {
        elsewhere,
        of_crates: &of_crates,
    };
    Layouts::read(&program, sources, search)
}

fn read_program_crate(source: CrateSource<'_>, elsewhere: &Behind) -> CrateLayouts {
    let mut layouts = read_program(&[source], elsewhere)?;
    let layouts = layouts.pop().unwrap_or(Err(Missing::DebugInfo));
    layouts.map(Arc::new)
}

/// The layouts of one crate in a library, with types that were looked for by their names.
pub(super) fn read_library_crate(
    library: &Path,
    source: CrateSource<'_>,
    elsewhere: &Behind,
) -> CrateLayouts {
    let search = Search {
        elsewhere,
        of_crates: &[],
    };
    let mut layouts = Layouts::read(library, &[source], search)?;
    let layouts = layouts.pop().unwrap_or(Err(Missing::DebugInfo));
    layouts.map(Arc::new)
}

pub(super) fn all_missing(missing: &Missing) -> LinkedLayouts {
    let crates = crate::linked_crates().iter();
    crates.map(|krate| (*krate, Err(missing.clone()))).collect()
}

/// Reads a library. Nobody writes to the file, now or later.
pub(super) fn read_library(library: &Path, extent: Extent) -> Arc<LibraryLayouts> {
    let read = |file: &MappedFile, dwarf: &Dwarf<Bytes<'_>>, elsewhere: &Behind| {
        let search = Search {
            elsewhere,
            of_crates: &[],
        };
        let sources = linked_sources();
        let (of_linked, others) = match extent {
            Extent::All => Layouts::with_others(file, dwarf, &sources, search)?,
            Extent::Linked => {
                let of_linked = Layouts::of_crates(file, dwarf, &sources, search)?;
                (of_linked, Vec::new())
            }
        };
        let others = others.into_iter();
        Ok(LibraryLayouts {
            linked: linked(Ok(of_linked)),
            others: others
                .map(|(root, layouts)| (root, layouts.map(Arc::new)))
                .collect(),
        })
    };
    let layouts =
        super::map(library).and_then(|file| unchanged::or_read(file, extent, behind(), read));
    layouts.unwrap_or_else(|missing| {
        Arc::new(LibraryLayouts {
            linked: all_missing(&missing),
            others: Vec::new(),
        })
    })
}

fn linked_sources() -> Vec<CrateSource<'static>> {
    let crates = crate::linked_crates().iter();
    crates.map(|krate| CrateSource::of(krate)).collect()
}

fn linked(layouts: Result<Vec<Result<Layouts, Missing>>, Missing>) -> LinkedLayouts {
    match layouts {
        Ok(layouts) => {
            let layouts = layouts.into_iter().map(|layouts| layouts.map(Arc::new));
            let crates = crate::linked_crates().iter().copied();
            crates.zip(layouts).collect()
        }
        Err(missing) => all_missing(&missing),
    }
}

/// The file that the program was started from, even if a newer one has taken its name meanwhile.
pub(crate) fn running_program() -> std::io::Result<PathBuf> {
    if cfg!(any(target_os = "linux", target_os = "android")) {
        return Ok(PathBuf::from("/proc/self/exe"));
    }
    env::current_exe()
}
