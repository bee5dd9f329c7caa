//! Where the instructions of x86-64 begin and end, and which of them can be done elsewhere.
//!
//! Optimised code reads and writes a variable in the instruction that needs it, by its distance from there. To
//! lead such an instruction to a variable that is farther away, one has to know where it begins, what follows
//! the distance, and which registers it uses. Nothing else of it is of interest, so this knows lengths and
//! no meanings.

/// An instruction in a piece of code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instruction {
    pub(crate) start: usize,
    pub(crate) end: usize,
    map: Map,
    opcode: u8,
    /// The prefix for 64-bit operands and the registers from 8 on, and where it is.
    rex: Option<(u8, usize)>,
    /// Where the byte is that tells its operands.
    operands: Option<usize>,
    /// Whether a prefix changes where memory operands are.
    is_moved: bool,
}

/// The table that an opcode is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Map {
    /// One byte.
    One,
    /// After 0F.
    Two,
    /// After 0F 38.
    Three,
    /// After 0F 3A.
    ThreeWithByte,
    /// Of the vector extensions.
    Vector,
}

impl Instruction {
    /// The instruction that begins at `start`; `None` if there is none.
    pub(crate) fn at(code: &[u8], start: usize) -> Option<Self> {
        let mut at = start;
        let mut next = || {
            let byte = code.get(at).copied();
            at += 1;
            byte
        };
        let (mut short, mut is_moved, mut rex) = (false, false, None);
        let mut byte = next()?;
        let mut place = start;
        loop {
            match byte {
                0x66 => short = true,
                0x67 | 0x64 | 0x65 => is_moved = true,
                0xf0 | 0xf2 | 0xf3 | 0x2e | 0x36 | 0x3e | 0x26 => {}
                _ => break,
            }
            byte = next()?;
            place += 1;
        }
        if byte & 0xf0 == 0x40 {
            rex = Some((byte, place));
            byte = next()?;
        }
        let (map, table) = match byte {
            0x0f => match next()? {
                0x38 => (Map::Three, 2),
                0x3a => (Map::ThreeWithByte, 3),
                second => {
                    byte = second;
                    (Map::Two, 1)
                }
            },
            0xc5 => {
                next()?;
                (Map::Vector, 1)
            }
            0xc4 => {
                let table = next()? & 0x1f;
                next()?;
                (Map::Vector, table)
            }
            0x62 => {
                let table = next()? & 7;
                next()?;
                next()?;
                (Map::Vector, table)
            }
            _ => (Map::One, 0),
        };
        if !matches!(map, Map::One | Map::Two) {
            byte = next()?;
        }
        let opcode = byte;
        let long = rex.is_some_and(|(rex, _)| rex & 8 != 0);
        let form = match map {
            Map::One => form_of_one(opcode, short && !long, long, is_moved)?,
            Map::Two => form_of_two(opcode)?,
            Map::Three => Form::operands(0),
            Map::ThreeWithByte => Form::operands(1),
            Map::Vector => match table {
                1 if opcode == 0x77 => Form::bare(0),
                1 => Form::operands(usize::from(
                    matches!(opcode, 0x70..=0x73 | 0xc2 | 0xc4..=0xc6),
                )),
                2 => Form::operands(0),
                3 => Form::operands(1),
                _ => return None,
            },
        };
        let mut constant = form.constant;
        let mut operands = None;
        if form.has_operands {
            operands = Some(at);
            let byte = *code.get(at)?;
            at += 1;
            let (mode, register) = (byte >> 6, byte & 7);
            if mode != 3 && register == 4 {
                let base = *code.get(at)? & 7;
                at += 1;
                if mode == 0 && base == 5 {
                    at += 4;
                }
            }
            at += match mode {
                0 if register == 5 => 4,
                1 => 1,
                2 => 4,
                _ => 0,
            };
            // TEST has a constant where the others of its group have none.
            if map == Map::One && matches!(opcode, 0xf6 | 0xf7) && (byte >> 3) & 7 < 2 {
                constant = match (opcode, short && !long) {
                    (0xf6, _) => 1,
                    (_, true) => 2,
                    (_, false) => 4,
                };
            }
        }
        let end = at + constant;
        (end <= code.len()).then_some(Self {
            start,
            end,
            map,
            opcode,
            rex,
            operands,
            is_moved,
        })
    }

