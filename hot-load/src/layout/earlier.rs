//! What libraries that are loaded put behind trait objects, and the program does not.
//!
//! Such a value outlives the library's turn. New code that takes it out again must know it as it was made.
//!
//! The other way round, code of a library whose turn is over may still run, on a thread of its own or in a closure, and
//! take out what newer code puts there.

use super::behind::{self, Behind};
use super::graph::{Graph, Part, Role, Type, TypeId};
use super::origin::{Origin, Origins};
use super::{CrateSource, LayoutDifference, Layouts, compare, files};
use std::any::Any;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// The types that have another layout in a library than in one before it, by the names of the parts of trait objects
/// that stand for them.
#[derive(Debug, Default)]
pub(super) struct Conflicts(HashMap<String, Vec<LayoutDifference>>);

impl Conflicts {
    /// Those of some crates of a library.
    pub(super) fn of(library: &[&Layouts], origin: Option<&Origin>) -> Conflicts {
        let earlier = lock();
        let mut conflicts = Conflicts::default();
        if earlier.is_empty() {
            return conflicts;
        }
        for layouts in library {
            let graph = &layouts.crossing.graph;
            for (_, part) in parts_of_objects(graph) {
                let Some(made) = earlier.iter().find(|made| made.name == part.name) else {
                    continue;
                };
                if conflicts.0.contains_key(&part.name) {
                    continue;
                }
                if let Some(ty) = behind::implementor(graph, part) {
                    let origins = Origins {
                        program: Some(&made.origin),
                        library: origin,
                    };
                    let own = (&made.library.crossing.graph, made.ty);
                    let found =
                        compare::differences(own, (graph, ty), origins, &Conflicts::default());
                    conflicts.0.insert(part.name.clone(), found);
                }
            }
        }
        conflicts
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.values().all(Vec::is_empty)
    }

    /// Adds the types that such a library makes and that code of an earlier one knows otherwise.
    pub(super) fn add_takers(&mut self, library: &Layouts, origin: &Origin) {
        for taker in lock_takers().iter_mut() {
            self.add_taker(taker, library, origin);
        }
    }

    /// Those of one library before it alone.
    pub(super) fn with_taker(earlier: &Arc<Layouts>, library: &Layouts, origin: &Origin) -> Self {
        let mut conflicts = Conflicts::default();
        let mut takers = lock_takers();
        let taker = takers.iter_mut();
        for taker in taker.filter(|taker| taker.is_of(earlier)) {
            conflicts.add_taker(taker, library, origin);
        }
        conflicts
    }

    fn add_taker(&mut self, taker: &mut Taker, library: &Layouts, origin: &Origin) {
        // There may be hundreds, most of which have the same debug information.
        if taker.is_of(library) {
            return;
        }
        let made = library.crossing.behind.without(&taker.makes);
        if made.is_empty() {
            return;
        }
        let Some(known) = taker.beside(&made) else {
            return;
        };
        let (own, new) = (&known.crossing.graph, &library.crossing.graph);
        let origins = Origins {
            program: Some(&taker.origin),
            library: Some(origin),
        };
        let is_taken = |part: &Part| part.role == Role::Unmade && !self.0.contains_key(&part.name);
        let taken: Vec<_> = parts_of_objects(own)
            .filter(|(_, part)| is_taken(part))
            .collect();
        for (object, part) in parts_of_objects(new) {
            let is_made =
                is_made(&made, object, part) && behind::may_be_downcast(new, object, part);
            let Some((_, taken)) = taken.iter().find(|(_, taken)| taken.name == part.name) else {
                continue;
            };
            if let Some(taken) = behind::implementor(own, taken)
                && let Some(ty) = behind::implementor(new, part)
                && is_made
            {
                let none = Conflicts::default();
                let found = compare::differences((own, taken), (new, ty), origins, &none);
                self.0.entry(part.name.clone()).or_insert(found);
            }
        }
    }

    /// How the type differs that a part of a trait object stands for.
    pub(super) fn at(&self, part: &Part) -> &[LayoutDifference] {
        self.0.get(&part.name).map_or(&[], Vec::as_slice)
    }
}

