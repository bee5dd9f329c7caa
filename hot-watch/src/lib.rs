//! hot-watch
