//! Thin libraries in real programs: each test builds a program that is part of its own reloading, runs it,
//! edits its crates, and asks it what it sees.

#![cfg(all(feature = "thin", target_os = "linux", target_arch = "x86_64"))]

mod support;

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use support::{Project, package};

/// The hot crate's code. It counts in every kind of variable that a crate can have.
const SCENE: &str = r#"
use std::cell::{Cell, RefCell};
use std::fmt::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

static CALLS: AtomicU32 = AtomicU32::new(0);
static LIST: Mutex<Vec<u32>> = Mutex::new(Vec::new());
static BY_REFERENCE: &AtomicU32 = &CALLS;
thread_local! {
    static PLAIN: Cell<u32> = const { Cell::new(0) };
    static LAZY: RefCell<Vec<u32>> = RefCell::new(Vec::new());
}

#[unsafe(no_mangle)]
pub extern "C-unwind" fn hot_entry_scene(out: &mut String) {
    BY_REFERENCE.fetch_add(1, Ordering::SeqCst);
    LIST.lock().unwrap().push(0);
    PLAIN.set(PLAIN.get() + 1);
    LAZY.with_borrow_mut(|list| list.push(0));
    let list = LIST.lock().unwrap().len();
    let lazy = LAZY.with_borrow(Vec::len);
    let calls = CALLS.load(Ordering::SeqCst);
    let (paint, painted, brush) = paint::paint();
    write!(out, "one {calls} {list} {} {lazy} {paint} {painted} {brush}", PLAIN.get()).unwrap();
}

#[unsafe(no_mangle)]
pub extern "C-unwind" fn hot_entry_panic(out: &mut String) {
    struct Guard<'a>(&'a mut String);
    impl Drop for Guard<'_> {
        fn drop(&mut self) {
            self.0.push_str("dropped");
        }
    }
    let _guard = Guard(out);
    let empty: Vec<u32> = Vec::new();
    let _ = empty[PLAIN.get() as usize];
}
"#;

/// A crate that the hot crate uses.
const PAINT: &str = r#"
use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};

static PAINTED: AtomicU32 = AtomicU32::new(0);
thread_local! { static BRUSH: Cell<u32> = const { Cell::new(0) }; }

pub fn paint() -> (&'static str, u32, u32) {
    BRUSH.set(BRUSH.get() + 1);
    ("red", PAINTED.fetch_add(1, Ordering::SeqCst) + 1, BRUSH.get())
}

#[unsafe(no_mangle)]
pub extern "C-unwind" fn hot_entry_paint(out: &mut String) {
    out.push_str(&format!("{:?}", paint()));
}
"#;

/// The program. It does what it is told line by line, and answers each line with one.
const GAME: &str = r#"
use hot_build::{BuildArgs, Rebuilder, ThinBuilder};
use std::ffi::{CString, c_char, c_int, c_void};
use std::io::BufRead;
use std::panic::{AssertUnwindSafe, catch_unwind};

unsafe extern "C" {
    fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
}

type Entry = extern "C-unwind" fn(&mut String);

fn load(path: &std::path::Path, name: &str) -> Entry {
    let path = CString::new(path.to_str().unwrap()).unwrap();
    unsafe {
        let library = dlopen(path.as_ptr(), 2);
        assert!(!library.is_null(), "it does not load");
        let name = CString::new(name).unwrap();
        let entry = dlsym(library, name.as_ptr());
        assert!(!entry.is_null(), "there is no {name:?}");
        std::mem::transmute::<*mut c_void, Entry>(entry)
    }
}

fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    let root = std::env::args().nth(1).unwrap();
    let builder = ThinBuilder::new();
    let mut scene: Entry = scene::hot_entry_scene;
    let mut panic: Entry = scene::hot_entry_panic;
    let mut paint: Entry = paint::hot_entry_paint;
    for line in std::io::stdin().lock().lines() {
        let mut out = String::new();
        match line.unwrap().as_str() {
            "call" => scene(&mut out),
            "call paint" => paint(&mut out),
            "call in a thread" => {
                out = std::thread::spawn(move || { let mut out = String::new(); scene(&mut out); out }).join().unwrap();
            }
            "panic" => {
                let caught = catch_unwind(AssertUnwindSafe(|| panic(&mut out)));
                out.push_str(if caught.is_err() { ", caught" } else { ", not caught" });
            }
            command @ ("build" | "build paint") => {
                let name = if command == "build" { "scene" } else { "paint" };
                let mut args = BuildArgs::new(format!("{root}/{name}"));
                args.hot_crate.package = Some(name.into());
                args.program.package = Some("GAME".into());
                args.program.manifest_dir = Some(format!("{root}/game").into());
                args.program.target_dir = std::env::args().nth(2).map(Into::into);
                match builder.rebuild(&args).unwrap().wait() {
                    Ok(artifact) => {
                        if name == "scene" {
                            scene = load(&artifact.library, "hot_entry_scene");
                            panic = load(&artifact.library, "hot_entry_panic");
                        } else {
                            paint = load(&artifact.library, "hot_entry_paint");
                        }
                        let phases: Vec<_> = artifact.phases.iter().map(|phase| phase.name).collect();
                        out = format!("{} {}", artifact.mode, phases.join("+"));
                        if let Some(reason) = artifact.fallback {
                            out = format!("{out}{reason:?}");
                        }
                    }
                    Err(error) => out = format!("{:?}", error.diagnostics().iter().map(|d| &d.message).collect::<Vec<_>>()),
                }
            }
            other => panic!("{other}"),
        }
        println!("{}", out.replace('\n', " "));
    }
}
"#;

#[test]
fn variables_live_on_and_cargo_is_asked_once() {
    let game = Game::new("thin_game", "");
    let mut running = game.run();
    assert_eq!(running.says("call"), "one 1 1 1 1 red 1 1");

    game.edit("scene/src/lib.rs", "\"one ", "\"two ");
    assert_eq!(running.says("build"), "thin cargo+record+link");
    assert_eq!(running.says("call"), "two 2 2 2 2 red 2 2");

    game.edit("scene/src/lib.rs", "\"two ", "\"three ");
    assert_eq!(running.says("build"), "thin plan+compile+link");
    assert_eq!(running.says("call"), "three 3 3 3 3 red 3 3");
    assert_eq!(running.says("call in a thread"), "three 4 4 1 1 red 4 1");
    assert_eq!(running.says("panic"), "dropped, caught");

    // What the crate used to have none of.
    game.edit(
        "scene/src/lib.rs",
        "static CALLS",
        "static NEW: AtomicU32 = AtomicU32::new(40);\n\
         thread_local! { static NEW_LOCAL: Cell<u32> = const { Cell::new(50) }; }\nstatic CALLS",
    );
    game.edit(
        "scene/src/lib.rs",
        "write!(out, \"three ",
        "let sorted: std::collections::BTreeMap<u8, u8> = [(2, 0), (1, 0)].into();\n\
         write!(out, \"{:?} {} {} \", sorted.keys(), NEW.load(Ordering::SeqCst), NEW_LOCAL.get()).unwrap();\n\
         write!(out, \"four ",
    );
    assert_eq!(running.says("build"), "thin plan+compile+link");
    assert_eq!(running.says("call"), "[1, 2] 40 50 four 5 5 4 4 red 5 4");
}

#[test]
fn what_cargo_decides_is_left_to_cargo() {
    let game = Game::new("thin_planned", "");
    let mut running = game.run();
    game.edit("scene/src/lib.rs", "\"one ", "\"two ");
    assert_eq!(running.says("build"), "thin cargo+record+link");

    // Nobody knows how this crate is compiled until cargo has compiled it once.
    game.edit("paint/src/lib.rs", "\"red\"", "\"green\"");
    assert_eq!(running.says("build"), "thin cargo+record+link");
    assert_eq!(running.says("call"), "two 1 1 1 1 green 1 1");
    game.edit("paint/src/lib.rs", "\"green\"", "\"blue\"");
    assert_eq!(running.says("build"), "thin plan+compile+compile+link");
    assert_eq!(running.says("call"), "two 2 2 2 2 blue 2 2");
    game.edit("scene/src/lib.rs", "\"two ", "\"three ");
    assert_eq!(running.says("build"), "thin plan+compile+link");
    assert_eq!(running.says("call"), "three 3 3 3 3 blue 3 3");

    game.edit("scene/Cargo.toml", "[lib]", "[features]\nfog = []\n[lib]");
    assert_eq!(running.says("build"), "thin cargo+record+link");
    assert_eq!(running.says("call"), "three 4 4 4 4 blue 4 4");

    game.edit("scene/src/lib.rs", "static LIST", "statik LIST");
    let says = running.says("build");
    assert!(says.contains("expected"), "{says}");
    game.edit("scene/src/lib.rs", "statik LIST", "static LIST");
    game.edit("scene/src/lib.rs", "\"three ", "\"four ");
    assert_eq!(running.says("build"), "thin plan+compile+link");
    assert_eq!(running.says("call"), "four 5 5 5 5 blue 5 5");
}

