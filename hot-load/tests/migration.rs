//! Values that a program holds, when a generation with another layout goes live: in time, too late, used
//! meanwhile. The generation is one that this test puts together from its own module `newer`, as if a library
//! held it.

use hot_abi::entry;
use hot_abi::exchange::Exchange;
use hot_abi::generation::Live;
use hot_abi::held::{Held, HeldEntry, HeldType};
use hot_abi::layout::LayoutMark;
use hot_abi::registry::{HotCrate, Module};
use hot_abi::{LocalContext, hot_entry};
use hot_load::{Applied, Generation, LateEnd, LoadOptions, Loader, MigrationError, WhenBusy, Work};
use std::collections::{BTreeSet, VecDeque};
use std::env;
use std::fs;
use std::panic::AssertUnwindSafe;
use std::process::Command;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

hot_entry!();

mod older {
    use hot_abi::HotState;

    #[derive(Default, HotState)]
    #[hot(held)]
    pub(crate) struct World {
        #[hot(skip)]
        pub(crate) count: u32,
    }
}

mod newer {
    use hot_abi::HotState;

    #[allow(dead_code, reason = "only the layout of the fields matters")]
    #[derive(HotState)]
    #[hot(held)]
    pub(crate) struct World {
        #[hot(skip)]
        pub(crate) count: u32,
        #[hot(skip)]
        pub(crate) name: String,
    }

    impl Default for World {
        fn default() -> World {
            super::next_step().carry_out();
            World {
                count: 0,
                name: "newer".to_owned(),
            }
        }
    }
}

/// What the default of the newer type does when it is called next.
enum Step {
    /// Tells that it is there, and waits.
    Wait {
        there: Sender<()>,
        go_on: Receiver<()>,
    },
    Panic,
    Nothing,
}

impl Step {
    fn carry_out(self) {
        match self {
            Step::Wait { there, go_on } => {
                there.send(()).unwrap();
                go_on.recv().unwrap();
            }
            Step::Panic => panic!("there is no default"),
            Step::Nothing => {}
        }
        *lock(&MADE) += 1;
    }
}

static STEPS: Mutex<VecDeque<Step>> = Mutex::new(VecDeque::new());

/// How many values of the newer type were made.
static MADE: Mutex<u32> = Mutex::new(0);

fn next_step() -> Step {
    lock(&STEPS).pop_front().unwrap_or(Step::Nothing)
}

fn program() -> &'static HotCrate {
    Module::this().crates[0]
}

/// The crate as the library holds it.
static NEWER: LazyLock<HotCrate> = LazyLock::new(|| HotCrate {
    held: || &NEWER_HELD,
    live: Live::new(),
    ..*program()
});

static NEWER_HELD: LazyLock<Vec<HeldEntry>> = LazyLock::new(|| {
    vec![HeldEntry {
        path: older::World::entry().path,
        krate: &NEWER,
        ..*newer::World::entry()
    }]
});

/// A library in which only a type in a field of the value is another one.
static RETYPED: LazyLock<HotCrate> = LazyLock::new(|| HotCrate {
    held: || &RETYPED_HELD,
    live: Live::new(),
    ..*program()
});

static RETYPED_HELD: LazyLock<Vec<HeldEntry>> = LazyLock::new(|| {
    let mark: &LayoutMark = Box::leak(Box::new(LayoutMark::new()));
    mark.set(1, "a type in it has another field".to_owned());
    vec![HeldEntry {
        krate: &RETYPED,
        mark,
        ..*older::World::entry()
    }]
});

#[allow(improper_ctypes_definitions, reason = "both sides are this program")]
extern "C" fn entry(
    manifest_dir: &str,
    node_name: &str,
    context: &mut LocalContext,
    exchange: &mut Exchange,
) {
    entry::entry(&NEWER, manifest_dir, node_name, context, exchange);
}

/// One test at a time has the program to itself, with a value that it holds.
struct World {
    loader: Loader,
    late: Receiver<LateEnd>,
    generation: Arc<Generation>,
    held: Held<older::World>,
    _alone: MutexGuard<'static, ()>,
}

