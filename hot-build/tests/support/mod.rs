//! Projects in temporary directories, for real cargo to build.

// Each test file is a program of its own and uses a part of this one.
#![allow(dead_code)]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{self, Receiver};

use hot_build::{Build, BuildArgs, BuildReport, BuildResult, Reporter};
use tempfile::TempDir;

/// A directory of files, with a target directory of its own.
pub(crate) struct Project {
    directory: TempDir,
}

impl Project {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("hot build ")
            .tempdir()
            .expect("a temporary directory can be made");
        let project = Self { directory };
        for (path, text) in files {
            project.write(path, text);
        }
        project
    }

    /// A workspace of the program `game`, the hot crate `scene`, and `paint`, which both use.
    ///
    /// Features are arranged so that only the program's own selection gets them right: the program
    /// turns off the scene's defaults, and turns on a feature of `paint` that the scene does not.
    pub(crate) fn game() -> Self {
        Self::new(&[
            (
                "Cargo.toml",
                "[workspace]\nresolver = \"3\"\nmembers = [\"game\", \"scene\", \"paint\"]\n",
            ),
            (
                "game/Cargo.toml",
                &(package("game")
                    + "[features]\ndefault = [\"sound\"]\nsound = []\nbig = [\"paint/big\"]\n\
                       [dependencies]\nscene = { path = \"../scene\", default-features = false }\n\
                       paint = { path = \"../paint\", features = [\"red\"] }\n"),
            ),
            (
                "game/src/main.rs",
                "fn main() {\n    println!(\"{}\", scene::step());\n}\n",
            ),
            (
                "scene/Cargo.toml",
                &(package("scene")
                    + "[lib]\ncrate-type = [\"lib\", \"cdylib\"]\n\
                       [features]\ndefault = [\"fog\"]\nfog = []\n\
                       [dependencies]\npaint = { path = \"../paint\" }\n"),
            ),
            ("scene/src/lib.rs", SCENE),
            (
                "paint/Cargo.toml",
                &(package("paint") + "[features]\nred = []\nbig = []\n"),
            ),
            (
                "paint/src/lib.rs",
                "pub fn features() -> &'static str {\n    match (cfg!(feature = \"red\"), \
                 cfg!(feature = \"big\")) {\n        (true, true) => \"paint: red, big\",\n        \
                 (true, false) => \"paint: red\",\n        _ => \"paint: plain\",\n    }\n}\n",
            ),
        ])
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.directory
            .path()
            .canonicalize()
            .expect("the directory is there")
            .join(path)
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.directory.path().join(path);
        fs::create_dir_all(path.parent().expect("it is in a directory")).expect("can be made");
        fs::write(&path, text).expect("can be written");
    }

    /// Arguments for a crate of the project, with nothing known about the program but where it
    /// builds: a target directory set for the tests themselves must not be shared.
    pub(crate) fn args(&self, manifest_dir: &str) -> BuildArgs {
        let mut args = BuildArgs::new(self.path(manifest_dir));
        args.program.target_dir = Some(self.path("target"));
        args
    }

    /// Arguments for the scene of [`game`](Self::game).
    pub(crate) fn scene(&self) -> BuildArgs {
        let mut args = self.args("scene");
        args.hot_crate.package = Some("scene".to_owned());
        args.hot_crate.default_features = false;
        args.program.package = Some("game".to_owned());
        args.program.manifest_dir = Some(self.path("game"));
        args
    }

    /// Runs cargo as the user would, in a terminal.
    pub(crate) fn cargo(&self, args: &[&str]) -> String {
        let mut command = Command::new("cargo");
        for (key, _) in env::vars_os() {
            if key.to_string_lossy().starts_with("CARGO_") && key != "CARGO_HOME" {
                command.env_remove(key);
            }
        }
        let output = command
            .args(args)
            .env("CARGO_TARGET_DIR", self.path("target"))
            .current_dir(self.path(""))
            .output()
            .expect("cargo runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cargo {args:?}: {stderr}");
        format!("{}{stderr}", String::from_utf8_lossy(&output.stdout))
    }
}

pub(crate) const SCENE: &str = "pub fn step() -> String {\n    \
     format!(\"{}, fog: {}\", paint::features(), cfg!(feature = \"fog\"))\n}\n\
     #[unsafe(no_mangle)]\npub extern \"C\" fn scene_entry() -> u32 {\n    \
     step().len() as u32\n}\n";

/// Waits until the build is done and nothing of it runs any more, so that the project can be
/// removed.
pub(crate) trait Finish {
    fn finish(self) -> BuildResult;
}

impl Finish for Build {
    fn finish(self) -> BuildResult {
        self.wait_settled();
        self.wait()
    }
}

/// The head of a manifest.
pub(crate) fn package(name: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n")
}

/// Has `args` send its reports here.
pub(crate) fn reports(args: &mut BuildArgs) -> Receiver<BuildReport> {
    let (sender, receiver) = mpsc::channel();
    // A test that has seen enough drops the receiver.
    args.reporter = Reporter::new(move |report| drop(sender.send(report)));
    receiver
}

/// Runs the test `name` of this program once more, in a process of its own whose environment
/// `change` has changed. True in the new process, where the test is to go on; false in the old
/// one, where it has passed.
pub(crate) fn in_own_process(name: &str, change: impl FnOnce(&mut Command)) -> bool {
    const MARK: &str = "HOT_BUILD_TEST_PROCESS";
    if env::var_os(MARK).is_some() {
        return true;
    }
    let mut command = Command::new(env::current_exe().expect("a test has a path"));
    command
        .args(["--exact", name, "--nocapture"])
        .env(MARK, "1");
    change(&mut command);
    let output = command.output().expect("the test runs");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && stdout.contains("1 passed"),
        "{stdout}\n{stderr}"
    );
    false
}

pub(crate) fn contains(file: &Path, text: &str) -> bool {
    let bytes = fs::read(file).expect("the file is there");
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}
