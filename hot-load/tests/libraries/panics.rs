use crate::fixture::{Program, assert_told, ended, fixture};

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

#[test]
fn calls_that_panic_are_answered_by_the_last_good_library() {
    let told = fixture().run(Program::System, "panics-answered");
    assert_told(
        &told,
        r#"
        a function
        second
          `scene::panics::answer` of generation 2 panicked: the second edition fails; place known, backtrace known, in probation; the call is answered by generation 1
        first
        first
        nodes, made by the program and by new code
        second, touched 1 times
          `vase` of generation 2 panicked: the vase of the second edition breaks; place known, backtrace known, in probation; the call is answered by generation 1
        first, touched 3 times
        first, touched 4 times
        second, touched 1 times
          `vase` of generation 2 panicked: the vase of the second edition breaks; place known, backtrace known, in probation; the call is answered by generation 1
        first, touched 3 times
        first, touched 4 times
        first, crushed
        first, crushed
        the second edition failed: true
        a constructor
          `vase` of generation 3 panicked: the second edition makes no vase; place known, backtrace known, in probation; the call is answered by generation 1
        first, crushed
        first, crushed
        by value
          `vase` of generation 4 panicked: the vase of the second edition cannot be crushed; place known, backtrace known, in probation; the call is answered by generation 1
        first, crushed
        every edition
          `scene::panics` of generation 4 panicked: number 7 in the second edition; place known, backtrace known, in probation; the call is answered by generation 1
          `scene::panics` of generation 1 panicked: number 7 in the first edition; place known, backtrace known, in probation; the call is answered by the code linked into the program
        caught Some("number 7 in the first edition")
        "#,
    );
}

#[test]
fn panics_of_the_program_pass_through_libraries() {
    let told = fixture().run(Program::System, "panics-passing");
    assert_told(
        &told,
        r#"
        through a function
          local 1 of the program is dropped, while it panics: true, while new code does: false
          a local of new code is dropped, while new code panics: true
        caught of the program, number 1; afterwards the program panics: false, new code: false
        through program and new code in turns
          local 2 of the program is dropped, while it panics: true, while new code does: false
          a local of new code is dropped, while new code panics: true
          a local of new code is dropped, while new code panics: true
          a local of new code is dropped, while new code panics: true
        caught of the program, number 2; afterwards the program panics: false, new code: false
        through a node
          local 3 of the program is dropped, while it panics: true, while new code does: false
        caught of the program, number 3; afterwards the program panics: false, new code: false
        caught between
          local 4 of the program is dropped, while it panics: true, while new code does: false
          a local of new code is dropped, while new code panics: true
        caught of the program, number 4; afterwards the program panics: false, new code: false
          a local of new code is dropped, while new code panics: false
        caught by new code
        [true, true, false], the program panics: false
        new code panics in a callback of new code
          `scene::panics::answer` of generation 2 panicked: the second edition fails; place known, backtrace known, in probation; the panic goes on in the caller
          a local of new code is dropped, while new code panics: true
        caught text Some("the second edition fails")
        on many threads, often
        the second edition failed: true
        "#,
    );
}

#[test]
fn panics_go_on_in_the_runtime_of_the_code_that_called() {
    let told = fixture().run(Program::System, "panics-caught");
    assert_told(
        &told,
        r#"
        in the program
          `vase` of generation 2 panicked: the vase of the second edition breaks; place known, backtrace known, in probation; the panic goes on in the caller
        caught text Some("the vase of the second edition breaks")
          `vase` of generation 2 panicked: the vase of the second edition breaks; place known, backtrace known, in probation; the panic goes on in the caller
        caught text Some("the vase of the second edition breaks")
        in code of the first edition
          `scene::panics::answer` of generation 2 panicked: the second edition fails; place known, backtrace known, in probation; the panic goes on in the caller
          `vase` of generation 2 panicked: the vase of the second edition breaks; place known, backtrace known, in probation; the panic goes on in the caller
          `scene::panics::answer` of generation 2 panicked: the second edition fails; place known, backtrace known, in probation; the panic goes on in the caller
        caught Some("the second edition fails")
        caught Some("the vase of the second edition breaks")
        caught Some("the second edition fails")
        a shared node that is not the caller's alone
          `shelf` of generation 2 panicked: a shared node is called by `&mut self`, and the code that made it keeps a handle of it; place known, backtrace known, in probation; the panic goes on in the caller
        caught text Some("a shared node is called by `&mut self`, and the code that made it keeps a handle of it")
        an argument of a stand-in that new code made
        caught text Some("it breaks when it is cloned")
        first, touched 1 times
        where a thread of the program ends
          `vase` of generation 4 panicked: the vase of the second edition breaks; place known, backtrace known, in probation; the panic goes on in the caller
        caught text Some("the vase of the second edition breaks")
        "#,
    );
}

