//! What the program decides when new code panics, on the thread that panicked.

use crate::console::Console;
use crate::crate_id::CrateId;
use crate::event::{Event, NotWaiting};
use crate::panic_policy::PanicPolicy;
use crate::pipeline::Consequence;
use crate::running::{PATIENCE, Running};
use crate::service::HOT_RELOAD;
use hot_abi::policy::{self, Aftermath, Panicked, Verdict};
use std::path::PathBuf;
use std::sync::Arc;

/// The exit code of a program that an uncaught panic ends.
const PANICKED: i32 = 101;

/// Lets the policy decide from now on.
pub(crate) fn decide(on_panic: PanicPolicy, running: &Arc<Running>, console: bool) {
    let running = Arc::downgrade(running);
    policy::set_panic_policy(move |panicked| match on_panic {
        PanicPolicy::RollBack => Verdict::AnswerFromLastGood,
        PanicPolicy::WaitForNextBuild => match running.upgrade() {
            Some(running) if panicked.repeatable => wait(&running, panicked, console),
            _ => Verdict::AnswerFromLastGood,
        },
        PanicPolicy::Abort => end_program(panicked, console),
    });
}

/// What follows for the generation from a panic of one of its items.
pub(crate) fn consequence(
    on_panic: PanicPolicy,
    panicked: &Panicked,
    aftermath: &Aftermath,
) -> Consequence {
    let answered_by = match *aftermath {
        Aftermath::AnsweredBy(number) | Aftermath::NotRepeatable(number) => Some(number),
        _ => None,
    };
    // Who wants to wait does so where that is possible, and where nobody waits for an answer no older code is
    // wanted for it.
    let goes_back = on_panic == PanicPolicy::RollBack || answered_by.is_some();
    match answered_by {
        _ if goes_back && panicked.in_probation => Consequence::RollBack,
        // An undo to it would only panic again, and be waited for again.
        _ if panicked.in_probation && matches!(aftermath, Aftermath::MadeAgainWith(_)) => {
            Consequence::Failed
        }
        Some(number) => Consequence::AnsweredBy(number),
        None => Consequence::Nothing,
    }
}

/// Tells of a panic.
pub(crate) fn event(krate: CrateId, panicked: &Panicked, aftermath: Option<Aftermath>) -> Event {
    Event::Panicked {
        krate,
        item: panicked.item,
        generation: panicked.generation,
        in_probation: panicked.in_probation,
        aftermath,
        message: panicked.caught.message.clone(),
        location: panicked.caught.location.clone(),
        backtrace: panicked.caught.backtrace.clone(),
    }
}

/// Waits until another generation is live.
fn wait(running: &Running, panicked: &Panicked, console: bool) -> Verdict {
    let krate = krate_of(panicked);
    let is_safe_point = running.is_safe_point_thread();
    if Running::is_applying() {
        return Verdict::AnswerFromLastGood;
    }
    let not_waiting = |why| Event::NotWaiting {
        krate: krate.clone(),
        item: panicked.item,
        generation: panicked.generation,
        why,
    };
    if panicked.holds_value {
        tell(&not_waiting(NotWaiting::HoldsValue), console);
        return Verdict::AnswerFromLastGood;
    }
    tell(
        &Event::WaitingForBuild {
            krate: krate.clone(),
            item: panicked.item,
            generation: panicked.generation,
            message: panicked.caught.message.clone(),
            is_safe_point,
        },
        console,
    );
    match running.wait_for_other_than(&krate, panicked.generation, is_safe_point, PATIENCE) {
        Ok(()) => Verdict::Retry,
        Err(why) => {
            tell(&not_waiting(why), console);
            Verdict::AnswerFromLastGood
        }
    }
}

/// Ends the program as an uncaught panic would.
fn end_program(panicked: &Panicked, console: bool) -> ! {
    tell(&event(krate_of(panicked), panicked, None), console);
    std::process::exit(PANICKED)
}

/// Tells at once, and not when the driver comes to it.
fn tell(event: &Event, console: bool) {
    if console {
        Console::stderr().show(event);
    }
    HOT_RELOAD.send(event);
}

fn krate_of(panicked: &Panicked) -> CrateId {
    let crates = HOT_RELOAD.crates();
    let mut crates = crates.into_iter();
    let known = crates.find(|krate| krate.manifest_dir().as_os_str() == panicked.manifest_dir);
    known.unwrap_or_else(|| {
        CrateId::new(panicked.manifest_dir, PathBuf::from(panicked.manifest_dir))
    })
}
