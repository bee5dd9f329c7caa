//! Where the fountain is seen: a picture that is drawn over and over on a terminal, or lines.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _, stdout};

use fountain_scene::{Canvas, World};

/// The size of the picture, in characters.
const COLUMNS: usize = 64;
const ROWS: usize = 16;

/// The room for news beneath the picture.
const NEWS_ROWS: usize = 12;

/// The frames between two lines where there is no terminal.
const FRAMES_PER_LINE: u64 = 60;

/// Standard output, in the manner that suits it.
pub enum Screen {
    /// A terminal: the picture, the sign, and the last event in full.
    Picture {
        /// What to say beneath the picture.
        news: String,
        /// Whether a picture is there to be drawn over.
        drawn: bool,
    },
    /// A file or a pipe: a line per second and per event.
    Lines {
        /// Whether the next frame runs code that no line has shown yet.
        new_code: bool,
    },
}

impl Screen {
    /// Standard output, whatever it is.
    pub fn stdout() -> Screen {
        if stdout().is_terminal() {
            Screen::Picture {
                news: String::new(),
                drawn: false,
            }
        } else {
            Screen::Lines { new_code: true }
        }
    }

    /// Tells of an event of the reloading.
    pub fn tell(&mut self, name: &str, sentence: &str) -> io::Result<()> {
        match self {
            Screen::Picture { news, .. } => {
                *news = sentence.to_owned();
                Ok(())
            }
            Screen::Lines { new_code } => {
                *new_code |= name == "applied";
                let mut out = stdout().lock();
                sentence
                    .lines()
                    .try_for_each(|line| writeln!(out, "[{name}] {line}"))
            }
        }
    }

    /// Shows one frame.
    pub fn show(&mut self, world: &World, sign: &str) -> io::Result<()> {
        match self {
            Screen::Picture { news, drawn } => {
                let frame = picture(world, sign, news);
                let back = if *drawn {
                    format!("\x1b[{}F", ROWS + 1 + NEWS_ROWS)
                } else {
                    String::new()
                };
                *drawn = true;
                let mut out = stdout().lock();
                out.write_all(back.as_bytes())?;
                out.write_all(frame.as_bytes())?;
                out.flush()
            }
            Screen::Lines { new_code } => {
                if *new_code || world.frame.is_multiple_of(FRAMES_PER_LINE) {
                    *new_code = false;
                    writeln!(stdout(), "frame {:>5}  {sign}", world.frame)?;
                }
                Ok(())
            }
        }
    }
}

/// One frame as text, each of its lines cleared to the end.
fn picture(world: &World, sign: &str, news: &str) -> String {
    let mut canvas = Canvas::new(COLUMNS, ROWS);
    fountain_scene::paint(world, &mut canvas);
    let mut text = String::new();
    for row in canvas.rows() {
        for cell in row {
            match cell {
                // Writing to a string cannot fail.
                Some((glyph, colour)) => {
                    let _ = write!(text, "\x1b[38;5;{}m{glyph}", colour.0);
                }
                None => text.push(' '),
            }
        }
        text.push_str("\x1b[0m\x1b[K\n");
    }
    let _ = writeln!(text, "\x1b[1m{sign:^COLUMNS$}\x1b[0m\x1b[K");
    let mut news = news.lines();
    for _ in 0..NEWS_ROWS {
        let _ = writeln!(text, "{}\x1b[0m\x1b[K", news.next().unwrap_or_default());
    }
    text
}
