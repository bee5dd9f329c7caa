//! Builds that run the compiler themselves, as cargo would, and ask cargo only where cargo decides.
//!
//! How a crate is compiled is known from the program or from cargo's last run ([`replay`](crate::replay)). What
//! is made of the compiled crate is a full library, by the compiler and the user's linker, or a thin one, by
//! [`thin`](crate::thin). Both begin in the same way.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use crate::background;
use crate::cargo::BUILD_ARGS_VARIABLE;
use crate::replay::{Commands, Compilation, Record, WaitingCompiler, Wanted, Workplaces};
use crate::thin::ThinLinker;
use crate::{
    Build, BuildArgs, BuildError, BuildHandle, CancelSignal, CargoReason, FallbackReason,
    Rebuilder, Reporter,
};

mod linked_in;
mod private_library;
mod work;

use linked_in::{LinkedIn, Objects};
use private_library::PrivateLibrary;
use work::{Stop, Work};

/// Builds hot crates of the program that it is part of, without cargo as long as that can be.
///
/// It runs the compiler directly, as it was run for the program, as long as nothing changes that cargo
/// decides by: manifests, the lock file, build scripts and what they read, and crates whose compilation
/// was not recorded. Otherwise cargo is asked, and how it compiles is recorded anew. An [`Artifact`] tells why
/// [cargo was asked](crate::Artifact::asked_cargo). What the environment variable `HOT_BUILD_ARGS` asks for is always
/// cargo's to do.
///
/// How the program's own crates were compiled it learns from [`CrateBuild::rustc`](crate::CrateBuild::rustc).
/// Where that is not known, the first build of a crate asks cargo.
///
/// It makes [full libraries](Self::full), or with the feature `thin` thin ones where that can be
/// (`DirectBuilder::thin`).
///
/// ```no_run
/// use hot_build::{BuildArgs, DirectBuilder};
///
/// let builder = DirectBuilder::full();
/// let artifact = builder.build(&BuildArgs::new("/projects/game/scene")).wait()?;
/// match &artifact.asked_cargo {
///     Some(reason) => eprintln!("cargo was asked, because {reason}"),
///     None => eprintln!("{} in {:?}", artifact.library.display(), artifact.duration),
/// }
/// # Ok::<(), hot_build::BuildError>(())
/// ```
///
/// [`Artifact`]: crate::Artifact
#[derive(Clone)]
pub struct DirectBuilder {
    inner: Arc<Inner>,
}

impl DirectBuilder {
    /// A builder of libraries that stand for themselves, linked by the compiler as cargo would have it.
    pub fn full() -> Self {
        Self::of(None)
    }

    /// A builder of thin libraries, and of full ones where that cannot be: the
    /// [`mode`](crate::Artifact::mode) of an artifact tells, and its [`fallback`](crate::Artifact::fallback) the
    /// reason. It starts reading the symbols of this program, on a thread of its own.
    ///
    /// It builds nothing for another process: the addresses in a thin library are those of this one.
    #[cfg(feature = "thin")]
    pub fn thin() -> Self {
        Self::of(Some(ThinLinker::start()))
    }

    /// Has `types` tell whether statics and thread-locals of new code are those of the program. Without anyone
    /// who tells, a thin library of a crate that has any cannot be. The first call counts; full libraries need
    /// none.
    #[cfg(feature = "thin")]
    pub fn with_static_types(self, types: Arc<dyn crate::StaticTypes>) -> Self {
        if let Some(thin) = &self.inner.thin {
            thin.set_types(types);
        }
        self
    }

    /// Has the frames of thin libraries name the function at `address` for their personality routine, in the place of
    /// the program's `rust_eh_personality`, as which it is called. The first call counts; full libraries have a routine
    /// of their own.
    ///
    /// A program whose own frames get another routine while it runs has thin libraries follow by that.
    #[cfg(feature = "thin")]
    pub fn with_personality(self, address: usize) -> Self {
        if let Some(thin) = &self.inner.thin {
            thin.set_personality(address);
        }
        self
    }

