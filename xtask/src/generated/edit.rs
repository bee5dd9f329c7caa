//! Random edits of the modelled crate.

mod invent;

use super::random::Random;
use super::scene::{Expression, Implementor, Operation, Scene, Trait};
use super::types::{Definition, Field, Primitive, Shape, Type};

/// Makes crates and edits of them. Numbers that it gave out are not given out again, unless an undo takes
/// back what had them.
#[derive(Debug)]
pub(super) struct Editor {
    random: Random,
    last: u32,
}

/// A kind of edit.
type Edit = fn(&mut Editor, &mut Scene) -> Option<String>;

/// Every kind of edit, and how often it is chosen in relation to the others.
const EDITS: &[(usize, Edit)] = &[
    (8, Editor::change_expression),
    (3, Editor::replace_body),
    (2, Editor::rename_local),
    (2, Editor::change_remark),
    (2, Editor::reformat),
    (3, Editor::add_function),
    (2, Editor::remove_function),
    (2, Editor::add_definition),
    (3, Editor::remove_definition),
    (2, Editor::reorder_items),
    (3, Editor::add_field),
    (3, Editor::remove_field),
    (6, Editor::retype_field_at_its_size),
    (4, Editor::retype_field),
    (5, Editor::swap_fields),
    (2, Editor::rename_field),
    (4, Editor::insert_variant),
    (2, Editor::remove_variant),
    (3, Editor::swap_variants),
    (3, Editor::change_type_argument),
    (2, Editor::change_parameter_type),
    (2, Editor::reorder_parameters),
    (2, Editor::change_result),
    (2, Editor::add_parameter),
    (1, Editor::remove_parameter),
    (2, Editor::change_passing),
    (1, Editor::rename_parameter),
    (2, Editor::add_method),
    (2, Editor::reorder_methods),
    (1, Editor::retype_method),
    (2, Editor::change_implementor),
    (1, Editor::add_implementor),
    (1, Editor::remove_implementor),
    (3, Editor::change_node),
    (2, Editor::change_node_arguments),
    (2, Editor::change_node_methods),
    (1, Editor::add_node),
    (1, Editor::remove_node),
    (2, Editor::retype_cell),
    (1, Editor::add_cell),
    (1, Editor::remove_cell),
    (1, Editor::add_counter),
    (1, Editor::change_counter),
];

impl Editor {
    pub(super) fn new(seed: u64) -> Editor {
        Editor {
            random: Random::new(seed),
            last: 0,
        }
    }

    /// What else is up to chance.
    pub(super) fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// Makes one edit, and says which. Edits that find nothing to do are tried again as others.
    pub(super) fn edit(&mut self, scene: &mut Scene) -> String {
        let all = EDITS.iter().map(|(weight, _)| weight).sum();
        loop {
            let mut chosen = self.random.below(all);
            let edit = EDITS.iter().find(|(weight, _)| {
                let found = chosen < *weight;
                chosen = chosen.saturating_sub(*weight);
                found
            });
            let (_, edit) = edit.expect("a number below the sum of all weights");
            let mut edited = scene.clone();
            if let Some(told) = edit(self, &mut edited) {
                edited.tidy();
                if edited != *scene && is_sound(&edited) {
                    *scene = edited;
                    return told;
                }
            }
        }
    }

    fn fresh(&mut self) -> u32 {
        self.last += 1;
        self.last
    }

    fn change_expression(&mut self, scene: &mut Scene) -> Option<String> {
        let at = self.some_function(scene)?;
        let whole = scene.clone();
        let function = &mut scene.functions[at];
        let mut count = 0;
        function.body.each_mut(&mut |_| count += 1);
        let mut chosen = self.random.below(count);
        let within = function.clone();
        function.body.each_mut(&mut |part| {
            if chosen == 0 {
                *part = match part {
                    Expression::Constant(value) => Expression::Constant(value.wrapping_add(1)),
                    _ => self.expression(&whole, &within, 1),
                };
            }
            chosen = chosen.wrapping_sub(1);
        });
        Some(format!("another expression in {}", function.id))
    }

    fn replace_body(&mut self, scene: &mut Scene) -> Option<String> {
        let at = self.some_function(scene)?;
        let body = self.expression(scene, &scene.functions[at], 3);
        let function = &mut scene.functions[at];
        function.body = body;
        Some(format!("another body of {}", function.id))
    }

    fn rename_local(&mut self, scene: &mut Scene) -> Option<String> {
        let at = self.some_function(scene)?;
        scene.functions[at].local = u64::from(self.fresh());
        Some(format!(
            "another name of a local of {}",
            scene.functions[at].id
        ))
    }

