//! Two graphs of types, side by side.

use super::behind;
use super::earlier::Conflicts;
use super::graph::{Graph, Part, Role, Shape, Type, TypeId};
use super::names;
use super::origin::{Doubt, Origins};
use super::proven::Proven;
use super::report::LayoutDifference;
use crate::words;
use std::collections::HashSet;

/// How two types differ, and all that they lead to. Empty if a value of one can be taken for a value of the
/// other.
pub(super) fn differences(
    program: (&Graph, TypeId),
    library: (&Graph, TypeId),
    origins: Origins<'_>,
    conflicts: &Conflicts,
) -> Vec<LayoutDifference> {
    compare(program, library, origins, conflicts).differences
}

/// What a comparison came to.
#[derive(Debug)]
pub(super) struct Compared {
    pub(super) differences: Vec<LayoutDifference>,
    /// Whether there is a difference only because the debug information does not tell a type's layout.
    pub(super) is_unknown: bool,
}

/// As [`differences`], and tells what is not known from what changed. What is in conflict with an earlier library
/// differs.
pub(super) fn compare(
    program: (&Graph, TypeId),
    library: (&Graph, TypeId),
    origins: Origins<'_>,
    conflicts: &Conflicts,
) -> Compared {
    // What is in conflict differs from itself.
    let proven = match conflicts.is_empty() {
        true => Proven::take(program.0, library.0, origins),
        false => Proven::nothing(program.0, library.0, origins),
    };
    let mut comparison = Comparison {
        proven,
        program: program.0,
        library: library.0,
        origins,
        have_other_references: origins.have_other_references(),
        conflicts,
        seen: HashSet::new(),
        waiting: Vec::new(),
        causes: Vec::new(),
        references: Vec::new(),
        effects: Vec::new(),
        unknown: 0,
    };
    comparison.edge(None, Some(program.1), Some(library.1));
    while let Some((program, library)) = comparison.waiting.pop() {
        comparison.types(program, library);
    }
    // What changed in a trait besides its references is told by the tables of its methods.
    if comparison.causes.is_empty() {
        comparison.causes.append(&mut comparison.references);
    }
    let is_same = comparison.causes.is_empty() && comparison.effects.is_empty();
    if conflicts.is_empty() {
        let mut proven = comparison.proven;
        if is_same {
            proven.add(comparison.seen);
        }
        proven.put_back();
    }
    let is_unknown = comparison.unknown > 0
        && comparison.unknown == comparison.causes.len()
        && comparison.effects.is_empty();
    Compared {
        differences: match comparison.causes.is_empty() {
            true => comparison.effects,
            false => comparison.causes,
        },
        is_unknown,
    }
}

struct Comparison<'a> {
    proven: Proven,
    program: &'a Graph,
    library: &'a Graph,
    origins: Origins<'a>,
    /// Whether any definition speaks of other references.
    have_other_references: bool,
    conflicts: &'a Conflicts,
    seen: HashSet<(TypeId, TypeId)>,
    waiting: Vec<(TypeId, TypeId)>,
    /// What was changed.
    causes: Vec<LayoutDifference>,
    /// Types of one layout that speak of other references.
    references: Vec<LayoutDifference>,
    /// Sizes and places that may have changed only because of something else.
    effects: Vec<LayoutDifference>,
    /// How many of the causes are types that the debug information does not tell.
    unknown: usize,
}

/// Where an edge begins: the type, as both have it, and the part.
type Owner<'a> = (&'a Type, &'a Part);

