//! Why a library could not be linked against the running program.

use std::fmt;
use std::path::PathBuf;

/// How an [`Artifact`](crate::Artifact) was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BuildMode {
    /// A library that stands for itself: it has its own copy of every dependency and of every static.
    #[default]
    Full,
    /// A library of the changed code alone, linked against the program that runs: it uses the program's
    /// dependencies and statics, and is of no use to any other process.
    Thin,
}

impl fmt::Display for BuildMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "full",
            Self::Thin => "thin",
        })
    }
}

/// A static or thread-local of new code that does not go on as its source has it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChangedStatic {
    /// It, with its path.
    pub name: String,
    /// What became of it.
    pub change: StaticChange,
}

/// What became of a static or thread-local.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StaticChange {
    /// Its type changed, in this way. It begins anew.
    Type(String),
    /// There were several of its name and type, and which of them it was cannot be told. It begins anew.
    Ambiguous,
    /// It was in a library that cannot be used any more. It begins anew.
    Lost {
        /// The library, as it was built.
        library: PathBuf,
        /// What became of that.
        problem: String,
    },
    /// What it begins with was changed in the source. It keeps the value that it has.
    InitialValue,
}

impl ChangedStatic {
    /// A static of that name, and what became of it.
    pub fn new(name: impl Into<String>, change: StaticChange) -> Self {
        Self {
            name: name.into(),
            change,
        }
    }

    /// Whether it begins anew, rather than keeping its value.
    pub fn begins_anew(&self) -> bool {
        self.change != StaticChange::InitialValue
    }

    /// How much there is to tell of it.
    #[allow(dead_code, reason = "asked where thin libraries are linked")]
    pub(crate) fn length(&self) -> usize {
        match &self.change {
            StaticChange::Type(change) => change.len(),
            _ => 0,
        }
    }
}

impl fmt::Display for ChangedStatic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, change } = self;
        match change {
            StaticChange::Type(change) => write!(
                f,
                "static `{name}` changed its type ({change}) and begins anew"
            ),
            StaticChange::Ambiguous => write!(
                f,
                "static `{name}` begins anew, for there were several of its name and type; give each a name of \
                 its own"
            ),
            StaticChange::Lost { library, problem } => write!(
                f,
                "static `{name}` begins anew, for it was in {}, and {problem}",
                library.display()
            ),
            StaticChange::InitialValue => write!(
                f,
                "static `{name}` keeps its value, though its initial value changed; restart the program to begin \
                 with that"
            ),
        }
    }
}