    /// Why a builder of thin libraries cannot make any for this program, if so. Waits until its symbols are
    /// read.
    #[cfg(feature = "thin")]
    pub fn unavailable(&self) -> Option<FallbackReason> {
        self.inner.thin.as_ref()?.unavailable()
    }

    /// Starts building the crate that `args` name.
    pub fn build(&self, args: &BuildArgs) -> Build {
        let inner = self.inner.clone();
        Build::spawn_with_handle(args, move |args, handle| inner.build(args, handle))
    }

    /// Gets ready to build `crates`, so that the first build of each does not have to: on a thread of low
    /// priority. A build that begins meanwhile waits for what it needs.
    pub fn prepare(&self, crates: Vec<BuildArgs>) {
        for args in &crates {
            lock(&self.inner.commands).learn(args);
        }
        let inner = self.inner.clone();
        let (warm, is_warm) = mpsc::channel::<PathBuf>();
        // Without a thread, the first builds do it.
        let _ = background::spawn("hot-build prepare", move || {
            for args in &crates {
                inner.prepare(args);
            }
            for args in &crates {
                inner.warm_up(args);
                // Nobody listens where that thread could not be had.
                let _ = warm.send(args.manifest_dir.clone());
            }
        });
        let inner = self.inner.clone();
        // At the usual priority, for what is started has that of who starts it.
        let _ = thread::Builder::new()
            .name("hot-build waiting".to_owned())
            .spawn(move || {
                for manifest_dir in is_warm {
                    let known = inner.known(&manifest_dir);
                    lock(&known).have_a_compiler_wait();
                }
            });
    }

    fn of(thin: Option<ThinLinker>) -> Self {
        Self {
            inner: Arc::new(Inner {
                thin,
                crates: Mutex::default(),
                commands: Mutex::default(),
                places: Mutex::default(),
                warm_ups: Mutex::default(),
            }),
        }
    }
}

impl fmt::Debug for DirectBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectBuilder")
            .field("makes_thin_libraries", &self.inner.thin.is_some())
            .finish_non_exhaustive()
    }
}

impl Rebuilder for DirectBuilder {
    /// It declines no crate.
    fn rebuild(&self, args: &BuildArgs) -> Option<Build> {
        Some(self.build(args))
    }
}

struct Inner {
    /// What makes thin libraries, if they are wanted.
    thin: Option<ThinLinker>,
    /// What is known of each hot crate, by the directory of its manifest.
    crates: Mutex<HashMap<PathBuf, Arc<Mutex<KnownCrate>>>>,
    /// How cargo compiled each local crate the last time that it did.
    commands: Mutex<Commands>,
    /// Where the compiler writes.
    places: Mutex<Workplaces>,
    /// Stops what is compiled ahead for a crate, by the directory of its manifest.
    warm_ups: Mutex<HashMap<PathBuf, CancelSignal>>,
}

/// What is known of a hot crate.
#[derive(Debug, Default)]
struct KnownCrate {
    record: Option<Record>,
    /// Whether a record was tried to be made without cargo.
    is_read: bool,
    /// What the program was linked with, until something else was compiled. From then on there is a library to compare
    /// with.
    linked_in: Option<LinkedIn>,
    /// Why there is no record, if something is known.
    no_record: Option<CargoReason>,
    /// How many thin libraries were linked.
    libraries: u32,
    /// Whether the last thin library could not be linked. Then the next one is likely not to be, and the compiler
    /// makes a full one meanwhile.
    failed_to_link: bool,
    /// The last full library.
    full: Option<PrivateLibrary>,
    /// The compiler for the next build.
    waiting: Option<WaitingCompiler>,
}

impl KnownCrate {
    /// The objects that the program was linked with, before cargo writes others to their place.
    fn objects_linked_in(&self) -> Objects {
        let linked_in = self.linked_in.as_ref();
        linked_in.map_or_else(Objects::default, LinkedIn::objects)
    }

