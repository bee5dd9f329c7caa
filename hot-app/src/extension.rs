//! The life-cycle hooks that a framework's plugin calls.

use crate::event::Event;
use crate::event_bus::Events;
use crate::hot_reload::{HotReload, Options};
use crate::service::HOT_RELOAD;

/// Hot reloading as an extension of a framework: the framework calls [`init`](Extension::init) once,
/// then [`event`](Extension::event) and [`update`](Extension::update) in each of its turns.
///
/// ```no_run
/// use hot_app::{Extension, HotReload};
///
/// let mut extension = Extension::new(HotReload::options().console(false));
/// extension.init();
/// loop {
///     extension.update(); // new code goes live
///     while let Some(event) = extension.event() {
///         println!("{event}"); // and the framework's own parts hear of it
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Extension {
    options: Option<Options>,
    hot: Option<HotReload>,
    events: Events,
}

impl Extension {
    /// An extension that is not started. Its events count from here.
    pub fn new(options: Options) -> Extension {
        Extension {
            options: Some(options),
            hot: None,
            events: HOT_RELOAD.events(),
        }
    }

    /// Starts watching. Further calls do nothing.
    pub fn init(&mut self) {
        if let Some(options) = self.options.take() {
            self.hot = Some(options.start());
        }
    }

    /// The next event that the framework has not taken yet.
    pub fn event(&mut self) -> Option<Event> {
        self.events.try_recv()
    }

    /// The safe point; see [`HotReload::update`]. Does nothing before [`init`](Extension::init).
    pub fn update(&mut self) -> usize {
        self.hot.as_mut().map_or(0, HotReload::update)
    }
}
