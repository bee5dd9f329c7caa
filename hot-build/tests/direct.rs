//! Builds without cargo, and when cargo has to be asked: a real program builds its own hot crate while its
//! files are edited, and says what was run for it.

#![cfg(all(
    feature = "thin",
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]

mod support;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use support::package;

const SCENE: &str = r#"
hot_abi::hot_entry!();
held::hold!();

#[hot_abi::hot_fn]
pub fn step() -> String {
    format!("says one. {} {:?}", paint::paint(), option_env!("SCENE_MOOD"))
}
"#;

const PAINT: &str = "pub fn paint() -> &'static str {\n    \"says red.\"\n}\n";

/// Holds the compiler still, where the environment says at which address.
const HELD: &str = r#"
use std::io::Read;

#[proc_macro]
pub fn hold(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
    if let Ok(address) = std::env::var("HOLD_THE_COMPILER") {
        let mut gate = std::net::TcpStream::connect(address).unwrap();
        gate.read(&mut [0]).unwrap();
    }
    Default::default()
}

/// The number of the compiler's process, as text.
#[proc_macro]
pub fn compiler(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
    format!("\"{}\"", std::process::id()).parse().unwrap()
}
"#;

#[test]
fn cargo_is_not_even_asked_at_first() {
    let game = Game::new();
    let mut running = game.run(&[]);
    game.edit("scene/src/lib.rs", "says one.", "says two.");
    running.builds("thin record+plan+compile+link", "", "rustc", "two");
    game.edit("scene/src/lib.rs", "says two.", "says three.");
    running.builds("thin plan+compile+link", "", "rustc", "three");

    // Once more in a program that began with other sources than it was built from.
    let mut running = game.run(&[]);
    running.says("prepare");
    // Who comes first does it.
    let says = running.says("build");
    assert!(
        says.ends_with("plan+compile+link |  | rustc | three"),
        "{says}"
    );
    game.edit("scene/src/lib.rs", "says three.", "says four.");
    running.builds("thin plan+compile+link", "", "rustc", "four");

    // Nothing of that is cargo's business.
    assert!(game.cargo().contains("Compiling scene"));
    assert!(!game.cargo().contains("Compiling"));
}

#[test]
fn full_libraries_need_no_cargo_either() {
    // Any argument of the linker will do that is seen in the library.
    let script = "fn main() {\n    println!(\"cargo::rerun-if-changed=build.rs\");\n    \
                  println!(\"cargo::rustc-cdylib-link-arg=-Wl,-soname,says linked.\");\n}\n";
    let game = Game::with(&[("scene/build.rs", script)]);
    let mut running = game.run(&[]);
    game.edit("scene/src/lib.rs", "says one.", "says two.");
    running.links("full record+plan+compile+link", "", "rustc", "two");
    let says = running.says("full");
    assert!(says.starts_with("fresh plan+compile+link"), "{says}");
    assert!(says.contains("linked"), "{says}");
    game.edit("scene/src/lib.rs", "says two.", "says three.");
    running.links("full plan+compile+link", "", "rustc", "three");

    // A crate below, once it is known how it is compiled.
    game.edit("paint/src/lib.rs", "red", "green");
    running.links("full cargo+record", "NotRecorded", "cargo", "green");
    game.edit("paint/src/lib.rs", "green", "blue");
    running.links("full plan+compile+compile+link", "", "rustc+rustc", "blue");

    // An error of the linker is one of the code.
    let missing = "#[link(name = \"is_nowhere\")]\nunsafe extern \"C\" {}\n";
    let scene = game.read("scene/src/lib.rs");
    game.write("scene/src/lib.rs", &(scene.clone() + missing));
    let says = running.says("full");
    assert!(
        says.contains("| rustc+error |") && says.contains("linking"),
        "{says}"
    );
    game.write("scene/src/lib.rs", &scene);
    running.links("fresh plan+compile+link", "", "rustc", "blue");
}

