//! What a program sees when a newer generation goes live: one that this test puts together from the
//! functions and nodes of its own module `newer`, as if a library held them under the names of the
//! older ones.

#![cfg(feature = "reload")]

use hot_abi::entry::{self, EntryFn, InitRequest};
use hot_abi::exchange::{Exchange, Refusal};
use hot_abi::function::FunctionEntry;
use hot_abi::generation::{self, Applied, Generation, Live};
use hot_abi::held::{Held, WhenBusy};
use hot_abi::hook::HookEntry;
use hot_abi::node::NodeEntry;
use hot_abi::notice::{self, FallbackReason, Notice};
use hot_abi::policy::{self, Aftermath, PROBATION, Verdict, set_panic_policy};
use hot_abi::registry::{HotCrate, Module};
use hot_abi::statics::StaticPatch;
use hot_abi::{Child, HotState, LocalContext, SavedState, context_local, hot_entry, hot_trait};
use std::any::{Any, type_name};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, LazyLock, Mutex, MutexGuard, PoisonError, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

hot_entry!();

context_local! {
    static USER: &'static str = "nobody";
}

/// What the functions work on.
#[derive(Default)]
pub struct World {
    log: Vec<String>,
}

/// What the program holds for its hot code.
#[derive(Default, HotState)]
#[hot(held)]
struct Note {}

/// A node's interface.
#[hot_trait]
trait Panel: Send {
    fn draw(&mut self, text: &mut String);
    fn title(&self) -> &str;
    fn close(self: Box<Self>) -> String;
}

/// An interface that is built on another.
#[hot_trait]
trait Window: Panel {
    fn panels(&self) -> usize;
}

/// An interface whose nodes keep something.
#[hot_trait]
trait Counter: HotState {
    fn count(&mut self) -> String;
    fn look(&self) -> String;
    fn count_with(&mut self, add: Box<dyn FnOnce() -> u32>) -> String;
}

/// A shared node's interface.
#[hot_trait]
trait Label: Send + Sync {
    fn text(&self) -> &str;
}

/// The code that is linked into the program.
mod older {
    use super::{Child, Counter, HotState, Label, Panel, SavedState, Window, World};
    use hot_abi::{hot_fn, hot_leave, hot_node};
    use std::future;
    use std::sync::Arc;

    #[hot_fn]
    pub(super) fn step(world: &mut World, by: u32) -> usize {
        world.log.push(format!("older {by}"));
        world.log.len()
    }

    #[hot_fn]
    pub(super) fn longest<'a>(left: &'a str, _right: &'a str) -> &'a str {
        left
    }

    #[hot_fn]
    pub(super) fn count(by: u32) -> u32 {
        if by == 0 { 0 } else { 1 + count(by - 1) }
    }

    const SIZE: usize = 4;

    #[hot_fn]
    pub(super) fn resized(buffer: &mut [u8; SIZE]) -> usize {
        buffer.len()
    }

    #[hot_fn]
    pub(super) fn retyped(value: u32) -> u32 {
        value
    }

    #[hot_fn]
    pub(super) fn removed() -> &'static str {
        "older"
    }

    #[hot_fn]
    pub(super) fn fails(world: &mut World) {
        world.log.push("fine".to_owned());
    }

    #[hot_fn]
    pub(super) async fn wait(world: &mut World, turns: &u32) -> String {
        for turn in 0..*turns {
            world.log.push(format!("older {turn}"));
            yield_once().await;
        }
        "older".to_owned()
    }

    #[hot_fn]
    pub(super) async fn fails_later() -> &'static str {
        yield_once().await;
        "older"
    }

    #[hot_fn]
    pub(super) fn takes(text: String, _fails: bool) -> String {
        format!("older {text}")
    }

    #[hot_fn]
    pub(super) fn calls(back: Box<dyn FnOnce() -> u32>) -> u32 {
        back()
    }

    #[hot_fn]
    pub(super) fn cancels() {}

    #[hot_fn]
    pub(super) fn fails_everywhere() {
        panic!("older");
    }

    #[hot_fn]
    pub(super) fn title<'w>(world: &'w mut World, or: &'w str) -> &'w str {
        world.log.last().map_or(or, String::as_str)
    }

    #[hot_fn]
    impl World {
        pub(super) fn last(&mut self, or: &str) -> String {
            let last = self.log.pop();
            format!("older {}", last.unwrap_or_else(|| or.to_owned()))
        }
    }

    /// Pending once.
    pub(super) fn yield_once() -> impl Future<Output = ()> {
        let mut polled = false;
        future::poll_fn(move |_| match std::mem::replace(&mut polled, true) {
            false => std::task::Poll::Pending,
            true => std::task::Poll::Ready(()),
        })
    }

    pub(super) struct Frame {
        pub(super) generation: &'static str,
        pub(super) title: String,
        pub(super) child: Option<Child<dyn Panel>>,
        pub(super) drawn: u32,
    }

    impl Panel for Frame {
        fn draw(&mut self, text: &mut String) {
            self.drawn += 1;
            text.push_str(&format!(
                "{}:{}:{}",
                self.generation, self.title, self.drawn
            ));
            if let Some(child) = &self.child {
                text.push('[');
                child.lock().draw(text);
                text.push(']');
            }
        }

        fn title(&self) -> &str {
            &self.title
        }

        fn close(self: Box<Self>) -> String {
            format!("closed {} {}", self.generation, self.title)
        }
    }

    impl Window for Frame {
        fn panels(&self) -> usize {
            usize::from(self.child.is_some())
        }
    }

    impl Label for String {
        fn text(&self) -> &str {
            self
        }
    }

    #[hot_node("frame")]
    pub(super) fn frame(
        title: impl Into<String>,
        child: Option<Child<dyn Panel>>,
    ) -> Box<dyn Window> {
        Box::new(Frame {
            generation: "older",
            title: title.into(),
            child,
            drawn: 0,
        })
    }

    #[hot_node("leaf")]
    pub(super) fn leaf(title: String) -> Box<dyn Panel> {
        Box::new(Frame {
            generation: "older leaf",
            title,
            child: None,
            drawn: 0,
        })
    }

    #[hot_node("label")]
    pub(super) fn label(text: &'static str) -> Arc<dyn Label> {
        Arc::new(format!("older {text}"))
    }

    #[hot_node("calls itself")]
    pub(super) fn calls_itself() -> Arc<dyn Label> {
        Arc::new("older".to_owned())
    }

    #[hot_node("left")]
    pub(super) fn left() -> Arc<dyn Label> {
        Arc::new("older left".to_owned())
    }

    #[hot_node("right")]
    pub(super) fn right() -> Arc<dyn Label> {
        Arc::new("older right".to_owned())
    }

    /// Who counts, and how far; the newest panics at the number 3.
    pub(super) struct Counted(pub(super) &'static str, pub(super) u32);

    impl HotState for Counted {
        fn hand_over(&mut self, state: &mut SavedState) {
            state.hand_over("count", self.1);
        }

        fn restore(&mut self, state: &mut SavedState) {
            self.1 = state.take("count").unwrap_or(self.1);
        }
    }

    impl Counter for Counted {
        fn count(&mut self) -> String {
            self.1 += 1;
            assert!((self.0, self.1) != ("newest", 3), "cannot count to 3");
            self.look()
        }

        fn look(&self) -> String {
            format!("{} {}", self.0, self.1)
        }

        fn count_with(&mut self, add: Box<dyn FnOnce() -> u32>) -> String {
            self.1 += add() - 1;
            self.count()
        }
    }

    #[hot_node("saved", save)]
    pub(super) fn saved() -> Box<dyn Counter> {
        Box::new(Counted("older", 0))
    }

    #[hot_node("kept", keep)]
    pub(super) fn kept() -> Box<dyn Counter> {
        Box::new(Counted("older", 0))
    }

    #[hot_node("made once")]
    pub(super) fn made_once() -> Box<dyn Counter> {
        let fails = super::MADE_ONCE_FAILS.load(std::sync::atomic::Ordering::Relaxed);
        assert!(!fails, "made once");
        Box::new(Counted("older", 0))
    }

    #[hot_leave]
    fn leave() {
        super::HOOKS.lock().unwrap().push("leave older");
    }

    #[hot_node("other arguments")]
    pub(super) fn other_arguments(_: u32) -> Box<dyn Panel> {
        leaf("other arguments".to_owned())
    }

    #[hot_node("other interface")]
    pub(super) fn other_interface() -> Box<dyn Panel> {
        leaf("other interface".to_owned())
    }

    #[hot_node("panics")]
    pub(super) fn panics() -> Box<dyn Panel> {
        leaf("panics".to_owned())
    }

    #[hot_node("stumbles")]
    pub(super) fn stumbles() -> Box<dyn Panel> {
        leaf("stumbles".to_owned())
    }

    #[hot_node("gone")]
    pub(super) fn gone() -> Box<dyn Panel> {
        leaf("gone".to_owned())
    }

    #[hot_node("user")]
    pub(super) fn user() -> Box<dyn Panel> {
        leaf(format!("older {}", super::USER.get()))
    }
}

