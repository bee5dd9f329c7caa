//! Each publishable package, packaged as it would be published, and built from that package.

use std::path::Path;

use anyhow::{Result, bail};
use cargo_metadata::{DependencyKind, Metadata, Package};

use crate::{repository, step};

/// Halves of one thing: the first expands to, or links, the other's hidden parts, so that only the
/// very same version will do.
const PINNED: &[(&str, &str)] = &[("hot-abi", "hot-macros")];

/// Checks the packages' metadata and lets cargo package them all.
///
/// # Errors
/// Cargo failed, or a package is not fit to be published: with everything that is missing.
pub(crate) fn run() -> Result<()> {
    let metadata = repository::metadata()?;
    let packages = publishable(&metadata);
    let faults: Vec<String> = packages
        .iter()
        .flat_map(|package| faults(package))
        .map(|fault| format!("\n  {fault}"))
        .collect();
    if !faults.is_empty() {
        bail!("not fit to be published:{}", faults.concat());
    }
    // Packages that depend on each other are resolved among themselves; "dirty" because this check
    // comes before the commit.
    let mut command = repository::cargo(["package", "--workspace", "--allow-dirty"]);
    for package in metadata.workspace_packages() {
        if !is_publishable(package) {
            command.args(["--exclude", package.name.as_str()]);
        }
    }
    step::run(&mut command)?;
    let names: Vec<&str> = packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    println!("package: {} can be published", names.join(", "));
    Ok(())
}

fn publishable(metadata: &Metadata) -> Vec<&Package> {
    metadata
        .workspace_packages()
        .into_iter()
        .filter(|package| is_publishable(package))
        .collect()
}

fn is_publishable(package: &Package) -> bool {
    package
        .publish
        .as_ref()
        .is_none_or(|registries| !registries.is_empty())
}

/// Everything that a stranger would miss in this package, a sentence each.
fn faults(package: &Package) -> Vec<String> {
    let name = &package.name;
    let directory = package
        .manifest_path
        .parent()
        .map_or(Path::new(""), |it| it.as_std_path());
    let mut faults = Vec::new();
    match package.description.as_deref() {
        None | Some("" | "TODO") => faults.push(format!("{name}: no `description`")),
        Some(_) => {}
    }
    if package.license.is_none() {
        faults.push(format!("{name}: no `license`"));
    }
    if package.keywords.is_empty() || package.categories.is_empty() {
        faults.push(format!("{name}: no `keywords` or no `categories`"));
    }
    if package.rust_version.is_none() {
        faults.push(format!("{name}: no `rust-version`"));
    }
    match &package.readme {
        None => faults.push(format!("{name}: no `readme`")),
        Some(readme) if !directory.join(readme).is_file() => {
            faults.push(format!("{name}: its readme {readme} is not there"));
        }
        Some(_) => {}
    }
    for dependency in &package.dependencies {
        let published_with_it = dependency.kind != DependencyKind::Development;
        let requirement = dependency.req.to_string();
        if published_with_it && dependency.path.is_some() && requirement == "*" {
            faults.push(format!(
                "{name}: depends on {} without a version",
                dependency.name
            ));
        }
        let pinned = PINNED.contains(&(name.as_str(), dependency.name.as_str()));
        if published_with_it && pinned && !requirement.starts_with('=') {
            faults.push(format!(
                "{name}: must pin {} with `=`, and asks for `{requirement}`",
                dependency.name
            ));
        }
    }
    faults
}
