//! The fastest way to build: the compiler without cargo, and a library of the changed code alone.
//!
//! A full library holds the crate with everything it depends on. But the program that it is for holds
//! all of that already, and it is right here: this code is part of it. So the objects of the crate are
//! linked against the running program itself, each symbol at its address in memory. What comes out has
//! kilobytes, and one copy of everything: of the standard library, of each dependency, and of the
//! statics and thread-locals of the crate itself.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Instant, SystemTime};

use crate::background;
use crate::cargo::{BUILD_ARGS_VARIABLE, repeat_program_recorded};
use crate::replay::{
    Commands, CompileFailure, Compiled, Ending, Plan, Record, Recorder, Workplaces, compile,
};
use crate::{
    Artifact, Build, BuildArgs, BuildError, BuildHandle, BuildMode, BuildPhase, CancelSignal,
    CargoReason, ChangedStatic, FallbackReason, LocalPackages, Rebuilder, Reporter, run,
};

#[cfg(all(
    target_os = "linux",
    target_arch = "x86_64",
    target_pointer_width = "64"
))]
#[path = "thin/elf.rs"]
mod system;
#[cfg(not(all(
    target_os = "linux",
    target_arch = "x86_64",
    target_pointer_width = "64"
)))]
#[path = "thin/elsewhere.rs"]
mod system;

mod static_types;

pub use static_types::{StaticComparison, StaticPair, StaticTypes};

/// Builds thin libraries for the program that it is part of, and full ones where that cannot be.
///
/// It runs the compiler directly, as it was run for the program, as long as nothing changes that cargo
/// decides by: manifests, the lock file, build scripts and what they read, and crates whose compilation
/// was not recorded. Otherwise cargo is asked, and how it compiles is recorded anew. An [`Artifact`]
/// tells why [cargo was asked](Artifact::asked_cargo), and its [`mode`](Artifact::mode), and if that is not
/// thin, the reason.
///
/// How the program's own crates were compiled it learns from [`CrateBuild::rustc`](crate::CrateBuild::rustc).
/// Where that is not known, the first build of a crate asks cargo.
///
/// It builds nothing for another process: the addresses in a thin library are those of this one.
///
/// ```no_run
/// use hot_build::{BuildArgs, BuildMode, Rebuilder, ThinBuilder};
///
/// let builder = ThinBuilder::new();
/// let build = builder.rebuild(&BuildArgs::new("/projects/game/scene")).expect("it declines no crate");
/// let artifact = build.wait()?;
/// if let (BuildMode::Full, Some(reason)) = (artifact.mode, &artifact.fallback) {
///     eprintln!("a full library, because {reason}");
/// }
/// # Ok::<(), hot_build::BuildError>(())
/// ```
#[derive(Clone)]
pub struct ThinBuilder {
    inner: Arc<Inner>,
}

impl ThinBuilder {
    /// Starts reading the symbols of this program, on a thread of its own.
    pub fn new() -> Self {
        let inner = Arc::new(Inner {
            system: OnceLock::new(),
            crates: Mutex::default(),
            commands: Mutex::default(),
            places: Mutex::default(),
            warm_ups: Mutex::default(),
            types: OnceLock::new(),
        });
        let reader = inner.clone();
        // Without a thread, the first build reads them.
        let _ = background::spawn("hot-build symbols", move || drop(reader.system()));
        Self { inner }
    }

    /// Has `types` tell whether statics and thread-locals of new code are those of the program. Without anyone
    /// who tells, a crate that has any is built in full. The first call counts.
    pub fn with_static_types(self, types: Arc<dyn StaticTypes>) -> Self {
        // A second one is told apart from the first by nobody.
        let _ = self.inner.types.set(types);
        self
    }

    /// Gets ready to build `crates`, so that the first build of each does not have to: on a thread of low
    /// priority. A build that begins meanwhile waits for what it needs.
    pub fn prepare(&self, crates: Vec<BuildArgs>) {
        for args in &crates {
            lock(&self.inner.commands).learn(args);
        }
        let inner = self.inner.clone();
        // Without a thread, the first builds do it.
        let _ = background::spawn("hot-build prepare", move || {
            for args in &crates {
                inner.prepare(args);
            }
            for args in &crates {
                inner.warm_up(args);
            }
        });
    }

    /// Why this program cannot have thin libraries at all, if so. Waits until its symbols are read.
    pub fn unavailable(&self) -> Option<FallbackReason> {
        self.inner.system().err()
    }
}

