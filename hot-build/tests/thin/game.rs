//! A program that is part of its own reloading.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::support::{Project, package};

/// The hot crate's code. It counts in every kind of variable that a crate can have.
pub(crate) const SCENE: &str = r#"
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
pub(crate) const PAINT: &str = r#"
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
use hot_build::{BuildArgs, Rebuilder, StaticComparison, StaticPair, StaticTypes, DirectBuilder};
use hot_load::layout::{self, StaticComparison as Compared};
use std::ffi::{CString, c_char, c_int, c_void};
use std::io::BufRead;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// The libraries that were opened.
static OPENED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

struct Types;

impl StaticTypes for Types {
    fn compare(&self, owner: Option<&Path>, library: &Path, statics: &[StaticPair<'_>]) -> Vec<StaticComparison> {
        let pairs: Vec<_> = statics.iter().map(|pair| (pair.new, pair.old)).collect();
        let compared = layout::compare_statics(owner, library, &pairs).into_iter();
        compared
            .map(|compared| match compared {
                Compared::Same => StaticComparison::Same,
                Compared::Changed { name, change, .. } => StaticComparison::Changed { name, change },
                Compared::Unknown { problem } => StaticComparison::Unknown { problem },
            })
            .collect()
    }

    fn statics_in(&self, library: &Path) -> Vec<String> {
        layout::statics_in(library)
    }

    fn opened(&self, built: &Path) -> Option<PathBuf> {
        OPENED.lock().unwrap().iter().find(|opened| *opened == built).cloned()
    }
}

unsafe extern "C" {
    fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
}

type Entry = extern "C-unwind" fn(&mut String);

/// Does nothing, for as long as nobody loads a library that has it.
extern "C-unwind" fn nothing(_: &mut String) {}

fn load(file: &Path, name: &str) -> Entry {
    find(file, name).unwrap_or_else(|| panic!("there is no {name}"))
}

fn find(file: &Path, name: &str) -> Option<Entry> {
    let path = CString::new(file.to_str().unwrap()).unwrap();
    unsafe {
        let library = dlopen(path.as_ptr(), 2);
        assert!(!library.is_null(), "it does not load");
        OPENED.lock().unwrap().push(file.to_owned());
        let name = CString::new(name).unwrap();
        let entry = dlsym(library, name.as_ptr());
        (!entry.is_null()).then(|| std::mem::transmute::<*mut c_void, Entry>(entry))
    }
}

fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    let root = std::env::args().nth(1).unwrap();
    let builder = DirectBuilder::thin().with_static_types(Arc::new(Types));
    let mut scene: Entry = scene::hot_entry_scene;
    let mut panic: Entry = scene::hot_entry_panic;
    let mut paint: Entry = paint::hot_entry_paint;
    let mut more: Entry = nothing;
    let mut library = PathBuf::new();
    for line in std::io::stdin().lock().lines() {
        let mut out = String::new();
        match line.unwrap().as_str() {
            "call" => scene(&mut out),
            "call more" => more(&mut out),
            "library" => out = library.display().to_string(),
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
                args.hot_crate.package = Some(format!("GAME_{name}"));
                args.program.package = Some("GAME".into());
                args.program.manifest_dir = Some(format!("{root}/game").into());
                args.program.target_dir = std::env::args().nth(2).map(Into::into);
                match builder.rebuild(&args).unwrap().wait() {
                    Ok(artifact) => {
                        if name == "scene" {
                            scene = load(&artifact.library, "hot_entry_scene");
                            panic = load(&artifact.library, "hot_entry_panic");
                            more = find(&artifact.library, "hot_entry_more").unwrap_or(nothing);
                        } else {
                            paint = load(&artifact.library, "hot_entry_paint");
                        }
                        library.clone_from(&artifact.library);
                        let phases: Vec<_> = artifact.phases.iter().map(|phase| phase.name).collect();
                        out = format!("{} {}", artifact.mode, phases.join("+"));
                        for changed in &artifact.changed_statics {
                            out = format!("{out}; {changed}");
                        }
                        if let Some(reason) = artifact.fallback {
                            out = format!("{out}{reason:?} [{}]", reason.code());
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

/// A program with a hot crate.
pub(crate) struct Game {
    pub(crate) project: Project,
    target_dir: PathBuf,
    pub(crate) program: PathBuf,
}

impl Game {
    /// Builds it. The target directory is that of all programs, and stays: the dependencies are compiled once.
    /// The name is that of the program, and the names of its crates begin with it.
    pub(crate) fn new(name: &str, profile: &str) -> Self {
        Self::with_files(name, profile, &[])
    }

    pub(crate) fn with_files(name: &str, profile: &str, files: &[(&str, &str)]) -> Self {
        Self::with_dependencies(name, profile, "", files)
    }

    /// The dependencies are those of all its crates.
    pub(crate) fn with_dependencies(
        name: &str,
        profile: &str,
        dependencies: &str,
        files: &[(&str, &str)],
    ) -> Self {
        let crates = env!("CARGO_MANIFEST_DIR");
        let manifest = format!(
            "[workspace]\nresolver = \"3\"\nmembers = [\"game\", \"scene\", \"paint\"]\n{profile}"
        );
        let own = |krate: &str| {
            format!("{krate} = {{ package = \"{name}_{krate}\", path = \"../{krate}\" }}\n")
        };
        let library = |krate: &str| {
            package(&format!("{name}_{krate}"))
                + "[lib]\ncrate-type = [\"lib\", \"cdylib\"]\n[dependencies]\n"
                + dependencies
        };
        let game = package(name)
            + "[dependencies]\n"
            + &own("scene")
            + &own("paint")
            + &format!(
                "hot-build = {{ path = \"{crates}\", features = [\"thin\"] }}\n\
                 hot-load = {{ path = \"{crates}/../hot-load\" }}\n"
            );
        let scene = library("scene") + &own("paint");
        let project = Project::new(&[
            ("Cargo.toml", &manifest),
            ("game/Cargo.toml", &game),
            ("game/src/main.rs", &GAME.replace("GAME", name)),
            ("scene/Cargo.toml", &scene),
            ("scene/src/lib.rs", SCENE),
            ("paint/Cargo.toml", &library("paint")),
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
        let target_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("thin");
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

    pub(crate) fn run(&self) -> Running {
        Running::start(&self.program, self)
    }

    /// Adds code at the end of a file.
    pub(crate) fn append(&self, file: &str, code: &str) {
        let text = std::fs::read_to_string(self.project.path(file)).expect("it is there");
        self.project.write(file, &(text + code));
    }

    pub(crate) fn edit(&self, file: &str, old: &str, new: &str) {
        let text = std::fs::read_to_string(self.project.path(file)).expect("it is there");
        assert!(text.contains(old), "{old:?} in {text}");
        self.project.write(file, &text.replace(old, new));
    }
}

impl Drop for Game {
    /// Leaves what all programs use: each of them is larger than that together.
    fn drop(&mut self) {
        let name = self.program.file_name().and_then(|name| name.to_str());
        let name = name.expect("it was made here").to_owned();
        let of_profile = self.target_dir.join("debug");
        for folder in ["deps", "incremental", ""] {
            let files = std::fs::read_dir(of_profile.join(folder));
            for file in files.into_iter().flatten().flatten() {
                let is_own = file.file_name().to_str().is_some_and(|file| {
                    let rest = file
                        .strip_prefix("lib")
                        .unwrap_or(file)
                        .strip_prefix(&*name);
                    // `thin_a` is not `thin_ab`.
                    rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
                });
                if is_own {
                    let file = file.path();
                    // Nothing depends on that they are gone.
                    let _ = std::fs::remove_file(&file).or_else(|_| std::fs::remove_dir_all(&file));
                }
            }
        }
    }
}

/// A program that runs. It ends when it is dropped.
pub(crate) struct Running {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Running {
    pub(crate) fn start(program: &Path, game: &Game) -> Self {
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

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What the program answers.
    pub(crate) fn says(&mut self, line: &str) -> String {
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
