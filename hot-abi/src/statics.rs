//! Statics that exist once, in the program and all its libraries.
//!
//! A library that was built on its own has its own copy of every static. One declared with
//! [`hot_static!`](crate::hot_static) registers under a key, and a library that is loaded points its
//! copy at the program's value.

use crate::args::TypeKey;
use crate::registry;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A static that a program can patch into its libraries. Declared with
/// [`hot_static!`](crate::hot_static) and read with [`hot_static_ref!`](crate::hot_static_ref).
pub struct HotStatic<T: Sync + 'static> {
    value: AtomicPtr<T>,
    /// Where the value lies that this module brought. Never changes.
    own: AtomicPtr<T>,
}

impl<T: Sync + 'static> HotStatic<T> {
    #[doc(hidden)]
    pub const fn new(value: &'static T) -> Self {
        let own = std::ptr::from_ref(value).cast_mut();
        HotStatic {
            value: AtomicPtr::new(own),
            own: AtomicPtr::new(own),
        }
    }

    #[doc(hidden)]
    #[inline(always)]
    pub fn get(&self) -> &'static T {
        // SAFETY: the pointer is the `&'static T` given to `new`, or the one of the program's static
        // with the same key and type, which `StaticPatch::apply` stored. Where the type is one by its name
        // and size only, `StaticEntry::keep_own_value` is called before anything reads it.
        unsafe { &*self.value.load(Ordering::Acquire) }
    }

    #[doc(hidden)]
    pub const fn slot(&'static self) -> StaticSlot {
        StaticSlot {
            // SAFETY: `AtomicPtr<T>` has the same layout for every sized `T`: that of a thin pointer.
            value: unsafe { &*std::ptr::from_ref(&self.value).cast::<AtomicPtr<()>>() },
            // SAFETY: as above.
            own: unsafe { &*std::ptr::from_ref(&self.own).cast::<AtomicPtr<()>>() },
        }
    }
}

impl<T: Sync + 'static> fmt::Debug for HotStatic<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HotStatic").finish_non_exhaustive()
    }
}

/// Where a static keeps the address of its value, and that of the value which its module brought.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct StaticSlot {
    value: &'static AtomicPtr<()>,
    own: &'static AtomicPtr<()>,
}

/// A static as it registers.
#[derive(Clone, Copy, Debug)]
pub struct StaticEntry {
    /// The folder of its crate's Cargo.toml, the path of its module, its name: enough to tell two
    /// statics of one name in different modules, crates and versions apart.
    pub key: &'static str,
    /// Its type.
    pub type_key: fn() -> TypeKey,
    #[doc(hidden)]
    pub slot: StaticSlot,
}

impl StaticEntry {
    /// Points the static at the value that its module brought, whatever it pointed at.
    ///
    /// For whoever finds that the layout of its type is not the program's, before code of the library runs.
    pub fn keep_own_value(&self) {
        let own = self.slot.own.load(Ordering::Relaxed);
        self.slot.value.store(own, Ordering::Release);
    }
}

/// The addresses of the program's statics, for libraries to point theirs at.
#[derive(Debug)]
pub struct StaticPatch {
    values: HashMap<&'static str, (TypeKey, &'static AtomicPtr<()>)>,
    repeated: Vec<&'static str>,
}

impl StaticPatch {
    /// Captures all statics of this program.
    ///
    /// A key that several statics have, as two in the bodies of two functions of one module, is a
    /// mistake in the program: none of them is patched, and [`repeated`](StaticPatch::repeated) names it.
    pub fn capture() -> StaticPatch {
        StaticPatch::of(&registry::STATICS)
    }

    /// The keys that several statics have.
    pub fn repeated(&self) -> &[&'static str] {
        &self.repeated
    }

    fn of(statics: &[StaticEntry]) -> StaticPatch {
        let mut values = HashMap::new();
        let mut repeated = Vec::new();
        for entry in statics {
            if values
                .insert(entry.key, ((entry.type_key)(), entry.slot.value))
                .is_some()
            {
                repeated.push(entry.key);
            }
        }
        for key in &repeated {
            values.remove(key);
        }
        StaticPatch { values, repeated }
    }

