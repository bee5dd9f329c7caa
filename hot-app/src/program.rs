//! How the running program and its hot crates were built, in the words of hot-build.

use hot_abi::registry::{Compilation, PROGRAMS, ProgramRecord};
use hot_build::{CrateBuild, ProgramBuild, RustcRun, TargetKind};
use hot_load::HotCrate;
use std::path::{Path, PathBuf};

/// What is known of the program that `krate` is linked into, by what its macros recorded.
pub(crate) fn recorded(krate: &HotCrate) -> ProgramBuild {
    match PROGRAMS.first() {
        Some(record) => of_record(record),
        // The program did not say. But the crate in it was built with the same profile and target.
        None => with_compilation(ProgramBuild::default(), &krate.compilation),
    }
}

/// Whether the program recorded itself with `hot_host!`.
#[cfg(feature = "cargo")]
pub(crate) fn is_recorded() -> bool {
    !PROGRAMS.is_empty()
}

/// The folder of the program's own Cargo.toml, if it recorded itself.
#[cfg(feature = "cargo")]
pub(crate) fn manifest_dir() -> Option<&'static Path> {
    PROGRAMS
        .first()
        .map(|record| Path::new(record.manifest_dir))
}

/// How `krate` was built when it was linked into the program.
pub(crate) fn hot_crate(krate: &HotCrate) -> CrateBuild {
    let (features, default_features) = features(krate.compilation.features);
    CrateBuild {
        package: Some(krate.package.to_owned()),
        features,
        default_features,
        rustc: Some(RustcRun {
            program: PathBuf::from(krate.rustc.program),
            directory: PathBuf::from(krate.rustc.directory),
            arguments: owned(krate.rustc.arguments),
            variables: krate
                .rustc
                .variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        }),
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn of_record(record: &ProgramRecord) -> ProgramBuild {
    let (features, default_features) = features(record.compilation.features);
    let is_example = record
        .compilation
        .out_dir
        .is_some_and(|dir| Path::new(dir).ends_with("examples"));
    let target_kind = match record.binary {
        Some(name) if is_example => TargetKind::Example(name.to_owned()),
        Some(name) => TargetKind::Bin(name.to_owned()),
        None => TargetKind::Other,
    };
    let program = ProgramBuild {
        package: Some(record.package.to_owned()),
        manifest_dir: Some(PathBuf::from(record.manifest_dir)),
        target_kind,
        features,
        default_features,
        ..ProgramBuild::default()
    };
    with_compilation(program, &record.compilation)
}

/// Adds profile, target, target directory and toolchain.
pub(crate) fn with_compilation(program: ProgramBuild, compilation: &Compilation) -> ProgramBuild {
    let output = compilation
        .out_dir
        .and_then(|dir| Output::parse(Path::new(dir), compilation.target));
    let (profile, target_dir) = match output {
        Some(output) => (Some(output.profile), Some(output.target_dir)),
        None => (program.profile, program.target_dir),
    };
    ProgramBuild {
        profile,
        target_dir,
        target: compilation.target.map(str::to_owned).or(program.target),
        toolchain: compilation
            .toolchain
            .map(str::to_owned)
            .or(program.toolchain),
        ..program
    }
}

fn features(recorded: &[&str]) -> (Vec<String>, bool) {
    let default_features = recorded.contains(&"default");
    let features = recorded
        .iter()
        .filter(|feature| **feature != "default")
        .map(|feature| (*feature).to_owned());
    (features.collect(), default_features)
}

/// What cargo's output directory tells: `<target directory>[/<triple>]/<profile directory>/deps`.
#[derive(Debug, PartialEq, Eq)]
struct Output {
    profile: String,
    target_dir: PathBuf,
}

impl Output {
    fn parse(out_dir: &Path, target: Option<&str>) -> Option<Output> {
        let profile_dir = out_dir.parent()?;
        let profile = match profile_dir.file_name()?.to_str()? {
            "debug" => "dev",
            other => other,
        };
        let mut target_dir = profile_dir.parent()?;
        // A target may be a triple, or the path of a file that describes it.
        let triple = target.and_then(|target| Path::new(target).file_stem()?.to_str());
        let is_file = target.is_some_and(|target| target.ends_with(".json"));
        let triple = if is_file { triple } else { target };
        if triple.is_some_and(|triple| target_dir.ends_with(triple)) {
            target_dir = target_dir.parent()?;
        }
        Some(Output {
            profile: profile.to_owned(),
            target_dir: target_dir.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(out_dir: &str, target: Option<&str>) -> (String, String) {
        let output = Output::parse(Path::new(out_dir), target).unwrap();
        (
            output.profile,
            output.target_dir.to_str().unwrap().to_owned(),
        )
    }

    #[test]
    fn the_output_directory_tells_profile_and_target_directory() {
        let of = |profile: &str, dir: &str| (profile.to_owned(), dir.to_owned());
        assert_eq!(parse("/w/target/debug/deps", None), of("dev", "/w/target"));
        assert_eq!(
            parse("/w/target/release/deps", None),
            of("release", "/w/target")
        );
        assert_eq!(parse("/w/out/fast/examples", None), of("fast", "/w/out"));
        assert_eq!(
            parse(
                "/t/x86_64-unknown-linux-gnu/debug/deps",
                Some("x86_64-unknown-linux-gnu")
            ),
            of("dev", "/t")
        );
        assert_eq!(
            parse("/t/my.target/debug/deps", Some("/specs/my.target.json")),
            of("dev", "/t")
        );
        assert_eq!(parse("/t/debug/deps", Some("thumb")), of("dev", "/t"));
    }

    #[test]
    fn default_is_not_a_feature_by_name() {
        assert_eq!(
            features(&["default", "fast"]),
            (vec!["fast".to_owned()], true)
        );
        assert_eq!(features(&[]), (vec![], false));
    }
}
