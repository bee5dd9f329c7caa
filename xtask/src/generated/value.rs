//! Values of the modelled types: how they are made of a number, what number they give, how they print. It is
//! what `fixture/support.rs` and the printed `impl Data` do, once more and without a compiler.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::scene::Scene;
use super::types::{DefinitionId, Primitive, Shape, Type};

/// A value, without its type: the same value may be seen by several states of the crate.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// A number, a character or a truth value: its bits, extended to 64 as by `as u64`; of a float, the bits
    /// of its format.
    Bits(u64),
    Text(String),
    /// The parts of a tuple, an array, a vector or a tuple struct.
    Parts(Vec<Value>),
    Maybe(Option<Box<Value>>),
    /// The fields of a struct.
    Fields(BTreeMap<String, Value>),
    /// A variant of an enum.
    Variant(String, Vec<Value>),
    /// What a union's first field was set to.
    Union(Box<Value>),
    /// A boxed object, and the generation whose code its methods are.
    Object {
        maker: usize,
        ty: DefinitionId,
        value: Box<Value>,
    },
}

/// Two numbers as one.
pub(super) fn mix(a: u64, b: u64) -> u64 {
    let product = (a ^ b.wrapping_mul(0x9E37_79B9_7F4A_7C15)).rotate_left(23);
    product.wrapping_mul(0xBF58_476D_1CE4_E5B9) ^ b
}

/// The states of the crate that the program has loaded, by the numbers of their generations.
pub(super) trait Scenes {
    fn scene(&self, generation: usize) -> &Scene;
}

/// What generation `by` makes of a number.
pub(super) fn make(scenes: &impl Scenes, by: usize, ty: &Type, seed: u64) -> Value {
    let part = |ty: &Type, at: usize| make(scenes, by, ty, mix(seed, at as u64 + 1));
    let parts = |types: &[Type]| {
        types
            .iter()
            .enumerate()
            .map(|(at, ty)| part(ty, at))
            .collect()
    };
    match ty {
        Type::Primitive(primitive) => Value::Bits(bits(*primitive, seed)),
        Type::String => Value::Text(format!("s{}", seed % 1000)),
        Type::Tuple(types) => Value::Parts(parts(types)),
        Type::Array(ty, length) => Value::Parts((0..*length).map(|at| part(ty, at)).collect()),
        Type::Vec(ty) => Value::Parts((0..seed as usize % 3).map(|at| part(ty, at)).collect()),
        Type::Option(ty) => Value::Maybe((!seed.is_multiple_of(3)).then(|| Box::new(part(ty, 0)))),
        Type::Boxed(ty) => make(scenes, by, ty, seed),
        Type::Parameter(_) => unreachable!("a value has no type parameters"),
        Type::Object(number) => {
            let implementors = &objects(scenes, by, *number).implementors;
            let own = &implementors[seed as usize % implementors.len()];
            Value::Object {
                maker: by,
                ty: own.ty,
                value: Box::new(part(&Type::Defined(own.ty, Vec::new()), 0)),
            }
        }
        Type::Defined(id, arguments) => match &scenes.scene(by).defined(*id).shape {
            Shape::Struct(fields) => {
                let fields = fields.iter().enumerate();
                let fields =
                    fields.map(|(at, own)| (own.name.clone(), part(&own.ty.with(arguments), at)));
                Value::Fields(fields.collect())
            }
            Shape::TupleStruct(types) => {
                let types: Vec<_> = types.iter().map(|ty| ty.with(arguments)).collect();
                Value::Parts(parts(&types))
            }
            Shape::Enum(variants) => {
                let own = &variants[seed as usize % variants.len()];
                let types: Vec<_> = own.payload.iter().map(|ty| ty.with(arguments)).collect();
                Value::Variant(own.name.clone(), parts(&types))
            }
            Shape::Union(fields) => Value::Union(Box::new(part(&fields[0].ty, 0))),
        },
    }
}

