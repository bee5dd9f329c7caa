//! Types of the modelled crate: how they are written, and how debug information names them.

use std::fmt;

/// A number, a character or a truth value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Primitive {
    Bool,
    Char,
    U8,
    U16,
    U32,
    U64,
    I8,
    I16,
    I32,
    I64,
    F32,
    F64,
}

impl Primitive {
    pub(super) const ALL: [Primitive; 12] = [
        Primitive::Bool,
        Primitive::Char,
        Primitive::U8,
        Primitive::U16,
        Primitive::U32,
        Primitive::U64,
        Primitive::I8,
        Primitive::I16,
        Primitive::I32,
        Primitive::I64,
        Primitive::F32,
        Primitive::F64,
    ];

    fn name(self) -> &'static str {
        match self {
            Primitive::Bool => "bool",
            Primitive::Char => "char",
            Primitive::U8 => "u8",
            Primitive::U16 => "u16",
            Primitive::U32 => "u32",
            Primitive::U64 => "u64",
            Primitive::I8 => "i8",
            Primitive::I16 => "i16",
            Primitive::I32 => "i32",
            Primitive::I64 => "i64",
            Primitive::F32 => "f32",
            Primitive::F64 => "f64",
        }
    }

    /// In bytes.
    pub(super) fn size(self) -> usize {
        match self {
            Primitive::Bool | Primitive::U8 | Primitive::I8 => 1,
            Primitive::U16 | Primitive::I16 => 2,
            Primitive::Char | Primitive::U32 | Primitive::I32 | Primitive::F32 => 4,
            Primitive::U64 | Primitive::I64 | Primitive::F64 => 8,
        }
    }
}

/// A type that the crate defines, by a number that stays its own through all edits. A type's parts are of
/// types with smaller numbers, so that none contains itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct DefinitionId(pub(super) u32);

impl fmt::Display for DefinitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Type{}", self.0)
    }
}

/// A type. `Display` writes it as Rust does.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Type {
    Primitive(Primitive),
    String,
    Tuple(Vec<Type>),
    Array(Box<Type>, usize),
    Vec(Box<Type>),
    Option(Box<Type>),
    Boxed(Box<Type>),
    /// Of the crate, with type arguments.
    Defined(DefinitionId, Vec<Type>),
    /// A type parameter of the definition that it is in.
    Parameter(usize),
    /// `Box<dyn Trait>`, of the crate's trait of that number.
    Object(u32),
}

impl Type {
    /// With `arguments` in the place of type parameters.
    pub(super) fn with(&self, arguments: &[Type]) -> Type {
        let boxed = |ty: &Type| Box::new(ty.with(arguments));
        let all = |types: &[Type]| types.iter().map(|ty| ty.with(arguments)).collect();
        match self {
            Type::Primitive(_) | Type::String | Type::Object(_) => self.clone(),
            Type::Tuple(types) => Type::Tuple(all(types)),
            Type::Array(ty, length) => Type::Array(boxed(ty), *length),
            Type::Vec(ty) => Type::Vec(boxed(ty)),
            Type::Option(ty) => Type::Option(boxed(ty)),
            Type::Boxed(ty) => Type::Boxed(boxed(ty)),
            Type::Defined(id, types) => Type::Defined(*id, all(types)),
            Type::Parameter(index) => arguments[*index].clone(),
        }
    }

    /// The types that it is made of or leads to by itself; those of a definition's parts are not among them.
    pub(super) fn components(&self) -> Vec<&Type> {
        match self {
            Type::Primitive(_) | Type::String | Type::Object(_) | Type::Parameter(_) => Vec::new(),
            Type::Tuple(types) | Type::Defined(_, types) => types.iter().collect(),
            Type::Array(ty, _) | Type::Vec(ty) | Type::Option(ty) | Type::Boxed(ty) => vec![ty],
        }
    }

    /// Whether the definition occurs in it.
    pub(super) fn mentions(&self, id: DefinitionId) -> bool {
        matches!(self, Type::Defined(own, _) if *own == id)
            || self.components().iter().any(|ty| ty.mentions(id))
    }

