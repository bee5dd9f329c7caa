use std::fmt;
use std::ops::ControlFlow;
use std::path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crate::backend::{self, Connect, Event};
use crate::engine::{Command, Engine};
use crate::scope::Scope;
use crate::watches::{self, Watches};
use crate::{Method, Notice, Root, WatchConfig, WatchError};

/// Watches files on a thread of its own, until it is dropped.
///
/// ```no_run
/// use hot_watch::{Notice, Root, WatchConfig, Watcher};
///
/// let config = WatchConfig::default().directory("src").file("Cargo.lock");
/// let watcher = Watcher::start(config, |notice| match notice {
///     Notice::Ready => println!("watching"),
///     Notice::Changed(changes) => {
///         for change in &changes {
///             println!("{:?} {}", change.kind, change.path.display());
///         }
///     }
///     Notice::Problem(problem) => eprintln!("{problem}"),
///     _ => {}
/// })?;
///
/// // The next build turned out to read one more file.
/// watcher.watch(Root::file("shaders/scene.wgsl"))?;
/// # Ok::<(), hot_watch::WatchError>(())
/// ```
pub struct Watcher {
    sender: Sender<Message>,
    thread: Option<JoinHandle<()>>,
}

/// All that the thread waits for.
#[derive(Debug)]
enum Message {
    Event(Event),
    Command(Command),
    Stop,
}

impl Watcher {
    /// Starts to watch. Returns at once: the files' present content is taken in on the watcher's
    /// thread, and [`Notice::Ready`] says that it was.
    ///
    /// `deliver` is called on that thread. While it runs, nothing is missed, but nothing else is
    /// delivered either. If it panics, the watching ends.
    ///
    /// # Errors
    /// [`WatchError::Root`], [`WatchError::Pattern`] and [`WatchError::Thread`]. Whatever is wrong
    /// with the files themselves, or with the system's events, is delivered as a
    /// [`Notice::Problem`].
    pub fn start(
        config: WatchConfig,
        deliver: impl FnMut(Notice) + Send + 'static,
    ) -> Result<Watcher, WatchError> {
        let connect: Option<Connect> = match config.method {
            Method::Native => Some(Box::new(backend::connect_system)),
            Method::Polling => None,
        };
        Watcher::start_with(config, connect, deliver)
    }

    /// Watches one more root. The files in it are taken as they are; [`Notice::Ready`] says when.
    /// A root that is watched already is not watched twice.
    ///
    /// # Errors
    /// [`WatchError::Root`], [`WatchError::Stopped`].
    pub fn watch(&self, root: Root) -> Result<(), WatchError> {
        self.command(Command::Watch(absolute(root)?))
    }

    /// Watches a root no longer. Files that are beneath another root too go on being watched. A
    /// root that is not watched is no error.
    ///
    /// # Errors
    /// [`WatchError::Root`], [`WatchError::Stopped`].
    pub fn unwatch(&self, root: Root) -> Result<(), WatchError> {
        self.command(Command::Unwatch(absolute(root)?))
    }

    /// Watches these roots and no others. What is watched already is watched without a gap.
    ///
    /// # Errors
    /// [`WatchError::Root`], [`WatchError::Stopped`].
    pub fn set_roots(&self, roots: impl IntoIterator<Item = Root>) -> Result<(), WatchError> {
        let roots = roots.into_iter().map(absolute).collect::<Result<_, _>>()?;
        self.command(Command::SetRoots(roots))
    }

    /// Compares every file with what it was when last delivered. Only needed where the system is
    /// known to tell too little.
    ///
    /// # Errors
    /// [`WatchError::Stopped`].
    pub fn rescan(&self) -> Result<(), WatchError> {
        self.command(Command::Rescan)
    }

    /// Looks at these files now, whatever the system told of them. If they hold something else than what was last
    /// delivered, that comes as [`Notice::Changed`], and then comes [`Notice::Settled`]: at once, or as soon as a write
    /// that goes on is finished. The paths are those that a [`Change`](crate::Change) would have; a file that is not
    /// watched counts as settled.
    ///
    /// # Errors
    /// [`WatchError::Stopped`].
    pub fn settle(&self, paths: Vec<path::PathBuf>) -> Result<(), WatchError> {
        self.command(Command::Settle(paths))
    }

