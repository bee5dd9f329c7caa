//! The attributes, with an example for each: hot-macros, where they are written, cannot run one.
//!
//! Rustdoc puts what is said here in front of what hot-macros says.

/// Makes the crate a hot crate.
///
/// # Examples
///
/// ```edition2021,standalone_crate
/// // The root of the crate.
/// mod scene {
///     #[hot_abi::hot_fn]
///     pub fn title() -> &'static str {
///         "edit me"
///     }
/// }
///
/// hot_abi::hot_entry!();
///
/// fn main() {
///     assert_eq!(scene::title(), "edit me");
/// }
/// ```
///
/// # Details
///
pub use hot_macros::hot_entry;

/// Makes every call of a function run the newest code.
///
/// # Examples
///
/// ```standalone_crate
/// use hot_abi::{hot_entry, hot_fn};
/// hot_entry!();
///
/// #[derive(Default)]
/// pub struct World {
///     x: f32,
///     log: Vec<String>,
/// }
///
/// #[hot_fn]
/// pub fn step(world: &mut World, dt: f32) {
///     world.x += 10.0 * dt; // edit me
/// }
///
/// #[hot_fn]
/// impl World {
///     pub fn last(&self) -> Option<&str> {
///         self.log.last().map(String::as_str)
///     }
///
///     #[hot_fn(skip)] // generic, so it cannot be hot
///     pub fn note(&mut self, what: impl Into<String>) {
///         self.log.push(what.into());
///     }
/// }
///
/// #[hot_fn]
/// pub async fn greet(name: &str) -> String {
///     format!("hello {name}")
/// }
///
/// fn main() {
///     let mut world = World::default();
///     step(&mut world, 0.5);
///     world.note("stepped");
///     assert_eq!((world.x, world.last()), (5.0, Some("stepped")));
///
///     let mut greeting = std::pin::pin!(greet("ada"));
///     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
///     let greeting = greeting.as_mut().poll(&mut context);
///     assert_eq!(greeting, std::task::Poll::Ready("hello ada".to_owned()));
/// }
/// ```
///
/// # Details
///
pub use hot_macros::hot_fn;

/// Makes what a function returns a node, which is made again on each reload.
///
/// # Examples
///
/// ```edition2021,standalone_crate
/// use hot_abi::{Child, hot_entry, hot_node, hot_trait};
/// hot_entry!();
///
/// #[hot_trait]
/// pub trait Panel: Send {
///     fn draw(&mut self) -> String;
/// }
///
/// struct Label {
///     text: String,
/// }
///
/// impl Panel for Label {
///     fn draw(&mut self) -> String {
///         self.text.clone()
///     }
/// }
///
/// #[hot_node]
/// pub fn label(text: impl Into<String>) -> Box<dyn Panel> {
///     Box::new(Label { text: text.into() })
/// }
///
/// struct Frame {
///     inside: Child<dyn Panel>,
/// }
///
/// impl Panel for Frame {
///     fn draw(&mut self) -> String {
///         format!("[{}]", self.inside.lock().draw())
///     }
/// }
///
/// // When the frame is made again, what is inside stays.
/// #[hot_node("frame around a panel")]
/// pub fn frame(inside: impl Into<Child<dyn Panel>>) -> Box<dyn Panel> {
///     Box::new(Frame { inside: inside.into() })
/// }
///
/// fn main() {
///     let mut panel = frame(label("hello"));
///     assert_eq!(panel.draw(), "[hello]");
/// }
/// ```
///
/// # Details
///
pub use hot_macros::hot_node;

/// Makes a trait an interface of nodes.
///
/// # Examples
///
/// ```edition2021,standalone_crate
/// use hot_abi::{hot_entry, hot_node, hot_trait};
/// use std::fmt::Display;
/// use std::sync::Arc;
/// hot_entry!();
///
/// #[hot_trait]
/// pub trait Named {
///     fn name(&self) -> &str;
/// }
///
/// #[hot_trait]
/// pub trait Gauge: Named + Display + Send + Sync {
///     fn value(&self) -> f64;
///
///     fn is_low(&self) -> bool {
///         self.value() < 10.0
///     }
///
///     fn map<T>(&self, f: impl Fn(f64) -> T) -> T
///     where
///         Self: Sized, // generic, so it is kept out of `dyn Gauge`
///     {
///         f(self.value())
///     }
/// }
///
/// struct Fuel(f64);
///
/// impl Named for Fuel {
///     fn name(&self) -> &str {
///         "fuel"
///     }
/// }
///
/// impl Gauge for Fuel {
///     fn value(&self) -> f64 {
///         self.0
///     }
/// }
///
/// impl Display for Fuel {
///     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
///         write!(f, "{} l", self.0)
///     }
/// }
///
/// #[hot_node]
/// pub fn fuel(litres: f64) -> Arc<dyn Gauge> {
///     Arc::new(Fuel(litres))
/// }
///
/// fn main() {
///     let gauge = fuel(7.5);
///     assert_eq!((gauge.name(), gauge.is_low()), ("fuel", true));
///     assert_eq!(gauge.to_string(), "7.5 l");
/// }
/// ```
///
/// # Details
///
pub use hot_macros::hot_trait;

/// Makes a function run before its generation is left for a newer one.
///
/// # Examples
///
/// ```standalone_crate
/// use hot_abi::{hot_entry, hot_leave};
/// hot_entry!();
///
/// #[hot_leave]
/// fn stop_threads() {
///     // Newer code takes over: end the threads that run this generation's.
/// }
///
/// fn main() {}
/// ```
///
/// # Details
///
pub use hot_macros::hot_leave;

/// Makes a function run after its generation has become the live one.
///
/// # Examples
///
/// ```standalone_crate
/// use hot_abi::{hot_enter, hot_entry};
/// hot_entry!();
///
/// #[hot_enter]
/// fn start_threads() {
///     // This generation's code is the live one now.
/// }
///
/// fn main() {}
/// ```
///
/// # Details
///
pub use hot_macros::hot_enter;

pub use hot_macros::HotState;

/// The README's examples are tested as well.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
