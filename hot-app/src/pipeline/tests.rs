//! The rules of the pipeline, by its log of effects.

use super::*;
use crate::source::tests::change;
use hot_watch::ChangeKind;
use std::collections::VecDeque;
use std::time::Duration;

fn changed(list: impl Into<Vec<Change>>) -> Input<u32> {
    Input::Changed(Changes {
        list: list.into(),
        ..Changes::default()
    })
}

/// A pipeline whose watcher, builder and loader are played by the test.
struct World {
    pipeline: Pipeline,
    now: Instant,
    /// Every effect, one word or line each.
    log: Vec<String>,
    /// Every event.
    events: Vec<Event>,
    running: VecDeque<(JobId, CrateId)>,
    loading: VecDeque<JobId>,
    offered: VecDeque<(CrateId, u32)>,
    generation: u32,
    /// What the offer is for.
    rolls_back: Option<RollBack>,
    saves: u8,
}

impl World {
    fn new(crates: &[&str]) -> World {
        let ids = crates
            .iter()
            .map(|name| CrateId::new(*name, format!("/w/{name}")));
        World {
            pipeline: Pipeline::new(ids),
            now: Instant::now(),
            log: Vec::new(),
            events: Vec::new(),
            running: VecDeque::new(),
            loading: VecDeque::new(),
            offered: VecDeque::new(),
            generation: 0,
            rolls_back: None,
            saves: 100,
        }
    }

    fn feed(&mut self, input: Input<u32>) {
        self.now += Duration::from_millis(1);
        for effect in self.pipeline.step(self.now, input) {
            match effect {
                Effect::Build { job, krate, .. } => {
                    self.log.push(format!("build {krate}"));
                    self.running.push_back((job, krate));
                }
                Effect::CancelBuild { .. } => self.log.push("cancel".into()),
                Effect::Load { job, krate, .. } => {
                    self.log.push(format!("load {krate}"));
                    self.loading.push_back(job);
                }
                Effect::Offer { krate, library } => {
                    self.log.push(format!("offer {krate} {library}"));
                    self.offered.push_back((krate, library));
                }
                Effect::Recall { krate, generation } => {
                    self.log.push(format!("recall {krate} {generation}"));
                    self.offered.retain(|(other, _)| *other != krate);
                    self.offered.push_back((krate, generation));
                }
                Effect::RollBack { krate, why } => {
                    self.log.push(format!("roll-back {krate} {}", why.from));
                    self.offered.retain(|(other, _)| *other != krate);
                    // The last good one is the one before.
                    self.offered.push_back((krate, why.from - 1));
                    self.rolls_back = Some(why);
                }
                Effect::Withdraw { krate } => {
                    self.log.push(format!("withdraw {krate}"));
                    self.offered.retain(|(other, _)| *other != krate);
                }
                Effect::Watch => self.log.push("watch".into()),
                Effect::WatchRead { krate, files, .. } => {
                    self.log.push(format!("watch {files:?} of {krate}"));
                }
                Effect::Settle { files } => self.log.push(format!("settle {files:?}")),
                Effect::FindScopes => self.log.push("find-scopes".into()),
                Effect::Emit(event) => {
                    let krate = event.krate().map_or("", CrateId::name).to_owned();
                    self.log.push(format!("<{} {krate}>", event.name()));
                    self.events.push(event);
                }
            }
        }
    }

    /// A save with a content that the file never had.
    fn save(&mut self, path: &str) {
        self.saves += 1;
        let saves = self.saves;
        self.write(path, saves - 1, saves);
    }

    fn write(&mut self, path: &str, before: u8, after: u8) {
        self.feed(changed([change(path, before, after)]));
    }

    fn finish_build(&mut self, result: BuildResult) {
        let (job, _) = self.running.pop_front().expect("a build runs");
        self.feed(Input::BuildDone {
            job,
            result,
            overtaken: Vec::new(),
        });
    }

    /// A build ends well whose file was written meanwhile.
    fn build_is_overtaken(&mut self, file: &str) {
        let (job, _) = self.running.pop_front().expect("a build runs");
        self.feed(Input::BuildDone {
            job,
            result: Ok(Artifact::new("/no/such/library.so")),
            overtaken: vec![file.into()],
        });
    }

