//! What a newcomer sees without doing anything: events on stderr.

use crate::codes::Tag;
use crate::crate_id::CrateId;
use crate::event::Event;
use hot_build::{BuildError, FallbackReason};
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
}

impl Console {
    pub(crate) fn stderr() -> Console {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Console {
            colour: wanted && io::stderr().is_terminal(),
            backtraces: std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0"),
            full_because: Mutex::default(),
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
                text.push_str(&self.diagnostics(error));
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
            | Event::Problem { .. } => Some(self.line(event, Tone::Bad)),
            Event::Fallback { .. } => Some(self.line(event, Tone::Plain)),
            Event::Applied { .. } => Some(self.line(event, Tone::Good)),
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

    /// The first line of the event. What follows it in a failed build is told by the diagnostics.
    fn line(&self, event: &Event, tone: Tone) -> String {
        let sentence = match event {
            Event::BuildFailed { krate, error } if !error.diagnostics().is_empty() => {
                let code = Tag(error.code());
                format!("{krate}: the build failed{code}; the old code runs on")
            }
            other => other.to_string(),
        };
        let (start, end) = match (self.colour, tone) {
            (false, _) | (true, Tone::Plain) => ("", ""),
            (true, Tone::Good) => ("\x1b[32m", "\x1b[0m"),
            (true, Tone::Bad) => ("\x1b[31m", "\x1b[0m"),
        };
        format!("{start}hot: {sentence}{end}\n")
    }

    fn diagnostics(&self, error: &BuildError) -> String {
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

#[derive(Clone, Copy)]
enum Tone {
    Plain,
    Good,
    Bad,
}

#[cfg(test)]
mod tests {
    use super::*;
    use hot_build::BuildMode;
    use std::time::Duration;

    fn built(fallback: Option<FallbackReason>) -> Event {
        Event::Built {
            krate: CrateId::new("scene", "/scene"),
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
}
