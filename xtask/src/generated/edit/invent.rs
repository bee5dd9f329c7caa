//! What a random crate and its random parts are made of.

use super::{Editor, can_be_an_object};
use crate::generated::scene::{
    Cell, Counter, Expression, Function, FunctionId, HotNode, Implementor, Method, NodeMethod,
    Operation, Parameter, Passed, Scene, Trait,
};
use crate::generated::types::{Definition, DefinitionId, Field, Primitive, Shape, Type, Variant};

impl Editor {
    /// A crate to begin with: of every kind of definition some.
    pub(in crate::generated) fn scene(&mut self) -> Scene {
        let mut scene = Scene::default();
        scene.style.indent = 4;
        scene.counters = vec![self.counter(), self.counter()];
        for kind in [0, 1, 2, 3, 0] {
            let definition = self.definition(&scene, kind, 0);
            scene.definitions.push(definition);
        }
        let own = self.new_trait(&scene);
        scene.traits.extend(own);
        for parameters in [1, 2] {
            let kind = self.random.below(3);
            let definition = self.definition(&scene, kind, parameters);
            scene.definitions.push(definition);
        }
        for _ in 0..2 {
            let definition = self.definition(&scene, 0, 0);
            scene.definitions.push(definition);
        }
        scene.cells = vec![self.cell(&scene), self.cell(&scene)];
        scene.cells[0].is_hot = true;
        scene.cells[1].is_hot = false;
        for _ in 0..9 {
            let function = self.function(&scene);
            scene.functions.push(function);
        }
        for _ in 0..2 {
            let node = self.node(&scene);
            scene.nodes.push(node);
        }
        scene.tidy();
        scene
    }

    pub(super) fn primitive(&mut self) -> Primitive {
        Primitive::ALL[self.random.below(Primitive::ALL.len())]
    }

    /// A type without type parameters.
    pub(super) fn ty(&mut self, scene: &Scene, depth: usize) -> Type {
        self.part(scene, DefinitionId(u32::MAX), 0, depth)
    }

    /// A type for a part of a definition.
    pub(super) fn part(
        &mut self,
        scene: &Scene,
        of: DefinitionId,
        parameters: usize,
        depth: usize,
    ) -> Type {
        if parameters > 0 && self.random.once_in(3) {
            return Type::Parameter(self.random.below(parameters));
        }
        if depth == 0 {
            return match self.random.below(8) {
                0 => Type::String,
                _ => Type::Primitive(self.primitive()),
            };
        }
        let part = |editor: &mut Editor| editor.part(scene, of, parameters, depth - 1);
        match self.random.below(16) {
            0 => {
                let count = 2 + self.random.below(2);
                Type::Tuple((0..count).map(|_| part(self)).collect())
            }
            1 => {
                let length = 1 + self.random.below(3);
                Type::Array(Box::new(Type::Primitive(self.primitive())), length)
            }
            2 => Type::Vec(Box::new(part(self))),
            3 => Type::Option(Box::new(part(self))),
            4 => Type::Boxed(Box::new(part(self))),
            // A trait's implementors have smaller numbers than it, and what holds its objects larger ones.
            5 => {
                let earlier = scene.traits.iter().filter(|own| own.number < of.0);
                let earlier: Vec<_> = earlier.map(|own| own.number).collect();
                match self.random.pick(&earlier) {
                    Some(number) => Type::Object(*number),
                    None => Type::String,
                }
            }
            6..12 => {
                let earlier = scene.definitions.iter().filter(|own| own.id < of);
                let earlier: Vec<_> = earlier.map(|own| (own.id, own.parameters)).collect();
                match self.random.pick(&earlier).copied() {
                    Some((id, count)) => {
                        Type::Defined(id, (0..count).map(|_| part(self)).collect())
                    }
                    None => Type::Primitive(self.primitive()),
                }
            }
            _ => part(self),
        }
    }

    /// A definition of a kind: 0 is a struct, 1 one without names, 2 an enum, 3 a union.
    pub(super) fn definition(
        &mut self,
        scene: &Scene,
        kind: usize,
        parameters: usize,
    ) -> Definition {
        let id = DefinitionId(self.fresh());
        let shape = match kind {
            0 => {
                let count = 1 + parameters + self.random.below(3);
                let fields = (0..count).map(|at| Field {
                    name: format!("field{}", self.fresh()),
                    ty: match at < parameters {
                        true => Type::Parameter(at),
                        false => self.part(scene, id, parameters, 2),
                    },
                });
                Shape::Struct(fields.collect())
            }
            1 => {
                let count = 1 + parameters + self.random.below(2);
                let types = (0..count).map(|at| match at < parameters {
                    true => Type::Parameter(at),
                    false => self.part(scene, id, parameters, 2),
                });
                Shape::TupleStruct(types.collect())
            }
            2 => {
                let count = 2 + self.random.below(3);
                let variants = (0..count).map(|_| self.variant(scene, id, parameters));
                let mut variants: Vec<_> = variants.collect();
                let all = (0..parameters).map(Type::Parameter);
                variants[0].payload.extend(all);
                if variants.iter().all(|own| own.payload.is_empty()) {
                    variants[0].payload.push(Type::Primitive(self.primitive()));
                }
                Shape::Enum(variants)
            }
            _ => {
                let fields = (0..2).map(|_| Field {
                    name: format!("field{}", self.fresh()),
                    ty: Type::Primitive(self.primitive()),
                });
                Shape::Union(fields.collect())
            }
        };
        Definition {
            id,
            parameters,
            shape,
            remark: None,
        }
    }

