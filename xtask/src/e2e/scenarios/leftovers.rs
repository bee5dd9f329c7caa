//! What a program leaves behind when it gets no chance to tidy up.

use super::super::Scenario;

pub(super) const SCENARIOS: &[Scenario] = &[];
