//! The ways in which editors save a file.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

/// One editor's habit.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Save {
    /// Empty the file and write it anew.
    Truncate,
    /// Write another file beside it, and rename that over it.
    Rename,
    /// Remove the file and create it anew.
    Recreate,
    /// Write it piece by piece, flushing in between.
    Pieces,
}

impl Save {
    /// Saves `text` as the file at `path`.
    pub(crate) fn write(self, path: &Path, text: &str) -> Result<()> {
        let outcome = match self {
            Save::Truncate => fs::write(path, text),
            Save::Rename => {
                let beside = path.with_extension("saving~");
                fs::write(&beside, text).and_then(|()| fs::rename(&beside, path))
            }
            Save::Recreate => fs::remove_file(path).and_then(|()| fs::write(path, text)),
            Save::Pieces => write_in_pieces(path, text),
        };
        outcome.with_context(|| format!("cannot save {} ({self:?})", path.display()))
    }
}

fn write_in_pieces(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = fs::File::create(path)?;
    for piece in text.as_bytes().chunks(97) {
        file.write_all(piece)?;
        file.flush()?;
    }
    file.sync_all()
}
