//! Nobody is asked here.

use std::path::PathBuf;

pub(super) fn file_at(_address: usize) -> Option<(usize, PathBuf)> {
    None
}
