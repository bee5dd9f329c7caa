//! A build leaves nothing running: not when its library is there, not when it is cancelled, not
//! when it is dropped.
//!
//! Processes are held still by a connection to the test: they say that they run by connecting, wait
//! for an answer that never comes, and are gone when the connection is closed.
#![cfg(feature = "cargo")]

mod support;

use std::fs;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use hot_build::{Build, BuildError, BuildReport, BuildResult, CancelSignal};
use support::{Finish, Project, package, reports};

/// Only a guard: nothing here takes that long unless it fails.
const PATIENCE: Duration = Duration::from_secs(120);

struct Gate {
    listener: TcpListener,
}

/// A process that connected.
struct Held {
    connection: TcpStream,
}

impl Gate {
    fn new() -> Self {
        Self {
            listener: TcpListener::bind("127.0.0.1:0").expect("a port is free"),
        }
    }

    /// Rust statements that hold the process still.
    fn hold(&self) -> String {
        let address = self.listener.local_addr().expect("it is bound");
        format!(
            "use std::io::Read;\n\
             let mut gate = std::net::TcpStream::connect(\"{address}\").unwrap();\n\
             gate.read(&mut [0]).unwrap();\n"
        )
    }

    /// The process that `build` comes to and stops at.
    fn wait_for_process_of(&self, build: &Build) -> Held {
        enum Event {
            Connected(io::Result<TcpStream>),
            Done(Box<BuildResult>),
        }
        let (sender, events) = mpsc::channel();
        let done = sender.clone();
        build.on_done(move |result| drop(done.send(Event::Done(Box::new(result)))));
        let listener = self.listener.try_clone().expect("it can be shared");
        thread::spawn(move || {
            let connection = listener.accept().map(|(connection, _)| connection);
            drop(sender.send(Event::Connected(connection)));
        });
        match events.recv_timeout(PATIENCE).expect("something happens") {
            Event::Connected(connection) => {
                let connection = connection.expect("it connected");
                connection
                    .set_read_timeout(Some(PATIENCE))
                    .expect("it is no zero");
                Held { connection }
            }
            Event::Done(result) => panic!("the build did not stop: {result:?}"),
        }
    }
}

impl Held {
    /// Lets the process go on.
    fn release(mut self) {
        self.connection
            .write_all(&[1])
            .expect("the process listens");
    }

    fn assert_killed(mut self) {
        // A killed process closes without a word, or the system resets for it.
        match self.connection.read(&mut [0]) {
            Ok(count) => assert_eq!(count, 0),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
        }
    }
}

/// The game, with a package `slow` that the program also uses and whose *compiler* is held still,
/// by a macro.
fn game_with_held_compiler(gate: &Gate) -> Project {
    let project = Project::game();
    project.write(
        "Cargo.toml",
        "[workspace]\nresolver = \"3\"\n\
         members = [\"game\", \"scene\", \"paint\", \"slow\", \"held\"]\n",
    );
    // A machine with one core would not compile two crates at once.
    project.write(".cargo/config.toml", "[build]\njobs = 4\n");
    project.write(
        "held/Cargo.toml",
        &(package("held") + "[lib]\nproc-macro = true\n"),
    );
    project.write(
        "held/src/lib.rs",
        &format!(
            "#[proc_macro]\n\
             pub fn hold(_: proc_macro::TokenStream) -> proc_macro::TokenStream {{\n\
             {}Default::default()\n}}\n",
            gate.hold()
        ),
    );
    project.write(
        "slow/Cargo.toml",
        &(package("slow") + "[dependencies]\nheld = { path = \"../held\" }\n"),
    );
    project.write("slow/src/lib.rs", "held::hold!();\n");
    project.write(
        "game/Cargo.toml",
        &(package("game")
            + "[dependencies]\nscene = { path = \"../scene\", default-features = false }\n\
               slow = { path = \"../slow\" }\n"),
    );
    project
}

fn game_with_held_build_script(gate: &Gate) -> Project {
    let project = Project::game();
    project.write(
        "scene/build.rs",
        &format!("fn main() {{\n{}}}\n", gate.hold()),
    );
    project
}

#[test]
fn what_is_left_to_build_is_killed_when_the_library_is_there() {
    let (slow, scene) = (Gate::new(), Gate::new());
    let project = game_with_held_compiler(&slow);
    project.write(
        "scene/build.rs",
        &format!("fn main() {{\n{}}}\n", scene.hold()),
    );
    let build = project.scene().build_bin(Some("game"), "game");
    let compiler = slow.wait_for_process_of(&build);
    scene.wait_for_process_of(&build).release();
    // The compiler of `slow` never ends, and the build does.
    build.wait_settled();
    assert_nothing_runs_in(&project);
    compiler.assert_killed();
    assert!(build.finish().is_ok());
    // Cargo was given the time to note down that the scene is up to date.
    assert!(
        project
            .scene()
            .default_build()
            .finish()
            .expect("it builds")
            .fresh
    );
}

