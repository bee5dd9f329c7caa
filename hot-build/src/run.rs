//! Runs a cargo command until the hot crate's library is there.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anstream::adapter::strip_str;
use cargo_metadata::{CrateType, Message, PackageId, TargetKind};

use crate::child::{Child, ChildEvent, Pipe};
use crate::lock_file::LockFile;
use crate::replay::Recorder;
use crate::{
    Artifact, Build, BuildArgs, BuildError, BuildHandle, BuildReport, Diagnostic, inputs, messages,
};

/// Runs the command that `make_command` makes, on the build's own thread, until it reported the
/// library of the crate that `args` name.
///
/// The build is done at that moment. What the command still has to do is not waited for, but it
/// gets [`GRACE`] before it is killed.
pub(crate) fn build(
    args: &BuildArgs,
    make_command: impl FnOnce(&BuildArgs) -> Result<Command, BuildError> + Send + 'static,
) -> Build {
    build_observed(args, make_command, None)
}

/// The same, with everything that cargo tells of how it builds going into `recorder` as well.
pub(crate) fn build_recorded(
    args: &BuildArgs,
    make_command: impl FnOnce(&BuildArgs) -> Result<Command, BuildError> + Send + 'static,
    recorder: Arc<Mutex<Recorder>>,
) -> Build {
    build_observed(args, make_command, Some(recorder))
}

fn build_observed(
    args: &BuildArgs,
    make_command: impl FnOnce(&BuildArgs) -> Result<Command, BuildError> + Send + 'static,
    recorder: Option<Arc<Mutex<Recorder>>>,
) -> Build {
    Build::spawn_with_handle(args, |args, handle| match make_command(args) {
        Ok(command) => run(args, command, recorder, handle),
        Err(error) => handle.finish(Err(error)),
    })
}

/// The command line, quoted for a shell.
pub(crate) fn command_line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    shell_words::join(words.map(|word| word.to_string_lossy()))
}

/// The error of a command that did not start.
pub(crate) fn spawn_error(program: &Path, command: String, source: io::Error) -> BuildError {
    let is_cargo = program.file_stem().is_some_and(|stem| stem == "cargo");
    let source = Arc::new(source);
    // The same error comes from a working directory that is not there, which is not cargo's fault.
    if is_cargo && source.kind() == io::ErrorKind::NotFound && !program.is_file() {
        BuildError::CargoMissing {
            cargo: program.to_owned(),
            source,
        }
    } else {
        BuildError::Spawn { command, source }
    }
}

/// For how long cargo may go on after it reported the library. It records that the crate is up to
/// date at the same time as it says so, in another thread; killed too soon, it would compile the
/// crate once more in the next build. Measured, it is a third of a millisecond.
const GRACE: Duration = Duration::from_millis(300);

/// For how long cargo may take to exit when it said that it is finished.
const EXIT_GRACE: Duration = Duration::from_secs(10);

/// How many lines of stderr are kept for the error of a command that fails.
const STDERR_LINES: usize = 500;

fn run(
    args: &BuildArgs,
    command: Command,
    recorder: Option<Arc<Mutex<Recorder>>>,
    handle: &mut BuildHandle,
) {
    let started = Instant::now();
    if args.cancel_build.is_cancelled() {
        return handle.finish(Err(BuildError::Cancelled));
    }
    let line = command_line(&command);
    let program = PathBuf::from(command.get_program());
    let target = target_argument(&command);
    args.reporter.report(BuildReport::Started {
        command: line.clone(),
    });
    let lock_file = LockFile::remember(&args.manifest_dir);
    let mut child = match Child::spawn(command) {
        Ok(child) => child,
        Err(source) => return handle.finish(Err(spawn_error(&program, line, source))),
    };
    let killer = child.killer();
    // Killed at once, on the thread that cancels: that may be the program's last act.
    let watch = args.cancel_build.on_cancel(move || killer.kill());

    let mut output = Output::new(args, line, target, started, recorder);
    while let Some(event) = child.next_event() {
        match output.take(event) {
            Ok(None) => {}
            Ok(Some(artifact)) => {
                drop(watch);
                let fresh = artifact.fresh;
                handle.finish(Ok(artifact));
                return settle(child, fresh);
            }
            Err(error) => return handle.finish(Err(error)),
        }
    }
    let result = if args.cancel_build.is_cancelled() {
        // Its first message comes after it wrote the lock file.
        let resolved = output.understood_messages;
        match lock_file
            .filter(|_| !resolved)
            .map(|lock_file| lock_file.put_back())
        {
            Some(Err(source)) => Err(output.io_error(source)),
            _ => Err(BuildError::Cancelled),
        }
    } else {
        Err(output.without_artifact())
    };
    handle.finish(result);
}

