//! Systems without thin libraries.

use std::convert::Infallible;
use std::path::{Path, PathBuf};

use super::Given;
use crate::replay::Record;
use crate::{BuildArgs, ChangedStatic, FallbackReason};

/// There is none.
#[derive(Debug)]
pub(super) struct System(Infallible);

/// What was done for a link before there was anything to link: nothing.
#[derive(Debug, Default)]
pub(super) struct Ready;

impl System {
    pub(super) fn of_this_process() -> Result<Self, FallbackReason> {
        Err(FallbackReason::Platform)
    }

    pub(super) fn directory(&self, _: &BuildArgs, _: &Record) -> Result<PathBuf, FallbackReason> {
        match self.0 {}
    }

    pub(super) fn prepare(&self, _: &BuildArgs, _: &Record) -> Result<(), FallbackReason> {
        match self.0 {}
    }

    pub(super) fn get_ready(&self) -> Ready {
        match self.0 {}
    }

    pub(super) fn link(
        &self,
        _: &BuildArgs,
        _: &Record,
        _: &Path,
        _: u32,
        _: Ready,
        _: Given<'_>,
    ) -> Result<(PathBuf, Vec<ChangedStatic>), FallbackReason> {
        match self.0 {}
    }
}
