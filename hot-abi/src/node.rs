//! Nodes: long-lived things that a reload makes again, and the stand-ins that the host holds in their
//! place.
//!
//! [`#[hot_trait]`](crate::hot_trait) writes, for a trait `Panel`, a second trait with the same methods
//! whose results are `Result<R, Box<Caught>>`. A [`Guarded`] node implements it, compiled into the
//! library that made the node, so its panics end there; and a [`StandIn`] implements `Panel` by calling
//! it, so the host cannot tell the stand-in from the node.

use crate::args::{Args, NodeArg, TypeKey};
use crate::boundary::{self, Caught};
use crate::context::LocalContext;
use crate::exchange::{Exchange, Refusal};
use crate::generation::Generation;
use crate::layout::LayoutMark;
use crate::notice::{self, FallbackReason, Notice};
use crate::registry::HotCrate;
use crate::services;
use crate::state::{HotState, SavedState};
use crate::supertraits::{view, view_box, view_mut};
use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A trait that nodes can have as their interface: what [`#[hot_trait]`](crate::hot_trait) implements for
/// `dyn Trait`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the interface of a hot node",
    label = "not a hot trait",
    note = "write `#[hot_trait]` above the trait"
)]
pub trait Interface: 'static {
    /// The trait object whose methods contain panics.
    type Guarded: ContainsPanics + ?Sized + 'static;

    /// A struct with a field for each method, of the method's type.
    #[doc(hidden)]
    type Methods;

    /// Appends the trait as written, and the hot traits that it is built on: what two builds compare,
    /// for it decides which methods there are and in which order.
    fn describe(text: &mut String);

    /// Puts a node behind its guard. Must be compiled into the module that made the node.
    fn guard(node: Guarded<Self>) -> Box<Self::Guarded>;

    /// The stand-in as a node.
    fn stand_in(stand_in: StandIn<Self>) -> Box<Self>;

    /// The stand-in as a shared node.
    fn shared_stand_in(stand_in: StandIn<Self>) -> Arc<Self>;

    /// Whether `W` is this interface or a supertrait of it, at any distance.
    #[doc(hidden)]
    fn extends<W: Interface + ?Sized>() -> bool;

    /// The guard of `W`, a supertrait, by way of the next one in its direction.
    #[doc(hidden)]
    fn step<W: Interface + ?Sized>(guarded: &Self::Guarded) -> &W::Guarded;

    /// As [`step`](Interface::step).
    #[doc(hidden)]
    fn step_mut<W: Interface + ?Sized>(guarded: &mut Self::Guarded) -> &mut W::Guarded;

    /// As [`step`](Interface::step).
    #[doc(hidden)]
    fn step_box<W: Interface + ?Sized>(guarded: Box<Self::Guarded>) -> Box<W::Guarded>;

    /// Formats the node; `None` if neither the interface nor a supertrait of it is `Debug`.
    #[doc(hidden)]
    fn debug(guarded: &Self::Guarded, f: &mut fmt::Formatter<'_>) -> Option<fmt::Result>;

    /// Formats the node; `None` if neither the interface nor a supertrait of it is `Display`.
    #[doc(hidden)]
    fn display(guarded: &Self::Guarded, f: &mut fmt::Formatter<'_>) -> Option<fmt::Result>;
}

/// What becomes of a node's state when it is made again.
#[doc(hidden)]
pub enum Carry<I: Interface + ?Sized> {
    /// Nothing: the new instance starts afresh from the arguments.
    Fresh,
    /// The instance itself stays, with the code that made it.
    Keep,
    /// The old instance saves, and the new one restores.
    State(StateOps<I>),
}

/// How a node's state is reached through its guard.
#[doc(hidden)]
pub struct StateOps<I: Interface + ?Sized> {
    save: fn(&I::Guarded, &mut SavedState) -> Result<(), Box<Caught>>,
    hand_over: fn(&mut I::Guarded, &mut SavedState) -> Result<(), Box<Caught>>,
    restore: fn(&mut I::Guarded, &mut SavedState) -> Result<(), Box<Caught>>,
}

impl<I: Interface + HotState + ?Sized> Carry<I> {
    /// For an interface that has [`HotState`] as a supertrait.
    pub const fn state() -> Carry<I> {
        Carry::State(StateOps {
            save: |node, state| view::<I, dyn HotState>(node).save(state),
            hand_over: |node, state| view_mut::<I, dyn HotState>(node).hand_over(state),
            restore: |node, state| view_mut::<I, dyn HotState>(node).restore(state),
        })
    }
}

/// What gives access to the guard of an interface: the guard itself, and that of an interface which
/// names it as a supertrait.
#[doc(hidden)]
pub trait Guards<I: Interface + ?Sized> {
    fn guarded(&self) -> &I::Guarded;
    fn guarded_mut(&mut self) -> &mut I::Guarded;
    fn guarded_box(self: Box<Self>) -> Box<I::Guarded>;
}

/// What is told that its node leaves the library that made it.
#[doc(hidden)]
pub trait ContainsPanics {
    /// From now on a panic of the node ends at its guard.
    fn contain_panics(&mut self);
}

/// A node in the module that made it.
pub struct Guarded<N: ?Sized> {
    held: ManuallyDrop<Held<N>>,
    /// Whether a panic of the node ends here. That of the program's own nodes does not: it is the
    /// program's own affair.
    contains: bool,
}

enum Held<N: ?Sized> {
    Owned(Box<N>),
    Shared(Arc<N>),
}

#[doc(hidden)]
impl<N: ?Sized> Guarded<N> {
    pub fn owned(node: Box<N>) -> Self {
        Guarded {
            held: ManuallyDrop::new(Held::Owned(node)),
            contains: services::in_library(),
        }
    }

    pub fn shared(node: Arc<N>) -> Self {
        Guarded {
            held: ManuallyDrop::new(Held::Shared(node)),
            contains: services::in_library(),
        }
    }

    /// Whether a panic of the node ends at its guard.
    #[inline]
    pub fn contains_panics(&self) -> bool {
        self.contains
    }

    #[inline]
    pub fn node(&self) -> &N {
        match &*self.held {
            Held::Owned(node) => node,
            Held::Shared(node) => node,
        }
    }

    /// # Panics
    ///
    /// If the node is shared. Then nobody has a `&mut` to its stand-in either, so it is not called.
    #[inline]
    pub fn node_mut(&mut self) -> &mut N {
        match &mut *self.held {
            Held::Owned(node) => node,
            Held::Shared(node) => Arc::get_mut(node).expect("a shared node is called by `&self`"),
        }
    }

    /// # Panics
    ///
    /// If the node is shared. Then nobody has a `Box` of its stand-in either, so it is not called.
    pub fn into_box(self) -> Box<N> {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped, so the field is taken once.
        match unsafe { ManuallyDrop::take(&mut this.held) } {
            Held::Owned(node) => node,
            Held::Shared(_) => panic!("a shared node is called by `&self`"),
        }
    }
}

// SAFETY: an owned node is sent as its box would be. A shared node's guard lives in a stand-in that only
// `Interface::shared_stand_in` hands out, inside an `Arc<dyn Trait>`, and that can be sent only if the
// trait is `Send + Sync`, as the node's own `Arc` could.
unsafe impl<N: ?Sized + Send> Send for Guarded<N> {}
// SAFETY: as above.
unsafe impl<N: ?Sized + Sync> Sync for Guarded<N> {}

impl<N: ?Sized> Drop for Guarded<N> {
    fn drop(&mut self) {
        let held = &mut self.held;
        let dropped = contain_if(self.contains, || {
            // SAFETY: this is the drop of the only owner, and the field is not used after it.
            unsafe { ManuallyDrop::drop(held) }
        });
        if let Err(caught) = dropped {
            // A destructor has nobody to answer to: it is told, and the rest goes on.
            notice::send(Notice::Panicked {
                item: type_name::<N>(),
                caught: *caught,
            });
        }
    }
}

impl<N: ?Sized> ContainsPanics for Guarded<N> {
    fn contain_panics(&mut self) {
        self.contains = true;
    }
}

/// Calls an operation of a node: contained if its guard [contains panics](Guarded::contains_panics), and
/// otherwise as it is.
#[doc(hidden)]
#[inline]
pub fn contain_if<R>(contains: bool, f: impl FnOnce() -> R) -> Result<R, Box<Caught>> {
    if contains {
        boundary::contain(f)
    } else {
        Ok(f())
    }
}

/// What host and library compare of a node's interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceKey {
    /// The name of the trait object's type.
    pub name: &'static str,
    /// The trait as written, and the hot traits that it is built on.
    pub signature: String,
}

