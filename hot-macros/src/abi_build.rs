//! What tells builds of hot-abi apart that have one version: for hot-abi itself alone.

use crate::rustc_run::RustcRun;
use proc_macro2::TokenStream;
use quote::quote;
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Expands to a text: the identity that cargo gave the crate at hand, made of its features, its profile and the
/// versions of what it depends on, and a hash of its sources and of those of hot-macros.
///
/// The crate is compiled anew when any of these changes, so the text is never an old one.
pub(crate) fn expand() -> TokenStream {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let metadata = RustcRun::this().metadata();
    let sources = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let folders = [sources.as_deref(), Some(own)].map(|folder| Some(folder?.join("src")));
    let mut hasher = DefaultHasher::new();
    for folder in folders.into_iter().flatten() {
        // What is compiled where its sources are not is known by the rest.
        if folder.is_dir()
            && let Err(error) = hash_folder(&folder, &folder, &mut hasher)
        {
            // Which the compiler shows where hot-abi is compiled.
            panic!("cannot read the sources in {}: {error}", folder.display());
        }
    }
    let text = format!("{metadata}-{:016x}", hasher.finish());
    quote!(#text)
}

/// Adds the names and contents of all files in a folder, in one order.
fn hash_folder(root: &Path, folder: &Path, hasher: &mut DefaultHasher) -> io::Result<()> {
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut paths = entries.collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            hash_folder(root, &path, hasher)?;
            continue;
        }
        let name = path.strip_prefix(root).unwrap_or(&path);
        for part in [name.as_os_str().as_encoded_bytes(), &fs::read(&path)?] {
            hasher.write_usize(part.len());
            hasher.write(part);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_contents_count_and_places_do_not() {
        let hash = |files: &[(&str, &str)]| {
            let folder = tempfile::tempdir().unwrap();
            for (name, text) in files {
                let path = folder.path().join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            let mut hasher = DefaultHasher::new();
            hash_folder(folder.path(), folder.path(), &mut hasher).unwrap();
            hasher.finish()
        };
        let one = hash(&[("lib.rs", "mod a;"), ("a/mod.rs", "")]);
        assert_eq!(one, hash(&[("a/mod.rs", ""), ("lib.rs", "mod a;")]));
        assert_ne!(one, hash(&[("lib.rs", "mod b;"), ("a/mod.rs", "")]));
        assert_ne!(one, hash(&[("lib.rs", "mod a;"), ("b/mod.rs", "")]));
        assert_ne!(one, hash(&[("lib.rs", "mod a;")]));
    }
}
