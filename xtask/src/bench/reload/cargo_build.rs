//! What a user's own `cargo build` of the hot crate takes.

use std::process::Command;
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
    /// Builds the hot crate once.
    pub(super) fn prepare(subject: &Subject, setting: &Setting) -> Result<CargoBuild> {
        let workspace = Workspace::of_ours(subject, WHAT, setting)?;
        step::capture(&mut build(&workspace))?;
        Ok(CargoBuild(workspace))
    }
}

impl Contestant for CargoBuild {
    fn take(&mut self, edition: u32) -> Result<Vec<Sample>> {
        let CargoBuild(workspace) = self;
        let text = workspace.text(edition);
        let mut build = build(workspace);
        let began = Instant::now();
        workspace.save(&text)?;
        step::capture(&mut build)?;
        Ok(vec![Sample::milliseconds(WHAT, began.elapsed())])
    }
}

/// As the program has it: without the host's package, cargo leaves out the feature that makes the crate hot, and the
/// linker throws away a library that nothing is exported from.
fn build(workspace: &Workspace) -> Command {
    let (host, scene) = (workspace.package("host"), workspace.package("scene"));
    let mut cargo = workspace
        .scratch()
        .cargo(&["build", "--package", &host, "--package", &scene]);
    cargo.arg("--lib");
    cargo
}