/// Remembers the types that a library puts behind trait objects, and neither the program nor a library before it does.
/// Those that are in conflict are left out: no value of them leaves the library.
pub(super) fn note(
    program: &Layouts,
    library: &Arc<Layouts>,
    origin: &Arc<Origin>,
    conflicts: &Conflicts,
) {
    let (own, new) = (&program.crossing, &library.crossing);
    let added = new.behind.without(&own.behind);
    if added.is_empty() {
        return;
    }
    let origin_of_program = origin.in_program();
    let origins = Origins {
        program: origin_of_program.as_deref(),
        library: Some(origin),
    };
    for (object, part) in parts_of_objects(&new.graph) {
        let is_added = is_made(&added, object, part)
            && behind::may_be_downcast(&new.graph, object, part)
            && conflicts.at(part).is_empty();
        let Some(ty) = behind::implementor(&new.graph, part).filter(|_| is_added) else {
            continue;
        };
        let mut unmade = parts_of_objects(&own.graph);
        let unmade = unmade.find(|(_, unmade)| unmade.name == part.name);
        let unmade = unmade.and_then(|(_, unmade)| behind::implementor(&own.graph, unmade));
        let is_same = |unmade: TypeId| {
            let (own, new) = ((&own.graph, unmade), (&new.graph, ty));
            compare::differences(own, new, origins, &Conflicts::default()).is_empty()
        };
        let mut earlier = lock();
        if unmade.is_none_or(is_same) && earlier.iter().all(|made| made.name != part.name) {
            earlier.push(Made {
                name: part.name.clone(),
                library: library.clone(),
                origin: origin.clone(),
                ty,
            });
        }
    }
}

/// Remembers a library whose code may run as long as it is mapped. `file` is the one that was opened.
pub(super) fn note_taker(
    source: CrateSource<'_>,
    file: &Path,
    mapped: Weak<dyn Any + Send + Sync>,
    layouts: &Arc<Layouts>,
    origin: &Arc<Origin>,
) {
    let mut takers = lock_takers();
    takers.retain(|taker| taker.mapped.strong_count() > 0);
    takers.push(Taker {
        file: file.to_owned(),
        crate_name: source.crate_name.to_owned(),
        root_file: source.root_file.to_owned(),
        mapped,
        layouts: Arc::downgrade(layouts),
        makes: layouts.crossing.behind.clone(),
        origin: Arc::clone(origin),
        asked: Behind::default(),
        known: None,
    });
}

/// A library whose code may take what is behind trait objects.
struct Taker {
    /// The file that was opened.
    file: PathBuf,
    crate_name: String,
    root_file: String,
    /// Lives as long as the library's code may run.
    mapped: Weak<dyn Any + Send + Sync>,
    /// Only to know them again. There may be hundreds of such libraries, and layouts take more memory than all else.
    layouts: Weak<Layouts>,
    /// What it puts behind trait objects itself.
    makes: Behind,
    origin: Arc<Origin>,
    /// What was looked for in it by name.
    asked: Behind,
    /// What was found; `None` if there is nothing of it.
    known: Option<Arc<Layouts>>,
}

impl Taker {
    /// Whether these are its layouts, which those of another library with the same debug information are too.
    fn is_of(&self, layouts: &Layouts) -> bool {
        std::ptr::eq(self.layouts.as_ptr(), layouts)
    }

    /// Its layouts with the types that others make, as far as it knows them.
    fn beside(&mut self, made: &Behind) -> Option<Arc<Layouts>> {
        if self.mapped.strong_count() == 0 {
            return None;
        }
        let unasked = made.without(&self.asked);
        if !unasked.is_empty() {
            self.asked.add(&unasked);
            let source = CrateSource {
                crate_name: &self.crate_name,
                root_file: &self.root_file,
            };
            if Layouts::may_know(&self.file, &unasked) {
                self.known = files::read_library_crate(&self.file, source, &self.asked).ok();
            }
        }
        self.known.clone()
    }
}

static TAKERS: Mutex<Vec<Taker>> = Mutex::new(Vec::new());

fn lock_takers() -> MutexGuard<'static, Vec<Taker>> {
    TAKERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A type of which a library puts values behind a trait object.
struct Made {
    /// The part of the trait object that stands for it.
    name: String,
    library: Arc<Layouts>,
    origin: Arc<Origin>,
    ty: TypeId,
}

static EARLIER: Mutex<Vec<Made>> = Mutex::new(Vec::new());

fn lock() -> MutexGuard<'static, Vec<Made>> {
    EARLIER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The parts of trait objects that stand for types behind them.
fn parts_of_objects(graph: &Graph) -> impl Iterator<Item = (&Type, &Part)> {
    let objects = graph.types.iter().filter(|ty| ty.plain_trait.is_some());
    let parts = objects.flat_map(|object| object.parts.iter().map(move |part| (object, part)));
    parts.filter(|(_, part)| part.role.is_behind())
}

fn is_made(added: &Behind, object: &Type, part: &Part) -> bool {
    let plain_trait = object.plain_trait.as_deref().unwrap_or_default();
    let is_meant = |ty: &str| part.name == behind::part_name(ty, plain_trait);
    part.role.is_made() && added.of_trait(plain_trait).any(is_meant)
}