    fn change_remark(&mut self, scene: &mut Scene) -> Option<String> {
        let remark = (!self.random.once_in(3)).then(|| u64::from(self.last));
        self.last += 1;
        match self.random.below(3) {
            0 => scene.style.remark = remark,
            1 => {
                let at = self.some_function(scene)?;
                scene.functions[at].remark = remark;
            }
            _ => {
                let at = self.random.below(scene.definitions.len());
                scene.definitions[at].remark = remark;
            }
        }
        Some("another remark".to_owned())
    }

    fn reformat(&mut self, scene: &mut Scene) -> Option<String> {
        scene.style.indent = 1 + self.random.below(8);
        scene.style.blank_lines = self.random.below(4);
        Some("another format".to_owned())
    }

    fn add_function(&mut self, scene: &mut Scene) -> Option<String> {
        let function = self.function(scene);
        let told = format!("{} is new", function.id);
        let at = self.random.below(scene.functions.len() + 1);
        scene.functions.insert(at, function);
        Some(told)
    }

    fn remove_function(&mut self, scene: &mut Scene) -> Option<String> {
        let at = self.some_function(scene)?;
        (scene.functions.len() > 5).then(|| {
            let function = scene.functions.remove(at);
            format!("{} is gone", function.id)
        })
    }

    fn add_definition(&mut self, scene: &mut Scene) -> Option<String> {
        let (kind, parameters) = (self.random.below(3), self.random.below(3));
        let definition = self.definition(scene, kind, parameters);
        let told = format!("{} is new", definition.id);
        let at = self.random.below(scene.definitions.len() + 1);
        scene.definitions.insert(at, definition);
        Some(told)
    }

    fn remove_definition(&mut self, scene: &mut Scene) -> Option<String> {
        let unused: Vec<_> = scene.definitions.iter().map(|own| own.id).collect();
        let unused: Vec<_> = unused.into_iter().filter(|id| !scene.uses(*id)).collect();
        let id = *self.random.pick(&unused)?;
        scene.definitions.retain(|own| own.id != id);
        Some(format!("{id} is gone"))
    }

    fn reorder_items(&mut self, scene: &mut Scene) -> Option<String> {
        match self.random.below(2) {
            0 => self.swap(&mut scene.definitions),
            _ => self.swap(&mut scene.functions),
        }?;
        Some("two items in each other's place".to_owned())
    }

    fn add_field(&mut self, scene: &mut Scene) -> Option<String> {
        let at = self.some_definition(scene, |_| true)?;
        let definition = &scene.definitions[at];
        let (id, parameters) = (definition.id, definition.parameters);
        let name = format!("field{}", self.fresh());
        let ty = match definition.shape {
            Shape::Union(_) => Type::Primitive(self.primitive()),
            _ => self.part(scene, id, parameters, 2),
        };
        let random = &mut self.random;
        match &mut scene.definitions[at].shape {
            Shape::Struct(fields) => {
                let place = random.below(fields.len() + 1);
                fields.insert(place, Field { name, ty });
            }
            // The first field is the one that holds the value.
            Shape::Union(fields) => fields.push(Field { name, ty }),
            Shape::TupleStruct(types) => types.insert(random.below(types.len() + 1), ty),
            Shape::Enum(variants) => {
                let variant = random.below(variants.len());
                let payload = &mut variants[variant].payload;
                payload.insert(random.below(payload.len() + 1), ty);
            }
        }
        Some(format!("{id} has one more field"))
    }

    fn remove_field(&mut self, scene: &mut Scene) -> Option<String> {
        let at = self.some_definition(scene, |_| true)?;
        let random = &mut self.random;
        let id = scene.definitions[at].id;
        match &mut scene.definitions[at].shape {
            Shape::Struct(fields) | Shape::Union(fields) => {
                fields.remove(random.below(fields.len()));
            }
            Shape::TupleStruct(types) => {
                types.remove(random.below(types.len()));
            }
            Shape::Enum(variants) => {
                let variant = random.below(variants.len());
                let payload = &mut variants[variant].payload;
                if payload.is_empty() {
                    return None;
                }
                payload.remove(random.below(payload.len()));
            }
        }
        Some(format!("{id} has one field less"))
    }

