//! The handle of a program, and how reloading is set up.

use crate::console::Console;
use crate::driver;
use crate::linking::Linking;
use crate::panic_policy::PanicPolicy;
use crate::problem::Problem;
use crate::running::Running;
use crate::service::HOT_RELOAD;
use hot_load::{LoadOptions, Retention};
use hot_watch::{Method, WatchConfig};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Hot reloading of this program, for one that has a loop.
///
/// Watching, building and loading go on in other threads; [`update`](HotReload::update) is the only
/// place where new code goes live.
#[derive(Debug)]
#[must_use = "new code goes live only when `update` is called; a program without a loop calls `HotReload::background()`"]
pub struct HotReload {
    running: Option<Arc<Running>>,
}

impl HotReload {
    /// Starts watching the program's hot crates.
    ///
    /// Never fails: what goes wrong is told by [events](crate::Service::events) and on stderr, and the
    /// program runs on with the code that is linked into it.
    pub fn start() -> HotReload {
        HotReload::options().start()
    }

    /// Starts watching, for a program without a loop of its own: new code goes live as soon as it is
    /// ready.
    pub fn background() {
        HotReload::options().background();
    }

    /// Sets up more before starting.
    pub fn options() -> Options {
        Options::default()
    }

    /// The safe point: makes live what is ready, and returns how many generations that were.
    ///
    /// Costs one load from memory when nothing is ready. Call it where no hot code is running on this
    /// thread; other threads may go on, and finish the calls they are in with the code they began with.
    #[inline]
    pub fn update(&mut self) -> usize {
        match &self.running {
            Some(running) => running.apply_ready(),
            None => 0,
        }
    }
}

/// How reloading is set up. [`HotReload::options()`] gives the defaults.
#[must_use = "options do nothing until `start` or `background` is called"]
pub struct Options {
    pub(crate) console: bool,
    pub(crate) load: LoadOptions,
    pub(crate) watch: WatchConfig,
    pub(crate) wake: Option<Box<dyn Fn() + Send + Sync>>,
    pub(crate) background: bool,
    pub(crate) linking: Linking,
    pub(crate) on_panic: PanicPolicy,
    /// What is wrong with the environment.
    pub(crate) problems: Vec<Problem>,
}

impl Options {
    /// Whether to tell on stderr what happens. True by default; a program that draws in the terminal
    /// turns it off and shows the [events](crate::Service::events) itself.
    pub fn console(mut self, console: bool) -> Options {
        self.console = console;
        self
    }

    /// How long opening and initialising a library may take. Two seconds by default.
    pub fn load_deadline(mut self, deadline: Duration) -> Options {
        self.load.deadline = deadline;
        self
    }

    /// Whether new code is opened and initialised in a child process first, a fork of the program, so that code
    /// that crashes, exits or hangs while it is loaded is refused, and the program goes on. Off by default;
    /// [`Canary`](hot_load::Canary) tells what it costs.
    pub fn canary(mut self, canary: bool) -> Options {
        self.load.canary = canary;
        self
    }

    /// How long the values that the program holds for its hot code may take to migrate to the layout of new
    /// code. Two seconds by default; [`update`](HotReload::update) never waits longer for them.
    pub fn migration_deadline(mut self, deadline: Duration) -> Options {
        self.load.migration_deadline = deadline;
        self
    }

    /// Which libraries stay loaded. All of them by default.
    pub fn retention(mut self, retention: Retention) -> Options {
        self.load.retention = retention;
        self
    }

    /// Look at the files regularly instead of waiting for the system's events, for file systems that
    /// report none.
    pub fn poll_files(mut self, interval: Duration) -> Options {
        self.watch.method = Method::Polling;
        self.watch.poll_interval = interval;
        self
    }

    /// How new code is linked: thin where it can be, by default.
    pub fn linking(mut self, linking: Linking) -> Options {
        self.linking = linking;
        self
    }

    /// What follows when new code panics: [`PanicPolicy::RollBack`] by default.
    pub fn on_panic(mut self, policy: PanicPolicy) -> Options {
        self.on_panic = policy;
        self
    }

    /// Calls `wake` whenever new code is ready for [`HotReload::update`], for a loop that sleeps until
    /// something happens. It is called on another thread and must be quick.
    pub fn wake(mut self, wake: impl Fn() + Send + Sync + 'static) -> Options {
        self.wake = Some(Box::new(wake));
        self
    }

    /// Starts watching; new code goes live in [`HotReload::update`].
    pub fn start(self) -> HotReload {
        HotReload {
            running: driver::start(self),
        }
    }

    /// Starts watching; new code goes live as soon as it is ready.
    pub fn background(mut self) {
        self.background = true;
        driver::start(self);
    }

    pub(crate) fn console_of(&self) -> Option<Console> {
        self.console.then(Console::stderr)
    }
}

impl Default for Options {
    fn default() -> Self {
        let (linking, problems) = match Linking::of_environment() {
            Ok(linking) => (linking, Vec::new()),
            Err(value) => (Linking::default(), vec![Problem::UnknownLinking { value }]),
        };
        Options {
            console: true,
            load: LoadOptions::default(),
            watch: WatchConfig::default(),
            wake: None,
            background: false,
            linking,
            on_panic: PanicPolicy::default(),
            problems,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("console", &self.console)
            .field("load", &self.load)
            .field("watch", &self.watch)
            .field("background", &self.background)
            .finish_non_exhaustive()
    }
}

/// Whether reloading was started, by whomever.
pub(crate) fn already_running() -> Option<Arc<Running>> {
    HOT_RELOAD.running().cloned()
}
