//! hot-abi
