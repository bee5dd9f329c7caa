//! What a newcomer sees without doing anything: events on stderr.

use crate::codes::Tag;
use crate::event::Event;
use hot_build::BuildError;
use std::io::{self, IsTerminal, Write};

/// Tells on stderr what a person at the terminal wants to know.
#[derive(Debug)]
pub(crate) struct Console {
    colour: bool,
}

impl Console {
    pub(crate) fn stderr() -> Console {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Console {
            colour: wanted && io::stderr().is_terminal(),
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
            | Event::Built { .. }
            | Event::Loaded { .. }
            | Event::NodeMade { .. }
            | Event::Cancelled {
                superseded: true, ..
            } => None,
            Event::StateCarried { report, .. } if report.dropped.is_empty() => None,
            Event::BuildFailed { error, .. } => {
                let mut text = self.line(event, Tone::Bad);
                text.push_str(&self.diagnostics(error));
                Some(text)
            }
            Event::Refused { .. }
            | Event::NotApplied { .. }
            | Event::EndedLate {
                failed: Some(_), ..
            }
            | Event::Panicked { .. }
            | Event::RolledBack { .. }
            | Event::NotRecalled { .. }
            | Event::WaitingForBuild { .. }
            | Event::Problem { .. } => Some(self.line(event, Tone::Bad)),
            Event::Fallback { .. } => Some(self.line(event, Tone::Plain)),
            Event::Applied { .. } => Some(self.line(event, Tone::Good)),
            _ => Some(self.line(event, Tone::Plain)),
        }
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
