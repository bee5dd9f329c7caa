//! Whether statics that program and libraries share by declaration, those of `hot_static!`, have one layout.

use super::compare::{self, Compared};
use super::earlier::Conflicts;
use super::files::{self, LinkedLayouts, PROGRAM};
use super::origin::{Origin, Origins};
use super::read::{Crossing, StaticType};
use super::{CrateSource, LayoutDifference, Layouts};
use hot_abi::registry::HotCrate;
use hot_abi::statics::{StaticEntry, StaticMismatch};
use std::sync::Arc;

/// Gives each static of a library its own value back that points at a value of the program, and whose type
/// has another layout there. Its name and size are known to be the same.
///
/// A static that the debug information of only one side tells of is taken for another. Where a side has no
/// types at all, and for crates that are no hot crates, it stays at what is known.
pub(super) fn separate(
    patched: &[StaticEntry],
    library: &LinkedLayouts,
    origin_of: &dyn Fn(&HotCrate) -> Arc<Origin>,
) -> Vec<StaticMismatch> {
    let separate = |entry: &StaticEntry| {
        let found = compare(entry.key, library, origin_of)?;
        if !found.is_unknown && found.differences.is_empty() {
            return None;
        }
        entry.keep_own_value();
        let name = (entry.type_key)().to_string();
        let (program, library) = describe(&name, found.differences.first());
        Some(StaticMismatch {
            key: entry.key.to_owned(),
            program,
            library,
        })
    };
    patched.iter().filter_map(separate).collect()
}

/// How the types of a static compare; `None` if that cannot be seen at all.
fn compare(
    key: &str,
    library: &LinkedLayouts,
    origin_of: &dyn Fn(&HotCrate) -> Arc<Origin>,
) -> Option<Compared> {
    let (krate, of_library) = of_crate(library, |krate| path_in(krate, key).is_some())?;
    let (_, of_program) = of_crate(&PROGRAM, |linked| linked.is(krate))?;
    let of_program = files::beside(of_program.clone(), CrateSource::of(krate), of_library).ok()?;
    let path = path_in(krate, key)?;
    let (own, new) = (&of_program.crossing, &of_library.crossing);
    Some(match (find(own, path), find(new, path)) {
        (Some(own_type), Some(new_type)) => {
            let (program, library) = (Origin::of_program(krate), origin_of(krate));
            let origins = Origins {
                program: Some(&program),
                library: Some(&library),
            };
            let (own, new) = ((&own.graph, own_type.ty), (&new.graph, new_type.ty));
            let conflicts = Conflicts::of(&[of_library], Some(&library));
            let mut compared = compare::compare(own, new, origins, &conflicts);
            if compared.differences.is_empty() {
                let type_name = of_library.crossing.graph.name(new_type.ty);
                let written = origins.other_references_in_static(path, &type_name);
                let written = written.map(|doubt| LayoutDifference::of_static(path, &doubt));
                compared.differences.extend(written);
            }
            compared
        }
        _ => Compared {
            differences: Vec::new(),
            is_unknown: true,
        },
    })
}

fn of_crate(
    layouts: &LinkedLayouts,
    wanted: impl Fn(&HotCrate) -> bool,
) -> Option<(&'static HotCrate, &Arc<Layouts>)> {
    let (krate, layouts) = layouts.iter().find(|(krate, _)| wanted(krate))?;
    Some((*krate, layouts.as_ref().ok()?))
}

/// The path in the key of a static of that crate: `scene::sky::STARS` in `/game/scene scene::sky::STARS`.
fn path_in<'a>(krate: &HotCrate, key: &'a str) -> Option<&'a str> {
    let path = key.strip_prefix(krate.manifest_dir)?.strip_prefix(' ')?;
    let behind = path.strip_prefix(krate.crate_name)?;
    behind.starts_with("::").then_some(path)
}

/// The static of that path. One in the body of a function has a longer path in debug information; `None` if
/// several have.
fn find<'a>(crossing: &'a Crossing, path: &str) -> Option<&'a StaticType> {
    let all = || crossing.statics.values();
    if let Some(found) = all().find(|own| own.path == path) {
        return Some(found);
    }
    let (module, name) = path.rsplit_once("::")?;
    let in_body = |own: &&StaticType| {
        let inner = own.path.strip_prefix(module);
        let inner = inner.and_then(|inner| inner.strip_prefix("::"));
        let inner = inner.and_then(|inner| inner.strip_suffix(name));
        inner.is_some_and(|inner| inner.ends_with("::"))
    };
    let mut found = all().filter(in_body);
    match (found.next(), found.next()) {
        (Some(found), None) => Some(found),
        _ => None,
    }
}

/// The type as each side has it, for people.
fn describe(name: &str, difference: Option<&LayoutDifference>) -> (String, String) {
    let Some(difference) = difference else {
        let unknown =
            format!("{name} whose layout is in the debug information of one of them only");
        return (name.to_owned(), unknown);
    };
    let LayoutDifference {
        type_name,
        part,
        program,
        library,
        ..
    } = difference;
    let place = match part {
        Some(part) => format!("`{type_name}`, {part}"),
        None => format!("`{type_name}`"),
    };
    let with = |side: &str| format!("{name} ({place}: {side})");
    (with(program), with(library))
}
