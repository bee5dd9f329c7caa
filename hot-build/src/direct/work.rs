//! One build.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Instant, SystemTime};

use crate::cargo::repeat_program_recorded;
use crate::lock_file::LockFile;
use crate::replay::{
    Commands, Compilation, CompileFailure, Compiled, Ending, Plan, Record, Recorder,
    WaitingCompiler, Wanted, Workplace, Workplaces, unreadable,
};
use crate::thin::ThinLinker;
use crate::{
    Artifact, BuildArgs, BuildError, BuildMode, BuildPhase, BuildReport, CargoReason,
    ChangedStatic, Diagnostic, FallbackReason, LinkedCrate, LocalPackages, run,
};

use super::linked_in::{LinkedIn, Objects};
use super::private_library::PrivateLibrary;
use super::{KnownCrate, lock};

/// One build.
pub(super) struct Work<'a> {
    args: &'a BuildArgs,
    thin: Option<&'a ThinLinker>,
    started: Instant,
    since: SystemTime,
    phases: Vec<BuildPhase>,
    diagnostics: Vec<Diagnostic>,
    /// Compilers that have done their work. What is started next does not wait for them, but what comes after
    /// this build does.
    endings: Vec<Ending>,
}

/// Why there is no library without cargo.
#[derive(Debug)]
pub(super) enum Stop {
    /// The build is over.
    Failed(BuildError),
    /// Cargo has to go on.
    AskCargo(CargoReason),
}

impl<'a> Work<'a> {
    pub(super) fn new(args: &'a BuildArgs, thin: Option<&'a ThinLinker>) -> Self {
        Self {
            args,
            thin,
            started: Instant::now(),
            since: SystemTime::now(),
            phases: Vec::new(),
            diagnostics: Vec::new(),
            endings: Vec::new(),
        }
    }

    /// Makes the record of a crate from what the program knows, once.
    pub(super) fn read(&mut self, known: &mut KnownCrate, commands: &Mutex<Commands>) {
        let is_known = lock(commands).knows(&self.args.manifest_dir);
        if known.is_read || known.record.is_some() || !is_known {
            return;
        }
        known.is_read = true;
        let reading = Instant::now();
        let made = match LocalPackages::around(self.args) {
            Ok(packages) => Record::of_program(lock(commands).all(), &packages, self.args),
            Err(BuildError::Cancelled) => {
                known.is_read = false;
                return;
            }
            // Cargo says it again, to someone who listens.
            Err(_) => Err(CargoReason::FirstBuild),
        };
        match made {
            Ok(record) => {
                known.linked_in = LinkedIn::of_program(&record);
                known.record = Some(record);
            }
            Err(reason) => {
                lock(commands).forget_program(&self.args.manifest_dir, &reason);
                known.no_record = Some(reason);
            }
        }
        self.phase("record", reading);
    }

    /// Builds as the record has it.
    pub(super) fn without_cargo(
        &mut self,
        known: &mut KnownCrate,
        places: &Mutex<Workplaces>,
    ) -> Result<Artifact, Stop> {
        let Some(record) = &mut known.record else {
            let reason = known.no_record.take();
            return Err(Stop::AskCargo(reason.unwrap_or(CargoReason::FirstBuild)));
        };
        let planned = Instant::now();
        let below = match record.plan(self.args) {
            Plan::Compile(below) => below,
            Plan::AskCargo(reason) => return Err(Stop::AskCargo(reason)),
        };
        self.phase("plan", planned);
        let place = lock(places).of(self.args, record).map_err(Stop::AskCargo)?;
        if !record.is_proven() && place.has_seen_work(record.hot_command()) {
            record.prove();
        }
        for unit in below {
            let compiled = self.compile(record, unit, &place, Wanted::Rlib, None)?;
            self.endings.push(compiled.ending);
        }
        match self.thin {
            Some(thin) => self.thin_library(thin, known, &place),
            None => {
                let compiled = self.compile_hot(known, &place, Wanted::Library)?;
                self.full_library(known, compiled, None)
            }
        }
    }

    /// Makes a thin library, or a full one where that cannot be.
    fn thin_library(
        &mut self,
        thin: &ThinLinker,
        known: &mut KnownCrate,
        place: &Workplace,
    ) -> Result<Artifact, Stop> {
        if let Some(reason) = thin.unavailable() {
            let compiled = self.compile_hot(known, place, Wanted::Library)?;
            return self.full_library(known, compiled, Some(reason));
        }
        let wanted = match known.failed_to_link {
            false => Wanted::Rlib,
            true => Wanted::Library,
        };
        let ready = thin.get_ready();
        let mut compiled = self.compile_hot(known, place, wanted)?;
        match self.link(thin, known, &compiled.rlib, ready) {
            Ok((library, changed_statics)) => {
                if wanted == Wanted::Library {
                    // Nobody needs what it still links.
                    compiled.ending.kill();
                }
                self.endings.push(compiled.ending);
                Ok(Artifact {
                    changed_statics,
                    mode: BuildMode::Thin,
                    ..self.artifact(known, library)?
                })
            }
            Err(None) => Err(Stop::Failed(BuildError::Cancelled)),
            Err(Some(reason)) => {
                if wanted == Wanted::Rlib {
                    // One run at a time in one place.
                    drop(compiled);
                    compiled = self.compile_hot(known, place, Wanted::Library)?;
                }
                self.full_library(known, compiled, Some(reason))
            }
        }
    }

