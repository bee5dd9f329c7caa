//! Which libraries stay loaded.

/// Which libraries stay loaded once newer ones are live.
///
/// Code and data of a library can be in use long after it was replaced: a `&'static str` in the
/// program's state, a function pointer in a callback, a thread that is still in a loop. So nothing is
/// unloaded by default; a library of a small crate costs a few megabytes of address space, most of it
/// never touched again. With the `tracing` feature of hot-abi nothing is ever unloaded, since subscribers
/// keep what they were told of a library's callsites.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    kept: Kept,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kept {
    #[default]
    All,
    Newest(usize),
}

impl Retention {
    /// Every library stays loaded until the program ends.
    pub const KEEP_ALL: Retention = Retention { kept: Kept::All };

    /// Of each crate the newest `count` libraries stay loaded, those that a node still lives in, the last good one
    /// before the live one, to go back to, and thin ones with statics that newer code uses.
    ///
    /// # Safety
    ///
    /// The program promises that, when a library falls out of the newest `count`,
    /// - no thread is executing its code or will return into it,
    /// - nothing outside of it holds a reference, function pointer or trait object that leads into it,
    /// - it has no thread-local with a destructor that is still to run.
    ///
    /// A `count` of zero counts as one: the live library is always kept.
    pub const unsafe fn keep_newest(count: usize) -> Retention {
        Retention {
            kept: Kept::Newest(if count == 0 { 1 } else { count }),
        }
    }

    /// How many libraries of one crate may be dropped when `loaded` of them are.
    pub(crate) fn surplus(self, loaded: usize) -> usize {
        match self.kept {
            Kept::All => 0,
            Kept::Newest(count) => loaded.saturating_sub(count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_kept_unless_the_program_promised() {
        assert_eq!(Retention::default(), Retention::KEEP_ALL);
        assert_eq!(Retention::KEEP_ALL.surplus(1000), 0);
        // SAFETY: no library is loaded, so none is unloaded.
        let newest = |count| unsafe { Retention::keep_newest(count) };
        assert_eq!(
            (
                newest(2).surplus(2),
                newest(2).surplus(5),
                newest(0).surplus(3)
            ),
            (0, 3, 2)
        );
    }
}
