//! hot-load