    /// Where the distance of its memory operand from its end is written, if it has such an operand.
    pub(crate) fn distance(&self, code: &[u8]) -> Option<usize> {
        let at = self.operands?;
        (code[at] & 0xc7 == 0x05).then_some(at + 1)
    }

    /// Whether it is `lea` with a 64-bit operand.
    pub(crate) fn is_load_of_address(&self) -> bool {
        let is_long = self.rex.is_some_and(|(rex, _)| rex & 8 != 0);
        self.map == Map::One && self.opcode == 0x8d && is_long && !self.is_moved
    }

    /// Whether it calls the function whose address is its memory operand.
    pub(crate) fn is_call(&self, code: &[u8]) -> bool {
        code[self.start..].starts_with(&CALL)
    }

    /// The same instruction with its memory operand at the address in a register, which it does not use for
    /// anything else. What is called becomes what is jumped to: whoever comes here has noted where to go on.
    /// `None` if it cannot be done elsewhere: it uses the stack.
    pub(crate) fn by_register(&self, code: &[u8]) -> Option<(Vec<u8>, Scratch)> {
        let distance = self.distance(code)?;
        let at = self.operands?;
        if self.is_call(code) || code[self.start..].starts_with(&JUMP) {
            return Some((vec![0x41, 0xff, 0x23], Scratch::R11));
        }
        let field = (code[at] >> 3) & 7;
        let is_high = self.rex.is_some_and(|(rex, _)| rex & 4 != 0);
        let moves_control = match (self.map, self.opcode) {
            (Map::One, 0xff) => field >= 2,
            (Map::One, 0x8f) | (Map::Vector, _) => true,
            _ => false,
        };
        let is_stack_pointer = field == 4 && !is_high && self.names_a_general_register();
        if moves_control || is_stack_pointer || self.is_moved {
            return None;
        }
        let scratch = match field {
            6 if !is_high => Scratch::Di,
            _ => Scratch::Si,
        };
        let mut moved = code[self.start..self.end].to_vec();
        if let Some((rex, place)) = self.rex {
            // The base of the operand is none of the registers from 8 on.
            moved[place - self.start] = rex & !1;
        }
        moved[at - self.start] = (code[at] & 0x38) | scratch.number();
        moved.drain(distance - self.start..distance + 4 - self.start);
        Some((moved, scratch))
    }

    /// Whether the field for a register names one of the general ones by its whole, rather than being part of
    /// the opcode, or naming a vector or the second byte of a register.
    fn names_a_general_register(&self) -> bool {
        let by_bytes = self.opcode & 1 == 0 && self.rex.is_none();
        match (self.map, self.opcode) {
            (Map::One, 0x80..=0x83 | 0xc0 | 0xc1 | 0xc6 | 0xc7 | 0xd0..=0xdf) => false,
            (Map::One, 0xf6 | 0xf7 | 0xfe | 0xff) => false,
            (Map::One, 0x00..=0x3f | 0x84..=0x8b) => !by_bytes,
            (Map::One, _) => true,
            (Map::Two, 0xb0 | 0xc0) => !by_bytes,
            (Map::Two, opcode) => matches!(
                opcode,
                0x40..=0x4f
                    | 0xa3..=0xa5
                    | 0xab..=0xad
                    | 0xaf
                    | 0xb1
                    | 0xb3
                    | 0xb6..=0xb8
                    | 0xbb..=0xbf
                    | 0xc1
                    | 0xc3
            ),
            (Map::Three, opcode) => opcode >= 0xf0,
            (Map::ThreeWithByte | Map::Vector, _) => false,
        }
    }
}

/// A register that an instruction with a memory operand does not use, or only if it names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scratch {
    /// RSI.
    Si,
    /// RDI.
    Di,
    /// R11, which is nobody's where a function begins. It need not be kept.
    R11,
}

/// `call x(%rip)`, before the distance.
const CALL: [u8; 2] = [0xff, 0x15];
/// `jmp x(%rip)`, before the distance.
const JUMP: [u8; 2] = [0xff, 0x25];

impl Scratch {
    /// How instructions name it.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Si => 6,
            Self::Di => 7,
            Self::R11 => 11,
        }
    }
}

/// What follows an opcode.
struct Form {
    has_operands: bool,
    /// How many bytes a constant at the end has.
    constant: usize,
}

impl Form {
    fn operands(constant: usize) -> Self {
        Self {
            has_operands: true,
            constant,
        }
    }

