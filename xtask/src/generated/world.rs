//! The running program as it must be: the generations that it loaded, whose code each caller runs, and what
//! every call must answer.

use std::cell::RefCell;
use std::collections::HashMap;

use super::host::SEEDS;
use super::layouts::{Differences, Layouts, Side};
use super::scene::{Cell, Expression, Function, FunctionId, HotNode, Operation, Passed, Scene};
use super::types::Type;
use super::value::{self, Scenes, Value, digest, make, mix};
use crate::e2e::Mode;

/// The program and its libraries.
pub(super) struct World {
    mode: Mode,
    /// By number; 0 is the code linked into the program.
    generations: Vec<Generation>,
    live: usize,
    /// By the function: the generation where a class of layouts was seen first.
    classes: HashMap<FunctionId, Vec<(usize, u32)>>,
    last_class: u32,
    /// The nodes that the program holds, by their numbers.
    nodes: RefCell<HashMap<u32, Instance>>,
    /// The numbers that the statics hold, by who owns them.
    counters: RefCell<HashMap<(usize, u32), u64>>,
    cells: RefCell<HashMap<(usize, u32), Option<Value>>>,
}

/// A node that the program holds.
struct Instance {
    /// Whether newer code became live since it was made.
    stale: bool,
    maker: usize,
    made: u64,
    calls: u64,
}

struct Generation {
    scene: Scene,
    layouts: Layouts,
    /// Whose code a call from here runs.
    slots: HashMap<FunctionId, usize>,
    /// Which layouts a function has; 0 are the program's.
    classes: HashMap<FunctionId, u32>,
    /// In whose memory each of its statics lies. Counters and cells have no number in common.
    owners: HashMap<u32, usize>,
}

/// What must become of the program's items when a generation goes live.
#[derive(Debug, Default)]
pub(super) struct Expected {
    /// The functions whose callers run the new code.
    pub(super) applied: Vec<FunctionId>,
    /// With the signatures of program and library.
    pub(super) other_signature: Vec<(FunctionId, String, String)>,
    pub(super) other_layout: Vec<(FunctionId, Differences)>,
    pub(super) removed: Vec<FunctionId>,
    /// The nodes of the generation.
    pub(super) nodes: Vec<u32>,
    /// Nodes that take or hand over something else than the program's; how the layouts differ of what is
    /// written in the same way, if that is all.
    pub(super) other_nodes: Vec<(u32, Option<Differences>)>,
    pub(super) removed_nodes: Vec<u32>,
}

impl World {
    /// A program that was just started.
    pub(super) fn new(mode: Mode, scene: Scene, layouts: Layouts) -> World {
        let mut world = World {
            mode,
            generations: Vec::new(),
            live: 0,
            classes: HashMap::new(),
            last_class: 0,
            nodes: RefCell::default(),
            counters: RefCell::default(),
            cells: RefCell::default(),
        };
        let nodes: Vec<_> = scene.nodes.iter().map(|own| own.number).collect();
        world.load(scene, layouts);
        for number in nodes {
            let instance = world.instance(number);
            world.nodes.borrow_mut().insert(number, instance);
        }
        world
    }

    /// The generation that is live.
    pub(super) fn live(&self) -> usize {
        self.live
    }

    /// The number that the next generation gets.
    pub(super) fn next(&self) -> usize {
        self.generations.len()
    }

    /// The generation whose code the program's callers of a function run.
    pub(super) fn runs(&self, id: FunctionId) -> usize {
        self.generations[0].slots[&id]
    }

    /// Takes a library in. Returns the cells that begin anew in it, though there was one of the name before
    /// that it would share.
    pub(super) fn load(&mut self, scene: Scene, layouts: Layouts) -> Vec<u32> {
        let number = self.generations.len();
        let slots = scene.functions.iter().map(|own| (own.id, number));
        let mut generation = Generation {
            slots: slots.collect(),
            classes: HashMap::new(),
            owners: HashMap::new(),
            scene,
            layouts,
        };
        // The compiler leaves out a static that no body uses.
        let used = generation.scene.used_counters();
        for counter in used {
            let owner = match self.mode {
                Mode::Full => None,
                Mode::Thin => self.newest_owner(counter.number, |_| true),
            };
            let owner = owner.unwrap_or(number);
            generation.owners.insert(counter.number, owner);
            let mut counters = self.counters.borrow_mut();
            counters
                .entry((owner, counter.number))
                .or_insert(counter.start);
        }
        self.generations.push(generation);
        self.classify(number);
        let mut anew = Vec::new();
        for cell in self.generations[number].scene.present_cells() {
            let owner = self.owner_of(&cell, number);
            let before = match self.mode {
                Mode::Full => cell.is_hot && self.generations[0].owners.contains_key(&cell.number),
                Mode::Thin => self.newest_owner(cell.number, |_| true).is_some(),
            };
            if before && owner == number {
                anew.push(cell.number);
            }
            self.generations[number].owners.insert(cell.number, owner);
            let mut cells = self.cells.borrow_mut();
            cells.entry((owner, cell.number)).or_default();
        }
        anew
    }

