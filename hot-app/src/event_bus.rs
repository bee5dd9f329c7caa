//! From the one who tells events to all who listen, in threads and in async code alike.

use crate::event::Event;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// Hands each event to every subscription.
#[derive(Debug)]
pub(crate) struct EventBus {
    queues: Mutex<Vec<Weak<Queue>>>,
}

impl EventBus {
    pub(crate) const fn new() -> EventBus {
        EventBus {
            queues: Mutex::new(Vec::new()),
        }
    }

    pub(crate) fn subscribe(&self) -> Events {
        let queue = Arc::new(Queue::default());
        lock(&self.queues).push(Arc::downgrade(&queue));
        Events { queue }
    }

    pub(crate) fn send(&self, event: &Event) {
        lock(&self.queues).retain(|queue| match queue.upgrade() {
            Some(queue) => {
                queue.push(event.clone());
                true
            }
            None => false,
        });
    }
}

/// A subscription: every event since it was made, in order, until it is dropped.
#[derive(Debug)]
pub struct Events {
    queue: Arc<Queue>,
}

impl Events {
    /// The next event, if there is one.
    pub fn try_recv(&self) -> Option<Event> {
        lock(&self.queue.waiting).events.pop_front()
    }

    /// The events there are, without waiting for more.
    pub fn try_iter(&self) -> impl Iterator<Item = Event> + '_ {
        std::iter::from_fn(|| self.try_recv())
    }

    /// The next event. Blocks until there is one.
    pub fn recv(&self) -> Event {
        let mut waiting = lock(&self.queue.waiting);
        loop {
            if let Some(event) = waiting.events.pop_front() {
                return event;
            }
            waiting = self
                .queue
                .pushed
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next event, or `None` if there is none for that long.
    pub fn recv_timeout(&self, timeout: Duration) -> Option<Event> {
        let deadline = Instant::now() + timeout;
        let mut waiting = lock(&self.queue.waiting);
        loop {
            if let Some(event) = waiting.events.pop_front() {
                return Some(event);
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            (waiting, _) = self
                .queue
                .pushed
                .wait_timeout(waiting, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next event, in async code. Works in any runtime.
    pub fn next_event(&mut self) -> NextEvent<'_> {
        NextEvent { events: self }
    }

    /// Polls for the next event; the form that `Stream` adapters want.
    pub fn poll_next(&self, context: &mut Context<'_>) -> Poll<Event> {
        let mut waiting = lock(&self.queue.waiting);
        match waiting.events.pop_front() {
            Some(event) => Poll::Ready(event),
            None => {
                waiting.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// The future of the next event: what [`Events::next_event`] returns.
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct NextEvent<'a> {
    events: &'a mut Events,
}

impl Future for NextEvent<'_> {
    type Output = Event;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Event> {
        self.events.poll_next(context)
    }
}

/// The events that one subscription has not taken yet.
#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    pushed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    events: VecDeque<Event>,
    waker: Option<Waker>,
}

impl Queue {
    fn push(&self, event: Event) {
        let waker = {
            let mut waiting = lock(&self.waiting);
            waiting.events.push_back(event);
            waiting.waker.take()
        };
        self.pushed.notify_one();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Problem;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    fn problem(number: u32) -> Event {
        let problem = Problem::UnknownGeneration {
            manifest_dir: "/scene".into(),
            generation: number,
            in_memory: vec![0],
        };
        Event::Problem { problem }
    }

    #[test]
    fn every_subscription_gets_every_event_in_order_from_when_it_was_made() {
        let bus = EventBus::new();
        let early = bus.subscribe();
        bus.send(&problem(1));
        let late = bus.subscribe();
        bus.send(&problem(2));
        assert_eq!(
            early.try_iter().collect::<Vec<_>>(),
            [problem(1), problem(2)]
        );
        assert_eq!(late.try_iter().collect::<Vec<_>>(), [problem(2)]);
        assert_eq!(early.recv_timeout(Duration::ZERO), None);
    }

    #[test]
    fn a_dropped_subscription_is_forgotten() {
        let bus = EventBus::new();
        drop(bus.subscribe());
        bus.send(&problem(1));
        assert_eq!(lock(&bus.queues).len(), 0);
    }

    #[test]
    fn a_waiting_thread_is_woken() {
        let bus = EventBus::new();
        let events = bus.subscribe();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| events.recv());
            bus.send(&problem(7));
            assert_eq!(waiting.join().unwrap(), problem(7));
        });
    }

    #[test]
    fn a_waiting_task_is_woken() {
        struct Count(AtomicUsize);
        impl Wake for Count {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
        let bus = EventBus::new();
        let mut events = bus.subscribe();
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&count));
        let mut context = Context::from_waker(&waker);
        assert_eq!(
            Pin::new(&mut events.next_event()).poll(&mut context),
            Poll::Pending
        );
        bus.send(&problem(1));
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        assert_eq!(
            Pin::new(&mut events.next_event()).poll(&mut context),
            Poll::Ready(problem(1))
        );
    }
}