    fn settle(&mut self, file: &str) {
        self.feed(Input::Settled {
            files: vec![file.into()],
        });
    }

    fn build_succeeds(&mut self) {
        self.finish_build(Ok(Artifact::new("/no/such/library.so")));
    }

    fn load_succeeds(&mut self) {
        let job = self.loading.pop_front().expect("a library is being loaded");
        self.generation += 1;
        let library = LoadedLibrary {
            library: self.generation,
            generation: self.generation,
            statics: PatchReport::default(),
            phases: Vec::new(),
        };
        self.feed(Input::LoadDone {
            job,
            result: Ok(library),
        });
    }

    fn apply(&mut self) {
        let (krate, generation) = self.offered.pop_front().expect("a library is offered");
        let rolls_back = self.rolls_back.take();
        self.feed(Input::Applied {
            krate,
            generation,
            items: Applied::default(),
            duration: Duration::ZERO,
            in_memory: (0..=self.generation).collect(),
            rolls_back,
        });
    }

    fn take_log(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }

    fn status(&self) -> HotStatus {
        self.pipeline.status().remove(0)
    }
}

#[test]
fn a_save_goes_all_the_way() {
    let mut world = World::new(&["scene"]);
    world.feed(Input::Watching);
    world.save("/w/scene/src/lib.rs");
    assert!(world.status().stale && world.status().building.is_some());
    world.build_succeeds();
    world.load_succeeds();
    assert!(world.status().stale, "the code is not live yet");
    world.apply();
    assert_eq!(
        world.take_log(),
        [
            "<watching >",
            "<change-seen scene>",
            "<build-started scene>",
            "build scene",
            "<built scene>",
            "load scene",
            "<loaded scene>",
            "offer scene 1",
            "<applied scene>",
        ]
    );
    let status = world.status();
    assert_eq!(
        (status.generation, status.rebuild_count, status.stale),
        (1, 1, false)
    );
    assert!(status.ok() && status.building.is_none());
}

#[test]
fn a_file_of_nobody_starts_nothing() {
    let mut world = World::new(&["scene"]);
    world.save("/w/host/src/main.rs");
    assert_eq!(world.take_log(), [""; 0]);
}

#[test]
fn a_save_during_a_build_cancels_it_and_is_built() {
    let mut world = World::new(&["scene"]);
    world.save("/w/scene/a.rs");
    world.save("/w/scene/b.rs");
    world.save("/w/scene/c.rs");
    world.finish_build(Err(BuildError::Cancelled));
    world.build_succeeds();
    assert_eq!(
        world.take_log(),
        [
            "<change-seen scene>",
            "<build-started scene>",
            "build scene",
            "<change-seen scene>",
            "cancel",
            "<change-seen scene>",
            "<cancelled scene>",
            "<build-started scene>",
            "build scene",
            "<built scene>",
            "load scene",
        ]
    );
}

#[test]
fn a_build_that_ended_before_it_could_be_cancelled_is_not_loaded() {
    let mut world = World::new(&["scene"]);
    world.save("/w/scene/a.rs");
    world.save("/w/scene/b.rs");
    world.take_log();
    world.build_succeeds();
    assert_eq!(
        world.take_log(),
        ["<cancelled scene>", "<build-started scene>", "build scene"]
    );
}

#[test]
fn what_was_written_while_it_was_built_is_built_again_once_it_is_settled() {
    const FILE: &str = "/w/scene/src/lib.rs";
    let overtaken = ["<cancelled scene>", "settle [\"/w/scene/src/lib.rs\"]"];
    let mut world = World::new(&["scene"]);
    world.save(FILE);
    world.take_log();
    world.build_is_overtaken(FILE);
    assert_eq!(world.take_log(), overtaken);
    assert!(world.status().stale && world.status().building.is_none());
    // It holds what it held: nothing was told of a change.
    world.settle("/w/scene/src/other.rs");
    assert!(world.take_log().is_empty());
    world.settle(FILE);
    let repeated = ["<build-started scene>", "build scene"];
    assert_eq!(world.take_log(), repeated);
    // Whoever writes while it builds is believed the second time.
    world.build_is_overtaken(FILE);
    assert_eq!(world.take_log(), ["<built scene>", "load scene"]);
    world.load_succeeds();
    world.apply();
    assert!(!world.status().stale);

    // It holds something else, which is told before it is settled.
    world.save(FILE);
    world.build_is_overtaken(FILE);
    world.take_log();
    world.save(FILE);
    let again = [
        "<change-seen scene>",
        "<build-started scene>",
        "build scene",
    ];
    assert_eq!(world.take_log(), again);
    world.settle(FILE);
    assert!(world.take_log().is_empty());
    world.build_is_overtaken(FILE);
    assert_eq!(world.take_log(), overtaken);
    // An undo before it is settled.
    world.write(FILE, 103, 100);
    world.take_log();
    world.settle(FILE);
    assert!(world.take_log().is_empty());
}

