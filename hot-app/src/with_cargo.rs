//! What cargo is asked for: builds, and which files a crate is made of.

use crate::crate_id::CrateId;
use crate::program;
use crate::scope::CrateScope;
use hot_build::{Build, BuildArgs, BuildError, LocalPackages, ProgramBuild};
use std::collections::BTreeSet;

/// The build that is made where no rebuilder of the program wants to.
pub(crate) fn default_build(args: &BuildArgs) -> Build {
    args.default_build()
}

/// Asks cargo which files belong to each crate. One that it does not know of, or that it cannot tell of,
/// is an error.
pub(crate) fn find_scopes(crates: &[CrateId]) -> Vec<Result<(CrateId, CrateScope), BuildError>> {
    let mut workspaces: Vec<LocalPackages> = Vec::new();
    let mut found = Vec::new();
    for krate in crates {
        let knows = |packages: &&LocalPackages| !packages.closure(krate.manifest_dir()).is_empty();
        let packages = match workspaces.iter().find(knows) {
            Some(packages) => packages,
            None => match LocalPackages::read(krate.manifest_dir()) {
                Ok(packages) => {
                    workspaces.push(packages);
                    workspaces.last().expect("just pushed")
                }
                Err(error) => {
                    found.push(Err(error));
                    continue;
                }
            },
        };
        let closure = packages.closure(krate.manifest_dir());
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
        let scope = CrateScope {
            directories,
            foreign,
            build_files,
            inputs: BTreeSet::new(),
        };
        found.push(Ok((krate.clone(), scope)));
    }
    found
}

/// Finds out which program this is, where it did not record it.
pub(crate) fn discover(crates: &[CrateId]) -> Option<ProgramBuild> {
    let krate = crates.first().filter(|_| !program::is_recorded())?;
    let exe = std::env::current_exe().ok()?;
    // What is wrong with cargo or a manifest is told by the first build.
    ProgramBuild::discover(&exe, krate.manifest_dir())
        .ok()
        .flatten()
}
