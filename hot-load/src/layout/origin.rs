//! What a program or a library was built from, as far as debug information does not tell it: the words of its
//! sources, and the crates it was compiled with.

use crate::mapped::{self, Mapped};
use crate::verify;
use crate::words::{self, ChangedReferences, SourceWords, Sources};
use hot_abi::fingerprint::Fingerprint;
use hot_abi::registry::HotCrate;
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::{names, proven};

/// Tells from what sources the code of a crate was built that is linked into the program.
///
/// They are read when a trait object crosses, and nothing else tells what methods its trait has: in the program, or
/// in a library, no value is made that is behind it. Where they are not told, such an item is not applied.
pub fn note_program_sources(krate: &HotCrate, words: Arc<SourceWords>) {
    let origin = Origin::new(krate, Some(words), Fingerprint::find_all(krate.fingerprint));
    let mut program = lock(&PROGRAM);
    program.retain(|known| known.manifest_dir != krate.manifest_dir);
    program.push(Arc::new(origin));
}

/// Tells from what sources the library of a crate was built: before it is loaded, or compared. Its file need not be
/// there yet.
pub fn note_library_sources(library: &Path, krate: &HotCrate, words: Arc<SourceWords>) {
    let origin = Arc::new(Origin::to_be_read(krate, words, library));
    lock(&LIBRARIES).insert_with(library, origin);
}

/// What was told of the program, for each crate.
static PROGRAM: Mutex<Vec<Arc<Origin>>> = Mutex::new(Vec::new());

/// What was told of libraries, by their files.
static LIBRARIES: Mutex<Libraries> = Mutex::new(Libraries(None));

struct Libraries(Option<HashMap<PathBuf, Arc<Origin>>>);

impl Libraries {
    fn insert_with(&mut self, library: &Path, origin: Arc<Origin>) {
        let libraries = self.0.get_or_insert_default();
        libraries.insert(library.to_owned(), origin);
    }

    fn get(&self, library: &Path) -> Option<Arc<Origin>> {
        self.0.as_ref()?.get(library).cloned()
    }
}

/// What a crate was built from, in the program or in a library.
#[derive(Debug)]
pub(super) struct Origin {
    /// No other origin has it.
    pub(super) number: u64,
    manifest_dir: String,
    crate_name: String,
    words: Option<Arc<SourceWords>>,
    /// Where the fingerprint is, if it is still to be read.
    library: Option<PathBuf>,
    fingerprint: OnceLock<Option<Fingerprint>>,
}

impl Origin {
    fn new(krate: &HotCrate, words: Option<Arc<SourceWords>>, records: Vec<Fingerprint>) -> Origin {
        Origin {
            number: proven::number(),
            manifest_dir: krate.manifest_dir.to_owned(),
            crate_name: krate.crate_name.to_owned(),
            words,
            library: None,
            fingerprint: OnceLock::from(record_of(krate.crate_name, records)),
        }
    }

    fn to_be_read(krate: &HotCrate, words: Arc<SourceWords>, library: &Path) -> Origin {
        Origin {
            library: Some(library.to_owned()),
            fingerprint: OnceLock::new(),
            ..Origin::new(krate, Some(words), Vec::new())
        }
    }

    /// That of a crate named `scene`, with these lines in its fingerprint.
    #[cfg(test)]
    pub(super) fn of_text(text: &str, lines: &str) -> Origin {
        let words = Arc::new(words::FileWords::read(text, None));
        let sources = Sources {
            crates: Some(["scene".to_owned()].into()),
            files: vec![(Arc::from(Path::new("lib.rs")), words)],
        };
        let record = format!(
            "{}crate=scene\n{lines}{}",
            hot_abi::fingerprint::MAGIC,
            hot_abi::fingerprint::END
        );
        Origin {
            number: proven::number(),
            manifest_dir: String::new(),
            crate_name: "scene".to_owned(),
            words: Some(Arc::new(SourceWords::new(move || sources))),
            library: None,
            fingerprint: OnceLock::from(record_of(
                "scene",
                Fingerprint::find_all(record.as_bytes()),
            )),
        }
    }

