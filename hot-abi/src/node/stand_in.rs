//! The stand-in that the host holds in the place of a node.

use super::{Carry, Interface, Node, NodeEntry, contain_if, lock, unlocked};
use crate::args::{Args, NodeArg};
use crate::boundary::{Caught, Frame};
use crate::context::LocalContext;
use crate::exchange::{Exchange, Refusal};
use crate::generation::Generation;
use crate::notice::{self, FallbackReason, Notice};
use crate::policy::{self, NodeAnswer, NodePanic};
use crate::services;
use crate::state::SavedState;
use crate::supertraits::{view, view_box, view_mut};
use crate::trial::PROBATION;
use std::fmt;
use std::marker::PhantomData;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

/// What the host holds in the place of a node: it makes the node, forwards to it, and makes it again
/// when a newer generation is live, or when the node panicked.
pub struct StandIn<I: Interface + ?Sized> {
    entry: &'static NodeEntry,
    args: Mutex<Args>,
    /// The live instance, owned; null while there is none.
    current: AtomicPtr<Instance<I::Guarded>>,
    /// [`Live::changes`](crate::generation::Live::changes) of the crate when it was made.
    made_at: AtomicU32,
    /// The same once nothing is to be done before a call: the instance is of the newest code, and its trial
    /// is over. Something smaller before.
    settled_at: AtomicU32,
    /// For how many calls more the instance is on trial.
    calls_left: AtomicU32,
    /// The threads that are making another instance through `&self`. It is not locked while they do, for that
    /// is code of the user, which may call this very node.
    renewing: Mutex<Vec<ThreadMark>>,
    /// Instances that were replaced through `&self`, when a caller may still hold a reference into
    /// them, oldest first. Dropped as soon as there is a `&mut self`.
    replaced: Mutex<Vec<Box<Instance<I::Guarded>>>>,
    carry: Carry<I>,
    owns: PhantomData<Instance<I::Guarded>>,
}

/// One instance of a node.
struct Instance<G: ?Sized> {
    /// Dropped first: its code is in the library.
    node: Box<G>,
    /// Keeps the library mapped; `None` is the program itself.
    generation: Option<Arc<Generation>>,
}

/// A call by `&self` that begins.
#[doc(hidden)]
pub struct Use<'a, I: Interface + ?Sized> {
    instance: &'a Instance<I::Guarded>,
    /// Whether the instance is on trial.
    pub on_trial: bool,
}

/// A stand-in whose node is called by value.
#[doc(hidden)]
pub struct Taken<I: Interface + ?Sized> {
    stand_in: StandIn<I>,
    /// Keeps the library of the node mapped that was given away last.
    generation: Option<Arc<Generation>>,
    /// Whether the node was on trial.
    pub on_trial: bool,
}

/// What [`StandIn::begin_renewal`] finds.
enum Renewing<'a, I: Interface + ?Sized> {
    /// This thread makes another instance, in the place of `current`.
    Begins {
        current: *mut Instance<I::Guarded>,
        renewal: Renewal<'a>,
    },
    /// There is an instance that can answer.
    NotNeeded,
    /// This thread is already making one, and there is none that could answer.
    MakesItself,
}

/// A thread makes another instance for as long as this exists.
struct Renewal<'a> {
    renewing: &'a Mutex<Vec<ThreadMark>>,
    thread: ThreadMark,
}

impl Drop for Renewal<'_> {
    fn drop(&mut self) {
        lock(self.renewing).retain(|thread| *thread != self.thread);
    }
}

/// What a running thread is told from others by: where it has a thread-local. Unlike its `ThreadId` it is there
/// until the very end.
#[derive(Clone, Copy, PartialEq, Eq)]
struct ThreadMark(usize);

impl ThreadMark {
    fn of_this() -> ThreadMark {
        thread_local! {
            static MARK: u8 = const { 0 };
        }
        ThreadMark(MARK.with(|mark| ptr::from_ref(mark).addr()))
    }
}

/// A panic that goes on once the node is made anew, if there is one.
struct GoesOn(Option<Caught>);

impl GoesOn {
    fn resume_in(self, frame: Frame) {
        if let Some(caught) = self.0 {
            frame.resume(caught);
        }
    }
}

/// The function of a node panicked.
struct ConstructorPanic {
    generation: Arc<Generation>,
    caught: Box<Caught>,
}