    /// Points the statics of this module, a library, at the program's. Returns also those that point there now.
    pub(crate) fn apply(&self) -> (PatchReport, Vec<StaticEntry>) {
        self.apply_to(&registry::STATICS)
    }

    fn apply_to(&self, statics: &[StaticEntry]) -> (PatchReport, Vec<StaticEntry>) {
        let mut report = PatchReport::default();
        let mut patched = Vec::new();
        let mut missing: HashMap<_, _> = self.values.keys().map(|key| (*key, ())).collect();
        for entry in statics {
            missing.remove(entry.key);
            let Some((program, address)) = self.values.get(entry.key) else {
                report.new.push(entry.key.to_owned());
                continue;
            };
            let library = (entry.type_key)();
            if library != *program {
                report.mismatched.push(StaticMismatch {
                    key: entry.key.to_owned(),
                    program: program.to_string(),
                    library: library.to_string(),
                });
                continue;
            }
            let value = address.load(Ordering::Acquire);
            entry.slot.value.store(value, Ordering::Release);
            report.patched += 1;
            patched.push(*entry);
        }
        report.missing = missing.into_keys().map(str::to_owned).collect();
        report.missing.sort_unstable();
        (report, patched)
    }
}

/// What became of a library's statics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PatchReport {
    /// How many point at the program's value now.
    pub patched: usize,
    /// Keys that the program lacks: the library keeps its own value.
    pub new: Vec<String>,
    /// Keys of the program that the library lacks.
    pub missing: Vec<String>,
    /// Statics of another type than the program's, or of one with another layout: not patched, the library
    /// keeps its own value.
    pub mismatched: Vec<StaticMismatch>,
}

/// A static whose type in a library is not its type in the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticMismatch {
    /// The static's key.
    pub key: String,
    /// Its type in the program.
    pub program: String,
    /// Its type in the library.
    pub library: String,
}

impl fmt::Display for StaticMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "static `{}` is a {} in the program and a {} in the new code, which therefore has a value of its own; \
             restart the program to share it",
            self.key, self.program, self.library
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static ONE: u32 = 1;
    static TWO: u32 = 2;
    static PROGRAM: HotStatic<u32> = HotStatic::new(&ONE);
    static LIBRARY: HotStatic<u32> = HotStatic::new(&TWO);
    static OTHER: HotStatic<u32> = HotStatic::new(&TWO);

    fn entry<T: 'static>(key: &'static str, slot: StaticSlot) -> StaticEntry {
        StaticEntry {
            key,
            type_key: TypeKey::of::<T>,
            slot,
        }
    }

    #[test]
    fn a_library_reads_the_programs_value_and_tells_what_did_not_fit() {
        let patch = StaticPatch::of(&[
            entry::<u32>("shared", PROGRAM.slot()),
            entry::<u32>("retyped", PROGRAM.slot()),
            entry::<u32>("dropped", PROGRAM.slot()),
        ]);
        let (report, patched) = patch.apply_to(&[
            entry::<u32>("shared", LIBRARY.slot()),
            entry::<f32>("retyped", OTHER.slot()),
            entry::<u32>("added", OTHER.slot()),
        ]);
        assert_eq!((*LIBRARY.get(), *OTHER.get()), (1, 2));
        assert_eq!(report.patched, 1);
        assert_eq!(patched.len(), 1);
        patched[0].keep_own_value();
        assert_eq!(*LIBRARY.get(), 2);
        assert_eq!(report.new, ["added"]);
        assert_eq!(report.missing, ["dropped"]);
        assert_eq!(report.mismatched.len(), 1);
        assert_eq!(report.mismatched[0].key, "retyped");
    }

    #[test]
    fn a_repeated_key_is_named_and_not_patched() {
        let patch = StaticPatch::of(&[
            entry::<u32>("twice", PROGRAM.slot()),
            entry::<u32>("twice", OTHER.slot()),
        ]);
        assert_eq!(patch.repeated(), ["twice"]);
        let (report, _) = patch.apply_to(&[entry::<u32>("twice", OTHER.slot())]);
        assert_eq!((report.patched, report.new.len()), (0, 1));
    }
}
