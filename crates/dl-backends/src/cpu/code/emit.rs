//! Machine code for AVX-512 from a body whose values have places.

use iced_x86::{Code, Encoder, Instruction, MemoryOperand, Register};

use super::allocate::{Place, Placed, VECTORS};
use super::instructions::{Form, Names};
use super::tape::{Id, Op, Predicate, Step};
use super::{Access, Element, FIRST_NUMBER, STREAMS, Stream, TAIL};

/// Where the addresses of streams are kept.
pub(super) const BASES: [Register; STREAMS] = [
    Register::RCX,
    Register::R8,
    Register::R9,
    Register::R10,
    Register::R11,
    Register::RBX,
    Register::RBP,
    Register::R12,
    Register::R13,
    Register::R14,
    Register::R15,
];
/// Those that a caller wants back start here.
const SAVED: usize = 5;
/// The table's address, elements of a line less those of a vector, lines that are left, and the place in a
/// line.
const TO_TABLE: Register = Register::RDI;
const END: Register = Register::RSI;
const LINES: Register = Register::RDX;
pub(super) const AT: Register = Register::RAX;

pub(super) const TAIL_MASK: Register = Register::K7;

/// Code that takes the address of a table, the elements of a line, and how many lines there are. Its
/// constants come first; where it begins stands beside.
pub(super) fn emit(placed: &Placed, streams: &[Stream], wide: bool) -> (Vec<u8>, usize) {
    let mut emitter = Emitter::new(placed, streams, wide);
    emitter.function();
    let entry = emitter.entry;
    (emitter.encoder.take_buffer(), entry)
}

pub(super) struct Emitter<'p> {
    placed: &'p Placed,
    pub(super) streams: &'p [Stream],
    pub(super) names: &'static Names,
    pub(super) wide: bool,
    encoder: Encoder,
    at: usize,
    entry: usize,
    /// Where each constant is, by its bits.
    pool: Vec<(u64, usize)>,
    /// Whether some lanes may be none.
    pub(super) masked: bool,
}

impl<'p> Emitter<'p> {
    fn new(placed: &'p Placed, streams: &'p [Stream], wide: bool) -> Self {
        let size = if wide { 8 } else { 4 };
        // Sixteen times true, and what is not a multiple of it behind.
        let mut bytes = vec![1_u8; 16];
        let mut pool: Vec<(u64, usize)> = vec![];
        for step in &placed.steps {
            if let Op::Constant(bits) = step.op {
                pool.push((bits, bytes.len()));
                bytes.extend_from_slice(&bits.to_le_bytes()[..size]);
            }
        }
        bytes.resize(bytes.len().next_multiple_of(64), 0);
        let (entry, mut encoder) = (bytes.len(), Encoder::new(64));
        encoder.set_buffer(bytes);
        let names = Names::of(wide);
        Emitter { placed, streams, names, wide, encoder, at: entry, entry, pool, masked: false }
    }

    fn lanes(&self) -> i64 {
        if self.wide { 8 } else { 16 }
    }

    /// Bytes of a stream's element.
    pub(super) fn size(&self, stream: Stream) -> u32 {
        match stream.element {
            Element::Lane => 64 / self.lanes() as u32,
            Element::Byte => 1,
        }
    }

