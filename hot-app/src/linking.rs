//! How new code is linked.

use hot_build::{Artifact, BuildError, BuildMode};

/// How new code is linked. Set with [`Options::linking`](crate::Options::linking), or for one run of a
/// program that does not with the environment variable `HOT_LINKING`: `auto`, `full` or `thin`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Linking {
    /// Thin where it can be, full where it cannot; the [status](crate::HotStatus::fallback) tells why.
    Auto,
    /// Always a library that stands for itself, with a copy of every dependency and of every static of
    /// its own. The default.
    #[default]
    Full,
    /// Always a library of the changed code alone, linked against the running program. A build that can
    /// only be full fails, with the reason.
    Thin,
}

impl Linking {
    /// What the environment asks for, or the default.
    pub(crate) fn of_environment() -> Linking {
        match std::env::var("HOT_LINKING").as_deref() {
            Ok("auto") => Linking::Auto,
            Ok("thin") => Linking::Thin,
            _ => Linking::Full,
        }
    }

    /// Fails a full library where the program insists on thin ones.
    pub(crate) fn accept(self, artifact: Artifact) -> Result<Artifact, BuildError> {
        match (self, artifact.mode, &artifact.fallback) {
            (Linking::Thin, BuildMode::Full, reason) => Err(BuildError::NotThin {
                reason: reason.clone(),
            }),
            _ => Ok(artifact),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_insists_on_thin_libraries_fails_a_full_one() {
        let full = || Artifact::new("/lib.so");
        assert!(Linking::Auto.accept(full()).is_ok());
        assert!(Linking::Full.accept(full()).is_ok());
        assert!(Linking::Thin.accept(full()).is_err());
        let mut thin = full();
        thin.mode = BuildMode::Thin;
        assert!(Linking::Thin.accept(thin).is_ok());
    }
}
