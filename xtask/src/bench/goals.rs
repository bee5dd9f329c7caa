//! What the numbers should be, and whether they are.

use std::fmt::Write as _;

use super::measurement::Measurement;

/// A bound on one row by other rows of the same program, by their medians.
struct Goal {
    /// Of these programs; of all that have the rows, if empty.
    programs: &'static [&'static str],
    what: &'static str,
    unit: &'static str,
    bound: Bound,
}

/// What a number must not exceed.
enum Bound {
    /// That number.
    Number(f64),
    /// The least of the rows that are there, times `factor`, and `more`.
    Rows {
        factor: f64,
        rows: &'static [&'static str],
        more: f64,
    },
}

const GOALS: &[Goal] = &[
    Goal {
        programs: &[],
        what: "thin",
        unit: "ms",
        bound: Bound::Rows {
            factor: 1.3,
            rows: &["rustc-no-link"],
            more: 0.0,
        },
    },
    Goal {
        programs: &[],
        what: "thin",
        unit: "ms",
        bound: Bound::Rows {
            factor: 0.7,
            rows: &["dx", "hot-lib-reloader"],
            more: 0.0,
        },
    },
    Goal {
        programs: &[],
        what: "full",
        unit: "ms",
        bound: Bound::Rows {
            factor: 1.1,
            rows: &["cargo-build"],
            more: 20.0,
        },
    },
    Goal {
        programs: &[],
        what: "undo",
        unit: "ms",
        bound: Bound::Number(20.0),
    },
    Goal {
        programs: &["small"],
        what: "thin/check",
        unit: "ms",
        bound: Bound::Number(15.0),
    },
    Goal {
        programs: &["small"],
        what: "thin/mapped",
        unit: "kB",
        bound: Bound::Number(1024.0),
    },
    Goal {
        programs: &["micro"],
        what: "call-hot-fn-loaded",
        unit: "ns",
        bound: Bound::Rows {
            factor: 1.0,
            rows: &["call-direct"],
            more: 2.0,
        },
    },
    Goal {
        programs: &["micro"],
        what: "call-node-loaded",
        unit: "ns",
        bound: Bound::Rows {
            factor: 1.0,
            rows: &["call-virtual"],
            more: 5.0,
        },
    },
    Goal {
        programs: &["scale"],
        what: "tree-100000-idle-cpu",
        unit: "ms",
        bound: Bound::Number(0.0),
    },
    Goal {
        programs: &["scale"],
        what: "tree-100000-idle-wakeups",
        unit: "times",
        bound: Bound::Number(0.0),
    },
    Goal {
        programs: &["scale"],
        what: "reloads-thin-last-time",
        unit: "ms",
        bound: Bound::Rows {
            factor: 1.1,
            rows: &["reloads-thin-first-time"],
            more: 0.0,
        },
    },
    Goal {
        programs: &["scale"],
        what: "reloads-thin-last-memory",
        unit: "kB",
        bound: Bound::Rows {
            factor: 1.1,
            rows: &["reloads-thin-first-memory"],
            more: 64.0,
        },
    },
    Goal {
        programs: &["scale"],
        what: "reloads-full-last-time",
        unit: "ms",
        bound: Bound::Rows {
            factor: 1.1,
            rows: &["reloads-full-first-time"],
            more: 0.0,
        },
    },
    Goal {
        programs: &["scale"],
        what: "reloads-full-last-memory",
        unit: "kB",
        bound: Bound::Rows {
            factor: 1.1,
            rows: &["reloads-full-first-memory"],
            more: 64.0,
        },
    },
];

/// A goal that can be told of some program, and whether it is met.
#[derive(Debug, PartialEq)]
pub(super) struct Verdict {
    pub(super) program: &'static str,
    /// What should hold, as "thin <= 1.3 x rustc-no-link".
    pub(super) goal: String,
    pub(super) value: f64,
    pub(super) bound: f64,
    pub(super) unit: &'static str,
    /// The number as a multiple of the row that it is bound by, where it is.
    pub(super) ratio: Option<f64>,
}

impl Verdict {
    pub(super) fn holds(&self) -> bool {
        self.value <= self.bound
    }
}

/// The goals for which all rows were measured.
pub(super) fn verdicts(measured: &[Measurement]) -> Vec<Verdict> {
    let mut programs: Vec<&'static str> = measured.iter().map(|row| row.program).collect();
    programs.dedup();
    let of = |program: &'static str| {
        GOALS
            .iter()
            .filter(move |goal| goal.programs.is_empty() || goal.programs.contains(&program))
            .filter_map(move |goal| verdict(goal, program, measured))
    };
    programs.into_iter().flat_map(of).collect()
}

