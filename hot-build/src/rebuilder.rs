//! The swap point: who builds.

use crate::{Build, BuildArgs};

/// Starts the build of a hot crate, or declines.
///
/// Rebuilders are asked in order and the first that returns a build wins, so one that builds only
/// some crates returns `None` for the others. Closures and functions that take [`BuildArgs`] and
/// return [`Build`] or `Option<Build>` are rebuilders.
///
/// ```
/// use hot_build::{Artifact, Build, BuildArgs, Rebuilder};
///
/// // A crate that another tool keeps built.
/// let rebuilder = |args: BuildArgs| {
///     args.manifest_dir.ends_with("scene").then(|| {
///         Build::spawn(&args, |_| Ok(Artifact::new("/out/libscene.so")))
///     })
/// };
/// assert!(rebuilder.rebuild(&BuildArgs::new("/projects/game/audio")).is_none());
/// let build = rebuilder.rebuild(&BuildArgs::new("/projects/game/scene")).unwrap();
/// assert_eq!(build.wait().unwrap().library.to_str(), Some("/out/libscene.so"));
/// ```
pub trait Rebuilder: Send + Sync {
    /// Starts building the crate that `args` name, or `None` to leave it to the next rebuilder.
    ///
    /// It must not block: a build that cannot even start is a [`Build::ready`] with the error.
    fn rebuild(&self, args: &BuildArgs) -> Option<Build>;
}

impl<F, B> Rebuilder for F
where
    F: Fn(BuildArgs) -> B + Send + Sync,
    B: Into<Option<Build>>,
{
    fn rebuild(&self, args: &BuildArgs) -> Option<Build> {
        self(args.clone()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BuildError;

    fn always(_: BuildArgs) -> Build {
        Build::ready(Err(BuildError::Cancelled))
    }

    fn never(_: BuildArgs) -> Option<Build> {
        None
    }

    #[test]
    fn functions_and_closures_are_rebuilders() {
        let rebuilders: [Box<dyn Rebuilder>; 3] = [
            Box::new(never),
            Box::new(always),
            Box::new(|args: BuildArgs| never(args)),
        ];
        let args = BuildArgs::new("/crate");
        let answers: Vec<bool> = rebuilders
            .iter()
            .map(|rebuilder| rebuilder.rebuild(&args).is_some())
            .collect();
        assert_eq!(answers, [false, true, false]);
    }
}
