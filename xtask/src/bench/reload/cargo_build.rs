//! What a user's own `cargo build` of the hot crate takes.

use std::time::Instant;

use anyhow::Result;

use super::subject::Subject;
use super::workspace::Workspace;
use super::{Contestant, Sample};
use crate::bench::Setting;
use crate::step;

const WHAT: &str = "cargo-build";

/// A workspace in which nothing but cargo runs.
pub(super) struct CargoBuild(Workspace);

impl CargoBuild {
    /// Builds it once.
    pub(super) fn prepare(subject: &Subject, setting: &Setting) -> Result<CargoBuild> {
        let workspace = Workspace::of_ours(subject, WHAT, setting)?;
        workspace.build()?;
        Ok(CargoBuild(workspace))
    }
}

impl Contestant for CargoBuild {
    fn take(&mut self, edition: u32) -> Result<Vec<Sample>> {
        let workspace = &self.0;
        let text = workspace.text(edition);
        let scene = workspace.package("scene");
        let mut build = workspace.scratch().cargo(&["build", "--package", &scene]);
        let began = Instant::now();
        workspace.save(&text)?;
        step::capture(&mut build)?;
        Ok(vec![Sample::milliseconds(WHAT, began.elapsed())])
    }
}
