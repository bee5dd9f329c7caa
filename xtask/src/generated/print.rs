//! The modelled crate as Rust source.

use super::scene::{Cell, Expression, Function, HotNode, Operation, Passed, Scene, Trait};
use super::types::{Definition, DefinitionId, Field, Shape, Type, Variant, parameter_name};

/// The source of the crate's root file.
pub(super) fn scene(scene: &Scene) -> String {
    let mut items = vec![
        "#![allow(warnings)]\n\
         mod support;\n\
         pub use support::{Data, mix};\n\
         use hot_abi::{hot_entry, hot_fn, hot_node, hot_static, hot_static_ref, hot_trait};\n\
         use std::mem::{align_of, offset_of, size_of};\n\
         use std::sync::Mutex;\n\
         use std::sync::atomic::{AtomicU64, Ordering};\n\
         hot_entry!();"
            .to_owned(),
    ];
    for counter in &scene.counters {
        items.push(format!(
            "static COUNTER{}: AtomicU64 = AtomicU64::new({});",
            counter.number, counter.start
        ));
    }
    items.extend(scene.cells.iter().map(cell));
    items.extend(scene.definitions.iter().map(|own| definition(scene, own)));
    items.extend(scene.definitions.iter().map(data_of));
    items.extend(scene.traits.iter().map(trait_and_objects));
    items.extend(scene.functions.iter().map(|own| function(scene, own)));
    items.extend(scene.nodes.iter().map(node));
    items.push(layouts(scene));
    let gap = "\n".repeat(1 + scene.style.blank_lines);
    let text = items
        .join(&gap)
        .replace("    ", &" ".repeat(scene.style.indent));
    match scene.style.remark {
        Some(remark) => format!("// Remark {remark}.\n{text}\n"),
        None => format!("{text}\n"),
    }
}

/// The name of a function's local variable.
fn local(number: u64) -> String {
    format!("local{number}")
}

fn remark(number: Option<u64>) -> String {
    number.map_or_else(String::new, |number| format!("// Remark {number}.\n"))
}

/// `<A, B>`, or nothing.
fn parameters(definition: &Definition, bound: &str) -> String {
    let names = (0..definition.parameters).map(|at| format!("{}{bound}", parameter_name(at)));
    match definition.parameters {
        0 => String::new(),
        _ => format!("<{}>", names.collect::<Vec<_>>().join(", ")),
    }
}

fn definition(scene: &Scene, definition: &Definition) -> String {
    let (name, parameters) = (definition.id, parameters(definition, ""));
    let list = |types: &[Type]| {
        types
            .iter()
            .map(|ty| format!("pub {ty}"))
            .collect::<Vec<_>>()
    };
    let can_be_cloned = definition.part_types().all(|ty| scene.can_be_cloned(ty));
    let derive = match can_be_cloned {
        true => "#[derive(Debug, Clone)]",
        false => "#[derive(Debug)]",
    };
    let remark = remark(definition.remark);
    match &definition.shape {
        Shape::Struct(fields) => {
            let fields = fields
                .iter()
                .map(|own| format!("    pub {}: {},\n", own.name, own.ty));
            let fields: String = fields.collect();
            format!("{remark}{derive}\npub struct {name}{parameters} {{\n{fields}}}")
        }
        Shape::TupleStruct(types) => format!(
            "{remark}{derive}\npub struct {name}{parameters}({});",
            list(types).join(", ")
        ),
        Shape::Enum(variants) => {
            let variants = variants.iter().map(|own| {
                let payload: Vec<_> = own.payload.iter().map(Type::to_string).collect();
                match payload.is_empty() {
                    true => format!("    {},\n", own.name),
                    false => format!("    {}({}),\n", own.name, payload.join(", ")),
                }
            });
            let variants: String = variants.collect();
            format!("{remark}{derive}\npub enum {name}{parameters} {{\n{variants}}}")
        }
        Shape::Union(fields) => {
            let fields = fields
                .iter()
                .map(|own| format!("    pub {}: {},\n", own.name, own.ty));
            let fields: String = fields.collect();
            format!(
                "{remark}#[derive(Clone, Copy)]\npub union {name} {{\n{fields}}}\n\
                 impl std::fmt::Debug for {name} {{\n\
                 \x20   fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {{\n\
                 \x20       write!(f, \"{name}({{}})\", self.digest())\n\
                 \x20   }}\n}}"
            )
        }
    }
}

