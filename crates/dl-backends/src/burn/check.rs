//! The start-up check of a device: one kernel that computes functions at hard points and counts a long loop, judged
//! here. It decides which functions are replaced by ours, and is what `cargo xtask devices` shows.

use std::f32::consts::{FRAC_PI_2, PI, TAU};

use cubecl::client::Client;
use cubecl::ir::{AddressType, ElemType, Scope, UIntKind};
use cubecl::prelude::{
    CubeKernel, KernelDefinition, KernelId, KernelMetadata, KernelSettings, PrecompiledSource,
};
use cubecl::server::KernelArguments;
use cubecl::{CubeCount, CubeDim, ExecutionMode};

use super::device::Rough;

/// A function of the device, as it is promised.
pub(super) struct Promise {
    pub(super) name: &'static str,
    /// In WGSL, of `x` and `y`.
    text: &'static str,
    right: fn(f64, f64) -> f64,
    /// Units in the last place.
    ulps: f64,
    points: &'static [[f32; 2]],
}

/// By their numbers in the kernel.
static PROMISES: [Promise; 6] = [
    Promise {
        name: "exp",
        text: "exp(x)",
        right: |x, _| x.exp(),
        ulps: 64.0,
        points: &[
            [1e-7, 0.0],
            [-1e-7, 0.0],
            [1.0, 0.0],
            [-0.3, 0.0],
            [20.0, 0.0],
            [-20.0, 0.0],
            [88.5, 0.0],
            [-86.5, 0.0],
        ],
    },
    Promise {
        name: "log",
        text: "log(x)",
        right: |x, _| x.ln(),
        ulps: 64.0,
        points: &[
            [0.9999999, 0.0],
            [1.0000001, 0.0],
            [0.9999, 0.0],
            [1.001, 0.0],
            [0.9, 0.0],
            [1.2, 0.0],
            [0.1, 0.0],
            [1e30, 0.0],
            [1e-30, 0.0],
        ],
    },
    Promise {
        name: "sin",
        text: "sin(x)",
        right: |x, _| x.sin(),
        ulps: 64.0,
        points: &[[1e-7, 0.0], [0.7, 0.0], [PI, 0.0], [-TAU, 0.0], [3.2, 0.0], [22.0, 0.0], [355.0, 0.0]],
    },
    Promise {
        name: "cos",
        text: "cos(x)",
        right: |x, _| x.cos(),
        ulps: 64.0,
        points: &[[0.1, 0.0], [FRAC_PI_2, 0.0], [-4.712389, 0.0], [1.6, 0.0], [11.0, 0.0], [344.0, 0.0]],
    },
    Promise {
        name: "pow",
        text: "pow(x, y)",
        right: f64::powf,
        ulps: 256.0,
        points: &[
            [1.0000001, 1e7],
            [0.9999999, 1e7],
            [1.01, 2000.0],
            [2.0, 100.5],
            [10.0, -30.0],
            [7.0, 0.5],
        ],
    },
    Promise {
        name: "sqrt",
        text: "sqrt(x)",
        right: |x, _| x.sqrt(),
        ulps: 4.0,
        points: &[[2.0, 0.0], [1e-30, 0.0], [3e38, 0.0], [0.9999999, 0.0]],
    },
];

/// Turns of the loop that is counted: beyond the 65,535 after which Mesa's software Vulkan ends one.
pub(super) const TURNS: u32 = 70_000;
/// Where the loop's numbers begin.
const SEED: u32 = 12_345;

/// What a device gives at the worst of a function's points.
#[derive(Clone, Copy, Debug)]
pub(super) struct Worst {
    pub(super) name: &'static str,
    pub(super) at: [f32; 2],
    pub(super) got: f32,
    pub(super) right: f64,
    pub(super) ulps: f64,
    pub(super) promised: f64,
}

impl Worst {
    pub(super) fn is_rough(&self) -> bool {
        self.ulps.is_nan() || self.ulps > self.promised
    }
}

/// What was found.
#[derive(Clone, Debug)]
pub(super) struct Findings {
    /// One for each function.
    pub(super) functions: Vec<Worst>,
    /// Turns that a loop made of [`TURNS`]; none if it gave something else.
    pub(super) turns: Option<u32>,
}

impl Findings {
    /// Which functions are to be ours.
    pub(super) fn rough(&self) -> Rough {
        let rough = |names: &[&str]| self.functions.iter().any(|f| names.contains(&f.name) && f.is_rough());
        Rough { log: rough(&["log"]), angles: rough(&["sin", "cos"]), pow: rough(&["pow"]) }
    }

    /// Whether this function is one of ours now.
    pub(super) fn replaced(&self, name: &str) -> bool {
        let Rough { log, angles, pow } = self.rough();
        match name {
            "log" => log,
            "sin" | "cos" => angles,
            "pow" => pow,
            _ => false,
        }
    }
}

