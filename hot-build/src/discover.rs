//! Finds out how a program was built from where its executable lies.

use std::path::Path;

use cargo_metadata::{Metadata, Package, TargetKind as CargoTargetKind};

use crate::metadata::{self, Scope};
use crate::{BuildError, ProgramBuild, TargetKind};

impl ProgramBuild {
    /// Finds the package of the program `exe`, and with it the profile, the target and the target
    /// directory, by asking cargo which workspace has a target directory that `exe` lies in.
    /// `near`, a directory of the program's workspace perhaps, is asked first, then the
    /// directories above `exe`. `None` when no package is found there to have made it.
    ///
    /// Features cannot be seen from a path: the default ones are assumed, if the package has any.
    ///
    /// # Errors
    ///
    /// When `cargo metadata` cannot be run or read, or fails in `near`.
    ///
    /// ```no_run
    /// use hot_build::ProgramBuild;
    ///
    /// let exe = std::env::current_exe()?;
    /// if let Some(program) = ProgramBuild::discover(&exe, "/projects/game/scene".as_ref())? {
    ///     println!("package {:?}, profile {:?}", program.package, program.profile);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn discover(exe: &Path, near: &Path) -> Result<Option<Self>, BuildError> {
        let exe = exe.canonicalize().unwrap_or_else(|_| exe.to_owned());
        let metadata = metadata::read(near, Scope::Workspace)?;
        if let Some(found) = in_workspace(&exe, &metadata) {
            return Ok(Some(found));
        }
        let above = exe
            .ancestors()
            .skip(1)
            .find(|dir| dir.join("Cargo.toml").is_file());
        let Some(above) = above.filter(|dir| *dir != metadata.workspace_root) else {
            return Ok(None);
        };
        // A manifest that happens to lie above the program says nothing about it when it is broken.
        let metadata = match metadata::read(above, Scope::Workspace) {
            Err(BuildError::Command { .. }) => return Ok(None),
            answer => answer?,
        };
        Ok(in_workspace(&exe, &metadata))
    }

    /// What was found out, completed with what was known before, which is trusted more.
    pub(crate) fn completed_by(self, known: &Self) -> Self {
        Self {
            profile: known.profile.clone().or(self.profile),
            target: known.target.clone().or(self.target),
            target_dir: known.target_dir.clone().or(self.target_dir),
            toolchain: known.toolchain.clone().or(self.toolchain),
            ..self
        }
    }
}

fn in_workspace(exe: &Path, metadata: &Metadata) -> Option<ProgramBuild> {
    let target_dir = metadata.target_directory.as_std_path();
    let target_dir = target_dir
        .canonicalize()
        .unwrap_or_else(|_| target_dir.to_owned());
    let place = Place::of(exe, &target_dir)?;
    let (package, target_kind) = metadata
        .workspace_packages()
        .into_iter()
        .find_map(|package| Some((package, place.target_of(package)?)))?;
    Some(ProgramBuild {
        package: Some(package.name.to_string()),
        manifest_dir: package
            .manifest_path
            .parent()
            .map(|dir| dir.as_std_path().to_owned()),
        target_kind,
        default_features: package.features.contains_key("default"),
        profile: Some(place.profile),
        target: place.target,
        target_dir: Some(target_dir),
        ..ProgramBuild::default()
    })
}

/// What the path of an executable in a target directory says.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    target: Option<String>,
    profile: String,
    is_example: bool,
    name: String,
}

impl Place {
    /// Takes `[<target>/]<profile directory>/[examples/]<name>` apart. Tests and benches, which lie
    /// in `deps`, are not programs.
    fn of(exe: &Path, target_dir: &Path) -> Option<Self> {
        let inside = exe.strip_prefix(target_dir).ok()?;
        let name = inside.file_stem()?.to_str()?.to_owned();
        let mut directories: Vec<&str> = inside
            .parent()?
            .iter()
            .map(|part| part.to_str())
            .collect::<Option<_>>()?;
        let is_example = directories.last() == Some(&"examples");
        if is_example {
            directories.pop();
        }
        let (target, profile) = match directories[..] {
            [profile] => (None, profile),
            [_, "deps"] => return None,
            [target, profile] => (Some(target.to_owned()), profile),
            _ => return None,
        };
        let profile = if profile == "debug" { "dev" } else { profile }.to_owned();
        Some(Self {
            target,
            profile,
            is_example,
            name,
        })
    }

    fn target_of(&self, package: &Package) -> Option<TargetKind> {
        let (kind, found) = if self.is_example {
            (
                CargoTargetKind::Example,
                TargetKind::Example(self.name.clone()),
            )
        } else {
            (CargoTargetKind::Bin, TargetKind::Bin(self.name.clone()))
        };
        let has = |target: &cargo_metadata::Target| {
            target.name == self.name && target.kind.contains(&kind)
        };
        package.targets.iter().any(has).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(exe: &str) -> Option<Place> {
        Place::of(Path::new(exe), Path::new("/game/target"))
    }

    #[test]
    fn reads_the_places_cargo_uses() {
        let bin = Place {
            target: None,
            profile: "dev".into(),
            is_example: false,
            name: "game".into(),
        };
        assert_eq!(place("/game/target/debug/game"), Some(bin));
        let example = Place {
            target: Some("wasm32-wasip1".into()),
            profile: "fast".into(),
            is_example: true,
            name: "tour".into(),
        };
        assert_eq!(
            place("/game/target/wasm32-wasip1/fast/examples/tour.wasm"),
            Some(example)
        );
    }

    #[test]
    fn leaves_other_places_alone() {
        for exe in [
            "/usr/bin/game",
            "/game/target/game",
            "/game/target/a/b/c/game",
        ] {
            assert_eq!(place(exe), None, "{exe}");
        }
    }
}
