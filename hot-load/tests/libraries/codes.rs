//! Each code that a load can give is reached by a load that goes so.

use crate::fixture::{Program, fixture, told};
use crate::refusals::patch;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn every_code_is_reached() {
    let folder = tempfile::tempdir().unwrap();
    let good = fs::read(fixture().library("first")).unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let file = folder.path().join(name);
        fs::write(&file, bytes).unwrap();
        file
    };
    let patched = |name: &str, from, to| file(name, &patch(&good, from, to));
    let mut files = vec![
        folder.path().join("missing"),
        file("cut-short", &good[..good.len() / 2]),
        fixture().stranger(),
        patched(
            "other-profile",
            "debug-assertions=on\n",
            "debug-assertions=no\n",
        ),
        patched("two-nodes-of-one-name", "spare two", "spare one"),
        fixture().library("first"),
        fixture().library("second"),
    ];
    if cfg!(target_os = "linux") {
        files.push(patched(
            "without-init",
            "\0hot_init_scene",
            "\0hot_exit_scene",
        ));
        files.push(patched(
            "with-a-missing-dependency",
            "\0libc.so.6\0",
            "\0libx.so.6\0",
        ));
    }
    let first = [fixture().library("first")];
    let plain = [fixture().plain_library()];
    let with = |program, files: &[PathBuf], name: &str, value: &str| {
        let mut command = command(program, files);
        codes(command.env(name, value))
    };

    let mut reached = codes(&mut command(Program::System, &files));
    reached.extend(codes(&mut command(Program::Undeclared, &plain)));
    if cfg!(target_os = "linux") {
        let plain = fs::read(&plain[0]).unwrap();
        let files = [file("without-symbols", &without_symbols(plain))];
        reached.extend(codes(&mut command(Program::Plain, &files)));
    }
    reached.extend(with(Program::System, &first, "SCENE_SETS_LOGGER", "yes"));
    reached.extend(with(Program::Checking, &first, "SCENE_EARLY_BLOCKS", "600"));
    // No system has a stack of 64 TiB to give.
    let stack = (1_u64 << 46).to_string();
    reached.extend(with(Program::System, &first, "RUST_MIN_STACK", &stack));
    if cfg!(unix) {
        let pipe = folder.path().join("pipe");
        let pipe = pipe.to_str().unwrap();
        reached.extend(with(Program::System, &first, "SCENE_WAITS_FOR", pipe));
    }
    if HAS_CANARY {
        let death = folder.path().join("death");
        let death = death.to_str().unwrap();
        reached.extend(with(Program::System, &first, "SCENE_DIES_BY", death));
        // Opening a library takes two files at a time, and trying it out three.
        for files in 4..16 {
            reached.extend(codes(&mut with_open_files(
                files,
                &fixture().library("first"),
            )));
        }
    }
    let gone = hot_load::read_fingerprints(&folder.path().join("missing"));
    reached.insert(gone.unwrap_err().code().to_owned());

    let mut expected = codes_of_this_file();
    if cfg!(not(target_os = "linux")) {
        // Files are patched for the one format only.
        expected.remove("HOT0307");
        expected.remove("HOT0308");
        expected.remove("HOT0314");
    }
    if cfg!(not(unix)) {
        expected.remove("HOT0309");
    }
    if !HAS_CANARY {
        expected.remove("HOT0315");
        expected.remove("HOT0316");
    }
    assert_eq!(reached, expected);
}

const HAS_CANARY: bool = cfg!(all(target_os = "linux", target_env = "gnu"));

/// A program that may have so many files open, and tries out a library.
fn with_open_files(files: u32, library: &Path) -> Command {
    let own = command(Program::System, &vec![library.to_owned(); 3]);
    let mut shell = Command::new("sh");
    let limit = format!("ulimit -n {files} && exec \"$0\" \"$@\"");
    shell.args(["-c", &limit]).arg(own.get_program());
    shell.args(own.get_args()).env("HOST_HAS_A_CANARY", "yes");
    shell
}

fn command(program: Program, files: &[PathBuf]) -> Command {
    fixture().command(program, "codes", files)
}

/// A 64-bit ELF file, little-endian, whose table of symbols is none any more.
fn without_symbols(mut file: Vec<u8>) -> Vec<u8> {
    const SYMBOLS: u32 = 2;
    const BYTES: u32 = 1;
    let number = |at: usize, len: usize| {
        let bytes = file[at..][..len].iter().rev();
        bytes.fold(0, |number, byte| number << 8 | usize::from(*byte))
    };
    let (first, size, count) = (number(0x28, 8), number(0x3a, 2), number(0x3c, 2));
    let types = (0..count).map(|index| first + index * size + 4);
    let found: Vec<_> = types
        .filter(|at| number(*at, 4) == SYMBOLS as usize)
        .collect();
    assert_eq!(found.len(), 1);
    file[found[0]..][..4].copy_from_slice(&BYTES.to_le_bytes());
    file
}

/// The codes that a program tells.
fn codes(command: &mut Command) -> BTreeSet<String> {
    told(command).lines().map(str::to_owned).collect()
}

/// The codes that are reached here, by their index.
fn codes_of_this_file() -> BTreeSet<String> {
    let index = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/codes.md");
    let index = fs::read_to_string(index).unwrap();
    let rows = index
        .lines()
        .filter(|line| line.ends_with("| `hot-load/tests/libraries/codes.rs` |"))
        .map(|row| row["| [".len()..][.."HOT0000".len()].to_owned());
    rows.collect()
}
