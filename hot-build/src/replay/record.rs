//! What is known of how a hot crate and the local crates below it are compiled.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::{BuildArgs, BuildError, CargoReason, CrateBuild, LocalPackages, ProgramBuild, inputs};

use super::RustcCommand;
use super::decisive::Decisive;
use super::recorder::BuiltCrate;
use super::stamp::Stamps;
use super::toolchain;
use super::variables::{self, Variables};

/// Everything needed to compile a hot crate without cargo, and to know when cargo has to be asked.
#[derive(Debug)]
pub(crate) struct Record {
    pub(super) units: Vec<Unit>,
    /// The index of the hot crate's unit.
    pub(super) hot: usize,
    /// Every crate of the build.
    pub(super) built: Vec<BuiltCrate>,
    /// Crates that were compiled without cargo since, by the names of their rlibs and metadata files.
    pub(super) replaced: HashMap<String, PathBuf>,
    /// What cargo decides by.
    pub(super) decisive: Vec<Decisive>,
    pub(super) variables: Variables,
    /// What the build was asked for that cargo answered. Any is right while the program itself is the record.
    pub(super) made_for: Option<(ProgramBuild, CrateBuild)>,
    /// Whether the commands are cargo's own words, or have worked since.
    pub(super) is_proven: bool,
    /// The root of the toolchain.
    pub(crate) sysroot: PathBuf,
}

/// A local crate whose compilation is known.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub(super) command: RustcCommand,
    pub(super) inputs: Stamps,
    input_files: Vec<PathBuf>,
    /// The variables that the code asked for, with the values that they had.
    pub(super) variables: Vec<(String, Option<String>)>,
}

/// The rlib of a crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CrateFile {
    /// Where cargo puts it.
    pub(crate) rlib: PathBuf,
    /// Where it is as the crate was compiled last.
    pub(crate) compiled: PathBuf,
    /// Whether its sources are the user's.
    pub(crate) is_local: bool,
}

