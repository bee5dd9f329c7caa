//! Where each variable of new code is to be: at the place of the one whose value it has, or at one of its own.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::super::host::{HostImage, HostSymbol};
use super::super::symbol_path::{path_of, shown, without_number};
use super::owners::{BuiltLibrary, Candidate, Found, LostLibrary, Owners, Renamed, Target};
use super::{InitialValue, Variable, is_of_the_build};
use crate::{
    ChangedStatic, FallbackReason, StaticChange, StaticComparison, StaticPair, StaticTypes,
};

/// Where each variable of new code is to be.
#[derive(Debug)]
pub(crate) struct Placement {
    variables: Vec<Placed>,
    /// Those that are still to be told apart by their types.
    namesakes: Vec<Namesakes>,
}

#[derive(Debug)]
struct Placed {
    variable: Variable,
    /// Those that it may be, the newest first.
    candidates: Vec<Candidate>,
    /// The candidate that it is to be. Beyond the last: a variable of the new code's own.
    chosen: usize,
    /// Whether the types are known to be one.
    is_compared: bool,
    /// Why it begins anew, if it does.
    change: Option<ChangedStatic>,
}

/// What the variables of earlier code began with, by the names of their symbols.
pub(crate) type InitialValues = HashMap<Vec<u8>, Began>;

/// What a variable began with, in the code that it is from and in the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Began {
    pub(super) first: InitialValue,
    pub(super) last: InitialValue,
}

/// Variables that have one name in the source, and none of which has a symbol of before.
#[derive(Debug)]
struct Namesakes {
    /// Their indexes.
    new: Vec<usize>,
    /// Those of before, of each owner that has any, the newest first.
    old: Vec<Vec<Candidate>>,
}

impl Placement {
    /// Takes the newest of each name, of the program's and those of `libraries`, oldest first.
    pub(crate) fn new(
        variables: Vec<Variable>,
        host: &HostImage,
        libraries: &[BuiltLibrary],
        renamed: &Renamed,
        types: Option<&dyn StaticTypes>,
    ) -> Result<Self, FallbackReason> {
        let owners = Owners::new(host, libraries, types)?;
        let mut placed = Vec::with_capacity(variables.len());
        for variable in variables {
            let mut found = owners.of_name(&variable.name);
            if let (
                Ok(Found {
                    candidates,
                    lost: None,
                }),
                Some(old),
            ) = (&found, renamed.get(&variable.name))
                && candidates.is_empty()
            {
                found = owners.of_name(old);
            }
            let Found { candidates, lost } = found.map_err(|_ambiguous| {
                let name = String::from_utf8_lossy(&variable.name);
                unknown(&name, "the program has several of that name")
            })?;
            let change = lost.filter(|_| variable.is_alive());
            placed.push(Placed {
                change: change.map(|lost| lost.change(&variable)),
                variable,
                candidates,
                chosen: 0,
                is_compared: false,
            });
        }
        let mut placement = Self {
            variables: placed,
            namesakes: Vec::new(),
        };
        placement.find_by_path(&owners);
        Ok(placement)
    }

    /// Finds what has another symbol only because its type changed, or how its crate is compiled.
    fn find_by_path(&mut self, owners: &Owners<'_>) {
        let kept: HashSet<Vec<u8>> = self
            .variables
            .iter()
            .map(|placed| placed.variable.name.clone())
            .collect();
        let mut by_path: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
        for (index, placed) in self.variables.iter().enumerate() {
            let Placed { variable, .. } = placed;
            let is_new = placed.candidates.is_empty() && placed.change.is_none();
            // A thread-local is two, of which one is used.
            if is_new
                && variable.is_alive()
                && variable.object.is_none()
                && let Some(path) = path_of(&variable.name)
            {
                by_path.entry(path.into_owned()).or_default().push(index);
            }
        }
        for (path, indexes) in by_path {
            let Found { candidates, lost } = owners.of_path(&path, |name| kept.contains(name));
            if let Some(lost) = lost {
                for index in indexes {
                    let placed = &mut self.variables[index];
                    placed.change = Some(lost.change(&placed.variable));
                }
                continue;
            }
            let is_one_of_each = candidates.iter().all(|of_owner| of_owner.len() == 1);
            if let ([only], true) = (&indexes[..], is_one_of_each) {
                self.variables[*only].candidates = candidates.concat();
            } else if !candidates.is_empty() {
                self.namesakes.push(Namesakes {
                    new: indexes,
                    old: candidates,
                });
            }
        }
    }

