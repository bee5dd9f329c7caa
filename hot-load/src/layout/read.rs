//! From debug information to a graph of types.

use super::debug_info::{Bytes, Units, unreadable};
use super::graph::{Graph, Part, Role, Shape, Type, TypeId};
use super::index::Index;
use super::names;
use super::{CrateSource, Missing};
use gimli::{
    AttributeValue, DebuggingInformationEntry, Dwarf, EntriesRaw, Unit, UnitOffset, constants,
};
use std::collections::HashMap;

/// The layouts of what crosses by the items of a crate.
#[derive(Debug)]
pub(super) struct Crossing {
    pub(super) graph: Graph,
    /// By the hash of the item's path or name.
    pub(super) items: HashMap<u64, TypeId>,
}

/// Reads all that the items of each crate lead to.
pub(super) fn crossing(
    dwarf: &Dwarf<Bytes<'_>>,
    crates: &[CrateSource<'_>],
) -> Result<Vec<Result<Crossing, Missing>>, Missing> {
    let units = Units::find(dwarf, crates).map_err(unreadable)?;
    let split = units.split;
    let by_crate = crates.iter().zip(units.by_crate);
    let crossing =
        |(krate, units): (&CrateSource<'_>, Vec<Unit<_>>)| match (units.is_empty(), split) {
            (true, true) => Err(Missing::Split),
            (true, false) => Err(Missing::DebugInfo),
            (false, _) => crossing_of_units(dwarf, units, krate.crate_name),
        };
    Ok(by_crate.map(crossing).collect())
}

fn crossing_of_units<'a>(
    dwarf: &Dwarf<Bytes<'a>>,
    units: Vec<Unit<Bytes<'a>>>,
    crate_name: &str,
) -> Result<Crossing, Missing> {
    let mut reader = Reader::new(dwarf, units, crate_name).map_err(unreadable)?;
    let items = reader.items().map_err(unreadable)?;
    if items.is_empty() {
        return Err(Missing::Types);
    }
    reader.read_all().map_err(unreadable)?;
    Ok(Crossing {
        graph: reader.graph,
        items,
    })
}

/// An entry of one of the crate's units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Place {
    unit: usize,
    offset: UnitOffset,
}

struct Reader<'d, 'a> {
    dwarf: &'d Dwarf<Bytes<'a>>,
    units: Vec<(Unit<Bytes<'a>>, Index)>,
    graph: Graph,
    known: HashMap<Place, TypeId>,
    /// The places of the types of the graph. Those beyond `graph.types` are still to be read.
    places: Vec<Place>,
    /// The methods of hot traits, by the name of the trait object.
    interfaces: HashMap<String, Place>,
    /// The types behind trait objects, by the name of the trait.
    implementors: HashMap<String, Vec<Place>>,
    /// Types by their names. Made when it is first needed.
    by_name: Option<HashMap<String, Place>>,
}

impl<'d, 'a> Reader<'d, 'a> {
    fn new(
        dwarf: &'d Dwarf<Bytes<'a>>,
        units: Vec<Unit<Bytes<'a>>>,
        crate_name: &str,
    ) -> gimli::Result<Self> {
        let indexed = units
            .into_iter()
            .map(|unit| Ok((Index::of(dwarf, &unit, crate_name)?, unit)))
            .map(|indexed| indexed.map(|(index, unit)| (unit, index)))
            .collect::<gimli::Result<Vec<_>>>()?;
        let mut reader = Reader {
            dwarf,
            units: indexed,
            graph: Graph::default(),
            known: HashMap::new(),
            places: Vec::new(),
            interfaces: HashMap::new(),
            implementors: HashMap::new(),
            by_name: None,
        };
        reader.find_interfaces()?;
        reader.find_implementors()?;
        Ok(reader)
    }

