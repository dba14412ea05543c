//! How elements lie in memory, and what reads and writes them: floats between kernels in 16 bits where the executor
//! stores them so, everything else in 32.
//!
//! Rounding is ours, in integers, since languages for shaders leave it to the device: to the nearest number, of two
//! to the even one, as IEEE 754 has it; so every device stores the same bits. What rounds beyond the largest `f16`
//! becomes infinite and does not stay at it: a sum that has left its range is seen by checks for what is not finite,
//! and a mask of -10⁹ is the -∞ that was meant. The upper half of an `f32` has no type in WGSL: it is a `u16`, which
//! keeps its bits whatever they are, where an `f16` may lose those of NaN and of what is subnormal.

use dl_core::DType;

use super::functions::memory_type;
use super::library::Called;
use super::memory::SlotId;
use super::shader::Shader;
use crate::burn::Storage;

/// What elements of a slot are, and in how many bits its floats lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) dtype: DType,
    pub(super) storage: Storage,
}

/// A slot, and what its elements are.
pub(super) type Formed = (SlotId, Form);

impl Form {
    /// The same in 32 bits.
    pub(super) fn word(dtype: DType) -> Form {
        Form { dtype, storage: Storage::F32 }
    }

    /// How its elements are stored: only `f32` in 16 bits.
    fn storage(self) -> Storage {
        if self.dtype == DType::F32 { self.storage } else { Storage::F32 }
    }

    /// The type of so many neighbours (1, 2 or 4) in memory.
    pub(super) fn element(self, width: usize) -> &'static str {
        match (self.storage(), memory_type(self.dtype), width) {
            (Storage::F16, _, 1) => "f16",
            (Storage::F16, _, 2) => "vec2<f16>",
            (Storage::F16, ..) => "vec4<f16>",
            (Storage::Bf16, _, 1) => "u16",
            (Storage::Bf16, _, 2) => "vec2<u16>",
            (Storage::Bf16, ..) => "vec4<u16>",
            (_, "f32", 2) => "vec2<f32>",
            (_, "f32", 4) => "vec4<f32>",
            (_, "i32", 2) => "vec2<i32>",
            (_, "i32", 4) => "vec4<i32>",
            (_, "u32", 2) => "vec2<u32>",
            (_, "u32", 4) => "vec4<u32>",
            (_, element, _) => element,
        }
    }

    /// An element of memory as a value.
    pub(super) fn loaded(self, element: &str) -> String {
        if self.dtype == DType::Bool { format!("({element} != 0u)") } else { self.wide(element, 1) }
    }

    /// So many neighbours of memory in 32 bits each.
    pub(super) fn wide(self, element: &str, width: usize) -> String {
        let vector = |of: &str| if width == 1 { of.to_owned() } else { format!("vec{width}<{of}>") };
        match self.storage() {
            Storage::F16 => format!("{}({element})", vector("f32")),
            Storage::Bf16 => {
                let words = vector("u32");
                format!("bitcast<{}>({words}({element}) << {words}(16u))", vector("f32"))
            }
            Storage::F32 => element.into(),
        }
    }

    /// A value that memory can hold as an element of it.
    pub(super) fn stored(self, value: &str) -> String {
        match self.storage() {
            Storage::F16 => format!("f16({value})"),
            Storage::Bf16 => format!("u16(bitcast<u32>({value}) >> 16u)"),
            Storage::F32 if self.dtype == DType::Bool => format!("select(0u, 1u, {value})"),
            Storage::F32 => value.into(),
        }
    }

    /// A value as memory can hold it.
    pub(super) fn rounded(self, value: &str, called: &mut Called) -> String {
        let name = match self.storage() {
            Storage::F16 => "half_",
            Storage::Bf16 => "upper_",
            Storage::F32 => return value.into(),
        };
        called.insert(name);
        format!("{name}({value})")
    }
}

/// The line that copies an element from a place of one slot to a place of another.
pub(super) fn assigned(
    shader: &mut Shader,
    ((into, new), to): (Formed, &str),
    ((from, old), at): (Formed, &str),
) -> String {
    let element = format!("{}[{at}]", shader.read(from, old.element(1)));
    let name = shader.write(into, new.element(1));
    let element = match old == new {
        true => element,
        false => new.stored(&new.rounded(&old.wide(&element, 1), &mut shader.called)),
    };
    format!("{name}[{to}] = {element};")
}

/// What a text begins with whose memory is of these types.
pub(super) fn enabled<'a>(elements: impl Iterator<Item = &'a str> + Clone) -> String {
    let has = |of: &str| elements.clone().any(|element| element.contains(of));
    let (floats, integers) = (has("f16"), has("u16"));
    [(floats, "enable f16;\n"), (integers, "enable wgpu_int16;\n")]
        .into_iter()
        .filter_map(|(has, line)| has.then_some(line))
        .collect()
}
