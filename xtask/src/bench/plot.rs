//! The measurements as a picture: one panel per program, with a bar per row and, below, a bar per kind
//! of reload that shows where its time goes.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::bars::{Parts, parts};
use super::measurement::Measurement;

/// The rows that a panel compares, from the limit to what takes longest.
const ROWS: [&str; 7] = [
    "rustc-no-link",
    "undo",
    "thin",
    "dx",
    "full",
    "cargo-build",
    "hot-lib-reloader",
];

/// The colours of phases: those that most reloads have come first, and neighbours differ.
const PHASES: &[(&str, &str)] = &[
    ("event", "#8da0cb"),
    ("settle", "#b3b3d9"),
    ("hash", "#6a5acd"),
    ("plan", "#1b9e77"),
    ("record", "#66a61e"),
    ("cargo", "#c9a227"),
    ("rustc", "#e08e45"),
    ("link", "#4c9f70"),
    ("copy", "#a6761d"),
    ("canary", "#e7298a"),
    ("check", "#c44e52"),
    ("open", "#55a8c9"),
    ("init", "#2c5f8a"),
    ("apply", "#7a4988"),
    ("other", "#c8c8c8"),
];

const OURS: &str = "#2f6db3";
const LIMIT: &str = "#8a8f98";
const PEERS: &str = "#c98a3a";

const WIDTH: f64 = 900.0;
const LEFT: f64 = 150.0;
const RIGHT: f64 = 150.0;
const ROW: f64 = 26.0;
const BAR: f64 = 16.0;

/// Writes the picture.
///
/// # Errors
/// The file cannot be written.
pub(super) fn write(path: &Path, measured: &[Measurement]) -> Result<()> {
    fs::write(path, svg(measured)).with_context(|| format!("cannot write {}", path.display()))
}

fn svg(measured: &[Measurement]) -> String {
    let parts = parts(measured);
    let mut programs: Vec<_> = measured
        .iter()
        .filter(|row| ROWS.contains(&row.what.as_str()))
        .map(|row| row.program)
        .collect();
    programs.dedup();
    let mut body = String::new();
    let mut top = 80.0;
    for program in programs {
        let rows: Vec<_> = ROWS
            .iter()
            .filter_map(|what| {
                measured
                    .iter()
                    .find(|row| row.program == program && row.what == *what && row.unit == "ms")
            })
            .collect();
        let parts: Vec<_> = parts
            .iter()
            .filter(|part| part.program == program)
            .collect();
        top = panel(&mut body, top, program, &rows, &parts);
    }
    top = legend(&mut body, top, &parts);
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}" viewBox="0 0 {WIDTH} {top}" font-family="Helvetica, Arial, sans-serif" font-size="12" fill="#24292f">
<rect width="{WIDTH}" height="{top}" fill="#ffffff"/>
<text x="24" y="32" font-size="18" font-weight="bold">From a saved file to running code</text>
<text x="24" y="50" fill="#57606a">Medians in milliseconds; whiskers from the fastest to the slowest run. Shorter is better.</text>
<text x="24" y="66" fill="#57606a"><tspan fill="{OURS}">hot</tspan>, <tspan fill="{PEERS}">other tools</tspan>, and the <tspan fill="{LIMIT}">compiler and cargo</tspan> alone, on the same source</text>
{body}</svg>
"##
    )
}

