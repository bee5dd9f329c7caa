use crate::fixture::{Program, assert_told, fixture};

#[test]
fn the_programs_hook_sees_the_panics_of_new_code() {
    let told = fixture().run(Program::System, "panics");
    assert_told(
        &told,
        r#"
          the hook set before sees "number 1 in the first edition" in lib.rs, line known: true, on thread Some("main")
        caught Some("number 1 in the first edition")
          the hook set after sees "number 2 in the first edition" in lib.rs, line known: true, on thread Some("main")
        caught Some("number 2 in the first edition")
          the hook set after sees "number 3 in the first edition" in lib.rs, line known: true, on thread Some("main")
        caught Some("number 3 in the first edition")
        a hook around the hook
          around
          the hook set after sees "number 4 in the first edition" in lib.rs, line known: true, on thread Some("main")
        caught Some("number 4 in the first edition")
          around
          the hook set after sees "number 5 in the second edition" in lib.rs, line known: true, on thread Some("main")
        caught Some("number 5 in the second edition")
        of the program
          around
          the hook set after sees "program" in panics.rs, line known: true, on thread Some("main")
        while the program unwinds
          around
          the hook set after sees "unwinds" in panics.rs, line known: true, on thread Some("main")
          around
          the hook set after sees "number 6 in the second edition" in lib.rs, line known: true, on thread Some("main")
        caught Some("number 6 in the second edition")
        a hook that panics
          sees "number 7 in the second edition"
          sees "in the hook, caught"
          sees "in the hook"
        caught Some("number 7 in the second edition")
          sees "number 8 in the second edition"
        caught Some("number 8 in the second edition")
        "#,
    );
}

#[test]
fn a_hook_that_is_set_while_threads_panic_is_not_lost() {
    let told = fixture().run(Program::System, "panics-and-hooks");
    assert_told(
        &told,
        "
        the last hook was used: true
        ",
    );
}