    /// Waits for the library that the compiler links.
    fn full_library(
        &mut self,
        known: &mut KnownCrate,
        mut compiled: Compiled,
        fallback: Option<FallbackReason>,
    ) -> Result<Artifact, Stop> {
        let linking = Instant::now();
        let linked = compiled.ending.library(self.args, &mut self.diagnostics);
        let library = linked.map_err(|failure| self.stop(failure))?;
        self.phase("link", linking);
        self.endings.push(compiled.ending);
        let (library, is_new) =
            PrivateLibrary::keep(library, &mut known.full).map_err(Stop::AskCargo)?;
        Ok(Artifact {
            fresh: !is_new,
            fallback,
            ..self.artifact(known, library)?
        })
    }

    fn artifact(&mut self, known: &mut KnownCrate, library: PathBuf) -> Result<Artifact, Stop> {
        let is_linked_in = known.is_linked_in(&Objects::default());
        let inputs = known.record.as_ref().map(Record::inputs);
        let Some(Ok(inputs)) = inputs else {
            return Err(Stop::AskCargo(CargoReason::Compiler));
        };
        Ok(Artifact {
            is_private: true,
            is_linked_in,
            inputs,
            diagnostics: std::mem::take(&mut self.diagnostics),
            duration: self.started.elapsed(),
            phases: std::mem::take(&mut self.phases),
            ..Artifact::new(library)
        })
    }

    fn compile_hot(
        &mut self,
        known: &mut KnownCrate,
        place: &Workplace,
        wanted: Wanted,
    ) -> Result<Compiled, Stop> {
        let Some(record) = &mut known.record else {
            return Err(Stop::AskCargo(CargoReason::FirstBuild));
        };
        if wanted == Wanted::Library
            && let Some(argument) = record.hot_command().beside_itself()
        {
            let argument = argument.to_owned();
            return Err(Stop::AskCargo(CargoReason::RelativeSearchPath { argument }));
        }
        let waiting = known.waiting.take();
        let compiled = self.compile(record, record.hot_unit(), place, wanted, waiting)?;
        place.note(record.hot_command());
        Ok(compiled)
    }

    fn compile(
        &mut self,
        record: &mut Record,
        unit: usize,
        place: &Workplace,
        wanted: Wanted,
        waiting: Option<WaitingCompiler>,
    ) -> Result<Compiled, Stop> {
        let compiling = Instant::now();
        let since = SystemTime::now();
        let compilation = Compilation {
            args: self.args,
            command: record.command(unit),
            place,
            replaced: record.replaced(),
            wanted,
            is_proven: record.is_proven(),
        };
        let compiled = compilation.run(waiting, &mut self.diagnostics);
        let compiled = compiled.map_err(|failure| self.stop(failure))?;
        record
            .compiled(unit, &compiled.rlib, since)
            .map_err(|_| Stop::AskCargo(CargoReason::Compiler))?;
        self.phase("compile", compiling);
        Ok(compiled)
    }

    fn stop(&mut self, failure: CompileFailure) -> Stop {
        match failure {
            CompileFailure::Failed(error) => Stop::Failed(error),
            CompileFailure::AskCargo => {
                // It says what it has to say again.
                self.diagnostics.clear();
                Stop::AskCargo(CargoReason::Compiler)
            }
        }
    }

    /// Lets cargo build, and records how it does.
    pub(super) fn with_cargo(
        &mut self,
        known: &mut KnownCrate,
        commands: &Mutex<Commands>,
        reason: CargoReason,
    ) -> Result<Artifact, BuildError> {
        let asked = Instant::now();
        // Cargo may be asked because there is another compiler.
        known.waiting = None;
        self.phases.clear();
        let may_lock_anew =
            matches!(reason, CargoReason::Settings { .. }) || known.record.is_none();
        let packages = may_lock_anew.then(|| self.lock_packages()).transpose()?;
        let packages = packages.flatten();
        // What is written from here on may be read before it is written.
        self.since = SystemTime::now();
        let before = known.objects_linked_in();
        let recorder = Arc::new(Mutex::new(Recorder::default()));
        let build = run::build_recorded(self.args, repeat_program_recorded, recorder.clone());
        let (built, packages) = match packages {
            Some(packages) => (build.wait(), Ok(packages)),
            // Asked meanwhile, which takes some ten milliseconds of another core.
            None => thread::scope(|scope| {
                let packages = scope.spawn(|| LocalPackages::around(self.args));
                let built = build.wait();
                let abandoned = Err(BuildError::Abandoned { panic: None });
                (built, packages.join().unwrap_or(abandoned))
            }),
        };
        let mut artifact = built?;
        self.phase("cargo", asked);
        let recorder = std::mem::take(&mut *lock(&recorder));
        // The library that cargo made is there, and it works; so whatever fails now is a reason for it.
        let recording = Instant::now();
        lock(commands).record(recorder.commands, &self.args.program);
        known.record = None;
        let made = packages.and_then(|packages| {
            artifact.inputs = self.inputs_of(&artifact, &packages)?;
            Record::make(
                recorder.built,
                lock(commands).all(),
                &packages,
                self.args,
                self.since,
            )
        });
        let fallback = match made {
            Ok(Some(record)) => {
                known.record = Some(record);
                None
            }
            Ok(None) => Some(FallbackReason::NotRecorded {
                manifest_dir: self.args.manifest_dir.clone(),
            }),
            Err(error) => {
                let problem = error.to_string();
                known.no_record = Some(unreadable(error));
                Some(FallbackReason::InputUnreadable {
                    path: self.args.manifest_dir.clone(),
                    problem,
                })
            }
        };
        self.phase("record", recording);
        if let Some(thin) = self.thin {
            match self.link_what_cargo_made(thin, known, fallback) {
                Ok((library, changed_statics)) => {
                    artifact.library = library;
                    artifact.changed_statics = changed_statics;
                    artifact.mode = BuildMode::Thin;
                    artifact.is_private = true;
                }
                Err(None) => return Err(BuildError::Cancelled),
                Err(reason) => artifact.fallback = reason,
            }
        }
        artifact.is_linked_in = known.is_linked_in(&before);
        artifact.asked_cargo = Some(reason);
        artifact.duration = self.started.elapsed();
        artifact.phases = std::mem::take(&mut self.phases);
        Ok(artifact)
    }

