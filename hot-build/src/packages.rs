//! Which packages of the user's own a hot crate is made of, and which other files matter to them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, PackageId};

use crate::BuildArgs;
use crate::metadata::{self, Scope};
use crate::{BuildError, CancelSignal};

/// The local packages of a workspace: its members, and the path dependencies of those outside of
/// it. They are the ones whose files a user edits.
///
/// ```no_run
/// use hot_build::LocalPackages;
///
/// let packages = LocalPackages::read("/projects/game/scene".as_ref())?;
/// for package in packages.closure("/projects/game/scene".as_ref()) {
///     println!("a change in {} changes the scene", package.manifest_dir.display());
/// }
/// # Ok::<(), hot_build::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalPackages {
    /// The directory of the workspace's `Cargo.toml`.
    pub workspace_root: PathBuf,
    /// Where cargo puts what it builds. Nothing in it is a source.
    pub target_dir: PathBuf,
    /// The packages, by their directories.
    pub packages: Vec<LocalPackage>,
    /// Files that are no sources and change what cargo builds: the manifests of the packages and
    /// of the workspace, `Cargo.lock`, and the configuration files of cargo and rustup in the
    /// workspace and in the directories above it. Those directly in the workspace's root are
    /// listed even when they do not exist.
    ///
    /// Cargo's configuration in the user's home directory is not among them: it is no part of the
    /// project, and a home directory is no place to watch.
    pub build_files: Vec<PathBuf>,
}

/// A package whose sources lie in a directory of the user's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalPackage {
    /// Its name.
    pub name: String,
    /// The name of its library as written in paths, if it has one.
    pub library: Option<String>,
    /// The directory of its `Cargo.toml`.
    pub manifest_dir: PathBuf,
    /// False for a path dependency outside of the workspace.
    pub in_workspace: bool,
    /// The directories of the local packages it depends on directly. Dev-dependencies do not
    /// count, for they are no part of its library.
    pub dependencies: Vec<PathBuf>,
    /// The source of its build script, if it has one.
    pub build_script: Option<PathBuf>,
}

impl LocalPackages {
    /// Asks `cargo metadata` in `near`, a directory of the *program's* workspace: a hot crate
    /// outside of it is found from there, and not the other way round. It takes some hundred
    /// milliseconds in a large workspace.
    ///
    /// # Errors
    ///
    /// When cargo cannot be run, or fails, as it does for a manifest that does not parse.
    pub fn read(near: &Path) -> Result<Self, BuildError> {
        Self::read_until(near, &CancelSignal::new())
    }

    fn read_until(near: &Path, cancel: &CancelSignal) -> Result<Self, BuildError> {
        let metadata = metadata::read_until(near, Scope::Dependencies, cancel)?;
        Ok(Self::from_metadata(&metadata))
    }

    /// Asks from where the program of a build is, if that is known, and knows of the hot crate; until the build
    /// is cancelled.
    pub(crate) fn around(args: &BuildArgs) -> Result<Self, BuildError> {
        if let Some(program) = &args.program.manifest_dir {
            let packages = Self::read_until(program, &args.cancel_build)?;
            if !packages.closure(&args.manifest_dir).is_empty() {
                return Ok(packages);
            }
        }
        Self::read_until(&args.manifest_dir, &args.cancel_build)
    }

    /// The package in `manifest_dir` and all local ones that it depends on, directly or not. Empty
    /// when there is no such package.
    pub fn closure(&self, manifest_dir: &Path) -> Vec<&LocalPackage> {
        self.reachable(manifest_dir, |package| {
            package.dependencies.iter().collect()
        })
    }

    /// The package in `manifest_dir` and all local ones that depend on it, directly or not. Empty
    /// when there is no such package.
    pub fn dependents(&self, manifest_dir: &Path) -> Vec<&LocalPackage> {
        self.reachable(manifest_dir, |package| {
            let depends =
                |other: &&LocalPackage| other.dependencies.contains(&package.manifest_dir);
            self.packages
                .iter()
                .filter(depends)
                .map(|other| &other.manifest_dir)
                .collect()
        })
    }