impl InterfaceKey {
    /// The key of an interface.
    pub fn of<I: Interface + ?Sized>() -> InterfaceKey {
        let mut signature = String::new();
        I::describe(&mut signature);
        InterfaceKey {
            name: type_name::<I>(),
            signature,
        }
    }
}

impl fmt::Display for InterfaceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {{ {} }}", self.name, self.signature)
    }
}

/// A node that a library made, on its way to the stand-in.
pub struct Node {
    interface: InterfaceKey,
    object: Box<dyn ContainsPanics>,
}

impl Node {
    /// Puts a node behind its guard, and forgets its type.
    pub fn new<I: Interface + ?Sized>(node: Guarded<I>) -> Node {
        Node {
            interface: InterfaceKey::of::<I>(),
            object: Box::new(Object(I::guard(node))),
        }
    }

    /// The node as a library hands it out. That it was made by a library is known here and not by the
    /// guard: one that is linked against the program has no hot-abi of its own to ask.
    pub(crate) fn leaving_its_library(mut self) -> Node {
        self.object.contain_panics();
        self
    }

    /// The node's interface.
    pub fn interface(&self) -> &InterfaceKey {
        &self.interface
    }

    fn into_guarded<I: Interface + ?Sized>(self) -> Result<Box<I::Guarded>, Refusal> {
        let host = InterfaceKey::of::<I>();
        if self.interface != host {
            return Err(Refusal::Interface {
                host: host.to_string(),
                library: self.interface.to_string(),
            });
        }
        let object: *mut dyn ContainsPanics = Box::into_raw(self.object);
        // SAFETY: the pointer comes from a box of `Object<G>`, where `G` is the guard of the interface
        // that the key names, and the key is that of `I`: the same trait, with the same methods in
        // the same order, built by one compiler. The box is not used again.
        let object = unsafe { Box::from_raw(object.cast::<Object<I::Guarded>>()) };
        Ok(object.0)
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Node({})", self.interface.name)
    }
}

