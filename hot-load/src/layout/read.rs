//! From debug information to a graph of types.

use super::behind::{self, Behind, Search};
use super::debug_info::{self, Bytes, MappedFile, Units, unreadable};
use super::entry::{self, Entries, Place};
use super::graph::{Graph, Part, Role, Shape, Type, TypeId};
use super::index::{Index, METHOD_TABLE};
use super::methods::{Methods, Pointers, Table};
use super::names;
use super::{CrateSource, Missing};
use by_name::{ByName, own_name};
use gimli::{AttributeValue, Dwarf, Unit, UnitHeader, UnitOffset, constants};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

mod by_name;

/// Whether a file speaks of one of these types at all, which is quick to say.
pub(super) fn may_know<'a>(dwarf: &Dwarf<Bytes<'_>>, types: impl Iterator<Item = &'a str>) -> bool {
    let names = types.flat_map(behind::names_of);
    let names: HashSet<&[u8]> = names.map(|name| own_name(name).as_bytes()).collect();
    // What is in a block or a function may have a number there.
    let is_numbered = names.iter().any(|name| name.contains(&b'{'));
    !names.is_empty() && (is_numbered || debug_info::has_string(dwarf, |text| names.contains(text)))
}

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
    /// What panics carry.
    pub(super) payloads: Payloads,
}

