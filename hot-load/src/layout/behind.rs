//! Which types are put behind trait objects.
//!
//! Code that takes a value out from behind `dyn Any` knows it by its `TypeId`, which does not see the types of
//! fields. So a type that one side puts there is looked for in the other by its name, and compared.

use super::graph::{Graph, Part, Role, Type, TypeId};
use super::names;
use std::collections::{BTreeSet, HashMap};

/// The names of types that some code puts behind trait objects, by the names of the traits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Behind(HashMap<String, BTreeSet<String>>);

/// What the reader of a file looks for behind trait objects, other than what the units of the crate put there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search<'a> {
    /// Types that are put there elsewhere: these are looked for by their names.
    pub(super) elsewhere: &'a Behind,
    /// The types of these crates are also looked for where other crates of the workspace put them there. All others
    /// only behind objects that tell what is behind them.
    pub(super) of_crates: &'a [&'a str],
}

impl Search<'_> {
    /// Whether a table of methods that another crate of the workspace has is of a type that is looked for.
    pub(super) fn is_of_type(&self, table: &str) -> bool {
        let mut paths = names::paths_in(table).into_iter();
        paths.any(|path| self.of_crates.contains(&names::crate_of(path)))
    }
}

impl Behind {
    /// Those of which there is a table of methods. Types of the compiler's own crates are left out: they are one
    /// thing everywhere.
    pub(super) fn of(graph: &Graph) -> Behind {
        let mut behind = Behind::default();
        for object in &graph.types {
            let Some(plain_trait) = &object.plain_trait else {
                continue;
            };
            for part in &object.parts {
                if part.role.is_made()
                    && let Some(name) = type_of(&part.name, plain_trait)
                    && !is_of_compiler(name)
                {
                    behind.insert(plain_trait, name);
                }
            }
        }
        behind
    }

    pub(super) fn add(&mut self, other: &Behind) {
        for (plain_trait, names) in &other.0 {
            for name in names {
                self.insert(plain_trait, name);
            }
        }
    }

    /// Those that another one does not have.
    pub(super) fn without(&self, other: &Behind) -> Behind {
        let mut rest = Behind::default();
        for (plain_trait, names) in &self.0 {
            let known = other.0.get(plain_trait);
            for name in names {
                if !known.is_some_and(|known| known.contains(name)) {
                    rest.insert(plain_trait, name);
                }
            }
        }
        rest
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The types that are put behind objects of this trait.
    pub(super) fn of_trait(&self, plain_trait: &str) -> impl Iterator<Item = &str> {
        let names = self.0.get(plain_trait).into_iter().flatten();
        names.map(String::as_str)
    }

    /// The types that somebody may find out.
    pub(super) fn told(&self) -> impl Iterator<Item = &str> {
        let is_told = |of: &str| is_downcast(of) || of == PAYLOAD;
        let told = self.0.iter().filter(move |(of, _)| is_told(of));
        told.flat_map(|(_, names)| names).map(String::as_str)
    }

    fn insert(&mut self, plain_trait: &str, name: &str) {
        let names = match self.0.get_mut(plain_trait) {
            Some(names) => names,
            None => self.0.entry(plain_trait.to_owned()).or_default(),
        };
        if !names.contains(name) {
            names.insert(name.to_owned());
        }
    }
}

/// What the part of a trait object is called that stands for a type behind it.
pub(super) fn part_name(ty: &str, plain_trait: &str) -> String {
    format!("{ty} as {plain_trait}")
}

/// The type that a part of a trait object stands for.
pub(super) fn implementor(graph: &Graph, part: &Part) -> Option<TypeId> {
    match part.role {
        Role::Unmade | Role::Carried => part.ty,
        Role::Implementor => {
            let mut parts = graph.types[part.ty?].parts.iter();
            parts.find(|part| part.role == Role::Target)?.ty
        }
        _ => None,
    }
}

/// Whether code may find out what is behind an object of this trait: it is `Any`, or leads there by a method of its
/// own or of a supertrait.
///
/// The methods are those of `part`, a table. What gets there without one gets there to be found out.
pub(super) fn may_be_downcast(graph: &Graph, object: &Type, part: &Part) -> bool {
    if part.role == Role::Carried {
        return true;
    }
    let plain_trait = object.plain_trait.as_deref().unwrap_or_default();
    if DOWNCAST.contains(&plain_trait) {
        return true;
    }
    let table = part.ty.map(|table| &graph.types[table]);
    let methods = table.into_iter().flat_map(|table| &table.parts);
    let mut methods = methods
        .filter(|part| matches!(part.role, Role::Method(_)))
        .peekable();
    let leads_there = |method: &Part| {
        // What is compiled into another crate is not seen.
        let Some(function) = method.ty else {
            return true;
        };
        let name = graph.name(function);
        method.name == TYPE_ID || DOWNCAST.iter().any(|downcast| name.contains(downcast))
    };
    methods.peek().is_none() || methods.any(leads_there)
}

/// The trait behind which everything is known by its `TypeId`.
pub(super) const ANY: &str = "core::any::Any";

/// The trait of std behind which panics have their payload.
pub(super) const PAYLOAD: &str = "core::panic::PanicPayload";

/// The traits of std that tell what is behind their objects.
const DOWNCAST: &[&str] = &[ANY, "core::error::Error"];

/// The method by which they do.
pub(super) const TYPE_ID: &str = "type_id";

/// Whether objects of the trait tell what is behind them.
pub(super) fn is_downcast(plain_trait: &str) -> bool {
    DOWNCAST.contains(&plain_trait)
}

/// Whether a table of methods of that name is of a type that somebody may find out: because of the trait, or of one that
/// it leads to, or because panics carry it.
pub(super) fn may_tell(table: &str) -> bool {
    names::parts_of_table(table).is_some_and(|(ty, plain_trait)| {
        let is_meant = is_downcast(plain_trait) || plain_trait == PAYLOAD;
        !is_of_compiler(ty) && (is_meant || !is_of_compiler(plain_trait))
    })
}

/// Whether the method of that symbol is the one by which objects of `plain_trait` tell what is behind them. In both ways
/// in which rustc writes symbols.
pub(super) fn is_type_id_of(plain_trait: &str, symbol: &str) -> bool {
    let marks: &[&str] = match plain_trait {
        ANY => &["core..any..Any$GT$7type_id", "3Any7type_id"],
        _ => &["5error5Error7type_id", "core..error..Error$GT$7type_id"],
    };
    marks.iter().any(|mark| symbol.contains(mark))
}

/// The type that a part of an object of this trait stands for, by its name.
pub(super) fn type_of<'a>(part_name: &'a str, plain_trait: &str) -> Option<&'a str> {
    let name = part_name.strip_suffix(plain_trait)?;
    name.strip_suffix(" as ")
}

