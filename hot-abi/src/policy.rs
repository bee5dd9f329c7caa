//! What follows when new code panics: the program decides, on the thread that panicked.
//!
//! A panic that is contained at a crossing of new code is shown to the decider of the program. Without
//! one the call is answered by the last good generation.

use crate::boundary::{self, Caught};
use crate::function::{CodePtr, FunctionEntry};
use crate::generation::Generation;
use crate::held;
use crate::node::NodeEntry;
use crate::notice::{self, Notice};
use crate::registry::HotCrate;
use crate::services;
use crate::trail::{self, Answering};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

pub use crate::trail::last_good;
pub use crate::trial::PROBATION;

/// A panic of new code, as it is shown to the program.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Panicked {
    /// The folder of the crate's Cargo.toml.
    pub manifest_dir: &'static str,
    /// The path of the function, the name of the node, the path of the hook, or the path of the type that
    /// was saved, restored or dropped. `a closure or an object` where new code had handed one out.
    pub item: &'static str,
    /// The generation that panicked.
    pub generation: u32,
    /// Whether it was among the first calls of its generation, which is then to be left as a whole.
    pub in_probation: bool,
    /// Whether the call can be made again: its arguments are references, can be copied, or were cloned before it,
    /// as those are that are [`Repeatable`](crate::Repeatable) while the code is on trial. Where it cannot, as in
    /// a hook or a destructor too, there is nothing for a decider to wait for.
    pub repeatable: bool,
    /// Whether the thread that panicked has a value locked that the program [holds](crate::Held) for its hot
    /// code. As long as it has, no other code can go live: a decider that waits for it waits for ever.
    pub holds_value: bool,
    /// Message, place and backtrace.
    pub caught: Caught,
}

/// What is to follow when new code panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The item goes back to the last good generation, which answers the call. Where the call cannot be
    /// [repeated](Panicked::repeatable), its panic goes on in the caller, and later calls are answered by the
    /// last good generation.
    AnswerFromLastGood,
    /// The call is made again with the code that is live by now: a decider returns this when it has waited,
    /// on the thread that panicked, for a newer generation. Where the call cannot be repeated, its panic
    /// goes on in the caller.
    Retry,
    /// The panic goes on in the caller, as a panic of the program's own, and the item stays as it is.
    GoOn,
}

/// What became of the call whose code panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Aftermath {
    /// This generation answers it, and all calls of the item until newer code is live; 0 is the code linked
    /// into the program.
    AnsweredBy(u32),
    /// It is made again, with this generation.
    MadeAgainWith(u32),
    /// The panic goes on in the caller, for the call cannot be made again; later calls are answered by this
    /// generation.
    NotRepeatable(u32),
    /// The panic goes on in the caller, as the program wants it, or because nothing but the caller can answer: a closure
    /// panicked, or an object, that new code had handed out.
    GoesOn,
    /// Nobody waits for an answer: it was a hook, a destructor, or state that was carried over.
    Contained,
}

impl fmt::Display for Aftermath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answering = |f: &mut fmt::Formatter<'_>, number: u32| match number {
            0 => f.write_str("the code linked into the program"),
            number => write!(f, "generation {number}"),
        };
        match *self {
            Aftermath::AnsweredBy(number) => {
                f.write_str("the call is answered by ")?;
                answering(f, number)
            }
            Aftermath::MadeAgainWith(number) => {
                f.write_str("the call is made again with ")?;
                answering(f, number)
            }
            Aftermath::NotRepeatable(number) => {
                f.write_str("the panic goes on in the caller, for an argument cannot be handed over twice; the next call is answered by ")?;
                answering(f, number)
            }
            Aftermath::GoesOn => f.write_str("the panic goes on in the caller"),
            Aftermath::Contained => f.write_str("it is contained"),
        }
    }
}

/// Lets `decide` say what follows when new code panics, from now on.
///
/// It is called on the thread that panicked, in the middle of the call; it may wait, and it may end the
/// process. A panic of its own counts as [`Verdict::AnswerFromLastGood`].
///
/// # Examples
///
/// ```
/// use hot_abi::policy::{Verdict, set_panic_policy};
///
/// set_panic_policy(|panicked| match panicked.in_probation {
///     true => Verdict::AnswerFromLastGood,
///     false => Verdict::GoOn,
/// });
/// ```
pub fn set_panic_policy(decide: impl Fn(&Panicked) -> Verdict + Send + Sync + 'static) {
    *DECIDER.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(decide));
}

/// Asks the program's decider.
fn verdict(panicked: &Panicked) -> Verdict {
    let decider = DECIDER
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let Some(decider) = decider else {
        return Verdict::AnswerFromLastGood;
    };
    boundary::contain(|| decider(panicked)).unwrap_or(Verdict::AnswerFromLastGood)
}

/// What a caller of a function that panicked tells the program.
pub(crate) struct FunctionPanic<'a> {
    pub(crate) caller: &'static FunctionEntry,
    /// The code that was called.
    pub(crate) code: CodePtr,
    pub(crate) repeatable: bool,
    pub(crate) caught: &'a Caught,
}

