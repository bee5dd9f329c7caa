//! The pipeline as a state machine: change → build → load → apply.
//!
//! It does nothing itself. [`Pipeline::step`] takes one input and returns the effects that must
//! follow, and the driver carries them out. So its rules are tested without files, processes or
//! clocks:
//!
//! - one build runs at a time, for builds of one workspace wait for each other anyway;
//! - a change while its crate is being built cancels that build, and the next begins at once: the latest
//!   save wins, and none is lost;
//! - a build whose files were written while it read them, before anyone told, counts as little as a cancelled one;
//! - a library that is loaded waits for the safe point, and a newer one takes its place;
//! - sources that are what they were before are not built again: the generation is still in memory;
//! - a generation that panicked among its first calls is left for the last good one, and its sources are not
//!   taken for good when they come back.

mod panics;

pub(crate) use panics::{Consequence, Panic, RollBack};

use crate::crate_id::CrateId;
use crate::event::{Event, Phase};
use crate::library_stamp::LibraryStamp;
use crate::problem::Problem;
use crate::scope::CrateScope;
use crate::source::{Source, SourceState};
use crate::status::{HotStatus, Outcome};
use hot_build::{Artifact, BuildError, BuildReport, BuildResult};
use hot_load::{Applied, LoadError, MigrationError, PatchReport};
use hot_watch::{Change, Changes, FileContent};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Everything that can happen to the pipeline. `L` is a library that was loaded.
#[derive(Debug)]
pub(crate) enum Input<L> {
    /// The watcher knows the content of all sources.
    Watching,
    /// Files changed in content.
    Changed(Changes),
    /// Something went wrong that is tied to no build.
    Problem(Problem),
    /// It became known which files belong to a crate.
    Scoped {
        krate: CrateId,
        scope: CrateScope,
        /// Whether the code linked into the program was built from the sources as they are.
        linked_in_is_current: bool,
    },
    /// The program asks for a build.
    Rebuild(PathBuf),
    /// The program asks to cancel a build.
    Cancel(PathBuf),
    /// The program asks for a generation that is in memory.
    SwitchTo {
        manifest_dir: PathBuf,
        generation: u32,
    },
    /// A build tells how it goes.
    Report { job: JobId, report: BuildReport },
    /// A build ended.
    BuildDone {
        job: JobId,
        result: BuildResult,
        /// Files that were written since it began, or hold something else than was told.
        overtaken: Vec<PathBuf>,
    },
    /// Everything was told of files that were to be [settled](Effect::Settle).
    Settled { files: Vec<PathBuf> },
    /// Loading ended.
    LoadDone {
        job: JobId,
        result: Result<LoadedLibrary<L>, LoadError>,
    },
    /// A generation went live.
    Applied {
        krate: CrateId,
        generation: u32,
        items: Applied,
        duration: Duration,
        /// The generations of the crate that are in memory now.
        in_memory: Vec<u32>,
        /// Set if it is there in the place of one that panicked.
        rolls_back: Option<RollBack>,
    },
    /// A generation could not go live.
    NotApplied {
        krate: CrateId,
        generation: u32,
        error: MigrationError,
    },
    /// A generation that was to be recalled is no longer in memory.
    NotInMemory { krate: CrateId, generation: u32 },
    /// New code panicked, which the event tells.
    Panicked { panic: Panic, event: Event },
    /// Something happened that only has to be told.
    Tell(Event),
}

/// A library that was loaded, and what the pipeline has to know of it.
#[derive(Debug)]
pub(crate) struct LoadedLibrary<L> {
    pub(crate) library: L,
    pub(crate) generation: u32,
    pub(crate) statics: PatchReport,
    pub(crate) phases: Vec<Phase>,
}

/// The generation of the code that is linked into the program.
const LINKED_IN: u32 = 0;