#[test]
fn a_save_while_loading_is_built_when_loading_is_done() {
    let mut world = World::new(&["scene"]);
    world.save("/w/scene/a.rs");
    world.build_succeeds();
    world.save("/w/scene/b.rs");
    world.take_log();
    world.load_succeeds();
    assert_eq!(
        world.take_log(),
        [
            "<loaded scene>",
            "offer scene 1",
            "<build-started scene>",
            "build scene"
        ]
    );
    world.apply();
    assert!(world.status().stale, "the newest save is not live");
}

#[test]
fn a_failed_build_leaves_the_crate_stale_and_the_next_save_recovers() {
    let mut world = World::new(&["scene"]);
    world.save("/w/scene/a.rs");
    world.finish_build(Err(BuildError::other("broken")));
    assert!(world.status().stale && world.status().err().is_some());
    world.save("/w/scene/a.rs");
    world.build_succeeds();
    world.load_succeeds();
    world.apply();
    assert!(!world.status().stale && world.status().ok());
}

#[test]
fn a_refused_library_is_told_and_the_next_save_recovers() {
    let mut world = World::new(&["scene"]);
    world.save("/w/scene/a.rs");
    world.build_succeeds();
    let job = world.loading.pop_front().unwrap();
    let error = LoadError::NotALibrary {
        library: "/l".into(),
        reason: "cut short".into(),
    };
    world.feed(Input::LoadDone {
        job,
        result: Err(error.clone()),
    });
    assert_eq!(world.log.last().unwrap(), "<refused scene>");
    assert_eq!(world.status().refused, Some(error));
    assert!(world.status().stale);
    world.save("/w/scene/a.rs");
    world.build_succeeds();
    world.load_succeeds();
    world.apply();
    assert_eq!(world.status().refused, None);
}

#[test]
fn crates_are_built_one_after_the_other() {
    let mut world = World::new(&["scene", "audio"]);
    world.feed(changed([
        change("/w/audio/a.rs", 0, 1),
        change("/w/scene/a.rs", 0, 1),
    ]));
    world.build_succeeds();
    world.build_succeeds();
    let built: Vec<_> = world
        .take_log()
        .into_iter()
        .filter(|line| !line.starts_with('<'))
        .collect();
    assert_eq!(
        built,
        ["build scene", "load scene", "build audio", "load audio"]
    );
}

#[test]
fn a_request_builds_once_and_a_cancel_stops_it_for_good() {
    let mut world = World::new(&["scene", "audio"]);
    world.feed(Input::Rebuild("/w/scene".into()));
    world.feed(Input::Rebuild("/w/audio".into()));
    world.feed(Input::Rebuild("/w/audio".into()));
    world.feed(Input::Cancel("/w/audio".into()));
    world.feed(Input::Cancel("/w/scene".into()));
    world.finish_build(Err(BuildError::Cancelled));
    assert_eq!(
        world.take_log(),
        [
            "<build-started scene>",
            "build scene",
            "cancel",
            "<cancelled scene>"
        ]
    );
    assert!(world.status().is_cancelled());
    assert!(world.running.is_empty());
}

#[test]
fn an_unknown_crate_is_told() {
    let mut world = World::new(&["scene"]);
    world.feed(Input::Rebuild("/w/nobody".into()));
    world.feed(Input::Cancel("/w/nobody".into()));
    assert_eq!(world.take_log(), ["<problem >", "<problem >"]);
}

