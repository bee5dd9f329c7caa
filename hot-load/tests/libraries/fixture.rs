//! The fixture workspace: a program and its hot crate in two editions, built once for all tests.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What was built.
pub(crate) struct Fixture {
    folder: PathBuf,
}

/// One program of the fixture.
#[derive(Clone, Copy)]
pub(crate) enum Program {
    /// With std's allocator, and everything forwarded.
    System,
    /// With an allocator that knows its blocks, declared to hot-abi.
    Checking,
    /// With mimalloc, declared to hot-abi.
    Mimalloc,
    /// With std's allocator, and nothing forwarded.
    Plain,
    /// With a `#[global_allocator]` that hot-abi does not know of.
    Undeclared,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(Fixture::build);

/// The fixture, built now if this is its first use.
pub(crate) fn fixture() -> &'static Fixture {
    &FIXTURE
}

impl Fixture {
    /// The library of an edition, `first` or `second`, as the forwarding programs link it.
    pub(crate) fn library(&self, edition: &str) -> PathBuf {
        self.artifact(&format!("{edition}.library"))
    }

    /// The library of the first edition, as the programs link it that forward nothing.
    pub(crate) fn plain_library(&self) -> PathBuf {
        self.artifact("plain.library")
    }

    /// A library that is no hot crate's.
    pub(crate) fn stranger(&self) -> PathBuf {
        self.artifact("stranger.library")
    }

    /// The library of the first edition with another profile, built now: its panics abort, and it has no debug
    /// assertions.
    pub(crate) fn built_otherwise(&self) -> PathBuf {
        let target = self.folder.join("target-otherwise");
        self.cargo_into(
            &target,
            &[
                "--package=scene",
                "--lib",
                "--features=hot-abi/reload",
                "--config=profile.dev.panic='abort'",
                "--config=profile.dev.debug-assertions=false",
            ],
        );
        target.join("debug").join(file_name("libscene"))
    }

    /// A command that runs a program through a scenario.
    pub(crate) fn command(
        &self,
        program: Program,
        scenario: &str,
        libraries: &[PathBuf],
    ) -> Command {
        let mut command = Command::new(self.program(program));
        command.stdin(Stdio::null());
        command.arg(scenario).args(libraries);
        command
    }

    /// The file of a program.
    pub(crate) fn program(&self, program: Program) -> PathBuf {
        self.artifact(match program {
            Program::System => "system",
            Program::Checking => "checking",
            Program::Mimalloc => "mimalloc",
            Program::Plain => "plain",
            Program::Undeclared => "undeclared",
        })
    }

    /// Runs a program with both editions through a scenario, and returns what it told.
    pub(crate) fn run(&self, program: Program, scenario: &str) -> String {
        let libraries = [self.library("first"), self.library("second")];
        told(&mut self.command(program, scenario, &libraries))
    }

    fn artifact(&self, name: &str) -> PathBuf {
        self.folder.join("artifacts").join(name)
    }

    fn build() -> Fixture {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fixture");
        fs::create_dir_all(folder.join("artifacts")).unwrap();
        // Another run of the tests may be at it, too.
        let lock = File::create(folder.join("lock")).unwrap();
        lock.lock().unwrap();
        let fixture = Fixture { folder };
        copy_changed(&source(), &fixture.workspace());

        fixture.cargo(&[
            "--package=host",
            "--package=scene",
            "--package=stranger",
            "--bins",
            "--lib",
            FORWARD,
        ]);
        fixture.keep("libscene", "first.library");
        fixture.keep("libstranger", "stranger.library");
        for program in ["system", "checking", "mimalloc"] {
            fixture.keep(program, program);
        }
        fixture.cargo(&["--package=host", "--package=scene", "--bins", "--lib"]);
        fixture.keep("libscene", "plain.library");
        fixture.keep("system", "plain");
        fixture.keep("undeclared", "undeclared");

        let scene = fixture.workspace().join("scene");
        fs::copy(
            scene.join("editions/second.rs"),
            scene.join("src/edition.rs"),
        )
        .unwrap();
        fixture.cargo(&["--package=host", "--package=scene", "--lib", FORWARD]);
        fixture.keep("libscene", "second.library");
        fixture
    }