    /// What cargo's build of the crate read, and what those of the local packages below it did.
    fn inputs_of(
        &self,
        artifact: &Artifact,
        packages: &LocalPackages,
    ) -> Result<Vec<PathBuf>, BuildError> {
        let mut files: BTreeSet<PathBuf> = artifact.inputs.iter().cloned().collect();
        let library = &artifact.library;
        let deps_dir = library
            .parent()
            .map(|folder| match folder.ends_with("deps") {
                true => folder.to_owned(),
                false => folder.join("deps"),
            });
        let below = packages
            .closure(&self.args.manifest_dir)
            .into_iter()
            .skip(1);
        for package in below {
            let linked = deps_dir
                .as_deref()
                .and_then(|deps_dir| LinkedCrate::of_package(package, deps_dir));
            if let Some(linked) = linked {
                files.extend(linked.inputs()?);
            }
        }
        Ok(files.into_iter().collect())
    }

    /// Has cargo write the lock file that the manifests ask for, and reports what is in it. So the build that follows
    /// reads it and does not write it, and whoever watches that file knows that this build is of its content.
    /// `None` if that fails: the build tells why.
    fn lock_packages(&self) -> Result<Option<LocalPackages>, BuildError> {
        let lock_file = LockFile::remember(&self.args.manifest_dir);
        let packages = match LocalPackages::around(self.args) {
            Ok(packages) => packages,
            Err(BuildError::Cancelled) => {
                // It may have been killed while it wrote.
                let put_back = lock_file.map_or(Ok(()), |lock_file| lock_file.put_back());
                return put_back
                    .map_err(|source| BuildError::Io {
                        path: self.args.manifest_dir.clone(),
                        source: Arc::new(source),
                    })
                    .and(Err(BuildError::Cancelled));
            }
            Err(_) => return Ok(None),
        };
        let path = packages.workspace_root.join("Cargo.lock");
        if let Ok(content) = std::fs::read(&path) {
            let report = BuildReport::LockFile { path, content };
            self.args.reporter.report(report);
        }
        Ok(Some(packages))
    }

    fn link_what_cargo_made(
        &mut self,
        thin: &ThinLinker,
        known: &mut KnownCrate,
        no_record: Option<FallbackReason>,
    ) -> Result<(PathBuf, Vec<ChangedStatic>), Option<FallbackReason>> {
        if let Some(reason) = thin.unavailable().or(no_record) {
            return Err(Some(reason));
        }
        let rlib = known.record.as_ref().map(Record::hot_rlib);
        let ready = crate::thin::Ready::default();
        self.link(thin, known, &rlib.unwrap_or_default(), ready)
    }

    /// Links the rlib's objects to a thin library; the reason is `None` if the build was cancelled.
    fn link(
        &mut self,
        thin: &ThinLinker,
        known: &mut KnownCrate,
        rlib: &Path,
        ready: crate::thin::Ready,
    ) -> Result<(PathBuf, Vec<ChangedStatic>), Option<FallbackReason>> {
        let Some(record) = &known.record else {
            return Err(Some(FallbackReason::NotRecorded {
                manifest_dir: self.args.manifest_dir.clone(),
            }));
        };
        known.libraries += 1;
        let linking = Instant::now();
        let linked = thin.link(self.args, record, rlib, known.libraries, ready);
        self.phase("link", linking);
        if self.args.cancel_build.is_cancelled() {
            return Err(None);
        }
        known.failed_to_link = linked.is_err();
        linked.map_err(Some)
    }

    fn phase(&mut self, name: &'static str, since: Instant) {
        self.phases.push(BuildPhase::new(name, since.elapsed()));
    }
}