/// The code that takes its place.
mod newer {
    use super::older::{Counted, Frame, yield_once};
    use super::{Child, Counter, Label, Panel, Window, World};
    use hot_abi::{hot_enter, hot_fn, hot_node};
    use std::panic;
    use std::sync::Arc;

    #[hot_fn]
    pub(super) fn step(world: &mut World, by: u32) -> usize {
        world.log.push(format!("newer {by}"));
        100 + world.log.len()
    }

    #[hot_fn]
    pub(super) fn longest<'a>(_left: &'a str, right: &'a str) -> &'a str {
        right
    }

    #[hot_fn]
    pub(super) fn count(by: u32) -> u32 {
        if by == 0 {
            0
        } else {
            10 + super::older::count(by - 1)
        }
    }

    const SIZE: usize = 8;

    #[hot_fn]
    pub(super) fn resized(buffer: &mut [u8; SIZE]) -> usize {
        buffer.len()
    }

    #[hot_fn]
    pub(super) fn retyped(value: u64) -> u64 {
        value + 1
    }

    #[hot_fn]
    pub(super) fn fails(world: &mut World) {
        world.log.push("before".to_owned());
        panic!("no {}", "good");
    }

    #[hot_fn]
    pub(super) async fn wait(world: &mut World, turns: &u32) -> String {
        for turn in 0..*turns {
            world.log.push(format!("newer {turn}"));
            yield_once().await;
        }
        "newer".to_owned()
    }

    #[hot_fn]
    pub(super) async fn fails_later() -> &'static str {
        yield_once().await;
        panic!("later");
    }

    #[hot_fn]
    pub(super) fn takes(text: String, fails: bool) -> String {
        assert!(!fails, "cannot take {text}");
        format!("newer {text}")
    }

    #[hot_fn]
    pub(super) fn calls(back: Box<dyn FnOnce() -> u32>) -> u32 {
        panic!("not called: {}", back())
    }

    #[hot_fn]
    pub(super) fn cancels() {
        panic::resume_unwind(Box::new(super::Cancelled))
    }

    #[hot_fn]
    pub(super) fn fails_everywhere() {
        panic::panic_any(super::Cancelled)
    }

    #[hot_fn]
    pub(super) fn title<'w>(world: &'w mut World, _or: &'w str) -> &'w str {
        world.log.push("newer".to_owned());
        panic!("no title")
    }

    #[hot_fn]
    impl World {
        pub(super) fn last_newer(&mut self, or: &str) -> String {
            let last = self.log.pop();
            format!("newer {}", last.unwrap_or_else(|| or.to_owned()))
        }
    }

    #[hot_node("newer frame")]
    pub(super) fn frame(
        title: impl Into<String>,
        child: Option<Child<dyn Panel>>,
    ) -> Box<dyn Window> {
        Box::new(Frame {
            generation: "newer",
            title: title.into(),
            child,
            drawn: 10,
        })
    }

    #[hot_node("newer leaf")]
    pub(super) fn leaf(title: String) -> Box<dyn Panel> {
        Box::new(Frame {
            generation: "newer leaf",
            title,
            child: None,
            drawn: 10,
        })
    }

    #[hot_node("newer label")]
    pub(super) fn label(text: &'static str) -> Arc<dyn Label> {
        Arc::new(format!("newer {text}"))
    }

    #[hot_node("newer calls itself")]
    pub(super) fn calls_itself() -> Arc<dyn Label> {
        let itself = super::ITSELF.lock().unwrap().clone();
        let says = itself.map(|itself| itself.text().to_owned());
        Arc::new(format!("newer, where {says:?} was"))
    }

    #[hot_node("newer left")]
    pub(super) fn left() -> Arc<dyn Label> {
        super::BOTH_ARE_MADE.wait();
        let right = super::RIGHT.lock().unwrap().clone().unwrap();
        Arc::new(format!("newer left of {}", right.text()))
    }

    #[hot_node("newer right")]
    pub(super) fn right() -> Arc<dyn Label> {
        super::BOTH_ARE_MADE.wait();
        let left = super::LEFT.lock().unwrap().clone().unwrap();
        Arc::new(format!("newer right of {}", left.text()))
    }

    #[hot_node("newer saved", save)]
    pub(super) fn saved() -> Box<dyn Counter> {
        Box::new(Counted("newer", 0))
    }

    #[hot_node("newer kept", keep)]
    pub(super) fn kept() -> Box<dyn Counter> {
        Box::new(Counted("newer", 0))
    }

    #[hot_enter]
    fn enter() {
        super::HOOKS.lock().unwrap().push("enter newer");
    }

    #[hot_node("newer other arguments")]
    pub(super) fn other_arguments(_: u64) -> Box<dyn Panel> {
        leaf("other arguments".to_owned())
    }

    #[hot_node("newer other interface")]
    pub(super) fn other_interface() -> Box<dyn Window> {
        frame("other interface", None)
    }

    #[hot_node("newer panics")]
    pub(super) fn panics() -> Box<dyn Panel> {
        panic!("not made")
    }

    /// Panics wherever it can.
    struct Stumbling;

    impl Panel for Stumbling {
        fn draw(&mut self, _: &mut String) {
            panic!("in draw");
        }

        fn title(&self) -> &str {
            panic!("in title")
        }

        fn close(self: Box<Self>) -> String {
            std::mem::forget(self);
            panic!("in close")
        }
    }

    impl Drop for Stumbling {
        fn drop(&mut self) {
            panic!("in drop");
        }
    }

    #[hot_node("newer stumbles")]
    pub(super) fn stumbles() -> Box<dyn Panel> {
        Box::new(Stumbling)
    }

    #[hot_node("newer user")]
    pub(super) fn user() -> Box<dyn Panel> {
        leaf(format!("newer {}", super::USER.get()))
    }
}