/// What must follow.
#[derive(Debug)]
pub(crate) enum Effect<L> {
    /// Start a build, of sources in that state; `None` if it is not known.
    Build {
        job: JobId,
        krate: CrateId,
        source: Option<Source>,
    },
    /// Cancel a running build. It still ends with [`Input::BuildDone`].
    CancelBuild { job: JobId },
    /// Load what a build made.
    Load {
        job: JobId,
        krate: CrateId,
        artifact: Artifact,
    },
    /// Offer a library to the safe point, in the place of an older one of its crate.
    Offer { krate: CrateId, library: L },
    /// Offer a generation that is in memory to the safe point, in the place of a newer one.
    Recall { krate: CrateId, generation: u32 },
    /// Offer the last good generation to the safe point, in the place of one that panicked.
    RollBack { krate: CrateId, why: RollBack },
    /// Take back what was offered: the live code is the right one.
    Withdraw { krate: CrateId },
    /// Watch what the crates' scopes say now.
    Watch,
    /// The same. A build that took so long was the first to read some of these files: if one was written since it began,
    /// nobody has seen that, and it is to be built again.
    WatchRead {
        krate: CrateId,
        files: Vec<PathBuf>,
        took: Duration,
    },
    /// Have the watcher look at files that are being written, and tell when that is over.
    Settle { files: Vec<PathBuf> },
    /// Find out anew which files belong to which crate: a manifest changed.
    FindScopes,
    /// Tell everyone.
    Emit(Event),
}

/// One build and the loading of what it made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct JobId(u32);

/// The state of the pipeline.
#[derive(Debug)]
pub(crate) struct Pipeline {
    crates: Vec<CrateState>,
    /// The crate that is being built, by its place in `crates`.
    building: Option<Building>,
    last_job: u32,
}

#[derive(Debug)]
struct Building {
    index: usize,
    job: JobId,
    /// Set when the build was told to stop: whether another one follows.
    superseded: Option<bool>,
}

#[derive(Debug)]
struct CrateState {
    status: HotStatus,
    scope: CrateScope,
    /// A build is due.
    due: bool,
    /// The program asked for the build that runs or is due.
    is_requested: bool,
    /// When the oldest change was seen that is not live yet.
    changed_at: Option<Instant>,
    /// What the sources are now.
    source: SourceState,
    /// What they were when the running job began.
    built_from: Option<Source>,
    /// What they were for each generation in memory, oldest first.
    generations: Vec<(Source, u32)>,
    /// The generations that panicked among their first calls, and what panicked.
    failed: Vec<(u32, String)>,
    /// The generation that waits for the safe point.
    offered: Option<u32>,
    /// The running build is told to stop, and no other follows.
    is_cancelling: bool,
    /// The files that were written while they were built, until they are settled. Another build follows then.
    overtaken: Option<Vec<PathBuf>>,
    /// Whether the running build is there because the one before it was overtaken by the very same content.
    is_repeated: bool,
    /// The job whose library is being loaded.
    loading: Option<JobId>,
    /// What the last library that was loaded looked like, to know it again.
    loaded: Option<LibraryStamp>,
    /// The generation that it became.
    loaded_generation: u32,
    /// What the library of the running job looks like.
    built: Option<LibraryStamp>,
    /// The lock file that the last build went by, as far as it told.
    locked: Option<(PathBuf, FileContent)>,
    /// Changes of the lock file alone while a build runs, which may be that build's own.
    held: Vec<Change>,
}

impl Pipeline {
    pub(crate) fn new(crates: impl IntoIterator<Item = CrateId>) -> Pipeline {
        let crates = crates.into_iter().map(|krate| CrateState {
            scope: CrateScope::of_directory(krate.manifest_dir()),
            source: SourceState::new(krate.manifest_dir()),
            status: HotStatus::new(krate),
            due: false,
            is_requested: false,
            changed_at: None,
            built_from: None,
            generations: Vec::new(),
            failed: Vec::new(),
            offered: None,
            is_cancelling: false,
            overtaken: None,
            is_repeated: false,
            loading: None,
            loaded: None,
            loaded_generation: 0,
            built: None,
            locked: None,
            held: Vec::new(),
        });
        Pipeline {
            crates: crates.collect(),
            building: None,
            last_job: 0,
        }
    }

