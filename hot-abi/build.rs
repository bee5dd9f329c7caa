//! Tells the crate which compiler builds it: two builds of hot-abi by different compilers share no
//! type layout, so the compiler is part of every library's fingerprint. So are the crate's features, which add
//! fields to its types.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let rustc = env::var_os("RUSTC").expect("cargo sets RUSTC for build scripts");
    let version = Command::new(&rustc)
        .arg("--version")
        .output()
        .ok()
        .filter(|output| output.status.success())
        .and_then(|output| String::from_utf8(output.stdout).ok());
    let version = version.unwrap_or_else(|| panic!("`{} --version` failed", rustc.display()));
    println!("cargo::rustc-env=HOT_ABI_RUSTC={}", version.trim());
    let target = env::var("TARGET").expect("cargo sets TARGET for build scripts");
    println!("cargo::rustc-env=HOT_ABI_TARGET={target}");
    let features = ["reload", "state", "log", "tracing", "allocator"];
    let is_on =
        |feature: &&str| env::var_os(format!("CARGO_FEATURE_{}", feature.to_uppercase())).is_some();
    let features: Vec<_> = features.into_iter().filter(is_on).collect();
    println!("cargo::rustc-env=HOT_ABI_FEATURES={}", features.join(","));
}