/// The code that takes its place again, and that has not all of it.
mod newest {
    use super::older::{Counted, Frame, yield_once};
    use super::{Bomb, Child, Counter, ENTERING_PANICS, Label, Panel, Window, World};
    use hot_abi::{hot_enter, hot_fn, hot_node};
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    #[hot_fn]
    pub(super) fn step(world: &mut World, by: u32) -> usize {
        assert!(by != 13, "unlucky");
        world.log.push(format!("newest {by}"));
        200 + world.log.len()
    }

    #[hot_fn]
    pub(super) fn fails_everywhere() {
        panic!("newest");
    }

    #[hot_fn]
    pub(super) async fn fails_later() -> &'static str {
        let _bomb = Bomb;
        yield_once().await;
        "newest"
    }

    #[hot_node("newest frame")]
    pub(super) fn frame(
        title: impl Into<String>,
        child: Option<Child<dyn Panel>>,
    ) -> Box<dyn Window> {
        let title = title.into();
        assert!(title != "bad", "a bad title");
        Box::new(Frame {
            generation: "newest",
            title,
            child,
            drawn: 20,
        })
    }

    /// Cannot say what it is.
    struct Mute;

    impl Label for Mute {
        fn text(&self) -> &str {
            panic!("mute")
        }
    }

    #[hot_node("newest calls itself")]
    pub(super) fn calls_itself() -> Arc<dyn Label> {
        Arc::new(Mute)
    }

    #[hot_node("newest saved", save)]
    pub(super) fn saved() -> Box<dyn Counter> {
        Box::new(Counted("newest", 0))
    }

    #[hot_node("newest kept", keep)]
    pub(super) fn kept() -> Box<dyn Counter> {
        Box::new(Counted("newest", 0))
    }

    #[hot_node("newest made once")]
    pub(super) fn made_once() -> Box<dyn Counter> {
        Box::new(Counted("newest", 2))
    }

    #[hot_enter]
    fn enter() {
        assert!(!ENTERING_PANICS.load(Ordering::Relaxed), "cannot enter");
    }
}

/// Whether the newest code panics when it is entered.
static ENTERING_PANICS: AtomicBool = AtomicBool::new(false);

/// Whether the linked in code fails to make a node.
static MADE_ONCE_FAILS: AtomicBool = AtomicBool::new(false);

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

/// What unwinding may carry that is no text.
struct Cancelled;

/// A node whose newer constructor calls it.
static ITSELF: Mutex<Option<Arc<dyn Label>>> = Mutex::new(None);

/// Nodes whose newer constructors call each other, each while the other one is made, too.
static LEFT: Mutex<Option<Arc<dyn Label>>> = Mutex::new(None);
static RIGHT: Mutex<Option<Arc<dyn Label>>> = Mutex::new(None);
static BOTH_ARE_MADE: Barrier = Barrier::new(2);

/// What the hooks noted.
static HOOKS: Mutex<Vec<&str>> = Mutex::new(Vec::new());

/// What hot-abi had to tell.
static NOTICES: Mutex<Vec<Notice>> = Mutex::new(Vec::new());

/// Everything of this file, as the linker gathered it.
fn linked_in() -> &'static HotCrate {
    let [krate] = Module::this().crates else {
        panic!("this test is one hot crate");
    };
    krate
}

/// The crate as the libraries hold it.
static NEWER: LazyLock<HotCrate> = LazyLock::new(|| HotCrate {
    nodes: || &NEWER_ITEMS.nodes,
    functions: || &NEWER_ITEMS.functions,
    hooks: || &NEWER_ITEMS.hooks,
    ..like_program()
});
static NEWEST: LazyLock<HotCrate> = LazyLock::new(|| HotCrate {
    nodes: || &NEWEST_ITEMS.nodes,
    functions: || &NEWEST_ITEMS.functions,
    hooks: || &NEWEST_ITEMS.hooks,
    ..like_program()
});

/// A library with the code that is linked into the program, all of it.
static SAME: LazyLock<HotCrate> = LazyLock::new(|| HotCrate {
    nodes: || &SAME_ITEMS.nodes,
    functions: || &SAME_ITEMS.functions,
    hooks: || &SAME_ITEMS.hooks,
    ..like_program()
});

static SAME_ITEMS: LazyLock<Items> = LazyLock::new(|| Items::of("older", &SAME));
static NEWER_ITEMS: LazyLock<Items> = LazyLock::new(|| Items::of("newer", &NEWER));
static NEWEST_ITEMS: LazyLock<Items> = LazyLock::new(|| Items::of("newest", &NEWEST));

fn like_program() -> HotCrate {
    let program = linked_in();
    HotCrate {
        held: || &[],
        live: Live::new(),
        ..*program
    }
}

/// What a library registers: the items of one module of this file, under the names of the older ones.
struct Items {
    nodes: Vec<NodeEntry>,
    functions: Vec<FunctionEntry>,
    hooks: Vec<HookEntry>,
}

