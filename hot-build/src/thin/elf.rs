//! Linux, on every [`Processor`](processor::Processor) that is known.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use super::{Given, lock};
use crate::replay::{Record, host_target};
use crate::{BuildArgs, ChangedStatic, FallbackReason};

use archives::Archives;
use host::HostImage;
use link::{Prepared, ThinLink};
use linker::{Linker, WaitingLinker};
use session::Session;
use statics::{BuiltLibrary, InitialValues, Renamed};

#[path = "archives.rs"]
mod archives;
#[cfg(test)]
#[path = "assembled.rs"]
mod assembled;
#[path = "host.rs"]
mod host;
#[path = "link.rs"]
mod link;
#[path = "linker.rs"]
mod linker;
#[path = "object_file.rs"]
mod object_file;
#[path = "processor.rs"]
mod processor;
#[cfg(test)]
#[path = "reasons.rs"]
mod reasons;
#[path = "resolve.rs"]
mod resolve;
#[path = "rewrite.rs"]
mod rewrite;
#[path = "session.rs"]
mod session;
#[path = "statics.rs"]
mod statics;
#[path = "stub.rs"]
mod stub;
#[path = "symbol_path.rs"]
mod symbol_path;

/// The running program, and what links against it.
#[derive(Debug)]
pub(super) struct System {
    host: HostImage,
    /// The directories of this process, by the directory that they are in.
    sessions: Mutex<HashMap<PathBuf, Session>>,
    /// What the last link in each directory left.
    prepared: Mutex<HashMap<PathBuf, Prepared>>,
    /// The archives that were indexed last, with their times.
    archives: Mutex<Option<(Vec<Version>, Arc<Archives>)>>,
    /// The libraries with variables of their own, the oldest first.
    libraries: Mutex<Vec<BuiltLibrary>>,
    /// Variables whose symbols are others than those of the variables whose places they took.
    renamed: Mutex<Renamed>,
    /// What the variables of the program and of libraries began with.
    initial_values: Mutex<KnownValues>,
    /// Linkers that could not link what another could.
    failing: Mutex<Vec<Linker>>,
    /// The linker that is likely to be asked next.
    next: Mutex<Option<Linker>>,
}

/// What was done for a link while its objects were still compiled.
#[derive(Debug, Default)]
pub(super) struct Ready {
    linker: Option<WaitingLinker>,
}

/// What variables began with.
#[derive(Debug, Default)]
struct KnownValues {
    known: InitialValues,
    /// The crates of the program that were looked into.
    read: HashSet<PathBuf>,
}

/// How many thin libraries were linked in this process.
static LIBRARIES: AtomicU64 = AtomicU64::new(0);

/// A file at a time.
type Version = (PathBuf, Option<SystemTime>);

impl System {
    pub(super) fn of_this_process() -> Result<Self, FallbackReason> {
        Ok(Self {
            host: HostImage::of_this_process()?,
            sessions: Mutex::default(),
            prepared: Mutex::default(),
            archives: Mutex::default(),
            libraries: Mutex::default(),
            renamed: Mutex::default(),
            initial_values: Mutex::default(),
            failing: Mutex::default(),
            next: Mutex::default(),
        })
    }

    /// The directory for what is built of a crate. It is this process's alone.
    pub(super) fn directory(
        &self,
        args: &BuildArgs,
        record: &Record,
    ) -> Result<PathBuf, FallbackReason> {
        let parent = record.out_dir().join("hot-thin");
        let mut sessions = lock(&self.sessions);
        let session = match sessions.get(&parent) {
            Some(session) => session,
            None => {
                let session = Session::begin(&parent)?;
                sessions.entry(parent).or_insert(session)
            }
        };
        let name: String = args
            .manifest_dir
            .to_string_lossy()
            .chars()
            .map(|letter| {
                if letter.is_alphanumeric() {
                    letter
                } else {
                    '_'
                }
            })
            .collect();
        let directory = session.directory.join(name);
        match std::fs::create_dir_all(&directory) {
            Ok(()) => Ok(directory),
            Err(error) => Err(FallbackReason::OutputUnwritable {
                path: directory,
                problem: error.to_string(),
            }),
        }
    }

    /// Does what can be done before there is anything to link.
    pub(super) fn prepare(&self, args: &BuildArgs, record: &Record) -> Result<(), FallbackReason> {
        self.directory(args, record)?;
        let target = host_target(&record.sysroot).unwrap_or_default();
        *lock(&self.next) = self.linkers(record, &target)?.into_iter().next();
        self.archives(record.rlibs())?;
        self.know_initial_values(record)
    }

