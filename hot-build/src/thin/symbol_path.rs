//! What is written in the source, of the name of a symbol.
//!
//! The name of a symbol also tells how its crate is compiled, and other things that no one wrote. So it is another
//! one once the crate has one more dependency, while the path of the item in the source is the same.

use std::borrow::Cow;

use rustc_demangle::try_demangle;

/// The path in the source of a Rust item, given its symbol. `None` for symbols of other languages.
///
/// In the older form of names (`_ZN…`) it is all but the hash at its end, which is of the item's type too. In that
/// of today (`_R…`) it is the path without the hashes of crates, and without the numbers of what has no name; it has
/// to be written out, for which names say where in them a part was before, and that depends on how long hashes are.
/// Two items may have one path: two functions each with a static of its own, in two blocks.
pub(crate) fn path_of(symbol: &[u8]) -> Option<Cow<'_, [u8]>> {
    let name = without_number(symbol);
    if name.starts_with(V0) {
        return v0_path(name).map(|path| Cow::Owned(path.into_bytes()));
    }
    legacy_path(name).map(Cow::Borrowed)
}

/// The path of the static in whose initialiser the function of that symbol is: a closure, or what is in one. Statics
/// are known by their names, which the compiler wants in capitals.
pub(crate) fn initialised_static(symbol: &[u8]) -> Option<Cow<'_, [u8]>> {
    const V0_CLOSURE: &[u8] = b"::{closure}";
    const LEGACY_CLOSURE: &[u8] = b"28_$u7b$$u7b$closure$u7d$$u7d$";
    if symbol.starts_with(V0) {
        // Most functions are none, and need not be written out.
        if !is_in_closure(symbol) {
            return None;
        }
        let path = path_of(symbol)?;
        let (of_static, name) = static_before(&path, V0_CLOSURE)?;
        let is_whole = of_static.ends_with(&[b"::", name].concat());
        return is_whole.then(|| Cow::Owned(of_static.to_vec()));
    }
    let (of_static, name) = static_before(legacy_path(symbol)?, LEGACY_CLOSURE)?;
    // The length of the name stands before it.
    name[0].is_ascii_digit().then_some(Cow::Borrowed(of_static))
}

/// The symbol of a Rust item as the source has it: its path. A name of another kind is as it is.
pub(crate) fn shown(symbol: &[u8]) -> String {
    let shown = match without_number(symbol) {
        name if name.starts_with(V0) => v0_path(name).map(|path| shown_v0(&path)),
        name => shown_legacy(name),
    };
    shown.unwrap_or_else(|| String::from_utf8_lossy(symbol).into_owned())
}

/// The name of the whole of a variable that optimisation left a part of: it numbers the parts.
pub(crate) fn without_number(name: &[u8]) -> &[u8] {
    let digits = name.iter().rev().take_while(|byte| byte.is_ascii_digit());
    let (whole, number) = name.split_at(name.len() - digits.count());
    match whole.strip_suffix(b".") {
        Some(whole) if !number.is_empty() => whole,
        _ => name,
    }
}

/// Begins the names that Rust makes today.
const V0: &[u8] = b"_R";

/// What a thread-local is made of is of the standard library.
const OF_THREAD_LOCAL: &str = "__RUST_STD_INTERNAL_VAL";

fn v0_path(name: &[u8]) -> Option<String> {
    let demangled = try_demangle(std::str::from_utf8(name).ok()?).ok()?;
    // The alternate form has no hashes.
    let mut path = format!("{demangled:#}");
    // `{closure#1}`
    let mut from = 0;
    while let Some(mark) = path[from..].find('#').map(|at| from + at) {
        let digits = path[mark + 1..].bytes().take_while(u8::is_ascii_digit);
        let end = mark + 1 + digits.count();
        if path[end..].starts_with('}') {
            path.replace_range(mark..end, "");
        }
        from = mark + 1;
    }
    Some(path)
}

