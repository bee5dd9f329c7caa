//! The reasons for a full library that a project is hard to bring to from outside, each with its code.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::archives::{Archives, CrateObjects};
use super::linker::{LinkRequest, Linker};
use crate::replay::RustcCommand;
use crate::{CancelSignal, FallbackReason};

#[test]
fn every_code_is_reached() {
    let place = tempfile::tempdir().unwrap();
    let no_archive = place.path().join("libsound.rlib");
    fs::write(&no_archive, "!<arch>\nbut nothing of the kind").unwrap();
    let unreadable = Archives::index(&[no_archive]).unwrap_err();

    let source = place.path().join("paint.rs");
    fs::write(&source, "pub fn paint() {}").unwrap();
    let compiled = Command::new("rustc")
        .args([
            "--crate-type",
            "rlib",
            "-C",
            "linker-plugin-lto",
            "--out-dir",
        ])
        .args([place.path(), &source])
        .status()
        .unwrap();
    assert!(compiled.success());
    let bitcode = CrateObjects::read(&place.path().join("libpaint.rlib"), CrateObjects::default());
    let bitcode = bitcode.unwrap_err();

    let broken = place.path().join("ld.lld");
    fs::write(&broken, "#!/bin/sh\necho out of order >&2\nexit 1\n").unwrap();
    fs::set_permissions(&broken, fs::Permissions::from_mode(0o755)).unwrap();

    let reached: BTreeSet<String> = [
        unreadable.code().to_owned(),
        bitcode.code().to_owned(),
        with_path(Path::new("/nowhere")),
        with_path(place.path()),
    ]
    .into();
    let index = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/codes.md");
    let index = fs::read_to_string(index).unwrap();
    let rows = index
        .lines()
        .filter(|line| line.ends_with("| `hot-build/src/thin/reasons.rs` |"));
    let expected: BTreeSet<_> = rows
        .filter_map(|row| row.strip_prefix("| [")?.split(']').next())
        .map(str::to_owned)
        .collect();
    assert_eq!(reached, expected);
}

/// The directory in which the other process looks for a linker.
const PATH: &str = "HOT_BUILD_REASONS_PATH";
/// What a line of its output begins with that holds a code.
const MARK: &str = "the code is ";

/// The code that a process tells that looks for its linker in `path` alone.
fn with_path(path: &Path) -> String {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", "thin::system::reasons::the_other_process"])
        .args(["--nocapture", "--test-threads=1"])
        .env("PATH", path)
        .env(PATH, path);
    let output = command.output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stdout}\n{stderr}");
    let code = stdout.lines().find_map(|line| line.split_once(MARK));
    code.expect("it tells a code").1.to_owned()
}

/// The other process: links with a toolchain that ships no linker.
#[test]
fn the_other_process() {
    let Some(path) = env::var_os(PATH) else {
        return;
    };
    let nothing = Path::new(&path).join("nothing");
    let rustc = "CARGO_MANIFEST_DIR=/w /t/bin/rustc --crate-name scene src/lib.rs --crate-type lib";
    let rustc = RustcCommand::parse(rustc).expect("a run of rustc");
    let linkers = Linker::all(&rustc, &nothing, "x86_64-unknown-linux-gnu");
    let linked = linkers.and_then(|linkers| {
        let request = LinkRequest {
            library: &nothing,
            arguments: Path::new("arguments"),
            exports: &nothing,
            objects: &[],
            members: &[],
            needed: &[],
            libraries: &[],
        };
        linkers[0].link(&request, None, &CancelSignal::new())
    });
    let reason: FallbackReason = linked.unwrap_err();
    println!("{MARK}{}", reason.code());
}
