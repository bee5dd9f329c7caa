//! The modelled crate: what it defines, and what its functions compute.

use super::types::{Definition, DefinitionId, Primitive, Shape, Type};

/// A state of the hot crate's source.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Scene {
    pub(super) definitions: Vec<Definition>,
    pub(super) traits: Vec<Trait>,
    pub(super) functions: Vec<Function>,
    pub(super) nodes: Vec<HotNode>,
    pub(super) counters: Vec<Counter>,
    pub(super) cells: Vec<Cell>,
    /// How the source is laid out on the page; it means nothing.
    pub(super) style: Style,
}

/// What means nothing to the compiler.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Style {
    /// In the place of four spaces.
    pub(super) indent: usize,
    /// Between items.
    pub(super) blank_lines: usize,
    /// Above everything.
    pub(super) remark: Option<u64>,
}

/// A function that is hot, by a number that stays its own through all edits. It calls functions with smaller
/// numbers only, so that every call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct FunctionId(pub(super) u32);

impl std::fmt::Display for FunctionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "function{}", self.0)
    }
}

/// A hot function: it makes a number of its arguments, a new value for each argument that it may change, and
/// its result, of that number.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Function {
    pub(super) id: FunctionId,
    pub(super) parameters: Vec<Parameter>,
    pub(super) result: Type,
    pub(super) body: Expression,
    /// Tells names of locals apart, which mean nothing.
    pub(super) local: u64,
    /// A remark in its body.
    pub(super) remark: Option<u64>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) passed: Passed,
    pub(super) ty: Type,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passed {
    Owned,
    Borrowed,
    MutablyBorrowed,
}

impl Passed {
    pub(super) fn sigil(self) -> &'static str {
        match self {
            Passed::Owned => "",
            Passed::Borrowed => "&",
            Passed::MutablyBorrowed => "&mut ",
        }
    }
}

/// A computation whose result is a `u64`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    Constant(u64),
    /// The digest of an argument.
    Argument(usize),
    /// The digest of a field of an argument, whose type is a struct with names for its fields.
    Field(usize, String),
    Combine(Operation, Box<Expression>, Box<Expression>),
    /// The third if the first is less than the second, else the fourth.
    Choose(Box<[Expression; 4]>),
    /// The number, worked over so many times.
    Repeat(u8, Box<Expression>),
    /// The number, handed to a closure.
    Closure(u64, Box<Expression>),
    /// What a function makes of arguments that are made of the number.
    Call(FunctionId, Box<Expression>),
    /// The next number of a counter.
    Count(u32),
    /// The digest of what a cell held, in whose place comes what is made of the number.
    Exchange(u32, Box<Expression>),
    /// None: a panic, with a number in its message.
    Panic(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Add,
    Multiply,
    Xor,
    Mix,
}

/// A trait with methods that take a number and return one; types of the crate implement it, and boxed objects
/// of it are handed over.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Trait {
    pub(super) number: u32,
    pub(super) methods: Vec<Method>,
    pub(super) implementors: Vec<Implementor>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Method {
    pub(super) name: String,
    pub(super) parameter: Primitive,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Implementor {
    pub(super) ty: DefinitionId,
    /// What goes into all that its methods return.
    pub(super) constant: u64,
}

/// A hot node and its interface: it counts its calls, and makes numbers of the count, of what it was made
/// from, and of what it is called with.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct HotNode {
    pub(super) number: u32,
    /// Of types that can be cloned.
    pub(super) arguments: Vec<Type>,
    pub(super) methods: Vec<NodeMethod>,
    /// Of a field that only the node knows.
    pub(super) private: Type,
    /// What goes into all that its methods return.
    pub(super) constant: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct NodeMethod {
    pub(super) name: String,
    pub(super) parameter: Type,
}

/// A static that counts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Counter {
    pub(super) number: u32,
    pub(super) start: u64,
}

/// A static that holds a value, or none to begin with.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cell {
    pub(super) number: u32,
    /// A type that can be sent to other threads.
    pub(super) ty: Type,
    /// Whether it is declared with `hot_static!`.
    pub(super) is_hot: bool,
}

