use crate::fixture::{Program, assert_told, fixture};

/// Logger and level are set after the library was loaded, and changed; a message that panics and a logger
/// that panics end where they began.
#[test]
fn new_code_logs_to_the_programs_logger_at_its_level() {
    let told = fixture().run(Program::System, "log");
    assert_told(
        &told,
        r#"
        before there is a logger
        level off
        level info, debug false
          INFO scene lib.rs scene: info from the first edition
        level debug, debug true
          INFO scene lib.rs scene: info from the first edition
          DEBUG scene lib.rs scene: debug from the first edition
          INFO scene lib.rs scene: info from the second edition
          DEBUG scene lib.rs scene: debug from the second edition
          INFO scene lib.rs scene: it is (the message panicked)
        caught Some("there are no words")
          INFO scene lib.rs scene: of poison
        caught Some("the logger panicked")
          INFO scene lib.rs scene: info from the second edition
          DEBUG scene lib.rs scene: debug from the second edition
        "#,
    );
}

/// The subscriber is set after the library was loaded; then its level changes, a thread has another one,
/// and a newer generation is live.
#[test]
fn new_code_traces_to_the_programs_subscriber_of_the_moment() {
    let told = fixture().run(Program::System, "tracing");
    assert_told(
        &told,
        r#"
        before there is a subscriber
        level info
          A new program in no span
          A enter program
          A new outer in program task="one" edition="first"
          A enter outer
          A INFO ["program", "outer"] message=begins
          A record outer result=7
          A new aside in outer
          A INFO ["program", "outer", "aside"] message=ends
          A enter outer
          A INFO ["program", "outer"] message=is still there
          A exit outer
          A close aside
          A exit outer
          A close outer
          A exit program
          A close program
        level debug
          A new outer in no span task="two" edition="first"
          A enter outer
          A INFO ["outer"] message=begins
          A new inner in outer task="two"
          A enter inner
          A DEBUG ["outer", "inner"] message=goes on depth=2
          A exit inner
          A record outer result=7
          A new aside in outer
          A aside follows inner
          A INFO ["outer", "aside"] message=ends
          A enter outer
          A INFO ["outer"] message=is still there
          A exit outer
          A close aside
          A close inner
          A exit outer
          A close outer
        another subscriber on this thread
          B knows scene::traced {task, edition, result}
          B knows scene::traced {message}
          B knows scene::traced {task}
          B knows scene::traced {message, depth}
          B knows scene::traced {}
          B knows scene::traced {message}
          B knows scene::traced {message}
          B new outer in no span task="three" edition="first"
          B enter outer
          B INFO ["outer"] message=begins
          B record outer result=7
          B new aside in outer
          B INFO ["outer", "aside"] message=ends
          B enter outer
          B INFO ["outer"] message=is still there
          B exit outer
          B close aside
          B exit outer
          B close outer
          A new outer in no span task="elsewhere" edition="first"
          A enter outer
          A INFO ["outer"] message=begins
          A record outer result=7
          A new aside in outer
          A INFO ["outer", "aside"] message=ends
          A enter outer
          A INFO ["outer"] message=is still there
          A exit outer
          A close aside
          A exit outer
          A close outer
        another generation
          A new outer in no span task="four" edition="second"
          A enter outer
          A INFO ["outer"] message=begins
          A record outer result=7
          A new aside in outer
          A INFO ["outer", "aside"] message=ends
          A enter outer
          A INFO ["outer"] message=is still there
          A exit outer
          A close aside
          A exit outer
          A close outer
        a value that panics
        caught Some("there are no words")
          A new outer in no span task="five" edition="second"
          A enter outer
          A INFO ["outer"] message=begins
          A record outer result=7
          A new aside in outer
          A INFO ["outer", "aside"] message=ends
          A enter outer
          A INFO ["outer"] message=is still there
          A exit outer
          A close aside
          A exit outer
          A close outer
        "#,
    );
}

/// The kept spans of the two subscribers have one number.
#[test]
fn a_span_stays_with_the_subscriber_that_made_it() {
    let told = fixture().run(Program::System, "tracing-kept-spans");
    assert_told(
        &told,
        r#"
          A new kept in no span name="of A"
          B new kept in no span name="of B"
        under no subscriber
          A enter kept
          A exit kept
          B enter kept
          B exit kept
        under another subscriber
          A enter kept
          C INFO [] message=in a kept span
          A exit kept
          B enter kept
          C INFO [] message=in a kept span
          B exit kept
        children
          A new child in kept
          A enter child
          A INFO ["kept", "child"] message=in a child
          A exit child
          A close child
          B new child in kept
          B enter child
          B INFO ["kept", "child"] message=in a child
          B exit child
          B close child
        closed under another subscriber
          A close kept
          B close kept
        "#,
    );
}
