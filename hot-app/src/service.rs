//! `HOT_RELOAD`: what the program can ask for, and what it can see, from any thread.

use crate::crate_id::CrateId;
use crate::driver::Message;
use crate::event::Event;
use crate::event_bus::{EventBus, Events};
use crate::pipeline::Input;
use crate::problem::Problem;
use crate::running::Running;
use crate::safe_point::Hold;
use crate::status::HotStatus;
use hot_build::{Build, BuildArgs, Rebuilder};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// The hot reloading of this program.
pub static HOT_RELOAD: Service = Service::new();

/// What the program can ask for, and what it can see. There is one: [`HOT_RELOAD`].
///
/// Every method may be called from any thread, before reloading is started too.
#[derive(Debug)]
pub struct Service {
    bus: EventBus,
    status: Mutex<Vec<HotStatus>>,
    rebuilders: Mutex<Rebuilders>,
    running: OnceLock<Arc<Running>>,
}

impl Service {
    const fn new() -> Service {
        Service {
            bus: EventBus::new(),
            status: Mutex::new(Vec::new()),
            rebuilders: Mutex::new(Rebuilders { list: Vec::new() }),
            running: OnceLock::new(),
        }
    }

    /// Subscribes to what happens from now on.
    pub fn events(&self) -> Events {
        self.bus.subscribe()
    }

    /// How each hot crate of the program stands. Empty before reloading is started.
    pub fn status(&self) -> Vec<HotStatus> {
        lock(&self.status).clone()
    }

    /// Registers a way to build, in force from the next build on.
    ///
    /// Rebuilders are asked in the order of their registration, and the first that returns a build wins.
    /// If none does, cargo builds as the program was built.
    ///
    #[cfg_attr(feature = "cargo", doc = "```")]
    // A command of one's own is cargo's half of hot-build.
    #[cfg_attr(not(feature = "cargo"), doc = "```ignore")]
    /// use hot_app::build::BuildArgs;
    /// hot_app::HOT_RELOAD.rebuilder(|args: BuildArgs| {
    ///     // This crate is built by a script; all others as usual.
    ///     args.manifest_dir.ends_with("scene").then(|| args.custom(std::process::Command::new("./build-scene.sh")))
    /// });
    /// ```
    pub fn rebuilder(&self, rebuilder: impl Rebuilder + 'static) {
        lock(&self.rebuilders).list.push(Arc::new(rebuilder));
    }

    /// Asks for a build of the crate whose Cargo.toml is in `manifest_dir`, though none of its files changed.
    /// However often it is asked for before that build begins, it is one build.
    ///
    /// An unknown crate is told by [`Event::Problem`].
    pub fn rebuild(&self, manifest_dir: impl AsRef<Path>) {
        self.request(Input::Rebuild(self.known(manifest_dir.as_ref())));
    }

    /// Cancels the running build of the crate whose Cargo.toml is in `manifest_dir`, and one that is due.
    ///
    /// An unknown crate is told by [`Event::Problem`].
    pub fn cancel(&self, manifest_dir: impl AsRef<Path>) {
        self.request(Input::Cancel(self.known(manifest_dir.as_ref())));
    }

    /// Asks for a generation of the crate whose Cargo.toml is in `manifest_dir`: it goes live at the next
    /// safe point, from memory. 0 is the code linked into the program.
    ///
    /// The next change of the crate's sources goes on from there. An unknown crate or generation is told
    /// by [`Event::Problem`].
    pub fn switch_to(&self, manifest_dir: impl AsRef<Path>, generation: u32) {
        let manifest_dir = self.known(manifest_dir.as_ref());
        let in_memory = self.generations(&manifest_dir);
        if self.is_known(&manifest_dir) && !in_memory.contains(&generation) {
            // Told here: the pipeline would take back what is being built.
            self.request(Input::Problem(Problem::UnknownGeneration {
                manifest_dir,
                generation,
                in_memory,
            }));
            return;
        }
        self.request(Input::SwitchTo {
            manifest_dir,
            generation,
        });
    }

    /// The numbers of the generations that are in memory, of the crate whose Cargo.toml is in
    /// `manifest_dir`: 0, the code linked into the program, and every library that is loaded.
    pub fn generations(&self, manifest_dir: impl AsRef<Path>) -> Vec<u32> {
        let manifest_dir = self.known(manifest_dir.as_ref());
        let loaded = self
            .running
            .get()
            .map(|running| running.loader().generations())
            .unwrap_or_default();
        let of_crate = loaded
            .iter()
            .filter(|generation| Path::new(generation.krate().manifest_dir) == manifest_dir);
        std::iter::once(0)
            .chain(of_crate.map(|generation| generation.number()))
            .collect()
    }

    /// Keeps new code from going live until the returned value is dropped. Builds and loads go on.
    ///
    /// `None` if reloading was not started.
    pub fn hold(&self) -> Option<Hold> {
        let running = self.running.get()?;
        let releasing = Arc::clone(running);
        Some(running.safe_point().hold(move || releasing.released()))
    }

    /// The crates of the program that can be reloaded.
    pub fn crates(&self) -> Vec<CrateId> {
        lock(&self.status)
            .iter()
            .map(|status| status.krate.clone())
            .collect()
    }

    pub(crate) fn set_running(&self, running: Arc<Running>) -> Result<(), Arc<Running>> {
        self.running.set(running)
    }

    pub(crate) fn running(&self) -> Option<&Arc<Running>> {
        self.running.get()
    }

    pub(crate) fn set_status(&self, status: Vec<HotStatus>) {
        *lock(&self.status) = status;
    }

    pub(crate) fn send(&self, event: &Event) {
        self.bus.send(event);
    }

    /// Asks the rebuilders for a build, in their order.
    pub(crate) fn ask_rebuilders(&self, args: &BuildArgs) -> Option<Build> {
        // Asked without the lock: a rebuilder may register another one.
        let rebuilders = lock(&self.rebuilders).list.clone();
        rebuilders
            .iter()
            .find_map(|rebuilder| rebuilder.rebuild(args))
    }

    fn is_known(&self, manifest_dir: &Path) -> bool {
        lock(&self.status)
            .iter()
            .any(|status| status.manifest_dir() == manifest_dir)
    }

    /// The folder of a hot crate as the crate itself names it, which may be by another way than the
    /// caller does: relative, or through a link.
    fn known(&self, manifest_dir: &Path) -> PathBuf {
        if let Ok(real) = manifest_dir.canonicalize()
            && !self.is_known(manifest_dir)
        {
            let crates = self.crates();
            let mut folders = crates.iter().map(CrateId::manifest_dir);
            let same = folders.find(|folder| folder.canonicalize().is_ok_and(|it| it == real));
            if let Some(folder) = same {
                return folder.to_owned();
            }
        }
        manifest_dir.to_owned()
    }

    fn request(&self, input: Input<hot_load::Loaded>) {
        match self.running.get() {
            Some(running) => running.send(Message::Input(input)),
            None => self.send(&Event::Problem {
                problem: Problem::NotStarted,
            }),
        }
    }
}

#[derive(Default)]
struct Rebuilders {
    list: Vec<Arc<dyn Rebuilder>>,
}

impl std::fmt::Debug for Rebuilders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} rebuilders", self.list.len())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
