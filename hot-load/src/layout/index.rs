//! One pass over a unit: its statics, and what each type is nested in.

use super::debug_info::Bytes;
use super::names;
use gimli::{
    AttributeSpecification, AttributeValue, DwTag, Dwarf, Operation, Unit, UnitOffset, constants,
};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use walk::{Stop, Walk};

mod walk;

/// How the names of both kinds of statics begin that the attributes write.
const OWN: &[u8] = b"__HOT_";
/// The static of an item: [`hot_abi::layout::ItemLayout`].
const ITEM: &[u8] = b"__HOT_LAYOUT";
/// The static of a hot trait: [`hot_abi::layout::InterfaceLayout`].
const INTERFACE: &[u8] = b"__HOT_INTERFACE";
/// How rustc names the table of methods of a type behind a trait object: `<Type as Trait>::{vtable}`.
pub(super) const METHOD_TABLE: &[u8] = b">::{vtable}";

/// What an index has to see of a unit: statics, the functions whose variables are none, and scopes.
const WANTED: &[DwTag] = &[
    constants::DW_TAG_variable,
    constants::DW_TAG_subprogram,
    constants::DW_TAG_namespace,
    constants::DW_TAG_structure_type,
    constants::DW_TAG_union_type,
    constants::DW_TAG_enumeration_type,
];

/// What a pass over a unit finds.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// The types of the statics of items.
    pub(super) items: Vec<UnitOffset>,
    /// The types of the statics of hot traits.
    pub(super) interfaces: Vec<UnitOffset>,
    pub(super) method_tables: Vec<MethodTable>,
    /// All other statics.
    pub(super) statics: Vec<StaticEntry>,
    /// Every function, also those that are only declared.
    functions: Vec<UnitOffset>,
    /// Namespaces, and types that other types are nested in.
    scopes: Vec<Scope>,
    /// Every type that has a scope, in the order of the file.
    types: Vec<Scoped>,
    /// Types without one, whose names are whole paths: tuples, pointers to what has no size.
    unscoped: Vec<(UnitOffset, Option<usize>)>,
    /// The names of scopes with all that they are nested in, as far as somebody asked.
    paths: RefCell<HashMap<usize, Rc<str>>>,
}

/// The table of methods of a type behind a trait object.
#[derive(Debug)]
pub(super) struct MethodTable {
    /// `<Type as Trait>::{vtable}`
    pub(super) name: String,
    /// The type of the table.
    pub(super) ty: UnitOffset,
    /// Where the table is in the file's memory; `None` if it was left out.
    pub(super) address: Option<u64>,
}

/// A static or thread-local of the code.
#[derive(Debug)]
pub(super) struct StaticEntry {
    /// The name of its symbol.
    pub(super) symbol: String,
    /// Its own entry.
    pub(super) entry: UnitOffset,
    /// Its type.
    pub(super) ty: UnitOffset,
    /// Whether it is in one piece. Optimisation may leave a part of it, or several.
    pub(super) is_whole: bool,
    pub(super) scope: Option<usize>,
}

/// A type in a scope.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scoped {
    pub(super) offset: UnitOffset,
    pub(super) scope: usize,
    /// Where in the section of strings its name is, if it is there.
    pub(super) name: Option<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Scope {
    entry: UnitOffset,
    parent: Option<usize>,
}

