//! What the comparison of layouts has to tell.

use super::graph::{Part, Role, Type};
use super::names;
use super::origin::Doubt;
use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;

/// How a library's layouts compare with the program's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutReport {
    /// How far they could be compared.
    pub depth: LayoutDepth,
    /// The items that are not applied, because something they hand over changed its layout.
    pub incompatible: Vec<IncompatibleItem>,
}

/// How far layouts could be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayoutDepth {
    /// All that crosses, with all that it leads to.
    Deep,
    /// No further than names, sizes and alignments.
    Shallow {
        /// Where debug information is missing.
        side: LayoutSide,
        /// What is missing.
        missing: Missing,
    },
}

/// One of the two that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayoutSide {
    /// The running program.
    Program,
    /// The library.
    Library,
}

/// What is missing for a comparison of layouts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing {
    /// Debug information of the crate: `debug = 0`, or it was stripped, or it is in a format or a file of its
    /// own, as on Windows and macOS.
    DebugInfo,
    /// Types in the debug information: `debug = "line-tables-only"` or `debug = 1`.
    Types,
    /// The debug information is in other files: `split-debuginfo`.
    Split,
    /// The debug information is compressed.
    Compressed,
    /// The file could not be read.
    File(String),
    /// The debug information could not be understood.
    Unreadable(String),
}

/// A function or node that hands over something whose layout is not the program's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncompatibleItem {
    /// The path of the function or the name of the node.
    pub item: String,
    /// How the layouts differ. Empty if the item is missing in the debug information of one side, though
    /// other items are there: what is not known is not taken for equal.
    pub differences: Vec<LayoutDifference>,
}

/// One difference between the layouts of program and library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutDifference {
    /// The type, with its path.
    pub type_name: String,
    /// The field, variant or other part of it.
    pub part: Option<String>,
    /// What the program has.
    pub program: String,
    /// What the library has.
    pub library: String,
    /// Where the type or its part is written, if it was found in the sources of the crate.
    pub source: Option<SourceLine>,
}

/// The differences without those that read like one before: each unit of debug information has types of its own, and what
/// is reached in several of them differs in each.
pub(super) fn each_once(mut differences: Vec<LayoutDifference>) -> Vec<LayoutDifference> {
    let mut told = HashSet::new();
    differences.retain(|difference| told.insert(difference.to_string()));
    differences
}

/// A line of a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceLine {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: u32,
}

impl LayoutDifference {
    pub(super) fn new(
        ty: &Type,
        part: Option<&Part>,
        program: impl Into<String>,
        library: impl Into<String>,
    ) -> LayoutDifference {
        LayoutDifference {
            type_name: ty.name.clone(),
            part: part.map(Part::to_string),
            program: program.into(),
            library: library.into(),
            source: None,
        }
    }

    /// A trait object of whose trait, or of a type that it speaks of, only the sources tell.
    pub(super) fn of_words(
        object: &Type,
        path: &str,
        is_trait: bool,
        doubt: &Doubt,
    ) -> LayoutDifference {
        let own = match is_trait {
            true => "the methods of the trait that it was built with",
            false => "the type that it was built with",
        };
        let remedy = "and no table of methods tells their order";
        let restart = "restart the program to use it";
        LayoutDifference {
            type_name: object.name.clone(),
            part: Some(format!("`{}`", names::last_of(path))),
            program: own.to_owned(),
            library: match is_trait {
                true => format!("{doubt}, {remedy}; {restart}"),
                false => format!("{doubt}; {restart}"),
            },
            source: None,
        }
    }

    /// A static whose type is of one layout, and speaks of other references.
    pub(super) fn of_static(path: &str, doubt: &Doubt) -> LayoutDifference {
        LayoutDifference {
            type_name: path.to_owned(),
            part: None,
            program: "the references that it was built with".to_owned(),
            library: doubt.to_string(),
            source: None,
        }
    }

    /// A type of one layout whose definition speaks of other references.
    pub(super) fn of_references(ty: &Type, doubt: &Doubt) -> LayoutDifference {
        LayoutDifference {
            type_name: ty.name.clone(),
            part: None,
            program: "the references that it was built with".to_owned(),
            library: format!("{doubt}; restart the program to use it"),
            source: None,
        }
    }

    /// What panics carry through code that does not hand it over.
    pub(super) fn in_payload(mut self) -> LayoutDifference {
        self.library
            .push_str(", and panics carry it in their payload");
        self
    }

