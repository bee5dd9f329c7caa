//! Where a process's input has a name in the file system.

use std::fs;
use std::io::{self, PipeWriter};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

pub(super) use rustix::process::Rlimit;
use rustix::process::{Resource, getrlimit};

/// What has the compiler read its arguments from its input.
pub(super) const ARGUMENTS_FROM_INPUT: Option<&str> = Some("@/dev/stdin");

/// What tells one file from any other: its file system, and its number there.
pub(super) type FileId = (u64, u64);

pub(super) fn file_id(path: &Path) -> io::Result<FileId> {
    let metadata = fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// What the system allows this process, and those that it starts from now on.
pub(super) fn limits() -> Vec<Rlimit> {
    [
        Resource::Core,
        Resource::Cpu,
        Resource::Data,
        Resource::Fsize,
        Resource::Nofile,
        Resource::Stack,
        #[cfg(target_os = "linux")]
        Resource::As,
    ]
    .into_iter()
    .map(getrlimit)
    .collect()
}

/// How many bytes an empty pipe takes without anyone who reads.
#[cfg(target_os = "linux")]
pub(super) fn capacity(pipe: &PipeWriter) -> usize {
    rustix::pipe::fcntl_getpipe_size(pipe).unwrap_or(PAGE)
}

/// How many bytes an empty pipe takes without anyone who reads.
#[cfg(not(target_os = "linux"))]
pub(super) fn capacity(_pipe: &PipeWriter) -> usize {
    PAGE
}

/// What a pipe takes at least.
const PAGE: usize = 4096;