// SAFETY: a stand-in owns arguments, which are `Send`, and guards, which own nodes that were made as
// `Box<I>`; or as `Arc<I>`, and then it is only ever seen behind an `Arc<I>` itself, by
// `Interface::shared_stand_in`, which can be sent only where the node's own `Arc` could.
unsafe impl<I: Interface + Send + ?Sized> Send for StandIn<I> {}
// SAFETY: as above; what changes behind `&self` is atomic or locked. A node that is made anew by `&self` is made on
// the thread that calls, and dropped on another one, so it is sent.
unsafe impl<I: Interface + Send + Sync + ?Sized> Sync for StandIn<I> {}

#[doc(hidden)]
impl<I: Interface + ?Sized> StandIn<I> {
    /// Makes the stand-in, and its first instance.
    pub fn new<A: NodeArg>(
        entry: &'static NodeEntry,
        args: A,
        carry: Carry<I>,
        frame: Frame,
    ) -> StandIn<I> {
        let mut stand_in = StandIn {
            entry,
            args: Mutex::new(Args::new(args)),
            current: AtomicPtr::new(ptr::null_mut()),
            made_at: AtomicU32::new(0),
            settled_at: AtomicU32::new(u32::MAX),
            calls_left: AtomicU32::new(0),
            renewing: Mutex::new(Vec::new()),
            replaced: Mutex::new(Vec::new()),
            carry,
            owns: PhantomData,
        };
        stand_in.renew_mut(frame);
        stand_in
    }

