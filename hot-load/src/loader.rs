//! From a library's file to a generation.

use crate::allocator::{self, HeapCheck};
use crate::background;
use crate::canary::{self, Canary};
use crate::deadline::within;
use crate::error::LoadError;
use crate::layout::{self, LayoutCheck, LayoutReport};
use crate::migration::Migrations;
use crate::overdue::{LateEnd, Overdue, Overdues, Work};
use crate::phases::{LoadPhase, Stopwatch};
use crate::retention::Retention;
use crate::staging::Staging;
use crate::{library, mapped, opened, verify};
use hot_abi::entry::{EntryFn, InitFn, InitOutcome, InitReport, InitRequest};
use hot_abi::fingerprint::Fingerprint;
use hot_abi::generation::{self, Applied, Generation};
use hot_abi::held::{MigrationError, WhenBusy};
use hot_abi::policy;
use hot_abi::registry::{HotCrate, Module};
use hot_abi::same_type;
use hot_abi::statics::{PatchReport, StaticEntry, StaticPatch};
use libloading::Library;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

/// The hot crates that are linked into this program.
pub fn linked_crates() -> &'static [&'static HotCrate] {
    Module::this().crates
}

/// The keys that several statics of this program have, and that are therefore shared with no library.
pub fn repeated_statics() -> &'static [&'static str] {
    PATCH.repeated()
}

/// How libraries are loaded.
#[derive(Clone, Copy, Debug)]
pub struct LoadOptions {
    /// How long opening and initialising a library may take. Two seconds by default.
    ///
    /// A constructor that never returns keeps the system's loader locked: then every later load misses
    /// its deadline, too, and on glibc so may a thread wait that uses a thread-local for the first time.
    pub deadline: Duration,
    /// How long the values that the program holds may take to migrate to the layouts of a generation. Two
    /// seconds by default.
    ///
    /// What takes longer goes on beside the program, and can be applied when it has ended, if the values were
    /// not used meanwhile.
    pub migration_deadline: Duration,
    /// Whether a library is opened and initialised in a child process first, so that one that dies of it is
    /// refused. Off by default; see [`Canary`].
    pub canary: bool,
    /// Which libraries stay loaded. All of them by default.
    pub retention: Retention,
}

impl Default for LoadOptions {
    fn default() -> Self {
        LoadOptions {
            deadline: Duration::from_secs(2),
            migration_deadline: Duration::from_secs(2),
            canary: false,
            retention: Retention::KEEP_ALL,
        }
    }
}

/// Loads libraries into this process, and knows those that are loaded.
///
/// Loads run one after the other; a load that takes its time keeps nobody from
/// [`apply`](Loader::apply).
#[derive(Debug)]
pub struct Loader {
    options: LoadOptions,
    /// Locked for the whole of a load.
    staging: Mutex<Staging>,
    /// Locked for moments only: the app's thread waits for it.
    loaded: Mutex<LoadedLibraries>,
    applying: Mutex<()>,
    layouts: LayoutCheck,
    migrations: Migrations,
    overdues: Arc<Overdues>,
}

#[derive(Debug, Default)]
struct LoadedLibraries {
    /// Those that are retained, oldest first.
    generations: Vec<Arc<Generation>>,
    /// Those that are not, and that are still mapped while a node lives in them.
    released: Vec<Weak<Generation>>,
    /// How many were loaded so far, by crate.
    counts: Vec<(&'static HotCrate, u32)>,
}

/// A library that was loaded, verified and initialised, and whose code is not live yet.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The generation.
    pub generation: Arc<Generation>,
    /// The copy that was opened.
    pub copy: PathBuf,
    /// The fingerprint in it.
    pub fingerprint: Fingerprint,
    /// Whether it is known to allocate on the program's heap.
    pub heap: HeapCheck,
    /// Whether it was tried out in a child process.
    pub canary: Canary,
    /// What became of its statics.
    pub statics: PatchReport,
    /// Whether the types that it hands over have the layouts that they have in the program.
    pub layouts: LayoutReport,
    /// Where the time went, in order.
    pub phases: Vec<LoadPhase>,
}

/// Two loads are equal when they are the same load.
impl PartialEq for Loaded {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.generation, &other.generation)
    }
}

impl Eq for Loaded {}

