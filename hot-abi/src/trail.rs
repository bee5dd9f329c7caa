//! In the program: which generations of each crate were live, and to which of them a call can go back.

use crate::function::{CodePtr, FunctionEntry};
use crate::generation::Generation;
use crate::registry::{HotCrate, Module};
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// The generations of one crate in the order in which they were live last; the last one is live.
struct Trail {
    /// The program's own copy of the crate's registration.
    krate: &'static HotCrate,
    /// `None` is the code linked into the program.
    steps: Vec<Option<Weak<Generation>>>,
    /// Generations that slots were pointed back at, and that therefore stay mapped for as long.
    leaned_on: Vec<Arc<Generation>>,
}

/// What answers in the place of code that panicked.
pub(crate) struct Answering {
    pub(crate) code: CodePtr,
    /// `None` is the code linked into the program.
    pub(crate) generation: Option<Arc<Generation>>,
}

impl Answering {
    pub(crate) fn number(&self) -> u32 {
        number(self.generation.as_ref())
    }
}

pub(crate) fn number(generation: Option<&Arc<Generation>>) -> u32 {
    generation.map_or(0, |generation| generation.number())
}

static TRAILS: Mutex<Vec<Trail>> = Mutex::new(Vec::new());

/// Notes that a generation is live, `None` being the code linked into the program, while `point` points
/// every slot of the crate at it, and returns the callers that it does not fit.
pub(crate) fn enter<R>(
    krate: &HotCrate,
    generation: Option<&Arc<Generation>>,
    point: impl FnOnce() -> (R, Vec<&'static FunctionEntry>),
) -> R {
    let mut trails = lock();
    if let Some(generation) = generation {
        generation.trial.begin_again();
    }
    let Some(trail) = Trail::of(&mut trails, krate) else {
        return point().0;
    };
    let is_it = |step: &Option<Weak<Generation>>| match (step, generation) {
        (None, None) => true,
        (Some(step), Some(generation)) => ptr::eq(step.as_ptr(), Arc::as_ptr(generation)),
        _ => false,
    };
    let gone = |step: &Option<Weak<Generation>>| {
        step.as_ref().is_some_and(|step| step.strong_count() == 0)
    };
    trail.steps.retain(|step| !is_it(step) && !gone(step));
    trail.steps.push(generation.map(Arc::downgrade));
    let released = std::mem::take(&mut trail.leaned_on);
    let (pointed, left_behind) = point();
    let seen = trail.keep_for(&left_behind);
    // Without the lock: one of them may be unmapped now, and its drop looks at other crates.
    drop(trails);
    drop((released, seen));
    pointed
}

/// The generation whose function of that path begins at `code`.
pub(crate) fn by_code(krate: &HotCrate, path: &str, code: CodePtr) -> Option<Arc<Generation>> {
    let is_its = |generation: &Arc<Generation>| {
        let function = generation.krate().function(path);
        function.is_some_and(|function| function.contained.0 == code.0)
    };
    generations(krate).into_iter().find(is_its)
}

/// The generation whose library holds this registration of its crate.
pub(crate) fn by_registration(krate: &'static HotCrate) -> Option<Arc<Generation>> {
    let is_its = |generation: &Arc<Generation>| ptr::eq(generation.krate(), krate);
    generations(krate).into_iter().find(is_its)
}

/// The generation that is live; `None` is the code linked into the program.
pub(crate) fn live(krate: &HotCrate) -> Option<Arc<Generation>> {
    let mut trails = lock();
    let trail = Trail::of(&mut trails, krate)?;
    trail.steps.last()?.as_ref()?.upgrade()
}

/// The newest generation that did not fail in its probation, as far as it is still loaded; `None` is the
/// code linked into the program, which is always good.
pub fn last_good(krate: &HotCrate) -> Option<Arc<Generation>> {
    newest(krate, |generation, _| {
        (!generation.has_failed()).then(|| Arc::clone(generation))
    })
}

/// The generation that is best for making a node; `None` is the code linked into the program.
pub(crate) fn maker(krate: &HotCrate, node: &str) -> Option<Arc<Generation>> {
    newest(krate, |generation, is_live| {
        let good = !generation.trial.has_panicked(node) && (is_live || !generation.has_failed());
        good.then(|| Arc::clone(generation))
    })
}

/// What answers calls of `caller` in the place of code that panicked: the newest generation that has not
/// panicked there and has a function that fits, or the code linked into the program.
pub(crate) fn answering(caller: &FunctionEntry, krate: &HotCrate) -> Option<Answering> {
    let of_generations = newest(krate, |generation, _| good_answer(caller, generation));
    of_generations.or_else(|| linked_in(caller, krate))
}

/// The function of a generation that answers calls of `caller`, if it fits and is good.
fn good_answer(caller: &FunctionEntry, generation: &Arc<Generation>) -> Option<Answering> {
    let good = !generation.trial.has_panicked(caller.path) && !generation.has_failed();
    let function = generation.krate().function(caller.path).filter(|_| good);
    let function = function.filter(|function| caller.accepts(function))?;
    Some(Answering {
        code: function.contained,
        generation: Some(Arc::clone(generation)),
    })
}

/// The live code that answers calls of `caller`.
pub(crate) fn answering_live(caller: &FunctionEntry, krate: &HotCrate) -> Option<Answering> {
    let of_live = live(krate).and_then(|generation| {
        let function = generation.krate().function(caller.path);
        let function = function.filter(|function| caller.accepts(function))?;
        Some(Answering {
            code: function.contained,
            generation: Some(generation),
        })
    });
    of_live.or_else(|| linked_in(caller, krate))
}

fn linked_in(caller: &FunctionEntry, krate: &HotCrate) -> Option<Answering> {
    let function = Module::this().find(krate)?.function(caller.path);
    let function = function.filter(|function| caller.accepts(function))?;
    Some(Answering {
        code: function.contained,
        generation: None,
    })
}

/// Points every slot that leads to `from` at what answers in its place, in the program and in every
/// library, until newer code is live.
pub(crate) fn point_back(krate: &HotCrate, path: &str, from: CodePtr, to: &Answering) {
    let mut trails = lock();
    let mut modules = vec![Module::this()];
    for trail in trails.iter() {
        let steps = trail.steps.iter().flatten().filter_map(Weak::upgrade);
        modules.extend(steps.map(|generation| generation.module()));
    }
    for module in modules {
        let Some(function) = module.find(krate).and_then(|krate| krate.function(path)) else {
            continue;
        };
        if function.leads_to().0 == from.0 && function.accepts_code(to, krate) {
            // SAFETY: the code is that of a function which this one accepts, and its library stays mapped
            // for as long as it is leaned on, which ends when this slot is pointed elsewhere.
            unsafe { function.lead_to(to.code) };
        }
    }
    if let (Some(generation), Some(trail)) = (&to.generation, Trail::of(&mut trails, krate)) {
        trail.leaned_on.push(Arc::clone(generation));
    }
}

impl FunctionEntry {
    /// The code that its callers run.
    fn leads_to(&self) -> CodePtr {
        let code = self.slot.newest();
        if code.is_null() {
            self.contained
        } else {
            CodePtr(code)
        }
    }

    /// Has its callers run that code, which is on trial no more.
    ///
    /// # Safety
    ///
    /// The code is that of a function which this one accepts, in a library that stays mapped until the slot
    /// is pointed elsewhere.
    unsafe fn lead_to(&self, code: CodePtr) {
        let own = self.contained.0 == code.0;
        let code = if own { ptr::null() } else { code.0 };
        // SAFETY: as the caller vouches; a module's own code is reached by null.
        unsafe { self.slot.set(code, false) };
    }

    /// Whether its callers may call that code.
    fn accepts_code(&self, to: &Answering, krate: &HotCrate) -> bool {
        let registration = match &to.generation {
            Some(generation) => Some(generation.krate()),
            None => Module::this().find(krate),
        };
        let function = registration.and_then(|krate| krate.function(self.path));
        function.is_some_and(|function| self.accepts(function))
    }
}

/// The loaded generations, the one that was live last first.
fn generations(krate: &HotCrate) -> Vec<Arc<Generation>> {
    let mut trails = lock();
    let Some(trail) = Trail::of(&mut trails, krate) else {
        return Vec::new();
    };
    let steps = trail.steps.iter().rev().flatten();
    steps.filter_map(Weak::upgrade).collect()
}

/// What `choose` finds in the newest generation where it finds something, as far back as to where the code
/// linked into the program was live. `choose` is told whether the generation is live.
fn newest<R>(
    krate: &HotCrate,
    mut choose: impl FnMut(&Arc<Generation>, bool) -> Option<R>,
) -> Option<R> {
    let mut trails = lock();
    let trail = Trail::of(&mut trails, krate)?;
    let steps = trail.steps.iter().rev().map_while(Option::as_ref);
    let mut steps = steps.enumerate();
    steps.find_map(|(age, step)| choose(&step.upgrade()?, age == 0))
}

impl Trail {
    /// Callers that the live code does not fit stay with the code that they have, so its libraries stay mapped;
    /// but none stays with code that is left because it failed.
    ///
    /// Returns generations that are to be dropped without the lock.
    fn keep_for(&mut self, callers: &[&'static FunctionEntry]) -> Vec<Arc<Generation>> {
        if callers.is_empty() {
            return Vec::new();
        }
        let newest_first = self.steps.iter().rev().flatten();
        let generations: Vec<_> = newest_first.filter_map(Weak::upgrade).collect();
        for caller in callers {
            let code = caller.leads_to().0;
            let is_its = |generation: &&Arc<Generation>| {
                let function = generation.krate().function(caller.path);
                function.is_some_and(|function| function.contained.0 == code)
            };
            let is_own = caller.slot.newest().is_null();
            let Some(owner) = generations.iter().find(is_its).filter(|_| !is_own) else {
                continue;
            };
            let mut kept = Some(Arc::clone(owner));
            if owner.has_failed() {
                let mut good = generations.iter();
                let good = good.find_map(|generation| good_answer(caller, generation));
                let answering = good.or_else(|| linked_in(caller, self.krate));
                let code = answering.as_ref().map_or(caller.contained, |to| to.code);
                // SAFETY: the code is the caller's own, or that of a function which it accepts, whose library
                // is leaned on from here on, which ends when this slot is pointed elsewhere.
                unsafe { caller.lead_to(code) };
                kept = answering.and_then(|answering| answering.generation);
            }
            let is_known = |other: &Arc<Generation>| {
                self.leaned_on.iter().any(|known| Arc::ptr_eq(known, other))
            };
            self.leaned_on.extend(kept.filter(|kept| !is_known(kept)));
        }
        generations
    }

    /// The trail of a crate, begun now if it has none; `None` if the program has no such crate.
    fn of<'a>(trails: &'a mut Vec<Trail>, krate: &HotCrate) -> Option<&'a mut Trail> {
        let known = trails.iter().position(|trail| trail.krate.is(krate));
        let index = match known {
            Some(index) => index,
            None => {
                trails.push(Trail {
                    krate: Module::this().find(krate)?,
                    steps: Vec::new(),
                    leaned_on: Vec::new(),
                });
                trails.len() - 1
            }
        };
        trails.get_mut(index)
    }
}

fn lock() -> MutexGuard<'static, Vec<Trail>> {
    TRAILS.lock().unwrap_or_else(PoisonError::into_inner)
}
