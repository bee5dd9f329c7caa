//! What a library asks of the program it runs in, as functions of the program.
//!
//! A library has its own copy of every static and thread-local of this crate. Where there must be
//! only one, the copy in the program is it, and libraries reach it through this table.

use crate::boundary::{self, Backtraces, Caught, Companions, Exception, Runtime};
use crate::context::LocalContext;
#[cfg(any(feature = "log", feature = "tracing", feature = "allocator"))]
use crate::forward;
use crate::forward::panic_hook;
use crate::generation::Generation;
use crate::held::Holder;
use crate::node::NodeEntry;
use crate::notice::{self, Notice};
use crate::policy::{self, FunctionPanic, NodeAnswer, NodePanic};
use crate::registry::{HotCrate, Module};
use crate::same_type::{self, CompareTypes};
use crate::trail::{self, Answering};
use std::panic::PanicHookInfo;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, Weak};

/// The functions of the program that libraries call.
#[derive(Debug)]
pub(crate) struct Services {
    /// Delivers a notice.
    pub(crate) notice: fn(&Notice),
    /// What answers in the place of a function that panicked; `None` if the panic goes on.
    pub(crate) function_panicked: fn(&FunctionPanic<'_>) -> Option<Answering>,
    /// What becomes of a node that panicked.
    pub(crate) node_panicked: fn(&NodePanic<'_>) -> NodeAnswer,
    /// Tells of a panic that nobody waits for.
    pub(crate) contained: fn(&'static HotCrate, &'static str, Caught),
    /// Tells of a panic that nothing contained, and that goes on in whoever called.
    pub(crate) going_on: fn(&'static HotCrate, &'static str, Caught),
    /// The generation that is best for making a node; `None` is the code linked into the program.
    pub(crate) maker: fn(&HotCrate, &str) -> Option<Arc<Generation>>,
    /// The generation that is live.
    pub(crate) live: fn(&HotCrate) -> Option<Arc<Generation>>,
    /// A node of a crate as it is linked into the program.
    pub(crate) linked_in_node: fn(&HotCrate, &str) -> Option<&'static NodeEntry>,
    /// Makes the panic runtime of a library known to the program and to all others.
    pub(crate) add_runtime: fn(Runtime),
    /// The panic runtime whose exceptions have this mark.
    pub(crate) runtime: fn(usize) -> Option<Runtime>,
    /// Has a module panic along with a foreign exception that it cleans up for.
    pub(crate) passes: fn(NonNull<Exception>, Companions),
    /// Ends what panics along with an exception.
    pub(crate) is_caught: fn(NonNull<Exception>),
    /// Lets a contained panic go on as one of the program's own.
    pub(crate) resume: fn(Caught) -> !,
    /// How the program makes backtraces, if it does not leave them to std.
    pub(crate) backtraces: fn() -> Option<Backtraces>,
    /// Runs the program's panic hook.
    pub(crate) panic_hook: fn(&PanicHookInfo<'_>),
    /// Makes a context the thread's current one and returns the one before; null means none.
    pub(crate) swap_context: fn(*const LocalContext) -> *const LocalContext,
    /// The thread's current context; null means none.
    pub(crate) context: fn() -> *const LocalContext,
    /// Whether a type of that name is one type in the modules of two places.
    pub(crate) same_type: CompareTypes,
    /// The values that the program holds for hot code.
    pub(crate) holders: fn() -> &'static Mutex<Vec<Weak<Holder>>>,
    /// Changes how many held values this thread has locked, and tells how many these are then.
    pub(crate) count_locked: fn(isize) -> usize,
    /// The context that is current where none was entered.
    pub(crate) root_context: fn() -> &'static LocalContext,
    /// The program's logger.
    #[cfg(feature = "log")]
    pub(crate) logger: &'static forward::log::Logger,
    /// The program's tracing subscribers.
    #[cfg(feature = "tracing")]
    pub(crate) subscribers: &'static forward::tracing::Subscribers,
    /// The program's global allocator.
    #[cfg(feature = "allocator")]
    pub(crate) allocator: &'static forward::allocator::ProgramAllocator,
}

/// The services of the program: this module's own, unless it is a library that was handed others.
#[inline]
pub(crate) fn current() -> &'static Services {
    let handed = HANDED.load(Ordering::Acquire);
    if handed.is_null() {
        return &OWN;
    }
    // SAFETY: the only pointer ever stored is the `&'static Services` given to `hand_over`.
    unsafe { &*handed }
}

/// The services of this module itself, for a program to hand to its libraries.
pub(crate) fn own() -> &'static Services {
    &OWN
}

/// Whether this module is a library that runs in a program.
#[inline]
pub(crate) fn in_library() -> bool {
    !HANDED.load(Ordering::Relaxed).is_null()
}

/// Hands the program's services to this module, a library.
pub(crate) fn hand_over(services: &'static Services) {
    HANDED.store(ptr::from_ref(services).cast_mut(), Ordering::Release);
}

static HANDED: AtomicPtr<Services> = AtomicPtr::new(ptr::null_mut());

static OWN: Services = Services {
    notice: notice::deliver,
    add_runtime: boundary::register,
    runtime: boundary::find,
    passes: boundary::passes,
    is_caught: boundary::is_caught,
    resume: boundary::resume,
    function_panicked: policy::function_panicked,
    node_panicked: policy::node_panicked,
    contained: policy::contained,
    going_on: policy::going_on,
    maker: trail::maker,
    live: trail::live,
    linked_in_node: |krate, name| Module::this().find(krate)?.node(name),
    backtraces: boundary::own_backtraces,
    panic_hook: panic_hook::run,
    swap_context: crate::context::swap_own,
    context: crate::context::own,
    same_type: same_type::compare_own,
    holders: crate::held::own_holders,
    count_locked: crate::held::count_own_locked,
    root_context: crate::context::own_root,
    #[cfg(feature = "log")]
    logger: &forward::log::OWN,
    #[cfg(feature = "tracing")]
    subscribers: &forward::tracing::OWN,
    #[cfg(feature = "allocator")]
    allocator: &forward::allocator::OWN,
};
