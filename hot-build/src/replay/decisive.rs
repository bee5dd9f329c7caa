//! The files by which cargo decides, other than the sources that the compiler reads.

use std::env;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::{BuildError, CargoReason, LocalPackage, LocalPackages, inputs};

use super::RustcCommand;
use super::stamp::{Stamps, files_below};

/// Files by which cargo decides, and what it means when one of them is not as it was.
#[derive(Debug)]
pub(crate) struct Decisive {
    files: Stamps,
    kind: Kind,
    /// The folder of the package that they are of, if they are of one.
    package: Option<PathBuf>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Settings,
    BuildScript,
    SilentBuildScript { manifest_dir: PathBuf },
    NotRecorded,
}

impl Decisive {
    /// Manifests, the lock file, configurations, and the toolchain of `rustc`. Here and below, files that
    /// were written after `since` count as changed.
    pub(super) fn settings(packages: &LocalPackages, rustc: &Path, since: SystemTime) -> Self {
        let mut files = packages.build_files.clone();
        // A file that comes into being counts too.
        files.extend(configuration_files(&packages.workspace_root));
        files.extend(
            ["rust-toolchain.toml", "rust-toolchain"]
                .iter()
                .flat_map(|name| {
                    packages
                        .workspace_root
                        .ancestors()
                        .map(move |folder| folder.join(name))
                }),
        );
        // Which toolchain is the default is written there. An update changes the compiler itself.
        files.extend(home("RUSTUP_HOME", ".rustup").map(|home| home.join("settings.toml")));
        files.push(rustc.to_owned());
        Self {
            files: Stamps::take(files, since),
            kind: Kind::Settings,
            package: None,
        }
    }

    /// What a build script reads, and the script itself, of a package whose compilation is known.
    ///
    /// # Errors
    ///
    /// When what the build script wrote cannot be read.
    pub(super) fn of_known(
        package: &LocalPackage,
        packages: &LocalPackages,
        command: &RustcCommand,
        since: SystemTime,
    ) -> Result<Self, BuildError> {
        let directory = &package.manifest_dir;
        let folder = Some(inputs::canonical(directory));
        let Some(out_dir) = command.build_script_out_dir() else {
            // A file of this name becomes the build script of a package that has none.
            return Ok(Self {
                files: Stamps::take([directory.join("build.rs")], since),
                kind: Kind::BuildScript,
                package: folder,
            });
        };
        let others = folders_of_others(package, packages);
        let named = inputs::build_script(out_dir, directory)?;
        if named.is_empty() && inputs::build_script_asks(out_dir)?.is_empty() {
            return Ok(Self {
                files: Stamps::take(files_below(directory, &others), since),
                kind: Kind::SilentBuildScript {
                    manifest_dir: directory.clone(),
                },
                package: folder,
            });
        }
        // `build/<package>-<hash>/out`
        let builds = out_dir.ancestors().nth(2).unwrap_or(out_dir);
        let mut files = script_sources(package, builds)?;
        files.extend(with_files_in(named, &others));
        Ok(Self {
            files: Stamps::take(files, since),
            kind: Kind::BuildScript,
            package: folder,
        })
    }

    /// Everything in a package of which nobody knows how it is compiled, and what the compiler read for it elsewhere,
    /// by the lists that it left in `deps_dir`.
    ///
    /// # Errors
    ///
    /// When such a list cannot be read.
    pub(super) fn of_unknown(
        package: &LocalPackage,
        packages: &LocalPackages,
        deps_dir: Option<&Path>,
        since: SystemTime,
    ) -> Result<Self, BuildError> {
        let directory = &package.manifest_dir;
        let others = folders_of_others(package, packages);
        let mut files = files_below(directory, &others);
        if let (Some(deps_dir), Some(library)) = (deps_dir, &package.library) {
            files.extend(inputs::of_library(deps_dir, library, directory)?);
        }
        Ok(Self {
            files: Stamps::take(files, since),
            kind: Kind::NotRecorded,
            package: Some(inputs::canonical(directory)),
        })
    }

    /// What was read to compile a package, by the compiler's own list and by what its build script said, where
    /// nobody knows how it was compiled.
    ///
    /// # Errors
    ///
    /// When the list cannot be read.
    pub(super) fn of_compiled(
        package: &LocalPackage,
        packages: &LocalPackages,
        dep_info: &Path,
        read_by_script: &[PathBuf],
        since: SystemTime,
    ) -> Result<Self, BuildError> {
        let directory = &package.manifest_dir;
        let mut files: Vec<PathBuf> =
            inputs::read_dep_info(dep_info, &directory.join("Cargo.toml"))?
                .into_iter()
                .collect();
        // One that comes into being counts too.
        files.push(directory.join("build.rs"));
        if let Some(deps_dir) = dep_info.parent() {
            files.extend(script_sources(package, &deps_dir.with_file_name("build"))?);
        }
        let others = folders_of_others(package, packages);
        let read = read_by_script.iter();
        let read = read.map(|path| inputs::canonical(&directory.join(path)));
        files.extend(with_files_in(read, &others));
        Ok(Self {
            files: Stamps::take(files, since),
            kind: Kind::NotRecorded,
            package: Some(inputs::canonical(directory)),
        })
    }

