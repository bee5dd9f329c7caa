//! The linker, and what it is told.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::rewrite::UNREACHABLE;
use crate::child::{Child, ChildEvent};
use crate::{CancelSignal, FallbackReason, run};

/// A linker that takes the arguments of ld.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Linker {
    program: PathBuf,
    first_arguments: Vec<&'static str>,
}

impl Linker {
    /// The linker that the toolchain in `sysroot` ships, or one in the path.
    pub(crate) fn find(sysroot: &Path, target: &str) -> Result<Self, FallbackReason> {
        let shipped = sysroot
            .join("lib/rustlib")
            .join(target)
            .join("bin/rust-lld");
        if shipped.is_file() {
            return Ok(Self {
                program: shipped,
                first_arguments: vec!["-flavor", "gnu"],
            });
        }
        let path = env::var_os("PATH").unwrap_or_default();
        ["ld.lld", "mold"]
            .into_iter()
            .flat_map(|name| env::split_paths(&path).map(move |directory| directory.join(name)))
            .find(|program| program.is_file())
            .map(|program| Self {
                program,
                first_arguments: Vec::new(),
            })
            .ok_or(FallbackReason::NoLinker)
    }

    /// Links `objects` to a library, with what they need of `members`.
    pub(crate) fn link(
        &self,
        request: &LinkRequest<'_>,
        cancel: &CancelSignal,
    ) -> Result<(), FallbackReason> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.first_arguments)
            .args(["-shared", "-o"])
            .arg(request.library)
            // Unwinding; only what is used; and of symbols defined twice, those of the program.
            .args(["--eh-frame-hdr", "--gc-sections", "-z", "nostart-stop-gc"])
            .args(["-z", "muldefs", "-z", "defs", "-z", "noexecstack"])
            // An address that is to be read from a table must not be made relative again.
            .args(["--no-relax", "--as-needed", "--version-script"])
            .arg(request.exports)
            .args(request.objects);
        if !request.members.is_empty() {
            command
                .arg("--start-lib")
                .args(request.members)
                .arg("--end-lib");
        }
        if !request.needed.is_empty() {
            // Whether or not the linker thinks so: the system keeps them as long as the new library.
            command.arg("--no-as-needed").args(request.needed);
            command.arg("--as-needed");
        }
        command.args(request.libraries);
        let line = run::command_line(&command);
        let failed = |message: String| FallbackReason::Linker {
            command: line.clone(),
            message,
        };
        let mut child = Child::spawn(command).map_err(|error| failed(error.to_string()))?;
        let killer = child.killer();
        let _watch = cancel.on_cancel(move || killer.kill());
        let mut said = Vec::new();
        let mut succeeded = false;
        while let Some(event) = child.next_event() {
            match event {
                ChildEvent::Line(_, line) => said.push(line),
                ChildEvent::PipeEnd(..) => {}
                ChildEvent::Exited(status) => {
                    succeeded = status.map_err(|error| failed(error.to_string()))?.success();
                }
            }
        }
        if succeeded {
            return Ok(());
        }
        let undefined: Vec<String> = said
            .iter()
            .filter_map(|line| line.split_once("error: undefined "))
            .filter_map(|(_, line)| Some(line.split_once("symbol: ")?.1.to_owned()))
            .take(5)
            .collect();
        let unreachable = undefined
            .iter()
            .find_map(|symbol| symbol.strip_prefix(UNREACHABLE));
        if let Some(symbol) = unreachable {
            Err(FallbackReason::UnreachableStatic {
                symbol: symbol.to_owned(),
            })
        } else if undefined.is_empty() {
            Err(failed(said.join("\n")))
        } else {
            Err(FallbackReason::Unresolved { symbols: undefined })
        }
    }
}

/// What is to be linked.
#[derive(Debug)]
pub(crate) struct LinkRequest<'a> {
    /// The file to write.
    pub(crate) library: &'a Path,
    /// The version script that says what is exported.
    pub(crate) exports: &'a Path,
    /// Objects that are linked as they are.
    pub(crate) objects: &'a [OsString],
    /// Objects of which only what is needed is linked.
    pub(crate) members: &'a [OsString],
    /// Thin libraries that the new one uses variables of.
    pub(crate) needed: &'a [PathBuf],
    /// Libraries that the program has loaded.
    pub(crate) libraries: &'a [PathBuf],
}
