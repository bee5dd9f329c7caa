//! What follows when new code panics.

/// What follows when new code panics. Set with [`Options::on_panic`](crate::Options::on_panic).
///
/// A panic of new code is contained at the edge of its library in any case, and told by
/// [`Event::Panicked`](crate::Event). With `panic = "abort"` nothing can be contained, and the first panic ends
/// the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PanicPolicy {
    /// The call is answered by the last good generation, and so are later calls of that function or node until
    /// newer code is live. If the generation was still on probation, among its first calls, it is left as a whole
    /// at the next safe point. The default.
    ///
    /// To be made again the call needs its arguments once more: references, what is `Copy`, and, for the first hundred
    /// calls, what is [`Repeatable`](hot_abi::Repeatable), as `String` and `Vec<u32>` are. With others, as an `Arc`
    /// or a closure, the panic goes on in the caller, which the event says, and the next call is answered by the
    /// last good generation.
    #[default]
    RollBack,
    /// The thread that panicked waits until other code is live, and makes the call again: save a repaired file,
    /// undo, or [switch](crate::Service::switch_to). Meanwhile that thread does nothing else, so a window that
    /// it draws stands still.
    ///
    /// The thread that calls [`HotReload::update`](crate::HotReload::update) makes the new code live itself; any
    /// other waits until that one does. Where waiting cannot help it is as with
    /// [`RollBack`](PanicPolicy::RollBack): an argument cannot be handed over twice, or new code is just
    /// going live on this thread. The same where it would wait for ever, which
    /// [`Event::NotWaiting`](crate::Event) tells: the thread has a `Held` value locked, or new code
    /// was ready for five seconds and did not go live, as when the thread that calls `update` waits for this one.
    WaitForNextBuild,
    /// The program ends with the exit code of an uncaught panic, 101.
    Abort,
}