    /// That of a crate in the program.
    pub(super) fn of_program(krate: &HotCrate) -> Arc<Origin> {
        Origin::of_program_at(krate.manifest_dir).unwrap_or_else(|| {
            let records = Fingerprint::find_all(krate.fingerprint);
            Arc::new(Origin::new(krate, None, records))
        })
    }

    fn of_program_at(manifest_dir: &str) -> Option<Arc<Origin>> {
        let program = lock(&PROGRAM);
        let mut crates = program.iter();
        crates
            .find(|known| known.manifest_dir == manifest_dir)
            .cloned()
    }

    /// That of a crate in a library, given what the library registered of it. `built` is the file that was told.
    pub(super) fn of_library(krate: &HotCrate, built: &Path) -> Arc<Origin> {
        let told = Origin::told(built).filter(|told| told.manifest_dir == krate.manifest_dir);
        told.unwrap_or_else(|| {
            let records = Fingerprint::find_all(krate.fingerprint);
            Arc::new(Origin::new(krate, None, records))
        })
    }

    /// What was told of a library.
    pub(super) fn told(library: &Path) -> Option<Arc<Origin>> {
        lock(&LIBRARIES).get(library)
    }

    /// That of the crate in the program that this is a library of.
    pub(super) fn in_program(&self) -> Option<Arc<Origin>> {
        Origin::of_program_at(&self.manifest_dir)
    }

    /// Whether `sources`, which are its own, are those of that crate too; `None` if it is not known of which they are
    /// besides.
    fn has_sources_of(&self, crate_name: &str, sources: &Sources) -> Option<bool> {
        match &sources.crates {
            Some(crates) => Some(crates.iter().any(|local| local == crate_name)),
            None => (self.crate_name == crate_name).then_some(true),
        }
    }

    fn record(&self) -> Option<&Fingerprint> {
        let read = || {
            let records = verify::read_fingerprints(self.library.as_deref()?);
            record_of(&self.crate_name, records.ok()?)
        };
        self.fingerprint.get_or_init(read).as_ref()
    }
}

/// Whether a type of that name is one type in the two modules that these addresses lie in.
///
/// # Errors
///
/// How the types differ, or why that is not known.
pub(crate) fn compare_types(type_name: &str, giver: usize, taker: usize) -> Result<(), String> {
    let (giver, taker) = (mapped::at(giver), mapped::at(taker));
    if giver.is_some() && giver == taker {
        return Ok(());
    }
    if names::is_unnameable(type_name) || type_name.contains("{{") {
        return Err("a closure or a future is of one build only".to_owned());
    }
    let told = |file: &Option<Mapped>| match file {
        Some(Mapped::Library(file)) => Origin::told(file),
        _ => None,
    };
    let (of_giver, of_taker) = (told(&giver), told(&taker));
    // Of the crates in the program it is the one that the other is a library of.
    let or_program = |own: &Option<Arc<Origin>>, file, other: &Option<Arc<Origin>>| {
        let linked = || other.as_ref().filter(|_| file == Some(Mapped::Program));
        own.clone().or_else(|| linked()?.in_program())
    };
    let own = or_program(&of_giver, giver, &of_taker);
    let new = or_program(&of_taker, taker, &of_giver);
    let origins = Origins {
        program: own.as_deref(),
        library: new.as_deref(),
    };
    let doubts = names::paths_in(type_name).into_iter();
    let doubt = doubts
        .filter_map(|path| Some((path, origins.doubt(path)?)))
        .next();
    match doubt {
        Some((path, doubt)) => Err(format!("`{}` may be {doubt}", names::last_of(path))),
        None => Ok(()),
    }
}

/// A library is also known as the copy of it that is opened.
pub(crate) fn note_copy(built: &Path, copy: &Path) {
    let mut libraries = lock(&LIBRARIES);
    if let Some(origin) = libraries.get(built) {
        libraries.insert_with(copy, origin);
    }
}

