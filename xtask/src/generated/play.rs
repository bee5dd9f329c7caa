//! A real program, and real saves while it runs.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};

use super::Order;
use super::edit::Editor;
use super::host::{self, SEEDS};
use super::judge;
use super::layouts::Layouts;
use super::print;
use super::scene::{Expression, FunctionId, Scene};
use super::value::Scenes as _;
use super::world::World;
use crate::e2e::{Log, Mode};
use crate::program::Program;
use crate::save::Save;
use crate::scratch::Scratch;
use crate::{interrupt, repository, step};

/// The file that is edited.
const SOURCE: &str = "scene/src/lib.rs";

/// How often each outcome came.
#[derive(Debug, Default)]
pub(super) struct Tally {
    saves: usize,
    edits: usize,
    applied: usize,
    recalled: usize,
    failed: usize,
    panicked: usize,
    /// Of functions, over all saves: applied, refused for their signature or layout, and gone.
    functions: [usize; 4],
}

/// Whether programs can be run in valgrind.
pub(super) fn has_valgrind() -> bool {
    let mut valgrind = Command::new("valgrind");
    valgrind.arg("--version").stdout(Stdio::null());
    valgrind.status().is_ok_and(|status| status.success())
}

/// Valgrind itself failed, by what it says at its end, and had nothing to say against the program until then.
#[derive(Debug)]
pub(super) struct ValgrindFailed;

impl ValgrindFailed {
    fn is_told(log: &str) -> bool {
        const FAILURE: &str = "In particular, if Valgrind aborted or crashed after";
        const ERRORS: [&str; 4] = ["Invalid ", "uninitialised", "Mismatched ", "overlap"];
        let mut words = log.lines().filter(|line| line.contains("err| =="));
        log.contains(FAILURE) && !words.any(|line| ERRORS.iter().any(|error| line.contains(error)))
    }
}

impl fmt::Display for ValgrindFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("valgrind itself failed, and had found nothing until then")
    }
}

/// Runs one program through its saves.
///
/// # Errors
/// It did not do what it must; in the context of [`ValgrindFailed`] if that is not known.
pub(super) fn play(mode: Mode, seed: u64, order: &Order, target_dir: &Path) -> Result<Tally> {
    let mut editor = Editor::new(seed);
    let scene = editor.scene();
    let scratch = Scratch::create("edits", target_dir)?;
    let log = Log::new();
    let text = print::scene(&scene);
    write_packages(&scratch, &scene, &text)?;
    scratch.clean(&["host", "scene"])?;
    let program = start(&scratch, &log, mode, order.valgrind)?;
    let mut play = Play {
        mode,
        scratch,
        program,
        world: None,
        known: HashMap::from([(text.clone(), 0)]),
        sources: HashMap::new(),
        states: vec![scene],
        text,
        tally: Tally::default(),
    };
    let outcome = play.begin().and_then(|()| {
        for save in 1..=order.saves {
            interrupt::check()?;
            let next = play.next(&mut editor);
            if next.text == play.text {
                continue;
            }
            let before = std::mem::replace(&mut play.text, next.text.clone());
            play.save(&next).with_context(|| {
                eprintln!("---- the source ----\n{}", next.text);
                let changes = changes(&before, &next.text);
                format!("save {save}: {}\n{changes}", next.told)
            })?;
        }
        Ok(())
    });
    let outcome = outcome.and_then(|()| {
        let Play { program, tally, .. } = play;
        program.end().map(|()| tally)
    });
    if outcome.is_err() {
        eprintln!(
            "---- the end of everything, in order ----\n{}----",
            end_of(&log)
        );
        if order.valgrind && ValgrindFailed::is_told(&log.to_string()) {
            return outcome.context(ValgrindFailed);
        }
    }
    outcome
}

/// The last that happened: what came before was as expected.
fn end_of(log: &Log) -> String {
    let all = log.to_string();
    let lines: Vec<_> = all.split_inclusive('\n').collect();
    lines[lines.len().saturating_sub(60)..].concat()
}

/// A save that is to be made.
struct Next {
    scene: Scene,
    text: String,
    /// What was edited, in words.
    told: String,
    edits: usize,
    /// Whether it does not compile.
    mistaken: bool,
    /// The function that panics; then that is the only difference to the code that is live.
    panics: Option<FunctionId>,
}

