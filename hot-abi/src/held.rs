//! State that the program owns but only hot code looks into.
//!
//! The program keeps a [`Held<T>`] without ever touching the `T` in it, so the layout of `T` is the
//! business of the hot crate alone. When a generation goes live that declares other fields, the old
//! code saves the value and the new code restores it, field by field. If that fails, the old
//! generation stays.

mod migration;

pub use migration::{Migrated, Migration, MigrationError, MigrationTask, WhenBusy};
pub(crate) use migration::{Uncommitted, commit, wait_until_free};

use crate::args::TypeKey;
use crate::boundary::{self, Caught};
use crate::generation::Generation;
use crate::layout::LayoutMark;
use crate::registry::HotCrate;
use crate::services;
use crate::state::{HotState, SavedState};
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// A type that a program can hold for its hot code. Written by `#[derive(HotState)]` with
/// `#[hot(held)]` on the struct, which must be `Default + Send`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be held across reloads",
    note = "write `#[derive(HotState, Default)] #[hot(held)]` above the struct"
)]
pub trait HeldType: HotState + Default + Send + 'static {
    #[doc(hidden)]
    fn entry() -> &'static HeldEntry;
}

/// A value of the program whose layout only hot code knows.
///
/// Shared like an `Arc`: clones are handles of one value. It is locked while it is used, and new code
/// goes live only while nobody has it locked.
pub struct Held<T: HeldType> {
    holder: Arc<Holder>,
    owns: PhantomData<fn() -> T>,
}

impl<T: HeldType> Held<T> {
    /// Holds a default value, made by the newest code.
    ///
    /// # Panics
    ///
    /// If making the default value panics.
    pub fn new() -> Held<T> {
        let entry = T::entry();
        loop {
            let changes = entry.krate.live.changes();
            let holder = Arc::new(Holder {
                held: Mutex::new(HeldValue::make(entry)),
            });
            let mut holders = lock((services::current().holders)());
            // Whoever makes a generation live has this lock, so it either sees this holder or is seen here.
            if entry.krate.live.changes() == changes {
                holders.push(Arc::downgrade(&holder));
                return Held {
                    holder,
                    owns: PhantomData,
                };
            }
        }
    }

    /// The value, for one caller at a time. Waits for others.
    ///
    /// # Panics
    ///
    /// If this code was compiled with another layout of `T` than the live code: code of the program, or
    /// of a generation that was left, looks into a value that has migrated. Look into it from hot
    /// functions only.
    pub fn lock(&self) -> HeldGuard<'_, T> {
        let mut guard = lock(&self.holder.held);
        let locked = Locked::count();
        guard.uses = guard.uses.wrapping_add(1);
        let (live, mine) = (guard.entry, T::entry());
        assert!(
            live.has_layout_of(mine),
            "`{}` has migrated to the layout of newer code, and this code knows the old one; look into it from hot \
             functions only",
            mine.path
        );
        HeldGuard {
            guard,
            _locked: locked,
            owns: PhantomData,
        }
    }
}

impl<T: HeldType> Default for Held<T> {
    fn default() -> Self {
        Held::new()
    }
}

impl<T: HeldType> Clone for Held<T> {
    fn clone(&self) -> Self {
        Held {
            holder: Arc::clone(&self.holder),
            owns: PhantomData,
        }
    }
}

impl<T: HeldType> fmt::Debug for Held<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Held({})", T::entry().path)
    }
}

/// A value that is locked. Gives access to the `T`.
pub struct HeldGuard<'a, T: HeldType> {
    guard: MutexGuard<'a, HeldValue>,
    _locked: Locked,
    owns: PhantomData<&'a mut T>,
}

/// A held value is locked by this thread for as long as this exists.
struct Locked {
    /// It counts for the thread that it was made on.
    _of_thread: PhantomData<*const ()>,
}

impl Locked {
    fn count() -> Locked {
        (services::current().count_locked)(1);
        Locked {
            _of_thread: PhantomData,
        }
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        (services::current().count_locked)(-1);
    }
}

/// In the program: changes how many held values this thread has locked, and tells how many these are then.
pub(crate) fn count_own_locked(change: isize) -> usize {
    thread_local! {
        static LOCKED: Cell<usize> = const { Cell::new(0) };
    }
    LOCKED.with(|locked| {
        let count = locked.get().saturating_add_signed(change);
        locked.set(count);
        count
    })
}

impl<T: HeldType> Deref for HeldGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the pointer is to a live value made by the entry, and `lock` compared the entry's
        // type with `T`; the guard keeps everyone else away.
        unsafe { &*self.guard.value.pointer.cast::<T>() }
    }
}

impl<T: HeldType> DerefMut for HeldGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and the guard is borrowed mutably.
        unsafe { &mut *self.guard.value.pointer.cast::<T>() }
    }
}