    /// In whose memory a cell of a generation lies.
    fn owner_of(&self, cell: &Cell, number: usize) -> usize {
        let has_type = |owner: usize| {
            let own = self.generations[owner].scene.cell(cell.number);
            own.is_some_and(|own| own == cell)
                && self
                    .differences(owner, number, std::slice::from_ref(&cell.ty))
                    .is_empty()
        };
        let owner = match self.mode {
            // A full library shares with the program alone, and what is declared so.
            Mode::Full => {
                let in_program = self.generations[0].owners.contains_key(&cell.number);
                (cell.is_hot && in_program && has_type(0)).then_some(0)
            }
            Mode::Thin => self.newest_owner(cell.number, has_type),
        };
        owner.unwrap_or(number)
    }

    /// The newest generation in whose memory a static lies that fits.
    fn newest_owner(&self, number: u32, fits: impl Fn(usize) -> bool) -> Option<usize> {
        let mut owners = (0..self.generations.len()).rev();
        owners.find(|owner| {
            self.generations[*owner].owners.get(&number) == Some(owner) && fits(*owner)
        })
    }

    /// Lets a generation that was taken in go live.
    pub(super) fn apply(&mut self, number: usize) -> Expected {
        let mut slots = Vec::new();
        let mut expected = Expected::default();
        for caller in 0..self.generations.len() {
            for own in &self.generations[caller].scene.functions {
                let outcome = self.outcome(caller, own, number);
                match outcome {
                    Outcome::Applied => slots.push((caller, own.id, number)),
                    Outcome::Removed => slots.push((caller, own.id, caller)),
                    Outcome::OtherSignature(_) | Outcome::OtherLayout => {}
                }
                if caller > 0 {
                    continue;
                }
                match outcome {
                    Outcome::Applied => expected.applied.push(own.id),
                    Outcome::Removed => expected.removed.push(own.id),
                    Outcome::OtherSignature(new) => {
                        let signatures = (own.id, own.signature(), new.signature());
                        expected.other_signature.push(signatures);
                    }
                    Outcome::OtherLayout => {
                        let (program, library) = (self.side(0), self.side(number));
                        let differences = Differences::between(program, library, &own.crossing());
                        expected.other_layout.push((own.id, differences));
                    }
                }
            }
        }
        for (caller, function, code) in slots {
            self.generations[caller].slots.insert(function, code);
        }
        self.live = number;
        for instance in self.nodes.borrow_mut().values_mut() {
            instance.stale = true;
        }
        let scene = &self.generations[number].scene;
        expected.nodes = scene.nodes.iter().map(|own| own.number).collect();
        for own in &self.generations[0].scene.nodes {
            match self.node_differences(own, number) {
                None => expected.removed_nodes.push(own.number),
                Some(Some(differences)) if differences.is_empty() => {}
                Some(differences) => expected.other_nodes.push((own.number, differences)),
            }
        }
        expected
    }

    /// What the program must print for a call of each method of a node, in their order. It is a call: the node
    /// counts it, and is made anew if newer code is live.
    pub(super) fn call_node(&self, own: &HotNode, seed: u64) -> Vec<u64> {
        let mut nodes = self.nodes.borrow_mut();
        let instance = nodes.get_mut(&own.number).expect("the program made it");
        if instance.stale {
            *instance = self.instance(own.number);
        }
        let Instance { maker, made, .. } = *instance;
        let code = self.generations[maker].scene.node(own.number);
        let code = code.expect("it was made by this code");
        let private = make(self, maker, &code.private, made);
        let this = mix(made, digest(self, maker, &code.private, &private));
        let methods = own.methods.iter().enumerate().map(|(at, method)| {
            instance.calls += 1;
            let x = make(self, 0, &method.parameter, seed);
            let x = digest(self, maker, &method.parameter, &x);
            let called = mix(mix(instance.calls, at as u64), x);
            mix(mix(code.constant, this), called)
        });
        methods.collect()
    }

