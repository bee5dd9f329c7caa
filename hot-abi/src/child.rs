//! Nodes as arguments of other nodes.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A node that is an argument of another node.
///
/// It is shared by all instances of its parent, so it survives when the parent is made again. Made from
/// the boxed node, which a parameter `impl Into<Child<dyn Trait>>` does by itself.
///
/// # Examples
///
/// ```
/// use hot_abi::Child;
/// trait Panel { fn width(&self) -> u32; }
/// struct Label(u32);
/// impl Panel for Label { fn width(&self) -> u32 { self.0 } }
///
/// fn twice(child: impl Into<Child<dyn Panel>>) -> u32 { 2 * child.into().lock().width() }
/// let label: Box<dyn Panel> = Box::new(Label(4));
/// assert_eq!(twice(label), 8);
/// ```
pub struct Child<N: ?Sized> {
    node: Arc<Mutex<Box<N>>>,
}

impl<N: ?Sized> Child<N> {
    /// Shares a node.
    pub fn new(node: Box<N>) -> Self {
        Child {
            node: Arc::new(Mutex::new(node)),
        }
    }

    /// The node, for one caller at a time. A panic while it was held does not take it away.
    pub fn lock(&self) -> MutexGuard<'_, Box<N>> {
        self.node.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<N: ?Sized> Clone for Child<N> {
    fn clone(&self) -> Self {
        Child {
            node: Arc::clone(&self.node),
        }
    }
}

impl<N: ?Sized> From<Box<N>> for Child<N> {
    fn from(node: Box<N>) -> Self {
        Child::new(node)
    }
}

impl<N: ?Sized> fmt::Debug for Child<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child").finish_non_exhaustive()
    }
}
