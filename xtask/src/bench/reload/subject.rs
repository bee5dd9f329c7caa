//! The programs whose code is edited.

/// A program with a hot crate, as text in which each contestant marks what is hot in its own way.
pub(super) struct Subject {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    /// How many rounds are enough for a median.
    pub(super) rounds: usize,
    /// The files of the hot crate, by their paths below its `src`.
    pub(super) scene: fn() -> Vec<(String, String)>,
    /// The source of a crate that the hot crate uses, in a subject that is edited there.
    pub(super) palette: Option<&'static str>,
    /// What the hot crate depends on, as lines of a manifest.
    pub(super) dependencies: &'static str,
    /// What the program itself depends on beyond that.
    pub(super) host_dependencies: &'static str,
    /// The type `Turn`, by which the program calls the hot crate.
    pub(super) turn: &'static str,
    /// The file of the hot crate, below its `src`, that is edited, where `palette` is not.
    pub(super) edited: &'static str,
}

/// What the edited file says in its first edition. Each edition has another number there.
pub(super) const FIRST_EDITION: &str = "edition 00000000";

/// What the file says in that edition, and the program once it runs it.
pub(super) fn edition(number: u32) -> String {
    format!("edition {number:08}")
}

pub(super) const SMALL: Subject = Subject {
    name: "small",
    about: "save-to-live of a small crate that depends on regex and serde",
    rounds: 11,
    scene: || {
        vec![(
            "lib.rs".to_owned(),
            include_str!("fixture/small.rs").to_owned(),
        )]
    },
    palette: None,
    dependencies: "regex = \"1\"\nserde = { version = \"1\", features = [\"derive\"] }\nserde_json = \"1\"\n",
    host_dependencies: "",
    turn: include_str!("fixture/small_turn.rs"),
    edited: "lib.rs",
};
