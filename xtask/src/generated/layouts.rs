//! Which types of two states of the crate differ in their layout, and how: from their definitions, and from
//! where the compiler says that it put the fields.

use std::collections::{HashMap, HashSet};

use anyhow::{Context as _, Result};

use super::scene::Scene;
use super::types::{Field, Shape, Type, Variant};

/// What the compiler tells of the types that cross, by how they are written.
#[derive(Clone, Debug, Default)]
pub(super) struct Layouts(HashMap<String, Layout>);

#[derive(Clone, Debug)]
struct Layout {
    size: u64,
    align: u64,
    /// Of the fields of a struct; of the first part of a variant of an enum, with the size of its payload.
    offsets: HashMap<String, u64>,
}

impl Layouts {
    /// Reads what the crate's function `layouts` says: `type=size,align,field:offset|`.
    pub(super) fn read(told: &str) -> Result<Layouts> {
        let mut layouts = HashMap::new();
        for line in told.split_terminator('|') {
            let layout = read_line(line).with_context(|| format!("`{line}` is no layout"))?;
            layouts.insert(layout.0, layout.1);
        }
        Ok(Layouts(layouts))
    }

    fn of(&self, ty: &Type) -> &Layout {
        let layout = self.0.get(&ty.to_string());
        layout.unwrap_or_else(|| panic!("the crate tells the layout of {ty}, which crosses"))
    }
}

fn read_line(line: &str) -> Option<(String, Layout)> {
    let (name, numbers) = line.rsplit_once('=')?;
    let mut numbers = numbers.split(',');
    let layout = Layout {
        size: numbers.next()?.parse().ok()?,
        align: numbers.next()?.parse().ok()?,
        offsets: numbers
            .map(|field| {
                let (name, offset) = field.split_once(':')?;
                Some((name.to_owned(), offset.parse().ok()?))
            })
            .collect::<Option<_>>()?,
    };
    Some((name.to_owned(), layout))
}

impl Layout {
    /// What stands for each variant of an enum: nothing for the one that is all other values.
    ///
    /// Either a tag in front of all payloads says which variant it is, by the variant's place; or values that
    /// the largest payload cannot have stand for the others, counted from the first of these.
    fn codes(&self, variants: &[Variant]) -> Vec<Option<usize>> {
        let places = 0..variants.len();
        let has_tag = variants
            .iter()
            .all(|own| self.offsets.get(&own.name) != Some(&0));
        if has_tag {
            return places.map(Some).collect();
        }
        let size = |at: &usize| {
            let size = self.offsets.get(&format!("{}.size", variants[*at].name));
            size.copied().unwrap_or(0)
        };
        let largest = places.clone().max_by_key(size);
        let first = places.clone().find(|at| Some(*at) != largest);
        let code = |at: usize| (Some(at) != largest).then(|| at - first.unwrap_or(0));
        places.map(code).collect()
    }
}

/// One state of the crate, and its layouts.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    pub(super) scene: &'a Scene,
    pub(super) layouts: &'a Layouts,
}

/// How what a function hands over differs between two states of the crate.
#[derive(Debug, Default)]
pub(super) struct Differences {
    /// What was changed.
    pub(super) causes: Vec<Difference>,
    /// What may have changed only because of something else.
    pub(super) effects: Vec<Difference>,
    /// The types that lead to something that was changed, as debug information names them: they may be told
    /// of as well, for the compiler may represent them in another way.
    pub(super) leading: Vec<String>,
}

/// A difference, as it has to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// As debug information names it.
    pub(super) type_name: String,
    /// The field or variant.
    pub(super) part: Option<String>,
    /// What each side has; `None` where only the compiler knows.
    pub(super) program: Option<String>,
    pub(super) library: Option<String>,
}

/// What is told of the side that lacks a part.
const NOTHING: &str = "no such thing";

impl Differences {
    /// Between what two items hand over, to which both sides give these types.
    pub(super) fn between(program: Side<'_>, library: Side<'_>, types: &[Type]) -> Differences {
        let mut search = Search {
            program,
            library,
            seen: HashSet::new(),
            changed: HashSet::new(),
            found: Differences::default(),
        };
        types.iter().for_each(|ty| search.types(ty));
        let (seen, changed) = (search.seen, search.changed);
        let mut found = search.found;
        let leads = |ty: &&Type| leads_to(program, library, ty, &changed);
        found.leading = seen
            .iter()
            .filter(leads)
            .map(Type::in_debug_information)
            .collect();
        found
    }

