//! What the sources of each hot crate say in words, for each state that they were in.
//!
//! Debug information does not tell everything of the types that cross ([`hot_load::words`]). What it leaves open, the
//! sources tell; but only those that a build was of. So each file is known by its content: what is read later than a
//! build began, and is another content than the build's, is taken for unknown.

use crate::scope::CrateScope;
use crate::source::Source;
use hot_load::HotCrate;
use hot_load::layout;
use hot_load::words::{FileWords, SourceWords, Sources};
use hot_watch::FileContent;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::SystemTime;

/// The sources of a hot crate and of the local packages that it is made of.
#[derive(Debug, Default)]
pub(crate) struct CrateWords {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// The names of the libraries of the packages.
    crates: Option<Arc<[String]>>,
    /// The files as they were when they were found.
    found: BTreeMap<Arc<Path>, Arc<Text>>,
    /// What files held later on.
    later: HashMap<(PathBuf, FileContent), Arc<FileWords>>,
}

/// A file as it was found.
#[derive(Debug)]
struct Text {
    content: FileContent,
    /// To know that it was not written since.
    stamp: Stamp,
    /// Until it is read for its words.
    text: Mutex<String>,
    words: OnceLock<Arc<FileWords>>,
    /// Whether its package makes procedural macros.
    in_macros: bool,
}

type Stamp = (u64, Option<SystemTime>);

impl CrateWords {
    /// Takes note of the files that a crate is made of.
    pub(crate) fn find(&self, scope: &CrateScope) {
        let files = rust_files(scope);
        let mut known = lock(&self.known);
        known.crates = scope.crates.clone().map(Arc::from);
        for (path, text) in read_texts(files, scope, &known.found) {
            known.found.insert(path, Arc::new(text));
        }
    }

    /// The words of the files that were found so far, as those that the program was built from: that are those
    /// that were not written since it was linked.
    pub(crate) fn at_start(&self, linked: Option<SystemTime>) -> Arc<SourceWords> {
        let known = lock(&self.known);
        let crates = known.crates.clone();
        let found: Vec<_> = known.found.clone().into_iter().collect();
        drop(known);
        let words = move |(path, text): (Arc<Path>, Arc<Text>)| {
            let is_older = linked
                .zip(text.stamp.1)
                .is_some_and(|(linked, written)| written <= linked);
            let words = match is_older {
                true => text.words(),
                false => Arc::new(FileWords::unknown()),
            };
            (path, words)
        };
        let words = Arc::new(SourceWords::new(move || Sources {
            crates,
            files: found.into_iter().map(words).collect(),
        }));
        words.read_ahead();
        words
    }

    /// The words of a state of the sources, read beside the build that has just begun of it; of nothing if the
    /// state is not known.
    pub(crate) fn of(self: &Arc<Self>, source: Option<Source>) -> Arc<SourceWords> {
        let this = Arc::clone(self);
        let words = Arc::new(SourceWords::new(move || match source {
            Some(source) => this.read(&source),
            None => Sources::default(),
        }));
        words.read_ahead();
        words
    }

    fn read(&self, source: &Source) -> Sources {
        let (crates, found) = {
            let known = lock(&self.known);
            (known.crates.clone(), known.found.clone())
        };
        let different: BTreeMap<&Path, FileContent> = source.contents().collect();
        let mut files: BTreeMap<Arc<Path>, Arc<FileWords>> = BTreeMap::new();
        for (path, text) in &found {
            if !different.contains_key(&**path) {
                files.insert(Arc::clone(path), text.words_if_unchanged(path));
            }
        }
        for (path, content) in different {
            let is_code = is_rust(path) || found.contains_key(path);
            if is_code && content != FileContent::Missing {
                let words = self.words_of(path, content, found.get(path));
                files.insert(Arc::from(path), words);
            }
        }
        Sources {
            crates,
            files: files.into_iter().collect(),
        }
    }

    /// The words of a file that held this.
    fn words_of(
        &self,
        path: &Path,
        content: FileContent,
        found: Option<&Arc<Text>>,
    ) -> Arc<FileWords> {
        if let Some(found) = found.filter(|found| found.content == content) {
            return found.words();
        }
        let key = (path.to_owned(), content);
        if let Some(words) = lock(&self.known).later.get(&key) {
            return Arc::clone(words);
        }
        let text = fs::read(path).ok();
        let text = text.filter(|text| FileContent::of(text) == content);
        let Some(text) = text.and_then(|text| String::from_utf8(text).ok()) else {
            return Arc::new(FileWords::unknown());
        };
        let before = found.map(|found| found.words());
        let mut words = FileWords::read(&text, before.as_deref());
        if found.is_some_and(|found| found.in_macros) {
            words = words.of_macros();
        }
        let words = Arc::new(words);
        let mut known = lock(&self.known);
        Arc::clone(known.later.entry(key).or_insert(words))
    }
}