    /// The items, and the type that leads to all that each hands over.
    fn items(&mut self) -> gimli::Result<HashMap<u64, TypeId>> {
        let mut items = HashMap::new();
        for place in self.statics(|index| &index.items) {
            let layout = self.entry(place)?;
            let item = self.name_of(place.unit, &layout)?;
            let Some(item) = item.as_deref().and_then(names::const_argument) else {
                continue;
            };
            if let [(_, crossing)] = self.arguments_of(place)?.as_slice() {
                let crossing = self.id(*crossing);
                items.insert(item, crossing);
            }
        }
        Ok(items)
    }

    fn find_interfaces(&mut self) -> gimli::Result<()> {
        for place in self.statics(|index| &index.interfaces) {
            if let [(_, object), (_, methods)] = self.arguments_of(place)?.as_slice() {
                let name = self.full_name(*object)?;
                self.interfaces.insert(name, *methods);
            }
        }
        Ok(())
    }

    fn find_implementors(&mut self) -> gimli::Result<()> {
        for unit in 0..self.units.len() {
            let tables = std::mem::take(&mut self.units[unit].1.method_tables);
            for (name, offset) in tables {
                let Some(behind) = names::trait_of_table(&name) else {
                    continue;
                };
                let table = self.entry(Place { unit, offset })?;
                let containing = table.attr_value(constants::DW_AT_containing_type);
                if let Some(AttributeValue::UnitRef(offset)) = containing {
                    let implementor = Place { unit, offset };
                    let of_trait = self.implementors.entry(behind.to_owned());
                    of_trait.or_default().push(implementor);
                }
            }
        }
        Ok(())
    }

    fn statics(&self, kind: impl Fn(&Index) -> &Vec<UnitOffset>) -> Vec<Place> {
        let of_unit = |(unit, (_, index)): (usize, &(_, Index))| {
            let place = move |offset: &UnitOffset| Place {
                unit,
                offset: *offset,
            };
            kind(index).iter().map(place).collect::<Vec<_>>()
        };
        self.units.iter().enumerate().flat_map(of_unit).collect()
    }

    /// The type arguments of a generic type.
    fn arguments_of(&self, place: Place) -> gimli::Result<Vec<(String, Place)>> {
        let (_, parts) = self.parts_of(place)?;
        let arguments = parts.into_iter();
        Ok(arguments
            .filter(|part| part.role == Role::Generic)
            .filter_map(|part| Some((part.name, part.ty?)))
            .collect())
    }

    /// The node of the type at `place`, which may still have to be read.
    fn id(&mut self, place: Place) -> TypeId {
        *self.known.entry(place).or_insert_with(|| {
            self.places.push(place);
            self.places.len() - 1
        })
    }

    fn read_all(&mut self) -> gimli::Result<()> {
        while let Some(place) = self.places.get(self.graph.types.len()) {
            let ty = self.read(*place)?;
            self.graph.types.push(ty);
        }
        Ok(())
    }

    fn read(&mut self, place: Place) -> gimli::Result<Type> {
        let (entry, mut parts) = self.parts_of(place)?;
        let name = self.full_name(place)?;
        let shape = shape_of(&entry);
        if let Some(principal) = names::principal(&name) {
            self.add_what_is_behind(principal, &mut parts)?;
        }
        let parts = parts.into_iter();
        let parts = parts.map(|Part { role, name, ty }| Part {
            role,
            name,
            ty: ty.map(|place| self.id(place)),
        });
        Ok(Type {
            parts: parts.collect(),
            name,
            shape,
            size: number(&entry, constants::DW_AT_byte_size),
            align: number(&entry, constants::DW_AT_alignment),
        })
    }

    /// What is known of the types that a trait object hides: those its methods take, those it is made
    /// from, those its name speaks of.
    fn add_what_is_behind(
        &mut self,
        principal: &str,
        parts: &mut Vec<Part<Place>>,
    ) -> gimli::Result<()> {
        match self.interfaces.get(&format!("dyn {principal}")) {
            // Nodes of a hot trait are made anew, by the code that knows them.
            Some(methods) => parts.push(Part {
                role: Role::Methods,
                name: String::new(),
                ty: Some(*methods),
            }),
            None => {
                let implementors = self.implementors.get(principal).cloned();
                for implementor in implementors.unwrap_or_default() {
                    let name = self.full_name(implementor)?;
                    if !names::is_unnameable(&name) {
                        parts.push(Part {
                            role: Role::Implementor,
                            name,
                            ty: Some(implementor),
                        });
                    }
                }
            }
        }
        if principal.contains('<') {
            for name in names::paths_in(principal) {
                if let Some(ty) = self.by_name()?.get(name).copied() {
                    parts.push(Part {
                        role: Role::Mentioned,
                        name: name.to_owned(),
                        ty: Some(ty),
                    });
                }
            }
        }
        Ok(())
    }

