//! Each code is reached by doing the very thing that it stands for. What befalls a whole process befalls
//! one of its own: this program once more, with a limit.

mod support;

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use hot_watch::{Notice, Root, WatchConfig, WatchError, Watcher};
use support::{Place, Watched};

/// Tells a process which case it is for.
const CASE: &str = "HOT_WATCH_CODES_CASE";
/// The directory that it is to watch.
const PLACE: &str = "HOT_WATCH_CODES_PLACE";
/// Set where it is to go on watching.
const STAY: &str = "HOT_WATCH_CODES_STAY";
/// The case whose process may not use inotify.
const WITHOUT_INOTIFY: &str = "without inotify";
/// What a line of its output begins with that holds a code.
const MARK: &str = "the code is ";
const READY: &str = "it watches";

#[test]
fn every_code_is_reached() {
    let mut reached = BTreeSet::new();
    reached.extend(bad_config());
    reached.extend(a_function_that_panics());
    reached.extend(a_missing_root());
    // No system has a stack of 64 TiB to give.
    reached.extend(in_own_process("without a stack", |mut command| {
        command.env("RUST_MIN_STACK", (1_u64 << 46).to_string());
        command
    }));
    let mut expected: BTreeSet<_> = WatchError::CODES
        .iter()
        .map(|(code, _)| (*code).to_owned())
        .collect();
    if cfg!(target_os = "linux") && can_have_namespaces() {
        reached.extend(without("max_inotify_watches"));
        reached.extend(without("max_inotify_instances"));
        reached.extend(unreadable());
    } else {
        eprintln!("not reached, for want of user namespaces: HOT0106, HOT0107, HOT0109, HOT0111");
        expected.retain(|code| !["HOT0106", "HOT0107", "HOT0109", "HOT0111"].contains(&&**code));
    }
    if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        reached.extend(in_own_process(WITHOUT_INOTIFY, |command| command));
    } else {
        expected.remove("HOT0108");
    }
    if cfg!(target_os = "linux") {
        reached.extend(overflow());
    } else {
        expected.remove("HOT0110");
    }
    assert_eq!(reached, expected);
}

#[test]
fn codes_are_told_once_and_each_with_a_sentence() {
    let codes: BTreeSet<_> = WatchError::CODES.iter().map(|(code, _)| code).collect();
    assert_eq!(codes.len(), WatchError::CODES.len());
    for (code, title) in WatchError::CODES {
        assert!(code.starts_with("HOT01") && code.len() == 7, "{code}");
        assert!(title.ends_with('.') && !title.contains('\n'), "{title}");
    }
}

fn bad_config() -> [String; 2] {
    let no_path = WatchConfig {
        roots: vec![Root::directory("")],
        ..WatchConfig::default()
    };
    let bad_pattern = WatchConfig {
        exclude: vec!["[z-a]".into()],
        ..WatchConfig::default()
    };
    [no_path, bad_pattern].map(|config| code(&Watcher::start(config, |_| {}).unwrap_err()))
}

fn a_function_that_panics() -> Option<String> {
    let place = Place::with(&["lib.rs"]);
    let config = WatchConfig::default().directory(&place.path);
    let watcher = Watcher::start(config, |_| panic!("on purpose")).unwrap();
    loop {
        match watcher.rescan() {
            // Its thread is not through with the first notice yet.
            Ok(()) => std::thread::yield_now(),
            Err(error) => return Some(code(&error)),
        }
    }
}

fn a_missing_root() -> Option<String> {
    let place = Place::new();
    let watched = Watched::start_unready(WatchConfig::default().directory(place.at("gone")));
    Some(code(&watched.problem()))
}

/// A namespace of the process's own, whose limit of `name` is nobody else's.
fn without(name: &str) -> Vec<String> {
    in_own_process(name, |command| {
        let limit = format!("echo 0 > /proc/sys/user/{name} && exec \"$0\" \"$@\"");
        through(
            command,
            &["unshare", "--user", "--map-root-user", "sh", "-c", &limit],
        )
    })
}

