//! Numbers that look random, and are the same in every run.

/// A linear congruential generator: all that is asked of it is to have no pattern that matters here.
pub(super) struct Random(u64);

impl Random {
    /// The numbers that belong to `seed`.
    pub(super) fn seeded(seed: u64) -> Random {
        Random(seed)
    }

    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32 % bound
    }

    /// The numbers below `count` in some order.
    pub(super) fn order(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<_> = (0..count).collect();
        for last in (1..count).rev() {
            order.swap(last, self.below(last as u32 + 1) as usize);
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_has_each_number_once_and_any_can_be_first() {
        let mut random = Random::seeded(7);
        let mut firsts = [false; 6];
        for _ in 0..100 {
            let mut order = random.order(6);
            firsts[order[0]] = true;
            order.sort_unstable();
            assert_eq!(order, [0, 1, 2, 3, 4, 5]);
        }
        assert_eq!(firsts, [true; 6]);
    }

    #[test]
    fn a_seed_gives_the_same_numbers_each_time() {
        let numbers = || {
            let mut random = Random::seeded(7);
            [0; 9].map(|_| random.below(1000))
        };
        assert_eq!(numbers(), numbers());
    }
}
