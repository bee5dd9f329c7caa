//! From the objects of a crate to a library that lives in the running program.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::archives::{Archives, CrateObject, CrateObjects};
use super::host::{HostImage, HostSymbol, Place, hash};
use super::linker::{LinkRequest, Linker, WaitingLinker};
use super::object_file::ObjectFile;
use super::processor::Processor;
use super::resolve::{self, Needs, Pulled, Resolution};
use super::rewrite::{self, Lending, Moved, NewSymbols};
use super::statics::{
    self, BuiltLibrary, Defined, InitialValues, Placement, Renamed, Target, Variable,
};
use super::stub::{self, StubDetour, StubSymbol, StubWord};
use crate::{CancelSignal, ChangedStatic, FallbackReason, StaticTypes};

/// What a thin library is made of.
pub(crate) struct ThinLink<'a> {
    /// The hot crate's rlib.
    pub(crate) rlib: &'a Path,
    /// Crates that the program holds older code of.
    pub(crate) changed: &'a Archives,
    /// All other crates that the hot crate was compiled with.
    pub(crate) archives: &'a Archives,
    /// The program.
    pub(crate) host: &'a HostImage,
    /// The libraries that were linked before, the oldest first.
    pub(crate) libraries: &'a [BuiltLibrary],
    /// What earlier links found to be renamed.
    pub(crate) renamed: &'a Renamed,
    /// What the variables of earlier code began with.
    pub(crate) initial_values: &'a InitialValues,
    /// Who compares the types of variables.
    pub(crate) types: Option<&'a dyn StaticTypes>,
    /// The address of the personality routine, if it is not the program's.
    pub(crate) personality: Option<usize>,
    /// What tells this library from all others of this process.
    pub(crate) mark: &'a str,
    /// The linkers to try, in this order.
    pub(crate) linkers: &'a [Linker],
    /// The directory for what is written.
    pub(crate) directory: &'a Path,
}

/// A library that was linked.
#[derive(Debug)]
pub(crate) struct Linked {
    pub(crate) library: PathBuf,
    /// What it brought that others are to use.
    pub(crate) brought: Option<BuiltLibrary>,
    /// The variables that do not go on as the source has them.
    pub(crate) changed: Vec<ChangedStatic>,
    /// What its variables begin with.
    pub(crate) initial_values: InitialValues,
    /// Variables whose symbols are others than before.
    pub(crate) renamed: Renamed,
    /// Linkers that could not do it.
    pub(crate) failing: Vec<Linker>,
}