    pub(super) fn is_empty(&self) -> bool {
        self.causes.is_empty() && self.effects.is_empty()
    }
}

struct Search<'a> {
    program: Side<'a>,
    library: Side<'a>,
    seen: HashSet<Type>,
    /// The types in which something was found.
    changed: HashSet<Type>,
    found: Differences,
}

impl Search<'_> {
    /// A type that both sides have, by its name.
    fn types(&mut self, ty: &Type) {
        if !self.seen.insert(ty.clone()) {
            return;
        }
        let (own, new) = (self.program.layouts.of(ty), self.library.layouts.of(ty));
        if (own.size, own.align) != (new.size, new.align) {
            let extent = |layout: &Layout| {
                Some(format!(
                    "{} bytes, aligned to {}",
                    layout.size, layout.align
                ))
            };
            self.effect(ty, None, extent(own), extent(new));
        }
        match ty {
            Type::Defined(id, arguments) => {
                // A type argument leads to its type, even where no part is of it.
                arguments.iter().for_each(|ty| self.types(ty));
                let own = self.program.scene.defined(*id).shape.clone();
                let new = self.library.scene.defined(*id).shape.clone();
                self.shapes(ty, arguments, &own, &new);
            }
            Type::Object(number) => self.objects(ty, *number),
            _ => ty.components().into_iter().for_each(|ty| self.types(ty)),
        }
    }

    fn shapes(&mut self, ty: &Type, arguments: &[Type], own: &Shape, new: &Shape) {
        let name = ty.in_debug_information();
        match (own, new) {
            (Shape::Struct(own), Shape::Struct(new)) | (Shape::Union(own), Shape::Union(new)) => {
                self.fields(ty, &name, arguments, own, new);
            }
            (Shape::TupleStruct(own), Shape::TupleStruct(new)) => {
                self.fields(ty, &name, arguments, &numbered(own), &numbered(new));
            }
            (Shape::Enum(own), Shape::Enum(new)) => {
                self.variants(ty, &name, arguments, own, new);
            }
            // No edit makes one kind of another.
            (own, new) => unreachable!("{ty} is {own:?} and {new:?}"),
        }
    }

    fn fields(&mut self, ty: &Type, name: &str, arguments: &[Type], own: &[Field], new: &[Field]) {
        let told = |own: &Field| {
            let ty = own.ty.with(arguments);
            Some(format!("`{}`", ty.in_debug_information()))
        };
        for field in own {
            let part = format!("field `{}`", field.name);
            let Some(other) = new.iter().find(|other| other.name == field.name) else {
                self.cause(ty, name, &part, told(field), Some(NOTHING.to_owned()));
                continue;
            };
            // `A` and the type that stands for it are one.
            if field.ty.with(arguments) != other.ty.with(arguments) {
                self.cause(ty, name, &part, told(field), told(other));
                continue;
            }
            let offset = |side: Side<'_>| {
                let offset = side.layouts.of(ty).offsets.get(&field.name);
                offset.map(|offset| format!("at byte {offset}"))
            };
            let (program, library) = (offset(self.program), offset(self.library));
            if program != library {
                self.effect(ty, Some(part), program, library);
            }
            self.types(&field.ty.with(arguments));
        }
        for field in new {
            if own.iter().all(|other| other.name != field.name) {
                let part = format!("field `{}`", field.name);
                self.cause(ty, name, &part, Some(NOTHING.to_owned()), told(field));
            }
        }
    }

    fn variants(
        &mut self,
        ty: &Type,
        name: &str,
        arguments: &[Type],
        own: &[Variant],
        new: &[Variant],
    ) {
        let codes = [
            self.program.layouts.of(ty).codes(own),
            self.library.layouts.of(ty).codes(new),
        ];
        for (at, variant) in own.iter().enumerate() {
            let part = format!("variant `{}`", variant.name);
            let Some(other) = new.iter().position(|other| other.name == variant.name) else {
                self.cause(ty, name, &part, None, Some(NOTHING.to_owned()));
                continue;
            };
            if codes[0][at] != codes[1][other] {
                self.changed.insert(ty.clone());
                self.found.effects.push(Difference {
                    type_name: name.to_owned(),
                    part: Some(part),
                    program: None,
                    library: None,
                });
            }
            let of_variant = format!("{name}::{}", variant.name);
            let (own, new) = (numbered(&variant.payload), numbered(&new[other].payload));
            self.fields(ty, &of_variant, arguments, &own, &new);
        }
        for variant in new {
            if own.iter().all(|other| other.name != variant.name) {
                let part = format!("variant `{}`", variant.name);
                self.cause(ty, name, &part, Some(NOTHING.to_owned()), None);
            }
        }
    }

    fn objects(&mut self, ty: &Type, number: u32) {
        let (program, library) = (self.program.scene, self.library.scene);
        let (Some(own), Some(new)) = (program.trait_of(number), library.trait_of(number)) else {
            unreachable!("both sides have {ty}");
        };
        let common = |scene: &super::scene::Trait| -> Vec<_> {
            scene.implementors.iter().map(|own| own.ty).collect()
        };
        let others = common(new);
        for implementor in common(own).into_iter().filter(|own| others.contains(own)) {
            let name = format!("scene::{implementor} as scene::Trait{number}");
            for (at, method) in own.methods.iter().enumerate() {
                let part = format!("method `{}`", method.name);
                let other = new
                    .methods
                    .iter()
                    .position(|other| other.name == method.name);
                match other {
                    None => self.cause(ty, &name, &part, None, Some(NOTHING.to_owned())),
                    Some(other) if other != at => self.cause(ty, &name, &part, None, None),
                    Some(other) if new.methods[other].parameter != method.parameter => {
                        self.cause(ty, &name, &part, None, None);
                    }
                    Some(_) => {}
                }
            }
            for method in &new.methods {
                if own.methods.iter().all(|other| other.name != method.name) {
                    let part = format!("method `{}`", method.name);
                    self.cause(ty, &name, &part, Some(NOTHING.to_owned()), None);
                }
            }
            self.types(&Type::Defined(implementor, Vec::new()));
        }
    }

    fn cause(
        &mut self,
        ty: &Type,
        name: &str,
        part: &str,
        program: Option<String>,
        library: Option<String>,
    ) {
        self.changed.insert(ty.clone());
        self.found.causes.push(Difference {
            type_name: name.to_owned(),
            part: Some(part.to_owned()),
            program,
            library,
        });
    }

    fn effect(
        &mut self,
        ty: &Type,
        part: Option<String>,
        program: Option<String>,
        library: Option<String>,
    ) {
        self.changed.insert(ty.clone());
        self.found.effects.push(Difference {
            type_name: ty.in_debug_information(),
            part,
            program,
            library,
        });
    }
}

