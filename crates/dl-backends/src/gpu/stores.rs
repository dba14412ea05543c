//! Whether a device stores numbers in 16 bits as it should: a kernel rounds hard numbers, stores and reads them.

use cubecl::client::Client;
use cubecl::ir::{ElemType, FloatKind};
use dl_core::DType;

use super::elements::{Form, enabled};
use super::launch::{Launch, Source};
use super::library::{Called, library};
use super::memory::SlotId;
use super::shader::GROUP;
use crate::burn::Storage;

/// Whether floats can be kept so between kernels.
///
/// # Errors
/// What the device lacks, or which number it has wrong.
pub(crate) fn check(client: &Client, storage: Storage) -> Result<(), String> {
    let name = storage.name();
    let lacks = |what: &str| format!("it lacks {what}, in which values of {name} would be stored");
    match storage {
        Storage::F32 => return Ok(()),
        Storage::F16 if !client.properties().supports_type(ElemType::Float(FloatKind::F16)) => {
            return Err(lacks("16-bit floats in shaders (wgpu's SHADER_F16)"));
        }
        Storage::F16 | Storage::Bf16 => {}
    }
    let given = points(storage);
    let got = stored(client, storage, &given).map_err(|why| {
        format!("{}: {why}", lacks("16-bit numbers in buffers (wgpu's SHADER_F16 and SHADER_I16)"))
    })?;
    for (x, got) in given.iter().zip(got) {
        let right = nearest(storage, *x);
        if got.to_bits() != right.to_bits() && !(got.is_nan() && right.is_nan()) {
            return Err(format!("it stores {x:e} in {name} as {got:e}, {right:e} is right"));
        }
    }
    Ok(())
}

/// What a device makes of numbers.
fn stored(client: &Client, storage: Storage, given: &[f32]) -> Result<Vec<f32>, String> {
    let (form, mut called) = (Form { dtype: DType::F32, storage }, Called::new());
    let element = form.element(1);
    let value = form.stored(&form.rounded("b0[i]", &mut called));
    let (enabled, library) = (enabled([element].into_iter()), library(&called));
    let begin = |body: &str| {
        format!(
            "{enabled}@group(0) @binding(0) var<storage, read_write> b0: array<f32>;
@group(0) @binding(1) var<storage, read_write> b1: array<{element}>;
{library}
@compute @workgroup_size({GROUP}, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {{
  let i = id.x;
  if (i >= {}u) {{ return; }}
  {body}
}}
",
            given.len()
        )
    };
    // In two kernels, as it is used: nothing of the first one's registers is there in the second.
    let texts = [begin(&format!("b1[i] = {value};")), begin(&format!("b0[i] = {};", form.loaded("b1[i]")))];
    let values = client.create_from_slice(bytemuck::cast_slice(given));
    let between = client.empty((given.len() * 2).next_multiple_of(4));
    let memory = [Some(values.clone()), Some(between)];
    for text in texts {
        let launch = Launch {
            name: "storage".into(),
            source: Source::new(text, GROUP),
            groups: (given.len() as u32).div_ceil(GROUP),
            operations: 0,
            cut: None,
            bindings: vec![SlotId(0), SlotId(1)],
            writes: vec![SlotId(0), SlotId(1)],
        };
        launch.submit(client, &memory)?;
    }
    let bytes = client.read_one(values).map_err(|error| error.to_string())?;
    Ok(bytemuck::pod_collect_to_vec(&bytes))
}

/// Numbers at which rounding goes wrong where it does: halfway between two, beside that, the smallest and the
/// largest ones; an odd number of them, so that neighbours share words.
fn points(storage: Storage) -> Vec<f32> {
    let digits = if storage == Storage::F16 { 10 } else { 7 };
    let unit = 2f32.powi(-digits);
    let mut sizes =
        vec![0.0, 1.0, 1.0 + 0.5 * unit, 1.0 + 1.5 * unit, 1.0 + 2.5 * unit, 2.0 - 0.5 * unit, 0.1, 1e-3];
    for exponent in [-24, -20, -15, -14, 3, 11, 15] {
        let one = 2f32.powi(exponent);
        sizes.extend([0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 1.0 + 0.5 * unit, 1.0 + 1.5 * unit].map(|x| x * one));
    }
    sizes.extend([
        65_504.0,
        65_519.0,
        65_520.0,
        1e5,
        1e30,
        3.3895314e38,
        3.4e38,
        f32::MAX,
        f32::INFINITY,
        2e-38,
    ]);
    let beside = sizes.iter().flat_map(|x| [*x, x.next_down(), x.next_up()]);
    // Nothing that is subnormal in 32 bits, which devices may take for 0.
    let beside = beside.filter(|x| !x.is_subnormal() && *x >= 0.0);
    beside.flat_map(|x| [x, -x]).chain([f32::NAN]).collect()
}

/// The nearest number that the storage has, of two the even one: IEEE 754, 4.3.1.
fn nearest(storage: Storage, x: f32) -> f32 {
    let (digits, least) = match storage {
        Storage::F32 => return x,
        Storage::F16 => (10, -14),
        Storage::Bf16 => (7, -126),
    };
    if !x.is_finite() || x == 0.0 {
        return x;
    }
    let x = f64::from(x);
    // The exponent, by the bits of a double that is normal.
    let exponent = ((x.to_bits() >> 52) & 0x7ff) as i32 - 1023;
    let unit = 2f64.powi(exponent.max(least) - digits);
    let rounded = (x / unit).round_ties_even() * unit;
    let most = if storage == Storage::F16 { 65_504.0 } else { f64::from(f32::from_bits(0x7f7f_0000)) };
    if rounded.abs() > most { f32::INFINITY.copysign(x as f32) } else { rounded as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_number_of_a_storage() {
        let half = |x| nearest(Storage::F16, x);
        assert_eq!([0.1, -0.1].map(half), [0.099975586, -0.099975586]);
        assert_eq!([2049.0, 2051.0, 2053.0].map(half), [2048.0, 2052.0, 2052.0]);
        assert_eq!([65_519.0, 65_520.0, -7e4].map(half), [65_504.0, f32::INFINITY, f32::NEG_INFINITY]);
        assert_eq!([2.9802322e-8, 2.9802326e-8, 8.940_697e-8].map(half), [0.0, 5.9604645e-8, 1.1920929e-7]);
        assert_eq!(nearest(Storage::Bf16, 257.0), 256.0);
        assert_eq!(nearest(Storage::Bf16, 3.4e38), f32::INFINITY);
        assert!(half(f32::NAN).is_nan());
    }

    #[test]
    fn points_are_halfway_and_beside_that() {
        for storage in [Storage::F16, Storage::Bf16] {
            let points = points(storage);
            let moved = points.iter().filter(|x| nearest(storage, **x) != **x).count();
            assert!(points.len() % 2 == 1 && moved > points.len() / 2, "{moved} of {}", points.len());
        }
    }
}