impl Loader {
    /// A loader that has loaded nothing yet. In the background it reads what it must know of the program.
    pub fn new(options: LoadOptions) -> Loader {
        // What the first load needs to know of the program. Where there is no thread to be had, that finds it out.
        drop(background::spawn("hot-symbols", || {
            allocator::read_program();
            LazyLock::force(&PATCH);
        }));
        let overdues = Arc::<Overdues>::default();
        same_type::compare_types_with(layout::compare_types);
        Loader {
            options,
            staging: Mutex::default(),
            loaded: Mutex::default(),
            applying: Mutex::default(),
            layouts: LayoutCheck::start(),
            migrations: Migrations::new(options.migration_deadline, Arc::clone(&overdues)),
            overdues,
        }
    }

    /// Loads a library of `krate`, a crate that is linked into this program.
    ///
    /// The file is copied, its fingerprint is checked before it is opened, and its init function has
    /// reported success when this returns. Nothing of it is live until [`apply`](Loader::apply).
    ///
    /// # Errors
    ///
    /// A variant of [`LoadError`] for each step that can fail. The crate's code goes on as it was.
    pub fn load(&self, krate: &'static HotCrate, built: &Path) -> Result<Loaded, LoadError> {
        self.load_file(krate, built, false)
    }

    /// Loads a library of `krate` as [`load`](Loader::load) does, from a file that is this process's own and is
    /// never written again. It gets a second name, and is copied only where that cannot be.
    ///
    /// # Errors
    ///
    /// As [`load`](Loader::load).
    pub fn load_private(
        &self,
        krate: &'static HotCrate,
        built: &Path,
    ) -> Result<Loaded, LoadError> {
        self.load_file(krate, built, true)
    }

    fn load_file(
        &self,
        krate: &'static HotCrate,
        built: &Path,
        is_private: bool,
    ) -> Result<Loaded, LoadError> {
        let mut staging = lock(&self.staging);
        let mut stopwatch = Stopwatch::start();
        let copy = staging.take(built, is_private)?;
        stopwatch.lap("copy");
        // Read meanwhile, for it takes longest.
        let layouts = self.layouts.begin(&copy, built);
        let fingerprint = verify::check(krate, &copy, built)?;
        stopwatch.lap("fingerprint");
        let heap = allocator::check(&copy, built)?;
        stopwatch.lap("allocator");
        let number = lock(&self.loaded).count(krate) + 1;
        let opening = Opening {
            krate,
            number,
            copy: copy.clone(),
            built: built.to_owned(),
        };
        let canary = self.try_out(&opening)?;
        if canary == Canary::Lived {
            stopwatch.lap("canary");
        }
        let opened = self.open(opening)?;
        let Opened {
            generation,
            mut statics,
            patched,
            phases,
        } = opened;
        stopwatch.take_over(phases);
        let (layouts, mismatched) = self.layouts.mark(&generation, layouts, &patched);
        statics.patched -= mismatched.len();
        statics.mismatched.extend(mismatched);
        stopwatch.lap("layouts");
        lock(&self.loaded).add(krate, Arc::clone(&generation));
        opened::note(built, &copy);
        layout::note_copy(built, &copy);
        Ok(Loaded {
            generation,
            copy,
            fingerprint,
            heap,
            canary,
            statics,
            layouts,
            phases: stopwatch.finish(),
        })
    }

    /// Makes a generation live: from now on it answers every call of its crate.
    ///
    /// Must be called where the program is ready for new code, its safe point.
    ///
    /// # Errors
    ///
    /// When a value that the program holds for its hot code could not migrate to the generation's
    /// layout, or is locked. The code that was live stays.
    pub fn apply(
        &self,
        generation: &Arc<Generation>,
        when_busy: WhenBusy,
    ) -> Result<Applied, MigrationError> {
        let _one_at_a_time = lock(&self.applying);
        // What to go back to, should this one panic.
        let good = policy::last_good(generation.krate());
        // The code of the crate runs meanwhile, hooks and migrations, and may use this loader.
        let libraries = lock(&self.loaded).mapped();
        let mut attempt = self.migrations.attempt();
        let applied =
            generation::make_live_with(generation, &modules(&libraries), when_busy, &mut |task| {
                attempt.migrate(task)
            })?;
        self.migrations.forget(generation.krate());
        {
            let mut loaded = lock(&self.loaded);
            loaded.adopt_late(&libraries, &Module::this());
            loaded.release_surplus(generation, good.as_ref(), self.options.retention);
        }
        // What is unmapped is unmapped here, when nobody is inside.
        drop(libraries);
        Ok(applied)
    }