impl World {
    fn new(deadline: Duration) -> World {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = lock(&ALONE);
        *lock(&MADE) = 0;
        let loader = Loader::new(LoadOptions {
            migration_deadline: deadline,
            ..LoadOptions::default()
        });
        let (tell, late) = mpsc::channel();
        let tell = Mutex::new(tell);
        loader.on_late_end(move |end| lock(&tell).send(end).unwrap());
        let module = Module {
            crates: Box::leak(Box::new([&*NEWER])),
        };
        // SAFETY: the library is this program itself, whose code stays where it is.
        let generation = unsafe { Generation::new(1, program(), entry, module, Arc::new(())) };
        World {
            loader,
            late,
            generation: Arc::new(generation.unwrap()),
            held: Held::new(),
            _alone: alone,
        }
    }

    fn apply(&self) -> Result<Applied, MigrationError> {
        self.loader.apply(&self.generation, WhenBusy::GiveUp)
    }

    /// Whether the code that is linked in is live, and the value as it was.
    #[track_caller]
    fn assert_as_it_was(&self, count: u32) {
        assert!(program().live.current().is_none());
        assert_eq!(self.held.lock().count, count);
    }

    #[track_caller]
    fn assert_migrated(&self, applied: Result<Applied, MigrationError>) {
        let migrated = applied.unwrap().migrated;
        let paths: Vec<_> = migrated.iter().map(|one| one.path).collect();
        assert_eq!(paths, [older::World::entry().path]);
        assert!(program().live.current().is_some());
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.loader.revert(program(), WhenBusy::GiveUp).unwrap();
    }
}

