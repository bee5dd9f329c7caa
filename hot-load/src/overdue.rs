//! Work that went on after its deadline: what it is, since when, and that it ended.

use hot_abi::registry::HotCrate;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Work that went on after its deadline, beside the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overdue {
    /// What it is.
    pub work: Work,
    /// The generation that it is for.
    pub generation: u32,
    /// When it began.
    pub since: Instant,
}

/// What has a deadline.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Work {
    /// A library is opened and initialised.
    Opening {
        /// The library that was built.
        library: PathBuf,
    },
    /// The values that the program holds for its hot code migrate.
    Migration,
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Work::Opening { library } => {
                write!(f, "opening and initialising {}", library.display())
            }
            Work::Migration => f.write_str("the migration of the values that the program holds"),
        }
    }
}

/// Overdue work that ended.
#[derive(Clone, Debug)]
pub struct LateEnd {
    /// The crate, as it is linked into the program.
    pub krate: &'static HotCrate,
    /// What it was.
    pub overdue: Overdue,
    /// How long it took.
    pub took: Duration,
    /// Why it failed; `None` if it went well.
    pub failed: Option<String>,
}

/// The work that is overdue, and who is told when it ends.
#[derive(Default)]
pub(crate) struct Overdues {
    list: Mutex<Vec<(&'static HotCrate, Overdue)>>,
    tell: OnceLock<Box<dyn Fn(LateEnd) + Send + Sync>>,
}

impl Overdues {
    /// Tells `tell` whenever such work ends. The first call wins.
    pub(crate) fn tell(&self, tell: impl Fn(LateEnd) + Send + Sync + 'static) {
        let _ = self.tell.set(Box::new(tell));
    }

    /// Takes in work whose deadline has passed.
    pub(crate) fn add(&self, krate: &'static HotCrate, overdue: Overdue) {
        self.lock().push((krate, overdue));
    }

    /// Tells that it has ended.
    pub(crate) fn end(
        &self,
        krate: &'static HotCrate,
        overdue: Overdue,
        took: Duration,
        failed: Option<String>,
    ) {
        self.lock().retain(|(_, other)| *other != overdue);
        if let Some(tell) = self.tell.get() {
            tell(LateEnd {
                krate,
                overdue,
                took,
                failed,
            });
        }
    }

    /// What is overdue of a crate.
    pub(crate) fn of(&self, krate: &HotCrate) -> Vec<Overdue> {
        let list = self.lock();
        let own = list.iter().filter(|(other, _)| other.is(krate));
        own.map(|(_, overdue)| overdue.clone()).collect()
    }

    /// The library whose opening is overdue for longest. It keeps the system's loader from opening others.
    pub(crate) fn library(&self) -> Option<PathBuf> {
        self.lock()
            .iter()
            .find_map(|(_, overdue)| match &overdue.work {
                Work::Opening { library } => Some(library.clone()),
                Work::Migration => None,
            })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(&'static HotCrate, Overdue)>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Overdues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.lock().iter()).finish()
    }
}