    /// Makes the code that is linked into the program live again.
    ///
    /// # Errors
    ///
    /// As [`apply`](Loader::apply).
    pub fn revert(&self, krate: &HotCrate, when_busy: WhenBusy) -> Result<Applied, MigrationError> {
        let _one_at_a_time = lock(&self.applying);
        let libraries = lock(&self.loaded).mapped();
        let mut attempt = self.migrations.attempt();
        let applied = generation::revert_to_linked_in_with(
            krate,
            &modules(&libraries),
            when_busy,
            &mut |task| attempt.migrate(task),
        )?;
        self.migrations.forget(krate);
        lock(&self.loaded).adopt_late(&libraries, &Module::this());
        Ok(applied)
    }

    /// The work for a crate that went on after its deadline and has not ended yet.
    pub fn overdue(&self, krate: &HotCrate) -> Vec<Overdue> {
        self.overdues.of(krate)
    }

    /// Calls `tell` whenever such work ends, on the thread that did it. The first call of this wins.
    pub fn on_late_end(&self, tell: impl Fn(LateEnd) + Send + Sync + 'static) {
        self.overdues.tell(tell);
    }

    /// Opens and initialises a library in a child process, if that is asked for.
    fn try_out(&self, opening: &Opening) -> Result<Canary, LoadError> {
        if !self.options.canary {
            return Ok(Canary::Off);
        }
        if !Canary::IS_AVAILABLE {
            return Ok(Canary::Unavailable);
        }
        // Here, so that the child finds it done.
        LazyLock::force(&PATCH);
        let library = || opening.built.clone();
        // What fails in the child without ending it fails here in the same way, and tells more.
        let open = || std::mem::forget(opening.clone().open());
        match canary::try_out(self.options.deadline, open) {
            Ok(canary::Outcome::Lived) => Ok(Canary::Lived),
            Ok(canary::Outcome::Died { end, said }) => Err(LoadError::Canary {
                library: library(),
                end,
                said,
            }),
            Err(source) => Err(LoadError::CanaryStart {
                library: library(),
                source: Arc::new(source),
            }),
        }
    }

    /// Opens and initialises a library within the deadline.
    fn open(&self, opening: Opening) -> Result<Opened, LoadError> {
        let (krate, built, deadline) =
            (opening.krate, opening.built.clone(), self.options.deadline);
        // Before this one is added to them.
        let blocked_by = self.overdues.library();
        let overdue = Overdue {
            work: Work::Opening {
                library: built.clone(),
            },
            generation: opening.number,
            since: Instant::now(),
        };
        let given_up = || self.overdues.add(krate, overdue.clone());
        let late = {
            let (overdues, overdue) = (Arc::clone(&self.overdues), overdue.clone());
            let built = built.clone();
            move |result, took| {
                let result = flatten(result, &built);
                let failed = result.as_ref().err().map(ToString::to_string);
                // Its code has run, and may have left thread-locals behind, so it stays mapped.
                std::mem::forget(result);
                overdues.end(krate, overdue, took, failed);
            }
        };
        match within("hot-load", deadline, || opening.open(), given_up, late) {
            Ok(Some(result)) => flatten(result, &built),
            Ok(None) => Err(LoadError::Deadline {
                library: built,
                deadline,
                blocked_by,
            }),
            Err(source) => Err(LoadError::Thread {
                source: Arc::new(source),
            }),
        }
    }

    /// The generation of a crate with that number, if it is still loaded.
    pub fn generation(&self, krate: &HotCrate, number: u32) -> Option<Arc<Generation>> {
        let wanted = |generation: &&Arc<Generation>| {
            generation.number() == number && generation.krate().is(krate)
        };
        lock(&self.loaded).generations.iter().find(wanted).cloned()
    }

    /// The numbers of the generations of a crate that are loaded, oldest first.
    pub fn numbers(&self, krate: &HotCrate) -> Vec<u32> {
        let loaded = lock(&self.loaded);
        let of_crate = |generation: &&Arc<Generation>| generation.krate().is(krate);
        let own = loaded.generations.iter().filter(of_crate);
        own.map(|generation| generation.number()).collect()
    }

    /// The generations that are loaded, oldest first.
    pub fn generations(&self) -> Vec<Arc<Generation>> {
        lock(&self.loaded).generations.clone()
    }
}

impl LoadedLibraries {
    fn count(&self, krate: &HotCrate) -> u32 {
        self.counts
            .iter()
            .find(|(counted, _)| counted.is(krate))
            .map_or(0, |(_, count)| *count)
    }

