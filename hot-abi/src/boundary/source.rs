//! Whose source a panic is in, by its place.
//!
//! Where library and program share a runtime, a panic of the program that passes through new code, from a
//! callback, looks like one of new code. But no hot crate depends on the program's own package, so code of
//! that package runs inside of new code only where it was called back.

use crate::registry::{Module, PROGRAMS};
use std::path::{Path, PathBuf};

/// Whether a panic at `location`, `file:line:column`, is in the sources of the program's own package, as
/// `hot_app::hot_host!()` recorded it.
pub(super) fn is_the_programs(location: &str) -> bool {
    let file = location.rsplitn(3, ':').nth(2).unwrap_or(location);
    let hot: Vec<_> = Module::this()
        .crates
        .iter()
        .map(|krate| HotSources {
            folder: Path::new(krate.manifest_dir),
            root_file: Path::new(krate.root_file),
        })
        .collect();
    let mut programs = PROGRAMS.static_slice().iter();
    programs.any(|program| belongs_to(Path::new(program.manifest_dir), &hot, Path::new(file)))
}

/// Where a hot crate's sources are.
struct HotSources<'a> {
    folder: &'a Path,
    /// As the compiler was given it: usually from the folder of the workspace.
    root_file: &'a Path,
}

impl HotSources<'_> {
    /// The folder that relative paths start from.
    fn base(&self) -> Option<PathBuf> {
        let bases = self.folder.ancestors();
        let of_root_file = |base: &&Path| {
            base.join(self.root_file).starts_with(self.folder) && !self.root_file.is_absolute()
        };
        // The farthest that fits: `src/lib.rs` fits the folder of the crate alone.
        bases.filter(of_root_file).last().map(Path::to_owned)
    }
}

fn belongs_to(package: &Path, hot: &[HotSources<'_>], file: &Path) -> bool {
    let file = match hot.iter().find_map(HotSources::base) {
        Some(base) => base.join(file),
        None if file.is_absolute() => file.to_owned(),
        None => return false,
    };
    if hot.iter().any(|hot| file.starts_with(hot.folder)) {
        return false;
    }
    // The package's folder may hold others, when it is that of the workspace, too.
    let targets = ["src", "examples", "tests", "benches"];
    targets
        .iter()
        .any(|folder| file.starts_with(package.join(folder)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn belongs(package: &str, hot_folder: &str, root_file: &str, file: &str) -> bool {
        let hot = HotSources {
            folder: Path::new(hot_folder),
            root_file: Path::new(root_file),
        };
        belongs_to(Path::new(package), &[hot], Path::new(file))
    }

    #[test]
    fn the_programs_package_is_told_from_its_neighbours() {
        let in_workspace = |file| belongs("/ws/host", "/ws/scene", "scene/src/lib.rs", file);
        assert!(in_workspace("host/src/main.rs"));
        assert!(in_workspace("/ws/host/src/ui/panel.rs"));
        assert!(!in_workspace("scene/src/lib.rs"));
        assert!(!in_workspace("helper/src/lib.rs"));
        assert!(!in_workspace("/rustc/1234/library/core/src/option.rs"));
        assert!(!in_workspace(
            "/home/ada/.cargo/registry/src/index/regex-1.0.0/src/lib.rs"
        ));
    }

    #[test]
    fn a_program_may_be_at_the_root_of_its_workspace() {
        let at_root = |file| belongs("/ws", "/ws/scene", "scene/src/lib.rs", file);
        assert!(at_root("src/main.rs"));
        assert!(!at_root("scene/src/lib.rs"));
        assert!(!at_root("helper/src/lib.rs"));
    }

    #[test]
    fn a_program_in_the_package_of_its_hot_crate_is_not_told_from_it() {
        assert!(!belongs("/game", "/game", "src/lib.rs", "src/main.rs"));
    }
}