/// The text of the kernel. The numbers of its loop are no function that a compiler could write without one.
fn text() -> String {
    let cases: String = PROMISES
        .iter()
        .enumerate()
        .map(|(k, p)| format!("        case {k}u: {{ r = {}; }}\n", p.text))
        .collect();
    format!(
        "@group(0) @binding(0) var<storage, read_write> points: array<f32>;
@group(0) @binding(1) var<storage, read_write> found: array<f32>;
@compute @workgroup_size({GROUP}, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {{
    let i = id.x;
    if (i >= arrayLength(&found)) {{ return; }}
    let x = points[3u * i + 1u];
    let y = points[3u * i + 2u];
    var r = 0.0f;
    switch (u32(points[3u * i])) {{
{cases}        default: {{
            var s = u32(y);
            var turn = 0u;
            loop {{
                if (turn >= u32(x)) {{ break; }}
                s = s * 1664525u + 1013904223u;
                turn = turn + 1u;
            }}
            r = f32(s >> 8u);
        }}
    }}
    found[i] = r;
}}
"
    )
}

/// Invocations of a work group.
const GROUP: u32 = 64;

/// Runs the kernel, and waits for it.
///
/// # Errors
/// When the device reports one.
pub(super) fn check(client: &Client) -> Result<Findings, String> {
    let mut points: Vec<f32> = vec![];
    for (k, promise) in PROMISES.iter().enumerate() {
        promise.points.iter().for_each(|[x, y]| points.extend([k as f32, *x, *y]));
    }
    points.extend([PROMISES.len() as f32, TURNS as f32, SEED as f32]);
    let count = points.len() / 3;
    let given = client.create_from_slice(bytemuck::cast_slice(&points));
    let found = client.empty(4 * count);
    let arguments = KernelArguments::new().with_buffer(given.binding()).with_buffer(found.clone().binding());
    let groups = CubeCount::Static((count as u32).div_ceil(GROUP), 1, 1);
    client.launch(Box::new(Checks { text: text() }), groups, arguments);
    let bytes = client.read_one(found).map_err(|error| error.to_string())?;
    let got: Vec<f32> = bytemuck::pod_collect_to_vec(&bytes);
    judged(&got).ok_or_else(|| format!("the start-up check gave {} numbers in place of {count}", got.len()))
}

/// What the numbers of the kernel say; none if there are too few.
fn judged(got: &[f32]) -> Option<Findings> {
    let mut got = got.iter().copied();
    let mut functions = vec![];
    for promise in &PROMISES {
        let of = |at: &[f32; 2], got: f32| {
            let right = (promise.right)(f64::from(at[0]), f64::from(at[1]));
            let unit = f64::from(f32::EPSILON) * right.abs().max(f64::from(f32::MIN_POSITIVE));
            let ulps = (f64::from(got) - right).abs() / unit;
            Worst { name: promise.name, at: *at, got, right, ulps, promised: promise.ulps }
        };
        let all: Vec<Worst> =
            promise.points.iter().map(|at| Some(of(at, got.next()?))).collect::<Option<_>>()?;
        // NaN is the worst.
        let key = |w: &Worst| if w.ulps.is_nan() { f64::INFINITY } else { w.ulps };
        functions.push(all.into_iter().max_by(|a, b| key(a).total_cmp(&key(b)))?);
    }
    Some(Findings { functions, turns: turns(got.next()?) })
}

/// After how many turns the loop's number is this one.
fn turns(last: f32) -> Option<u32> {
    let mut s = SEED;
    (0..=TURNS).find(|_| {
        let now = (s >> 8) as f32;
        s = s.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        now == last
    })
}

#[derive(Clone, Debug)]
struct Checks {
    text: String,
}

impl KernelMetadata for Checks {
    fn id(&self) -> KernelId {
        KernelId::new::<Self>().info(self.text.clone()).mode(ExecutionMode::Unchecked)
    }

    fn address_type(&self) -> ElemType {
        UIntKind::U32.into()
    }
}

impl CubeKernel for Checks {
    fn define(&self) -> KernelDefinition {
        let settings =
            KernelSettings::new(CubeDim::new_1d(GROUP).0, ExecutionMode::Unchecked, AddressType::U32);
        KernelDefinition { body: Scope::root(settings.clone()), settings, info: Default::default() }
    }

    fn source(&self) -> Option<PrecompiledSource> {
        let entrypoint_name = "main".into();
        Some(PrecompiledSource { source: self.text.clone(), entrypoint_name, lang: "wgsl" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a device without a fault gives.
    fn right() -> Vec<f32> {
        let of = |p: &Promise| {
            p.points.iter().map(|[x, y]| (p.right)(f64::from(*x), f64::from(*y)) as f32).collect()
        };
        let mut all: Vec<f32> = PROMISES.iter().flat_map(|p| -> Vec<f32> { of(p) }).collect();
        let s = (0..TURNS).fold(SEED, |s, _| s.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
        all.push((s >> 8) as f32);
        all
    }

    #[test]
    fn a_device_without_a_fault_keeps_its_functions() {
        let found = judged(&right()).unwrap();
        assert_eq!((found.rough(), found.turns), (Rough::default(), Some(TURNS)));
        assert!(judged(&right()[1..]).is_none());
    }

    #[test]
    fn what_is_rough_is_replaced() {
        let exps = PROMISES[0].points.len();
        let mut numbers = right();
        numbers[exps] *= 0.87;
        assert_eq!(judged(&numbers).unwrap().rough(), Rough { log: true, ..Rough::default() });
        numbers[exps] = f32::NAN;
        assert_eq!(judged(&numbers).unwrap().rough(), Rough { log: true, ..Rough::default() });
        // A loop that ended early, and one that counts otherwise.
        let last = numbers.len() - 1;
        numbers[last] = ((0..65_535).fold(SEED, |s, _| s.wrapping_mul(1_664_525).wrapping_add(1_013_904_223))
            >> 8) as f32;
        assert_eq!(judged(&numbers).unwrap().turns, Some(65_535));
        numbers[last] = -1.0;
        assert_eq!(judged(&numbers).unwrap().turns, None);
    }
}
