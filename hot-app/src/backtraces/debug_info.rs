//! Names and places of calls, from the debug information of one file.

use super::frame::{self, Frame};
use addr2line::Context;
use gimli::{Dwarf, EndianSlice, NativeEndian};
use memmap2::Mmap;
use object::{Object, ObjectSection, SymbolMap, SymbolMapName};
use std::cell::OnceCell;
use std::fs::File;
use std::path::{Path, PathBuf};

/// The frames of each of the calls, which are addresses in the file; those of inlined functions come first. Where the
/// file tells nothing of a call, its frame has no name.
pub(super) fn frames(file: &Path, calls: &[u64]) -> Vec<Vec<Frame>> {
    let unknown = || vec![vec![Frame::default()]; calls.len()];
    let Ok(file) = File::open(file) else {
        return unknown();
    };
    // SAFETY: nobody writes to it: it is the program that runs, or a library that it runs.
    let Ok(map) = (unsafe { Mmap::map(&file) }) else {
        return unknown();
    };
    let Ok(object) = object::File::parse(&*map) else {
        return unknown();
    };
    let lines = Context::from_dwarf(dwarf(&object)).ok();
    // Sorting all symbols takes long, and few files are without lines.
    let symbols: OnceCell<SymbolMap<SymbolMapName<'_>>> = OnceCell::new();
    let of_call = |&call: &u64| {
        let mut frames = lines
            .as_ref()
            .map_or_else(Vec::new, |lines| in_lines(lines, call));
        if frames.is_empty() {
            frames.push(Frame::default());
        }
        // The function that was called; the others are inlined into it, and have their names where they have lines.
        if let Some(outermost) = frames.last_mut()
            && outermost.name.is_none()
        {
            let symbol = symbols.get_or_init(|| object.symbol_map()).containing(call);
            outermost.name = symbol.map(|symbol| frame::demangled(symbol.name()));
        }
        frames
    };
    calls.iter().map(of_call).collect()
}

type Bytes<'a> = EndianSlice<'a, NativeEndian>;

/// Sections that are missing or compressed count as empty.
fn dwarf<'a>(object: &object::File<'a>) -> Dwarf<Bytes<'a>> {
    let bytes = |name: &str| {
        let section = object.section_by_name(name)?;
        let range = section.compressed_file_range().ok()?;
        let is_plain = range.format == object::CompressionFormat::None;
        is_plain.then(|| section.data().ok()).flatten()
    };
    let load = |section: gimli::SectionId| {
        let bytes = bytes(section.name()).unwrap_or_default();
        Ok::<_, std::convert::Infallible>(EndianSlice::new(bytes, NativeEndian))
    };
    let Ok(dwarf) = Dwarf::load(load);
    dwarf
}

fn in_lines(lines: &Context<Bytes<'_>>, call: u64) -> Vec<Frame> {
    let mut frames = Vec::new();
    // Debug information in other files (`split-debuginfo`) is done without.
    let Ok(mut found) = lines.find_frames(call).skip_all_loads() else {
        return frames;
    };
    while let Ok(Some(found)) = found.next() {
        let name = found
            .function
            .as_ref()
            .and_then(|name| name.raw_name().ok());
        let place = found.location.as_ref();
        frames.push(Frame {
            name: name.map(|name| frame::demangled(&name)),
            file: place.and_then(|place| Some(PathBuf::from(place.file?))),
            line: place.and_then(|place| place.line),
            column: place.and_then(|place| place.column),
        });
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_tells_nothing_gives_frames_without_names() {
        let folder = tempfile::tempdir().unwrap();
        let garbage = folder.path().join("garbage");
        std::fs::write(&garbage, "no object").unwrap();
        let missing = folder.path().join("missing");
        for file in [garbage, missing] {
            let unknown = vec![Frame::default()];
            assert_eq!(frames(&file, &[1, 2]), [unknown.clone(), unknown]);
        }
    }
}