    /// Begins a call by `&self`.
    #[inline]
    pub fn begin(&self, frame: Frame) -> Use<'_, I> {
        let on_trial = !self.is_settled() && self.prepare(frame);
        // SAFETY: the pointer is null only where `take_current` left it so, which also leaves the stand-in
        // unsettled; then `prepare` has just set it, or has not returned. While `self` is shared it does not
        // become null, and what it pointed at is kept in `replaced` until there is a `&mut self`, which
        // cannot be while this borrow lives.
        let instance = unsafe { &*self.current.load(Ordering::Acquire) };
        Use { instance, on_trial }
    }

    /// Begins a call by `&mut self`, and tells whether the instance is on trial.
    #[inline]
    pub fn begin_mut(&mut self, frame: Frame) -> bool {
        let ready = self.is_settled() && unlocked(&mut self.replaced).is_empty();
        !ready && self.prepare_mut(frame)
    }

    /// The guard to call by `&mut self`, once the call has begun, as that of `W`: the node's interface or a
    /// supertrait of it.
    #[inline]
    pub fn guard_mut<W: Interface + ?Sized>(&mut self) -> &mut W::Guarded {
        // SAFETY: `begin_mut` and `recover_mut` return only when there is an instance, which this stand-in
        // owns; where none is, `settled_at` says that there is something to do first. The instance is
        // borrowed for as long as `self`, mutably.
        let instance = unsafe { &mut **self.current.get_mut() };
        view_mut::<I, W>(&mut instance.node)
    }

    /// Begins a call by value.
    pub fn take(mut self, frame: Frame) -> Taken<I> {
        let on_trial = self.begin_mut(frame);
        Taken {
            stand_in: self,
            generation: None,
            on_trial,
        }
    }

    /// Another instance is there to be called in the place of the one that panicked in a call by `&self`;
    /// or the panic goes on in the caller, and this does not return.
    #[cold]
    pub fn recover(
        &self,
        called: &Use<'_, I>,
        caught: Box<Caught>,
        repeatable: bool,
        frame: Frame,
    ) {
        let panicked = called.instance;
        if self.is_made_here() {
            // The code that makes another instance called this one: it is that code's panic now.
            frame.resume(*caught);
        }
        let goes_on = self.decide(panicked.generation.as_ref(), caught, repeatable, frame);
        self.renew(Some(panicked), frame);
        goes_on.resume_in(frame);
    }

    /// As [`recover`](StandIn::recover), of a call by `&mut self`.
    #[cold]
    pub fn recover_mut(&mut self, caught: Box<Caught>, repeatable: bool, frame: Frame) {
        // SAFETY: the pointer is to the instance that was called, which this stand-in owns.
        let panicked = unsafe { self.current.get_mut().as_ref() };
        let generation = panicked.and_then(|panicked| panicked.generation.clone());
        let goes_on = self.decide(generation.as_ref(), caught, repeatable, frame);
        self.replace_mut(frame);
        goes_on.resume_in(frame);
    }

    /// Returns if the node is to be made anew, and with it the panic if that goes on afterwards.
    fn decide(
        &self,
        generation: Option<&Arc<Generation>>,
        caught: Box<Caught>,
        repeatable: bool,
        frame: Frame,
    ) -> GoesOn {
        if caught.passes() {
            frame.resume(*caught);
        }
        let Some(generation) = generation else {
            // Code that no generation answers for.
            policy::tell_contained(self.entry.krate, self.entry.name, (*caught).clone());
            frame.resume(caught.told());
        };
        let panic = NodePanic {
            node: self.entry,
            generation,
            repeatable,
            kept: matches!(self.carry, Carry::Keep),
            caught: &caught,
        };
        match (services::current().node_panicked)(&panic) {
            NodeAnswer::MadeAnew => GoesOn(None),
            NodeAnswer::MadeAnewForLater => GoesOn(Some(caught.told())),
            NodeAnswer::Stays => frame.resume(caught.told()),
        }
    }

    #[inline]
    fn is_settled(&self) -> bool {
        self.settled_at.load(Ordering::Acquire) == self.entry.krate.live.changes()
    }

    fn is_stale(&self) -> bool {
        self.made_at.load(Ordering::Acquire) != self.entry.krate.live.changes()
            || self.current.load(Ordering::Relaxed).is_null()
    }

    /// Makes ready for a call that begins, and tells whether the instance is on trial.
    #[cold]
    fn prepare(&self, frame: Frame) -> bool {
        if self.is_stale() {
            self.renew(None, frame);
        }
        self.count_call()
    }

    #[cold]
    fn prepare_mut(&mut self, frame: Frame) -> bool {
        self.renew_mut(frame);
        self.count_call()
    }

    /// Counts a call of an instance on trial.
    fn count_call(&self) -> bool {
        // SAFETY: as in `begin`.
        let instance = unsafe { self.current.load(Ordering::Acquire).as_ref() };
        let generation = instance.and_then(|instance| instance.generation.as_ref());
        let counted = |left: u32| left.checked_sub(1);
        let left = self
            .calls_left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, counted);
        let on_trial = match (generation, left) {
            (Some(generation), Ok(_)) => {
                generation.trial.count_call();
                true
            }
            _ => false,
        };
        if !on_trial || left == Ok(1) {
            let made_at = self.made_at.load(Ordering::Acquire);
            self.settled_at.store(made_at, Ordering::Release);
        }
        on_trial
    }

    /// Notes that there is a new instance, of the code that was live at `changes`.
    fn begin_trial(&self, instance: &Instance<I::Guarded>, changes: u32) {
        let generation = instance.generation.as_ref();
        let on_trial = generation.is_some_and(|generation| generation.is_in_probation());
        let calls = if on_trial { PROBATION + 1 } else { 0 };
        self.calls_left.store(calls, Ordering::Relaxed);
        self.settled_at
            .store(changes.wrapping_sub(1), Ordering::Release);
    }

    /// Replaces the instance while others may be using it: if it is stale, or if it is the one that panicked.
    #[cold]
    fn renew(&self, panicked: Option<&Instance<I::Guarded>>, frame: Frame) {
        loop {
            match self.try_renew(panicked, frame) {
                Ok(()) => return,
                Err(panic) => self.constructor_panicked(panic, frame),
            }
        }
    }

    /// No lock is held while code of the user runs: not while the instance is made, nor while it takes over what
    /// the old one kept.
    fn try_renew(
        &self,
        panicked: Option<&Instance<I::Guarded>>,
        frame: Frame,
    ) -> Result<(), ConstructorPanic> {
        let (current, _renewal) = match self.begin_renewal(panicked) {
            Renewing::Begins { current, renewal } => (current, renewal),
            Renewing::NotNeeded => return Ok(()),
            Renewing::MakesItself => frame.resume(Caught::new(format!(
                "the node `{}` is called while it is made, by the code that makes it, and there is no other \
                 instance to answer",
                self.entry.name
            ))),
        };
        let changes = self.entry.krate.live.changes();
        // SAFETY: the pointer is null or that of an instance which this stand-in owns, or has put into `replaced`
        // meanwhile, where it stays for as long as `self` is shared.
        let old = unsafe { current.as_ref() };
        if old.is_some() && matches!(self.carry, Carry::Keep) {
            self.made_at.store(changes, Ordering::Release);
            return Ok(());
        }
        let mut instance = Box::new(self.make(frame)?);
        // As late as can be: others use the old instance meanwhile.
        let state = match (&self.carry, old) {
            (Carry::State(ops), Some(old)) => {
                let mut state = SavedState::of_instance_in_use();
                self.tell_panic(old, (ops.save)(&old.node, &mut state));
                Some(state)
            }
            _ => None,
        };
        self.restore(&mut instance, state);
        let surplus = self.install(instance, current, changes);
        // Without the lock.
        drop(surplus);
        Ok(())
    }

    /// Whether this thread is to make another instance, and in the place of which.
    fn begin_renewal(&self, panicked: Option<&Instance<I::Guarded>>) -> Renewing<'_, I> {
        let mut renewing = lock(&self.renewing);
        let current = self.current.load(Ordering::Acquire);
        let must_go = panicked.is_some_and(|panicked| ptr::eq(current, panicked));
        if !self.is_stale() && !must_go {
            return Renewing::NotNeeded; // another thread was faster
        }
        let can_answer = !current.is_null() && !must_go;
        if can_answer && !renewing.is_empty() {
            return Renewing::NotNeeded; // the old one answers until the new one is there
        }
        let thread = ThreadMark::of_this();
        if renewing.contains(&thread) {
            return Renewing::MakesItself;
        }
        renewing.push(thread);
        let renewal = Renewal {
            renewing: &self.renewing,
            thread,
        };
        Renewing::Begins { current, renewal }
    }

    /// Puts an instance in the place of `before`. Gives it back if another thread was faster.
    fn install(
        &self,
        instance: Box<Instance<I::Guarded>>,
        before: *mut Instance<I::Guarded>,
        changes: u32,
    ) -> Option<Box<Instance<I::Guarded>>> {
        let mut replaced = lock(&self.replaced);
        if !ptr::eq(self.current.load(Ordering::Acquire), before) {
            return Some(instance);
        }
        self.begin_trial(&instance, changes);
        let before = self.current.swap(Box::into_raw(instance), Ordering::AcqRel);
        if !before.is_null() {
            // SAFETY: the pointer came from a box, and nobody else takes it: `replaced` is locked.
            replaced.push(unsafe { Box::from_raw(before) });
        }
        self.made_at.store(changes, Ordering::Release);
        None
    }

    /// Whether this thread is making another instance through `&self`.
    fn is_made_here(&self) -> bool {
        lock(&self.renewing).contains(&ThreadMark::of_this())
    }

    /// Replaces the instance if it is stale.
    #[cold]
    fn renew_mut(&mut self, frame: Frame) {
        self.settle_replaced();
        if !self.is_stale() {
            return;
        }
        let changes = self.entry.krate.live.changes();
        let made = !self.current.get_mut().is_null();
        if made && matches!(self.carry, Carry::Keep) {
            *self.made_at.get_mut() = changes;
        } else {
            self.replace_mut(frame);
        }
    }

    /// Replaces the instance: the old one is gone before the new one is made, so that what it held (a
    /// port, a file) is free.
    fn replace_mut(&mut self, frame: Frame) {
        let mut old = self.take_current();
        let mut state = match (&self.carry, &mut old) {
            (Carry::State(ops), Some(old)) => {
                let mut state = SavedState::default();
                let saved = (ops.save)(&old.node, &mut state);
                self.tell_panic(old, saved);
                let handed_over = (ops.hand_over)(&mut old.node, &mut state);
                self.tell_panic(old, handed_over);
                Some(state)
            }
            _ => None,
        };
        drop(old);
        loop {
            let changes = self.entry.krate.live.changes();
            match self.make(frame) {
                Ok(instance) => {
                    let mut instance = Box::new(instance);
                    self.restore(&mut instance, state.take());
                    self.begin_trial(&instance, changes);
                    *self.current.get_mut() = Box::into_raw(instance);
                    *self.made_at.get_mut() = changes;
                    return;
                }
                Err(panic) => self.constructor_panicked(panic, frame),
            }
        }
    }

    /// Returns if the node is to be made by other code.
    fn constructor_panicked(&self, panic: ConstructorPanic, frame: Frame) {
        let ConstructorPanic { generation, caught } = panic;
        if caught.passes() {
            frame.resume(*caught);
        }
        let panic = NodePanic {
            node: self.entry,
            generation: &generation,
            repeatable: true,
            kept: false,
            caught: &caught,
        };
        if (services::current().node_panicked)(&panic) != NodeAnswer::MadeAnew {
            frame.resume(caught.told());
        }
    }

    /// Lets the instances that were replaced through `&self` hand over what they could not while they might
    /// have been in use, each to the one that took its place, and drops them.
    fn settle_replaced(&mut self) {
        let mut replaced = std::mem::take(unlocked(&mut self.replaced));
        let Carry::State(ops) = &self.carry else {
            return;
        };
        let current = self.current.load(Ordering::Acquire);
        for index in 0..replaced.len() {
            let (old, newer) = replaced[index..].split_at_mut(1);
            let newer = match newer.first_mut() {
                Some(newer) => &mut **newer,
                // SAFETY: the pointer is null or to the instance that this stand-in owns, which nobody else
                // uses while `self` is borrowed mutably.
                None => match unsafe { current.as_mut() } {
                    Some(current) => current,
                    None => return,
                },
            };
            let mut state = SavedState::default();
            // Its own values, so that it finds all of them when it restores those that come late.
            self.tell_panic(newer, (ops.save)(&newer.node, &mut state));
            let handed_over = (ops.hand_over)(&mut old[0].node, &mut state);
            self.tell_panic(&old[0], handed_over);
            if state.was_handed_over() {
                self.restore(newer, Some(state));
            }
        }
    }

    fn restore(&self, instance: &mut Instance<I::Guarded>, state: Option<SavedState>) {
        let (Carry::State(ops), Some(mut state)) = (&self.carry, state) else {
            return;
        };
        let restored = (ops.restore)(&mut instance.node, &mut state);
        self.tell_panic(instance, restored);
        let (manifest_dir, node) = (self.entry.manifest_dir, self.entry.name);
        notice::send(Notice::StateCarried {
            manifest_dir,
            node,
            report: state.finish(),
        });
    }

    /// A panic while state is carried over costs the state, not the program.
    fn tell_panic(&self, instance: &Instance<I::Guarded>, result: Result<(), Box<Caught>>) {
        if let Err(caught) = result {
            let krate = match &instance.generation {
                Some(generation) => generation.krate(),
                None => self.entry.krate,
            };
            policy::tell_contained(krate, self.entry.name, *caught);
        }
    }

    fn take_current(&mut self) -> Option<Box<Instance<I::Guarded>>> {
        let current = std::mem::replace(self.current.get_mut(), ptr::null_mut());
        // Should no other take its place, because making that one panics, the next call must not go ahead.
        *self.settled_at.get_mut() = self.made_at.get_mut().wrapping_sub(1);
        // SAFETY: the pointer came from a box, and is replaced by null, so it is taken once.
        (!current.is_null()).then(|| unsafe { Box::from_raw(current) })
    }

    /// Makes an instance with the newest code that is good for it, or with the program's own.
    fn make(&self, frame: Frame) -> Result<Instance<I::Guarded>, ConstructorPanic> {
        let args = contained_in(frame, || lock(&self.args).clone());
        let entry = self.entry;
        let services = services::current();
        let maker = (services.maker)(entry.krate, entry.name);
        let reason = match maker {
            Some(generation) => match self.ask(&generation, args.clone()) {
                Answer::Made(node) => {
                    notice::send(Notice::Instantiated {
                        manifest_dir: entry.manifest_dir,
                        node: entry.name,
                        generation: generation.number(),
                    });
                    return Ok(Instance {
                        node,
                        generation: Some(generation),
                    });
                }
                Answer::Panicked(caught) => return Err(ConstructorPanic { generation, caught }),
                Answer::NotFound => (Some(generation.number()), FallbackReason::NotFound),
                Answer::Refused(refusal) => {
                    (Some(generation.number()), FallbackReason::Refused(refusal))
                }
            },
            None => match (services.live)(entry.krate) {
                Some(live) => (Some(live.number()), self.panic_of(&live)),
                None => (None, FallbackReason::NoLibrary),
            },
        };
        let (generation, reason) = reason;
        notice::send(Notice::Fallback {
            manifest_dir: entry.manifest_dir,
            node: entry.name,
            generation,
            reason,
        });
        Ok(Instance {
            node: contained_in(frame, || self.make_linked_in(args)),
            generation: None,
        })
    }

    /// Why a generation is not asked any more.
    fn panic_of(&self, generation: &Generation) -> FallbackReason {
        let message = generation.trial.panic_of(self.entry.name);
        FallbackReason::Refused(Refusal::Panicked {
            message: message.unwrap_or_default(),
            location: None,
        })
    }

    /// Makes the node by the code linked into the program; where the program has none that fits, by the code
    /// that this stand-in was compiled with.
    fn make_linked_in(&self, args: Args) -> Box<I::Guarded> {
        let own = self.entry;
        let linked_in = (services::current().linked_in_node)(own.krate, own.name);
        let linked_in = linked_in.filter(|linked_in| {
            !ptr::eq(*linked_in, own) && own.layout.agrees_with(linked_in.layout)
        });
        if let Some(linked_in) = linked_in
            && let Ok(Ok(node)) = (linked_in.make)(args.clone()).map(Node::into_guarded::<I>)
        {
            return node;
        }
        let node = (own.make)(args).and_then(Node::into_guarded::<I>);
        node.expect("a node fits the stand-in that was compiled with it")
    }

    fn ask(&self, generation: &Generation, args: Args) -> Answer<I> {
        let newer = generation.krate().node(self.entry.name);
        if let Some(newer) = newer.filter(|newer| !self.entry.layout.agrees_with(newer.layout)) {
            let (host, library) = ((self.entry.args)(), (newer.args)());
            // Other arguments have another layout, too; but that is not what a person changed.
            return Answer::Refused(if host == library {
                let reason = self.entry.layout.difference_to(newer.layout);
                Refusal::Layout { reason }
            } else {
                let (host, library) = (host.to_string(), library.to_string());
                Refusal::Arguments { host, library }
            });
        }
        let mut context = LocalContext::capture();
        let mut exchange = Exchange::Request(args);
        generation.entry()(
            self.entry.manifest_dir,
            self.entry.name,
            &mut context,
            &mut exchange,
        );
        match exchange {
            Exchange::Response(None) => Answer::NotFound,
            Exchange::Response(Some(node)) => match node.into_guarded::<I>() {
                Ok(node) => Answer::Made(node),
                Err(refusal) => Answer::Refused(refusal),
            },
            Exchange::Refused(refusal) => Answer::Refused(refusal),
            Exchange::Panicked(caught) => Answer::Panicked(caught),
            other => Answer::Refused(Refusal::NotARequest {
                state: other.state(),
            }),
        }
    }
}