#[test]
fn two_crates_of_one_program_share_their_variables() {
    let game = Game::new("thin_two", "");
    let mut running = game.run();
    assert_eq!(running.says("call"), "one 1 1 1 1 red 1 1");
    game.edit("paint/src/lib.rs", "\"red\"", "\"green\"");
    assert_eq!(running.says("build paint"), "thin cargo+record+link");
    assert_eq!(running.says("call paint"), "(\"green\", 2, 2)");
    assert_eq!(running.says("call"), "one 2 2 2 2 red 3 3");

    // The scene is compiled against the paint of today, so it must not call that of the program.
    game.edit("scene/src/lib.rs", "\"one ", "\"two ");
    assert_eq!(running.says("build"), "thin cargo+record+link");
    assert_eq!(running.says("call"), "two 3 3 3 3 green 4 4");
    game.edit("paint/src/lib.rs", "\"green\"", "\"blue\"");
    assert_eq!(running.says("build paint"), "thin plan+compile+link");
    assert_eq!(running.says("call paint"), "(\"blue\", 5, 5)");
    assert_eq!(running.says("build"), "thin plan+compile+compile+link");
    assert_eq!(running.says("call"), "two 4 4 4 4 blue 6 6");
}

#[test]
fn a_program_at_a_fixed_address() {
    let game = Game::with_files(
        "thin_fixed",
        "",
        &[(
            "game/build.rs",
            "fn main() { println!(\"cargo::rustc-link-arg-bins=-no-pie\"); }",
        )],
    );
    let mut running = game.run();
    assert_eq!(running.says("call"), "one 1 1 1 1 red 1 1");
    game.edit("scene/src/lib.rs", "\"one ", "\"two ");
    assert_eq!(running.says("build"), "thin cargo+record+link");
    assert_eq!(running.says("call"), "two 2 2 2 2 red 2 2");
    assert_eq!(running.says("panic"), "dropped, caught");
}

#[test]
fn debug_information_is_not_needed() {
    let game = Game::new("thin_bare", "[profile.dev]\ndebug = 0\n");
    let mut running = game.run();
    assert_eq!(running.says("call"), "one 1 1 1 1 red 1 1");
    game.edit("scene/src/lib.rs", "\"one ", "\"two ");
    assert_eq!(running.says("build"), "thin cargo+record+link");
    assert_eq!(running.says("call"), "two 2 2 2 2 red 2 2");
    assert_eq!(running.says("panic"), "dropped, caught");
}

#[test]
fn optimised_code_that_cannot_be_led_is_built_in_full() {
    let game = Game::new(
        "thin_optimised",
        "[profile.dev.package.scene]\nopt-level = 2\n",
    );
    let mut running = game.run();
    game.edit("scene/src/lib.rs", "\"one ", "\"two ");
    let says = running.says("build");
    assert!(says.starts_with("full "), "{says}");
    assert!(says.contains("UnreachableStatic"), "{says}");
    assert_eq!(running.says("call"), "two 1 1 1 1 red 1 1");
}