    /// Its name in debug information.
    pub(super) fn in_debug_information(&self) -> String {
        const HEAP: &str = "alloc::alloc::Global";
        let all = |types: &[Type]| {
            let names: Vec<_> = types.iter().map(Type::in_debug_information).collect();
            names.join(", ")
        };
        match self {
            Type::Primitive(primitive) => primitive.name().to_owned(),
            Type::String => "alloc::string::String".to_owned(),
            Type::Tuple(types) => format!("({})", all(types)),
            Type::Array(ty, length) => format!("[{}; {length}]", ty.in_debug_information()),
            Type::Vec(ty) => format!("alloc::vec::Vec<{}, {HEAP}>", ty.in_debug_information()),
            Type::Option(ty) => format!("core::option::Option<{}>", ty.in_debug_information()),
            Type::Boxed(ty) => format!("alloc::boxed::Box<{}, {HEAP}>", ty.in_debug_information()),
            Type::Defined(id, types) if types.is_empty() => format!("scene::{id}"),
            Type::Defined(id, types) => format!("scene::{id}<{}>", all(types)),
            Type::Parameter(index) => parameter_name(*index).to_owned(),
            Type::Object(number) => format!("alloc::boxed::Box<dyn scene::Trait{number}, {HEAP}>"),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = |types: &[Type]| {
            let names: Vec<_> = types.iter().map(Type::to_string).collect();
            names.join(", ")
        };
        match self {
            Type::Primitive(primitive) => f.write_str(primitive.name()),
            Type::String => f.write_str("String"),
            Type::Tuple(types) => write!(f, "({})", all(types)),
            Type::Array(ty, length) => write!(f, "[{ty}; {length}]"),
            Type::Vec(ty) => write!(f, "Vec<{ty}>"),
            Type::Option(ty) => write!(f, "Option<{ty}>"),
            Type::Boxed(ty) => write!(f, "Box<{ty}>"),
            Type::Defined(id, types) if types.is_empty() => write!(f, "{id}"),
            Type::Defined(id, types) => write!(f, "{id}<{}>", all(types)),
            Type::Parameter(index) => f.write_str(parameter_name(*index)),
            Type::Object(number) => write!(f, "Box<dyn Trait{number}>"),
        }
    }
}

/// How a definition's type parameter is called.
pub(super) fn parameter_name(index: usize) -> &'static str {
    ["A", "B", "C", "D"][index]
}

/// A definition of a type.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Definition {
    pub(super) id: DefinitionId,
    /// How many type parameters it has.
    pub(super) parameters: usize,
    pub(super) shape: Shape,
    /// A remark above it.
    pub(super) remark: Option<u64>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    Struct(Vec<Field>),
    TupleStruct(Vec<Type>),
    /// At least two variants, at least one of them with a payload.
    Enum(Vec<Variant>),
    /// Of primitives; the first is the one that is written and read.
    Union(Vec<Field>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) ty: Type,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Variant {
    pub(super) name: String,
    pub(super) payload: Vec<Type>,
}

impl Definition {
    /// The types of its parts, for type arguments.
    pub(super) fn parts(&self, arguments: &[Type]) -> Vec<Type> {
        self.part_types().map(|ty| ty.with(arguments)).collect()
    }

    /// The types of its parts as written.
    pub(super) fn part_types(&self) -> Box<dyn Iterator<Item = &Type> + '_> {
        match &self.shape {
            Shape::Struct(fields) | Shape::Union(fields) => {
                Box::new(fields.iter().map(|field| &field.ty))
            }
            Shape::TupleStruct(types) => Box::new(types.iter()),
            Shape::Enum(variants) => Box::new(variants.iter().flat_map(|variant| &variant.payload)),
        }
    }

    /// The types of its parts as written, to change them.
    pub(super) fn part_types_mut(&mut self) -> Vec<&mut Type> {
        match &mut self.shape {
            Shape::Struct(fields) | Shape::Union(fields) => {
                fields.iter_mut().map(|field| &mut field.ty).collect()
            }
            Shape::TupleStruct(types) => types.iter_mut().collect(),
            Shape::Enum(variants) => {
                let payloads = variants.iter_mut().map(|variant| &mut variant.payload);
                payloads.flatten().collect()
            }
        }
    }
}
