//! Where compilers write that are run without cargo.
//!
//! The compiler keeps in its incremental cache where it wrote to, and makes all machine code anew when that is
//! another directory. So it is always the same one for a crate, for this process and for the next, with a
//! cache of its own: cargo's is left to cargo. Only where several programs reload one crate at the same time
//! does each have a place of its own.

use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::{BuildArgs, CargoReason};

use super::{Record, RustcCommand};

/// The places of this process, by the directory that they are in.
#[derive(Debug, Default)]
pub(crate) struct Workplaces {
    places: HashMap<PathBuf, Place>,
}

/// A directory that no other process uses for as long as this one lives.
#[derive(Debug)]
struct Place {
    directory: PathBuf,
    /// Locked until the process ends.
    _lock: File,
}

/// Where the compiler writes for a hot crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Workplace {
    /// What it makes.
    pub(crate) out_dir: PathBuf,
    /// What it remembers.
    pub(crate) incremental: PathBuf,
    /// By which command line it wrote last.
    command: PathBuf,
}

impl Workplaces {
    /// The place for a crate.
    pub(crate) fn of(
        &mut self,
        args: &BuildArgs,
        record: &Record,
    ) -> Result<Workplace, CargoReason> {
        let parent = record.out_dir().join("hot-thin");
        let place = match self.places.get(&parent) {
            Some(place) => place,
            None => {
                let place = Place::take(&parent).map_err(unwritable(&parent))?;
                self.places.entry(parent).or_insert(place)
            }
        };
        let name: String = args
            .manifest_dir
            .to_string_lossy()
            .chars()
            .map(|letter| match letter.is_alphanumeric() {
                true => letter,
                false => '_',
            })
            .collect();
        let directory = place.directory.join(name);
        let workplace = Workplace::below(&directory);
        for directory in [&workplace.out_dir, &workplace.incremental] {
            fs::create_dir_all(directory).map_err(unwritable(directory))?;
        }
        Ok(workplace)
    }
}

impl Workplace {
    pub(super) fn below(directory: &Path) -> Self {
        Self {
            out_dir: directory.join("out"),
            incremental: directory.join("incremental"),
            command: directory.join("command"),
        }
    }

    /// Whether the compiler remembers a run of `command`, so that the next one is short.
    pub(crate) fn remembers(&self, command: &RustcCommand) -> bool {
        let noted = fs::read_to_string(&self.command).unwrap_or_default();
        noted.split(BETWEEN).next() == Some(&command.line())
    }

    /// Whether `command` worked the last time, with the same variables.
    pub(crate) fn has_seen_work(&self, command: &RustcCommand) -> bool {
        fs::read_to_string(&self.command).is_ok_and(|noted| noted == note_of(command))
    }

    /// Notes that `command` worked.
    pub(crate) fn note(&self, command: &RustcCommand) {
        if !self.has_seen_work(command) {
            // Unnoted, it is run once more than needed.
            let _ = fs::write(&self.command, note_of(command));
        }
    }
}

impl Place {
    /// Takes the first place in `parent` that no living process has.
    fn take(parent: &Path) -> io::Result<Self> {
        for number in 0.. {
            let directory = parent.join(format!("compile-{number}"));
            fs::create_dir_all(&directory)?;
            let lock = File::create(directory.join("lock"))?;
            match lock.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => continue,
                Err(TryLockError::Error(error)) => return Err(error),
            }
            remove_output(&directory);
            return Ok(Self {
                directory,
                _lock: lock,
            });
        }
        unreachable!("the loop ends with a place or an error")
    }
}

/// Removes what earlier processes had compiled, and what compilers that were killed left behind. What cannot
/// be removed is in nobody's way.
fn remove_output(place: &Path) {
    for directory in fs::read_dir(place).into_iter().flatten().flatten() {
        let _ = fs::remove_dir_all(directory.path().join("out"));
    }
}

/// What stands between a command line and its variables in a note.
const BETWEEN: &str = "\n\n";

fn note_of(command: &RustcCommand) -> String {
    format!("{}{BETWEEN}{}", command.line(), command.setting())
}

fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> CargoReason + use<> {
    let path = path.to_owned();
    move |error| CargoReason::Unwritable {
        path,
        problem: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_process_is_gone_and_keeps_what_it_remembers() {
        let parent = tempfile::tempdir().expect("a directory");
        let first = Place::take(parent.path()).expect("it can be written");
        let second = Place::take(parent.path()).expect("it can be written");
        assert_ne!(first.directory, second.directory);
        let left = first.directory.clone();
        for kind in ["out", "incremental"] {
            let directory = left.join("scene").join(kind);
            fs::create_dir_all(&directory).expect("a directory");
            fs::write(directory.join("file"), "").expect("a file");
        }
        drop(first);
        let again = Place::take(parent.path()).expect("it can be written");
        assert_eq!(again.directory, left);
        assert!(left.join("scene/incremental/file").is_file());
        assert!(!left.join("scene/out").exists());
    }
}
