//! From debug information to a graph of types.

use super::behind::{self, Behind, Search};
use super::debug_info::{Bytes, MappedFile, Units, unreadable};
use super::entry::{self, Entries, Place};
use super::graph::{Graph, Part, Role, Shape, Type, TypeId};
use super::index::Index;
use super::methods::{Methods, Pointers, Table};
use super::names;
use super::{CrateSource, Missing};
use by_name::ByName;
use gimli::{AttributeValue, Dwarf, Unit, UnitOffset, constants};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

mod by_name;

/// The layouts of what crosses by the items of a crate, and of its statics.
#[derive(Debug)]
pub(super) struct Crossing {
    pub(super) graph: Graph,
    /// By the hash of the item's path or name.
    pub(super) items: HashMap<u64, TypeId>,
    /// By the name of the symbol.
    pub(super) statics: HashMap<String, StaticType>,
    /// What is put behind the trait objects among them.
    pub(super) behind: Behind,
    /// What was read of tables of methods.
    pub(super) pointers: Pointers,
}

/// A static or thread-local.
#[derive(Debug)]
pub(super) struct StaticType {
    /// With the modules it is in.
    pub(super) path: String,
    pub(super) ty: TypeId,
    /// Whether it is in one piece.
    pub(super) is_whole: bool,
}

/// Reads all that the items and the statics of each crate lead to.
///
/// What is behind trait objects is searched for beyond the crate's own units.
pub(super) fn crossing<'a>(
    file: &MappedFile,
    dwarf: &Dwarf<Bytes<'a>>,
    crates: &[CrateSource<'_>],
    search: Search<'_>,
) -> Result<Vec<Result<Crossing, Missing>>, Missing> {
    let units = Units::find(dwarf, crates, !search.of_crates.is_empty()).map_err(unreadable)?;
    let split = units.split;
    let by_crate = units.by_crate.into_iter().zip(units.neighbours);
    let crossing = |(krate, (own, neighbours)): (&CrateSource<'_>, _)| {
        let units = OfCrate { own, neighbours };
        match (units.own.is_empty(), split) {
            (true, true) => Err(Missing::Split),
            (true, false) => Err(Missing::DebugInfo),
            (false, _) => crossing_of_units(file, dwarf, units, krate.crate_name, search),
        }
    };
    Ok(crates.iter().zip(by_crate).map(crossing).collect())
}

/// The units in which a crate's types are looked for.
struct OfCrate<'a> {
    own: Vec<Unit<Bytes<'a>>>,
    /// Of other crates of its workspace.
    neighbours: Vec<Unit<Bytes<'a>>>,
}

fn crossing_of_units<'a>(
    file: &MappedFile,
    dwarf: &Dwarf<Bytes<'a>>,
    units: OfCrate<'a>,
    crate_name: &str,
    search: Search<'_>,
) -> Result<Crossing, Missing> {
    let mut reader = Reader::new(file, dwarf, units, crate_name, search).map_err(unreadable)?;
    let items = reader.items().map_err(unreadable)?;
    let statics = reader.static_types().map_err(unreadable)?;
    if items.is_empty() && statics.is_empty() {
        return Err(Missing::Types);
    }
    reader.read_all()?;
    Ok(Crossing {
        behind: Behind::of(&reader.graph),
        graph: reader.graph,
        items,
        statics,
        pointers: reader
            .methods
            .map(|methods| methods.pointers)
            .unwrap_or_default(),
    })
}

struct Reader<'d, 'a> {
    file: &'d MappedFile,
    entries: Entries<'d, 'a>,
    /// How many of the units are the crate's own: the first of them.
    own_units: usize,
    graph: Graph,
    known: HashMap<Place, TypeId, BuildHasherDefault<PlaceHasher>>,
    /// The places of the types of the graph. Those beyond `graph.types` are still to be read.
    places: Vec<Place>,
    /// The methods of hot traits, by the name of the trait object.
    interfaces: HashMap<String, Place>,
    /// The tables of methods of the types behind trait objects, by the name of the trait.
    implementors: HashMap<String, Vec<Place>>,
    tables: HashMap<Place, Table>,
    /// What the tables of methods point to. Made when it is first needed.
    methods: Option<Methods>,
    /// Types by their names. Made when it is first needed.
    by_name: Option<ByName>,
    search: Search<'d>,
}