/// The number that generation `by` makes of a value.
pub(super) fn digest(scenes: &impl Scenes, by: usize, ty: &Type, value: &Value) -> u64 {
    let part = |ty: &Type, value: &Value| digest(scenes, by, ty, value);
    let all = |start: u64, types: &[Type], values: &[Value]| {
        let pairs = types.iter().zip(values);
        pairs.fold(start, |before, (ty, value)| mix(before, part(ty, value)))
    };
    let repeated = |start: u64, ty: &Type, values: &[Value]| {
        values
            .iter()
            .fold(start, |before, value| mix(before, part(ty, value)))
    };
    match (ty, value) {
        (Type::Primitive(_), Value::Bits(bits)) => *bits,
        (Type::String, Value::Text(text)) => text
            .bytes()
            .fold(5, |before, byte| mix(before, u64::from(byte))),
        (Type::Tuple(types), Value::Parts(values)) => all(7, types, values),
        (Type::Array(ty, _), Value::Parts(values)) => repeated(7, ty, values),
        (Type::Vec(ty), Value::Parts(values)) => repeated(11, ty, values),
        (Type::Option(_), Value::Maybe(None)) => 13,
        (Type::Option(ty), Value::Maybe(Some(value))) => mix(14, part(ty, value)),
        (Type::Boxed(ty), value) => part(ty, value),
        (Type::Object(number), Value::Object { maker, ty, value }) => {
            // Which methods there are is the caller's affair, and what they do the maker's.
            let methods = &objects(scenes, by, *number).methods;
            methods.iter().enumerate().fold(19, |before, (at, method)| {
                let x = bits(method.parameter, at as u64 + 1);
                mix(
                    before,
                    call_method(scenes, *maker, *number, &method.name, (*ty, value), x),
                )
            })
        }
        (Type::Defined(id, arguments), value) => {
            match (&scenes.scene(by).defined(*id).shape, value) {
                (Shape::Struct(own), Value::Fields(values)) => {
                    own.iter().fold(17, |before, own| {
                        mix(before, part(&own.ty.with(arguments), &values[&own.name]))
                    })
                }
                (Shape::TupleStruct(types), Value::Parts(values)) => {
                    let types: Vec<_> = types.iter().map(|ty| ty.with(arguments)).collect();
                    all(17, &types, values)
                }
                (Shape::Enum(variants), Value::Variant(name, values)) => {
                    let at = variants.iter().position(|own| own.name == *name);
                    let at = at.expect("a value of a variant that this state of the crate has");
                    let types = variants[at].payload.iter().map(|ty| ty.with(arguments));
                    all(at as u64, &types.collect::<Vec<_>>(), values)
                }
                (Shape::Union(fields), Value::Union(value)) => mix(17, part(&fields[0].ty, value)),
                (shape, value) => unreachable!("{value:?} is no value of {shape:?}"),
            }
        }
        (ty, value) => unreachable!("{value:?} is no {ty}"),
    }
}

/// What the program, generation 0, prints of a value with `{:?}`.
pub(super) fn print(scenes: &impl Scenes, ty: &Type, value: &Value) -> String {
    let mut text = String::new();
    write_value(scenes, ty, value, &mut text);
    text
}

