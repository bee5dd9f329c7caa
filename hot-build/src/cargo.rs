//! The builder that runs cargo: which command builds a hot crate as it is in the program.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use crate::metadata::{self, Scope};
use crate::{Build, BuildArgs, BuildError, ProgramBuild, TargetKind, environment, run, shared};

/// The environment variable that [`BuildArgs::custom_env`] reads unless told otherwise.
pub const BUILD_ARGS_VARIABLE: &str = "HOT_BUILD_ARGS";

/// Builders that run cargo.
///
/// Each starts a `cargo build` and ends when cargo reports the library of the crate in
/// [`manifest_dir`](BuildArgs::manifest_dir), whatever else there is to build. Cargo runs in the
/// program's package directory, with the profile, target, target directory and toolchain of the
/// program, and without the environment variables that `cargo run` gave to the program.
impl BuildArgs {
    /// Builds with the arguments in [`BUILD_ARGS_VARIABLE`] if there are any, else as
    /// [`build(None)`](Self::build).
    pub fn default_build(&self) -> Build {
        self.custom_env(None).unwrap_or_else(|| self.build(None))
    }

    /// Builds `package`: `cargo build -p <package>`.
    ///
    /// With `None`, builds the hot crate as it is in the program: the packages of both are
    /// selected, with the program's features, so that cargo unifies features as it did for the
    /// program; but only their libraries are built. A program that is an example is built as
    /// such, because of its dev-dependencies. A program of which nothing is known is looked for by
    /// the path of the running executable, see [`ProgramBuild::discover`], which costs some tens
    /// of milliseconds each time. If it is not found, the hot crate is built for itself.
    pub fn build(&self, package: Option<&str>) -> Build {
        match package {
            Some(package) => {
                let package = package.to_owned();
                run::build(self, move |args| {
                    Ok(package_command(args, Some(&package)).command)
                })
            }
            None => run::build(self, repeat_program),
        }
    }

    /// Builds an example: `cargo build [-p <package>] --example <example>`.
    pub fn build_example(&self, package: Option<&str>, example: &str) -> Build {
        self.build_target(package, "--example", example)
    }

    /// Builds a binary: `cargo build [-p <package>] --bin <bin>`.
    pub fn build_bin(&self, package: Option<&str>, bin: &str) -> Build {
        self.build_target(package, "--bin", bin)
    }

    /// Builds the package or workspace of a manifest: `cargo build --manifest-path <path>`.
    pub fn build_manifest(&self, path: impl AsRef<Path>) -> Build {
        let path = path.as_ref().to_owned();
        run::build(self, move |args| {
            let mut cargo = CargoBuild::new(args);
            cargo.command.arg("--manifest-path").arg(path);
            Ok(cargo.command)
        })
    }

    /// Runs `command`, which must write what `cargo build --message-format json` writes.
    ///
    /// Nothing is added to the command; standard input is closed, and the environment variables
    /// that `cargo run` gave to the program are taken away unless the command sets them.
    pub fn custom(&self, mut command: Command) -> Build {
        run::build(self, move |_| {
            environment::scrub(&mut command);
            Ok(command)
        })
    }

    /// Runs `cargo build` with the arguments in the environment variable `key`, or in
    /// [`BUILD_ARGS_VARIABLE`]. `None` when the variable is not set, or holds nothing.
    ///
    /// The value is split into words as a shell does, quotes and backslashes included. It is all
    /// that cargo is told, apart from the message format: no profile and no features are added.
    pub fn custom_env(&self, key: Option<&str>) -> Option<Build> {
        let key = key.unwrap_or(BUILD_ARGS_VARIABLE).to_owned();
        let value = env::var_os(&key).filter(|value| !value.is_empty())?;
        let words = match split(&key, value) {
            Ok(words) if words.is_empty() => return None,
            Ok(words) => words,
            Err(error) => return Some(Build::ready(Err(error))),
        };
        Some(run::build(self, move |args| {
            let mut cargo = CargoBuild::plain(args);
            if !words
                .iter()
                .any(|word| word.starts_with("--message-format"))
            {
                cargo.command.arg(MESSAGE_FORMAT);
            }
            cargo.command.args(words);
            Ok(cargo.command)
        }))
    }

