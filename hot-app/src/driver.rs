//! The thread that feeds the pipeline and carries out its effects.
//!
//! Everything that happens arrives here as one closed enum of messages, in one channel. The thread
//! sleeps when nothing happens. It never blocks on a build or a load: those run on threads of their
//! own and send their outcome.

use crate::console::Console;
use crate::crate_id::CrateId;
use crate::event::Event;
use crate::hot_reload::{Options, already_running};
use crate::pipeline::{Effect, Input, JobId, LoadedLibrary, Pipeline};
use crate::program;
use crate::safe_point::{Offer, SafePoint};
use crate::service::HOT_RELOAD;
use hot_abi::notice::{self, FallbackReason, Notice};
use hot_build::{Artifact, Build, BuildArgs, BuildError, CancelSignal, ProgramBuild, Reporter};
use hot_load::{Applied, HotCrate, Loaded, Loader, MigrationError, WhenBusy};
use hot_watch::{Root, WatchConfig, Watcher};
use std::collections::{BTreeSet, HashMap};
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Instant;

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

/// Reloading that was started: what the program's own threads use of it.
#[derive(Debug)]
pub(crate) struct Running {
    sender: Sender<Message>,
    safe_point: Arc<SafePoint>,
    loader: Loader,
    wake: Wake,
    background: bool,
}

impl Running {
    pub(crate) fn send(&self, message: Message) {
        // The driver ends only with the process.
        let _ = self.sender.send(message);
    }

    pub(crate) fn safe_point(&self) -> &Arc<SafePoint> {
        &self.safe_point
    }

    /// Makes live what is ready; returns how many generations that were.
    #[inline]
    pub(crate) fn apply_ready(&self) -> usize {
        let ready = self.safe_point.take();
        if ready.is_empty() {
            0
        } else {
            self.apply(ready, WhenBusy::GiveUp)
        }
    }

    #[cold]
    fn apply(&self, ready: Vec<Offer>, when_busy: WhenBusy) -> usize {
        let mut count = 0;
        for offer in ready {
            let generation = offer
                .generation
                .as_ref()
                .map_or(0, |generation| generation.number());
            let applied = match &offer.generation {
                Some(generation) => self.loader.apply(generation, when_busy),
                None => self.revert(&offer.krate, when_busy),
            };
            let krate = offer.krate.clone();
            let input = match applied {
                Ok(items) => {
                    count += 1;
                    Input::Applied {
                        krate,
                        generation,
                        items,
                    }
                }
                Err(MigrationError::Busy) => {
                    self.safe_point.put_back(offer);
                    continue;
                }
                Err(error) => Input::NotApplied {
                    krate,
                    generation,
                    error,
                },
            };
            self.send(Message::Input(input));
        }
        count
    }

    fn revert(&self, krate: &CrateId, when_busy: WhenBusy) -> Result<Applied, MigrationError> {
        let linked = hot_load::linked_crates()
            .iter()
            .find(|linked| CrateId::of(linked) == *krate);
        linked.map_or_else(
            || Ok(Applied::default()),
            |linked| self.loader.revert(linked, when_busy),
        )
    }

    pub(crate) fn loader(&self) -> &Loader {
        &self.loader
    }

    /// New code is ready, or no longer held back.
    pub(crate) fn released(self: &Arc<Self>) {
        if !self.background {
            if let Some(wake) = &self.wake.0 {
                wake();
            }
            return;
        }
        // On a thread of its own, for it may have to wait until a value is unlocked.
        let running = Arc::clone(self);
        let apply = move || {
            running.apply(running.safe_point.take(), WhenBusy::Wait);
        };
        if let Err(error) = thread::Builder::new().name("hot-apply".into()).spawn(apply) {
            let message = format!("cannot start the thread that makes new code live: {error}");
            self.send(Message::Input(Input::Problem(message)));
        }
    }
}

struct Wake(Option<Box<dyn Fn() + Send + Sync>>);

impl std::fmt::Debug for Wake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Wake({})", self.0.is_some())
    }
}