/// Gives a child that did its work a moment to end by itself, then kills it.
fn settle(mut child: Child, fresh: bool) {
    let mut deadline = Instant::now() + GRACE;
    let left = |deadline: Instant| deadline.saturating_duration_since(Instant::now());
    // Nothing is to be recorded about a crate that was up to date before.
    if !fresh {
        while let Some(event) = child.next_event_within(left(deadline)) {
            match event {
                ChildEvent::Exited(_) => break,
                ChildEvent::Line(Pipe::Stdout, line) => {
                    if let Some(Message::BuildFinished(_)) = messages::parse_message(&line) {
                        deadline = Instant::now() + EXIT_GRACE;
                    }
                }
                ChildEvent::Line(Pipe::Stderr, _) | ChildEvent::PipeEnd(..) => {}
            }
        }
    }
    child.killer().kill();
    while child.next_event().is_some() {}
}

/// What a command wrote so far.
struct Output<'a> {
    args: &'a BuildArgs,
    command: String,
    /// The `--target` that cargo was told: a triple, or the name of a target file.
    target: Option<OsString>,
    started: Instant,
    manifest_dir: PathBuf,
    targets_done: usize,
    diagnostics: Vec<Diagnostic>,
    /// Where the build scripts of all packages put their files.
    out_dirs: Vec<(PackageId, PathBuf)>,
    /// The crate types of the hot crate's library, if it was built without a dynamic one.
    other_crate_types: Option<Vec<String>>,
    understood_messages: bool,
    first_foreign_line: Option<String>,
    stderr: VecDeque<String>,
    status: Option<ExitStatus>,
    recorder: Option<Arc<Mutex<Recorder>>>,
}

impl<'a> Output<'a> {
    fn new(
        args: &'a BuildArgs,
        command: String,
        target: Option<OsString>,
        started: Instant,
        recorder: Option<Arc<Mutex<Recorder>>>,
    ) -> Self {
        Self {
            args,
            command,
            target,
            started,
            manifest_dir: canonical(&args.manifest_dir),
            targets_done: 0,
            diagnostics: Vec::new(),
            out_dirs: Vec::new(),
            other_crate_types: None,
            understood_messages: false,
            first_foreign_line: None,
            stderr: VecDeque::new(),
            status: None,
            recorder,
        }
    }

    /// Takes in what the child did; the artifact if that was it.
    fn take(&mut self, event: ChildEvent) -> Result<Option<Artifact>, BuildError> {
        match event {
            ChildEvent::Line(Pipe::Stdout, line) => match messages::parse_message(&line) {
                Some(message) => {
                    self.understood_messages = true;
                    return self.message(message);
                }
                None => {
                    if self.first_foreign_line.is_none() && !line.trim().is_empty() {
                        self.first_foreign_line = Some(line.clone());
                    }
                    self.args.reporter.report(BuildReport::Line(line));
                }
            },
            ChildEvent::Line(Pipe::Stderr, line) => {
                if self.record(|recorder| recorder.take_line(&strip_str(&line).to_string())) {
                    return Ok(None);
                }
                self.args.reporter.report(messages::status_line(&line));
                if self.stderr.len() == STDERR_LINES {
                    self.stderr.pop_front();
                }
                self.stderr.push_back(line);
            }
            ChildEvent::PipeEnd(_, end) => end.map_err(|source| self.io_error(source))?,
            ChildEvent::Exited(status) => {
                self.status = Some(status.map_err(|source| self.io_error(source))?);
            }
        }
        Ok(None)
    }