#[test]
fn what_a_library_handed_out_may_panic_where_the_program_calls_it() {
    let told = fixture().run(Program::System, "panics-handed-out");
    assert_told(
        &told,
        r#"
        a closure
          a local of what was handed out is dropped, while new code panics: true
          `a closure or an object` of generation 1 panicked: closure 1 of the first edition; place known, backtrace known, in probation; the panic goes on in the caller
        caught text Some("closure 1 of the first edition"); afterwards the program panics: false, new code: false
        the first edition failed: true
        a payload of another type
          `a closure or an object` of generation 1 panicked: (the panic's payload is no text); place known, backtrace known, in probation; the panic goes on in the caller
        caught text Some("(the panic's payload is no text)")
        an object that is dropped
          `a closure or an object` of generation 1 panicked: dropped, in the first edition; place known, backtrace known, in probation; the panic goes on in the caller
        caught text Some("dropped, in the first edition")
        a panic of the program that passes
          local 3 of the program is dropped, while it panics: true, while new code does: false
        caught of the program, number 3; afterwards the program panics: false, new code: false
        caught by the program between two calls of new code
          a local of what was handed out is dropped, while new code panics: true
          `a closure or an object` of generation 1 panicked: closure 4 of the first edition; place known, backtrace known, in probation; the panic goes on in the caller
        caught text Some("closure 4 of the first edition")
          a local of new code is dropped, while new code panics: false
        caught by the code of another edition
          a local of what was handed out is dropped, while new code panics: true
          `a closure or an object` of generation 1 panicked: closure 1 of the first edition; place known, backtrace known, in probation; the panic goes on in the caller
          a local of what was handed out is dropped, while new code panics: true
          `a closure or an object` of generation 1 panicked: closure 2 of the first edition; place known, backtrace known, in probation; the panic goes on in the caller
        [true, true, false]
        destructors of the program that ask whether it panics
          a local of what was handed out is dropped, while new code panics: true
          `a closure or an object` of generation 1 panicked: closure 8 of the first edition; place known, backtrace known, in probation; the panic goes on in the caller
        caught text Some("closure 8 of the first edition"); the lock is poisoned: true, afterwards the program panics: false
        and where new code contains the panic
          a local of what was handed out is dropped, while new code panics: true
          a local of new code is dropped, while new code panics: true
          `a closure or an object` of generation 1 panicked: closure 9 of the first edition; place known, backtrace known, in probation; the panic goes on in the caller
        caught text Some("closure 9 of the first edition"); the lock is poisoned: true, afterwards the program panics: false, new code: false
        what the program caught goes on
          a local of what was handed out is dropped, while new code panics: true
          `a closure or an object` of generation 1 panicked: closure 5 of the first edition; place known, backtrace known, in probation; the panic goes on in the caller
        caught text Some("closure 5 of the first edition")
        where a thread of the program ends
          a local of what was handed out is dropped, while new code panics: true
          `a closure or an object` of generation 1 panicked: closure 6 of the first edition; place known, backtrace known, in probation; the panic goes on in the caller
        caught text Some("closure 6 of the first edition")
        where a scope of threads ends
          a local of what was handed out is dropped, while new code panics: true
          `a closure or an object` of generation 2 panicked: closure 7 of the second edition; place known, backtrace known, in probation; the panic goes on in the caller
        afterwards
        second
        "#,
    );
}

#[test]
fn what_a_library_handed_out_ends_the_program_only_as_a_panic_of_its_own_would() {
    let libraries = [fixture().library("first"), fixture().library("second")];
    let mut command = fixture().command(Program::System, "panics-in-main", &libraries);
    let output = ended(&mut command);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(101), "{stderr}");
    assert!(!stderr.contains("foreign exceptions"), "{stderr}");
}
