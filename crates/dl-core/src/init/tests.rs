//! Golden values of the initialisers, their moments, and what they refuse.

use super::*;
use crate::{Bool, F32, F64, I64, U8};
use expect_test::{Expect, expect};

fn values(init: &Init, shape: &[usize]) -> Vec<f64> {
    init.sample(F64, shape, 7, "fc1.weight").unwrap().to_f64()
}

fn golden(init: Init, shape: &[usize], want: Expect) {
    want.assert_eq(&format!("{:?}", values(&init, shape)));
}

#[test]
fn the_hash_is_the_published_one() {
    assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
    assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
    assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
}

#[test]
fn values_never_change() {
    golden(
        Init::Uniform { low: -1.0, high: 3.0 },
        &[3],
        expect!["[-0.027825438184694296, 0.17797223806559126, -0.9589429210181493]"],
    );
    golden(
        Init::Normal { mean: 1.0, std: 2.0 },
        &[3],
        expect!["[0.5881692260223095, 2.434570606472996, 1.0082407512721652]"],
    );
    golden(Init::XavierUniform { gain: 1.0 }, &[1, 2], expect!["[-0.726782337216432, -0.5812614047874214]"]);
    golden(
        Init::KaimingNormal { fan: Fan::Out, nonlinearity: Nonlinearity::Relu },
        &[1, 3],
        expect!["[-0.1681292094368017, 0.5856609976423078, 0.003364272618999367]"],
    );
    golden(
        Init::TruncatedNormal { mean: 0.0, std: 1.0, low: -2.0, high: 2.0 },
        &[3],
        expect!["[-0.6596624864206042, -0.5133773889501223, -1.8446068528130946]"],
    );
    golden(
        Init::Orthogonal { gain: 1.0 },
        &[2, 2],
        expect!["[-0.9997998592009926, -0.020006037630562162, 0.020006037630562162, -0.9997998592009927]"],
    );
}

#[test]
fn a_value_depends_on_seed_name_and_place_only() {
    let init = Init::Normal { mean: 0.0, std: 1.0 };
    let first = values(&init, &[5, 7]);
    assert_eq!(first[..5], values(&init, &[5]));
    assert_ne!(first, init.sample(F64, &[5, 7], 8, "fc1.weight").unwrap().to_f64());
    assert_ne!(first, init.sample(F64, &[5, 7], 7, "fc2.weight").unwrap().to_f64());
    let single = init.sample(F32, &[5, 7], 7, "fc1.weight").unwrap();
    assert_eq!(single.get::<f32>().unwrap(), first.iter().map(|&x| x as f32).collect::<Vec<_>>());
}

/// The mean, the standard deviation and the largest magnitude of 20,000 values.
fn moments(init: Init, shape: &[usize]) -> (f64, f64, f64) {
    let v = values(&init, shape);
    let n = v.len() as f64;
    let mean = v.iter().sum::<f64>() / n;
    let variance = v.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    (mean, variance.sqrt(), v.iter().fold(0.0, |m, x| x.abs().max(m)))
}

#[test]
fn spreads_follow_the_fans() {
    use Nonlinearity::{LeakyRelu, Relu};
    let check = |init: Init, shape: &[usize], std: f64, bound: f64| {
        let name = format!("{init:?}");
        let (mean, got, largest) = moments(init, shape);
        assert!(
            mean.abs() < 0.02 * std && (got / std - 1.0).abs() < 0.02 && largest <= bound,
            "{name}: {mean} {got}"
        );
    };
    let (dense, window) = ([100, 200], [5, 5, 20, 40]);
    check(Init::Uniform { low: -1.0, high: 1.0 }, &dense, (1f64 / 3.0).sqrt(), 1.0);
    check(Init::Normal { mean: 0.0, std: 2.0 }, &dense, 2.0, f64::INFINITY);
    check(
        Init::XavierUniform { gain: 2.0 },
        &dense,
        2.0 * (2f64 / 300.0).sqrt(),
        2.0 * (6f64 / 300.0).sqrt(),
    );
    check(Init::XavierNormal { gain: 1.0 }, &window, (2f64 / 1500.0).sqrt(), f64::INFINITY);
    let torch = Init::KaimingUniform { fan: Fan::In, nonlinearity: LeakyRelu(5f64.sqrt()) };
    check(torch, &dense, 0.1 / 3f64.sqrt(), 0.1 + 1e-12);
    check(
        Init::KaimingNormal { fan: Fan::In, nonlinearity: Relu },
        &dense,
        (2f64 / 100.0).sqrt(),
        f64::INFINITY,
    );
    check(
        Init::KaimingNormal { fan: Fan::Out, nonlinearity: Relu },
        &dense,
        (2f64 / 200.0).sqrt(),
        f64::INFINITY,
    );
}

