//! How held values pass from the layout of one generation to that of another.
//!
//! First each value is copied: the old code saves it, the new code makes another and restores it. That is
//! code of the user, which may take its time, so it can be done on any thread and keeps no value locked but
//! for the saving. Then, at the safe point, the copies take the place of the values, if none of these was
//! used meanwhile.

use super::{HeldEntry, HeldValue, Holder, lock};
use crate::boundary::Caught;
use crate::generation::Generation;
use crate::registry::HotCrate;
use crate::services;
use crate::state::{SavedState, StateReport};
use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, TryLockError, Weak};
use std::time::Duration;

/// What became of a value that the program holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The path of its type.
    pub path: &'static str,
    /// What became of its fields.
    pub report: StateReport,
}

/// What to do while a value that the program holds is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenBusy {
    /// Give up with [`MigrationError::Busy`]: the thread that asks may be the one that has it locked.
    GiveUp,
    /// Wait, on a thread that has nothing locked.
    Wait,
}

/// Why values that the program holds could not be migrated. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MigrationError {
    /// A value is locked right now.
    Busy,
    /// Saving, making or restoring a value panicked.
    Panicked {
        /// The path of its type.
        path: &'static str,
        /// The panic.
        caught: Caught,
    },
    /// It took longer than it was given, and goes on beside the program.
    Deadline {
        /// How long it was given.
        deadline: Duration,
    },
    /// It ended after its deadline, and the values were used since they were saved.
    Outdated {
        /// How long it took.
        took: Duration,
    },
    /// The thread for it could not be started.
    Thread {
        /// What the system said.
        reason: String,
    },
}

impl fmt::Display for MigrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MigrationError::Busy => {
                f.write_str("a value that the program holds for its hot code is locked")
            }
            MigrationError::Panicked { path, caught } => {
                write!(
                    f,
                    "the migration of a `{path}` panicked: {caught}; the old code and the old value stay"
                )
            }
            MigrationError::Deadline { deadline } => write!(
                f,
                "the values that the program holds did not migrate within {deadline:?}; the old code and the old \
                 values stay until the migration ends"
            ),
            MigrationError::Outdated { took } => write!(
                f,
                "the values that the program holds took {took:?} to migrate and were used meanwhile, so the old code \
                 and the old values stay; allow more time with `Options::migration_deadline`, or let `Default` and the \
                 restoring of the type do less"
            ),
            MigrationError::Thread { reason } => write!(
                f,
                "the thread that migrates the values that the program holds cannot be started: {reason}"
            ),
        }
    }
}

impl std::error::Error for MigrationError {}

/// The migration of all values of a crate to the layouts of one generation, to be done.
#[derive(Clone, Debug)]
pub struct MigrationTask {
    krate: &'static HotCrate,
    generation: Option<Arc<Generation>>,
}

impl MigrationTask {
    /// To the layouts of `generation`, or, if that is `None`, of the code that is linked into the program,
    /// whose registration `krate` is then.
    pub(crate) fn new(krate: &'static HotCrate, generation: Option<&Arc<Generation>>) -> Self {
        MigrationTask {
            krate,
            generation: generation.cloned(),
        }
    }

    /// The registration of the crate in the code that is to be live.
    pub fn krate(&self) -> &'static HotCrate {
        self.krate
    }

    /// The number of the generation that is to be live.
    pub fn generation(&self) -> u32 {
        self.generation
            .as_ref()
            .map_or(0, |generation| generation.number())
    }

    /// Whether any value changes its layout, so that code of the user has to run.
    ///
    /// # Errors
    ///
    /// [`MigrationError::Busy`] where a value is locked, and cannot be looked at.
    pub fn is_due(&self) -> Result<bool, MigrationError> {
        for holder in all_holders() {
            let held = holder.try_lock().ok_or(MigrationError::Busy)?;
            if self.entry_for(&held).is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Makes copies of all values that change their layout. This runs code of the user, and may be done on
    /// any thread.
    ///
    /// # Errors
    ///
    /// [`MigrationError::Busy`] and [`MigrationError::Panicked`].
    pub fn run(&self) -> Result<Migration, MigrationError> {
        let mut migration = Migration::default();
        for holder in all_holders() {
            let Some(snapshot) = self.save(&holder)? else {
                continue;
            };
            let Snapshot {
                old,
                new,
                mut state,
                uses,
            } = snapshot;
            let panicked = |caught: Box<Caught>| MigrationError::Panicked {
                path: old.path,
                caught: *caught,
            };
            let mut value = (new.make)().map_err(panicked)?;
            // SAFETY: the value was just made by this entry.
            unsafe { (new.restore)(&mut value, &mut state) }.map_err(panicked)?;
            migration.migrated.push(Migrated {
                path: old.path,
                report: state.finish(),
            });
            let copy = HeldValue {
                value,
                entry: new,
                uses,
                _generation: self.generation.clone(),
            };
            migration.copies.push((holder, copy));
        }
        Ok(migration)
    }

    /// Saves the value of a holder, if it changes its layout.
    fn save(&self, holder: &Holder) -> Result<Option<Snapshot>, MigrationError> {
        let held = holder.try_lock().ok_or(MigrationError::Busy)?;
        let Some(new) = self.entry_for(&held) else {
            return Ok(None);
        };
        let (old, mut state) = (held.entry, SavedState::default());
        // SAFETY: a held value and its entry are only ever replaced together, so this entry made it.
        let saved = unsafe { (old.save)(&held.value, &mut state) };
        saved.map_err(|caught| MigrationError::Panicked {
            path: old.path,
            caught: *caught,
        })?;
        Ok(Some(Snapshot {
            old,
            new,
            state,
            uses: held.uses,
        }))
    }

    /// The entry that a value has to migrate to, if it has to.
    fn entry_for(&self, held: &HeldValue) -> Option<&'static HeldEntry> {
        let old = held.entry;
        if !old.krate.is(self.krate) {
            return None;
        }
        // A type that the new code no longer has stays with the code that knows it.
        let new = self.krate.held_type(old.path)?;
        (!new.has_layout_of(old)).then_some(new)
    }
}

