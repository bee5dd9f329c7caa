//! hot-build