impl ThinLink<'_> {
    /// Links, and returns the library, which has the given file name.
    ///
    /// `prepared` is what an earlier link in the same directory left, and `waiting` a linker that runs already.
    pub(crate) fn link(
        &self,
        file_name: &str,
        prepared: &mut Prepared,
        waiting: Option<WaitingLinker>,
        cancel: &CancelSignal,
    ) -> Result<Linked, FallbackReason> {
        // Gone if this fails, for then files may be half of the old and half of the new.
        let mut before = std::mem::take(prepared);
        let compiled = CrateObjects::read(self.rlib, before.spare)?;
        let mut objects = Vec::new();
        for member in compiled.members() {
            let bytes = compiled.bytes(member);
            let known = before.objects.remove(stable_name(&member.name).as_ref());
            objects.push(match known {
                Some(known) if before.compiled.bytes(&known.member) == bytes => PreparedObject {
                    member: member.clone(),
                    ..known
                },
                _ => PreparedObject::new(member, bytes, self.host)?,
            });
        }
        let needs = objects.iter().map(|object| &object.needs);
        let mut resolution = resolve::resolve(needs, self.changed, self.host, self.archives)?;
        if let (Some(address), Some(of_program)) = (
            self.personality,
            resolution.host.get_mut(resolve::PERSONALITY),
        ) {
            of_program.place = Place::Code(address as u64);
        }
        let pulled = resolution
            .pulled
            .iter()
            .map(|pulled| Ok((pulled, resolve::parse(&pulled.member)?)))
            .collect::<Result<Vec<_>, FallbackReason>>()?;
        let mut inputs = Inputs {
            compiled,
            objects,
            pulled,
            moved: before.moved,
        };
        let mut placement = Placement::new(
            inputs.variables(self.host)?,
            self.host,
            self.libraries,
            self.renamed,
            self.types,
        )?;
        let library = self.directory.join(file_name);
        let mut attempt = Attempt {
            linkers: self.linkers,
            waiting,
            cancel,
        };
        loop {
            self.write_and_link(&library, &mut inputs, &resolution, &placement, &mut attempt)?;
            // Types are compared as the linked library has them: only there is all debug information together.
            if cancel.is_cancelled() || !placement.compare(&library, self.types)? {
                break;
            }
        }
        let folded = self
            .types
            .and_then(|types| placement.folded(&library, self.host, types));
        if let Some(symbol) = folded.filter(|_| !cancel.is_cancelled()) {
            return Err(FallbackReason::UnreachableStatic { symbol });
        }
        let lent = placement.lent().cloned().collect();
        let brought = BuiltLibrary::read(&library, self.mark, lent)?;
        let objects = inputs.objects.into_iter();
        *prepared = Prepared {
            objects: objects
                .map(|object| (stable_name(&object.member.name).into_owned(), object))
                .collect(),
            compiled: inputs.compiled,
            spare: before.compiled,
            moved: inputs.moved,
        };
        Ok(Linked {
            changed: placement.changed(self.initial_values),
            initial_values: placement.initial_values(self.initial_values),
            renamed: placement.renamed(),
            library,
            brought,
            failing: self.linkers[..self.linkers.len() - attempt.linkers.len()].to_vec(),
        })
    }

    fn write_and_link(
        &self,
        library: &Path,
        inputs: &mut Inputs<'_>,
        resolution: &Resolution,
        placement: &Placement,
        attempt: &mut Attempt<'_>,
    ) -> Result<(), FallbackReason> {
        let mut moved = Moved::new();
        for object in &inputs.objects {
            let shared = object.shared.iter().cloned();
            moved.extend(shared.map(|(name, host)| (name, Target::Program(host))));
        }
        let mut of_old_code = Moved::new();
        for (pulled, object) in &inputs.pulled {
            let shared = resolve::shared(object, self.host, !pulled.is_changed);
            let shared = shared
                .into_iter()
                .map(|(name, host)| (name.to_vec(), Target::Program(host)));
            if pulled.is_changed {
                moved.extend(shared);
            } else {
                of_old_code.extend(shared);
            }
        }
        // A thread-local that begins anew may have the symbol of that of the program, which objects that only use it
        // would be led to.
        for variable in placement.own() {
            moved.remove(&variable.name);
        }
        let mut needed: Vec<PathBuf> = Vec::new();
        for (variable, target) in placement.moved() {
            let of_its_code = match variable.object {
                Some(_) => &mut of_old_code,
                None => &mut moved,
            };
            of_its_code.insert(variable.name.clone(), target.clone());
            if let Some(owner) = target.library()
                && !needed.iter().any(|known| known == owner)
            {
                needed.push(owner.to_owned());
            }
        }
        let lending = Lending {
            mark: self.mark,
            names: placement
                .lent()
                .map(|variable| variable.name.as_slice())
                .collect(),
        };
        let same_moved = moved == inputs.moved;

        let output = Output::begin(self.directory)?;
        let mut wanted = NewSymbols::default();
        let mut object_files = Vec::with_capacity(inputs.objects.len() + 1);
        let mut member_files = Vec::with_capacity(inputs.pulled.len());
        for object in &mut inputs.objects {
            let lends = object
                .defined
                .variables
                .iter()
                .any(|variable| lending.names.contains(variable.name.as_slice()));
            let written = match object.written.take() {
                // The names of what is lent differ from library to library. And somebody may have deleted the file.
                Some(written)
                    if same_moved && !lends && !written.lends && written.file.is_file() =>
                {
                    written
                }
                _ => {
                    let name = stable_name(&object.member.name);
                    let bytes = inputs.compiled.bytes(&object.member);
                    let parsed = resolve::parse_object(&object.member.name, bytes)?;
                    let mut written = output.write_object(&name, &parsed, &moved, &lending)?;
                    written.lends = lends;
                    written
                }
            };
            object_files.push(OsString::from(&written.file));
            wanted.add(&written.symbols);
            object.written = Some(written);
        }
        for (number, (pulled, object)) in inputs.pulled.iter().enumerate() {
            let moved = if pulled.is_changed {
                &moved
            } else {
                &of_old_code
            };
            let name = format!("pulled-{number}.o");
            let written = output.write_object(&name, object, moved, &lending)?;
            wanted.add(&written.symbols);
            member_files.push(written.file.into());
        }
        inputs.moved = moved;
        let stub = output.write("stub.o", &stub_of(resolution, &wanted))?;
        // First, for of several definitions the first counts.
        object_files.insert(0, stub.into());
        let exports = output.write("exports", EXPORTS.as_bytes())?;
        let request = LinkRequest {
            library,
            arguments: &output.directory.join("arguments"),
            exports: &exports,
            objects: &object_files,
            members: &member_files,
            needed: &needed,
            libraries: &self.host.libraries,
        };
        attempt.link(&request)
    }
}