/// A value that was saved.
struct Snapshot {
    old: &'static HeldEntry,
    new: &'static HeldEntry,
    state: SavedState,
    /// How often it had been used.
    uses: u64,
}

/// Copies of values, in the layouts of another generation.
#[derive(Debug, Default)]
pub struct Migration {
    /// Each with the use count of the value that it is a copy of.
    copies: Vec<(Arc<Holder>, HeldValue)>,
    migrated: Vec<Migrated>,
}

/// Why copies could not take the place of the values.
pub(crate) enum Uncommitted {
    /// A value is locked.
    Busy,
    /// A value was used since it was copied, or came into being.
    Outdated,
}

/// Puts the copies in the place of the values, and calls `point` between the last step that can fail and the
/// first that is seen.
pub(crate) fn commit<R>(
    task: &MigrationTask,
    mut migration: Migration,
    when_busy: WhenBusy,
    point: &impl Fn() -> R,
) -> Result<(R, Vec<Migrated>), Uncommitted> {
    loop {
        // Until the end: a value that is made now must be made by the code that is live then.
        let mut registered = lock(registered_holders());
        registered.retain(|holder| holder.strong_count() > 0);
        let holders = existing(&registered);
        let mut values = Vec::with_capacity(holders.len());
        let mut busy = None;
        for holder in &holders {
            match holder.try_lock() {
                Some(held) => values.push(held),
                None => busy = Some(holder),
            }
        }
        // What is dropped from here on is dropped without the locks: its destructors are the user's.
        if let Some(busy) = busy {
            drop((values, registered));
            if when_busy == WhenBusy::GiveUp {
                return Err(Uncommitted::Busy);
            }
            drop(lock(&busy.held));
            continue;
        }
        let replaced = match is_current(task, &migration, &holders, &values) {
            true => {
                let pointed = point();
                Ok((pointed, migration.replace(&holders, &mut values)))
            }
            false => Err(Uncommitted::Outdated),
        };
        drop((values, registered));
        let (pointed, old) = replaced?;
        drop(old);
        return Ok((pointed, migration.migrated));
    }
}

/// Waits until each value was free once.
pub(crate) fn wait_until_free() {
    for holder in all_holders() {
        drop(lock(&holder.held));
    }
}

/// Whether every value is one that was copied and not used since, or one that needs no copy.
fn is_current(
    task: &MigrationTask,
    migration: &Migration,
    holders: &[Arc<Holder>],
    values: &[MutexGuard<'_, HeldValue>],
) -> bool {
    let mut both = holders.iter().zip(values);
    both.all(|(holder, held)| match migration.copy_of(holder) {
        Some(copy) => migration.copies[copy].1.uses == held.uses,
        None => task.entry_for(held).is_none(),
    })
}

impl Migration {
    fn copy_of(&self, holder: &Arc<Holder>) -> Option<usize> {
        let mut copies = self.copies.iter();
        copies.position(|(of, _)| Arc::ptr_eq(of, holder))
    }

    /// Puts the copies in the place of the values, and returns the values.
    fn replace(
        &mut self,
        holders: &[Arc<Holder>],
        values: &mut [MutexGuard<'_, HeldValue>],
    ) -> Vec<HeldValue> {
        let mut old = Vec::new();
        for (holder, held) in holders.iter().zip(values) {
            if let Some(copy) = self.copy_of(holder) {
                old.push(mem::replace(&mut **held, self.copies.swap_remove(copy).1));
            }
        }
        old
    }
}

impl Holder {
    fn try_lock(&self) -> Option<MutexGuard<'_, HeldValue>> {
        match self.held.try_lock() {
            Ok(held) => Some(held),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

fn registered_holders() -> &'static Mutex<Vec<Weak<Holder>>> {
    (services::current().holders)()
}

/// All that exist. The registry is not locked any more when one of them is dropped.
fn all_holders() -> Vec<Arc<Holder>> {
    existing(&lock(registered_holders()))
}

fn existing(registered: &[Weak<Holder>]) -> Vec<Arc<Holder>> {
    registered.iter().filter_map(Weak::upgrade).collect()
}
