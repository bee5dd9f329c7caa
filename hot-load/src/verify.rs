//! What is checked in the file of a library before it is opened.

use crate::error::LoadError;
use hot_abi::fingerprint::Fingerprint;
use hot_abi::registry::HotCrate;
use object::{Object, ObjectSection, ReadCache};
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
    read(library, library)
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
    let mut found = read(path, built)?;
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

fn read(path: &Path, built: &Path) -> Result<Vec<Fingerprint>, LoadError> {
    let file = File::open(path).map_err(|source| LoadError::Read {
        library: built.to_owned(),
        source: Arc::new(source),
    })?;
    let not_a_library = |reason: object::Error| LoadError::NotALibrary {
        library: built.to_owned(),
        reason: reason.to_string(),
    };
    // Only the parts that are asked for are read, for libraries have tens of megabytes.
    let cache = ReadCache::new(file);
    let object = object::File::parse(&cache).map_err(not_a_library)?;
    match SECTIONS
        .into_iter()
        .find_map(|name| object.section_by_name(name))
    {
        Some(section) => Ok(Fingerprint::find_all(
            section.data().map_err(not_a_library)?,
        )),
        None => Ok(Vec::new()),
    }
}
