//! Whether statics and thread-locals of two builds have one type, and can therefore be one variable.

use super::compare::{self, Compared};
use super::earlier::Conflicts;
use super::files::{self, CrateLayouts, LibraryLayouts};
use super::origin::{Origin, Origins};
use super::read::StaticType;
use super::{CrateSource, LayoutDifference, Layouts, Missing, report};
use std::path::Path;

/// How the type of a static compares with that of the static whose place it is to take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StaticComparison {
    /// They are one type, with all that it leads to.
    Same,
    /// The type changed.
    Changed {
        /// The static, with its path.
        name: String,
        /// In a line: the old and the new.
        change: String,
        /// How the types differ.
        differences: Vec<LayoutDifference>,
    },
    /// It cannot be known, for this reason.
    Unknown {
        /// What the debug information lacks.
        problem: String,
    },
}

/// Compares the types of statics and thread-locals in a thin library with those in `owner`, another thin
/// library, or in the program where that is `None`. Each pair is the symbol in the library and that in the
/// owner.
///
/// Nobody may write to the files of libraries meanwhile. What was read of them is remembered, so that the
/// check of a library that is loaded next does not read it again.
pub fn compare_statics(
    owner: Option<&Path>,
    library: &Path,
    symbols: &[(&str, &str)],
) -> Vec<StaticComparison> {
    let new_origin = Origin::told(library);
    let old_origin = match owner {
        Some(owner) => Origin::told(owner),
        None => new_origin.as_ref().and_then(|new| new.in_program()),
    };
    let origins = Origins {
        program: old_origin.as_deref(),
        library: new_origin.as_deref(),
    };
    let library = files::of_library(library);
    let owner = owner.map(files::of_library);
    let readable = library.crates();
    let readable = readable.filter_map(|(_, crates)| crates.as_deref().ok());
    let readable: Vec<_> = readable.collect();
    let conflicts = Conflicts::of(&readable, new_origin.as_deref());
    let compare = |(new, old): &(&str, &str)| {
        compare_static(
            (owner.as_deref(), old),
            (&library, new),
            origins,
            &conflicts,
        )
    };
    symbols.iter().map(compare).collect()
}

/// The symbols of all statics and thread-locals that the debug information of a thin library tells of. Empty
/// if it has none that can be read.
///
/// Nobody may write to the file meanwhile.
pub fn statics_in(library: &Path) -> Vec<String> {
    let library = files::of_library(library);
    let crates = library
        .crates()
        .filter_map(|(_, crates)| crates.as_ref().ok());
    let symbols = crates.flat_map(|layouts| layouts.crossing.statics.keys().cloned());
    symbols.collect()
}

fn compare_static(
    (owner, old): (Option<&LibraryLayouts>, &str),
    (library, new): (&LibraryLayouts, &str),
    origins: Origins<'_>,
    conflicts: &Conflicts,
) -> StaticComparison {
    let (root, new, new_type) = match find(library, new) {
        Ok(found) => found,
        Err(missing) => return unknown("the new code", &missing),
    };
    let compared = match owner {
        Some(owner) => match find(owner, old) {
            Ok((_, own, own_type)) => {
                compared((own, own_type), (new, new_type), origins, conflicts)
            }
            Err(missing) => return unknown("the code that it has to share it with", &missing),
        },
        None => match of_program(root, new) {
            Ok(own) => match static_in(&own, old) {
                Some(own_type) => compared((&own, own_type), (new, new_type), origins, conflicts),
                None => return unknown("the program", &Missing::Types),
            },
            Err(missing) => return unknown("the program", &missing),
        },
    };
    let mut differences = report::each_once(compared.differences);
    if compared.is_unknown {
        return StaticComparison::Unknown {
            problem: join(&differences),
        };
    }
    if differences.is_empty() {
        // The static itself, by its name.
        let type_name = new.crossing.graph.name(new_type.ty);
        let written = origins.other_references_in_static(&new_type.path, &type_name);
        differences
            .extend(written.map(|doubt| LayoutDifference::of_static(&new_type.path, &doubt)));
    }
    match differences.is_empty() {
        true => StaticComparison::Same,
        false => StaticComparison::Changed {
            name: new_type.path.clone(),
            change: change(&differences),
            differences,
        },
    }
}

