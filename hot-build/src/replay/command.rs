//! One run of the compiler, as cargo told it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use crate::{ProgramBuild, RustcRun, environment, inputs};

use super::{Wanted, Workplace, modified};

/// Where the crate's macros are told what a repeated run was before: its arguments, joined by
/// [`SEPARATOR`]. They leave in the crate what it was compiled by, and if that were different from cargo's
/// own run, the compiler would have to compile it anew.
const REPEATS: &str = "HOT_BUILD_REPEATS";

/// A character that no argument has.
const SEPARATOR: &str = "\u{1f}";

/// The longest value of a variable that every system takes. Cargo passes longer command lines in files.
const LONGEST: usize = 100_000;

/// A command line of rustc, with its environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RustcCommand {
    program: PathBuf,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    /// Where it ran, if that is known.
    ran_in: Option<PathBuf>,
    /// When the rlib was written that it made, if that is known.
    made: Option<SystemTime>,
    /// The crate's name, as in paths.
    pub(crate) crate_name: String,
    /// The directory of the package's manifest.
    pub(crate) manifest_dir: PathBuf,
}

impl RustcCommand {
    /// Reads what `cargo build -vv` shows of a run: variables, program and arguments, quoted for a
    /// shell. `None` if it is not a run of rustc for a library of a package.
    pub(crate) fn parse(shown: &str) -> Option<Self> {
        if cfg!(windows) {
            // Quoted for another shell there. Cargo is asked each time, as where nothing is known.
            return None;
        }
        let mut words = shell_words::split(shown).ok()?.into_iter().peekable();
        let mut variables = Vec::new();
        while let Some((name, value)) = words.peek().and_then(|word| assignment(word)) {
            variables.push((name, value));
            words.next();
        }
        let program = PathBuf::from(words.next()?);
        Self::of(program, words.collect(), variables, None)
    }

    /// The run that made a crate of the program. `None` if it is not one of rustc for a library of a package,
    /// as in an editor.
    pub(crate) fn of_run(run: &RustcRun) -> Option<Self> {
        let mut variables = run.variables.clone();
        let out_dir = variables.iter().find(|(name, _)| name == "OUT_DIR");
        if let Some((_, out_dir)) = out_dir {
            variables.extend(inputs::build_script_variables(Path::new(out_dir)).ok()?);
        }
        let directory = Some(run.directory.clone());
        Self::of(
            run.program.clone(),
            run.arguments.clone(),
            variables,
            directory,
        )
    }

    fn of(
        program: PathBuf,
        arguments: Vec<String>,
        variables: Vec<(String, String)>,
        ran_in: Option<PathBuf>,
    ) -> Option<Self> {
        let manifest_dir = variables
            .iter()
            .find(|(name, _)| name == "CARGO_MANIFEST_DIR")
            .map(|(_, value)| PathBuf::from(value))?;
        let crate_name = value_of(&arguments, "--crate-name")?.to_owned();
        let command = Self {
            program,
            arguments,
            variables,
            ran_in,
            made: None,
            crate_name,
            manifest_dir,
        };
        let is_library = command
            .values("--crate-type")
            .all(|kind| ["lib", "rlib", "cdylib", "dylib", "staticlib"].contains(&kind));
        (is_library && !command.arguments.iter().any(|word| word == "--test")).then_some(command)
    }

    /// Notes that the crate's rlib is of this run, if it was written before `time`.
    pub(crate) fn note_output(&mut self, time: SystemTime) {
        self.made = self.output_written().filter(|written| *written < time);
    }

    /// Has the compiler see the toolchain's name that cargo's own run of it saw: macros leave it in the crate, which
    /// would otherwise be another one where the program was not started by cargo.
    pub(crate) fn name_toolchain(&mut self, program: &ProgramBuild) {
        self.variables.extend(environment::toolchain(program));
    }

    /// Whether the crate's rlib is still the one that this run made. Otherwise someone else had cargo compile
    /// the crate, in another way maybe.
    pub(crate) fn is_last(&self) -> bool {
        self.made.is_some() && self.output_written() == self.made
    }

    fn output_written(&self) -> Option<SystemTime> {
        let rlib = self.out_dir()?.join(self.rlib_name());
        modified(&rlib)
    }

    /// Whether the program told it, and not cargo.
    pub(crate) fn is_of_program(&self) -> bool {
        self.ran_in.is_some()
    }

    /// Whether both are for the same crate.
    pub(crate) fn is_for_the_crate_of(&self, other: &Self) -> bool {
        self.crate_name == other.crate_name && self.manifest_dir == other.manifest_dir
    }

