//! What a library says of itself in its file, to be read before it is opened.
//!
//! [`hot_entry!`](crate::hot_entry) places one text record per hot crate in a section of its own. A
//! loader compares it with the record of the running program, which was made by the same macro,
//! and refuses a library whose record differs in a line that decides over type layouts.

use std::fmt;

/// The first line of every record.
pub const MAGIC: &str = "hot-fingerprint 1\n";

/// The last line of every record.
pub const END: &str = "end-of-fingerprint\n";

/// The compiler that built this copy of hot-abi, as `rustc --version` prints it.
pub const RUSTC: &str = env!("HOT_ABI_RUSTC");

/// The target triple this copy of hot-abi was built for.
pub const TARGET: &str = env!("HOT_ABI_TARGET");

/// The version of hot-abi.
pub const ABI_VERSION: &str = env!("CARGO_PKG_VERSION");

/// The features of hot-abi that are on: they change the layout of what program and library hand each
/// other.
pub const ABI_FEATURES: &str = env!("HOT_ABI_FEATURES");

/// Which build of hot-abi this is, among those of one version: the identity that cargo gave it, and a hash of its
/// sources. Who edits hot-abi itself, or builds it with other dependencies, has other types.
pub const ABI_BUILD: &str = hot_macros::__abi_build!();

/// What a panic does in this build.
pub const PANIC: &str = if cfg!(panic = "unwind") {
    "unwind"
} else {
    "abort"
};

/// The keys of a record that must be equal in program and library, in the order of the record.
///
/// `metadata`, the identity that cargo gave the crate, is not among them: it changes when a
/// dependency is added, which is an edit like any other. Nor are `cfg`, what conditional compilation of the
/// crate sees, and `dependencies`, the crates that it was compiled with; they are compared where only the
/// sources tell what a type is.
pub const DECISIVE: [&str; 7] = [
    "hot-abi",
    "abi-features",
    "rustc",
    "target",
    "panic",
    "debug-assertions",
    "abi-build",
];

/// The record of one hot crate, read from a library's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    fields: Vec<(String, String)>,
}

impl Fingerprint {
    /// Reads all records in `bytes`: a section of a library, or a whole file.
    ///
    /// A record that is cut short, or is no text, is left out.
    pub fn find_all(bytes: &[u8]) -> Vec<Fingerprint> {
        let magic = MAGIC.as_bytes();
        let mut records = Vec::new();
        let mut rest = bytes;
        while let Some(at) = find(rest, magic) {
            rest = &rest[at + magic.len()..];
            let Some(end) = find(rest, END.as_bytes()) else {
                break;
            };
            if let Ok(text) = std::str::from_utf8(&rest[..end]) {
                records.extend(Fingerprint::parse(text));
            }
        }
        records
    }

    /// Parses the lines between [`MAGIC`] and [`END`]; `None` if a line is not `key=value`.
    fn parse(text: &str) -> Option<Fingerprint> {
        let fields = text
            .lines()
            .map(|line| {
                line.split_once('=')
                    .map(|(key, value)| (key.to_owned(), value.to_owned()))
            })
            .collect::<Option<Vec<_>>>()?;
        Some(Fingerprint { fields })
    }

    /// The value of `key`, if the record has it.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// The name of the crate that the record describes.
    pub fn crate_name(&self) -> &str {
        self.get("crate").unwrap_or_default()
    }

    /// The manifest directory of the crate that the record describes.
    pub fn manifest_dir(&self) -> &str {
        self.get("manifest-dir").unwrap_or_default()
    }

    /// The lines of [`DECISIVE`] in which `library` differs from `self`, the program's record.
    pub fn differences(&self, library: &Fingerprint) -> Vec<Difference> {
        DECISIVE
            .iter()
            .filter(|key| self.get(key) != library.get(key))
            .map(|key| Difference {
                what: (*key).to_owned(),
                program: self.get(key).unwrap_or("(not told)").to_owned(),
                library: library.get(key).unwrap_or("(not told)").to_owned(),
            })
            .collect()
    }
}

/// One line in which a library's fingerprint differs from the program's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The key of the line, such as `rustc`.
    pub what: String,
    /// Its value in the running program.
    pub program: String,
    /// Its value in the library.
    pub library: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: the program has `{}`, the library `{}`",
            self.what, self.program, self.library
        )?;
        match self.what.as_str() {
            "abi-build" => write!(f, " ({})", self.of_abi_build()),
            _ => Ok(()),
        }
    }
}

