//! hot-app