    /// A node of the program, made by the newest code that fits.
    fn instance(&self, number: u32) -> Instance {
        let program = self.generations[0].scene.node(number);
        let program = program.expect("the program made it");
        let fits = matches!(
            self.node_differences(program, self.live),
            Some(Some(differences)) if differences.is_empty()
        );
        let maker = if fits { self.live } else { 0 };
        let code = self.generations[maker].scene.node(number);
        let code = code.expect("a node is made by code that has it");
        let arguments = program.arguments.iter().enumerate();
        let made = arguments.fold(code.constant, |before, (at, ty)| {
            let value = make(self, 0, ty, mix(SEEDS[0], at as u64 + 1));
            mix(before, digest(self, maker, ty, &value))
        });
        Instance {
            stale: false,
            maker,
            made,
            calls: 0,
        }
    }

    /// How a node of the program differs from that of a generation. `None` if that has none; no differences
    /// of layouts if the types that it takes, or its methods, are others by their names already.
    fn node_differences(&self, own: &HotNode, number: usize) -> Option<Option<Differences>> {
        let new = self.generations[number].scene.node(own.number)?;
        let comparable = own.has_interface_of(new);
        Some(comparable.then(|| self.differences(0, number, &own.crossing())))
    }

    /// What the program must print for a call of one of its functions.
    pub(super) fn answer(&self, own: &Function, seed: u64) -> String {
        let (result, arguments) = self.call(0, own.id, self.arguments(0, own, seed));
        let mut told = value::print(self, &own.result, &result);
        for (parameter, value) in own.parameters.iter().zip(&arguments) {
            if parameter.passed == Passed::MutablyBorrowed {
                told += " ";
                told += &value::print(self, &parameter.ty, value);
            }
        }
        told
    }

    /// Functions of the program that may panic in the next generation, if it is the live one but for that: the
    /// call can be made again, and what the live code answers does not depend on what else is live.
    pub(super) fn may_panic(&self) -> Vec<FunctionId> {
        let scene = &self.generations[self.live].scene;
        // Types of the crate are cloned for nobody.
        fn can_be_repeated(ty: &Type) -> bool {
            !matches!(ty, Type::Object(_) | Type::Defined(..))
                && ty.components().into_iter().all(can_be_repeated)
        }
        let may = |own: &&Function| {
            let mut calls = false;
            own.body.clone().each_mut(&mut |part| {
                calls |= matches!(part, Expression::Call(..));
            });
            let mut owned = own.parameters.iter();
            self.generations[0].slots.get(&own.id) == Some(&self.live)
                && !calls
                && owned.all(|own| own.passed != Passed::Owned || can_be_repeated(&own.ty))
        };
        scene
            .functions
            .iter()
            .filter(may)
            .map(|own| own.id)
            .collect()
    }

