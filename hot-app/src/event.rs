//! What happens, as plain data: one event for every outcome.

use crate::codes::Tag;
use crate::crate_id::CrateId;
use crate::file_name::short;
use crate::problem::Problem;
use hot_abi::boundary::Caught;
use hot_abi::policy::Aftermath;
use hot_build::{
    BuildError, BuildMode, BuildReport, CargoReason, ChangedStatic, Diagnostic, FallbackReason,
};
use hot_load::{
    Applied, LayoutChange, LoadError, Migrated, MigrationError, PatchReport, SignatureChange,
    StateReport, StaticMismatch, Work,
};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// A part of what happened between a save and the new code being live: its name, and how long it took.
pub use hot_build::BuildPhase as Phase;

/// Something that happened to a hot crate, or to the watching of it.
///
/// `Display` tells it in a sentence; [`name`](Event::name) is a word that stays the same.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The content of all sources is known: from now on every save is seen.
    Watching {
        /// The hot crates of the program.
        crates: Vec<CrateId>,
    },
    /// The system's file events are not to be had, and the files are looked at regularly instead.
    Polling {
        /// How often.
        interval: Duration,
    },
    /// A folder that was missing is back, and is watched again.
    RootReturned {
        /// The folder.
        root: PathBuf,
    },
    /// Sources of a crate changed in content.
    ChangeSeen {
        /// The crate.
        krate: CrateId,
        /// The files.
        paths: Vec<PathBuf>,
        /// Where the time went since the system reported the first of them: "settle", in which a writer
        /// may still be at it, and "hash". Empty for a change that was found without a report.
        phases: Vec<Phase>,
    },
    /// A build was started.
    BuildStarted {
        /// The crate.
        krate: CrateId,
    },
    /// A running build has something to tell.
    Progress {
        /// The crate.
        krate: CrateId,
        /// What.
        report: BuildReport,
    },
    /// A build made a library.
    Built {
        /// The crate.
        krate: CrateId,
        /// How long it took.
        duration: Duration,
        /// The compiler's warnings.
        warnings: Vec<Diagnostic>,
        /// How the library was linked.
        mode: BuildMode,
        /// Why it is not thin, where it could have been.
        fallback: Option<FallbackReason>,
        /// The statics of a thin library that do not go on as their source has them: those that begin anew, and
        /// those that keep their values though their initial values changed.
        changed_statics: Vec<ChangedStatic>,
        /// Why cargo was asked, which takes longer than the compiler alone.
        asked_cargo: Option<CargoReason>,
        /// Where the time went.
        phases: Vec<Phase>,
    },
    /// A build found that the crate's library is the one that is already loaded.
    Unchanged {
        /// The crate.
        krate: CrateId,
        /// How long it took to find out.
        duration: Duration,
    },
    /// A build failed. The old code runs on.
    BuildFailed {
        /// The crate.
        krate: CrateId,
        /// Why, with everything that the compiler said.
        error: BuildError,
    },
    /// A build was cancelled, by a request or because its source changed meanwhile.
    Cancelled {
        /// The crate.
        krate: CrateId,
        /// Whether another build follows, at once or when its source is no longer being written.
        superseded: bool,
    },
    /// A library was loaded and initialised. Its code is not live yet.
    Loaded {
        /// The crate.
        krate: CrateId,
        /// The number of the generation.
        generation: u32,
        /// What became of its statics.
        statics: PatchReport,
        /// Where the time went: "copy", "fingerprint", "allocator", "open", "init", and "layouts" for what
        /// the comparison of layouts, which is made meanwhile, took longer than these.
        phases: Vec<Phase>,
    },
    /// A library was not loaded. The old code runs on.
    Refused {
        /// The crate.
        krate: CrateId,
        /// Why.
        error: LoadError,
    },
    /// A generation that is in memory is wanted again: the sources are what they were for it, or the
    /// program asked for it. Nothing is built.
    Recalled {
        /// The crate.
        krate: CrateId,
        /// The number of the generation; 0 is the code linked into the program.
        generation: u32,
        /// Whether it is live, and simply stays so: a mistake was mended before it was built.
        is_live: bool,
    },
    /// The sources are those of a generation that was rolled back. It does not go live for that; the program can
    /// [switch](crate::Service::switch_to) to it all the same.
    NotRecalled {
        /// The crate.
        krate: CrateId,
        /// The number of the generation.
        generation: u32,
        /// The generation that stays live.
        live: u32,
        /// What panicked in it, and with which message.
        reason: String,
    },
    /// A generation is live: the next call runs its code.
    Applied {
        /// The crate.
        krate: CrateId,
        /// The number of the generation.
        generation: u32,
        /// What became of each of its items.
        items: Applied,
        /// The files whose content is not the one that the code had that was live before, sorted. Empty where
        /// that is not known.
        changed: Vec<PathBuf>,
        /// How long the program's thread was held up at its safe point.
        duration: Duration,
        /// From the system's report of the change to the code being live; `None` for a build that was asked
        /// for.
        since_change: Option<Duration>,
    },
    /// A generation could not go live, for a value that the program holds could not migrate to it. The
    /// old code and the old value stay.
    NotApplied {
        /// The crate.
        krate: CrateId,
        /// The number of the generation.
        generation: u32,
        /// Why.
        error: MigrationError,
    },
    /// A generation panicked among its first calls and was left: the last good one is live again, for all calls.
    RolledBack {
        /// The crate.
        krate: CrateId,
        /// The generation that panicked.
        from: u32,
        /// The one that is live again; 0 is the code linked into the program.
        to: u32,
        /// What panicked, and with which message.
        reason: String,
        /// What became of each item.
        items: Applied,
        /// How long the program's thread was held up at its safe point.
        duration: Duration,
    },
    /// New code panicked, and the thread waits for other code to make the call again, as the program wants it.
    WaitingForBuild {
        /// The crate.
        krate: CrateId,
        /// The function or node that was called.
        item: &'static str,
        /// The generation that panicked.
        generation: u32,
        /// The panic's message.
        message: String,
        /// Whether it is the thread that makes new code live, and with it perhaps draws the window.
        is_safe_point: bool,
    },
    /// New code panicked, and its thread does not wait for other code, or no longer, though the program wants it
    /// to: it would wait for ever. What follows is what [`RollBack`](crate::PanicPolicy::RollBack) says.
    NotWaiting {
        /// The crate.
        krate: CrateId,
        /// The function or node that was called.
        item: &'static str,
        /// The generation that panicked.
        generation: u32,
        /// Why it would wait for ever.
        why: NotWaiting,
    },
    /// New code is ready, and has not gone live for a while: a value that the program holds for its hot code (a
    /// `Held`) was locked each time, or all the time. It goes live as soon as none is; nothing else has to be done.
    HeldBack {
        /// The crate.
        krate: CrateId,
        /// The generation that is ready.
        generation: u32,
        /// For how long.
        waited: Duration,
    },
    /// Work that went on after its deadline has ended. What is still going on is in the
    /// [status](crate::HotStatus::overdue).
    EndedLate {
        /// The crate.
        krate: CrateId,
        /// The number of the generation that it was for.
        generation: u32,
        /// What it was.
        work: Work,
        /// How long it took.
        took: Duration,
        /// Why it failed; `None` if it went well.
        failed: Option<String>,
    },
    /// The state of a node was carried over to its new instance.
    StateCarried {
        /// The crate.
        krate: CrateId,
        /// The node.
        node: &'static str,
        /// What became of each value.
        report: StateReport,
    },
    /// A node was made, by the newest code that has it.
    NodeMade {
        /// The crate.
        krate: CrateId,
        /// The node.
        node: &'static str,
        /// The generation that made it; 0 is the code linked into the program.
        generation: u32,
    },
    /// A node is answered by the code linked into the program though newer code is live.
    Fallback {
        /// The crate.
        krate: CrateId,
        /// The node.
        node: &'static str,
        /// Why, in a sentence.
        reason: String,
        /// The code of that reason.
        code: Option<&'static str>,
    },
    /// New code panicked, which was contained at the edge of its library.
    Panicked {
        /// The crate.
        krate: CrateId,
        /// The function or node that was called, or the hook or type whose code ran.
        item: &'static str,
        /// The generation that panicked.
        generation: u32,
        /// Whether it was among the first calls of its generation.
        in_probation: bool,
        /// What became of the call; `None` if the program ends, as it wants to.
        aftermath: Option<Aftermath>,
        /// The panic's message.
        message: String,
        /// File, line and column.
        location: Option<String>,
        /// The backtrace.
        backtrace: Option<String>,
    },
    /// Something that is tied to no build went wrong.
    Problem {
        /// What.
        problem: Problem,
    },
}

