//! Variables of a crate that is compiled once as a part of the program and once in another way, so that all its
//! symbols are others: with the names that the compiler makes without being asked, and with those of today.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::host::HostImage;
use super::super::object_file::ObjectFile;
use super::super::symbol_path::shown;
use super::*;

/// Each of its variables has a size of its own.
const SOURCE: &str = r#"
use std::cell::{Cell, RefCell};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU8, Ordering};

static CALLS: [AtomicU8; 3] = [const { AtomicU8::new(0) }; 3];
static WORDS: (LazyLock<String>, [AtomicU8; 5]) = (LazyLock::new(|| "lazy".to_owned()), [const { AtomicU8::new(0) }; 5]);
thread_local! {
    static PLAIN: Cell<[u8; 7]> = const { Cell::new([0; 7]) };
    static LAZY: RefCell<Vec<u32>> = RefCell::new(Vec::new());
}

mod deep {
    pub struct Type;
}

struct Ship<A, B>(A, B);

trait Panel {
    fn show(&self) -> u8;
}

impl Ship<deep::Type, deep::Type> {
    fn own(&self) -> u8 {
        static OWN: [AtomicU8; 9] = [const { AtomicU8::new(0) }; 9];
        OWN[0].fetch_add(1, Ordering::SeqCst)
    }
}

impl<T> Panel for Ship<T, fn(&deep::Type) -> deep::Type> {
    fn show(&self) -> u8 {
        static SHOWN: [AtomicU8; 11] = [const { AtomicU8::new(0) }; 11];
        SHOWN[0].fetch_add(1, Ordering::SeqCst)
    }
}

fn main() {
    PLAIN.set([1; 7]);
    LAZY.with_borrow_mut(|list| list.push(1));
    let ship = Ship(deep::Type, deep::Type);
    let panel = Ship(1, (|_: &deep::Type| deep::Type) as fn(&deep::Type) -> deep::Type);
    let in_closure = || {
        static INNER: [AtomicU8; 13] = [const { AtomicU8::new(0) }; 13];
        INNER[0].fetch_add(1, Ordering::SeqCst)
    };
    CALLS[0].fetch_add(ship.own() + panel.show() + in_closure(), Ordering::SeqCst);
    println!("{} {:?} {:?}", *WORDS.0, CALLS, WORDS.1);
}
"#;

const VARIABLES: [&str; 7] = ["CALLS", "INNER", "LAZY", "OWN", "PLAIN", "SHOWN", "WORDS"];

/// What has the compiler make each form of names.
const FORMS: [&[&str]; 2] = [&[], &["-C", "symbol-mangling-version=v0"]];

fn compile(directory: &Path, source: &str, metadata: &str, arguments: &[&str]) -> PathBuf {
    let file = directory.join("scene.rs");
    std::fs::write(&file, source).expect("a file");
    let output = directory.join(metadata);
    let mut rustc = Command::new("rustc");
    rustc.args(["--crate-name", "scene", "--edition", "2024"]);
    rustc.args(["-C", "codegen-units=1", "-C"]);
    rustc.arg(format!("metadata={metadata}")).args(arguments);
    rustc.arg("-o").args([&output, &file]);
    assert!(rustc.status().expect("rustc runs").success());
    output
}

/// The variables of the program in the source, compiled to one object.
fn variables_of(directory: &Path, source: &str, metadata: &str, form: &[&str]) -> Vec<Variable> {
    let object = compile(
        directory,
        source,
        metadata,
        &[form, &["--emit", "obj"]].concat(),
    );
    let bytes = std::fs::read(&object).expect("the object");
    let object = ObjectFile::parse(&bytes).expect("an object");
    let mut defined = defined(&object, None).expect("what it defines");
    add_initialisers(&mut defined.variables, defined.initialisers.iter());
    let mut variables = defined.variables;
    // A thread-local is two, of which one is used.
    variables.retain(|variable| variable.is_used);
    variables
}

/// The last part of its path.
fn name_of(variable: &Variable) -> String {
    let shown = shown(&variable.name);
    let (_, name) = shown.rsplit_once("::").expect("a path");
    name.to_owned()
}

#[test]
fn variables_are_found_when_their_crate_is_compiled_in_another_way() {
    for form in FORMS {
        let directory = tempfile::tempdir().expect("a directory");
        let program = compile(directory.path(), SOURCE, "program", form);
        let host = HostImage::read(&program, &program, 0, Vec::new()).expect("the program");
        let variables = variables_of(directory.path(), SOURCE, "other", form);
        let same_symbol = variables
            .iter()
            .find(|variable| host.find(&variable.name).is_some());
        assert_eq!(same_symbol, None);
        let placement = Placement::new(variables, &host, &[], &Renamed::new(), None);
        let placement = placement.expect("they can be placed");
        let mut found: Vec<String> = Vec::new();
        for (variable, target) in placement.moved() {
            assert!(target.fits(variable), "{variable:?} {target:?}");
            found.push(name_of(variable));
        }
        found.sort();
        assert_eq!(found, VARIABLES, "{form:?}");
    }
}

#[test]
fn initial_values_are_compared_when_a_crate_is_compiled_in_another_way() {
    for form in FORMS {
        let directory = tempfile::tempdir().expect("a directory");
        let values = |source: &str, metadata: &str| -> BTreeMap<String, InitialValue> {
            let variables = variables_of(directory.path(), source, metadata, form);
            let values = variables.iter();
            values
                .map(|variable| (name_of(variable), variable.initial))
                .collect()
        };
        let first = values(SOURCE, "first");
        assert!(first.keys().eq(VARIABLES), "{first:?}");
        assert_eq!(values(SOURCE, "other"), first, "{form:?}");
        // What a closure in the initialiser returns.
        let edited = values(&SOURCE.replace("lazy", "busy"), "edited");
        let changed = edited
            .iter()
            .filter(|(name, value)| first[*name] != **value);
        let changed: Vec<&String> = changed.map(|(name, _)| name).collect();
        assert_eq!(changed, ["WORDS"], "{form:?}");
    }
}
