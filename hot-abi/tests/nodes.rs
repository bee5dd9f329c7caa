//! Every shape that a node and its interface may have, used as a caller uses it. With the `reload`
//! feature and without it these are the same nodes.

// What a careful crate may ask of its own code must hold for the generated code, too.
#![deny(
    warnings,
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    unsafe_op_in_unsafe_fn
)]

use hot_abi::{Child, hot_entry, hot_node, hot_trait};
use std::fmt::{self, Debug, Display};
use std::path::{Path, PathBuf};
use std::sync::Arc;

hot_entry!();

/// Something with a width.
#[hot_trait]
pub trait Widget: Send + Debug {
    /// Its width.
    fn width(&self) -> u32;

    /// A method whose name the generated code uses, too.
    fn name(&self) -> String {
        format!("{self:?}")
    }

    /// Another such.
    fn get(self: Box<Self>) -> u32;
}

/// All kinds of methods.
#[hot_trait]
pub trait Panel: Widget {
    /// A result that borrows from `self`.
    fn title(&self) -> &str;

    /// The same, mutably.
    fn title_mut(&mut self) -> &mut String;

    /// A result that borrows from an argument.
    fn pick<'a>(&self, left: &'a str, _: &str) -> &'a str;

    /// Arguments by pattern, and a result by convention.
    #[expect(clippy::needless_arbitrary_self_type, reason = "it is legal")]
    fn shift(self: &mut Self, by: i32, times: usize) -> Result<(), String>;

    /// A closure.
    fn visit(&mut self, visit: &mut dyn FnMut(&str));

    /// By value.
    fn close(self: Box<Self>) -> String;

    /// # Safety
    ///
    /// None is needed.
    unsafe fn danger(&mut self) -> u8;

    /// Provided, and overridden by the node below.
    #[must_use]
    fn overridden(&self) -> &'static str {
        "the trait's"
    }

    /// Provided.
    fn provided(&self) -> &'static str {
        "the trait's"
    }

    /// Not compiled.
    #[cfg(any())]
    fn never_compiled(&self) -> Missing;

    /// Kept out of `dyn Panel`.
    fn map<T>(self, f: impl FnOnce(Self) -> T) -> T
    where
        Self: Sized,
    {
        f(self)
    }
}

#[derive(Debug)]
struct Sidebar {
    title: String,
    width: u32,
}

impl Widget for Sidebar {
    fn width(&self) -> u32 {
        self.width
    }

    fn get(self: Box<Self>) -> u32 {
        self.width
    }
}

impl Panel for Sidebar {
    fn title(&self) -> &str {
        &self.title
    }

    fn title_mut(&mut self) -> &mut String {
        &mut self.title
    }

    fn pick<'a>(&self, left: &'a str, _: &str) -> &'a str {
        left
    }

    fn shift(&mut self, by: i32, mut times: usize) -> Result<(), String> {
        while times > 0 {
            let width = self.width.checked_add_signed(by);
            self.width = width.ok_or_else(|| "too far".to_owned())?;
            times -= 1;
        }
        Ok(())
    }

    fn visit(&mut self, visit: &mut dyn FnMut(&str)) {
        visit(&self.title);
    }

    fn close(self: Box<Self>) -> String {
        self.title
    }

    unsafe fn danger(&mut self) -> u8 {
        3
    }

    fn overridden(&self) -> &'static str {
        "the node's"
    }
}

/// A panel.
#[hot_node]
pub fn sidebar(title: impl Into<String>, mut width: u32, _: [u8; 2]) -> Box<dyn Panel> {
    width += 1;
    let title = title.into();
    Box::new(Sidebar { title, width })
}