    fn function(&mut self) {
        let saved = BASES[SAVED..].iter().take(self.streams.len().saturating_sub(SAVED));
        let saved: Vec<Register> = saved.copied().collect();
        saved.iter().for_each(|r| self.put(Instruction::with1(Code::Push_r64, *r)));
        for (i, base) in BASES.iter().enumerate().take(self.streams.len()) {
            self.put(Instruction::with2(Code::Mov_r64_rm64, *base, table(i)));
        }
        for (id, register) in &self.placed.hoisted {
            let memory = self.same(*id);
            self.put(Instruction::with2(self.names.broadcast, vector(*register), memory));
        }
        self.put(Instruction::with2(Code::VEX_Kmovw_kr_km16, TAIL_MASK, table(TAIL)));
        self.put(Instruction::with2(Code::Sub_rm64_imm8, END, self.lanes() as i32));
        self.put(Instruction::with2(Code::Test_rm64_r64, LINES, LINES));
        let nothing = self.jump(Code::Je_rel32_64);
        let line = self.at;
        self.put(Instruction::with2(Code::Xor_r32_rm32, Register::EAX, Register::EAX));
        self.put(Instruction::with2(Code::Cmp_r64_rm64, AT, END));
        let short = self.jump(Code::Jg_rel32_64);
        let full = self.at;
        self.body();
        self.put(Instruction::with2(Code::Add_rm64_imm8, AT, self.lanes() as i32));
        self.put(Instruction::with2(Code::Cmp_r64_rm64, AT, END));
        self.put(Instruction::with_branch(Code::Jle_rel32_64, full as u64));
        self.land(short);
        self.put(Instruction::with2(Code::Cmp_rm64_imm8, table(TAIL), 0));
        let even = self.jump(Code::Je_rel32_64);
        self.masked = true;
        self.body();
        self.land(even);
        for (i, stream) in self.streams.iter().enumerate() {
            let (base, size) = (BASES[i], self.size(*stream));
            match stream.access {
                Access::Each => {
                    let line = i64::from(size) * self.lanes();
                    let next = MemoryOperand::new(base, END, size, line, 8, false, Register::None);
                    self.put(Instruction::with2(Code::Lea_r64_m, base, next));
                }
                Access::PerLine => self.put(Instruction::with2(Code::Add_rm64_imm8, base, size as i32)),
                Access::SameLine => {}
            }
        }
        self.put(Instruction::with1(Code::Dec_rm64, LINES));
        self.put(Instruction::with_branch(Code::Jne_rel32_64, line as u64));
        self.land(nothing);
        saved.iter().rev().for_each(|r| self.put(Instruction::with1(Code::Pop_r64, *r)));
        self.put(Ok(Instruction::with(Code::VEX_Vzeroupper)));
        self.put(Ok(Instruction::with(Code::Retnq)));
    }

    pub(super) fn put(&mut self, instruction: Result<Instruction, iced_x86::IcedError>) {
        let instruction = instruction.expect("operands are such as the instruction has");
        let len = self.encoder.encode(&instruction, self.at as u64);
        self.at += len.expect("the instruction exists");
    }

    /// A jump to somewhere behind; where the distance stands.
    fn jump(&mut self, code: Code) -> usize {
        self.put(Instruction::with_branch(code, self.at as u64));
        self.at
    }

    /// Lets a jump come here.
    fn land(&mut self, jump: usize) {
        let mut bytes = self.encoder.take_buffer();
        let distance = (self.at - jump) as u32;
        bytes[jump - 4..jump].copy_from_slice(&distance.to_le_bytes());
        self.encoder.set_buffer(bytes);
    }

    /// Where what is the same for all is in memory.
    fn same(&self, id: Id) -> MemoryOperand {
        match self.placed.steps[id.0 as usize].op {
            Op::Number(i) => table(FIRST_NUMBER + usize::from(i)),
            Op::Constant(bits) => {
                let place = self.pool.iter().find(|(known, _)| *known == bits).map_or(0, |(_, place)| *place);
                MemoryOperand::with_base_displ_size(Register::RIP, place as i64, 8)
            }
            _ => unreachable!("other values are in registers"),
        }
    }

    /// The steps for a vector of elements.
    fn body(&mut self) {
        let placed = self.placed;
        for (i, step) in placed.steps.iter().enumerate() {
            if !step.op.is_same() {
                self.step(*step, placed.place(Id(i as u32)));
            }
        }
    }

    fn place(&self, step: &Step, arg: usize) -> Place {
        self.placed.place(step.args()[arg])
    }