    fn build_target(&self, package: Option<&str>, flag: &'static str, name: &str) -> Build {
        let (package, name) = (package.map(str::to_owned), name.to_owned());
        run::build(self, move |args| {
            let mut command = package_command(args, package.as_deref()).command;
            command.args([flag, &name]);
            Ok(command)
        })
    }
}

const MESSAGE_FORMAT: &str = "--message-format=json-diagnostic-rendered-ansi";

/// A `cargo build` in the making.
struct CargoBuild {
    command: Command,
}

impl CargoBuild {
    /// `cargo build` in the program's directory.
    fn plain(args: &BuildArgs) -> Self {
        let mut command = Command::new(environment::cargo());
        environment::scrub(&mut command);
        environment::pin_toolchain(&mut command, &args.program);
        let program_dir = args.program.manifest_dir.as_deref();
        command.current_dir(program_dir.unwrap_or(&args.manifest_dir));
        // A progress bar is drawn for people.
        command
            .env("CARGO_TERM_PROGRESS_WHEN", "never")
            .arg("build");
        Self { command }
    }

    /// The same with the program's profile, target and target directory.
    fn new(args: &BuildArgs) -> Self {
        let mut cargo = Self::plain(args);
        let ProgramBuild {
            profile,
            target,
            target_dir,
            ..
        } = &args.program;
        cargo.command.arg(MESSAGE_FORMAT);
        if let Some(profile) = profile {
            cargo.command.args(["--profile", profile]);
        }
        if let Some(target) = target {
            cargo.command.args(["--target", target]);
        }
        if let Some(target_dir) = target_dir {
            cargo.command.arg("--target-dir").arg(target_dir);
        }
        cargo
    }

    fn package(&mut self, spec: &str) {
        self.command.args(["--package", spec]);
    }

    /// Turns on the program's features, for a command that selects the program's package.
    fn program_features(&mut self, program: &ProgramBuild, package: &str) {
        if !program.default_features {
            self.command.arg("--no-default-features");
        }
        self.features_of(program, package);
    }

    /// The same for a command that selects the hot crate's package as well. Default features are a
    /// trap there: of a selected package they are on, even if the program turned them off.
    fn program_features_alone(
        &mut self,
        program: &ProgramBuild,
        package: &str,
        near: &Path,
    ) -> Result<(), BuildError> {
        self.command.arg("--no-default-features");
        // Naming a feature that the package does not have is an error.
        let named = program.features.iter().any(|name| name == "default");
        if program.default_features && (named || has_default_feature(package, near)?) {
            self.command.arg(format!("--features={package}/default"));
        }
        self.features_of(program, package);
        Ok(())
    }

    fn features_of(&mut self, program: &ProgramBuild, package: &str) {
        for feature in program.features.iter().filter(|name| *name != "default") {
            self.command.arg(format!("--features={package}/{feature}"));
        }
    }

    fn hot_features(&mut self, args: &BuildArgs) {
        if !args.hot_crate.default_features {
            self.command.arg("--no-default-features");
        }
        for feature in args
            .hot_crate
            .features
            .iter()
            .filter(|name| *name != "default")
        {
            self.command.arg(format!("--features={feature}"));
        }
    }
}

