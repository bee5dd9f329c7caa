//! Generations: the loaded builds of a hot crate, and which of them is live.

use crate::boundary;
use crate::entry::EntryFn;
use crate::function::FunctionEntry;
use crate::held::{
    self, Migrated, Migration, MigrationError, MigrationTask, Uncommitted, WhenBusy,
};
use crate::hook::HookKind;
use crate::policy;
use crate::registry::{HotCrate, Module};
use crate::trail;
use crate::trial::Trial;
use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// One loaded build of a hot crate. Generation 0 is the code linked into the program, and has no
/// object of this type.
pub struct Generation {
    number: u32,
    krate: &'static HotCrate,
    entry: EntryFn,
    module: Module,
    pub(crate) trial: Trial,
    /// Keeps the library mapped. Dropped last, after everything above that points into it.
    library: Arc<dyn Any + Send + Sync>,
}

impl Generation {
    /// A generation of `krate`, as it is linked into the program, from a library that is loaded and
    /// initialised.
    ///
    /// `None` if the library's `module` holds no copy of `krate`.
    ///
    /// # Safety
    ///
    /// - `entry` and everything in `module` belong to the library that `library` keeps mapped;
    /// - the library was built by the compiler of this program, from the same hot-abi, and its init
    ///   function has been called and reported success;
    /// - once the generation is made live with [`make_live`], the library stays mapped for as long as
    ///   a thread of the program may call a function or a node of the crate.
    pub unsafe fn new(
        number: u32,
        krate: &HotCrate,
        entry: EntryFn,
        module: Module,
        library: Arc<dyn Any + Send + Sync>,
    ) -> Option<Generation> {
        let krate = module.find(krate)?;
        // Subscribers of the program keep the metadata of the library's callsites for good.
        #[cfg(feature = "tracing")]
        std::mem::forget(Arc::clone(&library));
        Some(Generation {
            number,
            krate,
            entry,
            module,
            trial: Trial::new(),
            library,
        })
    }

    /// Its number: how many libraries of the crate were loaded before it, plus one.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The library's own copy of the crate's registration.
    pub fn krate(&self) -> &'static HotCrate {
        self.krate
    }

    /// Everything that the library registered.
    pub fn module(&self) -> Module {
        self.module
    }

    /// The function that makes nodes.
    pub fn entry(&self) -> EntryFn {
        self.entry
    }

    /// Whether it is among its first [`PROBATION`](crate::policy::PROBATION) calls.
    pub fn is_in_probation(&self) -> bool {
        self.trial.in_probation()
    }

    /// Whether it panicked in its probation. It is then no good generation to go back to; making it live
    /// once more gives it another chance.
    pub fn has_failed(&self) -> bool {
        self.trial.failed()
    }

    /// What keeps the library mapped.
    pub fn library(&self) -> &Arc<dyn Any + Send + Sync> {
        &self.library
    }
}

impl Drop for Generation {
    /// The library's statics hold generations, the one that was live last among them, and statics are not
    /// dropped when a library is unmapped.
    fn drop(&mut self) {
        let program = Module::this();
        for krate in self.module.crates {
            // A library that is linked against the program has the program's statics.
            let is_programs = program
                .find(krate)
                .is_some_and(|of_program| std::ptr::eq(of_program, *krate));
            if !is_programs {
                drop(krate.live.take());
            }
        }
        boundary::forget_library(self.krate);
    }
}

impl fmt::Debug for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Generation({} #{})", self.krate.crate_name, self.number)
    }
}

/// Which generation of a crate is live, as one module sees it.
#[derive(Debug)]
pub struct Live {
    /// Grows whenever `current` changes; stand-ins compare it with what they saw last.
    changes: AtomicU32,
    current: RwLock<Option<Arc<Generation>>>,
}

impl Live {
    /// Generation 0.
    pub const fn new() -> Live {
        Live {
            changes: AtomicU32::new(0),
            current: RwLock::new(None),
        }
    }

    /// How often the live generation changed.
    #[inline(always)]
    pub fn changes(&self) -> u32 {
        self.changes.load(Ordering::Acquire)
    }

    /// The live generation; `None` is generation 0.
    pub fn current(&self) -> Option<Arc<Generation>> {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, generation: Option<Arc<Generation>>) {
        let before = {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            let before = std::mem::replace(&mut *current, generation);
            self.changes.fetch_add(1, Ordering::Release);
            before
        };
        // Without the lock: it may be the last owner, and its drop looks at other crates.
        drop(before);
    }

