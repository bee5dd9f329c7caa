//! The first record, from what the program itself knows of how it was built.
//!
//! A crate of the program tells by which run of the compiler it was made. Whether that run would make
//! the same today is in the traces that cargo left: every crate below is as old as the program, and
//! nothing that cargo decides by is newer. Where that is not certain, cargo is asked.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::{BuildArgs, BuildError, CargoReason, LocalPackage, LocalPackages, environment, inputs};

use super::decisive::{self, Decisive};
use super::record::{Record, Unit, modified, position};
use super::traces::{Closure, Library, Script, Traces};
use super::variables::{self, Variables};
use super::{RustcCommand, toolchain};

impl Record {
    /// Makes a record of the crates that are in this program, by the `commands` that made the hot ones. If
    /// they cannot be trusted, the reason to ask cargo.
    pub(crate) fn of_program(
        commands: &[RustcCommand],
        packages: &LocalPackages,
        args: &BuildArgs,
    ) -> Result<Self, CargoReason> {
        let built = program_built().ok_or(CargoReason::FirstBuild)?;
        let closure = packages.closure(&args.manifest_dir);
        let hot = closure.first().copied().ok_or(CargoReason::FirstBuild)?;
        let command = commands
            .iter()
            .find(|command| command.manifest_dir == hot.manifest_dir)
            // A crate that could not be built in full is told so at once, and not when it has to be.
            .filter(|command| command.is_dynamic())
            .ok_or(CargoReason::FirstBuild)?;
        let out_dir = command.out_dir().ok_or(CargoReason::FirstBuild)?;
        if let Some(path) = decisive::sets_variables(packages) {
            return Err(CargoReason::ConfiguredVariables { path });
        }
        if let Some(set_by) = decisive::sets_wrapper(packages) {
            return Err(CargoReason::Wrapper { set_by });
        }

        let traces = Traces::read(out_dir, command.value("--target"));
        let no_traces = || CargoReason::NoTraces {
            path: out_dir.to_owned(),
        };
        let (trace, begun) = traces.of(command, &hot.name).ok_or_else(no_traces)?;
        if begun > built {
            return Err(CargoReason::NewerThanProgram {
                path: out_dir.join(command.rlib_name()),
            });
        }
        let below = traces.closure(trace).ok_or_else(no_traces)?;
        let is_named = |file: &Path| {
            let is_below = below.libraries.iter().any(|library| library.rlib == file);
            is_below || file.extension().is_none_or(|extension| extension != "rlib")
        };
        if let Some(path) = command
            .externs()
            .find(|file| !file.is_file() || !is_named(file))
        {
            return Err(CargoReason::NoTraces {
                path: path.to_owned(),
            });
        }
        let newer = |library: &&Library| {
            let written = fs::metadata(&library.rlib).and_then(|file| file.modified());
            written.map_or(true, |written| written > built)
        };
        if let Some(library) = below.libraries.iter().find(newer) {
            return Err(CargoReason::NewerThanProgram {
                path: library.rlib.clone(),
            });
        }
        let differs = |(name, value): &&(String, Option<String>)| {
            environment::given(name) != value.as_ref().map(Into::into)
        };
        if let Some((name, _)) = below.variables.iter().find(differs) {
            return Err(CargoReason::Variable { name: name.clone() });
        }

        let parts = Parts {
            commands,
            packages,
            below: &below,
            deps_dir: Some(out_dir),
            begun,
        };
        let (units, mut decisive) = parts.read(&closure)?;
        decisive.push(Decisive::settings(packages, command.rustc(), begun));
        let asked = below.variables.into_iter().map(|(name, _)| name);
        let from_outside = units
            .iter()
            .flat_map(|unit| variables::from_outside(&unit.variables, &unit.command));
        let variables = Variables::take(asked.chain(from_outside));
        let local = |library: &Library| {
            let package = closure
                .iter()
                .find(|package| package.name == library.package);
            package.map(|package| package.manifest_dir.clone())
        };
        Ok(Self {
            hot: position(&units, &args.manifest_dir).ok_or_else(no_traces)?,
            units,
            built: below
                .libraries
                .iter()
                .map(|library| library.built(local(library).as_deref()))
                .collect(),
            replaced: HashMap::new(),
            decisive,
            variables,
            made_for: None,
            is_proven: false,
            sysroot: toolchain::sysroot(command.rustc()).map_err(unreadable)?,
        })
    }
}