    /// Whether what was compiled last is what the program was linked with.
    fn is_linked_in(&mut self, before: &Objects) -> bool {
        let (Some(record), Some(linked_in)) = (&self.record, &mut self.linked_in) else {
            return false;
        };
        let is_it = linked_in.holds(&record.crate_files(), before);
        if !is_it {
            self.linked_in = None;
        }
        is_it
    }

    /// Starts the compiler for the next build. It is not to be called on a thread of low priority, which the compiler
    /// would have too.
    fn have_a_compiler_wait(&mut self) {
        if let (Some(record), None) = (&self.record, &self.waiting) {
            self.waiting = WaitingCompiler::start(record.hot_command());
        }
    }
}

impl Inner {
    fn build(self: &Arc<Self>, args: &BuildArgs, handle: &mut BuildHandle) {
        if std::env::var_os(BUILD_ARGS_VARIABLE).is_some_and(|value| !value.is_empty()) {
            let is_thin = self.thin.is_some();
            let fallback = is_thin.then_some(FallbackReason::CustomCommand {
                variable: BUILD_ARGS_VARIABLE,
            });
            let built = args.default_build().wait();
            return handle.finish(built.map(|mut artifact| {
                artifact.fallback = fallback;
                artifact
            }));
        }
        lock(&self.commands).learn(args);
        self.stop_warm_up(args);
        let known = self.known(&args.manifest_dir);
        // Builds of one crate share its record; a build that was cancelled is gone in a moment.
        let mut known = lock(&known);
        let mut work = Work::new(args, self.thin.as_ref());
        work.read(&mut known, &self.commands);
        if args.cancel_build.is_cancelled() {
            return handle.finish(Err(BuildError::Cancelled));
        }
        match work.without_cargo(&mut known, &self.places) {
            Ok(artifact) => handle.finish(Ok(artifact)),
            Err(Stop::Failed(error)) => handle.finish(Err(error)),
            Err(Stop::AskCargo(reason)) => {
                handle.finish(work.with_cargo(&mut known, &self.commands, reason));
                if !args.cancel_build.is_cancelled() {
                    let (inner, args) = (self.clone(), args.clone());
                    // Without a thread, the next build takes longer.
                    let _ = background::spawn("hot-build prepare", move || inner.warm_up(&args));
                }
            }
        }
        // The compilers of this build come to their end first.
        drop(work);
        known.have_a_compiler_wait();
    }

    /// Compiles a crate as it is, if the compiler does not remember to have done so: then the first change
    /// takes it a quarter of the time. A command that worked is known to be right, too.
    fn warm_up(&self, args: &BuildArgs) {
        let args = BuildArgs {
            cancel_build: CancelSignal::new(),
            reporter: Reporter::silent(),
            ..args.clone()
        };
        let known = self.known(&args.manifest_dir);
        // Registered before the lock is waited for, so that a build that has it is not waited for in vain.
        let other =
            lock(&self.warm_ups).insert(args.manifest_dir.clone(), args.cancel_build.clone());
        if let Some(other) = other {
            other.cancel();
        }
        let mut known = lock(&known);
        let Some(record) = &mut known.record else {
            return;
        };
        let Ok(place) = lock(&self.places).of(&args, record) else {
            return;
        };
        let command = record.hot_command();
        if place.has_seen_work(command) {
            return record.prove();
        }
        if !command.is_incremental() || place.remembers(command) {
            return;
        }
        let compilation = Compilation {
            args: &args,
            command,
            place: &place,
            replaced: record.replaced(),
            wanted: Wanted::Rlib,
            is_proven: false,
        };
        if compilation.run(None, &mut Vec::new()).is_ok() {
            place.note(command);
            record.prove();
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
        let known = self.known(&args.manifest_dir);
        let mut known = lock(&known);
        Work::new(args, self.thin.as_ref()).read(&mut known, &self.commands);
        if let (Some(record), Some(thin)) = (&known.record, &self.thin) {
            thin.prepare(args, record);
        }
    }

    fn known(&self, manifest_dir: &Path) -> Arc<Mutex<KnownCrate>> {
        let mut crates = lock(&self.crates);
        crates.entry(manifest_dir.to_owned()).or_default().clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
