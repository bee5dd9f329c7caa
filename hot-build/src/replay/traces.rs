//! What cargo left beside what it built: which crates were built from which, and when.
//!
//! Cargo keeps a directory `.fingerprint/<package>-<hash>` for each thing that it ever built. A file in
//! it holds one number for everything that the thing was built from, and a JSON file says what that is;
//! what it depends on is named by its number. This is not documented, so whatever is not as expected
//! is an answer of its own: nobody knows, ask cargo.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;

use super::RustcCommand;
use super::recorder::BuiltCrate;

/// All traces below one directory of compiled crates.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    /// By the number that stands for each.
    by_number: HashMap<u64, Trace>,
}

/// The trace of one thing that cargo built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trace {
    /// `.fingerprint/<package>-<hash>`
    directory: PathBuf,
    /// The name of the file with the number: `lib-<crate>`, `run-build-script-..`.
    file: String,
    /// The directory of compiled crates.
    deps_dir: PathBuf,
}

/// A crate with everything that it is built from.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Closure {
    /// The libraries below it, without procedural macros: those are in no program.
    pub(crate) libraries: Vec<Library>,
    /// The variables that build scripts asked for, with the values that they had.
    pub(crate) variables: BTreeSet<(String, Option<String>)>,
    /// The build scripts that ran, by the names of their packages.
    pub(crate) scripts: BTreeMap<String, Script>,
}

/// A build script that ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Script {
    /// The files and directories that it said it reads, from the package's directory. `None` where it said
    /// nothing, so that everything counts.
    pub(crate) reads: Option<Vec<PathBuf>>,
    /// Where it wrote to.
    pub(crate) out_dir: PathBuf,
}

/// A library that is part of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Library {
    /// The name of its package.
    pub(crate) package: String,
    /// Its rlib.
    pub(crate) rlib: PathBuf,
    /// The compiler's list of what it read.
    pub(crate) dep_info: PathBuf,
    /// When cargo began to compile it.
    pub(crate) begun: SystemTime,
}

impl Traces {
    /// Reads the numbers of all traces that belong to `out_dir`, where crates for `target` were written.
    pub(crate) fn read(out_dir: &Path, target: Option<&str>) -> Self {
        let mut traces = Self::default();
        traces.read_below(out_dir);
        // What runs while building is built for this computer, in directories of its own.
        if let (Some(_), Some(profile)) = (target, out_dir.parent())
            && let (Some(name), Some(target_dir)) =
                (profile.file_name(), profile.parent().and_then(Path::parent))
        {
            traces.read_below(&target_dir.join(name).join("deps"));
        }
        traces
    }

    /// The trace of the last run of the compiler for the crate of `command`, and when it began.
    pub(crate) fn of(&self, command: &RustcCommand, package: &str) -> Option<(&Trace, SystemTime)> {
        let file = format!("lib-{}", command.crate_name);
        let is_it = |trace: &&Trace| {
            trace.file == file
                && trace.package() == Some(package)
                && (command.hash().is_empty() || trace.hash() == Some(command.hash()))
                && command.out_dir() == Some(&trace.deps_dir)
        };
        self.by_number
            .values()
            .filter(is_it)
            .filter_map(|trace| Some((trace, trace.begun()?)))
            .max_by_key(|(_, begun)| *begun)
    }

    /// What `trace` was built from, and all that in turn. `None` if a part of it is not known.
    pub(crate) fn closure(&self, trace: &Trace) -> Option<Closure> {
        let mut closure = Closure::default();
        let mut seen = BTreeSet::new();
        let mut left = trace.read()?.dependencies;
        while let Some(number) = left.pop() {
            if !seen.insert(number) {
                continue;
            }
            let trace = self.by_number.get(&number)?;
            if trace.file.starts_with("run-build-script-") {
                let content = trace.read()?;
                let says_nothing = content.paths.is_none() && content.variables.is_empty();
                let script = Script {
                    reads: (!says_nothing).then(|| content.paths.unwrap_or_default()),
                    out_dir: trace.out_dir()?,
                };
                closure.scripts.insert(trace.package()?.to_owned(), script);
                closure.variables.extend(content.variables);
                continue;
            }
            // Else it is a build script, before it runs.
            let crate_name = trace.file.strip_prefix("lib-")?;
            let hash = trace.hash()?;
            let stems = [format!("{crate_name}-{hash}"), crate_name.to_owned()];
            let stem = stems
                .iter()
                .find(|stem| trace.deps_dir.join(format!("{stem}.d")).is_file())?;
            let rlib = trace.deps_dir.join(format!("lib{stem}.rlib"));
            if rlib.is_file() {
                closure.libraries.push(Library {
                    package: trace.package()?.to_owned(),
                    dep_info: trace.deps_dir.join(format!("{stem}.d")),
                    begun: trace.begun()?,
                    rlib,
                });
                left.extend(trace.read()?.dependencies);
            } else if !trace.is_procedural_macro(stem) {
                return None;
            }
        }
        // Dependencies come first.
        closure.libraries.reverse();
        Some(closure)
    }