#[test]
fn cancelling_kills_the_compiler() {
    let gate = Gate::new();
    let project = game_with_held_compiler(&gate);
    let args = project.scene();
    let build = args.build(Some("slow"));
    let compiler = gate.wait_for_process_of(&build);
    args.cancel_build.cancel();
    compiler.assert_killed();
    build.wait_settled();
    assert_nothing_runs_in(&project);
    assert_eq!(build.finish(), Err(BuildError::Cancelled));
}

#[test]
fn cancelling_kills_a_build_script() {
    let gate = Gate::new();
    let project = game_with_held_build_script(&gate);
    let args = project.scene();
    let build = args.default_build();
    let script = gate.wait_for_process_of(&build);
    args.cancel_build.cancel();
    script.assert_killed();
    assert_eq!(build.finish(), Err(BuildError::Cancelled));
}

#[test]
fn dropping_kills_too() {
    let gate = Gate::new();
    let project = game_with_held_build_script(&gate);
    let build = project.scene().default_build();
    let script = gate.wait_for_process_of(&build);
    drop(build);
    script.assert_killed();
}

#[test]
fn after_a_killed_build_the_next_one_works() {
    let gate = Gate::new();
    let project = game_with_held_build_script(&gate);
    let build = project.scene().default_build();
    let script = gate.wait_for_process_of(&build);
    drop(build);
    script.assert_killed();
    project.write("scene/build.rs", "fn main() {}\n");
    let artifact = project.scene().default_build().finish().expect("it builds");
    assert!(!artifact.fresh && artifact.library.is_file());
}

/// Cargo writes the lock file in place, and may be killed half-way.
#[cfg(unix)]
#[test]
fn a_lock_file_that_was_cut_short_is_put_back() {
    let project = Project::game();
    let lock_file = project.path("Cargo.lock");
    fs::write(&lock_file, "version = 4\n").expect("it can be written");
    let mut args = project.scene();
    let reports = reports(&mut args);
    let mut half_way = Command::new("sh");
    half_way
        .args([
            "-c",
            "printf vers > \"$0\"; echo half-way >&2; exec sleep 1000",
        ])
        .arg(&lock_file);
    let build = args.custom(half_way);
    let said = |report| matches!(report, BuildReport::Line(line) if line == "half-way");
    while !said(reports.recv_timeout(PATIENCE).expect("it gets there")) {}
    assert_eq!(fs::read_to_string(&lock_file).expect("it is there"), "vers");
    build.cancel();
    assert_eq!(build.wait(), Err(BuildError::Cancelled));
    assert_eq!(
        fs::read_to_string(&lock_file).expect("it is there"),
        "version = 4\n"
    );
}

#[test]
fn a_build_cancelled_before_it_starts_never_starts() {
    let project = Project::game();
    let mut args = project.scene();
    args.cancel_build.cancel();
    let reports = reports(&mut args);
    assert_eq!(args.default_build().finish(), Err(BuildError::Cancelled));
    drop(args);
    assert_eq!(reports.iter().count(), 0, "no command was started");
}

#[test]
fn a_build_that_is_done_ignores_its_signal() {
    let project = Project::game();
    let mut args = project.scene();
    let build = args.default_build();
    build.wait_settled();
    args.cancel_build.cancel();
    let artifact = build.finish().expect("it was done");
    args.cancel_build = CancelSignal::new();
    let again = args.default_build().finish().expect("it builds");
    assert!(again.fresh);
    assert_eq!(again.library, artifact.library);
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_that_leaves_the_group_does_not_hold_the_build_up() {
    let project = Project::new(&[]);
    let mut command = Command::new("sh");
    // A daemon that keeps the pipes open until the test writes to it. It is not ours to kill.
    let script = "mkfifo left held && \
                  (setsid sh -c 'echo yes > left; read word < held' &) && \
                  read word < left && echo hello";
    command.args(["-c", script]).current_dir(project.path(""));
    let build = project.args("").custom(command);
    let result = build.finish();
    assert!(
        matches!(result, Err(BuildError::UnknownFormat { .. })),
        "{result:?}"
    );
    fs::write(project.path("held"), "bye\n").expect("the daemon still reads");
}

/// Looks at the working directories of all processes.
#[cfg(target_os = "linux")]
fn assert_nothing_runs_in(project: &Project) {
    let root = project.path("");
    let running: Vec<_> = fs::read_dir("/proc")
        .expect("there is a process table")
        .filter_map(|entry| {
            let process = entry.ok()?.path();
            let directory = fs::read_link(process.join("cwd")).ok()?;
            directory
                .starts_with(&root)
                .then(|| fs::read_to_string(process.join("cmdline")))
        })
        .collect();
    assert!(running.is_empty(), "{running:?}");
}

#[cfg(not(target_os = "linux"))]
fn assert_nothing_runs_in(_: &Project) {}
