//! The running program as a linker sees it: what its symbols are called, and where they are in memory.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::{self, File};
use std::hash::{BuildHasherDefault, Hasher};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

use object::LittleEndian;
use object::elf;
use object::read::ReadCache;
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader, Sym};

use super::object_file::holds_variables;
use super::processor::Processor;
use super::symbol_path::path_of;
use crate::FallbackReason;

/// The symbols of the running program, and what else is in its memory.
#[derive(Debug)]
pub(crate) struct HostImage {
    /// When the program's file was written.
    pub(crate) built: SystemTime,
    /// The libraries that the program has loaded, in the order of their addresses.
    pub(crate) libraries: Vec<PathBuf>,
    names: Vec<u8>,
    /// Whether the linker left what is merely hidden marked as such, so that it can be told from what is known in one
    /// file alone.
    pub(crate) marks_hidden: bool,
    symbols: HashMap<u64, Found, BuildHasherDefault<Identity>>,
    /// The places of the names of variables.
    variables: Vec<u32>,
    /// The same, by the hashes of their [`path_of`]: made when the first variable is looked for that way.
    variables_by_path: OnceLock<HashMap<u64, Vec<u32>, BuildHasherDefault<Identity>>>,
}

/// A symbol of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HostSymbol {
    pub(crate) place: Place,
    pub(crate) size: u64,
    /// Whether it is a variable, and no constant and no code.
    pub(crate) is_variable: bool,
}

/// Where a symbol of the program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// At this address in memory: code.
    Code(u64),
    /// At this address in memory: a variable or a constant.
    Data(u64),
    /// At this distance from the thread pointer, in every thread.
    ThreadLocal(i32),
}

impl HostImage {
    /// Reads the program that this code runs in.
    pub(crate) fn of_this_process() -> Result<Self, FallbackReason> {
        let program = Path::new("/proc/self/exe");
        let path = fs::read_link(program).map_err(unreadable(program))?;
        let maps_path = Path::new(MAPS);
        let maps = fs::read_to_string(maps_path).map_err(unreadable(maps_path))?;
        let mappings: Vec<Mapping<'_>> = maps.lines().filter_map(Mapping::parse).collect();
        let start = mappings
            .iter()
            .find(|mapping| mapping.offset == 0 && mapping.path == path.as_os_str())
            .map(|mapping| mapping.start)
            .ok_or_else(|| FallbackReason::ProgramUnreadable {
                path: maps_path.to_owned(),
                problem: format!("it does not tell where {} is", path.display()),
            })?;
        let mut libraries: Vec<PathBuf> = Vec::new();
        for mapping in &mappings {
            let library = Path::new(mapping.path);
            if mapping.offset == 0 && library != path && is_system_library(library) {
                libraries.push(library.to_owned());
            }
        }
        Self::read(program, &path, start, libraries)
    }

    /// Reads the program in `file`, whose first page is at `start` in memory.
    pub(crate) fn read(
        file: &Path,
        path: &Path,
        start: u64,
        libraries: Vec<PathBuf>,
    ) -> Result<Self, FallbackReason> {
        let opened = File::open(file).map_err(unreadable(file))?;
        let built = opened
            .metadata()
            .and_then(|metadata| metadata.modified())
            .map_err(unreadable(file))?;
        let cache = ReadCache::new(opened);
        let not_elf = |error: object::Error| FallbackReason::ProgramUnreadable {
            path: path.to_owned(),
            problem: error.to_string(),
        };
        let header = elf::FileHeader64::<LittleEndian>::parse(&cache).map_err(not_elf)?;
        let segments = header
            .program_headers(LittleEndian, &cache)
            .map_err(not_elf)?;
        let layout = Layout::new(segments, start);
        let sections = header.sections(LittleEndian, &cache).map_err(not_elf)?;
        let table = sections
            .symbols(LittleEndian, &cache, elf::SHT_SYMTAB)
            .map_err(not_elf)?;
        if table.is_empty() {
            return Err(FallbackReason::ProgramStripped {
                program: path.to_owned(),
            });
        }
        let names = sections
            .section(table.string_section())
            .and_then(|section| section.data(LittleEndian, &cache))
            .map_err(not_elf)?
            .to_vec();
        let mut symbols = HashMap::with_capacity_and_hasher(table.len(), Default::default());
        let mut of_variables = Vec::with_capacity(sections.len());
        for section in sections.iter() {
            let name = sections.section_name(LittleEndian, section);
            let flags = section.sh_flags(LittleEndian).0;
            of_variables.push(holds_variables(name.map_err(not_elf)?, flags));
        }
        let mut variables = Vec::new();
        let mut marks_hidden = false;
        let mut is_behind_files = false;
        for symbol in table.iter() {
            if symbol.st_type() == elf::STT_FILE {
                // GNU ld has the files with what they alone know, and behind them, as of a file without a name, what
                // it was told to hide.
                is_behind_files = symbol.st_name(LittleEndian) == 0;
            }
            if let Some(mut found) = Found::of(symbol, &layout) {
                found.is_of_one_file &= !is_behind_files;
                marks_hidden |= symbol.st_visibility() == elf::STV_HIDDEN;
                let name = name_at(&names, found.name);
                let section = usize::from(symbol.st_shndx(LittleEndian).0);
                let is_item = matches!(symbol.st_type(), elf::STT_OBJECT | elf::STT_TLS);
                let is_variable = is_item && of_variables.get(section) == Some(&true);
                found.symbol.is_variable = is_variable;
                if is_variable {
                    variables.push(found.name);
                }
                match symbols.entry(hash(name)) {
                    Entry::Vacant(entry) => {
                        entry.insert(found);
                    }
                    Entry::Occupied(mut entry) => {
                        let same_name = name_at(&names, entry.get().name) == name;
                        entry.get_mut().meet(found, same_name);
                    }
                }
            }
        }
        Ok(Self {
            built,
            libraries,
            names,
            marks_hidden,
            symbols,
            variables,
            variables_by_path: OnceLock::new(),
        })
    }

