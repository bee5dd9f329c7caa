//! Where loaded libraries wait until the program is ready for new code.

use crate::crate_id::CrateId;
use crate::pipeline::RollBack;
use hot_load::Generation;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The libraries that are ready to go live, at most one for each crate.
#[derive(Debug, Default)]
pub(crate) struct SafePoint {
    /// Whether there is something to take; all that a turn of the program costs when there is not.
    ready: AtomicBool,
    waiting: Mutex<Waiting>,
}

/// Code that is ready to go live.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub(crate) krate: CrateId,
    /// `None` is the code linked into the program.
    pub(crate) generation: Option<Arc<Generation>>,
    /// Set if it is offered in the place of one that panicked.
    pub(crate) rolls_back: Option<RollBack>,
}

impl Offer {
    /// The number of the generation; 0 is the code linked into the program.
    pub(crate) fn number(&self) -> u32 {
        self.generation
            .as_ref()
            .map_or(0, |generation| generation.number())
    }
}

#[derive(Debug, Default)]
struct Waiting {
    offered: Vec<Offer>,
    /// Code whose values still migrate beside the program.
    parked: Vec<Offer>,
    holds: usize,
}

impl Waiting {
    fn is_ready(&self) -> bool {
        self.holds == 0 && !self.offered.is_empty()
    }

    /// Takes out what waits for a crate.
    fn remove(&mut self, krate: &CrateId) {
        self.offered.retain(|other| other.krate != *krate);
        self.parked.retain(|other| other.krate != *krate);
    }

    fn has(&self, krate: &CrateId) -> bool {
        let mut all = self.offered.iter().chain(&self.parked);
        all.any(|other| other.krate == *krate)
    }
}

impl SafePoint {
    /// Offers a library, in the place of an older one of its crate.
    pub(crate) fn offer(&self, offer: Offer) {
        let mut waiting = self.lock();
        waiting.remove(&offer.krate);
        waiting.offered.push(offer);
        self.ready.store(waiting.is_ready(), Ordering::Release);
    }

    /// Takes back what was offered for a crate.
    pub(crate) fn withdraw(&self, krate: &CrateId) {
        let mut waiting = self.lock();
        waiting.remove(krate);
        self.ready.store(waiting.is_ready(), Ordering::Release);
    }

    /// Puts back a library that could not go live yet, unless a newer one of its crate has come.
    pub(crate) fn put_back(&self, offer: Offer) {
        let mut waiting = self.lock();
        if !waiting.has(&offer.krate) {
            waiting.offered.push(offer);
        }
        self.ready.store(waiting.is_ready(), Ordering::Release);
    }

    /// Puts back a generation that waits until its values have migrated, unless a newer one of its crate has
    /// come.
    pub(crate) fn park(&self, offer: Offer) {
        let mut waiting = self.lock();
        if !waiting.has(&offer.krate) {
            waiting.parked.push(offer);
        }
    }

    /// Offers a generation that waited for its values. Returns whether there is one.
    pub(crate) fn unpark(&self, krate: &CrateId, number: u32) -> bool {
        let mut waiting = self.lock();
        let is_it = |offer: &Offer| offer.krate == *krate && offer.number() == number;
        let Some(index) = waiting.parked.iter().position(is_it) else {
            return false;
        };
        let offer = waiting.parked.remove(index);
        waiting.offered.push(offer);
        self.ready.store(waiting.is_ready(), Ordering::Release);
        true
    }

    /// Takes what is ready. Costs one load when nothing is.
    #[inline]
    pub(crate) fn take(&self) -> Vec<Offer> {
        if !self.ready.load(Ordering::Acquire) {
            return Vec::new();
        }
        let mut waiting = self.lock();
        if waiting.holds > 0 {
            return Vec::new();
        }
        self.ready.store(false, Ordering::Release);
        std::mem::take(&mut waiting.offered)
    }

    /// Whether something is offered for a crate, be it held back.
    pub(crate) fn offers(&self, krate: &CrateId) -> bool {
        let waiting = self.lock();
        let mut offered = waiting.offered.iter();
        offered.any(|offer| offer.krate == *krate)
    }

    /// Whether there is something to take.
    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Holds everything back until the returned value is dropped.
    pub(crate) fn hold(self: &Arc<Self>, released: impl FnOnce() + Send + 'static) -> Hold {
        let mut waiting = self.lock();
        waiting.holds += 1;
        self.ready.store(false, Ordering::Release);
        Hold {
            safe_point: Arc::clone(self),
            released: Some(Box::new(released)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps new code from going live for as long as it exists. Made by
/// [`Service::hold`](crate::Service::hold).
#[must_use = "new code is held back only as long as this value exists"]
pub struct Hold {
    safe_point: Arc<SafePoint>,
    released: Option<Box<dyn FnOnce() + Send>>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        let free = {
            let mut waiting = self.safe_point.lock();
            waiting.holds -= 1;
            let free = waiting.is_ready();
            self.safe_point.ready.store(free, Ordering::Release);
            free
        };
        if free && let Some(released) = self.released.take() {
            released();
        }
    }
}

impl std::fmt::Debug for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hold").finish_non_exhaustive()
    }
}
