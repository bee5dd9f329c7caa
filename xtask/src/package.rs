//! Each publishable package, packed as it would be published, and built from what was packed.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use cargo_metadata::{DependencyKind, Metadata, Package};

use crate::repository::cargo;
use crate::scratch::Scratch;
use crate::{repository, step};

/// Halves of one thing: the first expands to, or links, the other's hidden parts, so that only the
/// very same version will do.
const PINNED: &[(&str, &str)] = &[("hot-abi", "hot-macros"), ("hot-app", "hot-macros")];

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
    pack(&metadata)?;
    build_from_what_is_packed(&packages)?;
    let names: Vec<&str> = packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    println!("package: {} can be published", names.join(", "));
    Ok(())
}

/// Lets cargo pack all packages, as it does to publish them: their manifests are rewritten, and they
/// are resolved against each other.
fn pack(metadata: &Metadata) -> Result<()> {
    // "Dirty" because this check comes before the commit. Not verified, because cargo verifies
    // against siblings that it unpacked once and never again for the same version.
    let mut command = cargo(["package", "--workspace", "--allow-dirty", "--no-verify"]);
    for package in metadata.workspace_packages() {
        if !is_publishable(package) {
            command.args(["--exclude", package.name.as_str()]);
        }
    }
    step::run(&mut command)
}

/// Builds the packages in a workspace that has the packed files and no others, so that a file which
/// is not packed is missed here and not by the first user.
fn build_from_what_is_packed(packages: &[&Package]) -> Result<()> {
    // Written by cargo, into the package alone.
    const GENERATED: [&str; 3] = [".cargo_vcs_info.json", "Cargo.lock", "Cargo.toml.orig"];

    let scratch = Scratch::create("packed", &repository::target_dir()?.join("packed"))?;
    let names: Vec<&str> = packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let manifest = repository::root().join("Cargo.toml");
    let manifest = fs::read_to_string(manifest).context("cannot read the workspace's manifest")?;
    scratch.write("Cargo.toml", &with_members(&manifest, &names)?)?;
    for package in packages {
        let name = package.name.as_str();
        let mut list = cargo(["package", "--list", "--allow-dirty", "--package", name]);
        let listing = step::capture(&mut list)?;
        for file in listing.lines().filter(|file| !GENERATED.contains(file)) {
            scratch.copy(&folder(package).join(file), &format!("{name}/{file}"))?;
        }
    }
    step::run(&mut scratch.cargo(&["check", "--workspace", "--all-features"]))
}

/// The workspace's manifest, with other members.
fn with_members(manifest: &str, members: &[&str]) -> Result<String> {
    let (before, rest) = manifest
        .split_once("\nmembers = [")
        .context("no `members`")?;
    let (_, after) = rest.split_once(']').context("no end of `members`")?;
    Ok(format!("{before}\nmembers = {members:?}{after}"))
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

/// The folder of the package's manifest.
fn folder(package: &Package) -> &Path {
    let folder = package.manifest_path.parent();
    folder.map_or(Path::new(""), |folder| folder.as_std_path())
}

/// Everything that a stranger would miss in this package, a sentence each.
fn faults(package: &Package) -> Vec<String> {
    let name = &package.name;
    let directory = folder(package);
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

#[cfg(test)]
mod tests {
    use super::*;
    use cargo_metadata::MetadataCommand;

    /// What is missing in a package with this manifest and a readme.
    fn told(manifest: &str) -> Vec<String> {
        let scratch = Scratch::create("test", Path::new("/nowhere")).expect("a scratch workspace");
        scratch
            .write("Cargo.toml", manifest)
            .expect("can be written");
        scratch.write("src/lib.rs", "").expect("can be written");
        scratch.write("FIRST.md", "").expect("can be written");
        let metadata = MetadataCommand::new()
            .manifest_path(scratch.path("Cargo.toml"))
            .no_deps()
            .exec()
            .expect("cargo reads the manifest");
        metadata.packages.iter().flat_map(faults).collect()
    }

    const COMPLETE: &str = r#"
        description = "Something."
        license = "MIT"
        keywords = ["some"]
        categories = ["development-tools"]
        edition = "2024"
        rust-version = "1.95"
        readme = "FIRST.md"
    "#;

    #[test]
    fn a_complete_package_lacks_nothing() {
        let manifest = format!("[package]\nname = \"some\"\nversion = \"0.1.0\"\n{COMPLETE}");
        assert_eq!(told(&manifest), Vec::<String>::new());
    }

    #[test]
    fn a_bare_package_is_told_all_that_it_lacks_at_once() {
        assert_eq!(
            told("[package]\nname = \"bare\"\nversion = \"0.1.0\"\nedition = \"2024\"\n"),
            [
                "bare: no `description`",
                "bare: no `license`",
                "bare: no `keywords` or no `categories`",
                "bare: no `rust-version`",
                "bare: no `readme`",
            ]
        );
    }

    #[test]
    fn a_readme_that_is_not_there_is_named() {
        let complete = COMPLETE.replace("FIRST.md", "LAST.md");
        let manifest = format!("[package]\nname = \"some\"\nversion = \"0.1.0\"\n{complete}");
        assert_eq!(told(&manifest), ["some: its readme LAST.md is not there"]);
    }

    #[test]
    fn halves_must_be_pinned_and_siblings_have_a_version() {
        let manifest = |version: &str| {
            format!(
                "[package]\nname = \"hot-abi\"\nversion = \"0.1.0\"\n{COMPLETE}\n[dependencies]\n\
                 hot-macros = {{ path = \"macros\"{version} }}\n"
            )
        };
        assert_eq!(
            told(&manifest(", version = \"=0.1.0\"")),
            Vec::<String>::new()
        );
        assert_eq!(
            told(&manifest(", version = \"0.1.0\"")),
            ["hot-abi: must pin hot-macros with `=`, and asks for `^0.1.0`"]
        );
        assert_eq!(
            told(&manifest("")),
            [
                "hot-abi: depends on hot-macros without a version",
                "hot-abi: must pin hot-macros with `=`, and asks for `*`",
            ]
        );
    }
}