    /// How the crates stand.
    pub(crate) fn status(&self) -> Vec<HotStatus> {
        self.crates
            .iter()
            .map(|state| state.status.clone())
            .collect()
    }

    /// The files that belong to the crates.
    pub(crate) fn scopes(&self) -> impl Iterator<Item = &CrateScope> {
        self.crates.iter().map(|state| &state.scope)
    }

    /// Takes one input; returns what must follow, in order.
    pub(crate) fn step<L>(&mut self, now: Instant, input: Input<L>) -> Vec<Effect<L>> {
        let mut effects = Vec::new();
        match input {
            Input::Watching => {
                let crates = self
                    .crates
                    .iter()
                    .map(|state| state.status.krate.clone())
                    .collect();
                effects.push(Effect::Emit(Event::Watching { crates }));
            }
            Input::Changed(changes) => self.changed(now, &changes, &mut effects),
            Input::Problem(problem) => effects.push(Effect::Emit(Event::Problem { problem })),
            Input::Scoped {
                krate,
                scope,
                linked_in_is_current,
            } => {
                self.scoped(&krate, scope, linked_in_is_current, &mut effects);
            }
            Input::Rebuild(manifest_dir) => match self.index_of(&manifest_dir) {
                Some(index) => self.request(index, &mut effects),
                None => effects.push(Effect::Emit(self.unknown(&manifest_dir, "rebuild"))),
            },
            Input::Cancel(manifest_dir) => match self.index_of(&manifest_dir) {
                Some(index) => self.cancel(index, &mut effects),
                None => effects.push(Effect::Emit(self.unknown(&manifest_dir, "cancel"))),
            },
            Input::SwitchTo {
                manifest_dir,
                generation,
            } => match self.index_of(&manifest_dir) {
                Some(index) => self.switch_to(now, index, generation, &mut effects),
                None => effects.push(Effect::Emit(self.unknown(&manifest_dir, "switch"))),
            },
            Input::Report { job, report } => {
                if let Some(building) = self
                    .building
                    .as_ref()
                    .filter(|building| building.job == job)
                {
                    let state = &mut self.crates[building.index];
                    if let BuildReport::LockFile { path, content } = &report {
                        state.locked = Some((path.clone(), FileContent::of(content)));
                    }
                    let krate = self.crates[building.index].status.krate.clone();
                    effects.push(Effect::Emit(Event::Progress { krate, report }));
                }
            }
            Input::BuildDone {
                job,
                result,
                overtaken,
            } => self.build_done(now, job, result, overtaken, &mut effects),
            Input::Settled { files } => self.settled(&files),
            Input::LoadDone { job, result } => self.load_done(job, result, &mut effects),
            Input::Applied {
                krate,
                generation,
                items,
                duration,
                in_memory,
                rolls_back,
            } => {
                let live = Live {
                    generation,
                    items,
                    duration,
                    in_memory,
                    rolls_back,
                };
                self.applied(now, &krate, live, &mut effects);
            }
            Input::NotApplied {
                krate,
                generation,
                error,
            } => {
                if let Some(state) = self.state_of(&krate) {
                    // The next build may bring the same library, which then deserves another try.
                    state.loaded = None;
                    state.offered = None;
                    state.status.outcome = Some(Outcome::NotApplied {
                        generation,
                        error: error.clone(),
                    });
                    effects.push(Effect::Emit(Event::NotApplied {
                        krate,
                        generation,
                        error,
                    }));
                }
            }
            Input::NotInMemory { krate, generation } => {
                if let Some(index) = self.index_of(krate.manifest_dir()) {
                    let state = &mut self.crates[index];
                    state.generations.retain(|(_, other)| *other != generation);
                    state.offered = None;
                    self.request(index, &mut effects);
                }
            }
            Input::Panicked { panic, event } => {
                effects.push(Effect::Emit(event));
                self.panicked(panic, &mut effects);
            }
            Input::Tell(event) => effects.push(Effect::Emit(event)),
        }
        self.start_next(now, &mut effects);
        effects
    }

