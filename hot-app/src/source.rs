//! Which state the sources of a crate are in, by content: what makes an undo instant.

use hot_watch::{Change, FileContent};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The sources of a crate, as the difference from what they were when the program started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SourceState {
    /// What the files that are different now held at the start.
    at_start: BTreeMap<PathBuf, FileContent>,
    /// What they hold now.
    now: BTreeMap<PathBuf, FileContent>,
}

/// A state that can be compared with later ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceKey {
    different: BTreeMap<PathBuf, FileContent>,
}

impl SourceState {
    /// Takes a change of one of the crate's files.
    pub(crate) fn change(&mut self, change: &Change) {
        let at_start = *self
            .at_start
            .entry(change.path.clone())
            .or_insert(change.before);
        if at_start == change.after && at_start != FileContent::Unknown {
            self.now.remove(&change.path);
        } else {
            self.now.insert(change.path.clone(), change.after);
        }
    }

    /// The state to compare with others; `None` if a file's content is not known.
    pub(crate) fn key(&self) -> Option<SourceKey> {
        let known = self
            .now
            .values()
            .all(|content| *content != FileContent::Unknown);
        known.then(|| SourceKey {
            different: self.now.clone(),
        })
    }
}

impl SourceKey {
    /// The state at the start of the program, which is that of the code linked into it.
    pub(crate) fn at_start() -> SourceKey {
        SourceKey {
            different: BTreeMap::new(),
        }
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

    #[test]
    fn what_was_undone_is_the_state_before() {
        let mut state = SourceState::default();
        assert_eq!(state.key(), Some(SourceKey::at_start()));
        state.change(&change("a", 1, 2));
        let edited = state.key();
        state.change(&change("b", 7, 8));
        assert_ne!(state.key(), edited);
        state.change(&change("b", 8, 7));
        assert_eq!(state.key(), edited);
        state.change(&change("a", 2, 1));
        assert_eq!(state.key(), Some(SourceKey::at_start()));
    }

    #[test]
    fn what_is_not_known_is_like_nothing() {
        let mut state = SourceState::default();
        state.change(&changed(
            "a".into(),
            FileContent::Unknown,
            FileContent::Unknown,
        ));
        assert_eq!(state.key(), None);
    }
}