    /// Whether it is for the package in `manifest_dir`.
    pub(crate) fn is_in(&self, manifest_dir: &Path) -> bool {
        self.manifest_dir == manifest_dir
            || self.manifest_dir.canonicalize().ok() == manifest_dir.canonicalize().ok()
    }

    /// The value of the option `--name value`, or `--name=value`.
    pub(crate) fn value(&self, option: &str) -> Option<&str> {
        value_of(&self.arguments, option)
    }

    /// The value of `-C name=value`.
    pub(crate) fn codegen(&self, name: &str) -> Option<&str> {
        self.values("-C")
            .filter_map(|option| option.split_once('='))
            .filter(|(option, _)| *option == name)
            .map(|(_, value)| value)
            .last()
    }

    /// The values of all `-C name=value`, also where they are written as one word.
    pub(crate) fn codegens(&self, name: &str) -> impl Iterator<Item = &str> {
        let joined = self
            .arguments
            .iter()
            .filter_map(|word| word.strip_prefix("-C"));
        let joined = joined.filter(|option| !option.is_empty());
        let options = self
            .values("-C")
            .chain(self.values("--codegen"))
            .chain(joined);
        let name = name.to_owned();
        options.filter_map(move |option| {
            let (option, value) = option.split_once('=')?;
            (option == name).then_some(value)
        })
    }

    /// The name of the crate's rlib.
    pub(crate) fn rlib_name(&self) -> String {
        format!("lib{}.rlib", self.stem())
    }

    /// The name of the file that tells what the compiler read.
    pub(crate) fn dep_info_name(&self) -> String {
        format!("{}.d", self.stem())
    }

    /// Where cargo had the compiler write to.
    pub(crate) fn out_dir(&self) -> Option<&Path> {
        self.value("--out-dir").map(Path::new)
    }

    /// Where the package's build script wrote to, if it has one.
    pub(crate) fn build_script_out_dir(&self) -> Option<&Path> {
        self.variable("OUT_DIR").map(Path::new)
    }

    /// The value that the run gave to a variable, if it gave one.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        let found = self.variables.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The part of the crate's file names that tells it from others of its name, without the dash. Empty
    /// where there is none, as for crates that are dynamic libraries as well.
    pub(crate) fn hash(&self) -> &str {
        let extra = self.codegen("extra-filename").unwrap_or_default();
        extra.strip_prefix('-').unwrap_or(extra)
    }

    /// The file names of the crates that this one names.
    pub(crate) fn externs(&self) -> impl Iterator<Item = &Path> {
        self.values("--extern")
            .filter_map(|word| Some(Path::new(word.split_once('=')?.1)))
    }

    /// The root of the crate.
    pub(crate) fn source(&self) -> PathBuf {
        let source = self.arguments.iter().find(|word| word.ends_with(".rs"));
        self.directory().join(source.map_or("", String::as_str))
    }

    /// The compiler itself.
    pub(crate) fn rustc(&self) -> &Path {
        let is_rustc = |path: &&Path| path.file_stem().is_some_and(|stem| stem == "rustc");
        // A wrapper gets the compiler as its first argument, and that may be a second wrapper, which does too.
        let words = self.arguments.iter().take(2).map(Path::new);
        let mut programs = std::iter::once(&*self.program).chain(words);
        programs.find(is_rustc).unwrap_or(&self.program)
    }

    /// The command line, as text that is the same for the same command.
    pub(crate) fn line(&self) -> String {
        self.arguments.join("\n")
    }

    /// The variables that it sets, as text that is the same for the same ones.
    pub(crate) fn setting(&self) -> String {
        let set = self.variables.iter();
        let set: Vec<String> = set.map(|(name, value)| format!("{name}={value}")).collect();
        set.join("\n")
    }

    /// An argument by which a dynamic library looks for others beside itself, if there is one. Such a library has
    /// to lie where cargo puts it.
    pub(crate) fn beside_itself(&self) -> Option<&str> {
        const PLACES: [&str; 3] = ["$ORIGIN", "${ORIGIN}", "@loader_path"];
        let mut arguments = self.arguments.iter().map(String::as_str);
        arguments.find(|word| PLACES.iter().any(|place| word.contains(place)))
    }

    /// Whether the crate is a dynamic library too, as a hot crate has to be for full libraries.
    pub(crate) fn is_dynamic(&self) -> bool {
        self.values("--crate-type").any(|kind| kind == "cdylib")
    }

    /// Whether the compiler keeps a cache from one run to the next.
    pub(crate) fn is_incremental(&self) -> bool {
        self.codegen("incremental").is_some()
    }