impl Items {
    fn of(name: &str, krate: &'static HotCrate) -> Items {
        let module = format!("::{name}::");
        let functions = (linked_in().functions)().iter();
        let functions = functions.filter(|function| function.path.contains(&module));
        let older = |path: &str| path.replace(&module, "::older::").replace("_newer", "");
        let nodes = (linked_in().nodes)().iter();
        let prefix = format!("{name} ");
        let nodes = nodes.filter_map(|node| Some((node.name.strip_prefix(&prefix)?, node)));
        let hooks = (linked_in().hooks)().iter();
        let hooks = hooks.filter(|hook| hook.path.contains(&module));
        Items {
            nodes: nodes
                .map(|(name, node)| NodeEntry {
                    name,
                    krate,
                    ..*node
                })
                .collect(),
            functions: functions
                .map(|function| FunctionEntry {
                    path: leaked(older(function.path)),
                    krate,
                    ..*function
                })
                .collect(),
            hooks: hooks.map(|hook| HookEntry { ..*hook }).collect(),
        }
    }
}

fn leaked(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

#[allow(improper_ctypes_definitions, reason = "both sides are this program")]
extern "C" fn newer_entry(
    manifest_dir: &str,
    node_name: &str,
    context: &mut LocalContext,
    exchange: &mut Exchange,
) {
    entry::entry(&NEWER, manifest_dir, node_name, context, exchange);
}

#[allow(improper_ctypes_definitions, reason = "both sides are this program")]
extern "C" fn newest_entry(
    manifest_dir: &str,
    node_name: &str,
    context: &mut LocalContext,
    exchange: &mut Exchange,
) {
    entry::entry(&NEWEST, manifest_dir, node_name, context, exchange);
}

/// One test at a time has the program to itself, and leaves it as it was.
struct Program {
    newer: Arc<Generation>,
    newest: Arc<Generation>,
    _alone: MutexGuard<'static, ()>,
}

impl Program {
    fn alone() -> Program {
        static ALONE: Mutex<()> = Mutex::new(());
        // Whoever loads a library begins with this; among other things it learns of panics.
        static SETTLED: LazyLock<StaticPatch> = LazyLock::new(StaticPatch::capture);
        InitRequest::new(&SETTLED);
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        notice::set_sink(|notice| NOTICES.lock().unwrap().push(notice.clone()));
        set_panic_policy(|_| Verdict::AnswerFromLastGood);
        NOTICES.lock().unwrap().clear();
        HOOKS.lock().unwrap().clear();
        Program {
            newer: generation(1, &NEWER, newer_entry),
            newest: generation(2, &NEWEST, newest_entry),
            _alone: alone,
        }
    }

    fn make_newer_live(&self) -> Applied {
        make_live(&self.newer)
    }

    fn make_newest_live(&self) -> Applied {
        make_live(&self.newest)
    }

    fn revert(&self) {
        revert();
    }

    /// What was told since the last call.
    fn notices(&self) -> Vec<Notice> {
        std::mem::take(&mut *NOTICES.lock().unwrap())
    }

    /// The panics that were told since the last call: item, message, generation, aftermath.
    fn panics(&self) -> Vec<(&'static str, String, u32, Aftermath)> {
        let panics = self
            .notices()
            .into_iter()
            .filter_map(|notice| match notice {
                Notice::Panicked {
                    panicked,
                    aftermath,
                } => Some((
                    panicked.item,
                    panicked.caught.message,
                    panicked.generation,
                    aftermath,
                )),
                _ => None,
            });
        panics.collect()
    }
}

fn generation(number: u32, krate: &'static HotCrate, entry: EntryFn) -> Arc<Generation> {
    let module = Module {
        crates: Box::leak(Box::new([krate])),
    };
    let library: Arc<()> = Arc::new(());
    // SAFETY: the library is this program itself, whose code stays where it is.
    let generation = unsafe { Generation::new(number, linked_in(), entry, module, library) };
    Arc::new(generation.expect("the library holds the crate"))
}

fn modules() -> [Module; 3] {
    let [newer, newest] = [&*NEWER, &*NEWEST].map(|krate| Module {
        crates: Box::leak(Box::new([krate])),
    });
    [Module::this(), newer, newest]
}

fn make_live(generation: &Arc<Generation>) -> Applied {
    generation::make_live(generation, &modules(), WhenBusy::GiveUp).unwrap()
}

fn revert() {
    generation::revert_to_linked_in(linked_in(), &modules(), WhenBusy::GiveUp).unwrap();
}

/// The payload of the panic of `f`.
fn payload_of<R>(f: impl FnOnce() -> R) -> Box<dyn Any + Send> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("it did not panic"),
        Err(payload) => payload,
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.revert();
    }
}

fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn run<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = poll(future.as_mut()) {
            return value;
        }
    }
}

#[test]
fn every_call_runs_the_newest_code() {
    let program = Program::alone();
    let mut world = World::default();
    assert_eq!(older::step(&mut world, 1), 1);

    let applied = program.make_newer_live();
    assert_eq!(older::step(&mut world, 2), 102);
    assert_eq!(older::longest("left", "right"), "right");
    assert_eq!(world.last("none"), "newer newer 2");
    // Each call inside the newer code is a call of the newest code as well.
    assert_eq!(older::count(2), 20);
    assert!(applied.functions.contains(&"reload::older::step"));
    assert!(applied.functions.contains(&"reload::older::World::last"));

    program.revert();
    assert_eq!(older::step(&mut world, 3), 2);
    assert_eq!(older::longest("left", "right"), "left");
    assert_eq!(older::count(2), 2);
    assert_eq!(world.last("none"), "older older 3");
    assert_eq!(world.log, ["older 1"]);
}

#[test]
fn a_function_that_changed_its_signature_or_is_gone_stays_as_it_was() {
    let program = Program::alone();
    let applied = program.make_newer_live();
    assert_eq!(older::retyped(1), 1);
    assert_eq!(older::removed(), "older");
    assert_eq!(older::resized(&mut [0; 4]), 4);
    let told: Vec<_> = applied
        .signatures_changed
        .iter()
        .map(ToString::to_string)
        .collect();
    let callers_stay = "its callers stay with the code they have until the program is restarted";
    // std's names for the two differ from version to version.
    let four = type_name::<fn(&mut [u8; 4]) -> usize>();
    let eight = type_name::<fn(&mut [u8; 8]) -> usize>();
    assert_eq!(
        told,
        [
            format!(
                "`reload::older::resized` changed the types in its signature, which is written as before, \
                 `fn(&mut [u8; SIZE]) -> usize`, from `{four}` to `{eight}`: {callers_stay}"
            ),
            format!(
                "`reload::older::retyped` changed its signature from `fn(u32) -> u32` to `fn(u64) -> u64`: {callers_stay}"
            ),
        ]
    );
    assert!(
        applied
            .functions_removed
            .contains(&"reload::older::removed")
    );
}

