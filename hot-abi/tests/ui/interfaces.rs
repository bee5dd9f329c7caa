//! What `#[hot_trait]` says.

use hot_abi::hot_trait;

#[hot_trait]
struct NotATrait;

#[hot_trait(save)]
trait WithArguments {}

#[hot_trait]
trait Generic<'a, T, const N: usize> {}

#[hot_trait]
trait Whered
where
    Self: Send,
{
}

#[hot_trait]
trait Short<'a>: 'a {}

#[hot_trait]
trait Items {
    const WIDTH: u32;
    type Canvas;
    paste! {}
}

#[hot_trait]
trait Methods {
    async fn asynchronous(&self);
    fn generic<T, const N: usize>(&self, value: [T; N]);
    fn consuming(self);
    fn associated() -> u32;
    fn counted(self: std::rc::Rc<Self>);
    fn any(&self, value: impl Copy);
    fn some(&self) -> impl Copy;
    fn attributed(&self, #[allow(unused)] value: u8);
    fn compare(&self, other: &Self) -> Option<Self>;
}

fn main() {}