    fn retype_field_at_its_size(&mut self, scene: &mut Scene) -> Option<String> {
        let at = self.some_definition(scene, |_| true)?;
        let id = scene.definitions[at].id;
        let mut places = Vec::new();
        for ty in scene.definitions[at].part_types_mut() {
            collect_primitives(ty, &mut places);
        }
        if places.is_empty() {
            return None;
        }
        let chosen = self.random.below(places.len());
        let place = places.swap_remove(chosen);
        let others = Primitive::ALL.into_iter();
        let others = others.filter(|other| other.size() == place.size());
        let others: Vec<_> = others.filter(|other| other != place).collect();
        let (before, after) = (*place, *self.random.pick(&others)?);
        *place = after;
        Some(format!("a {before:?} of {id} is a {after:?}"))
    }

    fn retype_field(&mut self, scene: &mut Scene) -> Option<String> {
        let at = self.some_definition(scene, |own| !matches!(own.shape, Shape::Union(_)))?;
        let (id, parameters) = (scene.definitions[at].id, scene.definitions[at].parameters);
        let new = self.part(scene, id, parameters, 2);
        let mut parts = scene.definitions[at].part_types_mut();
        if parts.is_empty() {
            return None;
        }
        let part = self.random.below(parts.len());
        let told = format!("a {} of {id} is a {new}", parts[part]);
        *parts[part] = new;
        Some(told)
    }

    fn swap_fields(&mut self, scene: &mut Scene) -> Option<String> {
        // Two fields of a union are in one place, and to take one for the other is the mistake of the crate.
        let at = self.some_definition(scene, |own| !matches!(own.shape, Shape::Union(_)))?;
        let id = scene.definitions[at].id;
        match &mut scene.definitions[at].shape {
            Shape::Struct(fields) | Shape::Union(fields) => self.swap(fields)?,
            Shape::TupleStruct(types) => self.swap(types)?,
            Shape::Enum(variants) => {
                let variant = self.random.below(variants.len());
                self.swap(&mut variants[variant].payload)?;
            }
        }
        Some(format!("two fields of {id} in each other's place"))
    }

    fn rename_field(&mut self, scene: &mut Scene) -> Option<String> {
        let at = self.some_definition(scene, |own| {
            matches!(own.shape, Shape::Struct(_) | Shape::Union(_))
        })?;
        let id = scene.definitions[at].id;
        let name = format!("field{}", self.fresh());
        let (Shape::Struct(fields) | Shape::Union(fields)) = &mut scene.definitions[at].shape
        else {
            return None;
        };
        let field = self.random.below(fields.len());
        let told = format!("{} of {id} is {name}", fields[field].name);
        fields[field].name = name;
        Some(told)
    }

    fn insert_variant(&mut self, scene: &mut Scene) -> Option<String> {
        let at = self.some_definition(scene, is_enum)?;
        let (id, parameters) = (scene.definitions[at].id, scene.definitions[at].parameters);
        let variant = self.variant(scene, id, parameters);
        let told = format!("{id} has a variant {}", variant.name);
        let Shape::Enum(variants) = &mut scene.definitions[at].shape else {
            return None;
        };
        variants.insert(self.random.below(variants.len() + 1), variant);
        Some(told)
    }

    fn remove_variant(&mut self, scene: &mut Scene) -> Option<String> {
        let at = self.some_definition(scene, is_enum)?;
        let id = scene.definitions[at].id;
        let Shape::Enum(variants) = &mut scene.definitions[at].shape else {
            return None;
        };
        let variant = variants.remove(self.random.below(variants.len()));
        Some(format!("{id} has no variant {}", variant.name))
    }

    fn swap_variants(&mut self, scene: &mut Scene) -> Option<String> {
        let at = self.some_definition(scene, is_enum)?;
        let id = scene.definitions[at].id;
        let Shape::Enum(variants) = &mut scene.definitions[at].shape else {
            return None;
        };
        self.swap(variants)?;
        Some(format!("two variants of {id} in each other's place"))
    }

    fn change_type_argument(&mut self, scene: &mut Scene) -> Option<String> {
        let new = Type::Primitive(self.primitive());
        let mut places = Vec::new();
        for definition in &mut scene.definitions {
            for ty in definition.part_types_mut() {
                collect_arguments(ty, &mut places);
            }
        }
        if places.is_empty() {
            return None;
        }
        let chosen = self.random.below(places.len());
        let place = places.swap_remove(chosen);
        let told = format!("a type argument {place} is {new}");
        *place = new;
        Some(told)
    }

