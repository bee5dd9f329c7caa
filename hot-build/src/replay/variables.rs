//! Whether the environment is still as it was, as far as a build depends on it.

use std::collections::BTreeMap;
use std::ffi::OsString;

use crate::environment;

use super::RustcCommand;

/// Variables of this process's environment that a build depends on, with the values that they had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Variables {
    /// Those that code or build scripts asked for.
    asked_for: BTreeMap<String, Option<OsString>>,
    /// Those by which a user tells cargo and rustc what to do.
    settings: BTreeMap<OsString, OsString>,
}

impl Variables {
    /// Notes the values that the variables of these names have now, and those that cargo and rustc obey.
    pub(crate) fn take(names: impl IntoIterator<Item = String>) -> Self {
        Self {
            asked_for: names
                .into_iter()
                .map(|name| {
                    let value = environment::given(&name);
                    (name, value)
                })
                .collect(),
            settings: environment::settings(),
        }
    }

    /// The name of one that has another value now, if there is one.
    pub(crate) fn first_changed(&self) -> Option<String> {
        let asked_for = self
            .asked_for
            .iter()
            .find(|(name, value)| environment::given(name) != **value);
        if let Some((name, _)) = asked_for {
            return Some(name.clone());
        }
        let now = environment::settings();
        let differs = |name: &&OsString| self.settings.get(*name) != now.get(*name);
        let changed = self.settings.keys().chain(now.keys()).find(differs);
        changed.map(|name| name.to_string_lossy().into_owned())
    }
}

/// A variable of which the code was compiled with another value than a run of `command` would see now.
pub(crate) fn first_different<'a>(
    read: &'a [(String, Option<String>)],
    command: &RustcCommand,
) -> Option<&'a str> {
    read.iter()
        .find(|(name, value)| match command.variable(name) {
            Some(given) => value.as_deref() != Some(given),
            None => value.as_ref().map(OsString::from) != environment::given(name),
        })
        .map(|(name, _)| name.as_str())
}

/// The names of those variables that come from the environment of this process.
pub(crate) fn from_outside<'a>(
    read: &'a [(String, Option<String>)],
    command: &'a RustcCommand,
) -> impl Iterator<Item = String> + 'a {
    read.iter()
        .map(|(name, _)| name)
        .filter(|name| command.variable(name).is_none())
        .cloned()
}
