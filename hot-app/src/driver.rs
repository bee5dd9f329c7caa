//! The thread that feeds the pipeline and carries out its effects.
//!
//! Everything that happens arrives here as one closed enum of messages, in one channel. The thread
//! sleeps when nothing happens. It never blocks on a build or a load: those run on threads of their
//! own and send their outcome.

use crate::backtraces;
use crate::cargo::{self, DefaultBuilder};
use crate::console::Console;
use crate::crate_id::CrateId;
use crate::event::{Event, Phase};
use crate::hot_reload::{Options, already_running};
use crate::linking::Linking;
use crate::notices;
use crate::panics;
use crate::pipeline::{Effect, Input, JobId, LoadedLibrary, Pipeline, RollBack};
use crate::problem::Problem;
use crate::program;
use crate::running::Running;
use crate::safe_point::Offer;
use crate::service::HOT_RELOAD;
use crate::snapshot::Snapshot;
use crate::source::Source;
use crate::words::{self, CrateWords};
use hot_build::{Artifact, Build, BuildArgs, BuildError, CancelSignal, ProgramBuild, Reporter};
use hot_load::layout::{self, LayoutDepth};
use hot_load::{Canary, HeapCheck, HotCrate, LoadError, Loaded, Loader, Loading};
use hot_watch::{Method, Root, WatchConfig, Watcher};
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// Everything that can reach the driver.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "messages are few, and are taken as they come"
)]
pub(crate) enum Message {
    /// For the pipeline.
    Input(Input<Loaded>),
    /// The watcher knows the content of what it was told to watch.
    WatchReady,
    /// All that can be known about the crates' files is known.
    ScopesFound,
    /// The program did not record how it was built, and this was found out by the path of its file.
    ProgramFound(ProgramBuild),
}

/// Starts the driver. A second start in one process joins the first.
pub(crate) fn start(options: Options) -> Option<Arc<Running>> {
    if let Some(running) = already_running() {
        HOT_RELOAD.send(&Event::Problem {
            problem: Problem::StartedAlready,
        });
        return Some(running);
    }
    let console = options.console_of();
    let (sender, receiver) = mpsc::channel();
    let loader = Loader::new(options.load);
    let running = Arc::new(Running::new(
        sender,
        loader,
        options.wake,
        options.background,
    ));
    if let Err(running) = HOT_RELOAD.set_running(Arc::clone(&running)) {
        return Some(running); // another thread was faster
    }
    let crates = hot_load::linked_crates();
    let ids: Vec<_> = crates.iter().map(|krate| CrateId::of(krate)).collect();
    let pipeline = Pipeline::new(ids.iter().cloned());
    HOT_RELOAD.set_status(pipeline.status());
    backtraces::install();
    panics::decide(options.on_panic, &running, options.console);
    notices::forward(running.sender(), ids.clone(), options.on_panic);
    let canary = options.load.canary && !Canary::IS_AVAILABLE;
    let canary = canary.then_some(Problem::CanaryUnavailable);
    for problem in options.problems.into_iter().chain(canary) {
        running.send(Message::Input(Input::Problem(problem)));
    }
    let weak = Arc::downgrade(&running);
    running.loader().on_late_end(move |end| {
        if let Some(running) = weak.upgrade() {
            running.ended_late(end);
        }
    });

    let words = ids.iter().map(|id| (id.clone(), Arc::default()));
    let driver = Driver {
        words: words.collect(),
        crates: ids.into_iter().zip(crates.iter().copied()).collect(),
        pipeline,
        console,
        running: Arc::clone(&running),
        builds: HashMap::new(),
        watching: Watching {
            watcher: None,
            told: 0,
            ready: 0,
            scopes_found: false,
            announced: false,
            unseen: Vec::new(),
        },
        discovered: None,
        linking: options.linking,
        default_builder: DefaultBuilder::new(options.linking),
        caveats: Arc::default(),
    };
    let spawned = thread::Builder::new()
        .name("hot-reload".into())
        .spawn(move || driver.run(&receiver, options.watch));
    if let Err(error) = spawned {
        HOT_RELOAD.send(&Event::Problem {
            problem: no_thread("reloads", error),
        });
        return None;
    }
    Some(running)
}

