//! What an instance hands to the one that takes its place: named values.
//!
//! The old instance saves, with old code, and the new one restores what it knows by name, with new
//! code. So a type may change freely between the two: a field that was added, removed, renamed or
//! retyped costs that field only, and the report says so.

use crate::args::TypeKey;
#[cfg(feature = "reload")]
use crate::same_type;
use hot_macros::hot_trait;
use std::collections::BTreeMap;
use std::fmt;

/// A node, or another value, whose state lives through a reload.
///
/// `#[derive(HotState)]` writes it for a struct with named fields; to copy one it needs the feature
/// `state`, and with reloading off it does nothing. As the supertrait of a
/// [`#[hot_trait]`](crate::hot_trait) it lets the nodes of that trait be marked `#[hot_node(save)]`.
#[cfg_attr(
    all(feature = "reload", feature = "state"),
    doc = "
# Examples

```
use hot_abi::{HotState, SavedState};

#[derive(HotState, Default)]
struct Old { name: String, hits: u32 }

#[derive(HotState, Default)]
struct New {
    #[hot(alias = \"name\")]
    title: String,
    hits: u64,
    colour: Option<String>,
}

let old = Old { name: \"gate\".into(), hits: 7 };
let mut state = SavedState::default();
old.save(&mut state);

let mut new = New::default();
new.restore(&mut state);
assert_eq!((new.title.as_str(), new.hits), (\"gate\", 7));
assert_eq!(state.report().missing, [\"colour\"]);
```
"
)]
#[hot_trait]
pub trait HotState {
    /// Writes the values to keep.
    fn save(&self, state: &mut SavedState) {
        let _ = state;
    }

    /// Gives away values that cannot be copied: sockets, handles, threads. Called after
    /// [`save`](HotState::save), on an instance that nobody uses any more.
    ///
    /// A node that is made again by a call by `&self` may still be in use. Its values follow at the next
    /// call by `&mut self`, by a [`restore`](HotState::restore) of their own; behind an `Arc` there is none.
    fn hand_over(&mut self, state: &mut SavedState) {
        let _ = state;
    }

    /// Takes the values that this instance knows. It was just made, with the arguments of the node; or it
    /// is in use already, and gets its own values and those that were handed over late.
    fn restore(&mut self, state: &mut SavedState) {
        let _ = state;
    }
}

/// Named values on their way from one instance to the next.
#[derive(Default)]
pub struct SavedState {
    values: BTreeMap<String, Saved>,
    /// Whether the old instance may still be in use, and so keeps what it would hand over.
    in_use: bool,
    report: StateReport,
}

/// What became of the values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateReport {
    /// Values that were restored.
    pub restored: Vec<String>,
    /// Values that could not be carried over, each with the reason.
    pub dropped: Vec<(String, String)>,
    /// Values that were asked for and had not been saved: fields that are new.
    pub missing: Vec<String>,
    /// Values that are taken whole from an instance that may still be in use: they follow when the node
    /// is called by `&mut self`, which nobody can while others use it.
    pub later: Vec<String>,
}

enum Saved {
    /// A value in a self-describing form.
    #[cfg_attr(
        not(feature = "state"),
        allow(dead_code, reason = "made by feature `state` only")
    )]
    Data(Vec<u8>),
    /// A value itself.
    Whole(Box<dyn Whole>),
}

impl SavedState {
    /// For an instance that may still be in use, and so cannot hand anything over yet.
    #[cfg(feature = "reload")]
    pub(crate) fn of_instance_in_use() -> SavedState {
        SavedState {
            in_use: true,
            ..SavedState::default()
        }
    }

    /// Whether a value was handed over whole.
    #[cfg(feature = "reload")]
    pub(crate) fn was_handed_over(&self) -> bool {
        let mut values = self.values.values();
        values.any(|value| matches!(value, Saved::Whole(_)))
    }