    /// A variable of the program that new code has too, but not in its objects: optimisation saw that the new
    /// code only reads it, and took it for the constant that it begins with.
    pub(crate) fn folded(
        &self,
        library: &Path,
        host: &HostImage,
        types: &dyn StaticTypes,
    ) -> Option<String> {
        let known: HashSet<&[u8]> = self
            .variables
            .iter()
            .map(|placed| without_number(&placed.variable.name))
            .collect();
        let mut statics = types.statics_in(library).into_iter();
        statics.find(|symbol| {
            let is_variable = |found: HostSymbol| found.is_variable;
            let is_there = |name: &[u8]| host.find(name).is_some_and(is_variable);
            let first_part = format!("{symbol}.0");
            let in_program = is_there(symbol.as_bytes()) || is_there(first_part.as_bytes());
            in_program && !known.contains(symbol.as_bytes()) && !is_of_the_build(symbol.as_bytes())
        })
    }

    /// Variables that have another symbol than those whose places they took.
    pub(crate) fn renamed(&self) -> Renamed {
        let renamed = self.variables.iter().filter_map(|placed| {
            let old = &placed.candidates.get(placed.chosen)?.name;
            (*old != placed.variable.name).then(|| (placed.variable.name.clone(), old.clone()))
        });
        renamed.collect()
    }

    /// The variables that are not the new code's own.
    pub(crate) fn moved(&self) -> impl Iterator<Item = (&Variable, &Target)> {
        self.variables.iter().filter_map(|placed| {
            let candidate = placed.candidates.get(placed.chosen)?;
            Some((&placed.variable, &candidate.target))
        })
    }

    /// The variables that are the new code's own.
    pub(crate) fn own(&self) -> impl Iterator<Item = &Variable> {
        let own = self.variables.iter().filter(|placed| placed.is_own());
        own.map(|placed| &placed.variable)
    }

    /// Those of them that others can use.
    pub(crate) fn lent(&self) -> impl Iterator<Item = &Variable> {
        self.own().filter(|variable| variable.is_alive())
    }

    /// The variables that do not go on as the source has them: those that begin anew, though there were some of
    /// their name, and those that keep their values, though they begin with others than in the code `before`.
    pub(crate) fn changed(&self, before: &InitialValues) -> Vec<ChangedStatic> {
        let changed = self.variables.iter().filter_map(|placed| {
            let candidate = placed.candidates.get(placed.chosen);
            let Some(Candidate { name, target }) = candidate else {
                return placed.change.clone();
            };
            let variable = &placed.variable;
            if variable.object.is_some() || !variable.is_alive() {
                return None;
            }
            let known = before.get(&variable.name).or_else(|| before.get(name));
            let last = known.map(|known| known.last);
            let first = match target {
                Target::Library(lent) => Some(lent.initial),
                Target::Program(_) => known.map(|known| known.first),
            };
            let is_new = |value: InitialValue| value != variable.initial;
            let both = last.or(first).is_some_and(is_new) && first.is_some_and(is_new);
            both.then(|| ChangedStatic::new(shown(&variable.name), StaticChange::InitialValue))
        });
        let mut changed: Vec<_> = changed.collect();
        changed.sort_by(|one, other| one.name.cmp(&other.name));
        changed
    }

    /// What the variables begin with in this code, and began with in the code `before`.
    pub(crate) fn initial_values(&self, before: &InitialValues) -> InitialValues {
        let known = self.variables.iter().map(|placed| {
            let Variable { name, initial, .. } = &placed.variable;
            let old = placed.candidates.get(placed.chosen);
            let known = before.get(name);
            let known = known.or_else(|| before.get(&old?.name));
            let first = known.map_or(*initial, |known| known.first);
            let last = *initial;
            (name.clone(), Began { first, last })
        });
        known.collect()
    }

    /// Compares the types of what is shared, as they are in `library`, which was linked so. A variable whose
    /// type changed goes to an older one of its type, or becomes the new code's own; then the library has to
    /// be linked anew. Returns whether that is so.
    pub(crate) fn compare(
        &mut self,
        library: &Path,
        types: Option<&dyn StaticTypes>,
    ) -> Result<bool, FallbackReason> {
        let mut moved_on = false;
        loop {
            let mut by_owner: HashMap<Option<PathBuf>, Vec<usize>> = HashMap::new();
            for (index, placed) in self.variables.iter_mut().enumerate() {
                let Some(Candidate { target, .. }) = placed.candidates.get(placed.chosen) else {
                    continue;
                };
                let owner = target.library().map(Path::to_owned);
                placed.is_compared |= placed.variable.is_known_to_be(target);
                if !placed.is_compared {
                    by_owner.entry(owner).or_default().push(index);
                }
            }
            if by_owner.is_empty() {
                for namesakes in std::mem::take(&mut self.namesakes) {
                    moved_on |= self.tell_apart(&namesakes, library, types)?;
                }
                return Ok(moved_on);
            }
            for (owner, indexes) in by_owner {
                moved_on |= self.compare_with(owner, &indexes, library, types)?;
            }
        }
    }