    fn add(&mut self, krate: &'static HotCrate, generation: Arc<Generation>) {
        self.counts.retain(|(counted, _)| !counted.is(krate));
        self.counts.push((krate, generation.number()));
        generation::adopt(&generation.module(), &Module::this(), krate);
        self.generations.push(generation);
    }

    /// Has the libraries call the live code that came while other code went live in those that were `known`: they
    /// may have seen the code that was live before.
    fn adopt_late(&self, known: &[Arc<Generation>], program: &Module) {
        // The last ones are looked for among the last ones: there may be hundreds.
        let is_known =
            |late: &Arc<Generation>| known.iter().rev().any(|known| Arc::ptr_eq(known, late));
        for late in self
            .generations
            .iter()
            .rev()
            .take_while(|late| !is_known(late))
        {
            generation::adopt(&late.module(), program, late.krate());
        }
    }

    /// Every library that is mapped, and that stays so as long as the result is held.
    fn mapped(&mut self) -> Vec<Arc<Generation>> {
        self.released.retain(|released| released.strong_count() > 0);
        let released = self.released.iter().filter_map(Weak::upgrade);
        released.chain(self.generations.iter().cloned()).collect()
    }

    /// Releases the oldest libraries of the crate of `live`, which itself stays, as does the one that was `good`
    /// before it.
    fn release_surplus(
        &mut self,
        live: &Arc<Generation>,
        good: Option<&Arc<Generation>>,
        retention: Retention,
    ) {
        let of_crate = |generation: &Arc<Generation>| generation.krate().is(live.krate());
        let loaded = self
            .generations
            .iter()
            .filter(|generation| of_crate(generation))
            .count();
        let mut surplus = retention.surplus(loaded);
        let LoadedLibraries {
            generations,
            released,
            ..
        } = self;
        generations.retain(|generation| {
            let is_needed = Arc::ptr_eq(generation, live)
                || good.is_some_and(|good| Arc::ptr_eq(generation, good));
            let release = surplus > 0 && of_crate(generation) && !is_needed;
            if release {
                surplus -= 1;
                released.push(Arc::downgrade(generation));
            }
            !release
        });
    }
}

/// The program and the libraries.
fn modules(libraries: &[Arc<Generation>]) -> Vec<Module> {
    let libraries = libraries.iter().map(|generation| generation.module());
    std::iter::once(Module::this()).chain(libraries).collect()
}

fn flatten(
    result: thread::Result<Result<Opened, LoadError>>,
    built: &Path,
) -> Result<Opened, LoadError> {
    result.unwrap_or_else(|_| Err(init_failed(built, "the thread that loads it panicked")))
}

/// What the loading thread needs.
#[derive(Clone)]
struct Opening {
    krate: &'static HotCrate,
    number: u32,
    copy: PathBuf,
    built: PathBuf,
}

/// What it gives.
struct Opened {
    generation: Arc<Generation>,
    statics: PatchReport,
    /// The statics that point at the program's values.
    patched: Vec<StaticEntry>,
    phases: Vec<LoadPhase>,
}

impl Opening {
    fn open(self) -> Result<Opened, LoadError> {
        let Opening {
            krate,
            number,
            copy,
            built,
        } = self;
        let mut stopwatch = Stopwatch::start();
        // SAFETY: the file's fingerprint says that it is a build of a crate of this program, which the
        // program runs anyway.
        let library = unsafe { library::open(&copy, &built) }?;
        // A library that is refused from here on stays mapped: its code has run, and may have left
        // thread-locals behind.
        let library = ManuallyDrop::new(library);
        // SAFETY: `hot_entry!` exports its init function under this name, and the fingerprint says that
        // it did so with this program's version of hot-abi.
        let init = unsafe { library::function::<InitFn>(&library, krate.init_symbol, &built) }?;
        // SAFETY: as above, for the entry function.
        let entry = unsafe { library::function::<EntryFn>(&library, krate.entry_symbol, &built) }?;

        stopwatch.lap("open");
        let request = InitRequest::new(&PATCH);
        let mut report = initialise(init, &request, &built)?;
        let initialise_copy = |init| initialise(init, &request, &built);
        report.module = with_copies(
            report.module,
            &library,
            init,
            linked_crates(),
            initialise_copy,
        )?;
        stopwatch.lap("init");
        let failed = |reason: &str| init_failed(&built, reason);
        if !report.duplicate_nodes.is_empty() {
            let names = report
                .duplicate_nodes
                .iter()
                .map(|name| format!("`{name}`"))
                .collect();
            return Err(LoadError::DuplicateNodes {
                library: built,
                names,
            });
        }
        // SAFETY: entry and module are those of the library, which is checked and initialised; it stays
        // mapped as long as the generation, and `Retention` releases none that could still be called.
        let generation = unsafe {
            Generation::new(
                number,
                krate,
                entry,
                report.module,
                Arc::new(ManuallyDrop::into_inner(library)),
            )
        };
        let generation = generation
            .ok_or_else(|| failed("the crate is not among those that the library registered"))?;
        Ok(Opened {
            generation: Arc::new(generation),
            statics: report.statics,
            patched: report.patched,
            phases: stopwatch.finish(),
        })
    }
}

