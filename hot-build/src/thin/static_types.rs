//! What a thin build has to be told about statics, for it sees symbols and no types.

use std::path::{Path, PathBuf};

/// Knows the types of statics and thread-locals, and which libraries became part of the program.
///
/// A thin library uses the variables of the program and of thin libraries before it, so each must have the
/// type that the new code gives it. Two that have one name and one size need not.
pub trait StaticTypes: Send + Sync {
    /// Compares the types of statics and thread-locals in `library`, a thin library that was just built, with
    /// those in `owner`, an earlier one, or in the program where that is `None`. One result for each pair, in
    /// their order.
    fn compare(
        &self,
        owner: Option<&Path>,
        library: &Path,
        statics: &[StaticPair<'_>],
    ) -> Vec<StaticComparison>;

    /// The symbols of all statics and thread-locals that were compiled into `library`, also of those that the
    /// compiler optimised away. Those that cannot be known may be missing.
    fn statics_in(&self, library: &Path) -> Vec<String>;

    /// The file that was opened for the thin library that was built as `built`: itself or a copy. `None` if it
    /// was not opened, or is not initialised; then its statics are nobody's, and new code brings its own. So a
    /// library that is being opened has to be waited for, and one that was is never to be unloaded once this
    /// has told of it.
    fn opened(&self, built: &Path) -> Option<PathBuf>;
}

/// A static of new code, and the one whose place it is to take. Mostly their symbols are the same; but the
/// compiler may put a hash of the type into a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaticPair<'a> {
    /// The symbol in the new library.
    pub new: &'a str,
    /// The symbol in the program, or in the earlier library.
    pub old: &'a str,
}

/// How the type of a static compares with that of the static whose place it is to take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StaticComparison {
    /// They are one type, with all that it leads to.
    Same,
    /// The type changed.
    Changed {
        /// The static, with its path.
        name: String,
        /// How: the old and the new.
        change: String,
    },
    /// It cannot be known.
    Unknown {
        /// Why.
        problem: String,
    },
}