/// A user whom no permission is given: who runs this may be one to whom none is denied.
fn unreadable() -> Vec<String> {
    let place = Place::with(&["closed/a.rs", "secret.rs"]);
    place.sh("chmod 0 closed secret.rs");
    let codes = in_own_process("unreadable", |mut command| {
        command.env(PLACE, &place.path);
        through(command, &["unshare", "--user"])
    });
    place.sh("chmod 700 closed");
    codes
}

/// More events than the system keeps, while the watcher stands still.
fn overflow() -> Vec<String> {
    let place = Place::with(&["a", "b"]);
    let mut command = own_process("start");
    command.env(PLACE, &place.path).env(STAY, "1");
    let mut child = Killed(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(child.0.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    assert!(lines.any(|line| line.ends_with(READY)));
    let id = child.0.id();
    place.sh(&format!("kill -STOP {id}"));
    while !fs::read_to_string(format!("/proc/{id}/status"))
        .unwrap()
        .contains("State:\tT")
    {
        std::thread::yield_now();
    }
    let kept = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let kept: usize = kept.trim().parse().unwrap();
    let mut files = ["a", "b"].map(|name| fs::File::create(place.at(name)).unwrap());
    for index in 0..=kept {
        // Two events in a row that are equal would be kept as one.
        files[index % 2].write_all(b"x").unwrap();
    }
    place.sh(&format!("kill -CONT {id}"));
    lines.find_map(|line| code_in(&line)).into_iter().collect()
}

/// The other process: watches, and tells the codes of what it hears.
#[test]
fn the_other_process() {
    let Ok(case) = env::var(CASE) else { return };
    if case == WITHOUT_INOTIFY {
        #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
        support::seccomp::forbid_inotify();
    }
    let own = Place::with(&["lib.rs"]);
    let directory = env::var_os(PLACE).map_or(own.path.clone(), PathBuf::from);
    let (sender, notices) = mpsc::channel();
    let config = WatchConfig::default().directory(directory);
    let watcher = match Watcher::start(config, move |notice| drop(sender.send(notice))) {
        Ok(watcher) => watcher,
        Err(error) => return println!("{MARK}{}", error.code()),
    };
    for notice in &notices {
        match notice {
            Notice::Problem(error) => println!("{MARK}{}", error.code()),
            Notice::Ready if env::var_os(STAY).is_some() => println!("{READY}"),
            // What is wrong with the start was told before.
            Notice::Ready => break,
            _ => {}
        }
    }
    drop(watcher);
}

/// The codes that a process of its own tells.
fn in_own_process(case: &str, change: impl FnOnce(Command) -> Command) -> Vec<String> {
    let output = change(own_process(case)).output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{case}: {stdout}\n{stderr}");
    stdout.lines().filter_map(code_in).collect()
}

fn own_process(case: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args([
            "--exact",
            "the_other_process",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(CASE, case);
    command
}

/// `command`, run by another one, which begins with `words`.
fn through(command: Command, words: &[&str]) -> Command {
    let mut outer = Command::new(words[0]);
    outer
        .args(&words[1..])
        .arg(command.get_program())
        .args(command.get_args());
    for (key, value) in command.get_envs() {
        outer.env(key, value.expect("only set"));
    }
    outer
}

fn can_have_namespaces() -> bool {
    let mut unshare = Command::new("unshare");
    let limit = "echo 0 > /proc/sys/user/max_inotify_watches";
    unshare.args(["--user", "--map-root-user", "sh", "-c", limit]);
    unshare.output().is_ok_and(|output| output.status.success())
}

fn code_in(line: &str) -> Option<String> {
    let (_, code) = line.split_once(MARK)?;
    Some(code.to_owned())
}

fn code(error: &WatchError) -> String {
    error.code().to_owned()
}

/// A process that ends with the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}