    /// The same run in another place, for what is `wanted`. Crates in `replaced`, by the name of their file, are
    /// taken from there.
    ///
    /// None of the options that differ counts for the compiler's incremental cache.
    pub(crate) fn repeat(
        &self,
        place: &Workplace,
        replaced: &HashMap<String, PathBuf>,
        wanted: Wanted,
    ) -> Command {
        let mut command = self.without_arguments();
        let mut words = self.arguments.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--out-dir" => {
                    words.next();
                    command.arg("--out-dir").arg(&place.out_dir);
                }
                "--extern" => {
                    let value = words.next().map_or("", String::as_str);
                    command.arg("--extern").arg(with_replaced(value, replaced));
                }
                word if word.starts_with("incremental=") => {
                    let mut option = std::ffi::OsString::from("incremental=");
                    option.push(&place.incremental);
                    command.arg(option);
                }
                word => {
                    command.arg(word);
                }
            }
        }
        if !replaced.is_empty() {
            // For crates that the named ones name in turn.
            let mut search = std::ffi::OsString::from("dependency=");
            search.push(&place.out_dir);
            command.arg("-L").arg(search);
        }
        if wanted == Wanted::Rlib {
            // The objects are in the rlib. What would be linked of them here is not wanted.
            command.args(["-C", "linker=true", "-C", "strip=none"]);
        }
        command
    }

    /// Whether it can be started before its arguments are known. A wrapper is told what to do when it starts, and
    /// a crate's macros look at the arguments themselves where [`REPEATS`] cannot tell them.
    pub(crate) fn may_wait(&self) -> bool {
        self.rustc() == self.program && self.recorded().is_some()
    }

    /// The program of the run in its environment, with nothing that it is told to do.
    pub(crate) fn without_arguments(&self) -> Command {
        let mut command = Command::new(&self.program);
        environment::scrub(&mut command);
        command
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.directory());
        if let Some(recorded) = self.recorded() {
            command.env(REPEATS, recorded);
        }
        command
    }

    /// What [`REPEATS`] says.
    fn recorded(&self) -> Option<String> {
        let recorded = self.arguments.join(SEPARATOR);
        (recorded.len() < LONGEST).then_some(recorded)
    }

    fn stem(&self) -> String {
        let extra = self.codegen("extra-filename").unwrap_or_default();
        format!("{}{extra}", self.crate_name)
    }

    fn values(&self, option: &str) -> impl Iterator<Item = &str> {
        values_of(&self.arguments, option)
    }

    /// Where cargo ran it: in the workspace's root, for a source that is named relative to it, or else
    /// in the package.
    fn directory(&self) -> PathBuf {
        if let Some(directory) = &self.ran_in {
            return directory.clone();
        }
        let source = self.arguments.iter().find(|word| word.ends_with(".rs"));
        let Some(source) = source.filter(|source| Path::new(source).is_relative()) else {
            return self.manifest_dir.clone();
        };
        self.manifest_dir
            .ancestors()
            .find(|directory| {
                let file = directory.join(source);
                file.starts_with(&self.manifest_dir) && file.is_file()
            })
            .unwrap_or(&self.manifest_dir)
            .to_owned()
    }
}

/// `NAME=value`, where the name is one of a variable.
fn assignment(word: &str) -> Option<(String, String)> {
    let (name, value) = word.split_once('=')?;
    let is_name = !name.is_empty()
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        && !name.starts_with(|letter: char| letter.is_ascii_digit());
    is_name.then(|| (name.to_owned(), value.to_owned()))
}

fn with_replaced(value: &str, replaced: &HashMap<String, PathBuf>) -> std::ffi::OsString {
    let Some((name, path)) = value.split_once('=') else {
        return value.into();
    };
    let file = Path::new(path).file_name().and_then(|file| file.to_str());
    match file.and_then(|file| replaced.get(file)) {
        Some(path) => {
            let mut value = std::ffi::OsString::from(name);
            value.push("=");
            value.push(path);
            value
        }
        None => value.into(),
    }
}

fn value_of<'a>(arguments: &'a [String], option: &str) -> Option<&'a str> {
    values_of(arguments, option).next()
}