#[test]
fn truncated_normals_have_their_moments() {
    // Of the standard normal on [-2, 2]: 1 - 4φ(2)/(2Φ(2) - 1).
    let cut = |mean, std, low, high| Init::TruncatedNormal { mean, std, low, high };
    let (mean, std, largest) = moments(cut(0.0, 1.0, -2.0, 2.0), &[100, 200]);
    assert!(mean.abs() < 0.02 && (std / 0.774_151_f64.sqrt() - 1.0).abs() < 0.02, "{mean} {std}");
    assert!(largest <= 2.0 && largest > 1.99, "{largest}");
    // Of the upper half it is the half-normal distribution.
    let (mean, std, _) = moments(cut(3.0, 2.0, 3.0, f64::INFINITY), &[100, 200]);
    let want =
        (3.0 + 2.0 * (2.0 / std::f64::consts::PI).sqrt(), 2.0 * (1.0 - 2.0 / std::f64::consts::PI).sqrt());
    assert!((mean / want.0 - 1.0).abs() < 0.02 && (std / want.1 - 1.0).abs() < 0.02, "{mean} {std} {want:?}");
    // Far out the tail falls as exp(-10 x), on either side.
    for side in [1.0, -1.0] {
        let (low, high) = if side > 0.0 { (10.0, f64::INFINITY) } else { (f64::NEG_INFINITY, -10.0) };
        let (mean, ..) = moments(cut(0.0, 1.0, low, high), &[100, 200]);
        assert!((side * mean - 10.098).abs() < 0.005, "{mean}");
    }
    // A tenth of the values lies below the tenth's quantile.
    let v = values(&cut(0.0, 1.0, -2.0, 2.0), &[20_000]);
    let fraction = v.iter().filter(|x| **x < -1.180_554).count() as f64 / 20_000.0;
    assert!((fraction - 0.1).abs() < 0.01, "{fraction}");
}

#[test]
fn orthogonal_weights_are_orthogonal() {
    for shape in [vec![70, 30], vec![30, 70], vec![3, 3, 4, 9], vec![1, 1], vec![33, 33], vec![0, 3]] {
        let v = values(&Init::Orthogonal { gain: 1.5 }, &shape);
        let columns = shape[shape.len() - 1];
        let rows = v.len() / columns;
        let tall = rows >= columns;
        let at =
            |vector: usize, i: usize| if tall { v[i * columns + vector] } else { v[vector * columns + i] };
        let (count, length) = if tall { (columns, rows) } else { (rows, columns) };
        for a in 0..count.min(rows) {
            for b in 0..=a {
                let product: f64 = (0..length).map(|i| at(a, i) * at(b, i)).sum();
                let want = if a == b { 2.25 } else { 0.0 };
                assert!((product - want).abs() < 1e-13, "{shape:?}: {a}, {b}: {product}");
            }
        }
    }
    // No direction is preferred: the first element has both signs and the variance of one in 30.
    let first = |seed| Init::Orthogonal { gain: 1.0 }.sample(F64, &[30, 2], seed, "w").unwrap().to_f64()[0];
    let (sum, squares) = (0..2000).map(first).fold((0.0, 0.0), |(s, q), x| (s + x, q + x * x));
    assert!((sum / 2000.0).abs() < 0.02 && (squares / 2000.0 * 30.0 - 1.0).abs() < 0.1, "{sum} {squares}");
}

#[test]
fn gains_are_those_of_pytorch() {
    let gains =
        [Nonlinearity::Tanh, Nonlinearity::LeakyRelu(0.01), Nonlinearity::Selu].map(Nonlinearity::gain);
    assert_eq!(gains, [5.0 / 3.0, 1.414_142_856_997_835_4, 0.75]);
}

#[test]
fn constants_and_literals_are_taken_as_they_are() {
    let ones = Init::ones().sample(I64, &[2], 0, "n").unwrap();
    assert_eq!(ones.get::<i64>().unwrap(), [1, 1]);
    let t = Tensor::vector(vec![1.5f32, -2.5]);
    assert_eq!(Init::Literal(t.clone()).sample(F32, &[2], 0, "n").unwrap(), t);
    let empty = Init::KaimingUniform { fan: Fan::In, nonlinearity: Nonlinearity::Relu };
    assert!(empty.sample(F32, &[0, 3], 0, "n").unwrap().is_empty());
}