    fn message(&mut self, message: Message) -> Result<Option<Artifact>, BuildError> {
        match message {
            Message::CompilerArtifact(artifact) => self.artifact(artifact),
            Message::CompilerMessage(message) => {
                if let Some(diagnostic) = messages::diagnostic(message) {
                    self.args
                        .reporter
                        .report(BuildReport::Diagnostic(diagnostic.clone()));
                    self.diagnostics.push(diagnostic);
                }
                Ok(None)
            }
            Message::BuildScriptExecuted(script) => {
                self.out_dirs
                    .push((script.package_id, script.out_dir.into_std_path_buf()));
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    fn artifact(
        &mut self,
        artifact: cargo_metadata::Artifact,
    ) -> Result<Option<Artifact>, BuildError> {
        self.record(|recorder| {
            recorder.take_artifact(&artifact);
            true
        });
        self.targets_done += 1;
        self.args.reporter.report(BuildReport::Compiled {
            target: artifact.target.name.clone(),
            fresh: artifact.fresh,
            done: self.targets_done,
        });
        if !self.is_hot_library(&artifact) {
            return Ok(None);
        }
        let library = artifact
            .filenames
            .iter()
            .find(|file| is_dynamic_library(file.as_std_path()));
        let is_cdylib = artifact.target.crate_types.contains(&CrateType::CDyLib);
        let (Some(library), true) = (library, is_cdylib) else {
            let types = artifact.target.crate_types.iter().map(ToString::to_string);
            self.other_crate_types = Some(types.collect());
            return Ok(None);
        };
        let library = library.as_std_path().to_owned();
        Ok(Some(Artifact {
            inputs: self.inputs(&artifact, &library)?,
            fresh: artifact.fresh,
            diagnostics: std::mem::take(&mut self.diagnostics),
            duration: self.started.elapsed(),
            ..Artifact::new(library)
        }))
    }

    /// Is it the library target of the hot crate, and not a binary, an example or the build script
    /// of its package, nor the library as it is built for build scripts when cross-compiling?
    fn is_hot_library(&self, artifact: &cargo_metadata::Artifact) -> bool {
        const OTHERS: [TargetKind; 5] = [
            TargetKind::Bin,
            TargetKind::Example,
            TargetKind::Test,
            TargetKind::Bench,
            TargetKind::CustomBuild,
        ];
        let manifest_dir = artifact
            .manifest_path
            .parent()
            .map(|dir| canonical(dir.as_std_path()));
        manifest_dir.as_ref() == Some(&self.manifest_dir)
            && !artifact.profile.test
            && !artifact
                .target
                .kind
                .iter()
                .any(|kind| OTHERS.contains(kind))
            && self.is_for_the_target(artifact)
    }

    /// With `--target`, cargo puts what is for the target below a directory named after it.
    fn is_for_the_target(&self, artifact: &cargo_metadata::Artifact) -> bool {
        let Some(target) = &self.target else {
            return true;
        };
        let is_below = |file: &Path| file.iter().any(|directory| directory == target);
        artifact
            .filenames
            .iter()
            .any(|file| is_below(file.as_std_path()))
    }

    fn inputs(
        &self,
        artifact: &cargo_metadata::Artifact,
        library: &Path,
    ) -> Result<Vec<PathBuf>, BuildError> {
        let source = artifact.target.src_path.as_std_path();
        let mut inputs = inputs::dep_info(library, &artifact.target.name, source)?;
        for (package, out_dir) in &self.out_dirs {
            if *package == artifact.package_id {
                inputs.extend(inputs::build_script(out_dir, &self.manifest_dir)?);
            }
        }
        Ok(inputs.into_iter().collect())
    }

    /// Why there is no artifact, now that the command is done.
    fn without_artifact(self) -> BuildError {
        let Some(status) = self.status else {
            let source = Arc::new(io::Error::other("it is gone without an exit status"));
            return BuildError::CommandIo {
                command: self.command,
                source,
            };
        };
        if !status.success() {
            return BuildError::Command {
                command: self.command,
                status,
                message: explanation(self.stderr),
                diagnostics: self.diagnostics,
            };
        }
        let manifest_dir = self.args.manifest_dir.clone();
        match self.other_crate_types {
            Some(crate_types) => BuildError::NotCdylib {
                manifest_dir,
                crate_types,
            },
            None if self.understood_messages => BuildError::NotBuilt {
                manifest_dir,
                command: self.command,
            },
            None => BuildError::UnknownFormat {
                command: self.command,
                line: self.first_foreign_line,
            },
        }
    }

    /// Lets the recorder listen, if there is one.
    fn record(&self, listen: impl FnOnce(&mut Recorder) -> bool) -> bool {
        self.recorder.as_ref().is_some_and(|recorder| {
            listen(&mut recorder.lock().unwrap_or_else(PoisonError::into_inner))
        })
    }

    fn io_error(&self, source: io::Error) -> BuildError {
        BuildError::CommandIo {
            command: self.command.clone(),
            source: Arc::new(source),
        }
    }
}

/// What of cargo's error output explains a failure: all from the first error on, or everything
/// when nothing is called one.
fn explanation(stderr: VecDeque<String>) -> String {
    let lines: Vec<String> = stderr
        .iter()
        .map(|line| strip_str(line).to_string())
        .collect();
    let first = lines
        .iter()
        .position(|line| line.starts_with("error"))
        .unwrap_or(0);
    lines[first..].join("\n")
}

/// Whether it is the file of a dynamic library, by its name.
pub(crate) fn is_dynamic_library(file: &Path) -> bool {
    file.extension()
        .is_some_and(|extension| extension == "so" || extension == "dylib" || extension == "dll")
}

fn target_argument(command: &Command) -> Option<OsString> {
    let words: Vec<&str> = command
        .get_args()
        .map(|word| word.to_str().unwrap_or_default())
        .collect();
    let value = words
        .iter()
        .enumerate()
        .find_map(|(index, word)| match *word {
            "--target" => words.get(index + 1).copied(),
            word => word.strip_prefix("--target="),
        })?;
    Path::new(value)
        .file_name()
        .map(|name| match Path::new(name).extension() {
            Some(extension) if extension == "json" => Path::new(name).with_extension("").into(),
            _ => name.to_owned(),
        })
}

fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