    fn by_name(&mut self) -> gimli::Result<&HashMap<String, Place>> {
        if self.by_name.is_none() {
            let mut by_name = HashMap::new();
            for unit in 0..self.units.len() {
                let types: Vec<_> = self.units[unit].1.types().collect();
                for offset in types {
                    let place = Place { unit, offset };
                    by_name.insert(self.full_name(place)?, place);
                }
            }
            self.by_name = Some(by_name);
        }
        Ok(self.by_name.get_or_insert_default())
    }

    /// A type's name with what it is nested in.
    fn full_name(&self, place: Place) -> gimli::Result<String> {
        let mut path = Vec::new();
        let scopes = self.units[place.unit].1.scopes_of(place.offset);
        for offset in std::iter::once(place.offset).chain(scopes) {
            let entry = self.entry(Place { offset, ..place })?;
            path.extend(self.name_of(place.unit, &entry)?);
        }
        path.reverse();
        Ok(names::without_numbering(&path.join("::")))
    }

    fn name_of(
        &self,
        unit: usize,
        entry: &DebuggingInformationEntry<Bytes<'a>>,
    ) -> gimli::Result<Option<String>> {
        let name = entry.attr_value(constants::DW_AT_name);
        let name = name.map(|name| self.dwarf.attr_string(&self.units[unit].0, name));
        Ok(name
            .transpose()?
            .map(|name| name.to_string_lossy().into_owned()))
    }

    fn entry(&self, place: Place) -> gimli::Result<DebuggingInformationEntry<Bytes<'a>>> {
        let unit = &self.units[place.unit].0;
        unit.header.entry(&unit.abbreviations, place.offset)
    }

    /// The place that an entry's attribute leads to.
    fn target(
        &self,
        unit: usize,
        entry: &DebuggingInformationEntry<Bytes<'a>>,
    ) -> gimli::Result<Option<Place>> {
        let Some(attribute) = entry.attr(constants::DW_AT_type) else {
            return Ok(None);
        };
        match attribute.value() {
            AttributeValue::UnitRef(offset) => Ok(Some(Place { unit, offset })),
            // Link-time optimisation merges the types of units.
            AttributeValue::DebugInfoRef(target) => {
                let mut units = self.units.iter().enumerate();
                let found = units.find_map(|(unit, (other, _))| {
                    let offset = target.to_unit_offset(&other.header)?;
                    Some(Place { unit, offset })
                });
                found
                    .map(Some)
                    .ok_or(gimli::Error::OffsetOutOfBounds(target.0 as u64))
            }
            _ => Err(gimli::Error::UnsupportedAttributeForm(attribute.form())),
        }
    }