/// Who links.
struct Attempt<'a> {
    /// Those who did not fail yet.
    linkers: &'a [Linker],
    /// One that runs already.
    waiting: Option<WaitingLinker>,
    cancel: &'a CancelSignal,
}

impl Attempt<'_> {
    /// Has linkers try, one after the other, until one succeeds.
    fn link(&mut self, request: &LinkRequest<'_>) -> Result<(), FallbackReason> {
        let mut first_failure = None;
        loop {
            let (linker, others) = self.linkers.split_first().ok_or(FallbackReason::NoLinker)?;
            match linker.link(request, self.waiting.take(), self.cancel) {
                // What is undefined is so for the others too.
                Err(failure @ FallbackReason::Linker { .. }) => {
                    let first = first_failure.get_or_insert(failure);
                    if others.is_empty() || self.cancel.is_cancelled() {
                        return Err(first.clone());
                    }
                    self.linkers = others;
                }
                linked => return linked,
            }
        }
    }
}

/// What the variables of a compiled crate begin with.
pub(crate) fn initial_values(rlib: &Path) -> Result<InitialValues, FallbackReason> {
    let mut variables = Vec::new();
    let mut initialisers = Vec::new();
    let compiled = CrateObjects::read(rlib, CrateObjects::default())?;
    for member in compiled.members() {
        let object = resolve::parse_object(&member.name, compiled.bytes(member))?;
        let defined = statics::defined(&object, None).map_err(unreadable)?;
        variables.extend(defined.variables);
        initialisers.extend(defined.initialisers);
    }
    statics::add_initialisers(&mut variables, initialisers.iter());
    Ok(variables.iter().map(Variable::begins).collect())
}

/// All that is linked, but for where variables are.
struct Inputs<'a> {
    /// Where the bytes of the objects are.
    compiled: CrateObjects,
    objects: Vec<PreparedObject>,
    pulled: Vec<(&'a Pulled, ObjectFile<'a>)>,
    /// The variables that the objects were last written for.
    moved: Moved,
}

impl Inputs<'_> {
    /// The variables that the program's code is not known to have.
    fn variables(&self, host: &HostImage) -> Result<Vec<Variable>, FallbackReason> {
        let mut variables: Vec<Variable> = Vec::new();
        let mut changed: Vec<Defined> = Vec::new();
        for object in &self.objects {
            variables.extend(object.defined.variables.iter().cloned());
        }
        for (pulled, object) in &self.pulled {
            let identity = (!pulled.is_changed).then_some(pulled.member.identity);
            let mut defined = statics::defined(object, identity).map_err(unreadable)?;
            if pulled.is_changed {
                variables.append(&mut defined.variables);
                changed.push(defined);
                continue;
            }
            let unclear = defined.variables.iter().find(|variable| {
                variable.is_used && variable.is_namesake && host.find(&variable.name).is_some()
            });
            if let Some(variable) = unclear {
                return Err(FallbackReason::StaticTypeUnknown {
                    symbol: String::from_utf8_lossy(&variable.name).into_owned(),
                    problem: "the program's may be another one of that name".to_owned(),
                });
            }
            // What the program has is the program's, for the code is the same.
            let is_new = |variable: &Variable| host.find(&variable.name).is_none();
            variables.extend(defined.variables.into_iter().filter(is_new));
        }
        let objects = self.objects.iter().map(|object| &object.defined);
        let initialisers = objects
            .chain(&changed)
            .flat_map(|defined| &defined.initialisers);
        statics::add_initialisers(&mut variables, initialisers);
        Ok(variables)
    }
}

