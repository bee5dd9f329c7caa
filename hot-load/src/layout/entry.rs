//! Entries of debug information, as parts of types.

use super::debug_info::Bytes;
use super::graph::{Part, Role, Shape};
use super::index::{Index, Scoped, StaticEntry};
use super::names;
use gimli::{
    AttributeValue, DebuggingInformationEntry, Dwarf, EntriesRaw, Section as _, Unit, UnitOffset,
    constants,
};
use std::borrow::Cow;
use std::ffi::CStr;

/// An entry.
pub(super) type Entry<'a> = DebuggingInformationEntry<Bytes<'a>>;

/// An entry of one of the crate's units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) unit: usize,
    pub(super) offset: UnitOffset,
}

/// The entries of a crate's units.
pub(super) struct Entries<'d, 'a> {
    pub(super) dwarf: &'d Dwarf<Bytes<'a>>,
    pub(super) units: Vec<(Unit<Bytes<'a>>, Index)>,
}

impl<'a> Entries<'_, 'a> {
    /// The type arguments of a generic type.
    pub(super) fn arguments_of(&self, place: Place) -> gimli::Result<Vec<(String, Place)>> {
        let (_, parts) = self.parts_of(place)?;
        let arguments = parts.into_iter();
        Ok(arguments
            .filter(|part| part.role == Role::Generic)
            .filter_map(|part| Some((part.name, part.ty?)))
            .collect())
    }

    /// A type's name with what it is nested in.
    pub(super) fn full_name(&self, place: Place) -> gimli::Result<String> {
        let (_, index) = &self.units[place.unit];
        let scoped = index.scoped(place.offset);
        let name = match scoped.and_then(|scoped| scoped.name) {
            Some(name) => String::from_utf8_lossy(self.text_at(name)?).into_owned(),
            None => self.own_name(place)?.unwrap_or_default(),
        };
        self.name_in(place.unit, scoped.map(|scoped| scoped.scope), &name)
    }

    /// A static's name with what it is nested in.
    pub(super) fn static_name(&self, unit: usize, entry: &StaticEntry) -> gimli::Result<String> {
        let offset = entry.entry;
        let name = self.own_name(Place { unit, offset })?.unwrap_or_default();
        self.name_in(unit, entry.scope, &name)
    }

    /// The name of a type that has no scope.
    pub(super) fn unscoped_name(&self, place: Place, name: Option<usize>) -> gimli::Result<String> {
        Ok(match name {
            Some(name) => String::from_utf8_lossy(self.text_at(name)?).into_owned(),
            None => self.own_name(place)?.unwrap_or_default(),
        })
    }

    /// The name of a type that has a scope, without that.
    pub(super) fn short_name_of(
        &self,
        unit: usize,
        ty: &Scoped,
    ) -> gimli::Result<Option<Cow<'a, [u8]>>> {
        if let Some(name) = ty.name {
            return Ok(Some(Cow::Borrowed(self.text_at(name)?)));
        }
        let name = self.own_name(Place {
            unit,
            offset: ty.offset,
        })?;
        Ok(name.map(|name| Cow::Owned(name.into_bytes())))
    }

    fn name_in(&self, unit: usize, scope: Option<usize>, name: &str) -> gimli::Result<String> {
        let Some(scope) = scope else {
            return Ok(names::without_numbering(name));
        };
        let own_name = |offset| self.own_name(Place { unit, offset });
        let path = self.units[unit].1.path_of(scope, own_name)?;
        Ok(names::nested(&path, name))
    }

    fn own_name(&self, place: Place) -> gimli::Result<Option<String>> {
        self.name_of(place.unit, &self.entry(place)?)
    }

    /// What is at a place of the section of strings.
    fn text_at(&self, place: usize) -> gimli::Result<&'a [u8]> {
        let strings = self.dwarf.debug_str.reader().slice();
        // Looked for by std, which is optimised where this code is not.
        let text = CStr::from_bytes_until_nul(strings.get(place..).unwrap_or_default());
        let text =
            text.map_err(|_| gimli::Error::UnexpectedEof(gimli::ReaderOffsetId(place as u64)))?;
        Ok(text.to_bytes())
    }

    pub(super) fn name_of(&self, unit: usize, entry: &Entry<'a>) -> gimli::Result<Option<String>> {
        let Some(name) = entry.attr_value(constants::DW_AT_name) else {
            return Ok(None);
        };
        let name = match name {
            AttributeValue::DebugStrRef(place) => self.text_at(place.0)?,
            other => self.dwarf.attr_string(&self.units[unit].0, other)?.slice(),
        };
        Ok(Some(String::from_utf8_lossy(name).into_owned()))
    }

    pub(super) fn entry(&self, place: Place) -> gimli::Result<Entry<'a>> {
        let unit = &self.units[place.unit].0;
        unit.header.entry(&unit.abbreviations, place.offset)
    }

    /// The place that an entry's attribute leads to.
    fn target(&self, unit: usize, entry: &Entry<'a>) -> gimli::Result<Option<Place>> {
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
    pub(super) fn parts_of(&self, place: Place) -> gimli::Result<(Entry<'a>, Vec<Part<Place>>)> {
        let unit = &self.units[place.unit].0;
        let mut entries: EntriesRaw<'_, Bytes<'a>> = unit
            .header
            .entries_raw(&unit.abbreviations, Some(place.offset))?;
        let mut entry = DebuggingInformationEntry::null();
        entries.read_entry(&mut entry)?;
        let mut parts = Vec::new();
        let named = |role, child: &Entry<'a>| {
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
            constants::DW_TAG_subroutine_type | constants::DW_TAG_subprogram => {
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
                            let ty = self.target(place.unit, &child)?;
                            parts.push(nameless(Role::Parameter(parameters), ty));
                            parameters += 1;
                        }
                        constants::DW_TAG_subrange_type => {
                            let count = number(&child, constants::DW_AT_count).or_else(|| {
                                number(&child, constants::DW_AT_upper_bound)?.checked_add(1)
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

pub(super) fn shape_of(entry: &Entry<'_>) -> Shape {
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
        constants::DW_TAG_subroutine_type | constants::DW_TAG_subprogram => Shape::Function,
        _ => Shape::Unknown,
    }
}

pub(super) fn number(entry: &Entry<'_>, attribute: constants::DwAt) -> Option<u64> {
    let attribute = entry.attr(attribute)?;
    attribute.udata_value().or_else(|| {
        let value = attribute.sdata_value()?;
        Some(value.cast_unsigned())
    })
}