fn values_of<'a>(arguments: &'a [String], option: &str) -> impl Iterator<Item = &'a str> {
    let joined = format!("{option}=");
    let option = option.to_owned();
    arguments
        .iter()
        .enumerate()
        .filter_map(move |(index, word)| {
            if *word == option {
                arguments.get(index + 1).map(String::as_str)
            } else {
                word.strip_prefix(&joined)
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOWN: &str = "CARGO=/t/bin/cargo CARGO_MANIFEST_DIR='/my games/scene' CARGO_PKG_DESCRIPTION='it'\\''s' \
         /t/bin/rustc --crate-name scene --edition=2024 scene/src/lib.rs --crate-type lib --crate-type cdylib \
         --emit=dep-info,link -C debuginfo=2 -C metadata=ab -C extra-filename=-cd --out-dir /w/target/debug/deps \
         -C incremental=/w/target/debug/incremental --extern world=/w/target/debug/deps/libworld-1.rlib";

    #[test]
    fn reads_what_cargo_shows() {
        let command = RustcCommand::parse(SHOWN).expect("a run of rustc");
        assert_eq!(command.crate_name, "scene");
        assert_eq!(command.manifest_dir, Path::new("/my games/scene"));
        assert_eq!(command.rlib_name(), "libscene-cd.rlib");
        assert_eq!(command.dep_info_name(), "scene-cd.d");
        assert_eq!(command.codegen("metadata"), Some("ab"));
        assert_eq!(command.out_dir(), Some(Path::new("/w/target/debug/deps")));
        assert_eq!(
            command.externs().collect::<Vec<_>>(),
            [Path::new("/w/target/debug/deps/libworld-1.rlib")]
        );
        assert!(
            command
                .variables
                .contains(&("CARGO_PKG_DESCRIPTION".into(), "it's".into()))
        );
    }

    #[test]
    fn leaves_other_runs_alone() {
        for shown in [
            "CARGO_MANIFEST_DIR=/w OUT_DIR=/o /w/target/debug/build/scene-1/build-script-build",
            "CARGO_MANIFEST_DIR=/w /t/bin/rustc --crate-name m src/lib.rs --crate-type proc-macro",
            "CARGO_MANIFEST_DIR=/w /t/bin/rustc --crate-name game src/main.rs --crate-type bin",
            "CARGO_MANIFEST_DIR=/w /t/bin/rustc --crate-name scene src/lib.rs --test",
            "rustc 'unfinished",
        ] {
            assert_eq!(RustcCommand::parse(shown), None, "{shown}");
        }
    }

    #[test]
    fn takes_what_a_macro_recorded() {
        let shown = RustcCommand::parse(SHOWN).expect("a run of rustc");
        let run = RustcRun {
            program: "/t/bin/rustc".into(),
            directory: "/my games".into(),
            arguments: shown.arguments.clone(),
            variables: shown.variables.clone(),
        };
        let command = RustcCommand::of_run(&run).expect("a run of rustc");
        assert_eq!(command.source(), Path::new("/my games/scene/src/lib.rs"));
        assert_eq!(command.hash(), "cd");
        let editor = RustcRun {
            arguments: Vec::new(),
            ..run
        };
        assert_eq!(RustcCommand::of_run(&editor), None);
    }

    #[test]
    fn looks_through_wrappers() {
        for program in [
            "/t/bin/rustc",
            "sccache /t/bin/rustc",
            "sccache /b/lint /t/bin/rustc",
        ] {
            let shown = SHOWN.replace("/t/bin/rustc", program);
            let command = RustcCommand::parse(&shown).expect("a run of rustc");
            assert_eq!(command.rustc(), Path::new("/t/bin/rustc"));
            let first = program.split(' ').next().map(Path::new);
            assert_eq!(Some(&*command.program), first, "the wrapper is run again");
        }
    }

    #[test]
    fn a_library_may_look_for_others_beside_itself() {
        let command = RustcCommand::parse(SHOWN).expect("a run of rustc");
        assert_eq!(command.beside_itself(), None);
        let shown = format!("{SHOWN} -C 'link-arg=-Wl,-rpath,$ORIGIN/lib'");
        let command = RustcCommand::parse(&shown).expect("a run of rustc");
        let expected = "link-arg=-Wl,-rpath,$ORIGIN/lib";
        assert_eq!(command.beside_itself(), Some(expected));
    }

    #[test]
    fn repeats_elsewhere_with_other_crates() {
        let command = RustcCommand::parse(SHOWN).expect("a run of rustc");
        let replaced = HashMap::from([(
            "libworld-1.rlib".to_owned(),
            PathBuf::from("/own/libworld-1.rlib"),
        )]);
        let place = Workplace::below(Path::new("/own"));
        let words = |wanted| -> Vec<String> {
            let repeated = command.repeat(&place, &replaced, wanted);
            let words = repeated.get_args();
            words.map(|word| word.to_string_lossy().into()).collect()
        };
        let linked = words(Wanted::Library);
        assert!(!linked.iter().any(|word| word.starts_with("linker=")));
        let words = words(Wanted::Rlib);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let after = |option: &str| {
            let at = words.iter().position(|word| *word == option);
            words[at.expect("it is there") + 1]
        };
        assert_eq!(after("--out-dir"), "/own/out");
        assert_eq!(after("--extern"), "world=/own/libworld-1.rlib");
        assert!(words.contains(&"linker=true"));
        assert!(words.contains(&"incremental=/own/incremental"));
    }
}
