//! Which cargo to run, and in what environment: the one that the user's shell would give it.

use std::collections::HashSet;
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::ProgramBuild;

/// The cargo to run: `$CARGO` if it names a file, as it does under `cargo run`, else `cargo`.
pub(crate) fn cargo() -> PathBuf {
    env::var_os("CARGO")
        .map(PathBuf::from)
        .filter(|path| path.is_file())
        .unwrap_or_else(|| "cargo".into())
}

/// Takes out of `command`'s environment what `cargo run` put into this process's, for the package
/// and the target directory of the *program*. A variable that was set on the command stays.
///
/// Variables that a user may have set for cargo (`CARGO_HOME`, `CARGO_BUILD_..`) stay too.
pub(crate) fn scrub(command: &mut Command) {
    let set: HashSet<OsString> = command.get_envs().map(|(key, _)| key.to_owned()).collect();
    if !is_run_by_cargo() {
        return;
    }
    for (key, value) in env::vars_os().filter(|(key, _)| !set.contains(key)) {
        if is_of_a_package(&key) {
            command.env_remove(&key);
        } else if is_library_path(&key) {
            match without_cargo_directories(&value) {
                Some(rest) => command.env(&key, rest),
                None => command.env_remove(&key),
            };
        }
    }
}

/// The value of a variable in the environment that [`scrub`] leaves to a command.
pub(crate) fn given(name: &str) -> Option<OsString> {
    if is_of_a_package(name.as_ref()) && is_run_by_cargo() {
        return None;
    }
    env::var_os(name)
}

/// The variables by which a user tells cargo, rustc and rustup what to do.
pub(crate) fn settings() -> std::collections::BTreeMap<OsString, OsString> {
    let is_setting = |key: &OsStr| {
        const PREFIXES: [&str; 4] = ["CARGO_", "RUSTC", "RUSTFLAGS", "RUSTUP_"];
        key.to_str()
            .is_some_and(|key| PREFIXES.iter().any(|prefix| key.starts_with(prefix)))
            && !is_of_a_package(key)
    };
    env::vars_os().filter(|(key, _)| is_setting(key)).collect()
}

/// Has rustup run the toolchain that built the program, unless the environment names one.
pub(crate) fn pin_toolchain(command: &mut Command, program: &ProgramBuild) {
    command.envs(toolchain(program));
}

/// The variable by which rustup runs the toolchain that built the program, unless the environment names one.
pub(crate) fn toolchain(program: &ProgramBuild) -> Option<(String, String)> {
    let toolchain = program.toolchain.clone()?;
    let is_given = env::var_os(TOOLCHAIN).is_some();
    (!is_given).then(|| (TOOLCHAIN.to_owned(), toolchain))
}

const TOOLCHAIN: &str = "RUSTUP_TOOLCHAIN";

/// Whether `cargo run` or `cargo test` started this process. Otherwise nobody but the user can have set the
/// variables of a package.
fn is_run_by_cargo() -> bool {
    env::var_os("CARGO_MANIFEST_DIR").is_some() || env::var_os("CARGO_PKG_NAME").is_some()
}

/// Whether cargo sets a variable of this name for a package.
pub(crate) fn is_of_a_package(key: &OsStr) -> bool {
    const NAMES: [&str; 7] = [
        "CARGO",
        "CARGO_BIN_NAME",
        "CARGO_CRATE_NAME",
        "CARGO_PRIMARY_PACKAGE",
        "CARGO_RUSTC_CURRENT_DIR",
        "CARGO_TARGET_TMPDIR",
        "OUT_DIR",
    ];
    const PREFIXES: [&str; 3] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_EXE_"];
    let Some(key) = key.to_str() else {
        return false;
    };
    NAMES.contains(&key) || PREFIXES.iter().any(|prefix| key.starts_with(prefix))
}

/// Where the system looks for libraries. `cargo run` puts the target directory in front, where a
/// tool of the build might then find the user's hot crate instead of a library of its name.
fn is_library_path(key: &OsStr) -> bool {
    key == "LD_LIBRARY_PATH" || key == "DYLD_FALLBACK_LIBRARY_PATH" || key == "DYLD_LIBRARY_PATH"
}

fn without_cargo_directories(value: &OsStr) -> Option<OsString> {
    let target_dir = env::current_exe()
        .ok()
        .and_then(|exe| profile_dir(&exe).map(Path::to_owned));
    let rest: Vec<PathBuf> = env::split_paths(value)
        .filter(|entry| {
            !target_dir
                .as_ref()
                .is_some_and(|dir| entry.starts_with(dir))
        })
        .filter(|entry| !is_rustlib(entry))
        .filter(|entry| !entry.as_os_str().is_empty())
        .collect();
    if rest.is_empty() {
        return None;
    }
    // What was split can be joined again.
    env::join_paths(rest).ok()
}

/// `target/debug`, for `target/debug/app` and `target/debug/examples/app` alike.
fn profile_dir(exe: &Path) -> Option<&Path> {
    let directory = exe.parent()?;
    if directory.ends_with("examples") || directory.ends_with("deps") {
        directory.parent()
    } else {
        Some(directory)
    }
}

/// `<toolchain>/lib/rustlib/<triple>/lib`
fn is_rustlib(entry: &Path) -> bool {
    entry.ends_with("lib")
        && entry
            .ancestors()
            .nth(2)
            .is_some_and(|directory| directory.ends_with("lib/rustlib"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_variables_of_a_package() {
        for key in ["CARGO", "CARGO_PKG_NAME", "CARGO_MANIFEST_PATH", "OUT_DIR"] {
            assert!(is_of_a_package(key.as_ref()), "{key}");
        }
        for key in [
            "CARGO_HOME",
            "CARGO_TARGET_DIR",
            "CARGO_BUILD_JOBS",
            "CARGO_TERM_COLOR",
        ] {
            assert!(!is_of_a_package(key.as_ref()), "{key}");
        }
    }

    #[test]
    fn leaves_the_users_library_directories() {
        let exe = env::current_exe().expect("a test has a path");
        let deps = exe.parent().expect("it is in a directory");
        let rustlib = Path::new("/rust/lib/rustlib/x86_64-unknown-linux-gnu/lib");
        let value = |entries: &[&Path]| env::join_paths(entries).expect("no separators within");
        let user = Path::new("/opt/gl/lib");
        assert_eq!(
            without_cargo_directories(&value(&[deps, rustlib, user])),
            Some(user.into())
        );
        assert_eq!(without_cargo_directories(&value(&[deps, rustlib])), None);
    }
}
