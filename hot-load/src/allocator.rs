//! Which global allocator a module was linked with, as the symbols in its file tell.
//!
//! A library that carries its own std allocates with its own allocator. Memory crosses between program
//! and library in both directions, so the two must be one heap: std's `System` on both sides, or the one
//! that hot-abi forwards to. With `#[global_allocator]` in only one of them the first block that
//! crosses corrupts memory, so such a library is refused.

use crate::error::LoadError;
use crate::layout::{MappedFile, running_program};
use hot_abi::fingerprint::ABI_FEATURES;
use object::elf::{self, FileHeader64, Sym64};
use object::read::elf::{FileHeader, SectionHeader, Sym};
use object::{Endianness, Object, ObjectSymbol, ReadRef};
use std::ffi::CStr;
use std::fmt;
use std::fs::File;
use std::ops::Range;
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

/// How the name of a function of std ends, wherever std is: rustc mangles such names, and the name itself stays at the
/// end.
const STD: &[u8] = b"__rust_start_panic";

/// How the name of the allocator ends that is used without a declaration.
const SYSTEM: &[u8] = b"__rdl_alloc";

/// The places in a table of names at which names begin that end in each of these ways: several may share their last
/// letters.
fn ends<const N: usize>(names: &[u8], ends: [&[u8]; N]) -> [Vec<Range<usize>>; N] {
    let mut found = [const { Vec::new() }; N];
    let mut at = 0;
    // Looked for by std, which is optimised where this code is not.
    while let Ok(name) = CStr::from_bytes_until_nul(&names[at..]) {
        let next = at + name.count_bytes();
        for (end, found) in ends.iter().zip(&mut found) {
            if name.to_bytes().ends_with(end) {
                found.push(at..next - end.len() + 1);
            }
        }
        at = next + 1;
    }
    found
}

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
        Symbols::of_elf(mapped.bytes()).unwrap_or_else(|| {
            let object = object::File::parse(mapped.bytes());
            object.map_or(Symbols::None, |object| Symbols::of(&object))
        })
    }

    /// Of a file in the format of most systems, in a tenth of the time: it has thousands of symbols, and the text of all
    /// their names is searched before any of them is looked at. `None` if it is no such file.
    fn of_elf(file: &[u8]) -> Option<Symbols> {
        let header = FileHeader64::<Endianness>::parse(file).ok()?;
        let endian = header.endian().ok()?;
        let sections = header.sections(endian, file).ok()?;
        let table = sections.symbols(endian, file, elf::SHT_SYMTAB).ok()?;
        let names = sections.section(table.string_section()).ok()?;
        let names = names.data(endian, file).ok()?;
        let [std, system] = ends(names, [STD, SYSTEM]);
        let has = |ends: &[Range<usize>]| {
            let is_it = |symbol: &Sym64<Endianness>| {
                let name = symbol.st_name(endian) as usize;
                ends.iter().any(|names| names.contains(&name))
                    && symbol.is_definition(endian, table.strings())
            };
            !ends.is_empty() && table.iter().any(is_it)
        };
        Some(match (has(&std), has(&system)) {
            (true, true) => Symbols::WithSystem,
            (true, false) => Symbols::WithDeclared,
            _ => match table
                .iter()
                .any(|symbol| symbol.is_definition(endian, table.strings()))
            {
                true => Symbols::WithoutStd,
                false => Symbols::None,
            },
        })
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
            std |= name.ends_with(STD);
            system |= name.ends_with(SYSTEM);
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;
    use std::{env, fs};

    #[test]
    fn a_name_may_be_the_end_of_another() {
        let [first, second] = ends(b"\0a_alloc\0alloc\0all\0", [b"alloc", b"none"]);
        // `a_alloc`, `_alloc`, `alloc`; and the other one.
        assert_eq!(first, [1..4, 9..10]);
        assert_eq!(second, []);
        assert_eq!(ends(b"not ended: alloc", [b"alloc"]), [[]]);
    }

    #[test]
    fn both_ways_to_read_symbols_find_the_same() {
        let folder = tempfile::tempdir().expect("a directory");
        let of_source = |name: &str, arguments: &[&str], source: &str| {
            let (file, made) = (folder.path().join("of.rs"), folder.path().join(name));
            fs::write(&file, source).expect("a file");
            let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
            let status = rustc
                .args(arguments)
                .arg("-o")
                .arg(&made)
                .arg(&file)
                .status();
            assert!(status.expect("rustc is there").success());
            fs::read(&made).expect("it was made")
        };
        let grow = "#[unsafe(no_mangle)] pub fn grow() { std::hint::black_box(vec![1, 2]); }";
        let declared = "use std::alloc::{GlobalAlloc, Layout, System};\n\
            struct Own;\n\
            unsafe impl GlobalAlloc for Own {\n\
                unsafe fn alloc(&self, layout: Layout) -> *mut u8 { unsafe { System.alloc(layout) } }\n\
                unsafe fn dealloc(&self, at: *mut u8, layout: Layout) { unsafe { System.dealloc(at, layout) } }\n\
            }\n\
            #[global_allocator] static OWN: Own = Own;\n";
        let library = ["--crate-type=cdylib", "--edition=2024"];
        let stripped = ["--crate-type=cdylib", "--edition=2024", "-Cstrip=symbols"];
        let bare = [
            "--crate-type=cdylib",
            "--edition=2024",
            "-Cpanic=abort",
            "-Clink-arg=-nostdlib",
        ];
        let without_std = "#![no_std]\n\
            #[panic_handler] fn ends(_: &core::panic::PanicInfo<'_>) -> ! { loop {} }\n\
            #[unsafe(no_mangle)] pub fn seven() -> u32 { 7 }";
        let cases = [
            (of_source("system", &library, grow), Symbols::WithSystem),
            (
                of_source("declared", &library, &(declared.to_owned() + grow)),
                Symbols::WithDeclared,
            ),
            (of_source("bare", &bare, without_std), Symbols::WithoutStd),
            (of_source("stripped", &stripped, grow), Symbols::None),
        ];
        for (file, expected) in cases {
            let object = object::File::parse(&*file).expect("a library");
            assert_eq!(Symbols::of(&object), expected);
            if cfg!(all(target_os = "linux", target_pointer_width = "64")) {
                // Without a table there is nothing that it reads.
                let read = Symbols::of_elf(&file);
                assert_eq!(read.unwrap_or(Symbols::None), expected);
            }
        }
    }
}