fn shown_v0(path: &str) -> String {
    let mut shown = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((named, unnamed)) = rest.split_once("::{") {
        shown.push_str(named);
        rest = unnamed.split_once('}').map_or("", |(_, rest)| rest);
    }
    shown.push_str(rest);
    let of_thread_local = shown
        .strip_suffix(OF_THREAD_LOCAL)
        .and_then(|path| path.strip_suffix("::"));
    match of_thread_local {
        Some(path) => path.to_owned(),
        None => shown,
    }
}

fn legacy_path(name: &[u8]) -> Option<&[u8]> {
    const HASH: usize = b"17h0123456789abcdefE".len();
    let (path, hash) = name.split_at_checked(name.len().checked_sub(HASH)?)?;
    let is_hash = hash.starts_with(b"17h") && hash.ends_with(b"E");
    (is_hash && path.starts_with(b"_ZN")).then_some(path)
}

fn shown_legacy(name: &[u8]) -> Option<String> {
    let mut rest = legacy_path(name)?.strip_prefix(b"_ZN")?;
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (length, after) = rest.split_at(digits);
        let length = std::str::from_utf8(length).ok()?.parse().ok()?;
        let (part, after) = after.split_at_checked(length)?;
        rest = after;
        let part = String::from_utf8_lossy(part);
        if part.contains("$u7b$") || part == OF_THREAD_LOCAL {
            continue;
        }
        // No name begins with an escape.
        let part = match part.strip_prefix('_') {
            Some(escaped) if escaped.starts_with('$') => escaped,
            _ => &part,
        };
        let mut part = part.replace("..", "::");
        for (escape, letter) in [
            ("$LT$", "<"),
            ("$GT$", ">"),
            ("$u20$", " "),
            ("$RF$", "&"),
            ("$C$", ","),
        ] {
            part = part.replace(escape, letter);
        }
        parts.push(part);
    }
    Some(parts.join("::"))
}

/// Whether the symbol is that of a closure, or of what is in one: the kinds of all that it is in begin it, the
/// innermost first, each after an `N`.
fn is_in_closure(v0_symbol: &[u8]) -> bool {
    let (kinds, _) = v0_symbol[V0.len()..].as_chunks::<2>();
    let mut kinds = kinds.iter().take_while(|kind| kind[0] == b'N');
    kinds.any(|kind| kind[1] == b'C')
}