#[test]
fn a_manifest_changes_the_scopes_and_the_lock_file_does_not_disturb_a_build() {
    let mut world = World::new(&["scene"]);
    let krate = CrateId::new("scene", "/w/scene");
    let scope = CrateScope {
        directories: vec!["/w/scene".into(), "/w/math".into()],
        build_files: ["/w/Cargo.toml".into(), "/w/Cargo.lock".into()].into(),
        ..CrateScope::default()
    };
    world.feed(Input::Scoped {
        krate,
        scope,
        linked_in_is_current: false,
    });
    world.save("/w/math/src/lib.rs");
    world.save("/w/Cargo.lock");
    world.build_succeeds();
    world.load_succeeds();
    world.take_log();
    world.save("/w/Cargo.toml");
    assert_eq!(
        world.take_log(),
        ["find-scopes", "<change-seen scene>", "cancel"]
    );
}

#[test]
fn a_lock_file_that_a_build_wrote_is_no_change() {
    let lock_file = |content: &[u8]| {
        Input::Changed(Changes {
            list: vec![Change {
                path: "/w/Cargo.lock".into(),
                kind: ChangeKind::Modified,
                before: FileContent::of(b"before"),
                after: FileContent::of(content),
            }],
            ..Changes::default()
        })
    };
    // It is heard of while the build runs, while the library is loaded, or when it is live.
    for when in 0..3 {
        let mut world = World::new(&["scene"]);
        world.feed(Input::Scoped {
            krate: CrateId::new("scene", "/w/scene"),
            scope: CrateScope {
                directories: vec!["/w/scene".into()],
                build_files: ["/w/Cargo.toml".into(), "/w/Cargo.lock".into()].into(),
                ..CrateScope::default()
            },
            linked_in_is_current: true,
        });
        world.write("/w/Cargo.toml", 1, 2);
        let (job, _) = world.running[0].clone();
        let report = BuildReport::LockFile {
            path: "/w/Cargo.lock".into(),
            content: b"after".to_vec(),
        };
        world.feed(Input::Report { job, report });
        world.take_log();
        let hear = |world: &mut World, now| {
            if now == when {
                world.feed(lock_file(b"after"));
            }
        };
        hear(&mut world, 0);
        world.build_succeeds();
        hear(&mut world, 1);
        world.load_succeeds();
        world.apply();
        hear(&mut world, 2);
        let seen = world.take_log();
        assert!(
            !seen
                .iter()
                .any(|line| line.starts_with("build ") || line.contains("change-seen"))
        );
        let status = world.status();
        assert!(!status.stale);
        let source = status.source.clone().expect("it is known");
        assert_eq!(source.changed_files().count(), 2, "both are different");
        // What someone else writes is.
        world.feed(lock_file(b"other"));
        assert_eq!(
            world.take_log(),
            [
                "find-scopes",
                "<change-seen scene>",
                "<build-started scene>",
                "build scene"
            ]
        );
        world.feed(lock_file(b"another"));
        assert_eq!(
            world.take_log(),
            ["find-scopes"],
            "the running build may have written it"
        );
        world.build_succeeds();
        world.load_succeeds();
        assert_eq!(world.take_log().last().expect("a build"), "build scene");
    }
}

#[test]
fn the_same_library_is_not_loaded_twice() {
    let mut world = World::new(&["scene"]);
    let library = std::env::current_exe().unwrap();
    world.save("/w/scene/a.rs");
    world.finish_build(Ok(Artifact::new(&library)));
    world.load_succeeds();
    world.apply();
    world.save("/w/scene/a.rs");
    world.finish_build(Ok(Artifact::new(&library)));
    assert_eq!(world.log.last().unwrap(), "<unchanged scene>");
    assert!(world.loading.is_empty() && !world.status().stale);
}

