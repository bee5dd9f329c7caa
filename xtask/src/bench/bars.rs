//! Where the time goes: the phases of each kind of reload, one behind the other.

use std::fmt::Write as _;

use super::measurement::Measurement;

/// How wide the longest bar is.
const WIDTH: f64 = 56.0;

/// The phases of one row: what makes up its time.
#[derive(Debug, PartialEq)]
pub(super) struct Parts<'a> {
    pub(super) program: &'static str,
    /// The row, as `thin`.
    pub(super) what: &'a str,
    /// The row's own median.
    pub(super) total: f64,
    /// Name and median of each phase, in order.
    pub(super) phases: Vec<(&'a str, f64)>,
}

/// Every row that has phases: rows of milliseconds that are named `<row>/<phase>`.
pub(super) fn parts(measured: &[Measurement]) -> Vec<Parts<'_>> {
    measured
        .iter()
        .filter_map(|row| {
            let phases: Vec<_> = measured
                .iter()
                .filter(|other| other.program == row.program && other.unit == "ms")
                .filter_map(|other| {
                    let (what, phase) = other.what.split_once('/')?;
                    (what == row.what).then_some((phase, other.median))
                })
                .collect();
            (!phases.is_empty()).then_some(Parts {
                program: row.program,
                what: &row.what,
                total: row.median,
                phases,
            })
        })
        .collect()
}

/// The phases as bars of text, each beginning where the one before ends.
pub(super) fn text(measured: &[Measurement]) -> String {
    let mut text = String::new();
    for part in parts(measured) {
        // Medians of phases do not add up to the median of the whole.
        let sum: f64 = part.phases.iter().map(|(_, took)| took).sum();
        let _ = writeln!(
            text,
            "{} {}: where {:.1} ms go",
            part.program, part.what, part.total
        );
        let mut begin = 0.0;
        for (phase, took) in part.phases {
            let column = |at: f64| (at / sum * WIDTH).round() as usize;
            let (from, to) = (column(begin), column(begin + took));
            // Whatever takes its time is to be seen.
            let bar = "#".repeat((to - from).max(1));
            let share = took / sum * 100.0;
            let _ = writeln!(
                text,
                "  {phase:<12} {took:>9.2} ms {share:>5.1} %  {:from$}{bar}",
                ""
            );
            begin += took;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_stand_one_behind_the_other() {
        let row = |what, unit, value| {
            Measurement::of("small", what, unit, vec![value]).expect("a number")
        };
        let measured = [
            row("cargo-build", "ms", 400.0),
            row("thin", "ms", 100.0),
            row("thin/rustc", "ms", 75.0),
            row("thin/link", "ms", 25.0),
            row("thin/mapped", "kB", 900.0),
        ];
        let parts = parts(&measured);
        assert_eq!(parts.len(), 1);
        assert_eq!(parts[0].phases, [("rustc", 75.0), ("link", 25.0)]);
        let text = text(&measured);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "small thin: where 100.0 ms go");
        assert!(lines[1].ends_with(&"#".repeat(42)), "{text}");
        assert!(
            lines[2].ends_with(&format!(" {}{}", " ".repeat(42), "#".repeat(14))),
            "{text}"
        );
    }
}
