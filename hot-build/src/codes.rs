//! The stable code of each failure, and of each reason why a library is full.

use crate::{BuildError, FallbackReason};

impl BuildError {
    /// Every code that [`code`](Self::code) can give, each with what it stands for. `docs/codes/` of the
    /// repository has a page for each.
    pub const CODES: &'static [(&'static str, &'static str)] = &[
        ("HOT0201", "There is no cargo to run."),
        ("HOT0202", "A build command cannot be started."),
        (
            "HOT0203",
            "The connection to a running build command is lost.",
        ),
        (
            "HOT0204",
            "A file or directory that tells about a build cannot be read.",
        ),
        ("HOT0205", "The build command failed."),
        (
            "HOT0206",
            "The build command succeeded and did not build the hot crate.",
        ),
        (
            "HOT0207",
            "The hot crate is not built as a dynamic library.",
        ),
        (
            "HOT0208",
            "The build command does not write cargo's JSON messages.",
        ),
        ("HOT0209", "The output of `cargo metadata` cannot be read."),
        (
            "HOT0210",
            "The build arguments in an environment variable are not shell words.",
        ),
        ("HOT0211", "A builder ended without a result."),
        ("HOT0212", "A builder of the program's own failed."),
        (
            "HOT0213",
            "The program insists on thin libraries, and this one can only be full.",
        ),
        ("HOT0214", "Nobody builds the hot crate."),
    ];

    /// The code of this failure: `HOT` and four digits, of which the first two are 02. It never changes its
    /// meaning. `None` for a build that was [cancelled](Self::Cancelled), which is no failure.
    ///
    /// ```
    /// use hot_build::{Build, BuildArgs, BuildError};
    ///
    /// let build = Build::spawn(&BuildArgs::new("/projects/scene"), |_| panic!("on purpose"));
    /// assert_eq!(build.wait().unwrap_err().code(), Some("HOT0211"));
    /// assert_eq!(BuildError::Cancelled.code(), None);
    /// ```
    pub fn code(&self) -> Option<&'static str> {
        Some(match self {
            Self::Cancelled => return None,
            Self::CargoMissing { .. } => "HOT0201",
            Self::Spawn { .. } => "HOT0202",
            Self::CommandIo { .. } => "HOT0203",
            Self::Io { .. } => "HOT0204",
            Self::Command { .. } => "HOT0205",
            Self::NotBuilt { .. } => "HOT0206",
            Self::NotCdylib { .. } => "HOT0207",
            Self::UnknownFormat { .. } => "HOT0208",
            Self::Metadata { .. } => "HOT0209",
            Self::Arguments { .. } => "HOT0210",
            Self::Abandoned { .. } => "HOT0211",
            Self::Other(_) => "HOT0212",
            Self::NotThin { .. } => "HOT0213",
            Self::NoBuilder { .. } => "HOT0214",
        })
    }
}

impl FallbackReason {
    /// Every code that [`code`](Self::code) can give, each with what it stands for. `docs/codes/` of the
    /// repository has a page for each.
    pub const CODES: &'static [(&'static str, &'static str)] = &[
        ("HOT0601", "Thin libraries are not made for this system."),
        (
            "HOT0602",
            "A build command of the user's makes the library.",
        ),
        ("HOT0603", "The running program's own file cannot be read."),
        ("HOT0604", "The program was stripped of its symbols."),
        ("HOT0605", "How the hot crate is compiled is not known yet."),
        (
            "HOT0606",
            "hot-abi was compiled anew since the program was built.",
        ),
        ("HOT0607", "A file that is to be linked cannot be read."),
        ("HOT0608", "The hot crate was compiled to no machine code."),
        (
            "HOT0609",
            "The new code needs symbols that the program does not have.",
        ),
        (
            "HOT0610",
            "An instruction uses a variable of the program in a way that cannot be led there.",
        ),
        ("HOT0611", "There is no linker for thin libraries."),
        ("HOT0612", "The linker failed."),
        ("HOT0613", "A thin library cannot be written."),
        (
            "HOT0614",
            "The types of statics of program and new code cannot be compared.",
        ),
    ];

    /// The code of this reason: `HOT` and four digits, of which the first two are 06. It never changes its
    /// meaning.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Platform => "HOT0601",
            Self::CustomCommand { .. } => "HOT0602",
            Self::ProgramUnreadable { .. } => "HOT0603",
            Self::ProgramStripped { .. } => "HOT0604",
            Self::NotRecorded { .. } => "HOT0605",
            Self::AbiChanged { .. } => "HOT0606",
            Self::InputUnreadable { .. } => "HOT0607",
            Self::NoMachineCode { .. } => "HOT0608",
            Self::Unresolved { .. } => "HOT0609",
            Self::UnreachableStatic { .. } => "HOT0610",
            Self::NoLinker => "HOT0611",
            Self::Linker { .. } => "HOT0612",
            Self::OutputUnwritable { .. } => "HOT0613",
            Self::StaticTypeUnknown { .. } => "HOT0614",
        }
    }
}
