//! From events to changes: what the watcher's thread does between two waits. It waits for nothing
//! itself, and the time is told to it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crate::backend::{BackendError, Cause, Event, What};
use crate::content::{Content, Reader, Reading, Stamp};
use crate::scope::{self, Scope};
use crate::settle::{Ripeness, Settle, Signal};
use crate::tree::{Named, Tree, Walk};
use crate::watches::Watches;
use crate::{Change, ChangeKind, Changes, Notice, Root, WatchConfig, WatchError};

/// What the owner of the watcher asks for.
#[derive(Debug)]
pub(crate) enum Command {
    Watch(Root),
    Unwatch(Root),
    SetRoots(Vec<Root>),
    Rescan,
    Settle(Vec<PathBuf>),
}

pub(crate) struct Engine {
    roots: Vec<Root>,
    scope: Scope,
    tree: Tree,
    watches: Watches,
    settle: Settle,
    reader: Reader,
    /// The files as they were last delivered, by location.
    files: HashMap<PathBuf, Known>,
    /// The files that are different, until they are delivered. `None`: gone.
    staged: BTreeMap<PathBuf, (Named, Option<Reading>)>,
    staged_since: Option<Instant>,
    /// When the first event came since nothing was waited for.
    heard: Option<Instant>,
    /// How long reading files took since then.
    reading: Duration,
    /// The files that could not be read, so that each is told of once.
    unreadable: HashSet<PathBuf>,
    notices: Vec<Notice>,
    /// What is to be told to be settled.
    settling: Vec<Settling>,
    poll_interval: Duration,
    next_poll: Option<Instant>,
}

/// Files of which the owner wants to know when they are settled.
#[derive(Debug)]
struct Settling {
    paths: Vec<PathBuf>,
    locations: Vec<PathBuf>,
}

#[derive(Debug)]
struct Known {
    named: Named,
    reading: Reading,
}

/// What to make of the files when the tree is looked at anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Survey {
    /// The roots or the ignore rules changed. Files that did not count before are taken as they
    /// are.
    Adopt,
    /// New ones are changes; known ones are compared where their stamp differs.
    CompareStamps,
    /// New ones are changes; known ones are compared.
    CompareContents,
}

impl Engine {
    pub(crate) fn new(config: WatchConfig, scope: Scope, watches: Watches) -> Self {
        Engine {
            roots: config.roots,
            scope,
            tree: Tree::default(),
            watches,
            settle: Settle::new(config.quiet, config.max_hold),
            reader: Reader::new(config.hash_limit),
            files: HashMap::new(),
            staged: BTreeMap::new(),
            staged_since: None,
            heard: None,
            reading: Duration::ZERO,
            unreadable: HashSet::new(),
            notices: Vec::new(),
            settling: Vec::new(),
            poll_interval: config.poll_interval,
            next_poll: None,
        }
    }

    /// Takes the content of every file as it is now.
    pub(crate) fn start(&mut self, now: Instant) {
        self.survey(Survey::Adopt, &HashSet::new(), now);
        self.notices.push(Notice::Ready);
    }

    /// Adds something to be delivered.
    pub(crate) fn notify(&mut self, notice: Notice) {
        self.notices.push(notice);
    }