impl Comparison<'_> {
    /// Two types of one name.
    fn types(&mut self, program: TypeId, library: TypeId) {
        let (own, new) = (&self.program.types[program], &self.library.types[library]);
        let differences = (self.causes.len(), self.effects.len());
        self.layouts(own, new);
        if self.have_other_references && differences == (self.causes.len(), self.effects.len()) {
            self.references(own);
        }
    }

    /// What debug information does not tell of types that are the same by it.
    fn references(&mut self, own: &Type) {
        let path = names::principal(&own.name).unwrap_or(&own.name);
        if let Some(doubt) = names::is_path(path)
            .then(|| self.origins.other_references(path))
            .flatten()
        {
            self.references
                .push(LayoutDifference::of_references(own, &doubt));
        }
    }

    fn layouts(&mut self, own: &Type, new: &Type) {
        if own.shape == Shape::Unknown || new.shape == Shape::Unknown {
            self.unknown += 1;
            let told = |ty: &Type| match ty.shape {
                Shape::Unknown => "a type whose layout is not in its debug information",
                _ => "a type whose layout is known",
            };
            return self
                .causes
                .push(LayoutDifference::new(own, None, told(own), told(new)));
        }
        if own.shape != new.shape {
            let (own_shape, new_shape) = (own.shape.to_string(), new.shape.to_string());
            return self
                .causes
                .push(LayoutDifference::new(own, None, own_shape, new_shape));
        }
        for (at, part) in own.parts.iter().enumerate() {
            match part.counterpart_at(at, new) {
                // Nobody here makes a value of it.
                Some(_) if part.role == Role::Unmade => {}
                Some(other) => self.parts(own, part, other),
                None if part.role.is_made() => {
                    if let Some(other) = named_behind(new, &part.name)
                        && behind::may_be_downcast(self.program, own, part)
                    {
                        let made = behind::implementor(self.program, part);
                        let other = behind::implementor(self.library, other);
                        self.edge(Some((own, part)), made, other);
                    }
                }
                None if new.may_lack(part.role) => {}
                None => {
                    let described = self.describe(self.program, part);
                    let difference =
                        LayoutDifference::new(own, Some(part), described, "no such thing");
                    self.causes.push(difference);
                }
            }
        }
        for (at, part) in new.parts.iter().enumerate() {
            if part.role.is_behind() {
                self.causes.extend_from_slice(self.conflicts.at(part));
            }
            if part.counterpart_at(at, own).is_some() {
                continue;
            }
            if part.role.is_made() {
                if let Some(other) = named_behind(own, &part.name)
                    && behind::may_be_downcast(self.library, new, part)
                {
                    let other = behind::implementor(self.program, other);
                    let made = behind::implementor(self.library, part);
                    self.edge(Some((new, part)), other, made);
                }
            } else if !own.may_lack(part.role) {
                let described = self.describe(self.library, part);
                let difference = LayoutDifference::new(new, Some(part), "no such thing", described);
                self.causes.push(difference);
            }
        }
        if let (Some(plain_trait), Some(_)) = (&own.plain_trait, &new.plain_trait) {
            self.trait_object(plain_trait, own, new);
        }
        if (own.size, own.align) != (new.size, new.align) {
            let (before, after) = (own.extent(), new.extent());
            self.effects
                .push(LayoutDifference::new(own, None, before, after));
        }
    }

    /// What the tables of methods, and the types that are known, do not tell of two trait objects of one name.
    fn trait_object(&mut self, plain_trait: &str, own: &Type, new: &Type) {
        let tables_tell = own.tables_tell(self.program, new, self.library);
        let is_mentioned = |ty: &Type, path: &str| {
            let mut parts = ty.parts.iter();
            parts.any(|part| part.role == Role::Mentioned && part.name == path)
        };
        for (place, path) in names::paths_in(plain_trait).into_iter().enumerate() {
            let is_trait = place == 0;
            let is_told = match is_trait {
                true => tables_tell,
                false => is_mentioned(own, path) && is_mentioned(new, path),
            };
            if is_told {
                continue;
            }
            let Some(doubt) = self.proven.doubt(self.origins, path) else {
                continue;
            };
            let is_change = matches!(
                doubt,
                Doubt::Words(words::Difference::Changed(_)) | Doubt::Compiled { .. }
            );
            self.unknown += usize::from(!is_change);
            self.causes
                .push(LayoutDifference::of_words(own, path, is_trait, &doubt));
        }
    }

    /// Two parts of one name, of two types of one name.
    fn parts(&mut self, owner: &Type, own: &Part, new: &Part) {
        if own.role != new.role {
            let (before, after) = (own.role.to_string(), new.role.to_string());
            let difference = LayoutDifference::new(owner, Some(own), before, after);
            match own.role {
                Role::Field { .. } => self.effects.push(difference),
                role => self.list_of(role).push(difference),
            }
        }
        self.edge(Some((owner, own)), own.ty, new.ty);
    }

    /// What two parts lead to.
    fn edge(&mut self, from: Option<Owner<'_>>, program: Option<TypeId>, library: Option<TypeId>) {
        if let (Some(program), Some(library)) = (program, library) {
            // Before their names are made up: most were met before.
            let pair = (program, library);
            if self.proven.has(pair) || self.seen.contains(&pair) {
                return;
            }
            let names = (self.program.name(program), self.library.name(library));
            if names.0 == names.1 {
                self.seen.insert(pair);
                self.waiting.push(pair);
                return;
            }
        } else if program.is_none() && library.is_none() {
            return;
        }
        let name = |graph: &Graph, ty: Option<TypeId>| match ty {
            Some(ty) => format!("`{}`", graph.name(ty)),
            None => "`()`".to_owned(),
        };
        let (before, after) = (name(self.program, program), name(self.library, library));
        match from {
            Some((owner, part)) => {
                let difference = LayoutDifference::new(owner, Some(part), before, after);
                match names::is_table_of_methods(&owner.name, &part.name) {
                    true => self.effects.push(difference),
                    false => self.list_of(part.role).push(difference),
                }
            }
            None => self
                .causes
                .push(LayoutDifference::of_signature(before, after)),
        }
    }

    /// Where a difference of a part goes. The compiler chooses how to tell variants apart by what is in them.
    fn list_of(&mut self, role: Role) -> &mut Vec<LayoutDifference> {
        match role {
            Role::Discriminant { .. } => &mut self.effects,
            _ => &mut self.causes,
        }
    }

    fn describe(&self, graph: &Graph, part: &Part) -> String {
        match (part.role, part.ty) {
            (Role::Enumerator { .. } | Role::Variant { .. }, _) | (_, None) => {
                part.role.to_string()
            }
            (_, Some(ty)) => format!("`{}`", graph.name(ty)),
        }
    }
}

/// The type of that name that gets behind a trait object in another way, or is not put there at all. It could be taken
/// from there, if the trait lets anyone find out what is behind it; otherwise only the table of methods that came with a
/// value knows its type.
fn named_behind<'a>(object: &'a Type, name: &str) -> Option<&'a Part> {
    let mut parts = object.parts.iter();
    parts.find(|part| part.role.is_behind() && part.name == name)
}
