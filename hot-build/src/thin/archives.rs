//! The compiled dependencies of the crate, as archives of object files to look symbols up in.

use std::collections::HashMap;
use std::fs::File;
use std::hash::BuildHasherDefault;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use object::read::ReadCache;
use object::read::archive::{ArchiveFile, ArchiveOffset};

use super::host::{Identity, hash};
use crate::FallbackReason;

/// An object file with its bytes.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// For one that is looked up: what tells it from other objects, and from what its archive held at other
    /// times.
    pub(crate) identity: u64,
}

/// The object files that the compiler made of a crate, in its rlib, which is in memory. What else was put into
/// the rlib, such as objects of a C library, is left out.
#[derive(Debug, Default)]
pub(crate) struct CrateObjects {
    content: Vec<u8>,
    members: Vec<CrateObject>,
}

/// One of the [`CrateObjects`].
#[derive(Clone, Debug)]
pub(crate) struct CrateObject {
    pub(crate) name: String,
    place: Range<usize>,
}

impl CrateObjects {
    /// Reads an rlib. It takes the memory of `spare`, which the system would have to make ready again.
    pub(crate) fn read(rlib: &Path, spare: Self) -> Result<Self, FallbackReason> {
        let mut content = spare.content;
        content.clear();
        let mut file = File::open(rlib).map_err(unreadable(rlib))?;
        file.read_to_end(&mut content).map_err(unreadable(rlib))?;
        let archive = ArchiveFile::parse(&*content).map_err(not_an_archive(rlib))?;
        let mut members = Vec::new();
        for member in archive.members() {
            let member = member.map_err(not_an_archive(rlib))?;
            if !member.name().ends_with(b".rcgu.o") {
                continue;
            }
            // What is in the archive is in memory, so its places are numbers of this system.
            let (start, size) = member.file_range();
            let place = start as usize..(start + size) as usize;
            let bytes = member.data(&*content).map_err(not_an_archive(rlib))?;
            if !bytes.starts_with(&object::elf::ELFMAG) || content.get(place.clone()) != Some(bytes)
            {
                return Err(FallbackReason::NoMachineCode {
                    path: rlib.to_owned(),
                });
            }
            members.push(CrateObject {
                name: String::from_utf8_lossy(member.name()).into_owned(),
                place,
            });
        }
        Ok(Self { content, members })
    }

    pub(crate) fn members(&self) -> &[CrateObject] {
        &self.members
    }

    /// The bytes of one of its members.
    pub(crate) fn bytes(&self, member: &CrateObject) -> &[u8] {
        &self.content[member.place.clone()]
    }
}

/// Several archives, with an index of all their symbols.
#[derive(Debug, Default)]
pub(crate) struct Archives {
    paths: Vec<PathBuf>,
    members: HashMap<u64, MemberId, BuildHasherDefault<Identity>>,
    /// The functions by which a loader learns of the hot crates in them, by the number of the archive.
    inits: Vec<(usize, Vec<u8>)>,
}

/// Begins the name of such a function.
const INIT: &[u8] = b"hot_init_";

/// A member of one of the [`Archives`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MemberId {
    archive: usize,
    offset: u64,
}

impl Archives {
    /// Reads the symbol tables of `paths`. Where several define a symbol, the first one has it.
    pub(crate) fn index(paths: &[PathBuf]) -> Result<Self, FallbackReason> {
        let mut archives = Self {
            paths: paths.to_vec(),
            members: HashMap::default(),
            inits: Vec::new(),
        };
        for (number, path) in paths.iter().enumerate() {
            let cache = ReadCache::new(File::open(path).map_err(unreadable(path))?);
            let archive = ArchiveFile::parse(&cache).map_err(not_an_archive(path))?;
            let Some(symbols) = archive.symbols().map_err(not_an_archive(path))? else {
                continue;
            };
            for symbol in symbols {
                let symbol = symbol.map_err(not_an_archive(path))?;
                let id = MemberId {
                    archive: number,
                    offset: symbol.offset().0,
                };
                archives.members.entry(hash(symbol.name())).or_insert(id);
                if symbol.name().starts_with(INIT) {
                    archives.inits.push((number, symbol.name().to_vec()));
                }
            }
        }
        Ok(archives)
    }

    /// The member that defines a symbol, if one does.
    pub(crate) fn find(&self, symbol: &[u8]) -> Option<MemberId> {
        self.members.get(&hash(symbol)).copied()
    }

    /// The functions by which a loader learns of the hot crate that a member is of; none if it is of another.
    pub(crate) fn inits_beside(&self, id: MemberId) -> impl Iterator<Item = &[u8]> {
        let inits = self.inits.iter();
        let beside = inits.filter(move |(archive, _)| *archive == id.archive);
        beside.map(|(_, name)| name.as_slice())
    }

    /// Reads a member.
    pub(crate) fn read(&self, id: MemberId) -> Result<Member, FallbackReason> {
        let path = &self.paths[id.archive];
        let file = File::open(path).map_err(unreadable(path))?;
        let written = file.metadata().and_then(|metadata| metadata.modified());
        let written = written.map_err(unreadable(path))?;
        let version = format!("{} {written:?} {}", path.display(), id.offset);
        let cache = ReadCache::new(file);
        let archive = ArchiveFile::parse(&cache).map_err(not_an_archive(path))?;
        let member = archive
            .member(ArchiveOffset(id.offset))
            .map_err(not_an_archive(path))?;
        let bytes = member.data(&cache).map_err(not_an_archive(path))?;
        if !bytes.starts_with(&object::elf::ELFMAG) {
            return Err(FallbackReason::NoMachineCode { path: path.clone() });
        }
        Ok(Member {
            name: format!("{}-{}", id.archive, String::from_utf8_lossy(member.name())),
            bytes: bytes.to_vec(),
            identity: hash(version.as_bytes()),
        })
    }
}

fn unreadable(path: &Path) -> impl FnOnce(std::io::Error) -> FallbackReason + use<> {
    let path = path.to_owned();
    move |error| FallbackReason::InputUnreadable {
        path,
        problem: error.to_string(),
    }
}

fn not_an_archive(path: &Path) -> impl FnOnce(object::read::Error) -> FallbackReason + use<> {
    let path = path.to_owned();
    move |error| FallbackReason::InputUnreadable {
        path,
        problem: error.to_string(),
    }
}