    /// The names of the variables that have a name of that [path](path_of).
    pub(crate) fn variables_of_path(&self, path: &[u8]) -> impl Iterator<Item = &[u8]> {
        let by_path = self.variables_by_path.get_or_init(|| {
            let mut by_path: HashMap<u64, Vec<u32>, _> = HashMap::default();
            for name in &self.variables {
                if let Some(path) = path_of(name_at(&self.names, *name)) {
                    by_path.entry(hash(&path)).or_default().push(*name);
                }
            }
            by_path
        });
        let names = by_path.get(&hash(path)).into_iter().flatten();
        names.map(|name| name_at(&self.names, *name))
    }

    /// The symbol of that name, if there is one and it is clear which.
    pub(crate) fn find(&self, name: &[u8]) -> Option<HostSymbol> {
        self.lookup(name).ok().flatten()
    }

    /// The symbol of that name, if other files may use it, it is clear which it is, and the program tells both.
    ///
    /// What is `static` in C has a name that is known in one file alone, and is somebody else's where another file
    /// asks for that name.
    pub(crate) fn find_shared(&self, name: &[u8]) -> Option<HostSymbol> {
        let found = self.named(name)?;
        let (is_others, is_clear) = match self.marks_hidden {
            true => (!found.is_of_one_file, !found.is_ambiguous),
            false => (true, !found.is_ambiguous && !found.has_namesakes),
        };
        (is_others && is_clear).then_some(found.symbol)
    }

    /// The symbol of that name, if there is one.
    pub(crate) fn lookup(&self, name: &[u8]) -> Result<Option<HostSymbol>, Ambiguous> {
        match self.named(name) {
            Some(found) if found.is_ambiguous || found.has_namesakes => Err(Ambiguous),
            found => Ok(found.map(|found| found.symbol)),
        }
    }

    fn named(&self, name: &[u8]) -> Option<&Found> {
        let found = self.symbols.get(&hash(name));
        found.filter(|found| name_at(&self.names, found.name) == name)
    }
}

/// The program has several symbols of one name, and it is not clear which is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ambiguous;

/// The files that are in the memory of this process now.
pub(crate) fn mapped_files() -> Result<Vec<PathBuf>, FallbackReason> {
    let maps = Path::new(MAPS);
    let text = fs::read_to_string(maps).map_err(unreadable(maps))?;
    let mappings = text.lines().filter_map(Mapping::parse);
    Ok(mappings
        .filter(|mapping| mapping.offset == 0 && !mapping.path.is_empty())
        .map(|mapping| PathBuf::from(mapping.path))
        .collect())
}

const MAPS: &str = "/proc/self/maps";

/// A symbol as it is remembered.
#[derive(Clone, Copy, Debug)]
struct Found {
    name: u32,
    is_local: bool,
    /// Whether it is of a file, and local and not marked as hidden: where the linker leaves these marks, its name was
    /// never one for other files.
    is_of_one_file: bool,
    is_ambiguous: bool,
    /// Whether files have something of that name that they alone know, while this is for other files.
    has_namesakes: bool,
    symbol: HostSymbol,
}

