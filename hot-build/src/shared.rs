//! Packages that the program uses in itself and while it is built, as `syn` in a tool that writes Rust.
//!
//! What is needed only while building, cargo compiles without debug information; where the program uses the same
//! package, both are one, with debug information. So a build in which the program itself is not, but only its
//! hot crate, would compile such a package anew, with all procedural macros that use it and every crate that
//! uses those, and none would fit the program. These packages have to be selected with the hot crate.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, Metadata, NodeDep, Package, PackageId};

use crate::metadata;
use crate::{BuildArgs, BuildError};

/// The packages, as cargo names them. None where there is nothing to share, or where `cargo metadata` fails: the
/// build that follows tells why.
///
/// # Errors
///
/// When the build was cancelled.
pub(crate) fn with_macros(args: &BuildArgs) -> Result<Vec<String>, BuildError> {
    let (Some(package), Some(directory), None) = (
        &args.program.package,
        &args.program.manifest_dir,
        // What runs while building is compiled for another target then.
        &args.program.target,
    ) else {
        return Ok(Vec::new());
    };
    let metadata = match metadata::of_program(directory, &args.program, &args.cancel_build) {
        Ok(metadata) => metadata,
        Err(BuildError::Cancelled) => return Err(BuildError::Cancelled),
        Err(_) => return Ok(Vec::new()),
    };
    let found = metadata
        .packages
        .iter()
        .find(|found| found.name == *package);
    Ok(found.map_or_else(Vec::new, |program| of(&metadata, program)))
}

fn of(metadata: &Metadata, program: &Package) -> Vec<String> {
    let used = closure(metadata, [&program.id], |dependency| {
        is_of(dependency, DependencyKind::Normal) && !is_macro(metadata, &dependency.pkg)
    });
    let while_building = used.iter().flat_map(|user| {
        dependencies(metadata, user).filter(|dependency| {
            is_of(dependency, DependencyKind::Build) || is_macro(metadata, &dependency.pkg)
        })
    });
    let while_building = while_building.map(|dependency| &dependency.pkg);
    let while_building = closure(metadata, while_building, |dependency| {
        is_of(dependency, DependencyKind::Normal) || is_of(dependency, DependencyKind::Build)
    });
    // Of a member, the features would be others when it is selected.
    let is_member = |id: &PackageId| metadata.workspace_members.contains(id);
    used.intersection(&while_building)
        .filter(|id| !is_member(id))
        .map(|id| id.repr.clone())
        .collect()
}

/// Everything that is reached from `start` by dependencies that count.
fn closure<'a>(
    metadata: &'a Metadata,
    start: impl IntoIterator<Item = &'a PackageId>,
    counts: impl Fn(&NodeDep) -> bool,
) -> BTreeSet<&'a PackageId> {
    let mut left: Vec<&PackageId> = start.into_iter().collect();
    let mut found = BTreeSet::new();
    while let Some(package) = left.pop() {
        if found.insert(package) {
            let next = dependencies(metadata, package).filter(|dependency| counts(dependency));
            left.extend(next.map(|dependency| &dependency.pkg));
        }
    }
    found
}

fn dependencies<'a>(
    metadata: &'a Metadata,
    package: &PackageId,
) -> impl Iterator<Item = &'a NodeDep> + use<'a> {
    let resolve = metadata.resolve.as_ref();
    let node = resolve.and_then(|resolve| resolve.nodes.iter().find(|node| node.id == *package));
    node.into_iter().flat_map(|node| &node.deps)
}

fn is_of(dependency: &NodeDep, kind: DependencyKind) -> bool {
    dependency.dep_kinds.iter().any(|found| found.kind == kind)
}

fn is_macro(metadata: &Metadata, package: &PackageId) -> bool {
    let found = metadata.packages.iter().find(|found| found.id == *package);
    found.is_some_and(|package| package.targets.iter().any(|target| target.is_proc_macro()))
}