/// Whether a type leads to one of those that were changed, on one of the sides.
fn leads_to(program: Side<'_>, library: Side<'_>, ty: &Type, changed: &HashSet<Type>) -> bool {
    let mut seen = HashSet::new();
    let mut waiting = vec![ty.clone()];
    while let Some(ty) = waiting.pop() {
        if changed.contains(&ty) {
            return true;
        }
        if seen.insert(ty.clone()) {
            for side in [program, library] {
                waiting.extend(side.scene.made_of(&ty));
            }
        }
    }
    false
}

/// The fields of a tuple.
fn numbered(types: &[Type]) -> Vec<Field> {
    let fields = types.iter().enumerate().map(|(at, ty)| Field {
        name: at.to_string(),
        ty: ty.clone(),
    });
    fields.collect()
}

#[cfg(test)]
mod tests {
    use super::super::types::{Definition, DefinitionId, Primitive};
    use super::*;

    const U8: Type = Type::Primitive(Primitive::U8);
    const U32: Type = Type::Primitive(Primitive::U32);
    const F32: Type = Type::Primitive(Primitive::F32);

    fn scene(shape: Shape) -> Scene {
        Scene {
            definitions: vec![Definition {
                id: DefinitionId(1),
                parameters: 0,
                shape,
                remark: None,
            }],
            ..Scene::default()
        }
    }

    fn fields(fields: &[(&str, Type)]) -> Shape {
        let fields = fields.iter().map(|(name, ty)| Field {
            name: (*name).to_owned(),
            ty: ty.clone(),
        });
        Shape::Struct(fields.collect())
    }