struct Play {
    mode: Mode,
    scratch: Scratch,
    program: Program,
    /// Known once the program has told its layouts.
    world: Option<World>,
    /// The source texts that the program has in memory, and their generations.
    known: HashMap<String, usize>,
    /// What the status calls the sources of each generation that was live.
    sources: HashMap<usize, String>,
    /// The states of the crate that compile, in the order of their saves.
    states: Vec<Scene>,
    /// What the source reads.
    text: String,
    tally: Tally,
}

impl Play {
    /// Meets the program as it was started.
    fn begin(&mut self) -> Result<()> {
        let layouts = Layouts::read(&self.program.ask("layouts")?)?;
        let scene = self.states[0].clone();
        self.world = Some(World::new(self.mode, scene, layouts));
        self.compare_answers()
            .context("the program that was just started")
    }

    /// Thinks of the next save.
    fn next(&self, editor: &mut Editor) -> Next {
        if let Some(world) = &self.world
            && editor.random().once_in(12)
            && let Some(id) = editor.random().pick(&world.may_panic())
        {
            return self.next_panic(world, *id);
        }
        // Most edits go on from the newest state; some go back first, so that not all is refused in the end.
        let count = self.states.len();
        let from = match editor.random().below(10) {
            0 | 1 => 0,
            2 => editor.random().below(count),
            3 => count.saturating_sub(2),
            _ => count - 1,
        };
        let mut scene = self.states[from].clone();
        let mut told = vec![format!("from state {from}")];
        // An undo makes no edit at all.
        let undo = from + 1 < count && editor.random().once_in(2);
        let edits = match undo {
            true => 0,
            false => 1 + editor.random().below(6) / 3 + editor.random().below(6) / 5,
        };
        for _ in 0..edits {
            told.push(editor.edit(&mut scene));
        }
        let mut text = print::scene(&scene);
        let mistaken = !undo && editor.random().once_in(15);
        if mistaken && let Some(mistake) = editor.random().pick(MISTAKES) {
            told.push(format!("a mistake: {mistake}"));
            text += mistake;
        }
        Next {
            scene,
            text,
            told: told.join("; "),
            edits,
            mistaken,
            panics: None,
        }
    }

    /// The code that is live, with a function that panics.
    fn next_panic(&self, world: &World, id: FunctionId) -> Next {
        let mut scene = world.scene(world.live()).clone();
        let function = scene.functions.iter_mut().find(|own| own.id == id);
        if let Some(function) = function {
            function.body = Expression::Panic(self.tally.saves as u64);
        }
        Next {
            text: print::scene(&scene),
            scene,
            told: format!("{id} panics, and nothing else is edited"),
            edits: 1,
            mistaken: false,
            panics: Some(id),
        }
    }

    /// Saves, and looks at what comes of it.
    fn save(&mut self, next: &Next) -> Result<()> {
        let Some(world) = &mut self.world else {
            bail!("the program has not begun");
        };
        let before = world.live();
        self.tally.saves += 1;
        self.tally.edits += next.edits;
        self.program.count_from_here();
        // As one step: of a file that is gone for a moment, or empty, the program tells too.
        Save::Rename.write(&self.scratch.path(SOURCE), &next.text)?;
        let recalled = self.known.get(&next.text).copied();
        let outcome = wait_for_outcome(&mut self.program, recalled, world.live())?;
        let live = match (next.mistaken, recalled) {
            (true, None) => {
                ensure!(
                    outcome == "build-failed",
                    "it does not compile, and yet: {outcome}"
                );
                self.tally.failed += 1;
                None
            }
            (false, None) => {
                ensure!(outcome == "applied", "it compiles, and yet: {outcome}");
                let built = self.program.events_heard("built");
                let linked = format!("({}", self.mode);
                ensure!(
                    built.len() == 1 && built[0].contains(&linked),
                    "built in another way: {built:?}"
                );
                let number = world.next();
                let layouts = Layouts::read(&self.program.ask("layouts")?)?;
                let anew = world.load(next.scene.clone(), layouts);
                judge::begin_anew(self.program.heard(), &anew)?;
                self.known.insert(next.text.clone(), number);
                self.tally.applied += 1;
                Some(number)
            }
            (_, Some(number)) => {
                self.tally.recalled += 1;
                (number != world.live()).then_some(number)
            }
        };
        if let Some(number) = live {
            let expected = world.apply(number);
            judge::applied(self.program.heard(), number, &expected, &next.text)?;
            self.tally.count(&expected);
        }
        if let Some(id) = next.panics {
            self.panic(id, before, &next.text)?;
        } else if !next.mistaken {
            self.states.push(next.scene.clone());
        }
        self.compare_status(next.mistaken || next.panics.is_some())?;
        self.compare_answers()
    }

