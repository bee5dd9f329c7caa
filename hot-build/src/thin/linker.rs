//! Linkers, and what they are told.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::rewrite::UNREACHABLE;
use crate::child::{Child, ChildEvent};
use crate::replay::RustcCommand;
use crate::{CancelSignal, FallbackReason, run};

/// A linker that takes the arguments of ld.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Linker {
    program: PathBuf,
    kind: Kind,
}

/// Whose linker it is. They differ in the few arguments that are not ld's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// LLVM's.
    Lld,
    /// LLVM's, under a name that does not tell which of its faces is meant.
    GenericLld,
    Mold,
}

impl Linker {
    /// Those that there are, the best first: the one that the crate's own command asks for, the one that the
    /// toolchain in `sysroot` ships, and those in the path.
    ///
    /// A command asks for one by `-C linker`, if that is a linker and no compiler that calls one, or by
    /// `-fuse-ld`. GNU ld and gold are not among them, and make way for the next. The program's symbols are
    /// absolute ones, and where code reads the address of such a symbol from a table, GNU ld fails, and gold
    /// has the system add the library's own address to it.
    pub(crate) fn all(
        command: &RustcCommand,
        sysroot: &Path,
        target: &str,
    ) -> Result<Vec<Self>, FallbackReason> {
        let shipped = sysroot
            .join("lib/rustlib")
            .join(target)
            .join("bin/rust-lld");
        let path = env::var_os("PATH").unwrap_or_default();
        let directories: Vec<PathBuf> = env::split_paths(&path).collect();
        let in_path = |name: &str| {
            let mut programs = directories.iter().map(|directory| directory.join(name));
            let program = programs.find(|program| program.is_file())?;
            Self::at(program)
        };
        let mut linkers: Vec<Self> = Vec::new();
        for wanted in wanted(command) {
            linkers.extend(match wanted.as_str() {
                "lld" if shipped.is_file() => Self::at(shipped.clone()),
                "lld" => in_path("ld.lld"),
                file if file.contains('/') => Self::at(PathBuf::from(file)),
                name => in_path(name),
            });
        }
        linkers.extend(Self::at(shipped));
        linkers.extend(["ld.lld", "mold"].iter().filter_map(|name| in_path(name)));
        let mut seen: Vec<PathBuf> = Vec::new();
        linkers.retain(|linker| {
            let is_new = !seen.contains(&linker.program);
            seen.push(linker.program.clone());
            is_new
        });
        match linkers.is_empty() {
            true => Err(FallbackReason::NoLinker),
            false => Ok(linkers),
        }
    }

    /// The linker in that file, if it is there, and by its name one of those that are known.
    fn at(program: PathBuf) -> Option<Self> {
        let kind = match program.file_name()?.to_str()? {
            "rust-lld" | "lld" => Kind::GenericLld,
            "ld.lld" | "ld64.lld" => Kind::Lld,
            "mold" | "ld.mold" | "sold" => Kind::Mold,
            _ => return None,
        };
        program.is_file().then_some(Self { program, kind })
    }

    /// Links `objects` to a library, with what they need of `members`.
    pub(crate) fn link(
        &self,
        request: &LinkRequest<'_>,
        cancel: &CancelSignal,
    ) -> Result<(), FallbackReason> {
        let command = self.command(request);
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
        let mut undefined: Vec<String> = Vec::new();
        for symbol in said.iter().filter_map(|line| undefined_symbol(line)) {
            if !undefined.iter().any(|known| known == symbol) {
                undefined.push(symbol.to_owned());
            }
        }
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
            undefined.truncate(5);
            Err(FallbackReason::Unresolved { symbols: undefined })
        }
    }

    fn command(&self, request: &LinkRequest<'_>) -> Command {
        let mut command = Command::new(&self.program);
        if self.kind == Kind::GenericLld {
            command.args(["-flavor", "gnu"]);
        }
        command
            .args(["-shared", "-o"])
            .arg(request.library)
            // Unwinding; only what is used; and of symbols defined twice, those of the program.
            .args(["--eh-frame-hdr", "--gc-sections"])
            .args(["-z", "muldefs", "-z", "defs", "-z", "noexecstack"])
            // An address that is to be read from a table must not be made relative again.
            .args(["--no-relax", "--as-needed", "--version-script"])
            .arg(request.exports);
        match self.kind {
            // Registrations are found by the bounds of their sections alone.
            Kind::Lld | Kind::GenericLld => {
                command.args(["-z", "nostart-stop-gc"]);
            }
            // It never drops such a section while its bounds are used.
            Kind::Mold => {}
        }
        command.args(request.objects);
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
        command
    }
}

/// The linkers that a command asks for, by what follows `-fuse-ld=` or by their files, the last word first.
fn wanted(command: &RustcCommand) -> Vec<String> {
    let mut wanted: Vec<String> = Vec::new();
    let one = command.codegens("link-arg").map(str::to_owned);
    let several = command
        .codegens("link-args")
        .flat_map(|words| words.split(' ').map(str::to_owned));
    for word in one.chain(several) {
        let path = word.strip_prefix("--ld-path=");
        wanted.extend(path.or(word.strip_prefix("-fuse-ld=")).map(str::to_owned));
    }
    wanted.reverse();
    let linkers = command.codegens("linker");
    wanted.extend(linkers.last().map(str::to_owned));
    wanted
}

/// The symbol that a line of a linker's output says is defined nowhere.
fn undefined_symbol(line: &str) -> Option<&str> {
    // "ld.lld: error: undefined hidden symbol: f", "mold: error: undefined symbol: f".
    let (_, rest) = line.split_once("error: undefined ")?;
    let (_, symbol) = rest.split_once("symbol: ")?;
    Some(symbol.trim_end())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_linker_says_what_is_undefined_in_its_own_words() {
        for line in [
            "rust-lld: error: undefined symbol: f",
            "ld.lld: error: undefined hidden symbol: f",
            "mold: error: undefined symbol: f",
        ] {
            assert_eq!(undefined_symbol(line), Some("f"), "{line}");
        }
        assert_eq!(undefined_symbol("ld: warning: x"), None);
    }

    #[test]
    fn the_command_of_the_crate_says_which_linker() {
        let command = |options: &str| {
            RustcCommand::parse(&format!(
                "CARGO_MANIFEST_DIR=/w /t/bin/rustc --crate-name scene src/lib.rs --crate-type lib {options}"
            ))
            .expect("a run of rustc")
        };
        assert_eq!(wanted(&command("")), Vec::<String>::new());
        assert_eq!(
            wanted(&command(
                "-C linker=clang -Clink-arg=-fuse-ld=lld -C link-args='-s -fuse-ld=mold'"
            )),
            ["mold", "lld", "clang"]
        );
        assert_eq!(
            wanted(&command("-C linker=/usr/bin/mold")),
            ["/usr/bin/mold"]
        );
    }
}