#[test]
fn a_build_of_what_is_linked_in_changes_nothing_unless_it_was_asked_for() {
    let mut linked_in = Artifact::new("/no/such/library.so");
    linked_in.is_linked_in = true;
    let mut world = World::new(&["scene"]);
    world.save("/w/scene/src/lib.rs");
    world.take_log();
    world.finish_build(Ok(linked_in.clone()));
    assert_eq!(world.take_log(), ["<unchanged scene>"]);
    assert!(!world.status().stale);
    assert_eq!(world.status().generation, 0);
    assert!(
        world
            .status()
            .source
            .is_some_and(|source| !source.is_at_start())
    );

    // A save in between does not take back what was asked for.
    world.feed(Input::Rebuild("/w/scene".into()));
    world.save("/w/scene/src/lib.rs");
    world.finish_build(Err(BuildError::Cancelled));
    world.take_log();
    world.finish_build(Ok(linked_in.clone()));
    assert_eq!(world.take_log(), ["<built scene>", "load scene"]);
    world.load_succeeds();
    world.apply();
    assert_eq!(world.status().generation, 1);

    // Other code is live by now.
    world.save("/w/scene/src/lib.rs");
    world.take_log();
    world.finish_build(Ok(linked_in));
    assert_eq!(world.take_log(), ["<unchanged scene>", "recall scene 0"]);
}

#[test]
fn files_that_a_build_read_are_watched() {
    let mut world = World::new(&["scene"]);
    world.save("/w/scene/a.rs");
    let mut artifact = Artifact::new("/no/such/library.so");
    artifact.inputs = vec!["/assets/shader.wgsl".into(), "/w/scene/src/lib.rs".into()];
    world.finish_build(Ok(artifact));
    world.load_succeeds();
    let watch = r#"watch ["/assets/shader.wgsl"] of scene"#;
    assert!(world.take_log().contains(&watch.to_owned()));
    world.save("/assets/shader.wgsl");
    assert_eq!(
        world.take_log()[..2],
        ["<change-seen scene>", "<build-started scene>"]
    );
}

#[test]
fn files_that_the_programs_own_build_read_are_watched_until_another_build_tells() {
    let mut world = World::new(&["scene"]);
    let scoped = |input: &str| Input::Scoped {
        krate: CrateId::new("scene", "/w/scene"),
        scope: CrateScope {
            inputs: [input.into()].into(),
            ..CrateScope::of_directory("/w/scene".as_ref())
        },
        linked_in_is_current: false,
    };
    world.feed(scoped("/assets/first.txt"));
    world.save("/assets/first.txt");
    let mut artifact = Artifact::new("/no/such/library.so");
    artifact.inputs = vec!["/assets/second.txt".into()];
    world.finish_build(Ok(artifact));
    world.load_succeeds();
    world.apply();
    world.feed(scoped("/assets/first.txt"));
    world.take_log();
    world.save("/assets/first.txt");
    assert_eq!(world.take_log(), [""; 0], "the build did not read it");
    world.save("/assets/second.txt");
    assert_eq!(world.take_log()[0], "<change-seen scene>");
}

#[test]
fn an_unchanged_library_that_is_not_live_is_offered_again() {
    let mut world = World::new(&["scene"]);
    let library = std::env::current_exe().unwrap();
    world.save("/w/scene/a.rs");
    world.finish_build(Ok(Artifact::new(&library)));
    world.load_succeeds();
    // It waits for the safe point.
    world.save("/w/scene/a.rs");
    world.finish_build(Ok(Artifact::new(&library)));
    assert!(world.status().stale);
    world.apply();
    assert!(!world.status().stale);
    // The program has gone back, and asks for what its sources say.
    world.feed(Input::SwitchTo {
        manifest_dir: "/w/scene".into(),
        generation: 0,
    });
    world.apply();
    world.feed(Input::Rebuild("/w/scene".into()));
    world.take_log();
    world.finish_build(Ok(Artifact::new(&library)));
    assert_eq!(world.take_log(), ["<unchanged scene>", "recall scene 1"]);
    world.apply();
    assert_eq!(
        (world.status().generation, world.status().stale),
        (1, false)
    );
}

fn go_live(world: &mut World, before: u8, after: u8) {
    world.write("/w/scene/a.rs", before, after);
    world.build_succeeds();
    world.load_succeeds();
    world.apply();
}

#[test]
fn an_undo_goes_live_from_memory() {
    let mut world = World::new(&["scene"]);
    go_live(&mut world, 0, 1);
    go_live(&mut world, 1, 2);
    world.take_log();
    world.write("/w/scene/a.rs", 2, 1);
    world.apply();
    assert_eq!(
        world.take_log(),
        [
            "<change-seen scene>",
            "<recalled scene>",
            "recall scene 1",
            "<applied scene>"
        ]
    );
    assert_eq!(
        (world.status().generation, world.status().stale),
        (1, false)
    );
    world.write("/w/scene/a.rs", 1, 2);
    world.apply();
    assert_eq!(
        (world.status().generation, world.status().rebuild_count),
        (2, 2)
    );
}