    pub(super) fn variant(
        &mut self,
        scene: &Scene,
        of: DefinitionId,
        parameters: usize,
    ) -> Variant {
        let count = self.random.below(3);
        Variant {
            name: format!("Variant{}", self.fresh()),
            payload: (0..count)
                .map(|_| self.part(scene, of, parameters, 2))
                .collect(),
        }
    }

    fn new_trait(&mut self, scene: &Scene) -> Option<Trait> {
        let fitting = scene.definitions.iter().filter(|own| can_be_an_object(own));
        let fitting: Vec<_> = fitting.map(|own| own.id).take(2).collect();
        let implementors = fitting.into_iter().map(|ty| Implementor {
            ty,
            constant: self.random.next(),
        });
        let implementors: Vec<_> = implementors.collect();
        (!implementors.is_empty()).then(|| Trait {
            number: self.fresh(),
            methods: vec![self.method(), self.method()],
            implementors,
        })
    }

    pub(super) fn method(&mut self) -> Method {
        Method {
            name: format!("method{}", self.fresh()),
            parameter: self.primitive(),
        }
    }

    pub(super) fn cell(&mut self, scene: &Scene) -> Cell {
        let defined = scene.definitions.iter().filter(|own| own.parameters == 0);
        let defined: Vec<_> = defined
            .map(|own| Type::Defined(own.id, Vec::new()))
            .collect();
        let ty = match self.random.pick(&defined).cloned() {
            // One whose fields can change while its name stays.
            Some(ty) if scene.can_be_cloned(&ty) => ty,
            _ => self.cloneable(scene),
        };
        Cell {
            number: self.fresh(),
            ty,
            is_hot: self.random.once_in(2),
        }
    }

    pub(super) fn counter(&mut self) -> Counter {
        Counter {
            number: self.fresh(),
            start: self.random.next() % 1000,
        }
    }

    pub(super) fn node(&mut self, scene: &Scene) -> HotNode {
        let count = self.random.below(3);
        HotNode {
            number: self.fresh(),
            arguments: (0..count).map(|_| self.cloneable(scene)).collect(),
            methods: vec![self.node_method(scene), self.node_method(scene)],
            private: self.ty(scene, 2),
            constant: self.random.next() % 100_000,
        }
    }

    pub(super) fn node_method(&mut self, scene: &Scene) -> NodeMethod {
        NodeMethod {
            name: format!("method{}", self.fresh()),
            parameter: self.ty(scene, 2),
        }
    }

    /// A type whose values can be cloned.
    pub(super) fn cloneable(&mut self, scene: &Scene) -> Type {
        let ty = self.ty(scene, 2);
        match scene.can_be_cloned(&ty) {
            true => ty,
            false => Type::String,
        }
    }

    pub(super) fn function(&mut self, scene: &Scene) -> Function {
        let count = self.random.below(4);
        let mut function = Function {
            id: FunctionId(self.fresh()),
            parameters: (0..count).map(|_| self.parameter(scene)).collect(),
            result: self.ty(scene, 2),
            body: Expression::Constant(0),
            local: 0,
            remark: None,
        };
        function.body = self.expression(scene, &function, 3);
        function
    }

    pub(super) fn parameter(&mut self, scene: &Scene) -> Parameter {
        Parameter {
            name: format!("parameter{}", self.fresh()),
            passed: self.passed(),
            ty: self.ty(scene, 2),
        }
    }

    pub(super) fn passed(&mut self) -> Passed {
        match self.random.below(3) {
            0 => Passed::Owned,
            1 => Passed::Borrowed,
            _ => Passed::MutablyBorrowed,
        }
    }

    pub(super) fn expression(
        &mut self,
        scene: &Scene,
        within: &Function,
        depth: usize,
    ) -> Expression {
        if depth == 0 || self.random.once_in(8) {
            return self.leaf(scene, within);
        }
        let part = |editor: &mut Editor| Box::new(editor.expression(scene, within, depth - 1));
        match self.random.below(9) {
            8 => match self.random.pick(&scene.cells) {
                Some(cell) => Expression::Exchange(cell.number, part(self)),
                None => self.leaf(scene, within),
            },
            0 => {
                let parts = std::array::from_fn(|_| *part(self));
                Expression::Choose(Box::new(parts))
            }
            1 => Expression::Repeat(
                1 + u8::try_from(self.random.below(5)).unwrap_or(0),
                part(self),
            ),
            2 => Expression::Closure(self.random.next(), part(self)),
            3 | 4 => {
                let earlier = scene.functions.iter().filter(|own| own.id < within.id);
                let earlier: Vec<_> = earlier.map(|own| own.id).collect();
                match self.random.pick(&earlier) {
                    Some(callee) => Expression::Call(*callee, part(self)),
                    None => self.leaf(scene, within),
                }
            }
            _ => {
                let operation = match self.random.below(4) {
                    0 => Operation::Add,
                    1 => Operation::Multiply,
                    2 => Operation::Xor,
                    _ => Operation::Mix,
                };
                Expression::Combine(operation, part(self), part(self))
            }
        }
    }

    fn leaf(&mut self, scene: &Scene, within: &Function) -> Expression {
        if !within.parameters.is_empty() && !self.random.once_in(4) {
            let at = self.random.below(within.parameters.len());
            if let Type::Defined(id, _) = &within.parameters[at].ty
                && let Shape::Struct(fields) = &scene.defined(*id).shape
                && self.random.once_in(2)
                && let Some(field) = self.random.pick(fields)
            {
                return Expression::Field(at, field.name.clone());
            }
            return Expression::Argument(at);
        }
        if self.random.once_in(6)
            && let Some(counter) = self.random.pick(&scene.counters)
        {
            return Expression::Count(counter.number);
        }
        Expression::Constant(self.random.next() % 100_000)
    }
}
