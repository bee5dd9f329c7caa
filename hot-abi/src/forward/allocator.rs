//! The global allocator: memory that one side makes and the other frees is one heap's.
//!
//! With this feature hot-abi itself is the `#[global_allocator]` of the program and of each library. In
//! the program it passes everything to the allocator that
//! [`global_allocator!`](crate::global_allocator) declared, or to std's `System`; in a library, from its
//! initialisation on, to the program. What a library allocated before that, in constructors, is few
//! blocks, and they are remembered: whoever frees one gives it back to where it is from.

mod blocks;
mod early;
mod spin_lock;

use blocks::{Block, Blocks};
use linkme::distributed_slice;
use spin_lock::SpinLock;
use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

pub(crate) use early::{hand_over, settle};

/// An allocator that lives as long as its module.
pub type Heap = &'static (dyn GlobalAlloc + Sync);

/// The allocator that was declared with [`global_allocator!`](crate::global_allocator): one, or none.
#[distributed_slice]
pub static DECLARED: [Heap];

#[global_allocator]
static GLOBAL: ModuleHeap = ModuleHeap;

/// The global allocator of this module, a program or a library.
struct ModuleHeap;

// SAFETY: every block is given back to the heap that it is from: the early ones are remembered, by
// `early` in their library and, once that is handed over, by `ADOPTED` in the program, and all others
// are of the one heap that is settled.
unsafe impl GlobalAlloc for ModuleHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match early::settled() {
            // SAFETY: the caller's duties are those of this call.
            Some(heap) => unsafe { heap.alloc(layout) },
            // SAFETY: as above.
            None => early::allocate(layout, |heap| unsafe { heap.alloc(layout) }),
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match early::settled() {
            // SAFETY: the caller's duties are those of this call.
            Some(heap) => unsafe { heap.alloc_zeroed(layout) },
            // SAFETY: as above.
            None => early::allocate(layout, |heap| unsafe { heap.alloc_zeroed(layout) }),
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let heap = early::settled().unwrap_or_else(|| early::heap_of(block));
        // SAFETY: the caller's duties are those of this call, and `heap` is where the block is from.
        unsafe { heap.dealloc(block, layout) };
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        match early::settled() {
            // SAFETY: the caller's duties are those of this call.
            Some(heap) => unsafe { heap.realloc(block, layout, new_size) },
            // SAFETY: the caller's duties are those of this call.
            None => unsafe { relocate(self, block, layout, new_size) },
        }
    }
}

/// What a program hands to its libraries.
pub(crate) struct ProgramAllocator {
    /// The program's heap.
    heap: Heap,
    /// Remembers blocks of a library's own heap; `false`, and none is, if there are too many.
    adopt: fn(&[Block]) -> bool,
}

/// The allocator of this module, for a program to hand to its libraries.
pub(crate) static OWN: ProgramAllocator = ProgramAllocator {
    heap: &ProgramHeap,
    adopt: |early| {
        let adopted = ADOPTED.with(|blocks| blocks.insert_all(early));
        if adopted {
            ADOPTED_COUNT.fetch_add(early.len(), Ordering::Release);
        }
        adopted
    },
};

impl fmt::Debug for ProgramAllocator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgramAllocator").finish_non_exhaustive()
    }
}

/// The allocator that this module declared or, without a declaration, `System`.
fn declared() -> Heap {
    let known = KNOWN.load(Ordering::Relaxed);
    let heap = if known.is_null() {
        let heap = DECLARED.static_slice().first().unwrap_or(&SYSTEM);
        KNOWN.store(ptr::from_ref(heap).cast_mut(), Ordering::Relaxed);
        heap
    } else {
        // SAFETY: the only pointers ever stored are the `&'static Heap`s above.
        unsafe { &*known }
    };
    *heap
}

static SYSTEM: Heap = &System;

/// Where [`declared`] found its answer: the slice of the linker is not asked at each allocation.
static KNOWN: AtomicPtr<Heap> = AtomicPtr::new(ptr::null_mut());

/// The early blocks of all libraries.
static ADOPTED: SpinLock<Blocks<8192>> = SpinLock::new(Blocks::new());

/// How many there are: almost always none, and then nobody looks for one.
static ADOPTED_COUNT: AtomicUsize = AtomicUsize::new(0);

/// The program's heap: the declared one and, for blocks that are not from there, where they are from.
struct ProgramHeap;

// SAFETY: all blocks are the declared heap's, except those in `ADOPTED`, which go back to their own.
unsafe impl GlobalAlloc for ProgramHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's duties are those of this call.
        unsafe { declared().alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's duties are those of this call.
        unsafe { declared().alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let heap = disown(block).unwrap_or_else(declared);
        // SAFETY: the caller's duties are those of this call, and `heap` is where the block is from.
        unsafe { heap.dealloc(block, layout) };
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if is_adopted(block) {
            // SAFETY: the caller's duties are those of this call.
            unsafe { relocate(self, block, layout, new_size) }
        } else {
            // SAFETY: as above.
            unsafe { declared().realloc(block, layout, new_size) }
        }
    }
}

/// What `realloc` does to a block that may be of another heap than the next one: `heap` makes a new
/// block and frees the old one, wherever that is from.
///
/// # Safety
///
/// As for [`GlobalAlloc::realloc`].
unsafe fn relocate(
    heap: &impl GlobalAlloc,
    block: *mut u8,
    layout: Layout,
    new_size: usize,
) -> *mut u8 {
    // SAFETY: the caller promises that `new_size`, rounded up to the alignment, does not overflow.
    let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
    // SAFETY: the caller promises that `new_size` is not zero.
    let moved = unsafe { heap.alloc(new_layout) };
    if !moved.is_null() {
        // SAFETY: both blocks have this many bytes, and one was just made, so they do not overlap.
        unsafe { ptr::copy_nonoverlapping(block, moved, layout.size().min(new_size)) };
        // SAFETY: the caller promises that the block is live and has this layout, and gives it up.
        unsafe { heap.dealloc(block, layout) };
    }
    moved
}

/// Whether a block is an early one of a library.
fn is_adopted(block: *mut u8) -> bool {
    ADOPTED_COUNT.load(Ordering::Acquire) != 0 && ADOPTED.with(|blocks| blocks.contains(block))
}

/// The heap of an early block of a library, which is forgotten; `None` for all others.
fn disown(block: *mut u8) -> Option<Heap> {
    if ADOPTED_COUNT.load(Ordering::Acquire) == 0 {
        return None;
    }
    let origin = ADOPTED.with(|blocks| blocks.take(block))?;
    ADOPTED_COUNT.fetch_sub(1, Ordering::Release);
    Some(origin)
}
