//! What is there to be watched: the directories beneath the roots, the single files, and the few
//! other places whose change means that the tree itself must be looked at anew.
//!
//! Directories and files are known by their *location*: the path with all links in its directory
//! resolved, which is what the system reports and what is the same under whatever root a file is
//! reached. What the caller reads is the *name*: the path beneath the root as given.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::identity::Identity;
use crate::scope::{self, Place, Scope};
use crate::watches::Watches;
use crate::{Root, WatchError};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// The directories of which every entry counts, by location.
    directories: HashMap<PathBuf, Directory>,
    /// The single files, by location.
    pinned: HashMap<PathBuf, Named>,
    /// For the target of a link to a file: the locations of the links.
    aliases: HashMap<PathBuf, BTreeSet<PathBuf>>,
    /// The entries of the directories that do not count, as far as they were met.
    left_out: HashSet<PathBuf>,
    /// The directories of which only some entries matter.
    glanced: HashSet<PathBuf>,
    /// The paths whose coming or going moves a root.
    landmarks: HashSet<PathBuf>,
    /// The directory roots that are not there, as given.
    pub(crate) missing: BTreeSet<PathBuf>,
    /// Git's directories of the repositories that the roots are in.
    pub(crate) git_directories: BTreeSet<PathBuf>,
}

/// What the caller calls a file, and beneath which of its roots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) name: PathBuf,
    pub(crate) root: Arc<Path>,
}

#[derive(Debug)]
struct Directory {
    named: Named,
    boundary: Arc<Path>,
    identity: Option<Identity>,
}

/// What a walk through the tree needs and brings home.
pub(crate) struct Walk<'a> {
    pub(crate) scope: &'a mut Scope,
    pub(crate) watches: &'a mut Watches,
    /// The locations of the files that count.
    pub(crate) files: Vec<PathBuf>,
    pub(crate) problems: Vec<WatchError>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(scope: &'a mut Scope, watches: &'a mut Watches) -> Self {
        Walk {
            scope,
            watches,
            files: Vec::new(),
            problems: Vec::new(),
        }
    }
}

impl Tree {
    /// Takes a root in: watches it, and lists its files into the walk.
    pub(crate) fn attach(&mut self, root: &Root, walk: &mut Walk<'_>) {
        match root {
            Root::Directory(path) => self.attach_directory(path, walk),
            Root::File(path) => self.attach_file(path, walk),
        }
    }

    /// Takes in a directory that appeared in one that is watched, with everything beneath it.
    /// Nothing happens where it does not count.
    pub(crate) fn enter(&mut self, location: &Path, walk: &mut Walk<'_>) {
        // Where a watch covers a whole tree, the directory may have been made within another one
        // of which nothing was heard yet.
        let Some(outermost) = location
            .ancestors()
            .take_while(|ancestor| !self.directories.contains_key(*ancestor))
            .last()
        else {
            return;
        };
        let Some((parent, directory)) = outermost
            .parent()
            .and_then(|parent| self.directories.get_key_value(parent))
        else {
            return;
        };
        let Some(name) = outermost.file_name() else {
            return;
        };
        let leaves_out = walk.scope.leaves_out(place(parent, directory), name, true);
        if leaves_out {
            self.left_out.insert(outermost.to_owned());
            return;
        }
        let directory = directory.beneath(name);
        self.walk(outermost.to_owned(), directory, walk);
    }

    /// Drops a directory that went away, and everything beneath it.
    pub(crate) fn leave(&mut self, location: &Path) {
        self.directories
            .retain(|directory, _| !directory.starts_with(location));
    }

    /// Whether every entry of this directory counts.
    pub(crate) fn has_directory(&self, location: &Path) -> bool {
        self.directories.contains_key(location)
    }

    /// Whether another directory took the path of this one, unheard.
    pub(crate) fn is_replaced(&self, location: &Path) -> bool {
        self.directories
            .get(location)
            .is_some_and(|directory| directory.identity != identity_at(location))
    }

    /// Whether the directory must be watched.
    pub(crate) fn needs(&self, location: &Path) -> bool {
        self.directories.contains_key(location) || self.glanced.contains(location)
    }

