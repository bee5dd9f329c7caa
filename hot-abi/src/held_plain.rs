//! State that only hot code looks into, with reloading off: a mutex.

use crate::state::HotState;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A type that a program can hold for its hot code. Written by `#[derive(HotState)]` with
/// `#[hot(held)]` on the struct, which must be `Default + Send`.
pub trait HeldType: HotState + Default + Send + 'static {}

/// A value of the program that hot code looks into. Shared like an `Arc`, locked while it is used.
pub struct Held<T: HeldType> {
    value: Arc<Mutex<T>>,
}

impl<T: HeldType> Held<T> {
    /// Holds a default value.
    pub fn new() -> Held<T> {
        Held {
            value: Arc::default(),
        }
    }

    /// The value, for one caller at a time. Waits for others.
    pub fn lock(&self) -> HeldGuard<'_, T> {
        HeldGuard {
            guard: self.value.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }
}

impl<T: HeldType> Default for Held<T> {
    fn default() -> Self {
        Held::new()
    }
}

impl<T: HeldType> Clone for Held<T> {
    fn clone(&self) -> Self {
        Held {
            value: Arc::clone(&self.value),
        }
    }
}

impl<T: HeldType> fmt::Debug for Held<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").finish_non_exhaustive()
    }
}

/// A value that is locked. Gives access to the `T`.
pub struct HeldGuard<'a, T: HeldType> {
    guard: MutexGuard<'a, T>,
}

impl<T: HeldType> Deref for HeldGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T: HeldType> DerefMut for HeldGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}