    fn bare(constant: usize) -> Self {
        Self {
            has_operands: false,
            constant,
        }
    }
}

fn form_of_one(opcode: u8, short: bool, long: bool, is_moved: bool) -> Option<Form> {
    let constant = if short { 2 } else { 4 };
    Some(match opcode {
        // No instructions of this mode of the processor.
        0x06
        | 0x07
        | 0x0e
        | 0x16
        | 0x17
        | 0x1e
        | 0x1f
        | 0x27
        | 0x2f
        | 0x37
        | 0x3f
        | 0x60
        | 0x61
        | 0x82
        | 0x9a
        | 0xce
        | 0xd4..=0xd6
        | 0xea => return None,
        0x00..=0x3f => match opcode & 7 {
            0..=3 => Form::operands(0),
            4 => Form::bare(1),
            _ => Form::bare(constant),
        },
        0x63 | 0x84..=0x8f | 0xd0..=0xd3 | 0xd8..=0xdf | 0xf6 | 0xf7 | 0xfe | 0xff => {
            Form::operands(0)
        }
        0x69 | 0x81 | 0xc7 => Form::operands(constant),
        0x6b | 0x80 | 0x83 | 0xc0 | 0xc1 | 0xc6 => Form::operands(1),
        0x68 | 0xa9 => Form::bare(constant),
        0x6a | 0x70..=0x7f | 0xa8 | 0xb0..=0xb7 | 0xcd | 0xe0..=0xe7 | 0xeb => Form::bare(1),
        0xa0..=0xa3 => Form::bare(if is_moved { 4 } else { 8 }),
        0xb8..=0xbf if long => Form::bare(8),
        0xb8..=0xbf => Form::bare(constant),
        0xc2 | 0xca => Form::bare(2),
        0xc8 => Form::bare(3),
        0xe8 | 0xe9 => Form::bare(4),
        _ => Form::bare(0),
    })
}

