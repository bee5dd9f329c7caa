//! What a newcomer sees without doing anything: events on stderr.

use crate::codes::Tag;
use crate::crate_id::CrateId;
use crate::event::{Event, Remark, listed, remarks};
use crate::file_name::shortened;
use hot_build::{BuildError, FallbackReason};
use hot_load::Applied;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

/// Tells on stderr what a person at the terminal wants to know.
#[derive(Debug)]
pub(crate) struct Console {
    colour: bool,
    /// Whether backtraces are wanted, as std would be asked for them.
    backtraces: bool,
    /// Why the library of each crate was a full one the last time, which is told when it changes.
    full_because: Mutex<Vec<(CrateId, FallbackReason)>>,
    /// What was said about the items of each crate when it last went live.
    remarks: Mutex<Vec<(CrateId, Vec<Remark>)>>,
}

impl Console {
    pub(crate) fn stderr() -> Console {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Console {
            colour: wanted && io::stderr().is_terminal(),
            backtraces: std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0"),
            full_because: Mutex::default(),
            remarks: Mutex::default(),
        }
    }

    pub(crate) fn show(&self, event: &Event) {
        let Some(text) = self.text(event) else { return };
        // Whoever closed stderr does not want to know.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    fn text(&self, event: &Event) -> Option<String> {
        match event {
            Event::ChangeSeen { .. }
            | Event::Progress { .. }
            | Event::Loaded { .. }
            | Event::NodeMade { .. }
            // What goes live from memory is told when it is live, and why not if it cannot.
            | Event::Recalled { is_live: false, .. }
            | Event::Cancelled {
                superseded: true, ..
            } => None,
            Event::Built {
                krate,
                fallback,
                changed_statics,
                ..
            } => {
                let is_news = self.is_news(krate, fallback.as_ref());
                (is_news || !changed_statics.is_empty()).then(|| self.line(event, Tone::Plain))
            }
            Event::StateCarried { report, .. } if report.dropped.is_empty() => None,
            Event::BuildFailed { error, .. } => {
                let mut text = self.line(event, Tone::Bad);
                if says_why(error) {
                    text.push_str(&self.diagnostics(error));
                }
                Some(text)
            }
            // What the panic hook shows by itself has no names of code that was loaded late.
            Event::Panicked {
                backtrace: Some(backtrace),
                ..
            } if self.backtraces => Some(self.line(event, Tone::Bad) + backtrace),
            Event::Refused { .. }
            | Event::NotApplied { .. }
            | Event::EndedLate {
                failed: Some(_), ..
            }
            | Event::Panicked { .. }
            | Event::RolledBack { .. }
            | Event::NotRecalled { .. }
            | Event::WaitingForBuild { .. }
            | Event::NotWaiting { .. }
            | Event::HeldBack { .. }
            | Event::Problem { .. } => Some(self.line(event, Tone::Bad)),
            // Told when its generation went live.
            Event::Fallback { krate, node, .. } if self.is_left(krate, node) => None,
            Event::Fallback { .. } => Some(self.line(event, Tone::Plain)),
            Event::Applied { krate, items, .. } => Some(self.applied(event, krate, items)),
            _ => Some(self.line(event, Tone::Plain)),
        }
    }

    /// Whether a crate has full libraries for another reason than before, and with them statics of their own.
    fn is_news(&self, krate: &CrateId, fallback: Option<&FallbackReason>) -> bool {
        let mut told = self
            .full_because
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let known = told.iter().position(|(of, _)| of == krate);
        let before = known.map(|index| told.swap_remove(index).1);
        if let Some(reason) = fallback {
            told.push((krate.clone(), reason.clone()));
        }
        fallback.is_some() && before.as_ref() != fallback
    }

    /// That a generation is live, with a line for each thing that is new about its items. What is as it was before
    /// is only named, for it stays so with every save.
    fn applied(&self, event: &Event, krate: &CrateId, items: &Applied) -> String {
        let remarks = remarks(items);
        let after_headline: usize = remarks
            .iter()
            .map(|remark| "; ".len() + remark.sentence.len())
            .sum();
        let whole = event.to_string();
        let headline = &whole[..whole.len() - after_headline];

        let before = self.replace_remarks(krate, &remarks);
        let is_old = |remark: &&Remark| !remark.left.is_empty() && before.contains(remark);
        let (old, new): (Vec<_>, Vec<_>) = remarks.iter().partition(is_old);
        let mut text = self.coloured(headline, Tone::Good);
        for remark in new {
            text += &self.coloured(&format!("  {}", remark.sentence), Tone::Plain);
        }
        let old: Vec<_> = old
            .iter()
            .flat_map(|remark| remark.left.iter().copied())
            .collect();
        if !old.is_empty() {
            let sentence = format!("  as before, older code answers for {}", listed(&old));
            text += &self.coloured(&sentence, Tone::Plain);
        }
        text
    }

    /// Whether the item is one that other code than the live generation answers, as was said.
    fn is_left(&self, krate: &CrateId, item: &str) -> bool {
        let said = self.remarks.lock().unwrap_or_else(PoisonError::into_inner);
        let mut of_krate = said.iter().filter(|(of, _)| of == krate);
        of_krate.any(|(_, remarks)| remarks.iter().any(|remark| remark.left.contains(&item)))
    }

