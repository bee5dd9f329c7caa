//! Introduces the builder of thin libraries to what the loader knows of statics.

use crate::words;
use hot_build::{StaticComparison, StaticPair, StaticTypes};
use hot_load::layout;
use std::path::{Path, PathBuf};

/// The types of statics, as the debug information of the program and of loaded libraries tells them.
pub(crate) struct DebugInfoTypes;

impl StaticTypes for DebugInfoTypes {
    fn compare(
        &self,
        owner: Option<&Path>,
        library: &Path,
        statics: &[StaticPair<'_>],
    ) -> Vec<StaticComparison> {
        words::note(library);
        let pairs: Vec<_> = statics.iter().map(|pair| (pair.new, pair.old)).collect();
        let compared = layout::compare_statics(owner, library, &pairs);
        compared.into_iter().map(comparison).collect()
    }

    fn statics_in(&self, library: &Path) -> Vec<String> {
        layout::statics_in(library)
    }

    fn opened(&self, built: &Path) -> Option<PathBuf> {
        hot_load::opened(built)
    }
}

fn comparison(compared: layout::StaticComparison) -> StaticComparison {
    match compared {
        layout::StaticComparison::Same => StaticComparison::Same,
        layout::StaticComparison::Changed { name, change, .. } => {
            StaticComparison::Changed { name, change }
        }
        layout::StaticComparison::Unknown { problem } => StaticComparison::Unknown { problem },
    }
}
