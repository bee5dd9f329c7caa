//! The program that is linked with the first state of the crate: it calls every function on request.

use super::print::{arguments, in_path};
use super::scene::{Function, HotNode, Passed, Scene};

/// What the arguments of each call are made of. The program is asked for every function with each of them.
pub(super) const SEEDS: [u64; 3] = [1, 1_000_004, 9_876_543_210_987_656];

/// The source of the program.
pub(super) fn host(scene: &Scene) -> String {
    let functions = &scene.functions;
    let calls: String = functions.iter().map(call).collect();
    let all = functions
        .iter()
        .map(|own| format!("        told.push(call_{}(seed));\n", own.id));
    let all: String = all.collect();
    let singly = functions
        .iter()
        .map(|own| format!("        \"call {0}\" => call_{0}({1}),\n", own.id, SEEDS[0]));
    let singly: String = singly.collect();
    let made: String = scene.nodes.iter().map(made).collect();
    let nodes = scene.nodes.iter().flat_map(|own| {
        own.methods.iter().map(|method| {
            format!(
                "                scene::Panel{0}::{1}(&mut *node{0}, scene::Data::make({2})).to_string(),\n",
                own.number, method.name, SEEDS[0]
            )
        })
    });
    let nodes: String = nodes.collect();
    format!(
        "//! Calls all that the hot crate has.\n\n\
         mod console;\n\n\
         hot_app::hot_host!();\n\n\
         fn main() {{\n\
         \x20   console::print_events();\n\
         \x20   hot_app::HotReload::background();\n{made}\
         \x20   console::answer_requests(|request| match request {{\n\
         \x20       \"layouts\" => scene::layouts(),\n\
         \x20       \"functions\" => functions(),\n{singly}\
         \x20       \"status\" => console::status(),\n\
         \x20       \"nodes\" => {{\n            \
         let told: Vec<String> = vec![\n{nodes}            ];\n            \
         told.join(\"\\t\")\n        }}\n\
         \x20       _ => \"what?\".to_owned(),\n\
         \x20   }});\n\
         }}\n\n\
         /// What each function answers, in the order of their definition.\n\
         fn functions() -> String {{\n    \
         let mut told = Vec::new();\n    \
         for seed in {SEEDS:?} {{\n{all}    }}\n    told.join(\"\\t\")\n}}\n{calls}"
    )
}

/// A statement that makes a node.
fn made(own: &HotNode) -> String {
    let number = own.number;
    let arguments = own.arguments.iter().enumerate().map(|(at, ty)| {
        let ty = in_path(ty, "scene::");
        format!(
            "<{ty} as scene::Data>::make(scene::mix({}, {}))",
            SEEDS[0],
            at + 1
        )
    });
    let arguments: Vec<_> = arguments.collect();
    format!(
        "    let mut node{number} = scene::node{number}({});\n",
        arguments.join(", ")
    )
}

fn call(own: &Function) -> String {
    let (statements, passed) = arguments(own, "scene::", "seed");
    let changed = own.parameters.iter().enumerate();
    let changed = changed.filter(|(_, own)| own.passed == Passed::MutablyBorrowed);
    let changed: Vec<_> = changed.map(|(at, _)| format!("argument{at}")).collect();
    let format = "{:?} ".repeat(1 + changed.len());
    let told: String = changed.iter().map(|name| format!(", {name}")).collect();
    format!(
        "\nfn call_{0}(seed: u64) -> String {{\n    {statements}\n    \
         let result = scene::{0}({passed});\n    format!(\"{1}\", result{told})\n}}\n",
        own.id,
        format.trim_end()
    )
}