#[allow(improper_ctypes_definitions, reason = "both sides are this program")]
extern "C" fn same_entry(
    manifest_dir: &str,
    node_name: &str,
    context: &mut LocalContext,
    exchange: &mut Exchange,
) {
    entry::entry(&SAME, manifest_dir, node_name, context, exchange);
}

/// Whether callers of `retyped` in the program run the code of a library.
fn retyped_is_a_librarys() -> bool {
    let entry = linked_in().function("reload::older::retyped").unwrap();
    !entry.slot.begin(entry).code.0.is_null()
}

#[test]
fn code_that_callers_stay_with_stays_mapped() {
    let program = Program::alone();
    let same = generation(3, &SAME, same_entry);
    make_live(&same);
    assert!(retyped_is_a_librarys());
    // Its signature is another one there.
    program.make_newer_live();
    let mapped = Arc::downgrade(&same);
    drop(same);
    assert!(retyped_is_a_librarys() && mapped.upgrade().is_some());
    assert_eq!(older::retyped(1), 1);
    // As long as it is needed.
    program.revert();
    assert!(!retyped_is_a_librarys() && mapped.upgrade().is_none());
}

#[test]
fn nobody_stays_with_code_that_is_left_because_it_panicked() {
    let program = Program::alone();
    program.make_newer_live();
    let same = generation(3, &SAME, same_entry);
    make_live(&same);
    set_panic_policy(|_| Verdict::GoOn);
    payload_of(older::fails_everywhere);
    assert!(same.has_failed() && retyped_is_a_librarys());
    // What it goes back to has another signature.
    program.make_newer_live();
    assert!(!retyped_is_a_librarys());
    assert_eq!(older::retyped(1), 1);
}

#[test]
fn a_call_that_panics_is_answered_by_the_last_good_code() {
    let program = Program::alone();
    program.make_newer_live();
    let mut world = World::default();
    older::fails(&mut world);
    assert_eq!(world.log, ["before", "fine"]);
    assert_eq!(older::title(&mut world, "or"), "newer");
    assert_eq!(run(older::fails_later()), "older");
    assert_eq!(older::takes("text".to_owned(), true), "older text");
    let answered = |item, message: &str| (item, message.to_owned(), 1, Aftermath::AnsweredBy(0));
    assert_eq!(
        program.panics(),
        [
            answered("reload::older::fails", "no good"),
            answered("reload::older::title", "no title"),
            answered("reload::older::fails_later", "later"),
            answered("reload::older::takes", "cannot take text"),
        ]
    );

    // From now on the older code answers at once; what did not panic stays with the newer.
    older::fails(&mut world);
    assert_eq!(older::takes("text".to_owned(), true), "older text");
    assert_eq!(world.log, ["before", "fine", "newer", "fine"]);
    assert_eq!(older::step(&mut world, 1), 105);
    assert_eq!(program.panics(), []);
    assert!(program.newer.has_failed());
    assert!(policy::last_good(linked_in()).is_none());

    // Made live once more it has another chance.
    program.make_newer_live();
    assert!(!program.newer.has_failed() && program.newer.is_in_probation());
    assert_eq!(older::takes("text".to_owned(), false), "newer text");
}

#[test]
fn the_last_good_code_is_the_newest_that_did_not_panic() {
    let program = Program::alone();
    program.make_newer_live();
    program.make_newest_live();
    program.notices();
    let mut world = World::default();
    assert_eq!(older::step(&mut world, 1), 201);
    assert_eq!(older::step(&mut world, 13), 102);
    assert_eq!(older::step(&mut world, 2), 103);
    assert_eq!(
        program.panics(),
        [(
            "reload::older::step",
            "unlucky".to_owned(),
            2,
            Aftermath::AnsweredBy(1)
        )]
    );
    let last_good = policy::last_good(linked_in()).unwrap();
    assert_eq!(last_good.number(), 1);

    // Where all panic the last one is the program's own affair, and goes on as it is.
    let payload = payload_of(older::fails_everywhere);
    assert_eq!(payload.downcast_ref(), Some(&"older"));
    let told = program.panics();
    let told: Vec<_> = told
        .iter()
        .map(|(_, message, from, to)| (message.as_str(), *from, *to))
        .collect();
    assert_eq!(
        told,
        [
            ("newest", 2, Aftermath::AnsweredBy(1)),
            (
                "(the panic's payload is no text)",
                1,
                Aftermath::AnsweredBy(0)
            ),
        ]
    );
}

#[test]
fn what_cannot_be_handed_over_twice_goes_on_once() {
    let program = Program::alone();
    program.make_newer_live();
    let payload = payload_of(|| older::calls(Box::new(|| 3)));
    assert_eq!(payload.downcast_ref::<String>().unwrap(), "not called: 3");
    assert_eq!(older::calls(Box::new(|| 3)), 3);
    let goes_on = (
        "reload::older::calls",
        "not called: 3".to_owned(),
        1,
        Aftermath::NotRepeatable(0),
    );
    assert_eq!(program.panics(), [goes_on]);
}

#[test]
fn after_its_probation_owned_arguments_are_not_cloned_any_more() {
    let program = Program::alone();
    program.make_newer_live();
    for _ in 0..=PROBATION {
        assert_eq!(older::takes("text".to_owned(), false), "newer text");
    }
    assert!(!program.newer.is_in_probation());
    let payload = payload_of(|| older::takes("text".to_owned(), true));
    assert_eq!(
        payload.downcast_ref::<String>().unwrap(),
        "cannot take text"
    );
    let notices = program.notices();
    let [
        Notice::Panicked {
            panicked,
            aftermath: Aftermath::NotRepeatable(0),
        },
    ] = notices.as_slice()
    else {
        panic!("{notices:?}");
    };
    assert!(!panicked.in_probation && !panicked.repeatable);
    assert!(!program.newer.has_failed());
    assert_eq!(older::takes("text".to_owned(), true), "older text");

    // References are handed over again at any time, and nothing is held against a proven generation but
    // the function.
    let mut world = World::default();
    older::fails(&mut world);
    assert_eq!(world.log, ["before", "fine"]);
    let last_good = policy::last_good(linked_in()).unwrap();
    assert!(Arc::ptr_eq(&last_good, &program.newer));
}

