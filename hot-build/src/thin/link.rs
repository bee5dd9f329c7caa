//! From the objects of a crate to a library that lives in the running program.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::archives::{self, Archives, Member};
use super::host::{HostImage, Place};
use super::linker::{LinkRequest, Linker};
use super::resolve;
use super::rewrite::{self, Moved, NewSymbols};
use super::stub::{self, StubSymbol};
use crate::{CancelSignal, FallbackReason};

/// What a thin library is made of.
#[derive(Debug)]
pub(crate) struct ThinLink<'a> {
    /// The hot crate's rlib.
    pub(crate) rlib: &'a Path,
    /// Crates that the program holds older code of.
    pub(crate) changed: &'a Archives,
    /// All other crates that the hot crate was compiled with.
    pub(crate) archives: &'a Archives,
    /// The program.
    pub(crate) host: &'a HostImage,
    /// The linker.
    pub(crate) linker: &'a Linker,
    /// The directory for what is written.
    pub(crate) directory: &'a Path,
}

impl ThinLink<'_> {
    /// Links, and returns the library's path, which has the given file name.
    pub(crate) fn link(
        &self,
        file_name: &str,
        cancel: &CancelSignal,
    ) -> Result<PathBuf, FallbackReason> {
        let members = archives::crate_objects(self.rlib)?;
        let objects = members
            .iter()
            .map(resolve::parse)
            .collect::<Result<Vec<_>, _>>()?;
        let resolution = resolve::resolve(&objects, self.changed, self.host, self.archives)?;
        let pulled = resolution
            .pulled
            .iter()
            .map(|pulled| Ok((pulled, resolve::parse(&pulled.member)?)))
            .collect::<Result<Vec<_>, FallbackReason>>()?;
        let mut of_new_code = Moved::new();
        let mut of_old_code = Moved::new();
        for object in &objects {
            of_new_code.extend(resolve::shared(object, self.host, false));
        }
        for (pulled, object) in &pulled {
            let shared = resolve::shared(object, self.host, !pulled.is_changed);
            if pulled.is_changed {
                of_new_code.extend(shared);
            } else {
                of_old_code.extend(shared);
            }
        }

        let mut wanted = NewSymbols::default();
        let output = Output::begin(self.directory)?;
        let mut object_files = Vec::with_capacity(objects.len() + 1);
        let mut member_files = Vec::with_capacity(pulled.len());
        for (member, object) in members.iter().zip(&objects) {
            let rewritten = rewrite::rewrite(object, &of_new_code, &mut wanted)?;
            object_files.push(output.write_member(member, rewritten.as_deref())?);
        }
        for (pulled, object) in &pulled {
            let moved = if pulled.is_changed {
                &of_new_code
            } else {
                &of_old_code
            };
            let rewritten = rewrite::rewrite(object, moved, &mut wanted)?;
            member_files.push(output.write_member(&pulled.member, rewritten.as_deref())?);
        }
        let stub = output.write("stub.o", &stub_of(&resolution, &wanted))?;
        // First, for of several definitions the first counts.
        object_files.insert(0, stub.into());
        let exports = output.write("exports", EXPORTS.as_bytes())?;
        let library = self.directory.join(file_name);
        let request = LinkRequest {
            library: &library,
            exports: &exports,
            objects: &object_files,
            members: &member_files,
            libraries: &self.host.libraries,
        };
        self.linker.link(&request, cancel)?;
        Ok(library)
    }
}

/// All that a loader looks up by name. Everything else is bound within the library.
const EXPORTS: &str = "{ global: hot_init_*; hot_entry_*; local: *; };\n";

fn stub_of(resolution: &resolve::Resolution, wanted: &NewSymbols) -> Vec<u8> {
    let mut symbols = Vec::with_capacity(resolution.host.len() + wanted.absolutes.len());
    for (name, symbol) in &resolution.host {
        let (address, is_code) = match symbol.place {
            Place::Code(address) => (address, true),
            Place::Data(address) => (address, false),
            // Used by its offset, which is written into the code.
            Place::ThreadLocal(_) => continue,
        };
        symbols.push(StubSymbol {
            name,
            address,
            by_jump: is_code && resolution.called.contains(name),
        });
    }
    let absolutes = wanted.absolutes.iter().map(|wanted| (wanted, false));
    let jumps = wanted.jumps.iter().map(|wanted| (wanted, true));
    for ((name, address), by_jump) in absolutes.chain(jumps) {
        symbols.push(StubSymbol {
            name,
            address: *address,
            by_jump,
        });
    }
    stub::write(&symbols)
}

/// Where the linker's input is written.
struct Output {
    directory: PathBuf,
    written: std::cell::RefCell<HashSet<String>>,
}

impl Output {
    fn begin(directory: &Path) -> Result<Self, FallbackReason> {
        let directory = directory.join("objects");
        let unwritable = |error: std::io::Error| FallbackReason::OutputUnwritable {
            path: directory.clone(),
            problem: error.to_string(),
        };
        if directory.exists() {
            fs::remove_dir_all(&directory).map_err(unwritable)?;
        }
        fs::create_dir_all(&directory).map_err(unwritable)?;
        Ok(Self {
            directory,
            written: std::cell::RefCell::default(),
        })
    }

    fn write_member(
        &self,
        member: &Member,
        rewritten: Option<&[u8]>,
    ) -> Result<OsString, FallbackReason> {
        let path = self.write(&member.name, rewritten.unwrap_or(&member.bytes))?;
        Ok(path.into())
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<PathBuf, FallbackReason> {
        // Members of one archive may have one name.
        let count = self.written.borrow().len();
        let name = if self.written.borrow_mut().insert(name.to_owned()) {
            name.to_owned()
        } else {
            format!("{count}-{name}")
        };
        let path = self.directory.join(name);
        match fs::write(&path, content) {
            Ok(()) => Ok(path),
            Err(error) => Err(FallbackReason::OutputUnwritable {
                path,
                problem: error.to_string(),
            }),
        }
    }
}
