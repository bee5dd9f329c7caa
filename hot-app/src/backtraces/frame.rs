//! Frames of a backtrace in words, as std has them.
#![cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    expect(
        dead_code,
        reason = "frames are found where the system's loader can be asked"
    )
)]

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// What is known of a frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Frame {
    pub(super) name: Option<String>,
    pub(super) file: Option<PathBuf>,
    pub(super) line: Option<u32>,
    pub(super) column: Option<u32>,
}

/// A function's name as a person would write it.
pub(super) fn demangled(symbol: &str) -> String {
    // Without the hash.
    format!("{:#}", rustc_demangle::demangle(symbol))
}

/// The frames from the one that panicked to the one that the thread began with.
pub(super) fn in_words(frames: &[Frame]) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let mut text = String::new();
    for (number, frame) in that_matter(frames).iter().enumerate() {
        let name = frame.name.as_deref().unwrap_or("<unknown>");
        let _ = writeln!(text, "{number:4}: {name}");
        if let Some(file) = &frame.file {
            let _ = write!(text, "             at {}", short(file, &here).display());
            for number in [frame.line, frame.column] {
                let Some(number) = number else { break };
                let _ = write!(text, ":{number}");
            }
            text.push('\n');
        }
    }
    text
}

/// Without what std does before the panic hook is called, and before the program's or the thread's own code is.
fn that_matter(frames: &[Frame]) -> &[Frame] {
    let is = |marker| {
        move |frame: &Frame| {
            let name = frame.name.as_deref();
            name.is_some_and(|name| name.contains(marker))
        }
    };
    let panicked = frames.iter().position(is("__rust_end_short_backtrace"));
    let frames = panicked.map_or(frames, |last| &frames[last + 1..]);
    let began = frames.iter().position(is("__rust_begin_short_backtrace"));
    began.map_or(frames, |first| &frames[..first])
}

/// As the compiler names it in its messages: from the current folder, where it is in there.
fn short<'a>(file: &'a Path, here: &Path) -> &'a Path {
    match file.strip_prefix(here) {
        Ok(relative) if !here.as_os_str().is_empty() => relative,
        _ => file,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(name: &str) -> Frame {
        Frame {
            name: Some(name.to_owned()),
            ..Frame::default()
        }
    }

    #[test]
    fn frames_are_told_with_their_places() {
        let here = std::env::current_dir().unwrap();
        let inside = Frame {
            file: Some(here.join("scene/src/lib.rs")),
            line: Some(7),
            column: Some(5),
            ..frame("scene::step")
        };
        let outside = Frame {
            file: Some(PathBuf::from("/rustc/1/library/core/src/ops/function.rs")),
            line: Some(250),
            ..frame("core::ops::function::FnOnce::call_once")
        };
        assert_eq!(
            in_words(&[inside, outside, Frame::default()]),
            "   0: scene::step\n             at scene/src/lib.rs:7:5\n   1: core::ops::function::FnOnce::call_once\n             \
             at /rustc/1/library/core/src/ops/function.rs:250\n   2: <unknown>\n"
        );
    }

    #[test]
    fn the_ways_into_the_hook_and_into_main_are_left_out() {
        let end = "std::sys::backtrace::__rust_end_short_backtrace::<..>";
        let begin = "std::sys::backtrace::__rust_begin_short_backtrace::<..>";
        let names = ["hook", end, "scene::step", "host::main", begin, "_start"];
        let frames = names.map(frame);
        assert_eq!(that_matter(&frames), &frames[2..4]);
        assert_eq!(that_matter(&frames[2..4]), &frames[2..4]);
        // A panic while another one unwinds.
        let twice = ["hook", end, "drop", end, "scene::step"].map(frame);
        assert_eq!(that_matter(&twice), &twice[2..]);
    }

    #[test]
    fn names_have_no_hashes() {
        assert_eq!(
            demangled("_ZN5scene4step17h0123456789abcdefE"),
            "scene::step"
        );
        assert_eq!(demangled("main"), "main");
    }
}
