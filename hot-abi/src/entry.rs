//! The two functions that a library exports for each of its hot crates, and what they are called with.

use crate::boundary;
use crate::context::LocalContext;
use crate::exchange::Exchange;
use crate::forward::{self, panic_hook};
use crate::registry::{self, HotCrate, Module};
use crate::services::{self, Services};
use crate::statics::{PatchReport, StaticEntry, StaticPatch};
use std::any::TypeId;

/// Prepares a freshly loaded library: patches its statics, hands it the program's services.
pub type InitFn = extern "C" fn(&InitRequest, &mut InitReport);

/// Makes a node: manifest dir, node name, the caller's context, the exchange.
#[allow(
    improper_ctypes_definitions,
    reason = "both sides are Rust by one compiler, which the fingerprint proves"
)]
pub type EntryFn = extern "C" fn(&str, &str, &mut LocalContext, &mut Exchange);

/// What the program hands to a library's [`InitFn`].
#[repr(C)]
pub struct InitRequest {
    /// The program's `TypeId` of this very type. First, so that it can be compared before anything
    /// else is read.
    canary: TypeId,
    services: &'static Services,
    patch: &'static StaticPatch,
}

impl InitRequest {
    /// A request of this program, with its statics.
    pub fn new(patch: &'static StaticPatch) -> InitRequest {
        forward::settle_as_program();
        boundary::settle_as_program();
        keep_linked();
        InitRequest {
            canary: TypeId::of::<InitRequest>(),
            services: services::own(),
            patch,
        }
    }
}

/// Keeps the bodies of the exported functions in the program, which itself never calls them: a library
/// that is linked against the program uses them from there.
fn keep_linked() {
    type Init = fn(&'static HotCrate, &InitRequest, &mut InitReport);
    type Entry = fn(&'static HotCrate, &str, &str, &mut LocalContext, &mut Exchange);
    std::hint::black_box((init as Init, entry as Entry));
}

/// What a library's [`InitFn`] answers.
#[repr(C)]
#[derive(Debug)]
pub struct InitReport {
    /// How it went. First, and a number, so that it can be written before the rest is known to fit.
    status: u32,
    /// What became of the library's statics.
    pub statics: PatchReport,
    /// Those that point at the program's values now, for a check of their layouts.
    pub patched: Vec<StaticEntry>,
    /// Nodes registered twice under one name.
    pub duplicate_nodes: Vec<&'static str>,
    /// What the library registered.
    pub module: Module,
}

impl InitReport {
    /// A report for a library to fill in.
    pub fn new() -> InitReport {
        InitReport {
            status: NOT_CALLED,
            statics: PatchReport::default(),
            patched: Vec::new(),
            duplicate_nodes: Vec::new(),
            module: Module { crates: &[] },
        }
    }

    /// How it went.
    pub fn outcome(&self) -> InitOutcome {
        match self.status {
            DONE => InitOutcome::Done,
            OTHER_ABI => InitOutcome::OtherAbi,
            PANICKED => InitOutcome::Panicked,
            TOO_MANY_EARLY_BLOCKS => InitOutcome::TooManyEarlyBlocks,
            _ => InitOutcome::NotCalled,
        }
    }
}

impl Default for InitReport {
    fn default() -> Self {
        InitReport::new()
    }
}

/// How the initialisation of a library went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InitOutcome {
    /// The library is ready.
    Done,
    /// The library was built with another hot-abi: another version, other features, another compiler.
    OtherAbi,
    /// The initialisation panicked.
    Panicked,
    /// The library's constructors allocated more than can be told apart from the program's memory.
    TooManyEarlyBlocks,
    /// The init function did not write its report.
    NotCalled,
}

const NOT_CALLED: u32 = 0;
const DONE: u32 = 1;
const OTHER_ABI: u32 = 2;
const PANICKED: u32 = 3;
const TOO_MANY_EARLY_BLOCKS: u32 = 4;

/// The body of every exported init function.
#[doc(hidden)]
pub fn init(krate: &'static HotCrate, request: &InitRequest, report: &mut InitReport) {
    if request.canary != TypeId::of::<InitRequest>() {
        report.status = OTHER_ABI;
        return;
    }
    if std::ptr::eq(request.services, services::own()) {
        // This library shares the program's copy of hot-abi, so there is nothing to hand over; but
        // then its slices are not its own either, and only the crate itself can be told. The panic
        // hook is the program's, too, and it must tell where the library panicked.
        panic_hook::learn();
        let is_programs = |krate| {
            let mut of_program = Module::this().crates.iter();
            of_program.any(|own| std::ptr::eq(*own, krate))
        };
        // Code of the program that was linked once more uses the program's registration.
        if !is_programs(krate) {
            boundary::note_library(krate);
            report.module = Module {
                crates: Box::leak(Box::new([krate])),
            };
        }
        report.status = DONE;
        return;
    }
    // First, so that whatever is allocated from here on is on the program's heap.
    if !forward::hand_over_heap(request.services) {
        report.status = TOO_MANY_EARLY_BLOCKS;
        return;
    }
    services::hand_over(request.services);
    boundary::settle_as_library(krate);
    let done = boundary::contain(|| {
        forward::install(krate.crate_name);
        (report.statics, report.patched) = request.patch.apply();
        report.duplicate_nodes = registry::duplicate_nodes(krate);
        report.module = Module::this();
    });
    report.status = if done.is_ok() { DONE } else { PANICKED };
}

/// The body of every exported entry function.
#[doc(hidden)]
pub fn entry(
    krate: &'static HotCrate,
    manifest_dir: &str,
    node_name: &str,
    context: &mut LocalContext,
    exchange: &mut Exchange,
) {
    let args = match exchange.take_request() {
        Ok(args) => args,
        Err(refusal) => {
            *exchange = Exchange::Refused(refusal);
            return;
        }
    };
    let node = (krate.manifest_dir == manifest_dir)
        .then(|| krate.node(node_name))
        .flatten();
    let Some(node) = node else {
        *exchange = Exchange::Response(None);
        return;
    };
    let made = boundary::contain(|| context.with_context(|| (node.make)(args)));
    *exchange = match made {
        Ok(Ok(node)) => Exchange::Response(Some(node.leaving_its_library())),
        Ok(Err(refusal)) => Exchange::Refused(refusal),
        Err(caught) => Exchange::Panicked(caught),
    };
}