fn record_of(crate_name: &str, records: Vec<Fingerprint>) -> Option<Fingerprint> {
    let mut records = records.into_iter();
    records.find(|record| record.crate_name() == crate_name)
}

/// The origins of two sides that are compared.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origins<'a> {
    pub(super) program: Option<&'a Origin>,
    pub(super) library: Option<&'a Origin>,
}

/// Why it cannot be taken that a trait, or a type, is the same on both sides, though neither has debug information
/// of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    Words(words::Difference),
    /// Its references may live as long as others.
    References(words::OtherReferences),
    /// A crate was compiled otherwise, or the features of the crate itself are others.
    Compiled {
        otherwise: String,
    },
    /// It is not known from which sources or crates one of them was built.
    Untold,
}

impl Origins<'_> {
    pub(super) fn numbers(&self) -> (Option<u64>, Option<u64>) {
        let number = |origin: Option<&Origin>| origin.map(|origin| origin.number);
        (number(self.program), number(self.library))
    }

    /// Whether the code of one of them may begin a panic with a box that it already has.
    pub(super) fn may_resume(&self) -> bool {
        let may_resume = |origin: Option<&Origin>| {
            let words = origin.and_then(|origin| origin.words.as_ref());
            words.is_none_or(|words| words.get().may_resume())
        };
        may_resume(self.program) || may_resume(self.library)
    }

    /// Why the type or trait at `path` is another one, though debug information tells of no difference: it has other
    /// references. `None` if it has not, or if the sources are not known.
    pub(super) fn other_references(&self, path: &str) -> Option<Doubt> {
        let (sources, changed) = self.changed_references_of(path)?;
        let path = path.split('<').next().unwrap_or_default();
        let (around, name) = path.rsplit_once("::").unwrap_or(("", path));
        let found = changed.of_type(sources, names::last_of(around), name);
        found.map(Doubt::References)
    }

    /// The same for a static, as it is written, with the name of its type.
    pub(super) fn other_references_in_static(&self, path: &str, type_name: &str) -> Option<Doubt> {
        // What else is in a static lives for ever.
        if !["fn(", "dyn "]
            .iter()
            .any(|callback| type_name.contains(callback))
        {
            return None;
        }
        let (sources, changed) = self.changed_references_of(path)?;
        let found = changed.of_static(sources, names::last_of(path));
        found.map(Doubt::References)
    }

    /// Whether any definition in the sources speaks of other references.
    pub(super) fn have_other_references(&self) -> bool {
        self.changed_references()
            .is_some_and(|changed| !changed.is_empty())
    }

    /// The sources of both and what changed in them, if anything did and what is at `path` is defined there.
    fn changed_references_of(&self, path: &str) -> Option<([&Sources; 2], Arc<ChangedReferences>)> {
        let (own, new) = self.sources()?;
        let changed = self.changed_references()?;
        let is_local = self.program?.has_sources_of(names::crate_of(path), own) == Some(true);
        (is_local && !changed.is_empty()).then_some(([own, new], changed))
    }

    fn sources(&self) -> Option<(&Sources, &Sources)> {
        let (own, new) = (self.program?, self.library?);
        Some((own.words.as_ref()?.get(), new.words.as_ref()?.get()))
    }

    /// Found out once for each pair: many items are compared with the same.
    fn changed_references(&self) -> Option<Arc<ChangedReferences>> {
        type OfPair = ((u64, u64), Arc<ChangedReferences>);
        static FOUND: Mutex<Vec<OfPair>> = Mutex::new(Vec::new());
        const REMEMBERED: usize = 8;
        let pair = (self.program?.number, self.library?.number);
        let found = lock(&FOUND);
        let known = found.iter().find(|(known, _)| *known == pair);
        if let Some((_, known)) = known {
            return Some(Arc::clone(known));
        }
        drop(found);
        let (own, new) = self.sources()?;
        let changed = Arc::new(own.changed_references(new));
        let mut found = lock(&FOUND);
        found.push((pair, Arc::clone(&changed)));
        let surplus = found.len().saturating_sub(REMEMBERED);
        found.drain(..surplus);
        Some(changed)
    }

    /// Why the trait or type at `path` may not be the same; `None` if it is.
    pub(super) fn doubt(&self, path: &str) -> Option<Doubt> {
        let crate_name = names::crate_of(path);
        // The fingerprint proves one compiler and one hot-abi.
        if names::OF_COMPILER.contains(&crate_name) {
            return None;
        }
        let (Some(program), Some(library)) = (self.program, self.library) else {
            return Some(Doubt::Untold);
        };
        if let Some(doubt) = compiled_otherwise(program, library, crate_name) {
            return Some(doubt);
        }
        let (Some(own), Some(new)) = (&program.words, &library.words) else {
            return Some(Doubt::Untold);
        };
        let (own, new) = (own.get(), new.get());
        let Some(is_local) = program.has_sources_of(crate_name, own) else {
            return Some(Doubt::Untold);
        };
        let difference = own.difference(&own.changes(new), names::last_of(path), is_local);
        difference.map(Doubt::Words)
    }
}