#[test]
fn a_program_may_want_the_panic_itself() {
    let program = Program::alone();
    set_panic_policy(|_| Verdict::GoOn);
    program.make_newer_live();
    let mut world = World::default();
    let payload = payload_of(|| older::fails(&mut world));
    assert_eq!(payload.downcast_ref(), Some(&"no good"));
    assert_eq!(world.log, ["before"]);
    let mut waiting = pin!(older::fails_later());
    assert!(poll(waiting.as_mut()).is_pending());
    let payload = payload_of(|| poll(waiting));
    assert_eq!(payload.downcast_ref(), Some(&"later"));
    // The library of these tests shares the program's runtime: the payload is what it was.
    assert!(payload_of(older::fails_everywhere).is::<Cancelled>());
    let (mut node, dropped) = (older::stumbles(), older::stumbles());
    let draw = payload_of(|| node.draw(&mut String::new()));
    let title = payload_of(|| node.title().len());
    let close = payload_of(|| node.close());
    let texts = [draw, title, close].map(|payload| *payload.downcast::<&str>().unwrap());
    assert_eq!(texts, ["in draw", "in title", "in close"]);
    assert!(payload_of(older::panics).is::<&str>());
    drop(dropped); // a destructor has nobody to answer to
    let told = program.panics();
    let told: Vec<_> = told
        .iter()
        .map(|(item, message, _, aftermath)| (*item, message.as_str(), *aftermath))
        .collect();
    let goes_on = |item, message| (item, message, Aftermath::GoesOn);
    assert_eq!(
        told,
        [
            goes_on("reload::older::fails", "no good"),
            goes_on("reload::older::fails_later", "later"),
            goes_on(
                "reload::older::fails_everywhere",
                "(the panic's payload is no text)"
            ),
            goes_on("stumbles", "in draw"),
            goes_on("stumbles", "in title"),
            goes_on("stumbles", "in close"),
            goes_on("panics", "not made"),
            ("newer stumbles", "in drop", Aftermath::Contained),
        ]
    );
}

#[test]
fn a_program_may_wait_for_newer_code_and_call_again() {
    let program = Program::alone();
    set_panic_policy(|_| {
        revert();
        Verdict::Retry
    });
    let mut world = World::default();
    program.make_newer_live();
    older::fails(&mut world);
    program.make_newer_live();
    assert_eq!(run(older::fails_later()), "older");
    program.make_newer_live();
    let mut node = older::stumbles();
    let mut text = String::new();
    node.draw(&mut text);
    program.make_newer_live();
    let made = older::panics();
    let again = |item, message: &str| (item, message.to_owned(), 1, Aftermath::MadeAgainWith(0));
    assert_eq!(world.log, ["before", "fine"]);
    assert_eq!(
        (text.as_str(), made.title()),
        ("older leaf:stumbles:1", "panics")
    );
    assert_eq!(
        program.panics(),
        [
            again("reload::older::fails", "no good"),
            again("reload::older::fails_later", "later"),
            again("stumbles", "in draw"),
            (
                "newer stumbles",
                "in drop".to_owned(),
                0,
                Aftermath::Contained
            ),
            again("panics", "not made"),
        ]
    );
}

#[test]
fn a_decider_is_told_that_nothing_can_go_live_before_the_thread_goes_on() {
    static HELD: Mutex<Vec<bool>> = Mutex::new(Vec::new());
    let program = Program::alone();
    program.make_newer_live();
    set_panic_policy(|panicked| {
        HELD.lock().unwrap().push(panicked.holds_value);
        Verdict::GoOn
    });
    let fails = || drop(payload_of(|| older::fails(&mut World::default())));
    let held = Held::<Note>::new();
    let (one, other) = (held.lock(), Held::<Note>::new());
    let more = other.lock();
    fails();
    drop(one);
    fails();
    // It is another thread's affair what that one has locked.
    thread::scope(|scope| scope.spawn(fails).join().unwrap());
    drop(more);
    fails();
    assert_eq!(*HELD.lock().unwrap(), [true, true, false, false]);
}

#[test]
fn a_decider_that_panics_has_not_decided() {
    let program = Program::alone();
    set_panic_policy(|_| panic!("undecided"));
    program.make_newer_live();
    older::fails(&mut World::default());
    let told = program.panics();
    assert!(
        matches!(told.as_slice(), [(_, message, 1, Aftermath::AnsweredBy(0))] if message == "no good")
    );
}

#[test]
fn an_unwinding_that_is_no_panic_passes_through() {
    let program = Program::alone();
    program.make_newer_live();
    assert!(payload_of(older::cancels).is::<Cancelled>());
    assert!(payload_of(older::cancels).is::<Cancelled>());
    assert_eq!(program.panics(), []);
    assert!(!program.newer.has_failed());
}

#[test]
fn a_node_that_panics_is_made_anew_from_the_last_good_code() {
    let program = Program::alone();
    program.make_newer_live();
    let [mut drawn, looked_at, closed] = [older::stumbles(), older::stumbles(), older::stumbles()];
    program.notices();
    let mut text = String::new();
    drawn.draw(&mut text);
    assert_eq!(text, "newer leaf:stumbles:11");
    assert_eq!(looked_at.title(), "stumbles");
    assert_eq!(closed.close(), "closed newer leaf stumbles");
    // What is made from now on is made by the older code at once.
    assert_eq!(older::stumbles().title(), "stumbles");
    drop(looked_at);
    let told = program.panics();
    let told: Vec<_> = told
        .iter()
        .map(|(item, message, from, to)| (*item, message.as_str(), *from, *to))
        .collect();
    let dropped = ("newer stumbles", "in drop", 0, Aftermath::Contained);
    assert_eq!(
        told,
        [
            ("stumbles", "in draw", 1, Aftermath::AnsweredBy(0)),
            dropped,
            ("stumbles", "in title", 1, Aftermath::AnsweredBy(0)),
            ("stumbles", "in close", 1, Aftermath::AnsweredBy(0)),
            dropped,
        ]
    );
}

#[test]
fn what_a_panicking_node_kept_is_carried_over() {
    let program = Program::alone();
    let (mut saved, mut kept) = (older::saved(), older::kept());
    program.make_newer_live();
    assert_eq!(
        (saved.count(), saved.count()),
        ("newer 1".into(), "newer 2".into())
    );
    program.make_newest_live();
    program.notices();
    // The newest cannot count to 3: the one before goes on from there.
    assert_eq!(
        (saved.count(), saved.count()),
        ("newer 4".into(), "newer 5".into())
    );
    assert_eq!(kept.count(), "older 1");
    let told = program.panics();
    assert!(
        matches!(told.as_slice(), [("saved", _, 2, Aftermath::AnsweredBy(1))]),
        "{told:?}"
    );

    // What cannot be handed over twice goes on once, and later calls are the older code's.
    program.make_newest_live();
    let mut saved = older::saved();
    let payload = payload_of(|| saved.count_with(Box::new(|| 3)));
    assert!(payload.is::<&str>());
    assert_eq!(saved.count(), "newer 4");
    let told = program.panics();
    assert!(
        matches!(
            told.as_slice(),
            [("saved", _, 2, Aftermath::NotRepeatable(1))]
        ),
        "{told:?}"
    );

    // What is to be kept is not made anew.
    let mut kept = older::kept();
    assert_eq!(
        (kept.count(), kept.count()),
        ("newest 1".into(), "newest 2".into())
    );
    let payload = payload_of(|| kept.count());
    assert!(
        payload
            .downcast_ref::<&str>()
            .is_some_and(|text| text.contains("cannot count to 3"))
    );
    assert_eq!(kept.count(), "newest 4");
    let told = program.panics();
    assert!(
        matches!(told.as_slice(), [("kept", _, 2, Aftermath::GoesOn)]),
        "{told:?}"
    );
}