/// How values of a type are made of a number, and a number of a value.
fn data_of(definition: &Definition) -> String {
    let name = definition.id;
    let head = format!(
        "impl{} Data for {name}{}",
        parameters(definition, ": Data"),
        parameters(definition, "")
    );
    let (make, digest) = match &definition.shape {
        Shape::Struct(fields) => {
            let made = fields
                .iter()
                .enumerate()
                .map(|(at, own)| format!("{}: Data::make(mix(seed, {}))", own.name, at + 1));
            let read = fields.iter().fold("17".to_owned(), |before, own| {
                format!("mix({before}, self.{}.digest())", own.name)
            });
            let made: Vec<_> = made.collect();
            (format!("{name} {{ {} }}", made.join(", ")), read)
        }
        Shape::TupleStruct(types) => {
            let read = (0..types.len()).fold("17".to_owned(), |before, at| {
                format!("mix({before}, self.{at}.digest())")
            });
            (format!("{name}({})", made(types.len())), read)
        }
        Shape::Enum(variants) => {
            let count = variants.len();
            let made = variants.iter().enumerate().map(|(at, own)| {
                let pattern = match at + 1 == count {
                    true => "_".to_owned(),
                    false => at.to_string(),
                };
                match own.payload.is_empty() {
                    true => format!("{pattern} => {name}::{}", own.name),
                    false => {
                        format!(
                            "{pattern} => {name}::{}({})",
                            own.name,
                            made(own.payload.len())
                        )
                    }
                }
            });
            let read = variants.iter().enumerate().map(|(at, own)| {
                let names: Vec<_> = (0..own.payload.len()).map(|at| format!("p{at}")).collect();
                let pattern = match names.is_empty() {
                    true => String::new(),
                    false => format!("({})", names.join(", ")),
                };
                let read = names.iter().fold(at.to_string(), |before, name| {
                    format!("mix({before}, {name}.digest())")
                });
                format!("{name}::{}{pattern} => {read}", own.name)
            });
            let (made, read): (Vec<_>, Vec<_>) = (made.collect(), read.collect());
            (
                format!("match seed % {count} {{ {} }}", made.join(", ")),
                format!("match self {{ {} }}", read.join(", ")),
            )
        }
        Shape::Union(fields) => {
            let first = &fields[0].name;
            (
                format!("{name} {{ {first}: Data::make(mix(seed, 1)) }}"),
                // It is the field that was written.
                format!("mix(17, unsafe {{ self.{first} }}.digest())"),
            )
        }
    };
    format!(
        "{head} {{\n\
         \x20   fn make(seed: u64) -> Self {{\n        {make}\n    }}\n\
         \x20   fn digest(&self) -> u64 {{\n        {digest}\n    }}\n}}"
    )
}

/// Values for so many positions.
fn made(count: usize) -> String {
    let made = (0..count).map(|at| format!("Data::make(mix(seed, {}))", at + 1));
    made.collect::<Vec<_>>().join(", ")
}

