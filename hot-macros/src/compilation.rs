//! What the compiler was told when it compiles the crate at hand.
//!
//! A macro runs inside the compiler, so the compiler's command line is its own. It is the only place
//! that has the truth about features, profile and target, and it needs no help from the user.

use proc_macro2::TokenStream;
use quote::quote;
use std::env;

use crate::rustc_run::RustcRun;

/// Expands to an expression of type `hot_abi::registry::Compilation`, given the path of that type.
pub(crate) fn expand(compilation_type: TokenStream) -> TokenStream {
    Compilation::this().to_expression(&compilation_type)
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Compilation {
    features: Vec<String>,
    out_dir: Option<String>,
    target: Option<String>,
    metadata: Option<String>,
    toolchain: Option<String>,
}

impl Compilation {
    /// The compilation that this process is doing.
    pub(crate) fn this() -> Compilation {
        Compilation::of(&RustcRun::this())
    }

    /// The compilation that a run of the compiler is, in this process's environment.
    pub(crate) fn of(run: &RustcRun) -> Compilation {
        let mut compilation = Compilation::read(run.arguments.iter().cloned());
        compilation.toolchain = env::var("RUSTUP_TOOLCHAIN").ok();
        compilation
    }

    /// The identity that cargo gave the crate, or nothing.
    pub(crate) fn metadata(&self) -> &str {
        self.metadata.as_deref().unwrap_or_default()
    }

    /// An expression of the given type.
    pub(crate) fn to_expression(&self, compilation_type: &TokenStream) -> TokenStream {
        let optional = |value: &Option<String>| match value {
            Some(value) => quote!(::core::option::Option::Some(#value)),
            None => quote!(::core::option::Option::None),
        };
        let features = &self.features;
        let out_dir = optional(&self.out_dir);
        let target = optional(&self.target);
        let metadata = optional(&self.metadata);
        let toolchain = optional(&self.toolchain);
        quote! {
            #compilation_type {
                features: &[#(#features),*],
                out_dir: #out_dir,
                target: #target,
                metadata: #metadata,
                toolchain: #toolchain,
            }
        }
    }

    fn read(args: impl IntoIterator<Item = String>) -> Compilation {
        let mut compilation = Compilation::default();
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            let mut value_of = |name: &str| {
                if arg == name {
                    args.next()
                } else {
                    arg.strip_prefix(name)
                        .and_then(|rest| rest.strip_prefix('='))
                        .map(str::to_owned)
                }
            };
            if let Some(cfg) = value_of("--cfg") {
                let feature = cfg
                    .strip_prefix("feature=\"")
                    .and_then(|rest| rest.strip_suffix('"'));
                compilation.features.extend(feature.map(str::to_owned));
            } else if let Some(dir) = value_of("--out-dir") {
                compilation.out_dir = Some(dir);
            } else if let Some(target) = value_of("--target") {
                compilation.target = Some(target);
            } else if let Some(codegen) = value_of("-C").or_else(|| value_of("--codegen")) {
                let metadata = codegen.strip_prefix("metadata=").map(str::to_owned);
                compilation.metadata = metadata.or(compilation.metadata);
            } else if let Some(metadata) = arg.strip_prefix("-Cmetadata=") {
                compilation.metadata = Some(metadata.to_owned());
            }
        }
        compilation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Compilation {
        Compilation::read(line.split(' ').map(str::to_owned))
    }

    #[test]
    fn reads_what_cargo_passes() {
        let compilation = read(
            "--crate-name scene --edition=2024 scene/src/lib.rs --crate-type lib --crate-type cdylib \
             -C embed-bitcode=no --cfg feature=\"default\" --cfg feature=\"fast\" --cfg tokio_unstable \
             -C metadata=52fb2c1f5a -C extra-filename=-1b8e --out-dir /w/target/thumb/debug/deps \
             --target thumb",
        );
        assert_eq!(compilation.features, ["default", "fast"]);
        assert_eq!(
            compilation.out_dir.as_deref(),
            Some("/w/target/thumb/debug/deps")
        );
        assert_eq!(compilation.target.as_deref(), Some("thumb"));
        assert_eq!(compilation.metadata(), "52fb2c1f5a");
    }

    #[test]
    fn reads_joined_forms() {
        let compilation = read("--out-dir=/o --target=t -Cmetadata=m --cfg=feature=\"f\"");
        let expected = Compilation {
            features: vec!["f".into()],
            out_dir: Some("/o".into()),
            target: Some("t".into()),
            metadata: Some("m".into()),
            toolchain: None,
        };
        assert_eq!(compilation, expected);
    }
}