impl Difference {
    /// What is behind two values of [`ABI_BUILD`], which alone say nothing to a reader.
    fn of_abi_build(&self) -> &'static str {
        let parts = (self.program.rsplit_once('-'), self.library.rsplit_once('-'));
        let (is_other_identity, are_other_sources) = match parts {
            (Some(program), Some(library)) => (program.0 != library.0, program.1 != library.1),
            _ => (true, true),
        };
        match (is_other_identity, are_other_sources) {
            (true, false) => {
                "hot-abi itself was compiled with another setting of the profile, such as `debug`, `opt-level` or \
                 `overflow-checks`, with another feature, or with another dependency"
            }
            (false, _) => "hot-abi itself was compiled from other sources",
            (true, true) => {
                "hot-abi itself was compiled from other sources, or with another setting of the profile, another feature \
                 or another dependency"
            }
        }
    }
}

/// The length of `parts` laid end to end.
#[doc(hidden)]
pub const fn total_len(parts: &[&str]) -> usize {
    let mut total = 0;
    let mut i = 0;
    while i < parts.len() {
        total += parts[i].len();
        i += 1;
    }
    total
}

/// Lays `parts` end to end. `N` must be their [`total_len`].
#[doc(hidden)]
pub const fn concat<const N: usize>(parts: &[&str]) -> [u8; N] {
    let mut bytes = [0; N];
    let mut at = 0;
    let mut i = 0;
    while i < parts.len() {
        let part = parts[i].as_bytes();
        let mut j = 0;
        while j < part.len() {
            bytes[at] = part[j];
            at += 1;
            j += 1;
        }
        i += 1;
    }
    assert!(at == N, "N is the total length of the parts");
    bytes
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(rustc: &str) -> String {
        format!("{MAGIC}crate=scene\nmanifest-dir=/w/scene\nrustc={rustc}\npanic=unwind\n{END}")
    }

    #[test]
    fn finds_every_record_between_other_bytes() {
        let file = format!("\0\u{1}junk{}\0\0{}tail", record("a"), record("b"));
        let found = Fingerprint::find_all(file.as_bytes());
        let compilers: Vec<_> = found.iter().map(|record| record.get("rustc")).collect();
        assert_eq!(compilers, [Some("a"), Some("b")]);
        assert_eq!(found[0].crate_name(), "scene");
        assert_eq!(found[0].manifest_dir(), "/w/scene");
    }

    #[test]
    fn a_record_cut_short_is_left_out() {
        let whole = record("a");
        assert_eq!(
            Fingerprint::find_all(&whole.as_bytes()[..whole.len() - 3]),
            []
        );
    }

    #[test]
    fn differences_name_both_sides() {
        let of = |rustc| Fingerprint::find_all(record(rustc).as_bytes()).remove(0);
        assert_eq!(of("a").differences(&of("a")), []);
        let differences = of("a").differences(&of("b"));
        assert_eq!(differences.len(), 1);
        assert_eq!(
            differences[0].to_string(),
            "rustc: the program has `a`, the library `b`"
        );
    }

    #[test]
    fn a_difference_of_builds_of_hot_abi_says_what_it_means() {
        let told = |program: &str, library: &str| {
            let difference = Difference {
                what: "abi-build".to_owned(),
                program: program.to_owned(),
                library: library.to_owned(),
            };
            difference.to_string()
        };
        assert_eq!(
            told("0ed5-77aa", "b7c4-77aa"),
            "abi-build: the program has `0ed5-77aa`, the library `b7c4-77aa` (hot-abi itself was compiled with another \
             setting of the profile, such as `debug`, `opt-level` or `overflow-checks`, with another feature, or with \
             another dependency)"
        );
        assert_eq!(
            told("0ed5-77aa", "0ed5-88bb"),
            "abi-build: the program has `0ed5-77aa`, the library `0ed5-88bb` (hot-abi itself was compiled from other \
             sources)"
        );
        let both = told("0ed5-77aa", "b7c4-88bb");
        assert!(both.contains("from other sources, or with another setting"));
        let unknown = told("0ed5-77aa", "(not told)");
        assert!(unknown.contains("from other sources, or with another setting"));
    }

    #[test]
    fn concat_lays_parts_end_to_end() {
        const PARTS: &[&str] = &["ab", "", "c"];
        const TEXT: [u8; total_len(PARTS)] = concat(PARTS);
        assert_eq!(&TEXT, b"abc");
    }
}
