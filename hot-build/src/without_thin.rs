//! Without the feature `thin` nobody links thin libraries.

use std::path::{Path, PathBuf};

use crate::replay::Record;
use crate::{BuildArgs, ChangedStatic, FallbackReason};

/// There is none.
#[derive(Debug)]
pub(crate) enum ThinLinker {}

impl ThinLinker {
    pub(crate) fn unavailable(&self) -> Option<FallbackReason> {
        match *self {}
    }

    pub(crate) fn prepare(&self, _: &BuildArgs, _: &Record) {
        match *self {}
    }

    pub(crate) fn link(
        &self,
        _: &BuildArgs,
        _: &Record,
        _: &Path,
        _: u32,
    ) -> Result<(PathBuf, Vec<ChangedStatic>), FallbackReason> {
        match *self {}
    }
}
