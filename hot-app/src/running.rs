//! Reloading that was started, as the program's own threads use it.

use crate::crate_id::CrateId;
use crate::driver::Message;
use crate::event::Event;
use crate::pipeline::Input;
use crate::problem::Problem;
use crate::safe_point::{Offer, SafePoint};
use hot_load::{Applied, HotCrate, LateEnd, Loader, MigrationError, Overdue, WhenBusy, Work};
use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Instant;

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
    /// What a start with these options gives: everything but the driver, which takes what is sent.
    pub(crate) fn new(
        sender: Sender<Message>,
        loader: Loader,
        wake: Option<Box<dyn Fn() + Send + Sync>>,
        background: bool,
    ) -> Running {
        let (safe_point, wake) = (Arc::default(), Wake(wake));
        Running {
            sender,
            safe_point,
            loader,
            wake,
            background,
        }
    }

    /// Where to send messages to the driver.
    pub(crate) fn sender(&self) -> Sender<Message> {
        self.sender.clone()
    }

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
            let generation = offer.number();
            let began = Instant::now();
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
                        duration: began.elapsed(),
                    }
                }
                Err(MigrationError::Busy) => {
                    self.safe_point.put_back(offer);
                    continue;
                }
                Err(error @ MigrationError::Deadline { .. }) => {
                    self.park(offer);
                    Input::NotApplied {
                        krate,
                        generation,
                        error,
                    }
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

    /// Keeps a generation until its values have migrated, which they do beside the program.
    fn park(&self, offer: Offer) {
        let (krate, number) = (offer.krate.clone(), offer.number());
        self.safe_point.park(offer);
        let migrates =
            |overdue: &Overdue| overdue.work == Work::Migration && overdue.generation == number;
        // It may have ended before it was parked, and then nobody else offers it again.
        if !self.overdue(&krate).iter().any(migrates) {
            self.safe_point.unpark(&krate, number);
        }
    }

    /// The work for a crate that went on after its deadline.
    pub(crate) fn overdue(&self, krate: &CrateId) -> Vec<Overdue> {
        linked(krate).map_or_else(Vec::new, |linked| self.loader.overdue(linked))
    }

    /// Work that went on after its deadline has ended.
    pub(crate) fn ended_late(self: &Arc<Self>, end: LateEnd) {
        let krate = CrateId::of(end.krate);
        let Overdue {
            work, generation, ..
        } = end.overdue;
        let is_awaited = work == Work::Migration && self.safe_point.unpark(&krate, generation);
        self.send(Message::Input(Input::Tell(Event::EndedLate {
            krate,
            generation,
            work,
            took: end.took,
            failed: end.failed,
        })));
        if is_awaited {
            self.released();
        }
    }

    fn revert(&self, krate: &CrateId, when_busy: WhenBusy) -> Result<Applied, MigrationError> {
        linked(krate).map_or_else(
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
            let problem = Problem::Thread {
                purpose: "makes new code live",
                source: Arc::new(error),
            };
            self.send(Message::Input(Input::Problem(problem)));
        }
    }
}

/// The crate as it is linked into the program.
fn linked(krate: &CrateId) -> Option<&'static HotCrate> {
    let mut linked = hot_load::linked_crates().iter().copied();
    linked.find(|linked| CrateId::of(linked) == *krate)
}

struct Wake(Option<Box<dyn Fn() + Send + Sync>>);

impl fmt::Debug for Wake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wake({})", self.0.is_some())
    }
}