/// Draws a program from `top` on, and returns where it ends.
fn panel(
    body: &mut String,
    top: f64,
    program: &str,
    rows: &[&Measurement],
    parts: &[&Parts],
) -> f64 {
    let longest = rows.iter().map(|row| row.max).fold(1.0, f64::max);
    let (step, end) = axis(longest);
    let x = |value: f64| LEFT + value / end * (WIDTH - LEFT - RIGHT);
    let mut y = top + 30.0;
    let bottom = y + ROW * rows.len() as f64;
    let _ = writeln!(
        body,
        r#"<text x="24" y="{:.1}" font-size="15" font-weight="bold">{program}</text>"#,
        top + 18.0
    );
    grid(body, (y, bottom), (step, end), x);
    for row in rows {
        let middle = y + ROW / 2.0;
        let colour = match row.what.as_str() {
            "rustc-no-link" | "cargo-build" => LIMIT,
            "dx" | "hot-lib-reloader" => PEERS,
            _ => OURS,
        };
        label(body, middle, &row.what);
        rectangle(body, (x(0.0), x(row.median)), middle, colour, None);
        whisker(body, (x(row.min), x(row.max)), middle);
        value(body, x(row.max), middle, row.median);
        y += ROW;
    }
    if parts.is_empty() {
        return y + 34.0;
    }
    y += 44.0;
    // Phases have a scale of their own: they are about shares, and one slow peer would crush them.
    let sums = parts.iter().map(|part| sum(part));
    let (step, end) = axis(sums.fold(1.0, f64::max));
    let x = |value: f64| LEFT + value / end * (WIDTH - LEFT - RIGHT);
    let _ = writeln!(
        body,
        r##"<text x="24" y="{:.1}" fill="#57606a">where the time goes: the medians of the phases</text>"##,
        y - 10.0
    );
    grid(body, (y, y + ROW * parts.len() as f64), (step, end), x);
    for part in parts {
        let middle = y + ROW / 2.0;
        label(body, middle, part.what);
        let mut begin = 0.0;
        for (phase, took) in &part.phases {
            let title = format!("{phase}: {took:.2} ms");
            let edges = (x(begin), x(begin + took));
            rectangle(body, edges, middle, colour_of(phase), Some(&title));
            // A name where there is room for it.
            if edges.1 - edges.0 > 7.0 * phase.len() as f64 + 8.0 {
                let _ = writeln!(
                    body,
                    r##"<text x="{:.1}" y="{:.1}" text-anchor="middle" font-size="11">{phase}</text>"##,
                    f64::midpoint(edges.0, edges.1),
                    middle + 4.0
                );
            }
            begin += took;
        }
        value(body, x(begin), middle, begin);
        y += ROW;
    }
    y + 40.0
}

/// The colours of the phases that some bar shows.
fn legend(body: &mut String, top: f64, parts: &[Parts]) -> f64 {
    let shown = PHASES.iter().filter(|(phase, _)| {
        parts
            .iter()
            .any(|part| part.phases.iter().any(|(known, _)| known == phase))
    });
    let mut x = 24.0;
    let mut y = top;
    for (phase, colour) in shown {
        let width = 34.0 + 7.0 * phase.len() as f64;
        if x + width > WIDTH - 24.0 {
            x = 24.0;
            y += 20.0;
        }
        let _ = writeln!(
            body,
            r#"<rect x="{x:.1}" y="{:.1}" width="12" height="12" fill="{colour}"/><text x="{:.1}" y="{y:.1}">{phase}</text>"#,
            y - 10.0,
            x + 17.0
        );
        x += width;
    }
    y + 24.0
}

fn sum(part: &Parts) -> f64 {
    part.phases.iter().map(|(_, took)| took).sum()
}

fn colour_of(phase: &str) -> &'static str {
    let found = PHASES.iter().find(|(known, _)| *known == phase);
    found.map_or("#999999", |(_, colour)| colour)
}

/// The distance of grid lines, and the end of an axis that has room for `longest`.
fn axis(longest: f64) -> (f64, f64) {
    let magnitude = 10f64.powf((longest / 5.0).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0];
    let step = steps
        .iter()
        .map(|step| step * magnitude)
        .find(|step| longest / step <= 8.0)
        .unwrap_or(magnitude * 10.0);
    (step, (longest / step).ceil() * step)
}

fn grid(
    body: &mut String,
    (top, bottom): (f64, f64),
    (step, end): (f64, f64),
    x: impl Fn(f64) -> f64,
) {
    let lines = (end / step).round() as usize;
    for line in 0..=lines {
        let at = line as f64 * step;
        let _ = writeln!(
            body,
            r##"<line x1="{0:.1}" y1="{top:.1}" x2="{0:.1}" y2="{bottom:.1}" stroke="#e3e6ea"/><text x="{0:.1}" y="{1:.1}" text-anchor="middle" font-size="10" fill="#57606a">{at}</text>"##,
            x(at),
            bottom + 12.0
        );
    }
}

