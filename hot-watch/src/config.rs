use std::path::PathBuf;
use std::time::Duration;

/// Something to watch: a whole directory tree, or one file.
///
/// A relative path is taken from the current directory at the time of the call. Changes are
/// reported under the path as it was given here, made absolute: a root that is a symbolic link, or
/// has `..` in it, is not resolved in what you read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Root {
    /// A directory with everything beneath it, less what the ignore rules leave out.
    Directory(PathBuf),
    /// One file, which no ignore rule leaves out. It need not exist yet.
    File(PathBuf),
}

impl Root {
    /// A directory with everything beneath it.
    pub fn directory(path: impl Into<PathBuf>) -> Self {
        Root::Directory(path.into())
    }

    /// One file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Root::File(path.into())
    }

    /// The path of the directory or file.
    pub fn path(&self) -> &std::path::Path {
        match self {
            Root::Directory(path) | Root::File(path) => path,
        }
    }
}

/// How changes are noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// The operating system's events; polling only where they are not to be had, which
    /// [`Notice::Polling`](crate::Notice::Polling) then tells.
    #[default]
    Native,
    /// Look at every file at each [`poll_interval`](WatchConfig::poll_interval). For file systems
    /// that report no events: network mounts, some container volumes.
    Polling,
}

/// What to watch, and how. `WatchConfig::default()` watches nothing; add roots to it.
///
/// ```
/// use std::time::Duration;
/// use hot_watch::{Root, WatchConfig};
///
/// let config = WatchConfig {
///     roots: vec![Root::directory("scene"), Root::file("Cargo.lock")],
///     quiet: Duration::from_millis(30),
///     ..WatchConfig::default()
/// };
/// assert_eq!(config.roots.len(), 2);
/// ```
#[derive(Debug, Clone)]
pub struct WatchConfig {
    /// What to watch from the start. Roots may be nested in one another, and may not exist yet.
    pub roots: Vec<Root>,
    /// Further things to leave out beneath directory roots, each a line in `.gitignore` syntax,
    /// relative to the root.
    pub exclude: Vec<String>,
    /// How changes are noticed.
    pub method: Method,
    /// How long a file must lie still before it is believed, where the system does not say that a
    /// write is finished, or the file is new, empty or gone. A finished write to a known file does
    /// not wait. Default: 40 ms.
    pub quiet: Duration,
    /// The longest time that a finished change is held back to be delivered together with others
    /// that keep coming in (up to ten times this while git is updating its working tree). Default: 300 ms.
    pub max_hold: Duration,
    /// The time from one look at the files to the next, where polling is in use. Default: 500 ms.
    pub poll_interval: Duration,
    /// A file larger than this (in bytes) is compared by its length and modification time instead
    /// of its content, so that a directory of videos is not read at the start. Default: 32 MiB.
    pub hash_limit: u64,
}

impl Default for WatchConfig {
    fn default() -> Self {
        WatchConfig {
            roots: Vec::new(),
            exclude: Vec::new(),
            method: Method::default(),
            quiet: Duration::from_millis(40),
            max_hold: Duration::from_millis(300),
            poll_interval: Duration::from_millis(500),
            hash_limit: 32 << 20,
        }
    }
}

impl WatchConfig {
    /// Adds a directory root.
    #[must_use]
    pub fn directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.roots.push(Root::directory(path));
        self
    }

    /// Adds a single file.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.roots.push(Root::file(path));
        self
    }
}
