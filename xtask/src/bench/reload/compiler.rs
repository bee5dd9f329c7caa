//! The limit: the compiler alone, called as cargo calls it, and nothing linked.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};

use super::quoting::words;
use super::subject::Subject;
use super::workspace::Workspace;
use super::{Contestant, Sample};
use crate::bench::Setting;
use crate::step;

const WHAT: &str = "rustc-no-link";

/// The compiler's own commands for every crate from the edited one up to the hot crate.
pub(super) struct Compiler {
    workspace: Workspace,
    commands: Vec<Command>,
}

impl Compiler {
    /// Lets cargo build the hot crate once, and takes down how it calls the compiler.
    pub(super) fn prepare(subject: &Subject, setting: &Setting) -> Result<Compiler> {
        let workspace = Workspace::of_ours(subject, WHAT, setting)?;
        // As the program has it: with the features that the host asks for.
        let (host, scene) = (workspace.package("host"), workspace.package("scene"));
        let mut cargo =
            workspace
                .scratch()
                .cargo(&["build", "--package", &host, "--package", &scene]);
        cargo.args(["--lib", "-vv"]).stdin(Stdio::null());
        let output = cargo.output().context("cannot start cargo")?;
        let shown = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            let words = step::words(&cargo);
            bail!("`{words}` failed:\n{}", without_calls(&shown));
        }
        let mut folders = vec!["scene"];
        if subject.palette.is_some() {
            folders.insert(0, "palette");
        }
        let commands = folders
            .into_iter()
            .map(|folder| {
                let name = workspace.package(folder).replace('-', "_");
                recorded(&shown, &name)
                    .with_context(|| format!("cargo did not show how it compiles {name}"))
                    .map(|words| repeated(&words, &workspace))
            })
            .collect::<Result<_>>()?;
        Ok(Compiler {
            workspace,
            commands,
        })
    }
}

impl Contestant for Compiler {
    fn take(&mut self, edition: u32) -> Result<Vec<Sample>> {
        let text = self.workspace.text(edition);
        let began = Instant::now();
        self.workspace.save(&text)?;
        for command in &mut self.commands {
            let status = command.status().context("cannot start the compiler")?;
            ensure!(
                status.success(),
                "the compiler failed ({status}): {command:?}"
            );
        }
        Ok(vec![Sample::milliseconds(WHAT, began.elapsed())])
    }
}

/// What cargo and the compilers said, without the command lines.
fn without_calls(shown: &str) -> String {
    let said: Vec<_> = shown
        .lines()
        .filter(|line| !line.trim_start().starts_with("Running `"))
        .filter(|line| !line.trim_start().starts_with("Fresh "))
        .collect();
    said.join("\n")
}

/// The words by which cargo called the compiler for the crate `name`.
fn recorded(shown: &str, name: &str) -> Option<Vec<String>> {
    shown
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Running `")?.strip_suffix('`'))
        .filter_map(|line| words(line).ok())
        .find(|words| {
            words
                .windows(2)
                .any(|pair| pair[0] == "--crate-name" && pair[1] == name)
        })
}

/// The same call, with nothing linked and nothing printed. Output and cache stay where they were: no
/// one else uses them.
fn repeated(words: &[String], workspace: &Workspace) -> Command {
    let is_variable = |word: &&String| {
        let name = word.split_once('=').map(|(name, _)| name);
        name.is_some_and(|name| !name.starts_with('-') && !name.contains('/'))
    };
    let variables: Vec<_> = words.iter().take_while(is_variable).collect();
    let mut rest = words.iter().skip(variables.len());
    let program = rest.next().map_or("rustc", String::as_str);
    let mut command = workspace.scratch().command(program.as_ref());
    command
        .envs(variables.iter().filter_map(|word| word.split_once('=')))
        .args(rest)
        .args(["-C", "linker=true"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_for_a_crate_is_found_in_what_cargo_shows() {
        let shown = "   Compiling scene v0.1.0 (/w/scene)\n     Running `CARGO=/t/cargo \
                     CARGO_PKG_DESCRIPTION='a b' /t/rustc --crate-name scene scene/src/lib.rs`\n";
        let words = recorded(shown, "scene").expect("it is there");
        let expected = [
            "CARGO=/t/cargo",
            "CARGO_PKG_DESCRIPTION=a b",
            "/t/rustc",
            "--crate-name",
            "scene",
            "scene/src/lib.rs",
        ];
        assert_eq!(words, expected);
        assert_eq!(recorded(shown, "host"), None);
    }
}
