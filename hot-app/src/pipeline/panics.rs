//! What becomes of generations that panic.

use super::{Effect, Pipeline};
use crate::crate_id::CrateId;
use crate::event::Event;
use crate::status::{Outcome, PanickedItem};

/// A panic of new code, as far as it concerns which generation is live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Panic {
    pub(crate) krate: CrateId,
    pub(crate) item: &'static str,
    pub(crate) generation: u32,
    /// What panicked, and with which message.
    pub(crate) reason: String,
    pub(crate) consequence: Consequence,
}

/// What follows from a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consequence {
    /// The generation is left as a whole.
    RollBack,
    /// The generation was left already, by a thread that waited for other code. Its sources are not taken for good
    /// when they come back.
    Failed,
    /// The function or node is answered by another generation.
    AnsweredBy(u32),
    /// Nothing: the call was made again with newer code, or there is none to answer.
    Nothing,
}

/// A generation that is to be left, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RollBack {
    pub(crate) from: u32,
    /// What panicked, and with which message.
    pub(crate) reason: String,
}

impl Pipeline {
    pub(super) fn panicked<L>(&mut self, panic: Panic, effects: &mut Vec<Effect<L>>) {
        let Panic {
            krate,
            item,
            generation,
            reason,
            consequence,
        } = panic;
        let Some(state) = self.state_of(&krate) else {
            return;
        };
        match consequence {
            Consequence::Nothing => {}
            Consequence::AnsweredBy(answered_by) => {
                let panicked = &mut state.status.panicked;
                if state.status.generation == generation {
                    panicked.retain(|known| known.item != item);
                    panicked.push(PanickedItem { item, answered_by });
                }
            }
            Consequence::Failed => {
                if state.failure_of(generation).is_none() {
                    state.failed.push((generation, reason));
                }
            }
            Consequence::RollBack => {
                let is_known = state.failure_of(generation).is_some();
                if is_known {
                    return;
                }
                state.failed.push((generation, reason.clone()));
                state.status.stale |= state.status.generation == generation;
                // Newer code that waits for the safe point is there as soon as an older one would be.
                if state.status.generation == generation && !state.offers_other_than(generation) {
                    let why = RollBack {
                        from: generation,
                        reason,
                    };
                    effects.push(Effect::RollBack { krate, why });
                }
            }
        }
    }

    /// The sources are those of a generation that panicked among its first calls and was left: nothing is built or
    /// made live for that.
    pub(super) fn not_recalled<L>(
        &mut self,
        index: usize,
        generation: u32,
        reason: String,
        effects: &mut Vec<Effect<L>>,
    ) {
        self.cancel(index, effects);
        let state = &mut self.crates[index];
        state.loading = None;
        state.changed_at = None;
        state.status.stale = true;
        state.status.outcome = Some(Outcome::KnownBad {
            generation,
            reason: reason.clone(),
        });
        let krate = state.status.krate.clone();
        // While it is live, what waits is its own rolling back.
        if state.status.generation != generation {
            state.offered = None;
            effects.push(Effect::Withdraw {
                krate: krate.clone(),
            });
        }
        effects.push(Effect::Emit(Event::NotRecalled {
            krate,
            generation,
            live: state.status.generation,
            reason,
        }));
    }
}