#[test]
fn what_looks_beside_itself_lies_where_cargo_puts_it() {
    let script = "fn main() {\n    println!(\"cargo::rerun-if-changed=build.rs\");\n    \
                  println!(\"cargo::rustc-cdylib-link-arg=-Wl,-rpath,$ORIGIN\");\n}\n";
    let game = Game::with(&[("scene/build.rs", script)]);
    let mut running = game.run(&[]);
    game.edit("scene/src/lib.rs", "says one.", "says two.");
    running.links("full cargo+record", "RelativeSearchPath", "cargo", "two");
    game.edit("scene/src/lib.rs", "says two.", "says three.");
    running.links("full cargo+record", "RelativeSearchPath", "cargo", "three");
}

#[test]
fn a_thin_library_that_cannot_be_is_a_full_one_of_the_same_run() {
    // Nobody here knows types.
    let counts = "static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);\n\
                  #[hot_abi::hot_fn]\npub fn count() -> u32 {\n    \
                  COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)\n}\n";
    let game = Game::with(&[("scene/src/lib.rs", &(SCENE.to_owned() + counts))]);
    let mut running = game.run(&[]);
    let says = running.says("build");
    assert!(says.starts_with("full StaticTypeUnknown"), "{says}");
    let twice = " record+plan+compile+link+compile+link |  | rustc+rustc | one";
    assert!(says.contains(twice), "{says}");
    game.edit("scene/src/lib.rs", "says one.", "says two.");
    let says = running.says("build");
    assert!(says.starts_with("full StaticTypeUnknown"), "{says}");
    assert!(
        says.contains(" plan+compile+link+link |  | rustc | two"),
        "{says}"
    );
    // And thin again as soon as it can be.
    game.write("scene/src/lib.rs", SCENE);
    running.builds("thin plan+compile+link", "", "rustc", "one");
    game.edit("scene/src/lib.rs", "says one.", "says three.");
    running.builds("thin plan+compile+link", "", "rustc", "three");
}

#[test]
fn errors_are_cargos_until_the_command_has_worked() {
    let game = Game::new();
    // Where the compiler writes, it is noted that the command worked, for the next process, too.
    let noted = game.target_dir().join("debug/deps/hot-thin");
    fs::remove_dir_all(noted)
        .or_else(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })
        .expect("it can be removed");
    let mut running = game.run(&[]);
    game.edit("scene/src/lib.rs", "format!", "formad!");
    let says = running.says("build");
    assert!(says.contains("| rustc+cargo+error |"), "{says}");
    game.edit("scene/src/lib.rs", "formad!", "format!");
    running.builds("thin plan+compile+link", "", "rustc", "one");
    game.edit("scene/src/lib.rs", "format!", "formad!");
    let says = running.says("build");
    assert!(says.contains("| rustc+error |"), "{says}");
    drop(running);

    // It has worked in another process, for a program that was built in the same way.
    let game = drop_and(game, &[]);
    let worked = "thin record+plan+compile+link";
    game.run(&[]).builds(worked, "", "rustc", "one");
    let mut running = game.run(&[]);
    game.edit("scene/src/lib.rs", "format!", "formad!");
    let says = running.says("build");
    assert!(says.contains("| rustc+error |"), "{says}");
}

#[test]
fn a_crate_without_a_macro_is_compiled_by_cargo_once() {
    let game = Game::new();
    let mut running = game.run(&[]);
    game.edit("paint/src/lib.rs", "red", "green");
    running.asks("NotRecorded", "paint/src/lib.rs");
    game.edit("paint/src/lib.rs", "green", "blue");
    running.builds("thin plan+compile+compile+link", "", "rustc+rustc", "");
    game.edit("scene/src/lib.rs", "says one.", "says two.");
    running.builds("thin plan+compile+link", "", "rustc", "two");

    // What the program was linked from is not there any more.
    let mut running = game.run(&[]);
    game.edit("scene/src/lib.rs", "says two.", "says three.");
    running.asks("NewerThanProgram", "libscene");
    running.builds("thin plan+compile+link", "", "rustc", "three");
}