impl Scene {
    pub(super) fn definition(&self, id: DefinitionId) -> Option<&Definition> {
        self.definitions.iter().find(|own| own.id == id)
    }

    /// The definition of a type that occurs in the scene.
    pub(super) fn defined(&self, id: DefinitionId) -> &Definition {
        self.definition(id)
            .expect("an edit leaves no type without its definition")
    }

    pub(super) fn function(&self, id: FunctionId) -> Option<&Function> {
        self.functions.iter().find(|own| own.id == id)
    }

    pub(super) fn trait_of(&self, number: u32) -> Option<&Trait> {
        self.traits.iter().find(|own| own.number == number)
    }

    /// The statics that bodies use.
    pub(super) fn used_counters(&self) -> Vec<Counter> {
        let mut used = Vec::new();
        for function in &self.functions {
            function.body.clone().each_mut(&mut |part| {
                if let Expression::Count(number) = part {
                    used.push(*number);
                }
            });
        }
        let counters = self.counters.iter();
        let counters = counters.filter(|own| used.contains(&own.number));
        counters.cloned().collect()
    }

    /// The cells that programs and libraries have: the hot ones, and those that bodies use.
    pub(super) fn present_cells(&self) -> Vec<Cell> {
        let mut used = Vec::new();
        for function in &self.functions {
            function.body.clone().each_mut(&mut |part| {
                if let Expression::Exchange(number, _) = part {
                    used.push(*number);
                }
            });
        }
        let cells = self.cells.iter();
        let cells = cells.filter(|own| own.is_hot || used.contains(&own.number));
        cells.cloned().collect()
    }

    pub(super) fn cell(&self, number: u32) -> Option<&Cell> {
        self.cells.iter().find(|own| own.number == number)
    }

    /// Whether a definition is used anywhere else.
    pub(super) fn uses(&self, id: DefinitionId) -> bool {
        let in_definition = |own: &Definition| own.part_types().any(|ty| ty.mentions(id));
        let in_function = |own: &Function| {
            own.result.mentions(id) || own.parameters.iter().any(|own| own.ty.mentions(id))
        };
        let in_trait = |own: &Trait| own.implementors.iter().any(|own| own.ty == id);
        let in_node = |own: &HotNode| {
            own.private.mentions(id) || own.crossing().iter().any(|ty| ty.mentions(id))
        };
        self.definitions.iter().any(in_definition)
            || self.functions.iter().any(in_function)
            || self.traits.iter().any(in_trait)
            || self.nodes.iter().any(in_node)
            || self.cells.iter().any(|own| own.ty.mentions(id))
    }

    pub(super) fn node(&self, number: u32) -> Option<&HotNode> {
        self.nodes.iter().find(|own| own.number == number)
    }

    /// Whether values of a type, for type arguments that can be cloned, can be cloned.
    pub(super) fn can_be_cloned(&self, ty: &Type) -> bool {
        let own = match ty {
            Type::Object(_) => false,
            Type::Defined(id, _) => {
                let mut parts = self.defined(*id).part_types();
                parts.all(|ty| self.can_be_cloned(ty))
            }
            _ => true,
        };
        own && ty.components().into_iter().all(|ty| self.can_be_cloned(ty))
    }

    /// Every type without type parameters that functions and nodes hand over and cells hold, or that those
    /// are made of.
    pub(super) fn crossing(&self) -> Vec<Type> {
        let mut found = Vec::new();
        let mut waiting: Vec<Type> = Vec::new();
        for function in &self.functions {
            waiting.extend(function.parameters.iter().map(|own| own.ty.clone()));
            waiting.push(function.result.clone());
        }
        waiting.extend(self.nodes.iter().flat_map(HotNode::crossing));
        waiting.extend(self.cells.iter().map(|own| own.ty.clone()));
        while let Some(ty) = waiting.pop() {
            if found.contains(&ty) {
                continue;
            }
            waiting.extend(self.made_of(&ty));
            found.push(ty);
        }
        found
    }

