//! The files that a build read, from what rustc and cargo leave in the target directory.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::BuildError;
use crate::messages::locate;

/// The files that rustc read to make `library`, by the dep-info file beside it. Empty when there
/// is no such file, as with a build directory apart from the target directory.
///
/// `source` is the crate's root source file: paths in dep-info are relative.
pub(crate) fn dep_info(
    library: &Path,
    crate_name: &str,
    source: &Path,
) -> Result<BTreeSet<PathBuf>, BuildError> {
    let Some(directory) = library.parent() else {
        return Ok(BTreeSet::new());
    };
    let name = format!("{}.d", crate_name.replace('-', "_"));
    // A library that is a dependency of what was asked for stays in `deps`; the others are linked
    // from there into the directory above, where the `.d` file is cargo's own and may be older.
    let path = if directory.ends_with("deps") {
        directory.join(name)
    } else {
        directory.join("deps").join(name)
    };
    read_dep_info(&path, source)
}

/// The files that rustc read to make the library `crate_name` of the package in `manifest_dir`, by every list that
/// it left in `deps_dir`, or where it wrote what runs while building. There is a list for each set of features and
/// each profile in which the library was ever built there; which of them is of a certain program they do not tell.
/// Empty when there is none.
pub(crate) fn of_library(
    deps_dir: &Path,
    crate_name: &str,
    manifest_dir: &Path,
) -> Result<BTreeSet<PathBuf>, BuildError> {
    let manifest = manifest_dir.join("Cargo.toml");
    let own_folder = canonical(manifest_dir);
    let mut files = BTreeSet::new();
    for folder in [Some(deps_dir.to_owned()), deps_dir_of_builders(deps_dir)] {
        for list in lists_in(folder.as_deref(), crate_name)? {
            let listed = read_dep_info(&list, &manifest)?;
            // Other packages may have a library of that name.
            if listed.iter().any(|file| file.starts_with(&own_folder)) {
                // What an older list names may be gone.
                files.extend(listed.into_iter().filter(|file| file.is_file()));
            }
        }
    }
    Ok(files)
}

/// The dep-info files of the libraries of that name.
fn lists_in(folder: Option<&Path>, crate_name: &str) -> Result<Vec<PathBuf>, BuildError> {
    let Some(folder) = folder else {
        return Ok(Vec::new());
    };
    let error = |source| BuildError::Io {
        path: folder.to_owned(),
        source: Arc::new(source),
    };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(error(source)),
    };
    let mut lists = Vec::new();
    for entry in entries {
        let name = entry.map_err(error)?.file_name();
        if name
            .to_str()
            .is_some_and(|name| is_list_of(name, crate_name))
        {
            lists.push(folder.join(name));
        }
    }
    Ok(lists)
}

/// `<crate>.d`, or `<crate>-<hash>.d`
fn is_list_of(name: &str, crate_name: &str) -> bool {
    let Some(rest) = name
        .strip_suffix(".d")
        .and_then(|stem| stem.strip_prefix(crate_name))
    else {
        return false;
    };
    let is_hash = |hash: &str| hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    rest.is_empty() || rest.strip_prefix('-').is_some_and(is_hash)
}

/// Where procedural macros are built, if that is elsewhere: with `--target`, crates for the target are in
/// `<target>/<triple>/<profile>/deps`, and what runs while building is in `<target>/<profile>/deps`.
fn deps_dir_of_builders(deps_dir: &Path) -> Option<PathBuf> {
    let profile = deps_dir.parent()?;
    let target_dir = profile.parent()?.parent()?;
    let folder = target_dir.join(profile.file_name()?).join("deps");
    (folder != deps_dir).then_some(folder)
}

/// The files that a dep-info file names. Empty when there is no such file.
pub(crate) fn read_dep_info(path: &Path, source: &Path) -> Result<BTreeSet<PathBuf>, BuildError> {
    let Some(text) = read_if_there(path)? else {
        return Ok(BTreeSet::new());
    };
    Ok(parse_dep_info(&text)
        .iter()
        .filter_map(|input| absolute(input, source))
        .collect())
}

/// The variables that a dep-info file says the code asked for with `env!` or `option_env!`, with the values
/// that they had. Empty when there is no such file.
pub(crate) fn read_dep_info_variables(
    path: &Path,
) -> Result<Vec<(String, Option<String>)>, BuildError> {
    let Some(text) = read_if_there(path)? else {
        return Ok(Vec::new());
    };
    Ok(parse_dep_info_variables(&text))
}

