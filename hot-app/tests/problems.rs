//! Each problem of a program's own making is made, and told with its code. Reloading is started once in a
//! process, so each case has a process of its own: this program once more.
#![cfg(all(feature = "reload", unix))]

use hot_abi::{hot_entry, hot_node, hot_static, hot_static_ref, hot_trait};
use hot_app::build::{Artifact, Build, BuildArgs};
use hot_app::{Event, HOT_RELOAD, HotReload};
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

// The hot crate is this test itself.
hot_entry!();

#[hot_trait]
trait Gauge: Send {
    fn read(&self) -> u32;
}

impl Gauge for u32 {
    fn read(&self) -> u32 {
        *self
    }
}

/// Two nodes whose names have one length.
#[hot_node("gauge one")]
fn gauge_one() -> Box<dyn Gauge> {
    Box::new(1)
}

#[hot_node("gauge two")]
fn gauge_two() -> Box<dyn Gauge> {
    Box::new(2)
}

/// Two statics of one name in one module.
fn first_count() -> u32 {
    hot_static! { static COUNT: u32 = 1; }
    *hot_static_ref!(COUNT)
}

fn second_count() -> u32 {
    hot_static! { static COUNT: u32 = 2; }
    *hot_static_ref!(COUNT)
}

#[test]
fn the_hot_crate_works() {
    assert_eq!((gauge_one().read(), gauge_two().read()), (1, 2));
    assert_eq!((first_count(), second_count()), (1, 2));
}

#[test]
fn every_code_is_reached() {
    let folder = tempfile::tempdir().unwrap();
    let own = env::current_exe().unwrap();
    let mut reached = codes(&mut case(&own, "requests"));
    reached.extend(codes(case(&own, "start").env("HOT_LINKING", "slim")));
    reached.extend(codes(case(&own, "build").env("HOT_LINKING", "thin")));
    reached.extend(codes(&mut case(&own, "canary")));
    // No system has a stack of 64 TiB to give.
    let stack = (1_u64 << 46).to_string();
    reached.extend(codes(case(&own, "no threads").env("RUST_MIN_STACK", stack)));
    let renamed = renamed(&own, folder.path());
    reached.extend(codes(&mut case(&renamed, "start")));
    if cfg!(feature = "cargo") {
        let mut without_cargo = case(&own, "start");
        without_cargo.env("PATH", "").env("CARGO", "/nowhere/cargo");
        reached.extend(codes(&mut without_cargo));
        let trace = Unreadable::new(own.with_file_name("problems.d"));
        reached.extend(codes(&mut case(&own, "start")));
        drop(trace);
    }

    let mut expected = codes_of_this_file();
    let unreachable: &[&str] = if cfg!(feature = "cargo") {
        &["HOT0214"]
    } else {
        &["HOT0213", "HOT0709", "HOT0710"]
    };
    expected.retain(|code| !unreachable.contains(&&**code));
    if cfg!(all(target_os = "linux", target_env = "gnu")) {
        // A canary is to be had.
        expected.remove("HOT0712");
    }
    assert_eq!(reached, expected);
}

/// The other process: does what its case is, and tells the codes of what it hears.
#[test]
fn the_other_process() {
    let Ok(case) = env::var(CASE) else { return };
    let events = HOT_RELOAD.events();
    let own = env!("CARGO_MANIFEST_DIR");
    if case == "requests" {
        HOT_RELOAD.rebuild(own);
    }
    let options = || HotReload::options().console(false);
    drop(match &*case {
        "canary" => options().canary(true).start(),
        _ => options().start(),
    });
    match &*case {
        // There is nobody who could tell more.
        "no threads" => return events.try_iter().for_each(|event| tell(&event)),
        "requests" => {
            drop(options().start());
            HOT_RELOAD.rebuild("/no/such/crate");
            HOT_RELOAD.switch_to(own, 99);
        }
        "build" => {
            if cfg!(feature = "cargo") {
                HOT_RELOAD.rebuilder(|_: BuildArgs| {
                    Some(Build::ready(Ok(Artifact::new("/nowhere/libscene.so"))))
                });
            }
            HOT_RELOAD.rebuild(own);
        }
        _ => {}
    }
    let (mut is_watching, mut is_built) = (false, case != "build");
    while !(is_watching && is_built) {
        let event = events.recv_timeout(PATIENCE).expect("it goes on");
        tell(&event);
        is_watching |= matches!(event, Event::Watching { .. });
        is_built |= matches!(event, Event::BuildFailed { .. });
    }
}

/// Tells a process which case it is for.
const CASE: &str = "HOT_APP_PROBLEMS_CASE";
/// What a line of its output begins with that holds a code.
const MARK: &str = "the code is ";
const PATIENCE: Duration = Duration::from_secs(60);

fn tell(event: &Event) {
    let sentence = event.to_string();
    for code in event.codes() {
        assert!(sentence.contains(&format!("[{code}]")), "{sentence}");
        println!("\n{MARK}{code}");
    }
}

fn case(program: &Path, case: &str) -> Command {
    let mut command = Command::new(program);
    command
        .args(["--exact", "the_other_process"])
        .args(["--nocapture", "--test-threads=1"])
        .env_remove("HOT_LINKING")
        .env(CASE, case);
    command
}

/// The codes that a process tells.
fn codes(command: &mut Command) -> BTreeSet<String> {
    let output = command.output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {stdout}\n{stderr}");
    let codes = stdout.lines().filter_map(|line| line.strip_prefix(MARK));
    codes.map(str::to_owned).collect()
}

/// This program with one name for two nodes, which no compiler lets through.
fn renamed(program: &Path, folder: &Path) -> PathBuf {
    let (from, to) = (b"gauge two", b"gauge one");
    let mut bytes = fs::read(program).unwrap();
    let found: Vec<_> = (0..bytes.len() - from.len())
        .filter(|at| bytes[*at..].starts_with(from))
        .collect();
    assert!(!found.is_empty());
    for at in found {
        bytes[at..][..to.len()].copy_from_slice(to);
    }
    let renamed = folder.join("problems");
    fs::write(&renamed, bytes).unwrap();
    fs::set_permissions(&renamed, fs::Permissions::from_mode(0o755)).unwrap();
    renamed
}

/// A directory where cargo leaves a file that tells what a hot crate was made of. It leaves none for a
/// test.
struct Unreadable(PathBuf);

impl Unreadable {
    fn new(path: PathBuf) -> Unreadable {
        fs::create_dir_all(&path).unwrap();
        Unreadable(path)
    }
}

impl Drop for Unreadable {
    fn drop(&mut self) {
        fs::remove_dir(&self.0).unwrap();
    }
}

/// The codes that are reached here, by their index.
fn codes_of_this_file() -> BTreeSet<String> {
    let index = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/codes.md");
    let index = fs::read_to_string(index).unwrap();
    let rows = index
        .lines()
        .filter(|line| line.ends_with("| `hot-app/tests/problems.rs` |"))
        .map(|row| row["| [".len()..][.."HOT0000".len()].to_owned());
    rows.collect()
}
