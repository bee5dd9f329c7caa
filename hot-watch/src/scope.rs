//! Which files and directories beneath a root count.
//!
//! Left out are: version control's own directories, cargo's target directories, what editors write
//! beside a file while they save it, what `.gitignore` files say up to the root of the repository,
//! and what the configuration excludes.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::WatchError;

/// The name of the files with git's ignore rules.
const RULE_FILE: &str = ".gitignore";

/// The file that marks a directory as a cache; cargo puts one into its target directory.
const CACHE_TAG: &str = "CACHEDIR.TAG";

/// A directory with what decides about its entries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The directory, links resolved.
    pub(crate) directory: &'a Path,
    /// The path of the directory relative to its root.
    pub(crate) within_root: &'a Path,
    /// Ignore rules are looked for from the directory up to this one.
    pub(crate) boundary: &'a Path,
}

/// The rules, read as they are needed and kept.
#[derive(Debug)]
pub(crate) struct Scope {
    exclude: Gitignore,
    rules: HashMap<PathBuf, Rules>,
}

#[derive(Debug)]
struct Rules {
    gitignore: Gitignore,
    /// The rules of a repository do not reach into a repository within it.
    ends_repository: bool,
}

impl Scope {
    /// # Errors
    /// [`WatchError::Pattern`] for the first of the patterns that is none.
    pub(crate) fn new(exclude: &[String]) -> Result<Self, WatchError> {
        let mut builder = GitignoreBuilder::new("");
        for pattern in exclude {
            let invalid = |source| WatchError::Pattern {
                pattern: pattern.clone(),
                source: Box::new(source),
            };
            builder.add_line(None, pattern).map_err(invalid)?;
        }
        let exclude = builder.build().map_err(|source| WatchError::Pattern {
            pattern: exclude.join("\n"),
            source: Box::new(source),
        })?;
        Ok(Scope {
            exclude,
            rules: HashMap::new(),
        })
    }

    /// Whether the entry `name` of a directory is left out.
    pub(crate) fn leaves_out(&mut self, place: Place<'_>, name: &OsStr, is_dir: bool) -> bool {
        let path = place.directory.join(name);
        if is_dir {
            if is_version_control(name) || is_target_directory(&path) {
                return true;
            }
        } else if is_passing_file(name) {
            return true;
        }
        match self.exclude.matched(place.within_root.join(name), is_dir) {
            Match::Ignore(_) => return true,
            Match::Whitelist(_) => return false,
            Match::None => {}
        }
        for directory in place.directory.ancestors() {
            let rules = self.rules_of(directory);
            match rules.gitignore.matched(&path, is_dir) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => {}
            }
            if rules.ends_repository || directory == place.boundary {
                break;
            }
        }
        false
    }

    /// Whether the path is a file whose content decides what is left out.
    pub(crate) fn is_rule_file(&self, path: &Path) -> bool {
        let name = path.file_name();
        let decides = name == Some(OsStr::new(RULE_FILE)) || name == Some(OsStr::new(CACHE_TAG));
        decides
            && path
                .parent()
                .is_some_and(|directory| self.rules.contains_key(directory))
    }

    /// Reads the rules anew at their next use.
    pub(crate) fn forget_rules(&mut self) {
        self.rules.clear();
    }

    fn rules_of(&mut self, directory: &Path) -> &Rules {
        self.rules
            .entry(directory.to_owned())
            .or_insert_with(|| read_rules(directory))
    }
}

/// The directory up to which ignore rules count for a tree: the root of the repository that it is
/// in, or else the tree's own root.
pub(crate) fn boundary(root: &Path) -> &Path {
    root.ancestors()
        .find(|directory| is_repository(directory))
        .unwrap_or(root)
}

/// The directory that git keeps for the working tree at `root`.
pub(crate) fn git_directory(root: &Path) -> Option<PathBuf> {
    let dot_git = root.join(".git");
    if dot_git.is_dir() {
        return Some(dot_git);
    }
    // In a linked working tree or a submodule, `.git` is a file that says where.
    let text = fs::read_to_string(dot_git).ok()?;
    let directory = root.join(text.strip_prefix("gitdir:")?.trim());
    fs::canonicalize(directory).ok()
}

/// Whether git is rewriting a working tree, for which it takes a lock in its directory. A lock that
/// is older than `patience` was left behind, or is for something very long.
pub(crate) fn is_being_updated(git_directory: &Path, patience: Duration) -> bool {
    fs::metadata(git_directory.join("index.lock"))
        .and_then(|lock| lock.modified())
        .is_ok_and(|modified| modified.elapsed().is_ok_and(|age| age < patience))
}