impl Found {
    fn of(symbol: &elf::Sym64<LittleEndian>, layout: &Layout) -> Option<Self> {
        let section = symbol.st_shndx(LittleEndian);
        let name = symbol.st_name(LittleEndian);
        if name == 0 || section == elf::SHN_UNDEF || section == elf::SHN_ABS {
            return None;
        }
        let value = symbol.st_value(LittleEndian);
        let address = layout.bias.wrapping_add(value);
        let place = match symbol.st_type() {
            elf::STT_FUNC => Place::Code(address),
            elf::STT_OBJECT | elf::STT_NOTYPE => Place::Data(address),
            elf::STT_TLS => Place::ThreadLocal(layout.thread_offset(value)?),
            _ => return None,
        };
        Some(Self {
            name,
            // What was hidden when the program was linked is local in it.
            is_local: symbol.st_bind() == elf::STB_LOCAL,
            is_of_one_file: symbol.st_bind() == elf::STB_LOCAL
                && symbol.st_visibility() == elf::STV_DEFAULT,
            is_ambiguous: false,
            has_namesakes: false,
            symbol: HostSymbol {
                place,
                size: symbol.st_size(LittleEndian),
                is_variable: false,
            },
        })
    }

    /// Takes in another symbol of the same name, or at least of the same hash.
    fn meet(&mut self, other: Self, same_name: bool) {
        if !same_name {
            self.is_ambiguous = true;
        } else if self.is_local && !other.is_local {
            *self = other;
        } else if self.is_local && self.symbol.place != other.symbol.place {
            match (self.is_of_one_file, other.is_of_one_file) {
                (true, false) => {
                    *self = Self {
                        has_namesakes: true,
                        ..other
                    };
                }
                (false, true) => self.has_namesakes = true,
                _ => self.is_ambiguous = true,
            }
        }
    }
}

/// How the addresses in the program's file become those in memory.
#[derive(Debug)]
struct Layout {
    /// What is added to an address.
    bias: u64,
    /// What is added to an offset in the program's block of thread-locals to have the distance from the
    /// thread pointer.
    thread_bias: Option<i64>,
}

impl Layout {
    fn new(segments: &[elf::ProgramHeader64<LittleEndian>], start: u64) -> Self {
        let first = segments
            .iter()
            .find(|segment| {
                segment.p_type(LittleEndian) == elf::PT_LOAD && segment.p_offset(LittleEndian) == 0
            })
            .map_or(0, |segment| segment.p_vaddr(LittleEndian));
        let thread_bias = segments
            .iter()
            .find(|segment| segment.p_type(LittleEndian) == elf::PT_TLS)
            .map(|segment| {
                let size = segment.p_memsz(LittleEndian);
                let align = segment.p_align(LittleEndian).max(1);
                let address = segment.p_vaddr(LittleEndian);
                Processor::OWN.thread_block(address, size, align)
            });
        Self {
            bias: start.wrapping_sub(first),
            thread_bias,
        }
    }

    fn thread_offset(&self, value: u64) -> Option<i32> {
        i32::try_from(self.thread_bias? + i64::try_from(value).ok()?).ok()
    }
}

/// A line of `/proc/self/maps`.
#[derive(Debug)]
struct Mapping<'a> {
    start: u64,
    offset: u64,
    path: &'a str,
}

impl<'a> Mapping<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut rest = line;
        let mut word = || {
            let (word, after) = rest.trim_start().split_once(' ')?;
            rest = after;
            Some(word)
        };
        let (start, _) = word()?.split_once('-')?;
        let _permissions = word()?;
        let offset = word()?;
        let (_device, _inode) = (word()?, word()?);
        Some(Self {
            start: u64::from_str_radix(start, 16).ok()?,
            offset: u64::from_str_radix(offset, 16).ok()?,
            path: rest.trim_start(),
        })
    }
}

/// Whether it is a library whose symbols new code may use: not one that reloading itself has loaded.
fn is_system_library(path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    path.is_absolute()
        && (name.contains(".so.") || name.ends_with(".so"))
        && !name.starts_with("hot-copy-")
        && path.is_file()
}

fn unreadable(path: &Path) -> impl FnOnce(std::io::Error) -> FallbackReason {
    let path = path.to_owned();
    move |error| FallbackReason::ProgramUnreadable {
        path,
        problem: error.to_string(),
    }
}

fn name_at(names: &[u8], offset: u32) -> &[u8] {
    let rest = names.get(offset as usize..).unwrap_or_default();
    let end = memchr(rest);
    &rest[..end]
}

/// The place of the first zero.
fn memchr(bytes: &[u8]) -> usize {
    std::ffi::CStr::from_bytes_until_nul(bytes).map_or(bytes.len(), |text| text.count_bytes())
}

/// A hash that is quick in unoptimised builds, which this code mostly runs in: eight bytes at a time.
pub(super) fn hash(name: &[u8]) -> u64 {
    let mut hash = name.len() as u64;
    let (words, rest) = name.as_chunks::<8>();
    for word in words {
        hash = mix(hash ^ u64::from_le_bytes(*word));
    }
    for byte in rest {
        hash = mix(hash ^ u64::from(*byte));
    }
    hash
}