    /// An entry, and the parts that its children describe.
    #[allow(clippy::type_complexity, reason = "two things that are read in one go")]
    fn parts_of(
        &self,
        place: Place,
    ) -> gimli::Result<(DebuggingInformationEntry<Bytes<'a>>, Vec<Part<Place>>)> {
        let unit = &self.units[place.unit].0;
        let mut entries: EntriesRaw<'_, Bytes<'a>> = unit
            .header
            .entries_raw(&unit.abbreviations, Some(place.offset))?;
        let mut entry = DebuggingInformationEntry::null();
        entries.read_entry(&mut entry)?;
        let mut parts = Vec::new();
        let named = |role, child: &DebuggingInformationEntry<Bytes<'a>>| {
            let name = self.name_of(place.unit, child)?.unwrap_or_default();
            let ty = self.target(place.unit, child)?;
            gimli::Result::Ok(Part { role, name, ty })
        };
        let nameless = |role, ty| Part {
            role,
            name: String::new(),
            ty,
        };
        let target = self.target(place.unit, &entry)?;
        match entry.tag() {
            constants::DW_TAG_pointer_type
            | constants::DW_TAG_reference_type
            | constants::DW_TAG_enumeration_type => parts.push(nameless(Role::Target, target)),
            constants::DW_TAG_subroutine_type => {
                parts.push(nameless(Role::Result, target));
            }
            _ => {}
        }
        let mut parameters = 0;
        let mut child = DebuggingInformationEntry::null();
        // What the next entry is in, other than the type itself.
        let mut inside = Inside::default();
        while entries.next_depth() > 0 {
            if !entries.read_entry(&mut child)? {
                continue;
            }
            match (child.depth(), child.tag()) {
                (1, tag) => {
                    inside = Inside {
                        variants: tag == constants::DW_TAG_variant_part,
                        variant: None,
                    };
                    match tag {
                        constants::DW_TAG_member => {
                            let offset = number(&child, constants::DW_AT_data_member_location);
                            parts.push(named(Role::Field { offset }, &child)?);
                        }
                        constants::DW_TAG_template_type_parameter => {
                            parts.push(named(Role::Generic, &child)?)
                        }
                        constants::DW_TAG_enumerator => {
                            let value = number(&child, constants::DW_AT_const_value);
                            parts.push(named(Role::Enumerator { value }, &child)?);
                        }
                        constants::DW_TAG_formal_parameter => {
                            parts.push(named(Role::Parameter(parameters), &child)?);
                            parameters += 1;
                        }
                        constants::DW_TAG_subrange_type => {
                            let count = number(&child, constants::DW_AT_count).or_else(|| {
                                Some(number(&child, constants::DW_AT_upper_bound)? + 1)
                            });
                            parts.push(nameless(Role::Element { count }, target));
                        }
                        _ => {}
                    }
                }
                (2, constants::DW_TAG_member) if inside.variants => {
                    let offset = number(&child, constants::DW_AT_data_member_location);
                    parts.push(named(Role::Discriminant { offset }, &child)?);
                }
                (2, constants::DW_TAG_variant) if inside.variants => {
                    inside.variant = Some(number(&child, constants::DW_AT_discr_value));
                }
                (3, constants::DW_TAG_member) => {
                    if let Some(value) = inside.variant {
                        parts.push(named(Role::Variant { value }, &child)?);
                    }
                }
                _ => {}
            }
        }
        Ok((entry, parts))
    }
}

/// Where in an enum with fields an entry is.
#[derive(Default)]
struct Inside {
    variants: bool,
    /// The value of the variant's discriminant.
    variant: Option<Option<u64>>,
}

fn shape_of(entry: &DebuggingInformationEntry<Bytes<'_>>) -> Shape {
    if entry.has_attr(constants::DW_AT_declaration) {
        return Shape::Unknown;
    }
    match entry.tag() {
        constants::DW_TAG_base_type => {
            let encoding = match entry.attr_value(constants::DW_AT_encoding) {
                Some(AttributeValue::Encoding(encoding)) => encoding.0,
                _ => 0,
            };
            Shape::Primitive { encoding }
        }
        constants::DW_TAG_structure_type => Shape::Struct,
        constants::DW_TAG_union_type => Shape::Union,
        constants::DW_TAG_enumeration_type => Shape::Enumeration,
        constants::DW_TAG_pointer_type | constants::DW_TAG_reference_type => Shape::Pointer,
        constants::DW_TAG_array_type => Shape::Array,
        constants::DW_TAG_subroutine_type => Shape::Function,
        _ => Shape::Unknown,
    }
}

fn number(entry: &DebuggingInformationEntry<Bytes<'_>>, attribute: constants::DwAt) -> Option<u64> {
    let attribute = entry.attr(attribute)?;
    attribute.udata_value().or_else(|| {
        let value = attribute.sdata_value()?;
        Some(value.cast_unsigned())
    })
}
