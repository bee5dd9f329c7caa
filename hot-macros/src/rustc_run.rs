//! The run of the compiler that compiles the crate at hand, in full: enough to repeat it without cargo.

use crate::compilation::Compilation;
use proc_macro2::TokenStream;
use quote::quote;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;

/// Whoever repeats a recorded run says here what the record was: its arguments, joined by
/// [`SEPARATOR`]. What is repeated is told to write somewhere else, but the crate is to say the same of
/// itself as before, or the compiler would have to compile that anew.
const REPEATED: &str = "HOT_BUILD_REPEATS";

/// A character that no argument has.
const SEPARATOR: char = '\u{1f}';

/// A run of the compiler.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct RustcRun {
    program: String,
    directory: String,
    pub(crate) arguments: Vec<String>,
    variables: Vec<(String, String)>,
}

impl RustcRun {
    /// The run that this process is. Of what cannot be known nothing is said, as in an editor.
    pub(crate) fn this() -> RustcRun {
        let text = |path: std::io::Result<std::path::PathBuf>| {
            path.ok()
                .and_then(|path| path.into_os_string().into_string().ok())
                .unwrap_or_default()
        };
        RustcRun {
            program: text(env::current_exe()),
            directory: text(env::current_dir()),
            arguments: match env::var(REPEATED) {
                Ok(recorded) => recorded.split(SEPARATOR).map(str::to_owned).collect(),
                Err(_) => command_line(env::args_os()),
            },
            variables: of_the_package(env::vars_os()),
        }
    }

    /// What conditional compilation sees, sorted, a space between each two.
    pub(crate) fn cfg(&self) -> String {
        let mut values = self.values_of("--cfg");
        values.sort_unstable();
        values.dedup();
        values.join(" ")
    }

    /// The crates that this one is compiled with, sorted: the name of each, a colon, and the name of its file
    /// without the ending, in which cargo tells builds of one crate apart. A space between each two.
    pub(crate) fn dependencies(&self) -> String {
        let file_of = |value: &&str| {
            let (name, path) = value.split_once('=')?;
            // Options stand before the name.
            let name = name.rsplit(':').next()?;
            let file = Path::new(path).file_stem()?.to_str()?;
            Some(format!("{name}:{file}"))
        };
        let values = self.values_of("--extern");
        let mut dependencies: Vec<_> = values.iter().filter_map(file_of).collect();
        dependencies.sort_unstable();
        dependencies.dedup();
        dependencies.join(" ")
    }

    /// The identity that cargo gave the crate, or nothing.
    pub(crate) fn metadata(&self) -> String {
        Compilation::of(self).metadata().to_owned()
    }

    fn values_of(&self, option: &str) -> Vec<&str> {
        let mut values = Vec::new();
        let mut arguments = self.arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.strip_prefix(option) {
                Some("") => values.extend(arguments.next().map(String::as_str)),
                Some(rest) => values.extend(rest.strip_prefix('=')),
                None => {}
            }
        }
        values
    }

    /// An expression of the type `hot_abi::registry::RustcRun`, whose path is given.
    pub(crate) fn to_expression(&self, run_type: &TokenStream) -> TokenStream {
        let RustcRun {
            program,
            directory,
            arguments,
            variables,
        } = self;
        let (names, values): (Vec<_>, Vec<_>) = variables.iter().cloned().unzip();
        quote! {
            #run_type {
                program: #program,
                directory: #directory,
                arguments: &[#(#arguments),*],
                variables: &[#((#names, #values)),*],
            }
        }
    }
}

/// The arguments, those in argument files included.
fn command_line(args: impl Iterator<Item = OsString>) -> Vec<String> {
    let mut words = Vec::new();
    for arg in args.skip(1) {
        let arg = arg.to_string_lossy().into_owned();
        // Cargo writes a command line that is too long for the system into a file, one argument a line.
        match arg.strip_prefix('@').map(fs::read_to_string) {
            Some(Ok(file)) => words.extend(file.lines().map(str::to_owned)),
            _ => words.push(arg),
        }
    }
    words
}

/// The variables that cargo sets for a package. They say what is in its manifest and where it is. The
/// user's own variables are nobody's business, so they are not recorded: each name is one of cargo's.
fn of_the_package(variables: impl Iterator<Item = (OsString, OsString)>) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = variables
        .filter(|(name, _)| is_of_a_package(name))
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    // The environment has no order, and code that says the same is compiled once.
    found.sort();
    found
}

fn is_of_a_package(name: &OsStr) -> bool {
    // Not whether the package was asked for by name: that changes from build to build.
    const NAMES: [&str; 7] = [
        "CARGO",
        "CARGO_BIN_NAME",
        "CARGO_CRATE_NAME",
        "CARGO_MANIFEST_DIR",
        "CARGO_MANIFEST_LINKS",
        "CARGO_MANIFEST_PATH",
        "OUT_DIR",
    ];
    name.to_str()
        .is_some_and(|name| NAMES.contains(&name) || name.starts_with("CARGO_PKG_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_variables_stay_the_users() {
        let environment = [
            ("CARGO_PKG_NAME", "scene"),
            ("CARGO_REGISTRY_TOKEN", "secret"),
            ("OUT_DIR", "/o"),
            ("HOME", "/home/me"),
            ("CARGO", "/bin/cargo"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ];
        let found = of_the_package(
            environment
                .map(|(name, value)| (name.into(), value.into()))
                .into_iter(),
        );
        let expected = [
            ("CARGO", "/bin/cargo"),
            ("CARGO_PKG_NAME", "scene"),
            ("OUT_DIR", "/o"),
        ];
        assert_eq!(
            found,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }

    #[test]
    fn what_a_crate_is_compiled_with_is_told_in_one_order() {
        let arguments = "--crate-name scene --cfg unix --cfg=feature=\"b\" --check-cfg cfg(docsrs) --cfg feature=\"a\" \
                         --extern regex=/w/deps/libregex-1f.rlib --extern=priv:paint=/w/deps/libpaint-2e.rmeta \
                         --extern proc_macro";
        let run = RustcRun {
            arguments: arguments.split_whitespace().map(str::to_owned).collect(),
            ..RustcRun::default()
        };
        assert_eq!(run.cfg(), "feature=\"a\" feature=\"b\" unix");
        assert_eq!(run.dependencies(), "paint:libpaint-2e regex:libregex-1f");
    }

    #[test]
    fn the_compilers_own_name_is_no_argument() {
        let args = ["/bin/rustc", "--crate-name", "scene"].map(OsString::from);
        assert_eq!(command_line(args.into_iter()), ["--crate-name", "scene"]);
    }
}