struct Object<G: ?Sized>(Box<G>);

impl<G: ContainsPanics + ?Sized> ContainsPanics for Object<G> {
    fn contain_panics(&mut self) {
        self.0.contain_panics();
    }
}

/// A node function marked with [`#[hot_node]`](crate::hot_node), as it registers.
#[derive(Debug)]
pub struct NodeEntry {
    /// The folder of its crate's Cargo.toml.
    pub manifest_dir: &'static str,
    /// Its name: the function's, unless another was given.
    pub name: &'static str,
    /// Its signature, as written.
    pub signature: &'static str,
    /// The file it is written in.
    pub file: &'static str,
    /// Its line.
    pub line: u32,
    /// Its crate.
    pub krate: &'static HotCrate,
    /// The type of its arguments.
    pub args: fn() -> TypeKey,
    /// Which layouts its types have.
    pub layout: &'static LayoutMark,
    /// Makes an instance.
    pub make: fn(Args) -> Result<Node, Refusal>,
}

/// What the host holds in the place of a node: it makes the node, forwards to it, and makes it again
/// when a newer generation is live.
pub struct StandIn<I: Interface + ?Sized> {
    entry: &'static NodeEntry,
    args: Mutex<Args>,
    /// The live instance, owned; null while there is none.
    current: AtomicPtr<Instance<I::Guarded>>,
    /// [`Live::changes`](crate::generation::Live::changes) of the crate when it was made.
    made_at: AtomicU32,
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

// SAFETY: a stand-in owns arguments, which are `Send`, and guards, which own nodes that were made as
// `Box<I>`; or as `Arc<I>`, and then it is only ever seen behind an `Arc<I>` itself, by
// `Interface::shared_stand_in`, which can be sent only where the node's own `Arc` could.
unsafe impl<I: Interface + Send + ?Sized> Send for StandIn<I> {}
// SAFETY: as above; what changes behind `&self` is atomic or locked.
unsafe impl<I: Interface + Sync + ?Sized> Sync for StandIn<I> {}

#[doc(hidden)]
impl<I: Interface + ?Sized> StandIn<I> {
    /// Makes the stand-in, and its first instance.
    pub fn new<A: NodeArg>(entry: &'static NodeEntry, args: A, carry: Carry<I>) -> StandIn<I> {
        let stand_in = StandIn {
            entry,
            args: Mutex::new(Args::new(args)),
            current: AtomicPtr::new(ptr::null_mut()),
            made_at: AtomicU32::new(0),
            replaced: Mutex::new(Vec::new()),
            carry,
            owns: PhantomData,
        };
        stand_in.current_or_renewed();
        stand_in
    }