    /// What a type without type parameters is made of or leads to; nothing if the scene has no such type.
    pub(super) fn made_of(&self, ty: &Type) -> Vec<Type> {
        match ty {
            Type::Defined(id, arguments) => match self.definition(*id) {
                Some(definition) => definition.parts(arguments),
                None => Vec::new(),
            },
            Type::Object(number) => {
                let implementors = self.trait_of(*number).into_iter();
                let implementors = implementors.flat_map(|own| &own.implementors);
                implementors
                    .map(|own| Type::Defined(own.ty, Vec::new()))
                    .collect()
            }
            _ => ty.components().into_iter().cloned().collect(),
        }
    }

    /// Whether the field of that name of an argument can be read by its name.
    pub(super) fn has_field(&self, ty: &Type, field: &str) -> bool {
        let Type::Defined(id, _) = ty else {
            return false;
        };
        match self.definition(*id).map(|definition| &definition.shape) {
            Some(Shape::Struct(fields)) => fields.iter().any(|own| own.name == field),
            _ => false,
        }
    }

    /// Takes out of bodies what the rest of the scene no longer has.
    pub(super) fn tidy(&mut self) {
        let whole = self.clone();
        for function in &mut self.functions {
            let (id, parameters) = (function.id, &function.parameters);
            function.body.each_mut(&mut |expression| {
                let replacement = match expression {
                    Expression::Argument(index) if *index >= parameters.len() => {
                        Expression::Constant(*index as u64)
                    }
                    Expression::Field(index, field) => match parameters.get(*index) {
                        None => Expression::Constant(*index as u64),
                        Some(own) if !whole.has_field(&own.ty, field) => {
                            Expression::Argument(*index)
                        }
                        Some(_) => return,
                    },
                    Expression::Call(callee, _)
                        if *callee >= id || whole.function(*callee).is_none() =>
                    {
                        Expression::Constant(u64::from(callee.0))
                    }
                    Expression::Count(number)
                        if whole.counters.iter().all(|own| own.number != *number) =>
                    {
                        Expression::Constant(u64::from(*number))
                    }
                    Expression::Exchange(number, _) if whole.cell(*number).is_none() => {
                        Expression::Constant(u64::from(*number))
                    }
                    _ => return,
                };
                *expression = replacement;
            });
        }
    }
}

impl HotNode {
    /// The types that it takes, and that its methods take.
    pub(super) fn crossing(&self) -> Vec<Type> {
        let of_methods = self.methods.iter().map(|own| own.parameter.clone());
        self.arguments.iter().cloned().chain(of_methods).collect()
    }

    /// Whether code that was compiled for one can name the other.
    pub(super) fn has_interface_of(&self, other: &HotNode) -> bool {
        (&self.arguments, &self.methods) == (&other.arguments, &other.methods)
    }
}

impl Function {
    /// The types that it takes and returns.
    pub(super) fn crossing(&self) -> Vec<Type> {
        let taken = self.parameters.iter().map(|own| own.ty.clone());
        taken.chain([self.result.clone()]).collect()
    }

    /// Its signature as it registers: the types as tokens with spaces between.
    pub(super) fn signature(&self) -> String {
        let types = self
            .parameters
            .iter()
            .map(|own| format!("{}{}", own.passed.sigil(), own.ty));
        let types: Vec<_> = types.collect();
        format!("fn({}) -> {}", types.join(", "), self.result)
    }
}

impl Expression {
    /// Shows every part of it to `visit`, and it itself last.
    pub(super) fn each_mut(&mut self, visit: &mut impl FnMut(&mut Expression)) {
        match self {
            Expression::Constant(_)
            | Expression::Argument(_)
            | Expression::Field(..)
            | Expression::Count(_)
            | Expression::Panic(_) => {}
            Expression::Combine(_, left, right) => {
                left.each_mut(visit);
                right.each_mut(visit);
            }
            Expression::Choose(parts) => {
                for part in parts.iter_mut() {
                    part.each_mut(visit);
                }
            }
            Expression::Repeat(_, part)
            | Expression::Closure(_, part)
            | Expression::Call(_, part)
            | Expression::Exchange(_, part) => part.each_mut(visit),
        }
        visit(self);
    }
}
