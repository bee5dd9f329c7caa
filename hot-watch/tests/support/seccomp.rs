//! A system without inotify, for this process.

use std::io;

/// From now on inotify is a system call that the kernel does not know, for every thread to come.
pub(crate) fn forbid_inotify() {
    const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
    const NO_SUCH_CALL: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;
    let load_number = statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0);
    let unless_it_is = |number: i64| libc::sock_filter {
        jt: 0,
        jf: 1,
        ..statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, number as u32)
    };
    let refuse = statement(libc::BPF_RET | libc::BPF_K, NO_SUCH_CALL);
    let mut filter = [
        load_number,
        unless_it_is(libc::SYS_inotify_init1),
        refuse,
        unless_it_is(libc::SYS_inotify_init),
        refuse,
        statement(libc::BPF_RET | libc::BPF_K, ALLOW),
    ];
    let program = libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_mut_ptr(),
    };
    // SAFETY: takes four numbers.
    let refused = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(refused, 0, "{}", io::Error::last_os_error());
    let mode = libc::SECCOMP_MODE_FILTER;
    // SAFETY: `program` points to as many filters as it says, and the kernel copies them.
    let refused = unsafe { libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program) };
    assert_eq!(refused, 0, "{}", io::Error::last_os_error());
}

fn statement(code: u32, k: u32) -> libc::sock_filter {
    libc::sock_filter {
        code: code as u16,
        jt: 0,
        jf: 0,
        k,
    }
}