/// In the program: what answers in the place of a function that panicked; `None` if the panic goes on.
pub(crate) fn function_panicked(panic: &FunctionPanic<'_>) -> Option<Answering> {
    let FunctionPanic { caller, code, .. } = *panic;
    let krate = caller.krate;
    // The code linked into the program is answered for by nobody: its panics are the program's own.
    let generation = trail::by_code(krate, caller.path, code)?;
    let panicked = describe(
        krate,
        caller.path,
        Some(&generation),
        panic.repeatable,
        panic.caught,
    );
    let verdict = judge(&generation, &panicked);
    let answering = match verdict {
        Verdict::GoOn => None,
        Verdict::Retry => trail::answering_live(caller, krate),
        Verdict::AnswerFromLastGood => {
            generation
                .trial
                .note_panic(caller.path, &panic.caught.message);
            let answering = trail::answering(caller, krate);
            if let Some(answering) = &answering {
                trail::point_back(krate, caller.path, code, answering);
            }
            answering
        }
    };
    let number = answering.as_ref().map(Answering::number);
    tell(panicked, aftermath(verdict, number, panic.repeatable));
    answering.filter(|_| panic.repeatable)
}

/// What the stand-in for a node that panicked tells the program.
pub(crate) struct NodePanic<'a> {
    pub(crate) node: &'static NodeEntry,
    pub(crate) generation: &'a Arc<Generation>,
    pub(crate) repeatable: bool,
    /// Whether the instance is to be kept, whatever happens.
    pub(crate) kept: bool,
    pub(crate) caught: &'a Caught,
}

/// What becomes of a node that panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeAnswer {
    /// It is made anew, and called again.
    MadeAnew,
    /// It is made anew for later calls, and the panic goes on.
    MadeAnewForLater,
    /// It stays, and the panic goes on.
    Stays,
}

/// In the program: what becomes of a node whose operation or whose function panicked.
pub(crate) fn node_panicked(panic: &NodePanic<'_>) -> NodeAnswer {
    let NodePanic {
        node, generation, ..
    } = *panic;
    let repeatable = panic.repeatable && !panic.kept;
    let panicked = describe(
        node.krate,
        node.name,
        Some(generation),
        repeatable,
        panic.caught,
    );
    let verdict = judge(generation, &panicked);
    let answering = match verdict {
        Verdict::GoOn => None,
        Verdict::Retry => Some(trail::number(trail::live(node.krate).as_ref())),
        Verdict::AnswerFromLastGood => {
            generation
                .trial
                .note_panic(node.name, &panic.caught.message);
            Some(trail::number(trail::maker(node.krate, node.name).as_ref()))
        }
    };
    let answering = answering.filter(|_| !panic.kept);
    tell(panicked, aftermath(verdict, answering, repeatable));
    match (answering, repeatable) {
        (None, _) => NodeAnswer::Stays,
        (Some(_), true) => NodeAnswer::MadeAnew,
        (Some(_), false) => NodeAnswer::MadeAnewForLater,
    }
}

/// Tells of a panic that nobody waits for: that of a hook, of a destructor, of state that is carried over.
///
/// `krate` is the registration in the module whose code panicked.
pub(crate) fn tell_contained(krate: &'static HotCrate, item: &'static str, caught: Caught) {
    (services::current().contained)(krate, item, caught);
}

/// Tells of a panic that nothing contained: of what new code handed out, which others called.
///
/// `krate` is as for [`tell_contained`].
pub(crate) fn tell_going_on(krate: &'static HotCrate, item: &'static str, caught: Caught) {
    (services::current().going_on)(krate, item, caught);
}

/// In the program: what [`tell_contained`] calls.
pub(crate) fn contained(krate: &'static HotCrate, item: &'static str, caught: Caught) {
    unanswered(krate, item, caught, Aftermath::Contained);
}

/// In the program: what [`tell_going_on`] calls.
pub(crate) fn going_on(krate: &'static HotCrate, item: &'static str, caught: Caught) {
    unanswered(krate, item, caught, Aftermath::GoesOn);
}

fn unanswered(krate: &'static HotCrate, item: &'static str, caught: Caught, aftermath: Aftermath) {
    let generation = trail::by_registration(krate);
    let panicked = describe(krate, item, generation.as_ref(), false, &caught);
    if let Some(generation) = &generation {
        // There is no call to answer, and so nothing to decide but whether the program goes on at all.
        judge(generation, &panicked);
    }
    tell(panicked, aftermath);
}

fn describe(
    krate: &'static HotCrate,
    item: &'static str,
    generation: Option<&Arc<Generation>>,
    repeatable: bool,
    caught: &Caught,
) -> Panicked {
    Panicked {
        manifest_dir: krate.manifest_dir,
        item,
        generation: trail::number(generation),
        in_probation: generation.is_some_and(|generation| generation.is_in_probation()),
        repeatable,
        holds_value: held::count_own_locked(0) > 0,
        caught: caught.clone(),
    }
}

/// Holds a panic against its generation, and asks the program's decider.
fn judge(generation: &Generation, panicked: &Panicked) -> Verdict {
    if panicked.in_probation {
        generation.trial.fail();
    }
    verdict(panicked)
}

fn aftermath(verdict: Verdict, answering: Option<u32>, repeatable: bool) -> Aftermath {
    match (verdict, answering, repeatable) {
        (Verdict::GoOn, ..) | (_, None, _) => Aftermath::GoesOn,
        (_, Some(number), false) => Aftermath::NotRepeatable(number),
        (Verdict::AnswerFromLastGood, Some(number), true) => Aftermath::AnsweredBy(number),
        (Verdict::Retry, Some(number), true) => Aftermath::MadeAgainWith(number),
    }
}

fn tell(panicked: Panicked, aftermath: Aftermath) {
    notice::send(Notice::Panicked {
        panicked,
        aftermath,
    });
}

type Decider = dyn Fn(&Panicked) -> Verdict + Send + Sync;

static DECIDER: RwLock<Option<Arc<Decider>>> = RwLock::new(None);