impl Default for ThinBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ThinBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThinBuilder").finish_non_exhaustive()
    }
}

impl Rebuilder for ThinBuilder {
    fn rebuild(&self, args: &BuildArgs) -> Option<Build> {
        let inner = self.inner.clone();
        Some(Build::spawn_with_handle(args, move |args, handle| {
            inner.build(args, handle);
        }))
    }
}

struct Inner {
    /// The program and what links against it, or why nothing can.
    system: OnceLock<Result<system::System, FallbackReason>>,
    /// What is known of each hot crate, by the directory of its manifest.
    crates: Mutex<HashMap<PathBuf, Arc<Mutex<KnownCrate>>>>,
    /// How cargo compiled each local crate the last time that it did.
    commands: Mutex<Commands>,
    /// Where the compiler writes.
    places: Mutex<Workplaces>,
    /// Stops what is compiled ahead for a crate, by the directory of its manifest.
    warm_ups: Mutex<HashMap<PathBuf, CancelSignal>>,
    /// Who compares the types of variables.
    types: OnceLock<Arc<dyn StaticTypes>>,
}

/// What is known of a hot crate.
#[derive(Debug, Default)]
struct KnownCrate {
    record: Option<Record>,
    /// Whether a record was tried to be made without cargo.
    is_read: bool,
    /// Why there is no record, if something is known.
    no_record: Option<CargoReason>,
    libraries: u32,
    /// Whether the objects could not be linked the last time. Then they are likely not to be now, and
    /// compiling without cargo would be for nothing.
    failed_to_link: bool,
}

impl Inner {
    fn system(&self) -> Result<&system::System, FallbackReason> {
        self.system
            .get_or_init(system::System::of_this_process)
            .as_ref()
            .map_err(Clone::clone)
    }

    fn build(self: &Arc<Self>, args: &BuildArgs, handle: &mut BuildHandle) {
        let custom = std::env::var_os(BUILD_ARGS_VARIABLE).is_some_and(|value| !value.is_empty());
        let system = if custom {
            Err(FallbackReason::CustomCommand {
                variable: BUILD_ARGS_VARIABLE,
            })
        } else {
            self.system()
        };
        let system = match system {
            Ok(system) => system,
            Err(reason) => return handle.finish(full(args, reason)),
        };
        lock(&self.commands).learn(args);
        self.stop_warm_up(args);
        let known = self.known(args);
        // Builds of one crate share its record; a build that was cancelled is gone in a moment.
        let mut known = lock(&known);
        let mut work = Work::new(args, system, self.types.get());
        work.read(&mut known, &self.commands);
        if args.cancel_build.is_cancelled() {
            return handle.finish(Err(BuildError::Cancelled));
        }
        match work.without_cargo(&mut known, &self.places) {
            Outcome::Done(result) => handle.finish(*result),
            Outcome::AskCargo(reason) => {
                work.with_cargo(&mut known, &self.commands, reason, handle);
                if args.cancel_build.is_cancelled() {
                    return;
                }
                let (inner, args) = (self.clone(), args.clone());
                // Without a thread, the next build takes longer.
                let _ = background::spawn("hot-build prepare", move || inner.warm_up(&args));
            }
        }
    }

    /// Compiles a crate as it is, if the compiler does not remember to have done so: then the first change
    /// takes it a quarter of the time.
    fn warm_up(&self, args: &BuildArgs) {
        let args = BuildArgs {
            cancel_build: CancelSignal::new(),
            reporter: Reporter::silent(),
            ..args.clone()
        };
        let known = self.known(&args);
        // Registered before the lock is waited for, so that a build that has it is not waited for in vain.
        let other =
            lock(&self.warm_ups).insert(args.manifest_dir.clone(), args.cancel_build.clone());
        if let Some(other) = other {
            other.cancel();
        }
        let known = lock(&known);
        let Some(record) = known.record.as_ref().filter(|_| !known.failed_to_link) else {
            return;
        };
        let command = record.hot_command();
        let Ok(place) = lock(&self.places).of(&args, record) else {
            return;
        };
        if !command.is_incremental() || place.remembers(command) {
            return;
        }
        let mut diagnostics = Vec::new();
        let compiled = compile(
            &args,
            true,
            command,
            &place,
            record.replaced(),
            &mut diagnostics,
        );
        if compiled.is_ok() {
            place.note(command);
        }
    }