    /// Finds who of namesakes was who, by the types. Returns whether anyone was found.
    fn tell_apart(
        &mut self,
        namesakes: &Namesakes,
        library: &Path,
        types: Option<&dyn StaticTypes>,
    ) -> Result<bool, FallbackReason> {
        let mut left = namesakes.new.clone();
        for old in &namesakes.old {
            let compared = self.compare_all(&left, old, library, types)?;
            let same = |row: &Vec<Compared>| {
                row.iter()
                    .map(|compared| *compared == Compared::Same)
                    .collect()
            };
            let pairs = pairs(&compared.iter().map(same).collect::<Vec<_>>());
            let is_taken = |old: usize| pairs.contains(&Some(old));
            let mut stays = Vec::new();
            for (number, index) in left.iter().enumerate() {
                let placed = &mut self.variables[*index];
                if let Some(old_number) = pairs[number] {
                    placed.candidates = vec![old[old_number].clone()];
                    placed.is_compared = true;
                    placed.change = None;
                    continue;
                }
                let others = compared[number].iter().enumerate();
                let others = others
                    .filter(|(old, _)| !is_taken(*old))
                    .map(|(_, other)| other);
                let mut retyped: Option<&ChangedStatic> = None;
                let mut is_ambiguous = false;
                for other in others {
                    match other {
                        Compared::Same => is_ambiguous = true,
                        // The most alike of them tells what changed.
                        Compared::Changed(change) => {
                            let is_closer =
                                |known: &ChangedStatic| change.length() < known.length();
                            if retyped.is_none_or(is_closer) {
                                retyped = Some(change);
                            }
                        }
                    }
                }
                if is_ambiguous {
                    let name = shown(&placed.variable.name);
                    placed.change = Some(ChangedStatic::new(name, StaticChange::Ambiguous));
                    continue;
                }
                if let (None, Some(change)) = (&placed.change, retyped) {
                    placed.change = Some(change.clone());
                }
                stays.push(*index);
            }
            left = stays;
        }
        let is_found = |index: &usize| !self.variables[*index].candidates.is_empty();
        Ok(namesakes.new.iter().any(is_found))
    }

    /// Compares each of `new` with each of `old`, which are of one owner.
    fn compare_all(
        &self,
        new: &[usize],
        old: &[Candidate],
        library: &Path,
        types: Option<&dyn StaticTypes>,
    ) -> Result<Vec<Vec<Compared>>, FallbackReason> {
        let variable = |index: &usize| &self.variables[*index].variable;
        let new_names: Vec<String> = new.iter().map(|new| text(&variable(new).name)).collect();
        let old_names: Vec<String> = old.iter().map(|old| text(&old.name)).collect();
        let pairs: Vec<StaticPair<'_>> = new_names
            .iter()
            .flat_map(|new| old_names.iter().map(move |old| StaticPair { new, old }))
            .collect();
        let owner = old.first().and_then(|old| old.target.library());
        let compared = types.map(|types| types.compare(owner, library, &pairs));
        let mut compared = compared.unwrap_or_default().into_iter();
        let mut table = Vec::with_capacity(new.len());
        for (index, name) in new.iter().zip(&new_names) {
            let mut row = Vec::with_capacity(old.len());
            for old in old {
                row.push(match compared.next() {
                    Some(StaticComparison::Same) if old.target.fits(variable(index)) => {
                        Compared::Same
                    }
                    Some(StaticComparison::Same) => return Err(unknown(name, OTHER_SIZE)),
                    Some(StaticComparison::Changed { name, change }) => {
                        Compared::Changed(ChangedStatic::new(name, StaticChange::Type(change)))
                    }
                    Some(StaticComparison::Unknown { problem }) => {
                        return Err(unknown(name, &problem));
                    }
                    None => return Err(unknown(name, NOT_COMPARED)),
                });
            }
            table.push(row);
        }
        Ok(table)
    }

