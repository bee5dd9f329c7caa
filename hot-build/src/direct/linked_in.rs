//! Whether a crate compiles to what the program was linked with, as it does when only a comment changed.
//!
//! There is a library to compare with from the second build on. For the first there is the program's own code: in the
//! rlibs that it was linked from, as long as nobody has written them since.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use object::read::archive::ArchiveFile;

use crate::replay::{CrateFile, Record, modified, program_built};

/// The rlibs that the program was linked from: those of a hot crate and of all below it.
#[derive(Debug)]
pub(super) struct LinkedIn {
    rlibs: BTreeMap<PathBuf, Rlib>,
    program_built: SystemTime,
}

#[derive(Debug)]
struct Rlib {
    is_local: bool,
    /// When the file was written that holds the objects of the program.
    written: SystemTime,
}

/// The objects of rlibs, by the place where cargo puts them.
#[derive(Debug, Default)]
pub(super) struct Objects {
    of: BTreeMap<PathBuf, Vec<Vec<u8>>>,
}

impl LinkedIn {
    /// Those that `record` names, which is of the program's own build. `None` if one was written after the program,
    /// which then is not of it.
    pub(super) fn of_program(record: &Record) -> Option<Self> {
        Self::written_before(program_built()?, record.crate_files())
    }

    fn written_before(program_built: SystemTime, files: Vec<CrateFile>) -> Option<Self> {
        let mut rlibs = BTreeMap::new();
        for CrateFile { rlib, is_local, .. } in files {
            let written = modified(&rlib).filter(|written| *written <= program_built)?;
            rlibs.insert(rlib, Rlib { is_local, written });
        }
        Some(Self {
            rlibs,
            program_built,
        })
    }

    /// The objects of the user's own crates, before cargo writes others to their place.
    pub(super) fn objects(&self) -> Objects {
        let local = self.rlibs.iter().filter(|(_, rlib)| rlib.is_local);
        let unchanged = local.filter(|(path, rlib)| modified(path) == Some(rlib.written));
        let read = unchanged.filter_map(|(path, _)| Some((path.clone(), objects(path).ok()?)));
        Objects { of: read.collect() }
    }

    /// Whether these crates, as they are compiled now, are what the program was linked with. What cannot be read, or was
    /// written by somebody else meanwhile, is not known to be. `before` is what cargo may have replaced.
    pub(super) fn holds(&mut self, files: &[CrateFile], before: &Objects) -> bool {
        let is_there = |rlib: &PathBuf| files.iter().any(|file| file.rlib == *rlib);
        self.rlibs.keys().all(is_there) && files.iter().all(|file| self.is_same(file, before))
    }

    fn is_same(&mut self, file: &CrateFile, before: &Objects) -> bool {
        let Some(known) = self.rlibs.get_mut(&file.rlib) else {
            // What only runs while building is not in the program. Cargo lists that, too.
            let is_older = |written| written <= self.program_built;
            return !file.is_local && modified(&file.rlib).is_some_and(is_older);
        };
        let is_untouched = modified(&file.rlib) == Some(known.written);
        if is_untouched && file.compiled == file.rlib {
            return true;
        }
        let Ok(compiled) = objects(&file.compiled) else {
            return false;
        };
        let is_same = known.is_local
            && match before.of.get(&file.rlib) {
                Some(before) => *before == compiled,
                None => is_untouched && objects(&file.rlib).is_ok_and(|own| own == compiled),
            };
        if is_same && file.compiled == file.rlib {
            // Cargo has put the same in its place.
            known.written = modified(&file.rlib).unwrap_or(known.written);
        }
        is_same
    }
}