/// Why a thread whose call panicked does not wait for other code, or no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotWaiting {
    /// It has a value locked that the program holds (a `Held`) for its hot code, and as long as it has, no
    /// other code can go live.
    HoldsValue,
    /// Another thread has such a value locked, and may wait for this one.
    Busy,
    /// New code is ready, and did not go live.
    NotLive {
        /// For how long it was ready.
        after: Duration,
    },
}

impl fmt::Display for NotWaiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotWaiting::HoldsValue => f.write_str(
                "it has a value locked that the program holds, and no other code can go live before it is unlocked",
            ),
            NotWaiting::Busy => f.write_str(
                "another thread has a value locked that the program holds, so new code cannot go live",
            ),
            NotWaiting::NotLive { after } => write!(
                f,
                "new code was ready for {after:?} and did not go live; the thread that calls `update` may be waiting \
                 for this one, a `Hold` may keep new code back, or a held value may stay locked"
            ),
        }
    }
}

impl Event {
    /// The event in one word, which does not change between versions.
    pub fn name(&self) -> &'static str {
        match self {
            Event::Watching { .. } => "watching",
            Event::Polling { .. } => "polling",
            Event::RootReturned { .. } => "root-returned",
            Event::ChangeSeen { .. } => "change-seen",
            Event::BuildStarted { .. } => "build-started",
            Event::Progress { .. } => "progress",
            Event::Built { .. } => "built",
            Event::Unchanged { .. } => "unchanged",
            Event::BuildFailed { .. } => "build-failed",
            Event::Cancelled { .. } => "cancelled",
            Event::Loaded { .. } => "loaded",
            Event::Refused { .. } => "refused",
            Event::Recalled { .. } => "recalled",
            Event::NotRecalled { .. } => "not-recalled",
            Event::Applied { .. } => "applied",
            Event::NotApplied { .. } => "not-applied",
            Event::RolledBack { .. } => "rolled-back",
            Event::WaitingForBuild { .. } => "waiting-for-build",
            Event::NotWaiting { .. } => "not-waiting",
            Event::HeldBack { .. } => "held-back",
            Event::EndedLate { .. } => "ended-late",
            Event::StateCarried { .. } => "state-carried",
            Event::NodeMade { .. } => "node-made",
            Event::Fallback { .. } => "fallback",
            Event::Panicked { .. } => "panicked",
            Event::Problem { .. } => "problem",
        }
    }

    /// The crate it happened to, if it is tied to one.
    pub fn krate(&self) -> Option<&CrateId> {
        match self {
            Event::ChangeSeen { krate, .. }
            | Event::BuildStarted { krate }
            | Event::Progress { krate, .. }
            | Event::Built { krate, .. }
            | Event::Unchanged { krate, .. }
            | Event::BuildFailed { krate, .. }
            | Event::Cancelled { krate, .. }
            | Event::Loaded { krate, .. }
            | Event::Refused { krate, .. }
            | Event::Recalled { krate, .. }
            | Event::NotRecalled { krate, .. }
            | Event::Applied { krate, .. }
            | Event::NotApplied { krate, .. }
            | Event::RolledBack { krate, .. }
            | Event::WaitingForBuild { krate, .. }
            | Event::NotWaiting { krate, .. }
            | Event::HeldBack { krate, .. }
            | Event::Panicked { krate, .. }
            | Event::EndedLate { krate, .. }
            | Event::StateCarried { krate, .. }
            | Event::NodeMade { krate, .. }
            | Event::Fallback { krate, .. } => Some(krate),
            Event::Watching { .. }
            | Event::Polling { .. }
            | Event::RootReturned { .. }
            | Event::Problem { .. } => None,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Watching { crates } => {
                let names: Vec<_> = crates.iter().map(CrateId::name).collect();
                write!(f, "watching {}", names.join(", "))
            }
            Event::Polling { interval } => write!(
                f,
                "the files are looked at every {}, for want of the system's events",
                Millis(*interval)
            ),
            Event::RootReturned { root } => {
                write!(f, "{} is back, and watched again", root.display())
            }
            Event::ChangeSeen { krate, paths, .. } => match paths.as_slice() {
                [path] => write!(f, "{krate}: {} changed", path.display()),
                paths => write!(f, "{krate}: {} files changed", paths.len()),
            },
            Event::BuildStarted { krate } => write!(f, "{krate}: building"),
            Event::Progress { krate, report } => match report {
                BuildReport::Started { command } => write!(f, "{krate}: running {command}"),
                BuildReport::Blocked { waiting_for } => {
                    write!(f, "{krate}: waiting for {waiting_for}")
                }
                BuildReport::LockFile { path, .. } => {
                    write!(f, "{krate}: building by {}", path.display())
                }
                BuildReport::Compiling { package } => write!(f, "{krate}: compiling {package}"),
                BuildReport::Compiled { target, .. } => write!(f, "{krate}: compiled {target}"),
                BuildReport::Diagnostic(diagnostic) => write!(f, "{krate}: {}", diagnostic.message),
                BuildReport::Line(line) => write!(f, "{krate}: {line}"),
                other => write!(f, "{krate}: {other:?}"),
            },
            Event::Built {
                krate,
                duration,
                warnings,
                mode,
                fallback,
                changed_statics,
                asked_cargo,
                ..
            } => {
                write!(f, "{krate}: built in {} ({mode}", Millis(*duration))?;
                match fallback {
                    Some(reason) => write!(f, ", because {reason}{})", Tag(Some(reason.code())))?,
                    None => f.write_str(")")?,
                }
                if let Some(reason) = asked_cargo {
                    write!(f, "; cargo was asked, because {reason}")?;
                }
                match warnings.len() {
                    0 => Ok(()),
                    1 => f.write_str(", with 1 warning"),
                    count => write!(f, ", with {count} warnings"),
                }?;
                for changed in changed_statics {
                    let code = changed.begins_anew().then_some(StaticMismatch::CODE);
                    write!(f, "; {changed}{}", Tag(code))?;
                }
                Ok(())
            }
            Event::Unchanged { krate, duration } => {
                write!(
                    f,
                    "{krate}: nothing that runs has changed ({})",
                    Millis(*duration)
                )
            }
            Event::BuildFailed { krate, error } => {
                write!(f, "{krate}: the build failed{}: {error}", Tag(error.code()))
            }
            Event::Cancelled {
                krate,
                superseded: true,
            } => {
                write!(
                    f,
                    "{krate}: build cancelled, for its source changed meanwhile"
                )
            }
            Event::Cancelled {
                krate,
                superseded: false,
            } => write!(f, "{krate}: build cancelled"),
            Event::Loaded {
                krate,
                generation,
                statics,
                ..
            } => {
                write!(f, "{krate}: generation {generation} is loaded")?;
                for key in &statics.new {
                    write!(f, "; static `{key}` is new and exists in the new code only")?;
                }
                for mismatch in &statics.mismatched {
                    write!(f, "; {mismatch}{}", Tag(Some(StaticMismatch::CODE)))?;
                }
                Ok(())
            }
            Event::Refused { krate, error } => {
                let code = Tag(Some(error.code()));
                write!(f, "{krate}: the new library was refused{code}: {error}")
            }
            Event::Applied {
                krate,
                generation,
                items,
                since_change,
                changed,
                ..
            } => {
                write!(f, "{krate}: {} is live", Code(*generation))?;
                if let Some(time) = since_change {
                    write!(f, ", {} after the change", Millis(*time))?;
                    match changed.as_slice() {
                        [] => {}
                        [file] => write!(f, " of {}", short(file).display())?,
                        files => write!(f, " of {} files", files.len())?,
                    }
                }
                tell_all(f, &remarks(items))
            }
            Event::RolledBack {
                krate,
                from,
                to,
                reason,
                items,
                ..
            } => {
                let code = Tag(Some(Event::ROLLED_BACK));
                write!(
                    f,
                    "{krate}: generation {from} is rolled back{code}, because {reason}; {} is live again",
                    Code(*to)
                )?;
                tell_all(f, &remarks(items))
            }
            Event::WaitingForBuild {
                krate,
                item,
                message,
                is_safe_point,
                ..
            } => {
                let code = Tag(Some(Caught::CODE));
                write!(f, "{krate}: `{item}` panicked{code}: {message}; ")?;
                f.write_str(match is_safe_point {
                    true => "the program stands still until it is mended: save, or undo",
                    false => "its thread waits until it is mended: save, or undo",
                })
            }
            Event::HeldBack {
                krate,
                generation,
                waited,
            } => {
                let code = Tag(Some(MigrationError::Busy.code()));
                write!(
                    f,
                    "{krate}: {} is ready and does not go live{code}: a value that the program holds for its hot code is \
                     locked, for {waited:?} by now; drop its guard before the safe point",
                    Code(*generation)
                )
            }
            Event::NotWaiting {
                krate, item, why, ..
            } => {
                let code = Tag(Some(Caught::CODE));
                write!(
                    f,
                    "{krate}: `{item}` panicked{code}, and its thread does not wait for another build: {why}"
                )
            }
            Event::Recalled {
                krate,
                generation,
                is_live: true,
            } => write!(f, "{krate}: {} stays live", Code(*generation)),
            Event::Recalled {
                krate, generation, ..
            } => write!(
                f,
                "{krate}: back to {}, which is in memory",
                Code(*generation)
            ),
            Event::NotRecalled {
                krate,
                generation,
                live,
                reason,
            } => {
                let code = Tag(Some(Event::ROLLED_BACK));
                write!(
                    f,
                    "{krate}: these are the sources of generation {generation}, which was left{code}, because \
                     {reason}; {} stays live",
                    Code(*live)
                )
            }
            Event::NotApplied {
                krate,
                generation,
                error,
            } => {
                write!(
                    f,
                    "{krate}: generation {generation} does not go live{}: {error}",
                    Tag(Some(error.code()))
                )
            }
            Event::EndedLate {
                krate,
                generation,
                work,
                took,
                failed,
            } => {
                let took = Millis(*took);
                match (failed, work) {
                    (Some(reason), _) => {
                        let code = Tag(Some(work.code()));
                        write!(f, "{krate}: {work} failed after {took}{code}: {reason}")
                    }
                    (None, Work::Migration) => write!(
                        f,
                        "{krate}: {work} ended after {took}; generation {generation} goes live at the next safe point if \
                         they were not used meanwhile"
                    ),
                    (None, _) => write!(
                        f,
                        "{krate}: {work} ended after {took}, too late to be used; save again"
                    ),
                }
            }
            Event::StateCarried {
                krate,
                node,
                report,
            } => {
                let code = Tag(report.code());
                write!(f, "{krate}: state of node `{node}`: {report}{code}")
            }
            Event::NodeMade {
                krate,
                node,
                generation: 0,
            } => {
                write!(
                    f,
                    "{krate}: node `{node}` was made by the code linked into the program"
                )
            }
            Event::NodeMade {
                krate,
                node,
                generation,
            } => {
                write!(
                    f,
                    "{krate}: node `{node}` was made by generation {generation}"
                )
            }
            Event::Fallback {
                krate,
                reason,
                code,
                ..
            } => write!(f, "{krate}: {reason}{}", Tag(*code)),
            Event::Panicked {
                item,
                message,
                location,
                aftermath,
                ..
            } => {
                let code = Tag(Some(Caught::CODE));
                write!(f, "`{item}` panicked in new code{code}: {message}")?;
                if let Some(location) = location {
                    write!(f, " (at {location})")?;
                }
                match aftermath {
                    Some(aftermath) => write!(f, "; {aftermath}"),
                    None => f.write_str("; the program ends, as it wants to when new code panics"),
                }
            }
            Event::Problem { problem } => write!(f, "{problem}{}", Tag(problem.code())),
        }
    }
}