    fn changed<L>(&mut self, now: Instant, changes: &Changes, effects: &mut Vec<Effect<L>>) {
        let heard = changes.heard.unwrap_or(now);
        let phases = phases_of(now, changes);
        let changes = &changes.list;
        let is_build_file = |change: &Change| {
            self.crates
                .iter()
                .any(|state| state.scope.build_files.contains(&change.path))
        };
        if changes.iter().any(is_build_file) {
            effects.push(Effect::FindScopes);
        }
        for index in 0..self.crates.len() {
            let state = &mut self.crates[index];
            let own: Vec<_> = changes
                .iter()
                .filter(|change| state.scope.contains(&change.path))
                .collect();
            if own.is_empty() {
                continue;
            }
            let before = state.source.now();
            own.iter().for_each(|change| state.source.change(change));
            // Cargo itself writes the lock file for a manifest that changed, before or while it builds.
            let only_lock_file = own.iter().all(|change| change.path.ends_with("Cargo.lock"));
            let is_built = self.building.as_ref().is_some_and(|b| b.index == index);
            if only_lock_file && state.due {
                continue;
            }
            if only_lock_file && is_built {
                state.held.extend(own.into_iter().cloned());
                continue;
            }
            if only_lock_file && state.is_built_with(&own) {
                state.take_over(before);
                continue;
            }
            let krate = state.status.krate.clone();
            state.changed_at.get_or_insert(heard);
            state.status.stale = true;
            let paths = own.iter().map(|change| change.path.clone()).collect();
            effects.push(Effect::Emit(Event::ChangeSeen {
                krate,
                paths,
                phases: phases.clone(),
            }));
            if let Some(generation) = state.in_memory() {
                match state.failure_of(generation) {
                    Some(reason) => self.not_recalled(index, generation, reason, effects),
                    None => self.recall(index, generation, effects),
                }
                continue;
            }
            state.due = true;
            state.is_repeated = false;
            self.supersede(index, effects);
        }
    }

    /// Builds again what was written while it was built, and holds what it held before.
    fn settled(&mut self, files: &[PathBuf]) {
        for state in &mut self.crates {
            if state.overtaken.take_if(|those| those == files).is_some() {
                state.due = true;
                state.is_repeated = true;
            }
        }
    }

    /// The sources are what they were for a generation that is in memory: no build is due.
    fn recall<L>(&mut self, index: usize, generation: u32, effects: &mut Vec<Effect<L>>) {
        self.cancel(index, effects);
        let state = &mut self.crates[index];
        // What is being loaded is of a source that is no more.
        state.loading = None;
        let krate = state.status.krate.clone();
        let is_live = state.status.generation == generation;
        effects.push(Effect::Emit(Event::Recalled {
            krate: krate.clone(),
            generation,
            is_live,
        }));
        if is_live {
            if state.in_memory() == Some(generation) {
                state.status.stale = false;
            }
            state.status.outcome = Some(Outcome::Unchanged);
            state.changed_at = None;
            state.offered = None;
            effects.push(Effect::Withdraw { krate });
        } else {
            state.offered = Some(generation);
            effects.push(Effect::Recall { krate, generation });
        }
    }

    fn switch_to<L>(
        &mut self,
        now: Instant,
        index: usize,
        generation: u32,
        effects: &mut Vec<Effect<L>>,
    ) {
        let state = &mut self.crates[index];
        state.changed_at = Some(now);
        // Whoever asks for it gives it another chance.
        state.failed.retain(|(failed, _)| *failed != generation);
        self.recall(index, generation, effects);
    }