/// Has a library prepare itself, and returns its report.
fn initialise(init: InitFn, request: &InitRequest, built: &Path) -> Result<InitReport, LoadError> {
    let mut report = InitReport::new();
    init(request, &mut report);
    let reason = match report.outcome() {
        InitOutcome::Done => return Ok(report),
        InitOutcome::OtherAbi => {
            "its hot-abi is another one than the program's, though they have one version; build the \
             program again and restart it"
        }
        InitOutcome::Panicked => "it panicked while its statics were set up",
        InitOutcome::TooManyEarlyBlocks => {
            "its constructors, and those of its earlier builds, hold more memory than can be told apart from \
             the program's; allocate at first use instead, or restart the program"
        }
        _ => "it did not report how it went",
    };
    Err(init_failed(built, reason))
}

/// A library's module with its copies of other `linked` crates. One that is linked against the program has copies of
/// those that changed, and does not know of them; but it exports an init function for each, as `init` is its own.
fn with_copies(
    module: Module,
    library: &Library,
    init: InitFn,
    linked: &[&HotCrate],
    initialise: impl Fn(InitFn) -> Result<InitReport, LoadError>,
) -> Result<Module, LoadError> {
    let file = mapped::at(init as usize);
    // Where that is not known, there are no such libraries.
    if file.is_none() {
        return Ok(module);
    }
    let mut crates = module.crates.to_vec();
    for linked in linked.iter().filter(|linked| module.find(linked).is_none()) {
        // SAFETY: `hot_entry!` exports its init function under this name, and the fingerprint of the library says that
        // all of it was built with this program's version of hot-abi.
        let found = unsafe { library.get::<InitFn>(linked.init_symbol) };
        // A name is also looked for in the libraries that this one needs, whose code is others'.
        let own = found.map(|init| *init).ok();
        if let Some(init) = own.filter(|init| mapped::at(*init as usize) == file) {
            crates.extend(initialise(init)?.module.crates);
        }
    }
    Ok(match crates.len() == module.crates.len() {
        true => module,
        // Leaked, as the library's own list is: a generation lends it to everyone, and most stay for good.
        false => Module {
            crates: crates.leak(),
        },
    })
}

fn init_failed(built: &Path, reason: &str) -> LoadError {
    LoadError::Init {
        library: built.to_owned(),
        reason: reason.to_owned(),
    }
}

