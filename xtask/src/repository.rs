//! Where the repository is, its packages, and how to call cargo on them.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use cargo_metadata::{Metadata, MetadataCommand};

/// The root of the repository: the workspace that holds this very package.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the repository's root")
}

/// What cargo knows of the workspace, dependencies included.
pub(crate) fn metadata() -> Result<Metadata> {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .exec()
        .context("`cargo metadata` failed for the workspace")
}

/// The directory that cargo builds the workspace into.
pub(crate) fn target_dir() -> Result<PathBuf> {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .context("`cargo metadata` failed for the workspace")?;
    Ok(metadata.target_directory.into_std_path_buf())
}

/// A call of the cargo that runs this command, from the repository's root.
pub(crate) fn cargo<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = Command::new(cargo_program());
    command.args(arguments).current_dir(root());
    command
}

/// The cargo that runs this command, or the one on the path when there is none.
pub(crate) fn cargo_program() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Takes out of `command`'s environment what only holds inside of `cargo xtask`, so that it runs
/// as if started from the user's shell.
///
/// `cargo run` hands its program the variables of *this* package, and a nested cargo or a program
/// that asks for its own would believe them. `CARGO_TARGET_DIR` goes as well: it would send another
/// workspace's files into this one's directory. `RUSTUP_TOOLCHAIN` stays, so that `cargo +toolchain
/// xtask` is obeyed all the way down.
pub(crate) fn as_from_a_shell(command: &mut Command) -> &mut Command {
    const OWN: [&str; 9] = [
        "CARGO",
        "CARGO_BIN_NAME",
        "CARGO_CRATE_NAME",
        "CARGO_MANIFEST_DIR",
        "CARGO_MANIFEST_LINKS",
        "CARGO_MANIFEST_PATH",
        "CARGO_PRIMARY_PACKAGE",
        "CARGO_TARGET_DIR",
        "OUT_DIR",
    ];
    for name in OWN {
        command.env_remove(name);
    }
    let of_packages = env::vars_os().map(|(name, _)| name);
    for name in of_packages.filter(|name| name.to_string_lossy().starts_with("CARGO_PKG_")) {
        command.env_remove(name);
    }
    command
}