    fn scoped<L>(
        &mut self,
        krate: &CrateId,
        scope: CrateScope,
        linked_in_is_current: bool,
        effects: &mut Vec<Effect<L>>,
    ) {
        let Some(state) = self.state_of(krate) else {
            return;
        };
        let mut scope = scope;
        // A build knows better what it read than what was found of the program's own.
        if state.status.rebuild_count > 0 {
            scope.inputs.clone_from(&state.scope.inputs);
        }
        state.look_at(scope);
        if linked_in_is_current {
            let source = Source::at_start(krate.manifest_dir());
            state.generations.push((source, LINKED_IN));
            state.status.source = state.source_of(state.status.generation);
        }
        effects.push(Effect::Watch);
    }

    fn request<L>(&mut self, index: usize, effects: &mut Vec<Effect<L>>) {
        let state = &mut self.crates[index];
        state.is_requested = true;
        if !state.due {
            state.due = true;
            self.supersede(index, effects);
        }
    }

    fn cancel<L>(&mut self, index: usize, effects: &mut Vec<Effect<L>>) {
        self.crates[index].due = false;
        self.crates[index].overtaken = None;
        if let Some(building) = self
            .building
            .as_mut()
            .filter(|building| building.index == index)
        {
            if building.superseded.is_none() {
                effects.push(Effect::CancelBuild { job: building.job });
            }
            building.superseded = Some(false);
            self.crates[index].is_cancelling = true;
        }
    }

    /// Cancels the running build of a crate, for another one follows.
    fn supersede<L>(&mut self, index: usize, effects: &mut Vec<Effect<L>>) {
        if let Some(building) = self
            .building
            .as_mut()
            .filter(|building| building.index == index)
            && building.superseded.is_none()
        {
            building.superseded = Some(true);
            effects.push(Effect::CancelBuild { job: building.job });
        }
    }

