//! Which global allocator a module was linked with, as the symbols in its file tell.
//!
//! A library that carries its own std allocates with its own allocator. Memory crosses between program
//! and library in both directions, so the two must be one heap: std's `System` on both sides, or the one
//! that hot-abi forwards to. With `#[global_allocator]` in only one of them the first block that
//! crosses corrupts memory, so such a library is refused.

use crate::error::LoadError;
use crate::layout::{MappedFile, running_program};
use hot_abi::fingerprint::ABI_FEATURES;
use object::{Object, ObjectSymbol, ReadRef};
use std::fmt;
use std::fs::File;
use std::path::Path;
use std::sync::LazyLock;

/// The global allocator of a program or of a library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Allocator {
    /// std's `System`.
    System,
    /// One that was declared with `#[global_allocator]`.
    Declared,
    /// Not to be told: the file has no symbols.
    Unknown,
}

/// Whether program and library are known to have one heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeapCheck {
    /// They have.
    Same,
    /// One of the files has no symbols. It is so where the program has no `#[global_allocator]`, and
    /// where it declares it with `global_allocator!`.
    Unknown,
}

/// Checks that the library at `path` has the program's heap.
///
/// `built` is the name to use in errors.
pub(crate) fn check(path: &Path, built: &Path) -> Result<HeapCheck, LoadError> {
    if ABI_FEATURES
        .split(',')
        .any(|feature| feature == "allocator")
    {
        return Ok(HeapCheck::Same);
    }
    let library = Symbols::of_file(path);
    if library == Symbols::WithoutStd {
        return Ok(HeapCheck::Same);
    }
    let (program, library) = (PROGRAM.allocator(), library.allocator());
    match (program, library) {
        (Allocator::System, Allocator::System) => Ok(HeapCheck::Same),
        (Allocator::Declared, _) | (_, Allocator::Declared) => Err(LoadError::OtherAllocator {
            library: built.to_owned(),
            program,
            new_code: library,
        }),
        (Allocator::Unknown, _) | (_, Allocator::Unknown) => Ok(HeapCheck::Unknown),
    }
}

/// Reads the program's symbols, so that the first load finds them read.
pub(crate) fn read_program() {
    LazyLock::force(&PROGRAM);
}

/// The program's symbols. Its file is read once.
static PROGRAM: LazyLock<Symbols> =
    LazyLock::new(|| running_program().map_or(Symbols::None, |program| Symbols::of_file(&program)));

/// What the symbols of a file tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Symbols {
    /// The file cannot be read, or was stripped.
    None,
    /// The module has no std of its own, and with it no allocator: it was linked against the program.
    WithoutStd,
    /// The module has std, and in it the allocator that is used without a declaration.
    WithSystem,
    /// The module has std, and not that allocator.
    WithDeclared,
}

impl Symbols {
    fn of_file(path: &Path) -> Symbols {
        let Ok(file) = File::open(path) else {
            return Symbols::None;
        };
        let Ok(mapped) = MappedFile::open(&file) else {
            return Symbols::None;
        };
        object::File::parse(mapped.bytes()).map_or(Symbols::None, |object| Symbols::of(&object))
    }

    fn of<'data, R: ReadRef<'data>>(object: &object::File<'data, R>) -> Symbols {
        let (mut any, mut std, mut system) = (false, false, false);
        for symbol in object.symbols() {
            let Ok(name) = symbol.name_bytes() else {
                continue;
            };
            if name.is_empty() || !symbol.is_definition() {
                continue;
            }
            any = true;
            // rustc mangles these names, and the name itself stays at the end.
            std |= name.ends_with(b"__rust_start_panic");
            system |= name.ends_with(b"__rdl_alloc");
            if std && system {
                break;
            }
        }
        match (any, std, system) {
            (false, ..) => Symbols::None,
            (true, false, _) => Symbols::WithoutStd,
            (true, true, true) => Symbols::WithSystem,
            (true, true, false) => Symbols::WithDeclared,
        }
    }

    fn allocator(self) -> Allocator {
        match self {
            Symbols::None | Symbols::WithoutStd => Allocator::Unknown,
            Symbols::WithSystem => Allocator::System,
            Symbols::WithDeclared => Allocator::Declared,
        }
    }
}

impl fmt::Display for Allocator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Allocator::System => "std's",
            Allocator::Declared => "a `#[global_allocator]`",
            Allocator::Unknown => "an unknown one",
        })
    }
}