fn verdict(goal: &Goal, program: &'static str, measured: &[Measurement]) -> Option<Verdict> {
    let median = |what: &str| {
        measured
            .iter()
            .find(|row| row.program == program && row.what == what)
            .map(|row| row.median)
    };
    let value = median(goal.what)?;
    let (bound, ratio, text) = match &goal.bound {
        Bound::Number(number) => (*number, None, format!("{number} {}", goal.unit)),
        Bound::Rows { factor, rows, more } => {
            let present = rows.iter().filter_map(|row| Some((*row, median(row)?)));
            let (row, least) = present.min_by(|(_, a), (_, b)| a.total_cmp(b))?;
            let mut text = match *factor {
                1.0 => row.to_owned(),
                factor => format!("{factor} x {row}"),
            };
            if *more > 0.0 {
                let _ = write!(text, " + {more} {}", goal.unit);
            }
            (least * factor + more, Some(value / least), text)
        }
    };
    Some(Verdict {
        program,
        goal: format!("{} <= {text}", goal.what),
        value,
        bound,
        unit: goal.unit,
        ratio,
    })
}

/// The verdicts for a person to read; empty if there are none.
pub(super) fn table(verdicts: &[Verdict]) -> String {
    let mut table = String::new();
    if verdicts.is_empty() {
        return table;
    }
    let _ = writeln!(
        table,
        "{:<10} {:<62} {:>10} {:>10}  {:<5} {:>6}",
        "program", "goal", "is", "bound", "unit", "ratio"
    );
    for verdict in verdicts {
        let Verdict {
            program,
            goal,
            value,
            bound,
            unit,
            ratio,
        } = verdict;
        let ratio = ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}x"));
        let holds = if verdict.holds() { "holds" } else { "MISSED" };
        let _ = writeln!(
            table,
            "{program:<10} {goal:<62} {value:>10.2} {bound:>10.2}  {unit:<5} {ratio:>6}  {holds}"
        );
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(program: &'static str, rows: &[(&str, f64)]) -> Vec<Measurement> {
        rows.iter()
            .map(|(what, value)| {
                Measurement::of(program, what, "ms", vec![*value]).expect("a number")
            })
            .collect()
    }

    #[test]
    fn a_goal_is_held_against_the_rows_of_its_own_program() {
        let mut measured = rows("small", &[("rustc-no-link", 100.0), ("thin", 129.0)]);
        measured.extend(rows("heavy", &[("rustc-no-link", 90.0), ("thin", 120.0)]));
        let verdicts = verdicts(&measured);
        let told: Vec<_> = verdicts
            .iter()
            .map(|verdict| (verdict.program, verdict.goal.as_str(), verdict.holds()))
            .collect();
        let goal = "thin <= 1.3 x rustc-no-link";
        assert_eq!(told, [("small", goal, true), ("heavy", goal, false)]);
        assert!((verdicts[0].ratio.expect("a ratio") - 1.29).abs() < 1e-9);
        let table = table(&verdicts);
        assert!(
            table.contains("holds") && table.contains("MISSED"),
            "{table}"
        );
    }

    #[test]
    fn the_best_of_the_peers_that_are_there_counts() {
        let peers = [("dx", 200.0), ("hot-lib-reloader", 2000.0), ("thin", 130.0)];
        let measured = rows("small", &peers);
        let verdicts = verdicts(&measured);
        assert_eq!(verdicts.len(), 1);
        assert_eq!(verdicts[0].goal, "thin <= 0.7 x dx");
        assert!((verdicts[0].bound - 140.0).abs() < 1e-9 && verdicts[0].holds());
        let alone = super::verdicts(&rows("small", &peers[1..]));
        assert_eq!(alone[0].goal, "thin <= 0.7 x hot-lib-reloader");
    }

    #[test]
    fn a_constant_is_added_and_a_number_is_a_bound_by_itself() {
        let measured = rows(
            "small",
            &[("cargo-build", 100.0), ("full", 131.0), ("undo", 19.0)],
        );
        let told: Vec<_> = verdicts(&measured)
            .iter()
            .map(|verdict| (verdict.goal.clone(), verdict.holds()))
            .collect();
        let expected = [
            ("full <= 1.1 x cargo-build + 20 ms".to_owned(), false),
            ("undo <= 20 ms".to_owned(), true),
        ];
        assert_eq!(told, expected);
    }
}