#[test]
fn a_program_without_symbols_gets_full_libraries() {
    let game = Game::new("thin_stripped", "");
    let stripped = game.program.with_file_name("thin_stripped_of_symbols");
    let sysroot = Command::new("rustc")
        .args(["--print", "sysroot"])
        .output()
        .expect("rustc runs");
    let sysroot = String::from_utf8(sysroot.stdout).expect("a path");
    let objcopy =
        Path::new(sysroot.trim_end()).join("lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-objcopy");
    let status = Command::new(objcopy)
        .arg("--strip-all")
        .args([&game.program, &stripped])
        .status()
        .expect("the toolchain has an objcopy");
    assert!(status.success());
    let mut running = Running::start(&stripped, &game);
    game.edit("scene/src/lib.rs", "\"one ", "\"two ");
    let says = running.says("build");
    assert!(says.starts_with("full "), "{says}");
    assert!(says.contains("ProgramStripped"), "{says}");
    assert_eq!(running.says("call"), "two 1 1 1 1 red 1 1");
}

/// A program with a hot crate.
struct Game {
    project: Project,
    target_dir: PathBuf,
    program: PathBuf,
}

impl Game {
    /// Builds it, in a target directory of that name, which stays: the dependencies are compiled once.
    fn new(name: &str, profile: &str) -> Self {
        Self::with_files(name, profile, &[])
    }

    fn with_files(name: &str, profile: &str, files: &[(&str, &str)]) -> Self {
        let crates = env!("CARGO_MANIFEST_DIR");
        let manifest = format!(
            "[workspace]\nresolver = \"3\"\nmembers = [\"game\", \"scene\", \"paint\"]\n{profile}"
        );
        let game = package(name)
            + &format!(
                "[dependencies]\nscene = {{ path = \"../scene\" }}\npaint = {{ path = \"../paint\" }}\n\
                 hot-build = {{ path = \"{crates}\", features = [\"thin\"] }}\n"
            );
        let scene = package("scene")
            + "[lib]\ncrate-type = [\"lib\", \"cdylib\"]\n[dependencies]\npaint = { path = \"../paint\" }\n";
        let project = Project::new(&[
            ("Cargo.toml", &manifest),
            ("game/Cargo.toml", &game),
            ("game/src/main.rs", &GAME.replace("GAME", name)),
            ("scene/Cargo.toml", &scene),
            ("scene/src/lib.rs", SCENE),
            (
                "paint/Cargo.toml",
                &(package("paint") + "[lib]\ncrate-type = [\"lib\", \"cdylib\"]\n"),
            ),
            ("paint/src/lib.rs", PAINT),
        ]);
        for (path, text) in files {
            project.write(path, text);
        }
        // The versions of this workspace, which are on this computer already.
        let lock = Path::new(crates).with_file_name("Cargo.lock");
        if let Ok(lock) = std::fs::read_to_string(lock) {
            project.write("Cargo.lock", &lock);
        }
        let target_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let output = Command::new(env!("CARGO"))
            .args(["build", "--package", name])
            .arg("--target-dir")
            .arg(&target_dir)
            .current_dir(project.path(""))
            .output()
            .expect("cargo runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Self {
            program: target_dir.join("debug").join(name),
            target_dir,
            project,
        }
    }

    fn run(&self) -> Running {
        Running::start(&self.program, self)
    }

    fn edit(&self, file: &str, old: &str, new: &str) {
        let text = std::fs::read_to_string(self.project.path(file)).expect("it is there");
        assert!(text.contains(old), "{old:?} in {text}");
        self.project.write(file, &text.replace(old, new));
    }
}

/// A program that runs. It ends when it is dropped.
struct Running {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(program: &Path, game: &Game) -> Self {
        let mut command = Command::new(program);
        for (key, _) in std::env::vars_os() {
            let key = key.to_string_lossy().into_owned();
            if key.starts_with("CARGO") && key != "CARGO_HOME" {
                command.env_remove(key);
            }
        }
        let mut child = command
            .arg(game.project.path(""))
            .arg(&game.target_dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let input = child.stdin.take().expect("it is piped");
        let output = child.stdout.take().expect("it is piped");
        Self {
            child,
            input,
            output: BufReader::new(output).lines(),
        }
    }

    /// What the program answers.
    fn says(&mut self, line: &str) -> String {
        writeln!(self.input, "{line}").expect("the program listens");
        self.output
            .next()
            .expect("the program answers")
            .expect("in text")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
