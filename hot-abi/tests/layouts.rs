//! What the attributes say of the types that items hand over, and who heeds it.

#![cfg(feature = "reload")]
#![allow(missing_docs, reason = "nobody else uses these")]

use hot_abi::args::TypeKey;
use hot_abi::function::FunctionEntry;
use hot_abi::layout::LayoutMark;
use hot_abi::registry::Module;
use hot_abi::{hot_entry, hot_fn, hot_node, hot_trait};
use std::path::Path;

hot_entry!();

pub struct World<'a> {
    pub name: &'a str,
    pub ticks: u16,
}

#[hot_fn]
pub fn step<'a>(
    world: &mut World<'a>,
    _path: &Path,
    _raw: &&[u8],
    _shape: &dyn std::fmt::Debug,
    dt: f32,
) -> &'a str {
    world.ticks += dt as u16;
    world.name
}

#[hot_trait]
pub trait Panel {
    fn draw(&mut self) -> u32;
}

#[hot_node]
pub fn sidebar(width: u32) -> Box<dyn Panel> {
    struct Sidebar(u32);
    impl Panel for Sidebar {
        fn draw(&mut self) -> u32 {
            self.0
        }
    }
    Box::new(Sidebar(width))
}

fn function() -> &'static FunctionEntry {
    let krate = Module::this().crates[0];
    krate.function("layouts::step").unwrap()
}

#[test]
fn sizes_are_told_behind_references_too() {
    let shapes = (function().shapes)();
    let sizes: Vec<_> = shapes.iter().map(|key| (key.size, key.align)).collect();
    let world = (size_of::<World<'_>>(), align_of::<World<'_>>());
    assert_eq!(sizes, [world, (0, 1), (0, 1), (0, 1), (4, 4), (0, 1)]);
    assert!(shapes[0].name.starts_with("layouts::World"), "{shapes:?}");
}

#[test]
fn another_size_is_another_layout() {
    let newer = FunctionEntry {
        shapes: || {
            let mut shapes = (function().shapes)();
            shapes[0].size += 8;
            shapes
        },
        ..*function()
    };
    assert!(function().accepts(function()));
    assert!(function().has_signature_of(&newer));
    assert!(!function().accepts(&newer));
    let told = function().layout_difference(&newer).unwrap();
    let size = size_of::<World<'_>>();
    assert!(told.contains(&format!("({size} bytes")), "{told}");
    assert!(told.contains(&format!("({} bytes", size + 8)), "{told}");
}

#[test]
fn a_marked_item_is_not_accepted() {
    static MARK: LayoutMark = LayoutMark::new();
    MARK.set(1, "`World` has other fields".to_owned());
    let newer = FunctionEntry {
        layout: &MARK,
        ..*function()
    };
    assert!(!function().accepts(&newer));
    assert!(newer.accepts(&newer), "items of one class fit each other");
    assert_eq!(
        function().layout_difference(&newer).as_deref(),
        Some("`World` has other fields")
    );
}

#[test]
fn a_node_has_a_mark_of_its_own() {
    let krate = Module::this().crates[0];
    let node = krate.node("sidebar").unwrap();
    assert_eq!(node.layout.class(), 0);
    assert_eq!((node.args)(), TypeKey::of::<(u32,)>());
    assert_eq!(sidebar(7).draw(), 7);
    let mut world = World {
        name: "earth",
        ticks: 1,
    };
    let name = step(&mut world, Path::new("."), &&[][..], &(), 2.0);
    assert_eq!((name, world.ticks), ("earth", 3));
}