/// Starts the driver. A second start in one process joins the first.
pub(crate) fn start(options: Options) -> Option<Arc<Running>> {
    if let Some(running) = already_running() {
        HOT_RELOAD.send(&Event::Problem {
            message:
                "hot reloading is started already; the options of the second start are ignored"
                    .to_owned(),
        });
        return Some(running);
    }
    let console = options.console_of();
    let (sender, receiver) = mpsc::channel();
    let running = Arc::new(Running {
        sender,
        safe_point: Arc::default(),
        loader: Loader::new(options.load),
        wake: Wake(options.wake),
        background: options.background,
    });
    if let Err(running) = HOT_RELOAD.set_running(Arc::clone(&running)) {
        return Some(running); // another thread was faster
    }
    let crates = hot_load::linked_crates();
    let ids: Vec<_> = crates.iter().map(|krate| CrateId::of(krate)).collect();
    let pipeline = Pipeline::new(ids.iter().cloned());
    HOT_RELOAD.set_status(pipeline.status());
    forward_notices(running.sender.clone(), ids.clone());

    let driver = Driver {
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
        },
        discovered: None,
    };
    let spawned = thread::Builder::new()
        .name("hot-reload".into())
        .spawn(move || driver.run(&receiver, options.watch));
    if let Err(error) = spawned {
        HOT_RELOAD.send(&Event::Problem {
            message: format!("cannot start the thread that reloads: {error}"),
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
    /// The running builds; dropping one kills it.
    builds: HashMap<JobId, (Build, CancelSignal)>,
    watching: Watching,
    /// How the program was built, where it did not record it.
    discovered: Option<ProgramBuild>,
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
}

impl Driver {
    fn run(mut self, receiver: &Receiver<Message>, config: WatchConfig) {
        self.check_program();
        self.start_watcher(config);
        self.find_scopes(true);
        while let Ok(message) = receiver.recv() {
            match message {
                Message::Input(input) => self.step(input),
                Message::WatchReady => self.watching.ready += 1,
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

    fn step(&mut self, input: Input<Loaded>) {
        if let Input::BuildDone { job, .. } = &input {
            self.builds.remove(job);
        }
        let effects = self.pipeline.step(Instant::now(), input);
        // The status is changed before the events that tell of it are sent.
        HOT_RELOAD.set_status(self.pipeline.status());
        for effect in effects {
            self.carry_out(effect);
        }
    }

    fn carry_out(&mut self, effect: Effect<Loaded>) {
        match effect {
            Effect::Emit(event) => self.emit(&event),
            Effect::Build { job, krate } => self.build(job, &krate),
            Effect::CancelBuild { job } => {
                if let Some((_, cancel)) = self.builds.get(&job) {
                    cancel.cancel();
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
                });
            }
            Effect::Recall { krate, generation } => self.recall(krate, generation),
            Effect::Withdraw { krate } => self.running.safe_point.withdraw(&krate),
            Effect::Watch => self.watch_scopes(),
            Effect::FindScopes => self.find_scopes(false),
        }
    }

    fn offer(&self, offer: Offer) {
        self.running.safe_point.offer(offer);
        self.running.released();
    }

    /// Offers a generation that is in memory.
    fn recall(&self, krate: CrateId, number: u32) {
        let Some((_, linked)) = self.crates.iter().find(|(known, _)| *known == krate) else {
            return;
        };
        let generation = self.running.loader.generation(linked, number);
        if generation.is_none() && number != 0 {
            self.problem(format!(
                "{krate}: there is no generation {number} in memory"
            ));
            return;
        }
        self.offer(Offer { krate, generation });
    }

    fn emit(&self, event: &Event) {
        if let Some(console) = &self.console {
            console.show(event);
        }
        HOT_RELOAD.send(event);
    }

    fn problem(&self, message: String) {
        self.emit(&Event::Problem { message });
    }

    /// Tells what is wrong with the program itself.
    fn check_program(&self) {
        if self.crates.is_empty() {
            self.problem(
                "no hot crate is linked into this program; write `hot_abi::hot_entry!();` at the root of a library \
                 crate that the program uses"
                    .to_owned(),
            );
        }
        for (krate, linked) in &self.crates {
            for name in hot_abi::registry::duplicate_nodes(linked) {
                self.problem(format!(
                    "{krate}: several nodes are named `{name}`, and only the first can be reloaded; give each its own \
                     name with `#[hot_node(\"name\")]`"
                ));
            }
        }
        for key in hot_load::repeated_statics() {
            self.problem(format!(
                "several statics have the key `{key}`, and none of them is shared with new code; give each its own name"
            ));
        }
    }

    fn start_watcher(&mut self, config: WatchConfig) {
        let sender = self.running.sender.clone();
        let deliver = move |notice| {
            let message = match notice {
                hot_watch::Notice::Ready => Message::WatchReady,
                hot_watch::Notice::Changed(changes) => Message::Input(Input::Changed(changes.list)),
                hot_watch::Notice::Problem(error) => {
                    Message::Input(Input::Problem(error.to_string()))
                }
                hot_watch::Notice::RootReturned { root } => Message::Input(Input::Problem(
                    format!("{} is back, and watched again", root.display()),
                )),
                hot_watch::Notice::Polling { interval } => Message::Input(Input::Problem(format!(
                    "the files are looked at every {} ms, for want of the system's events",
                    interval.as_millis()
                ))),
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
            Err(error) => self.problem(format!("nothing is watched: {error}")),
        }
    }

    fn watch_scopes(&mut self) {
        let roots = self.roots();
        let Some(watcher) = &self.watching.watcher else {
            return;
        };
        match watcher.set_roots(roots) {
            Ok(()) => self.watching.told += 1,
            Err(error) => self.problem(error.to_string()),
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
        let crates: Vec<_> = self.crates.iter().map(|(krate, _)| krate.clone()).collect();
        let sender = self.running.sender.clone();
        let find = move || {
            if at_start && let Some(program) = discover(&crates) {
                let _ = sender.send(Message::ProgramFound(program));
            }
            let exe = std::env::current_exe().and_then(std::fs::metadata);
            let program_built = exe.and_then(|metadata| metadata.modified()).ok();
            for found in find_scopes(&crates) {
                let input = match found {
                    Ok((krate, scope)) => Input::Scoped {
                        linked_in_is_current: at_start && scope.is_older_than(program_built),
                        krate,
                        scope,
                    },
                    // Later on, the build that follows the change tells what is wrong with the manifest.
                    Err(_) if !at_start => continue,
                    Err(error) => Input::Problem(format!(
                        "only the hot crates' own folders are watched, for cargo does not tell their dependencies: {error}"
                    )),
                };
                let _ = sender.send(Message::Input(input));
            }
            let _ = sender.send(Message::ScopesFound);
        };
        self.spawn("hot-scopes", find);
    }

    fn build(&mut self, job: JobId, krate: &CrateId) {
        let Some((_, linked)) = self.crates.iter().find(|(known, _)| known == krate) else {
            return;
        };
        let cancel = CancelSignal::new();
        let sender = self.running.sender.clone();
        let reports = sender.clone();
        let mut args = BuildArgs::new(krate.manifest_dir());
        args.hot_crate = program::hot_crate(linked);
        args.program = match &self.discovered {
            Some(discovered) => program::with_compilation(discovered.clone(), &linked.compilation),
            None => program::recorded(linked),
        };
        args.cancel_build = cancel.clone();
        args.reporter = Reporter::new(move |report| {
            let _ = reports.send(Message::Input(Input::Report { job, report }));
        });
        let asked = panic::catch_unwind(AssertUnwindSafe(|| HOT_RELOAD.ask_rebuilders(&args)));
        let build = match asked {
            Ok(Some(build)) => build,
            Ok(None) => default_build(&args),
            Err(_) => Build::ready(Err(BuildError::other(
                "a rebuilder of the program panicked",
            ))),
        };
        build.on_done(move |result| {
            let _ = sender.send(Message::Input(Input::BuildDone { job, result }));
        });
        self.builds.insert(job, (build, cancel));
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
        let running = Arc::clone(&self.running);
        self.spawn("hot-load-job", move || {
            let loaded = running.loader.load(linked, &artifact.library);
            let result = loaded.map(|loaded| LoadedLibrary {
                generation: loaded.generation.number(),
                statics: loaded.statics.clone(),
                library: loaded,
            });
            running.send(Message::Input(Input::LoadDone { job, result }));
        });
    }

    fn spawn(&self, name: &str, work: impl FnOnce() + Send + 'static) {
        if let Err(error) = thread::Builder::new().name(name.into()).spawn(work) {
            self.problem(format!("cannot start the thread `{name}`: {error}"));
        }
    }
}

#[cfg(feature = "cargo")]
fn default_build(args: &BuildArgs) -> Build {
    args.default_build()
}

#[cfg(not(feature = "cargo"))]
fn default_build(args: &BuildArgs) -> Build {
    Build::ready(Err(BuildError::other(format!(
        "nobody builds {}; register a rebuilder with `HOT_RELOAD.rebuilder`, or turn on hot-app's feature `cargo`",
        args.manifest_dir.display()
    ))))
}

#[cfg(feature = "cargo")]
fn find_scopes(crates: &[CrateId]) -> Vec<Result<(CrateId, crate::scope::CrateScope), BuildError>> {
    use crate::scope::CrateScope;
    use hot_build::LocalPackages;

    let mut workspaces: Vec<LocalPackages> = Vec::new();
    let mut found = Vec::new();
    for krate in crates {
        let knows = |packages: &&LocalPackages| !packages.closure(krate.manifest_dir()).is_empty();
        let packages = match workspaces.iter().find(knows) {
            Some(packages) => packages,
            None => match LocalPackages::read(krate.manifest_dir()) {
                Ok(packages) => {
                    workspaces.push(packages);
                    workspaces.last().expect("just pushed")
                }
                Err(error) => {
                    found.push(Err(error));
                    continue;
                }
            },
        };
        let closure = packages.closure(krate.manifest_dir());
        let mut directories: Vec<_> = closure
            .iter()
            .map(|package| package.manifest_dir.clone())
            .collect();
        if directories.is_empty() {
            directories.push(krate.manifest_dir().to_owned());
        }
        let foreign = packages
            .packages
            .iter()
            .map(|package| package.manifest_dir.clone());
        let foreign = foreign
            .filter(|folder| !directories.contains(folder))
            .collect();
        let build_files = packages.build_files.iter().cloned().collect();
        let scope = CrateScope {
            directories,
            foreign,
            build_files,
            inputs: BTreeSet::new(),
        };
        found.push(Ok((krate.clone(), scope)));
    }
    found
}

/// Finds out which program this is, where it did not record it.
#[cfg(feature = "cargo")]
fn discover(crates: &[CrateId]) -> Option<ProgramBuild> {
    let krate = crates.first().filter(|_| !program::is_recorded())?;
    let exe = std::env::current_exe().ok()?;
    // What is wrong with cargo or a manifest is told by the first build.
    ProgramBuild::discover(&exe, krate.manifest_dir())
        .ok()
        .flatten()
}

#[cfg(not(feature = "cargo"))]
fn discover(_crates: &[CrateId]) -> Option<ProgramBuild> {
    None
}

#[cfg(not(feature = "cargo"))]
fn find_scopes(
    _crates: &[CrateId],
) -> Vec<Result<(CrateId, crate::scope::CrateScope), BuildError>> {
    Vec::new()
}

/// Makes events of what nodes and functions have to tell.
fn forward_notices(sender: Sender<Message>, crates: Vec<CrateId>) {
    let krate_of = move |manifest_dir: &str| {
        let known = crates
            .iter()
            .find(|krate| krate.manifest_dir().as_os_str() == manifest_dir);
        known
            .cloned()
            .unwrap_or_else(|| CrateId::new(manifest_dir, PathBuf::from(manifest_dir)))
    };
    notice::set_sink(move |notice| {
        let event = match notice {
            Notice::Instantiated {
                manifest_dir,
                node,
                generation,
            } => Event::NodeMade {
                krate: krate_of(manifest_dir),
                node,
                generation: *generation,
            },
            Notice::Fallback {
                manifest_dir,
                node,
                reason: FallbackReason::NoLibrary,
                ..
            } => Event::NodeMade {
                krate: krate_of(manifest_dir),
                node,
                generation: 0,
            },
            Notice::Fallback {
                manifest_dir, node, ..
            } => Event::Fallback {
                krate: krate_of(manifest_dir),
                node,
                reason: notice.to_string(),
            },
            Notice::StateCarried {
                manifest_dir,
                node,
                report,
            } => Event::StateCarried {
                krate: krate_of(manifest_dir),
                node,
                report: report.clone(),
            },
            Notice::Panicked { item, caught } => Event::Panicked {
                item,
                message: caught.message.clone(),
                location: caught.location.clone(),
                backtrace: caught.backtrace.clone(),
            },
            // A notice of a later version of hot-abi, which this one cannot put into words of its own.
            other => Event::Problem {
                message: other.to_string(),
            },
        };
        let _ = sender.send(Message::Input(Input::Tell(event)));
    });
}