    /// An operand that must be in a register: `spare` if it is in memory.
    pub(super) fn register(&mut self, place: Place, spare: u8) -> Register {
        match place {
            Place::Vector(r) => vector(r),
            Place::Mask(r) => mask(r),
            Place::Same(id) => {
                let memory = self.same(id);
                self.put(Instruction::with2(self.names.broadcast, vector(spare), memory));
                vector(spare)
            }
        }
    }

    /// With operands of which the last may be in memory.
    fn with(
        &mut self,
        form: Form,
        to: Register,
        first: Option<Register>,
        last: Place,
        masks: Option<(Register, bool)>,
    ) {
        let mut instruction = Instruction::new();
        instruction.set_code(form.code);
        let mut count = 0;
        let mut operand = |instruction: &mut Instruction, register: Register| {
            instruction.set_op_kind(count, iced_x86::OpKind::Register);
            instruction.set_op_register(count, register);
            count += 1;
        };
        operand(&mut instruction, to);
        first.into_iter().for_each(|r| operand(&mut instruction, r));
        match last {
            Place::Vector(r) => operand(&mut instruction, vector(r)),
            Place::Mask(r) => operand(&mut instruction, mask(r)),
            Place::Same(id) => {
                let memory = self.same(id);
                instruction.set_op_kind(count, iced_x86::OpKind::Memory);
                instruction.set_memory_base(memory.base);
                instruction.set_memory_displacement64(memory.displacement as u64);
                instruction.set_memory_displ_size(memory.displ_size);
                instruction.set_is_broadcast(form.broadcasts);
                count += 1;
            }
        }
        if let Some(immediate) = form.immediate {
            instruction.set_op_kind(count, iced_x86::OpKind::Immediate8);
            instruction.set_immediate8(immediate);
        }
        if let Some((mask, zeroing)) = masks {
            instruction.set_op_mask(mask);
            instruction.set_zeroing_masking(zeroing);
        }
        self.put(Ok(instruction));
    }

    fn step(&mut self, step: Step, out: Place) {
        let names = self.names;
        match step.op {
            Op::Constant(_) | Op::Number(_) => {}
            Op::Load(i) => self.load(usize::from(i), out),
            Op::Test(i) => self.test(usize::from(i), out),
            Op::Store(i) => self.store(usize::from(i), self.place(&step, 0)),
            Op::StoreTruth(i) => self.store_truth(usize::from(i), self.place(&step, 0)),
            Op::Add => self.two(names.add, step, out, true),
            Op::Sub => self.two(names.sub, step, out, false),
            Op::Mul => self.two(names.mul, step, out, true),
            Op::Div => self.two(names.div, step, out, false),
            Op::Least => self.two(names.least, step, out, false),
            Op::Most => self.two(names.most, step, out, false),
            Op::And => self.two(names.and, step, out, true),
            Op::Or => self.two(names.or, step, out, true),
            Op::Xor => self.two(names.xor, step, out, true),
            Op::IntAdd => self.two(names.int_add, step, out, true),
            Op::IntSub => self.two(names.int_sub, step, out, false),
            Op::Less => self.two(names.int_compare.with(1), step, out, false),
            Op::Compare(predicate) => self.two(names.compare.with(immediate(predicate)), step, out, false),
            Op::Both => self.two(Form::masks(Code::VEX_Kandw_kr_kr_kr), step, out, false),
            Op::Either => self.two(Form::masks(Code::VEX_Korw_kr_kr_kr), step, out, false),
            Op::Root => self.one(names.root, step, out),
            // Downwards, and without a word about what is lost.
            Op::Whole => self.one(names.round.with(0b1001), step, out),
            Op::Up(by) => self.one(names.up.with(by), step, out),
            Op::Down(by) => self.one(names.down.with(by), step, out),
            Op::Halved(by) => self.one(names.halved.with(by), step, out),
            Op::OfInt => self.one(names.of_int, step, out),
            Op::Not => self.one(Form::masks(Code::VEX_Knotw_kr_kr), step, out),
            Op::Fused => self.fused(step, out),
            Op::Merge => self.merge(step, out),
            Op::Choose => self.choose(step, out),
        }
    }

