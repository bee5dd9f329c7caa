//! The panic hook: a panic in a library is told by the program's hook.

use crate::boundary;
use crate::services;
use std::panic::{self, PanicHookInfo};
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;

/// In a library: calls the program's hook from now on.
pub(crate) fn install() {
    panic::set_hook(Box::new(|info| {
        boundary::remember(info);
        (services::current().panic_hook)(info);
    }));
}

/// In the program: runs its hook for a panic of a library.
pub(crate) fn run(info: &PanicHookInfo<'_>) {
    let Some(hook) = current() else {
        // This thread of the program is unwinding already, and then std lets nobody look at the hook.
        eprintln!("{info}");
        return;
    };
    // A hook that panics would have std abort the process. The second panic has been told by now, by the
    // hook itself or by std, and the first one goes on.
    drop(boundary::contain(|| (hook.0)(info)));
}

/// In the program: looks at the hook, so that it is known when it cannot be looked at.
pub(crate) fn learn() {
    drop(current());
}

/// A hook that can be called without being taken out of its place.
struct SharedHook(Box<dyn Fn(&PanicHookInfo<'_>) + Sync + Send + 'static>);

/// What this file put in the hook's place last, and the address of the closure it is called by.
struct Installed {
    hook: Weak<SharedHook>,
    closure: usize,
}

static INSTALLED: Mutex<Option<Installed>> = Mutex::new(None);

/// The program's hook as it is now.
///
/// std can only take a hook away, so it is taken once, made shareable, and put back; as long as nobody
/// sets another, it is recognised and only taken and put back. It is never away while it runs, which
/// may be long, and it may itself call code that panics. What is left is the moment between taking and
/// putting back: a panic of another thread gets std's hook then, and a hook that another thread sets
/// then is lost.
fn current() -> Option<Arc<SharedHook>> {
    let mut installed = lock();
    let known = installed
        .as_ref()
        .and_then(|installed| Some((installed.hook.upgrade()?, installed.closure)));
    if thread::panicking() {
        return known.map(|(hook, _)| hook);
    }
    let taken = panic::take_hook();
    if let Some((hook, closure)) = known
        && ptr::from_ref(&*taken).addr() == closure
    {
        panic::set_hook(taken);
        return Some(hook);
    }
    let hook = Arc::new(SharedHook(taken));
    let shared = Arc::clone(&hook);
    let closure: Box<dyn Fn(&PanicHookInfo<'_>) + Sync + Send> = Box::new(move |info| {
        // For a library that shares this copy of std: its panics come here, too.
        boundary::remember(info);
        (shared.0)(info);
    });
    *installed = Some(Installed {
        hook: Arc::downgrade(&hook),
        closure: ptr::from_ref(&*closure).addr(),
    });
    panic::set_hook(closure);
    Some(hook)
}

fn lock() -> MutexGuard<'static, Option<Installed>> {
    INSTALLED.lock().unwrap_or_else(PoisonError::into_inner)
}
