//! hot-macros
