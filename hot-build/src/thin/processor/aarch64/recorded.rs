//! What `apart.o` and `merged.o` beside this file are compiled from, for the tests of how the code of aarch64 is
//! rewritten:
//!
//! ```text
//! rustc --target aarch64-unknown-linux-gnu --edition 2024 --crate-type lib --crate-name recorded --emit obj \
//!     -C codegen-units=1 -C panic=abort -C opt-level=2 -o apart.o recorded.rs
//! ```
//!
//! and `merged.o` with `-C opt-level=3`, by rustc 1.96. No part of the crate that it is in.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

static COUNT: AtomicU32 = AtomicU32::new(3);
static LIST: [AtomicU64; 4] = [const { AtomicU64::new(5) }; 4];

thread_local! {
    static LOCAL: Cell<u32> = const { Cell::new(7) };
}

static KNOWN: AtomicU32 = AtomicU32::new(9);
#[unsafe(no_mangle)]
pub static TABLE: [&AtomicU32; 1] = [&KNOWN];

unsafe extern "Rust" {
    static OTHER: u32;
    fn called();
}

#[unsafe(no_mangle)]
pub fn read() -> u32 {
    COUNT.load(Ordering::Relaxed)
}

#[unsafe(no_mangle)]
pub fn place(index: usize) -> &'static AtomicU64 {
    &LIST[index]
}

#[unsafe(no_mangle)]
pub fn write(count: u32, value: u64) {
    COUNT.store(count, Ordering::Relaxed);
    LIST[3].store(value, Ordering::Relaxed);
}

#[unsafe(no_mangle)]
pub fn both() -> u64 {
    u64::from(COUNT.load(Ordering::Relaxed)) + LIST[0].load(Ordering::Relaxed)
}

#[unsafe(no_mangle)]
pub fn other() -> u32 {
    unsafe { OTHER }
}

#[unsafe(no_mangle)]
pub fn call() {
    unsafe { called() }
}

#[unsafe(no_mangle)]
pub fn local(value: u32) -> u32 {
    LOCAL.replace(value)
}
