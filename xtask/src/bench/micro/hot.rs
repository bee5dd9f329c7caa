//! The functions and nodes that are called.

use hot_abi::{hot_entry, hot_fn, hot_node, hot_trait};

hot_entry!();

/// Which code this is.
const EDITION: u64 = 0;

#[hot_fn]
pub fn edition() -> u64 {
    EDITION
}

/// What a hot function is compared with: the same work, never inlined.
#[inline(never)]
pub fn direct(n: u64) -> u64 {
    n.wrapping_add(1)
}

#[hot_fn]
pub fn hot(n: u64) -> u64 {
    n.wrapping_add(1)
}

#[hot_trait]
pub trait Counter {
    fn count(&mut self, n: u64) -> u64;
}

struct Plain {
    step: u64,
}

impl Counter for Plain {
    fn count(&mut self, n: u64) -> u64 {
        n.wrapping_add(self.step)
    }
}

/// What a node is compared with: the same object behind a plain virtual call.
#[inline(never)]
pub fn virtual_counter(step: u64) -> Box<dyn Counter> {
    Box::new(Plain { step })
}

#[hot_node]
pub fn counter(step: u64) -> Box<dyn Counter> {
    Box::new(Plain { step })
}
