//! On Linux each thread has a priority of its own: what POSIX says of a process, it does to the thread that
//! asks.

/// Enough to give way to the program, and not so little that a load waits for long for what was begun.
const STEPS: i32 = 5;

pub(super) fn lower() {
    // Where it is refused, the work is done all the same. It is relative to what the program runs with.
    // SAFETY: this asks nothing of memory.
    unsafe { libc::nice(STEPS) };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn priority() -> i32 {
        // SAFETY: this asks nothing of memory.
        unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) }
    }

    #[test]
    fn only_the_thread_itself_gives_way() {
        let before = priority();
        let lowered = std::thread::spawn(|| {
            lower();
            priority()
        });
        assert_eq!(lowered.join().unwrap(), (before + STEPS).min(19));
        assert_eq!(priority(), before);
    }
}
