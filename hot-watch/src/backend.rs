//! The system's file events. The only file that names `notify`.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

/// Something that the system told.
#[derive(Debug)]
pub(crate) enum Event {
    /// Something happened to a path.
    Path { path: PathBuf, what: What },
    /// Events were lost.
    Overflow,
    /// The backend itself has a problem.
    Failed(BackendError),
}

/// What happened to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// A file or directory was made.
    Created,
    /// A file or directory was renamed to this path.
    RenamedHere,
    /// Bytes were written.
    Written,
    /// A writer closed the file.
    Closed,
    /// It was removed, or renamed away.
    Gone,
    /// Its metadata changed.
    Touched,
}

/// How far one watch reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// The directory and its entries.
    Entries,
    /// Everything beneath it.
    Everything,
}

/// Why the backend could not do what it was asked to.
#[derive(Debug)]
pub(crate) struct BackendError {
    pub(crate) cause: Cause,
    pub(crate) source: Box<dyn Error + Send + Sync>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// No more directories can be watched.
    WatchLimit,
    /// No more watchers can be made.
    InstanceLimit,
    /// There is no such directory.
    NotFound,
    /// Anything else.
    Other,
}

/// A source of events for the directories it is told to watch.
pub(crate) trait Backend {
    /// The farthest that one watch can reach without watching what should be left out.
    fn reach(&self) -> Reach;

    /// Begins to watch a directory. Watching one again does no harm.
    fn watch(&mut self, directory: &Path, reach: Reach) -> Result<(), BackendError>;

    /// Ends to watch a directory. One that is not watched, or is gone, is no error.
    fn unwatch(&mut self, directory: &Path);
}

/// Where a backend puts its events. Called on a thread of the backend's.
pub(crate) type Sink = Box<dyn FnMut(Event) + Send>;

/// Makes a backend that puts its events into the sink.
pub(crate) type Connect = Box<dyn FnOnce(Sink) -> Result<Box<dyn Backend>, BackendError> + Send>;

/// Connects to the operating system's own events.
pub(crate) fn connect_system(mut sink: Sink) -> Result<Box<dyn Backend>, BackendError> {
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        translate(event, &mut sink);
    })?;
    Ok(Box::new(System { watcher }))
}

struct System {
    watcher: RecommendedWatcher,
}

impl Backend for System {
    fn reach(&self) -> Reach {
        // inotify has one watch per directory however it is asked, so that leaving out `target`
        // pays; the others watch a whole tree for the price of one directory.
        if cfg!(any(target_os = "linux", target_os = "android")) {
            Reach::Entries
        } else {
            Reach::Everything
        }
    }

    fn watch(&mut self, directory: &Path, reach: Reach) -> Result<(), BackendError> {
        let mode = match reach {
            Reach::Entries => RecursiveMode::NonRecursive,
            Reach::Everything => RecursiveMode::Recursive,
        };
        Ok(self.watcher.watch(directory, mode)?)
    }

    fn unwatch(&mut self, directory: &Path) {
        // The one error there is says that it is not watched, which is what was asked for: the
        // system ends a watch by itself when the directory goes.
        let _ = self.watcher.unwatch(directory);
    }
}

impl From<notify::Error> for BackendError {
    fn from(error: notify::Error) -> Self {
        let cause = match &error.kind {
            notify::ErrorKind::MaxFilesWatch => Cause::WatchLimit,
            notify::ErrorKind::PathNotFound => Cause::NotFound,
            notify::ErrorKind::Io(error) if error.kind() == io::ErrorKind::NotFound => {
                Cause::NotFound
            }
            notify::ErrorKind::Io(error) if is_too_many_open_files(error) => Cause::InstanceLimit,
            _ => Cause::Other,
        };
        BackendError {
            cause,
            source: Box::new(error),
        }
    }
}

/// `EMFILE` has this number on every Unix, and no stable `io::ErrorKind`.
fn is_too_many_open_files(error: &io::Error) -> bool {
    cfg!(unix) && error.raw_os_error() == Some(24)
}