    /// Takes the generation away from a library that nobody calls any more.
    fn take(&self) -> Option<Arc<Generation>> {
        self.current
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

impl Default for Live {
    fn default() -> Self {
        Live::new()
    }
}

/// What became of the items of a crate when a generation went live.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Functions whose callers now run the new code.
    pub functions: Vec<&'static str>,
    /// Functions whose signature changed: their callers stay with the code they had.
    pub signatures_changed: Vec<SignatureChange>,
    /// Functions and nodes that hand over a type whose layout changed. Callers of such a function stay with
    /// the code they had; such a node is made by the code linked into the program.
    pub layouts_changed: Vec<LayoutChange>,
    /// Functions that callers in the program have and the new library lacks: the code linked into the
    /// program answers.
    pub functions_removed: Vec<&'static str>,
    /// Nodes of the new library.
    pub nodes: Vec<&'static str>,
    /// Nodes that the program has and the new library lacks: the code linked into the program answers.
    pub nodes_removed: Vec<&'static str>,
    /// Values that the program holds and whose layout changed.
    pub migrated: Vec<Migrated>,
}

/// A function whose signature is not the one its callers were compiled with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureChange {
    /// The function.
    pub function: &'static str,
    /// The signature its callers were compiled with.
    pub callers: &'static str,
    /// The signature of the new library.
    pub library: &'static str,
    /// What the two stand for, if they are written alike: an alias or a constant in them is another.
    pub types: Option<TypeChange>,
}

/// The type of a function pointer, which is another though its signature is written as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeChange {
    /// The type that callers were compiled with.
    pub callers: &'static str,
    /// The type in the new library.
    pub library: &'static str,
}

impl SignatureChange {
    /// How `newer` changed the signature that callers of `function` were compiled with.
    fn between(function: &FunctionEntry, newer: &FunctionEntry) -> SignatureChange {
        SignatureChange {
            function: function.path,
            callers: function.signature,
            library: newer.signature,
            types: (function.signature == newer.signature).then(|| TypeChange {
                callers: (function.type_name)(),
                library: (newer.type_name)(),
            }),
        }
    }
}

impl fmt::Display for SignatureChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SignatureChange {
            function,
            callers,
            library,
            types,
        } = self;
        match types {
            None => write!(
                f,
                "`{function}` changed its signature from `{callers}` to `{library}`"
            )?,
            // Another option of the attribute is not in the type that was written.
            Some(types) if types.callers == types.library => write!(
                f,
                "`{function}` is called in another way, though its signature is written as before, `{callers}`"
            )?,
            Some(types) => write!(
                f,
                "`{function}` changed the types in its signature, which is written as before, `{callers}`, from `{}` to \
                 `{}`",
                types.callers, types.library
            )?,
        }
        f.write_str(": its callers stay with the code they have until the program is restarted")
    }
}

/// A function or node that hands over a type whose layout is not the one its callers were compiled with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutChange {
    /// The path of the function, or the name of the node.
    pub item: &'static str,
    /// How the layouts differ.
    pub reason: String,
}