fn is_repository(directory: &Path) -> bool {
    directory.join(".git").exists()
}

fn read_rules(directory: &Path) -> Rules {
    let ends_repository = is_repository(directory);
    let mut builder = GitignoreBuilder::new(directory);
    // A line that is not a valid rule, or a file that cannot be read, leaves less out than was
    // meant. Nothing is lost by it, so the rules that are good stand. The same holds for `build`.
    if ends_repository {
        let _ = builder.add(directory.join(".git/info/exclude"));
    }
    let _ = builder.add(directory.join(RULE_FILE));
    Rules {
        gitignore: builder.build().unwrap_or_else(|_| Gitignore::empty()),
        ends_repository,
    }
}

fn is_version_control(name: &OsStr) -> bool {
    const DIRECTORIES: [&str; 9] = [
        ".git", ".hg", ".svn", ".jj", ".bzr", ".pijul", "_darcs", "CVS", ".sl",
    ];
    DIRECTORIES.iter().any(|directory| name == *directory)
}

/// Whether cargo builds into this directory. The name alone does not say so: `src/target` may well
/// be a module. Neither does the tag alone exist everywhere: cargo does not write it into a
/// directory that was there before.
fn is_target_directory(path: &Path) -> bool {
    let beside_manifest = path.file_name() == Some(OsStr::new("target"))
        && path
            .parent()
            .is_some_and(|parent| parent.join("Cargo.toml").is_file());
    beside_manifest || has_cache_tag(path).unwrap_or(false)
}

fn has_cache_tag(directory: &Path) -> io::Result<bool> {
    const SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";
    let mut start = [0; SIGNATURE.len()];
    File::open(directory.join(CACHE_TAG))?.read_exact(&mut start)?;
    Ok(start == SIGNATURE)
}

/// Whether a file of this name is an editor's: there while a file is open or saved, or left behind
/// as a backup.
fn is_passing_file(name: &OsStr) -> bool {
    if name == CACHE_TAG {
        return true;
    }
    // A name that is not Unicode is no editor's.
    let Some(name) = name.to_str() else {
        return false;
    };
    let is_hidden = name.starts_with('.');
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    // Backups of vim, emacs, gedit, kate and others.
    name.ends_with('~')
        // vim and neovim: swap files, and the probe of a directory's permissions.
        || (is_hidden && is_vim_swap(extension))
        || is_vim_probe(name)
        // emacs: auto-save files and locks.
        || (name.starts_with('#') && name.ends_with('#'))
        || name.starts_with(".#")
        // kate; JetBrains; gedit; Sublime Text; tempfile and its likes.
        || extension == "kate-swp"
        || name.contains("___jb_")
        || name.starts_with(".goutputstream-")
        || name.starts_with(".subl")
        || name.starts_with(".tmp")
        || extension == "tmp"
        || name.contains(".tmp.")
}

/// `swp`, `swo`, … `swa`, and `swx`, `swpx` for an instant.
fn is_vim_swap(extension: &str) -> bool {
    matches!(
        extension.as_bytes(),
        [b's', b'w', b'a'..=b'p' | b'x'] | b"swpx"
    )
}

