//! Which state the sources of a crate are in, by content: what makes an undo instant, and tells what runs.

use hot_watch::{Change, FileContent};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

/// A state of the sources of a crate, by what is different from when the program started.
///
/// `Display` says it in a few words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    manifest_dir: PathBuf,
    different: BTreeMap<PathBuf, FileContent>,
    /// How often files went out of sight that the crate was built from. What they held since then is not known.
    sight_lost: u32,
}

impl Source {
    /// The state at the start of the program, which is that of the code linked into it.
    pub(crate) fn at_start(manifest_dir: &Path) -> Source {
        Source {
            manifest_dir: manifest_dir.to_owned(),
            different: BTreeMap::new(),
            sight_lost: 0,
        }
    }

    /// The files that are different from when the program started, sorted.
    pub fn changed_files(&self) -> impl Iterator<Item = &Path> {
        self.different.keys().map(PathBuf::as_path)
    }

    /// The files that are different from when the program started, with what they hold.
    pub(crate) fn contents(&self) -> impl Iterator<Item = (&Path, FileContent)> {
        let different = self.different.iter();
        different.map(|(path, content)| (path.as_path(), *content))
    }

    /// Whether it is the state at the start of the program.
    pub fn is_at_start(&self) -> bool {
        self.different.is_empty() && self.sight_lost == 0
    }

    /// What tells this state from others in eight hexadecimal digits, the same in every run: names and contents
    /// of the files that are different from when the program started.
    pub fn digest(&self) -> String {
        let mut digest = Fnv::default();
        for (path, content) in &self.different {
            digest.add(self.short(path).as_os_str().as_encoded_bytes());
            match content {
                FileContent::Bytes { len, hash } => {
                    digest.add(&len.to_le_bytes());
                    digest.add(&hash.to_le_bytes());
                }
                FileContent::Missing => digest.add(b"missing"),
                FileContent::Unknown => digest.add(b"unknown"),
            }
        }
        format!("{:08x}", digest.state >> 32)
    }

    /// The files that are different in `other`, sorted.
    pub(crate) fn difference(&self, other: &Source) -> Vec<PathBuf> {
        let all: BTreeSet<_> = self
            .different
            .keys()
            .chain(other.different.keys())
            .collect();
        let differs = |path: &&PathBuf| self.different.get(*path) != other.different.get(*path);
        all.into_iter().filter(differs).cloned().collect()
    }

    /// A path as a person at the crate would name it.
    fn short<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.manifest_dir).unwrap_or(path)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut files = self.changed_files();
        let Some(first) = files.next() else {
            return f.write_str("the sources as they were at the start");
        };
        write!(f, "{}", self.short(first).display())?;
        match files.count() {
            0 => {}
            1 => f.write_str(" and 1 other file")?,
            count => write!(f, " and {count} other files")?,
        }
        write!(f, " changed since the start, {}", self.digest())
    }
}

/// The hash of Fowler, Noll and Vo: short, and the same everywhere.
struct Fnv {
    state: u64,
}

impl Default for Fnv {
    fn default() -> Fnv {
        Fnv {
            state: 0xcbf2_9ce4_8422_2325,
        }
    }
}

impl Fnv {
    /// Adds a part, and where it ends.
    fn add(&mut self, part: &[u8]) {
        let length = part.len().to_le_bytes();
        for byte in length.iter().chain(part) {
            self.state = (self.state ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

/// The sources of a crate, as the difference from what they were when the program started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceState {
    /// What the files that are different now held at the start.
    at_start: BTreeMap<PathBuf, FileContent>,
    /// What they hold now.
    now: Source,
}

impl SourceState {
    /// As they are when the program starts.
    pub(crate) fn new(manifest_dir: &Path) -> SourceState {
        SourceState {
            at_start: BTreeMap::new(),
            now: Source::at_start(manifest_dir),
        }
    }

    /// Takes a change of one of the crate's files.
    pub(crate) fn change(&mut self, change: &Change) {
        let at_start = *self
            .at_start
            .entry(change.path.clone())
            .or_insert(change.before);
        let different = &mut self.now.different;
        if at_start == change.after && at_start != FileContent::Unknown {
            different.remove(&change.path);
        } else {
            different.insert(change.path.clone(), change.after);
        }
    }

    /// Some files are not looked at any more. So no later state is an earlier one: should they belong to the crate
    /// again, they may hold something else.
    pub(crate) fn lose_sight(&mut self) {
        self.now.sight_lost += 1;
    }

    /// The state to compare with others; `None` if a file's content is not known.
    pub(crate) fn now(&self) -> Option<Source> {
        let mut contents = self.now.different.values();
        let known = contents.all(|content| *content != FileContent::Unknown);
        known.then(|| self.now.clone())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use hot_watch::ChangeKind;

    /// A file that held the byte `before` and holds the byte `after`.
    pub(crate) fn change(path: &str, before: u8, after: u8) -> Change {
        let content = |byte: u8| FileContent::Bytes {
            len: 1,
            hash: byte.into(),
        };
        changed(path.into(), content(before), content(after))
    }

    fn changed(path: PathBuf, before: FileContent, after: FileContent) -> Change {
        Change {
            path,
            kind: ChangeKind::Modified,
            before,
            after,
        }
    }

    fn at_start() -> SourceState {
        SourceState::new(Path::new("/w/scene"))
    }

    #[test]
    fn what_was_undone_is_the_state_before() {
        let mut state = at_start();
        let start = state.now().unwrap();
        assert!(start.is_at_start());
        state.change(&change("a", 1, 2));
        let edited = state.now().unwrap();
        state.change(&change("b", 7, 8));
        let both = state.now().unwrap();
        assert_eq!(both.difference(&edited), [PathBuf::from("b")]);
        assert_eq!(edited.difference(&both), [PathBuf::from("b")]);
        assert_ne!(both.digest(), edited.digest());
        state.change(&change("b", 8, 7));
        assert_eq!(state.now(), Some(edited));
        state.change(&change("a", 2, 1));
        assert_eq!(state.now(), Some(start));
    }

    #[test]
    fn what_is_not_known_is_like_nothing() {
        let mut state = at_start();
        state.change(&changed(
            "a".into(),
            FileContent::Unknown,
            FileContent::Unknown,
        ));
        assert_eq!(state.now(), None);
    }

    #[test]
    fn it_is_told_in_a_few_words() {
        let mut state = at_start();
        let told = |state: &SourceState| {
            let source = state.now().unwrap();
            source.to_string().replace(&source.digest(), "DIGEST")
        };
        assert_eq!(told(&state), "the sources as they were at the start");
        state.change(&change("/w/scene/src/lib.rs", 1, 2));
        assert_eq!(told(&state), "src/lib.rs changed since the start, DIGEST");
        state.change(&change("/w/math/src/lib.rs", 1, 2));
        state.change(&change("/w/scene/src/a.rs", 1, 2));
        assert_eq!(
            told(&state),
            "/w/math/src/lib.rs and 2 other files changed since the start, DIGEST"
        );
    }
}
