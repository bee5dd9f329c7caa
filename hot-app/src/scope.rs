//! Which files belong to which hot crate.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The files that a crate is built from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CrateScope {
    /// Its own folder, and those of the local packages that it depends on.
    pub(crate) directories: Vec<PathBuf>,
    /// Folders of other packages, which may lie inside of those.
    pub(crate) foreign: Vec<PathBuf>,
    /// Files that decide how it is built: manifests, the lock file, cargo's configuration.
    pub(crate) build_files: BTreeSet<PathBuf>,
    /// Files that its last build read and that are none of the above.
    pub(crate) inputs: BTreeSet<PathBuf>,
    /// All files that its last build read.
    pub(crate) read: BTreeSet<PathBuf>,
    /// The names of the libraries of the packages in `directories`, as written in paths; `None` if nobody could
    /// tell.
    pub(crate) crates: Option<Vec<String>>,
}

impl CrateScope {
    /// What is known of a crate before anyone was asked: its folder.
    pub(crate) fn of_directory(manifest_dir: &Path) -> CrateScope {
        CrateScope {
            directories: vec![manifest_dir.to_owned()],
            ..CrateScope::default()
        }
    }

    /// Whether the crate is built from the file at `path`.
    pub(crate) fn contains(&self, path: &Path) -> bool {
        if self.build_files.contains(path) || self.inputs.contains(path) {
            return true;
        }
        self.is_in_its_folders(path)
    }

    fn is_in_its_folders(&self, path: &Path) -> bool {
        let depth_in = |folders: &[PathBuf]| {
            let inside = folders.iter().filter(|folder| path.starts_with(folder));
            inside.map(|folder| folder.components().count()).max()
        };
        // The innermost package that a file lies in is the one that it belongs to.
        match (depth_in(&self.directories), depth_in(&self.foreign)) {
            (Some(own), Some(foreign)) => own >= foreign,
            (own, _) => own.is_some(),
        }
    }

    /// Whether every source was last written before `time`, when the program was linked. Where that is
    /// not known, it is not so.
    pub(crate) fn is_older_than(&self, time: Option<SystemTime>) -> bool {
        let Some(time) = time else { return false };
        let is_older = |file: &PathBuf| {
            let modified = fs::metadata(file).and_then(|metadata| metadata.modified());
            modified.is_ok_and(|modified| modified <= time)
        };
        if !self.inputs.iter().all(is_older) {
            return false;
        }
        let mut folders = self.directories.clone();
        while let Some(folder) = folders.pop() {
            let Ok(entries) = fs::read_dir(&folder) else {
                return false;
            };
            for entry in entries {
                let Ok((entry, metadata)) =
                    entry.and_then(|entry| entry.metadata().map(|data| (entry, data)))
                else {
                    return false;
                };
                if metadata.is_dir() {
                    let name = entry.file_name();
                    let is_source = name != "target" && !name.to_string_lossy().starts_with('.');
                    folders.extend(is_source.then(|| entry.path()));
                } else if metadata.modified().map_or(true, |modified| modified > time) {
                    return false;
                }
            }
        }
        true
    }

    /// Whether there may be files that `other` contains and this does not.
    pub(crate) fn lacks_some_of(&self, other: &CrateScope) -> bool {
        let lost = |path: &PathBuf| !self.contains(path);
        let is_cut_out = |folder: &PathBuf| other.contains(folder) && !self.contains(folder);
        other.directories.iter().any(lost)
            || other.build_files.iter().any(lost)
            || other.inputs.iter().any(lost)
            || self.foreign.iter().any(is_cut_out)
    }

    /// Takes `read`, the files that a build read, and knows which of them no folder covers. One in the folder of a package
    /// that is none of its own is not covered, whatever is around that.
    pub(crate) fn set_inputs(&mut self, read: &[PathBuf]) {
        let covered = |path: &Path| self.build_files.contains(path) || self.is_in_its_folders(path);
        self.inputs = read.iter().filter(|path| !covered(path)).cloned().collect();
        self.read = read.iter().cloned().collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> CrateScope {
        CrateScope {
            directories: vec!["/w".into(), "/w/libs/math".into()],
            foreign: vec!["/w/libs".into(), "/w/host".into()],
            build_files: ["/w/Cargo.lock".into()].into(),
            inputs: BTreeSet::new(),
            read: BTreeSet::new(),
            crates: None,
        }
    }

    #[test]
    fn what_is_lost_is_noticed_and_what_is_new_is_none_of_it() {
        let mut less = scope();
        less.directories.pop();
        assert!(less.lacks_some_of(&scope()) && !scope().lacks_some_of(&less));
        let mut more = scope();
        more.inputs.insert("/assets/map.txt".into());
        assert!(!more.lacks_some_of(&scope()) && scope().lacks_some_of(&more));
        let mut cut = scope();
        cut.foreign.push("/w/src/macros".into());
        assert!(cut.lacks_some_of(&scope()) && !scope().lacks_some_of(&cut));
        // As a file of a folder it is still there.
        more.directories.push("/assets".into());
        let mut covered = more.clone();
        covered.inputs.clear();
        assert!(!covered.lacks_some_of(&more) && !more.lacks_some_of(&covered));
    }

    #[test]
    fn a_file_belongs_to_the_innermost_package() {
        let scope = scope();
        let contains = |path: &str| scope.contains(path.as_ref());
        assert!(contains("/w/src/lib.rs"));
        assert!(contains("/w/libs/math/src/lib.rs"));
        assert!(!contains("/w/libs/other/src/lib.rs"));
        assert!(!contains("/w/host/src/main.rs"));
        assert!(contains("/w/Cargo.lock"));
        assert!(!contains("/elsewhere/lib.rs"));
    }

    #[test]
    fn inputs_outside_of_the_folders_belong_too() {
        let mut scope = scope();
        scope.set_inputs(&["/assets/shader.wgsl".into(), "/w/src/lib.rs".into()]);
        assert_eq!(scope.inputs, ["/assets/shader.wgsl".into()].into());
        assert!(scope.contains("/assets/shader.wgsl".as_ref()));
    }

    #[test]
    fn what_is_read_from_the_folder_of_another_package_belongs_too() {
        let mut scope = scope();
        scope.set_inputs(&["/w/host/words.txt".into(), "/w/libs/words.txt".into()]);
        for path in ["/w/host/words.txt", "/w/libs/words.txt"] {
            assert!(scope.contains(path.as_ref()), "{path}");
        }
        assert!(!scope.contains("/w/host/src/main.rs".as_ref()));
    }
}