#[test]
fn of_a_crate_without_a_macro_only_what_was_read_counts() {
    let script = "fn main() {\n    println!(\"cargo::rerun-if-changed=shade.txt\");\n    \
                  println!(\"cargo::rustc-env=PAINT_SHADE=dark\");\n}\n";
    let game = Game::with(&[
        ("paint/build.rs", script),
        ("paint/shade.txt", "dark"),
        (
            "paint/src/lib.rs",
            "pub fn paint() -> &'static str {\n    env!(\"PAINT_SHADE\")\n}\n",
        ),
    ]);
    let mut running = game.run(&[]);
    game.write("paint/README.md", "More about paint.");
    running.builds("thin record+plan+compile+link", "", "rustc", "one");
    game.write("paint/shade.txt", "light");
    running.asks("NotRecorded", "shade.txt");
    running.builds("thin plan+compile+link", "", "rustc", "one");
}

#[test]
fn settings_are_cargos_to_read() {
    let game = Game::new();
    let mut running = game.run(&[]);
    running.builds("thin record+plan+compile+link", "", "rustc", "one");
    let mut text = 0;
    let mut edits = |file: &str, old: &str, new: &str| {
        text += 1;
        game.edit(
            "scene/src/lib.rs",
            &format!("says {}.", word(text - 1)),
            &format!("says {}.", word(text)),
        );
        if old.is_empty() {
            game.write(file, new);
        } else {
            game.edit(file, old, new);
        }
        running.asks("Settings", file);
        running.builds("thin plan+compile+link", "", "rustc", word(text));
    };
    edits("scene/Cargo.toml", "[lib]", "[features]\nfog = []\n[lib]");
    edits(
        "paint/Cargo.toml",
        "edition",
        "description = \"red\"\nedition",
    );
    // Cargo.lock follows, for this build, and is no reason for another one.
    edits(
        "paint/Cargo.toml",
        "[package]",
        "[dependencies]\nheld = { path = \"../held\" }\n[package]",
    );
    edits("Cargo.toml", "resolver", "# A remark.\nresolver");
    edits("Cargo.toml", "# A remark.", "# Another.");
    let lock = game.read("Cargo.lock");
    edits("Cargo.lock", "", &lock);
    edits(".cargo/config.toml", "", "[build]\nincremental = true\n");
    edits(".cargo/config.toml", "true", "true # still");
    edits(
        "rust-toolchain.toml",
        "",
        "[toolchain]\nchannel = \"stable\"\n",
    );
    edits(
        "Cargo.toml",
        "[profile.dev]",
        "[profile.dev.package.scene]\ndebug = 1\n[profile.dev]",
    );

    // Cargo has nothing to compile after this, and what is known of the crate is true all the same.
    game.edit("Cargo.toml", "# Another.", "# And another.");
    running.asks("Settings", "Cargo.toml");
    game.edit("Cargo.toml", "# And another.", "# The last.");
    running.asks("Settings", "Cargo.toml");

    running.says("set CARGO_BUILD_JOBS 2");
    running.asks("Variable", "CARGO_BUILD_JOBS");
    let says = running.says("build with fog");
    assert!(says.contains("OtherBuild"), "{says}");
}