/// Why a build is [full](BuildMode::Full) where a [thin](BuildMode::Thin) one was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FallbackReason {
    /// Thin libraries are not made for this system.
    Platform,
    /// The build is done by a command of the user's, which may do anything.
    CustomCommand {
        /// The environment variable that holds it.
        variable: &'static str,
    },
    /// The running program's file, or what the system tells about it, cannot be read.
    ProgramUnreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The program was stripped of its symbols.
    ProgramStripped {
        /// Its file.
        program: PathBuf,
    },
    /// How the crate is compiled is not known, for cargo did not have to compile it.
    NotRecorded {
        /// The crate's directory.
        manifest_dir: PathBuf,
    },
    /// The crate through which program and libraries talk was compiled anew since the program was built.
    AbiChanged {
        /// It, compiled.
        path: PathBuf,
    },
    /// A file that is to be linked cannot be read.
    InputUnreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The crate's objects are no machine code, as with link-time optimisation.
    NoMachineCode {
        /// The file that holds them.
        path: PathBuf,
    },
    /// The new code needs symbols that neither the program nor the compiled dependencies have.
    Unresolved {
        /// The first few of them.
        symbols: Vec<String>,
    },
    /// The code uses a static or a thread-local of the program in a way that cannot be led to the
    /// program's copy, as optimised code and assembler may: with an instruction that needs the stack or the
    /// vector extensions, together with a new thread-local, or taking it for a constant.
    UnreachableStatic {
        /// The variable.
        symbol: String,
    },
    /// It is not known whether a static or a thread-local has the type that the program's copy has.
    StaticTypeUnknown {
        /// The symbol of the variable.
        symbol: String,
        /// Why that is not known.
        problem: String,
    },
    /// There is no linker.
    NoLinker,
    /// The linker failed.
    Linker {
        /// Its command line.
        command: String,
        /// What it said.
        message: String,
    },
    /// A file could not be written.
    OutputUnwritable {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

impl fmt::Display for FallbackReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Platform => {
                f.write_str("thin libraries are made for Linux on x86-64 and aarch64 with 64-bit pointers only")
            }
            Self::CustomCommand { variable } => write!(
                f,
                "{variable} says how to build; unset it to have thin libraries"
            ),
            Self::ProgramUnreadable { path, problem } => write!(
                f,
                "cannot read {}, which tells where the program's code is: {problem}",
                path.display()
            ),
            Self::ProgramStripped { program } => write!(
                f,
                "{} has no symbols to link against; build it without `strip`",
                program.display()
            ),
            Self::NotRecorded { manifest_dir } => write!(
                f,
                "cargo did not have to compile the crate in {}, so its command line is not known yet; the next \
                 change will tell it",
                manifest_dir.display()
            ),
            Self::AbiChanged { path } => write!(
                f,
                "{} is newer than the program; build the program again and restart it to have thin libraries",
                path.display()
            ),
            Self::InputUnreadable { path, problem } => {
                write!(f, "cannot read {} to link it: {problem}", path.display())
            }
            Self::NoMachineCode { path } => write!(
                f,
                "{} holds no machine code; turn off `lto` in the profile to have thin libraries",
                path.display()
            ),
            Self::Unresolved { symbols } => write!(
                f,
                "the new code needs what the program does not have: {}",
                symbols.iter().map(|symbol| demangled(symbol)).collect::<Vec<_>>().join(", ")
            ),
            Self::UnreachableStatic { symbol } => write!(
                f,
                "the code uses the variable `{}` in a way that cannot be led to the program's copy, as optimised \
                 code and assembler may; build with `opt-level = 0` to have thin libraries",
                demangled(symbol)
            ),
            Self::StaticTypeUnknown { symbol, problem } => write!(
                f,
                "the type of the variable `{}` cannot be compared with what the program has: {problem}",
                demangled(symbol)
            ),
            Self::NoLinker => f.write_str(
                "the toolchain has no rust-lld, and there is no ld.lld or mold in the path; install one of them",
            ),
            Self::Linker { command, message } => write!(f, "`{command}` failed: {message}"),
            Self::OutputUnwritable { path, problem } => {
                write!(f, "cannot write {}: {problem}", path.display())
            }
        }
    }
}

impl std::error::Error for FallbackReason {}

/// A symbol as a person would write it.
#[cfg(feature = "thin")]
fn demangled(symbol: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(symbol))
}

/// Where no code is linked, no symbol is told of.
#[cfg(not(feature = "thin"))]
fn demangled(symbol: &str) -> String {
    symbol.to_owned()
}

#[cfg(all(test, feature = "thin"))]
mod tests {
    use super::*;

    #[test]
    fn variables_are_named_as_they_are_written() {
        let reason = FallbackReason::StaticTypeUnknown {
            symbol: "_ZN5scene5CALLS17h0123456789abcdefE".to_owned(),
            problem: "the program has no debug information".to_owned(),
        };
        assert_eq!(
            reason.to_string(),
            "the type of the variable `scene::CALLS` cannot be compared with what the program has: the program has \
             no debug information"
        );
        let symbols = vec!["_RNvCs1234_5scene5CALLS".to_owned(), "malloc".to_owned()];
        assert_eq!(
            FallbackReason::Unresolved { symbols }.to_string(),
            "the new code needs what the program does not have: scene::CALLS, malloc"
        );
    }
}