impl<'d, 'a> Reader<'d, 'a> {
    fn new(
        file: &'d MappedFile,
        dwarf: &'d Dwarf<Bytes<'a>>,
        units: OfCrate<'a>,
        crate_name: &str,
        search: Search<'d>,
    ) -> gimli::Result<Self> {
        let own_units = units.own.len();
        let units = units.own.into_iter().chain(units.neighbours);
        let indexed = units
            .map(|unit| Ok((Index::of(dwarf, &unit, crate_name)?, unit)))
            .map(|indexed| indexed.map(|(index, unit)| (unit, index)))
            .collect::<gimli::Result<Vec<_>>>()?;
        let mut reader = Reader {
            file,
            entries: Entries {
                dwarf,
                units: indexed,
            },
            own_units,
            graph: Graph::default(),
            known: HashMap::default(),
            places: Vec::new(),
            interfaces: HashMap::new(),
            implementors: HashMap::new(),
            tables: HashMap::new(),
            methods: None,
            by_name: None,
            search,
        };
        reader.find_interfaces()?;
        reader.find_implementors()?;
        // Of several tables of one type the linker keeps one; that comes first.
        for tables in reader.implementors.values_mut() {
            tables.sort_by_key(|table| reader.tables[table].address.is_none());
        }
        Ok(reader)
    }

    /// The items, and the type that leads to all that each hands over.
    fn items(&mut self) -> gimli::Result<HashMap<u64, TypeId>> {
        let mut items = HashMap::new();
        for place in self.statics(|index| &index.items) {
            let layout = self.entries.entry(place)?;
            let item = self.entries.name_of(place.unit, &layout)?;
            let Some(item) = item.as_deref().and_then(names::const_argument) else {
                continue;
            };
            if let [(_, crossing)] = self.entries.arguments_of(place)?.as_slice() {
                let crossing = self.id(*crossing);
                items.insert(item, crossing);
            }
        }
        Ok(items)
    }

    fn static_types(&mut self) -> gimli::Result<HashMap<String, StaticType>> {
        let mut types = HashMap::new();
        for unit in 0..self.own_units {
            let found = std::mem::take(&mut self.entries.units[unit].1.statics);
            for entry in found {
                let path = self.entries.static_name(unit, &entry)?;
                let path = names::static_as_written(&path).to_owned();
                let offset = entry.ty;
                let ty = self.id(Place { unit, offset });
                let is_whole = entry.is_whole;
                types.insert(entry.symbol, StaticType { path, ty, is_whole });
            }
        }
        Ok(types)
    }

    fn find_interfaces(&mut self) -> gimli::Result<()> {
        for place in self.statics(|index| &index.interfaces) {
            if let [(_, object), (_, methods)] = self.entries.arguments_of(place)?.as_slice() {
                let name = self.entries.full_name(*object)?;
                self.interfaces.insert(name, *methods);
            }
        }
        Ok(())
    }

