//! Types by their names.

use super::super::entry::{Entries, Place};
use std::collections::HashMap;

/// The types of all units of a crate, to be found by what they are called.
///
/// They are tens of thousands, of which a few are looked for, so what is made of each is a number: most that
/// are not meant are known by that.
pub(super) struct ByName {
    places: Vec<Place>,
    /// Of each, the beginning of its own name.
    beginnings: Vec<u64>,
    known: HashMap<String, Option<Place>>,
}

impl ByName {
    pub(super) fn new(entries: &Entries<'_, '_>) -> gimli::Result<Self> {
        let mut by_name = Self {
            places: Vec::new(),
            beginnings: Vec::new(),
            known: HashMap::new(),
        };
        for (unit, (_, index)) in entries.units.iter().enumerate() {
            for ty in index.types() {
                let name = entries.short_name_of(unit, ty)?;
                by_name.places.push(Place {
                    unit,
                    offset: ty.offset,
                });
                by_name
                    .beginnings
                    .push(name.map_or(0, |name| beginning(&name)));
            }
            for (offset, name) in index.unscoped() {
                let place = Place {
                    unit,
                    offset: *offset,
                };
                let name = entries.unscoped_name(place, *name)?;
                let own = own_name(&name).as_bytes();
                by_name.places.push(place);
                by_name.beginnings.push(beginning(own));
            }
        }
        Ok(by_name)
    }

    /// The type of that name, with what it is nested in. The last of them, if there are several.
    pub(super) fn find(
        &mut self,
        entries: &Entries<'_, '_>,
        name: &str,
    ) -> gimli::Result<Option<Place>> {
        if let Some(known) = self.known.get(name) {
            return Ok(*known);
        }
        let wanted = beginning(own_name(name).as_bytes());
        let beginnings = self.beginnings.as_slice();
        let mut found = None;
        let mut at = beginnings.len();
        while at > 0 {
            at -= 1;
            if beginnings[at] == wanted || beginnings[at] == ANY {
                let place = self.places[at];
                if entries.full_name(place)? == name {
                    found = Some(place);
                    break;
                }
            }
        }
        self.known.insert(name.to_owned(), found);
        Ok(found)
    }
}

/// A name that may be written otherwise.
const ANY: u64 = u64::MAX;

/// The first eight bytes of a name. [`ANY`], if they have a number that is left out of full names.
fn beginning(name: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let length = name.len().min(8);
    bytes[..length].copy_from_slice(&name[..length]);
    match bytes.contains(&b'#') {
        true => ANY,
        false => u64::from_le_bytes(bytes),
    }
}

/// The last name of a path, with its arguments: the `Shape<b::Circle>` of `a::Shape<b::Circle>`.
pub(super) fn own_name(path: &str) -> &str {
    let arguments = path.find('<').unwrap_or(path.len());
    let own = path[..arguments].rfind("::").map_or(0, |at| at + 2);
    &path[own..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_name_of_a_path_keeps_its_arguments() {
        assert_eq!(own_name("a::Shape<b::Circle>"), "Shape<b::Circle>");
        assert_eq!(own_name("a::b::Deep"), "Deep");
        assert_eq!(own_name("u8"), "u8");
    }

    #[test]
    fn names_that_begin_alike_are_told_apart_later() {
        assert_eq!(beginning(b"Option<u8>"), beginning(b"Option<u16>"));
        assert_ne!(beginning(b"Ui"), beginning(b"Uid"));
        assert_eq!(beginning(b"{f#0}"), ANY, "its number is left out");
    }
}
