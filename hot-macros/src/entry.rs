//! `hot_entry!()`: what makes a crate a hot crate.

use crate::compilation::Compilation;
use crate::rustc_run::RustcRun;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use std::env;
use std::hash::{DefaultHasher, Hash, Hasher};
use syn::Ident;

/// The module that `hot_entry!` makes at the root of the crate. Its name is what the compiler tells a
/// user who forgot the call: "cannot find `..` in the crate root".
pub(crate) fn entry_module() -> Ident {
    format_ident!("__hot_entry_is_missing__call_it_at_the_root_of_this_crate")
}

pub(crate) fn expand(input: TokenStream) -> TokenStream {
    if !input.is_empty() {
        return syn::Error::new_spanned(input, "`hot_entry!()` takes no arguments")
            .to_compile_error();
    }
    let crate_name = env::var("CARGO_CRATE_NAME").unwrap_or_default();
    let manifest_dir = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let unique = format!("{crate_name}_{:016x}", hash(&(&crate_name, &manifest_dir)));
    let module = entry_module();
    let nodes = format_ident!("__HOT_NODES_{}", unique);
    let functions = format_ident!("__HOT_FUNCTIONS_{}", unique);
    let hooks = format_ident!("__HOT_HOOKS_{}", unique);
    let held = format_ident!("__HOT_HELD_{}", unique);
    let init_symbol = format!("hot_init_{unique}");
    let entry_symbol = format!("hot_entry_{unique}");
    let run = RustcRun::this();
    let (cfg, dependencies) = (run.cfg(), run.dependencies());
    let compilation = Compilation::of(&run);
    let metadata = compilation.metadata();
    let compilation = compilation.to_expression(&quote!(__hot::Compilation));
    let rustc = run.to_expression(&quote!(__hot::RustcRun));

    quote! {
        #[doc(hidden)]
        #[allow(missing_docs)]
        pub mod #module {
            pub struct Crate;
            ::hot_abi::__hot_item! {
                {
                    use ::hot_abi::private as __hot;

                    #[__hot::linkme::distributed_slice]
                    #[linkme(crate = ::hot_abi::private::linkme)]
                    pub static #nodes: [__hot::NodeEntry];
                    pub use #nodes as NODES;

                    #[__hot::linkme::distributed_slice]
                    #[linkme(crate = ::hot_abi::private::linkme)]
                    pub static #functions: [__hot::FunctionEntry];
                    pub use #functions as FUNCTIONS;

                    #[__hot::linkme::distributed_slice]
                    #[linkme(crate = ::hot_abi::private::linkme)]
                    pub static #hooks: [__hot::HookEntry];
                    pub use #hooks as HOOKS;

                    #[__hot::linkme::distributed_slice]
                    #[linkme(crate = ::hot_abi::private::linkme)]
                    pub static #held: [__hot::HeldEntry];
                    pub use #held as HELD;

                    #[__hot::linkme::distributed_slice(__hot::CRATES)]
                    #[linkme(crate = ::hot_abi::private::linkme)]
                    static REGISTERED: &__hot::HotCrate = &CRATE;

                    pub static CRATE: __hot::HotCrate = __hot::HotCrate {
                        manifest_dir: ::core::env!("CARGO_MANIFEST_DIR"),
                        package: ::core::env!("CARGO_PKG_NAME"),
                        version: ::core::env!("CARGO_PKG_VERSION"),
                        crate_name: #crate_name,
                        root_file: ::core::file!(),
                        init_symbol: #init_symbol,
                        entry_symbol: #entry_symbol,
                        fingerprint: &FINGERPRINT,
                        compilation: #compilation,
                        rustc: #rustc,
                        nodes: || #nodes.static_slice(),
                        functions: || #functions.static_slice(),
                        hooks: || #hooks.static_slice(),
                        held: || #held.static_slice(),
                        live: __hot::Live::new(),
                    };

                    const FINGERPRINT_PARTS: &[&str] = &[
                        __hot::fingerprint::MAGIC,
                        "crate=", #crate_name,
                        "\nmanifest-dir=", ::core::env!("CARGO_MANIFEST_DIR"),
                        "\nhot-abi=", __hot::fingerprint::ABI_VERSION,
                        "\nabi-features=", __hot::fingerprint::ABI_FEATURES,
                        "\nrustc=", __hot::fingerprint::RUSTC,
                        "\ntarget=", __hot::fingerprint::TARGET,
                        "\npanic=", __hot::fingerprint::PANIC,
                        "\ndebug-assertions=", if ::core::cfg!(debug_assertions) { "on" } else { "off" },
                        "\nabi-build=", __hot::fingerprint::ABI_BUILD,
                        "\nmetadata=", #metadata,
                        "\ncfg=", #cfg,
                        "\ndependencies=", #dependencies,
                        "\n", __hot::fingerprint::END,
                    ];

                    #[used]
                    #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__hot_print"))]
                    #[cfg_attr(windows, unsafe(link_section = ".hotfp"))]
                    #[cfg_attr(not(any(target_vendor = "apple", windows)), unsafe(link_section = "hot_fingerprint"))]
                    static FINGERPRINT: [u8; __hot::fingerprint::total_len(FINGERPRINT_PARTS)] =
                        __hot::fingerprint::concat(FINGERPRINT_PARTS);

                    #[unsafe(export_name = #init_symbol)]
                    extern "C" fn init(request: &__hot::InitRequest, report: &mut __hot::InitReport) {
                        __hot::init(&CRATE, request, report)
                    }

                    #[unsafe(export_name = #entry_symbol)]
                    #[allow(improper_ctypes_definitions)]
                    extern "C" fn entry(
                        manifest_dir: &str,
                        node_name: &str,
                        context: &mut __hot::LocalContext,
                        exchange: &mut __hot::Exchange,
                    ) {
                        __hot::entry(&CRATE, manifest_dir, node_name, context, exchange)
                    }
                }
                {}
            }
        }
    }
}

/// A statement that needs what `hot_entry!` makes, so that a forgotten call is found with reloading off, too.
pub(crate) fn needs_entry() -> syn::Stmt {
    let module = entry_module();
    syn::parse_quote!(const _: crate::#module::Crate = crate::#module::Crate;)
}

/// A hash that is the same in every build by one compiler.
pub(crate) fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