    /// Whether the coming or going of this path moves a root.
    pub(crate) fn is_landmark(&self, location: &Path) -> bool {
        self.landmarks.contains(location) || self.glanced.contains(location)
    }

    /// The files that are links to this location.
    pub(crate) fn links_to(&self, location: &Path) -> impl Iterator<Item = &PathBuf> {
        self.aliases.get(location).into_iter().flatten()
    }

    /// Whether a file at this location counted at the last look. If so, its coming to be is a
    /// change, and otherwise it may have been there for long.
    pub(crate) fn covers(&self, location: &Path) -> bool {
        if self.pinned.contains_key(location) {
            return true;
        }
        let mut entry = location;
        while let Some(directory) = entry.parent() {
            if self.directories.contains_key(directory) {
                return !self.left_out.contains(entry);
            }
            entry = directory;
        }
        false
    }

    /// Remembers that the file at `location` does not count, if it is in a directory that does.
    pub(crate) fn leave_out(&mut self, location: &Path) {
        if location
            .parent()
            .is_some_and(|directory| self.directories.contains_key(directory))
        {
            self.left_out.insert(location.to_owned());
        }
    }

    /// What the file at `location` is called, if it counts.
    pub(crate) fn name_of(&self, location: &Path, scope: &mut Scope) -> Option<Named> {
        if let Some(named) = self.pinned.get(location) {
            return Some(named.clone());
        }
        let (parent, directory) = self.directories.get_key_value(location.parent()?)?;
        let name = location.file_name()?;
        let counts = !scope.leaves_out(place(parent, directory), name, false);
        counts.then(|| directory.named.beneath(name))
    }

    /// Watches what a link to a file points to, if `location` is one.
    pub(crate) fn follow(&mut self, location: &Path, watches: &mut Watches) {
        for links in self.aliases.values_mut() {
            links.remove(location);
        }
        self.aliases.retain(|_, links| !links.is_empty());
        if is_link(location)
            && let Ok(target) = fs::canonicalize(location)
            && let Some(directory) = target.parent()
        {
            self.glance(directory, watches);
            let links = self.aliases.entry(target).or_default();
            links.insert(location.to_owned());
        }
    }

    fn attach_directory(&mut self, path: &Path, walk: &mut Walk<'_>) {
        let resolve = || fs::canonicalize(path).ok().filter(|real| real.is_dir());
        let real = match resolve() {
            Some(real) => Some(real),
            None => {
                self.look_out_for(path, walk.watches);
                // It may have come before it was looked out for.
                resolve()
            }
        };
        let Some(real) = real else {
            self.missing.insert(path.to_owned());
            return;
        };
        if is_link(path) {
            self.look_out_for(path, walk.watches);
        }
        self.landmarks.insert(real.clone());
        let boundary = scope::boundary(&real);
        if let Some(git) = scope::git_directory(boundary) {
            // That a checkout is done shows only there.
            self.glance(&git, walk.watches);
            self.git_directories.insert(git);
        }
        // The ignore rules above the root may change too.
        for above in real.ancestors().skip(1) {
            if !above.starts_with(boundary) {
                break;
            }
            self.glance(above, walk.watches);
        }
        let directory = Directory {
            named: Named {
                name: path.to_owned(),
                root: path.into(),
            },
            boundary: boundary.into(),
            identity: None,
        };
        self.walk(real, directory, walk);
    }