/// What panics carry, which may pass any item. Both are trait objects.
#[derive(Debug)]
pub(super) struct Payloads {
    /// The values that code panics with.
    pub(super) thrown: TypeId,
    /// What is behind `dyn Any`, which only `resume_unwind` makes a payload.
    pub(super) resumed: TypeId,
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
    let units = Units::find(dwarf, crates).map_err(unreadable)?;
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
    neighbours: Vec<UnitHeader<Bytes<'a>>>,
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
    let payloads = reader.payloads()?;
    Ok(Crossing {
        payloads,
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
    /// The tables for traits that may lead to one that tells what is behind its objects.
    leading: Vec<Place>,
    /// What code panics with.
    thrown: Vec<Place>,
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
        let OfCrate { own, neighbours } = units;
        let own_units = own.len();
        let indexed = |unit: Unit<Bytes<'a>>| {
            let index = Index::of(dwarf, &unit, crate_name)?;
            gimli::Result::Ok((unit, index))
        };
        let units = own.into_iter().map(indexed);
        let mut indexed_units = units.collect::<gimli::Result<Vec<_>>>()?;
        let is_wanted = || {
            !search.of_crates.is_empty()
                || concerns_others(&indexed_units, dwarf, crate_name, search)
        };
        if !neighbours.is_empty() && is_wanted() {
            for header in neighbours {
                indexed_units.push(indexed(debug_info::unit(dwarf, header)?)?);
            }
        }
        let mut reader = Reader {
            file,
            entries: Entries {
                dwarf,
                units: indexed_units,
            },
            own_units,
            graph: Graph::default(),
            known: HashMap::default(),
            places: Vec::new(),
            interfaces: HashMap::new(),
            implementors: HashMap::new(),
            leading: Vec::new(),
            thrown: Vec::new(),
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
                let Some((ty, behind)) = names::parts_of_table(&found.name) else {
                    continue;
                };
                let may_tell = behind::may_tell(&found.name);
                let is_own = unit < self.own_units || self.search.is_of_type(&found.name);
                if !is_own && !may_tell {
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
                let implementor = Place { unit, offset };
                if behind == behind::PAYLOAD {
                    let thrown = self.entries.arguments_of(implementor)?;
                    let thrown = thrown.into_iter().map(|(_, thrown)| thrown);
                    self.thrown.extend(thrown.filter(|_| may_tell));
                    continue;
                }
                if is_own || behind::is_downcast(behind) {
                    let of_trait = self.implementors.entry(behind.to_owned());
                    of_trait.or_default().push(place);
                }
                if may_tell && !behind::is_downcast(behind) && !names::is_unnameable(ty) {
                    self.leading.push(place);
                }
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
            self.add_what_is_behind(principal, &mut parts)?;
            let is_hot = parts.iter().any(|part| part.role == Role::Methods);
            plain_trait = (!is_hot).then(|| principal.to_owned());
        }
        Ok(Type {
            parts: self.known_parts(parts),
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
    ) -> Result<(), Missing> {
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
                self.add_led(principal, parts)?;
                self.add_unmade(principal, parts).map_err(unreadable)?;
                self.add_inner(principal, parts).map_err(unreadable)?;
            }
        }
        if principal.contains('<') {
            for name in names::paths_in(principal) {
                if let Some(ty) = self.named(name).map_err(unreadable)? {
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

    /// The types that get behind objects of this trait by the tables for others.
    fn add_led(&mut self, principal: &str, parts: &mut Vec<Part<Place>>) -> Result<(), Missing> {
        if !behind::is_downcast(principal) {
            return Ok(());
        }
        for table in self.leading.clone() {
            if !self.leads_to(table, principal)? {
                continue;
            }
            let ty = self.tables[&table].implementor;
            let name = self.entries.full_name(ty).map_err(unreadable)?;
            let name = behind::part_name(&name, principal);
            if parts.iter().all(|part| part.name != name) {
                parts.push(Part {
                    role: Role::Carried,
                    name,
                    ty: Some(ty),
                });
            }
        }
        Ok(())
    }

    /// Whether a table has the method by which objects of that trait tell what is behind them: then it is a supertrait.
    fn leads_to(&mut self, table: Place, principal: &str) -> Result<bool, Missing> {
        // The linker leaves out the table of a type of which no value is made.
        let Some(start) = self.tables[&table].address else {
            return Ok(false);
        };
        let (_, fields) = self.entries.parts_of(table).map_err(unreadable)?;
        self.methods()?;
        let file = self.file;
        let Some(methods) = &mut self.methods else {
            return Ok(true);
        };
        for field in fields {
            if let Role::Field {
                offset: Some(offset),
            } = field.role
                && field.name.starts_with(METHOD)
                && methods.tells(file, start.wrapping_add(offset), principal)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads all that is still to be read, and then knows what panics carry.
    fn payloads(&mut self) -> Result<Payloads, Missing> {
        let mut thrown = Vec::new();
        for ty in std::mem::take(&mut self.thrown) {
            let name = self.entries.full_name(ty).map_err(unreadable)?;
            let name = behind::part_name(&name, behind::PAYLOAD);
            if thrown.iter().all(|part: &Part<Place>| part.name != name) {
                thrown.push(Part {
                    role: Role::Carried,
                    name,
                    ty: Some(ty),
                });
            }
        }
        self.add_unmade(behind::PAYLOAD, &mut thrown)
            .map_err(unreadable)?;
        self.add_inner(behind::PAYLOAD, &mut thrown)
            .map_err(unreadable)?;
        let mut resumed = Vec::new();
        self.add_what_is_behind(behind::ANY, &mut resumed)?;
        let objects = [(behind::PAYLOAD, thrown), (behind::ANY, resumed)].map(|(of, parts)| Type {
            name: "the payload of a panic".to_owned(),
            shape: Shape::Struct,
            size: None,
            align: None,
            parts: self.known_parts(parts),
            plain_trait: Some(of.to_owned()),
        });
        self.read_all()?;
        let first = self.graph.types.len();
        self.graph.types.extend(objects);
        Ok(Payloads {
            thrown: first,
            resumed: first + 1,
        })
    }

    fn known_parts(&mut self, parts: Vec<Part<Place>>) -> Vec<Part> {
        let parts = parts.into_iter();
        let parts = parts.map(|Part { role, name, ty }| Part {
            role,
            name,
            ty: ty.map(|place| self.id(place)),
        });
        parts.collect()
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

    /// The types that those behind objects of this trait speak of which have no name of their own: whoever takes them out
    /// may have no type of that name either.
    fn add_inner(&mut self, principal: &str, parts: &mut Vec<Part<Place>>) -> gimli::Result<()> {
        if !behind::is_downcast(principal) && principal != behind::PAYLOAD {
            return Ok(());
        }
        let elsewhere = self.search.elsewhere;
        let own = parts
            .iter()
            .filter(|part| part.role.is_behind())
            .filter_map(|part| behind::type_of(part.name.as_str(), principal));
        let all = own.chain(elsewhere.of_trait(principal));
        let inner: BTreeSet<String> = all
            .flat_map(|ty| behind::names_of(ty).into_iter().skip(1))
            .map(str::to_owned)
            .collect();
        for name in inner {
            if let Some(ty) = self.named(&name)? {
                parts.push(Part {
                    role: Role::Mentioned,
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
                    .strip_prefix(METHOD)
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

/// How the names of the fields of a table begin that are methods.
const METHOD: &str = "__method";

/// Whether other units than these, a crate's own, may make types that somebody may find out, or find out those that are
/// looked for.
fn concerns_others(
    own: &[(Unit<Bytes<'_>>, Index)],
    dwarf: &Dwarf<Bytes<'_>>,
    crate_name: &str,
    search: Search<'_>,
) -> bool {
    let tables = own.iter().flat_map(|(_, index)| &index.method_tables);
    let tables: HashSet<&[u8]> = tables.map(|table| table.name.as_bytes()).collect();
    // The crates that this one uses do not know its own types.
    let is_of_another = |name: &&str| {
        let mut crates = names::paths_in(name).into_iter().map(names::crate_of);
        crates.any(|of| of != crate_name && !names::OF_COMPILER.contains(&of))
    };
    let wanted = search.elsewhere.told().filter(is_of_another);
    let wanted = wanted.flat_map(behind::names_of);
    let wanted: HashSet<&[u8]> = wanted.map(|name| own_name(name).as_bytes()).collect();
    debug_info::has_string(dwarf, |text| {
        wanted.contains(text)
            || text.ends_with(METHOD_TABLE)
                && !tables.contains(text)
                && behind::may_tell(&String::from_utf8_lossy(text))
    })
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
