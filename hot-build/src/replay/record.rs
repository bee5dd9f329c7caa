//! What is known of how a hot crate and the local crates below it are compiled.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use crate::{BuildArgs, BuildError, LocalPackages, environment, inputs};

use super::RustcCommand;
use super::recorder::BuiltCrate;
use super::stamp::{Stamps, files_below};

/// Everything needed to compile a hot crate without cargo, and to know when cargo has to be asked.
#[derive(Debug)]
pub(crate) struct Record {
    units: Vec<Unit>,
    /// The index of the hot crate's unit.
    hot: usize,
    /// Every crate of the build.
    built: Vec<BuiltCrate>,
    /// Crates that were compiled without cargo since, by the names of their rlibs and metadata files.
    replaced: HashMap<String, PathBuf>,
    /// What cargo decides by.
    asks_cargo: Stamps,
    /// The root of the toolchain.
    pub(crate) sysroot: PathBuf,
}

/// A local crate whose compilation is known.
#[derive(Clone, Debug)]
struct Unit {
    command: RustcCommand,
    inputs: Stamps,
    input_files: Vec<PathBuf>,
}

/// How to compile the hot crate now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Something changed that only cargo can judge.
    AskCargo,
    /// Compile these units, in this order. The hot crate's is the last.
    Compile(Vec<usize>),
}

impl Record {
    /// Makes a record of the crates that cargo just `built`, and of the `commands` that are known. `None` if
    /// that of the hot crate is not among them. Files that were written after `since` are taken for changed.
    ///
    /// # Errors
    ///
    /// When a file that the compiler wrote cannot be read, or the compiler not be asked where it is.
    pub(crate) fn make(
        built: Vec<BuiltCrate>,
        commands: &[RustcCommand],
        packages: &LocalPackages,
        args: &BuildArgs,
        since: SystemTime,
    ) -> Result<Option<Self>, BuildError> {
        let closure: Vec<&Path> = packages
            .closure(&args.manifest_dir)
            .iter()
            .map(|package| package.manifest_dir.as_path())
            .collect();
        let mut units: Vec<Unit> = Vec::new();
        for command in commands {
            if !closure.contains(&command.manifest_dir.as_path()) {
                continue;
            }
            let dep_info = command
                .out_dir()
                .map(|directory| directory.join(command.dep_info_name()));
            if let Some(unit) = dep_info
                .map(|file| Unit::read(command.clone(), &file, since))
                .transpose()?
                .flatten()
            {
                units.push(unit);
            }
        }
        let hot = canonical(&args.manifest_dir);
        let Some(hot) = units
            .iter()
            .position(|unit| canonical(&unit.command.manifest_dir) == hot)
        else {
            return Ok(None);
        };
        let mut asks_cargo: BTreeSet<PathBuf> = packages.build_files.iter().cloned().collect();
        for directory in &closure {
            let unit = units
                .iter()
                .find(|unit| unit.command.manifest_dir == **directory);
            asks_cargo.extend(decided_by_cargo(directory, unit, packages)?);
        }
        let sysroot = sysroot(units[hot].command.rustc())?;
        Ok(Some(Self {
            units,
            hot,
            built,
            replaced: HashMap::new(),
            asks_cargo: Stamps::take(asks_cargo, since),
            sysroot,
        }))
    }

    /// What has to be compiled, by which files changed.
    pub(crate) fn plan(&self) -> Plan {
        if self.asks_cargo.first_changed().is_some() {
            return Plan::AskCargo;
        }
        let mut included: Vec<bool> = self
            .units
            .iter()
            .enumerate()
            .map(|(index, unit)| index == self.hot || unit.inputs.first_changed().is_some())
            .collect();
        // And what is compiled against those.
        while let Some(index) = (0..self.units.len()).find(|index| {
            !included[*index]
                && self
                    .dependencies(*index)
                    .any(|dependency| included[dependency])
        }) {
            included[index] = true;
        }
        let mut order = Vec::new();
        self.put_in_order(self.hot, &included, &mut order);
        Plan::Compile(order)
    }

