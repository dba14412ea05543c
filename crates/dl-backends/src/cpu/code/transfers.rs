//! What goes from streams to registers and back, and of a line's last vector only the lanes that there are.

use iced_x86::{Code, Instruction, MemoryOperand, Register};

use super::allocate::{Place, VECTORS};
use super::emit::{AT, BASES, Emitter, TAIL_MASK, target};
use super::{Access, Element};

impl Emitter<'_> {
    /// The element of a stream that is worked on.
    fn memory(&self, stream: usize) -> MemoryOperand {
        let (base, size) = (BASES[stream], self.size(self.streams[stream]));
        match self.streams[stream].access {
            Access::PerLine => MemoryOperand::with_base_displ_size(base, 0, 1),
            _ => MemoryOperand::new(base, AT, size, 0, 1, false, Register::None),
        }
    }

    /// Writes to or reads from memory, only the lanes that there are.
    fn masked(&mut self, instruction: Result<Instruction, iced_x86::IcedError>, zeroing: bool) {
        let mut instruction = instruction.expect("operands are such as the instruction has");
        if self.masked {
            instruction.set_op_mask(TAIL_MASK);
            instruction.set_zeroing_masking(zeroing);
        }
        self.put(Ok(instruction));
    }

    pub(super) fn load(&mut self, stream: usize, out: Place) {
        let (to, memory, names) = (target(out), self.memory(stream), self.names);
        match (self.streams[stream].element, self.streams[stream].access) {
            (Element::Lane, Access::PerLine) => self.put(Instruction::with2(names.broadcast, to, memory)),
            (Element::Lane, _) => self.masked(Instruction::with2(names.load, to, memory), true),
            (Element::Byte, _) => self.masked(Instruction::with2(names.widen, to, memory), true),
        }
    }

    pub(super) fn test(&mut self, stream: usize, out: Place) {
        let memory = self.memory(stream);
        match (self.masked, self.wide) {
            (false, true) => {
                self.put(Instruction::with2(Code::EVEX_Vmovq_xmm_xmmm64, Register::XMM31, memory));
            }
            _ => {
                let load = Instruction::with2(Code::EVEX_Vmovdqu8_xmm_k1z_xmmm128, Register::XMM31, memory);
                self.masked(load, true);
            }
        }
        let (test, x) = (Code::EVEX_Vptestmb_kr_k1_xmm_xmmm128, Register::XMM31);
        self.put(Instruction::with3(test, target(out), x, x));
    }

    pub(super) fn store(&mut self, stream: usize, x: Place) {
        let (x, memory) = (self.register(x, VECTORS as u8), self.memory(stream));
        self.masked(Instruction::with2(self.names.store, memory, x), false);
    }

    pub(super) fn store_truth(&mut self, stream: usize, x: Place) {
        let (ones, memory) = (MemoryOperand::with_base_displ_size(Register::RIP, 0, 8), self.memory(stream));
        let bytes = Instruction::with2(Code::EVEX_Vmovdqu8_xmm_k1z_xmmm128, Register::XMM31, ones);
        let mut bytes = bytes.expect("operands are such as the instruction has");
        bytes.set_op_mask(target(x));
        bytes.set_zeroing_masking(true);
        self.put(Ok(bytes));
        match (self.masked, self.wide) {
            (false, true) => {
                self.put(Instruction::with2(Code::EVEX_Vmovq_xmmm64_xmm, memory, Register::XMM31))
            }
            _ => {
                let store = Instruction::with2(Code::EVEX_Vmovdqu8_xmmm128_k1z_xmm, memory, Register::XMM31);
                self.masked(store, false);
            }
        }
    }
}