    /// Between two states of one type, behind a vector.
    fn between(own: (Shape, &str), new: (Shape, &str)) -> Differences {
        let scenes = [scene(own.0), scene(new.0)];
        let layouts = [own.1, new.1].map(|told| {
            let told = format!("Vec<Type1>=24,8|u8=1,1|u32=4,4|f32=4,4|{told}");
            Layouts::read(&told).expect("these are layouts")
        });
        let [own, new] = [0, 1].map(|at| Side {
            scene: &scenes[at],
            layouts: &layouts[at],
        });
        let ty = Type::Vec(Box::new(Type::Defined(DefinitionId(1), Vec::new())));
        Differences::between(own, new, &[ty])
    }

    #[test]
    fn fields_that_are_where_they_were_are_no_difference() {
        let told = "Type1=8,4,a:4,b:0|";
        let own = fields(&[("a", U8), ("b", U32)]);
        let new = fields(&[("b", U32), ("a", U8)]);
        assert!(between((own, told), (new, told)).is_empty());
    }

    #[test]
    fn fields_in_each_others_place_are_an_effect() {
        let own = fields(&[("a", U32), ("b", U32)]);
        let new = fields(&[("b", U32), ("a", U32)]);
        let found = between((own, "Type1=8,4,a:0,b:4|"), (new, "Type1=8,4,a:4,b:0|"));
        assert!(found.causes.is_empty());
        assert_eq!(found.effects.len(), 2);
        assert_eq!(found.effects[0].program.as_deref(), Some("at byte 0"));
        assert_eq!(found.effects[0].library.as_deref(), Some("at byte 4"));
        assert!(
            found
                .leading
                .iter()
                .any(|name| name.starts_with("alloc::vec::Vec<"))
        );
    }

    #[test]
    fn another_type_of_a_field_is_a_cause() {
        let told = "Type1=4,4,a:0|";
        let found = between((fields(&[("a", U32)]), told), (fields(&[("a", F32)]), told));
        let cause = Difference {
            type_name: "scene::Type1".to_owned(),
            part: Some("field `a`".to_owned()),
            program: Some("`u32`".to_owned()),
            library: Some("`f32`".to_owned()),
        };
        assert_eq!(found.causes, [cause]);
    }

    #[test]
    fn a_variant_before_others_is_a_cause_and_their_numbers_are_effects() {
        let variant = |name: &str, payload: &[Type]| Variant {
            name: name.to_owned(),
            payload: payload.to_vec(),
        };
        let own = vec![variant("A", &[]), variant("B", &[U32])];
        let mut new = own.clone();
        new.insert(0, variant("C", &[]));
        let told = "Type1=8,4|";
        let found = between((Shape::Enum(own), told), (Shape::Enum(new), told));
        let parts = |list: &[Difference]| {
            list.iter()
                .map(|own| own.part.clone().unwrap_or_default())
                .collect::<Vec<_>>()
        };
        assert_eq!(parts(&found.causes), ["variant `C`"]);
        assert_eq!(parts(&found.effects), ["variant `A`", "variant `B`"]);
    }

    #[test]
    fn variants_without_a_tag_may_change_places() {
        let variant = |name: &str, payload: &[Type]| Variant {
            name: name.to_owned(),
            payload: payload.to_vec(),
        };
        let own = [
            variant("A", &[Type::Vec(Box::new(U8))]),
            variant("B", &[U32]),
        ];
        let new = [own[1].clone(), own[0].clone()];
        let told = "Vec<u8>=24,8|Type1=24,8,A:0,A.size:24,B:8,B.size:4|";
        let found = |told| {
            let (own, new) = (Shape::Enum(own.to_vec()), Shape::Enum(new.to_vec()));
            between((own, told), (new, told))
        };
        assert!(found(told).is_empty());
        let told = "Vec<u8>=24,8|Type1=32,8,A:8,A.size:24,B:4,B.size:4|";
        assert_eq!(found(told).effects.len(), 2);
    }

    #[test]
    fn what_is_no_layout_is_an_error() {
        let error = Layouts::read("u8=1,1|u16=2").expect_err("an alignment is missing");
        assert!(error.to_string().contains("u16=2"), "{error}");
    }
}
