//! The arguments of a node, as one pack that can be cloned for each new instance.

use std::any::type_name;
use std::fmt;

/// A type that can be an argument of a hot node: it is cloned for each new instance.
///
/// Implemented for everything that is `Clone + Send + 'static`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a hot node",
    label = "must be `Clone + Send + 'static`",
    note = "a node is made again on each reload, from clones of its arguments",
    note = "pass shared things as `Arc<T>`, and other nodes as `hot_abi::Child<dyn Trait>`"
)]
pub trait NodeArg: Clone + Send + 'static {}

impl<T: Clone + Send + 'static> NodeArg for T {}

/// What host and library compare of a type before one hands the other a value of it.
///
/// A `TypeId` says less than it seems to: it does not see the types of fields, and it changes with
/// the identity of the crate, as when a dependency is added. So the name and the shape are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeKey {
    /// The type's name, as `std::any::type_name` gives it.
    pub name: &'static str,
    /// Its size in bytes.
    pub size: usize,
    /// Its alignment in bytes.
    pub align: usize,
}

impl TypeKey {
    /// The key of `T`.
    pub fn of<T: 'static>() -> TypeKey {
        TypeKey {
            name: type_name::<T>(),
            size: size_of::<T>(),
            align: align_of::<T>(),
        }
    }
}

impl fmt::Display for TypeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` ({} bytes, aligned to {})",
            self.name, self.size, self.align
        )
    }
}

/// A node's arguments: a tuple whose type only the node itself knows.
pub struct Args {
    tuple: Box<dyn Pack>,
}

impl Args {
    /// Packs a tuple of arguments.
    pub fn new<T: NodeArg>(tuple: T) -> Args {
        Args {
            tuple: Box::new(tuple),
        }
    }

    /// The type that was packed.
    pub fn key(&self) -> TypeKey {
        self.tuple.key()
    }

    /// Unpacks the tuple.
    ///
    /// # Errors
    ///
    /// Gives the pack back if it does not hold a `T`.
    ///
    /// # Examples
    ///
    /// ```
    /// use hot_abi::args::Args;
    /// let args = Args::new(("title".to_owned(), 3));
    /// let (title, width): (String, i32) = args.clone().unpack().unwrap();
    /// assert_eq!((title.as_str(), width), ("title", 3));
    /// assert!(args.unpack::<(String, u64)>().is_err());
    /// ```
    pub fn unpack<T: NodeArg>(self) -> Result<T, Args> {
        if self.key() != TypeKey::of::<T>() {
            return Err(self);
        }
        let tuple: *mut dyn Pack = Box::into_raw(self.tuple);
        // SAFETY: the pointer comes from a box that held a value of the type named by the key, which
        // has the name, size and alignment of `T`; host and library were built by one compiler and
        // from one definition of `T` as far as these tell, and the box is not used again.
        let tuple = unsafe { Box::from_raw(tuple.cast::<T>()) };
        Ok(*tuple)
    }
}

impl Clone for Args {
    fn clone(&self) -> Self {
        Args {
            tuple: self.tuple.clone_pack(),
        }
    }
}

impl fmt::Debug for Args {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Args({})", self.key().name)
    }
}

/// The operations of a tuple whose type is not known.
trait Pack: Send {
    fn key(&self) -> TypeKey;
    fn clone_pack(&self) -> Box<dyn Pack>;
}

impl<T: NodeArg> Pack for T {
    fn key(&self) -> TypeKey {
        TypeKey::of::<T>()
    }

    fn clone_pack(&self) -> Box<dyn Pack> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn packs_of_arrays_tuples_paths_and_fn_pointers_come_back() {
        fn double(x: u32) -> u32 {
            2 * x
        }
        type Tuple = ([u8; 3], (char, bool), PathBuf, fn(u32) -> u32);
        let args = Args::new::<Tuple>(([1, 2, 3], ('a', true), PathBuf::from("p"), double));
        let (array, tuple, path, f) = args.clone().unpack::<Tuple>().unwrap();
        assert_eq!(
            (array, tuple, path, f(4)),
            ([1, 2, 3], ('a', true), PathBuf::from("p"), 8)
        );
        assert!(args.unpack::<()>().is_err());
    }

    #[test]
    fn the_key_says_what_was_packed() {
        assert_eq!(
            Args::new((1u8, 2u32)).key().to_string(),
            "`(u8, u32)` (8 bytes, aligned to 4)"
        );
    }
}
