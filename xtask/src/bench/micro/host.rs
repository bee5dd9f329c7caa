//! A program that measures itself, and prints what it finds: `run <what> <number>`, one line for each
//! run. It says `ready` when a library is to be built, and ends with its standard input.

use std::hint::black_box;
use std::io::stdin;
use std::thread;
use std::time::{Duration, Instant};

use hot_abi::LocalContext;
use hot_app::{HOT_RELOAD, HotReload};

hot_app::hot_host!();

/// How often each call is measured, and how many calls are measured at once.
const RUNS: usize = 101;
const CALLS: u64 = 200_000;

/// How often all nodes are made again.
const RELOADS: u64 = 5;

fn main() {
    if std::env::args().any(|argument| argument == "off") {
        calls("-off");
    } else {
        reloading();
    }
    println!("done");
    // Whoever listens decides when this ends.
    stdin().lines().for_each(drop);
}

fn reloading() {
    // The quiet before the watcher: nothing else runs.
    nanoseconds("call-direct", scene::direct);
    let mut counter = scene::virtual_counter(black_box(1));
    nanoseconds("call-virtual", |n| counter.count(n));
    let context = LocalContext::capture();
    nanoseconds("context-entry", |n| context.with_context(|| black_box(n)));
    calls("");

    let events = HOT_RELOAD.events();
    let mut hot = HotReload::start();
    while events.recv().name() != "watching" {}
    let mut nodes: Vec<_> = (0..1000).map(scene::counter).collect();
    for reload in 1..=RELOADS {
        println!("ready");
        // A loop with frames, which leaves the processor to the compiler in between.
        let mut longest = Duration::ZERO;
        loop {
            let begin = Instant::now();
            let applied = hot.update();
            let mut sum = 0;
            for node in &mut nodes {
                sum = black_box(node.count(sum));
            }
            let frame = begin.elapsed();
            longest = longest.max(frame);
            if applied > 0 {
                assert_eq!(scene::edition(), reload, "another edition went live");
                println!("run reload-1000-nodes {}", milliseconds(frame));
                println!("run longest-frame {}", milliseconds(longest));
                break;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
    drop(nodes);
    calls("-loaded");
}

/// What a caller of hot code pays.
fn calls(suffix: &str) {
    nanoseconds(&format!("call-hot-fn{suffix}"), scene::hot);
    let mut counter = scene::counter(black_box(1));
    nanoseconds(&format!("call-node{suffix}"), |n| counter.count(n));
}

/// Measures one call, of which each takes what the one before returned.
fn nanoseconds(what: &str, mut call: impl FnMut(u64) -> u64) {
    let mut n = 0;
    for run in 0..=RUNS {
        let begin = Instant::now();
        for _ in 0..CALLS {
            n = call(black_box(n));
        }
        let took = begin.elapsed();
        black_box(n);
        // The first warms up.
        if run > 0 {
            println!("run {what} {}", took.as_secs_f64() * 1e9 / CALLS as f64);
        }
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
