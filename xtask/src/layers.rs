//! The layers, proved: which package may depend on which, and what a hot crate never links.
//!
//! The table below is the design; cargo's own metadata is the fact. They must be equal, so that a
//! new dependency is a decision somebody took here, and an arrow that is gone does not linger.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Result, bail};
use cargo_metadata::{DependencyKind, Metadata};

use crate::{repository, step};

/// What each product package depends on outside of its tests, optional dependencies included, and
/// nothing else.
const DESIGN: &[(&str, &[&str])] = &[
    (
        "hot-app",
        &[
            "addr2line",
            "gimli",
            "hot-abi",
            "hot-build",
            "hot-load",
            "hot-watch",
            "libc",
            "memmap2",
            "object",
            "rustc-demangle",
        ],
    ),
    (
        "hot-load",
        &[
            "gimli",
            "hot-abi",
            "libc",
            "libloading",
            "memmap2",
            "object",
        ],
    ),
    (
        "hot-build",
        &[
            "anstream",
            "cargo_metadata",
            "object",
            "rustc-demangle",
            "rustix",
            "serde_json",
            "shared_child",
            "shell-words",
        ],
    ),
    ("hot-watch", &["ignore", "notify", "twox-hash"]),
    // All but hot-macros are optional, and a plain hot crate has linkme of them.
    (
        "hot-abi",
        &[
            "ciborium",
            "hot-macros",
            "linkme",
            "log",
            "serde",
            "tracing-core",
        ],
    ),
    ("hot-macros", &["proc-macro2", "quote", "syn"]),
];

/// The package of the repository's commands: it may depend on anything but the product.
const COMMANDS: &str = "xtask";

/// What a hot crate must never reach: it would be built and linked again on every save.
const NEVER_HOT: &[&str] = &["cargo_metadata", "libloading", "notify", "object"];

/// Checks the workspace against the design.
///
/// # Errors
/// Cargo failed, or the workspace is not as designed: with each arrow that is wrong.
pub(crate) fn run() -> Result<()> {
    let mut violations = arrow_violations(&arrows(&repository::metadata()?), DESIGN);

    let hot_crate = reached(&["--package", "hot-abi", "--all-features"])?;
    violations.extend(reach_violations("hot-abi", &hot_crate, NEVER_HOT));
    let reload_off = reached(&["--package", "hot-app", "--no-default-features"])?;
    violations.extend(surplus_violations(
        "hot-app with reloading off",
        &reload_off,
        &["hot-app", "hot-abi"],
        &hot_crate,
    ));
    let contract = reached(&["--package", "hot-build", "--no-default-features"])?;
    violations.extend(surplus_violations(
        "hot-build's contract",
        &contract,
        &["hot-build"],
        &BTreeSet::new(),
    ));

    if violations.is_empty() {
        println!(
            "layers: {} packages as designed; hot-abi reaches {} packages, none of {}",
            DESIGN.len(),
            hot_crate.len() - 1,
            NEVER_HOT.join(", "),
        );
        return Ok(());
    }
    let lines: Vec<String> = violations
        .iter()
        .map(|violation| format!("\n  {violation}"))
        .collect();
    bail!(
        "the layers are not as designed:{}\neither the change is wrong, or the design changed: \
         then change xtask/src/layers.rs too",
        lines.concat()
    )
}

/// Package → the packages it depends on.
type Arrows = BTreeMap<String, BTreeSet<String>>;

/// One thing that is not as designed.
#[derive(Debug, PartialEq, Eq)]
enum Violation {
    /// A dependency that the design does not have.
    Undesigned { from: String, to: String },
    /// An arrow of the design that no package has.
    Missing { from: String, to: String },
    /// A package that the design does not know.
    UnknownPackage { name: String },
    /// Something is reached, through whatever path, that must not be.
    Reached { from: String, to: String },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violation::Undesigned { from, to } => {
                write!(f, "{from} -> {to}: the design has no such arrow")
            }
            Violation::Missing { from, to } => {
                write!(
                    f,
                    "{from} -> {to}: designed, but {from} has no such dependency"
                )
            }
            Violation::UnknownPackage { name } => {
                write!(f, "{name}: a package that the design does not know")
            }
            Violation::Reached { from, to } => {
                write!(
                    f,
                    "{from} -> .. -> {to}: must never be reached; ask `cargo tree -i {to}`"
                )
            }
        }
    }
}

/// The normal dependencies of every package of the workspace, optional and per-platform ones too.
fn arrows(metadata: &Metadata) -> Arrows {
    let normal = |package: &cargo_metadata::Package| {
        let dependencies = package.dependencies.iter();
        dependencies
            .filter(|dependency| dependency.kind == DependencyKind::Normal)
            .map(|dependency| dependency.name.clone())
            .collect()
    };
    let packages = metadata.workspace_packages();
    packages
        .into_iter()
        .map(|package| (package.name.to_string(), normal(package)))
        .collect()
}