/// The variables that a package's build script set for the compiler, with `rustc-env`.
pub(crate) fn build_script_variables(out_dir: &Path) -> Result<Vec<(String, String)>, BuildError> {
    let Some(text) = read_if_there(&out_dir.with_file_name("output"))? else {
        return Ok(Vec::new());
    };
    let variables = instructions(&text, "rustc-env=").filter_map(|value| value.split_once('='));
    Ok(variables
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}

/// The names of the variables that a package's build script named with `rerun-if-env-changed`.
pub(crate) fn build_script_asks(out_dir: &Path) -> Result<Vec<String>, BuildError> {
    let Some(text) = read_if_there(&out_dir.with_file_name("output"))? else {
        return Ok(Vec::new());
    };
    Ok(instructions(&text, "rerun-if-env-changed=")
        .map(str::to_owned)
        .collect())
}

/// The files and directories that a package's build script named with `rerun-if-changed`.
///
/// `out_dir` is the script's `OUT_DIR`; cargo keeps what the script wrote beside it.
pub(crate) fn build_script(
    out_dir: &Path,
    manifest_dir: &Path,
) -> Result<BTreeSet<PathBuf>, BuildError> {
    let path = out_dir.with_file_name("output");
    let Some(text) = read_if_there(&path)? else {
        return Ok(BTreeSet::new());
    };
    Ok(parse_build_script(&text)
        .map(|input| canonical(&manifest_dir.join(input)))
        .collect())
}

/// The normal form of a path, which is what a file watcher tells; the path itself if nothing is there.
pub(crate) fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// The inputs that rustc's dep-info names. It is a makefile; each input has a line of its own
/// there, `path:`, so that make does not fail when the file is gone.
fn parse_dep_info(text: &str) -> Vec<PathBuf> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.strip_suffix(':'))
        .map(|path| PathBuf::from(path.replace("\\ ", " ")))
        .collect()
}

fn parse_build_script(text: &str) -> impl Iterator<Item = &str> {
    instructions(text, "rerun-if-changed=")
}

/// What a build script told cargo with one kind of instruction.
fn instructions<'a>(text: &'a str, kind: &'static str) -> impl Iterator<Item = &'a str> {
    text.lines().filter_map(move |line| {
        let line = line
            .strip_prefix("cargo::")
            .or_else(|| line.strip_prefix("cargo:"))?;
        line.strip_prefix(kind).map(str::trim_end)
    })
}

/// The lines `# env-dep:NAME=value`, or without a value for a variable that was not set.
fn parse_dep_info_variables(text: &str) -> Vec<(String, Option<String>)> {
    text.lines()
        .filter_map(|line| line.strip_prefix("# env-dep:"))
        .map(|line| match line.split_once('=') {
            Some((name, value)) => (unescaped(name), Some(unescaped(value))),
            None => (unescaped(line), None),
        })
        .collect()
}

/// The compiler writes a line break as `\\n`, and a backslash twice.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => plain.extend(letters.next().map(|escaped| match escaped {
                'n' => '\n',
                'r' => '\r',
                other => other,
            })),
            letter => plain.push(letter),
        }
    }
    plain
}

fn absolute(input: &Path, source: &Path) -> Option<PathBuf> {
    let path = if input.is_absolute() {
        input.to_owned()
    } else {
        locate(input, source)?
    };
    // `include_str!("../x")` leaves `src/../x`.
    Some(canonical(&path))
}

fn read_if_there(path: &Path) -> Result<Option<String>, BuildError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(BuildError::Io {
            path: path.to_owned(),
            source: Arc::new(error),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_dep_info() {
        let text = "/t/debug/deps/hot.d: hot/src/lib.rs hot/src/../data\\ file.txt /abs/x.rs\n\n\
                    /t/debug/deps/libhot.so: hot/src/lib.rs hot/src/../data\\ file.txt /abs/x.rs\n\n\
                    hot/src/lib.rs:\n\
                    hot/src/../data\\ file.txt:\n\
                    /abs/x.rs:\n\n\
                    # env-dep:CARGO_PKG_NAME=hot:\n";
        let expected: Vec<PathBuf> = ["hot/src/lib.rs", "hot/src/../data file.txt", "/abs/x.rs"]
            .map(PathBuf::from)
            .into();
        assert_eq!(parse_dep_info(text), expected);
    }

    #[test]
    fn the_lists_of_a_library_are_known_by_its_name() {
        for name in ["paint.d", "paint-0a1b2c.d"] {
            assert!(is_list_of(name, "paint"), "{name}");
        }
        for name in [
            "paint-brush.d",
            "paint_brush.d",
            "paint.rmeta",
            "libpaint.d",
        ] {
            assert!(!is_list_of(name, "paint"), "{name}");
        }
    }

    #[test]
    fn what_runs_while_building_is_built_beside_the_target() {
        let folder = |deps: &str| deps_dir_of_builders(Path::new(deps));
        let beside = Path::new("/w/target/debug/deps");
        assert_eq!(
            folder("/w/target/some-triple/debug/deps").as_deref(),
            Some(beside)
        );
    }

    #[test]
    fn reads_the_variables_of_dep_info() {
        let text = "# env-dep:SET=a=b\\\\c\\nd\n# env-dep:UNSET\n# env-dep:EMPTY=\nsrc/lib.rs:\n";
        assert_eq!(
            parse_dep_info_variables(text),
            [
                ("SET".to_owned(), Some("a=b\\c\nd".to_owned())),
                ("UNSET".to_owned(), None),
                ("EMPTY".to_owned(), Some(String::new())),
            ]
        );
    }

    #[test]
    fn reads_what_a_build_script_wrote() {
        let text = "cargo:rustc-cfg=x\ncargo:rerun-if-changed=old.txt\nhello\n\
                    cargo::rerun-if-changed=shaders\ncargo::rerun-if-env-changed=X\n";
        assert_eq!(
            parse_build_script(text).collect::<Vec<_>>(),
            ["old.txt", "shaders"]
        );
    }
}
