//! Linkers, and what they are told.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::processor::Processor;
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

    /// Links `objects` to a library, with what they need of `members`. `waiting` may be one that runs already.
    pub(crate) fn link(
        &self,
        request: &LinkRequest<'_>,
        waiting: Option<WaitingLinker>,
        cancel: &CancelSignal,
    ) -> Result<(), FallbackReason> {
        let arguments = self.arguments(request);
        if let Some(waiting) = waiting.filter(|waiting| waiting.linker == *self)
            && waiting.link(&arguments, request.arguments, cancel)
        {
            return Ok(());
        }
        // What one says that was started for this alone is what counts.
        let mut command = self.command();
        command.args(arguments);
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

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if self.kind == Kind::GenericLld {
            command.args(["-flavor", "gnu"]);
        }
        // What it would take from the first object else: that object's system, too, which is then written into the
        // library. And one that is started early would read its arguments twice, to look for it.
        command.args(["-m", Processor::OWN.emulation()]);
        command
    }

    fn arguments(&self, request: &LinkRequest<'_>) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = Vec::new();
        let mut say = |words: &[&str]| arguments.extend(words.iter().map(OsString::from));
        // Unwinding; only what is used; and of symbols defined twice, those of the program.
        say(&["-shared", "--eh-frame-hdr", "--gc-sections"]);
        say(&["-z", "muldefs", "-z", "defs", "-z", "noexecstack"]);
        // An address that is to be read from a table must not be made relative again.
        say(&["--no-relax", "--as-needed"]);
        match self.kind {
            // Registrations are found by the bounds of their sections alone. Texts of debug information that
            // several objects have are not made one: that takes longer than to write them.
            Kind::Lld | Kind::GenericLld => say(&["-z", "nostart-stop-gc", "-O0"]),
            // It never drops such a section while its bounds are used.
            Kind::Mold => {}
        }
        say(&["-o"]);
        arguments.push(request.library.into());
        arguments.push("--version-script".into());
        arguments.push(request.exports.into());
        arguments.extend_from_slice(request.objects);
        if !request.members.is_empty() {
            arguments.push("--start-lib".into());
            arguments.extend_from_slice(request.members);
            arguments.push("--end-lib".into());
        }
        if !request.needed.is_empty() {
            // Whether or not the linker thinks so: the system keeps them as long as the new library.
            arguments.push("--no-as-needed".into());
            arguments.extend(request.needed.iter().map(OsString::from));
            arguments.push("--as-needed".into());
        }
        arguments.extend(request.libraries.iter().map(OsString::from));
        arguments
    }

    /// Starts it before it is known what there is to link. `None` for one that cannot wait; why one cannot be
    /// started says the link.
    pub(crate) fn start_early(&self) -> Option<WaitingLinker> {
        match self.kind {
            Kind::Lld | Kind::GenericLld => {}
            // It looks for the size of what it reads its arguments from.
            Kind::Mold => return None,
        }
        let (reader, writer) = io::pipe().ok()?;
        let input = reader.try_clone().ok()?;
        let mut command = self.command();
        command.arg("@/dev/stdin");
        Some(WaitingLinker {
            linker: self.clone(),
            child: Child::spawn_with_input(command, input.into()).ok()?,
            writer,
            _reader: reader,
        })
    }
}

/// A linker that runs, and waits for its arguments: the system takes a third of a link to load it. Dropping it
/// ends it.
#[derive(Debug)]
pub(crate) struct WaitingLinker {
    linker: Linker,
    child: Child,
    writer: PipeWriter,
    /// As long as somebody could read, writing does no harm, even if the linker is gone.
    _reader: PipeReader,
}