fn trait_and_objects(own: &Trait) -> String {
    let name = format!("Trait{}", own.number);
    let methods = own.methods.iter().map(|method| {
        format!(
            "    fn {}(&self, x: {}) -> u64;\n",
            method.name,
            Type::Primitive(method.parameter)
        )
    });
    let mut text = format!("pub trait {name} {{\n{}}}", methods.collect::<String>());
    for implementor in &own.implementors {
        let methods = own.methods.iter().enumerate().map(|(at, method)| {
            format!(
                "    fn {}(&self, x: {}) -> u64 {{\n        \
                 mix(mix({}, self.digest()), mix({at}, x.digest()))\n    }}\n",
                method.name,
                Type::Primitive(method.parameter),
                implementor.constant
            )
        });
        let methods: String = methods.collect();
        text += &format!("\nimpl {name} for {} {{\n{methods}}}", implementor.ty);
    }
    let count = own.implementors.len();
    let made = own
        .implementors
        .iter()
        .enumerate()
        .map(|(at, implementor)| {
            let pattern = match at + 1 == count {
                true => "_".to_owned(),
                false => at.to_string(),
            };
            format!(
                "{pattern} => Box::new(<{} as Data>::make(mix(seed, 1)))",
                implementor.ty
            )
        });
    let read = own
        .methods
        .iter()
        .enumerate()
        .fold("19".to_owned(), |before, (at, method)| {
            format!(
                "mix({before}, self.{}(Data::make({})))",
                method.name,
                at + 1
            )
        });
    text += &format!(
        "\nimpl Data for Box<dyn {name}> {{\n\
         \x20   fn make(seed: u64) -> Self {{\n        match seed % {count} {{ {} }}\n    }}\n\
         \x20   fn digest(&self) -> u64 {{\n        {read}\n    }}\n}}\n\
         impl std::fmt::Debug for dyn {name} {{\n\
         \x20   fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {{\n\
         \x20       write!(f, \"{name}({{}})\", {read})\n\
         \x20   }}\n}}",
        made.collect::<Vec<_>>().join(", ")
    );
    text
}

fn function(scene: &Scene, own: &Function) -> String {
    let (id, result) = (own.id, &own.result);
    let parameters = own
        .parameters
        .iter()
        .map(|own| format!("{}: {}{}", own.name, own.passed.sigil(), own.ty));
    let parameters: Vec<_> = parameters.collect();
    let local = local(own.local);
    let mut remark = remark(own.remark);
    if !remark.is_empty() {
        remark.insert_str(0, "    ");
    }
    let changed = own.parameters.iter().enumerate();
    let changed = changed.filter(|(_, own)| own.passed == Passed::MutablyBorrowed);
    let changed = changed.map(|(at, own)| {
        format!(
            "    *{} = Data::make(mix({local}, {}));\n",
            own.name,
            at + 1
        )
    });
    let changed: String = changed.collect();
    format!(
        "#[hot_fn]\npub fn {id}({}) -> {result} {{\n{remark}    let {local} = {};\n{changed}    \
         Data::make({local})\n}}",
        parameters.join(", "),
        expression(scene, own, &own.body)
    )
}

fn expression(scene: &Scene, within: &Function, own: &Expression) -> String {
    let write = |own: &Expression| expression(scene, within, own);
    match own {
        Expression::Constant(value) => format!("{value}u64"),
        Expression::Argument(at) => format!("{}.digest()", within.parameters[*at].name),
        Expression::Field(at, field) => {
            format!("{}.{field}.digest()", within.parameters[*at].name)
        }
        Expression::Combine(operation, left, right) => {
            let name = match operation {
                Operation::Add => "u64::wrapping_add",
                Operation::Multiply => "u64::wrapping_mul",
                Operation::Xor => "std::ops::BitXor::bitxor",
                Operation::Mix => "mix",
            };
            format!("{name}({}, {})", write(left), write(right))
        }
        Expression::Choose(parts) => {
            let [left, right, then, otherwise] = parts.each_ref().map(write);
            format!("if ({left}) < ({right}) {{ {then} }} else {{ {otherwise} }}")
        }
        Expression::Repeat(times, part) => format!(
            "(0..{times}u64).fold({}, |before, turn| mix(before, turn))",
            write(part)
        ),
        Expression::Closure(constant, part) => {
            let part = write(part);
            format!("(|number: u64| mix(number, {constant}))({part})")
        }
        Expression::Call(callee, part) => {
            let callee = scene
                .function(*callee)
                .expect("an edit leaves no call without its function");
            format!(
                "{{ let seed = {}; {} }}",
                write(part),
                call(callee, "", "seed")
            )
        }
        Expression::Count(number) => format!("COUNTER{number}.fetch_add(1, Ordering::Relaxed)"),
        Expression::Panic(number) => format!("panic!(\"mistake {number}\")"),
        Expression::Exchange(number, part) => {
            let own = scene.cell(*number);
            let own = own.expect("an edit leaves no use of a cell that is not there");
            let place = match own.is_hot {
                true => format!("hot_static_ref!(CELL{number})"),
                false => format!("CELL{number}"),
            };
            format!(
                "{{ let seed = {}; let before = {place}.lock().unwrap().replace(Data::make(seed)); \
                 before.map_or(23, |value| value.digest()) }}",
                write(part)
            )
        }
    }
}

