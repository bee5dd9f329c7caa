//! What exists once in a program and would exist a second time, empty, in a library: the logger, the
//! tracing subscriber, the global allocator, the panic hook.
//!
//! A library has its own copy of every static, those of `log`, `tracing` and std among them. Each file
//! here has two halves: what is installed in the library, and the functions of the program that it
//! calls. They ask the program anew at each call, so what the program changes later holds for its
//! libraries too.

#[cfg(feature = "allocator")]
pub(crate) mod allocator;
#[cfg(feature = "log")]
pub(crate) mod log;
pub(crate) mod panic_hook;
#[cfg(feature = "tracing")]
pub(crate) mod tracing;

#[cfg(any(feature = "log", feature = "tracing"))]
use crate::boundary::{self, Caught};
use crate::notice::{self, Notice};
use crate::services::Services;

/// In the program: prepares it for having libraries.
pub(crate) fn settle_as_program() {
    #[cfg(feature = "allocator")]
    allocator::settle();
    panic_hook::learn();
}

/// In a library: hands its heap over to the program. `false` if the library must not be used.
pub(crate) fn hand_over_heap(program: &'static Services) -> bool {
    #[cfg(feature = "allocator")]
    return allocator::hand_over(program.allocator);
    #[cfg(not(feature = "allocator"))]
    {
        let _ = program;
        true
    }
}

/// In a library that was handed the program's services: installs everything else.
pub(crate) fn install(crate_name: &'static str) {
    panic_hook::install();
    let installed: &[(&'static str, bool)] = &[
        #[cfg(feature = "log")]
        ("logger", log::install()),
        #[cfg(feature = "tracing")]
        ("tracing subscriber", tracing::install()),
    ];
    for &(what, installed) in installed {
        if !installed {
            notice::send(Notice::NotForwarded { crate_name, what });
        }
    }
}

/// The result of a function of the program, whose panic must not cross into a library: there it would be
/// foreign, and the process would abort.
#[cfg(any(feature = "log", feature = "tracing"))]
type Contained<R> = Result<R, Box<Caught>>;

/// In a library: lets a panic of the program go on as one of the library's own.
#[cfg(any(feature = "log", feature = "tracing"))]
fn or_panic<R>(result: Contained<R>) -> R {
    result.unwrap_or_else(|caught| boundary::resume(*caught.of_program()))
}