    fn build_done<L>(
        &mut self,
        now: Instant,
        job: JobId,
        result: BuildResult,
        overtaken: Vec<PathBuf>,
        effects: &mut Vec<Effect<L>>,
    ) {
        let Some(building) = self.building.take_if(|building| building.job == job) else {
            return;
        };
        self.release_held(now, &building, effects);
        let state = &mut self.crates[building.index];
        let krate = state.status.krate.clone();
        let started = state.status.building.take();
        state.is_cancelling = false;
        // A build that ended before it could be cancelled is of an old source all the same.
        let result = match building.superseded {
            Some(_) => Err(BuildError::Cancelled),
            None => result,
        };
        // A build that writes to its own files is not built again and again.
        let is_repeated = std::mem::take(&mut state.is_repeated);
        let counts = overtaken.is_empty() || is_repeated;
        if !counts && !state.due && !matches!(result, Err(BuildError::Cancelled)) {
            state.status.last_build = Some(Err(BuildError::Cancelled));
            state.overtaken = Some(overtaken.clone());
            effects.push(Effect::Emit(Event::Cancelled {
                krate,
                superseded: true,
            }));
            effects.push(Effect::Settle { files: overtaken });
            return;
        }
        let is_requested = state.is_requested;
        state.is_requested &= state.due;
        match result {
            Ok(artifact) => {
                let duration = started.map_or(artifact.duration, |started| now - started);
                state.status.last_build = Some(Ok(duration));
                state.status.mode = Some(artifact.mode);
                state.status.fallback = artifact.fallback.clone();
                state.status.asked_cargo = artifact.asked_cargo.clone();
                let mut scope = state.scope.clone();
                scope.set_inputs(&artifact.inputs);
                if scope.inputs != state.scope.inputs {
                    let files = scope.inputs.difference(&state.scope.inputs);
                    effects.push(Effect::WatchRead {
                        krate: krate.clone(),
                        files: files.cloned().collect(),
                        took: duration,
                    });
                }
                state.look_at(scope);
                let stamp = LibraryStamp::of(&artifact);
                let is_loaded = match (&stamp, &state.loaded) {
                    (Some(stamp), Some(loaded)) => stamp.is_same(loaded),
                    _ => false,
                };
                // Who asks for a build gets a library, be it of the program's own code.
                let is_linked_in = artifact.is_linked_in && !is_requested;
                let same = is_loaded
                    .then_some(state.loaded_generation)
                    .or(is_linked_in.then_some(LINKED_IN));
                if let Some(generation) = same {
                    // It may wait for the safe point, or the program may have gone back behind it.
                    let is_live = state.status.generation == generation;
                    state.status.stale = state.due || !is_live;
                    state.changed_at = state.changed_at.filter(|_| state.due || !is_live);
                    state.status.outcome = Some(Outcome::Unchanged);
                    let failure = state.failure_of(generation);
                    effects.push(Effect::Emit(Event::Unchanged {
                        krate: krate.clone(),
                        duration,
                    }));
                    // The same code may have other sources now, in a comment.
                    if let Some(source) = state.built_from.take() {
                        state.generations.push((source, generation));
                        state.status.source = state.source_of(state.status.generation);
                    }
                    if let Some(reason) = failure {
                        self.not_recalled(building.index, generation, reason, effects);
                    } else if !is_live {
                        state.offered = Some(generation);
                        effects.push(Effect::Recall { krate, generation });
                    }
                    return;
                }
                state.built = stamp;
                state.loading = Some(job);
                let warnings = artifact.diagnostics.clone();
                effects.push(Effect::Emit(Event::Built {
                    krate: krate.clone(),
                    duration,
                    warnings,
                    mode: artifact.mode,
                    fallback: artifact.fallback.clone(),
                    changed_statics: artifact.changed_statics.clone(),
                    asked_cargo: artifact.asked_cargo.clone(),
                    phases: artifact.phases.clone(),
                }));
                effects.push(Effect::Load {
                    job,
                    krate,
                    artifact,
                });
            }
            Err(BuildError::Cancelled) => {
                state.status.last_build = Some(Err(BuildError::Cancelled));
                let superseded = state.due;
                if !superseded {
                    state.status.outcome = Some(Outcome::Cancelled);
                }
                effects.push(Effect::Emit(Event::Cancelled { krate, superseded }));
            }
            Err(error) => {
                state.status.last_build = Some(Err(error.clone()));
                state.status.outcome = Some(Outcome::BuildFailed);
                state.changed_at = state.changed_at.filter(|_| state.due);
                effects.push(Effect::Emit(Event::BuildFailed { krate, error }));
            }
        }
    }

    /// Takes the changes of the lock file that came while a build ran for that build's own, or for another
    /// build to come.
    fn release_held<L>(&mut self, now: Instant, building: &Building, effects: &mut Vec<Effect<L>>) {
        let state = &mut self.crates[building.index];
        let Some(last) = std::mem::take(&mut state.held).pop() else {
            return;
        };
        if state.due {
            return;
        }
        if state.is_built_with(&[&last]) {
            // A build that was superseded is of sources that are no more.
            if building.superseded.is_none() {
                state.built_from = state.source.now();
            }
            return;
        }
        let paths = vec![last.path];
        state.changed_at.get_or_insert(now);
        state.status.stale = true;
        state.due = true;
        effects.push(Effect::Emit(Event::ChangeSeen {
            krate: state.status.krate.clone(),
            paths,
            phases: Vec::new(),
        }));
    }