#[test]
fn the_default_toolchain_is_part_of_the_settings() {
    let home = std::env::var_os("RUSTUP_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(std::env::home_dir()?.join(".rustup")));
    let Some(home) = home.filter(|home| home.join("settings.toml").is_file()) else {
        return eprintln!("skipped: there is no rustup");
    };
    let game = Game::new();
    let own = tempfile::tempdir().expect("a directory");
    fs::copy(home.join("settings.toml"), own.path().join("settings.toml")).expect("it is there");
    for part in ["toolchains", "update-hashes"] {
        std::os::unix::fs::symlink(home.join(part), own.path().join(part)).expect("a link");
    }
    // Its time is that of now, which is after the program was built.
    let mut running = game.run(&[("RUSTUP_HOME", own.path())]);
    running.asks("Settings", "settings.toml");
    running.builds("thin plan+compile+link", "", "rustc", "one");
    let settings = own.path().join("settings.toml");
    let text = fs::read_to_string(&settings).expect("it is there");
    fs::write(&settings, text + "\n# Another default.\n").expect("it is ours");
    running.asks("Settings", "settings.toml");
}

#[test]
fn variables_that_code_asks_for_count() {
    let game = Game::new();
    // As when the program is started from another shell than it was built in.
    let mut running = game.run(&[("SCENE_MOOD", Path::new("glad"))]);
    running.asks("Variable", "SCENE_MOOD");
    running.builds("thin plan+compile+link", "", "rustc", "one");
    running.says("set SCENE_MOOD sad");
    running.asks("Variable", "SCENE_MOOD");
    running.says("set SCENE_WEATHER fine");
    running.builds("thin plan+compile+link", "", "rustc", "one");
}

#[test]
fn a_wrapper_is_run_as_cargo_runs_it() {
    use std::os::unix::fs::PermissionsExt;
    let game = Game::with(&[("wrapper", "#!/bin/sh\nexec \"$@\"\n")]);
    let wrapper = game.root.join("wrapper");
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let mut running = game.run(&[("RUSTC_WRAPPER", &wrapper)]);
    game.edit("scene/src/lib.rs", "says one.", "says two.");
    running.asks("Wrapper", "RUSTC_WRAPPER");
    running.builds("thin plan+compile+link", "", "wrapper", "two");

    let config = format!(
        "[build]\nrustc-wrapper = {:?}\n",
        wrapper.display().to_string()
    );
    let game = drop_and(game, &[(".cargo/config.toml", &config)]);
    let mut running = game.run(&[]);
    game.edit("scene/src/lib.rs", "says one.", "says three.");
    running.asks("Wrapper", "config.toml");
}

#[test]
fn variables_that_a_configuration_sets_are_cargos() {
    let game = Game::with(&[(".cargo/config.toml", "[env]\nSCENE_MOOD = \"glad\"\n")]);
    let mut running = game.run(&[]);
    game.edit("scene/src/lib.rs", "says one.", "says two.");
    running.asks("ConfiguredVariables", "config.toml");
    running.builds("thin plan+compile+link", "", "rustc", "two");
}

#[test]
fn a_build_script_runs_again_when_what_it_reads_changes() {
    let script = "fn main() {\n    println!(\"cargo::rerun-if-changed=colours.txt\");\n    \
                  println!(\"cargo::rerun-if-env-changed=SCENE_SCRIPT\");\n    \
                  println!(\"cargo::rustc-env=SCENE_MOOD=calm\");\n}\n";
    let game = Game::with(&[("scene/build.rs", script), ("scene/colours.txt", "red")]);
    let mut running = game.run(&[]);
    running.builds("thin record+plan+compile+link", "", "rustc", "one");
    game.edit("scene/src/lib.rs", "says one.", "says two.");
    running.builds("thin plan+compile+link", "", "rustc", "two");
    game.write("scene/colours.txt", "green");
    running.asks("BuildScript", "colours.txt");
    running.builds("thin plan+compile+link", "", "rustc", "two");
    game.edit("scene/build.rs", "calm", "wild");
    running.asks("BuildScript", "build.rs");
    running.builds("thin plan+compile+link", "", "rustc", "two");
    running.says("set SCENE_SCRIPT on");
    running.asks("Variable", "SCENE_SCRIPT");
    running.builds("thin plan+compile+link", "", "rustc", "two");

    // As when the program is started from another shell than it was built in.
    game.cargo();
    let mut running = game.run(&[("SCENE_SCRIPT", Path::new("on"))]);
    game.edit("scene/src/lib.rs", "says two.", "says three.");
    running.asks("Variable", "SCENE_SCRIPT");
}

#[test]
fn a_build_script_that_says_nothing_runs_after_every_change() {
    let script = "fn main() {\n    println!(\"cargo::rustc-env=SCENE_MOOD=calm\");\n}\n";
    let game = Game::with(&[("scene/build.rs", script)]);
    let mut running = game.run(&[]);
    for (old, new) in [("one", "two"), ("two", "three")] {
        game.edit(
            "scene/src/lib.rs",
            &format!("says {old}."),
            &format!("says {new}."),
        );
        running.asks("SilentBuildScript", "scene/src/lib.rs");
    }
    // One that comes into being is cargo's to find.
    let game = drop_and(game, &[]);
    let mut running = game.run(&[]);
    running.builds("thin record+plan+compile+link", "", "rustc", "one");
    game.write("scene/build.rs", script);
    running.asks("BuildScript", "build.rs");
}

#[test]
fn nobody_waits_for_cargos_lock() {
    let game = Game::new();
    let mut running = game.run(&[]);
    // As an editor's `cargo check` does for as long as it takes.
    let lock = File::open(game.target_dir().join("debug/.cargo-lock")).expect("cargo made it");
    lock.lock().expect("nobody has it");
    game.edit("scene/src/lib.rs", "says one.", "says two.");
    running.builds("thin record+plan+compile+link", "", "rustc", "two");
    game.edit("scene/src/lib.rs", "says two.", "says three.");
    running.builds("thin plan+compile+link", "", "rustc", "three");
    lock.unlock().expect("it was locked");

    // Both at once, in one incremental cache.
    for (old, new) in [("three", "four"), ("four", "five"), ("five", "six")] {
        game.edit(
            "scene/src/lib.rs",
            &format!("says {old}."),
            &format!("says {new}."),
        );
        std::thread::scope(|scope| {
            let cargo = scope.spawn(|| game.cargo());
            running.builds("thin plan+compile+link", "", "rustc", new);
            let said = cargo.join().expect("no panic");
            assert!(said.contains("Compiling scene"), "{said}");
        });
        assert!(!game.cargo().contains("Compiling"));
        let program = fs::read(game.program()).expect("it is there");
        assert!(String::from_utf8_lossy(&program).contains(&format!("says {new}.")));
    }
}

#[test]
fn machine_code_is_kept_from_one_process_to_the_next() {
    let game = Game::new();
    let mut running = game.run(&[]);
    running.builds("thin record+plan+compile+link", "", "rustc", "one");
    drop(running);
    let before = game.kept_objects();
    let cargos = game.sessions_of_cargo();
    game.edit("scene/src/lib.rs", "says one.", "says two.");
    // Cargo makes its own of this change, for a file elsewhere.
    assert!(game.cargo().contains("Compiling scene"));
    assert_ne!(game.sessions_of_cargo(), cargos);

    let mut running = game.run(&[]);
    game.edit("scene/src/lib.rs", "says two.", "says three.");
    let cargos = game.sessions_of_cargo();
    running.builds("thin record+plan+compile+link", "", "rustc", "three");
    let after = game.kept_objects();
    let kept = before.intersection(&after).count();
    assert!(kept > 0 && kept > after.len() / 2, "{kept} of {after:?}");
    assert_eq!(game.sessions_of_cargo(), cargos, "cargo's cache is cargo's");
}

#[test]
fn a_compiler_that_is_not_wanted_any_more_is_gone_at_once() {
    let game = Game::new();
    let mut running = game.run(&[]);
    running.builds("thin record+plan+compile+link", "", "rustc", "one");
    let gate = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = gate.local_addr().expect("it is bound").to_string();
    running.says(&format!("set HOLD_THE_COMPILER {address}"));
    for _ in 0..3 {
        running.says("start");
        let (mut compiler, _) = gate.accept().expect("it connects");
        assert_eq!(running.says("cancel"), "Err(Cancelled)");
        // A killed process closes without a word.
        let read = compiler.read(&mut [0]);
        assert!(
            !matches!(read, Ok(1..)),
            "the compiler lives and says {read:?}"
        );
    }
}

#[test]
fn a_program_that_is_killed_leaves_no_compiler_behind() {
    let game = Game::new();
    let gate = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = gate.local_addr().expect("it is bound").to_string();
    let held = |edit: &dyn Fn()| {
        let mut running = game.run(&[("HOLD_THE_COMPILER", Path::new(&address))]);
        edit();
        running.says("start");
        let (mut compiler, _) = gate.accept().expect("it connects");
        // As with Ctrl-C, it gets no chance to tidy up.
        drop(running);
        compiler
            .set_read_timeout(Some(std::time::Duration::from_secs(120)))
            .expect("it is no zero");
        let read = compiler.read(&mut [0]);
        let is_gone = match &read {
            Ok(length) => *length == 0,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        };
        assert!(is_gone, "the compiler lives: {read:?}");
    };
    held(&|| game.edit("scene/src/lib.rs", "says one.", "says two."));
    // One that is cargo's child.
    held(&|| game.edit("paint/src/lib.rs", "red", "green"));
}

#[test]
fn the_compiler_that_waits_is_the_one_that_compiles_and_is_not_missed_if_it_is_gone() {
    let scene = SCENE.replace(
        "option_env!(\"SCENE_MOOD\")",
        "concat!(\"says <\", held::compiler!(), \">.\")",
    );
    let game = Game::with(&[("scene/src/lib.rs", &scene)]);
    let mut running = game.run(&[]);
    running.builds("thin record+plan+compile+link", "", "rustc", "one");
    let waiting = running.waiting_compiler();
    game.edit("scene/src/lib.rs", "says one.", "says two.");
    let by_it = format!("<{waiting}>");
    running.builds("thin plan+compile+link", "", "rustc", &by_it);

    let next = running.waiting_compiler();
    assert_ne!(next, waiting);
    let status = Command::new("kill")
        .args(["-9", &next.to_string()])
        .status();
    assert!(status.expect("there is a kill").success());
    game.edit("scene/src/lib.rs", "says two.", "says three.");
    running.builds("thin plan+compile+link", "", "rustc", "three");
}

fn word(number: usize) -> &'static str {
    [
        "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    ][number]
}

/// All tests edit one project in turn: its dependencies take long to compile.
static PROJECT: LazyLock<Mutex<PathBuf>> = LazyLock::new(|| {
    // Where it stays, for the next run of these tests.
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("direct");
    fs::create_dir_all(&root).expect("a directory");
    Mutex::new(root.canonicalize().expect("it is there"))
});

/// The project of the program `game` and its hot crate `scene`, which has the program's code as it was built.
struct Game {
    root: MutexGuard<'static, PathBuf>,
}

impl Game {
    fn new() -> Self {
        Self::with(&[])
    }

    /// Writes the project with `more` files, and nothing that is left of another test, and builds it.
    fn with(more: &[(&str, &str)]) -> Self {
        let root = PROJECT.lock().unwrap_or_else(PoisonError::into_inner);
        let game = Self { root };
        let hot = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .expect("it is in the workspace");
        let hot_abi = format!(
            "hot-abi = {{ path = \"{}\", features = [\"reload\"] }}\n",
            hot.join("hot-abi").display()
        );
        let hot_build = format!(
            "hot-build = {{ path = \"{}\", features = [\"thin\"] }}\n",
            hot.join("hot-build").display()
        );
        let game_manifest = package("game")
            + "[features]\nfog = []\n[dependencies]\nscene = { path = \"../scene\" }\n"
            + &hot_abi
            + &hot_build;
        let scene_manifest = package("scene")
            + "[lib]\ncrate-type = [\"lib\", \"cdylib\"]\n[dependencies]\nheld = { path = \"../held\" }\n\
               paint = { path = \"../paint\" }\n"
            + &hot_abi;
        let lock =
            fs::read_to_string(hot.join("Cargo.lock")).expect("the versions of this workspace");
        let files = [
            (
                "Cargo.toml",
                "[workspace]\nresolver = \"3\"\nmembers = [\"game\", \"scene\", \"paint\", \"held\"]\n\
                 [profile.dev]\ndebug = 0\n",
            ),
            ("Cargo.lock", lock.as_str()),
            ("game/Cargo.toml", game_manifest.as_str()),
            (
                "game/src/main.rs",
                include_str!("support/builder_program.rs"),
            ),
            ("scene/Cargo.toml", scene_manifest.as_str()),
            ("scene/src/lib.rs", SCENE),
            ("paint/Cargo.toml", &package("paint")),
            ("paint/src/lib.rs", PAINT),
            (
                "held/Cargo.toml",
                &(package("held") + "[lib]\nproc-macro = true\n"),
            ),
            ("held/src/lib.rs", HELD),
        ];
        for file in [
            ".cargo/config.toml",
            "rust-toolchain.toml",
            "scene/build.rs",
            "scene/colours.txt",
            "paint/build.rs",
        ] {
            // Most tests have none of these.
            let _ = fs::remove_file(game.root.join(file));
        }
        for (file, text) in files.iter().chain(more) {
            // A file that is as it was keeps its time.
            let is_lock = *file == "Cargo.lock" && game.root.join(file).is_file();
            if !is_lock && fs::read_to_string(game.root.join(file)).ok().as_deref() != Some(text) {
                game.write(file, text);
            }
        }
        game.cargo();
        // Once more, so that the program is newer than all that it is made of.
        let program = File::options().append(true).open(game.program());
        program
            .and_then(|program| program.set_modified(std::time::SystemTime::now()))
            .expect("it can be touched");
        game
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.root.join(file);
        fs::create_dir_all(path.parent().expect("it is in a directory")).expect("a directory");
        fs::write(path, text).expect("it can be written");
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.root.join(file)).expect("it is there")
    }

    fn edit(&self, file: &str, old: &str, new: &str) {
        let text = self.read(file);
        assert!(text.contains(old), "{old:?} in {text}");
        self.write(file, &text.replace(old, new));
    }

    fn target_dir(&self) -> PathBuf {
        self.root.join("target")
    }

    fn program(&self) -> PathBuf {
        self.target_dir().join("debug/game")
    }

    /// Builds the program as its user does, and returns what cargo said.
    fn cargo(&self) -> String {
        let mut command = Command::new("cargo");
        without_cargos_variables(&mut command);
        let output = command
            .args(["build", "--package", "game"])
            .current_dir(&*self.root)
            .output()
            .expect("cargo runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        said
    }

    /// The files of machine code that the compiler keeps of the scene when cargo does not run it. One that it
    /// did not have to make anew is the same file as before.
    fn kept_objects(&self) -> BTreeSet<u64> {
        let places = self.target_dir().join("debug/deps/hot-thin/compile-0");
        let cache = entries(&places)
            .into_iter()
            .map(|place| place.join("incremental"))
            .find(|cache| cache.is_dir())
            .expect("a cache");
        let newest = sessions(&cache).pop().expect("a session");
        let objects = entries(&newest);
        let objects = objects
            .iter()
            .filter(|file| file.extension().is_some_and(|o| o == "o"));
        objects
            .map(|file| fs::metadata(file).expect("it is there").ino())
            .collect()
    }

    fn sessions_of_cargo(&self) -> Vec<PathBuf> {
        sessions(&self.target_dir().join("debug/incremental"))
    }

    fn run(&self, variables: &[(&str, &Path)]) -> Running {
        let mut command = Command::new(self.program());
        without_cargos_variables(&mut command);
        let mut child = command
            .arg(&*self.root)
            .arg(self.target_dir())
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let input = child.stdin.take().expect("it is piped");
        let output = child.stdout.take().expect("it is piped");
        Running {
            child,
            input,
            output: BufReader::new(output).lines(),
        }
    }
}

/// What the compiler keeps of the scene in an incremental cache, by age.
fn sessions(cache: &Path) -> Vec<PathBuf> {
    let of_scene = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with("scene-"))
    };
    let mut sessions: Vec<PathBuf> = entries(cache)
        .iter()
        .filter(|path| of_scene(path))
        .flat_map(|path| entries(path))
        .filter(|path| path.is_dir())
        .collect();
    sessions.sort_by_key(|path| fs::metadata(path).and_then(|path| path.modified()).ok());
    sessions
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("it is there");
    entries.flatten().map(|entry| entry.path()).collect()
}

