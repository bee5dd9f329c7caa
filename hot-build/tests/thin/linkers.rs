//! Every linker that a crate may ask for makes a library that works.

use std::path::Path;

use crate::game::Game;

#[test]
fn the_linker_that_the_crate_asks_for_is_used() {
    let game = Game::with_files(
        "thin_linkers",
        "",
        &[("scene/build.rs", &build_script("lld"))],
    );
    let mut running = game.run();
    assert_eq!(running.says("call"), "one 1 1 1 1 red 1 1");
    game.edit(
        "scene/src/lib.rs",
        "static CALLS",
        "static NEW: [AtomicU32; 2] = [AtomicU32::new(40), AtomicU32::new(0)];\n\
         static SECOND: &AtomicU32 = &NEW[1];\n\
         thread_local! { static NEW_LOCAL: Cell<u32> = const { Cell::new(50) }; }\nstatic CALLS",
    );
    game.edit(
        "scene/src/lib.rs",
        "write!(out, \"one ",
        "NEW_LOCAL.set(NEW_LOCAL.get() + 1);\n\
         let new = NEW[0].fetch_add(1, Ordering::SeqCst) + SECOND.fetch_add(1, Ordering::SeqCst);\n\
         let sorted: std::collections::BTreeMap<u8, u8> = [(2, 0), (1, 0)].into();\n\
         write!(out, \"{} {} {} {new} {} one \", sorted.len(), sorted[&2], sorted[&1], NEW_LOCAL.get()).unwrap();\n\
         write!(out, \"one ",
    );
    assert!(running.says("build").starts_with("thin "));
    assert_eq!(running.says("call"), "2 0 0 40 51 one one 2 2 2 2 red 2 2");

    let mut name = "one".to_owned();
    let mut new = 40;
    // GNU ld and gold cannot do it, and make way for the one that the toolchain ships.
    for (linker, sign) in [
        ("mold", "mold "),
        ("bfd", "LLD"),
        ("gold", "LLD"),
        ("lld", "LLD"),
    ] {
        if linker == "mold" && !is_in_path(linker) {
            eprintln!("{linker} is not tested: it is not installed");
            continue;
        }
        game.project.write("scene/build.rs", &build_script(linker));
        game.edit(
            "scene/src/lib.rs",
            &format!("\"{name} "),
            &format!("\"{linker} "),
        );
        linker.clone_into(&mut name);
        let says = running.says("build");
        assert!(says.starts_with("thin cargo+"), "{linker}: {says}");
        let library = std::fs::read(running.says("library")).expect("the library");
        let is_signed = |sign: &str| {
            library
                .windows(sign.len())
                .any(|bytes| bytes == sign.as_bytes())
        };
        assert!(is_signed(sign), "{linker} leaves its name");
        for other in ["mold ", "gold 1.", "LLD"]
            .iter()
            .filter(|other| **other != sign)
        {
            assert!(!is_signed(other), "{linker}, not {other}");
        }
        let calls = running.says("call");
        new += 2;
        assert!(
            calls.starts_with(&format!("2 0 0 {new} ")),
            "{linker}: {calls}"
        );
        assert!(
            calls.contains(&format!(" one {linker} ")),
            "{linker}: {calls}"
        );
        assert_eq!(running.says("panic"), "dropped, caught", "{linker}");
    }
}

fn build_script(linker: &str) -> String {
    format!("fn main() {{ println!(\"cargo::rustc-link-arg-cdylib=-fuse-ld={linker}\"); }}")
}

fn is_in_path(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .any(|directory: std::path::PathBuf| Path::new(&directory).join(name).is_file())
}
