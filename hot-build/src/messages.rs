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
    take_over(message, &target.name, target.src_path.as_std_path())
}

/// Reads a diagnostic that rustc itself wrote for the crate with the root `source`, or `None` for
/// anything else.
pub(crate) fn rustc_diagnostic(line: &str, crate_name: &str, source: &Path) -> Option<Diagnostic> {
    let message = serde_json::from_str(line).ok()?;
    take_over(message, crate_name, source)
}

/// The file that rustc says it has made, by a line that is no diagnostic:
/// `{"$message_type":"artifact","artifact":"/target/debug/deps/libscene.rlib","emit":"link"}`.
pub(crate) fn rustc_artifact(line: &str) -> Option<PathBuf> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    Some(PathBuf::from(message.get("artifact")?.as_str()?))
}

fn take_over(message: rustc::Diagnostic, target: &str, source: &Path) -> Option<Diagnostic> {
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
        span: source_span(&message, source),
        message: message.message,
        target: Some(target.to_owned()),
    })
}

/// Reads a line of stderr.
pub(crate) fn status_line(line: &str) -> BuildReport {
    let plain = strip_str(line).to_string();
    match plain.trim_start().split_once(' ') {
        // "   Compiling scene v0.1.0 (/projects/game/scene)"
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What cargo wrote for a hot crate with a warning and a program with two errors.
    const STDOUT: &str = include_str!("../tests/data/cargo-build.jsonl");
    const STDERR: &str = include_str!("../tests/data/cargo-build.stderr");

    fn messages() -> impl Iterator<Item = Message> {
        STDOUT
            .lines()
            .map(|line| parse_message(line).expect("each line is a message"))
    }

    #[test]
    fn understands_what_cargo_writes() {
        let kinds: Vec<&str> = messages()
            .map(|message| match message {
                Message::CompilerArtifact(artifact) if artifact.executable.is_some() => "program",
                Message::CompilerArtifact(_) => "artifact",
                Message::CompilerMessage(_) => "message",
                Message::BuildScriptExecuted(_) => "script",
                Message::BuildFinished(finished) if !finished.success => "failed",
                other => panic!("{other:?}"),
            })
            .collect();
        let expected = [
            "artifact", "script", "message", "artifact", "message", "message", "message",
            "message", "failed",
        ];
        assert_eq!(kinds, expected);
    }

    #[test]
    fn understands_that_rustc_made_a_file() {
        let line = r#"{"$message_type":"artifact","artifact":"/d/libscene.rlib","emit":"link"}"#;
        assert_eq!(
            rustc_artifact(line),
            Some(PathBuf::from("/d/libscene.rlib"))
        );
        let source = Path::new("/scene/src/lib.rs");
        assert!(rustc_diagnostic(line, "scene", source).is_none());
        for line in ["", "note: done", r#"{"message":"unused variable"}"#] {
            assert_eq!(rustc_artifact(line), None, "{line}");
        }
    }

    #[test]
    fn takes_no_other_line_for_a_message() {
        for line in [
            "",
            "hello",
            "{}",
            "[1]",
            "{\"reason\":\"new-in-2031\"}",
            "{\"reason\":",
        ] {
            assert!(parse_message(line).is_none(), "{line}");
        }
    }

    #[test]
    fn keeps_what_the_compiler_said_and_not_its_closing_lines() {
        let said: Vec<Diagnostic> = messages()
            .filter_map(|message| match message {
                Message::CompilerMessage(message) => diagnostic(message),
                _ => None,
            })
            .collect();
        let brief: Vec<_> = said
            .iter()
            .map(|found| {
                let span = found.span.as_ref().expect("each has a place");
                let place = (span.line, span.column);
                (
                    found.level,
                    found.code.as_deref(),
                    found.target.as_deref(),
                    place,
                )
            })
            .collect();
        use DiagnosticLevel::{Error, Warning};
        let expected = [
            (Warning, Some("unused_variables"), Some("scene"), (2, 9)),
            (Error, Some("E0308"), Some("game"), (1, 37)),
            (Error, Some("E0425"), Some("game"), (1, 43)),
        ];
        assert_eq!(brief, expected);
        assert_eq!(said[1].message, "mismatched types");
        assert!(said[1].rendered.contains("\u{1b}["));
        assert!(
            said[1]
                .plain
                .starts_with("error[E0308]: mismatched types\n --> game/src/main.rs:1")
        );
        // The file is not there to be found, so it stays as the compiler wrote it.
        let file = said[1].span.as_ref().map(|span| span.file.as_path());
        assert_eq!(file, Some(Path::new("game/src/main.rs")));
    }

    #[test]
    fn reads_status_lines() {
        let reports: Vec<BuildReport> = STDERR.lines().map(status_line).collect();
        let compiling = |package: &str| BuildReport::Compiling {
            package: package.to_owned(),
        };
        assert_eq!(
            reports[..2],
            [compiling("scene v0.1.0"), compiling("game v0.1.0")]
        );
        assert!(matches!(&reports[2], BuildReport::Line(line) if line.starts_with("error: could")));

        let coloured = "\u{1b}[1m\u{1b}[92m   Compiling\u{1b}[0m serde v1.0.200";
        assert_eq!(status_line(coloured), compiling("serde v1.0.200"));
        let blocked = "    Blocking waiting for file lock on build directory";
        let waiting_for = "file lock on build directory".to_owned();
        assert_eq!(status_line(blocked), BuildReport::Blocked { waiting_for });
    }
}
