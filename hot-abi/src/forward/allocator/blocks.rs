//! A set of blocks of memory and the heaps they are from, in a fixed place: an allocator cannot
//! allocate to remember what it allocated.

use super::{Heap, SYSTEM};

/// A block and the heap it is from.
#[derive(Clone, Copy)]
pub(crate) struct Block {
    address: usize,
    /// `None` is `System`: so the empty set is all zeros, and takes no room in a file.
    origin: Option<Heap>,
}

impl Block {
    pub(super) fn new(block: *mut u8, origin: Heap) -> Block {
        Block {
            address: block.addr(),
            origin: Some(origin),
        }
    }
}

/// At most `N` blocks.
pub(super) struct Blocks<const N: usize> {
    /// The first `len` are sorted by address.
    sorted: [Block; N],
    len: usize,
}

impl<const N: usize> Blocks<N> {
    pub(super) const fn new() -> Self {
        Blocks {
            sorted: [Block {
                address: 0,
                origin: None,
            }; N],
            len: 0,
        }
    }

    /// Adds blocks that are not in the set; `false`, and nothing is added, if it has no room for them.
    pub(super) fn insert_all(&mut self, blocks: &[Block]) -> bool {
        if blocks.len() > N - self.len {
            return false;
        }
        for block in blocks {
            let at = self.position(block.address).unwrap_or_else(|at| at);
            self.sorted.copy_within(at..self.len, at + 1);
            self.sorted[at] = *block;
            self.len += 1;
        }
        true
    }

    /// Whether a block is in the set.
    pub(super) fn contains(&self, block: *mut u8) -> bool {
        self.position(block.addr()).is_ok()
    }

    /// Removes a block, and returns its heap, if it is in the set.
    pub(super) fn take(&mut self, block: *mut u8) -> Option<Heap> {
        let at = self.position(block.addr()).ok()?;
        let origin = self.sorted[at].origin.unwrap_or(SYSTEM);
        self.sorted.copy_within(at + 1..self.len, at);
        self.len -= 1;
        Some(origin)
    }

    /// All blocks.
    pub(super) fn all(&self) -> &[Block] {
        &self.sorted[..self.len]
    }

    fn position(&self, address: usize) -> Result<usize, usize> {
        self.sorted[..self.len].binary_search_by_key(&address, |block| block.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr;

    fn at(address: usize) -> *mut u8 {
        ptr::without_provenance_mut(address)
    }

    #[test]
    fn finds_and_takes_what_was_inserted_and_nothing_else() {
        let block = |address| Block::new(at(address), SYSTEM);
        let mut blocks = Blocks::<3>::new();
        assert!(blocks.insert_all(&[block(30), block(10)]));
        assert!(
            !blocks.insert_all(&[block(40), block(50)]),
            "there is room for one"
        );
        assert!(blocks.insert_all(&[block(20)]));
        assert!(blocks.contains(at(20)));
        assert!(blocks.take(at(20)).is_some());
        assert!(blocks.take(at(20)).is_none(), "it was taken");
        assert!(!blocks.contains(at(40)));
        let left: Vec<_> = blocks.all().iter().map(|block| block.address).collect();
        assert_eq!(left, [10, 30]);
    }
}
