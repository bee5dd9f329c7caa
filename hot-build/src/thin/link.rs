//! From the objects of a crate to a library that lives in the running program.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::archives::{self, Archives, Member};
use super::host::{HostImage, HostSymbol, Place, hash};
use super::linker::{LinkRequest, Linker};
use super::object_file::ObjectFile;
use super::resolve::{self, Needs};
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
    ///
    /// `prepared` is what an earlier link in the same directory left.
    pub(crate) fn link(
        &self,
        file_name: &str,
        prepared: &mut Prepared,
        cancel: &CancelSignal,
    ) -> Result<PathBuf, FallbackReason> {
        // Gone if this fails, for then files may be half of the old and half of the new.
        let mut before = std::mem::take(prepared);
        let mut now = Prepared::default();
        let mut objects = Vec::new();
        for member in archives::crate_objects(self.rlib)? {
            objects.push(match before.objects.remove(&stable_name(&member)) {
                Some(object) if object.member.bytes == member.bytes => object,
                _ => PreparedObject::new(member, self.host)?,
            });
        }
        let needs = objects.iter().map(|object| &object.needs);
        let resolution = resolve::resolve(needs, self.changed, self.host, self.archives)?;
        let pulled = resolution
            .pulled
            .iter()
            .map(|pulled| Ok((pulled, resolve::parse(&pulled.member)?)))
            .collect::<Result<Vec<_>, FallbackReason>>()?;
        for object in &objects {
            now.moved.extend(object.shared.iter().cloned());
        }
        let mut of_old_code = Moved::new();
        for (pulled, object) in &pulled {
            let shared = resolve::shared(object, self.host, !pulled.is_changed);
            let shared = shared.into_iter().map(|(name, host)| (name.to_vec(), host));
            if pulled.is_changed {
                now.moved.extend(shared);
            } else {
                of_old_code.extend(shared);
            }
        }
        let same_moved = now.moved == before.moved;

        let output = Output::begin(self.directory)?;
        let mut wanted = NewSymbols::default();
        let mut object_files = Vec::with_capacity(objects.len() + 1);
        let mut member_files = Vec::with_capacity(pulled.len());
        for mut object in objects {
            let written = match object.written.take() {
                Some(written) if same_moved => written,
                _ => {
                    let name = stable_name(&object.member);
                    let parsed = resolve::parse(&object.member)?;
                    output.write_object(&name, &parsed, &now.moved)?
                }
            };
            object_files.push(OsString::from(&written.file));
            wanted.add(&written.symbols);
            object.written = Some(written);
            now.objects.insert(stable_name(&object.member), object);
        }
        for (number, (pulled, object)) in pulled.iter().enumerate() {
            let moved = if pulled.is_changed {
                &now.moved
            } else {
                &of_old_code
            };
            let written = output.write_object(&format!("pulled-{number}.o"), object, moved)?;
            wanted.add(&written.symbols);
            member_files.push(written.file.into());
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
        let linked = self.linker.link(&request, cancel);
        *prepared = now;
        linked.map(|()| library)
    }
}

/// The objects that were linked last. Most of a crate's objects are the same in the next build, and need
/// not be looked at again.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    objects: HashMap<String, PreparedObject>,
    moved: Moved,
}

#[derive(Debug)]
struct PreparedObject {
    /// As the compiler made it.
    member: Member,
    needs: Needs,
    /// Variables that are the program's.
    shared: Vec<(Vec<u8>, HostSymbol)>,
    written: Option<Written>,
}

impl PreparedObject {
    fn new(member: Member, host: &HostImage) -> Result<Self, FallbackReason> {
        let object = resolve::parse(&member)?;
        let needs = Needs::of(&object)?;
        let shared = resolve::shared(&object, host, false)
            .into_iter()
            .map(|(name, host)| (name.to_vec(), host))
            .collect();
        Ok(Self {
            needs,
            shared,
            written: None,
            member,
        })
    }
}

/// An object as it is linked.
#[derive(Debug)]
struct Written {
    file: PathBuf,
    symbols: NewSymbols,
}

/// The name of an object without the part that the compiler makes up for each of its runs: with an
/// incremental cache, names are `<crate>.<unit>.<run>.rcgu.o`.
fn stable_name(member: &Member) -> String {
    let is_numbered = member.name.contains("-cgu.");
    match member.name.split('.').collect::<Vec<_>>()[..] {
        [krate, unit, _, "rcgu", "o"] if !is_numbered => format!("{krate}.{unit}.o"),
        _ => member.name.clone(),
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
            by_jump: is_code && resolution.called.contains(&hash(name)),
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
}

impl Output {
    fn begin(directory: &Path) -> Result<Self, FallbackReason> {
        let directory = directory.join("objects");
        match fs::create_dir_all(&directory) {
            Ok(()) => Ok(Self { directory }),
            Err(error) => Err(FallbackReason::OutputUnwritable {
                path: directory,
                problem: error.to_string(),
            }),
        }
    }

    fn write_object(
        &self,
        name: &str,
        object: &ObjectFile<'_>,
        moved: &Moved,
    ) -> Result<Written, FallbackReason> {
        let mut symbols = NewSymbols::default();
        let rewritten = rewrite::rewrite(object, moved, &mut symbols)?;
        let file = self.write(name, rewritten.as_deref().unwrap_or(object.bytes))?;
        Ok(Written { file, symbols })
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<PathBuf, FallbackReason> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_keeps_its_name_from_run_to_run() {
        let stable = |name: &str| {
            stable_name(&Member {
                name: name.to_owned(),
                bytes: Vec::new(),
            })
        };
        assert_eq!(stable("scene.09c38ft.1p2thnl.rcgu.o"), "scene.09c38ft.o");
        for whole in ["scene.e2-cgu.0.rcgu.o", "scene.scene.e2-cgu.1.rcgu.o"] {
            assert_eq!(stable(whole), whole);
        }
    }
}