struct Driver {
    crates: Vec<(CrateId, &'static HotCrate)>,
    pipeline: Pipeline,
    console: Option<Console>,
    running: Arc<Running>,
    builds: HashMap<JobId, RunningBuild>,
    watching: Watching,
    /// How the program was built, where it did not record it.
    discovered: Option<ProgramBuild>,
    linking: Linking,
    default_builder: DefaultBuilder,
    /// What the sources of each crate say.
    words: Vec<(CrateId, Arc<CrateWords>)>,
    /// What could not be checked, and was told.
    caveats: Arc<Caveats>,
}

/// A build that runs; dropping it kills it.
struct RunningBuild {
    /// Kept for that.
    _build: Build,
    cancel: CancelSignal,
    /// What it is to read.
    files: Snapshot,
}

/// The watcher, and whether it is known to have seen everything.
struct Watching {
    watcher: Option<Watcher>,
    /// How often the watcher was told what to watch.
    told: u32,
    /// How often it said that it knows the content of that.
    ready: u32,
    scopes_found: bool,
    announced: bool,
    /// What may have been written before it was watched.
    unseen: Vec<Unseen>,
}

/// Files that a build was the first to read.
struct Unseen {
    krate: CrateId,
    files: Vec<PathBuf>,
    /// When the build began.
    since: SystemTime,
    /// How often the watcher had been told what to watch when these were among it.
    told: u32,
}

impl Unseen {
    /// Whether one of them was written since the build began.
    fn was_written(&self) -> bool {
        // Systems tell the time of a file by the last tick of a clock of their own.
        const TICK: Duration = Duration::from_millis(10);
        let since = self.since - TICK;
        self.files.iter().any(|file| {
            let written = fs::metadata(file).and_then(|metadata| metadata.modified());
            written.is_ok_and(|written| written >= since)
        })
    }
}

impl Driver {
    fn run(mut self, receiver: &Receiver<Message>, config: WatchConfig) {
        self.check_program();
        self.start_watcher(config);
        self.find_scopes(true);
        self.prepare_builds();
        while let Ok(message) = receiver.recv() {
            match message {
                Message::Input(input) => self.step(input),
                Message::WatchReady => {
                    self.watching.ready += 1;
                    self.build_what_nobody_saw();
                }
                Message::ScopesFound => self.watching.scopes_found = true,
                Message::ProgramFound(program) => self.discovered = Some(program),
            }
            let watching = &mut self.watching;
            if !watching.announced && watching.scopes_found && watching.ready >= watching.told {
                watching.announced = true;
                self.step(Input::Watching);
            }
        }
    }

    /// Builds again what a build may have read in part before it was written: all that comes from now on is seen.
    fn build_what_nobody_saw(&mut self) {
        let ready = self.watching.ready;
        let is_watched = |unseen: &mut Unseen| unseen.told <= ready;
        let watched: Vec<_> = self.watching.unseen.extract_if(.., is_watched).collect();
        for unseen in watched.iter().filter(|unseen| unseen.was_written()) {
            self.step(Input::Rebuild(unseen.krate.manifest_dir().to_owned()));
        }
    }

    fn step(&mut self, mut input: Input<Loaded>) {
        if let Input::BuildDone { job, overtaken, .. } = &mut input
            && let Some(build) = self.builds.remove(job)
        {
            *overtaken = build.files.written();
        }
        let effects = self.pipeline.step(Instant::now(), input);
        // The status is changed before the events that tell of it are sent.
        self.set_status();
        for effect in effects {
            self.carry_out(effect);
        }
    }

    fn set_status(&self) {
        let mut status = self.pipeline.status();
        for one in &mut status {
            one.overdue = self.running.overdue(&one.krate);
        }
        HOT_RELOAD.set_status(status);
    }