fn label(body: &mut String, middle: f64, text: &str) {
    let _ = writeln!(
        body,
        r#"<text x="{:.1}" y="{:.1}" text-anchor="end">{text}</text>"#,
        LEFT - 8.0,
        middle + 4.0
    );
}

fn value(body: &mut String, x: f64, middle: f64, median: f64) {
    let text = if median < 10.0 {
        format!("{median:.1} ms")
    } else {
        format!("{median:.0} ms")
    };
    let _ = writeln!(
        body,
        r#"<text x="{:.1}" y="{:.1}" font-weight="bold">{text}</text>"#,
        x + 8.0,
        middle + 4.0
    );
}

fn rectangle(
    body: &mut String,
    (from, to): (f64, f64),
    middle: f64,
    colour: &str,
    title: Option<&str>,
) {
    let title = title.map_or_else(String::new, |title| format!("<title>{title}</title>"));
    let _ = writeln!(
        body,
        r#"<rect x="{from:.1}" y="{:.1}" width="{:.1}" height="{BAR}" fill="{colour}">{title}</rect>"#,
        middle - BAR / 2.0,
        (to - from).max(0.5)
    );
}

fn whisker(body: &mut String, (from, to): (f64, f64), middle: f64) {
    let (above, below) = (middle - 4.0, middle + 4.0);
    let _ = writeln!(
        body,
        r##"<path d="M{from:.1} {above:.1}V{below:.1}M{from:.1} {middle:.1}H{to:.1}M{to:.1} {above:.1}V{below:.1}" stroke="#24292f" fill="none"/>"##
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured() -> Vec<Measurement> {
        let rows = [
            ("rustc-no-link", 150.0),
            ("thin", 200.0),
            ("thin/rustc", 150.0),
            ("thin/link", 50.0),
            ("undo", 3.0),
        ];
        rows.iter()
            .map(|(what, value)| {
                let runs = vec![value * 0.9, *value, value * 1.5];
                Measurement::of("small", what, "ms", runs).expect("numbers")
            })
            .collect()
    }

    /// Every tag is closed in the order in which it was opened, and every attribute is quoted.
    fn check_well_formed(svg: &str) {
        let mut open = Vec::new();
        for piece in svg.split('<').skip(1) {
            let (tag, text) = piece.split_once('>').expect("a tag ends");
            assert!(!text.contains('&'), "unescaped text: {text}");
            assert!(
                tag.matches('"').count().is_multiple_of(2),
                "unquoted: {tag}"
            );
            let name = tag.trim_start_matches('/').split([' ', '/']).next();
            let name = name.expect("a tag has a name").to_owned();
            if tag.starts_with('/') {
                assert_eq!(open.pop(), Some(name), "closed in the wrong order");
            } else if !tag.ends_with('/') {
                open.push(name);
            }
        }
        assert!(open.is_empty(), "never closed: {open:?}");
    }

    #[test]
    fn it_is_well_formed_and_shows_each_row_and_phase() {
        let svg = svg(&measured());
        check_well_formed(&svg);
        for text in [
            "small",
            "rustc-no-link",
            "200 ms",
            "3.0 ms",
            "link: 50.00 ms",
        ] {
            assert!(svg.contains(text), "{text} is not in it:\n{svg}");
        }
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }

    #[test]
    fn nothing_measured_is_a_picture_too() {
        check_well_formed(&svg(&[]));
    }

    #[test]
    fn an_axis_has_round_steps_and_room() {
        for longest in [1.0, 3.0, 149.0, 212.0, 999.0, 2400.0, 16_104.0] {
            let (step, end) = axis(longest);
            assert!(end >= longest, "{longest} does not fit {end}");
            assert!(
                (2.0..=10.0).contains(&(end / step)),
                "{longest}: {end} by {step}"
            );
        }
    }
}