#[test]
fn an_undo_that_brings_back_a_package_is_built_for_it_may_have_changed_unheard() {
    let mut world = World::new(&["scene"]);
    let scoped = |directories: &[&str]| Input::Scoped {
        krate: CrateId::new("scene", "/w/scene"),
        scope: CrateScope {
            directories: directories.iter().map(PathBuf::from).collect(),
            ..CrateScope::default()
        },
        linked_in_is_current: true,
    };
    world.feed(scoped(&["/w/scene", "/w/weather"]));
    go_live(&mut world, 0, 1);
    // The manifest names it no more.
    go_live(&mut world, 1, 2);
    world.feed(scoped(&["/w/scene"]));
    assert!(!world.status().stale);
    world.save("/w/weather/lib.rs");
    world.take_log();
    world.write("/w/scene/a.rs", 2, 1);
    let log = world.take_log();
    assert!(log.contains(&"build scene".to_owned()), "{log:?}");
    world.build_succeeds();
    world.load_succeeds();
    world.apply();
    // What was live while it was no part of the crate can still be gone back to, and is told apart.
    world.write("/w/scene/a.rs", 1, 2);
    let log = world.take_log();
    assert!(log.contains(&"recall scene 2".to_owned()), "{log:?}");
}

#[test]
fn an_undo_while_its_redo_is_built_cancels_the_build() {
    let mut world = World::new(&["scene"]);
    go_live(&mut world, 0, 1);
    world.write("/w/scene/a.rs", 1, 2);
    world.take_log();
    world.write("/w/scene/a.rs", 2, 1);
    assert_eq!(
        world.take_log(),
        [
            "<change-seen scene>",
            "cancel",
            "<recalled scene>",
            "withdraw scene"
        ]
    );
    world.finish_build(Err(BuildError::Cancelled));
    assert_eq!(world.take_log(), ["<cancelled scene>"]);
    assert!(!world.status().stale && world.running.is_empty());
}

#[test]
fn what_is_linked_in_is_recalled_only_if_it_was_built_from_the_sources() {
    for linked_in_is_current in [false, true] {
        let mut world = World::new(&["scene"]);
        let krate = CrateId::new("scene", "/w/scene");
        let scope = CrateScope::of_directory("/w/scene".as_ref());
        world.feed(Input::Scoped {
            krate,
            scope,
            linked_in_is_current,
        });
        go_live(&mut world, 0, 1);
        world.take_log();
        world.write("/w/scene/a.rs", 1, 0);
        let log = world.take_log();
        assert_eq!(
            log.contains(&"recall scene 0".to_owned()),
            linked_in_is_current,
            "{log:?}"
        );
        assert_eq!(
            log.contains(&"build scene".to_owned()),
            !linked_in_is_current,
            "{log:?}"
        );
    }
}

#[test]
fn the_program_can_go_back_and_is_stale_then() {
    let mut world = World::new(&["scene"]);
    go_live(&mut world, 0, 1);
    go_live(&mut world, 1, 2);
    world.feed(Input::SwitchTo {
        manifest_dir: "/w/scene".into(),
        generation: 1,
    });
    world.apply();
    assert_eq!((world.status().generation, world.status().stale), (1, true));
    world.feed(Input::SwitchTo {
        manifest_dir: "/w/scene".into(),
        generation: 2,
    });
    world.apply();
    assert_eq!(
        (world.status().generation, world.status().stale),
        (2, false)
    );
}

#[test]
fn time_counts_from_the_systems_report() {
    let mut world = World::new(&["scene"]);
    let heard = world.now;
    world.now += Duration::from_millis(9);
    world.feed(Input::Changed(Changes {
        list: vec![change("/w/scene/a.rs", 0, 1)],
        heard: Some(heard),
        reading: Duration::from_millis(3),
    }));
    let Some(Event::ChangeSeen { phases, .. }) = world.events.first() else {
        panic!("the first event is not of the change: {:?}", world.log);
    };
    let millis = |name, millis| Phase::new(name, Duration::from_millis(millis));
    assert_eq!(*phases, [millis("settle", 7), millis("hash", 3)]);
    world.build_succeeds();
    world.load_succeeds();
    world.apply();
    let Some(Event::Applied { since_change, .. }) = world.events.pop() else {
        panic!("nothing was applied: {:?}", world.log);
    };
    assert_eq!(since_change, Some(world.now - heard));
}

