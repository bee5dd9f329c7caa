//! Values that belong to a part of the program rather than to a place in memory, in force in new code
//! as in the program's own.
//!
//! An [`AppLocal`] has one value per app (a process is one app, unless it makes more); a
//! [`ContextLocal`] has the value that the innermost caller set. Both are found through the thread's
//! current [`LocalContext`], and that is one thing in the whole process: libraries reach the
//! program's thread-local through a function, so a call into new code carries its context along at no
//! cost.

use crate::args::TypeKey;
#[cfg(feature = "reload")]
use crate::services;
use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// The values in force in one part of a program.
///
/// Cheap to clone; a clone can be carried to another thread and entered there.
///
/// # Examples
///
/// ```
/// use hot_abi::{LocalContext, context_local};
/// context_local! { static USER: String = "nobody".to_owned(); }
///
/// let inner = USER.with("ada".to_owned(), LocalContext::capture);
/// assert_eq!(*USER.get(), "nobody");
/// let seen = std::thread::spawn(move || inner.with_context(|| USER.get().to_string()));
/// assert_eq!(seen.join().unwrap(), "ada");
/// ```
#[derive(Clone)]
pub struct LocalContext {
    app: Arc<Mutex<Values>>,
    locals: Arc<Values>,
}

/// Those in force, by their keys. Code that knows a type of another layout has a value of its own.
type Values = HashMap<&'static str, Vec<Value>>;

/// A value whose type is known by its key, and by who gave it.
#[derive(Clone)]
struct Value {
    key: TypeKey,
    /// The address of the static through which it was given.
    giver: usize,
    value: Arc<dyn Local>,
}

/// A value of any type. A trait of its own: what is behind `Any` is taken for whatever a panic can carry, and so for
/// something that every hot function hands over.
trait Local: Send + Sync {}

impl<T: Send + Sync> Local for T {}

impl LocalContext {
    /// The context that is current on this thread.
    pub fn capture() -> LocalContext {
        with_current(LocalContext::clone)
    }

    /// A context of an app of its own, in which no value is set yet.
    pub fn new_app() -> LocalContext {
        LocalContext {
            app: Arc::default(),
            locals: Arc::default(),
        }
    }

    /// Calls `f` with this context as the thread's current one.
    pub fn with_context<R>(&self, f: impl FnOnce() -> R) -> R {
        struct Restore {
            before: *const LocalContext,
        }
        impl Drop for Restore {
            fn drop(&mut self) {
                swap(self.before);
            }
        }
        let _restore = Restore { before: swap(self) };
        f()
    }

    /// Whether both are contexts of one app.
    pub fn same_app(&self, other: &LocalContext) -> bool {
        Arc::ptr_eq(&self.app, &other.app)
    }
}

impl fmt::Debug for LocalContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalContext")
            .field("locals", &self.locals.keys())
            .finish_non_exhaustive()
    }
}

/// A value of which each app has one. Declared with [`app_local!`](crate::app_local).
pub struct AppLocal<T: Send + Sync + 'static> {
    key: &'static str,
    init: fn() -> T,
    agreed: Agreed,
}

impl<T: Send + Sync + 'static> AppLocal<T> {
    #[doc(hidden)]
    pub const fn new(key: &'static str, init: fn() -> T) -> Self {
        AppLocal {
            key,
            init,
            agreed: Agreed::with_nobody(),
        }
    }

    /// The app's value, made now if this is its first use. Code in which the type is another one than for those
    /// that used it before has a value of its own.
    pub fn get(&self) -> Arc<T> {
        let me = ptr::from_ref(self) as usize;
        with_current(|context| {
            let find = |values: &Values| {
                let all = values.get(self.key).map(Vec::as_slice);
                self.agreed.find(self.key, me, all.unwrap_or_default())
            };
            if let Some(value) = find(&lock(&context.app)) {
                return value;
            }
            // Made without the lock, since it may use other values; the first to arrive wins.
            let made = Arc::new((self.init)());
            let mut values = lock(&context.app);
            if let Some(value) = find(&values) {
                return value;
            }
            values.entry(self.key).or_default().push(Value {
                key: TypeKey::of::<T>(),
                giver: me,
                value: made.clone(),
            });
            made
        })
    }
}