/// The objects that were linked last. Most of a crate's objects are the same in the next build, and need
/// not be looked at again.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    /// By their stable names.
    objects: HashMap<String, PreparedObject>,
    /// Where the bytes of the objects are.
    compiled: CrateObjects,
    /// The one before, of which the memory is left.
    spare: CrateObjects,
    moved: Moved,
}

#[derive(Debug)]
struct PreparedObject {
    /// As the compiler made it.
    member: CrateObject,
    needs: Needs,
    /// Variables that are the program's without question.
    shared: Vec<(Vec<u8>, HostSymbol)>,
    /// Variables that it defines.
    defined: Defined,
    written: Option<Written>,
}

impl PreparedObject {
    fn new(member: &CrateObject, bytes: &[u8], host: &HostImage) -> Result<Self, FallbackReason> {
        let object = resolve::parse_object(&member.name, bytes)?;
        let needs = Needs::of(&object)?;
        let shared = resolve::shared(&object, host, false)
            .into_iter()
            .map(|(name, host)| (name.to_vec(), host))
            .collect();
        Ok(Self {
            needs,
            shared,
            defined: statics::defined(&object, None).map_err(unreadable)?,
            written: None,
            member: member.clone(),
        })
    }
}

fn unreadable(error: object::read::Error) -> FallbackReason {
    FallbackReason::InputUnreadable {
        path: "an object of the crate".into(),
        problem: error.to_string(),
    }
}

/// An object as it is linked.
#[derive(Debug)]
struct Written {
    file: PathBuf,
    symbols: NewSymbols,
    /// Whether it exports variables under names of the library.
    lends: bool,
}

/// The name of an object without the part that the compiler makes up for each of its runs: with an
/// incremental cache, names are `<crate>.<unit>.<run>.rcgu.o`.
fn stable_name(name: &str) -> Cow<'_, str> {
    let is_numbered = name.contains("-cgu.");
    match name.split('.').collect::<Vec<_>>()[..] {
        [krate, unit, _, "rcgu", "o"] if !is_numbered => format!("{krate}.{unit}.o").into(),
        _ => name.into(),
    }
}

/// All that a loader looks up by name. Everything else is bound within the library.
const EXPORTS: &str = "{ global: hot_init_*; hot_entry_*; hot_lent_*; local: *; };\n";

fn stub_of(resolution: &Resolution, wanted: &NewSymbols) -> Vec<u8> {
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
    let words = wanted.words.iter().map(|(name, word)| StubWord {
        name,
        symbol: &word.symbol,
        offset: word.offset,
    });
    let detours = wanted.detours.iter();
    let detours = detours.map(|(name, detour)| StubDetour { name, detour });
    stub::write(
        Processor::OWN,
        &symbols,
        &words.collect::<Vec<_>>(),
        &detours.collect::<Vec<_>>(),
    )
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
        lending: &Lending<'_>,
    ) -> Result<Written, FallbackReason> {
        let mut symbols = NewSymbols::default();
        let rewritten = rewrite::rewrite(object, name, moved, lending, &mut symbols)?;
        let file = self.write(name, rewritten.as_deref().unwrap_or(object.bytes))?;
        Ok(Written {
            file,
            symbols,
            lends: false,
        })
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
        assert_eq!(
            stable_name("scene.09c38ft.1p2thnl.rcgu.o"),
            "scene.09c38ft.o"
        );
        for whole in ["scene.e2-cgu.0.rcgu.o", "scene.scene.e2-cgu.1.rcgu.o"] {
            assert_eq!(stable_name(whole), whole);
        }
    }
}
