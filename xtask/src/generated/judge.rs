//! Whether what the program tells is what must be told.

use anyhow::{Context as _, Result, bail, ensure};

use super::layouts::{Difference, Differences};
use super::world::Expected;

/// Compares what became of each item with what must have become of it. `heard` are the program's lines since
/// the save; `source` is what was saved.
pub(super) fn applied(
    heard: &[String],
    number: usize,
    expected: &Expected,
    source: &str,
) -> Result<()> {
    let items = |kind: &str| {
        let prefix = format!("item {kind}\t");
        let lines = heard.iter().filter_map(|line| line.strip_prefix(&*prefix));
        let mut lines: Vec<_> = lines.map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let sorted = |mut lines: Vec<String>| {
        lines.sort();
        lines
    };
    let events = ["event applied ", "event rolled-back "];
    let told = heard
        .iter()
        .filter_map(|line| events.iter().find_map(|event| line.strip_prefix(event)));
    let told: Vec<_> = told.collect();
    let [told] = told[..] else {
        bail!("one generation should have gone live: {told:?}");
    };
    let live = format!("generation {number} is live");
    let linked_in = number == 0 && told.contains("the code linked into the program is live");
    ensure!(
        linked_in || told.contains(&live),
        "it should say `{live}`: {told}"
    );

    let paths = expected.applied.iter().map(|id| format!("scene::{id}"));
    let paths = paths.chain(["scene::layouts".to_owned()]);
    same(
        "functions with new code",
        &items("applied"),
        &sorted(paths.collect()),
    )?;
    let removed = expected.removed.iter().map(|id| format!("scene::{id}"));
    same(
        "functions that are gone",
        &items("removed"),
        &sorted(removed.collect()),
    )?;
    let signatures = expected.other_signature.iter().map(|(id, own, new)| {
        format!(
            "scene::{id}\t{}\t{}",
            without_spaces(own),
            without_spaces(new)
        )
    });
    let told_signatures = items("signature").into_iter().map(|line| {
        let mut parts = line.splitn(2, '\t');
        let (path, rest) = (
            parts.next().unwrap_or_default(),
            parts.next().unwrap_or_default(),
        );
        format!("{path}\t{}", without_spaces(rest))
    });
    same(
        "functions with another signature",
        &sorted(told_signatures.collect()),
        &sorted(signatures.collect()),
    )?;

    let names = |numbers: &[u32]| {
        let names = numbers.iter().map(|number| format!("node{number}"));
        sorted(names.collect())
    };
    same("nodes", &items("node"), &names(&expected.nodes))?;
    same(
        "nodes that are gone",
        &items("node-removed"),
        &names(&expected.removed_nodes),
    )?;

    let layouts = items("layout");
    let told_names: Vec<_> = layouts
        .iter()
        .map(|line| line.split('\t').next().unwrap_or_default().to_owned())
        .collect();
    let functions = expected.other_layout.iter();
    let functions = functions.map(|(id, differences)| (format!("scene::{id}"), Some(differences)));
    let nodes = expected.other_nodes.iter();
    let nodes = nodes.map(|(number, differences)| (format!("node{number}"), differences.as_ref()));
    let refused: Vec<_> = functions.chain(nodes).collect();
    let expected_names = refused.iter().map(|(name, _)| name.clone()).collect();
    same(
        "items with another layout",
        &told_names,
        &sorted(expected_names),
    )?;
    for (item, differences) in refused {
        let prefix = format!("{item}\t");
        let reason = layouts.iter().find_map(|line| line.strip_prefix(&*prefix));
        let reason = reason.context("its reason was there a moment ago")?;
        ensure!(
            told.contains(reason),
            "the event does not tell that {reason}: {told}"
        );
        match differences {
            Some(differences) => reasons(reason, differences, source).with_context(|| {
                format!("{item} is refused with\n  {reason}\nand expected is\n  {differences:?}")
            })?,
            None => ensure!(!reason.is_empty(), "{item} is refused without a reason"),
        }
    }
    Ok(())
}

/// Fails unless it is told of each of these cells.
pub(super) fn begin_anew(heard: &[String], cells: &[u32]) -> Result<()> {
    for cell in cells {
        let name = format!("::CELL{cell}`");
        let told = |line: &String| line.starts_with("event ") && line.contains(&name);
        ensure!(
            heard.iter().any(told),
            "CELL{cell} begins anew, and nobody says so"
        );
    }
    Ok(())
}

fn same(what: &str, told: &[String], expected: &[String]) -> Result<()> {
    ensure!(
        told == expected,
        "{what}: told are\n  {}\nand expected\n  {}",
        told.join("\n  "),
        expected.join("\n  ")
    );
    Ok(())
}

/// Token streams are written with spaces here and there.
fn without_spaces(text: &str) -> String {
    text.replace(' ', "")
}

/// Compares the reason for which a function is refused with how it differs.
fn reasons(reason: &str, expected: &Differences, source: &str) -> Result<()> {
    let told = reason.split("; `").enumerate().map(|(at, part)| match at {
        0 => Told::read(part),
        _ => Told::read(&format!("`{part}")),
    });
    let told = told.collect::<Result<Vec<_>>>()?;
    // Where there is a cause, effects are not told.
    let owed = match expected.causes.is_empty() {
        true => &expected.effects,
        false => &expected.causes,
    };
    for difference in owed {
        let sure = difference
            .part
            .as_deref()
            .is_none_or(|part| !part.starts_with("variant"))
            || difference.program.is_some()
            || difference.library.is_some();
        ensure!(
            !sure || told.iter().any(|told| told.is(difference)),
            "not told: {difference:?}"
        );
    }
    for told in &told {
        let own = expected
            .causes
            .iter()
            .chain(&expected.effects)
            .any(|own| told.is(own));
        let leading = expected
            .leading
            .iter()
            .any(|name| told.type_name.contains(&**name));
        ensure!(own || leading, "told for no reason: {told:?}");
        told.check_source(source)?;
    }
    Ok(())
}

/// A difference as it was told.
#[derive(Debug)]
struct Told {
    type_name: String,
    part: Option<String>,
    /// The line of the source.
    line: Option<usize>,
    program: String,
    library: String,
}

impl Told {
    /// Reads `` `type`, field `x` (file:line): the program has .., the new code ..``.
    fn read(text: &str) -> Result<Told> {
        let parsed = || {
            let (head, sides) = text.split_once(": the program has ")?;
            let (program, library) = sides.split_once(", the new code ")?;
            let (type_name, rest) = head.strip_prefix('`')?.split_once('`')?;
            let (part, place) = match rest.split_once(" (") {
                Some((part, place)) => (part, Some(place.strip_suffix(')')?)),
                None => (rest, None),
            };
            let line = match place {
                Some(place) => Some(place.rsplit_once(':')?.1.parse().ok()?),
                None => None,
            };
            Some(Told {
                type_name: type_name.to_owned(),
                part: part.strip_prefix(", ").map(str::to_owned),
                line,
                program: program.to_owned(),
                library: library.to_owned(),
            })
        };
        parsed().with_context(|| format!("`{text}` is no difference of layouts"))
    }

    fn is(&self, difference: &Difference) -> bool {
        let fits = |told: &String, expected: &Option<String>| {
            expected.as_ref().is_none_or(|expected| expected == told)
        };
        self.type_name == difference.type_name
            && self.part == difference.part
            && fits(&self.program, &difference.program)
            && fits(&self.library, &difference.library)
    }

    /// The line that is told speaks of the type or of the part of it.
    fn check_source(&self, source: &str) -> Result<()> {
        let Some(line) = self.line else {
            return Ok(());
        };
        let text = line
            .checked_sub(1)
            .and_then(|line| source.lines().nth(line));
        let text = text.with_context(|| format!("the source has no line {line}"))?;
        let part = self.part.as_deref().and_then(|part| part.split('`').nth(1));
        let path = self.type_name.split('<').next().unwrap_or_default();
        let names = path.split("::").chain(part);
        ensure!(
            names.skip(1).any(|name| text.contains(name)),
            "line {line} is `{text}`, and not what {self:?} is about"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::FunctionId;
    use super::*;

    const EVENT: &str = "event applied scene: generation 2 is live";

    fn judge(lines: &[&str], expected: &Expected) -> Result<()> {
        let heard: Vec<_> = lines.iter().map(|line| (*line).to_owned()).collect();
        applied(
            &heard,
            2,
            expected,
            "pub struct Type1 {\n    pub a: f32,\n}\n",
        )
    }

    /// One function is applied, and one is refused for a field.
    fn expected() -> Expected {
        let difference = Difference {
            type_name: "scene::Type1".to_owned(),
            part: Some("field `a`".to_owned()),
            program: Some("`u32`".to_owned()),
            library: Some("`f32`".to_owned()),
        };
        let differences = Differences {
            causes: vec![difference],
            ..Differences::default()
        };
        Expected {
            applied: vec![FunctionId(3)],
            other_layout: vec![(FunctionId(4), differences)],
            ..Expected::default()
        }
    }

    const REASON: &str =
        "`scene::Type1`, field `a` (/x/lib.rs:2): the program has `u32`, the new code `f32`";

    #[test]
    fn what_must_be_told_is_accepted() {
        let layout = format!("item layout\tscene::function4\t{REASON}");
        let event = format!("{EVENT}; `scene::function4` {REASON}");
        let lines = [
            "item applied\tscene::function3",
            "item applied\tscene::layouts",
            &layout,
            &event,
        ];
        judge(&lines, &expected()).expect("all is told");
    }

    #[test]
    fn what_is_told_wrongly_or_not_at_all_is_an_error() {
        let good = [
            "item applied\tscene::function3".to_owned(),
            "item applied\tscene::layouts".to_owned(),
            format!("item layout\tscene::function4\t{REASON}"),
            format!("{EVENT}; `scene::function4` {REASON}"),
        ];
        for left_out in 0..good.len() {
            let mut lines: Vec<_> = good.iter().map(String::as_str).collect();
            lines.remove(left_out);
            assert!(
                judge(&lines, &expected()).is_err(),
                "without {}",
                good[left_out]
            );
        }
        for (from, to) in [
            ("`u32`", "`u16`"),
            ("field `a`", "field `b`"),
            ("function4", "function5"),
            ("function3", "function4"),
            ("lib.rs:2", "lib.rs:3"),
            ("generation 2", "generation 3"),
        ] {
            let lines = good.each_ref().map(|line| line.replace(from, to));
            let lines = lines.each_ref().map(String::as_str);
            assert!(judge(&lines, &expected()).is_err(), "{to}");
        }
    }
}
