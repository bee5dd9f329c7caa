//! The same without the feature `cargo`: the program's rebuilders build, and each crate's own folder is
//! watched.

use crate::crate_id::CrateId;
use crate::linking::Linking;
use crate::problem::Problem;
use crate::scope::CrateScope;
use hot_build::{Build, BuildArgs, BuildError, ProgramBuild};
use hot_load::HotCrate;

/// Where no rebuilder of the program wants to build, nobody does.
pub(crate) struct DefaultBuilder;

impl DefaultBuilder {
    pub(crate) fn new(_linking: Linking) -> DefaultBuilder {
        DefaultBuilder
    }

    pub(crate) fn prepare(&self, _crates: Vec<BuildArgs>) {}

    pub(crate) fn build(&self, args: &BuildArgs) -> Build {
        Build::ready(Err(BuildError::NoBuilder {
            manifest_dir: args.manifest_dir.clone(),
        }))
    }
}

/// Each crate's own folder.
pub(crate) fn find_scopes(
    crates: &[(CrateId, &HotCrate)],
) -> Vec<Result<(CrateId, CrateScope), Problem>> {
    let own = |(krate, _): &(CrateId, &HotCrate)| {
        Ok((
            krate.clone(),
            CrateScope::of_directory(krate.manifest_dir()),
        ))
    };
    crates.iter().map(own).collect()
}

/// Nobody can be asked.
pub(crate) fn discover(_crates: &[(CrateId, &HotCrate)]) -> Option<ProgramBuild> {
    None
}
