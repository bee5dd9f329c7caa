//! Layouts of types as plain data: a graph whose nodes are types and whose edges are what they are made of.

use super::proven;
use std::borrow::Cow;
use std::fmt;

/// A type, by its place in [`Graph::types`].
pub(super) type TypeId = usize;

/// Types, and what they are made of.
#[derive(Debug)]
pub(super) struct Graph {
    /// No other graph has it.
    pub(super) number: u64,
    pub(super) types: Vec<Type>,
}

/// One type.
#[derive(Debug)]
pub(super) struct Type {
    /// With the modules it is in, and without what numbers it among others of one name.
    pub(super) name: String,
    pub(super) shape: Shape,
    /// In bytes, where the debug information tells.
    pub(super) size: Option<u64>,
    /// In bytes, where the debug information tells.
    pub(super) align: Option<u64>,
    pub(super) parts: Vec<Part>,
    /// The trait of a trait object, unless its attribute tells its methods.
    pub(super) plain_trait: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A number, a character, a truth value: how its bits are read.
    Primitive {
        encoding: u8,
    },
    /// A struct, a tuple, a closure, an enum with fields, a pointer with a length or a table of methods.
    Struct,
    Union,
    /// An enum without fields.
    Enumeration,
    Pointer,
    Array,
    Function,
    /// What the debug information does not tell. Equal to nothing.
    Unknown,
}

/// What a type is made of, or leads to.
#[derive(Debug)]
pub(super) struct Part<Id = TypeId> {
    pub(super) role: Role,
    pub(super) name: String,
    pub(super) ty: Option<Id>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A field, and where it is.
    Field { offset: Option<u64> },
    /// What tells the variants of an enum apart, and where it is.
    Discriminant { offset: Option<u64> },
    /// A variant with fields: the discriminant's value; `None` where it is every other value.
    Variant { value: Option<u64> },
    /// A variant of an enum without fields.
    Enumerator { value: Option<u64> },
    /// A type argument.
    Generic,
    /// What a pointer leads to.
    Target,
    /// What an array repeats, and how often.
    Element { count: Option<u64> },
    /// The parameter of that position.
    Parameter(usize),
    /// What a function returns.
    Result,
    /// The methods of a hot trait, in their order.
    Methods,
    /// A type that is put behind a trait object, by its table of methods.
    Implementor,
    /// A type whose values get behind a trait object by another way than a table of its methods for that trait: by the
    /// table for a trait that leads there, or because a panic carries them.
    Carried,
    /// A type that the other side puts behind a trait object, and this one does not.
    Unmade,
    /// A method in a table of them, and its place there.
    Method(usize),
    /// A type that the name of a trait object speaks of.
    Mentioned,
}

impl Role {
    /// Whether the part stands for a type that is, or may be, behind a trait object.
    pub(super) fn is_behind(self) -> bool {
        matches!(self, Role::Implementor | Role::Carried | Role::Unmade)
    }

    /// Whether the part stands for a type of which values are put behind a trait object.
    pub(super) fn is_made(self) -> bool {
        matches!(self, Role::Implementor | Role::Carried)
    }

    /// Whether parts of these roles are to be compared, given that they have one name.
    pub(super) fn is_kind_of(self, other: Role) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
            && match (self, other) {
                (Role::Parameter(own), Role::Parameter(other)) => own == other,
                _ => true,
            }
    }
}

impl Part {
    /// The part of `other` that this one is to be compared with.
    pub(super) fn counterpart<'a>(&self, other: &'a Type) -> Option<&'a Part> {
        other.parts.iter().find(|part| self.is_meant_by(part))
    }

    /// As [`counterpart`](Self::counterpart), for the part at place `at` of its own type: mostly it is the one at
    /// that place.
    pub(super) fn counterpart_at<'a>(&self, at: usize, other: &'a Type) -> Option<&'a Part> {
        let there = other.parts.get(at).filter(|part| self.is_meant_by(part));
        there.or_else(|| self.counterpart(other))
    }

    fn is_meant_by(&self, part: &Part) -> bool {
        part.role.is_kind_of(self.role) && part.name == self.name
    }
}

