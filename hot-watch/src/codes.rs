//! The stable code of each problem.

use crate::WatchError;

impl WatchError {
    /// Every code that [`code`](Self::code) can give, each with what it stands for. `docs/codes/` of the
    /// repository has a page for each.
    pub const CODES: &'static [(&'static str, &'static str)] = &[
        ("HOT0101", "A watched path cannot be made absolute."),
        ("HOT0102", "An exclude pattern is not valid."),
        (
            "HOT0103",
            "The thread that watches files cannot be started.",
        ),
        (
            "HOT0104",
            "The watching has ended, for the function that takes the notices panicked.",
        ),
        ("HOT0105", "A watched directory does not exist."),
        ("HOT0106", "The limit of inotify watches is reached."),
        (
            "HOT0107",
            "The limit of inotify instances or of open files is reached.",
        ),
        ("HOT0108", "The system gives no file events."),
        ("HOT0109", "A directory cannot be watched."),
        ("HOT0110", "The system dropped file events."),
        ("HOT0111", "A watched file cannot be read."),
    ];

    /// The code of this problem: `HOT` and four digits, of which the first two are 01. It never changes its
    /// meaning.
    ///
    /// ```
    /// use hot_watch::{Root, WatchConfig, WatchError, Watcher};
    ///
    /// let no_path = WatchConfig { roots: vec![Root::directory("")], ..WatchConfig::default() };
    /// let error = Watcher::start(no_path, |_| {}).unwrap_err();
    /// assert_eq!(error.code(), "HOT0101");
    /// assert!(WatchError::CODES.iter().any(|(code, _)| *code == error.code()));
    /// ```
    pub fn code(&self) -> &'static str {
        match self {
            WatchError::Root { .. } => "HOT0101",
            WatchError::Pattern { .. } => "HOT0102",
            WatchError::Thread { .. } => "HOT0103",
            WatchError::Stopped => "HOT0104",
            WatchError::RootMissing { .. } => "HOT0105",
            WatchError::WatchLimit { .. } => "HOT0106",
            WatchError::InstanceLimit { .. } => "HOT0107",
            WatchError::Backend { .. } => "HOT0108",
            WatchError::Directory { .. } => "HOT0109",
            WatchError::Overflow => "HOT0110",
            WatchError::Unreadable { .. } => "HOT0111",
        }
    }
}