/// A type that can be held, as it registers.
pub struct HeldEntry {
    /// The path of its module, `::`, its name.
    pub path: &'static str,
    /// Its fields as written.
    pub layout: &'static str,
    /// Its name, size and alignment.
    pub key: fn() -> TypeKey,
    /// Which layouts it has, and the types that it leads to.
    pub mark: &'static LayoutMark,
    /// Its crate.
    pub krate: &'static HotCrate,
    #[doc(hidden)]
    pub make: fn() -> Result<RawValue, Box<Caught>>,
    #[doc(hidden)]
    pub save: unsafe fn(&RawValue, &mut SavedState) -> Result<(), Box<Caught>>,
    #[doc(hidden)]
    pub restore: unsafe fn(&mut RawValue, &mut SavedState) -> Result<(), Box<Caught>>,
}

impl HeldEntry {
    /// Whether the same bytes mean the same to the code of both.
    fn has_layout_of(&self, other: &HeldEntry) -> bool {
        // The text alone tells nothing of the types of the fields, and the size is one for every `Vec`.
        self.layout == other.layout
            && (self.key)() == (other.key)()
            && self.mark.agrees_with(other.mark)
    }
}

impl fmt::Debug for HeldEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeldEntry({})", self.path)
    }
}

/// An owned value whose type only the code that made it knows.
#[doc(hidden)]
pub struct RawValue {
    pointer: *mut (),
    drop: fn(*mut ()),
}

// SAFETY: `RawValue::new` takes only values that are `Send`.
unsafe impl Send for RawValue {}

#[doc(hidden)]
impl RawValue {
    pub fn new<T: HeldType>(value: T) -> RawValue {
        RawValue {
            pointer: Box::into_raw(Box::new(value)).cast(),
            drop: drop_value::<T>,
        }
    }

    /// The `save` of the entry of `T`.
    ///
    /// # Safety
    ///
    /// The value was made by the entry of `T` in the same module.
    pub unsafe fn save_as<T: HeldType>(&self, state: &mut SavedState) -> Result<(), Box<Caught>> {
        // SAFETY: the caller vouches for the type, and the value lives as long as `self`.
        let value = unsafe { &*self.pointer.cast::<T>() };
        boundary::contain(|| value.save(state))
    }

    /// The `restore` of the entry of `T`.
    ///
    /// # Safety
    ///
    /// The value was made by the entry of `T` in the same module.
    pub unsafe fn restore_as<T: HeldType>(
        &mut self,
        state: &mut SavedState,
    ) -> Result<(), Box<Caught>> {
        // SAFETY: as above, and `self` is borrowed mutably.
        let value = unsafe { &mut *self.pointer.cast::<T>() };
        boundary::contain(|| value.restore(state))
    }
}

impl Drop for RawValue {
    fn drop(&mut self) {
        (self.drop)(self.pointer);
    }
}

/// Compiled into the module that made the value, so its destructor's panic ends there.
fn drop_value<T: HeldType>(pointer: *mut ()) {
    let dropped = boundary::contain(|| {
        // SAFETY: only `RawValue::drop` calls this, once, with the pointer that `new::<T>` made.
        drop(unsafe { Box::from_raw(pointer.cast::<T>()) });
    });
    if let Err(caught) = dropped {
        crate::policy::tell_contained(T::entry().krate, T::entry().path, *caught);
    }
}

/// A value that the program holds, and the code that knows it.
#[derive(Debug)]
pub(crate) struct Holder {
    held: Mutex<HeldValue>,
}

struct HeldValue {
    /// Dropped first: its destructor is in the library.
    value: RawValue,
    entry: &'static HeldEntry,
    /// How often it was locked for use. Each time may have changed it, if only behind a `Cell`.
    uses: u64,
    /// Keeps the library mapped; `None` is the program itself.
    _generation: Option<Arc<Generation>>,
}

impl HeldValue {
    /// A default value, made by the newest code that knows the type of `entry`.
    fn make(entry: &'static HeldEntry) -> HeldValue {
        let generation = entry.krate.live.current();
        let newest = generation
            .as_ref()
            .and_then(|generation| generation.krate().held_type(entry.path));
        let entry = newest.unwrap_or(entry);
        let value = (entry.make)().unwrap_or_else(|caught| {
            crate::policy::tell_contained(entry.krate, entry.path, (*caught).clone());
            boundary::resume(caught.told())
        });
        HeldValue {
            value,
            entry,
            uses: 0,
            _generation: generation,
        }
    }
}

impl fmt::Debug for HeldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeldValue({})", self.entry.path)
    }
}

/// All values that the program holds, for [`services`].
pub(crate) fn own_holders() -> &'static Mutex<Vec<Weak<Holder>>> {
    static HOLDERS: Mutex<Vec<Weak<Holder>>> = Mutex::new(Vec::new());
    &HOLDERS
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