    fn carry_out(&mut self, effect: Effect<Loaded>) {
        match effect {
            Effect::Emit(event) => self.emit(&event),
            Effect::Build { job, krate, source } => self.build(job, &krate, source),
            Effect::CancelBuild { job } => {
                if let Some(build) = self.builds.get(&job) {
                    build.cancel.cancel();
                }
            }
            Effect::Load {
                job,
                krate,
                artifact,
            } => self.load(job, &krate, artifact),
            Effect::Offer { krate, library } => {
                self.offer(Offer {
                    krate,
                    generation: Some(library.generation),
                    rolls_back: None,
                });
            }
            Effect::Recall { krate, generation } => self.recall(krate, generation),
            Effect::RollBack { krate, why } => self.roll_back(krate, why),
            Effect::Withdraw { krate } => self.running.safe_point().withdraw(&krate),
            Effect::Watch => self.watch_scopes(),
            Effect::WatchRead { krate, files, took } => {
                self.watch_scopes();
                self.watching.unseen.push(Unseen {
                    krate,
                    files,
                    since: SystemTime::now() - took,
                    told: self.watching.told,
                });
            }
            Effect::Settle { files } => self.settle(files),
            Effect::FindScopes => self.find_scopes(false),
        }
    }

    fn offer(&self, offer: Offer) {
        self.running.safe_point().offer(offer);
        self.running.released();
    }

    /// Offers a generation that is in memory.
    fn recall(&self, krate: CrateId, number: u32) {
        let Some(linked) = self.linked(&krate) else {
            return;
        };
        let generation = self.running.loader().generation(linked, number);
        if generation.is_none() && number != 0 {
            // Released in this moment.
            self.running.send(Message::Input(Input::NotInMemory {
                krate,
                generation: number,
            }));
            return;
        }
        self.offer(Offer {
            krate,
            generation,
            rolls_back: None,
        });
    }

    /// Offers the last good generation.
    fn roll_back(&self, krate: CrateId, why: RollBack) {
        let Some(linked) = self.linked(&krate) else {
            return;
        };
        let generation = hot_abi::policy::last_good(linked);
        let number = generation.as_ref().map_or(0, |good| good.number());
        // It may have been made live once more meanwhile, and be given another chance.
        if number != why.from {
            self.offer(Offer {
                krate,
                generation,
                rolls_back: Some(why),
            });
        }
    }

    fn linked(&self, krate: &CrateId) -> Option<&'static HotCrate> {
        let mut crates = self.crates.iter();
        let found = crates.find(|(known, _)| known == krate);
        found.map(|(_, linked)| *linked)
    }

    fn emit(&self, event: &Event) {
        if let Some(console) = &self.console {
            console.show(event);
        }
        HOT_RELOAD.send(event);
    }

    fn problem(&self, problem: Problem) {
        self.emit(&Event::Problem { problem });
    }

    /// Tells what is wrong with the program itself.
    fn check_program(&self) {
        if !hot_abi::boundary::can_contain() {
            self.problem(Problem::PanicsAbort);
        }
        if self.crates.is_empty() {
            self.problem(Problem::NoHotCrate);
        }
        for (krate, linked) in &self.crates {
            for node in hot_abi::registry::duplicate_nodes(linked) {
                let krate = krate.clone();
                self.problem(Problem::DuplicateNode { krate, node });
            }
        }
        for key in hot_load::repeated_statics() {
            self.problem(Problem::RepeatedStatic { key });
        }
    }

    fn start_watcher(&mut self, config: WatchConfig) {
        let sender = self.running.sender();
        let wants_polling = config.method == Method::Polling;
        let deliver = move |notice| {
            let message = match notice {
                hot_watch::Notice::Ready => Message::WatchReady,
                hot_watch::Notice::Changed(changes) => Message::Input(Input::Changed(changes)),
                hot_watch::Notice::Settled { paths } => {
                    Message::Input(Input::Settled { files: paths })
                }
                hot_watch::Notice::Problem(error) => {
                    Message::Input(Input::Problem(Problem::Watching(Arc::new(error))))
                }
                hot_watch::Notice::RootReturned { root } => {
                    Message::Input(Input::Tell(Event::RootReturned { root }))
                }
                // The program asked for it.
                hot_watch::Notice::Polling { .. } if wants_polling => return,
                hot_watch::Notice::Polling { interval } => {
                    Message::Input(Input::Tell(Event::Polling { interval }))
                }
                // A notice of a later version of hot-watch that asks nothing of this one.
                _ => return,
            };
            let _ = sender.send(message);
        };
        let config = WatchConfig {
            roots: self.roots(),
            ..config
        };
        self.watching.told += 1;
        match Watcher::start(config, deliver) {
            Ok(watcher) => self.watching.watcher = Some(watcher),
            Err(error) => self.problem(Problem::NothingWatched(Arc::new(error))),
        }
    }