/// Makes the project anew.
fn drop_and(game: Game, more: &[(&str, &str)]) -> Game {
    drop(game);
    Game::with(more)
}

fn without_cargos_variables(command: &mut Command) {
    for (key, _) in std::env::vars_os() {
        let key = key.to_string_lossy().into_owned();
        if (key.starts_with("CARGO") && key != "CARGO_HOME") || key.starts_with("RUSTFLAGS") {
            command.env_remove(key);
        }
    }
}

/// A program that runs. It ends when it is dropped.
struct Running {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Running {
    /// What the program answers.
    fn says(&mut self, line: &str) -> String {
        writeln!(self.input, "{line}").expect("the program listens");
        self.output
            .next()
            .expect("the program answers")
            .expect("in text")
    }

    /// The process of the compiler that waits for the next build, once there is one.
    fn waiting_compiler(&self) -> u32 {
        let program = self.child.id().to_string();
        let waits = |process: &Path| {
            let arguments = fs::read(process.join("cmdline")).unwrap_or_default();
            let mut words = arguments.split(|byte| *byte == 0);
            let is_rustc = words.next().is_some_and(|name| name.ends_with(b"rustc"));
            // `<id> (<name>) <state> <parent> ..`
            let stat = fs::read_to_string(process.join("stat")).unwrap_or_default();
            let parent = stat
                .rsplit(')')
                .next()
                .and_then(|rest| rest.split_whitespace().nth(1));
            is_rustc && words.next() == Some(b"@/dev/stdin") && parent == Some(program.as_str())
        };
        loop {
            let processes = entries(Path::new("/proc"));
            if let Some(process) = processes.iter().find(|process| waits(process)) {
                let number = process.file_name().and_then(|name| name.to_str());
                return number.and_then(|id| id.parse().ok()).expect("a number");
            }
            std::thread::yield_now();
        }
    }