    /// Reads what the variables of the program began with from the crate that it was linked from, once.
    fn know_initial_values(&self, record: &Record) -> Result<(), FallbackReason> {
        let rlib = record.hot_rlib();
        let mut initial_values = lock(&self.initial_values);
        if initial_values.read.contains(&rlib) {
            return Ok(());
        }
        let written = std::fs::metadata(&rlib).and_then(|metadata| metadata.modified());
        // Later code is not the program's, and what that began with is not known then.
        if written.is_ok_and(|written| written <= self.host.built) {
            let of_program = link::initial_values(&rlib)?;
            initial_values.known.extend(of_program);
        }
        initial_values.read.insert(rlib);
        Ok(())
    }

    /// Does what can be done while there is nothing to link yet, but soon will be.
    pub(super) fn get_ready(&self) -> Ready {
        let linker = lock(&self.next).clone();
        Ready {
            linker: linker.and_then(|linker| linker.start_early()),
        }
    }

    /// Links the objects in `rlib` to the thin library of that number.
    pub(super) fn link(
        &self,
        args: &BuildArgs,
        record: &Record,
        rlib: &Path,
        number: u32,
        ready: Ready,
        given: Given<'_>,
    ) -> Result<(PathBuf, Vec<ChangedStatic>), FallbackReason> {
        let target = host_target(&record.sysroot).unwrap_or_default();
        let linkers = self.linkers(record, &target)?;
        let changed = record.compiled_after(self.host.built);
        if let Some(path) = changed.iter().find(|rlib| is_abi(rlib)) {
            return Err(FallbackReason::AbiChanged { path: path.clone() });
        }
        // Those that did not change are indexed once, however often others do.
        let mut unchanged = record.rlibs();
        unchanged.retain(|rlib| !changed.contains(rlib));
        let archives = self.archives(unchanged)?;
        let changed = Archives::index(&changed)?;
        let stem = rlib.file_stem().unwrap_or_default().to_string_lossy();
        let directory = self.directory(args, record)?;
        let mut prepared = lock(&self.prepared).remove(&directory).unwrap_or_default();
        // Without them all can be linked, and it is only not told what was edited.
        let _ = self.know_initial_values(record);
        let mark = LIBRARIES.fetch_add(1, Ordering::Relaxed).to_string();
        // Links wait for each other, so that a variable that several crates share is brought by one of them.
        let mut libraries = lock(&self.libraries);
        let mut renamed = lock(&self.renamed);
        let mut initial_values = lock(&self.initial_values);
        let thin = ThinLink {
            rlib,
            changed: &changed,
            archives: &archives,
            host: &self.host,
            libraries: &libraries,
            renamed: &renamed,
            initial_values: &initial_values.known,
            types: given.types,
            personality: given.personality,
            mark: &mark,
            linkers: &linkers,
            directory: &directory,
        };
        let name = format!("{stem}-{number}.so");
        let linked = thin.link(&name, &mut prepared, ready.linker, &args.cancel_build);
        lock(&self.prepared).insert(directory, prepared);
        let linked = linked?;
        *lock(&self.next) = linkers.get(linked.failing.len()).cloned();
        lock(&self.failing).extend(linked.failing);
        libraries.extend(linked.brought);
        renamed.extend(linked.renamed);
        initial_values.known.extend(linked.initial_values);
        Ok((linked.library, linked.changed))
    }

    /// The linkers to try, in this order.
    fn linkers(&self, record: &Record, target: &str) -> Result<Vec<Linker>, FallbackReason> {
        let mut linkers = Linker::all(record.hot_command(), &record.sysroot, target)?;
        let failing = lock(&self.failing);
        // Those that failed where another did not come last.
        linkers.sort_by_key(|linker| failing.contains(linker));
        Ok(linkers)
    }

    fn archives(&self, rlibs: Vec<PathBuf>) -> Result<Arc<Archives>, FallbackReason> {
        let versions: Vec<Version> = rlibs
            .iter()
            .map(|rlib| {
                let written = std::fs::metadata(rlib).and_then(|metadata| metadata.modified());
                (rlib.clone(), written.ok())
            })
            .collect();
        let mut known = lock(&self.archives);
        if let Some((indexed, archives)) = &*known
            && *indexed == versions
        {
            return Ok(archives.clone());
        }
        let archives = Arc::new(Archives::index(&rlibs)?);
        *known = Some((versions, archives.clone()));
        Ok(archives)
    }
}

/// Whether it is the crate whose types are on both sides of every call between program and library. Its
/// statics are the program's, which no other code than the program's must touch.
fn is_abi(rlib: &Path) -> bool {
    let stem = rlib.file_stem().and_then(|stem| stem.to_str());
    stem.is_some_and(|stem| stem == "libhot_abi" || stem.starts_with("libhot_abi-"))
}
