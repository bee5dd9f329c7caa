//! A measured number, and the forms in which it is told.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

/// One thing that was measured several times.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Measurement {
    /// Of which program.
    pub(crate) program: &'static str,
    /// What.
    pub(crate) what: String,
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// Of the three numbers: `ns`, `ms`.
    pub(crate) unit: &'static str,
    /// How many times.
    pub(crate) runs: usize,
}

impl Measurement {
    /// What several runs gave.
    ///
    /// # Errors
    /// There was no run, or one gave no number.
    pub(crate) fn of(
        program: &'static str,
        what: &str,
        unit: &'static str,
        mut runs: Vec<f64>,
    ) -> Result<Measurement> {
        ensure!(
            !runs.is_empty() && runs.iter().all(|run| run.is_finite()),
            "`{what}` of {program} was not measured: {runs:?}"
        );
        runs.sort_by(f64::total_cmp);
        let middle = runs.len() / 2;
        let median = if runs.len().is_multiple_of(2) {
            runs[middle - 1].midpoint(runs[middle])
        } else {
            runs[middle]
        };
        Ok(Measurement {
            program,
            what: what.to_owned(),
            median,
            min: runs[0],
            max: runs[runs.len() - 1],
            unit,
            runs: runs.len(),
        })
    }
}

/// The measurements for a person to read.
pub(crate) fn table(measurements: &[Measurement]) -> String {
    let mut table = format!(
        "{:<10} {:<28} {:>12} {:>12} {:>12}  {:<5} {:>5}\n",
        "program", "what", "median", "min", "max", "unit", "runs"
    );
    for Measurement {
        program,
        what,
        median,
        min,
        max,
        unit,
        runs,
    } in measurements
    {
        let _ = writeln!(
            table,
            "{program:<10} {what:<28} {median:>12.2} {min:>12.2} {max:>12.2}  {unit:<5} {runs:>5}"
        );
    }
    table
}

/// Writes the measurements for a program to read: a list of objects.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn write_json(path: &Path, measurements: &[Measurement]) -> Result<()> {
    let text = serde_json::to_string_pretty(measurements).context("numbers are always JSON")?;
    fs::write(path, text + "\n").with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let of = |runs: &[f64]| Measurement::of("p", "w", "ns", runs.to_vec());
        let odd = of(&[3.0, 1.0, 2.0]).expect("numbers");
        assert_eq!((odd.median, odd.min, odd.max, odd.runs), (2.0, 1.0, 3.0, 3));
        assert_eq!(of(&[4.0, 1.0]).expect("numbers").median, 2.5);
        assert!(of(&[]).is_err());
        assert!(of(&[1.0, f64::NAN]).is_err());
    }

    #[test]
    fn json_is_a_list_of_objects() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("numbers.json");
        let measurement = Measurement::of("micro", "call-direct", "ns", vec![1.5]);
        write_json(&path, &[measurement.expect("a number")]).expect("can be written");
        let text = fs::read_to_string(&path).expect("was written");
        let read: serde_json::Value = serde_json::from_str(&text).expect("is JSON");
        let expected = serde_json::json!([{
            "program": "micro", "what": "call-direct", "median": 1.5, "min": 1.5, "max": 1.5,
            "unit": "ns", "runs": 1,
        }]);
        assert_eq!(read, expected);
    }
}