    fn load_done<L>(
        &mut self,
        job: JobId,
        result: Result<LoadedLibrary<L>, LoadError>,
        effects: &mut Vec<Effect<L>>,
    ) {
        let Some(state) = self
            .crates
            .iter_mut()
            .find(|state| state.loading == Some(job))
        else {
            return;
        };
        state.loading = None;
        let krate = state.status.krate.clone();
        match result {
            Ok(LoadedLibrary {
                library,
                generation,
                statics,
                phases,
            }) => {
                state.loaded = state.built.take();
                state.loaded_generation = generation;
                if let Some(source) = state.built_from.take() {
                    state.generations.push((source, generation));
                }
                state.offered = Some(generation);
                state.status.refused = None;
                effects.push(Effect::Emit(Event::Loaded {
                    krate: krate.clone(),
                    generation,
                    statics,
                    phases,
                }));
                effects.push(Effect::Offer { krate, library });
            }
            Err(error) => {
                state.status.refused = Some(error.clone());
                state.status.outcome = Some(Outcome::Refused);
                state.changed_at = state.changed_at.filter(|_| state.due);
                effects.push(Effect::Emit(Event::Refused { krate, error }));
            }
        }
    }

    fn applied<L>(
        &mut self,
        now: Instant,
        krate: &CrateId,
        live: Live,
        effects: &mut Vec<Effect<L>>,
    ) {
        let Some(state) = self.state_of(krate) else {
            return;
        };
        let Live {
            generation,
            items,
            duration,
            in_memory,
            rolls_back,
        } = live;
        if state.offered == Some(generation) {
            state.offered = None;
        }
        let before = state.status.source.take();
        let in_memory: HashSet<u32> = in_memory.into_iter().collect();
        state
            .generations
            .retain(|(_, other)| in_memory.contains(other));
        state.failed.retain(|(other, _)| in_memory.contains(other));
        state.status.source = state.source_of(generation);
        state.status.generation = generation;
        state.status.panicked.clear();
        state.status.stale = state.is_stale();
        let krate = krate.clone();
        // Its first calls may come before it is known here that it is live.
        let fails = state.failure_of(generation).map(|reason| Effect::RollBack {
            krate: krate.clone(),
            why: RollBack {
                from: generation,
                reason,
            },
        });
        if let Some(RollBack { from, reason }) = rolls_back {
            state.changed_at = None;
            state.status.stale = true;
            state.status.outcome = Some(Outcome::RolledBack {
                from,
                reason: reason.clone(),
            });
            effects.push(Effect::Emit(Event::RolledBack {
                krate,
                from,
                to: generation,
                reason,
                items,
                duration,
            }));
            effects.extend(fails);
            return;
        }
        let since_change = match state.status.stale {
            // The change that is waited for is a newer one.
            true => None,
            false => state.changed_at.take().map(|changed| now - changed),
        };
        state.status.outcome = Some(Outcome::Applied(since_change));
        let changed = match (&before, &state.status.source) {
            (Some(before), Some(source)) => before.difference(source),
            _ => Vec::new(),
        };
        effects.push(Effect::Emit(Event::Applied {
            krate,
            generation,
            items,
            changed,
            duration,
            since_change,
        }));
        effects.extend(fails);
    }

    /// Starts the build that is due, if none is running.
    fn start_next<L>(&mut self, now: Instant, effects: &mut Vec<Effect<L>>) {
        if self.building.is_some() {
            return;
        }
        let due = |state: &CrateState| state.due && state.loading.is_none();
        let Some(index) = self.crates.iter().position(due) else {
            return;
        };
        let state = &mut self.crates[index];
        state.due = false;
        state.overtaken = None;
        let source = state.source.now();
        state.built_from = source.clone();
        state.status.building = Some(now);
        state.status.rebuild_count += 1;
        state.locked = None;
        self.last_job += 1;
        let job = JobId(self.last_job);
        self.building = Some(Building {
            index,
            job,
            superseded: None,
        });
        let krate = state.status.krate.clone();
        effects.push(Effect::Emit(Event::BuildStarted {
            krate: krate.clone(),
        }));
        effects.push(Effect::Build { job, krate, source });
    }

    fn state_of(&mut self, krate: &CrateId) -> Option<&mut CrateState> {
        self.crates
            .iter_mut()
            .find(|state| state.status.krate == *krate)
    }