    /// A build of these phases, for which these programs were started, makes the scene say this.
    fn builds(&mut self, phases: &str, reason: &str, started: &str, text: &str) {
        self.makes("build", phases, reason, started, text);
    }

    /// The same of a full library.
    fn links(&mut self, phases: &str, reason: &str, started: &str, text: &str) {
        self.makes("full", phases, reason, started, text);
    }

    fn makes(&mut self, what: &str, phases: &str, reason: &str, started: &str, text: &str) {
        let says = self.says(what);
        let parts: Vec<&str> = says.splitn(4, " | ").map(str::trim).collect();
        let asked = parts[1].split(' ').next().unwrap_or_default();
        assert_eq!(
            [parts[0], asked, parts[2]],
            [phases, reason, started],
            "{says}"
        );
        assert!(parts[3].contains(text), "{text:?} in {says}");
    }

    /// A build for which cargo is asked, because of this.
    fn asks(&mut self, reason: &str, about: &str) {
        let says = self.says("build");
        let parts: Vec<&str> = says.splitn(4, " | ").collect();
        assert!(parts[0].starts_with("thin "), "{says}");
        assert!(parts[0].ends_with("cargo+record+link"), "{says}");
        assert!(
            parts[1].starts_with(reason) && parts[1].contains(about),
            "{says}"
        );
        assert_eq!(parts[2], "cargo", "{says}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