    fn one(&mut self, form: Form, step: Step, out: Place) {
        let (to, x) = (target(out), self.place(&step, 0));
        self.with(form, to, None, x, None);
    }

    fn two(&mut self, form: Form, step: Step, out: Place, commutes: bool) {
        let (mut x, mut y) = (self.place(&step, 0), self.place(&step, 1));
        if commutes && matches!((x, y), (Place::Same(_), Place::Vector(_))) {
            std::mem::swap(&mut x, &mut y);
        }
        let x = self.register(x, VECTORS as u8);
        self.with(form, target(out), Some(x), y, None);
    }

    fn fused(&mut self, step: Step, out: Place) {
        let (to, names) = (target(out), self.names);
        let [mut a, mut b, c] = [0, 1, 2].map(|i| self.place(&step, i));
        if c == out {
            if matches!(a, Place::Same(_)) {
                std::mem::swap(&mut a, &mut b);
            }
            let a = self.register(a, VECTORS as u8);
            return self.with(names.fused_231, to, Some(a), b, None);
        }
        if b == out {
            std::mem::swap(&mut a, &mut b);
        }
        if a != out {
            // A register that is not an operand's: `Placed` sees to it.
            match a {
                Place::Same(id) => {
                    let memory = self.same(id);
                    self.put(Instruction::with2(names.broadcast, to, memory));
                }
                a => self.with(names.copy, to, None, a, None),
            }
        }
        match (b, c) {
            (Place::Same(_), Place::Vector(c)) => self.with(names.fused_132, to, Some(vector(c)), b, None),
            _ => {
                let b = self.register(b, VECTORS as u8);
                self.with(names.fused_213, to, Some(b), c, None);
            }
        }
    }

    fn merge(&mut self, step: Step, out: Place) {
        let (to, names) = (target(out), self.names);
        let [a, b, c] = [0, 1, 2].map(|i| self.place(&step, i));
        if a != out {
            let a = self.register(a, VECTORS as u8);
            self.put(Instruction::with2(names.copy.code, to, a));
        }
        let b = self.register(b, VECTORS as u8);
        self.with(names.merge, to, Some(b), c, None);
    }

    fn choose(&mut self, step: Step, out: Place) {
        let (to, names) = (target(out), self.names);
        let [by, a, b] = [0, 1, 2].map(|i| self.place(&step, i));
        let by = target(by);
        if self.placed.steps[step.args()[2].0 as usize].op == Op::Constant(0) {
            let form = if matches!(a, Place::Same(_)) { Form::plain(names.broadcast) } else { names.copy };
            return self.with(form, to, None, a, Some((by, true)));
        }
        let b = self.register(b, VECTORS as u8);
        self.with(names.blend, to, Some(b), a, Some((by, false)));
    }
}

fn immediate(predicate: Predicate) -> u8 {
    match predicate {
        Predicate::Equal => 0,
        Predicate::Unequal => 4,
        Predicate::Below => 17,
        Predicate::UpTo => 18,
        Predicate::NotBelow => 21,
        Predicate::NotUpTo => 22,
    }
}

/// An entry of the table.
fn table(place: usize) -> MemoryOperand {
    MemoryOperand::with_base_displ_size(TO_TABLE, place as i64 * 8, 8)
}

fn vector(register: u8) -> Register {
    Register::ZMM0 + u32::from(register)
}

fn mask(register: u8) -> Register {
    Register::K1 + u32::from(register)
}

pub(super) fn target(place: Place) -> Register {
    match place {
        Place::Vector(r) => vector(r),
        Place::Mask(r) => mask(r),
        Place::Same(_) => unreachable!("results are in registers"),
    }
}