    fn change_parameter_type(&mut self, scene: &mut Scene) -> Option<String> {
        let (function, parameter) = self.some_parameter(scene)?;
        let ty = self.ty(scene, 2);
        let own = &mut scene.functions[function];
        own.parameters[parameter].ty = ty;
        Some(format!("another type of a parameter of {}", own.id))
    }

    fn reorder_parameters(&mut self, scene: &mut Scene) -> Option<String> {
        let at = self.some_function(scene)?;
        self.swap(&mut scene.functions[at].parameters)?;
        Some(format!(
            "another order of the parameters of {}",
            scene.functions[at].id
        ))
    }

    fn change_result(&mut self, scene: &mut Scene) -> Option<String> {
        let at = self.some_function(scene)?;
        let ty = self.ty(scene, 2);
        scene.functions[at].result = ty;
        Some(format!("another result of {}", scene.functions[at].id))
    }

    fn add_parameter(&mut self, scene: &mut Scene) -> Option<String> {
        let at = self.some_function(scene)?;
        let parameter = self.parameter(scene);
        let parameters = &mut scene.functions[at].parameters;
        parameters.insert(self.random.below(parameters.len() + 1), parameter);
        Some(format!("{} has one more parameter", scene.functions[at].id))
    }

    fn remove_parameter(&mut self, scene: &mut Scene) -> Option<String> {
        let (function, parameter) = self.some_parameter(scene)?;
        scene.functions[function].parameters.remove(parameter);
        Some(format!(
            "{} has one parameter less",
            scene.functions[function].id
        ))
    }

    fn change_passing(&mut self, scene: &mut Scene) -> Option<String> {
        let (function, parameter) = self.some_parameter(scene)?;
        let passed = self.passed();
        let own = &mut scene.functions[function];
        own.parameters[parameter].passed = passed;
        Some(format!("{} takes a parameter in another way", own.id))
    }

    fn rename_parameter(&mut self, scene: &mut Scene) -> Option<String> {
        let (function, parameter) = self.some_parameter(scene)?;
        let own = &mut scene.functions[function];
        own.parameters[parameter].name = format!("parameter{}", self.fresh());
        Some(format!("another name of a parameter of {}", own.id))
    }

    fn add_method(&mut self, scene: &mut Scene) -> Option<String> {
        let method = self.method();
        let own = self.some_trait(scene)?;
        let place = self.random.below(own.methods.len() + 1);
        own.methods.insert(place, method);
        Some(format!("Trait{} has one more method", own.number))
    }

    fn reorder_methods(&mut self, scene: &mut Scene) -> Option<String> {
        let own = self.some_trait(scene)?;
        self.swap(&mut own.methods)?;
        Some(format!(
            "another order of the methods of Trait{}",
            own.number
        ))
    }

    fn retype_method(&mut self, scene: &mut Scene) -> Option<String> {
        let parameter = self.primitive();
        let own = self.some_trait(scene)?;
        let at = self.random.below(own.methods.len());
        own.methods[at].parameter = parameter;
        Some(format!(
            "another parameter of a method of Trait{}",
            own.number
        ))
    }

    fn change_implementor(&mut self, scene: &mut Scene) -> Option<String> {
        let constant = self.random.next();
        let own = self.some_trait(scene)?;
        let at = self.random.below(own.implementors.len());
        own.implementors[at].constant = constant;
        Some(format!("other methods of {}", own.implementors[at].ty))
    }

    fn add_implementor(&mut self, scene: &mut Scene) -> Option<String> {
        let constant = self.random.next();
        let definitions = scene.definitions.clone();
        let own = self.some_trait(scene)?;
        let others = definitions.iter().filter(|definition| {
            can_be_an_object(definition)
                && definition.id.0 < own.number
                && own
                    .implementors
                    .iter()
                    .all(|other| other.ty != definition.id)
        });
        let others: Vec<_> = others.map(|definition| definition.id).collect();
        let ty = *self.random.pick(&others)?;
        own.implementors.push(Implementor { ty, constant });
        Some(format!("{ty} implements Trait{}", own.number))
    }

    fn remove_implementor(&mut self, scene: &mut Scene) -> Option<String> {
        let own = self.some_trait(scene)?;
        if own.implementors.len() < 2 {
            return None;
        }
        let at = self.random.below(own.implementors.len());
        let ty = own.implementors.remove(at).ty;
        Some(format!("{ty} does not implement Trait{}", own.number))
    }

    fn change_node(&mut self, scene: &mut Scene) -> Option<String> {
        let at = self.some_node(scene)?;
        let private = self.ty(scene, 2);
        let own = &mut scene.nodes[at];
        match self.random.once_in(2) {
            true => own.constant = own.constant.wrapping_add(1),
            false => own.private = private,
        }
        Some(format!("another body of node{}", own.number))
    }