fn write_value(scenes: &impl Scenes, ty: &Type, value: &Value, to: &mut String) {
    let list = |to: &mut String, (open, close): (&str, &str), parts: Vec<(&Type, &Value)>| {
        to.push_str(open);
        for (at, (ty, value)) in parts.into_iter().enumerate() {
            if at > 0 {
                to.push_str(", ");
            }
            write_value(scenes, ty, value, to);
        }
        to.push_str(close);
    };
    match (ty, value) {
        (Type::Primitive(primitive), Value::Bits(bits)) => print_bits(*primitive, *bits, to),
        (Type::String, Value::Text(text)) => {
            let _ = write!(to, "{text:?}");
        }
        (Type::Tuple(types), Value::Parts(values)) => {
            list(to, ("(", ")"), types.iter().zip(values).collect());
        }
        (Type::Array(ty, _) | Type::Vec(ty), Value::Parts(values)) => {
            list(
                to,
                ("[", "]"),
                values.iter().map(|value| (&**ty, value)).collect(),
            );
        }
        (Type::Option(_), Value::Maybe(None)) => to.push_str("None"),
        (Type::Option(ty), Value::Maybe(Some(value))) => {
            list(to, ("Some(", ")"), vec![(ty, value)]);
        }
        (Type::Boxed(ty), value) => write_value(scenes, ty, value, to),
        (Type::Object(number), value) => {
            let _ = write!(to, "Trait{number}({})", digest(scenes, 0, ty, value));
        }
        (Type::Defined(id, arguments), value) => {
            match (&scenes.scene(0).defined(*id).shape, value) {
                (Shape::Struct(fields), Value::Fields(values)) => {
                    let _ = write!(to, "{id} {{ ");
                    for (at, own) in fields.iter().enumerate() {
                        let _ = write!(to, "{}{}: ", if at > 0 { ", " } else { "" }, own.name);
                        write_value(scenes, &own.ty.with(arguments), &values[&own.name], to);
                    }
                    to.push_str(" }");
                }
                (Shape::TupleStruct(types), Value::Parts(values)) => {
                    let types: Vec<_> = types.iter().map(|ty| ty.with(arguments)).collect();
                    to.push_str(&id.to_string());
                    list(to, ("(", ")"), types.iter().zip(values).collect());
                }
                (Shape::Enum(variants), Value::Variant(name, values)) => {
                    let own = variants.iter().find(|own| own.name == *name);
                    let own = own.expect("a value of a variant that the program has");
                    let types: Vec<_> = own.payload.iter().map(|ty| ty.with(arguments)).collect();
                    to.push_str(name);
                    if !values.is_empty() {
                        list(to, ("(", ")"), types.iter().zip(values).collect());
                    }
                }
                (Shape::Union(_), Value::Union(_)) => {
                    let _ = write!(to, "{id}({})", digest(scenes, 0, ty, value));
                }
                (shape, value) => unreachable!("{value:?} is no value of {shape:?}"),
            }
        }
        (ty, value) => unreachable!("{value:?} is no {ty}"),
    }
}

/// What a method of an object returns, by the code of the generation that made the object.
fn call_method(
    scenes: &impl Scenes,
    maker: usize,
    number: u32,
    method: &str,
    (ty, value): (DefinitionId, &Value),
    x: u64,
) -> u64 {
    let own = objects(scenes, maker, number);
    let at = own.methods.iter().position(|own| own.name == method);
    let at = at.expect("an object has the methods that its callers know") as u64;
    let implementor = own.implementors.iter().find(|own| own.ty == ty);
    let constant = implementor
        .expect("it was made by this generation")
        .constant;
    let this = digest(scenes, maker, &Type::Defined(ty, Vec::new()), value);
    mix(mix(constant, this), mix(at, x))
}

fn objects(scenes: &impl Scenes, by: usize, number: u32) -> &super::scene::Trait {
    let own = scenes.scene(by).trait_of(number);
    own.expect("an edit leaves no object without its trait")
}

/// The bits of a primitive that is made of a number.
fn bits(primitive: Primitive, seed: u64) -> u64 {
    #[expect(clippy::cast_possible_truncation, reason = "as the crate does it")]
    match primitive {
        Primitive::Bool => seed % 2,
        Primitive::Char => u64::from(b'a') + seed % 26,
        Primitive::U8 => u64::from(seed as u8),
        Primitive::U16 => u64::from(seed as u16),
        Primitive::U32 => u64::from(seed as u32),
        Primitive::U64 | Primitive::I64 => seed,
        Primitive::I8 => i64::from(seed as i8).cast_unsigned(),
        Primitive::I16 => i64::from(seed as i16).cast_unsigned(),
        Primitive::I32 => i64::from(seed as i32).cast_unsigned(),
        Primitive::F32 => u64::from(((seed % 1000) as f32).to_bits()),
        Primitive::F64 => ((seed % 1000) as f64).to_bits(),
    }
}

fn print_bits(primitive: Primitive, bits: u64, to: &mut String) {
    let written = match primitive {
        Primitive::Bool => write!(to, "{:?}", bits == 1),
        Primitive::Char => write!(to, "{:?}", char::from(bits.to_le_bytes()[0])),
        Primitive::U8 | Primitive::U16 | Primitive::U32 | Primitive::U64 => {
            write!(to, "{bits:?}")
        }
        Primitive::I8 | Primitive::I16 | Primitive::I32 | Primitive::I64 => {
            write!(to, "{:?}", bits.cast_signed())
        }
        Primitive::F32 => write!(to, "{:?}", f32::from_bits(bits as u32)),
        Primitive::F64 => write!(to, "{:?}", f64::from_bits(bits)),
    };
    written.expect("a string takes all that is written");
}