/// Puts into `sink` what `event` says of contents. Files that are opened or read (by us, by every
/// compiler) are dropped here, on notify's thread, so that nobody else wakes up for them.
fn translate(event: notify::Result<notify::Event>, sink: &mut Sink) {
    let event = match event {
        Ok(event) => event,
        Err(error) => return sink(Event::Failed(error.into())),
    };
    if event.need_rescan() {
        return sink(Event::Overflow);
    }
    let what = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => What::Closed,
        EventKind::Access(_) => return,
        EventKind::Create(_) => What::Created,
        EventKind::Remove(_) => What::Gone,
        EventKind::Modify(ModifyKind::Name(RenameMode::From)) => What::Gone,
        EventKind::Modify(ModifyKind::Name(RenameMode::To)) => What::RenamedHere,
        EventKind::Modify(ModifyKind::Name(RenameMode::Any | RenameMode::Other)) => {
            // Not told in which direction: look.
            for path in event.paths {
                let what = if path.symlink_metadata().is_ok() {
                    What::RenamedHere
                } else {
                    What::Gone
                };
                sink(Event::Path { path, what });
            }
            return;
        }
        EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => {
            // inotify tells both halves before, with a tracker; telling them again, later, would
            // be wrong where the old path is in use again.
            if event.tracker().is_none()
                && let [from, to] = &event.paths[..]
            {
                sink(Event::Path {
                    path: from.clone(),
                    what: What::Gone,
                });
                sink(Event::Path {
                    path: to.clone(),
                    what: What::RenamedHere,
                });
            }
            return;
        }
        EventKind::Modify(ModifyKind::Metadata(_)) => What::Touched,
        // Where the platform does not tell more, it may be a write.
        EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Any | ModifyKind::Other)
        | EventKind::Any
        | EventKind::Other => What::Written,
    };
    for path in event.paths {
        sink(Event::Path { path, what });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use notify::event::{CreateKind, Flag, MetadataKind};

    use super::*;

    fn told(event: notify::Event) -> Vec<Option<(PathBuf, What)>> {
        let (sender, receiver) = mpsc::channel();
        let mut sink: Sink = Box::new(move |event| sender.send(event).unwrap());
        translate(Ok(event), &mut sink);
        drop(sink);
        receiver
            .iter()
            .map(|event| match event {
                Event::Path { path, what } => Some((path, what)),
                Event::Overflow | Event::Failed(_) => None,
            })
            .collect()
    }

    fn rename(tracker: Option<usize>) -> notify::Event {
        let kind = EventKind::Modify(ModifyKind::Name(RenameMode::Both));
        let event = notify::Event::new(kind)
            .add_path("a".into())
            .add_path("b".into());
        match tracker {
            Some(tracker) => event.set_tracker(tracker),
            None => event,
        }
    }

    #[test]
    fn reading_is_nothing() {
        let open = EventKind::Access(AccessKind::Open(AccessMode::Any));
        assert_eq!(told(notify::Event::new(open).add_path("a".into())), []);
    }

    #[test]
    fn each_kind_is_told_as_what_it_means_for_content() {
        let close = EventKind::Access(AccessKind::Close(AccessMode::Write));
        let chmod = EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any));
        for (kind, what) in [
            (close, What::Closed),
            (chmod, What::Touched),
            (EventKind::Create(CreateKind::File), What::Created),
            (EventKind::Any, What::Written),
        ] {
            assert_eq!(
                told(notify::Event::new(kind).add_path("a".into())),
                [Some(("a".into(), what))]
            );
        }
    }

    #[test]
    fn a_rename_that_was_told_in_halves_is_not_told_again() {
        assert_eq!(told(rename(Some(7))), []);
        assert_eq!(
            told(rename(None)),
            [
                Some(("a".into(), What::Gone)),
                Some(("b".into(), What::RenamedHere))
            ]
        );
    }

    #[test]
    fn lost_events_are_told() {
        let event = notify::Event::new(EventKind::Other).set_flag(Flag::Rescan);
        assert_eq!(told(event), [None]);
    }

    #[test]
    fn errors_keep_their_cause() {
        let error = BackendError::from(notify::Error::new(notify::ErrorKind::MaxFilesWatch));
        assert_eq!(error.cause, Cause::WatchLimit);
        let error = BackendError::from(notify::Error::io(io::Error::from_raw_os_error(24)));
        assert_eq!(error.cause, Cause::InstanceLimit);
        let error = BackendError::from(notify::Error::path_not_found());
        assert_eq!(error.cause, Cause::NotFound);
    }
}
