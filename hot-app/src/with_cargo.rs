//! What cargo is asked for: builds, and which files a crate is made of.

use crate::crate_id::CrateId;
use crate::linking::Linking;
use crate::problem::Problem;
use crate::program;
use crate::scope::CrateScope;
#[cfg(feature = "thin")]
use crate::static_types::DebugInfoTypes;
use hot_build::{
    Build, BuildArgs, BuildError, DirectBuilder, LinkedCrate, LocalPackage, LocalPackages,
    ProgramBuild,
};
use hot_load::HotCrate;
use std::path::{Path, PathBuf};
#[cfg(feature = "thin")]
use std::sync::Arc;

/// Who builds where no rebuilder of the program wants to.
pub(crate) struct DefaultBuilder {
    direct: DirectBuilder,
}

impl DefaultBuilder {
    pub(crate) fn new(linking: Linking) -> DefaultBuilder {
        let direct = match linking {
            Linking::Full => DirectBuilder::full(),
            Linking::Auto | Linking::Thin => thin_builder(),
        };
        DefaultBuilder { direct }
    }

    /// Does ahead what can be done before the crates change.
    pub(crate) fn prepare(&self, crates: Vec<BuildArgs>) {
        self.direct.prepare(crates);
    }

    pub(crate) fn build(&self, args: &BuildArgs) -> Build {
        self.direct.build(args)
    }
}

#[cfg(feature = "thin")]
fn thin_builder() -> DirectBuilder {
    let builder = DirectBuilder::thin().with_static_types(Arc::new(DebugInfoTypes));
    match hot_abi::boundary::personality() {
        Some(address) => builder.with_personality(address),
        None => builder,
    }
}

#[cfg(not(feature = "thin"))]
fn thin_builder() -> DirectBuilder {
    DirectBuilder::full()
}

/// Asks cargo which files belong to each crate. What it cannot tell is a problem.
pub(crate) fn find_scopes(
    crates: &[(CrateId, &HotCrate)],
) -> Vec<Result<(CrateId, CrateScope), Problem>> {
    let mut workspaces: Vec<LocalPackages> = Vec::new();
    let mut found = Vec::new();
    // A crate outside of the program's workspace is part of it all the same. Where this cannot be read,
    // the crates' own folders tell why.
    if let Some(Ok(packages)) = program::manifest_dir().map(LocalPackages::read) {
        workspaces.push(packages);
    }
    for (krate, linked) in crates {
        let knows = |packages: &&LocalPackages| !packages.closure(krate.manifest_dir()).is_empty();
        let packages = match workspaces.iter().find(knows) {
            Some(packages) => packages,
            None => match LocalPackages::read(krate.manifest_dir()) {
                Ok(packages) => {
                    workspaces.push(packages);
                    workspaces.last().expect("just pushed")
                }
                Err(error) => {
                    let krate = krate.clone();
                    found.push(Err(Problem::ScopeUnknown { krate, error }));
                    continue;
                }
            },
        };
        let closure = packages.closure(krate.manifest_dir());
        let libraries = closure.iter().filter_map(|package| package.library.clone());
        let crates = libraries.collect();
        let mut directories: Vec<_> = closure
            .iter()
            .map(|package| package.manifest_dir.clone())
            .collect();
        if directories.is_empty() {
            directories.push(krate.manifest_dir().to_owned());
        }
        let foreign = packages
            .packages
            .iter()
            .map(|package| package.manifest_dir.clone());
        let foreign = foreign
            .filter(|folder| !directories.contains(folder))
            .collect();
        let build_files = packages.build_files.iter().cloned().collect();
        let mut scope = CrateScope {
            directories,
            foreign,
            build_files,
            crates: Some(crates),
            ..CrateScope::default()
        };
        match linked_inputs(linked, &closure) {
            Ok(inputs) => scope.set_inputs(&inputs),
            Err(error) => {
                let krate = krate.clone();
                found.push(Err(Problem::InputsUnknown { krate, error }));
            }
        }
        found.push(Ok((krate.clone(), scope)));
    }
    found
}

/// The files that a crate, and the local packages below it, were made of when it was linked into the program.
fn linked_inputs(krate: &HotCrate, closure: &[&LocalPackage]) -> Result<Vec<PathBuf>, BuildError> {
    let Some(deps_dir) = krate.compilation.out_dir else {
        return Ok(Vec::new());
    };
    let deps_dir = Path::new(deps_dir);
    let linked = LinkedCrate {
        deps_dir,
        crate_name: krate.crate_name,
        package: krate.package,
        manifest_dir: Path::new(krate.manifest_dir),
    };
    let mut inputs = linked.inputs()?;
    let below = closure
        .iter()
        .filter_map(|package| LinkedCrate::of_package(package, deps_dir));
    for below in below.filter(|below| below.crate_name != krate.crate_name) {
        inputs.extend(below.inputs()?);
    }
    Ok(inputs)
}

/// Finds out which program this is, where it did not record it.
pub(crate) fn discover(crates: &[(CrateId, &HotCrate)]) -> Option<ProgramBuild> {
    let (krate, _) = crates.first().filter(|_| !program::is_recorded())?;
    let exe = std::env::current_exe().ok()?;
    // What is wrong with cargo or a manifest is told by the first build.
    ProgramBuild::discover(&exe, krate.manifest_dir())
        .ok()
        .flatten()
}