/// The command that builds the hot crate as it is in the program.
fn repeat_program(args: &BuildArgs) -> Result<Command, BuildError> {
    let mut args = args.clone();
    if args.program.package.is_none()
        && let Ok(exe) = env::current_exe()
        && let Some(found) = ProgramBuild::discover(&exe, &args.manifest_dir)?
    {
        args.program = found.completed_by(&args.program);
    }
    let mut cargo = CargoBuild::new(&args);
    match (&args.program.package, &args.program.target_kind) {
        (Some(program), TargetKind::Example(example)) => {
            cargo.package(program);
            cargo.command.args(["--example", example]);
            cargo.program_features(&args.program, program);
        }
        (Some(program), TargetKind::Bin(_) | TargetKind::Other) => {
            cargo.package(program);
            let hot_crate = hot_crate_spec(&args);
            let is_other_package = hot_crate != *program;
            if is_other_package {
                cargo.package(&hot_crate);
            }
            for shared in shared::with_macros(&args)? {
                cargo.package(&shared);
            }
            cargo.command.arg("--lib");
            if is_other_package && !args.hot_crate.default_features {
                let near = args
                    .program
                    .manifest_dir
                    .as_deref()
                    .unwrap_or(&args.manifest_dir);
                cargo.program_features_alone(&args.program, program, near)?;
            } else {
                cargo.program_features(&args.program, program);
            }
        }
        (None, _) => {
            cargo.command.current_dir(&args.manifest_dir).arg("--lib");
            cargo.hot_features(&args);
        }
    }
    Ok(cargo.command)
}

/// The same command, which shows how it runs the compiler.
pub(crate) fn repeat_program_recorded(args: &BuildArgs) -> Result<Command, BuildError> {
    let mut command = repeat_program(args)?;
    command.arg("-vv");
    Ok(command)
}

fn has_default_feature(package: &str, near: &Path) -> Result<bool, BuildError> {
    let metadata = metadata::read(near, Scope::Workspace)?;
    let mut packages = metadata
        .packages
        .iter()
        .filter(|found| *found.name == package);
    Ok(packages.any(|found| found.features.contains_key("default")))
}

/// `cargo build -p <package>`, with the program's features if it is the program's package.
fn package_command(args: &BuildArgs, package: Option<&str>) -> CargoBuild {
    let mut cargo = CargoBuild::new(args);
    if let Some(package) = package {
        cargo.package(package);
    }
    if let Some(program) = args.program.package.as_deref()
        && package.is_none_or(|package| package == program)
    {
        cargo.program_features(&args.program, program);
    }
    cargo
}

/// The hot crate's package for `--package`: its name, or else its directory as a URL.
fn hot_crate_spec(args: &BuildArgs) -> String {
    args.hot_crate
        .package
        .clone()
        .unwrap_or_else(|| file_url(&args.manifest_dir))
}

fn file_url(path: &Path) -> String {
    let mut url = "file://".to_owned();
    let text = path.to_string_lossy().replace('\\', "/");
    if !text.starts_with('/') {
        url.push('/');
    }
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' | b':' => {
                url.push(char::from(byte));
            }
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
    url
}

fn split(variable: &str, value: OsString) -> Result<Vec<String>, BuildError> {
    let error = |value: String, problem: String| BuildError::Arguments {
        variable: variable.to_owned(),
        value,
        problem,
    };
    let value = value
        .into_string()
        .map_err(|raw| error(raw.to_string_lossy().into_owned(), "not UTF-8".to_owned()))?;
    shell_words::split(&value).map_err(|problem| error(value.clone(), problem.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_like_a_shell() {
        let words = split("X", r#"-p "my game" --features 'a b'"#.into()).expect("well quoted");
        assert_eq!(words, ["-p", "my game", "--features", "a b"]);
        let error = split("X", "-p 'x".into()).expect_err("a quote is open");
        assert!(matches!(error, BuildError::Arguments { .. }), "{error:?}");
    }

    #[test]
    fn a_directory_as_a_url() {
        assert_eq!(
            file_url(Path::new("/my games/é")),
            "file:///my%20games/%C3%A9"
        );
        assert_eq!(file_url(Path::new(r"C:\games")), "file:///C:/games");
    }
}
