//! The same names with reloading off: nothing happens, and nothing else is linked.

use crate::panic_policy::PanicPolicy;
use std::fmt;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// Hot reloading of this program, which is off.
#[derive(Debug, Default)]
pub struct HotReload {
    _private: (),
}

impl HotReload {
    /// Does nothing.
    #[inline(always)]
    pub fn start() -> HotReload {
        HotReload::default()
    }

    /// Does nothing.
    #[inline(always)]
    pub fn background() {}

    /// Options that nothing reads.
    #[inline(always)]
    pub fn options() -> Options {
        Options::default()
    }

    /// Does nothing.
    #[inline(always)]
    pub fn update(&mut self) -> usize {
        0
    }
}

/// Options that nothing reads.
#[derive(Debug, Default)]
pub struct Options {
    _private: (),
}

impl Options {
    /// Does nothing.
    #[inline(always)]
    pub fn console(self, _console: bool) -> Options {
        self
    }

    /// Does nothing.
    #[inline(always)]
    pub fn load_deadline(self, _deadline: Duration) -> Options {
        self
    }

    /// Does nothing.
    #[inline(always)]
    pub fn linking(self, _linking: Linking) -> Options {
        self
    }

    /// Does nothing.
    #[inline(always)]
    pub fn on_panic(self, _policy: PanicPolicy) -> Options {
        self
    }

    /// Does nothing.
    #[inline(always)]
    pub fn canary(self, _canary: bool) -> Options {
        self
    }

    /// Does nothing.
    #[inline(always)]
    pub fn migration_deadline(self, _deadline: Duration) -> Options {
        self
    }

    /// Does nothing.
    #[inline(always)]
    pub fn poll_files(self, _interval: Duration) -> Options {
        self
    }

    /// Does nothing.
    #[inline(always)]
    pub fn wake(self, _wake: impl Fn() + Send + Sync + 'static) -> Options {
        self
    }

    /// Does nothing.
    #[inline(always)]
    pub fn start(self) -> HotReload {
        HotReload::default()
    }

    /// Does nothing.
    #[inline(always)]
    pub fn background(self) {}
}

/// How new code would be linked, of which there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Linking {
    /// Thin where it can be, full where it cannot.
    #[default]
    Auto,
    /// Always a library that stands for itself.
    Full,
    /// Always a library of the changed code alone.
    Thin,
}

/// The hot reloading of this program, which is off.
pub static HOT_RELOAD: Service = Service { _private: () };

/// What the program can ask for: nothing.
#[derive(Debug)]
pub struct Service {
    _private: (),
}

impl Service {
    /// A subscription that never has an event.
    #[inline(always)]
    pub fn events(&self) -> Events {
        Events { _private: () }
    }

    /// No crate is reloaded.
    #[inline(always)]
    pub fn status(&self) -> Vec<HotStatus> {
        Vec::new()
    }

    /// Does nothing.
    #[inline(always)]
    pub fn rebuild(&self, _manifest_dir: impl AsRef<Path>) {}

    /// Does nothing.
    #[inline(always)]
    pub fn switch_to(&self, _manifest_dir: impl AsRef<Path>, _generation: u32) {}

    /// Nothing is held back.
    #[inline(always)]
    pub fn hold(&self) -> Option<Hold> {
        None
    }

    /// Does nothing.
    #[inline(always)]
    pub fn cancel(&self, _manifest_dir: impl AsRef<Path>) {}
}

/// What would hold new code back, of which there is none.
#[derive(Debug)]
pub enum Hold {}

/// A subscription that never has an event.
#[derive(Debug)]
pub struct Events {
    _private: (),
}

impl Events {
    /// `None`.
    #[inline(always)]
    pub fn try_recv(&self) -> Option<Event> {
        None
    }

    /// Never returns, for no event ever comes. A thread that waits here sleeps.
    pub fn recv(&self) -> Event {
        loop {
            thread::park();
        }
    }

    /// `None`, when that time is over.
    pub fn recv_timeout(&self, timeout: Duration) -> Option<Event> {
        thread::sleep(timeout);
        None
    }

    /// A future that is never ready.
    #[inline(always)]
    pub fn next_event(&mut self) -> impl Future<Output = Event> + Send + '_ {
        std::future::pending()
    }

    /// An iterator of nothing.
    #[inline(always)]
    pub fn try_iter(&self) -> impl Iterator<Item = Event> + '_ {
        std::iter::empty()
    }
}

/// An event, of which there are none.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {}

impl Event {
    /// The event in one word.
    pub fn name(&self) -> &'static str {
        match *self {}
    }

    /// The codes of what went wrong.
    pub fn codes(&self) -> Vec<&'static str> {
        match *self {}
    }
}

impl fmt::Display for Event {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

/// How a hot crate stands, of which there are none.
#[derive(Clone, Debug, PartialEq)]
pub enum HotStatus {}
