//! Which items of a library may take the place of which others.
//!
//! Items of one layout form a class. Class 0 is the program's; the items of a library that are not in it get
//! a mark ([`LayoutMark`]), which everyone consults who is about to call one item in the place of another.

use super::earlier::Conflicts;
use super::files::{self, LibraryLayouts, LinkedLayouts, PROGRAM, all_missing};
use super::origin::{Origin, Origins};
use super::{
    CrateSource, IncompatibleItem, LayoutDepth, LayoutDifference, LayoutReport, LayoutSide,
    Layouts, Missing, declared, earlier, source,
};
use hot_abi::generation::Generation;
use hot_abi::layout::LayoutMark;
use hot_abi::private::path_hash;
use hot_abi::registry::{HotCrate, Module};
use hot_abi::statics::{StaticEntry, StaticMismatch};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// Compares libraries with the program, and with each other.
#[derive(Debug)]
pub(crate) struct LayoutCheck {
    classes: Mutex<Classes>,
}

/// A library whose layouts are being read.
pub(crate) struct Reading {
    library: PathBuf,
    built: PathBuf,
    known: Option<Arc<LibraryLayouts>>,
    thread: Option<JoinHandle<LinkedLayouts>>,
}

impl Reading {
    fn finish(self) -> LinkedLayouts {
        if let Some(known) = self.known {
            return known.linked.clone();
        }
        match self.thread.map(JoinHandle::join) {
            Some(Ok(layouts)) => layouts,
            Some(Err(_)) => all_missing(&Missing::Unreadable("its reader panicked".to_owned())),
            // There was no thread to be had.
            None => files::read_full_library(&self.library),
        }
    }
}

impl LayoutCheck {
    /// Begins to read the layouts of the program, on a thread of its own.
    pub(crate) fn start() -> LayoutCheck {
        let reading = thread::Builder::new().name("hot-layouts".into());
        // Where there is no thread to be had, the first load does it.
        drop(reading.spawn(|| LazyLock::force(&PROGRAM)));
        LayoutCheck {
            classes: Mutex::default(),
        }
    }

    /// Begins to read the layouts of a library, which need not be loaded, on a thread of its own. `built` is
    /// the file that it is a copy of: that may have been read already.
    pub(crate) fn begin(&self, library: &Path, built: &Path) -> Reading {
        let known = files::remembered(built);
        let thread = match known {
            Some(_) => None,
            None => {
                let path = library.to_owned();
                let reading = thread::Builder::new().name("hot-layouts".into());
                reading.spawn(move || files::read_full_library(&path)).ok()
            }
        };
        Reading {
            library: library.to_owned(),
            built: built.to_owned(),
            known,
            thread,
        }
    }

    /// Marks every item of a library that is loaded and not live yet whose layouts are not the program's.
    /// Reports on the items of the generation's own crate.
    ///
    /// Of the statics that were `patched` to the program's values, those whose layouts are not the program's
    /// get their own values back; these are returned too.
    pub(crate) fn mark(
        &self,
        generation: &Generation,
        library: Reading,
        patched: &[StaticEntry],
    ) -> (LayoutReport, Vec<StaticMismatch>) {
        let (built, copy) = (library.built.clone(), library.library.clone());
        let library = &library.finish();
        // Of the crates in it, or of the programs' where it has none of them.
        let registered = generation.module().crates;
        let origin_of = |krate: &HotCrate| {
            let registered = registered.iter().find(|own| own.is(krate));
            Origin::of_library(registered.copied().unwrap_or(krate), &built)
        };
        let mismatched = declared::separate(patched, library, &origin_of);
        let mut classes = self.classes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut own = None;
        // A library may hold copies of other hot crates.
        for krate in generation.module().crates {
            let opened = Opened {
                file: &copy,
                generation,
            };
            let report = classes.mark(krate, library, origin_of(krate), opened);
            if krate.is(generation.krate()) {
                own = Some(report);
            }
        }
        let report = own.unwrap_or(LayoutReport {
            depth: LayoutDepth::Shallow {
                side: LayoutSide::Library,
                missing: Missing::DebugInfo,
            },
            incompatible: Vec::new(),
        });
        (report, mismatched)
    }
}

/// The classes of the items of libraries.
#[derive(Debug, Default)]
struct Classes {
    /// The highest that was given out.
    last: u32,
    /// The libraries that items of new classes were first seen in.
    known: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    crate_name: &'static str,
    layouts: Arc<Layouts>,
    origin: Arc<Origin>,
    /// By the hash of the item.
    classes: HashMap<u64, u32>,
}

/// A library that is mapped.
#[derive(Clone, Copy)]
struct Opened<'a> {
    generation: &'a Generation,
    /// The file that was opened.
    file: &'a Path,
}

/// An item of a library.
struct Item {
    name: &'static str,
    hash: u64,
    mark: &'static LayoutMark,
    in_program: bool,
}