/// Generation `generation` of the scene panics among its first calls.
fn panics(world: &mut World, generation: u32, consequence: Consequence) {
    let krate = CrateId::new("scene", "/w/scene");
    let panic = Panic {
        krate: krate.clone(),
        item: "scene::step",
        generation,
        reason: "`scene::step` panicked: oh".to_owned(),
        consequence,
    };
    let event = Event::BuildStarted { krate };
    world.feed(Input::Panicked { panic, event });
}

#[test]
fn a_generation_that_panics_early_is_left_and_its_sources_are_not_taken_for_good() {
    let mut world = World::new(&["scene"]);
    go_live(&mut world, 0, 1);
    go_live(&mut world, 1, 2);
    world.take_log();
    panics(&mut world, 2, Consequence::RollBack);
    // Each of its calls panics until the safe point.
    panics(&mut world, 2, Consequence::RollBack);
    assert!(world.status().stale);
    world.apply();
    assert_eq!(
        world.take_log(),
        [
            "<build-started scene>",
            "roll-back scene 2",
            "<build-started scene>",
            "<rolled-back scene>"
        ]
    );
    let status = world.status();
    assert_eq!((status.generation, status.stale), (1, true));
    let Some(Outcome::RolledBack { from: 2, reason }) = &status.outcome else {
        panic!("{:?}", status.outcome);
    };
    assert!(reason.contains("oh"));

    // Another save goes its way, and back to the bad one does not.
    go_live(&mut world, 2, 3);
    assert_eq!(
        (world.status().generation, world.status().stale),
        (3, false)
    );
    world.take_log();
    world.write("/w/scene/a.rs", 3, 2);
    assert_eq!(
        world.take_log(),
        [
            "<change-seen scene>",
            "withdraw scene",
            "<not-recalled scene>"
        ]
    );
    let status = world.status();
    assert_eq!((status.generation, status.stale), (3, true));
    assert!(matches!(
        status.outcome,
        Some(Outcome::KnownBad { generation: 2, .. })
    ));
    world.write("/w/scene/a.rs", 2, 1);
    world.apply();
    assert_eq!(
        (world.status().generation, world.status().stale),
        (1, false)
    );

    // Whoever asks for it by its number gets it, and another chance for it.
    world.feed(Input::SwitchTo {
        manifest_dir: "/w/scene".into(),
        generation: 2,
    });
    world.apply();
    assert_eq!((world.status().generation, world.status().stale), (2, true));
    world.take_log();
    panics(&mut world, 2, Consequence::RollBack);
    assert_eq!(world.take_log()[1], "roll-back scene 2");
}

#[test]
fn sources_that_panicked_while_a_thread_waited_for_others_are_not_taken_for_good() {
    let mut world = World::new(&["scene"]);
    go_live(&mut world, 0, 1);
    go_live(&mut world, 1, 2);
    go_live(&mut world, 2, 3);
    // The call that panicked in the second was made again with the third.
    panics(&mut world, 2, Consequence::Failed);
    assert_eq!(
        (world.status().generation, world.status().stale),
        (3, false)
    );
    world.take_log();
    world.write("/w/scene/a.rs", 3, 2);
    assert_eq!(
        world.take_log(),
        [
            "<change-seen scene>",
            "withdraw scene",
            "<not-recalled scene>"
        ]
    );
    assert_eq!((world.status().generation, world.status().stale), (3, true));
}

#[test]
fn a_panic_that_comes_before_it_is_known_what_is_live_counts() {
    let mut world = World::new(&["scene"]);
    go_live(&mut world, 0, 1);
    world.write("/w/scene/a.rs", 1, 2);
    world.build_succeeds();
    world.load_succeeds();
    world.take_log();
    // An enter hook of the generation that is going live.
    panics(&mut world, 2, Consequence::RollBack);
    assert_eq!(world.take_log(), ["<build-started scene>"]);
    world.apply();
    assert_eq!(world.take_log(), ["<applied scene>", "roll-back scene 2"]);
    world.apply();
    assert_eq!((world.status().generation, world.status().stale), (1, true));
}

