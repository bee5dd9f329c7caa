//! The programs whose code is edited.

use super::generated;

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

/// What the small crate depends on.
const REGEX_AND_SERDE: &str =
    "regex = \"1\"\nserde = { version = \"1\", features = [\"derive\"] }\nserde_json = \"1\"\n";

/// What makes eframe's some 200 packages, without a renderer that is slow to compile. With
/// `wayland-dlopen` no file of a system library has to be there.
const EFRAME: &str = "eframe = { version = \"0.37\", default-features = false, \
    features = [\"accesskit\", \"default_fonts\", \"glow\", \"x11\"] }\n\
    winit = { version = \"0.30\", default-features = false, features = [\"wayland-dlopen\"] }\n";

pub(super) const SMALL: Subject = Subject {
    name: "small",
    about: "save-to-live of a small crate that depends on regex and serde",
    rounds: 11,
    scene: || one_file(include_str!("fixture/small.rs").to_owned()),
    palette: None,
    dependencies: REGEX_AND_SERDE,
    host_dependencies: "",
    turn: include_str!("fixture/small_turn.rs"),
    edited: "lib.rs",
};

pub(super) const HEAVY: Subject = Subject {
    name: "heavy",
    about: "the same for a crate that draws with eframe, which is some 200 packages",
    rounds: 7,
    scene: || one_file(include_str!("fixture/heavy.rs").to_owned()),
    palette: None,
    dependencies: EFRAME,
    host_dependencies: EFRAME,
    turn: include_str!("fixture/heavy_turn.rs"),
    edited: "lib.rs",
};

pub(super) const LARGE: Subject = Subject {
    name: "large",
    about: "the same for a crate of 20,000 lines, one of which is edited",
    rounds: 7,
    scene: generated::scene,
    palette: None,
    dependencies: "",
    host_dependencies: "",
    turn: include_str!("fixture/small_turn.rs"),
    edited: generated::EDITED,
};

pub(super) const DEPENDENCY: Subject = Subject {
    name: "dependency",
    about: "the same for an edit in a crate of the workspace that the small hot crate uses",
    rounds: 7,
    scene: || {
        let text = include_str!("fixture/small.rs");
        one_file(text.replace(&format!("\"{FIRST_EDITION}\""), "&palette::title()"))
    },
    palette: Some(include_str!("fixture/palette.rs")),
    dependencies: REGEX_AND_SERDE,
    host_dependencies: "",
    turn: include_str!("fixture/small_turn.rs"),
    edited: "lib.rs",
};

/// A hot crate of a thousand items.
pub(super) const ITEMS: Subject = Subject {
    name: "items",
    about: "",
    rounds: 5,
    scene: generated::items,
    palette: None,
    dependencies: "",
    host_dependencies: "",
    turn: include_str!("fixture/small_turn.rs"),
    edited: "lib.rs",
};

fn one_file(text: String) -> Vec<(String, String)> {
    vec![("lib.rs".to_owned(), text)]
}
