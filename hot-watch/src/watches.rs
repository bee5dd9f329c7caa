//! The directories that the backend watches at present.

use std::collections::HashMap;
use std::mem;
use std::path::{Path, PathBuf};

use crate::WatchError;
use crate::backend::{Backend, BackendError, Cause, Reach};
use crate::limits;

/// The backend, if there is one, with the directories that it was told to watch.
pub(crate) struct Watches {
    backend: Option<Box<dyn Backend>>,
    watched: HashMap<PathBuf, Reach>,
    problems: Vec<WatchError>,
}

impl Watches {
    /// Without a backend, every question to watch something is granted: the caller polls.
    pub(crate) fn new(backend: Option<Box<dyn Backend>>) -> Self {
        Watches {
            backend,
            watched: HashMap::new(),
            problems: Vec::new(),
        }
    }

    /// Whether there are no events, so that files must be polled.
    pub(crate) fn must_poll(&self) -> bool {
        self.backend.is_none()
    }

    /// Whether one watch on a directory covers everything beneath it.
    pub(crate) fn reach_everything(&self) -> bool {
        self.backend
            .as_ref()
            .is_some_and(|backend| backend.reach() == Reach::Everything)
    }

    /// Watches a directory of a tree. Returns whether it exists.
    pub(crate) fn watch(&mut self, directory: &Path) -> bool {
        let Some(backend) = &self.backend else {
            return true;
        };
        let reach = backend.reach();
        let is_covered = directory.ancestors().any(|ancestor| {
            let watched = self.watched.get(ancestor).copied();
            watched == Some(Reach::Everything) || (ancestor == directory && watched >= Some(reach))
        });
        is_covered || self.add(directory, reach)
    }

    /// Watches the entries of a directory, of which only some matter. Returns whether it exists.
    pub(crate) fn glance(&mut self, directory: &Path) -> bool {
        self.watched.contains_key(directory) || self.add(directory, Reach::Entries)
    }

    /// Ends the watches of a directory and of everything beneath it.
    pub(crate) fn drop_beneath(&mut self, directory: &Path) {
        self.keep_only(|watched| !watched.starts_with(directory));
    }

    /// Ends the watches of the directories that are not to be kept.
    pub(crate) fn keep_only(&mut self, keep: impl Fn(&Path) -> bool) {
        for (directory, _) in self.watched.extract_if(|directory, _| !keep(directory)) {
            if let Some(backend) = &mut self.backend {
                backend.unwatch(&directory);
            }
        }
    }

    /// Ends all watches: they may stand for directories that are no longer at their paths.
    pub(crate) fn drop_all(&mut self) {
        self.keep_only(|_| false);
    }

    /// Gives the backend up, for the reason that it told.
    pub(crate) fn give_up(&mut self, error: BackendError, directory: Option<&Path>) {
        self.backend = None;
        self.watched.clear();
        self.problems.push(explain(error, directory));
    }

    /// The problems since the last call.
    pub(crate) fn take_problems(&mut self) -> Vec<WatchError> {
        mem::take(&mut self.problems)
    }

    fn add(&mut self, directory: &Path, reach: Reach) -> bool {
        let Some(backend) = &mut self.backend else {
            return true;
        };
        match backend.watch(directory, reach) {
            Ok(()) => {
                self.watched.insert(directory.to_owned(), reach);
                true
            }
            Err(error) => match error.cause {
                Cause::NotFound => false,
                Cause::WatchLimit | Cause::InstanceLimit => {
                    self.give_up(error, Some(directory));
                    true
                }
                Cause::Other => {
                    self.problems.push(WatchError::Directory {
                        directory: directory.to_owned(),
                        source: error.source,
                    });
                    true
                }
            },
        }
    }
}

/// Why there are no events.
pub(crate) fn explain(error: BackendError, directory: Option<&Path>) -> WatchError {
    let source = error.source;
    match error.cause {
        Cause::WatchLimit => WatchError::WatchLimit {
            directory: directory.map(Path::to_owned),
            limit: limits::max_user_watches(),
            source,
        },
        Cause::InstanceLimit => WatchError::InstanceLimit {
            limit: limits::max_user_instances(),
            source,
        },
        Cause::NotFound | Cause::Other => WatchError::Backend { source },
    }
}
