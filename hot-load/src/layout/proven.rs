//! What comparisons found to be one.
//!
//! Many items and statics lead to the same types, and most builds have the types of the one before.

use super::graph::{Graph, TypeId};
use super::origin::{Doubt, Origins};
use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Pairs of types of two graphs that do not differ, nor does what they lead to.
///
/// That holds as long as there is no doubt of those traits and types of which neither graph tells. What is in conflict
/// with an earlier library is no part of this.
#[derive(Debug)]
pub(super) struct Proven {
    /// Those of the graphs.
    numbers: (u64, u64),
    pairs: HashSet<(TypeId, TypeId)>,
    /// The paths of those that there was no doubt of.
    undoubted: BTreeSet<String>,
    /// The numbers of the origins that there was no doubt with.
    origins: (Option<u64>, Option<u64>),
}

/// The newest at the end.
static PROVEN: Mutex<Vec<Proven>> = Mutex::new(Vec::new());

/// How many pairs of graphs are remembered: of each of a few crates, those of program, library, and earlier library.
const REMEMBERED: usize = 12;

/// A number that nothing else of this process has.
pub(super) fn number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Proven {
    /// Nothing is known of two graphs whose types come from these origins.
    pub(super) fn nothing(program: &Graph, library: &Graph, origins: Origins<'_>) -> Proven {
        Proven {
            numbers: (program.number, library.number),
            pairs: HashSet::new(),
            undoubted: BTreeSet::new(),
            origins: origins.numbers(),
        }
    }

    /// What is known of two graphs, now that their types come from these origins. Whoever takes it puts it back.
    pub(super) fn take(program: &Graph, library: &Graph, origins: Origins<'_>) -> Proven {
        let numbers = (program.number, library.number);
        let mut all = PROVEN.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.iter().position(|proven| proven.numbers == numbers);
        let known = known.map(|at| all.remove(at));
        drop(all);
        match known {
            Some(known) if known.origins == origins.numbers() => known,
            Some(mut known) if known.is_undoubted(origins) && !origins.have_other_references() => {
                known.origins = origins.numbers();
                known
            }
            _ => Proven::nothing(program, library, origins),
        }
    }

    fn is_undoubted(&self, origins: Origins<'_>) -> bool {
        let mut paths = self.undoubted.iter();
        paths.all(|path| origins.doubt(path).is_none())
    }

    pub(super) fn put_back(self) {
        let mut all = PROVEN.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|other| other.numbers != self.numbers);
        all.push(self);
        let surplus = all.len().saturating_sub(REMEMBERED);
        all.drain(..surplus);
    }

    pub(super) fn has(&self, pair: (TypeId, TypeId)) -> bool {
        self.pairs.contains(&pair)
    }

    /// Adds all pairs that a comparison came by, which found no difference.
    pub(super) fn add(&mut self, pairs: HashSet<(TypeId, TypeId)>) {
        match self.pairs.is_empty() {
            true => self.pairs = pairs,
            false => self.pairs.extend(pairs),
        }
    }

    /// As [`Origins::doubt`]. That there is none is taken down.
    pub(super) fn doubt(&mut self, origins: Origins<'_>, path: &str) -> Option<Doubt> {
        if self.undoubted.contains(path) {
            return None;
        }
        let doubt = origins.doubt(path);
        if doubt.is_none() {
            self.undoubted.insert(path.to_owned());
        }
        doubt
    }
}