    /// Whether the other one is of the same part of the same type.
    pub(super) fn is_at(&self, other: &LayoutDifference) -> bool {
        (&self.type_name, &self.part) == (&other.type_name, &other.part)
    }

    /// Items whose very signatures differ.
    pub(super) fn of_signature(program: String, library: String) -> LayoutDifference {
        LayoutDifference {
            type_name: SIGNATURE.to_owned(),
            part: None,
            program,
            library,
            source: None,
        }
    }
}

impl LayoutDifference {
    /// The method and the hot trait that it is about, if it is.
    fn method_of_hot_trait(&self) -> Option<(&str, &str)> {
        if !names::is_list_of_methods(&self.type_name) {
            return None;
        }
        let method = self.part.as_deref()?.strip_prefix("field ")?;
        let hot_trait = names::trait_of_method(&self.program);
        let hot_trait = hot_trait.or_else(|| names::trait_of_method(&self.library));
        Some((method, hot_trait?))
    }

    /// Whether the two types have not even one name.
    pub(super) fn is_of_signature(&self) -> bool {
        self.type_name == SIGNATURE && self.part.is_none()
    }
}

/// Stands for the type where the difference is which type it is.
const SIGNATURE: &str = "the signature";

impl IncompatibleItem {
    /// How it differs, in a line.
    pub fn reason(&self) -> String {
        if self.differences.is_empty() {
            return "its types are in the debug information of only one of program and library"
                .into();
        }
        // What a hot trait's attribute makes of its methods differs with them.
        let is_of_interface =
            |difference: &LayoutDifference| names::is_list_of_methods(&difference.type_name);
        let has_interface = self.differences.iter().any(is_of_interface);
        let told = self
            .differences
            .iter()
            .filter(|difference| !(has_interface && names::is_of_hot_abi(&difference.type_name)));
        told.map(LayoutDifference::to_string)
            .collect::<Vec<_>>()
            .join("; ")
    }
}

impl fmt::Display for IncompatibleItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.item, self.reason())
    }
}

impl fmt::Display for LayoutDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.method_of_hot_trait(), &self.part) {
            (Some((method, hot_trait)), _) => write!(f, "method {method} of `{hot_trait}`")?,
            (None, Some(part)) => write!(f, "`{}`, {part}", self.type_name)?,
            (None, None) => write!(f, "`{}`", self.type_name)?,
        }
        if let Some(SourceLine { file, line }) = &self.source {
            write!(f, " ({}:{line})", file.display())?;
        }
        let LayoutDifference {
            program, library, ..
        } = self;
        write!(f, ": the program has {program}, the new code {library}")
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match self.role {
            // The fields of tuples.
            Role::Field { .. } => write!(f, "field `{}`", name.strip_prefix("__").unwrap_or(name)),
            Role::Discriminant { .. } => f.write_str("its discriminant"),
            Role::Variant { .. } | Role::Enumerator { .. } => write!(f, "variant `{name}`"),
            Role::Generic => write!(f, "type argument `{name}`"),
            Role::Target => f.write_str("what it points to"),
            Role::Element { .. } => f.write_str("its elements"),
            Role::Method(_) => write!(f, "method `{name}`"),
            Role::Parameter(index) => write!(f, "parameter {}", index + 1),
            Role::Result => f.write_str("its result"),
            Role::Methods => f.write_str("its methods"),
            Role::Implementor | Role::Carried | Role::Unmade | Role::Mentioned => {
                write!(f, "`{name}`")
            }
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missing::DebugInfo => f.write_str(
                "it has no debug information that can be read; set `debug = true` in the profile, and no `strip`",
            ),
            Missing::Types => f.write_str(
                "its debug information holds no types; set `debug = true` in the profile",
            ),
            Missing::Split => f.write_str(
                "its debug information is in other files; set `split-debuginfo = \"off\"` in the profile",
            ),
            Missing::Compressed => f.write_str(
                "its debug information is compressed; tell the linker not to",
            ),
            Missing::File(reason) => write!(f, "it cannot be read: {reason}"),
            Missing::Unreadable(reason) => {
                write!(f, "its debug information is not understood: {reason}")
            }
        }
    }
}

impl fmt::Display for LayoutDepth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LayoutDepth::Deep => f.write_str("layouts are compared with all that they lead to"),
            LayoutDepth::Shallow { side, missing } => {
                let side = match side {
                    LayoutSide::Program => "the program",
                    LayoutSide::Library => "the library",
                };
                write!(
                    f,
                    "the check of layouts is shallow: it sees names, sizes and alignments, and no fields. The reason \
                     is {side}: {missing}"
                )
            }
        }
    }
}
