//! Reloading that was started, as the program's own threads use it.

use crate::crate_id::CrateId;
use crate::driver::Message;
use crate::event::{Event, NotWaiting};
use crate::news::News;
use crate::pipeline::Input;
use crate::problem::Problem;
use crate::safe_point::{Offer, SafePoint};
use hot_load::{
    Applied, Generation, HotCrate, LateEnd, Loader, MigrationError, Overdue, WhenBusy, Work,
};
use std::cell::Cell;
use std::fmt;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

/// Reloading that was started: what the program's own threads use of it.
#[derive(Debug)]
pub(crate) struct Running {
    sender: Sender<Message>,
    safe_point: Arc<SafePoint>,
    loader: Loader,
    wake: Wake,
    background: bool,
    /// New code is ready, or live.
    news: News,
    /// New code that could not go live because a held value was locked.
    held_back: Mutex<Vec<HeldBack>>,
    /// The crates whose new code is going live right now.
    going_live: Mutex<Vec<CrateId>>,
    /// The thread that made new code live last, in a program with a safe point of its own.
    safe_point_thread: Mutex<Option<ThreadId>>,
    /// Libraries that a thread is inside of, for it made newer code live in the middle of a call.
    in_use: Mutex<Vec<Arc<Generation>>>,
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
            news: News::default(),
            held_back: Mutex::default(),
            going_live: Mutex::default(),
            safe_point_thread: Mutex::default(),
            in_use: Mutex::default(),
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
            self.apply_at_safe_point(ready)
        }
    }

    #[cold]
    fn apply_at_safe_point(&self, ready: Vec<Offer>) -> usize {
        *lock(&self.safe_point_thread) = Some(thread::current().id());
        let count = self.apply(ready, WhenBusy::GiveUp);
        // Nobody is in the middle of a call here.
        let no_longer_in_use = std::mem::take(&mut *lock(&self.in_use));
        drop(no_longer_in_use);
        count
    }

    /// Whether this thread is the one that makes new code live.
    pub(crate) fn is_safe_point_thread(&self) -> bool {
        *lock(&self.safe_point_thread) == Some(thread::current().id())
    }

    /// Whether new code is just going live on this thread: its hooks are running.
    pub(crate) fn is_applying() -> bool {
        APPLYING.get()
    }

    /// Waits, in the middle of a call, until another generation of a crate is live than this one; or until new
    /// code was ready for as long as `patience` and nobody made it live, for then whoever would may wait for this
    /// very thread.
    ///
    /// Whoever is at the safe point makes it live itself, for nobody else can.
    pub(crate) fn wait_for_other_than(
        &self,
        krate: &CrateId,
        generation: u32,
        is_safe_point: bool,
        patience: Duration,
    ) -> Result<(), NotWaiting> {
        let is_other = || live_generation(krate) != generation;
        let mut ready_since = None;
        loop {
            let seen = self.news.seen();
            if is_other() {
                return Ok(());
            }
            if is_safe_point {
                let ready = self.safe_point.take();
                if !ready.is_empty() {
                    lock(&self.in_use).extend(self.loader.generations());
                    self.apply(ready, WhenBusy::GiveUp);
                    if !is_other() && self.safe_point.is_ready() {
                        return Err(NotWaiting::Busy);
                    }
                    continue;
                }
            }
            let left = match self.is_ready(krate) {
                true => {
                    let since = ready_since.get_or_insert_with(Instant::now);
                    Some(patience.saturating_sub(since.elapsed()))
                }
                false => {
                    ready_since = None;
                    None
                }
            };
            let has_news = self.news.wait_for_more_than(seen, left);
            // It may have been taken back meanwhile.
            if !has_news && !is_other() && self.is_ready(krate) {
                return Err(NotWaiting::NotLive { after: patience });
            }
        }
    }

    /// Whether new code of a crate waits to be made live, or is just going live.
    fn is_ready(&self, krate: &CrateId) -> bool {
        self.safe_point.offers(krate) || lock(&self.going_live).contains(krate)
    }

    fn apply(&self, ready: Vec<Offer>, when_busy: WhenBusy) -> usize {
        let _applying = Applying::begin();
        let mut count = 0;
        for offer in ready {
            let generation = offer.number();
            let began = Instant::now();
            let krate = offer.krate.clone();
            lock(&self.going_live).push(krate.clone());
            let applied = match &offer.generation {
                Some(generation) => self.loader.apply(generation, when_busy),
                None => self.revert(&offer.krate, when_busy),
            };
            lock(&self.going_live).retain(|going| *going != krate);
            let input = match applied {
                Ok(items) => {
                    count += 1;
                    Input::Applied {
                        krate,
                        generation,
                        items,
                        duration: began.elapsed(),
                        in_memory: self.in_memory(&offer.krate),
                        rolls_back: offer.rolls_back,
                    }
                }
                Err(MigrationError::Busy) => {
                    self.safe_point.put_back(offer);
                    self.is_held_back(&krate, generation, PATIENCE);
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
        if count > 0 {
            self.news.tell();
        }
        count
    }

    /// Notes that a generation cannot go live because a held value is locked, and tells it once when that has lasted
    /// for as long as `patience`.
    fn is_held_back(&self, krate: &CrateId, generation: u32, patience: Duration) {
        let mut held_back = lock(&self.held_back);
        held_back.retain(|known| known.krate != *krate || known.generation == generation);
        let index = held_back.iter().position(|known| known.krate == *krate);
        let index = index.unwrap_or_else(|| {
            held_back.push(HeldBack {
                krate: krate.clone(),
                generation,
                since: Instant::now(),
                is_told: false,
            });
            held_back.len() - 1
        });
        let Some(known) = held_back.get_mut(index) else {
            return;
        };
        let waited = known.since.elapsed();
        if waited >= patience && !known.is_told {
            known.is_told = true;
            self.send(Message::Input(Input::Tell(Event::HeldBack {
                krate: krate.clone(),
                generation,
                waited,
            })));
        }
    }

    /// The numbers of the generations of a crate that are in memory.
    pub(crate) fn in_memory(&self, krate: &CrateId) -> Vec<u32> {
        let loaded = linked(krate).map(|linked| self.loader.numbers(linked));
        std::iter::once(0)
            .chain(loaded.into_iter().flatten())
            .collect()
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
        self.news.tell();
        if !self.background {
            if let Some(wake) = &self.wake.0 {
                wake();
            }
            return;
        }
        // On a thread of its own, for it may have to wait until a value is unlocked.
        let running = Arc::clone(self);
        self.spawn("hot-apply", "makes new code live", move || {
            running.apply(running.safe_point.take(), WhenBusy::GiveUp);
            let held_back = running.safe_point.take();
            if !held_back.is_empty() {
                running.apply_when_free(held_back);
            }
        });
    }

    /// Waits until nobody has a held value locked, and tells who waits if that takes long.
    fn apply_when_free(self: &Arc<Self>, ready: Vec<Offer>) {
        let offered = ready
            .iter()
            .map(|offer| (offer.krate.clone(), offer.number()));
        let (offered, running): (Vec<_>, _) = (offered.collect(), Arc::clone(self));
        let (done, wait) = mpsc::channel::<()>();
        self.spawn(
            "hot-patience",
            "tells what keeps new code from going live",
            move || {
                if wait.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                    for (krate, generation) in offered {
                        running.is_held_back(&krate, generation, PATIENCE);
                    }
                }
            },
        );
        self.apply(ready, WhenBusy::Wait);
        drop(done);
    }

    fn spawn(&self, name: &str, purpose: &'static str, work: impl FnOnce() + Send + 'static) {
        if let Err(error) = thread::Builder::new().name(name.into()).spawn(work) {
            let problem = Problem::Thread {
                purpose,
                source: Arc::new(error),
            };
            self.send(Message::Input(Input::Problem(problem)));
        }
    }
}

/// How long new code may be ready, and not go live, before that is told; and before a thread that waits for it gives
/// up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// New code that could not go live because a held value was locked.
#[derive(Debug)]
struct HeldBack {
    krate: CrateId,
    generation: u32,
    since: Instant,
    is_told: bool,
}

thread_local! {
    static APPLYING: Cell<bool> = const { Cell::new(false) };
}

/// New code is going live on this thread for as long as this exists.
struct Applying {
    before: bool,
}

impl Applying {
    fn begin() -> Applying {
        Applying {
            before: APPLYING.replace(true),
        }
    }
}

impl Drop for Applying {
    fn drop(&mut self) {
        APPLYING.set(self.before);
    }
}

/// The number of the generation that is live.
fn live_generation(krate: &CrateId) -> u32 {
    let live = linked(krate).and_then(|linked| linked.live.current());
    live.map_or(0, |live| live.number())
}

/// The crate as it is linked into the program.
fn linked(krate: &CrateId) -> Option<&'static HotCrate> {
    let mut linked = hot_load::linked_crates().iter().copied();
    linked.find(|linked| CrateId::of(linked) == *krate)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Wake(Option<Box<dyn Fn() + Send + Sync>>);

impl fmt::Debug for Wake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wake({})", self.0.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hot_load::LoadOptions;
    use std::path::PathBuf;
    use std::sync::mpsc;

    /// A program with a safe point of its own, which no thread of the test comes to.
    fn running() -> Running {
        let (sender, _) = mpsc::channel();
        Running::new(sender, Loader::new(LoadOptions::default()), None, false)
    }

    fn offer(krate: &CrateId) -> Offer {
        Offer {
            krate: krate.clone(),
            generation: None,
            rolls_back: None,
        }
    }

    #[test]
    fn nobody_waits_for_ever_for_code_that_is_ready_and_does_not_go_live() {
        let (running, krate) = (running(), CrateId::new("scene", PathBuf::from("/scene")));
        let patience = Duration::from_millis(1);
        let not_live = Err(NotWaiting::NotLive { after: patience });
        // No crate is linked into this program, so what is live is always the code linked into it.
        running.safe_point().offer(offer(&krate));
        assert_eq!(
            running.wait_for_other_than(&krate, 0, false, patience),
            not_live
        );
        // Whoever is at the safe point cannot take what is held back.
        let hold = running.safe_point().hold(|| ());
        assert_eq!(
            running.wait_for_other_than(&krate, 0, true, patience),
            not_live
        );
        drop(hold);
        // Other code is live than the one that panicked.
        assert_eq!(
            running.wait_for_other_than(&krate, 1, false, patience),
            Ok(())
        );
    }

    #[test]
    fn code_that_does_not_go_live_for_long_is_told_once() {
        let (sender, received) = mpsc::channel();
        let loader = Loader::new(LoadOptions::default());
        let running = Running::new(sender, loader, None, false);
        let krate = CrateId::new("scene", PathBuf::from("/scene"));
        let told = || {
            let told = received.try_iter().map(|message| match message {
                Message::Input(Input::Tell(event @ Event::HeldBack { .. })) => event.to_string(),
                other => panic!("{other:?}"),
            });
            told.collect::<Vec<_>>()
        };
        running.is_held_back(&krate, 1, PATIENCE);
        assert_eq!(told(), Vec::<String>::new());
        for _ in 0..2 {
            running.is_held_back(&krate, 1, Duration::ZERO);
        }
        let [first] = &told()[..] else {
            panic!("it is told once");
        };
        assert!(
            first.contains("generation 1 is ready and does not go live [HOT0410]"),
            "{first}"
        );
        // Newer code is another matter.
        running.is_held_back(&krate, 2, Duration::ZERO);
        assert_eq!(told().len(), 1);
    }

    #[test]
    fn whoever_waits_for_a_build_waits_for_as_long_as_it_takes() {
        let (running, krate) = (running(), CrateId::new("scene", PathBuf::from("/scene")));
        let patience = Duration::from_millis(1);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| running.wait_for_other_than(&krate, 0, false, patience));
            // Another crate's affair.
            let other = CrateId::new("other", PathBuf::from("/other"));
            running.safe_point().offer(offer(&other));
            running.news.tell();
            assert!(!waiting.is_finished());
            running.safe_point().offer(offer(&krate));
            running.news.tell();
            assert_eq!(
                waiting.join().unwrap(),
                Err(NotWaiting::NotLive { after: patience })
            );
        });
    }
}
