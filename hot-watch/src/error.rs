use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why something cannot be watched, or not as it should be.
#[derive(Debug)]
#[non_exhaustive]
pub enum WatchError {
    /// A root could not be made absolute: the path is empty, or there is no current directory.
    Root {
        /// The root as given.
        root: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line of [`exclude`](crate::WatchConfig::exclude) is not in `.gitignore` syntax.
    Pattern {
        /// The line.
        pattern: String,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The watcher's thread could not be started.
    Thread {
        /// What the system said.
        source: io::Error,
    },
    /// The watcher's thread has ended, because the function that it delivers to panicked.
    Stopped,
    /// A root directory does not exist, or is no longer there. It is watched as soon as it is
    /// (back) in place.
    RootMissing {
        /// The root as given.
        root: PathBuf,
    },
    /// The user's number of inotify watches is used up. The files are polled instead.
    WatchLimit {
        /// The directory that could not be watched, where it is known.
        directory: Option<PathBuf>,
        /// The current value of `fs.inotify.max_user_watches`, where it can be read.
        limit: Option<u64>,
        /// What the backend said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The user's number of inotify instances or of open files is used up. The files are polled
    /// instead.
    InstanceLimit {
        /// The current value of `fs.inotify.max_user_instances`, where it can be read.
        limit: Option<u64>,
        /// What the backend said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The system's file events are not to be had at all. The files are polled instead.
    Backend {
        /// What the backend said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// One directory could not be watched: changes in it are not seen.
    Directory {
        /// The directory.
        directory: PathBuf,
        /// What the system said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Events came faster than the system keeps them, and some are lost. Every file is compared
    /// anew, so no change is.
    Overflow,
    /// A file cannot be read. It counts as unchanged until it can be.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl fmt::Display for WatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WatchError::Root { root, .. } => write!(
                f,
                "cannot make `{}` an absolute path; give an absolute path as the root",
                root.display()
            ),
            WatchError::Pattern { pattern, .. } => write!(
                f,
                "`{pattern}` is not a valid exclude pattern; write it as a line of a .gitignore file"
            ),
            WatchError::Thread { .. } => write!(f, "cannot start the thread that watches files"),
            WatchError::Stopped => write!(
                f,
                "files are no longer watched, since the function that takes the notices panicked; \
                 start a new watcher"
            ),
            WatchError::RootMissing { root } => write!(
                f,
                "`{}` does not exist; it is watched as soon as it does",
                root.display()
            ),
            WatchError::WatchLimit {
                directory, limit, ..
            } => {
                match directory {
                    Some(directory) => write!(f, "cannot watch `{}`", directory.display())?,
                    None => write!(f, "cannot watch every directory")?,
                }
                write!(
                    f,
                    ": the limit of inotify watches, fs.inotify.max_user_watches"
                )?;
                write_limit(f, *limit)?;
                write!(
                    f,
                    ", is reached; files are polled instead. To raise the limit: \
                     `sudo sysctl fs.inotify.max_user_watches={}`",
                    raised(*limit, 524_288)
                )
            }
            WatchError::InstanceLimit { limit, .. } => {
                write!(
                    f,
                    "cannot get file events: the limit of inotify instances, \
                     fs.inotify.max_user_instances"
                )?;
                write_limit(f, *limit)?;
                write!(
                    f,
                    ", or of open files is reached; files are polled instead. To raise the limit: \
                     `sudo sysctl fs.inotify.max_user_instances={}`",
                    raised(*limit, 1024)
                )
            }
            WatchError::Backend { .. } => write!(
                f,
                "the system's file events are not to be had; files are polled instead"
            ),
            WatchError::Directory { directory, .. } => write!(
                f,
                "cannot watch `{}`: changes in it are not seen; check that it can be read",
                directory.display()
            ),
            WatchError::Overflow => write!(
                f,
                "the system dropped file events; every watched file is compared anew"
            ),
            WatchError::Unreadable { path, .. } => write!(
                f,
                "cannot read `{}`: it counts as unchanged; check its permissions",
                path.display()
            ),
        }
    }
}

impl Error for WatchError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            WatchError::Root { source, .. }
            | WatchError::Thread { source }
            | WatchError::Unreadable { source, .. } => Some(source),
            WatchError::Pattern { source, .. }
            | WatchError::WatchLimit { source, .. }
            | WatchError::InstanceLimit { source, .. }
            | WatchError::Backend { source }
            | WatchError::Directory { source, .. } => Some(source.as_ref()),
            WatchError::Stopped | WatchError::RootMissing { .. } | WatchError::Overflow => None,
        }
    }
}

fn write_limit(f: &mut fmt::Formatter<'_>, limit: Option<u64>) -> fmt::Result {
    match limit {
        Some(limit) => write!(f, " (now {limit})"),
        None => Ok(()),
    }
}

/// A value that is surely higher than the present one, and at least what is commonly advised.
fn raised(limit: Option<u64>, advised: u64) -> u64 {
    limit.map_or(advised, |limit| limit.saturating_mul(2).max(advised))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watch_limit_names_the_setting_its_value_and_the_remedy() {
        let error = WatchError::WatchLimit {
            directory: Some("/w/src".into()),
            limit: Some(8192),
            source: "no space".into(),
        };
        assert_eq!(
            error.to_string(),
            "cannot watch `/w/src`: the limit of inotify watches, fs.inotify.max_user_watches \
             (now 8192), is reached; files are polled instead. To raise the limit: \
             `sudo sysctl fs.inotify.max_user_watches=524288`"
        );
        assert_eq!(error.source().unwrap().to_string(), "no space");
    }

    #[test]
    fn the_remedy_is_higher_than_the_present_limit() {
        assert_eq!(raised(Some(1_048_576), 524_288), 2_097_152);
        assert_eq!(raised(None, 1024), 1024);
    }
}