#[test]
fn a_node_whose_constructor_panics_is_made_by_the_last_good_code() {
    let program = Program::alone();
    program.make_newer_live();
    program.make_newest_live();
    program.notices();
    let (good, bad) = (older::frame("good", None), older::frame("bad", None));
    let mut texts = [String::new(), String::new()];
    for (mut frame, text) in [good, bad].into_iter().zip(&mut texts) {
        frame.draw(text);
    }
    assert_eq!(texts, ["newest:good:21", "newer:bad:11"]);
    let told = program.notices();
    let told: Vec<_> = told.iter().map(ToString::to_string).collect();
    let [good, panicked, bad] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(good, "node `frame` was made by generation 2");
    assert!(
        panicked.contains("a bad title")
            && panicked.ends_with("; the call is answered by generation 1"),
        "{panicked}"
    );
    assert_eq!(bad, "node `frame` was made by generation 1");
}

#[test]
fn a_node_is_made_at_the_next_call_if_it_could_not_be_made_anew() {
    let program = Program::alone();
    program.make_newest_live();
    let mut once = older::made_once();
    // Past its probation nothing is to be done before a call.
    for _ in 0..=2 * PROBATION {
        once.look();
    }
    MADE_ONCE_FAILS.store(true, Ordering::Relaxed);
    // It panics, and so does the code that is to make another.
    payload_of(|| once.count());
    MADE_ONCE_FAILS.store(false, Ordering::Relaxed);
    assert_eq!(once.look(), "older 0");
    assert_eq!(once.count(), "older 1");
}

#[test]
fn panics_that_nobody_waits_for_are_told() {
    let program = Program::alone();
    ENTERING_PANICS.store(true, Ordering::Relaxed);
    program.make_newest_live();
    ENTERING_PANICS.store(false, Ordering::Relaxed);
    let mut future = Box::pin(older::fails_later());
    assert!(poll(future.as_mut()).is_pending());
    drop(future);
    let told = program.panics();
    let told: Vec<_> = told
        .iter()
        .map(|(item, message, _, aftermath)| (*item, message.as_str(), *aftermath))
        .collect();
    assert_eq!(
        told,
        [
            (
                "reload::newest::enter",
                "cannot enter",
                Aftermath::Contained
            ),
            (
                "reload::newest::fails_later",
                "dropped",
                Aftermath::Contained
            ),
        ]
    );
    assert!(program.newest.has_failed());
}

#[test]
fn the_programs_own_code_panics_as_ever() {
    let program = Program::alone();
    assert_eq!(
        payload_of(older::fails_everywhere).downcast_ref(),
        Some(&"older")
    );
    program.make_newer_live();
    program.revert();
    assert_eq!(
        payload_of(older::fails_everywhere).downcast_ref(),
        Some(&"older")
    );
    assert_eq!(program.panics(), []);
}

#[test]
fn an_asynchronous_call_ends_on_the_code_it_began_on() {
    let program = Program::alone();
    let mut world = World::default();
    {
        let mut in_flight = pin!(older::wait(&mut world, &2));
        assert!(poll(in_flight.as_mut()).is_pending());
        program.make_newer_live();
        assert!(poll(in_flight.as_mut()).is_pending());
        assert_eq!(poll(in_flight), Poll::Ready("older".to_owned()));
    }
    {
        let mut in_flight = pin!(older::wait(&mut world, &1));
        assert!(poll(in_flight.as_mut()).is_pending());
        program.revert();
        assert_eq!(poll(in_flight), Poll::Ready("newer".to_owned()));
    }
    assert_eq!(run(older::wait(&mut world, &1)), "older");
    assert_eq!(world.log, ["older 0", "older 1", "newer 0", "older 0"]);
}

#[test]
fn a_node_is_made_again_from_the_same_arguments_and_its_child_survives() {
    let program = Program::alone();
    // A child that is no hot node is made once; one that is follows the newest code by itself.
    let plain: Box<dyn Panel> = Box::new(older::Frame {
        generation: "plain",
        title: "p".to_owned(),
        child: None,
        drawn: 0,
    });
    let child = Child::new(plain);
    let mut window = older::frame("w", Some(child));
    let mut nested = older::frame("n", Some(older::leaf("l".to_owned()).into()));
    let draw = |node: &mut dyn Window| {
        let mut text = String::new();
        node.draw(&mut text);
        text
    };
    assert_eq!(draw(&mut *window), "older:w:1[plain:p:1]");
    assert_eq!(draw(&mut *nested), "older:n:1[older leaf:l:1]");

    program.make_newer_live();
    assert_eq!(draw(&mut *window), "newer:w:11[plain:p:2]");
    assert_eq!(draw(&mut *window), "newer:w:12[plain:p:3]");
    assert_eq!(draw(&mut *nested), "newer:n:11[newer leaf:l:11]");
    assert_eq!((window.title(), window.panels()), ("w", 1));

    program.revert();
    assert_eq!(draw(&mut *window), "older:w:1[plain:p:4]");
    program.make_newer_live();
    assert_eq!(window.close(), "closed newer w");
}

#[test]
fn state_is_carried_over_or_the_node_is_kept() {
    let program = Program::alone();
    let (mut saved, mut kept) = (older::saved(), older::kept());
    assert_eq!(
        (saved.count(), kept.count()),
        ("older 1".into(), "older 1".into())
    );
    program.make_newer_live();
    assert_eq!(
        (saved.count(), kept.count()),
        ("newer 2".into(), "older 2".into())
    );
    program.revert();
    assert_eq!(
        (saved.count(), kept.count()),
        ("older 3".into(), "older 3".into())
    );
}