    fn read_below(&mut self, deps_dir: &Path) {
        let entries = deps_dir
            .parent()
            .and_then(|profile| fs::read_dir(profile.join(".fingerprint")).ok());
        for directory in entries.into_iter().flatten().flatten() {
            let files = fs::read_dir(directory.path()).into_iter().flatten();
            for file in files.flatten() {
                let Ok(name) = file.file_name().into_string() else {
                    continue;
                };
                let is_number = !name.contains('.')
                    && (name.starts_with("lib-") || name.starts_with("run-build-script-"));
                if !is_number {
                    continue;
                }
                if let Some(number) = fs::read_to_string(file.path()).ok().and_then(number) {
                    let trace = Trace {
                        directory: directory.path(),
                        file: name,
                        deps_dir: deps_dir.to_owned(),
                    };
                    self.by_number.insert(number, trace);
                }
            }
        }
    }
}

impl Trace {
    fn package(&self) -> Option<&str> {
        Some(self.name()?.rsplit_once('-')?.0)
    }

    fn hash(&self) -> Option<&str> {
        Some(self.name()?.rsplit_once('-')?.1)
    }

    fn name(&self) -> Option<&str> {
        self.directory.file_name()?.to_str()
    }

    /// Where a build script wrote to: `build/<package>-<hash>/out`.
    fn out_dir(&self) -> Option<PathBuf> {
        let builds = self.deps_dir.with_file_name("build");
        Some(builds.join(self.name()?).join("out"))
    }

    /// When cargo began to build it.
    fn begun(&self) -> Option<SystemTime> {
        let file = self.directory.join("invoked.timestamp");
        fs::metadata(file).and_then(|file| file.modified()).ok()
    }

    fn is_procedural_macro(&self, stem: &str) -> bool {
        ["so", "dylib", "dll"].iter().any(|extension| {
            ["lib", ""].iter().any(|prefix| {
                let file = format!("{prefix}{stem}.{extension}");
                self.deps_dir.join(file).is_file()
            })
        })
    }

    fn read(&self) -> Option<Content> {
        let path = self.directory.join(format!("{}.json", self.file));
        Content::parse(&fs::read_to_string(path).ok()?)
    }
}

impl Library {
    /// The same, in the words of a build.
    pub(crate) fn built(&self, local: Option<&Path>) -> BuiltCrate {
        BuiltCrate {
            manifest_dir: local.map(Path::to_owned).unwrap_or_default(),
            is_local: local.is_some(),
            rlib: self.rlib.clone(),
        }
    }
}

/// What the JSON file of a trace says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Content {
    dependencies: Vec<u64>,
    variables: Vec<(String, Option<String>)>,
    /// What a build script said that it reads, if it said so of any file.
    paths: Option<Vec<PathBuf>>,
}

impl Content {
    /// `{"deps": [[.., "<name>", .., <number>]], "local": [{"RerunIfEnvChanged": {"var": .., "val": ..}},
    /// {"RerunIfChanged": {.., "paths": [..]}}]}`
    fn parse(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let mut content = Self::default();
        for dependency in value.get("deps")?.as_array()? {
            let number = dependency.as_array()?.last()?.as_u64()?;
            content.dependencies.push(number);
        }
        for local in value.get("local")?.as_array()? {
            if let Some(asked) = local.get("RerunIfEnvChanged") {
                let name = asked.get("var")?.as_str()?.to_owned();
                let value = match asked.get("val")? {
                    Value::Null => None,
                    value => Some(value.as_str()?.to_owned()),
                };
                content.variables.push((name, value));
            }
            if let Some(read) = local.get("RerunIfChanged") {
                let paths = content.paths.get_or_insert_default();
                for path in read.get("paths")?.as_array()? {
                    paths.push(PathBuf::from(path.as_str()?));
                }
            }
        }
        Some(content)
    }
}

/// A number as cargo writes it: each byte as two hexadecimal digits, the lowest byte first.
fn number(text: String) -> Option<u64> {
    let digits = text.trim_end();
    if digits.len() != 16 {
        return None;
    }
    u64::from_str_radix(digits, 16).ok().map(u64::swap_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_cargo_writes() {
        // What cargo 1.95 wrote for one crate, and how it named that crate in another one's file.
        assert_eq!(
            number("03551a23e4ee7fa0".to_owned()),
            Some(11_565_225_031_719_605_507)
        );
        assert_eq!(number("03551a23".to_owned()), None);
        let content = r#"{"rustc":7,"features":"[]","deps":[[12,"regex",false,11565225031719605507]],
            "local":[{"CheckDepInfo":{"dep_info":"x","checksum":false}},
                     {"RerunIfEnvChanged":{"var":"X","val":null}},{"RerunIfEnvChanged":{"var":"Y","val":"1"}},
                     {"RerunIfChanged":{"output":"debug/build/x/output","paths":["build.rs","../shaders"]}}],
            "rustflags":[]}"#;
        let expected = Content {
            dependencies: vec![11_565_225_031_719_605_507],
            variables: vec![
                ("X".to_owned(), None),
                ("Y".to_owned(), Some("1".to_owned())),
            ],
            paths: Some(vec!["build.rs".into(), "../shaders".into()]),
        };
        assert_eq!(Content::parse(content), Some(expected));
        assert_eq!(Content::parse("{}"), None);
        assert_eq!(Content::parse(r#"{"deps":[["serde"]],"local":[]}"#), None);
    }
}
