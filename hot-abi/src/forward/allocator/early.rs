//! A module before it is settled which heap is its own: it may become a library, and then the blocks
//! that it made until then are not of the program's heap.

use super::blocks::{Block, Blocks};
use super::spin_lock::SpinLock;
use super::{Heap, ProgramAllocator, ProgramHeap, declared};
use std::alloc::Layout;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU8, Ordering};

/// The heap of this module, once it is settled.
#[inline]
pub(super) fn settled() -> Option<Heap> {
    match PHASE.load(Ordering::Acquire) {
        OWN => Some(&ProgramHeap),
        // SAFETY: the phase is `HANDED_OVER` only after the pointer to the program's `'static` allocator
        // was stored.
        HANDED_OVER => Some(unsafe { &*PROGRAM.load(Ordering::Relaxed) }.heap),
        _ => None,
    }
}

/// Settles that this module is the program.
pub(crate) fn settle() {
    // The phase changes under the lock, so that nobody is between looking at it and acting on it.
    EARLY.with(|_| {
        let _ = PHASE.compare_exchange(RECORDING, OWN, Ordering::Release, Ordering::Relaxed);
    });
}

/// Settles that this module is a library of the program with this allocator. `false` if it has more
/// early blocks than can be remembered; then its heap stays its own, and none of its blocks may leave it.
pub(crate) fn hand_over(program: &'static ProgramAllocator) -> bool {
    EARLY.with(|early| {
        if PHASE.load(Ordering::Relaxed) != RECORDING {
            return PHASE.load(Ordering::Relaxed) == HANDED_OVER;
        }
        if !(program.adopt)(early.all()) {
            PHASE.store(OWN, Ordering::Release);
            return false;
        }
        PROGRAM.store(ptr::from_ref(program).cast_mut(), Ordering::Relaxed);
        PHASE.store(HANDED_OVER, Ordering::Release);
        true
    })
}

/// Makes a block of this module's own heap, and remembers it while that may matter.
///
/// The heap is called without the lock: an allocator that counts or traces may allocate, too.
pub(super) fn allocate(layout: Layout, make: impl Fn(Heap) -> *mut u8) -> *mut u8 {
    let own = declared();
    let block = make(own);
    if block.is_null() || EARLY.with(|early| remember(early, Block::new(block, own))) {
        return block;
    }
    // The module was handed over in the meantime, to a program that can remember no more.
    // SAFETY: `make` made the block with this layout from this heap, and nobody else has seen it.
    unsafe { own.dealloc(block, layout) };
    settled().map_or(ptr::null_mut(), make)
}

/// The heap to give `block` back to, which is forgotten.
pub(super) fn heap_of(block: *mut u8) -> Heap {
    EARLY.with(|early| match settled() {
        Some(heap) => heap,
        None => early.take(block).unwrap_or_else(declared),
    })
}

/// More blocks than this at one time has no library's constructors; it is a program.
const LIMIT: usize = 512;

static EARLY: SpinLock<Blocks<LIMIT>> = SpinLock::new(Blocks::new());

/// The program's allocator, in a library that was handed over.
static PROGRAM: AtomicPtr<ProgramAllocator> = AtomicPtr::new(ptr::null_mut());

static PHASE: AtomicU8 = AtomicU8::new(RECORDING);

/// Nobody knows yet whether this is a program or a library.
const RECORDING: u8 = 0;
/// The module's own heap is the right one.
const OWN: u8 = 1;
/// This is a library, and the program's heap is the right one.
const HANDED_OVER: u8 = 2;

/// `false` if the block ought to be remembered and cannot be.
fn remember(early: &mut Blocks<LIMIT>, block: Block) -> bool {
    match PHASE.load(Ordering::Relaxed) {
        RECORDING => {
            if !early.insert_all(&[block]) {
                PHASE.store(OWN, Ordering::Release);
            }
            true
        }
        HANDED_OVER => {
            // SAFETY: the phase is `HANDED_OVER` only after the pointer was stored.
            let program = unsafe { &*PROGRAM.load(Ordering::Relaxed) };
            (program.adopt)(&[block])
        }
        _ => true,
    }
}