impl Text {
    fn words(&self) -> Arc<FileWords> {
        let read = || {
            let words = FileWords::read(&std::mem::take(&mut *lock(&self.text)), None);
            Arc::new(match self.in_macros {
                true => words.of_macros(),
                false => words,
            })
        };
        Arc::clone(self.words.get_or_init(read))
    }

    /// The words, if the file is still what was read. The watcher may not have known of it yet when it was read.
    fn words_if_unchanged(&self, path: &Path) -> Arc<FileWords> {
        let is_same = fs::metadata(path).is_ok_and(|now| stamp(&now) == self.stamp)
            || fs::read(path).is_ok_and(|now| FileContent::of(&now) == self.content);
        match is_same {
            true => self.words(),
            false => Arc::new(FileWords::unknown()),
        }
    }
}

/// What is being built, and its words: whoever compares statics while it is built asks for them.
static BUILDING: Mutex<Option<(&'static HotCrate, Arc<SourceWords>)>> = Mutex::new(None);

/// A build of that crate has begun, of sources with these words.
pub(crate) fn building(krate: &'static HotCrate, words: &Arc<SourceWords>) {
    *lock(&BUILDING) = Some((krate, Arc::clone(words)));
}

/// Tells the loader that a library is of the build that began last.
pub(crate) fn note(library: &Path) {
    let building = lock(&BUILDING).clone();
    if let Some((krate, words)) = building {
        layout::note_library_sources(library, krate, words);
    }
}

/// The files with Rust code that a crate is made of.
fn rust_files(scope: &CrateScope) -> Vec<PathBuf> {
    let mut files: Vec<_> = scope.inputs.iter().cloned().collect();
    let mut folders = scope.directories.clone();
    while let Some(folder) = folders.pop() {
        if scope.foreign.contains(&folder) {
            continue;
        }
        // What cannot be read cannot be compiled either.
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let is_source = name != "target" && !name.to_string_lossy().starts_with('.');
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.extend(is_source.then(|| entry.path())),
                _ => files.push(entry.path()),
            }
        }
    }
    files.retain(|path| is_rust(path));
    files.sort();
    files.dedup();
    files
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

/// Reads those files that are not known yet. What makes a procedural macro is found in any file of its package.
fn read_texts(
    files: Vec<PathBuf>,
    scope: &CrateScope,
    known: &BTreeMap<Arc<Path>, Arc<Text>>,
) -> Vec<(Arc<Path>, Text)> {
    let package_of = |path: &Path| {
        let packages = scope.directories.iter();
        let around = packages.filter(|package| path.starts_with(package));
        around
            .max_by_key(|package| package.components().count())
            .cloned()
    };
    let mut texts = Vec::new();
    let mut makes_macros = Vec::new();
    let mut met: HashSet<PathBuf> = files.iter().cloned().collect();
    let mut waiting = VecDeque::from(files);
    while let Some(path) = waiting.pop_front() {
        if known.contains_key(&*path) {
            continue;
        }
        let Ok(metadata) = fs::metadata(&path) else {
            continue;
        };
        let Some(text) = fs::read(&path).ok().filter(|_| metadata.is_file()) else {
            continue;
        };
        let content = FileContent::of(&text);
        let text = String::from_utf8_lossy(&text).into_owned();
        for included in included_by(&path, &text) {
            if met.insert(included.clone()) {
                waiting.push_back(included);
            }
        }
        if text.contains("#[proc_macro") {
            makes_macros.push(package_of(&path));
        }
        texts.push((path, metadata, content, text));
    }
    let text = |(path, metadata, content, text): (PathBuf, Metadata, FileContent, String)| {
        let text = Text {
            content,
            stamp: stamp(&metadata),
            text: Mutex::new(text),
            words: OnceLock::new(),
            in_macros: makes_macros.contains(&package_of(&path)),
        };
        (Arc::from(path), text)
    };
    texts.into_iter().map(text).collect()
}

/// The files that a text includes as code, whatever they are called: those whose names are written there.
fn included_by(path: &Path, text: &str) -> Vec<PathBuf> {
    const MACRO: &str = "include!";
    let folder = path.parent().unwrap_or(path);
    let calls = text.match_indices(MACRO);
    let file = |(at, _): (usize, &str)| {
        let arguments = text[at + MACRO.len()..].trim_start();
        let name = arguments.strip_prefix(['(', '[', '{'])?.trim_start();
        let (name, _) = name.strip_prefix('"')?.split_once('"')?;
        Some(folder.join(name))
    };
    calls.filter_map(file).collect()
}

