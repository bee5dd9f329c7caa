//! Thin libraries in real programs: each test builds a program that is part of its own reloading, runs it,
//! edits its crates, and asks it what it sees.

#![cfg(all(
    feature = "thin",
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]

mod codes;
mod debugging;
mod dependencies;
mod game;
mod linkers;
mod optimised;
mod registrations;
mod statics;
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::process::Command;

use game::{Game, Running};

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
fn a_program_without_symbols_gets_full_libraries() {
    let game = Game::new("thin_stripped", "");
    let stripped = game.program.with_file_name("thin_stripped_of_symbols");
    let sysroot = Command::new("rustc")
        .args(["--print", "sysroot"])
        .output()
        .expect("rustc runs");
    let sysroot = String::from_utf8(sysroot.stdout).expect("a path");
    let objcopy = format!(
        "lib/rustlib/{}-unknown-linux-gnu/bin/rust-objcopy",
        std::env::consts::ARCH
    );
    let objcopy = Path::new(sysroot.trim_end()).join(objcopy);
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