    /// Calls a function whose new code panics: the code that was live before answers, and is live again.
    fn panic(&mut self, id: FunctionId, before: usize, text: &str) -> Result<()> {
        let Some(world) = &mut self.world else {
            bail!("the program has not begun");
        };
        self.tally.panicked += 1;
        // Its sources do not go live again.
        self.known.remove(text);
        self.program.count_from_here();
        let expected = world.apply(before);
        let own = self.states[0].function(id);
        let own = own.context("the program calls its own functions only")?;
        let answer = world.answer(own, SEEDS[0]);
        self.program.expect_answer(&format!("call {id}"), &answer)?;
        self.program.event("panicked")?;
        self.program.event("rolled-back")?;
        judge::applied(self.program.heard(), before, &expected, text)
    }

    /// Fails unless the status says which generation is live, of which sources, and whether it is stale.
    fn compare_status(&mut self, stale: bool) -> Result<()> {
        let live = self.world.as_ref().map_or(0, World::live);
        let told = self.program.ask("status")?;
        let expected = format!("{live} {stale} ");
        let source = told.strip_prefix(&expected);
        let source = source
            .with_context(|| format!("the status is `{told}`, and not `{expected}` of a source"))?;
        if live == 0 {
            // What the program was built from may not be known.
            return Ok(());
        }
        ensure!(
            source != "unknown",
            "the status does not tell of which source {live} is"
        );
        let known = self
            .sources
            .entry(live)
            .or_insert_with(|| source.to_owned());
        ensure!(
            source == known,
            "the source of {live} was {known}, and is {source}"
        );
        let same = self
            .sources
            .values()
            .filter(|other| *other == source)
            .count();
        ensure!(
            same == 1,
            "{same} generations are said to be of the source {source}"
        );
        Ok(())
    }

    /// Asks for all functions, and fails unless each answers what it must.
    fn compare_answers(&mut self) -> Result<()> {
        let Some(world) = &self.world else {
            bail!("the program has not begun");
        };
        let told = self.program.ask("functions")?;
        let mut answers = told.split('\t');
        let functions = &self.states[0].functions;
        for seed in SEEDS {
            for own in functions {
                let answer = answers.next().context("it answers for too few functions")?;
                let expected = world.answer(own, seed);
                ensure!(
                    answer == expected,
                    "{}({seed}), called from the program, which has {} live, answers\n  {answer}\nand not\n  \
                     {expected}\nby the code of generation {}",
                    own.id,
                    world.live(),
                    world.runs(own.id),
                );
            }
        }
        ensure!(
            answers.next().is_none(),
            "it answers for too many functions: {told}"
        );
        let told = self.program.ask("nodes")?;
        let nodes = self.states[0].nodes.iter();
        let expected = nodes.flat_map(|own| world.call_node(own, SEEDS[0]));
        let expected: Vec<_> = expected.map(|number| number.to_string()).collect();
        ensure!(
            told == expected.join("\t"),
            "the nodes of the program, which has {} live, answer\n  {told}\nand not\n  {}",
            world.live(),
            expected.join("\t")
        );
        Ok(())
    }
}

