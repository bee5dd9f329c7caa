//! The migration of held values within a deadline: on a thread of its own, while the program's waits.

use crate::deadline::within;
use crate::overdue::{Overdue, Overdues, Work};
use hot_abi::held::{Migration, MigrationError, MigrationTask};
use hot_abi::registry::{HotCrate, Module};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Migrates, and keeps what came of a migration that ended after its deadline.
#[derive(Debug)]
pub(crate) struct Migrations {
    deadline: Duration,
    overdues: Arc<Overdues>,
    finished: Arc<Mutex<Vec<Finished>>>,
}

/// A migration that ended after its deadline.
#[derive(Debug)]
struct Finished {
    krate: &'static HotCrate,
    generation: u32,
    outcome: Outcome,
    took: Duration,
}

type Outcome = Result<Migration, MigrationError>;

/// One attempt to make a generation live, in which the program's thread waits no longer than the deadline,
/// however often it has to migrate.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    migrations: &'a Migrations,
    began: Option<Instant>,
    /// How long the migration took that was finished already.
    finished: Option<Duration>,
}

impl Migrations {
    pub(crate) fn new(deadline: Duration, overdues: Arc<Overdues>) -> Migrations {
        Migrations {
            deadline,
            overdues,
            finished: Arc::default(),
        }
    }

    pub(crate) fn attempt(&self) -> Attempt<'_> {
        Attempt {
            migrations: self,
            began: None,
            finished: None,
        }
    }

    /// Forgets what was finished for a crate, for another generation is live now.
    pub(crate) fn forget(&self, krate: &HotCrate) {
        let finished: Vec<_> = {
            let mut all = lock(&self.finished);
            all.extract_if(.., |one| one.krate.is(krate)).collect()
        };
        // Without the lock, for the values have destructors of the user's.
        drop(finished);
    }

    fn take_finished(&self, krate: &HotCrate, generation: u32) -> Option<Finished> {
        let mut all = lock(&self.finished);
        let is_it = |one: &Finished| one.krate.is(krate) && one.generation == generation;
        all.iter().position(is_it).map(|found| all.remove(found))
    }

    fn is_running(&self, krate: &HotCrate, generation: u32) -> bool {
        let overdue = self.overdues.of(krate);
        overdue
            .iter()
            .any(|overdue| overdue.work == Work::Migration && overdue.generation == generation)
    }

    /// Migrates on a thread of its own, and waits for it.
    fn run(&self, task: &MigrationTask, krate: &'static HotCrate, left: Duration) -> Outcome {
        let overdue = Overdue {
            work: Work::Migration,
            generation: task.generation(),
            since: Instant::now(),
        };
        let work = {
            let task = task.clone();
            move || task.run()
        };
        let given_up = || self.overdues.add(krate, overdue.clone());
        let late = {
            let (overdues, finished) = (Arc::clone(&self.overdues), Arc::clone(&self.finished));
            let overdue = overdue.clone();
            move |result, took| {
                let outcome = flatten(result);
                let failed = outcome.as_ref().err().map(ToString::to_string);
                lock(&finished).push(Finished {
                    krate,
                    generation: overdue.generation,
                    outcome,
                    took,
                });
                overdues.end(krate, overdue, took, failed);
            }
        };
        match within("hot-migration", left, work, given_up, late) {
            Ok(Some(result)) => flatten(result),
            Ok(None) => Err(MigrationError::Deadline {
                deadline: self.deadline,
            }),
            Err(error) => Err(MigrationError::Thread {
                reason: error.to_string(),
            }),
        }
    }
}

impl Attempt<'_> {
    /// Migrates, or takes what was finished meanwhile.
    pub(crate) fn migrate(&mut self, task: &MigrationTask) -> Outcome {
        let krate = Module::this().find(task.krate()).unwrap_or(task.krate());
        let generation = task.generation();
        if !task.is_due()? {
            return task.run();
        }
        if let Some(finished) = self.migrations.take_finished(krate, generation) {
            self.finished = Some(finished.took);
            return finished.outcome;
        }
        // What was finished was outdated, and another migration would be as slow.
        if let Some(took) = self.finished {
            return Err(MigrationError::Outdated { took });
        }
        let deadline = self.migrations.deadline;
        if self.migrations.is_running(krate, generation) {
            return Err(MigrationError::Deadline { deadline });
        }
        let waited = self.began.get_or_insert_with(Instant::now).elapsed();
        match deadline.checked_sub(waited) {
            Some(left) => self.migrations.run(task, krate, left),
            None => Err(MigrationError::Outdated { took: waited }),
        }
    }
}

fn flatten(result: thread::Result<Outcome>) -> Outcome {
    // The code of the user is contained, so this is a panic of ours.
    result.unwrap_or_else(|_| {
        Err(MigrationError::Thread {
            reason: "it panicked".to_owned(),
        })
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