#[test]
fn newer_code_that_waits_for_the_safe_point_comes_before_an_older_one() {
    let mut world = World::new(&["scene"]);
    go_live(&mut world, 0, 1);
    world.write("/w/scene/a.rs", 1, 2);
    world.build_succeeds();
    world.load_succeeds();
    world.take_log();
    panics(&mut world, 1, Consequence::RollBack);
    assert_eq!(world.take_log(), ["<build-started scene>"]);
    world.apply();
    assert_eq!(
        (world.status().generation, world.status().stale),
        (2, false)
    );
}

#[test]
fn an_item_that_is_answered_by_another_generation_is_in_the_status() {
    let mut world = World::new(&["scene"]);
    go_live(&mut world, 0, 1);
    panics(&mut world, 1, Consequence::AnsweredBy(0));
    panics(&mut world, 1, Consequence::AnsweredBy(0));
    let panicked = world.status().panicked;
    let [item] = &panicked[..] else {
        panic!("{panicked:?}");
    };
    assert_eq!((item.item, item.answered_by), ("scene::step", 0));
    assert_eq!(world.status().generation, 1);
    go_live(&mut world, 1, 2);
    assert_eq!(world.status().panicked, []);
}

#[test]
fn the_status_tells_which_sources_run() {
    let mut world = World::new(&["scene"]);
    world.feed(Input::Scoped {
        krate: CrateId::new("scene", "/w/scene"),
        scope: CrateScope::of_directory("/w/scene".as_ref()),
        linked_in_is_current: true,
    });
    let source = |world: &World| world.status().source.unwrap();
    assert!(source(&world).is_at_start());
    go_live(&mut world, 0, 1);
    let first = source(&world);
    let files: Vec<_> = first.changed_files().collect();
    assert_eq!(files, [Path::new("/w/scene/a.rs")]);
    let Some(Event::Applied { changed, .. }) = world.events.last() else {
        panic!("{:?}", world.log);
    };
    assert_eq!(*changed, [PathBuf::from("/w/scene/a.rs")]);
    // A save that fails does not change what runs.
    world.write("/w/scene/a.rs", 1, 2);
    world.finish_build(Err(BuildError::other("broken")));
    assert_eq!(source(&world), first);
    assert_eq!(world.status().outcome, Some(Outcome::BuildFailed));
    world.write("/w/scene/a.rs", 2, 1);
    assert_eq!(world.status().outcome, Some(Outcome::Unchanged));
    let Some(Event::Recalled { is_live: true, .. }) = world.events.last() else {
        panic!("{:?}", world.log);
    };
    world.write("/w/scene/a.rs", 1, 0);
    world.apply();
    assert!(source(&world).is_at_start() && !world.status().stale);
}

#[test]
fn an_undo_that_goes_live_before_the_build_has_stopped_is_not_stale() {
    let mut world = World::new(&["scene"]);
    go_live(&mut world, 0, 1);
    go_live(&mut world, 1, 2);
    world.write("/w/scene/a.rs", 2, 3);
    world.write("/w/scene/a.rs", 3, 1);
    world.apply();
    assert_eq!(
        (world.status().generation, world.status().stale),
        (1, false)
    );
    world.finish_build(Err(BuildError::Cancelled));
    assert!(!world.status().stale);
}

#[test]
fn a_generation_that_was_released_is_built_again() {
    let mut world = World::new(&["scene"]);
    go_live(&mut world, 0, 1);
    world.write("/w/scene/a.rs", 1, 2);
    world.build_succeeds();
    world.load_succeeds();
    let (krate, generation) = world.offered.pop_front().unwrap();
    world.feed(Input::Applied {
        krate,
        generation,
        items: Applied::default(),
        duration: Duration::ZERO,
        in_memory: vec![0, 2],
        rolls_back: None,
    });
    world.take_log();
    world.write("/w/scene/a.rs", 2, 1);
    assert_eq!(
        world.take_log(),
        [
            "<change-seen scene>",
            "<build-started scene>",
            "build scene"
        ]
    );
}