#[test]
fn what_cannot_be_copied_follows_when_nobody_looks_at_the_old_instance() {
    let program = Program::alone();
    let mut saved = older::saved();
    assert_eq!(saved.count(), "older 1");
    program.notices();
    program.make_newer_live();
    assert_eq!(saved.look(), "newer 0");
    let reports = |notices: Vec<Notice>| {
        let reports = notices.into_iter().filter_map(|notice| match notice {
            Notice::StateCarried { report, .. } => Some(report),
            _ => None,
        });
        reports.collect::<Vec<_>>()
    };
    let told = reports(program.notices());
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].later, ["count"]);
    assert!(told[0].missing.is_empty());

    // Looked at by two generations more, it goes from each to the next.
    program.revert();
    assert_eq!(saved.look(), "older 0");
    program.make_newer_live();
    assert_eq!(saved.look(), "newer 0");
    program.notices();
    assert_eq!(saved.count(), "newer 2");
    let told = reports(program.notices());
    assert_eq!(told.len(), 3);
    assert!(told.iter().all(|report| report.restored == ["count"]));
    assert_eq!(saved.look(), "newer 2");
}

#[test]
fn a_shared_node_is_made_again_under_its_readers() {
    let program = Program::alone();
    let label = older::label("text");
    let before = label.text();
    program.make_newer_live();
    assert_eq!((before, label.text()), ("older text", "newer text"));
    let other = Arc::clone(&label);
    program.revert();
    assert_eq!(other.text(), "older text");
}

/// What `f` returns on another thread; whoever waits for it forever fails.
fn in_time<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || send.send(f()));
    let failed = "it panicked, or waits for what never comes";
    receive.recv_timeout(Duration::from_secs(60)).expect(failed)
}

#[test]
fn a_node_that_is_made_anew_may_be_called_by_its_own_constructor() {
    let program = Program::alone();
    let node = older::calls_itself();
    *ITSELF.lock().unwrap() = Some(Arc::clone(&node));
    program.make_newer_live();
    // The instance that is there answers.
    let (text, node) = in_time(move || (node.text().to_owned(), node));
    assert_eq!(text, r#"newer, where Some("older") was"#);

    // The one that is there panics: that is a panic of the constructor, and the next code makes the node.
    program.make_newest_live();
    let (text, _node) = in_time(move || (node.text().to_owned(), node));
    assert_eq!(text, "older");
    let told = program.panics();
    let told: Vec<_> = told
        .iter()
        .map(|(_, text, from, to)| (text.as_str(), *from, *to))
        .collect();
    assert_eq!(
        told,
        [
            ("mute", 2, Aftermath::AnsweredBy(1)),
            ("mute", 1, Aftermath::AnsweredBy(0)),
        ]
    );
    ITSELF.lock().unwrap().take();
}

#[test]
fn nodes_whose_constructors_call_each_other_do_not_wait_for_each_other() {
    let program = Program::alone();
    let (left, right) = (older::left(), older::right());
    *LEFT.lock().unwrap() = Some(Arc::clone(&left));
    *RIGHT.lock().unwrap() = Some(Arc::clone(&right));
    program.make_newer_live();
    let texts = in_time(move || {
        let other = thread::spawn(move || right.text().to_owned());
        (left.text().to_owned(), other.join().unwrap())
    });
    // What the other one says depends on who is made first.
    assert!(texts.0.starts_with("newer left of "), "{texts:?}");
    assert!(texts.1.starts_with("newer right of "), "{texts:?}");
    LEFT.lock().unwrap().take();
    RIGHT.lock().unwrap().take();
}

#[test]
fn a_node_that_newer_code_cannot_make_is_answered_by_the_program() {
    let program = Program::alone();
    program.make_newer_live();
    program.notices();
    let panels = [
        older::other_arguments(1),
        older::other_interface(),
        older::panics(),
        older::gone(),
    ];
    let titles = panels.each_ref().map(|panel| panel.title());
    assert_eq!(
        titles,
        ["other arguments", "other interface", "panics", "gone"]
    );
    // The newer interface is found out only when the node is there: it was made by `newer::frame`.
    let told: Vec<_> = program
        .notices()
        .into_iter()
        .filter_map(|notice| match notice {
            Notice::Fallback { node, reason, .. } if node != "newer frame" => Some((node, reason)),
            _ => None,
        })
        .collect();
    let reasons: Vec<_> = told.iter().map(|(node, reason)| (*node, reason)).collect();
    let [
        ("other arguments", FallbackReason::Refused(arguments)),
        ("other interface", FallbackReason::Refused(interface)),
        ("panics", FallbackReason::Refused(Refusal::Panicked { message, .. })),
        ("gone", FallbackReason::NotFound),
    ] = reasons[..]
    else {
        panic!("{reasons:?}");
    };
    assert!(
        matches!(arguments, Refusal::Arguments { host, library } if host.contains("u32") && library.contains("u64"))
    );
    assert!(
        matches!(interface, Refusal::Interface { host, library } if host.contains("Panel") && library.contains("Window"))
    );
    assert_eq!(message, "not made");
}

#[test]
fn newer_code_runs_in_the_callers_context() {
    let program = Program::alone();
    program.make_newer_live();
    let panel = USER.with("ada", older::user);
    assert_eq!(panel.title(), "newer ada");
}

#[test]
fn hooks_run_when_a_generation_is_left_and_entered() {
    let program = Program::alone();
    program.make_newer_live();
    program.revert();
    assert_eq!(HOOKS.lock().unwrap()[..2], ["leave older", "enter newer"]);
}

#[test]
fn items_register_with_all_that_is_known_of_them() {
    let krate = linked_in();
    assert_eq!(krate.manifest_dir, env!("CARGO_MANIFEST_DIR"));
    assert_eq!((krate.package, krate.crate_name), ("hot-abi", "reload"));

    let node = krate.node("frame").unwrap();
    assert_eq!(
        (node.manifest_dir, node.file),
        (env!("CARGO_MANIFEST_DIR"), file!())
    );
    assert!(std::ptr::eq(node.krate, krate));
    assert_eq!(
        (node.args)().name,
        "(alloc::string::String, core::option::Option<hot_abi::child::Child<dyn reload::Panel>>)"
    );

    let step = krate.function("reload::older::step").unwrap();
    assert_eq!(step.signature, "fn(&mut World, u32) -> usize");
    assert_eq!(step.file, file!());
    let last = krate.function("reload::older::World::last").unwrap();
    assert_eq!(last.signature, "fn(&mut self, &str) -> String");
    let wait = krate.function("reload::older::wait").unwrap();
    assert_eq!(wait.signature, "async fn(&mut World, &u32) -> String");
    assert!((krate.functions)().iter().all(|function| function.line > 1));
}

#[test]
fn an_interface_is_described_with_all_that_it_is_built_on() {
    let key = hot_abi::node::InterfaceKey::of::<dyn Window>();
    assert_eq!(key.name, "dyn reload::Window");
    assert_eq!(
        key.signature,
        "Panel; panels: fn(&self) -> usize; \
         Send; draw: fn(&mut self, &mut String); title: fn(&self) -> &str; \
         close: fn(self: Box<Self>) -> String"
    );
}
