//! Numbers that only depend on a seed.

/// A generator of numbers (SplitMix64): small, and the same everywhere and always, so that a seed is all it
/// takes to repeat a run.
#[derive(Clone, Debug)]
pub(super) struct Random {
    state: u64,
}

impl Random {
    pub(super) fn new(seed: u64) -> Random {
        Random { state: seed }
    }

    pub(super) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).expect("a usize is no longer than a u64");
        usize::try_from(self.next() % end).expect("it is below a usize")
    }

    /// True once in `times`.
    pub(super) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of several; `None` if there is none.
    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        (!from.is_empty()).then(|| &from[self.below(from.len())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_all_that_it_depends_on() {
        let (mut one, mut two) = (Random::new(7), Random::new(7));
        let numbers: Vec<_> = (0..100).map(|_| one.below(10)).collect();
        assert!((0..10).all(|number| numbers.contains(&number)));
        assert_eq!(numbers, (0..100).map(|_| two.below(10)).collect::<Vec<_>>());
        assert_ne!(Random::new(8).next(), Random::new(7).next());
    }
}
