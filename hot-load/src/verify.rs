//! What is checked in the file of a library before it is opened.

use crate::error::LoadError;
use hot_abi::fingerprint::{Difference, Fingerprint};
use hot_abi::registry::HotCrate;
use object::elf::FileHeader64;
use object::read::elf::FileHeader;
use object::{Architecture, BinaryFormat, Endianness, Object, ObjectSection, ReadCache, ReadRef};
use std::fmt;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// The names of the section that `hot_entry!` writes to, by file format: ELF, Mach-O, COFF.
const SECTIONS: [&str; 3] = ["hot_fingerprint", "__hot_print", ".hotfp"];

/// Reads the fingerprints in a library's file, one for each hot crate in it, without opening it.
///
/// # Errors
///
/// [`LoadError::Read`] and [`LoadError::NotALibrary`].
pub fn read_fingerprints(library: &Path) -> Result<Vec<Fingerprint>, LoadError> {
    Ok(read(library, library)?.fingerprints)
}

/// Checks that the file at `path` is a library of `krate` that was built as the program was.
///
/// `built` is the name to use in errors.
pub(crate) fn check(krate: &HotCrate, path: &Path, built: &Path) -> Result<Fingerprint, LoadError> {
    let program = Fingerprint::find_all(krate.fingerprint);
    let program = program.into_iter().next().ok_or_else(|| LoadError::Init {
        library: built.to_owned(),
        reason: format!("the program holds no fingerprint of `{}`", krate.crate_name),
    })?;
    let Told {
        machine,
        fingerprints: mut found,
    } = read(path, built)?;
    if let Some(own) = Machine::own().filter(|own| *own != machine) {
        return Err(LoadError::Incompatible {
            library: built.to_owned(),
            differences: vec![Difference {
                what: "machine".to_owned(),
                program: own.to_string(),
                library: machine.to_string(),
            }],
        });
    }
    let own = found.iter().position(|record| {
        record.crate_name() == krate.crate_name && record.manifest_dir() == krate.manifest_dir
    });
    let Some(own) = own else {
        return Err(LoadError::NoFingerprint {
            library: built.to_owned(),
            crate_name: krate.crate_name.to_owned(),
            found: found
                .iter()
                .map(|record| record.crate_name().to_owned())
                .collect(),
        });
    };
    let own = found.swap_remove(own);
    let differences = program.differences(&own);
    if differences.is_empty() {
        Ok(own)
    } else {
        Err(LoadError::Incompatible {
            library: built.to_owned(),
            differences,
        })
    }
}

/// What a file tells before it is opened.
struct Told {
    machine: Machine,
    fingerprints: Vec<Fingerprint>,
}

/// What a file is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Machine {
    format: BinaryFormat,
    architecture: Architecture,
}

impl Machine {
    /// What this program is made for; `None` where it is a machine that this has no name for.
    fn own() -> Option<Machine> {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => Architecture::X86_64,
            "x86" => Architecture::I386,
            "aarch64" => Architecture::Aarch64,
            "arm" => Architecture::Arm,
            "riscv64" => Architecture::Riscv64,
            _ => return None,
        };
        let format = match BinaryFormat::native_object() {
            // What is linked has more in it than what is compiled.
            BinaryFormat::Coff => BinaryFormat::Pe,
            format => format,
        };
        Some(Machine {
            format,
            architecture,
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = format!("{:?} {:?}", self.format, self.architecture);
        f.write_str(&name.to_lowercase())
    }
}

fn read(path: &Path, built: &Path) -> Result<Told, LoadError> {
    let unreadable = |source| LoadError::Read {
        library: built.to_owned(),
        source: Arc::new(source),
    };
    let not_a_library = |reason| LoadError::NotALibrary {
        library: built.to_owned(),
        reason,
    };
    let file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    // Only the parts that are asked for are read, for libraries have tens of megabytes.
    let cache = ReadCache::new(file);
    let parsed = object::File::parse(&cache);
    let object = parsed.map_err(|error| match length_in_headers(&cache) {
        Some(whole) if whole > length => not_a_library(format!(
            "cut short: its headers speak of {whole} bytes, and it has {length}"
        )),
        _ => not_a_library(error.to_string()),
    })?;
    let section = SECTIONS
        .into_iter()
        .find_map(|name| object.section_by_name(name));
    let fingerprints = match section.map(|section| section.data()) {
        Some(Ok(data)) => Fingerprint::find_all(data),
        Some(Err(error)) => return Err(not_a_library(error.to_string())),
        None => Vec::new(),
    };
    let machine = Machine {
        format: object.format(),
        architecture: object.architecture(),
    };
    Ok(Told {
        machine,
        fingerprints,
    })
}

/// How long a file must be at least, as its headers have it. Those of ELF are told here: of the others a part
/// that is missing is noticed by whoever reads it.
fn length_in_headers<'data>(file: impl ReadRef<'data>) -> Option<u64> {
    let header = FileHeader64::<Endianness>::parse(file).ok()?;
    let endian = header.endian().ok()?;
    let sections = u64::from(header.e_shentsize(endian)) * u64::from(header.e_shnum(endian));
    header.e_shoff(endian).checked_add(sections)
}