fn stamp(metadata: &Metadata) -> Stamp {
    (metadata.len(), metadata.modified().ok())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceState;
    use hot_watch::{Change, ChangeKind};
    use std::time::Duration;
    use tempfile::TempDir;

    const OLD: &str = "trait Shape { fn area(&self) -> f32; }";
    const NEW: &str = "trait Shape { fn edge(&self) -> f32; }";

    struct Fixture {
        folder: TempDir,
        words: Arc<CrateWords>,
        state: SourceState,
    }

    /// A crate with the file `src/lib.rs`, and what else there is.
    fn fixture(others: &[(&str, &str)]) -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in [("src/lib.rs", OLD)].iter().chain(others) {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let words = Arc::new(CrateWords::default());
        words.find(&CrateScope::of_directory(folder.path()));
        let state = SourceState::new(folder.path());
        Fixture {
            folder,
            words,
            state,
        }
    }

    impl Fixture {
        fn lib(&self) -> PathBuf {
            self.folder.path().join("src/lib.rs")
        }

        /// The file is another one now, and the watcher says so.
        fn save(&mut self, before: &str, after: &str) {
            fs::write(self.lib(), after).unwrap();
            self.state.change(&Change {
                path: self.lib(),
                kind: ChangeKind::Modified,
                before: FileContent::of(before.as_bytes()),
                after: FileContent::of(after.as_bytes()),
            });
        }

        fn words_now(&self) -> Arc<FileWords> {
            let words = self.words.of(self.state.now());
            let files = &words.get().files;
            let lib = files.iter().find(|(path, _)| **path == *self.lib());
            Arc::clone(&lib.unwrap().1)
        }
    }

    #[test]
    fn each_state_has_the_words_that_its_files_held() {
        let mut fixture = fixture(&[]);
        let start = fixture.words_now();
        assert_eq!(*start, FileWords::read(OLD, None));
        fixture.save(OLD, NEW);
        assert_eq!(*fixture.words_now(), FileWords::read(NEW, None));
        fixture.save(NEW, OLD);
        assert!(Arc::ptr_eq(&fixture.words_now(), &start));
    }

    #[test]
    fn what_is_not_what_the_build_was_of_is_not_known() {
        let mut fixture = fixture(&[]);
        // Written, and the watcher has not said so yet.
        fs::write(fixture.lib(), NEW).unwrap();
        assert_eq!(*fixture.words_now(), FileWords::unknown());
        fs::write(fixture.lib(), OLD).unwrap();
        assert_eq!(*fixture.words_now(), FileWords::read(OLD, None));
        // Written again since the build began.
        fixture.save(OLD, NEW);
        fs::write(fixture.lib(), "trait Other {}").unwrap();
        assert_eq!(*fixture.words_now(), FileWords::unknown());
        let nothing = fixture.words.of(None);
        assert_eq!(nothing.get().files.len(), 0);
    }

    #[test]
    fn the_program_was_built_from_what_is_not_younger() {
        let fixture = fixture(&[]);
        let written = fs::metadata(fixture.lib()).unwrap().modified().unwrap();
        let words = |linked| {
            let words = fixture.words.at_start(linked);
            Arc::clone(&words.get().files[0].1)
        };
        assert_eq!(*words(Some(written)), FileWords::read(OLD, None));
        let before = written.checked_sub(Duration::from_secs(1));
        assert_eq!(*words(before), FileWords::unknown());
        assert_eq!(*words(None), FileWords::unknown());
    }

    #[test]
    fn what_was_built_is_no_source_and_macros_are_told() {
        let macros = "#[proc_macro]\npub fn shape(a: A) -> A { a }";
        let fixture = fixture(&[
            ("target/debug/out.rs", NEW),
            (".git/lib.rs", NEW),
            ("src/macros.rs", macros),
            ("notes.txt", "trait"),
        ]);
        let words = fixture.words.of(fixture.state.now());
        let files = &words.get().files;
        assert_eq!(files.len(), 2);
        assert_eq!(*files[0].1, FileWords::read(OLD, None).of_macros());
    }

    #[test]
    fn what_is_included_as_code_is_code_whatever_it_is_called() {
        let includes = [
            ("src/shapes.rs", "include!( \"shapes/all.inc\");"),
            ("src/shapes/all.inc", "include!{\"more.txt\"}"),
            ("src/shapes/more.txt", NEW),
            ("src/shapes/notes.txt", NEW),
        ];
        let mut fixture = fixture(&includes);
        let more = fixture.folder.path().join("src/shapes/more.txt");
        let words_of = |fixture: &Fixture| {
            let words = fixture.words.of(fixture.state.now());
            let files = &words.get().files;
            assert_eq!(files.len(), 4);
            let found = files.iter().find(|(path, _)| **path == *more);
            Arc::clone(&found.unwrap().1)
        };
        assert_eq!(*words_of(&fixture), FileWords::read(NEW, None));
        fs::write(&more, OLD).unwrap();
        fixture.state.change(&Change {
            path: more.clone(),
            kind: ChangeKind::Modified,
            before: FileContent::of(NEW.as_bytes()),
            after: FileContent::of(OLD.as_bytes()),
        });
        assert_eq!(*words_of(&fixture), FileWords::read(OLD, None));
    }
}
