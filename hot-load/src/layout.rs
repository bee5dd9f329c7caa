//! Whether the types that cross between the program and a library have one layout in both.
//!
//! The attributes leave a static for each item whose type leads to all that the item hands over
//! ([`hot_abi::layout`]). From there the debug information (DWARF) of program and library is read and
//! compared: fields, variants, sizes, places, through pointers, generics and the types of dependencies and
//! of std. Only the compilation units of the hot crates are looked at, since each holds the whole of the
//! types it uses.
//!
//! A thin library uses the statics of the program, and of thin libraries before it, where they have the types
//! that its own code gives them ([`compare_statics`]).
//!
//! The order of the methods of a trait that is no hot trait is known from the tables of methods of the values
//! behind it. Where program or library make none, the sources of both are compared, which whoever builds tells
//! ([`note_program_sources`], [`note_library_sources`]).
//!
//! What is behind a trait object is compared by its name where only one side, or an earlier library, makes a value of it:
//! the other may take it from there, by a `TypeId` that does not see the types of fields.
//! It may get there by a supertrait, and it may be what a panic carries, which passes any item.
//!
//! What is not seen: types that only the code behind a pointer without a type knows.

mod abbreviations;
mod behind;
mod check;
mod compare;
mod debug_info;
mod declared;
mod earlier;
mod entry;
mod files;
mod graph;
mod index;
mod methods;
mod names;
mod origin;
mod proven;
mod read;
mod report;
mod source;
mod statics;
mod unchanged;

pub(crate) use check::LayoutCheck;
pub use origin::{note_library_sources, note_program_sources};
pub use report::{
    IncompatibleItem, LayoutDepth, LayoutDifference, LayoutReport, LayoutSide, Missing, SourceLine,
};
pub use statics::{StaticComparison, compare_statics, statics_in};

pub(crate) use debug_info::MappedFile;
pub(crate) use files::running_program;
pub(crate) use origin::{compare_types, note_copy};

use behind::{Behind, Search};
use debug_info::{Bytes, unreadable};
use earlier::Conflicts;
use gimli::Dwarf;
use hot_abi::registry::HotCrate;
use origin::Origins;
use read::Crossing;
use std::fs::File;
use std::path::Path;

/// The layouts of all that the items of a crate hand over, as one file has them.
#[derive(Debug)]
struct Layouts {
    crossing: Crossing,
}

/// A crate, as debug information knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct CrateSource<'a> {
    /// The name of its library target, as written in paths.
    crate_name: &'a str,
    /// The file of its root module, as the compiler was given it: what `file!()` is there.
    root_file: &'a str,
}

impl CrateSource<'static> {
    fn of(krate: &'static HotCrate) -> CrateSource<'static> {
        CrateSource {
            crate_name: krate.crate_name,
            root_file: krate.root_file,
        }
    }
}

impl Layouts {
    /// Reads the layouts of the items of some crates from a program or a library, a result for each crate.
    /// Nobody writes to the file meanwhile: it is the running program, or a copy that is this process's own. What
    /// is behind trait objects is searched for beyond the units of the crates.
    ///
    /// # Errors
    ///
    /// When the file or its debug information cannot be read; for a crate also when it is not in it, or its
    /// types are not.
    fn read(
        file: &Path,
        crates: &[CrateSource<'_>],
        search: Search<'_>,
    ) -> Result<Vec<Result<Layouts, Missing>>, Missing> {
        let file = map(file)?;
        Layouts::of_crates(&file, &file.dwarf()?, crates, search)
    }

    /// As [`read`](Layouts::read), from a file that is open.
    ///
    /// # Errors
    ///
    /// As [`read`](Layouts::read).
    fn of_crates(
        file: &MappedFile,
        dwarf: &Dwarf<Bytes<'_>>,
        crates: &[CrateSource<'_>],
        search: Search<'_>,
    ) -> Result<Vec<Result<Layouts, Missing>>, Missing> {
        let crossing = read::crossing(file, dwarf, crates, search)?;
        Ok(crossing.into_iter().map(Layouts::from).collect())
    }

    /// As [`of_crates`](Layouts::of_crates), and reads all other crates in the file too, by their root files.
    ///
    /// # Errors
    ///
    /// As [`read`](Layouts::read).
    #[allow(clippy::type_complexity, reason = "the results of two reads")]
    fn with_others(
        file: &MappedFile,
        dwarf: &Dwarf<Bytes<'_>>,
        crates: &[CrateSource<'_>],
        search: Search<'_>,
    ) -> Result<
        (
            Vec<Result<Layouts, Missing>>,
            Vec<(String, Result<Layouts, Missing>)>,
        ),
        Missing,
    > {
        let mut roots = debug_info::root_files(dwarf).map_err(unreadable)?;
        roots.retain(|root| crates.iter().all(|krate| krate.root_file != root));
        let mut sources = crates.to_vec();
        sources.extend(roots.iter().map(|root| CrateSource {
            crate_name: "",
            root_file: root,
        }));
        let mut layouts = Layouts::of_crates(file, dwarf, &sources, search)?;
        let others = layouts.split_off(crates.len());
        Ok((layouts, roots.into_iter().zip(others).collect()))
    }

    /// Whether a file may know one of these types. What cannot be read may know all.
    fn may_know(file: &Path, types: &Behind) -> bool {
        let Ok(file) = map(file) else { return true };
        let Ok(dwarf) = file.dwarf() else { return true };
        read::may_know(&dwarf, types.told())
    }

    fn from(crossing: Result<Crossing, Missing>) -> Result<Layouts, Missing> {
        crossing.map(|crossing| Layouts { crossing })
    }

    /// How the layouts of an item differ from those in `library`; `None` if one of the two does not know
    /// the item.
    ///
    /// `item` is the hash that its attribute gave it.
    fn differences(
        &self,
        library: &Layouts,
        item: u64,
        origins: Origins<'_>,
        conflicts: &Conflicts,
    ) -> Option<Vec<LayoutDifference>> {
        let own = *self.crossing.items.get(&item)?;
        let new = *library.crossing.items.get(&item)?;
        let (own, new) = ((&self.crossing.graph, own), (&library.crossing.graph, new));
        let differences = compare::differences(own, new, origins, conflicts);
        Some(report::each_once(differences))
    }

    /// How what panics carry differs from what they carry in `library`. A panic may pass any item.
    fn differences_of_payloads(
        &self,
        library: &Layouts,
        origins: Origins<'_>,
        conflicts: &Conflicts,
    ) -> Vec<LayoutDifference> {
        let (own, new) = (&self.crossing, &library.crossing);
        let compared = |own_object, new_object| {
            let (own, new) = ((&own.graph, own_object), (&new.graph, new_object));
            compare::differences(own, new, origins, conflicts)
        };
        let mut differences = compared(own.payloads.thrown, new.payloads.thrown);
        let resumed = compared(own.payloads.resumed, new.payloads.resumed);
        if !resumed.is_empty() && origins.may_resume() {
            differences.extend(resumed);
        }
        let differences = report::each_once(differences).into_iter();
        differences.map(LayoutDifference::in_payload).collect()
    }
}

fn map(file: &Path) -> Result<MappedFile, Missing> {
    let unreadable = |error: std::io::Error| Missing::File(error.to_string());
    let file = File::open(file).map_err(unreadable)?;
    MappedFile::open(&file).map_err(unreadable)
}

#[cfg(test)]
mod tests;