    fn outcome<'a>(&'a self, caller: usize, own: &Function, newest: usize) -> Outcome<'a> {
        let class = |generation: usize| self.generations[generation].classes.get(&own.id).copied();
        match self.generations[newest].scene.function(own.id) {
            None => Outcome::Removed,
            Some(new) if new.signature() != own.signature() => Outcome::OtherSignature(new),
            Some(_) if class(caller) != class(newest) => Outcome::OtherLayout,
            Some(_) => Outcome::Applied,
        }
    }

    /// Finds the classes of a generation's functions: items of one class have the same layouts.
    fn classify(&mut self, number: usize) {
        for own in self.generations[number].scene.functions.clone() {
            let same = |other: usize| {
                self.generations[other]
                    .scene
                    .function(own.id)
                    .is_some_and(|other_own| {
                        other_own.signature() == own.signature()
                            && self.differences(other, number, &own.crossing()).is_empty()
                    })
            };
            let class = if number == 0 || same(0) {
                0
            } else {
                let known = self.classes.get(&own.id).into_iter().flatten();
                let known = known.copied().find(|(other, _)| same(*other));
                known.map_or_else(
                    || {
                        self.last_class += 1;
                        let of_function = self.classes.entry(own.id).or_default();
                        of_function.push((number, self.last_class));
                        self.last_class
                    },
                    |(_, class)| class,
                )
            };
            self.generations[number].classes.insert(own.id, class);
        }
    }

    fn differences(&self, one: usize, other: usize, types: &[Type]) -> Differences {
        Differences::between(self.side(one), self.side(other), types)
    }

    fn side(&self, number: usize) -> Side<'_> {
        let Generation { scene, layouts, .. } = &self.generations[number];
        Side { scene, layouts }
    }

    /// The arguments for a function that code of generation `by` makes of a number.
    fn arguments(&self, by: usize, callee: &Function, seed: u64) -> Vec<Value> {
        let parameters = callee.parameters.iter().enumerate();
        let arguments =
            parameters.map(|(at, own)| make(self, by, &own.ty, mix(seed, at as u64 + 1)));
        arguments.collect()
    }

    /// What a call from generation `by` returns, and what it leaves of its arguments.
    fn call(&self, by: usize, id: FunctionId, mut arguments: Vec<Value>) -> (Value, Vec<Value>) {
        let code = self.generations[by].slots[&id];
        let own = self.generations[code].scene.function(id);
        let own = own.expect("a slot leads to code that there is");
        let number = self.compute(code, own, &arguments, &own.body);
        let parameters = own.parameters.iter().enumerate();
        for ((at, parameter), argument) in parameters.zip(&mut arguments) {
            if parameter.passed == Passed::MutablyBorrowed {
                *argument = make(self, code, &parameter.ty, mix(number, at as u64 + 1));
            }
        }
        (make(self, code, &own.result, number), arguments)
    }

    fn compute(
        &self,
        by: usize,
        within: &Function,
        arguments: &[Value],
        expression: &Expression,
    ) -> u64 {
        let compute = |part: &Expression| self.compute(by, within, arguments, part);
        match expression {
            Expression::Constant(value) => *value,
            Expression::Panic(_) => unreachable!("only code that is left at once panics"),
            Expression::Argument(at) => {
                digest(self, by, &within.parameters[*at].ty, &arguments[*at])
            }
            Expression::Field(at, name) => self.field(by, within, arguments, *at, name),
            Expression::Combine(operation, left, right) => {
                let (left, right) = (compute(left), compute(right));
                match operation {
                    Operation::Add => left.wrapping_add(right),
                    Operation::Multiply => left.wrapping_mul(right),
                    Operation::Xor => left ^ right,
                    Operation::Mix => mix(left, right),
                }
            }
            Expression::Choose(parts) => {
                let [left, right, then, otherwise] = &**parts;
                match compute(left) < compute(right) {
                    true => compute(then),
                    false => compute(otherwise),
                }
            }
            Expression::Repeat(times, part) => (0..u64::from(*times)).fold(compute(part), mix),
            Expression::Closure(constant, part) => mix(compute(part), *constant),
            Expression::Call(id, part) => {
                let seed = compute(part);
                let callee = self.generations[by].scene.function(*id);
                let callee = callee.expect("an edit leaves no call without its function");
                let arguments = self.arguments(by, callee, seed);
                let (result, arguments) = self.call(by, *id, arguments);
                let mut number = digest(self, by, &callee.result, &result);
                for (parameter, value) in callee.parameters.iter().zip(&arguments) {
                    if parameter.passed == Passed::MutablyBorrowed {
                        number = mix(number, digest(self, by, &parameter.ty, value));
                    }
                }
                number
            }
            Expression::Count(number) => {
                let owner = self.generations[by].owners[number];
                let mut counters = self.counters.borrow_mut();
                let counter = counters
                    .get_mut(&(owner, *number))
                    .expect("a static has a value from when its owner was loaded");
                let before = *counter;
                *counter = before.wrapping_add(1);
                before
            }
            Expression::Exchange(number, part) => {
                let seed = compute(part);
                let own = self.generations[by].scene.cell(*number);
                let ty = &own
                    .expect("an edit leaves no use of a cell that is not there")
                    .ty;
                let value = make(self, by, ty, seed);
                let owner = self.generations[by].owners[number];
                let before = self
                    .cells
                    .borrow_mut()
                    .insert((owner, *number), Some(value));
                let before = before.expect("a static has a value from when its owner was loaded");
                before.map_or(23, |value| digest(self, by, ty, &value))
            }
        }
    }

    fn field(
        &self,
        by: usize,
        within: &Function,
        arguments: &[Value],
        at: usize,
        name: &str,
    ) -> u64 {
        let (Type::Defined(id, types), Value::Fields(values)) =
            (&within.parameters[at].ty, &arguments[at])
        else {
            unreachable!("only structs have fields with names");
        };
        let definition = self.generations[by].scene.defined(*id);
        let super::types::Shape::Struct(fields) = &definition.shape else {
            unreachable!("only structs have fields with names");
        };
        let own = fields.iter().find(|own| own.name == name);
        let own = own.expect("an edit leaves no body with a field that is not there");
        digest(self, by, &own.ty.with(types), &values[name])
    }
}

impl Scenes for World {
    fn scene(&self, generation: usize) -> &Scene {
        &self.generations[generation].scene
    }
}

/// What becomes of one function, as one caller sees it.
#[derive(Clone, Copy)]
enum Outcome<'a> {
    Applied,
    Removed,
    OtherSignature(&'a Function),
    OtherLayout,
}