/// What there is to say about items of a generation that went live.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Remark {
    /// Those that other code answers, as long as nothing changes. None, if it is about something that just happened.
    pub(crate) left: Vec<&'static str>,
    /// In a sentence.
    pub(crate) sentence: String,
}

/// What there is to say about the items of a generation that went live.
pub(crate) fn remarks(items: &Applied) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let mut remark = |left: Vec<&'static str>, sentence| remarks.push(Remark { left, sentence });
    for change in &items.signatures_changed {
        let code = Tag(Some(SignatureChange::CODE));
        remark(vec![change.function], format!("{change}{code}"));
    }
    for (reason, items) in by_reason(&items.layouts_changed) {
        let code = Tag(Some(LayoutChange::CODE));
        let names = listed(&items);
        let sentence = match items[..] {
            [item] => {
                let reason = reason.to_owned();
                LayoutChange { item, reason }.to_string()
            }
            _ => format!(
                "{names} hand over a type whose layout changed: {reason}; their new code is not used until the program \
                 is restarted"
            ),
        };
        remark(items, format!("{sentence}{code}"));
    }
    for function in &items.functions_removed {
        let code = Tag(Some(Applied::FUNCTION_REMOVED));
        let sentence = format!(
            "`{function}` is gone, and the code linked into the program answers its callers{code}"
        );
        remark(vec![function], sentence);
    }
    for Migrated { path, report } in &items.migrated {
        let code = Tag(report.code());
        remark(Vec::new(), format!("`{path}` migrated: {report}{code}"));
    }
    for node in &items.nodes_removed {
        let code = Tag(Some(Applied::NODE_REMOVED));
        let sentence = format!(
            "node `{node}` is gone, and the code linked into the program takes its place{code}"
        );
        remark(vec![node], sentence);
    }
    remarks
}

/// A type that changed may be handed over by many items, and is described once.
fn by_reason(changes: &[LayoutChange]) -> Vec<(&str, Vec<&'static str>)> {
    let mut reasons: Vec<(&str, Vec<&'static str>)> = Vec::new();
    for change in changes {
        match reasons
            .iter_mut()
            .find(|(reason, _)| *reason == change.reason)
        {
            Some((_, items)) => items.push(change.item),
            None => reasons.push((&change.reason, vec![change.item])),
        }
    }
    reasons
}

/// Names as in a sentence: the first and the last have an "and" between them.
pub(crate) fn listed(names: &[&str]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match &names[..] {
        [before @ .., last] if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        names => names.concat(),
    }
}

fn tell_all(f: &mut fmt::Formatter<'_>, remarks: &[Remark]) -> fmt::Result {
    let mut sentences = remarks.iter().map(|remark| &remark.sentence);
    sentences.try_for_each(|sentence| write!(f, "; {sentence}"))
}

/// A generation in a sentence.
struct Code(u32);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("the code linked into the program"),
            number => write!(f, "generation {number}"),
        }
    }
}

/// A duration in whole milliseconds.
pub(crate) struct Millis(pub(crate) Duration);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0.as_millis())
    }
}
