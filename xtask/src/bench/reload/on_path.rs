//! Tools that may be there or not.

use std::env;
use std::env::consts::EXE_SUFFIX;
use std::path::PathBuf;

/// The file of the program `name`, if it is on the PATH.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let file = format!("{name}{EXE_SUFFIX}");
    env::split_paths(&path)
        .map(|folder| folder.join(&file))
        .find(|candidate| candidate.is_file())
}
