//! What the compiler had to say, as plain data.

use std::fmt;
use std::path::PathBuf;

/// One message of the compiler: an error, a warning, or something it wants known.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// How bad it is.
    pub level: DiagnosticLevel,
    /// The message alone, in one line: "mismatched types".
    pub message: String,
    /// The compiler's code for it: "E0308", "unused_variables".
    pub code: Option<String>,
    /// The whole message as the compiler shows it in a terminal, with ANSI colours.
    pub rendered: String,
    /// The same text without colours.
    pub plain: String,
    /// The first place in the sources it points at.
    pub span: Option<SourceSpan>,
    /// The name of the build target it is about: a library, a binary, a build script.
    pub target: Option<String>,
}

impl Diagnostic {
    /// A diagnostic that has nothing but a level and a message.
    pub fn new(level: DiagnosticLevel, message: impl Into<String>) -> Self {
        let message = message.into();
        let plain = format!("{level}: {message}");
        Self {
            level,
            message,
            code: None,
            rendered: plain.clone(),
            plain,
            span: None,
            target: None,
        }
    }
}

/// Shows the message as the compiler does, without colours.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.plain.trim_end())
    }
}

/// How bad a [`Diagnostic`] is. Greater is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DiagnosticLevel {
    /// Advice on how to mend something.
    Help,
    /// Something to know.
    Note,
    /// The build goes on.
    Warning,
    /// The build fails.
    Error,
    /// The compiler itself failed, which is a bug in it.
    InternalCompilerError,
}

impl DiagnosticLevel {
    /// Does a diagnostic of this level fail the build?
    pub fn is_error(self) -> bool {
        self >= Self::Error
    }
}

impl fmt::Display for DiagnosticLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Help => "help",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::InternalCompilerError => "internal compiler error",
        })
    }
}

/// A place in a source file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SourceSpan {
    /// The file, absolute where it could be found on disk, else as the compiler wrote it.
    pub file: PathBuf,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
}

impl fmt::Display for SourceSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}