    fn stop_warm_up(&self, args: &BuildArgs) {
        let stopped = lock(&self.warm_ups).remove(&args.manifest_dir);
        if let Some(warm_up) = stopped {
            warm_up.cancel();
        }
    }

    /// Does for a crate what can be done before it is built.
    fn prepare(&self, args: &BuildArgs) {
        let Ok(system) = self.system() else {
            return;
        };
        let known = self.known(args);
        let mut known = lock(&known);
        Work::new(args, system, self.types.get()).read(&mut known, &self.commands);
        if let Some(record) = &known.record {
            // What is wrong is told by the build that needs it.
            let _ = system.prepare(args, record);
        }
    }

    fn known(&self, args: &BuildArgs) -> Arc<Mutex<KnownCrate>> {
        let mut crates = lock(&self.crates);
        crates.entry(args.manifest_dir.clone()).or_default().clone()
    }
}

/// How an attempt to build without cargo ended.
enum Outcome {
    Done(Box<Result<Artifact, BuildError>>),
    AskCargo(CargoReason),
}

/// One build.
struct Work<'a> {
    args: &'a BuildArgs,
    system: &'a system::System,
    types: Option<&'a Arc<dyn StaticTypes>>,
    started: Instant,
    since: SystemTime,
    phases: Vec<BuildPhase>,
    /// Compilers that have done their work. What is started next does not wait for them, but what comes after
    /// this build does.
    endings: Vec<Ending>,
}

impl<'a> Work<'a> {
    fn new(
        args: &'a BuildArgs,
        system: &'a system::System,
        types: Option<&'a Arc<dyn StaticTypes>>,
    ) -> Self {
        Self {
            args,
            system,
            types,
            started: Instant::now(),
            since: SystemTime::now(),
            phases: Vec::new(),
            endings: Vec::new(),
        }
    }

    /// Makes the record of a crate from what the program knows, once.
    fn read(&mut self, known: &mut KnownCrate, commands: &Mutex<Commands>) {
        let is_known = lock(commands).knows(&self.args.manifest_dir);
        if known.is_read || known.record.is_some() || !is_known {
            return;
        }
        known.is_read = true;
        let reading = Instant::now();
        let made = match LocalPackages::around(self.args) {
            Ok(packages) => Record::of_program(lock(commands).all(), &packages, self.args),
            Err(BuildError::Cancelled) => {
                known.is_read = false;
                return;
            }
            // Cargo says it again, to someone who listens.
            Err(_) => Err(CargoReason::FirstBuild),
        };
        match made {
            Ok(record) => known.record = Some(record),
            Err(reason) => {
                lock(commands).forget_program(&self.args.manifest_dir, &reason);
                known.no_record = Some(reason);
            }
        }
        self.phase("record", reading);
    }

    fn without_cargo(&mut self, known: &mut KnownCrate, places: &Mutex<Workplaces>) -> Outcome {
        let Some(record) = &mut known.record else {
            let reason = known.no_record.take();
            return Outcome::AskCargo(reason.unwrap_or(CargoReason::FirstBuild));
        };
        let planned = Instant::now();
        let units = match record.plan(self.args) {
            Plan::Compile(units) => units,
            Plan::AskCargo(reason) => return Outcome::AskCargo(reason),
        };
        if known.failed_to_link {
            return Outcome::AskCargo(CargoReason::NotLinked);
        }
        self.phase("plan", planned);
        let place = match lock(places).of(self.args, record) {
            Ok(place) => place,
            Err(reason) => return Outcome::Done(Box::new(full(self.args, reason))),
        };
        let mut diagnostics = Vec::new();
        let mut hot_rlib = None;
        for unit in units {
            let compiling = Instant::now();
            let since = SystemTime::now();
            let command = record.command(unit);
            let compiled = compile(
                self.args,
                record.is_proven(),
                command,
                &place,
                record.replaced(),
                &mut diagnostics,
            );
            let rlib = match compiled {
                Ok(Compiled { rlib, ending }) => {
                    self.endings.push(ending);
                    rlib
                }
                Err(CompileFailure::Failed(error)) => return Outcome::Done(Box::new(Err(error))),
                Err(CompileFailure::AskCargo) => return Outcome::AskCargo(CargoReason::Compiler),
            };
            if record.compiled(unit, &rlib, since).is_err() {
                return Outcome::AskCargo(CargoReason::Compiler);
            }
            place.note(record.hot_command());
            self.phase("compile", compiling);
            hot_rlib = Some(rlib);
        }
        let (Some(rlib), Ok(inputs)) = (hot_rlib, record.hot_inputs()) else {
            return Outcome::AskCargo(CargoReason::Compiler);
        };
        match self.link(known, rlib) {
            Ok((library, changed_statics)) => Outcome::Done(Box::new(Ok(Artifact {
                library,
                is_private: true,
                changed_statics,
                mode: BuildMode::Thin,
                inputs,
                diagnostics,
                duration: self.started.elapsed(),
                phases: std::mem::take(&mut self.phases),
                ..Artifact::new("")
            }))),
            Err(None) => Outcome::Done(Box::new(Err(BuildError::Cancelled))),
            Err(Some(reason)) => Outcome::Done(Box::new(full(self.args, reason))),
        }
    }

