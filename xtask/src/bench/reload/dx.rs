//! The hot-patcher of `dx`: the same source as a module of the program, for it patches the crate that
//! the program's `main` is in.

use std::net::TcpListener;
use std::time::Instant;

use anyhow::{Context as _, Result};

use super::live::Live;
use super::subject::Subject;
use super::workspace::Workspace;
use super::{Contestant, Peer, Sample, is_edition, on_path};
use crate::bench::Setting;

pub(super) const WHAT: &str = "dx";

/// What to tell who does not have it.
const REMEDY: &str =
    "dx is not on the PATH; `cargo install dioxus-cli --version 0.7.9 --locked` installs it";

/// Lets it build and start the program, if it is on the PATH.
pub(super) fn prepare(subject: &Subject, setting: &Setting) -> Result<Peer> {
    let Some(dx) = on_path::find(WHAT) else {
        return Ok(Peer::Missing(REMEDY));
    };
    let workspace = Workspace::of_dx(subject, WHAT, setting)?;
    let mut command = workspace.scratch().command(&dx);
    command
        .args(["serve", "--hot-patch", "--linux", "--package"])
        .arg(workspace.package("host"))
        .args(["--interactive", "false", "--open", "false"])
        .args(["--port", &free_port()?.to_string()]);
    let mut live = Live::start(WHAT, command, workspace.log())?;
    live.wait("its first answer", is_edition(0))?;
    Ok(Peer::Ready(Box::new(Dx { workspace, live })))
}

/// `dx serve`, and the program that it runs.
struct Dx {
    workspace: Workspace,
    live: Live,
}

impl Contestant for Dx {
    fn take(&mut self, edition: u32) -> Result<Vec<Sample>> {
        let text = self.workspace.text(edition);
        self.live.begin();
        let began = Instant::now();
        self.workspace.save(&text)?;
        let answer = self.live.wait("the new edition", is_edition(edition))?;
        Ok(vec![Sample::milliseconds(WHAT, answer.at - began)])
    }
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("there is no free port")?;
    let address = listener.local_addr().context("a port has no number")?;
    Ok(address.port())
}
