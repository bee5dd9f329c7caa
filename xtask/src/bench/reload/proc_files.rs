//! What Linux tells of a running process.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// The kilobytes of address space of the libraries that the process mapped since the last call, from
/// their files: code, data and tables. `None` where the system does not tell, or there are none.
pub(super) fn newly_mapped(pid: u32, known: &mut Vec<PathBuf>) -> Option<f64> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
    let mut new = 0;
    for (path, bytes) in hot_libraries(&maps) {
        if !known.contains(&path) {
            new += bytes;
            known.push(path);
        }
    }
    (new > 0).then_some(new as f64 / 1024.0)
}

/// The copies of libraries that hot loads, with the bytes that are mapped of each.
fn hot_libraries(maps: &str) -> BTreeMap<PathBuf, u64> {
    let mut libraries = BTreeMap::new();
    for line in maps.lines() {
        let Some((range, path)) = line
            .split_once(' ')
            .zip(line.find('/').map(|at| &line[at..]))
            .map(|((range, _), path)| (range, PathBuf::from(path)))
        else {
            continue;
        };
        let name = path.file_name().map(|name| name.to_string_lossy());
        if !name.is_some_and(|name| name.starts_with("hot-copy-")) {
            continue;
        }
        let bounds = range.split_once('-').and_then(|(from, to)| {
            let hex = |text| u64::from_str_radix(text, 16).ok();
            Some(hex(to)? - hex(from)?)
        });
        *libraries.entry(path).or_default() += bounds.unwrap_or(0);
    }
    libraries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_of_one_library_are_added() {
        let maps = "\
55e0c5a00000-55e0c5a20000 r--p 00000000 fe:00 1 /w/target/debug/host
7f0000000000-7f0000001000 r--p 00000000 fe:00 2 /w/target/hot-copy-1-2-libscene.so
7f0000001000-7f0000003000 r-xp 00001000 fe:00 2 /w/target/hot-copy-1-2-libscene.so
7f0000004000-7f0000005000 rw-p 00000000 00:00 0
7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0 [stack]
";
        let libraries = hot_libraries(maps);
        let library = PathBuf::from("/w/target/hot-copy-1-2-libscene.so");
        assert_eq!(libraries, BTreeMap::from([(library, 0x3000)]));
    }
}