pub(super) fn mix(hash: u64) -> u64 {
    hash.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
}

/// Hands on what is a hash already.
#[derive(Debug, Default)]
pub(super) struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = mix(self.0 ^ u64::from(*byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;
    use std::sync::atomic::{AtomicU32, Ordering};

    static COUNTED_BY_THE_TEST: AtomicU32 = AtomicU32::new(7);

    #[inline(never)]
    fn called_by_the_test() -> u32 {
        COUNTED_BY_THE_TEST.fetch_add(1, Ordering::SeqCst)
    }

    /// The places of the symbols whose names contain `part`.
    fn places(image: &HostImage, part: &str) -> Vec<Place> {
        let contains = |found: &&Found| {
            String::from_utf8_lossy(name_at(&image.names, found.name)).contains(part)
        };
        let found = image.symbols.values().filter(contains);
        found.map(|found| found.symbol.place).collect()
    }

    #[test]
    fn knows_where_things_are_in_this_process() {
        let image = HostImage::of_this_process().expect("this program can be read");
        let variable = (&raw const COUNTED_BY_THE_TEST).addr() as u64;
        let function = (called_by_the_test as fn() -> u32 as *const ()).addr() as u64;
        assert_eq!(called_by_the_test(), 7);
        assert_eq!(
            places(&image, "COUNTED_BY_THE_TEST"),
            [Place::Data(variable)]
        );
        assert_eq!(
            places(&image, "called_by_the_test"),
            [Place::Code(function)]
        );
        assert!(image.libraries.iter().any(|library| {
            let name = library.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("libc.")
        }));
        assert_eq!(image.find(b"there is no such symbol"), None);
    }

    #[test]
    fn what_a_c_file_keeps_to_itself_is_told_from_what_is_hidden() {
        // By their sizes they are told apart here.
        let program = "static char alone[1], both[2];\n\
                       extern char hidden[8];\n\
                       int count(void);\n\
                       int main(void) { return alone[0]++ + both[0]++ + hidden[0] + count(); }";
        let archive = "#define HIDDEN __attribute__((visibility(\"hidden\")))\n\
                       static char alone[4];\n\
                       char hidden[8] HIDDEN, both[16] HIDDEN;\n\
                       int count(void) { return alone[0]++ + both[0]++; }";
        let directory = tempfile::tempdir().expect("a directory");
        let run = |program: &str, arguments: &[&str]| {
            let mut command = Command::new(program);
            let output = command.current_dir(&directory).args(arguments).output();
            output.expect("it runs").status.success()
        };
        for (name, text) in [("program.c", program), ("archive.c", archive)] {
            fs::write(directory.path().join(name), text).expect("a file");
            assert!(run("cc", &["-fPIE", "-c", name]));
        }
        assert!(run("ar", &["rc", "libarchive.a", "archive.o"]));
        let mut made = 0;
        // Not all are on every machine.
        for linker in ["", "-fuse-ld=bfd", "-fuse-ld=gold", "-fuse-ld=lld"] {
            let file = directory.path().join(format!("program{linker}"));
            let output = file.to_str().expect("a path in UTF-8");
            let inputs = ["program.o", "libarchive.a", "-pie", "-o", output, linker];
            let inputs = inputs.iter().filter(|input| !input.is_empty());
            if !run("cc", &inputs.copied().collect::<Vec<_>>()) {
                continue;
            }
            made += 1;
            let image = HostImage::read(&file, &file, 0, Vec::new()).expect("a program");
            assert!(image.marks_hidden, "{linker}");
            let size = |name: &str| image.find_shared(name.as_bytes()).map(|found| found.size);
            assert_eq!(size("alone"), None, "{linker}");
            assert_eq!(size("hidden"), Some(8), "{linker}");
            assert_eq!(size("both"), Some(16), "{linker}");
        }
        assert!(made > 0, "`cc` links programs");
    }

    #[test]
    fn reads_a_line_of_the_memory_map() {
        let line = "5581e0a00000-5581e0b21000 r--p 00001000 fe:01 1234                       /my games/a b";
        let mapping = Mapping::parse(line).expect("a mapping");
        assert_eq!((mapping.start, mapping.offset), (0x5581_e0a0_0000, 0x1000));
        assert_eq!(mapping.path, "/my games/a b");
        let anonymous = Mapping::parse("7ffd1000-7ffd2000 rw-p 00000000 00:00 0 ");
        assert_eq!(anonymous.map(|mapping| mapping.path), Some(""));
    }

    #[test]
    fn names_differ_in_their_hashes() {
        let names: [&[u8]; 5] = [b"", b"a", b"a\0", b"abcdefgh", b"abcdefghi"];
        let hashes: std::collections::HashSet<u64> = names.iter().map(|name| hash(name)).collect();
        assert_eq!(hashes.len(), names.len());
    }
}