/// Calls code of the module that made the stand-in. Its panic goes on in the caller, in whose runtime it may be
/// unknown.
fn contained_in<R>(frame: Frame, f: impl FnOnce() -> R) -> R {
    contain_if(services::in_library(), f).unwrap_or_else(|caught| frame.resume(*caught))
}

/// What a generation answers that was asked for a node.
enum Answer<I: Interface + ?Sized> {
    Made(Box<I::Guarded>),
    NotFound,
    Refused(Refusal),
    Panicked(Box<Caught>),
}

#[doc(hidden)]
impl<'a, I: Interface + ?Sized> Use<'a, I> {
    /// The guard to call, as that of `W`: the node's interface or a supertrait of it.
    #[inline]
    pub fn guard<W: Interface + ?Sized>(&self) -> &'a W::Guarded {
        view::<I, W>(&self.instance.node)
    }
}

#[doc(hidden)]
impl<I: Interface + ?Sized> Taken<I> {
    /// The node, to be called by value, as that of `W`: the node's interface or a supertrait of it.
    pub fn guard<W: Interface + ?Sized>(&mut self, frame: Frame) -> Box<W::Guarded> {
        self.stand_in.begin_mut(frame);
        let instance = self.stand_in.take_current().expect("just made");
        self.generation = instance.generation;
        view_box::<I, W>(instance.node)
    }

    /// As [`StandIn::recover`]. The node is gone with all that it kept, so another begins afresh.
    #[cold]
    pub fn recover(&mut self, caught: Box<Caught>, repeatable: bool, frame: Frame) {
        let generation = self.generation.as_ref();
        let goes_on = self.stand_in.decide(generation, caught, repeatable, frame);
        // Nobody is left to call it again where the panic goes on.
        goes_on.resume_in(frame);
        self.stand_in.replace_mut(frame);
    }
}

impl<I: Interface + ?Sized> Drop for StandIn<I> {
    fn drop(&mut self) {
        drop(self.take_current());
    }
}

// A trait object is `Debug` or `Display` where its trait has these as supertraits, at any distance: then
// some interface on the way can format the node.
impl<I: Interface + fmt::Debug + ?Sized> fmt::Debug for StandIn<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = 0;
        let called = self.begin(Frame::of(&place));
        I::debug(called.guard::<I>(), f).unwrap_or(Err(fmt::Error))
    }
}

impl<I: Interface + fmt::Display + ?Sized> fmt::Display for StandIn<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = 0;
        let called = self.begin(Frame::of(&place));
        I::display(called.guard::<I>(), f).unwrap_or(Err(fmt::Error))
    }
}
