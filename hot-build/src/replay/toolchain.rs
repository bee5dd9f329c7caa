//! Where the compiler and its libraries are.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{BuildError, environment, run};

/// The root of the toolchain that `rustc` belongs to.
pub(super) fn sysroot(rustc: &Path) -> Result<PathBuf, BuildError> {
    let above = rustc.parent().and_then(Path::parent);
    if let Some(above) = above.filter(|above| above.join("lib/rustlib").is_dir()) {
        return Ok(above.to_owned());
    }
    // It is a wrapper, or rustup's stand-in.
    let mut command = Command::new(rustc);
    environment::scrub(&mut command);
    command.args(["--print", "sysroot"]);
    let line = run::command_line(&command);
    let output = command
        .output()
        .map_err(|source| run::spawn_error(rustc, line.clone(), source))?;
    if !output.status.success() {
        return Err(BuildError::Command {
            command: line,
            status: output.status,
            message: String::from_utf8_lossy(&output.stderr).into_owned(),
            diagnostics: Vec::new(),
        });
    }
    Ok(PathBuf::from(
        String::from_utf8_lossy(&output.stdout).trim_end(),
    ))
}

/// The libraries of the toolchain for a target.
pub(super) fn rlibs(sysroot: &Path, target: Option<&str>) -> Vec<PathBuf> {
    let targets = sysroot.join("lib/rustlib");
    let directory = match target {
        Some(target) => targets.join(target).join("lib"),
        None => match host_target(sysroot) {
            Some(target) => targets.join(target).join("lib"),
            None => return Vec::new(),
        },
    };
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut rlibs: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "rlib")
        })
        .collect();
    rlibs.sort();
    rlibs
}

/// The target that a toolchain itself runs on: the one that it has tools for.
pub(crate) fn host_target(sysroot: &Path) -> Option<String> {
    let entries = std::fs::read_dir(sysroot.join("lib/rustlib")).ok()?;
    entries
        .flatten()
        .find(|entry| entry.path().join("bin").is_dir())
        .and_then(|entry| entry.file_name().into_string().ok())
}