/// A block's statements that call a function with arguments made of a seed, and make a number of all that it
/// gives back. Paths of the crate begin with `path`.
fn call(callee: &Function, path: &str, seed: &str) -> String {
    let (arguments, passed) = arguments(callee, path, seed);
    let changed = callee.parameters.iter().enumerate();
    let changed = changed.filter(|(_, own)| own.passed == Passed::MutablyBorrowed);
    let digest = changed.fold("result.digest()".to_owned(), |before, (at, _)| {
        format!("mix({before}, argument{at}.digest())")
    });
    format!(
        "{arguments}let result = {path}{}({passed}); {digest}",
        callee.id
    )
}

/// Statements that make a function's arguments of a seed, and the arguments as they are passed.
pub(super) fn arguments(callee: &Function, path: &str, seed: &str) -> (String, String) {
    let (mut statements, mut passed) = (String::new(), Vec::new());
    for (at, own) in callee.parameters.iter().enumerate() {
        let kind = match own.passed {
            Passed::MutablyBorrowed => "let mut",
            _ => "let",
        };
        let ty = match path {
            "" => own.ty.to_string(),
            path => in_path(&own.ty, path),
        };
        statements += &format!(
            "{kind} argument{at}: {ty} = {path}Data::make({path}mix({seed}, {})); ",
            at + 1
        );
        passed.push(format!("{}argument{at}", own.passed.sigil()));
    }
    (statements, passed.join(", "))
}

/// A type as it is written outside of its crate.
pub(super) fn in_path(ty: &Type, path: &str) -> String {
    let all = |types: &[Type]| {
        let types: Vec<_> = types.iter().map(|ty| in_path(ty, path)).collect();
        types.join(", ")
    };
    match ty {
        Type::Primitive(_) | Type::String | Type::Parameter(_) => ty.to_string(),
        Type::Tuple(types) => format!("({})", all(types)),
        Type::Array(ty, length) => format!("[{}; {length}]", in_path(ty, path)),
        Type::Vec(ty) => format!("Vec<{}>", in_path(ty, path)),
        Type::Option(ty) => format!("Option<{}>", in_path(ty, path)),
        Type::Boxed(ty) => format!("Box<{}>", in_path(ty, path)),
        Type::Defined(id, types) if types.is_empty() => format!("{path}{id}"),
        Type::Defined(id, types) => format!("{path}{id}<{}>", all(types)),
        Type::Object(number) => format!("Box<dyn {path}Trait{number}>"),
    }
}

fn cell(own: &Cell) -> String {
    let Cell { number, ty, .. } = own;
    let declared = format!("static CELL{number}: Mutex<Option<{ty}>> = Mutex::new(None);");
    match own.is_hot {
        true => format!("hot_static! {{ {declared} }}"),
        false => declared,
    }
}

