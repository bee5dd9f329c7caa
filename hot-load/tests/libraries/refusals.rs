use crate::fixture::{Program, fixture, told};
use std::fs;
use std::path::{Path, PathBuf};

/// A file that is not what it should be, and how the program must refuse it.
struct Case {
    file: PathBuf,
    /// The error's variant, and a part of its text.
    refusal: (&'static str, &'static str),
}

#[test]
fn each_bad_file_is_refused_for_its_own_reason_and_nothing_of_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let good = fs::read(fixture().library("first")).unwrap();
    let case = |name: &str, bytes: &[u8], refusal| {
        let file = folder.path().join(name);
        fs::write(&file, bytes).unwrap();
        Case { file, refusal }
    };
    let patched = |from, to| patch(&good, from, to);
    let mut cases = vec![
        case(
            "other-compiler",
            &patched("rustc=rustc 1", "rustc=rustc 9"),
            ("Incompatible", "rustc: the program has `rustc 1"),
        ),
        case(
            "other-profile",
            &patched("debug-assertions=on\n", "debug-assertions=no\n"),
            (
                "Incompatible",
                "debug-assertions: the program has `on`, the library `no`",
            ),
        ),
        case(
            "other-panic-strategy",
            &patched("panic=unwind\n", "panic=aborts\n"),
            (
                "Incompatible",
                "panic: the program has `unwind`, the library `aborts`",
            ),
        ),
        case(
            "other-build-of-hot-abi",
            &patched("\nabi-build=", "\nabi-built="),
            ("Incompatible", "abi-build: the program has `"),
        ),
        case(
            "other-target",
            &patched("target=x86_64", "target=mips64"),
            ("Incompatible", "the library `mips64"),
        ),
        Case {
            file: fixture().built_otherwise(),
            refusal: (
                "Incompatible",
                "panic: the program has `unwind`, the library `abort`; debug-assertions: the program has `on`, the \
                 library `off`",
            ),
        },
        case(
            "without-a-line",
            &patched("\ntarget=", "\nfarget="),
            ("Incompatible", "the library `(not told)`"),
        ),
        case(
            "fingerprint-cut-short",
            &patched("end-of-fingerprint\n", "end-of-fingerprimt\n"),
            ("NoFingerprint", "holds no hot crate `scene`"),
        ),
        case(
            "cut-short",
            &good[..good.len() / 2],
            ("NotALibrary", "cut short: its headers speak of "),
        ),
        case(
            "nearly-empty",
            &good[..40],
            ("NotALibrary", "is no dynamic library"),
        ),
        case("empty", b"", ("NotALibrary", "is no dynamic library")),
        case(
            "text",
            b"not a library at all\n",
            ("NotALibrary", "build it again"),
        ),
        Case {
            file: fixture().stranger(),
            refusal: ("NoFingerprint", "write `hot_abi::hot_entry!();`"),
        },
        Case {
            file: fixture().plain_library(),
            refusal: (
                "Incompatible",
                "abi-features: the program has `reload,log,tracing,allocator`, the library `reload`",
            ),
        },
        Case {
            file: folder.path().join("missing"),
            refusal: ("Copy", "cannot copy"),
        },
    ];
    if cfg!(target_os = "linux") {
        cases.push(case(
            "other-machine",
            &for_aarch64(&good),
            (
                "Incompatible",
                "machine: the program has `elf x86_64`, the library `elf aarch64`",
            ),
        ));
        cases.push(case(
            "without-init",
            &patched("\0hot_init_scene", "\0hot_exit_scene"),
            ("MissingSymbol", "does not export `hot_init_scene"),
        ));
        cases.push(case(
            "with-a-missing-dependency",
            &patched("\0libc.so.6\0", "\0libx.so.6\0"),
            ("Open", "the system cannot load"),
        ));
    }

    let files: Vec<_> = cases.iter().map(|case| case.file.clone()).collect();
    let told = told(&mut fixture().command(Program::System, "refusals", &files));
    let mut lines = told.lines();
    for case in &cases {
        let line = lines.next().unwrap_or_default();
        let (variant, part) = case.refusal;
        let named = name_of(&case.file);
        assert!(
            line.starts_with(&format!("{variant}: "))
                && line.contains(part)
                && line.contains(named),
            "{named} should be refused as {variant} for `{part}`, and was told as: {line}"
        );
    }
    assert_eq!(lines.collect::<Vec<_>>(), ["loaded: []"]);
}

/// The library with the header of one for aarch64.
fn for_aarch64(library: &[u8]) -> Vec<u8> {
    const MACHINE: std::ops::Range<usize> = 18..20;
    const AARCH64: [u8; 2] = [183, 0];
    let mut patched = library.to_vec();
    patched[MACHINE].copy_from_slice(&AARCH64);
    patched
}

/// Replaces a text in a file by one of the same length, wherever it occurs.
pub(crate) fn patch(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut patched = bytes.to_vec();
    let found: Vec<_> = (0..=bytes.len() - from.len())
        .filter(|at| bytes[*at..].starts_with(from.as_bytes()))
        .collect();
    assert!(!found.is_empty(), "there is no `{}`", from.escape_debug());
    for at in found {
        patched[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    patched
}

fn name_of(file: &Path) -> &str {
    file.file_name().unwrap().to_str().unwrap()
}