#[test]
fn every_kind_of_method_reaches_the_node() {
    let mut panel = sidebar("first", 3, [0, 0]);
    assert_eq!(panel.title(), "first");
    panel.title_mut().push_str(" title");
    assert_eq!(panel.title(), "first title");
    let left = "left".to_owned();
    let picked = panel.pick(&left, &String::from("right"));
    assert_eq!(picked, "left");
    assert_eq!(panel.shift(-1, 2), Ok(()));
    assert_eq!(panel.shift(-9, 1), Err("too far".to_owned()));
    assert_eq!(panel.width(), 2);
    let mut seen = Vec::new();
    panel.visit(&mut |title| seen.push(title.to_owned()));
    assert_eq!(seen, ["first title"]);
    // SAFETY: nothing is needed.
    assert_eq!(unsafe { panel.danger() }, 3);
    assert_eq!(
        (panel.overridden(), panel.provided()),
        ("the node's", "the trait's")
    );
    assert_eq!(
        panel.name(),
        r#"Sidebar { title: "first title", width: 2 }"#
    );
    assert_eq!(format!("{panel:?}"), panel.name());
    assert_eq!(panel.close(), "first title");
    assert_eq!(sidebar("second", 4, [0, 0]).get(), 5);
    let sized = Sidebar {
        title: String::new(),
        width: 1,
    };
    assert_eq!(sized.map(|sidebar| sidebar.width()), 1);
}

#[test]
fn a_node_that_may_be_sent_is_sent() {
    let panel = sidebar(String::from("sent"), 0, [0, 0]);
    let title = std::thread::spawn(move || panel.title().to_owned());
    assert_eq!(title.join().unwrap(), "sent");
}

/// A reading that many can look at.
#[hot_trait]
pub trait Gauge: Send + Sync + Display + 'static {
    /// The value.
    fn value(&self) -> f64;
}

struct Constant(f64);

impl Gauge for Constant {
    fn value(&self) -> f64 {
        self.0
    }
}

impl Display for Constant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} V", self.0)
    }
}

#[hot_node]
fn gauge(value: f64) -> Arc<dyn Gauge> {
    Arc::new(Constant(value))
}

/// The second of two nodes whose functions have one name.
mod other {
    use super::{Constant, Gauge};
    use hot_abi::hot_node;

    #[hot_node("gauge (other)")]
    pub(super) fn gauge() -> Box<dyn Gauge> {
        Box::new(Constant(2.0))
    }

    #[hot_node]
    #[cfg(any())]
    pub(super) fn gauge() -> Missing {}

    #[hot_node("gauge of the third kind")]
    #[deprecated(note = "old")]
    #[must_use]
    pub(super) fn old(_: (), _: u8) -> Box<dyn Gauge> {
        Box::new(Constant(3.0))
    }
}

#[test]
fn a_shared_node_is_shared() {
    let shared = gauge(1.5);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || shared.value())
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), 1.5);
    }
    assert_eq!(shared.to_string(), "1.5 V");
    #[allow(deprecated)]
    let old = other::old((), 1);
    assert_eq!((other::gauge().value(), old.value()), (2.0, 3.0));
}

/// Nodes that are written by a macro.
mod generated {
    use super::{Everything, Told};

    macro_rules! nodes {
        ($($name:ident($argument:ident: $ty:ty) -> $result:ty = $text:expr;)+) => {$(
            #[hot_abi::hot_node]
            pub(super) fn $name($argument: $ty) -> $result {
                let text: String = $argument.into();
                Box::new(Told(format!("{}{text}", $text)))
            }
        )+};
    }