impl Index {
    /// Goes over the entries of a unit. Their attributes are skipped, except those of statics.
    ///
    /// Items and interfaces are those in the namespace of the crate of that name.
    pub(super) fn of(
        dwarf: &Dwarf<Bytes<'_>>,
        unit: &Unit<Bytes<'_>>,
        crate_name: &str,
    ) -> gimli::Result<Index> {
        let mut index = Index::default();
        let mut walk = Walk::new(unit, WANTED)?;
        // The scopes around the next entry, and how deep they are.
        let mut open: Vec<(isize, usize)> = Vec::new();
        // How deep the outermost function around the next entry is.
        let mut function: Option<isize> = None;
        while let Some(stop) = walk.next_stop()? {
            let Stop { offset, depth, .. } = stop;
            while let Some((scope, _)) = open.last()
                && *scope >= depth
            {
                open.pop();
            }
            if let Some(outermost) = function {
                if stop.tag == constants::DW_TAG_variable && outermost < depth {
                    continue;
                }
                if outermost >= depth {
                    function = None;
                }
            }
            let scope = open.last().map(|(_, scope)| *scope);
            match stop.tag {
                constants::DW_TAG_variable => {
                    let Some(found) = Static::read(dwarf, unit, offset)? else {
                        continue;
                    };
                    let namespace = open.first().map(|(_, scope)| index.scopes[*scope].entry);
                    let is_own = found.name.slice().starts_with(OWN)
                        && name_at(dwarf, unit, namespace)?
                            .is_some_and(|namespace| namespace.slice() == crate_name.as_bytes());
                    index.add(&found, is_own, offset, scope);
                }
                constants::DW_TAG_subprogram => {
                    function.get_or_insert(depth);
                    index.functions.push(offset);
                }
                _ => {
                    if let Some(scope) = scope {
                        index.types.push(Scoped {
                            offset,
                            scope,
                            name: stop.name,
                        });
                    } else if stop.tag != constants::DW_TAG_namespace {
                        index.unscoped.push((offset, stop.name));
                    }
                    if stop.has_children {
                        open.push((depth, index.scopes.len()));
                        index.scopes.push(Scope {
                            entry: offset,
                            parent: scope,
                        });
                    }
                }
            }
        }
        Ok(index)
    }

    /// What is known of a type that has a scope.
    pub(super) fn scoped(&self, offset: UnitOffset) -> Option<&Scoped> {
        let found = self
            .types
            .binary_search_by_key(&offset, |scoped| scoped.offset);
        self.types.get(found.ok()?)
    }

    /// The name of a scope with all that it is nested in. `name` tells the name of an entry.
    pub(super) fn path_of(
        &self,
        scope: usize,
        name: impl Fn(UnitOffset) -> gimli::Result<Option<String>>,
    ) -> gimli::Result<Rc<str>> {
        let mut paths = self.paths.borrow_mut();
        let mut unknown = Vec::new();
        let mut next = Some(scope);
        let mut path: Rc<str> = Rc::default();
        while let Some(scope) = next {
            if let Some(known) = paths.get(&scope) {
                path = known.clone();
                break;
            }
            unknown.push(scope);
            next = self.scopes[scope].parent;
        }
        while let Some(scope) = unknown.pop() {
            if let Some(name) = name(self.scopes[scope].entry)? {
                path = names::nested(&path, &name).into();
            }
            paths.insert(scope, path.clone());
        }
        Ok(path)
    }

    fn add(&mut self, found: &Static<'_>, is_own: bool, entry: UnitOffset, scope: Option<usize>) {
        match found.name.slice() {
            ITEM if is_own => self.items.push(found.ty),
            INTERFACE if is_own => self.interfaces.push(found.ty),
            table if table.ends_with(METHOD_TABLE) => {
                self.method_tables.push(MethodTable {
                    name: found.name.to_string_lossy().into_owned(),
                    ty: found.ty,
                    address: found.address,
                });
            }
            name if name.starts_with(OWN) => {}
            name => {
                // A static that is exported as it is written has no other name.
                let symbol = found.symbol.map_or(name, |symbol| symbol.slice());
                self.statics.push(StaticEntry {
                    symbol: String::from_utf8_lossy(symbol).into_owned(),
                    entry,
                    ty: found.ty,
                    is_whole: found.is_whole,
                    scope,
                });
            }
        }
    }

    /// The types that have none: each, and where in the section of strings its name is, if it is there.
    pub(super) fn unscoped(&self) -> &[(UnitOffset, Option<usize>)] {
        &self.unscoped
    }

    /// The types that have a scope, in the order of the file.
    pub(super) fn types(&self) -> &[Scoped] {
        &self.types
    }
}

/// A static: its name, the entry of its type, and its place in memory.
struct Static<'a> {
    name: Bytes<'a>,
    symbol: Option<Bytes<'a>>,
    ty: UnitOffset,
    address: Option<u64>,
    /// Whether its location is a place in memory and nothing else.
    is_whole: bool,
}