    /// The files of a package that are not in its folder.
    pub(super) fn outside(&self) -> impl Iterator<Item = &Path> {
        let of_package = self.package.iter();
        of_package.flat_map(|folder| {
            self.files
                .files()
                .filter(move |file| !file.starts_with(folder))
        })
    }

    /// Why cargo has to be asked, if one of the files is not as it was.
    pub(super) fn changed(&self) -> Option<CargoReason> {
        let path = self.files.first_changed()?.to_owned();
        Some(match &self.kind {
            Kind::Settings => CargoReason::Settings { path },
            Kind::BuildScript => CargoReason::BuildScript { path },
            Kind::SilentBuildScript { manifest_dir } => CargoReason::SilentBuildScript {
                manifest_dir: manifest_dir.clone(),
                path,
            },
            Kind::NotRecorded => CargoReason::NotRecorded { path },
        })
    }
}

/// A configuration of cargo's that gives variables to the compiler, if there is one: nobody but cargo
/// knows which.
pub(super) fn sets_variables(packages: &LocalPackages) -> Option<PathBuf> {
    configuration_with(packages, |line| {
        let rest = line.strip_prefix('[').unwrap_or(line).trim_start();
        rest.strip_prefix("env")
            .is_some_and(|rest| rest.trim_start().starts_with(['.', ']', '=']))
    })
}

/// What has cargo run the compiler through another program, if anything does. The compiler itself, which tells the
/// program how it was run, does not know.
pub(super) fn sets_wrapper(packages: &LocalPackages) -> Option<String> {
    const VARIABLES: [&str; 4] = [
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "CARGO_BUILD_RUSTC_WRAPPER",
        "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER",
    ];
    let is_set = |name: &&str| env::var_os(name).is_some_and(|value| !value.is_empty());
    let variable = VARIABLES.into_iter().find(is_set).map(str::to_owned);
    let named = |line: &str| {
        let key = line.split('=').next().unwrap_or_default();
        key.contains("rustc-wrapper") || key.contains("rustc-workspace-wrapper")
    };
    variable.or_else(|| Some(configuration_with(packages, named)?.display().to_string()))
}

/// A configuration of cargo's with a line that `is_it`.
fn configuration_with(packages: &LocalPackages, is_it: impl Fn(&str) -> bool) -> Option<PathBuf> {
    configuration_files(&packages.workspace_root).find(|file| {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        text.lines().map(str::trim_start).any(&is_it)
    })
}

/// Where cargo looks for its configuration.
fn configuration_files(workspace_root: &Path) -> impl Iterator<Item = PathBuf> {
    let above = workspace_root
        .ancestors()
        .map(|folder| folder.join(".cargo"));
    above
        .chain(home("CARGO_HOME", ".cargo"))
        .flat_map(|folder| ["config.toml", "config"].map(|name| folder.join(name)))
}

/// A directory of the user's settings: what the variable says, or else one in the home directory.
fn home(variable: &str, name: &str) -> Option<PathBuf> {
    env::var_os(variable)
        .map(PathBuf::from)
        .or_else(|| Some(env::home_dir()?.join(name)))
}

/// The directories of other packages, and of what was built: they are no part of this package.
fn folders_of_others(package: &LocalPackage, packages: &LocalPackages) -> Vec<PathBuf> {
    packages
        .packages
        .iter()
        .map(|other| other.manifest_dir.clone())
        .filter(|other| *other != package.manifest_dir)
        .chain([packages.target_dir.clone()])
        .collect()
}

/// The files, and for a directory what is in it.
fn with_files_in(files: impl IntoIterator<Item = PathBuf>, others: &[PathBuf]) -> Vec<PathBuf> {
    let expand = |file: PathBuf| match file.is_dir() {
        true => files_below(&file, others),
        false => vec![file],
    };
    files.into_iter().flat_map(expand).collect()
}

/// The sources of a package's build script. The compiler listed them where scripts are built:
/// `<builds>/<package>-<hash>`.
fn script_sources(package: &LocalPackage, builds: &Path) -> Result<Vec<PathBuf>, BuildError> {
    let Some(script) = &package.build_script else {
        return Ok(Vec::new());
    };
    let mut files = vec![script.clone()];
    let builds = std::fs::read_dir(builds).into_iter().flatten().flatten();
    for build in builds {
        let name = build.file_name();
        let is_of_package = name
            .to_str()
            .and_then(|name| name.rsplit_once('-'))
            .is_some_and(|(name, _)| name == package.name);
        if !is_of_package {
            continue;
        }
        let lists = std::fs::read_dir(build.path())
            .into_iter()
            .flatten()
            .flatten();
        for list in lists.map(|file| file.path()) {
            if list.extension().is_some_and(|extension| extension == "d") {
                files.extend(inputs::read_dep_info(&list, script)?);
            }
        }
    }
    Ok(files)
}
