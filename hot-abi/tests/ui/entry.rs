//! What `hot_entry!` says.

hot_abi::hot_entry!(scene);

fn main() {}
