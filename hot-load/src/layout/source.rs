//! Where a type is written. rustc leaves that out of the debug information, so the sources are searched; that
//! is done only for what differs.

use super::{LayoutDifference, SourceLine};
use hot_abi::registry::HotCrate;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the type of a difference, or the part of it, is written; `None` if it is not a type of the crate, or
/// there are several places to choose from.
pub(super) fn find(krate: &HotCrate, difference: &LayoutDifference) -> Option<SourceLine> {
    let type_name = written(&difference.type_name);
    let path = type_name.strip_prefix(krate.crate_name)?;
    let path = path.strip_prefix("::")?;
    let path: Vec<_> = path.split(['<', ' ']).next()?.split("::").collect();
    let part = difference.part.as_deref().and_then(name_in);
    let mut files = Vec::new();
    collect(&Path::new(krate.manifest_dir).join("src"), &mut files);
    let (own, modules) = path.split_last()?;
    let definition = |name, modules: &[&str], part| {
        let in_file = |file: &PathBuf| {
            let text = fs::read_to_string(file).ok()?;
            Some((file.clone(), line_of(&text, name, part)?))
        };
        let mut found: Vec<_> = files.iter().filter_map(in_file).collect();
        if found.len() > 1 {
            // The one in the file of the type's module.
            found.retain(|(file, _)| is_file_of(file, modules));
        }
        let [(file, line)] = &found[..] else {
            return None;
        };
        Some(SourceLine {
            file: file.clone(),
            line: *line,
        })
    };
    definition(own, modules, part).or_else(|| {
        // The fields of a variant are a type in the enum.
        let (owner, modules) = modules.split_last()?;
        definition(owner, modules, Some(own))
    })
}

/// What has a definition, in the name of a type: the trait of an object, and of a type as an implementor of it, for
/// the methods are the trait's.
fn written(type_name: &str) -> &str {
    let type_name = type_name.trim_start_matches('(');
    let type_name = type_name.strip_prefix("dyn ").unwrap_or(type_name);
    match type_name.split_once(" as ") {
        Some((_, of_trait)) => of_trait,
        None => type_name,
    }
}

/// The name in "field `x`".
fn name_in(part: &str) -> Option<&str> {
    part.split('`').nth(1)
}

/// Collects the Rust files in a folder. What cannot be read is left out: the search is a service.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => collect(&path, files),
            Ok(_) if path.extension().is_some_and(|extension| extension == "rs") => {
                files.push(path);
            }
            _ => {}
        }
    }
}

fn is_file_of(file: &Path, modules: &[&str]) -> bool {
    let stem = |path: &Path| {
        path.file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
    };
    match (modules.last(), stem(file).as_deref()) {
        (None, Some(stem)) => stem == "lib",
        (Some(module), Some("mod")) => file
            .parent()
            .and_then(stem)
            .is_some_and(|folder| folder == *module),
        (Some(module), Some(stem)) => stem == *module,
        (_, None) => false,
    }
}

/// The line on which a type is defined, or that of a part of it; `None` if it is not, or more than once.
fn line_of(text: &str, name: &str, part: Option<&str>) -> Option<u32> {
    let lines: Vec<_> = text.lines().collect();
    let mut definitions = (0..lines.len()).filter(|at| defines(lines[*at], name));
    let (Some(definition), None) = (definitions.next(), definitions.next()) else {
        return None;
    };
    let indent = |line: &str| line.len() - line.trim_start().len();
    let is_end = |line: &&str| {
        line.trim_start().starts_with('}') && indent(line) <= indent(lines[definition])
    };
    let length = lines[definition..].iter().position(is_end);
    let end = definition + length.unwrap_or(0);
    let of_part = part.and_then(|part| {
        (definition..=end).find(|at| {
            let code = lines[*at].split("//").next().unwrap_or_default();
            words(code)
                .skip_while(|word| *word == name)
                .any(|word| word == part)
        })
    });
    u32::try_from(of_part.unwrap_or(definition) + 1).ok()
}

fn defines(line: &str, name: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let words: Vec<_> = words(code).collect();
    words
        .windows(2)
        .any(|pair| ["struct", "enum", "union", "trait"].contains(&pair[0]) && pair[1] == name)
}

fn words(code: &str) -> impl Iterator<Item = &str> {
    let words = code.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    words.filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
// struct World is the world
pub struct World {
    /// Its hp: how healthy it is.
    pub hp: u32,
    position: (f32, f32),
}
struct Pair(u8, u8);
pub enum State {
    Idle,
    Walking { to: u32 },
}
struct Other { hp: u8 }
";

    #[test]
    fn a_type_and_its_parts_are_found() {
        assert_eq!(line_of(TEXT, "World", None), Some(2));
        assert_eq!(line_of(TEXT, "World", Some("hp")), Some(4));
        assert_eq!(line_of(TEXT, "World", Some("position")), Some(5));
        assert_eq!(line_of(TEXT, "World", Some("gone")), Some(2));
        assert_eq!(line_of(TEXT, "Pair", Some("0")), Some(7));
        assert_eq!(line_of(TEXT, "State", Some("Walking")), Some(10));
        assert_eq!(line_of(TEXT, "Other", Some("hp")), Some(12));
        assert_eq!(line_of(TEXT, "Missing", None), None);
    }

    #[test]
    fn the_methods_of_an_implementor_are_the_traits() {
        assert_eq!(written("scene::World"), "scene::World");
        assert_eq!(written("dyn scene::Shape"), "scene::Shape");
        assert_eq!(written("(dyn scene::Shape + Send)"), "scene::Shape + Send)");
        assert_eq!(written("scene::Circle as scene::Shape"), "scene::Shape");
        let text = "struct Circle(f32);\ntrait Shape {\n    fn area(&self) -> f32;\n}\n";
        assert_eq!(line_of(text, "Shape", Some("area")), Some(3));
    }

    #[test]
    fn of_two_definitions_none_is_told() {
        let twice = format!("{TEXT}mod inner {{ struct Pair; }}");
        assert_eq!(line_of(&twice, "Pair", None), None);
    }

    #[test]
    fn the_file_of_a_module() {
        assert!(is_file_of(Path::new("src/lib.rs"), &[]));
        assert!(is_file_of(Path::new("src/a/b.rs"), &["a", "b"]));
        assert!(is_file_of(Path::new("src/a/b/mod.rs"), &["a", "b"]));
        assert!(!is_file_of(Path::new("src/b.rs"), &["a"]));
    }
}