/// A step that waits, and its other ends.
fn wait() -> (Receiver<()>, Sender<()>) {
    let (there, is_there) = mpsc::channel();
    let (going, go_on) = mpsc::channel();
    lock(&STEPS).push_back(Step::Wait { there, go_on });
    (is_there, going)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The codes that are reached here, by their index.
fn codes_of_this_file() -> BTreeSet<String> {
    let index = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/codes.md");
    let index = fs::read_to_string(index).unwrap();
    let rows = index
        .lines()
        .filter(|line| line.ends_with("| `hot-load/tests/migration.rs` |"))
        .map(|row| row["| [".len()..][.."HOT0000".len()].to_owned());
    rows.collect()
}

const MINUTE: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(50);

#[test]
fn a_value_migrates_and_back() {
    let world = World::new(MINUTE);
    world.held.lock().count = 7;
    world.assert_migrated(world.apply());
    assert_eq!(*lock(&MADE), 1);
    let back = world.loader.revert(program(), WhenBusy::GiveUp);
    assert_eq!(back.unwrap().migrated.len(), 1);
    // The field is not one that is carried over.
    world.assert_as_it_was(0);
}

#[test]
fn a_value_migrates_where_a_type_in_it_changed() {
    let mut world = World::new(MINUTE);
    let module = Module {
        crates: Box::leak(Box::new([&*RETYPED])),
    };
    // SAFETY: the library is this program itself, whose code stays where it is.
    let generation = unsafe { Generation::new(1, program(), entry, module, Arc::new(())) };
    world.generation = Arc::new(generation.unwrap());
    world.held.lock().count = 7;
    world.assert_migrated(world.apply());
    let locked = std::panic::catch_unwind(AssertUnwindSafe(|| drop(world.held.lock())));
    assert!(
        locked.is_err(),
        "code that knows the old type looked into it"
    );
}

#[test]
fn a_value_that_was_used_meanwhile_is_copied_anew() {
    let world = World::new(MINUTE);
    let (is_there, go_on) = wait();
    let held = world.held.clone();
    let user = std::thread::spawn(move || {
        is_there.recv().unwrap();
        // It is not locked while the new value is made.
        held.lock().count = 1;
        go_on.send(()).unwrap();
    });
    world.assert_migrated(world.apply());
    user.join().unwrap();
    assert_eq!(*lock(&MADE), 2, "the first copy was outdated");
}

#[test]
fn what_is_late_is_told_and_goes_live_at_the_next_safe_point() {
    let world = World::new(SHORT);
    let (is_there, go_on) = wait();
    let error = world.apply().unwrap_err();
    assert_eq!(error, MigrationError::Deadline { deadline: SHORT });
    is_there.recv_timeout(MINUTE).unwrap();
    assert!(program().live.current().is_none());
    let overdue = world.loader.overdue(program());
    assert_eq!(
        (&overdue[0].work, overdue[0].generation),
        (&Work::Migration, 1)
    );
    // It is not begun a second time, nor waited for.
    assert_eq!(world.apply().unwrap_err(), error);

    go_on.send(()).unwrap();
    let end = world.late.recv_timeout(MINUTE).unwrap();
    assert_eq!((end.overdue, end.failed), (overdue[0].clone(), None));
    assert_eq!(world.loader.overdue(program()), []);
    world.assert_migrated(world.apply());
    assert_eq!(*lock(&MADE), 1);
}

#[test]
fn what_is_late_and_was_used_meanwhile_is_not_taken() {
    let world = World::new(SHORT);
    let (_is_there, go_on) = wait();
    world.apply().unwrap_err();
    world.held.lock().count = 1;
    go_on.send(()).unwrap();
    world.late.recv_timeout(MINUTE).unwrap();
    let error = world.apply().unwrap_err();
    assert!(matches!(error, MigrationError::Outdated { .. }), "{error}");
    world.assert_as_it_was(1);
    // Whoever asks again begins anew.
    world.assert_migrated(world.apply());
}

#[test]
fn a_late_panic_is_told() {
    let world = World::new(SHORT);
    let (_is_there, go_on) = wait();
    world.apply().unwrap_err();
    // The step panics, for nobody lets it go on.
    drop(go_on);
    let end = world.late.recv_timeout(MINUTE).unwrap();
    assert!(end.failed.unwrap().contains("panicked"));
    let error = world.apply().unwrap_err();
    assert!(matches!(error, MigrationError::Panicked { .. }), "{error}");
    world.assert_as_it_was(0);
}

#[test]
fn a_panic_changes_nothing() {
    let world = World::new(MINUTE);
    lock(&STEPS).push_back(Step::Panic);
    let error = world.apply().unwrap_err();
    assert!(error.to_string().contains("there is no default"), "{error}");
    world.assert_as_it_was(0);
}

#[test]
fn a_value_that_is_locked_is_busy_and_can_be_waited_for() {
    let world = World::new(MINUTE);
    let locked = world.held.lock();
    assert_eq!(world.apply().unwrap_err(), MigrationError::Busy);
    assert_eq!(*lock(&MADE), 0);
    std::thread::scope(|scope| {
        let (begun, has_begun) = mpsc::channel();
        let (loader, generation) = (&world.loader, &world.generation);
        let waiting = scope.spawn(move || {
            begun.send(()).unwrap();
            loader.apply(generation, WhenBusy::Wait)
        });
        has_begun.recv().unwrap();
        drop(locked);
        world.assert_migrated(waiting.join().unwrap());
    });
}

#[test]
fn every_code_of_a_migration_is_reached() {
    let mut reached = BTreeSet::new();
    let mut tell = |error: MigrationError| reached.insert(error.code().to_owned());
    {
        let world = World::new(MINUTE);
        let locked = world.held.lock();
        tell(world.apply().unwrap_err());
        drop(locked);
        lock(&STEPS).push_back(Step::Panic);
        tell(world.apply().unwrap_err());
    }
    let world = World::new(SHORT);
    let (_is_there, go_on) = wait();
    tell(world.apply().unwrap_err());
    world.held.lock().count = 1;
    go_on.send(()).unwrap();
    world.late.recv_timeout(MINUTE).unwrap();
    tell(world.apply().unwrap_err());
    reached.insert(code_without_threads());
    assert_eq!(reached, codes_of_this_file());
}

/// Set for a process that cannot start threads.
const WITHOUT_THREADS: &str = "HOT_LOAD_WITHOUT_THREADS";

/// What a migration fails with in such a process: this program once more.
fn code_without_threads() -> String {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", "a_migration_without_threads"])
        .args(["--nocapture", "--test-threads=1"])
        .env(WITHOUT_THREADS, "1")
        // No system has a stack of 64 TiB to give.
        .env("RUST_MIN_STACK", (1_u64 << 46).to_string());
    let output = command.output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stdout}\n{stderr}");
    let code = stdout.lines().find_map(|line| line.split_once("code "));
    code.expect("it tells a code").1.to_owned()
}

#[test]
fn a_migration_without_threads() {
    if env::var_os(WITHOUT_THREADS).is_some() {
        let world = World::new(MINUTE);
        println!("code {}", world.apply().unwrap_err().code());
        world.assert_as_it_was(0);
    }
}
