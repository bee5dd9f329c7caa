//! Optimised code, which works on variables without loading their addresses.

use crate::game::{Game, SCENE};

/// Work on variables of many sizes, in many ways.
const WORK: &str = r#"
static mut BYTE: u8 = 250;
static mut HALF: u16 = 1;
static mut LONG: u64 = 1;
static mut REAL: f64 = 0.5;
static mut ROW: [u32; 4] = [0; 4];
static mut SIGNED: i32 = -1;
static mut HOOK: fn(u32, u32) -> u32 = added;

fn added(one: u32, other: u32) -> u32 {
    one + other
}

fn multiplied(one: u32, other: u32) -> u32 {
    one * other
}

#[inline(never)]
fn hooked(one: u32, other: u32) -> u32 {
    unsafe { HOOK(one, other) }
}

#[inline(never)]
fn hooked_and_more(one: u32, other: u32) -> u32 {
    let first = unsafe { HOOK(one, other) };
    unsafe { HOOK = multiplied };
    first + 1
}

#[inline(never)]
fn count(by: u8) -> u32 {
    static IN_FUNCTION: AtomicU32 = AtomicU32::new(0);
    IN_FUNCTION.fetch_add(u32::from(by), Ordering::SeqCst) + u32::from(by)
}

#[unsafe(no_mangle)]
pub extern "C-unwind" fn hot_entry_more(out: &mut String) {
    let many = out.len() as u64 + 3;
    unsafe {
        BYTE = BYTE.wrapping_add(many as u8);
        HALF = HALF.rotate_left(1) | 0x100;
        LONG = (LONG << 1).wrapping_mul(many);
        REAL += many as f64;
        for (place, field) in (&mut *(&raw mut ROW)).iter_mut().enumerate() {
            *field += place as u32;
        }
        if SIGNED < 0 { SIGNED = 1000; } else { SIGNED -= 1; }
        if BYTE == 253 { LONG |= 1 << 40; }
        let (byte, half, long, real, row, signed) = (BYTE, HALF, LONG, REAL, *(&raw const ROW), SIGNED);
        write!(out, "one {byte} {half} {long} {real} {row:?} {signed} {} {} {}", count(2), hooked_and_more(20, 3), hooked(20, 3)).unwrap();
    }
}
"#;

#[test]
fn optimised_code_uses_the_variables_of_the_program() {
    for level in ["1", "2", "3", "\"s\""] {
        let name = format!("thin_level_{}", level.trim_matches('"'));
        let profile = format!("[profile.dev.package.{name}_scene]\nopt-level = {level}\n");
        let game = Game::new(&name, &profile);
        let mut running = game.run();
        assert_eq!(running.says("call"), "one 1 1 1 1 red 1 1", "{level}");
        game.edit("scene/src/lib.rs", "\"one ", "\"two ");
        assert_eq!(running.says("build"), "thin cargo+record+link", "{level}");
        assert_eq!(running.says("call"), "two 2 2 2 2 red 2 2", "{level}");
        assert_eq!(running.says("panic"), "dropped, caught", "{level}");

        game.append("scene/src/lib.rs", WORK);
        assert_eq!(running.says("build"), "thin plan+compile+link", "{level}");
        let first = running.says("call more");
        assert_eq!(
            first, "one 253 258 1099511627782 3.5 [0, 1, 2, 3] 1000 2 24 60",
            "{level}"
        );
        game.edit("scene/src/lib.rs", "\"one {byte}", "\"two {byte}");
        assert_eq!(running.says("build"), "thin plan+compile+link", "{level}");
        let second = running.says("call more");
        assert_eq!(
            second, "two 0 772 6597069766692 6.5 [0, 2, 4, 6] 999 4 61 60",
            "{level}"
        );
        assert_eq!(running.says("call"), "two 3 3 3 3 red 3 3", "{level}");
        assert_eq!(
            running.says("call in a thread"),
            "two 4 4 1 1 red 4 1",
            "{level}"
        );
    }
}

/// An instruction that uses both a variable and the stack.
const PUSHED: &str = r#"
static mut PUSHED: u64 = 7;

fn pushed() -> u64 {
    let pushed: u64;
    unsafe {
        std::arch::asm!("push qword ptr [rip + {place}]", "pop {pushed}", place = sym PUSHED, pushed = out(reg) pushed);
        PUSHED += 1;
    }
    pushed
}
"#;

#[test]
fn code_that_cannot_be_led_is_built_in_full() {
    let scene = SCENE.replace("\"one {calls}", "\"{} one {calls}");
    let scene = scene.replace(" {brush}\", ", " {brush}\", pushed(), ") + PUSHED;
    let game = Game::with_files("thin_pushed", "", &[("scene/src/lib.rs", &scene)]);
    let mut running = game.run();
    assert_eq!(running.says("call"), "7 one 1 1 1 1 red 1 1");
    game.edit("scene/src/lib.rs", "one {calls}", "two {calls}");
    let says = running.says("build");
    assert!(says.starts_with("full "), "{says}");
    assert!(says.contains("UnreachableStatic"), "{says}");
    assert_eq!(running.says("call"), "7 two 1 1 1 1 red 1 1");
}

#[test]
fn a_variable_that_new_code_only_reads_is_no_constant() {
    let name = "thin_folded";
    let profile = format!("[profile.dev.package.{name}_scene]\nopt-level = 3\n");
    let scene = SCENE.replace("\"one {calls}", "\"{} one {calls}");
    let scene = scene.replace(" {brush}\", ", " {brush}\", unsafe { TALLY += 1; TALLY }, ");
    let scene = scene + "static mut TALLY: u64 = 7;\n";
    let game = Game::with_files(name, &profile, &[("scene/src/lib.rs", &scene)]);
    let mut running = game.run();
    assert_eq!(running.says("call"), "8 one 1 1 1 1 red 1 1");
    game.edit("scene/src/lib.rs", "one {calls}", "two {calls}");
    assert_eq!(running.says("build"), "thin cargo+record+link");
    assert_eq!(running.says("call"), "9 two 2 2 2 2 red 2 2");
    game.edit("scene/src/lib.rs", "TALLY += 1;", "");
    let says = running.says("build");
    assert!(says.starts_with("full "), "{says}");
    assert!(
        says.contains("UnreachableStatic") && says.contains("TALLY"),
        "{says}"
    );
}