    fn index_of(&self, manifest_dir: &Path) -> Option<usize> {
        self.crates
            .iter()
            .position(|state| state.status.manifest_dir() == manifest_dir)
    }

    fn unknown(&self, manifest_dir: &Path, request: &'static str) -> Event {
        let known = self
            .crates
            .iter()
            .map(|state| state.status.manifest_dir().to_owned());
        Event::Problem {
            problem: Problem::UnknownCrate {
                request,
                manifest_dir: manifest_dir.to_owned(),
                known: known.collect(),
            },
        }
    }
}

/// A generation that went live.
struct Live {
    generation: u32,
    items: Applied,
    duration: Duration,
    in_memory: Vec<u32>,
    rolls_back: Option<RollBack>,
}

impl CrateState {
    /// The newest generation that was built from the sources as they are now, if it is in memory.
    fn in_memory(&self) -> Option<u32> {
        let now = self.source.now()?;
        let mut newest_first = self.generations.iter().rev();
        let found = newest_first.find(|(source, _)| *source == now);
        found.map(|(_, generation)| *generation)
    }

    /// Takes what the crate is made of from here on.
    fn look_at(&mut self, scope: CrateScope) {
        let loses_sight = scope.lacks_some_of(&self.scope);
        self.scope = scope;
        // Before anything is remembered, there is nothing that could be taken for what it was.
        if loses_sight && !self.generations.is_empty() {
            let before = self.source.now();
            self.source.lose_sight();
            self.take_over(before);
        }
    }

    /// Whether the last build went by the lock file as these changes left it.
    fn is_built_with(&self, changes: &[&Change]) -> bool {
        let Some((path, content)) = &self.locked else {
            return false;
        };
        let is_it = |change: &&Change| change.path == *path && change.after == *content;
        changes.iter().all(is_it)
    }

    /// The sources are not what they were `before`, and what was built of those is of these all the same.
    fn take_over(&mut self, before: Option<Source>) {
        let (Some(before), Some(now)) = (before, self.source.now()) else {
            return;
        };
        if self.built_from.as_ref() == Some(&before) {
            self.built_from = Some(now);
            return;
        }
        let mut newest_first = self.generations.iter().rev();
        let found = newest_first.find(|(source, _)| *source == before);
        if let Some((_, generation)) = found.cloned() {
            self.generations.push((now, generation));
            self.status.source = self.source_of(self.status.generation);
        }
    }

    /// The newest sources that a generation is known to be built from.
    fn source_of(&self, generation: u32) -> Option<Source> {
        let mut newest_first = self.generations.iter().rev();
        let found = newest_first.find(|(_, other)| *other == generation);
        found.map(|(source, _)| source.clone())
    }

    /// What panicked in a generation, if it is not to be gone back to.
    fn failure_of(&self, generation: u32) -> Option<String> {
        let mut failed = self.failed.iter();
        let found = failed.find(|(failed, _)| *failed == generation);
        found.map(|(_, reason)| reason.clone())
    }

    fn offers_other_than(&self, generation: u32) -> bool {
        self.offered.is_some_and(|offered| offered != generation)
    }

    /// Whether there is newer code than what is live, or there should be.
    fn is_stale(&self) -> bool {
        let live = self.status.generation;
        let is_other = self.in_memory().is_some_and(|current| current != live);
        self.due
            || self.overtaken.is_some()
            || self.loading.is_some()
            || (self.status.building.is_some() && !self.is_cancelling)
            || is_other
            || self.failure_of(live).is_some()
    }
}

/// Where the time went between the first report of a change and now.
fn phases_of(now: Instant, changes: &Changes) -> Vec<Phase> {
    let Some(heard) = changes.heard else {
        return Vec::new();
    };
    let settling = now
        .saturating_duration_since(heard)
        .saturating_sub(changes.reading);
    vec![
        Phase::new("settle", settling),
        Phase::new("hash", changes.reading),
    ]
}

#[cfg(test)]
mod tests;