/// A value that holds for what a caller calls. Declared with [`context_local!`](crate::context_local).
pub struct ContextLocal<T: Send + Sync + 'static> {
    key: &'static str,
    default: fn() -> T,
    agreed: Agreed,
}

impl<T: Send + Sync + 'static> ContextLocal<T> {
    #[doc(hidden)]
    pub const fn new(key: &'static str, default: fn() -> T) -> Self {
        ContextLocal {
            key,
            default,
            agreed: Agreed::with_nobody(),
        }
    }

    /// The value that the innermost caller set, or the default. A value that code set in which the type is
    /// another one counts as none.
    pub fn get(&self) -> Arc<T> {
        let me = ptr::from_ref(self) as usize;
        let found = with_current(|context| {
            let all = context.locals.get(self.key).map(Vec::as_slice);
            self.agreed.find(self.key, me, all.unwrap_or_default())
        });
        found.unwrap_or_else(|| Arc::new((self.default)()))
    }

    /// Calls `f` with `value` in force.
    pub fn with<R>(&self, value: T, f: impl FnOnce() -> R) -> R {
        let mut context = LocalContext::capture();
        let value = Value {
            key: TypeKey::of::<T>(),
            giver: ptr::from_ref(self) as usize,
            value: Arc::new(value),
        };
        // The one that was in force before is not, whatever type it is of.
        Arc::make_mut(&mut context.locals).insert(self.key, vec![value]);
        context.with_context(f)
    }
}

/// Declares values of which each app has one.
///
/// # Examples
///
/// ```
/// use hot_abi::{LocalContext, app_local};
/// use std::sync::Mutex;
/// app_local! { static COUNT: Mutex<u32> = Mutex::new(0); }
///
/// *COUNT.get().lock().unwrap() += 1;
/// assert_eq!(*COUNT.get().lock().unwrap(), 1);
/// LocalContext::new_app().with_context(|| assert_eq!(*COUNT.get().lock().unwrap(), 0));
/// ```
#[macro_export]
macro_rules! app_local {
    ($($(#[$attr:meta])* $vis:vis static $name:ident: $ty:ty = $init:expr;)+) => {$(
        $(#[$attr])*
        $vis static $name: $crate::AppLocal<$ty> =
            $crate::AppLocal::new($crate::__static_key!($name), || $init);
    )+};
}

/// Declares values that hold for what a caller calls; see [`LocalContext`] for an example.
#[macro_export]
macro_rules! context_local {
    ($($(#[$attr:meta])* $vis:vis static $name:ident: $ty:ty = $default:expr;)+) => {$(
        $(#[$attr])*
        $vis static $name: $crate::ContextLocal<$ty> =
            $crate::ContextLocal::new($crate::__static_key!($name), || $default);
    )+};
}

/// This module's own current context; null where none was entered.
pub(crate) fn own() -> *const LocalContext {
    CURRENT.try_with(Cell::get).unwrap_or(ptr::null())
}

/// Changes this module's own current context.
pub(crate) fn swap_own(context: *const LocalContext) -> *const LocalContext {
    CURRENT
        .try_with(|current| current.replace(context))
        .unwrap_or(ptr::null())
}

/// This module's own root context.
pub(crate) fn own_root() -> &'static LocalContext {
    static ROOT: LazyLock<LocalContext> = LazyLock::new(LocalContext::new_app);
    &ROOT
}

/// With reloading off there is one module, whose own context is the only one.
#[cfg(not(feature = "reload"))]
use self::{own as current, own_root as root, swap_own as swap};

/// With reloading on, the contexts of the program are the only ones.
#[cfg(feature = "reload")]
fn current() -> *const LocalContext {
    (services::current().context)()
}

#[cfg(feature = "reload")]
fn swap(context: *const LocalContext) -> *const LocalContext {
    (services::current().swap_context)(context)
}

#[cfg(feature = "reload")]
fn root() -> &'static LocalContext {
    (services::current().root_context)()
}

thread_local! {
    /// The innermost context entered on this thread; null where none was.
    static CURRENT: Cell<*const LocalContext> = const { Cell::new(ptr::null()) };
}

fn with_current<R>(f: impl FnOnce(&LocalContext) -> R) -> R {
    let current = current();
    if current.is_null() {
        return f(root());
    }
    // SAFETY: a pointer is current only while `with_context` borrows the context it points at, and that
    // call is still on this thread's stack, below this one.
    f(unsafe { &*current })
}

/// Whose values a static takes: those given through itself, and those of the static that it found last to have its
/// type. The same, for who told last that they have not.
struct Agreed {
    with: AtomicUsize,
    refused: AtomicUsize,
}

impl Agreed {
    const fn with_nobody() -> Agreed {
        Agreed {
            with: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
        }
    }

    /// The newest of the values that is of the type that `T` is to the static at `me`.
    fn find<T: Send + Sync + 'static>(
        &self,
        key: &'static str,
        me: usize,
        values: &[Value],
    ) -> Option<Arc<T>> {
        let with = self.with.load(Ordering::Relaxed);
        let known = |value: &&Value| value.giver == me || value.giver == with;
        let found = values.iter().rev().find(known);
        let found = found.or_else(|| {
            let mut values = values.iter().rev();
            values.find(|value| self.agrees::<T>(key, me, value))
        })?;
        let erased: *const dyn Local = Arc::into_raw(Arc::clone(&found.value));
        // SAFETY: the pointer comes from an `Arc` that holds a value of the type that `T` is to the static it was
        // given through. That static is this one, or its type is this one's, as was compared; its count was
        // raised for the new owner.
        Some(unsafe { Arc::from_raw(erased.cast::<T>()) })
    }

    /// Whether a value is of the type that `T` is here. If it is not, that is told once.
    fn agrees<T: 'static>(&self, key: &'static str, me: usize, value: &Value) -> bool {
        if self.refused.load(Ordering::Relaxed) == value.giver {
            return false;
        }
        let wanted = TypeKey::of::<T>();
        let compared = match value.key == wanted {
            true => same_type(value, me),
            false => Err(format!(
                "it holds a {}, and is declared as {wanted}",
                value.key
            )),
        };
        match compared {
            Ok(()) => {
                self.with.store(value.giver, Ordering::Relaxed);
                true
            }
            Err(reason) => {
                self.refused.store(value.giver, Ordering::Relaxed);
                tell(key, reason);
                false
            }
        }
    }
}

