//! On Linux each thread has a priority of its own: what POSIX says of a process, it does to the thread
//! that asks.

use rustix::process::{getpriority_process, setpriority_process};

/// Enough to give way to the program, and not so little that a build waits for long for what was begun.
const STEPS: i32 = 5;

pub(super) fn lower() {
    // Where it is refused, the work is done all the same.
    if let Ok(now) = getpriority_process(None) {
        let _ = setpriority_process(None, now.saturating_add(STEPS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_thread_itself_gives_way() {
        let before = getpriority_process(None).expect("it can be asked");
        let lowered = std::thread::spawn(|| {
            lower();
            getpriority_process(None).expect("it can be asked")
        });
        assert_eq!(lowered.join().expect("no panic"), (before + STEPS).min(19));
        assert_eq!(getpriority_process(None), Ok(before));
    }
}