#[test]
fn misuse_is_refused() {
    let check = |init: Init, dtype: DType, shape: &[usize], want: Expect| {
        want.assert_eq(&init.sample(dtype, shape, 0, "w").unwrap_err().to_string());
    };
    check(
        Init::Uniform { low: 1.0, high: 0.0 },
        F32,
        &[2],
        expect![
            "initialiser of w: uniform on [1, 0]: bounds in this order are needed that are finite as f32"
        ],
    );
    check(
        Init::Normal { mean: 0.0, std: -1.0 },
        F32,
        &[2],
        expect![
            "initialiser of w: normal with mean 0 and std -1: std ≥ 0 is needed, and numbers that are finite as f32"
        ],
    );
    check(
        Init::Normal { mean: 0.0, std: 1.0 },
        I64,
        &[2],
        expect!["initialiser of w: random numbers of i64: f32 or f64 is needed"],
    );
    check(
        Init::XavierUniform { gain: 1.0 },
        F32,
        &[2],
        expect!["initialiser of w: shape [2] has no fan: a weight has at least two axes, [in, out]"],
    );
    check(
        Init::XavierUniform { gain: f64::NAN },
        F32,
        &[2, 2],
        expect![
            "initialiser of w: uniform on [NaN, NaN]: bounds in this order are needed that are finite as f32"
        ],
    );
    let cut = |std, low, high| Init::TruncatedNormal { mean: 0.0, std, low, high };
    check(
        cut(0.0, -2.0, 2.0),
        F32,
        &[2],
        expect![
            "initialiser of w: truncated normal with mean 0 and std 0 on [-2, 2]: finite numbers, std > 0 and low < high are needed"
        ],
    );
    check(
        cut(1.0, 2.0, -2.0),
        F32,
        &[2],
        expect![
            "initialiser of w: truncated normal with mean 0 and std 1 on [2, -2]: finite numbers, std > 0 and low < high are needed"
        ],
    );
    check(
        cut(1.0, 40.0, 41.0),
        F32,
        &[2],
        expect![
            "initialiser of w: truncated normal with mean 0 and std 1 on [40, 41]: the bounds lie more than 38 standard deviations away"
        ],
    );
    check(
        Init::Orthogonal { gain: 1.0 },
        F32,
        &[2],
        expect!["initialiser of w: orthogonal of shape [2]: a weight has at least two axes, [in, out]"],
    );
    check(
        Init::Orthogonal { gain: f64::NAN },
        F32,
        &[2, 2],
        expect!["initialiser of w: orthogonal with gain NaN: a number is needed that is finite as f32"],
    );
    check(
        Init::Orthogonal { gain: 1.0 },
        I64,
        &[2, 2],
        expect!["initialiser of w: random numbers of i64: f32 or f64 is needed"],
    );
    check(Init::Constant(0.5), I64, &[2], expect!["initialiser of w: constant 0.5 does not fit i64"]);
    check(Init::Constant(256.0), U8, &[2], expect!["initialiser of w: constant 256 does not fit u8"]);
    check(Init::Constant(2.0), Bool, &[2], expect!["initialiser of w: constant 2 does not fit bool"]);
    check(
        Init::Literal(Tensor::scalar(1.0f32)),
        F32,
        &[2],
        expect!["initialiser of w: expected f32 [2], got f32 []"],
    );
    check(
        Init::Zeros,
        F32,
        &[usize::MAX, 2],
        expect!["initialiser of w: shape [18446744073709551615, 2] has too many elements"],
    );
    check(
        Init::Zeros,
        F32,
        &[usize::MAX],
        expect!["initialiser of w: shape [18446744073709551615] does not fit into memory"],
    );
}

#[test]
fn initialisers_survive_json() {
    let init = Init::KaimingUniform { fan: Fan::In, nonlinearity: Nonlinearity::LeakyRelu(0.25) };
    let text = serde_json::to_string(&init).unwrap();
    expect![[r#"{"kaiming_uniform":{"fan":"in","nonlinearity":{"leaky_relu":0.25}}}"#]].assert_eq(&text);
    assert_eq!(serde_json::from_str::<Init>(&text).unwrap(), init);
}