    /// The command of a unit.
    pub(crate) fn command(&self, unit: usize) -> &RustcCommand {
        &self.units[unit].command
    }

    /// Crates to take from elsewhere than cargo put them.
    pub(crate) fn replaced(&self) -> &HashMap<String, PathBuf> {
        &self.replaced
    }

    /// Notes that a unit was compiled to `rlib`, from files that were read from `since` on.
    ///
    /// # Errors
    ///
    /// When the compiler's list of them cannot be read.
    pub(crate) fn compiled(
        &mut self,
        unit: usize,
        rlib: &Path,
        since: SystemTime,
    ) -> Result<(), BuildError> {
        let command = self.units[unit].command.clone();
        let dep_info = rlib.with_file_name(command.dep_info_name());
        let metadata = rlib.with_extension("rmeta");
        for file in [rlib, &metadata] {
            if let Some(name) = file.file_name().and_then(|name| name.to_str())
                && file.is_file()
            {
                self.replaced.insert(name.to_owned(), file.to_owned());
            }
        }
        if let Some(read) = Unit::read(command, &dep_info, since)? {
            self.units[unit] = read;
        }
        Ok(())
    }

    /// Where cargo has the compiler write the hot crate to.
    pub(crate) fn out_dir(&self) -> &Path {
        self.units[self.hot]
            .command
            .out_dir()
            .unwrap_or(Path::new("."))
    }

    /// The rlib that cargo made of the hot crate.
    pub(crate) fn hot_rlib(&self) -> PathBuf {
        self.out_dir()
            .join(self.units[self.hot].command.rlib_name())
    }

    /// The files that the hot crate is compiled from, and those that its build script reads. Sorted.
    ///
    /// # Errors
    ///
    /// When what the build script wrote cannot be read.
    pub(crate) fn hot_inputs(&self) -> Result<Vec<PathBuf>, BuildError> {
        let unit = &self.units[self.hot];
        let mut files: BTreeSet<PathBuf> = unit.input_files.iter().cloned().collect();
        if let Some(out_dir) = unit.command.build_script_out_dir() {
            files.extend(inputs::build_script(out_dir, &unit.command.manifest_dir)?);
        }
        Ok(files.into_iter().collect())
    }

    /// The rlibs of local crates that were compiled after `time`, without the hot crate's.
    pub(crate) fn compiled_after(&self, time: SystemTime) -> Vec<PathBuf> {
        self.dependencies_built()
            .filter(|krate| krate.is_local)
            .map(|krate| self.current(&krate.rlib))
            .filter(|rlib| modified(rlib).is_none_or(|written| written > time))
            .collect()
    }

    /// The rlibs of all crates but the hot one, and of the toolchain.
    pub(crate) fn rlibs(&self) -> Vec<PathBuf> {
        let mut rlibs: Vec<PathBuf> = self
            .dependencies_built()
            .map(|krate| self.current(&krate.rlib))
            .collect();
        let target = self.units[self.hot].command.value("--target");
        rlibs.extend(toolchain_rlibs(&self.sysroot, target));
        rlibs
    }

    fn dependencies_built(&self) -> impl Iterator<Item = &BuiltCrate> {
        let hot = canonical(&self.units[self.hot].command.manifest_dir);
        self.built
            .iter()
            .filter(move |krate| canonical(&krate.manifest_dir) != hot)
    }

    fn current(&self, rlib: &Path) -> PathBuf {
        let name = rlib.file_name().and_then(|name| name.to_str());
        name.and_then(|name| self.replaced.get(name))
            .cloned()
            .unwrap_or_else(|| rlib.to_owned())
    }

    fn dependencies(&self, unit: usize) -> impl Iterator<Item = usize> {
        self.units[unit].command.externs().filter_map(|file| {
            let stem = file.file_stem()?;
            self.units
                .iter()
                .position(|unit| Path::new(&unit.command.rlib_name()).file_stem() == Some(stem))
        })
    }