fn node(own: &HotNode) -> String {
    let (number, constant) = (own.number, own.constant);
    let heads = own.methods.iter().map(|own| {
        format!(
            "    fn {}(&mut self, x: {}) -> u64",
            own.name, own.parameter
        )
    });
    let heads: Vec<_> = heads.collect();
    let declared: String = heads.iter().map(|head| format!("{head};\n")).collect();
    let methods = heads.iter().enumerate().map(|(at, head)| {
        format!(
            "{head} {{\n        self.calls += 1;\n        \
             let this = mix(self.made, self.private.digest());\n        \
             mix(mix({constant}, this), mix(mix(self.calls, {at}), x.digest()))\n    }}\n"
        )
    });
    let methods: String = methods.collect();
    let taken = own.arguments.iter().enumerate();
    let taken: Vec<_> = taken
        .map(|(at, ty)| format!("argument{at}: {ty}"))
        .collect();
    let made = (0..own.arguments.len()).fold(constant.to_string(), |before, at| {
        format!("mix({before}, argument{at}.digest())")
    });
    format!(
        "#[hot_trait]\npub trait Panel{number} {{\n{declared}}}\n\
         struct State{number} {{\n    made: u64,\n    calls: u64,\n    private: {},\n}}\n\
         impl Panel{number} for State{number} {{\n{methods}}}\n\
         #[hot_node]\npub fn node{number}({}) -> Box<dyn Panel{number}> {{\n    \
         let made = {made};\n    \
         Box::new(State{number} {{ made, calls: 0, private: Data::make(made) }})\n}}",
        own.private,
        taken.join(", ")
    )
}

/// A function that tells where the compiler put the fields of what crosses: what the debug information is
/// held against.
fn layouts(scene: &Scene) -> String {
    let lines = scene.crossing().into_iter().map(|ty| {
        let mut line =
            format!("told += &format!(\"{ty}={{}},{{}}\", size_of::<{ty}>(), align_of::<{ty}>());");
        if let Type::Defined(id, arguments) = &ty {
            line += &match &scene.defined(*id).shape {
                Shape::Struct(fields) => offsets_of_fields(&ty, fields),
                Shape::Enum(variants) => places_of_variants(*id, &ty, arguments, variants),
                Shape::TupleStruct(_) | Shape::Union(_) => String::new(),
            };
        }
        format!("    {line} told.push('|');\n")
    });
    let lines: String = lines.collect();
    format!(
        "#[hot_fn]\npub fn layouts() -> String {{\n    let mut told = String::new();\n{lines}    told\n}}"
    )
}

fn offsets_of_fields(ty: &Type, fields: &[Field]) -> String {
    let offsets = fields.iter().map(|own| {
        format!(
            " told += &format!(\",{0}:{{}}\", offset_of!({ty}, {0}));",
            own.name
        )
    });
    offsets.collect()
}

/// Tells for each variant that has a payload where its first part is, and how large all of it is. From that
/// follows how the compiler tells the variants apart.
fn places_of_variants(
    id: DefinitionId,
    ty: &Type,
    arguments: &[Type],
    variants: &[Variant],
) -> String {
    let places = variants
        .iter()
        .enumerate()
        .filter(|(_, own)| !own.payload.is_empty());
    let places = places.map(|(at, own)| {
        let name = &own.name;
        let parts: Vec<_> = (0..own.payload.len()).map(|at| format!("p{at}")).collect();
        let addresses = parts.iter().map(|part| format!("{part} as *const _ as usize"));
        let addresses: Vec<_> = addresses.collect();
        let payload = own.payload.iter().map(|ty| format!("{},", ty.with(arguments)));
        let payload: String = payload.collect();
        format!(
            " {{ let value = <{ty} as Data>::make({at}); \
             if let {id}::{name}({}) = &value {{ \
             let first = [{}].into_iter().min().unwrap() - &value as *const _ as usize; \
             told += &format!(\",{name}:{{first}},{name}.size:{{}}\", size_of::<({payload})>()); }} }}",
            parts.join(", "),
            addresses.join(", ")
        )
    });
    places.collect()
}