impl Classes {
    /// Marks the items of one crate of a library.
    fn mark(
        &mut self,
        krate: &'static HotCrate,
        library: &LinkedLayouts,
        origin: Arc<Origin>,
        opened: Opened<'_>,
    ) -> LayoutReport {
        let shallow = |side, missing: &Missing| LayoutReport {
            depth: LayoutDepth::Shallow {
                side,
                missing: missing.clone(),
            },
            incompatible: Vec::new(),
        };
        let (program, library) = match (of_crate(&PROGRAM, krate), of_crate(library, krate)) {
            (Err(missing), _) => return shallow(LayoutSide::Program, &missing),
            (_, Err(missing)) => return shallow(LayoutSide::Library, &missing),
            (Ok(program), Ok(library)) => {
                match files::beside(program, CrateSource::of(krate), &library) {
                    Ok(program) => (program, library),
                    Err(missing) => return shallow(LayoutSide::Program, &missing),
                }
            }
        };
        files::note_behind(&library);
        let mut conflicts = Conflicts::of(&[&library], Some(&origin));
        conflicts.add_takers(&library, &origin);
        let of_program = Origin::of_program(krate);
        let origins = Origins {
            program: Some(&of_program),
            library: Some(&origin),
        };
        let payloads = program.differences_of_payloads(&library, origins, &conflicts);
        let mut incompatible = Vec::new();
        let mut new_classes = HashMap::new();
        for item in items(krate) {
            let differences = program.differences(&library, item.hash, origins, &conflicts);
            if payloads.is_empty() && differences.as_ref().is_some_and(Vec::is_empty) {
                continue;
            }
            let known = self.known_class(krate, (&library, &origin), item.hash);
            let class = known.unwrap_or_else(|| {
                self.last += 1;
                new_classes.insert(item.hash, self.last);
                self.last
            });
            // Nothing is known of an item that only one of them has: that is told alone.
            let mut differences = differences.map_or_else(Vec::new, |mut differences| {
                let others = payloads.iter();
                let others =
                    others.filter(|payload| !differences.iter().any(|own| own.is_at(payload)));
                let others: Vec<_> = others.cloned().collect();
                differences.extend(others);
                differences
            });
            for difference in &mut differences {
                difference.source = source::find(krate, difference);
            }
            let found = IncompatibleItem {
                item: item.name.to_owned(),
                differences,
            };
            item.mark.set(class, found.reason());
            if item.in_program {
                incompatible.push(found);
            }
        }
        earlier::note(&program, &library, &origin, &conflicts);
        let mapped = Arc::downgrade(opened.generation.library());
        let source = CrateSource::of(krate);
        earlier::note_taker(source, opened.file, mapped, &library, &origin);
        if !new_classes.is_empty() {
            self.known.push(Known {
                crate_name: krate.crate_name,
                layouts: library,
                origin,
                classes: new_classes,
            });
        }
        LayoutReport {
            depth: LayoutDepth::Deep,
            incompatible,
        }
    }

    /// The class of an item whose layouts an earlier library had.
    fn known_class(
        &self,
        krate: &HotCrate,
        (library, origin): (&Layouts, &Origin),
        item: u64,
    ) -> Option<u32> {
        let of_crate = |known: &&Known| known.crate_name == krate.crate_name;
        self.known.iter().filter(of_crate).find_map(|known| {
            let class = *known.classes.get(&item)?;
            let origins = Origins {
                program: Some(&known.origin),
                library: Some(origin),
            };
            let taken = Conflicts::with_taker(&known.layouts, library, origin);
            let differences: Vec<LayoutDifference> =
                known.layouts.differences(library, item, origins, &taken)?;
            let is_same = || {
                let of = &known.layouts;
                let payloads = of.differences_of_payloads(library, origins, &taken);
                payloads.is_empty()
            };
            (differences.is_empty() && is_same()).then_some(class)
        })
    }
}

/// The items of a library's copy of a crate.
fn items(krate: &'static HotCrate) -> Vec<Item> {
    let program = Module::this().find(krate);
    // There may be thousands.
    let in_program: HashSet<&str> = program
        .into_iter()
        .flat_map(|program| (program.functions)().iter().map(|function| function.path))
        .collect();
    let functions = (krate.functions)().iter().map(|function| Item {
        name: function.path,
        hash: path_hash(function.path),
        mark: function.layout,
        in_program: in_program.contains(function.path),
    });
    let nodes = (krate.nodes)().iter().map(|node| Item {
        name: node.name,
        hash: path_hash(&format!("node {}", node.name)),
        mark: node.layout,
        in_program: program.is_some_and(|program| program.node(node.name).is_some()),
    });
    let held = (krate.held)().iter().map(|held| Item {
        name: held.path,
        hash: path_hash(&format!("held {}", held.path)),
        mark: held.mark,
        // Nobody is kept from using it: its values migrate.
        in_program: false,
    });
    functions.chain(nodes).chain(held).collect()
}

fn of_crate(layouts: &LinkedLayouts, krate: &HotCrate) -> Result<Arc<Layouts>, Missing> {
    let found = layouts.iter().find(|(own, _)| own.is(krate));
    found.map_or(Err(Missing::DebugInfo), |(_, layouts)| layouts.clone())
}