fn form_of_two(opcode: u8) -> Option<Form> {
    Some(match opcode {
        0x04 | 0x0a | 0x0c | 0x24..=0x27 | 0x36 | 0x39 | 0x3b..=0x3f => return None,
        0x05..=0x09 | 0x0b | 0x0e | 0x30..=0x35 | 0x37 | 0x77 => Form::bare(0),
        0xa0..=0xa2 | 0xa8..=0xaa | 0xc8..=0xcf => Form::bare(0),
        0x80..=0x8f => Form::bare(4),
        0x0f | 0x70..=0x73 | 0xa4 | 0xac | 0xba | 0xc2 | 0xc4..=0xc6 => Form::operands(1),
        _ => Form::operands(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "x86_64")]
    use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};

    /// The standard library, and all else in this program, was compiled with and without optimisation. Each of
    /// its functions ends where an instruction does.
    #[cfg(target_arch = "x86_64")]
    #[test]
    fn functions_end_where_instructions_end() {
        let program = std::fs::read("/proc/self/exe").expect("this program");
        let file = object::File::parse(&*program).expect("an ELF file");
        let text = file.section_by_name(".text").expect("code");
        let code = text.data().expect("its bytes");
        let mut functions = 0;
        for symbol in file.symbols() {
            let is_function = symbol.kind() == SymbolKind::Text && symbol.size() > 0;
            if !is_function || symbol.section_index() != Some(text.index()) {
                continue;
            }
            let name = symbol.name().unwrap_or_default();
            // Those of the C library's start files and of assembler have tables and hand-made prefixes.
            if !name.starts_with("_ZN") && !name.starts_with("_R") {
                continue;
            }
            let mut at = (symbol.address() - text.address()) as usize;
            let end = at + symbol.size() as usize;
            while at < end {
                let found = Instruction::at(&code[..end], at);
                let found = found.unwrap_or_else(|| panic!("{name}: {:x?}", &code[at..end]));
                at = found.end;
            }
            assert_eq!(at, end, "{name}");
            functions += 1;
        }
        assert!(functions > 1000, "{functions}");
    }

    /// Checks what becomes of an instruction.
    fn check(code: &[u8], moved: Option<(&[u8], Scratch)>) {
        let found = Instruction::at(code, 0).expect("an instruction");
        assert_eq!(found.end, code.len(), "{code:x?}");
        let by_register = found.by_register(code);
        let by_register = by_register
            .as_ref()
            .map(|(bytes, scratch)| (&bytes[..], *scratch));
        assert_eq!(by_register, moved, "{code:x?}");
    }

    #[test]
    fn instructions_take_the_address_from_a_register() {
        use Scratch::{Di, Si};
        // lock xadd %eax, x(%rip)
        check(
            &[0xf0, 0x0f, 0xc1, 0x05, 1, 2, 3, 4],
            Some((&[0xf0, 0x0f, 0xc1, 0x06], Si)),
        );
        // mov %rsi, x(%rip)
        check(
            &[0x48, 0x89, 0x35, 1, 2, 3, 4],
            Some((&[0x48, 0x89, 0x37], Di)),
        );
        // mov x(%rip), %r14
        check(
            &[0x4c, 0x8b, 0x35, 1, 2, 3, 4],
            Some((&[0x4c, 0x8b, 0x36], Si)),
        );
        // cmpb $7, x(%rip); movl $.., x(%rip); movw $.., x(%rip); testl $.., x(%rip)
        check(&[0x80, 0x3d, 1, 2, 3, 4, 7], Some((&[0x80, 0x3e, 7], Si)));
        check(
            &[0xc7, 0x05, 1, 2, 3, 4, 5, 6, 7, 8],
            Some((&[0xc7, 0x06, 5, 6, 7, 8], Si)),
        );
        check(
            &[0x66, 0xc7, 0x05, 1, 2, 3, 4, 5, 6],
            Some((&[0x66, 0xc7, 0x06, 5, 6], Si)),
        );
        check(
            &[0xf7, 0x05, 1, 2, 3, 4, 5, 6, 7, 8],
            Some((&[0xf7, 0x06, 5, 6, 7, 8], Si)),
        );
        // mov %ah, x(%rip), which has a number that is otherwise the stack pointer's
        check(&[0x88, 0x25, 1, 2, 3, 4], Some((&[0x88, 0x26], Si)));
        // call *x(%rip); jmp *x(%rip)
        let jump: &[u8] = &[0x41, 0xff, 0x23];
        check(&[0xff, 0x15, 1, 2, 3, 4], Some((jump, Scratch::R11)));
        check(&[0xff, 0x25, 1, 2, 3, 4], Some((jump, Scratch::R11)));
        // movups x(%rip), %xmm4
        check(
            &[0x0f, 0x10, 0x25, 1, 2, 3, 4],
            Some((&[0x0f, 0x10, 0x26], Si)),
        );
    }

    #[test]
    fn a_load_of_an_address_is_no_vector_instruction() {
        let check = |code: &[u8], expected: bool| {
            let found = Instruction::at(code, 0).expect("an instruction");
            assert_eq!(found.end, code.len(), "{code:x?}");
            assert_eq!(found.distance(code), Some(code.len() - 4), "{code:x?}");
            assert_eq!(found.is_load_of_address(), expected, "{code:x?}");
        };
        // lea x(%rip), %rdi; lea x(%rip), %r8; mov x(%rip), %rdi; lea x(%rip), %edi
        check(&[0x48, 0x8d, 0x3d, 1, 2, 3, 4], true);
        check(&[0x4c, 0x8d, 0x05, 1, 2, 3, 4], true);
        check(&[0x48, 0x8b, 0x3d, 1, 2, 3, 4], false);
        check(&[0x8d, 0x3d, 1, 2, 3, 4], false);
        // vpermb x(%rip), %zmm0, %zmm0
        let permute = [0x62, 0xf2, 0x7d, 0x48, 0x8d, 0x05, 1, 2, 3, 4];
        check(&permute, false);
        // Nor can it be done elsewhere.
        assert_eq!(
            Instruction::at(&permute, 0).unwrap().by_register(&permute),
            None
        );
    }

    #[test]
    fn others_stay_where_they_are() {
        // push x(%rip); mov %rsp, x(%rip); mov %fs:x(%rip), %eax
        check(&[0xff, 0x35, 1, 2, 3, 4], None);
        check(&[0x48, 0x89, 0x25, 1, 2, 3, 4], None);
        check(&[0x64, 0x8b, 0x05, 1, 2, 3, 4], None);
        // vmovups x(%rip), %ymm0
        check(&[0xc5, 0xfc, 0x10, 0x05, 1, 2, 3, 4], None);
        // mov 8(%rsp), %rax; ret
        check(&[0x48, 0x8b, 0x44, 0x24, 8], None);
        check(&[0xc3], None);
    }
}