impl WaitingLinker {
    /// Links. `file` is where the arguments are written. Returns whether it could.
    fn link(mut self, arguments: &[OsString], file: &Path, cancel: &CancelSignal) -> bool {
        let killer = self.child.killer();
        let _watch = cancel.on_cancel(move || killer.kill());
        let mut text = Vec::new();
        for argument in arguments {
            quote(argument.as_bytes(), &mut text);
        }
        let mut place = Vec::new();
        quote(&[b"@", file.as_os_str().as_bytes()].concat(), &mut place);
        // A pipe takes a page without anyone who reads. No path is as long.
        if place.len() > PAGE || fs::write(file, text).is_err() {
            return false;
        }
        if self.writer.write_all(&place).is_err() {
            return false;
        }
        // Its arguments end here.
        drop(self.writer);
        drop(self._reader);
        let mut succeeded = false;
        while let Some(event) = self.child.next_event() {
            if let ChildEvent::Exited(status) = event {
                succeeded = status.is_ok_and(|status| status.success());
            }
        }
        succeeded
    }
}

/// What a pipe takes at least without waiting.
const PAGE: usize = 4096;

/// Writes an argument as a file of arguments has it, on a line of its own.
fn quote(argument: &[u8], text: &mut Vec<u8>) {
    text.push(b'"');
    for byte in argument {
        if matches!(byte, b'"' | b'\\') {
            text.push(b'\\');
        }
        text.push(*byte);
    }
    text.extend_from_slice(b"\"\n");
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
    /// Where arguments can be written.
    pub(crate) arguments: &'a Path,
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
    use super::super::stub::StubSymbol;
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
    fn a_linker_that_waits_links_what_it_is_told_and_one_that_died_is_not_missed() {
        let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output();
        let sysroot = String::from_utf8(sysroot.expect("rustc is there").stdout);
        let sysroot = PathBuf::from(sysroot.expect("a path").trim_end());
        let command = "CARGO_MANIFEST_DIR=/w /t/bin/rustc --crate-name a a.rs --crate-type lib";
        let command = RustcCommand::parse(command).expect("a run of rustc");
        let target = crate::replay::host_target(&sysroot).expect("a target");
        let linkers = Linker::all(&command, &sysroot, &target).expect("the toolchain ships one");
        let linker = &linkers[0];
        let directory = tempfile::Builder::new().prefix("a \"b\" ").tempdir();
        let directory = directory.expect("a directory");
        let path = |name: &str| directory.path().join(name);
        let (exports, arguments, object) = (path("exports"), path("arguments"), path("a.o"));
        let symbol = StubSymbol {
            name: b"f",
            address: 0x5555_0000_1234,
            by_jump: true,
        };
        fs::write(&exports, "{ global: f; local: *; };").expect("a file");
        let mut bytes = super::super::stub::write(Processor::OWN, &[symbol], &[], &[]);
        // For Linux alone, as the compiler says of objects with sections that are not to be dropped.
        const OSABI: usize = 7;
        bytes[OSABI] = object::elf::ELFOSABI_GNU.0;
        fs::write(&object, bytes).expect("a file");
        let link = |name: &str, waiting| {
            let request = LinkRequest {
                library: &path(name),
                arguments: &arguments,
                exports: &exports,
                objects: &[object.clone().into()],
                members: &[],
                needed: &[],
                libraries: &[],
            };
            linker
                .link(&request, waiting, &CancelSignal::new())
                .expect("there is nothing wrong");
            fs::read(path(name)).expect("it was made")
        };
        let waiting = || linker.start_early().expect("it is there");
        let expected = link("alone.so", None);
        assert!(!arguments.exists());
        assert!(link("waiting.so", Some(waiting())) == expected);
        assert!(arguments.exists(), "it was told by a file");
        let dead = waiting();
        dead.child.killer().kill();
        assert!(link("dead.so", Some(dead)) == expected);
    }

    #[test]
    fn an_argument_is_quoted_as_linkers_read_it() {
        let mut text = Vec::new();
        quote(br#"a "b" c\d"#, &mut text);
        assert_eq!(text, b"\"a \\\"b\\\" c\\\\d\"\n");
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