    /// The guard to call by `&self`, as that of `W`: the node's interface or a supertrait of it.
    #[inline]
    pub fn get<W: Interface + ?Sized>(&self) -> &W::Guarded {
        view::<I, W>(&self.current_or_renewed().node)
    }

    /// The guard to call by `&mut self`.
    #[inline]
    pub fn get_mut<W: Interface + ?Sized>(&mut self) -> &mut W::Guarded {
        if self.is_stale() || !unlocked(&mut self.replaced).is_empty() {
            self.renew_mut();
        }
        // SAFETY: `renew_mut` leaves a pointer to an instance that this stand-in owns, and it is
        // borrowed for as long as `self`, mutably.
        let instance = unsafe { &mut **self.current.get_mut() };
        view_mut::<I, W>(&mut instance.node)
    }

    /// The guard to call by `self`, and what keeps its library mapped meanwhile.
    pub fn into_node<W: Interface + ?Sized>(
        mut self,
    ) -> (Box<W::Guarded>, Option<Arc<Generation>>) {
        if self.is_stale() || !unlocked(&mut self.replaced).is_empty() {
            self.renew_mut();
        }
        let instance = self.take_current().expect("just renewed");
        (view_box::<I, W>(instance.node), instance.generation)
    }

    /// The name of the node.
    pub fn name(&self) -> &'static str {
        self.entry.name
    }

    #[inline]
    fn is_stale(&self) -> bool {
        self.made_at.load(Ordering::Acquire) != self.entry.krate.live.changes()
            || self.current.load(Ordering::Relaxed).is_null()
    }

    #[inline]
    fn current_or_renewed(&self) -> &Instance<I::Guarded> {
        if self.is_stale() {
            self.renew();
        }
        // SAFETY: once set the pointer is never null while `self` is shared, and what it pointed at is
        // kept in `replaced` until there is a `&mut self`, which cannot be while this borrow lives.
        unsafe { &*self.current.load(Ordering::Acquire) }
    }

    /// Replaces the instance while others may be using it.
    #[cold]
    fn renew(&self) {
        let mut replaced = lock(&self.replaced);
        if !self.is_stale() {
            return; // another thread was faster
        }
        let changes = self.entry.krate.live.changes();
        // SAFETY: the pointer is null or came from a box that is replaced below, under this lock.
        let old = unsafe { self.current.load(Ordering::Acquire).as_ref() };
        if old.is_none() || !matches!(self.carry, Carry::Keep) {
            let state = match (&self.carry, old) {
                (Carry::State(ops), Some(old)) => {
                    let mut state = SavedState::of_instance_in_use();
                    self.tell_panic((ops.save)(&old.node, &mut state));
                    Some(state)
                }
                _ => None,
            };
            let mut instance = Box::new(self.make());
            self.restore(&mut instance, state);
            let before = self.current.swap(Box::into_raw(instance), Ordering::AcqRel);
            if !before.is_null() {
                // SAFETY: the pointer came from a box, and nobody else takes it: `replaced` is locked.
                replaced.push(unsafe { Box::from_raw(before) });
            }
        }
        self.made_at.store(changes, Ordering::Release);
    }

