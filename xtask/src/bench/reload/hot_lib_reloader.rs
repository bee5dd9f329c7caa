//! The crate hot-lib-reloader, with cargo-watch to build for it: its defaults, as its documentation
//! has them.

use std::process::Stdio;
use std::time::Instant;

use anyhow::Result;

use super::live::Live;
use super::process::Group;
use super::subject::Subject;
use super::workspace::Workspace;
use super::{Contestant, Peer, Sample, is_edition, on_path};
use crate::bench::Setting;

pub(super) const WHAT: &str = "hot-lib-reloader";

/// What to tell who does not have what builds for it.
const REMEDY: &str =
    "cargo-watch is not on the PATH; `cargo install cargo-watch --locked` installs it";

/// Builds the program and starts it, if there is something to build its library.
pub(super) fn prepare(subject: &Subject, setting: &Setting) -> Result<Peer> {
    let Some(cargo_watch) = on_path::find("cargo-watch") else {
        return Ok(Peer::Missing(REMEDY));
    };
    let workspace = Workspace::of_hot_lib_reloader(subject, WHAT, setting)?;
    // By cargo, which lets it find the standard library that a `dylib` is linked with.
    let host = workspace.package("host");
    let command = workspace.scratch().cargo(&["run", "--package", &host]);
    let mut live = Live::start(WHAT, command, workspace.log())?;
    live.wait("its first answer", is_edition(0))?;

    let mut watch = workspace.scratch().command(&cargo_watch);
    watch.args(["watch", "-w", "scene"]);
    if subject.palette.is_some() {
        watch.args(["-w", "palette"]);
    }
    let build = format!("build -p {}", workspace.package("scene"));
    watch
        .args(["-x", &build])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let watch = Group::spawn(&mut watch)?;
    Ok(Peer::Ready(Box::new(HotLibReloader {
        workspace,
        live,
        _watch: watch,
    })))
}

/// The program, and what builds its library.
struct HotLibReloader {
    workspace: Workspace,
    live: Live,
    _watch: Group,
}

impl Contestant for HotLibReloader {
    fn take(&mut self, edition: u32) -> Result<Vec<Sample>> {
        let text = self.workspace.text(edition);
        self.live.begin();
        let began = Instant::now();
        self.workspace.save(&text)?;
        let answer = self.live.wait("the new edition", is_edition(edition))?;
        Ok(vec![Sample::milliseconds(WHAT, answer.at - began)])
    }
}
