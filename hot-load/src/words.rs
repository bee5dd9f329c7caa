//! What the sources of a build say in words: the definitions in them.
//!
//! Debug information does not tell which methods a trait has, and in which order, where only code of another
//! build makes values that are behind it. The sources do: where a trait and all that its methods speak of is
//! written the same in the sources of two builds, and the crates they were compiled with are the same, a value
//! behind it can pass from one to the other.
//!
//! This module knows texts. Which files a build was of, and what was in them then, its user knows:
//! [`SourceWords`] is given the [`FileWords`] of each.

mod changed_references;
mod definition;
mod difference;
mod lexer;
mod references;
mod tokens;

use crate::background;
use definition::Definition;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, LazyLock};

pub(crate) use changed_references::{ChangedReferences, OtherReferences};
pub(crate) use difference::Difference;

/// The definitions in the text of one file.
#[derive(Debug, PartialEq, Eq)]
pub struct FileWords {
    /// By their names. `None` if it is not known what is in the file.
    definitions: Option<Vec<Arc<Definition>>>,
    /// Whether there is a procedural macro in it, which may write definitions itself.
    makes_macros: bool,
    /// Whether it speaks of the function that panics with a box.
    may_resume: bool,
    /// Whether a definition in it depends on more than words.
    has_outside: bool,
}

impl FileWords {
    /// Reads a text. What it defines as `before` does is kept once.
    ///
    /// # Examples
    ///
    /// ```
    /// use hot_load::words::FileWords;
    /// let old = FileWords::read("pub trait Shape { fn area(&self) -> f32; }", None);
    /// let new = FileWords::read("/// A shape.\ntrait Shape {\n  fn area(&self) -> f32 { 0.0 }\n}", Some(&old));
    /// assert_eq!(old, new);
    /// let other = FileWords::read("pub trait Shape { fn area(&self) -> f64; }", Some(&old));
    /// assert_ne!(old, other);
    /// ```
    pub fn read(text: &str, before: Option<&FileWords>) -> FileWords {
        let Some(tokens) = tokens::of(text) else {
            return FileWords::unknown();
        };
        let mut found = definition::Found::default();
        found.collect(&tokens);
        let known = before.and_then(|before| before.definitions.as_deref());
        let mut definitions: Vec<_> = found.definitions.into_iter().map(Arc::new).collect();
        definitions.sort();
        for definition in &mut definitions {
            let same = known.and_then(|known| Some(&known[known.binary_search(definition).ok()?]));
            if let Some(same) = same {
                *definition = Arc::clone(same);
            }
        }
        FileWords {
            has_outside: definitions
                .iter()
                .any(|definition| definition.is_from_outside),
            definitions: Some(definitions),
            makes_macros: found.makes_macros,
            may_resume: text.contains(RESUME),
        }
    }

    /// The file is of a package that makes procedural macros: whatever changes in it, they may write others.
    pub fn of_macros(self) -> FileWords {
        FileWords {
            makes_macros: true,
            ..self
        }
    }

    /// A file of which it is not known what was in it.
    pub fn unknown() -> FileWords {
        FileWords {
            definitions: None,
            makes_macros: false,
            may_resume: true,
            has_outside: false,
        }
    }

    /// What is known to be defined in the file.
    fn known(&self) -> &[Arc<Definition>] {
        self.definitions.as_deref().unwrap_or_default()
    }
}

/// The function of std that begins a panic with a box whose type is forgotten already.
const RESUME: &str = "resume_unwind";

/// The definitions in the sources that a program or a library was built from, read when they are first asked for.
pub struct SourceWords {
    read: LazyLock<Sources, Box<dyn FnOnce() -> Sources + Send>>,
}

/// The words of all files of a build that lie in local packages.
#[derive(Debug, Default)]
pub struct Sources {
    /// The names of the libraries of the local packages, as written in paths; `None` if they are not known.
    pub crates: Option<Arc<[String]>>,
    /// The files, each once, sorted by path.
    pub files: Vec<(Arc<Path>, Arc<FileWords>)>,
}

impl Sources {
    /// What was in a file of that path.
    fn file(&self, path: &Path) -> Option<&Arc<FileWords>> {
        let found = self
            .files
            .binary_search_by(|(known, _)| (**known).cmp(path));
        found.ok().map(|at| &self.files[at].1)
    }

    /// Whether code that was built from them may begin a panic with a box that it already has.
    ///
    /// hot-abi, which may be a local package too, only lets panics go on that it has caught.
    pub(crate) fn may_resume(&self) -> bool {
        let hot_abi = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("hot-abi");
        let others = self.files.iter();
        let mut others = others.filter(|(file, _)| !file.starts_with(&hot_abi));
        others.any(|(_, words)| words.may_resume)
    }
}

impl SourceWords {
    /// The words that `read` will find.
    pub fn new(read: impl FnOnce() -> Sources + Send + 'static) -> SourceWords {
        SourceWords {
            read: LazyLock::new(Box::new(read)),
        }
    }

    /// Reads them on a thread of its own, at low priority.
    pub fn read_ahead(self: &Arc<Self>) {
        let this = Arc::clone(self);
        // Where there is no thread to be had, whoever asks first does it.
        drop(background::spawn("hot-words", move || {
            this.get();
        }));
    }

    /// The words. Whoever asks first reads them; others wait for that.
    pub fn get(&self) -> &Sources {
        &self.read
    }
}

impl fmt::Debug for SourceWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceWords").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_that_speak_of_it_may_resume_a_panic() {
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        let speaks = |file: &Path, text: &str| {
            let words = Arc::new(FileWords::read(text, None));
            let sources = Sources {
                crates: None,
                files: vec![(Arc::from(file), words)],
            };
            sources.may_resume()
        };
        let resumes = "fn f(b: Payload) { std::panic::resume_unwind(b) }";
        assert!(speaks(Path::new("/game/scene/src/lib.rs"), resumes));
        assert!(!speaks(
            Path::new("/game/scene/src/lib.rs"),
            "fn f() { panic!() }"
        ));
        let of_hot_abi = own.with_file_name("hot-abi").join("src/boundary.rs");
        assert!(!speaks(&of_hot_abi, resumes), "it resumes what it caught");
    }
}