/// The object files that the compiler made of a crate, in an order of their own: their names are of each run.
fn objects(rlib: &Path) -> io::Result<Vec<Vec<u8>>> {
    let content = fs::read(rlib)?;
    let archive = ArchiveFile::parse(&*content).map_err(io::Error::other)?;
    let mut objects = Vec::new();
    for member in archive.members() {
        let member = member.map_err(io::Error::other)?;
        if member.name().ends_with(b".rcgu.o") {
            let bytes = member.data(&*content).map_err(io::Error::other)?;
            objects.push(bytes.to_owned());
        }
    }
    objects.sort_unstable();
    Ok(objects)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// A folder with the rlibs that a program was linked from, half a minute before it.
    struct Built {
        folder: tempfile::TempDir,
        program: SystemTime,
    }

    impl Built {
        fn new() -> Self {
            let built = Self {
                folder: tempfile::tempdir().expect("a folder"),
                program: SystemTime::now(),
            };
            built.compile(
                "scene.rlib",
                &[("a.0.rcgu.o", "code"), ("b.0.rcgu.o", "more")],
            );
            built.compile("regex.rlib", &[("r.0.rcgu.o", "regex")]);
            for name in ["scene.rlib", "regex.rlib"] {
                let file = fs::File::options().append(true).open(built.path(name));
                let earlier = built.program - Duration::from_secs(30);
                file.and_then(|file| file.set_modified(earlier))
                    .expect("it is there");
            }
            built
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        /// Writes an archive of such members.
        fn compile(&self, name: &str, members: &[(&str, &str)]) {
            let mut bytes = b"!<arch>\n".to_vec();
            for (name, content) in members {
                let name = format!("{name}/");
                let header = format!(
                    "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n",
                    0,
                    0,
                    0,
                    644,
                    content.len()
                );
                bytes.extend(header.into_bytes());
                bytes.extend(content.bytes());
                bytes.resize(bytes.len().next_multiple_of(2), b'\n');
            }
            fs::write(self.path(name), bytes).expect("it can be written");
        }

        /// The crates, the hot one in the file `compiled`.
        fn files(&self, compiled: &str) -> Vec<CrateFile> {
            let file = |rlib: &str, compiled: &str, is_local| CrateFile {
                rlib: self.path(rlib),
                compiled: self.path(compiled),
                is_local,
            };
            vec![
                file("regex.rlib", "regex.rlib", false),
                file("scene.rlib", compiled, true),
            ]
        }

        fn linked_in(&self) -> LinkedIn {
            LinkedIn::written_before(self.program, self.files("scene.rlib")).expect("all are older")
        }
    }

    #[test]
    fn the_same_objects_are_the_same_whatever_their_names_and_order() {
        let built = Built::new();
        let mut linked_in = built.linked_in();
        let mut is_same = |members: &[(&str, &str)]| {
            built.compile("own.rlib", members);
            linked_in.holds(&built.files("own.rlib"), &Objects::default())
        };
        assert!(is_same(&[
            ("x.1.rcgu.o", "more"),
            ("y.1.rcgu.o", "code"),
            ("lib.rmeta", "new")
        ]));
        assert!(!is_same(&[("a.1.rcgu.o", "code")]));
        assert!(!is_same(&[("a.1.rcgu.o", "code"), ("b.1.rcgu.o", "less")]));
        fs::write(built.path("own.rlib"), "no archive").expect("it can be written");
        assert!(!linked_in.holds(&built.files("own.rlib"), &Objects::default()));
    }

    #[test]
    fn what_cargo_put_in_its_place_is_compared_with_what_was_there() {
        let built = Built::new();
        let mut linked_in = built.linked_in();
        let files = built.files("scene.rlib");
        for members in [[("a.2.rcgu.o", "more"), ("b.2.rcgu.o", "code")]; 2] {
            let before = linked_in.objects();
            built.compile("scene.rlib", &members);
            assert!(linked_in.holds(&files, &before));
        }
        // Nobody knows what was there before this one.
        built.compile(
            "scene.rlib",
            &[("a.3.rcgu.o", "code"), ("b.3.rcgu.o", "more")],
        );
        let later = SystemTime::now() + Duration::from_secs(5);
        let file = fs::File::options()
            .append(true)
            .open(built.path("scene.rlib"));
        file.and_then(|file| file.set_modified(later))
            .expect("it is there");
        let before = linked_in.objects();
        assert!(!linked_in.holds(&files, &before));
    }

    #[test]
    fn other_crates_are_other_code() {
        let built = Built::new();
        let mut linked_in = built.linked_in();
        let none = Objects::default();
        assert!(linked_in.holds(&built.files("scene.rlib"), &none));
        assert!(!linked_in.holds(&built.files("scene.rlib")[1..], &none));
        built.compile("regex.rlib", &[("r.0.rcgu.o", "regex")]);
        assert!(
            !linked_in.holds(&built.files("scene.rlib"), &none),
            "who knows how it was made?"
        );
        let younger = LinkedIn::written_before(
            built.program - Duration::from_secs(60),
            built.files("scene.rlib"),
        );
        assert!(younger.is_none(), "the program is not of these");
    }
}
