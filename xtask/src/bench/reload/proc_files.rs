//! What Linux tells of a running process.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};

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

/// The kilobytes of memory that the process has.
///
/// # Errors
/// The system does not tell.
pub(super) fn resident(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    number_of(&status, "VmRSS:").with_context(|| format!("{path} tells no VmRSS"))
}

/// What a process has done so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Activity {
    /// How long it was on a processor.
    pub(super) cpu: Duration,
    /// How often one of its threads waited, and so how often one woke up.
    pub(super) waits: f64,
}

/// What the process has done so far, all of its threads together.
///
/// # Errors
/// The system does not tell.
pub(super) fn activity(pid: u32) -> Result<Activity> {
    let tasks = format!("/proc/{pid}/task");
    let mut activity = Activity {
        cpu: Duration::ZERO,
        waits: 0.0,
    };
    for task in fs::read_dir(&tasks).with_context(|| format!("cannot list {tasks}"))? {
        let task = task.with_context(|| format!("cannot list {tasks}"))?.path();
        let read = |name: &str| {
            let path = task.join(name);
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
        };
        let schedule = read("schedstat")?;
        let nanos = schedule
            .split(' ')
            .next()
            .and_then(|nanos| nanos.parse().ok());
        activity.cpu += Duration::from_nanos(nanos.context("a thread has no time")?);
        let waits = number_of(&read("status")?, "voluntary_ctxt_switches:");
        activity.waits += waits.context("a thread never waits")?;
    }
    Ok(activity)
}

/// The number behind `name` in a file of lines that begin with names.
fn number_of(text: &str, name: &str) -> Option<f64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
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
    fn numbers_are_found_by_their_names() {
        let status = "Name:\thost\nVmRSS:\t    1234 kB\nvoluntary_ctxt_switches:\t7\n\
                      nonvoluntary_ctxt_switches:\t9\n";
        assert_eq!(number_of(status, "VmRSS:"), Some(1234.0));
        assert_eq!(number_of(status, "voluntary_ctxt_switches:"), Some(7.0));
        assert_eq!(number_of(status, "VmSwap:"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_memory_and_does_something() {
        let pid = std::process::id();
        assert!(resident(pid).expect("it is told") > 100.0);
        assert!(activity(pid).expect("it is told").cpu > Duration::ZERO);
    }

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