    fn watch_scopes(&mut self) {
        let roots = self.roots();
        let Some(watcher) = &self.watching.watcher else {
            return;
        };
        match watcher.set_roots(roots) {
            Ok(()) => self.watching.told += 1,
            Err(error) => self.problem(Problem::Watching(Arc::new(error))),
        }
    }

    /// Has the watcher tell what files hold that are being written.
    fn settle(&self, files: Vec<PathBuf>) {
        let watcher = self.watching.watcher.as_ref();
        let asked = watcher.map(|watcher| watcher.settle(files.clone()));
        if !matches!(asked, Some(Ok(()))) {
            // Nobody will tell.
            self.running.send(Message::Input(Input::Settled { files }));
        }
    }

    fn roots(&self) -> Vec<Root> {
        let mut roots = BTreeSet::new();
        for scope in self.pipeline.scopes() {
            roots.extend(scope.directories.iter().map(Root::directory));
            roots.extend(
                scope
                    .build_files
                    .iter()
                    .chain(&scope.inputs)
                    .map(Root::file),
            );
        }
        roots.into_iter().collect()
    }

    /// Asks cargo which files belong to the crates, on a thread of its own.
    fn find_scopes(&self, at_start: bool) {
        let crates = self.crates.clone();
        let words = self.words.clone();
        let sender = self.running.sender();
        let find = move || {
            if at_start && let Some(program) = cargo::discover(&crates) {
                let _ = sender.send(Message::ProgramFound(program));
            }
            let exe = std::env::current_exe().and_then(fs::metadata);
            let program_built = exe.and_then(|metadata| metadata.modified()).ok();
            for found in cargo::find_scopes(&crates) {
                if let Ok((krate, scope)) = &found
                    && let Some((_, words)) = words.iter().find(|(known, _)| known == krate)
                {
                    words.find(scope);
                    let linked = crates.iter().find(|(known, _)| known == krate);
                    if let Some((_, linked)) = linked.filter(|_| at_start) {
                        layout::note_program_sources(linked, words.at_start(program_built));
                    }
                }
                let input = match found {
                    Ok((krate, scope)) => Input::Scoped {
                        linked_in_is_current: at_start && scope.is_older_than(program_built),
                        krate,
                        scope,
                    },
                    // Later on, the build that follows the change tells what is wrong with the manifest.
                    Err(_) if !at_start => continue,
                    Err(problem) => Input::Problem(problem),
                };
                let _ = sender.send(Message::Input(input));
            }
            let _ = sender.send(Message::ScopesFound);
        };
        if let Err(error) = spawn("hot-scopes", find) {
            self.problem(no_thread(
                "finds out which files belong to the hot crates",
                error,
            ));
            // Their own folders are all that will be known.
            self.running.send(Message::ScopesFound);
        }
    }

    /// Lets the builder do ahead what can be done before a crate changes.
    fn prepare_builds(&self) {
        let crates = self.crates.iter();
        let args = crates.map(|(krate, linked)| self.build_args(krate, linked));
        self.default_builder.prepare(args.collect());
    }

    fn build_args(&self, krate: &CrateId, linked: &HotCrate) -> BuildArgs {
        let mut args = BuildArgs::new(krate.manifest_dir());
        args.hot_crate = program::hot_crate(linked);
        args.program = match &self.discovered {
            Some(discovered) => program::with_compilation(discovered.clone(), &linked.compilation),
            None => program::recorded(linked),
        };
        args
    }