    /// Replaces the instance: the old one is gone before the new one is made, so that what it held (a
    /// port, a file) is free.
    #[cold]
    fn renew_mut(&mut self) {
        self.settle_replaced();
        if !self.is_stale() {
            return;
        }
        let changes = self.entry.krate.live.changes();
        let made = !self.current.get_mut().is_null();
        if !made || !matches!(self.carry, Carry::Keep) {
            let mut old = self.take_current();
            let state = match (&self.carry, &mut old) {
                (Carry::State(ops), Some(old)) => {
                    let mut state = SavedState::default();
                    self.tell_panic((ops.save)(&old.node, &mut state));
                    self.tell_panic((ops.hand_over)(&mut old.node, &mut state));
                    Some(state)
                }
                _ => None,
            };
            drop(old);
            let mut instance = Box::new(self.make());
            self.restore(&mut instance, state);
            *self.current.get_mut() = Box::into_raw(instance);
        }
        *self.made_at.get_mut() = changes;
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
            self.tell_panic((ops.save)(&newer.node, &mut state));
            self.tell_panic((ops.hand_over)(&mut old[0].node, &mut state));
            if state.was_handed_over() {
                self.restore(newer, Some(state));
            }
        }
    }

    fn restore(&self, instance: &mut Instance<I::Guarded>, state: Option<SavedState>) {
        let (Carry::State(ops), Some(mut state)) = (&self.carry, state) else {
            return;
        };
        self.tell_panic((ops.restore)(&mut instance.node, &mut state));
        let (manifest_dir, node) = (self.entry.manifest_dir, self.entry.name);
        notice::send(Notice::StateCarried {
            manifest_dir,
            node,
            report: state.finish(),
        });
    }

    /// A panic while state is carried over costs the state, not the program.
    fn tell_panic(&self, result: Result<(), Box<Caught>>) {
        if let Err(caught) = result {
            notice::send(Notice::Panicked {
                item: self.entry.name,
                caught: *caught,
            });
        }
    }

    fn take_current(&mut self) -> Option<Box<Instance<I::Guarded>>> {
        let current = std::mem::replace(self.current.get_mut(), ptr::null_mut());
        // SAFETY: the pointer came from a box, and is replaced by null, so it is taken once.
        (!current.is_null()).then(|| unsafe { Box::from_raw(current) })
    }

    /// Makes an instance with the newest code, or with the program's own.
    fn make(&self) -> Instance<I::Guarded> {
        let args = lock(&self.args).clone();
        let entry = self.entry;
        let fallback = |generation: Option<u32>, reason| {
            let (manifest_dir, node) = (entry.manifest_dir, entry.name);
            notice::send(Notice::Fallback {
                manifest_dir,
                node,
                generation,
                reason,
            });
        };
        match entry.krate.live.current() {
            None => fallback(None, FallbackReason::NoLibrary),
            Some(generation) => {
                let number = generation.number();
                match self.ask(&generation, args.clone()) {
                    Ok(Some(node)) => {
                        let (manifest_dir, node_name) = (entry.manifest_dir, entry.name);
                        notice::send(Notice::Instantiated {
                            manifest_dir,
                            node: node_name,
                            generation: number,
                        });
                        return Instance {
                            node,
                            generation: Some(generation),
                        };
                    }
                    Ok(None) => fallback(Some(number), FallbackReason::NotFound),
                    Err(refusal) => fallback(Some(number), FallbackReason::Refused(refusal)),
                }
            }
        }
        let node = (entry.make)(args).and_then(Node::into_guarded::<I>);
        let node = node.expect("a node fits the stand-in that was compiled with it");
        Instance {
            node,
            generation: None,
        }
    }

    fn ask(&self, generation: &Generation, args: Args) -> Result<Option<Box<I::Guarded>>, Refusal> {
        let newer = generation.krate().node(self.entry.name);
        if let Some(newer) = newer.filter(|newer| !self.entry.layout.agrees_with(newer.layout)) {
            return Err(Refusal::Layout {
                reason: self.entry.layout.difference_to(newer.layout),
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
            Exchange::Response(node) => node.map(Node::into_guarded::<I>).transpose(),
            Exchange::Refused(refusal) => Err(refusal),
            other => Err(Refusal::NotARequest {
                state: other.state(),
            }),
        }
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
        I::debug(self.get::<I>(), f).unwrap_or(Err(fmt::Error))
    }
}

impl<I: Interface + fmt::Display + ?Sized> fmt::Display for StandIn<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        I::display(self.get::<I>(), f).unwrap_or(Err(fmt::Error))
    }
}

impl<N: ?Sized + fmt::Debug> fmt::Debug for Guarded<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        contain_if(self.contains, || self.node().fmt(f)).unwrap_or(Err(fmt::Error))
    }
}

impl<N: ?Sized + fmt::Display> fmt::Display for Guarded<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        contain_if(self.contains, || self.node().fmt(f)).unwrap_or(Err(fmt::Error))
    }
}

/// Unpacks the arguments of a node, for the generated `make` functions.
#[doc(hidden)]
pub fn unpack<A: NodeArg>(args: Args) -> Result<A, Refusal> {
    args.unpack::<A>().map_err(|args| Refusal::Arguments {
        host: args.key().to_string(),
        library: TypeKey::of::<A>().to_string(),
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The content of a mutex that nobody else can lock.
fn unlocked<T>(mutex: &mut Mutex<T>) -> &mut T {
    mutex.get_mut().unwrap_or_else(PoisonError::into_inner)
}
