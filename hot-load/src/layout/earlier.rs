//! What libraries that are loaded put behind trait objects, and the program does not.
//!
//! Such a value outlives the library's turn. New code that takes it out again must know it as it was made.

use super::behind::{self, Behind};
use super::compare;
use super::graph::{Graph, Part, Role, Type, TypeId};
use super::origin::{Origin, Origins};
use super::{LayoutDifference, Layouts};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    parts.filter(|(_, part)| matches!(part.role, Role::Implementor | Role::Unmade))
}

fn is_made(added: &Behind, object: &Type, part: &Part) -> bool {
    let plain_trait = object.plain_trait.as_deref().unwrap_or_default();
    let is_meant = |ty: &str| part.name == behind::part_name(ty, plain_trait);
    part.role == Role::Implementor && added.of_trait(plain_trait).any(is_meant)
}
