//! How new code is linked.

use hot_build::{Artifact, BuildError, BuildMode};
use std::ffi::OsStr;
use std::fmt;

/// How new code is linked. Set with [`Options::linking`](crate::Options::linking), or for one run of a
/// program that does not with the environment variable `HOT_LINKING`: `auto`, `full` or `thin`.
///
/// The default is [`Auto`](Linking::Auto) where thin libraries exist, on Linux x86-64 and aarch64, and
/// [`Full`](Linking::Full) elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linking {
    /// Thin where it can be, full where it cannot; the [status](crate::HotStatus::fallback) tells why.
    Auto,
    /// Always a library that stands for itself, with a copy of every dependency and of every static of
    /// its own.
    Full,
    /// Always a library of the changed code alone, linked against the running program. A build that can
    /// only be full fails, with the reason.
    Thin,
}

impl Default for Linking {
    fn default() -> Linking {
        let has_thin = cfg!(all(
            feature = "thin",
            target_os = "linux",
            any(target_arch = "x86_64", target_arch = "aarch64"),
            target_endian = "little",
            target_pointer_width = "64"
        ));
        if has_thin {
            Linking::Auto
        } else {
            Linking::Full
        }
    }
}

impl Linking {
    /// What the environment asks for with `HOT_LINKING`, or the default.
    ///
    /// # Errors
    ///
    /// Its value, if that is none.
    pub(crate) fn of_environment() -> Result<Linking, String> {
        Linking::of(std::env::var_os("HOT_LINKING").as_deref())
    }

    fn of(value: Option<&OsStr>) -> Result<Linking, String> {
        let value = value.unwrap_or_default();
        if value.is_empty() {
            return Ok(Linking::default());
        }
        match value.to_str() {
            Some("auto") => Ok(Linking::Auto),
            Some("full") => Ok(Linking::Full),
            Some("thin") => Ok(Linking::Thin),
            _ => Err(value.to_string_lossy().into_owned()),
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

/// As the environment names it.
impl fmt::Display for Linking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Linking::Auto => "auto",
            Linking::Full => "full",
            Linking::Thin => "thin",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_names_a_way_or_nothing_or_is_told() {
        let of = |value: &str| Linking::of(Some(value.as_ref()));
        for linking in [Linking::Auto, Linking::Full, Linking::Thin] {
            assert_eq!(of(&linking.to_string()), Ok(linking));
        }
        assert_eq!(Linking::of(None), Ok(Linking::default()));
        assert_eq!(of(""), Ok(Linking::default()));
        assert_eq!(of("Thin"), Err("Thin".to_owned()));
    }

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