fn arrow_violations(arrows: &Arrows, design: &[(&str, &[&str])]) -> Vec<Violation> {
    let mut violations = Vec::new();
    let product: BTreeMap<&str, BTreeSet<&str>> = design
        .iter()
        .map(|(from, to)| (*from, to.iter().copied().collect()))
        .collect();
    for (from, to) in arrows {
        let actual: BTreeSet<&str> = to.iter().map(String::as_str).collect();
        let arrow = |to: &&str| (from.clone(), (*to).to_owned());
        match product.get(from.as_str()) {
            Some(designed) => {
                violations.extend(actual.difference(designed).map(arrow).map(undesigned));
                violations.extend(designed.difference(&actual).map(arrow).map(missing));
            }
            None if from == COMMANDS => {
                let product: BTreeSet<&str> = product.keys().copied().collect();
                violations.extend(actual.intersection(&product).map(arrow).map(undesigned));
            }
            None => violations.push(Violation::UnknownPackage { name: from.clone() }),
        }
    }
    let gone = product
        .iter()
        .filter(|(from, _)| !arrows.contains_key(**from));
    violations.extend(gone.flat_map(|(from, to)| {
        to.iter()
            .map(|to| missing(((*from).to_owned(), (*to).to_owned())))
    }));
    violations
}

fn undesigned((from, to): (String, String)) -> Violation {
    Violation::Undesigned { from, to }
}

fn missing((from, to): (String, String)) -> Violation {
    Violation::Missing { from, to }
}

fn reach_violations(from: &str, reached: &BTreeSet<String>, never: &[&str]) -> Vec<Violation> {
    let found = never.iter().filter(|name| reached.contains(**name));
    found
        .map(|to| Violation::Reached {
            from: from.to_owned(),
            to: (*to).to_owned(),
        })
        .collect()
}

/// What `reached` has beyond `own` and `base`.
fn surplus_violations(
    from: &str,
    reached: &BTreeSet<String>,
    own: &[&str],
    base: &BTreeSet<String>,
) -> Vec<Violation> {
    let surplus = reached
        .difference(base)
        .filter(|name| !own.contains(&name.as_str()));
    surplus
        .map(|to| Violation::Reached {
            from: from.to_owned(),
            to: to.clone(),
        })
        .collect()
}

/// The packages that one package's normal build reaches, itself included. Asked of `cargo tree`,
/// because cargo's metadata knows only the features of the workspace as a whole.
fn reached(selection: &[&str]) -> Result<BTreeSet<String>> {
    let mut command = repository::cargo(["tree", "--edges", "normal", "--target", "all"]);
    command
        .args(["--prefix", "none", "--format", "{p}"])
        .args(selection);
    let listing = step::capture(&mut command)?;
    Ok(listing
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &[(&str, &[&str])] = &[("app", &["base", "notify"]), ("base", &[])];

    fn graph(packages: &[(&str, &[&str])]) -> Arrows {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        packages
            .iter()
            .map(|(name, to)| ((*name).to_owned(), owned(to)))
            .collect()
    }

    fn told(packages: &[(&str, &[&str])]) -> Vec<String> {
        let violations = arrow_violations(&graph(packages), SMALL);
        violations.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_workspace_as_designed_has_no_violation() {
        let workspace: &[(&str, &[&str])] = &[
            ("app", &["base", "notify"]),
            ("base", &[]),
            ("xtask", &["anyhow"]),
        ];
        assert_eq!(told(workspace), Vec::<String>::new());
    }

    #[test]
    fn an_arrow_that_points_back_is_named() {
        assert_eq!(
            told(&[("app", &["base", "notify"]), ("base", &["app"])]),
            ["base -> app: the design has no such arrow"]
        );
    }

    #[test]
    fn a_product_package_that_depends_on_the_commands_is_named() {
        assert_eq!(
            told(&[
                ("app", &["base", "notify", "xtask"]),
                ("base", &[]),
                ("xtask", &[])
            ]),
            ["app -> xtask: the design has no such arrow"]
        );
    }

    #[test]
    fn commands_that_depend_on_the_product_are_named() {
        assert_eq!(
            told(&[
                ("app", &["base", "notify"]),
                ("base", &[]),
                ("xtask", &["app"])
            ]),
            ["xtask -> app: the design has no such arrow"]
        );
    }

    #[test]
    fn an_arrow_of_the_design_that_is_gone_is_named() {
        assert_eq!(
            told(&[("app", &["base"]), ("base", &[])]),
            ["app -> notify: designed, but app has no such dependency"]
        );
        assert_eq!(
            told(&[("base", &[])]),
            [
                "app -> base: designed, but app has no such dependency",
                "app -> notify: designed, but app has no such dependency",
            ]
        );
    }

    #[test]
    fn a_package_the_design_does_not_know_is_named() {
        assert_eq!(
            told(&[("app", &["base", "notify"]), ("base", &[]), ("extra", &[])]),
            ["extra: a package that the design does not know"]
        );
    }

    #[test]
    fn what_a_hot_crate_reaches_through_others_is_named() {
        let reached = ["hot-abi", "linkme", "notify"].map(str::to_owned).into();
        assert_eq!(
            reach_violations("hot-abi", &reached, NEVER_HOT),
            [Violation::Reached {
                from: "hot-abi".to_owned(),
                to: "notify".to_owned()
            }]
        );
    }

    #[test]
    fn switching_reloading_off_must_leave_nothing_behind() {
        let hot_crate = ["hot-abi", "linkme"].map(str::to_owned).into();
        let with_app = ["hot-app", "hot-abi", "linkme", "log"]
            .map(str::to_owned)
            .into();
        assert_eq!(
            surplus_violations("hot-app", &with_app, &["hot-app", "hot-abi"], &hot_crate),
            [Violation::Reached {
                from: "hot-app".to_owned(),
                to: "log".to_owned()
            }]
        );
    }
}
