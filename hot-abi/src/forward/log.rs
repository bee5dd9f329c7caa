//! The logger of the `log` crate: what a library logs goes to the program's logger.
//!
//! The program's logger and level are asked for at each record. A level that new code sets with
//! `log::set_max_level` holds in its own library only.

use super::{Contained, or_panic};
use crate::boundary;
use crate::services;
use log::{LevelFilter, Log, Metadata, Record};
use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};

/// In a library: sets its logger. `false` if it has one already, set before the library was initialised.
pub(crate) fn install() -> bool {
    let installed = log::set_logger(&ToProgram).is_ok();
    if installed {
        log::set_max_level(LevelFilter::Trace);
    }
    installed
}

/// The program's logger, as functions of the program.
#[derive(Debug)]
pub(crate) struct Logger {
    enabled: fn(&Metadata<'_>) -> Contained<bool>,
    log: fn(&Record<'_>) -> Contained<()>,
    flush: fn() -> Contained<()>,
}

/// The functions of this module, for a program to hand to its libraries.
pub(crate) static OWN: Logger = Logger {
    enabled: |metadata| {
        boundary::contain(|| {
            metadata.level() <= log::max_level() && log::logger().enabled(metadata)
        })
    },
    log: |record| {
        boundary::contain(|| {
            // As the macros do: the level is their business, the rest is the logger's.
            if record.level() <= log::max_level() {
                log::logger().log(record);
            }
        })
    },
    flush: || boundary::contain(|| log::logger().flush()),
};

/// The logger of a library.
struct ToProgram;

impl Log for ToProgram {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        or_panic((program().enabled)(metadata))
    }

    fn log(&self, record: &Record<'_>) {
        let message = Message {
            args: record.args(),
            panic: RefCell::new(None),
        };
        let mut builder = Record::builder();
        builder
            .metadata(record.metadata().clone())
            .line(record.line())
            .key_values(record.key_values());
        match record.module_path_static() {
            Some(path) => builder.module_path_static(Some(path)),
            None => builder.module_path(record.module_path()),
        };
        match record.file_static() {
            Some(file) => builder.file_static(Some(file)),
            None => builder.file(record.file()),
        };
        let logged = (program().log)(&builder.args(format_args!("{message}")).build());
        if let Some(payload) = message.panic.into_inner() {
            panic::resume_unwind(payload);
        }
        or_panic(logged);
    }

    fn flush(&self) {
        or_panic((program().flush)());
    }
}

/// A record's message, formatted by the program and made of values of the library: a panic of theirs is
/// kept back while the program's logger is on the stack.
struct Message<'a> {
    args: &'a fmt::Arguments<'a>,
    panic: RefCell<Option<Box<dyn Any + Send>>>,
}

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match panic::catch_unwind(AssertUnwindSafe(|| f.write_fmt(*self.args))) {
            Ok(result) => result,
            Err(payload) => {
                self.panic.replace(Some(payload));
                f.write_str("(the message panicked)")
            }
        }
    }
}

fn program() -> &'static Logger {
    services::current().logger
}