/// The path up to the first `closure` in it, and the capitals, digits and underscores that it ends with, if there
/// are capitals.
fn static_before<'a>(path: &'a [u8], closure: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let end = path
        .windows(closure.len())
        .position(|part| part == closure)?;
    let of_static = &path[..end];
    let is_of_name = |byte: &&u8| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_');
    let length = of_static.iter().rev().take_while(is_of_name).count();
    let name = &of_static[end - length..];
    name.iter()
        .any(u8::is_ascii_uppercase)
        .then_some((of_static, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(symbol: &str) -> Option<String> {
        path_of(symbol.as_bytes()).map(|path| String::from_utf8_lossy(&path).into_owned())
    }

    #[test]
    fn a_hash_at_the_end_is_no_part_of_the_path() {
        let name = "_ZN5scene5CALLS17hda512a97dd1fb467E";
        assert_eq!(path(name).as_deref(), Some("_ZN5scene5CALLS"));
        let part = format!("{name}.0");
        assert_eq!(path(&part).as_deref(), Some("_ZN5scene5CALLS"));
        assert_eq!(path("E"), None);
        assert_eq!(path("_R"), None);
        assert_eq!(path("_Resume"), None);
        assert_eq!(path("malloc"), None);
    }

    /// Each row is of one item, as two runs of the compiler name it.
    #[test]
    fn hashes_of_crates_are_no_part_of_the_path() {
        let check = |one: &str, other: &str, expected: &str| {
            assert_ne!(one, other);
            assert_eq!(path(one).as_deref(), Some(expected));
            assert_eq!(path(other).as_deref(), Some(expected));
        };
        check(
            "_RNvCsqCZe2GxQpD_5scene5CALLS",
            "_RNvCs5I0nx4tHdfs_5scene5CALLS.0",
            "scene::CALLS",
        );
        // A place in the name, which depends on the length of the hash.
        check(
            "_RNvNvMCsqCZe2GxQpD_5sceneINtB4_4ShipNtNtB4_4deep4TypeBy_E3own5SHOWN",
            "_RNvNvMCs5I0nx4tHdfs_5sceneINtB4_4ShipNtNtB4_4deep4TypeBz_E3own5SHOWN",
            "<scene::Ship<scene::deep::Type, scene::deep::Type>>::own::SHOWN",
        );
        check(
            "_RNvNvXCsqCZe2GxQpD_5sceneINtB4_4ShippENtB4_5Panel4show5SHOWN",
            "_RNvNvXCs5I0nx4tHdfs_5sceneINtB4_4ShippENtB4_5Panel4show5SHOWN",
            "<scene::Ship<_> as scene::Panel>::show::SHOWN",
        );
        check(
            "_RNvNvXs_CsqCZe2GxQpD_5sceneINtB6_4ShipRNtNtB6_4deep4TypeFG_RL0_eEBB_ENtB6_2Gr1gu9GRSSE_2oa",
            "_RNvNvXs_Cs5I0nx4tHdfs_5sceneINtB6_4ShipRNtNtB6_4deep4TypeFG_RL0_eEBC_ENtB6_2Gr1gu9GRSSE_2oa",
            "<scene::Ship<&scene::deep::Type, for<'a> fn(&'a str) -> scene::deep::Type> as scene::Gr>::g::GRÖSSE",
        );
    }

    #[test]
    fn what_has_no_name_has_no_number() {
        let check = |symbol: &str, expected: &str| {
            assert_eq!(path(symbol).as_deref(), Some(expected), "{symbol}");
        };
        let twice = "scene::twice::TWICE";
        check("_RNvNvCsqCZe2GxQpD_5scene5twice5TWICE", twice);
        check("_RNvNvCsqCZe2GxQpD_5scene5twices_5TWICE", twice);
        let in_closure = "scene::all::{closure}::INC";
        check("_RNvNCNvCsqCZe2GxQpD_5scene3all03INC", in_closure);
        check("_RNvNCNvCsqCZe2GxQpD_5scene3alls_03INC", in_closure);
        let lazy = "scene::LAZY::{K}::{closure}::__RUST_STD_INTERNAL_VAL";
        check(
            "_RNvNCNKNvCsqCZe2GxQpD_5scene4LAZY0023___RUST_STD_INTERNAL_VAL",
            lazy,
        );
        check(
            "_RNvNCNKNvCsqCZe2GxQpD_5scene4LAZY0s_023___RUST_STD_INTERNAL_VAL",
            lazy,
        );
        // In which of the blocks of a type it is.
        let own = "<scene::Ship<u16>>::own::SHOWN";
        check("_RNvNvMs0_CsqCZe2GxQpD_5sceneINtB7_4ShiptE3own5SHOWN", own);
        check("_RNvNvMs_CsqCZe2GxQpD_5sceneINtB6_4ShiptE3own5SHOWN", own);
    }

    #[test]
    fn closures_of_statics_are_known_by_name() {
        let check = |function: &str, expected: Option<&str>| {
            let found = initialised_static(function.as_bytes());
            let found = found.map(|path| String::from_utf8_lossy(&path).into_owned());
            assert_eq!(found.as_deref(), expected, "{function}");
        };
        const HASH: &str = "17hda512a97dd1fb467E";
        const CLOSURE: &str = "28_$u7b$$u7b$closure$u7d$$u7d$";
        check(
            &format!("_ZN5scene5WORDS{CLOSURE}{HASH}"),
            Some("_ZN5scene5WORDS"),
        );
        check(
            &format!("_ZN5scene7WORDS_2{CLOSURE}{CLOSURE}{HASH}"),
            Some("_ZN5scene7WORDS_2"),
        );
        check(&format!("_ZN5scene4call{CLOSURE}{HASH}"), None);
        check(&format!("_ZN5scene7newWORD{CLOSURE}{HASH}"), None);
        check(&format!("_ZN5scene5WORDS{HASH}"), None);

        let nested = Some("scene::NESTED");
        check("_RNCNvCs5I0nx4tHdfs_5scene5WORDS0B3_", Some("scene::WORDS"));
        check("_RNCNvCs5I0nx4tHdfs_5scene2FSs_0B3_", Some("scene::FS"));
        check("_RNCNvCs5I0nx4tHdfs_5scene6NESTED0B3_", nested);
        check("_RNCNCNvCs5I0nx4tHdfs_5scene6NESTED00B5_", nested);
        check("_RNvNCNvCs5I0nx4tHdfs_5scene6NESTED02IN", nested);
        // Those of a thread-local, of a function, and one that is an argument of generic code.
        check("_RNCNKNvCs5I0nx4tHdfs_5scene4LAZY00B5_", None);
        check("_RNCNvCs5I0nx4tHdfs_5scene3all0B3_", None);
        check("_RNCNvCs5I0nx4tHdfs_5scene7newWORD0B3_", None);
        check("_RNvCs5I0nx4tHdfs_5scene5WORDS", None);
        check(
            "_RINvMs0_NtNtCsjrHSEGnQ3l9_3std4sync4onceNtB6_4Once15call_once_forceNCNvMNtB8_9lazy_lock\
             INtB18_8LazyLockNtNtCslNYArtu3iFV_5alloc6string6StringE5force0ECsa22CO5ml2EJ_5scene",
            None,
        );
    }

    #[test]
    fn a_name_is_shown_as_in_the_source() {
        let check = |name: &str, expected: &str| assert_eq!(shown(name.as_bytes()), expected);
        check("_ZN5scene5CALLS17hda512a97dd1fb467E", "scene::CALLS");
        check("_ZN5scene5CALLS17hda512a97dd1fb467E.0", "scene::CALLS");
        check(
            "_ZN5scene4LAZY29_$u7b$$u7b$constant$u7d$$u7d$28_$u7b$$u7b$closure$u7d$$u7d$23\
             __RUST_STD_INTERNAL_VAL17h532a530226c61fe5E",
            "scene::LAZY",
        );
        check(
            "_ZN44_$LT$scene..Ship$u20$as$u20$scene..Panel$GT$4show5SHOWN17hda512a97dd1fb467E",
            "<scene::Ship as scene::Panel>::show::SHOWN",
        );
        check("_RNvCs5I0nx4tHdfs_5scene5CALLS", "scene::CALLS");
        check("_RNvCs5I0nx4tHdfs_5scene5CALLS.0", "scene::CALLS");
        check(
            "_RNvNCNKNvCs5I0nx4tHdfs_5scene4LAZY0s_023___RUST_STD_INTERNAL_VAL",
            "scene::LAZY",
        );
        check(
            "_RNvNCNvCs5I0nx4tHdfs_5scene6NESTED02IN",
            "scene::NESTED::IN",
        );
        check(
            "_RNvNvXCs5I0nx4tHdfs_5sceneINtB4_4ShippENtB4_5Panel4show5SHOWN",
            "<scene::Ship<_> as scene::Panel>::show::SHOWN",
        );
        check("CALLS", "CALLS");
        check("_Resume", "_Resume");
        check(
            "_ZN5scene50CALLS17hda512a97dd1fb467E",
            "_ZN5scene50CALLS17hda512a97dd1fb467E",
        );
    }
}
