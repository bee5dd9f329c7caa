//! A server whose handler is replaced while it is at work.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::super::project::{Project, SCENE};
use super::super::variant::Variant;
use super::super::{Modes, Scenario, Verdict};
use super::one_copy::{TOKIO, add_dependencies};

pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    name: "async_server",
    about: "a tokio server finishes a slow request with the old handler while the next request gets \
            the new one",
    modes: Modes::Both,
    run: async_server,
}];

const PROGRAM: Variant = Variant {
    host: include_str!("../fixture/server/host.rs"),
    scene: include_str!("../fixture/server/scene.rs"),
    edits: &[],
};

fn async_server(project: &Project) -> Result<Verdict> {
    PROGRAM.put_into(project)?;
    add_dependencies(project, &["host", "scene"], TOKIO)?;
    let mut host = project.run()?;
    let address = host.says("address", "127.0.0.1:")?;
    let (_, address) = address.split_once(": ").context("the address is a line")?;

    let mut slow = Client::connect(address)?;
    slow.expect("slow", "begun by edition 0")?;
    project.edit(SCENE, "edition 0", "edition 1")?;
    host.event_about("applied", "scene")?;
    Client::connect(address)?.expect("quick", "done by edition 1")?;

    let mut also_slow = Client::connect(address)?;
    also_slow.expect("slow", "begun by edition 1")?;
    project.edit(SCENE, "edition 1", "edition 2")?;
    host.event_about("applied", "scene")?;
    also_slow.expect("go on", "done by edition 1")?;
    slow.expect("go on", "done by edition 0")?;
    Client::connect(address)?.expect("quick", "done by edition 2")?;
    host.end()?;
    Ok(Verdict::Passed)
}

/// A client that says and hears lines.
struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn connect(address: &str) -> Result<Client> {
        let stream =
            TcpStream::connect(address).with_context(|| format!("no server at {address}"))?;
        // It guards against waiting for ever; nothing is measured by it.
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Client {
            stream: BufReader::new(stream),
        })
    }

    /// Says one line, and hears one.
    fn expect(&mut self, request: &str, expected: &str) -> Result<()> {
        writeln!(self.stream.get_mut(), "{request}").context("the server takes no request")?;
        let mut answer = String::new();
        self.stream
            .read_line(&mut answer)
            .context("the server does not answer")?;
        ensure!(
            answer.trim_end() == expected,
            "to `{request}` the server answers `{answer}`, and not `{expected}`"
        );
        Ok(())
    }
}