/// vim tries `4913`, and where that exists, that plus 123, and so on.
fn is_vim_probe(name: &str) -> bool {
    name.parse::<u32>()
        .is_ok_and(|number| number >= 4913 && (number - 4913) % 123 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves_out(root: &Path, path: &str, is_dir: bool) -> bool {
        leaves_out_with(&[], root, path, is_dir)
    }

    fn leaves_out_with(exclude: &[&str], root: &Path, path: &str, is_dir: bool) -> bool {
        let exclude: Vec<_> = exclude.iter().map(|line| line.to_string()).collect();
        let path = root.join(path);
        let directory = path.parent().unwrap();
        let place = Place {
            directory,
            within_root: directory.strip_prefix(root).unwrap(),
            boundary: boundary(root),
        };
        Scope::new(&exclude)
            .unwrap()
            .leaves_out(place, path.file_name().unwrap(), is_dir)
    }

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn editors_passing_files_do_not_count() {
        for name in [
            ".lib.rs.swp",
            ".lib.rs.swo",
            ".lib.rs.swx",
            ".lib.rs.swpx",
            "4913",
            "5036",
            "lib.rs~",
            "#lib.rs#",
            ".#lib.rs",
            ".lib.rs.kate-swp",
            "lib.rs___jb_tmp___",
            "lib.rs___jb_old___",
            ".goutputstream-ABC123",
            "lib.rs.tmp",
            "lib.rs.tmp.1234.5678",
            ".tmpAbC123",
        ] {
            assert!(is_passing_file(OsStr::new(name)), "{name}");
        }
        for name in [
            "lib.rs",
            "swap.swp.rs",
            "a.swz",
            "4914",
            ".gitignore",
            "#notes",
            "tmp.rs",
        ] {
            assert!(!is_passing_file(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn target_is_cargos_beside_a_manifest_or_with_a_tag_and_a_module_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        write(root, "Cargo.toml", "");
        write(root, "target/a", "");
        write(root, "src/target/mod.rs", "");
        write(
            root,
            "out/CACHEDIR.TAG",
            "Signature: 8a477f597d28d172789f06886806bc55\n# cargo\n",
        );
        write(root, "fake/CACHEDIR.TAG", "nothing");
        assert!(leaves_out(root, "target", true));
        assert!(leaves_out(root, "out", true));
        assert!(!leaves_out(root, "src/target", true));
        assert!(!leaves_out(root, "fake", true));
        assert!(!leaves_out(root, "src", true));
    }

    #[test]
    fn version_control_directories_do_not_count() {
        let dir = tempfile::tempdir().unwrap();
        assert!(leaves_out(dir.path(), ".git", true));
        assert!(leaves_out(dir.path(), ".jj", true));
        assert!(!leaves_out(dir.path(), ".cargo", true));
    }

    #[test]
    fn ignore_files_count_up_to_the_root_of_the_repository() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path();
        write(top, ".gitignore", "*.rs\n");
        write(top, "repo/.git/HEAD", "");
        write(top, "repo/.git/info/exclude", "private\n");
        write(top, "repo/.gitignore", "*.log\n/crate/gen/\n");
        write(top, "repo/crate/.gitignore", "!keep.log\n");
        let root = top.join("repo/crate");
        assert!(leaves_out(&root, "a.log", false));
        assert!(leaves_out(&root, "gen", true));
        assert!(!leaves_out(&root, "src/gen", true));
        assert!(!leaves_out(&root, "keep.log", false));
        assert!(leaves_out(&root, "private", false));
        assert!(!leaves_out(&root, "lib.rs", false), "above the repository");
    }

    #[test]
    fn without_a_repository_the_root_is_where_rules_end() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), ".gitignore", "*.rs\n");
        write(dir.path(), "root/.gitignore", "*.log\n");
        let root = dir.path().join("root");
        assert!(!leaves_out(&root, "a/lib.rs", false));
        assert!(leaves_out(&root, "a/x.log", false));
    }

    #[test]
    fn the_configuration_excludes_and_takes_back() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), ".gitignore", "*.log\n");
        let exclude = ["/assets/", "!keep.log"];
        assert!(leaves_out_with(&exclude, dir.path(), "assets", true));
        assert!(!leaves_out_with(&exclude, dir.path(), "src/assets", true));
        assert!(!leaves_out_with(&exclude, dir.path(), "keep.log", false));
        assert!(leaves_out_with(&exclude, dir.path(), "other.log", false));
    }

    #[test]
    fn a_pattern_that_is_none_is_an_error_that_names_it() {
        let error = Scope::new(&["a".into(), "[z-a]".into()]).unwrap_err();
        assert!(error.to_string().contains("`[z-a]`"), "{error}");
    }

    #[test]
    fn git_is_at_work_while_its_lock_is_fresh() {
        const PATIENCE: Duration = Duration::from_secs(3);
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), ".git/index.lock", "");
        let git = git_directory(dir.path()).unwrap();
        assert!(is_being_updated(&git, Duration::MAX));
        let lock = File::options()
            .write(true)
            .open(git.join("index.lock"))
            .unwrap();
        lock.set_modified(std::time::SystemTime::now() - PATIENCE)
            .unwrap();
        assert!(!is_being_updated(&git, PATIENCE), "left behind");
        fs::remove_file(git.join("index.lock")).unwrap();
        assert!(!is_being_updated(&git, Duration::MAX));
    }

    #[test]
    fn a_linked_working_tree_has_its_git_directory_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        write(&top, "main/.git/worktrees/linked/HEAD", "");
        write(
            &top,
            "linked/.git",
            "gitdir: ../main/.git/worktrees/linked\n",
        );
        assert_eq!(
            git_directory(&top.join("linked")),
            Some(top.join("main/.git/worktrees/linked"))
        );
        assert_eq!(
            git_directory(&top.join("main")),
            Some(top.join("main/.git"))
        );
        assert_eq!(git_directory(&top), None);
    }
}