/// The statics of this program. Captured once: they are there from the start and never move.
static PATCH: LazyLock<StaticPatch> = LazyLock::new(StaticPatch::capture);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hot_abi::exchange::Exchange;
    use hot_abi::generation::Live;
    use hot_abi::registry::{Compilation, RustcRun};
    use hot_abi::{LocalContext, entry};

    /// A copy of a hot crate that has nothing in it.
    fn copy_of(name: &'static str) -> &'static HotCrate {
        Box::leak(Box::new(empty(name, "init")))
    }

    fn empty(name: &'static str, init_symbol: &'static str) -> HotCrate {
        HotCrate {
            manifest_dir: name,
            package: name,
            version: "0.1.0",
            crate_name: name,
            root_file: "src/lib.rs",
            init_symbol,
            entry_symbol: "entry",
            fingerprint: b"",
            compilation: Compilation {
                features: &[],
                out_dir: None,
                target: None,
                metadata: None,
                toolchain: None,
            },
            rustc: RustcRun {
                program: "rustc",
                directory: "/",
                arguments: &[],
                variables: &[],
            },
            nodes: || &[],
            functions: || &[],
            hooks: || &[],
            held: || &[],
            live: Live::new(),
        }
    }

    #[allow(improper_ctypes_definitions, reason = "both sides are this program")]
    extern "C" fn no_node(
        manifest_dir: &str,
        node_name: &str,
        context: &mut LocalContext,
        exchange: &mut Exchange,
    ) {
        entry::entry(copy_of("empty"), manifest_dir, node_name, context, exchange);
    }

    /// A library of the first crate, with its copies of others.
    fn library_of(crates: &[&'static HotCrate]) -> Arc<Generation> {
        let module = Module {
            crates: crates.to_vec().leak(),
        };
        // SAFETY: there is no library, and the entry function is this program's.
        let generation = unsafe { Generation::new(1, crates[0], no_node, module, Arc::new(())) };
        Arc::new(generation.unwrap())
    }

    #[test]
    fn a_library_that_comes_while_other_code_goes_live_calls_that_code() {
        let program = Module {
            crates: vec![copy_of("scene"), copy_of("prop")].leak(),
        };
        let scene = library_of(&[copy_of("scene")]);
        let known = vec![Arc::clone(&scene)];
        // As a hook of the code that is left may load it, or another thread.
        let copy_of_scene = copy_of("scene");
        let late = library_of(&[copy_of("prop"), copy_of_scene]);
        let loaded = LoadedLibraries {
            generations: vec![Arc::clone(&scene), late],
            ..LoadedLibraries::default()
        };
        generation::make_live(&scene, &[program, scene.module()], WhenBusy::GiveUp).unwrap();
        assert!(copy_of_scene.live.current().is_none());
        loaded.adopt_late(&known, &program);
        let adopted = copy_of_scene.live.current().unwrap();
        assert!(Arc::ptr_eq(&adopted, &scene));
    }

    /// Of two init functions that are found by their names, one is that of a library which the first one needs.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[test]
    fn a_copy_is_one_that_lies_in_the_library_itself() {
        let place = tempfile::tempdir().expect("a directory");
        let place = place.path().canonicalize().expect("it is there");
        let build = |name: &str, text: &str| {
            let source = place.join(format!("{name}.rs"));
            let library = place.join(format!("lib{name}.so"));
            std::fs::write(&source, text).expect("a file");
            let found_here = format!("link-arg=-Wl,-rpath,{}", place.display());
            let mut rustc = std::process::Command::new("rustc");
            rustc.args(["--edition", "2024", "--crate-type", "cdylib", "-L"]);
            rustc.arg(&place).args(["-C", &found_here, "-o"]);
            let built = rustc.args([&library, &source]).status();
            assert!(built.expect("rustc runs").success());
            library
        };
        build(
            "needed",
            "#[unsafe(no_mangle)] pub extern \"C\" fn hot_init_backdrop() {}",
        );
        let scene = build(
            "scene",
            "#[link(name = \"needed\")] unsafe extern \"C\" { safe fn hot_init_backdrop(); }
            #[unsafe(no_mangle)] pub extern \"C\" fn hot_init_scene() { hot_init_backdrop() }
            #[unsafe(no_mangle)] pub extern \"C\" fn hot_init_prop() {}",
        );
        let of = |name, init_symbol| -> &'static HotCrate {
            Box::leak(Box::new(empty(name, init_symbol)))
        };
        let linked = [
            of("scene", "hot_init_scene"),
            of("prop", "hot_init_prop"),
            of("backdrop", "hot_init_backdrop"),
            of("curtain", "hot_init_curtain"),
        ];
        // SAFETY: it has no constructors.
        let library = unsafe { library::open(&scene, &scene) }.expect("it opens");
        // SAFETY: these are asked for their addresses, and not called.
        let init = |name: &str| unsafe { library::function::<InitFn>(&library, name, &scene) };
        let (own, of_prop) = (init("hot_init_scene"), init("hot_init_prop"));
        let (own, of_prop) = (own.expect("exported"), of_prop.expect("exported"));
        init("hot_init_backdrop").expect("it is found in the library that is needed");
        let module = Module {
            crates: Box::leak(Box::new([copy_of("scene")])),
        };
        let prop = Module {
            crates: Box::leak(Box::new([copy_of("prop")])),
        };
        let with = with_copies(module, &library, own, &linked, |init| {
            assert_eq!(init as usize, of_prop as usize);
            let mut report = InitReport::new();
            report.module = prop;
            Ok(report)
        });
        let with = with.expect("it is told");
        let names: Vec<_> = with.crates.iter().map(|krate| krate.crate_name).collect();
        assert_eq!(names, ["scene", "prop"]);
    }
}