    fn from_metadata(metadata: &Metadata) -> Self {
        let workspace_root = metadata.workspace_root.as_std_path().to_owned();
        let mut directories: BTreeMap<&PackageId, PathBuf> = BTreeMap::new();
        for package in metadata
            .packages
            .iter()
            .filter(|package| package.source.is_none())
        {
            if let Some(directory) = package.manifest_path.parent() {
                directories.insert(&package.id, directory.as_std_path().to_owned());
            }
        }
        let mut packages: Vec<LocalPackage> = metadata
            .packages
            .iter()
            .filter_map(|package| {
                Some(LocalPackage {
                    name: package.name.to_string(),
                    library: library_of(package),
                    manifest_dir: directories.get(&package.id)?.clone(),
                    in_workspace: metadata.workspace_members.contains(&package.id),
                    dependencies: dependencies(metadata, &package.id)
                        .filter_map(|id| directories.get(id).cloned())
                        .collect(),
                    build_script: package
                        .targets
                        .iter()
                        .find(|target| target.is_custom_build())
                        .map(|target| target.src_path.as_std_path().to_owned()),
                })
            })
            .collect();
        packages.sort_by(|a, b| a.manifest_dir.cmp(&b.manifest_dir));
        let build_files = build_files(&workspace_root, &packages);
        Self {
            target_dir: metadata.target_directory.as_std_path().to_owned(),
            workspace_root,
            packages,
            build_files,
        }
    }

    fn reachable<'a>(
        &'a self,
        start: &Path,
        next: impl Fn(&'a LocalPackage) -> Vec<&'a PathBuf>,
    ) -> Vec<&'a LocalPackage> {
        let start = start.canonicalize().unwrap_or_else(|_| start.to_owned());
        let find = |directory: &Path| {
            self.packages.iter().find(|package| {
                package.manifest_dir == directory
                    || package
                        .manifest_dir
                        .canonicalize()
                        .is_ok_and(|real| real == directory)
            })
        };
        let mut found: Vec<&LocalPackage> = find(&start).into_iter().collect();
        let mut visited = 0;
        while let Some(package) = found.get(visited).copied() {
            visited += 1;
            for directory in next(package) {
                if !found
                    .iter()
                    .any(|package| package.manifest_dir == *directory)
                {
                    found.extend(self.packages.iter().find(|p| p.manifest_dir == *directory));
                }
            }
        }
        found
    }
}

fn library_of(package: &cargo_metadata::Package) -> Option<String> {
    let is_library = |target: &&cargo_metadata::Target| {
        let of_program = ["bin", "example", "test", "bench", "custom-build"];
        !target
            .kind
            .iter()
            .any(|kind| of_program.contains(&kind.to_string().as_str()))
    };
    let library = package.targets.iter().find(is_library)?;
    Some(library.name.replace('-', "_"))
}

fn dependencies<'a>(
    metadata: &'a Metadata,
    id: &'a PackageId,
) -> impl Iterator<Item = &'a PackageId> {
    let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
    nodes
        .filter(move |node| node.id == *id)
        .flat_map(|node| &node.deps)
        .filter_map(|dependency| {
            let is_built =
                |kind: &cargo_metadata::DepKindInfo| kind.kind != DependencyKind::Development;
            dependency
                .dep_kinds
                .iter()
                .any(is_built)
                .then_some(&dependency.pkg)
        })
}

fn build_files(workspace_root: &Path, packages: &[LocalPackage]) -> Vec<PathBuf> {
    const CONFIGURATION: [&str; 4] = [
        ".cargo/config.toml",
        ".cargo/config",
        "rust-toolchain.toml",
        "rust-toolchain",
    ];
    let mut files = BTreeSet::new();
    files.insert(workspace_root.join("Cargo.toml"));
    files.insert(workspace_root.join("Cargo.lock"));
    for name in CONFIGURATION {
        files.insert(workspace_root.join(name));
    }
    let home = cargo_home();
    let directories = workspace_root.ancestors().skip(1);
    let package_dirs = packages
        .iter()
        .map(|package| package.manifest_dir.as_path());
    for directory in directories.chain(package_dirs) {
        let existing = CONFIGURATION.iter().map(|name| directory.join(name));
        files.extend(existing.filter(|file| {
            file.is_file()
                && home
                    .as_deref()
                    .is_none_or(|home| file.parent() != Some(home))
        }));
    }
    files.extend(
        packages
            .iter()
            .map(|package| package.manifest_dir.join("Cargo.toml")),
    );
    files.into_iter().collect()
}

fn cargo_home() -> Option<PathBuf> {
    std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(std::env::home_dir()?.join(".cargo")))
}
