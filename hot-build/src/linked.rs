//! The files that a crate was made of when it was linked into the program.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crate::{BuildError, LocalPackage, inputs};

/// A crate that is linked into the running program, a hot one or one below it, and where the program's own build
/// left its traces.
///
/// A build tells [which files it read](crate::Artifact::inputs). This tells the same of the build
/// that made the program, before there was any other.
///
/// ```no_run
/// use hot_build::LinkedCrate;
///
/// let scene = LinkedCrate {
///     deps_dir: "/projects/game/target/debug/deps".as_ref(),
///     crate_name: "scene",
///     package: "scene",
///     manifest_dir: "/projects/game/scene".as_ref(),
/// };
/// for file in scene.inputs()? {
///     println!("the scene was built from {}", file.display());
/// }
/// # Ok::<(), hot_build::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkedCrate<'a> {
    /// The directory that cargo had the crate built into: `target/debug/deps`.
    pub deps_dir: &'a Path,
    /// The name of its library target, as in paths: `my_scene`.
    pub crate_name: &'a str,
    /// The name of its package: `my-scene`.
    pub package: &'a str,
    /// The directory of its `Cargo.toml`.
    pub manifest_dir: &'a Path,
}

impl<'a> LinkedCrate<'a> {
    /// The library of a local package. `None` for a package that has none.
    pub fn of_package(package: &'a LocalPackage, deps_dir: &'a Path) -> Option<Self> {
        Some(Self {
            deps_dir,
            crate_name: package.library.as_deref()?,
            package: &package.name,
            manifest_dir: &package.manifest_dir,
        })
    }

    /// The files that the compiler read, and those that the build script named with
    /// `rerun-if-changed`. Sorted, each once; empty where cargo left no traces. Where the library was built in
    /// several ways, with other features or in tests, they are the files of all of them.
    ///
    /// # Errors
    ///
    /// When a trace is there and cannot be read.
    pub fn inputs(&self) -> Result<Vec<PathBuf>, BuildError> {
        let mut files = inputs::of_library(self.deps_dir, self.crate_name, self.manifest_dir)?;
        if let Some(out_dir) = self.newest_out_dir()? {
            files.extend(inputs::build_script(&out_dir, self.manifest_dir)?);
        }
        Ok(files.into_iter().collect())
    }

    /// The `OUT_DIR` of the build script that ran last for this package. There is one for each set
    /// of features and for each version that was ever built here.
    fn newest_out_dir(&self) -> Result<Option<PathBuf>, BuildError> {
        let builds = self.deps_dir.with_file_name("build");
        let error = |source| BuildError::Io {
            path: builds.clone(),
            source: Arc::new(source),
        };
        let entries = match fs::read_dir(&builds) {
            Ok(entries) => entries,
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(error(source)),
        };
        let mut newest: Option<(SystemTime, PathBuf)> = None;
        for entry in entries {
            let directory = entry.map_err(error)?;
            if !self.is_name_of_a_build(&directory.file_name().to_string_lossy()) {
                continue;
            }
            // A directory without this file is that of the script's own compilation.
            let output = directory.path().join("output");
            let Ok(written) = fs::metadata(&output).and_then(|metadata| metadata.modified()) else {
                continue;
            };
            if newest.as_ref().is_none_or(|(time, _)| *time < written) {
                newest = Some((written, directory.path().join("out")));
            }
        }
        Ok(newest.map(|(_, out_dir)| out_dir))
    }

    /// `<package>-<hash>`
    fn is_name_of_a_build(&self, name: &str) -> bool {
        let hash = name
            .strip_prefix(self.package)
            .and_then(|rest| rest.strip_prefix('-'));
        hash.is_some_and(|hash| hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_traces_of_cargo_tell_what_a_crate_was_made_of() {
        let temp = tempfile::tempdir().expect("a directory");
        let root = temp.path().canonicalize().expect("it is there");
        let write = |relative: &str, text: &str| {
            let path = root.join(relative);
            fs::create_dir_all(path.parent().expect("it is in a directory")).expect("a directory");
            fs::write(path, text).expect("a file");
        };
        write("game/scene/Cargo.toml", "");
        write("game/scene/src/lib.rs", "");
        write("assets/words.txt", "");
        write("assets/old.txt", "");
        write("assets/new.txt", "");
        write(
            "game/target/debug/deps/my_scene.d",
            "lib.rlib: scene/src/lib.rs\n\nscene/src/lib.rs:\nscene/../../assets/words.txt:\n",
        );
        write("game/target/debug/build/my-scene-0a1/script", "");
        let runs = [
            ("my-scene-0b2", "old", 1),
            ("my-scene-0c3", "new", 2),
            ("my-scene-model-0d4", "words", 3),
        ];
        for (directory, input, second) in runs {
            let output = format!("game/target/debug/build/{directory}/output");
            write(
                &output,
                &format!("cargo:rerun-if-changed=../../assets/{input}.txt"),
            );
            let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(second);
            let file = fs::File::options().append(true).open(root.join(&output));
            file.and_then(|file| file.set_modified(time))
                .expect("a time");
        }
        let (deps_dir, manifest_dir) =
            (root.join("game/target/debug/deps"), root.join("game/scene"));
        let linked = LinkedCrate {
            deps_dir: &deps_dir,
            crate_name: "my_scene",
            package: "my-scene",
            manifest_dir: &manifest_dir,
        };
        let expected = [
            "assets/new.txt",
            "assets/words.txt",
            "game/scene/src/lib.rs",
        ];
        let expected: Vec<_> = expected.iter().map(|file| root.join(file)).collect();
        assert_eq!(linked.inputs(), Ok(expected));
    }

    #[test]
    fn no_traces_are_no_files() {
        let temp = tempfile::tempdir().expect("a directory");
        let linked = LinkedCrate {
            deps_dir: &temp.path().join("deps"),
            crate_name: "scene",
            package: "scene",
            manifest_dir: temp.path(),
        };
        assert_eq!(linked.inputs(), Ok(Vec::new()));
    }
}