/// Which of what the compiler was given is different.
fn compiled_otherwise(program: &Origin, library: &Origin, crate_name: &str) -> Option<Doubt> {
    let both = |key| Some((program.record()?.get(key)?, library.record()?.get(key)?));
    let (Some(cfg), Some(crates)) = (both("cfg"), both("dependencies")) else {
        return Some(Doubt::Untold);
    };
    let otherwise = |what: &str| {
        Some(Doubt::Compiled {
            otherwise: what.to_owned(),
        })
    };
    if cfg.0 != cfg.1 {
        return otherwise(&program.crate_name);
    }
    let list = |crates: &'_ str| -> Vec<(String, String)> {
        let pairs = crates.split(' ').filter_map(|one| one.split_once(':'));
        pairs
            .map(|(name, file)| (name.to_owned(), file.to_owned()))
            .collect()
    };
    let (own, new) = (list(crates.0), list(crates.1));
    for (name, file) in &own {
        // One that only one of them has is not spoken of by what both have.
        if new
            .iter()
            .any(|(other, other_file)| other == name && other_file != file)
        {
            return otherwise(name);
        }
    }
    let is_near = |crates: &[(String, String)]| crates.iter().any(|(name, _)| name == crate_name);
    let is_near = crate_name == program.crate_name || (is_near(&own) && is_near(&new));
    match is_near || own == new {
        true => None,
        false => otherwise(crate_name),
    }
}

/// What the new code has instead, for people.
impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Doubt::Words(words::Difference::Changed(name)) => {
                write!(f, "another one, for `{name}` is written differently")
            }
            Doubt::References(words::OtherReferences::Changed(name)) => write!(
                f,
                "other references, or others that live as long: `{name}` is written differently"
            ),
            Doubt::References(words::OtherReferences::NotFound) => f.write_str(
                "references that may live as long as others did: its definition is not found in the sources, as when a \
                 macro writes it, and what it may be made of is written differently",
            ),
            Doubt::References(words::OtherReferences::Unknown(path)) => write!(
                f,
                "references that may live as long as others did: {} changed at a time when it could not be read",
                path.display()
            ),
            Doubt::Words(words::Difference::NotFound) => f.write_str(
                "one whose definition is not found in the sources, as when a macro writes it",
            ),
            Doubt::Words(words::Difference::Outside(name)) => write!(
                f,
                "one that is not known, for `{name}` depends on more than its text, as by `include_bytes!`, `env!` or \
                 `line!`"
            ),
            Doubt::Words(words::Difference::Unknown(path)) => write!(
                f,
                "one that is not known, for {} changed at a time when it could not be read",
                path.display()
            ),
            Doubt::Words(words::Difference::Macros(path)) => write!(
                f,
                "one that a procedural macro may have changed: {} is another one",
                path.display()
            ),
            Doubt::Compiled { otherwise } => write!(
                f,
                "one of other crates, or of other features: `{otherwise}` is compiled differently"
            ),
            Doubt::Untold => f.write_str("one whose sources are not known"),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