/// What the local packages of a hot crate are read from.
struct Parts<'a> {
    commands: &'a [RustcCommand],
    packages: &'a LocalPackages,
    below: &'a Closure,
    /// Where the compiler wrote them.
    deps_dir: Option<&'a Path>,
    /// When cargo began to compile the hot crate.
    begun: SystemTime,
}

impl Parts<'_> {
    fn read(&self, closure: &[&LocalPackage]) -> Result<(Vec<Unit>, Vec<Decisive>), CargoReason> {
        let mut units = Vec::new();
        let mut decisive = Vec::new();
        for package in closure {
            let library = self
                .below
                .libraries
                .iter()
                .find(|library| library.package == package.name);
            let since = library.map_or(self.begun, |library| library.begun);
            let command = self
                .commands
                .iter()
                .find(|command| command.manifest_dir == package.manifest_dir);
            if let Some(command) = command {
                units.push(known(command, since)?);
                decisive.push(
                    Decisive::of_known(package, self.packages, command, since)
                        .map_err(unreadable)?,
                );
                continue;
            }
            let script = self.below.scripts.get(&package.name);
            let read_by_script = match script {
                Some(script) => script.reads.as_deref(),
                None if package.build_script.is_none() => Some(&[][..]),
                None => None,
            };
            decisive.push(match (library, read_by_script) {
                (Some(library), Some(read)) => {
                    is_as_compiled(&library.dep_info, script)?;
                    Decisive::of_compiled(package, self.packages, &library.dep_info, read, since)
                        .map_err(unreadable)?
                }
                _ => Decisive::of_unknown(package, self.packages, self.deps_dir, since)
                    .map_err(unreadable)?,
            });
        }
        Ok((units, decisive))
    }
}

/// A crate whose run of the compiler is known, if the environment is what it was then.
fn known(command: &RustcCommand, since: SystemTime) -> Result<Unit, CargoReason> {
    let unit = Unit::read(command.clone(), since).map_err(unreadable)?;
    let unit = unit.ok_or_else(|| CargoReason::NoTraces {
        path: PathBuf::from(command.dep_info_name()),
    })?;
    if let Some(name) = variables::first_different(&unit.variables, command) {
        return Err(CargoReason::Variable {
            name: name.to_owned(),
        });
    }
    // The variables that a build script sets are read from what it wrote, which may be of a later run.
    let output = command
        .build_script_out_dir()
        .map(|out_dir| out_dir.with_file_name("output"));
    let written = output
        .as_ref()
        .and_then(|output| fs::metadata(output).ok()?.modified().ok());
    match output {
        Some(path) if written.is_none_or(|written| written > since) => {
            Err(CargoReason::BuildScript { path })
        }
        _ => Ok(unit),
    }
}

/// Whether the variables that a crate asked for are what they were. Those that cargo sets for its package
/// are: they are from its manifest.
fn is_as_compiled(dep_info: &Path, script: Option<&Script>) -> Result<(), CargoReason> {
    let variables = inputs::read_dep_info_variables(dep_info).map_err(unreadable)?;
    let set = script
        .map(|script| inputs::build_script_variables(&script.out_dir))
        .transpose()
        .map_err(unreadable)?
        .unwrap_or_default();
    let differs = |(name, value): &&(String, Option<String>)| {
        if environment::is_of_a_package(name.as_ref()) {
            return false;
        }
        match set.iter().find(|(known, _)| known == name) {
            Some((_, given)) => value.as_ref() != Some(given),
            None => environment::given(name) != value.as_ref().map(Into::into),
        }
    };
    match variables.iter().find(differs) {
        Some((name, _)) => Err(CargoReason::Variable { name: name.clone() }),
        None => Ok(()),
    }
}

/// When this program was built, if its file is still there.
pub(crate) fn program_built() -> Option<SystemTime> {
    let exe = std::env::current_exe().ok()?;
    modified(&exe)
}

/// Why there is no record, if this kept it from being made.
pub(crate) fn unreadable(error: BuildError) -> CargoReason {
    match error {
        BuildError::Io { path, .. } => CargoReason::NoTraces { path },
        _ => CargoReason::FirstBuild,
    }
}