    fn compare_with(
        &mut self,
        owner: Option<PathBuf>,
        indexes: &[usize],
        library: &Path,
        types: Option<&dyn StaticTypes>,
    ) -> Result<bool, FallbackReason> {
        let names = |index: &usize| {
            let placed = &self.variables[*index];
            (
                text(&placed.variable.name),
                text(&placed.candidates[placed.chosen].name),
            )
        };
        let names: Vec<(String, String)> = indexes.iter().map(names).collect();
        let pairs = names.iter().map(|(new, old)| StaticPair { new, old });
        let compared = match types {
            Some(types) => types.compare(owner.as_deref(), library, &pairs.collect::<Vec<_>>()),
            None => Vec::new(),
        };
        let mut moved_on = false;
        for (number, index) in indexes.iter().enumerate() {
            let placed = &mut self.variables[*index];
            let target = &placed.candidates[placed.chosen].target;
            let fits = target.fits(&placed.variable);
            let (name, change) = match compared.get(number) {
                Some(StaticComparison::Same) if fits => {
                    placed.is_compared = true;
                    continue;
                }
                Some(StaticComparison::Changed { name, change }) => (name.clone(), change.clone()),
                // Nobody misses the one that nobody uses.
                _ if !placed.variable.is_alive() => {
                    placed.chosen = placed.candidates.len();
                    continue;
                }
                Some(StaticComparison::Unknown { problem }) => {
                    return Err(unknown(&names[number].0, problem));
                }
                // A type is the same, and yet the variable is not: then the compiler changed its form.
                Some(StaticComparison::Same) => {
                    return Err(unknown(&names[number].0, OTHER_SIZE));
                }
                None => return Err(unknown(&names[number].0, NOT_COMPARED)),
            };
            let change = StaticChange::Type(change);
            placed
                .change
                .get_or_insert(ChangedStatic::new(name, change));
            placed.chosen += 1;
            moved_on = true;
        }
        Ok(moved_on)
    }
}

impl Placed {
    /// Whether it is at a place of its own.
    fn is_own(&self) -> bool {
        self.chosen == self.candidates.len()
    }
}

impl LostLibrary {
    /// That a variable begins anew.
    fn change(&self, variable: &Variable) -> ChangedStatic {
        let Self { library, problem } = self.clone();
        let change = StaticChange::Lost { library, problem };
        ChangedStatic::new(shown(&variable.name), change)
    }
}

/// How a variable compares with one of its namesakes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Compared {
    Same,
    Changed(ChangedStatic),
}

/// For each row the column that it has to itself, once those are left out that others have to themselves.
fn pairs(same: &[Vec<bool>]) -> Vec<Option<usize>> {
    let mut pairs = vec![None; same.len()];
    loop {
        let is_open = |pairs: &[Option<usize>], row: usize, column: usize| {
            same[row][column] && pairs[row].is_none() && !pairs.contains(&Some(column))
        };
        let found = (0..same.len()).find_map(|row| {
            let mut columns = (0..same[row].len()).filter(|column| is_open(&pairs, row, *column));
            let (Some(column), None) = (columns.next(), columns.next()) else {
                return None;
            };
            let rows = (0..same.len()).filter(|row| is_open(&pairs, *row, column));
            (rows.count() == 1).then_some((row, column))
        });
        match found {
            Some((row, column)) => pairs[row] = Some(column),
            None => return pairs,
        }
    }
}

const OTHER_SIZE: &str = "its size is another one";
const NOT_COMPARED: &str = "nobody compares it";

impl Variable {
    /// Whether it was compiled in the same run as the target, or has not changed since the program's.
    fn is_known_to_be(&self, target: &Target) -> bool {
        match target {
            Target::Program(symbol) => self.object.is_some() && symbol.size == self.size,
            Target::Library(lent) => self.object.is_some() && self.object == lent.object,
        }
    }
}

fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

fn unknown(symbol: &str, problem: &str) -> FallbackReason {
    FallbackReason::StaticTypeUnknown {
        symbol: symbol.to_owned(),
        problem: problem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namesakes_are_paired_where_it_is_clear() {
        let check = |same: &[&[u8]], expected: &[Option<usize>]| {
            let is_same = |row: &&[u8]| row.iter().map(|same| *same == 1).collect();
            let same: Vec<Vec<bool>> = same.iter().map(is_same).collect();
            assert_eq!(pairs(&same), expected, "{same:?}");
        };
        check(&[&[0, 1], &[1, 0]], &[Some(1), Some(0)]);
        check(&[&[0, 0], &[1, 0]], &[None, Some(0)]);
        check(&[&[1, 1], &[1, 1]], &[None, None]);
        check(&[&[1], &[1]], &[None, None]);
        check(&[&[1, 1]], &[None]);
        check(&[], &[]);
    }
}