    /// Saves a copy of a value under a name.
    ///
    /// A value that cannot be serialised is told in the [report](SavedState::report).
    #[cfg(feature = "state")]
    pub fn save<T: serde::Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        let mut bytes = Vec::new();
        match ciborium::into_writer(value, &mut bytes) {
            Ok(()) => drop(self.values.insert(name.to_owned(), Saved::Data(bytes))),
            Err(error) => {
                let why = match error {
                    ciborium::ser::Error::Value(why) => why,
                    ciborium::ser::Error::Io(error) => error.to_string(),
                };
                self.drop_value(name, format!("it cannot be saved: {why}"));
            }
        }
    }

    /// Takes the value that was saved under a name; `None` if there is none, or if it does not fit `T`,
    /// which the [report](SavedState::report) tells.
    #[cfg(feature = "state")]
    pub fn restore<T: serde::de::DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        self.restore_any(&[name])
    }

    /// Takes the value that was saved under the first of `names` that there is: the name of today, then
    /// those of the past.
    #[cfg(feature = "state")]
    pub fn restore_any<T: serde::de::DeserializeOwned>(&mut self, names: &[&str]) -> Option<T> {
        let (name, saved) = self.take_any(names)?;
        let Saved::Data(bytes) = saved else {
            self.drop_value(
                &name,
                "it was handed over whole and is now restored from a copy".to_owned(),
            );
            return None;
        };
        match ciborium::from_reader(bytes.as_slice()) {
            Ok(value) => {
                self.report.restored.push(name);
                Some(value)
            }
            Err(error) => {
                let wanted = std::any::type_name::<T>();
                // Its own words for this are those of a debugger.
                let why = match error {
                    ciborium::de::Error::Semantic(_, why) => why,
                    other => other.to_string(),
                };
                self.drop_value(&name, format!("it does not fit `{wanted}`: {why}"));
                None
            }
        }
    }

    /// Hands a value over whole. It arrives only where it is taken as a value of the same type, with
    /// an unchanged layout.
    pub fn hand_over<T: 'static>(&mut self, name: &str, value: T) {
        self.values
            .insert(name.to_owned(), Saved::Whole(Box::new(value)));
    }

    /// Takes a value that was handed over whole; `None` if there is none under that name, or if it is no
    /// `T`, which the [report](SavedState::report) tells. A value that is not taken is dropped.
    pub fn take<T: 'static>(&mut self, name: &str) -> Option<T> {
        if self.in_use && !self.values.contains_key(name) {
            self.report.later.push(name.to_owned());
            return None;
        }
        let (name, saved) = self.take_any(&[name])?;
        let Saved::Whole(whole) = saved else {
            self.drop_value(
                &name,
                "it was saved as a copy and is now taken whole".to_owned(),
            );
            return None;
        };
        // Of the value, not of the box, which is `Whole` too.
        let (given, wanted) = ((*whole).key(), TypeKey::of::<T>());
        if given != wanted {
            self.drop_value(&name, format!("it is a {given} and is taken as a {wanted}"));
            return None;
        }
        #[cfg(feature = "reload")]
        if let Err(why) = same_type::compare(given, (*whole).place(), same_type::place_of::<T>()) {
            self.drop_value(&name, format!("it is a {given}, and {why}"));
            return None;
        }
        let whole: *mut dyn Whole = Box::into_raw(whole);
        // SAFETY: the pointer comes from a box that held a value of the type named by the key, which is
        // `T` in name, size and alignment. The two modules have one type of that name, as was just compared;
        // where there is no reloading, there is one module, in which the same path is one type. The box is not
        // used again.
        let value = unsafe { Box::from_raw(whole.cast::<T>()) };
        self.report.restored.push(name);
        Some(*value)
    }

    /// What became of the values so far.
    pub fn report(&self) -> &StateReport {
        &self.report
    }

    /// Ends the exchange: what nobody took is dropped and told.
    pub fn finish(mut self) -> StateReport {
        let left: Vec<_> = std::mem::take(&mut self.values).into_keys().collect();
        for name in left {
            self.drop_value(&name, "the new code has no such value".to_owned());
        }
        self.report
    }

    fn take_any(&mut self, names: &[&str]) -> Option<(String, Saved)> {
        let found = names
            .iter()
            .find_map(|name| self.values.remove_entry(*name));
        if found.is_none() {
            self.report
                .missing
                .extend(names.first().map(|name| (*name).to_owned()));
        }
        found
    }

    fn drop_value(&mut self, name: &str, reason: String) {
        self.report.dropped.push((name.to_owned(), reason));
    }
}

impl fmt::Debug for SavedState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SavedState")
            .field("values", &self.values.keys())
            .field("report", &self.report)
            .finish()
    }
}

impl fmt::Display for StateReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.restored.len() {
            1 => f.write_str("1 value kept")?,
            count => write!(f, "{count} values kept")?,
        }
        for (name, reason) in &self.dropped {
            write!(f, "; `{name}` was dropped: {reason}")?;
        }
        for name in &self.missing {
            write!(f, "; `{name}` is new")?;
        }
        for name in &self.later {
            write!(
                f,
                "; `{name}` follows when the node is called by `&mut self`"
            )?;
        }
        Ok(())
    }
}

/// A value whose type is known by its key.
trait Whole {
    fn key(&self) -> TypeKey;

    /// An address in the module that gave it.
    #[cfg(feature = "reload")]
    fn place(&self) -> usize;
}

impl<T: 'static> Whole for T {
    fn key(&self) -> TypeKey {
        TypeKey::of::<T>()
    }

    #[cfg(feature = "reload")]
    fn place(&self) -> usize {
        same_type::place_of::<T>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_handed_over_arrives_as_what_it_is() {
        let mut state = SavedState::default();
        state.hand_over("socket", vec![1u8, 2]);
        state.hand_over("thread", 5u8);
        assert_eq!(state.take::<Vec<u8>>("socket"), Some(vec![1, 2]));
        assert_eq!(state.take::<u16>("thread"), None);
        assert_eq!(state.take::<u16>("window"), None);
        let report = state.finish();
        assert_eq!(report.restored, ["socket"]);
        assert_eq!(report.dropped[0].0, "thread");
        assert_eq!(report.missing, ["window"]);
    }

    #[cfg(feature = "state")]
    #[test]
    fn each_value_stands_for_itself() {
        let mut state = SavedState::default();
        state.save("kept", "text");
        state.save("retyped", "text");
        state.save("removed", &1);
        state.save("old-name", &f64::NAN);
        assert_eq!(state.restore::<String>("kept").as_deref(), Some("text"));
        assert_eq!(state.restore::<u32>("retyped"), None);
        assert!(
            state
                .restore_any::<f64>(&["new-name", "old-name"])
                .unwrap()
                .is_nan()
        );
        assert_eq!(state.restore::<u8>("added"), None);
        let report = state.finish();
        assert_eq!(report.restored, ["kept", "old-name"]);
        let dropped: Vec<_> = report
            .dropped
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(dropped, ["retyped", "removed"]);
        assert_eq!(report.missing, ["added"]);
    }
}