    fn put_in_order(&self, unit: usize, included: &[bool], order: &mut Vec<usize>) {
        for dependency in self.dependencies(unit) {
            if !order.contains(&dependency) {
                self.put_in_order(dependency, included, order);
            }
        }
        if included[unit] && !order.contains(&unit) {
            order.push(unit);
        }
    }
}

impl Unit {
    /// `None` if the compiler left no list of what it read.
    fn read(
        command: RustcCommand,
        dep_info: &Path,
        since: SystemTime,
    ) -> Result<Option<Self>, BuildError> {
        let files = inputs::read_dep_info(dep_info, &command.source())?;
        Ok((!files.is_empty()).then(|| Self {
            command,
            inputs: Stamps::take(files.iter().cloned(), since),
            input_files: files.into_iter().collect(),
        }))
    }
}

/// The libraries of the toolchain for a target.
pub(crate) fn toolchain_rlibs(sysroot: &Path, target: Option<&str>) -> Vec<PathBuf> {
    let targets = sysroot.join("lib/rustlib");
    let directory = match target {
        Some(target) => targets.join(target).join("lib"),
        None => match host_target(sysroot) {
            Some(target) => targets.join(target).join("lib"),
            None => return Vec::new(),
        },
    };
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut rlibs: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "rlib")
        })
        .collect();
    rlibs.sort();
    rlibs
}

/// The target that a toolchain itself runs on: the one that it has tools for.
pub(crate) fn host_target(sysroot: &Path) -> Option<String> {
    let entries = std::fs::read_dir(sysroot.join("lib/rustlib")).ok()?;
    entries
        .flatten()
        .find(|entry| entry.path().join("bin").is_dir())
        .and_then(|entry| entry.file_name().into_string().ok())
}

/// The files of a package that cargo decides by: all of them if it is not known how it is compiled, or
/// what its build script reads.
fn decided_by_cargo(
    directory: &Path,
    unit: Option<&Unit>,
    packages: &LocalPackages,
) -> Result<Vec<PathBuf>, BuildError> {
    let others: Vec<PathBuf> = packages
        .packages
        .iter()
        .map(|package| package.manifest_dir.clone())
        .filter(|other| other != directory)
        .chain([packages.target_dir.clone()])
        .collect();
    let Some(unit) = unit else {
        return Ok(files_below(directory, &others));
    };
    let Some(out_dir) = unit.command.build_script_out_dir() else {
        return Ok(Vec::new());
    };
    let named = inputs::build_script(out_dir, directory)?;
    if named.is_empty() {
        return Ok(files_below(directory, &others));
    }
    let mut files = vec![directory.join("build.rs")];
    for file in named {
        if file.is_dir() {
            files.extend(files_below(&file, &others));
        } else {
            files.push(file);
        }
    }
    Ok(files)
}

/// The root of the toolchain that `rustc` belongs to.
fn sysroot(rustc: &Path) -> Result<PathBuf, BuildError> {
    let above = rustc.parent().and_then(Path::parent);
    if let Some(above) = above.filter(|above| above.join("lib/rustlib").is_dir()) {
        return Ok(above.to_owned());
    }
    // It is a wrapper, or rustup's stand-in.
    let mut command = Command::new(rustc);
    environment::scrub(&mut command);
    command.args(["--print", "sysroot"]);
    let line = crate::run::command_line(&command);
    let output = command
        .output()
        .map_err(|source| crate::run::spawn_error(rustc, line.clone(), source))?;
    if !output.status.success() {
        return Err(BuildError::Command {
            command: line,
            status: output.status,
            message: String::from_utf8_lossy(&output.stderr).into_owned(),
            diagnostics: Vec::new(),
        });
    }
    Ok(PathBuf::from(
        String::from_utf8_lossy(&output.stdout).trim_end(),
    ))
}

fn modified(file: &Path) -> Option<SystemTime> {
    std::fs::metadata(file)
        .and_then(|metadata| metadata.modified())
        .ok()
}

fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
