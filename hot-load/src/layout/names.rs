//! How rustc writes the names of types in debug information.

/// The first argument of a generic type, a number: the `7` of `ItemLayout<7, T>`.
pub(super) fn const_argument(name: &str) -> Option<u64> {
    let (_, arguments) = name.split_once('<')?;
    let (first, _) = arguments.split_once(',')?;
    first.trim().parse().ok()
}

/// Whether a type of hot-abi holds values that it compares itself, whoever puts them in and takes them out:
/// `Held`, which the program owns without knowing what is in it, a node's state on its way, a context. Or whether it
/// is the payload of a panic, by which every item leads to `dyn Any`.
pub(super) fn is_holder(name: &str) -> bool {
    name.starts_with("hot_abi::held::Held<")
        || name == "hot_abi::state::SavedState"
        || name == "hot_abi::context::LocalContext"
        || name == "hot_abi::boundary::Payload"
}

/// Whether a part is the table of methods in a pointer to a trait object. It grows with the trait's methods.
pub(super) fn is_table_of_methods(owner: &str, part: &str) -> bool {
    part == "vtable" && owner.contains("dyn ")
}

/// Whether a type is the list of a hot trait's methods, which its attribute leaves.
pub(super) fn is_list_of_methods(name: &str) -> bool {
    name.ends_with("::__HotMethods")
}

/// Whether a type is one of hot-abi's own, for its own purposes.
pub(super) fn is_of_hot_abi(name: &str) -> bool {
    name.starts_with("hot_abi::")
}

/// The trait that a method of such a list belongs to: the `b::Panel` of `fn(&mut dyn b::Panel, u32)`.
pub(super) fn trait_of_method(method: &str) -> Option<&str> {
    let (_, behind) = method.split_once("dyn ")?;
    let mut open = 0;
    let end = behind.find(|c| {
        match c {
            '<' => open += 1,
            '>' => open -= 1,
            _ => {}
        }
        open == 0 && matches!(c, ',' | ')' | ' ')
    });
    end.map(|end| &behind[..end])
}

/// The type and the trait in the name of a table of methods: `b::Circle` and `b::Shape` in
/// `<b::Circle as b::Shape>::{vtable}`.
pub(super) fn parts_of_table(name: &str) -> Option<(&str, &str)> {
    let inner = name.strip_prefix('<')?.strip_suffix(">::{vtable}")?;
    inner.rsplit_once(" as ")
}

/// What decides over the methods of a trait object: the `b::Shape` of `(dyn b::Shape + core::marker::Send)`.
/// `None` if the type is no trait object.
pub(super) fn principal(name: &str) -> Option<&str> {
    let alone = name
        .strip_prefix('(')
        .and_then(|name| name.strip_suffix(')'));
    let bounds = alone.unwrap_or(name).strip_prefix("dyn ")?;
    let mut open = 0;
    let end = bounds.char_indices().find_map(|(at, c)| {
        match c {
            '<' | '(' | '[' => open += 1,
            '>' if !bounds[..at].ends_with('-') => open -= 1,
            ')' | ']' => open -= 1,
            _ => {}
        }
        (open == 0 && bounds[at..].starts_with(" + ")).then_some(at)
    });
    Some(&bounds[..end.unwrap_or(bounds.len())])
}

/// The crates that are one thing wherever the compiler and hot-abi are.
pub(super) const OF_COMPILER: &[&str] = &["core", "alloc", "std", "hot_abi"];

/// Whether a name is a path, with arguments or without.
pub(super) fn is_path(name: &str) -> bool {
    let start = name.split('<').next().unwrap_or_default();
    start.contains("::")
        && start
            .chars()
            .all(|c| c.is_alphanumeric() || "_:".contains(c))
}

/// The crate of a path.
pub(super) fn crate_of(path: &str) -> &str {
    path.split("::").next().unwrap_or_default()
}

/// The last name of a path, without what it is given: the `Shape` of `b::Shape<b::Circle>`.
pub(super) fn last_of(path: &str) -> &str {
    let path = path.split('<').next().unwrap_or_default();
    path.rsplit("::").next().unwrap_or_default()
}

/// Whether a type is a closure, or the state of a future, or is made of such: there is no way to a value of
/// it but by its own code.
pub(super) fn is_unnameable(name: &str) -> bool {
    ["{closure_env", "{async_", "{coroutine_", "{gen_"]
        .iter()
        .any(|mark| name.contains(mark))
}

/// The name without the numbers of closures and impl blocks, which change with what stands above them.
pub(super) fn without_numbering(name: &str) -> String {
    // Most names have none.
    if !name.as_bytes().contains(&b'#') {
        return name.to_owned();
    }
    let mut plain = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find('#') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let digits = rest[1..].bytes().take_while(u8::is_ascii_digit).count();
        // `r#type` keeps its sign.
        if digits == 0 {
            plain.push('#');
        }
        rest = &rest[1 + digits..];
    }
    plain.push_str(rest);
    plain
}