/// The names by which a type is looked for: its own, or where that is made up of others, as in `fn(Loot)` or
/// `Box<dyn Fn(Loot)>`, theirs.
pub(super) fn names_of(ty: &str) -> Vec<&str> {
    let mut names = vec![ty];
    if is_made_up(ty) {
        let inner = names::paths_in(ty).into_iter();
        names.extend(inner.filter(|path| *path != ty && !is_of_compiler(path)));
    }
    names
}

/// Whether debug information may have no type of that name, and then has those that the name speaks of.
fn is_made_up(ty: &str) -> bool {
    !names::is_path(ty) || ty.contains("dyn ") || ty.contains("fn(")
}

pub(super) fn is_of_compiler(name: &str) -> bool {
    let mut paths = names::paths_in(name).into_iter();
    paths.all(|path| names::OF_COMPILER.contains(&names::crate_of(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_the_compiler_are_no_ones_business() {
        assert!(is_of_compiler("alloc::string::String"));
        assert!(is_of_compiler("(u8, alloc::vec::Vec<u8>)"));
        assert!(!is_of_compiler("alloc::vec::Vec<scene::World>"));
    }

    #[test]
    fn the_method_that_tells_a_type_is_known_by_its_symbol() {
        let error = "core::error::Error";
        let legacy = "_ZN36_$LT$T$u20$as$u20$core..any..Any$GT$7type_id17h291c73969425a254E";
        assert!(is_type_id_of(ANY, legacy) && !is_type_id_of(error, legacy));
        let newer = "_RNvXNtCsgE_4core3anyNtCs1_5scene4LootNtB2_3Any7type_idCs1_5scene";
        assert!(is_type_id_of(ANY, newer) && !is_type_id_of(error, newer));
        let of_errors = "_ZN4core5error5Error7type_id17ha917525e85542d0dE";
        assert!(is_type_id_of(error, of_errors) && !is_type_id_of(ANY, of_errors));
        let own = "_ZN5scene7Monster7type_id17ha917525e85542d0dE";
        assert!(!is_type_id_of(ANY, own) && !is_type_id_of(error, own));
    }

    #[test]
    fn what_one_lacks_is_known_by_trait_and_type() {
        let (mut own, mut other) = (Behind::default(), Behind::default());
        own.insert("core::any::Any", "scene::World");
        own.insert("core::any::Any", "scene::Position");
        other.insert("core::any::Any", "scene::World");
        other.insert("scene::Shape", "scene::Position");
        let rest = own.without(&other);
        let names: Vec<_> = rest.of_trait("core::any::Any").collect();
        assert_eq!(names, ["scene::Position"]);
        assert_eq!(rest.of_trait("scene::Shape").count(), 0);
        other.add(&own);
        assert!(own.without(&other).is_empty());
    }
}