    fn find_implementors(&mut self) -> gimli::Result<()> {
        for unit in 0..self.entries.units.len() {
            let tables = std::mem::take(&mut self.entries.units[unit].1.method_tables);
            for found in tables {
                let Some(behind) = names::trait_of_table(&found.name) else {
                    continue;
                };
                if unit >= self.own_units && !self.search.is_of_type(&found.name) {
                    continue;
                }
                let place = Place {
                    unit,
                    offset: found.ty,
                };
                let of_table = self.entries.entry(place)?;
                let containing = of_table.attr_value(constants::DW_AT_containing_type);
                let Some(AttributeValue::UnitRef(offset)) = containing else {
                    continue;
                };
                let of_trait = self.implementors.entry(behind.to_owned());
                of_trait.or_default().push(place);
                let implementor = Place { unit, offset };
                let table = Table {
                    name: behind::part_name(&self.entries.full_name(implementor)?, behind),
                    implementor,
                    address: found.address,
                    size: entry::number(&of_table, constants::DW_AT_byte_size).unwrap_or_default(),
                };
                self.tables.insert(place, table);
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
        self.entries.units[..self.own_units]
            .iter()
            .enumerate()
            .flat_map(of_unit)
            .collect()
    }

    /// The node of the type at `place`, which may still have to be read.
    fn id(&mut self, place: Place) -> TypeId {
        *self.known.entry(place).or_insert_with(|| {
            self.places.push(place);
            self.places.len() - 1
        })
    }

    fn read_all(&mut self) -> Result<(), Missing> {
        while let Some(place) = self.places.get(self.graph.types.len()) {
            let ty = self.read(*place)?;
            self.graph.types.push(ty);
        }
        Ok(())
    }

    fn read(&mut self, place: Place) -> Result<Type, Missing> {
        let (entry, mut parts) = self.entries.parts_of(place).map_err(unreadable)?;
        let shape = entry::shape_of(&entry);
        let mut name = match shape {
            // Its types are what matters.
            Shape::Function => String::new(),
            _ => self.entries.full_name(place).map_err(unreadable)?,
        };
        let mut plain_trait = None;
        if names::is_holder(&name) {
            // A value in it crosses as itself and never by the layout that the item knows. The rest is hot-abi's own,
            // of which both sides have one build; it leads to all of the crate.
            parts.clear();
        }
        if let Some(table) = self.tables.get(&place).cloned() {
            parts = self.methods_of(&table, parts)?;
            name = table.name;
        } else if let Some(principal) = names::principal(&name) {
            self.add_what_is_behind(principal, &mut parts)
                .map_err(unreadable)?;
            let is_hot = parts.iter().any(|part| part.role == Role::Methods);
            plain_trait = (!is_hot).then(|| principal.to_owned());
        }
        let parts = parts.into_iter();
        let parts = parts.map(|Part { role, name, ty }| Part {
            role,
            name,
            ty: ty.map(|place| self.id(place)),
        });
        Ok(Type {
            parts: parts.collect(),
            plain_trait,
            name,
            shape,
            size: entry::number(&entry, constants::DW_AT_byte_size),
            align: entry::number(&entry, constants::DW_AT_alignment),
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
                let tables = self.implementors.get(principal).into_iter().flatten();
                for place in tables {
                    let name = &self.tables[place].name;
                    if !names::is_unnameable(name) {
                        parts.push(Part {
                            role: Role::Implementor,
                            name: name.clone(),
                            ty: Some(*place),
                        });
                    }
                }
                self.add_unmade(principal, parts)?;
            }
        }
        if principal.contains('<') {
            for name in names::paths_in(principal) {
                if let Some(ty) = self.named(name)? {
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

    /// The types that others put behind objects of this trait, and that are known here.
    fn add_unmade(&mut self, principal: &str, parts: &mut Vec<Part<Place>>) -> gimli::Result<()> {
        let elsewhere = self.search.elsewhere;
        for ty in elsewhere.of_trait(principal) {
            let name = behind::part_name(ty, principal);
            if parts.iter().any(|part| part.name == name) {
                continue;
            }
            if let Some(ty) = self.named(ty)? {
                parts.push(Part {
                    role: Role::Unmade,
                    name,
                    ty: Some(ty),
                });
            }
        }
        Ok(())
    }

    /// The parts of a table of methods: the type whose methods they are, and each method.
    fn methods_of(
        &mut self,
        table: &Table,
        fields: Vec<Part<Place>>,
    ) -> Result<Vec<Part<Place>>, Missing> {
        let mut parts = vec![Part {
            role: Role::Target,
            name: String::new(),
            ty: Some(table.implementor),
        }];
        // The linker leaves out the table of a type of which no value is made.
        let Some(start) = table.address else {
            return Ok(parts);
        };
        for field in fields {
            let (Role::Field { offset }, Some(place)) = (
                field.role,
                field
                    .name
                    .strip_prefix("__method")
                    .and_then(|place| place.parse().ok()),
            ) else {
                continue;
            };
            let function = match offset {
                Some(offset) => self.methods()?.at(start.wrapping_add(offset)),
                None => None,
            };
            let name = function.map(|function| {
                let entry = self.entries.entry(function)?;
                self.entries.name_of(function.unit, &entry)
            });
            let name = name.transpose().map_err(unreadable)?.flatten();
            parts.push(Part {
                role: Role::Method(place),
                // One that is compiled into another crate has no name here, only its place.
                name: name.unwrap_or(field.name),
                ty: function,
            });
        }
        Ok(parts)
    }

    fn methods(&mut self) -> Result<&Methods, Missing> {
        if self.methods.is_none() {
            let tables = self.tables.values();
            let methods = Methods::find(self.file, &self.entries, tables)?;
            return Ok(self.methods.insert(methods));
        }
        self.methods.as_ref().ok_or(Missing::Types)
    }

    /// The type of that name.
    fn named(&mut self, name: &str) -> gimli::Result<Option<Place>> {
        let by_name = match &mut self.by_name {
            Some(by_name) => by_name,
            None => self.by_name.insert(ByName::new(&self.entries)?),
        };
        by_name.find(&self.entries, name)
    }
}

/// Hashes the two numbers of a [`Place`]: quicker, where it is not optimised, than a hash that nobody can
/// foresee.
#[derive(Default)]
struct PlaceHasher(u64);

impl Hasher for PlaceHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }

    fn write_usize(&mut self, number: usize) {
        let mixed = (self.0.rotate_left(32) ^ number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ mixed >> 32;
    }
}
