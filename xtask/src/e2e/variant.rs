//! Other programs for the scratch workspace: what a scenario puts there in the place of the plain one.

use anyhow::Result;

use super::project::{Project, SCENE};

/// A host and a hot crate in the place of the plain ones.
pub(crate) struct Variant {
    /// `host/src/main.rs`. It has the module `console`, through which it talks.
    pub(crate) host: &'static str,
    /// `scene/src/lib.rs`.
    pub(crate) scene: &'static str,
    /// Further edits, each of one place: the file, what it reads there, what it shall read.
    pub(crate) edits: &'static [(&'static str, &'static str, &'static str)],
}

/// Lets the scene save state by serde.
pub(crate) const SCENE_SAVES_STATE: (&str, &str, &str) = (
    "scene/Cargo.toml",
    "hot-abi = { path",
    "serde = \"1\"\nhot-abi = { features = [\"state\"], path",
);

impl Variant {
    /// Writes it over the plain program.
    pub(crate) fn put_into(&self, project: &Project) -> Result<()> {
        project.write("host/src/main.rs", self.host)?;
        project.write("host/src/console.rs", include_str!("fixture/console.rs"))?;
        project.write(SCENE, self.scene)?;
        for (file, old, new) in self.edits {
            project.edit(file, old, new)?;
        }
        Ok(())
    }
}