    /// When [`advance`](Self::advance) is to be called, if nothing else is heard.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let bulk = self.is_bulk();
        let staged = self
            .staged_since
            .map(|since| since + self.settle.patience(bulk));
        [self.settle.next_deadline(bulk), staged, self.next_poll]
            .into_iter()
            .flatten()
            .min()
    }

    pub(crate) fn on_command(&mut self, command: Command, now: Instant) {
        let survey = match command {
            Command::Watch(root) => {
                if !self.roots.contains(&root) {
                    self.roots.push(root);
                }
                Survey::Adopt
            }
            Command::Unwatch(root) => {
                self.roots.retain(|other| *other != root);
                self.after_removal()
            }
            Command::SetRoots(roots) => {
                self.roots.clear();
                for root in roots {
                    if !self.roots.contains(&root) {
                        self.roots.push(root);
                    }
                }
                self.after_removal()
            }
            Command::Rescan => {
                self.scope.forget_rules();
                Survey::CompareContents
            }
            Command::Settle(paths) => return self.begin_to_settle(paths, now),
        };
        self.survey(survey, &HashSet::new(), now);
        self.notices.push(Notice::Ready);
    }

    /// Has the files looked at that nobody looks at anyway.
    fn begin_to_settle(&mut self, paths: Vec<PathBuf>, now: Instant) {
        let named = |(_, known): &(&PathBuf, &Known)| paths.contains(&known.named.name);
        let elsewhere = self.files.iter().filter(named);
        let mut locations: Vec<_> = elsewhere.map(|(location, _)| location.clone()).collect();
        locations.extend(paths.iter().cloned());
        for location in &locations {
            if !self.is_awaited(location) {
                self.settle.on_event(location, Signal::Finished, now);
            }
        }
        self.settling.push(Settling { paths, locations });
    }

    /// Whether something was heard of a file that is not delivered yet.
    fn is_awaited(&self, location: &Path) -> bool {
        self.settle.is_pending(location) || self.staged.contains_key(location)
    }

    fn tell_settled(&mut self) {
        for asked in mem::take(&mut self.settling) {
            match asked.locations.iter().any(|one| self.is_awaited(one)) {
                true => self.settling.push(asked),
                false => self.notices.push(Notice::Settled { paths: asked.paths }),
            }
        }
    }

    pub(crate) fn on_event(&mut self, event: Event, now: Instant) {
        self.heard.get_or_insert(now);
        match event {
            Event::Path { path, what } => self.on_path(&path, what, now),
            Event::Overflow => {
                self.notices.push(Notice::Problem(WatchError::Overflow));
                // What was lost may be that a directory made place for another one.
                self.watches.drop_all();
                self.scope.forget_rules();
                self.survey(Survey::CompareContents, &HashSet::new(), now);
            }
            Event::Failed(error) => self.on_failure(error, now),
        }
    }

    /// Looks at the files that are to be believed by now.
    pub(crate) fn advance(&mut self, now: Instant) {
        if self.next_poll.is_some_and(|next| next <= now) {
            self.scope.forget_rules();
            self.survey(Survey::CompareStamps, &HashSet::new(), now);
            // Counted from here: a survey that takes long must not follow itself at once.
            self.next_poll = Some(Instant::now() + self.poll_interval);
        }
        let ripe = self.settle.take_ripe(now, self.is_bulk());
        if ripe.is_empty() {
            return;
        }
        if let Some(survey) = self.survey_due(&ripe) {
            let paths = ripe.iter().map(|(path, _)| path.clone()).collect();
            self.survey(survey, &paths, now);
        }
        let began = Instant::now();
        for (location, ripeness) in ripe {
            self.check(&location, ripeness, now);
        }
        self.reading += began.elapsed();
    }

    /// What is to be delivered now.
    pub(crate) fn take_notices(&mut self, now: Instant) -> Vec<Notice> {
        let is_held = self.settle.expects_more()
            && self
                .staged_since
                .is_some_and(|since| now < since + self.settle.patience(self.is_bulk()));
        if !is_held {
            let changes = self.commit();
            if !changes.list.is_empty() {
                self.notices.push(Notice::Changed(changes));
                // What is still to be read belongs to the next batch.
                self.heard = Some(now);
                self.reading = Duration::ZERO;
            }
            if self.settle.is_empty() {
                self.heard = None;
                self.reading = Duration::ZERO;
            }
        }
        self.tell_settled();
        mem::take(&mut self.notices)
    }

    fn on_path(&mut self, path: &Path, what: What, now: Instant) {
        let comes_or_goes = matches!(what, What::Created | What::RenamedHere | What::Gone);
        if comes_or_goes && self.tree.is_landmark(path) {
            self.settle.on_event(path, Signal::Unfinished, now);
        }
        if what == What::Gone && self.tree.needs(path) {
            self.on_directory_gone(path, now);
        }
        if matches!(what, What::Created | What::RenamedHere) && is_directory(path) {
            if self.tree.is_replaced(path) {
                self.on_directory_gone(path, now);
            }
            self.on_directory(path, now);
            return;
        }
        self.on_file(path, what, now);
        let links: Vec<_> = self.tree.links_to(path).cloned().collect();
        for link in links {
            self.on_file(&link, what, now);
        }
    }

    fn on_directory(&mut self, location: &Path, now: Instant) {
        if self.tree.has_directory(location) {
            return;
        }
        let mut walk = Walk::new(&mut self.scope, &mut self.watches);
        self.tree.enter(location, &mut walk);
        let (files, problems) = (walk.files, walk.problems);
        self.tell(problems);
        for file in files {
            self.settle.on_event(&file, Signal::Unfinished, now);
        }
        self.note_watches(now);
    }

    fn on_directory_gone(&mut self, location: &Path, now: Instant) {
        self.tree.leave(location);
        self.watches.drop_beneath(location);
        for file in self.files.keys().filter(|file| file.starts_with(location)) {
            self.settle.on_event(file, Signal::Unfinished, now);
        }
    }

    fn on_file(&mut self, location: &Path, what: What, now: Instant) {
        let is_known = self.files.contains_key(location);
        let counts = is_known
            || self.scope.is_rule_file(location)
            || self.tree.name_of(location, &mut self.scope).is_some();
        if !counts {
            self.tree.leave_out(location);
            // Where a watch covers a whole tree, the first that is heard of a new directory may be
            // a file in it.
            if self.watches.reach_everything()
                && let Some(directory) = location.parent()
                && what != What::Gone
            {
                self.on_directory(directory, now);
            }
            return;
        }
        let signal = match what {
            What::Touched => Signal::Touched,
            // A new file waits: it may be an editor's, under a name that nobody foresaw, and be
            // renamed over another one in an instant.
            What::Closed | What::RenamedHere if is_known => Signal::Finished,
            What::Gone if !is_known && !self.tree.is_landmark(location) => {
                self.staged.remove(location);
                return self.settle.forget(location);
            }
            _ => Signal::Unfinished,
        };
        self.settle.on_event(location, signal, now);
    }

    fn on_failure(&mut self, error: BackendError, now: Instant) {
        if error.cause == Cause::NotFound {
            // A watched directory that is gone; the survey finds out which.
            self.survey(Survey::CompareContents, &HashSet::new(), now);
            return;
        }
        self.watches.give_up(error, None);
        // Events may have been lost until here.
        self.survey(Survey::CompareContents, &HashSet::new(), now);
    }

    /// Whether the tree must be looked at anew before these files are.
    fn survey_due(&mut self, ripe: &[(PathBuf, Ripeness)]) -> Option<Survey> {
        let mut due = None;
        for (location, _) in ripe {
            if self.scope.is_rule_file(location) {
                self.scope.forget_rules();
                due = due.max(Some(Survey::Adopt));
            }
            let is_replaced = location
                .parent()
                .is_some_and(|parent| self.tree.is_replaced(parent));
            if is_replaced && let Some(parent) = location.parent() {
                self.watches.drop_beneath(parent);
            }
            if is_replaced || self.tree.is_landmark(location) {
                due = due.max(Some(Survey::CompareContents));
            }
        }
        due
    }

    /// Looks at the whole tree. `pending` are files that are about to be looked at one by one.
    fn survey(&mut self, survey: Survey, pending: &HashSet<PathBuf>, now: Instant) {
        let mut tree = Tree::default();
        let mut walk = Walk::new(&mut self.scope, &mut self.watches);
        for root in &self.roots {
            tree.attach(root, &mut walk);
        }
        let (found, problems) = (walk.files, walk.problems);
        self.tell(problems);
        let before = mem::replace(&mut self.tree, tree);
        self.watches
            .keep_only(|directory| self.tree.needs(directory));

        let returned = self.tell_missing(&before);
        let moved = self.follow_moved(&found);
        for location in &found {
            let Some(named) = self.tree.name_of(location, &mut self.scope) else {
                continue;
            };
            let survey = if returned.contains(&*named.root) || moved.contains(location) {
                Survey::CompareContents
            } else {
                survey
            };
            let awaited = self.settle.is_pending(location) || pending.contains(location);
            if let Some(known) = self.files.get_mut(location) {
                known.named = named;
                if !awaited && self.seems_changed(location, survey) {
                    self.settle.on_event(location, Signal::Unfinished, now);
                }
            } else if awaited {
                // Looked at in its time.
            } else if survey == Survey::Adopt && !before.covers(location) {
                self.adopt(location, named);
            } else {
                self.settle.on_event(location, Signal::Unfinished, now);
            }
        }
        self.survey_lost(&found.into_iter().collect(), now);
        self.note_watches(now);
    }

    /// Finds the known files that are elsewhere now though their names are the same, because a link
    /// on the way to them was turned. Returns where they are.
    fn follow_moved(&mut self, found: &[PathBuf]) -> HashSet<PathBuf> {
        let present: HashSet<_> = found.iter().collect();
        let mut lost: HashMap<_, _> = self
            .files
            .iter()
            .filter(|(location, _)| !present.contains(location))
            .map(|(location, known)| (known.named.name.clone(), location.clone()))
            .collect();
        let mut moved = HashSet::new();
        for location in found {
            if lost.is_empty() {
                break;
            }
            if !self.files.contains_key(location)
                && let Some(named) = self.tree.name_of(location, &mut self.scope)
                && let Some(before) = lost.remove(&named.name)
                && let Some(known) = self.files.remove(&before)
            {
                self.files.insert(location.clone(), known);
                moved.insert(location.clone());
            }
        }
        moved
    }

    /// Looks at the known files that a survey did not find.
    fn survey_lost(&mut self, found: &HashSet<PathBuf>, now: Instant) {
        let roots: HashSet<_> = self.roots.iter().map(Root::path).collect();
        let mut dropped = Vec::new();
        for (location, known) in &self.files {
            if found.contains(location) {
                continue;
            }
            if !roots.contains(&*known.named.root) {
                dropped.push(location.clone());
            } else if self.tree.missing.contains(&*known.named.root) {
                // Remembered until the root returns.
            } else if matches!(Stamp::take(location), Ok(None)) {
                if !self.settle.is_pending(location) {
                    self.settle.on_event(location, Signal::Unfinished, now);
                }
            } else {
                // It is there, and left out by now.
                dropped.push(location.clone());
            }
        }
        for location in dropped {
            self.files.remove(&location);
            self.staged.remove(&location);
        }
    }

    /// Tells which roots are missing that were not before, and returns those that are back.
    fn tell_missing(&mut self, before: &Tree) -> HashSet<PathBuf> {
        for root in self.tree.missing.difference(&before.missing) {
            let root = root.clone();
            self.notices
                .push(Notice::Problem(WatchError::RootMissing { root }));
        }
        let mut returned = HashSet::new();
        for root in before.missing.difference(&self.tree.missing) {
            if self.roots.iter().any(|other| other.path() == root) {
                self.notices
                    .push(Notice::RootReturned { root: root.clone() });
                returned.insert(root.clone());
            }
        }
        returned
    }

    fn adopt(&mut self, location: &Path, named: Named) {
        let reading = match self.reader.read(location) {
            Ok(Some(reading)) => reading,
            Ok(None) => return,
            Err(source) => {
                self.tell_unreadable(location, &named, source);
                Reading {
                    content: Content::Unknown,
                    stamp: None,
                    read_at: SystemTime::now(),
                }
            }
        };
        self.files
            .insert(location.to_owned(), Known { named, reading });
    }

    fn seems_changed(&mut self, location: &Path, survey: Survey) -> bool {
        let Some(known) = self.files.get(location) else {
            return true;
        };
        let known = known.reading;
        if survey == Survey::Adopt {
            return false;
        }
        if survey == Survey::CompareStamps
            && let Some(stamp) = known.stamp
            && !stamp.may_hide_a_write(known.read_at)
            && matches!(Stamp::take(location), Ok(Some(present)) if present == stamp)
        {
            return false;
        }
        match self.reader.read(location) {
            Ok(Some(reading)) if reading.content == known.content => {
                if let Some(known) = self.files.get_mut(location) {
                    known.reading = reading;
                }
                false
            }
            _ => true,
        }
    }

    /// Reads a file, and stages it if it is to be believed.
    fn check(&mut self, location: &Path, ripeness: Ripeness, now: Instant) {
        let named = match self.files.get(location) {
            Some(known) => known.named.clone(),
            None => match self.tree.name_of(location, &mut self.scope) {
                Some(named) => named,
                None => return,
            },
        };
        let known = self.files.get(location).map(|known| known.reading.content);
        let reading = match self.reader.read(location) {
            Ok(reading) => reading,
            Err(_) if ripeness == Ripeness::Finished => {
                return self.settle.on_event(location, Signal::Unfinished, now);
            }
            Err(source) => return self.tell_unreadable(location, &named, source),
        };
        self.unreadable.remove(location);
        let content = reading.map(|reading| reading.content);
        let is_doubtful = content.is_none_or(|content| content.is_empty());
        if is_doubtful && content != known && ripeness == Ripeness::Finished {
            // Truncated, or about to be made anew: the bytes may be on their way.
            return self.settle.on_event(location, Signal::Unfinished, now);
        }
        if content.is_none() && self.is_root_gone(&named.root) {
            // Not this file was removed. It is compared when the root returns.
            if !self.tree.missing.contains(&*named.root) {
                self.survey(Survey::CompareContents, &HashSet::new(), now);
            }
            return;
        }
        self.tree.follow(location, &mut self.watches);
        self.staged.insert(location.to_owned(), (named, reading));
        self.staged_since.get_or_insert(now);
    }

    /// Makes the staged files the known ones, and returns what changed by that.
    fn commit(&mut self) -> Changes {
        self.staged_since = None;
        let mut list = Vec::new();
        for (location, (named, reading)) in mem::take(&mut self.staged) {
            let path = named.name.clone();
            let before = match reading {
                Some(reading) => self.files.insert(location, Known { named, reading }),
                None => self.files.remove(&location),
            };
            let before = before.map(|known| known.reading.content);
            let after = reading.map(|reading| reading.content);
            let kind = match (before, after) {
                (None, Some(_)) => ChangeKind::Created,
                (Some(_), None) => ChangeKind::Removed,
                (Some(before), Some(after)) if before != after => ChangeKind::Modified,
                _ => continue,
            };
            list.push(Change {
                path,
                kind,
                before: Content::told(before),
                after: Content::told(after),
            });
        }
        list.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Changes {
            list,
            heard: self.heard,
            reading: self.reading,
        }
    }

    fn is_root_gone(&self, root: &Path) -> bool {
        let is_directory_root = self
            .roots
            .iter()
            .any(|other| matches!(other, Root::Directory(path) if path == root));
        is_directory_root && !is_directory(root)
    }

    /// Whether git is rewriting a working tree at this moment.
    fn is_bulk(&self) -> bool {
        let something_waits = !self.settle.is_empty() || !self.staged.is_empty();
        let patience = self.settle.patience(true);
        something_waits
            && self
                .tree
                .git_directories
                .iter()
                .any(|directory| scope::is_being_updated(directory, patience))
    }

    /// Where one watch covers many directories, a root that goes may take along the cover of
    /// another one: what happened until that is watched by itself must be found by comparison.
    fn after_removal(&mut self) -> Survey {
        if self.watches.reach_everything() {
            self.watches.drop_all();
            Survey::CompareContents
        } else {
            Survey::Adopt
        }
    }

    /// Tells what went wrong with the watches, and begins to poll where they can no longer be had.
    fn note_watches(&mut self, now: Instant) {
        let problems = self.watches.take_problems();
        self.tell(problems);
        if self.watches.must_poll() && self.next_poll.is_none() {
            self.next_poll = Some(now + self.poll_interval);
            self.notices.push(Notice::Polling {
                interval: self.poll_interval,
            });
        }
    }

    fn tell(&mut self, problems: Vec<WatchError>) {
        self.notices
            .extend(problems.into_iter().map(Notice::Problem));
    }

    fn tell_unreadable(&mut self, location: &Path, named: &Named, source: io::Error) {
        if self.unreadable.insert(location.to_owned()) {
            let path = named.name.clone();
            self.tell(vec![WatchError::Unreadable { path, source }]);
        }
    }
}

fn is_directory(path: &Path) -> bool {
    path.is_dir()
}

#[cfg(test)]
mod tests;