impl Type {
    /// Whether the tables of methods that both have tell all of the methods of their trait.
    pub(super) fn tables_tell(&self, graph: &Graph, other: &Type, other_graph: &Graph) -> bool {
        let is_whole = |graph: &Graph, table: &Part| {
            let table = table.ty.map(|table| &graph.types[table]);
            let mut methods = table.into_iter().flat_map(|table| &table.parts);
            let methods = methods
                .by_ref()
                .filter(|part| matches!(part.role, Role::Method(_)));
            let known: Vec<_> = methods.map(|method| method.ty.is_some()).collect();
            !known.is_empty() && known.iter().all(|is_known| *is_known)
        };
        let tables = self
            .parts
            .iter()
            .filter(|part| part.role == Role::Implementor);
        let mut both = tables.filter_map(|table| Some((table, table.counterpart(other)?)));
        both.any(|(own, new)| is_whole(graph, own) && is_whole(other_graph, new))
    }

    /// Whether it may lack a part in this role that another type of its name has.
    pub(super) fn may_lack(&self, role: Role) -> bool {
        match role {
            // What one side makes no values of.
            Role::Implementor | Role::Carried | Role::Unmade | Role::Mentioned => true,
            Role::Method(_) => {
                let is_method = |part: &Part| matches!(part.role, Role::Method(_));
                !self.parts.iter().any(is_method)
            }
            _ => false,
        }
    }

    /// Size and alignment, for people.
    pub(super) fn extent(&self) -> String {
        match (self.size, self.align) {
            (Some(size), Some(align)) => format!("{size} bytes, aligned to {align}"),
            (Some(size), None) => format!("{size} bytes"),
            (None, _) => "no size".to_owned(),
        }
    }
}

impl Default for Graph {
    fn default() -> Self {
        Graph {
            number: proven::number(),
            types: Vec::new(),
        }
    }
}

impl Graph {
    /// The name of a type, also of one that has none in debug information.
    pub(super) fn name(&self, id: TypeId) -> Cow<'_, str> {
        self.name_within(id, 4)
    }

    fn name_within(&self, id: TypeId, depth: u8) -> Cow<'_, str> {
        let ty = &self.types[id];
        if !ty.name.is_empty() {
            return Cow::Borrowed(&ty.name);
        }
        let name_of = |part: &Part| match (part.ty, depth.checked_sub(1)) {
            (Some(ty), Some(depth)) => self.name_within(ty, depth),
            (None, _) => Cow::Borrowed("()"),
            (_, None) => Cow::Borrowed("_"),
        };
        let elements = ty.parts.iter().find_map(|part| match part.role {
            Role::Element { count: Some(count) } => Some(format!("[{}; {count}]", name_of(part))),
            Role::Element { count: None } => Some(format!("[{}]", name_of(part))),
            _ => None,
        });
        Cow::Owned(elements.unwrap_or_else(|| {
            let (mut parameters, mut result) = (Vec::new(), Cow::Borrowed("()"));
            for part in &ty.parts {
                match part.role {
                    Role::Result => result = name_of(part),
                    _ => parameters.push(name_of(part)),
                }
            }
            format!("fn({}) -> {result}", parameters.join(", "))
        }))
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Shape::Primitive { .. } => "a primitive type",
            Shape::Struct => "a struct, or an enum with fields",
            Shape::Union => "a union",
            Shape::Enumeration => "an enum without fields",
            Shape::Pointer => "a pointer",
            Shape::Array => "an array",
            Shape::Function => "a function",
            Shape::Unknown => "unknown",
        })
    }
}

/// What makes a part differ from one of the same kind and name.
impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Role::Field {
                offset: Some(offset),
            }
            | Role::Discriminant {
                offset: Some(offset),
            } => write!(f, "at byte {offset}"),
            Role::Variant { value: Some(value) } | Role::Enumerator { value: Some(value) } => {
                write!(f, "with discriminant {value}")
            }
            Role::Variant { value: None } | Role::Enumerator { value: None } => {
                f.write_str("with every other discriminant")
            }
            Role::Element { count: Some(count) } => write!(f, "{count} elements"),
            Role::Field { offset: None }
            | Role::Discriminant { offset: None }
            | Role::Element { count: None } => f.write_str("somewhere"),
            Role::Method(place) => write!(f, "in place {place} of the trait"),
            Role::Generic
            | Role::Target
            | Role::Parameter(_)
            | Role::Result
            | Role::Methods
            | Role::Implementor
            | Role::Carried
            | Role::Unmade
            | Role::Mentioned => f.write_str("there"),
        }
    }
}