    fn with_cargo(
        &mut self,
        known: &mut KnownCrate,
        commands: &Mutex<Commands>,
        reason: CargoReason,
        handle: &mut BuildHandle,
    ) {
        let asked = Instant::now();
        self.phases.clear();
        let recorder = Arc::new(Mutex::new(Recorder::default()));
        let build = run::build_recorded(self.args, repeat_program_recorded, recorder.clone());
        // Asked meanwhile, which takes some ten milliseconds of another core.
        let (built, packages) = thread::scope(|scope| {
            let packages = scope.spawn(|| LocalPackages::around(self.args));
            (build.wait(), packages.join())
        });
        let mut artifact = match built {
            Ok(artifact) => artifact,
            Err(error) => return handle.finish(Err(error)),
        };
        self.phase("cargo", asked);
        let recorder = std::mem::take(&mut *lock(&recorder));
        // The library that cargo made is there, and it works; so whatever fails now is a reason for it.
        let recording = Instant::now();
        let packages = packages.unwrap_or(Err(BuildError::Abandoned { panic: None }));
        lock(commands).record(recorder.commands);
        known.record = None;
        let made = packages.and_then(|packages| {
            Record::make(
                recorder.built,
                lock(commands).all(),
                &packages,
                self.args,
                self.since,
            )
        });
        let record = match made {
            Ok(Some(record)) => Ok(record),
            Ok(None) => Err(FallbackReason::NotRecorded {
                manifest_dir: self.args.manifest_dir.clone(),
            }),
            Err(error) => Err(FallbackReason::InputUnreadable {
                path: self.args.manifest_dir.clone(),
                problem: error.to_string(),
            }),
        };
        self.phase("record", recording);
        let linked = record.and_then(|record| {
            let rlib = record.hot_rlib();
            known.record = Some(record);
            match self.link(known, rlib) {
                Ok(library) => Ok(Some(library)),
                Err(None) => Ok(None),
                Err(Some(reason)) => Err(reason),
            }
        });
        match linked {
            Ok(Some((library, changed_statics))) => {
                artifact.library = library;
                artifact.changed_statics = changed_statics;
                artifact.mode = BuildMode::Thin;
            }
            Ok(None) => return handle.finish(Err(BuildError::Cancelled)),
            Err(reason) => artifact.fallback = Some(reason),
        }
        artifact.asked_cargo = Some(reason);
        artifact.duration = self.started.elapsed();
        artifact.phases = std::mem::take(&mut self.phases);
        handle.finish(Ok(artifact));
    }

    /// Links the rlib's objects to a library; the reason is `None` if the build was cancelled.
    fn link(
        &mut self,
        known: &mut KnownCrate,
        rlib: PathBuf,
    ) -> Result<(PathBuf, Vec<ChangedStatic>), Option<FallbackReason>> {
        let Some(record) = &known.record else {
            return Err(Some(FallbackReason::NotRecorded {
                manifest_dir: self.args.manifest_dir.clone(),
            }));
        };
        known.libraries += 1;
        let linking = Instant::now();
        let types = self.types.map(|types| &**types);
        let linked = self
            .system
            .link(self.args, record, &rlib, known.libraries, types);
        self.phase("link", linking);
        if self.args.cancel_build.is_cancelled() {
            return Err(None);
        }
        known.failed_to_link = linked.is_err();
        linked.map_err(Some)
    }

    fn phase(&mut self, name: &'static str, since: Instant) {
        self.phases.push(BuildPhase::new(name, since.elapsed()));
    }
}

/// Builds a full library, and says why.
fn full(args: &BuildArgs, reason: FallbackReason) -> Result<Artifact, BuildError> {
    let mut artifact = args.default_build().wait()?;
    artifact.fallback = Some(reason);
    Ok(artifact)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
