//! A hot crate of many lines, the same at each call: what a grown crate costs the compiler.

use std::fmt::Write as _;

use super::random::Random;

/// How many lines the crate has at least.
const LINES: usize = 20_000;

/// How many groups of types and functions a file has.
const GROUPS: usize = 10;

/// The file that says which edition it is, amid the others.
pub(super) const EDITED: &str = "part_20.rs";

/// The files of the crate, by their paths below `src`.
pub(super) fn scene() -> Vec<(String, String)> {
    let mut random = Random::seeded(0x5eed);
    let mut parts: Vec<String> = Vec::new();
    while parts.iter().map(|part| part.lines().count()).sum::<usize>() < LINES {
        parts.push(part(parts.len(), &mut random));
    }
    let mut files = vec![("lib.rs".to_owned(), root(parts.len()))];
    for (number, text) in parts.into_iter().enumerate() {
        files.push((format!("part_{number:02}.rs"), text));
    }
    files
}

/// How many hot functions [`items`] has.
pub(super) const ITEMS: usize = 1000;

/// The files of a hot crate with a thousand hot functions.
pub(super) fn items() -> Vec<(String, String)> {
    let mut text = "//! A thousand ways to count.\n\n// <entry>\n".to_owned();
    // The answer is one of them.
    for number in 1..ITEMS {
        let _ = write!(
            text,
            r#"
// <hot>
pub fn count_{number}(before: u64) -> u64 {{
    before.wrapping_mul({}).wrapping_add({number})
}}
"#,
            2 * number + 1
        );
    }
    text += r#"
/// What some of them give, with a title.
// <hot>
pub fn answer() -> String {
    format!("{}: {}", "edition 00000000", count_999(count_500(count_1(1))))
}
"#;
    vec![("lib.rs".to_owned(), text)]
}

fn root(parts: usize) -> String {
    let mut text = "//! Shapes of many kinds, and what they measure.\n\n".to_owned();
    for number in 0..parts {
        let _ = writeln!(text, "pub mod part_{number:02};");
    }
    let edited = EDITED.trim_end_matches(".rs");
    let last = parts - 1;
    let _ = write!(
        text,
        r#"
// <entry>

/// What all shapes measure, with a title.
// <hot>
pub fn answer() -> String {{
    format!("{{}}: {{}}", {edited}::title(), part_{last:02}::total(4))
}}
"#
    );
    text
}

/// One file: a handful of groups, and a function that calls into each of them and into the file before.
fn part(number: usize, random: &mut Random) -> String {
    let mut text = format!("//! Shapes, part {number}.\n");
    for index in 0..GROUPS {
        text += &group(index, random);
    }
    if format!("part_{number:02}.rs") == EDITED {
        text += "\n/// What the answer begins with.\npub fn title() -> String {\n    \"edition 00000000\".to_owned()\n}\n";
    }
    let _ = write!(
        text,
        "\n/// What all shapes of this part measure, and of those before.\npub fn total(depth: u32) -> u64 {{\n"
    );
    match number.checked_sub(1) {
        Some(before) => {
            let _ = writeln!(
                text,
                "    let mut total = super::part_{before:02}::total(depth);"
            );
        }
        None => text += "    let mut total = 0u64;\n",
    }
    for index in 0..GROUPS {
        let seed = random.below(1000);
        let _ = writeln!(
            text,
            "    total = total.wrapping_add(measure_{index}(&Shape{index}::new({seed}), depth));"
        );
    }
    text += "    total\n}\n";
    text
}

/// An enum, a struct, its methods, and a function that calls those of the group before.
fn group(index: usize, random: &mut Random) -> String {
    let (gap, edge, factor) = (
        1 + random.below(9),
        1 + random.below(50),
        3 + random.below(97),
    );
    let (modulus, shift) = (3 + random.below(5), 1 + random.below(6));
    let before = match index.checked_sub(1) {
        Some(before) => format!("measure_{before}(&Shape{before}::new(step), depth / 2)"),
        None => format!("u64::from(step) * {factor}"),
    };
    format!(
        r#"
/// How a [`Shape{index}`] is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill{index} {{
    Solid,
    Striped(u32),
    Dotted {{ gap: u32, size: u32 }},
}}

/// A shape with a name, a size and a fill.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape{index} {{
    pub name: String,
    pub width: u32,
    pub height: u32,
    pub fill: Fill{index},
}}

impl Shape{index} {{
    /// A shape that the seed alone decides.
    pub fn new(seed: u32) -> Shape{index} {{
        let fill = match seed % {modulus} {{
            0 => Fill{index}::Solid,
            1 => Fill{index}::Striped(seed >> {shift}),
            _ => Fill{index}::Dotted {{ gap: {gap}, size: seed % {factor} }},
        }};
        Shape{index} {{
            name: format!("shape {index} of {{seed}}"),
            width: {edge} + seed % {factor},
            height: {factor} + seed % {edge},
            fill,
        }}
    }}

    /// The area that is covered.
    pub fn area(&self) -> u64 {{
        let whole = u64::from(self.width) * u64::from(self.height);
        match self.fill {{
            Fill{index}::Solid => whole,
            Fill{index}::Striped(width) => whole / (1 + u64::from(width)),
            Fill{index}::Dotted {{ gap, size }} => whole * u64::from(size) / u64::from(gap + size + 1),
        }}
    }}
}}

/// What a shape measures, with those that it is made of.
pub fn measure_{index}(shape: &Shape{index}, depth: u32) -> u64 {{
    let mut total = shape.area();
    for step in 1..=depth {{
        total = match (step + shape.width) % 3 {{
            0 => total.wrapping_add({before}),
            1 => total.rotate_left({shift}) ^ u64::from(shape.height),
            _ => total.wrapping_mul({factor}).wrapping_add(shape.name.len() as u64),
        }};
    }}
    total
}}
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::reload::subject::FIRST_EDITION;

    #[test]
    fn it_is_the_same_each_time_and_as_long_as_it_should_be() {
        let files = scene();
        assert_eq!(files, scene());
        let lines: usize = files.iter().map(|(_, text)| text.lines().count()).sum();
        assert!((LINES..LINES + 1000).contains(&lines), "{lines} lines");
    }

    #[test]
    fn there_are_as_many_items_as_promised() {
        let files = items();
        assert_eq!(files[0].1.matches("// <hot>").count(), ITEMS);
        assert_eq!(files[0].1.matches(FIRST_EDITION).count(), 1);
    }

    #[test]
    fn one_file_says_its_edition_once() {
        let files = scene();
        let saying: Vec<_> = files
            .iter()
            .filter(|(_, text)| text.contains(FIRST_EDITION))
            .collect();
        assert_eq!(saying.len(), 1);
        assert_eq!(saying[0].0, EDITED);
        assert_eq!(saying[0].1.matches(FIRST_EDITION).count(), 1);
    }
}
