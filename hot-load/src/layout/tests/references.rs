//! Types of one layout that speak of other references.

use super::*;
use crate::layout::compare;

const LENT: &str = r#"
pub struct Lent<'a> { text: &'a str }
pub trait Named { fn named(&self) -> &'static str; }
pub struct Rose { text: String }
impl Named for Rose { fn named(&self) -> &'static str { "rose" } }
#[used]
static __HOT_LAYOUT: ItemLayout<9, (for<'a, 'b> fn(&'a Lent<'b>, &'a dyn Named),)> = ItemLayout(0, PhantomData);
#[unsafe(no_mangle)]
pub fn lends(lent: &Lent<'_>) -> Box<dyn Named> { Box::new(Rose { text: lent.text.to_owned() }) }
"#;

/// What is told of the item, where this is replaced in the sources of the library.
fn told_of(name: &str, from: &str, to: &str) -> Vec<String> {
    let head = &SCENE[..SCENE.find("pub struct World").expect("it is there")];
    let old = head.to_owned() + LENT;
    assert!(old.contains(from), "{from}");
    let new = old.replace(from, to);
    let layouts = |file: &str, source: &str| {
        let library = compile(FIXTURE.folder.path(), file, source, &["-g"]);
        read(&library).expect("it has layouts")
    };
    let (program, library) = (
        layouts(&format!("{name}_old"), &old),
        layouts(&format!("{name}_new"), &new),
    );
    const CRATES: &str = "cfg=unix\ndependencies=\n";
    let (own, other) = (Origin::of_text(&old, CRATES), Origin::of_text(&new, CRATES));
    let origins = Origins {
        program: Some(&own),
        library: Some(&other),
    };
    let item = |layouts: &Layouts| layouts.crossing.items[&9];
    let found = compare::differences(
        (&program.crossing.graph, item(&program)),
        (&library.crossing.graph, item(&library)),
        origins,
        &Conflicts::default(),
    );
    lines(&found)
}

#[test]
fn a_reference_that_lives_longer_is_another_type() {
    assert_eq!(
        told_of("body", "text.to_owned()", "text.to_uppercase()"),
        [""; 0]
    );
    let told = told_of(
        "lent",
        "text: &'a str }",
        "text: &'static str, of: PhantomData<&'a ()> }",
    );
    assert!(
        told.iter().any(|line| line.contains("scene::Lent")),
        "{told:#?}"
    );
    let told = told_of(
        "swapped",
        "struct Lent<'a> { text: &'a str }",
        "struct Lent<'a> where 'a: 'static { text: &'a str }",
    );
    assert_eq!(
        told,
        [
            "`scene::Lent`: the program has the references that it was built with, the new code other references, or \
          others that live as long: `Lent` is written differently; restart the program to use it"
        ]
    );
}

#[test]
fn a_method_that_lends_what_it_gave_before_is_another_one() {
    let told = told_of(
        "gave",
        "fn named(&self) -> &'static str; }\npub struct Rose { text: String }\nimpl Named for Rose { fn named(&self) -> &'static str { \"rose\" } }",
        "fn named(&self) -> &str; }\npub struct Rose { text: String }\nimpl Named for Rose { fn named(&self) -> &str { &self.text } }",
    );
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(
        told[0].contains("`Named` is written differently"),
        "{told:#?}"
    );
}