impl Tally {
    fn count(&mut self, expected: &super::world::Expected) {
        let counts = [
            expected.applied.len(),
            expected.other_signature.len(),
            expected.other_layout.len(),
            expected.removed.len(),
        ];
        for (sum, count) in self.functions.iter_mut().zip(counts) {
            *sum += count;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [applied, signature, layout, removed] = self.functions;
        write!(
            f,
            "{} edits in {} saves: {} applied, {} from memory, {} did not compile, {} panicked; functions: {applied} applied, \
             {signature} with another signature, {layout} with another layout, {removed} gone",
            self.edits, self.saves, self.applied, self.recalled, self.failed, self.panicked
        )
    }
}

/// What no compiler takes, to be written behind all else.
const MISTAKES: &[&str] = &[
    "fn mistake() -> u32 { \"text\" }\n",
    "fn mistake() { nowhere::to_be_found() }\n",
    "}\n",
    "struct Mistake { itself: Mistake }\n",
    "fn mistake() -> &str { \"\" }\n",
];

/// Waits for the end of what a save brings about, and returns the last event's name.
fn wait_for_outcome(program: &mut Program, recalled: Option<usize>, live: usize) -> Result<String> {
    const ENDS: [&str; 5] = [
        "applied",
        "build-failed",
        "unchanged",
        "refused",
        "not-applied",
    ];
    let ends = |line: &str| {
        let name = line
            .strip_prefix("event ")
            .and_then(|event| event.split(' ').next());
        name.is_some_and(|name| match recalled {
            Some(number) if number == live => name == "recalled",
            _ => ENDS.contains(&name),
        })
    };
    let line = program.wait_for("what became of the save", ends)?;
    let name = line["event ".len()..].split(' ').next().unwrap_or_default();
    Ok(name.to_owned())
}

fn write_packages(scratch: &Scratch, scene: &Scene, text: &str) -> Result<()> {
    let product = |name: &str| repository::root().join(name).display().to_string();
    let (hot_abi, hot_app) = (product("hot-abi"), product("hot-app"));
    let package = |name: &str| {
        format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n")
    };
    scratch.write(
        "Cargo.toml",
        "[workspace]\nresolver = \"3\"\nmembers = [\"host\", \"scene\"]\n",
    )?;
    scratch.write(
        "host/Cargo.toml",
        &format!(
            "{}\n[dependencies]\nhot-app = {{ path = '{hot_app}' }}\nscene = {{ path = \"../scene\" }}\n",
            package("host")
        ),
    )?;
    scratch.write("host/src/main.rs", &host::host(scene))?;
    scratch.write("host/src/console.rs", include_str!("fixture/console.rs"))?;
    scratch.write(
        "scene/Cargo.toml",
        &format!(
            "{}\n[lib]\ncrate-type = [\"lib\", \"cdylib\"]\n\n[dependencies]\nhot-abi = {{ path = '{hot_abi}' }}\n",
            package("scene")
        ),
    )?;
    scratch.write("scene/src/support.rs", include_str!("fixture/support.rs"))?;
    scratch.write(SOURCE, text)
}

/// Builds the program with debug assertions and starts it; returns once it watches.
fn start(scratch: &Scratch, log: &Log, mode: Mode, valgrind: bool) -> Result<Program> {
    let mut cargo = scratch.cargo(&["build", "--package", "host"]);
    step::capture(&mut cargo)?;
    let file: PathBuf = scratch.target_dir().join("debug").join("host");
    let mut command = match valgrind {
        false => scratch.command(&file),
        true => {
            let mut command = scratch.command(Path::new("valgrind"));
            command
                .args(["--quiet", "--error-exitcode=99", "--trace-children=no"])
                .arg(&file);
            command
        }
    };
    command
        .env("HOT_LINKING", mode.variable())
        .env("RUST_BACKTRACE", "0");
    let log = log.clone();
    let witness = Arc::new(move |who: &str, what: &str| log.record(who, what));
    let mut program = Program::start("host", command, witness)?;
    program.event("watching")?;
    Ok(program)
}

/// The lines that differ, as far as two texts have them in one order.
fn changes(before: &str, after: &str) -> String {
    let (before, after): (Vec<_>, Vec<_>) = (before.lines().collect(), after.lines().collect());
    let mut told = String::new();
    for line in before.iter().filter(|line| !after.contains(line)) {
        told += &format!("- {line}\n");
    }
    for line in after.iter().filter(|line| !before.contains(line)) {
        told += &format!("+ {line}\n");
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_valgrind_found_is_not_taken_for_a_failure_of_its_own() {
        let failure = "  27.683   host err| In particular, if Valgrind aborted or crashed after\n";
        let error = "  20.000   host err| ==26512== Invalid read of size 8\n";
        assert!(ValgrindFailed::is_told(failure));
        assert!(!ValgrindFailed::is_told(&[error, failure].concat()));
        assert!(!ValgrindFailed::is_told(error));
    }
}