    fn workspace(&self) -> PathBuf {
        self.folder.join("workspace")
    }

    fn cargo(&self, args: &[&str]) {
        self.cargo_into(&self.folder.join("target"), args);
    }

    fn cargo_into(&self, target: &Path, args: &[&str]) {
        let mut command = Command::new(env!("CARGO"));
        command
            .args(["build", "--quiet"])
            .args(args)
            .current_dir(self.workspace())
            .arg("--target-dir")
            .arg(target);
        let output = command.output().unwrap();
        assert!(
            output.status.success(),
            "{command:?} failed:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Keeps a file that cargo made, before it makes the next of that name.
    fn keep(&self, made: &str, name: &str) {
        // A new file each time: the one of an earlier run may still be mapped.
        let kept = self.artifact(name);
        let _ = fs::remove_file(&kept);
        fs::copy(self.folder.join("target/debug").join(file_name(made)), kept).unwrap();
    }
}

/// How the system names a library, `lib` and its name, or a program.
fn file_name(made: &str) -> String {
    match made.strip_prefix("lib") {
        Some(library) => format!(
            "{}{library}{}",
            std::env::consts::DLL_PREFIX,
            std::env::consts::DLL_SUFFIX
        ),
        None => format!("{made}{}", std::env::consts::EXE_SUFFIX),
    }
}

const FORWARD: &str = "--features=host/forward";

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixture")
}

/// Copies the files that differ: cargo goes by the time of their last change.
fn copy_changed(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().unwrap().is_dir() {
            copy_changed(&from, &to);
            continue;
        }
        let mut text = fs::read_to_string(&from).unwrap();
        if entry.file_name() == "Cargo.toml" {
            let packages = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
            // Toml's literal strings, so that the separators of Windows stay what they are.
            for package in ["hot-abi", "hot-load"] {
                let absolute = format!("'{}'", packages.join(package).display());
                text = text.replace(&format!("\"../../../{package}\""), &absolute);
            }
        }
        if fs::read_to_string(&to).ok().as_ref() != Some(&text) {
            fs::write(&to, text).unwrap();
        }
    }
}

/// Runs a command to its end, which must be a good one, and returns its output.
pub(crate) fn told(command: &mut Command) -> String {
    let output = ended(command);
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command to its end, and ends it if that takes far too long.
pub(crate) fn ended(command: &mut Command) -> Output {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (closed, both_closed) = mpsc::channel();
    let stdout = read_on_thread(child.stdout.take().unwrap(), closed.clone());
    let stderr = read_on_thread(child.stderr.take().unwrap(), closed);
    let in_time = (0..2).all(|_| both_closed.recv_timeout(PATIENCE).is_ok());
    if !in_time {
        child.kill().unwrap();
    }
    let output = Output {
        status: child.wait().unwrap(),
        stdout: stdout.join().unwrap(),
        stderr: stderr.join().unwrap(),
    };
    assert!(
        in_time,
        "{command:?} hangs, after it told:\n{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// How long a scenario may take that takes a second or two, and with valgrind ten.
const PATIENCE: Duration = Duration::from_secs(180);

fn read_on_thread(mut pipe: impl Read + Send + 'static, closed: Sender<()>) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut read = Vec::new();
        pipe.read_to_end(&mut read).unwrap();
        // The other end is gone once the program was given up.
        let _ = closed.send(());
        read
    })
}

/// Compares what was told with what is expected, which is indented as the test is.
#[track_caller]
pub(crate) fn assert_told(told: &str, expected: &str) {
    let lines = expected.trim_matches('\n').lines();
    let margin = lines
        .clone()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start().len())
        .min()
        .unwrap_or(0);
    let expected: Vec<_> = lines
        .map(|line| line.get(margin..).unwrap_or_default())
        .collect();
    let expected = expected.join("\n");
    assert_eq!(
        told.trim_end(),
        expected.trim_end(),
        "\n--- told:\n{told}\n--- expected:\n{expected}"
    );
}
