//! Thin libraries: the code of a crate alone, linked against the program that runs.
//!
//! A full library holds the crate with everything it depends on. But the program that it is for holds
//! all of that already, and it is right here: this code is part of it. So the objects of the crate are
//! linked against the running program itself, each symbol at its address in memory. What comes out has
//! kilobytes, and one copy of everything: of the standard library, of each dependency, and of the
//! statics and thread-locals of the crate itself.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::replay::Record;
use crate::{BuildArgs, ChangedStatic, FallbackReason, background};

#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_endian = "little",
    target_pointer_width = "64"
))]
#[path = "thin/elf.rs"]
mod system;
#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_endian = "little",
    target_pointer_width = "64"
)))]
#[path = "thin/elsewhere.rs"]
mod system;

mod static_types;

pub use static_types::{StaticComparison, StaticPair, StaticTypes};

/// Links thin libraries for the program that it is part of.
pub(crate) struct ThinLinker {
    /// The program and what links against it, or why nothing can.
    system: Arc<OnceLock<Result<system::System, FallbackReason>>>,
    /// Who compares the types of variables.
    types: OnceLock<Arc<dyn StaticTypes>>,
    /// The address of the personality routine, if it is not the program's.
    personality: OnceLock<usize>,
}

impl ThinLinker {
    /// Starts reading the symbols of this program, on a thread of its own.
    pub(crate) fn start() -> Self {
        let system = Arc::<OnceLock<_>>::default();
        let reader = system.clone();
        // Without a thread, the first build reads them.
        let _ = background::spawn("hot-build symbols", move || drop(read(&reader)));
        Self {
            system,
            types: OnceLock::new(),
            personality: OnceLock::new(),
        }
    }

    /// Has `types` compare the types of variables. The first call counts.
    pub(crate) fn set_types(&self, types: Arc<dyn StaticTypes>) {
        // A second one is told apart from the first by nobody.
        let _ = self.types.set(types);
    }

    /// Has the frames of libraries name the personality routine at `address`. The first call counts.
    pub(crate) fn set_personality(&self, address: usize) {
        // As above.
        let _ = self.personality.set(address);
    }

    /// Why this program cannot have thin libraries at all, if so. Waits until its symbols are read.
    pub(crate) fn unavailable(&self) -> Option<FallbackReason> {
        read(&self.system).err()
    }

    /// Does for a crate what can be done before there is anything to link.
    pub(crate) fn prepare(&self, args: &BuildArgs, record: &Record) {
        if let Ok(system) = read(&self.system) {
            // What is wrong is told by the build that needs it.
            let _ = system.prepare(args, record);
        }
    }

    /// Does what can be done for a link while its objects are still compiled. What it holds is given back when
    /// it is dropped.
    pub(crate) fn get_ready(&self) -> Ready {
        match self.system.get() {
            Some(Ok(system)) => Ready(system.get_ready()),
            _ => Ready::default(),
        }
    }

    /// Links the objects in `rlib` to the crate's thin library of that number. With it come the statics that
    /// begin anew in it.
    pub(crate) fn link(
        &self,
        args: &BuildArgs,
        record: &Record,
        rlib: &Path,
        number: u32,
        ready: Ready,
    ) -> Result<(PathBuf, Vec<ChangedStatic>), FallbackReason> {
        let given = Given {
            types: self.types.get().map(|types| &**types),
            personality: self.personality.get().copied(),
        };
        read(&self.system)?.link(args, record, rlib, number, ready.0, given)
    }
}

/// What those give who link.
#[derive(Clone, Copy)]
pub(crate) struct Given<'a> {
    /// Who compares the types of variables.
    types: Option<&'a dyn StaticTypes>,
    /// The address of the personality routine, if it is not the program's.
    personality: Option<usize>,
}

/// What was done for a link before there was anything to link.
#[derive(Debug, Default)]
pub(crate) struct Ready(system::Ready);

impl fmt::Debug for ThinLinker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThinLinker").finish_non_exhaustive()
    }
}

fn read(
    system: &OnceLock<Result<system::System, FallbackReason>>,
) -> Result<&system::System, FallbackReason> {
    system
        .get_or_init(system::System::of_this_process)
        .as_ref()
        .map_err(Clone::clone)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