    fn change_node_arguments(&mut self, scene: &mut Scene) -> Option<String> {
        let at = self.some_node(scene)?;
        let ty = self.cloneable(scene);
        let own = &mut scene.nodes[at];
        match (self.random.below(3), own.arguments.len()) {
            (0, _) | (_, 0) => own.arguments.push(ty),
            (1, count) => drop(own.arguments.remove(self.random.below(count))),
            (_, count) => own.arguments[self.random.below(count)] = ty,
        }
        Some(format!("other arguments of node{}", own.number))
    }

    fn change_node_methods(&mut self, scene: &mut Scene) -> Option<String> {
        let at = self.some_node(scene)?;
        let method = self.node_method(scene);
        let methods = &mut scene.nodes[at].methods;
        match self.random.below(3) {
            0 => methods.insert(self.random.below(methods.len() + 1), method),
            1 => {
                let chosen = self.random.below(methods.len());
                methods[chosen].parameter = method.parameter;
            }
            _ => self.swap(methods)?,
        }
        Some(format!("other methods of node{}", scene.nodes[at].number))
    }

    fn add_node(&mut self, scene: &mut Scene) -> Option<String> {
        let node = self.node(scene);
        let told = format!("node{} is new", node.number);
        scene.nodes.push(node);
        Some(told)
    }

    fn remove_node(&mut self, scene: &mut Scene) -> Option<String> {
        let at = self.some_node(scene)?;
        Some(format!("node{} is gone", scene.nodes.remove(at).number))
    }

    fn retype_cell(&mut self, scene: &mut Scene) -> Option<String> {
        if scene.cells.is_empty() {
            return None;
        }
        let ty = self.cloneable(scene);
        let at = self.random.below(scene.cells.len());
        let cell = &mut scene.cells[at];
        cell.ty = ty;
        Some(format!("CELL{} holds another type", cell.number))
    }

    fn add_cell(&mut self, scene: &mut Scene) -> Option<String> {
        let cell = self.cell(scene);
        let told = format!("CELL{} is new", cell.number);
        scene.cells.push(cell);
        Some(told)
    }

    fn remove_cell(&mut self, scene: &mut Scene) -> Option<String> {
        if scene.cells.is_empty() {
            return None;
        }
        let cell = scene.cells.remove(self.random.below(scene.cells.len()));
        Some(format!("CELL{} is gone", cell.number))
    }

    fn add_counter(&mut self, scene: &mut Scene) -> Option<String> {
        let counter = self.counter();
        let number = counter.number;
        scene.counters.push(counter);
        let at = self.some_function(scene)?;
        let function = &mut scene.functions[at];
        let before = std::mem::replace(&mut function.body, Expression::Constant(0));
        function.body = Expression::Combine(
            Operation::Add,
            Box::new(Expression::Count(number)),
            Box::new(before),
        );
        Some(format!("{} counts in a new static", function.id))
    }

    fn change_counter(&mut self, scene: &mut Scene) -> Option<String> {
        let start = self.random.next() % 1000;
        let at = self.random.below(scene.counters.len());
        scene.counters[at].start = start;
        Some("another initialiser of a static".to_owned())
    }

    fn some_function(&mut self, scene: &Scene) -> Option<usize> {
        (!scene.functions.is_empty()).then(|| self.random.below(scene.functions.len()))
    }

    fn some_node(&mut self, scene: &Scene) -> Option<usize> {
        (!scene.nodes.is_empty()).then(|| self.random.below(scene.nodes.len()))
    }

    fn some_parameter(&mut self, scene: &Scene) -> Option<(usize, usize)> {
        let function = self.some_function(scene)?;
        let count = scene.functions[function].parameters.len();
        (count > 0).then(|| (function, self.random.below(count)))
    }

    fn some_definition(
        &mut self,
        scene: &Scene,
        fits: impl Fn(&Definition) -> bool,
    ) -> Option<usize> {
        let all = scene.definitions.iter().enumerate();
        let fitting: Vec<_> = all.filter(|(_, own)| fits(own)).map(|(at, _)| at).collect();
        self.random.pick(&fitting).copied()
    }