    nodes! {
        one(x: &'static str) -> Box<dyn Everything> = "one ";
        two(y: impl Into<String>) -> Box<dyn Everything> = "two ";
    }

    #[test]
    fn macros_write_nodes() {
        assert_eq!(one("x").tell(), "one x");
        assert_eq!(two("y").tell(), "two y");
    }
}

/// All that an argument may be.
#[hot_trait]
trait Everything {
    fn tell(&mut self) -> String;
}

struct Told(String);

impl Everything for Told {
    fn tell(&mut self) -> String {
        std::mem::take(&mut self.0)
    }
}

fn double(x: u32) -> u32 {
    2 * x
}

#[hot_node]
#[expect(clippy::too_many_arguments, reason = "one of each kind")]
fn everything(
    path: PathBuf,
    from_path: impl Into<PathBuf>,
    array: [u8; 2],
    tuple: (char, bool),
    function: fn(u32) -> u32,
    by_reference: fn(&str) -> &str,
    text: &'static str,
    shared: Arc<str>,
    list: Vec<Option<String>>,
) -> Box<dyn Everything> {
    let from_path = from_path.into();
    Box::new(Told(format!(
        "{path:?} {from_path:?} {array:?} {tuple:?} {} {} {text} {shared} {list:?}",
        function(4),
        by_reference(" t "),
    )))
}

#[hot_node]
fn nothing() -> Box<dyn Everything> {
    Box::new(Told("nothing".to_owned()))
}

#[test]
fn every_kind_of_argument_arrives() {
    let mut node = everything(
        PathBuf::from("a"),
        Path::new("b"),
        [1, 2],
        ('c', true),
        double,
        str::trim,
        "text",
        "shared".into(),
        vec![None, Some("d".to_owned())],
    );
    assert_eq!(
        node.tell(),
        r#""a" "b" [1, 2] ('c', true) 8 t text shared [None, Some("d")]"#
    );
    assert_eq!(nothing().tell(), "nothing");
}

#[derive(Debug)]
struct Frame {
    child: Child<dyn Panel>,
}

impl Widget for Frame {
    fn width(&self) -> u32 {
        self.child.lock().width() + 2
    }

    fn get(self: Box<Self>) -> u32 {
        self.width()
    }
}

#[hot_node]
fn frame(child: impl Into<Child<dyn Panel>>) -> Box<dyn Widget> {
    let child = child.into();
    Box::new(Frame { child })
}

#[test]
fn a_node_is_an_argument_of_another() {
    let framed = frame(sidebar("child", 5, [0, 0]));
    assert_eq!(framed.width(), 8);
}

mod elsewhere {
    //! An interface whose supertraits are interfaces of another module.

    use super::{Gauge, Panel, Sidebar, Widget};
    use hot_abi::{hot_node, hot_trait};
    use std::fmt;

    #[hot_trait]
    pub(crate) trait Both: Panel + Gauge {
        fn both(&self) -> (u32, f64);
    }

    #[derive(Debug)]
    struct Metered(Sidebar);

    impl Widget for Metered {
        fn width(&self) -> u32 {
            self.0.width
        }
        fn get(self: Box<Self>) -> u32 {
            self.0.width
        }
    }

    impl Panel for Metered {
        fn title(&self) -> &str {
            self.0.title()
        }
        fn title_mut(&mut self) -> &mut String {
            self.0.title_mut()
        }
        fn pick<'a>(&self, left: &'a str, right: &str) -> &'a str {
            self.0.pick(left, right)
        }
        fn shift(&mut self, by: i32, times: usize) -> Result<(), String> {
            self.0.shift(by, times)
        }
        fn visit(&mut self, visit: &mut dyn FnMut(&str)) {
            self.0.visit(visit);
        }
        fn close(self: Box<Self>) -> String {
            self.0.title
        }
        unsafe fn danger(&mut self) -> u8 {
            4
        }
    }

    impl Gauge for Metered {
        fn value(&self) -> f64 {
            f64::from(self.0.width)
        }
    }

    impl fmt::Display for Metered {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(&self.0.title)
        }
    }

    impl Both for Metered {
        fn both(&self) -> (u32, f64) {
            (self.width(), self.value())
        }
    }

    #[hot_node]
    pub(crate) fn metered(width: u32) -> Box<dyn Both> {
        let title = "metered".to_owned();
        Box::new(Metered(Sidebar { title, width }))
    }
}

#[test]
fn supertraits_reach_the_node() {
    let mut node = elsewhere::metered(6);
    assert_eq!(node.shift(1, 1), Ok(()));
    assert_eq!(node.both(), (7, 7.0));
    assert_eq!(
        (node.title(), node.to_string().as_str()),
        ("metered", "metered")
    );
    let panel: Box<dyn Panel> = node;
    assert_eq!(panel.close(), "metered");
}