    fn build(&mut self, job: JobId, krate: &CrateId, source: Option<Source>) {
        let Some((_, linked)) = self.crates.iter().find(|(known, _)| known == krate) else {
            return;
        };
        let mut scopes = self.pipeline.scopes().zip(&self.crates);
        let scope = scopes.find(|(_, (known, _))| known == krate);
        let read = scope.iter().flat_map(|(scope, _)| &scope.read);
        let files = Snapshot::take(read, source.as_ref());
        if let Some(words) = self.words.iter().find(|(known, _)| known == krate) {
            words::building(linked, &words.1.of(source));
        }
        let cancel = CancelSignal::new();
        let sender = self.running.sender();
        let reports = sender.clone();
        let mut args = self.build_args(krate, linked);
        args.cancel_build = cancel.clone();
        args.reporter = Reporter::new(move |report| {
            let _ = reports.send(Message::Input(Input::Report { job, report }));
        });
        let asked = panic::catch_unwind(AssertUnwindSafe(|| HOT_RELOAD.ask_rebuilders(&args)));
        let build = match asked {
            Ok(Some(build)) => build,
            Ok(None) => self.default_builder.build(&args),
            // The panic hook has told the panic, with its place.
            Err(payload) => Build::ready(Err(BuildError::panicked(&*payload))),
        };
        let linking = self.linking;
        build.on_done(move |result| {
            let result = result.and_then(|artifact| linking.accept(artifact));
            let _ = sender.send(Message::Input(Input::BuildDone {
                job,
                result,
                overtaken: Vec::new(),
            }));
        });
        self.builds.insert(
            job,
            RunningBuild {
                _build: build,
                cancel,
                files,
            },
        );
    }

    fn load(&self, job: JobId, krate: &CrateId, artifact: Artifact) {
        let Some(linked) = self
            .crates
            .iter()
            .find(|(known, _)| known == krate)
            .map(|(_, linked)| *linked)
        else {
            return;
        };
        // It is of the last build that began: while it is loaded, others may begin.
        words::note(&artifact.library);
        let running = Arc::clone(&self.running);
        let (krate, caveats) = (krate.clone(), Arc::clone(&self.caveats));
        // Before the next build begins, which may be linked against this library.
        let loading = Loading::of(&artifact.library);
        let spawned = spawn("hot-load-job", move || {
            let loader = running.loader();
            let loaded = match artifact.is_private {
                true => loader.load_private(linked, &artifact.library),
                false => loader.load(linked, &artifact.library),
            };
            drop(loading);
            for problem in loaded.iter().flat_map(|loaded| caveats.of(&krate, loaded)) {
                running.send(Message::Input(Input::Problem(problem)));
            }
            let result = loaded.map(|loaded| LoadedLibrary {
                generation: loaded.generation.number(),
                statics: loaded.statics.clone(),
                phases: phases_of(&loaded),
                library: loaded,
            });
            running.send(Message::Input(Input::LoadDone { job, result }));
        });
        if let Err(error) = spawned {
            let source = Arc::new(error);
            let result = Err(LoadError::Thread { source });
            self.running
                .send(Message::Input(Input::LoadDone { job, result }));
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new()
        .name(name.into())
        .spawn(work)
        .map(drop)
}

fn no_thread(purpose: &'static str, error: io::Error) -> Problem {
    let source = Arc::new(error);
    Problem::Thread { purpose, source }
}

fn phases_of(loaded: &Loaded) -> Vec<Phase> {
    let phases = loaded.phases.iter();
    phases
        .map(|phase| Phase::new(phase.name, phase.duration))
        .collect()
}

/// What a load could not check. Each is told once, for it is the same at every load.
#[derive(Debug, Default)]
struct Caveats {
    layouts: AtomicBool,
    heap: AtomicBool,
}

impl Caveats {
    /// Those of this load that were not told yet.
    fn of(&self, krate: &CrateId, loaded: &Loaded) -> Vec<Problem> {
        let mut untold = Vec::new();
        if loaded.layouts.depth != LayoutDepth::Deep && !self.layouts.swap(true, Ordering::Relaxed)
        {
            untold.push(Problem::ShallowLayouts {
                krate: krate.clone(),
                depth: loaded.layouts.depth.clone(),
            });
        }
        if loaded.heap == HeapCheck::Unknown && !self.heap.swap(true, Ordering::Relaxed) {
            let krate = krate.clone();
            untold.push(Problem::AllocatorUnknown { krate });
        }
        untold
    }
}
