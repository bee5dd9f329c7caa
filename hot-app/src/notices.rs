//! What nodes and functions have to tell, as events.

use crate::crate_id::CrateId;
use crate::driver::Message;
use crate::event::Event;
use crate::panic_policy::PanicPolicy;
use crate::panics;
use crate::pipeline::{Input, Panic};
use crate::problem::Problem;
use hot_abi::notice::{self, FallbackReason, Notice};
use std::path::PathBuf;
use std::sync::mpsc::Sender;

/// Makes events of what nodes and functions have to tell.
pub(crate) fn forward(sender: Sender<Message>, crates: Vec<CrateId>, on_panic: PanicPolicy) {
    let krate_of = move |manifest_dir: &str| {
        let known = crates
            .iter()
            .find(|krate| krate.manifest_dir().as_os_str() == manifest_dir);
        known
            .cloned()
            .unwrap_or_else(|| CrateId::new(manifest_dir, PathBuf::from(manifest_dir)))
    };
    notice::set_sink(move |notice| {
        let event = match notice {
            Notice::Instantiated {
                manifest_dir,
                node,
                generation,
            } => Event::NodeMade {
                krate: krate_of(manifest_dir),
                node,
                generation: *generation,
            },
            Notice::Fallback {
                manifest_dir,
                node,
                reason: FallbackReason::NoLibrary,
                ..
            } => Event::NodeMade {
                krate: krate_of(manifest_dir),
                node,
                generation: 0,
            },
            Notice::Fallback {
                manifest_dir,
                node,
                reason,
                ..
            } => Event::Fallback {
                krate: krate_of(manifest_dir),
                node,
                reason: notice.to_string(),
                code: reason.code(),
            },
            Notice::StateCarried {
                manifest_dir,
                node,
                report,
            } => Event::StateCarried {
                krate: krate_of(manifest_dir),
                node,
                report: report.clone(),
            },
            Notice::Panicked {
                panicked,
                aftermath,
            } => {
                let krate = krate_of(panicked.manifest_dir);
                let panic = Panic {
                    krate: krate.clone(),
                    item: panicked.item,
                    generation: panicked.generation,
                    reason: format!("`{}` panicked: {}", panicked.item, panicked.caught),
                    consequence: panics::consequence(on_panic, panicked, aftermath),
                };
                let event = panics::event(krate, panicked, Some(*aftermath));
                let _ = sender.send(Message::Input(Input::Panicked { panic, event }));
                return;
            }
            // What a hot crate does to itself, or a notice of a later version of hot-abi.
            other => Event::Problem {
                problem: Problem::HotCrate(other.clone()),
            },
        };
        let _ = sender.send(Message::Input(Input::Tell(event)));
    });
}