/// The layouts of the crate in the program that is also in the library.
fn of_program(root_file: &str, library: &Layouts) -> CrateLayouts {
    let mut linked = crate::linked_crates().iter();
    let krate = linked.find(|krate| krate.root_file == root_file);
    let source = krate.map_or(
        CrateSource {
            crate_name: "",
            root_file,
        },
        |krate| CrateSource::of(krate),
    );
    files::beside(files::of_program(root_file)?, source, library)
}

fn compared(
    own: (&Layouts, &StaticType),
    new: (&Layouts, &StaticType),
    origins: Origins<'_>,
    conflicts: &Conflicts,
) -> Compared {
    compare::compare(
        (&own.0.crossing.graph, own.1.ty),
        (&new.0.crossing.graph, new.1.ty),
        origins,
        conflicts,
    )
}

/// The static of that symbol. Where optimisation took a static apart, each part has the symbol of the whole and
/// a number; that is as good as the whole if there is no other part.
fn static_in<'a>(layouts: &'a Layouts, symbol: &str) -> Option<&'a StaticType> {
    let statics = &layouts.crossing.statics;
    statics.get(symbol).or_else(|| {
        let (whole, number) = symbol.rsplit_once('.')?;
        let is_number = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
        let found = statics.get(whole).filter(|_| is_number)?;
        found.is_whole.then_some(found)
    })
}

/// The crate of a library that has the static, by its root file, and the static. Or else what is missing.
fn find<'a>(
    library: &'a LibraryLayouts,
    symbol: &str,
) -> Result<(&'a str, &'a Layouts, &'a StaticType), Missing> {
    let in_crate = |(root, layouts): (&'a str, &'a CrateLayouts)| {
        let layouts = layouts.as_deref().ok()?;
        Some((root, layouts, static_in(layouts, symbol)?))
    };
    if let Some(found) = library.crates().find_map(in_crate) {
        return Ok(found);
    }
    // A crate that is not in the library has no debug information there, which means nothing.
    let mut problems = library
        .crates()
        .filter_map(|(_, layouts)| layouts.as_ref().err());
    let telling = problems.find(|problem| **problem != Missing::DebugInfo);
    let is_read = library.crates().any(|(_, layouts)| layouts.is_ok());
    Err(match (telling, is_read) {
        (Some(problem), _) => problem.clone(),
        (None, true) => Missing::Types,
        (None, false) => Missing::DebugInfo,
    })
}

fn unknown(side: &str, missing: &Missing) -> StaticComparison {
    StaticComparison::Unknown {
        problem: format!("the reason is {side}: {missing}"),
    }
}

/// What changed, briefly: the first few differences.
fn change(differences: &[LayoutDifference]) -> String {
    let mut changes: Vec<String> = differences
        .iter()
        .take(TOLD)
        .map(|difference| {
            let LayoutDifference {
                type_name,
                part,
                program,
                library,
                ..
            } = difference;
            match part {
                _ if difference.is_of_signature() => format!("{program} → {library}"),
                Some(part) => format!("`{type_name}`, {part}: {program} → {library}"),
                None => format!("`{type_name}`: {program} → {library}"),
            }
        })
        .collect();
    if differences.len() > TOLD {
        changes.push(format!("and {} more", differences.len() - TOLD));
    }
    changes.join("; ")
}

/// How many differences are told.
const TOLD: usize = 3;

fn join(differences: &[LayoutDifference]) -> String {
    let differences = differences.iter().map(LayoutDifference::to_string);
    differences.collect::<Vec<_>>().join("; ")
}