/// How to compile the hot crate now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Something changed that only cargo can judge.
    AskCargo(CargoReason),
    /// Compile these units, in this order, and then the hot crate's.
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
        let closure = packages.closure(&args.manifest_dir);
        let mut units: Vec<Unit> = Vec::new();
        for command in commands {
            if closure
                .iter()
                .any(|package| package.manifest_dir == command.manifest_dir)
            {
                units.extend(Unit::read(command.clone(), since)?);
            }
        }
        let Some(hot) = position(&units, &args.manifest_dir) else {
            return Ok(None);
        };
        let mut decisive = vec![Decisive::settings(
            packages,
            units[hot].command.rustc(),
            since,
        )];
        let mut asked = Vec::new();
        for package in &closure {
            let unit = units
                .iter()
                .find(|unit| unit.command.manifest_dir == package.manifest_dir);
            decisive.push(match unit {
                Some(unit) => Decisive::of_known(package, packages, &unit.command, since)?,
                None => {
                    let deps_dir = units[hot].command.out_dir();
                    Decisive::of_unknown(package, packages, deps_dir, since)?
                }
            });
            asked.extend(unit.map(Unit::asks).transpose()?.into_iter().flatten());
        }
        let sysroot = toolchain::sysroot(units[hot].command.rustc())?;
        Ok(Some(Self {
            units,
            hot,
            built,
            replaced: HashMap::new(),
            decisive,
            variables: Variables::take(asked),
            made_for: Some((args.program.clone(), args.hot_crate.clone())),
            is_proven: true,
            sysroot,
        }))
    }

    /// What has to be compiled for `args`, by which files changed.
    pub(crate) fn plan(&mut self, args: &BuildArgs) -> Plan {
        if let Some(reason) = self.reason_to_ask(args) {
            return Plan::AskCargo(reason);
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
        order.retain(|unit| *unit != self.hot);
        Plan::Compile(order)
    }

    fn reason_to_ask(&mut self, args: &BuildArgs) -> Option<CargoReason> {
        match &self.made_for {
            Some((program, hot_crate)) => {
                if *program != args.program || *hot_crate != args.hot_crate {
                    return Some(CargoReason::OtherBuild);
                }
            }
            None => self.made_for = Some((args.program.clone(), args.hot_crate.clone())),
        }
        if let Some(name) = self.variables.first_changed() {
            return Some(CargoReason::Variable { name });
        }
        self.decisive.iter().find_map(Decisive::changed)
    }

    /// Whether its commands are known to be right. Before that, a failure may be theirs.
    pub(crate) fn is_proven(&self) -> bool {
        self.is_proven
    }

    /// Notes that the hot crate's command has worked.
    pub(crate) fn prove(&mut self) {
        self.is_proven = true;
    }

    /// The hot crate's unit.
    pub(crate) fn hot_unit(&self) -> usize {
        self.hot
    }

    /// The command of a unit.
    pub(crate) fn command(&self, unit: usize) -> &RustcCommand {
        &self.units[unit].command
    }

    /// How the hot crate is compiled.
    pub(crate) fn hot_command(&self) -> &RustcCommand {
        self.command(self.hot)
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
        let dep_info = rlib.with_file_name(self.units[unit].command.dep_info_name());
        let metadata = rlib.with_extension("rmeta");
        for file in [rlib, &metadata] {
            if let Some(name) = file.file_name().and_then(|name| name.to_str())
                && file.is_file()
            {
                self.replaced.insert(name.to_owned(), file.to_owned());
            }
        }
        let command = self.units[unit].command.clone();
        if let Some(read) = Unit::read_from(command, &dep_info, since)? {
            self.units[unit] = read;
        }
        self.is_proven = true;
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

    /// The files that the hot crate is compiled from, and those that its build script reads, with those of the local
    /// crates below it. Of crates below it whose compilation is not known, what lies in their folders is left out.
    /// Sorted.
    ///
    /// # Errors
    ///
    /// When what the build script wrote cannot be read.
    pub(crate) fn inputs(&self) -> Result<Vec<PathBuf>, BuildError> {
        let read = self.units.iter().flat_map(|unit| &unit.input_files);
        let mut files: BTreeSet<PathBuf> = read.cloned().collect();
        let outside = self.decisive.iter().flat_map(Decisive::outside);
        files.extend(outside.map(Path::to_owned));
        let unit = &self.units[self.hot];
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
        rlibs.extend(toolchain::rlibs(&self.sysroot, target));
        rlibs
    }

    /// The rlibs of the hot crate and of all below it, without those of the toolchain.
    pub(crate) fn crate_files(&self) -> Vec<CrateFile> {
        let below = self
            .dependencies_built()
            .map(|krate| (krate.rlib.clone(), krate.is_local));
        let all = below.chain([(self.hot_rlib(), true)]);
        let mut files: Vec<_> = all
            .map(|(rlib, is_local)| CrateFile {
                compiled: self.current(&rlib),
                rlib,
                is_local,
            })
            .collect();
        files.sort_unstable_by(|a, b| a.rlib.cmp(&b.rlib));
        files.dedup_by(|a, b| a.rlib == b.rlib);
        files
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
    pub(super) fn read(
        command: RustcCommand,
        since: SystemTime,
    ) -> Result<Option<Self>, BuildError> {
        let Some(out_dir) = command.out_dir() else {
            return Ok(None);
        };
        let dep_info = out_dir.join(command.dep_info_name());
        Self::read_from(command, &dep_info, since)
    }

    fn read_from(
        command: RustcCommand,
        dep_info: &Path,
        since: SystemTime,
    ) -> Result<Option<Self>, BuildError> {
        let files = inputs::read_dep_info(dep_info, &command.source())?;
        if files.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self {
            variables: inputs::read_dep_info_variables(dep_info)?,
            command,
            inputs: Stamps::take(files.iter().cloned(), since),
            input_files: files.into_iter().collect(),
        }))
    }

    /// The variables of this process's environment that the code or its build script asked for.
    pub(super) fn asks(&self) -> Result<Vec<String>, BuildError> {
        let mut names: Vec<String> =
            variables::from_outside(&self.variables, &self.command).collect();
        if let Some(out_dir) = self.command.build_script_out_dir() {
            names.extend(inputs::build_script_asks(out_dir)?);
        }
        Ok(names)
    }
}

/// The unit of the crate in `manifest_dir`.
pub(super) fn position(units: &[Unit], manifest_dir: &Path) -> Option<usize> {
    let wanted = canonical(manifest_dir);
    units
        .iter()
        .position(|unit| canonical(&unit.command.manifest_dir) == wanted)
}

/// When a file was last written, if it is there.
pub(crate) fn modified(file: &Path) -> Option<SystemTime> {
    std::fs::metadata(file)
        .and_then(|metadata| metadata.modified())
        .ok()
}

fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
