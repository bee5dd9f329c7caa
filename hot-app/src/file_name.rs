//! Files as messages name them: from the current folder where they are in there, as the compiler does.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The file by its shortest name that can be opened from where the program was started.
pub(crate) fn short(file: &Path) -> &Path {
    file.strip_prefix(&*HERE).unwrap_or(file)
}

/// A message with all its files named so.
pub(crate) fn shortened(message: &str) -> String {
    without_folder(message, &HERE)
}

/// Where the program was when it first told something. A program that moves later does not take its user along.
static HERE: LazyLock<PathBuf> = LazyLock::new(|| env::current_dir().unwrap_or_default());

fn without_folder(message: &str, folder: &Path) -> String {
    let Some(folder) = folder.to_str().filter(|folder| folder.len() > 1) else {
        return message.to_owned();
    };
    let folder = format!("{folder}{}", std::path::MAIN_SEPARATOR);
    let mut text = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(found) = rest.find(&folder) {
        let (before, after) = rest.split_at(found);
        text.push_str(before);
        // `/home/ada/` is not the folder `/ada/`.
        let is_begin =
            !before.ends_with(|last: char| last.is_alphanumeric() || "._-/".contains(last));
        let (folder, after) = after.split_at(folder.len());
        if !is_begin {
            text.push_str(folder);
        }
        rest = after;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_from_the_folder_that_they_are_in() {
        let short = |message| without_folder(message, Path::new("/ada"));
        assert_eq!(
            short(
                "`/ada/scene/lib.rs` is newer than /ada/target/a; not /home/ada/b, /adam/c, /ada"
            ),
            "`scene/lib.rs` is newer than target/a; not /home/ada/b, /adam/c, /ada"
        );
        assert_eq!(without_folder("/a/b", Path::new("/")), "/a/b");
        assert_eq!(without_folder("/a/b", Path::new("")), "/a/b");
    }
}