#[cfg(feature = "reload")]
fn tell(key: &'static str, reason: String) {
    crate::notice::send(crate::notice::Notice::LocalAnew { key, reason });
}

/// In one module a key has one type.
#[cfg(not(feature = "reload"))]
fn tell(_key: &'static str, _reason: String) {}

#[cfg(feature = "reload")]
fn same_type(value: &Value, me: usize) -> Result<(), String> {
    crate::same_type::compare(value.key, value.giver, me)
}

/// In one module a path is one type.
#[cfg(not(feature = "reload"))]
fn same_type(_value: &Value, _me: usize) -> Result<(), String> {
    Ok(())
}

fn lock(values: &Mutex<Values>) -> std::sync::MutexGuard<'_, Values> {
    values.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    context_local! {
        static DEPTH: u32 = 0;
    }
    app_local! {
        static HITS: Mutex<Vec<u32>> = Mutex::default();
    }

    #[test]
    fn the_innermost_value_holds_and_is_restored() {
        assert_eq!(*DEPTH.get(), 0);
        DEPTH.with(1, || {
            DEPTH.with(2, || assert_eq!(*DEPTH.get(), 2));
            assert_eq!(*DEPTH.get(), 1);
        });
        assert_eq!(*DEPTH.get(), 0);
    }

    #[test]
    fn a_panic_restores_the_value_too() {
        let caught = std::panic::catch_unwind(|| DEPTH.with(3, || panic!("inside")));
        assert!(caught.is_err());
        assert_eq!(*DEPTH.get(), 0);
    }

    #[test]
    fn app_locals_are_shared_by_threads_and_not_by_apps() {
        let app = LocalContext::new_app();
        let threads: Vec<_> = (0..4)
            .map(|i| {
                let app = app.clone();
                std::thread::spawn(move || app.with_context(|| HITS.get().lock().unwrap().push(i)))
            })
            .collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        let mut hits = app.with_context(|| HITS.get().lock().unwrap().clone());
        hits.sort_unstable();
        assert_eq!(hits, [0, 1, 2, 3]);
        assert_eq!(
            *LocalContext::new_app()
                .with_context(|| HITS.get())
                .lock()
                .unwrap(),
            []
        );
        assert!(app.same_app(&app.clone()));
    }
}