    fn attach_file(&mut self, path: &Path, walk: &mut Walk<'_>) {
        self.look_out_for(path, walk.watches);
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return;
        };
        // Where its directory is not there yet, the file is pinned when that comes.
        let Ok(parent) = fs::canonicalize(parent) else {
            return;
        };
        let location = parent.join(name);
        self.landmarks.remove(&location);
        self.follow(&location, walk.watches);
        let named = Named {
            name: path.to_owned(),
            root: path.into(),
        };
        self.pinned.entry(location.clone()).or_insert(named);
        walk.files.push(location);
    }

    /// Watches the nearest directory above `path` that exists, for the next step towards it.
    fn look_out_for(&mut self, path: &Path, watches: &mut Watches) {
        let mut watched = None;
        while let Some((directory, next)) = nearest_existing(path) {
            if watched.as_ref() == Some(&directory) {
                break;
            }
            // Looked at again after it is watched, so that what came in between is not missed.
            self.glance(&directory, watches);
            self.landmarks.insert(directory.join(next));
            watched = Some(directory);
        }
    }

    fn glance(&mut self, directory: &Path, watches: &mut Watches) {
        if watches.glance(directory) {
            self.glanced.insert(directory.to_owned());
        }
    }

    fn walk(&mut self, start: PathBuf, directory: Directory, walk: &mut Walk<'_>) {
        let mut waiting = vec![(start, directory)];
        while let Some((location, mut directory)) = waiting.pop() {
            // Under another root already; the first one names it.
            if self.directories.contains_key(&location) {
                continue;
            }
            // Watched before it is listed, so that no entry falls in between.
            if !walk.watches.watch(&location) {
                continue;
            }
            directory.identity = identity_at(&location);
            match fs::read_dir(&location) {
                Ok(entries) => {
                    for entry in entries {
                        match entry {
                            Ok(entry) => {
                                self.note(&location, &directory, &entry, &mut waiting, walk);
                            }
                            Err(source) => walk.problems.push(unlisted(&location, source)),
                        }
                    }
                    self.directories.insert(location, directory);
                }
                // Gone in the meantime, which the watch on its parent tells.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => walk.problems.push(unlisted(&location, source)),
            }
        }
    }

    fn note(
        &mut self,
        location: &Path,
        directory: &Directory,
        entry: &fs::DirEntry,
        waiting: &mut Vec<(PathBuf, Directory)>,
        walk: &mut Walk<'_>,
    ) {
        // An entry of which not even the kind is to be had went away in the meantime.
        let Ok(kind) = entry.file_type() else {
            return;
        };
        let name = entry.file_name();
        let leaves_out = walk
            .scope
            .leaves_out(place(location, directory), &name, kind.is_dir());
        if leaves_out {
            self.left_out.insert(entry.path());
            return;
        }
        if kind.is_dir() {
            waiting.push((entry.path(), directory.beneath(&name)));
            return;
        }
        if kind.is_symlink() {
            self.follow(&entry.path(), walk.watches);
        }
        walk.files.push(entry.path());
    }
}

impl Named {
    fn beneath(&self, name: &OsStr) -> Named {
        Named {
            name: self.name.join(name),
            root: self.root.clone(),
        }
    }
}

impl Directory {
    fn beneath(&self, name: &OsStr) -> Directory {
        Directory {
            named: self.named.beneath(name),
            boundary: self.boundary.clone(),
            identity: None,
        }
    }
}

fn place<'a>(location: &'a Path, directory: &'a Directory) -> Place<'a> {
    let named = &directory.named;
    Place {
        directory: location,
        // A directory's name begins with its root's by construction.
        within_root: named.name.strip_prefix(&named.root).unwrap_or(&named.name),
        boundary: &directory.boundary,
    }
}

/// The nearest directory above `path` that exists, links resolved, and the name of the next step
/// from there towards `path`.
fn nearest_existing(path: &Path) -> Option<(PathBuf, &OsStr)> {
    path.ancestors().skip(1).find_map(|ancestor| {
        let real = fs::canonicalize(ancestor).ok()?;
        if !real.is_dir() {
            return None;
        }
        match path.strip_prefix(ancestor).ok()?.components().next()? {
            Component::Normal(next) => Some((real, next)),
            _ => None,
        }
    })
}

fn identity_at(location: &Path) -> Option<Identity> {
    let metadata = fs::metadata(location).ok()?;
    Some(Identity::of(&metadata))
}

fn is_link(path: &Path) -> bool {
    path.symlink_metadata()
        .is_ok_and(|metadata| metadata.is_symlink())
}

fn unlisted(directory: &Path, source: io::Error) -> WatchError {
    WatchError::Directory {
        directory: directory.to_owned(),
        source: source.into(),
    }
}