    fn some_trait<'a>(&mut self, scene: &'a mut Scene) -> Option<&'a mut Trait> {
        let count = scene.traits.len();
        (count > 0).then(|| &mut scene.traits[self.random.below(count)])
    }

    /// Exchanges two of several.
    fn swap<T>(&mut self, list: &mut [T]) -> Option<()> {
        if list.len() < 2 {
            return None;
        }
        let one = self.random.below(list.len());
        let other = (one + 1 + self.random.below(list.len() - 1)) % list.len();
        list.swap(one, other);
        Some(())
    }
}

/// Whether the compiler takes it and the model can tell about it.
fn is_sound(scene: &Scene) -> bool {
    let mut arguments = scene.nodes.iter().flat_map(|own| &own.arguments);
    let mut cells = scene.cells.iter().map(|own| &own.ty);
    // What cannot be cloned are boxed objects, which cannot be sent to other threads either.
    if !arguments.all(|ty| scene.can_be_cloned(ty)) || !cells.all(|ty| scene.can_be_cloned(ty)) {
        return false;
    }
    scene.definitions.iter().all(|own| {
        let enough = match &own.shape {
            Shape::Struct(fields) | Shape::Union(fields) => !fields.is_empty(),
            Shape::TupleStruct(types) => !types.is_empty(),
            Shape::Enum(variants) => {
                variants.len() > 1 && variants.iter().any(|own| !own.payload.is_empty())
            }
        };
        enough && (0..own.parameters).all(|at| own.part_types().any(|ty| has_parameter(ty, at)))
    })
}

fn is_enum(definition: &Definition) -> bool {
    matches!(definition.shape, Shape::Enum(_))
}

fn can_be_an_object(definition: &Definition) -> bool {
    definition.parameters == 0 && !matches!(definition.shape, Shape::Union(_))
}

fn has_parameter(ty: &Type, parameter: usize) -> bool {
    *ty == Type::Parameter(parameter)
        || ty
            .components()
            .into_iter()
            .any(|ty| has_parameter(ty, parameter))
}

fn collect_primitives<'a>(ty: &'a mut Type, found: &mut Vec<&'a mut Primitive>) {
    match ty {
        Type::Primitive(primitive) => found.push(primitive),
        Type::Tuple(types) => types
            .iter_mut()
            .for_each(|ty| collect_primitives(ty, found)),
        Type::Array(ty, _) | Type::Vec(ty) | Type::Option(ty) | Type::Boxed(ty) => {
            collect_primitives(ty, found);
        }
        Type::String | Type::Defined(..) | Type::Parameter(_) | Type::Object(_) => {}
    }
}

fn collect_arguments<'a>(ty: &'a mut Type, found: &mut Vec<&'a mut Type>) {
    match ty {
        Type::Defined(_, types) => found.extend(types.iter_mut()),
        Type::Tuple(types) => types.iter_mut().for_each(|ty| collect_arguments(ty, found)),
        Type::Array(ty, _) | Type::Vec(ty) | Type::Option(ty) | Type::Boxed(ty) => {
            collect_arguments(ty, found);
        }
        Type::Primitive(_) | Type::String | Type::Parameter(_) | Type::Object(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generated::print;

    #[test]
    fn a_seed_always_gives_the_same_edits() {
        let sources = |seed| {
            let mut editor = Editor::new(seed);
            let mut scene = editor.scene();
            let mut sources = vec![print::scene(&scene)];
            for _ in 0..20 {
                editor.edit(&mut scene);
                sources.push(print::scene(&scene));
            }
            sources
        };
        assert_eq!(sources(3), sources(3));
        assert_ne!(sources(3), sources(4));
    }

    #[test]
    fn every_kind_of_edit_is_made() {
        for (at, (_, edit)) in EDITS.iter().enumerate() {
            let changes = |seed| {
                let mut editor = Editor::new(seed);
                let before = editor.scene();
                let mut after = before.clone();
                edit(&mut editor, &mut after);
                after.tidy();
                after != before && is_sound(&after)
            };
            assert!((0..200).any(changes), "edit {at} finds nothing to do");
        }
    }

    #[test]
    fn an_edit_changes_the_source_and_leaves_nothing_dangling() {
        for seed in 0..20 {
            let mut editor = Editor::new(seed);
            let mut scene = editor.scene();
            for _ in 0..50 {
                let before = print::scene(&scene);
                let told = editor.edit(&mut scene);
                assert_ne!(print::scene(&scene), before, "{told}");
                let mut tidied = scene.clone();
                tidied.tidy();
                assert_eq!(tidied, scene, "{told}");
                for ty in scene.crossing() {
                    scene.made_of(&ty);
                }
            }
        }
    }
}