/// What is called so in a path, which may be empty, without numbers.
pub(super) fn nested(path: &str, name: &str) -> String {
    let name = without_numbering(name);
    match (path.is_empty(), name.is_empty()) {
        (true, _) => name,
        (false, true) => path.to_owned(),
        (false, false) => [path, "::", &name].concat(),
    }
}

/// A static as it is written: without the code that `thread_local!` puts its value into.
pub(super) fn static_as_written(path: &str) -> &str {
    path.find("::{").map_or(path, |end| &path[..end])
}

/// Every path in a type's name that could be that of a type, with its arguments: `a::B<c::D>`, then `c::D`.
pub(super) fn paths_in(name: &str) -> Vec<&str> {
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let mut paths = Vec::new();
    let mut start = 0;
    while let Some(skip) = name[start..].find(is_path) {
        let begin = start + skip;
        let length = name[begin..].find(|c| !is_path(c));
        let end = length.map_or(name.len(), |length| begin + length);
        if name[begin..end].contains("::") {
            paths.push(&name[begin..end_of_arguments(name, end)]);
        }
        start = end;
    }
    paths
}

/// Where the arguments end that begin at `start`; `start` if there are none.
fn end_of_arguments(name: &str, start: usize) -> usize {
    if !name[start..].starts_with('<') {
        return start;
    }
    let mut open = 0;
    let mut before = ' ';
    for (at, c) in name[start..].char_indices() {
        match c {
            '<' => open += 1,
            '>' if before != '-' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return start + at + 1;
        }
        before = c;
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identity_of_an_item_is_read_from_its_type() {
        let name = "ItemLayout<18446744073709551615, (fn(&mut b::World), u8)>";
        assert_eq!(const_argument(name), Some(u64::MAX));
        assert_eq!(const_argument("ItemLayout"), None);
        assert_eq!(const_argument("ItemLayout<T, U>"), None);
    }

    #[test]
    fn a_holder_is_known_by_its_name() {
        assert_eq!(
            trait_of_method("fn(&mut dyn b::Panel<u8, u16>, u32) -> u8"),
            Some("b::Panel<u8, u16>")
        );
        assert_eq!(trait_of_method("fn(&dyn b::Panel) -> u8"), Some("b::Panel"));
        assert_eq!(trait_of_method("fn(u32)"), None);
        assert!(is_holder("hot_abi::held::Held<scene::Game>"));
        assert!(!is_holder("scene::held::Held<scene::Game>"));
    }

    #[test]
    fn a_table_of_methods_names_its_trait() {
        let name = "<b::Pair<u8, u16> as b::Shape<u8>>::{vtable}";
        let parts = ("b::Pair<u8, u16>", "b::Shape<u8>");
        assert_eq!(parts_of_table(name), Some(parts));
        assert_eq!(parts_of_table("b::STATIC"), None);
    }

    #[test]
    fn a_trait_object_has_one_trait_with_methods() {
        assert_eq!(principal("dyn b::Shape"), Some("b::Shape"));
        assert_eq!(
            principal("(dyn b::Shape + core::marker::Send)"),
            Some("b::Shape")
        );
        let of_closures = "b::Fn<(dyn b::A + b::B), Output=fn() -> u8>";
        assert_eq!(
            principal(&format!("(dyn {of_closures} + core::marker::Send)")),
            Some(of_closures)
        );
        assert_eq!(principal("(u8, u16)"), None);
    }

    #[test]
    fn numbers_are_left_out_and_raw_names_stay() {
        assert_eq!(
            without_numbering("b::{impl#3}::f::{closure_env#10}<u8, 4>"),
            "b::{impl}::f::{closure_env}<u8, 4>"
        );
        assert_eq!(without_numbering("b::r#type"), "b::r#type");
    }

    #[test]
    fn a_thread_local_is_named_as_it_is_written() {
        let path = "scene::count::PLAIN::{constant}::{closure}::__RUST_STD_INTERNAL_VAL";
        assert_eq!(static_as_written(path), "scene::count::PLAIN");
        assert_eq!(static_as_written("scene::COUNT"), "scene::COUNT");
    }

    #[test]
    fn paths_are_found_with_their_arguments_and_within_them() {
        let name =
            "core::ops::function::Fn<(&b::Deep, alloc::vec::Vec<fn(u8) -> b::E>), Output=u8>";
        assert_eq!(
            paths_in(name),
            [name, "b::Deep", "alloc::vec::Vec<fn(u8) -> b::E>", "b::E"]
        );
    }
}
