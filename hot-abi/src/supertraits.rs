//! The guard of an interface, found behind the guard of an interface that is built on it.
//!
//! Given `trait Panel: Widget`, a stand-in for a `Panel` is a `Widget` as well, and holds one guard, that
//! of `Panel`. The code that [`#[hot_trait]`](crate::hot_trait) writes knows the supertraits that are
//! named beside it, so a guard leads one step up; these functions take as many steps as it needs. Which
//! steps is known when they are compiled.

use crate::node::Interface;
use std::any::TypeId;
use std::mem;

/// Whether `I` and `W` are one interface.
#[inline(always)]
pub fn is_same<I: Interface + ?Sized, W: Interface + ?Sized>() -> bool {
    TypeId::of::<I>() == TypeId::of::<W>()
}

/// The guard of `W` behind the guard of `I`.
///
/// # Panics
///
/// If `W` is no supertrait of `I`.
#[inline(always)]
pub fn view<I: Interface + ?Sized, W: Interface + ?Sized>(guarded: &I::Guarded) -> &W::Guarded {
    if !is_same::<I, W>() {
        return I::step::<W>(guarded);
    }
    // SAFETY: `I` and `W` are one type, so this is a copy of the reference at its own type.
    unsafe { mem::transmute_copy::<&I::Guarded, &W::Guarded>(&guarded) }
}

/// The guard of `W` behind the guard of `I`.
///
/// # Panics
///
/// If `W` is no supertrait of `I`.
#[inline(always)]
pub fn view_mut<I: Interface + ?Sized, W: Interface + ?Sized>(
    guarded: &mut I::Guarded,
) -> &mut W::Guarded {
    if !is_same::<I, W>() {
        return I::step_mut::<W>(guarded);
    }
    // SAFETY: `I` and `W` are one type, so this is the reference at its own type; the one it is copied from
    // is not used again.
    unsafe { mem::transmute_copy::<&mut I::Guarded, &mut W::Guarded>(&guarded) }
}

/// The guard of `W` behind the guard of `I`.
///
/// # Panics
///
/// If `W` is no supertrait of `I`.
pub fn view_box<I: Interface + ?Sized, W: Interface + ?Sized>(
    guarded: Box<I::Guarded>,
) -> Box<W::Guarded> {
    if !is_same::<I, W>() {
        return I::step_box::<W>(guarded);
    }
    let guarded: *mut I::Guarded = Box::into_raw(guarded);
    // SAFETY: `I` and `W` are one type, so this is a copy of the pointer at its own type.
    let guarded = unsafe { mem::transmute_copy::<*mut I::Guarded, *mut W::Guarded>(&guarded) };
    // SAFETY: the pointer comes from a box of this type, which was given up for it.
    unsafe { Box::from_raw(guarded) }
}

/// What the generated code says where no step leads on.
#[cold]
pub fn no_supertrait<I: ?Sized, W: ?Sized>() -> ! {
    panic!(
        "`{}` is no supertrait of `{}`, whose stand-in was called by it",
        std::any::type_name::<W>(),
        std::any::type_name::<I>()
    )
}
