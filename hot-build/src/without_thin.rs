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

    pub(crate) fn get_ready(&self) -> Ready {
        match *self {}
    }

    pub(crate) fn link(
        &self,
        _: &BuildArgs,
        _: &Record,
        _: &Path,
        _: u32,
        _: Ready,
    ) -> Result<(PathBuf, Vec<ChangedStatic>), FallbackReason> {
        match *self {}
    }
}

/// What is made ready for a link.
#[derive(Debug, Default)]
pub(crate) struct Ready(());
