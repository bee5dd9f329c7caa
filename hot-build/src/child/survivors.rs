//! Whether anyone of a killed process group still runs.
//!
//! A killed process stays in its group as a zombie until it is reaped, by its parent or, where that is
//! gone, by the system's first process. In many containers that one reaps nobody, and the zombies
//! stay for ever. On Linux they can be told apart from what still runs.

use rustix::process::{Pid, test_kill_process_group};

/// Does a process of `group` still run? Zombies count only where they cannot be told apart.
pub(super) fn any(group: Pid) -> bool {
    // Costs one system call when the group is gone, as after a build that came to its end.
    test_kill_process_group(group).is_ok() && any_but_zombies(group)
}

#[cfg(target_os = "linux")]
fn any_but_zombies(group: Pid) -> bool {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return true;
    };
    let processes = entries.flatten().filter(|entry| {
        let name = entry.file_name();
        name.as_encoded_bytes().iter().all(u8::is_ascii_digit)
    });
    // One that ends while this reads is as good as gone.
    processes
        .filter_map(|process| std::fs::read_to_string(process.path().join("stat")).ok())
        .any(|stat| runs_in(&stat, group))
}

#[cfg(not(target_os = "linux"))]
fn any_but_zombies(_group: Pid) -> bool {
    true
}

/// Takes a line of `/proc/<id>/stat` apart: `<id> (<name>) <state> <parent> <group> ..`, where the name
/// can hold anything.
#[cfg(target_os = "linux")]
fn runs_in(stat: &str, group: Pid) -> bool {
    const STATE: usize = 0;
    const GROUP: usize = 2;
    const THREADS: usize = 17;
    let Some((_, rest)) = stat.rsplit_once(')') else {
        return false;
    };
    let fields: Vec<_> = rest.split_whitespace().collect();
    let number = |field: usize| fields.get(field).and_then(|text| text.parse::<i32>().ok());
    let is_dead = match fields.get(STATE) {
        // Its first thread is dead. The others may be about to.
        Some(&"Z") => number(THREADS).is_none_or(|threads| threads <= 1),
        Some(&"X") => true,
        _ => false,
    };
    number(GROUP) == Some(group.as_raw_nonzero().get()) && !is_dead
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    #[test]
    fn a_line_of_a_process_is_taken_apart() {
        let group = Pid::from_raw(42).expect("not zero");
        assert!(runs_in("7 (rustc) R 1 42 42 0 -1", group));
        assert!(
            runs_in("7 (a) Z 1 9) S 1 42 42 0 -1", group),
            "its name has a bracket"
        );
        assert!(
            !runs_in("7 (rustc) R 42 43 42 0 -1", group),
            "another group"
        );
        assert!(!runs_in("7 (rustc) Z 1 42 42 0 -1", group), "a zombie");
        let threads =
            |count| format!("7 (rustc) Z 1 42 42 0 -1 0 0 0 0 0 0 0 0 0 20 0 {count} 0 9");
        assert!(runs_in(&threads(3), group), "threads of it still run");
        assert!(!runs_in(&threads(1), group));
        assert!(!runs_in("", group));
    }

    #[test]
    fn a_zombie_is_nobody() {
        let mut child = Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("cat is there");
        let group = Pid::from_child(&child);
        assert!(any(group), "it waits for its input");
        child.kill().expect("it runs");
        // Its death is awaited without reaping it.
        let options =
            rustix::process::WaitIdOptions::EXITED | rustix::process::WaitIdOptions::NOWAIT;
        rustix::process::waitid(rustix::process::WaitId::Pid(group), options).expect("it dies");
        assert!(test_kill_process_group(group).is_ok(), "it is in the group");
        assert!(!any(group));
        child.wait().expect("it can be reaped");
        assert!(!any(group));
    }
}