    /// Starts with another backend than the system's, or with none.
    pub(crate) fn start_with(
        mut config: WatchConfig,
        connect: Option<Connect>,
        mut deliver: impl FnMut(Notice) + Send + 'static,
    ) -> Result<Watcher, WatchError> {
        let roots = config.roots.into_iter().map(absolute);
        config.roots = roots.collect::<Result<_, _>>()?;
        let scope = Scope::new(&config.exclude)?;
        let (sender, receiver) = mpsc::channel();
        let events = sender.clone();
        let thread = thread::Builder::new()
            .name("hot-watch".into())
            .spawn(move || {
                let (watches, problem) = connect_watches(connect, events);
                let mut engine = Engine::new(config, scope, watches);
                if let Some(problem) = problem {
                    engine.notify(Notice::Problem(problem));
                }
                run(engine, &receiver, &mut deliver);
            })
            .map_err(|source| WatchError::Thread { source })?;
        Ok(Watcher {
            sender,
            thread: Some(thread),
        })
    }

    fn command(&self, command: Command) -> Result<(), WatchError> {
        self.sender
            .send(Message::Command(command))
            .map_err(|_| WatchError::Stopped)
    }
}

impl Drop for Watcher {
    /// Stops the watching. Nothing is delivered any more after this returns.
    fn drop(&mut self) {
        // Fails if the thread has ended already.
        let _ = self.sender.send(Message::Stop);
        if let Some(thread) = self.thread.take()
            // Dropped by `deliver` itself: the thread ends when that returns.
            && thread.thread().id() != thread::current().id()
        {
            // Fails if `deliver` panicked, which the panic's own message has told.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watcher").finish_non_exhaustive()
    }
}

fn connect_watches(
    connect: Option<Connect>,
    events: Sender<Message>,
) -> (Watches, Option<WatchError>) {
    let Some(connect) = connect else {
        return (Watches::new(None), None);
    };
    let sink = Box::new(move |event| {
        // Fails if the watcher was dropped, and then nobody wants to know.
        let _ = events.send(Message::Event(event));
    });
    match connect(sink) {
        Ok(backend) => (Watches::new(Some(backend)), None),
        Err(error) => (Watches::new(None), Some(watches::explain(error, None))),
    }
}

/// Blocks as long as nothing happens, and forever if nothing ever does.
fn run(mut engine: Engine, receiver: &Receiver<Message>, deliver: &mut dyn FnMut(Notice)) {
    engine.start(Instant::now());
    loop {
        for notice in engine.take_notices(Instant::now()) {
            deliver(notice);
        }
        let first = match engine.next_deadline() {
            None => match receiver.recv() {
                Ok(message) => Some(message),
                Err(mpsc::RecvError) => return,
            },
            Some(deadline) => {
                match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                    Ok(message) => Some(message),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        };
        if take_in(&mut engine, first.into_iter().chain(receiver.try_iter())).is_break() {
            return;
        }
        engine.advance(Instant::now());
        // Reading the files took time. What came in meanwhile may belong to the same batch.
        if take_in(&mut engine, receiver.try_iter()).is_break() {
            return;
        }
    }
}

/// Breaks at the message to stop.
fn take_in(engine: &mut Engine, messages: impl Iterator<Item = Message>) -> ControlFlow<()> {
    for message in messages {
        let now = Instant::now();
        match message {
            Message::Event(event) => engine.on_event(event, now),
            Message::Command(command) => engine.on_command(command, now),
            Message::Stop => return ControlFlow::Break(()),
        }
    }
    ControlFlow::Continue(())
}

fn absolute(root: Root) -> Result<Root, WatchError> {
    let absolute = path::absolute(root.path()).map_err(|source| WatchError::Root {
        root: root.path().to_owned(),
        source,
    })?;
    Ok(match root {
        Root::Directory(_) => Root::Directory(absolute),
        Root::File(_) => Root::File(absolute),
    })
}
