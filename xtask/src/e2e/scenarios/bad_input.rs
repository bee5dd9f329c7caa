//! Broken surroundings: told by name with the remedy, the old code runs on, the next good save
//! recovers.

use super::super::Scenario;

pub(super) const SCENARIOS: &[Scenario] = &[];