impl fmt::Display for LayoutChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` hands over a type whose layout changed: {}; its new code is not used until the program is restarted",
            self.item, self.reason
        )
    }
}

/// Makes `generation` the live one of its crate in every module: the program, and the retained
/// libraries, whose code may still be running.
///
/// `modules` are all of them, the program first, the generation's own library included. Returns what
/// became of the items as the program sees them.
///
/// The leave hooks of the generation before run first, then the values that the program holds
/// migrate, then the code is live, then the enter hooks run.
///
/// # Errors
///
/// When a value that the program holds could not be migrated. Nothing has changed then, and the enter
/// hooks of the generation that was to be left have run again.
pub fn make_live(
    generation: &Arc<Generation>,
    modules: &[Module],
    when_busy: WhenBusy,
) -> Result<Applied, MigrationError> {
    make_live_with(generation, modules, when_busy, &mut MigrationTask::run)
}

/// [`make_live`], with the migration of held values left to `migrate`, which may do it on another thread or
/// give it up. It is asked again when a value was used meanwhile.
///
/// # Errors
///
/// As [`make_live`], and whatever `migrate` fails with.
pub fn make_live_with(
    generation: &Arc<Generation>,
    modules: &[Module],
    when_busy: WhenBusy,
    migrate: Migrate<'_>,
) -> Result<Applied, MigrationError> {
    switch(
        generation.krate,
        Some(generation),
        modules,
        when_busy,
        migrate,
    )
}

/// Does a migration: [`MigrationTask::run`], or something around it.
pub type Migrate<'a> = &'a mut dyn FnMut(&MigrationTask) -> Result<Migration, MigrationError>;

/// Makes generation 0 live again, in the program and in every library.
///
/// # Errors
///
/// As [`make_live`].
pub fn revert_to_linked_in(
    krate: &HotCrate,
    modules: &[Module],
    when_busy: WhenBusy,
) -> Result<Applied, MigrationError> {
    revert_to_linked_in_with(krate, modules, when_busy, &mut MigrationTask::run)
}

/// [`revert_to_linked_in`], with the migration of held values left to `migrate`.
///
/// # Errors
///
/// As [`make_live_with`].
pub fn revert_to_linked_in_with(
    krate: &HotCrate,
    modules: &[Module],
    when_busy: WhenBusy,
    migrate: Migrate<'_>,
) -> Result<Applied, MigrationError> {
    let linked_in = modules.first().and_then(|program| program.find(krate));
    match linked_in {
        Some(linked_in) => switch(linked_in, None, modules, when_busy, migrate),
        None => Ok(Applied::default()),
    }
}

/// Makes the code of `newest` live: a library's registration of the crate, or the program's.
fn switch(
    newest: &'static HotCrate,
    generation: Option<&Arc<Generation>>,
    modules: &[Module],
    when_busy: WhenBusy,
    migrate: Migrate<'_>,
) -> Result<Applied, MigrationError> {
    let program = modules.first().and_then(|program| program.find(newest));
    let before = program.and_then(|program| program.live.current());
    let left = before.as_ref().map(|before| before.krate).or(program);
    run_hooks(left, HookKind::Leave);
    let point_everyone = || {
        trail::enter(newest, generation, || {
            let on_trial = generation.is_some_and(|generation| generation.is_in_probation());
            let mut left_behind = Vec::new();
            // There may be hundreds of libraries, and the program's thread waits meanwhile. What becomes of its items
            // is told of the program alone.
            for callers in modules.iter().filter_map(|module| module.find(newest)) {
                left_behind.extend(point_slots(callers, newest, on_trial));
                callers.live.set(generation.cloned());
            }
            let applied = program.map(|program| outcome(program, newest));
            let applied = applied.unwrap_or_default();
            (applied, left_behind)
        })
    };
    let task = MigrationTask::new(newest, generation);
    match migrate_and(&task, when_busy, migrate, point_everyone) {
        Ok((applied, migrated)) => {
            run_hooks(Some(newest), HookKind::Enter);
            Ok(Applied {
                migrated,
                ..applied
            })
        }
        Err(error) => {
            run_hooks(left, HookKind::Enter);
            Err(error)
        }
    }
}

/// Migrates the held values, and calls `point` when nothing can fail any more.
fn migrate_and<R>(
    task: &MigrationTask,
    when_busy: WhenBusy,
    migrate: Migrate<'_>,
    point: impl Fn() -> R,
) -> Result<(R, Vec<Migrated>), MigrationError> {
    loop {
        let migration = match migrate(task) {
            Err(MigrationError::Busy) if when_busy == WhenBusy::Wait => {
                held::wait_until_free();
                continue;
            }
            done => done?,
        };
        match held::commit(task, migration, when_busy, &point) {
            Ok(done) => return Ok(done),
            Err(Uncommitted::Outdated) => {}
            Err(Uncommitted::Busy) => return Err(MigrationError::Busy),
        }
    }
}

/// Runs the hooks of one kind, in the order of their paths. A panic of one is told, and the others run.
fn run_hooks(krate: Option<&'static HotCrate>, kind: HookKind) {
    let hooks = krate.into_iter().flat_map(|krate| (krate.hooks)());
    let mut hooks: Vec<_> = hooks.filter(|hook| hook.kind == kind).collect();
    hooks.sort_by_key(|hook| hook.path);
    for hook in hooks {
        if let (Err(caught), Some(krate)) = ((hook.run)(), krate) {
            policy::tell_contained(krate, hook.path, *caught);
        }
    }
}

/// Makes a library that was just loaded call the live code of the other hot crates that it holds a copy
/// of: their live generation, or what is linked into the program.
pub fn adopt(library: &Module, program: &Module, own: &HotCrate) {
    for copy in library.crates.iter().filter(|copy| !copy.is(own)) {
        let Some(linked_in) = program.find(copy) else {
            continue;
        };
        match linked_in.live.current() {
            Some(generation) => {
                point_slots(copy, generation.krate, generation.is_in_probation());
                copy.live.set(Some(generation));
            }
            None => {
                point_slots(copy, linked_in, false);
            }
        }
    }
}

/// Points the slots of `callers` at the functions of `newest`, on trial or not. Returns the functions that the newest
/// code does not fit.
fn point_slots(
    callers: &'static HotCrate,
    newest: &'static HotCrate,
    on_trial: bool,
) -> Vec<&'static FunctionEntry> {
    let mut left_behind = Vec::new();
    let is_own = std::ptr::eq(callers, newest);
    let mut newer_functions = InOrder::of((newest.functions)(), |function| function.path);
    for function in (callers.functions)() {
        match newer_functions.find(function.path) {
            Some(newer) if function.accepts(newer) => {
                let code = match is_own {
                    true => std::ptr::null(),
                    false => newer.contained.0,
                };
                // SAFETY: `newer` has the path and signature of the slot's entry, and its library stays
                // mapped as `Generation::new` demands; a module's own code is reached by null.
                unsafe { function.slot.set(code, on_trial) };
            }
            Some(_) => left_behind.push(function),
            None => {
                // SAFETY: null is always allowed.
                unsafe { function.slot.set(std::ptr::null(), false) };
            }
        }
    }
    left_behind
}

/// What becomes of the items of `callers` when `newest` is live.
fn outcome(callers: &'static HotCrate, newest: &'static HotCrate) -> Applied {
    let mut applied = Applied {
        nodes: (newest.nodes)().iter().map(|node| node.name).collect(),
        ..Applied::default()
    };
    let mut newer_nodes = InOrder::of((newest.nodes)(), |node| node.name);
    for node in (callers.nodes)() {
        let newer = newer_nodes.find(node.name);
        if newer.is_none() {
            applied.nodes_removed.push(node.name);
        }
        if let Some(newer) = newer.filter(|newer| !node.layout.agrees_with(newer.layout)) {
            applied.layouts_changed.push(LayoutChange {
                item: node.name,
                reason: node.layout.difference_to(newer.layout),
            });
        }
    }
    let mut newer_functions = InOrder::of((newest.functions)(), |function| function.path);
    for function in (callers.functions)() {
        match newer_functions.find(function.path) {
            Some(newer) if !function.has_signature_of(newer) => {
                let change = SignatureChange::between(function, newer);
                applied.signatures_changed.push(change);
            }
            Some(newer) => match function.layout_difference(newer) {
                Some(reason) => applied.layouts_changed.push(LayoutChange {
                    item: function.path,
                    reason,
                }),
                None => applied.functions.push(function.path),
            },
            None => applied.functions_removed.push(function.path),
        }
    }
    applied
}

/// Items that are asked for by name, mostly in the order in which they are: that of two builds of one crate.
///
/// There may be thousands, in hundreds of libraries, and the program's thread waits meanwhile.
struct InOrder<T: 'static> {
    items: &'static [T],
    name: fn(&T) -> &'static str,
    /// The one that is probably asked for next.
    next: usize,
    /// The places of all by their names, once many were somewhere else: compilers put items in groups, and the
    /// groups in an order of their own.
    places: Option<HashMap<&'static str, usize>>,
    /// How many were somewhere else.
    missed: usize,
}

/// How many items may be looked for one by one.
const MISSED: usize = 8;

impl<T> InOrder<T> {
    fn of(items: &'static [T], name: fn(&T) -> &'static str) -> InOrder<T> {
        InOrder {
            items,
            name,
            next: 0,
            places: None,
            missed: 0,
        }
    }

    fn find(&mut self, wanted: &str) -> Option<&'static T> {
        let is_it = |item: &T| (self.name)(item) == wanted;
        let index = match self.items.get(self.next) {
            Some(item) if is_it(item) => self.next,
            _ => {
                self.missed += 1;
                match self.missed {
                    ..MISSED => self.items.iter().position(is_it)?,
                    _ => *self.places().get(wanted)?,
                }
            }
        };
        self.next = index + 1;
        self.items.get(index)
    }

    fn places(&mut self) -> &HashMap<&'static str, usize> {
        let (items, name) = (self.items, self.name);
        self.places.get_or_insert_with(|| {
            // Of several of one name the first counts.
            let places = items.iter().enumerate().rev();
            places.map(|(place, item)| (name(item), place)).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_found_in_whatever_order() {
        let mut items = InOrder::of(&["a", "b", "new", "c"], |name| name);
        let found = ["a", "b", "c", "gone", "new", "b"].map(|name| items.find(name).copied());
        let expected = [
            Some("a"),
            Some("b"),
            Some("c"),
            None,
            Some("new"),
            Some("b"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn items_in_quite_another_order_are_found_as_well() {
        let names = (0..40).map(|number| &*format!("item {number}").leak());
        let names: &'static [&'static str] = names.collect::<Vec<_>>().leak();
        let mut items = InOrder::of(names, |name| name);
        for name in names.iter().rev() {
            assert_eq!(items.find(name), Some(name));
        }
        assert!(items.places.is_some());
        assert_eq!(items.find("gone"), None);
        assert_eq!(items.find("item 3"), Some(&"item 3"));
    }
}
