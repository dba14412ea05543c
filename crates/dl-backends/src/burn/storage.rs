//! In how many bits the `wgpu` executor keeps floats between kernels.

/// How floats lie in a device's memory between the kernels of a run. Arithmetic is `f32` whatever it is, and so are
/// parameters, inputs, outputs, the state of optimizers, sums over the batch and what goes from step to step of a scan:
/// 16 bits are for activations, for gradients on their way back, and for what scans keep of each step.
///
/// ```
/// use dl_backends::{Storage, burn::fidelity};
/// // Three digits: the next number after 1 is 1 + 2⁻¹⁰, and rounding moves a number by half of that at most.
/// let stored = fidelity::stored(Storage::F16);
/// assert_eq!(stored.relative, 2f64.powi(-11));
/// assert_eq!((stored.error(100.0), stored.error(1e-6)), (100.0 * 2f64.powi(-11), 2f64.powi(-25)));
/// assert!(stored.most == 65_504.0 && stored.error(1e5).is_infinite());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Storage {
    /// 32 bits: 24 binary digits, up to 3.4·10³⁸.
    #[default]
    F32,
    /// IEEE 754's 16 bits: 11 binary digits, from 6·10⁻⁸ to 65,504; more becomes infinite. Gradients of means over large
    /// batches may be below: scale the loss, or take [`Bf16`](Storage::Bf16).
    F16,
    /// The upper half of an `f32`: 8 binary digits, and its range.
    Bf16,
}

impl Storage {
    /// Bytes of an element.
    pub fn bytes(self) -> usize {
        if self == Storage::F32 { 4 } else { 2 }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Storage::F32 => "f32",
            Storage::F16 => "f16",
            Storage::Bf16 => "bf16",
        }
    }
}