impl<'a> Static<'a> {
    fn read(
        dwarf: &Dwarf<Bytes<'a>>,
        unit: &Unit<Bytes<'a>>,
        offset: UnitOffset,
    ) -> gimli::Result<Option<Static<'a>>> {
        let mut entries = unit.header.entries_raw(&unit.abbreviations, Some(offset))?;
        let Some(abbreviation) = entries.read_abbreviation()? else {
            return Ok(None);
        };
        let (mut name, mut symbol, mut ty, mut address) = (None, None, None, None);
        let mut is_whole = false;
        for spec in abbreviation.attributes() {
            let attribute = entries.read_attribute(*spec)?;
            match (attribute.name(), attribute.value()) {
                (constants::DW_AT_name, value) => name = Some(dwarf.attr_string(unit, value)?),
                (constants::DW_AT_linkage_name, value) => {
                    symbol = Some(dwarf.attr_string(unit, value)?);
                }
                (constants::DW_AT_type, AttributeValue::UnitRef(offset)) => ty = Some(offset),
                (constants::DW_AT_location, AttributeValue::Exprloc(location)) => {
                    address = address_of(dwarf, unit, location)?;
                    is_whole = is_one_place(unit, location)?;
                }
                _ => {}
            }
        }
        let (Some(name), Some(ty)) = (name, ty) else {
            return Ok(None);
        };
        Ok(Some(Static {
            name,
            symbol,
            ty,
            address,
            is_whole,
        }))
    }
}

fn name_at<'a>(
    dwarf: &Dwarf<Bytes<'a>>,
    unit: &Unit<Bytes<'a>>,
    offset: Option<UnitOffset>,
) -> gimli::Result<Option<Bytes<'a>>> {
    let Some(offset) = offset else {
        return Ok(None);
    };
    let entry = unit.header.entry(&unit.abbreviations, offset)?;
    let name = entry.attr_value(constants::DW_AT_name);
    name.map(|name| dwarf.attr_string(unit, name)).transpose()
}

/// The address that a static's location gives; `None` if the linker dropped the static.
fn address_of<'a>(
    dwarf: &Dwarf<Bytes<'a>>,
    unit: &Unit<Bytes<'a>>,
    location: gimli::Expression<Bytes<'a>>,
) -> gimli::Result<Option<u64>> {
    let mut operations = location.operations(unit.header.encoding());
    let address = match operations.next()? {
        Some(Operation::Address { address }) => address,
        Some(Operation::AddressIndex { index }) => dwarf.address(unit, index)?,
        _ => 0,
    };
    Ok((address != 0).then_some(address))
}

/// Whether a location is an address, be it in a block of thread-locals, and no more.
fn is_one_place<'a>(
    unit: &Unit<Bytes<'a>>,
    location: gimli::Expression<Bytes<'a>>,
) -> gimli::Result<bool> {
    let mut operations = location.operations(unit.header.encoding());
    let mut count = 0;
    while let Some(operation) = operations.next()? {
        count += 1;
        let is_place = match operation {
            Operation::Address { .. } | Operation::AddressIndex { .. } => count == 1,
            Operation::UnsignedConstant { .. } => count == 1,
            Operation::TLS => count == 2,
            _ => false,
        };
        if !is_place {
            return Ok(false);
        }
    }
    Ok(count > 0)
}

/// The functions of a unit, by their addresses. `index` is the unit's.
pub(super) fn functions(
    dwarf: &Dwarf<Bytes<'_>>,
    unit: &Unit<Bytes<'_>>,
    index: &Index,
) -> gimli::Result<Vec<(u64, UnitOffset)>> {
    let mut functions = Vec::new();
    for offset in &index.functions {
        let mut entries = unit
            .header
            .entries_raw(&unit.abbreviations, Some(*offset))?;
        let Some(abbreviation) = entries.read_abbreviation()? else {
            continue;
        };
        let attributes = abbreviation.attributes();
        let address = |spec: &AttributeSpecification| spec.name() == constants::DW_AT_low_pc;
        // Most of those that are only declared have no code here.
        let Some(last) = attributes.iter().position(address) else {
            continue;
        };
        entries.skip_attributes(&attributes[..last])?;
        let address = entries.read_attribute(attributes[last])?.value();
        if let Some(address) = dwarf.attr_address(unit, address)? {
            functions.push((address, *offset));
        }
    }
    Ok(functions)
}
