//! Cargo's output, line by line: JSON messages on stdout, status lines on stderr.

use std::path::{Path, PathBuf};

use anstream::adapter::strip_str;
use cargo_metadata::Message;
use cargo_metadata::diagnostic as rustc;

use crate::{BuildReport, Diagnostic, DiagnosticLevel, SourceSpan};

/// Reads a line of stdout; `None` when it is no message of cargo.
pub(crate) fn parse_message(line: &str) -> Option<Message> {
    match Message::parse_stream(line.as_bytes()).next()?.ok()? {
        Message::TextLine(_) => None,
        message => Some(message),
    }
}

/// Takes a diagnostic over from cargo's message, or `None` for the compiler's closing lines
/// ("aborting due to 2 previous errors"), which repeat what was said.
pub(crate) fn diagnostic(message: cargo_metadata::CompilerMessage) -> Option<Diagnostic> {
    let cargo_metadata::CompilerMessage {
        target, message, ..
    } = message;
    let level = level(message.level)?;
    let closing = message.message.starts_with("aborting due to ")
        || message.message.ends_with(" warning emitted")
        || message.message.ends_with(" warnings emitted");
    if closing && message.spans.is_empty() {
        return None;
    }
    let rendered = message
        .rendered
        .clone()
        .unwrap_or_else(|| format!("{level}: {}\n", message.message));
    Some(Diagnostic {
        level,
        plain: strip_str(&rendered).to_string(),
        rendered,
        code: message.code.as_ref().map(|code| code.code.clone()),
        span: source_span(&message, target.src_path.as_std_path()),
        message: message.message,
        target: Some(target.name),
    })
}

/// Reads a line of stderr.
pub(crate) fn status_line(line: &str) -> BuildReport {
    let plain = strip_str(line).to_string();
    match plain.trim_start().split_once(' ') {
        // "   Compiling scene v0.1.0 (/work/game/scene)"
        Some(("Compiling", rest)) => {
            let package = rest.split(" (").next().unwrap_or(rest).trim().to_owned();
            BuildReport::Compiling { package }
        }
        // "    Blocking waiting for file lock on build directory"
        Some(("Blocking", rest)) => {
            let waiting_for = rest
                .strip_prefix("waiting for ")
                .unwrap_or(rest)
                .trim()
                .to_owned();
            BuildReport::Blocked { waiting_for }
        }
        _ => BuildReport::Line(line.to_owned()),
    }
}

/// The file that a compiler meant by a relative path, if it is there.
///
/// Paths are relative to the workspace, or to the package for one outside of it: a directory
/// above `near`, the absolute path of one of the crate's sources.
pub(crate) fn locate(relative: &Path, near: &Path) -> Option<PathBuf> {
    near.ancestors()
        .skip(1)
        .map(|base| base.join(relative))
        .find(|path| path.is_file())
}

fn level(level: rustc::DiagnosticLevel) -> Option<DiagnosticLevel> {
    Some(match level {
        rustc::DiagnosticLevel::Ice => DiagnosticLevel::InternalCompilerError,
        rustc::DiagnosticLevel::Error => DiagnosticLevel::Error,
        rustc::DiagnosticLevel::Warning => DiagnosticLevel::Warning,
        rustc::DiagnosticLevel::Note => DiagnosticLevel::Note,
        rustc::DiagnosticLevel::Help => DiagnosticLevel::Help,
        // "For more information about this error, try `rustc --explain E0308`."
        rustc::DiagnosticLevel::FailureNote => return None,
        // A level of a later compiler: show it rather than lose it.
        _ => DiagnosticLevel::Note,
    })
}

fn source_span(message: &rustc::Diagnostic, near: &Path) -> Option<SourceSpan> {
    let primary = message.spans.iter().find(|span| span.is_primary);
    let span = primary.or(message.spans.first())?;
    let file = Path::new(&span.file_name);
    Some(SourceSpan {
        file: locate(file, near).unwrap_or_else(|| file.to_owned()),
        line: span.line_start,
        column: span.column_start,
    })
}
