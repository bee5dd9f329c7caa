//! Nodes: long-lived things that a reload makes again, and the stand-ins that the host holds in their
//! place.
//!
//! [`#[hot_trait]`](crate::hot_trait) writes, for a trait `Panel`, a second trait with the same methods
//! whose results are `Result<R, Box<Caught>>`. A [`Guarded`] node implements it, compiled into the
//! library that made the node, so its panics end there; and a [`StandIn`] implements `Panel` by calling
//! it, so the host cannot tell the stand-in from the node.

mod stand_in;

pub use stand_in::{StandIn, Taken};

use crate::args::{Args, NodeArg, TypeKey};
use crate::boundary::{self, Caught};
use crate::exchange::Refusal;
use crate::layout::LayoutMark;
use crate::policy;
use crate::registry::HotCrate;
use crate::services;
use crate::state::{HotState, SavedState};
use crate::supertraits::{view, view_mut};
use std::any::type_name;
use std::fmt;
use std::mem::ManuallyDrop;
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
    made_by: &'static NodeEntry,
}

enum Held<N: ?Sized> {
    Owned(Box<N>),
    Shared(Arc<N>),
}

#[doc(hidden)]
impl<N: ?Sized> Guarded<N> {
    pub fn owned(node: Box<N>, made_by: &'static NodeEntry) -> Self {
        Guarded {
            held: ManuallyDrop::new(Held::Owned(node)),
            contains: services::in_library(),
            made_by,
        }
    }

    pub fn shared(node: Arc<N>, made_by: &'static NodeEntry) -> Self {
        Guarded {
            held: ManuallyDrop::new(Held::Shared(node)),
            contains: services::in_library(),
            made_by,
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

    /// Tells of a panic that has nobody to answer to.
    fn tell(&self, caught: Caught) {
        policy::tell_contained(self.made_by.krate, self.made_by.name, caught);
    }

    /// # Panics
    ///
    /// If the node is shared, and the code that made it kept a handle of its own: then a `&mut` to the stand-in, as
    /// `Arc::get_mut` gives one, is none to the node.
    #[inline]
    pub fn node_mut(&mut self) -> &mut N {
        match &mut *self.held {
            Held::Owned(node) => node,
            Held::Shared(node) => Arc::get_mut(node).expect(
                "a shared node is called by `&mut self`, and the code that made it keeps a handle of it",
            ),
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
            self.tell(*caught);
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

impl<N: ?Sized + fmt::Debug> fmt::Debug for Guarded<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        contain_if(self.contains, || self.node().fmt(f)).unwrap_or_else(|caught| {
            self.tell(*caught);
            Err(fmt::Error)
        })
    }
}

impl<N: ?Sized + fmt::Display> fmt::Display for Guarded<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        contain_if(self.contains, || self.node().fmt(f)).unwrap_or_else(|caught| {
            self.tell(*caught);
            Err(fmt::Error)
        })
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
