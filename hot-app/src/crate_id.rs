//! Which crate something happened to.

use hot_load::HotCrate;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A hot crate, as events and status name it. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CrateId {
    names: Arc<(String, PathBuf)>,
}

impl CrateId {
    pub(crate) fn new(name: impl Into<String>, manifest_dir: impl Into<PathBuf>) -> CrateId {
        CrateId {
            names: Arc::new((name.into(), manifest_dir.into())),
        }
    }

    pub(crate) fn of(krate: &HotCrate) -> CrateId {
        CrateId::new(krate.package, krate.manifest_dir)
    }

    /// The name of its package.
    pub fn name(&self) -> &str {
        &self.names.0
    }

    /// The folder of its Cargo.toml.
    pub fn manifest_dir(&self) -> &Path {
        &self.names.1
    }
}

impl fmt::Display for CrateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for CrateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "CrateId({} in {})",
            self.name(),
            self.manifest_dir().display()
        )
    }
}
