//! The slices in which hot crates and their items register, gathered by the linker.
//!
//! [`hot_entry!`](crate::hot_entry) puts its crate into one slice that all hot crates share, and
//! declares slices of its own for the crate's nodes and functions. A library therefore knows its
//! own items wherever the shared slice resolves to.

use crate::function::FunctionEntry;
use crate::generation::Live;
use crate::held::HeldEntry;
use crate::hook::HookEntry;
use crate::node::NodeEntry;
use crate::statics::StaticEntry;
use linkme::distributed_slice;

/// Every hot crate linked into this program or library.
#[distributed_slice]
pub static CRATES: [&'static HotCrate];

/// Every program that recorded itself with `hot_app::hot_host!()`: one, or none.
#[distributed_slice]
pub static PROGRAMS: [ProgramRecord];

/// Every static declared with [`hot_static!`](crate::hot_static).
#[distributed_slice]
pub static STATICS: [StaticEntry];

/// A crate that called [`hot_entry!`](crate::hot_entry).
pub struct HotCrate {
    /// The folder of its Cargo.toml.
    pub manifest_dir: &'static str,
    /// The name of its package.
    pub package: &'static str,
    /// The version of its package.
    pub version: &'static str,
    /// The name of its library target, as written in paths: `my_scene`.
    pub crate_name: &'static str,
    /// The file of its root module, as the compiler was given it.
    pub root_file: &'static str,
    /// The exported name of its [`InitFn`](crate::entry::InitFn).
    pub init_symbol: &'static str,
    /// The exported name of its [`EntryFn`](crate::entry::EntryFn).
    pub entry_symbol: &'static str,
    /// Its fingerprint, as text.
    pub fingerprint: &'static [u8],
    /// How it was compiled.
    pub compilation: Compilation,
    /// The run of the compiler that it was compiled by.
    pub rustc: RustcRun,
    /// Its nodes.
    pub nodes: fn() -> &'static [NodeEntry],
    /// Its functions.
    pub functions: fn() -> &'static [FunctionEntry],
    /// Its hooks.
    pub hooks: fn() -> &'static [HookEntry],
    /// Its types that the program can hold.
    pub held: fn() -> &'static [HeldEntry],
    /// Its newest generation that is live.
    pub live: Live,
}

impl HotCrate {
    /// Whether `other` is the same crate, in this module or another.
    pub fn is(&self, other: &HotCrate) -> bool {
        self.manifest_dir == other.manifest_dir && self.crate_name == other.crate_name
    }

    /// The node of that name.
    pub fn node(&self, name: &str) -> Option<&'static NodeEntry> {
        (self.nodes)().iter().find(|node| node.name == name)
    }

    /// The type of that path that the program can hold.
    pub fn held_type(&self, path: &str) -> Option<&'static HeldEntry> {
        (self.held)().iter().find(|held| held.path == path)
    }

    /// The function of that path: its module's path, `::`, its name.
    pub fn function(&self, path: &str) -> Option<&'static FunctionEntry> {
        (self.functions)()
            .iter()
            .find(|function| function.path == path)
    }
}

impl std::fmt::Debug for HotCrate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HotCrate")
            .field("crate_name", &self.crate_name)
            .field("manifest_dir", &self.manifest_dir)
            .finish_non_exhaustive()
    }
}

/// What the compiler was told when it compiled a crate, read from its command line by a macro.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compilation {
    /// The cargo features that were on.
    pub features: &'static [&'static str],
    /// `--out-dir`: cargo's `<target directory>[/<triple>]/<profile directory>/deps`.
    pub out_dir: Option<&'static str>,
    /// `--target`, if it was given.
    pub target: Option<&'static str>,
    /// The identity that cargo gave the crate: `-C metadata`.
    pub metadata: Option<&'static str>,
    /// The toolchain that rustup chose: `RUSTUP_TOOLCHAIN`.
    pub toolchain: Option<&'static str>,
}

/// A run of the compiler, with what cargo set for it: enough to repeat it without cargo.
///
/// Of the environment it has cargo's variables for the package and none of the user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RustcRun {
    /// The compiler's file.
    pub program: &'static str,
    /// The directory that it ran in: relative paths on the command line are from there.
    pub directory: &'static str,
    /// The command line, without the compiler itself.
    pub arguments: &'static [&'static str],
    /// The variables that cargo sets for a package: `CARGO_PKG_NAME`, `OUT_DIR` and the like.
    pub variables: &'static [(&'static str, &'static str)],
}

/// The program, as recorded by `hot_app::hot_host!()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramRecord {
    /// The folder of its Cargo.toml.
    pub manifest_dir: &'static str,
    /// The name of its package.
    pub package: &'static str,
    /// The name of the binary or the example: `CARGO_BIN_NAME`.
    pub binary: Option<&'static str>,
    /// How it was compiled.
    pub compilation: Compilation,
}

/// A module of the running process, the program or a library, as its slices describe it.
///
/// In a library that was linked on its own every slice is the library's; this is how they reach
/// the host.
#[derive(Clone, Copy, Debug)]
pub struct Module {
    /// The hot crates that the module holds code of.
    pub crates: &'static [&'static HotCrate],
}

impl Module {
    /// The module that this copy of hot-abi is linked into.
    pub fn this() -> Module {
        Module {
            crates: CRATES.static_slice(),
        }
    }

    /// This module's copy of `krate`.
    pub fn find(&self, krate: &HotCrate) -> Option<&'static HotCrate> {
        self.crates.iter().find(|mine| mine.is(krate)).copied()
    }
}

/// Names under which several nodes of one crate registered, each name once.
///
/// The compiler finds these (two nodes of one name are two equal impls); this finds them in a
/// library that was built by other means.
pub fn duplicate_nodes(krate: &HotCrate) -> Vec<&'static str> {
    let mut names: Vec<_> = (krate.nodes)().iter().map(|node| node.name).collect();
    names.sort_unstable();
    let mut twice: Vec<_> = names
        .windows(2)
        .filter(|pair| pair[0] == pair[1])
        .map(|pair| pair[0])
        .collect();
    twice.dedup();
    twice
}