    /// Remembers what is said about a crate's items, and returns what was said before.
    fn replace_remarks(&self, krate: &CrateId, remarks: &[Remark]) -> Vec<Remark> {
        let mut said = self.remarks.lock().unwrap_or_else(PoisonError::into_inner);
        let known = said.iter().position(|(of, _)| of == krate);
        let before = known.map(|index| said.swap_remove(index).1);
        said.push((krate.clone(), remarks.to_vec()));
        before.unwrap_or_default()
    }

    /// The first line of the event. What follows it in a failed build is told by the diagnostics.
    fn line(&self, event: &Event, tone: Tone) -> String {
        let sentence = match event {
            Event::BuildFailed { krate, error } if says_why(error) => {
                let code = Tag(error.code());
                format!("{krate}: the build failed{code}; the old code runs on")
            }
            other => other.to_string(),
        };
        self.coloured(&sentence, tone)
    }

    fn coloured(&self, sentence: &str, tone: Tone) -> String {
        let sentence = shortened(sentence);
        let (start, end) = match (self.colour, tone) {
            (false, _) | (true, Tone::Plain) => ("", ""),
            (true, Tone::Good) => ("\x1b[32m", "\x1b[0m"),
            (true, Tone::Bad) => ("\x1b[31m", "\x1b[0m"),
        };
        format!("{start}hot: {sentence}{end}\n")
    }

    /// What the compiler said, or else cargo.
    fn diagnostics(&self, error: &BuildError) -> String {
        if let BuildError::Command { message, .. } = error
            && error.diagnostics().is_empty()
        {
            return format!("{}\n", shortened(message.trim_end()));
        }
        let rendered = error
            .diagnostics()
            .iter()
            .filter(|diagnostic| diagnostic.level.is_error());
        let texts = rendered.map(|diagnostic| {
            if self.colour {
                &diagnostic.rendered
            } else {
                &diagnostic.plain
            }
        });
        texts.map(|text| format!("{}\n", text.trim_end())).collect()
    }
}

/// Whether compiler or cargo told why a build failed, so that nobody needs to see the command.
fn says_why(error: &BuildError) -> bool {
    let said = matches!(error, BuildError::Command { message, .. } if !message.trim().is_empty());
    said || !error.diagnostics().is_empty()
}

#[derive(Clone, Copy)]
enum Tone {
    Plain,
    Good,
    Bad,
}

#[cfg(test)]
mod tests {
    use super::*;
    use hot_build::{BuildMode, Diagnostic, DiagnosticLevel};
    use hot_load::{LayoutChange, SignatureChange};
    use std::time::Duration;

    fn scene() -> CrateId {
        CrateId::new("scene", "/scene")
    }

    fn quiet() -> Console {
        Console {
            colour: false,
            backtraces: false,
            ..Console::stderr()
        }
    }

    fn built(fallback: Option<FallbackReason>) -> Event {
        Event::Built {
            krate: scene(),
            duration: Duration::from_millis(7),
            warnings: Vec::new(),
            mode: if fallback.is_some() {
                BuildMode::Full
            } else {
                BuildMode::Thin
            },
            fallback,
            changed_statics: Vec::new(),
            asked_cargo: None,
            phases: Vec::new(),
        }
    }

    #[test]
    fn that_a_library_is_full_is_told_once_for_each_reason() {
        let console = Console::stderr();
        let tells = |fallback| console.text(&built(fallback)).is_some();
        assert!(!tells(None));
        assert!(tells(Some(FallbackReason::NoLinker)));
        assert!(!tells(Some(FallbackReason::NoLinker)));
        assert!(tells(Some(FallbackReason::Platform)));
        assert!(!tells(None));
        assert!(tells(Some(FallbackReason::NoLinker)));
    }

    fn applied(generation: u32, items: Applied) -> Event {
        let here = std::env::current_dir().unwrap();
        Event::Applied {
            krate: scene(),
            generation,
            items,
            changed: vec![here.join("scene/src/lib.rs")],
            duration: Duration::from_millis(1),
            since_change: Some(Duration::from_millis(84)),
        }
    }

    /// A type that two functions and a node take has another field, and a third function another result.
    fn left() -> Applied {
        let reason = "`scene::World`, field `more` (/elsewhere/lib.rs:12): the program has no such thing, the new code `u64`";
        let layout = |item| LayoutChange {
            item,
            reason: reason.to_owned(),
        };
        Applied {
            signatures_changed: vec![SignatureChange {
                function: "scene::load",
                callers: "fn(&str) -> World",
                library: "fn(&str) -> Option<World>",
                types: None,
            }],
            layouts_changed: vec![
                layout("scene::step"),
                layout("scene::show"),
                layout("sidebar"),
            ],
            functions_removed: vec!["scene::old"],
            ..Applied::default()
        }
    }

    #[test]
    fn what_is_left_behind_is_told_at_length_once() {
        let console = quiet();
        let text = |event: Event| console.text(&event).unwrap_or_default();
        assert_eq!(
            text(applied(1, Applied::default())),
            "hot: scene: generation 1 is live, 84 ms after the change of scene/src/lib.rs\n"
        );
        assert_eq!(
            text(applied(2, left())),
            "\
hot: scene: generation 2 is live, 84 ms after the change of scene/src/lib.rs
hot:   `scene::load` changed its signature from `fn(&str) -> World` to `fn(&str) -> Option<World>`: its callers stay with \
the code they have until the program is restarted [HOT0401]
hot:   `scene::step`, `scene::show` and `sidebar` hand over a type whose layout changed: `scene::World`, field `more` \
(/elsewhere/lib.rs:12): the program has no such thing, the new code `u64`; their new code is not used until the program is \
restarted [HOT0402]
hot:   `scene::old` is gone, and the code linked into the program answers its callers [HOT0403]
"
        );
        assert_eq!(
            text(applied(3, left())),
            "\
hot: scene: generation 3 is live, 84 ms after the change of scene/src/lib.rs
hot:   as before, older code answers for `scene::load`, `scene::step`, `scene::show`, `sidebar` and `scene::old`
"
        );
        let fallback = Event::Fallback {
            krate: scene(),
            node: "sidebar",
            reason: "node `sidebar` is answered by the code linked into the program".into(),
            code: Some("HOT0408"),
        };
        assert_eq!(text(fallback.clone()), "");
        // An undo, and the same mistake again.
        assert_eq!(
            text(applied(0, Applied::default())),
            "hot: scene: the code linked into the program is live, 84 ms after the change of scene/src/lib.rs\n"
        );
        assert!(text(fallback).contains("`sidebar`"));
        assert!(text(applied(2, left())).contains("HOT0402"));
    }

    #[test]
    fn the_event_alone_tells_all_in_a_sentence() {
        let told = applied(2, left()).to_string();
        assert!(!told.contains('\n'));
        assert!(told.contains("; `scene::old` is gone"), "{told}");
        assert_eq!(told.matches("the new code `u64`").count(), 1, "{told}");
    }

    #[cfg(unix)]
    fn failed(message: &str, diagnostics: Vec<Diagnostic>) -> Event {
        use std::os::unix::process::ExitStatusExt;
        Event::BuildFailed {
            krate: scene(),
            error: BuildError::Command {
                command: "cargo build --a-long-line".into(),
                status: std::process::ExitStatus::from_raw(101 << 8),
                message: message.into(),
                diagnostics,
            },
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_build_that_fails_is_told_in_the_words_of_who_knows_why() {
        let console = quiet();
        let text = |event: Event| console.text(&event).unwrap_or_default();
        let error = Diagnostic::new(DiagnosticLevel::Error, "mismatched types");
        let warning = Diagnostic::new(DiagnosticLevel::Warning, "unused variable");
        assert_eq!(
            text(failed("could not compile", vec![warning, error])),
            "hot: scene: the build failed [HOT0205]; the old code runs on\nerror: mismatched types\n"
        );
        let here = std::env::current_dir().unwrap();
        let manifest = here.join("scene/Cargo.toml");
        assert_eq!(
            text(failed(
                &format!("error: unclosed table in {}\n\n", manifest.display()),
                Vec::new()
            )),
            "hot: scene: the build failed [HOT0205]; the old code runs on\nerror: unclosed table in scene/Cargo.toml\n"
        );
        assert_eq!(
            text(failed("", Vec::new())),
            "hot: scene: the build failed [HOT0205]: `cargo build --a-long-line` failed (exit status: 101) and did not \
             say why; run it in a terminal\n"
        );
    }

    #[test]
    fn what_goes_live_from_memory_is_told_once() {
        let recalled = |is_live| Event::Recalled {
            krate: scene(),
            generation: 2,
            is_live,
        };
        assert_eq!(quiet().text(&recalled(false)), None);
        let text = quiet().text(&recalled(true)).unwrap_or_default();
        assert_eq!(text, "hot: scene: generation 2 stays live\n");
    }

    #[test]
    fn a_panic_is_told_with_its_backtrace_where_that_is_wanted() {
        let panicked = Event::Panicked {
            krate: scene(),
            item: "scene::step",
            generation: 2,
            in_probation: true,
            aftermath: Some(hot_abi::policy::Aftermath::AnsweredBy(1)),
            message: "index out of bounds".into(),
            location: Some("scene/src/lib.rs:12:9".into()),
            backtrace: Some("   0: scene::step\n             at scene/src/lib.rs:12:9\n".into()),
        };
        let line = "hot: `scene::step` panicked in new code [HOT0501]: index out of bounds (at scene/src/lib.rs:12:9); the \
                    call is answered by generation 1\n";
        assert_eq!(quiet().text(&panicked).as_deref(), Some(line));
        let talkative = Console {
            backtraces: true,
            ..quiet()
        };
        let text = talkative.text(&panicked).unwrap_or_default();
        assert_eq!(
            text.strip_prefix(line),
            Some("   0: scene::step\n             at scene/src/lib.rs:12:9\n")
        );
    }
}
