//! Functions in WGSL that formulas use less often, as `gpu/library.rs` has the others. The polynomials are our own, by
//! Chebyshev's nodes.

/// Name, text, and the functions that it calls, of those here or of the library.
pub(super) static SPECIAL: &[(&str, &str, &[&str])] = &[
    ("log2_", "fn log2_(x: f32) -> f32 { return log_(x) * 1.442695f; }", &["log_"]),
    // The whole part in two factors: one of them alone may overflow or vanish.
    (
        "exp2_",
        "
fn exp2_(x: f32) -> f32 {
    let c = clamp(x, -151.0f, 129.0f);
    let whole = floor(c + 0.5f);
    let n = i32(whole);
    let half = n / 2i;
    let first = bitcast<f32>((half + 127i) << 23u);
    let second = bitcast<f32>((n - half + 127i) << 23u);
    return select(exp_((c - whole) * 0.6931472f) * first * second, x, is_nan_(x));
}",
        &["exp_", "is_nan_"],
    ),
    (
        "tan_",
        "
fn tan_(x: f32) -> f32 {
    let q = quarters_(x);
    let sine = wave_(q.x, 0u);
    let cosine = wave_(q.x, 1u);
    let value = select(sine / cosine, -cosine / sine, (u32(q.y) & 1u) == 1u);
    return select(select(value, -value, x < 0.0f), bits(0x7fc00000u), !is_finite_(x));
}",
        &["bits", "is_finite_", "quarters_", "wave_"],
    ),
    // Far out by the square of the root of the exponential, which overflows later; near 0 by Taylor's series.
    (
        "sinh_",
        "
fn sinh_(x: f32) -> f32 {
    let z = x * x;
    var s = 1.0f + z * 0.013888889f;
    s = 1.0f + s * z * 0.023809524f;
    s = 1.0f + s * z * 0.05f;
    s = 1.0f + s * z * 0.16666667f;
    let e = exp_(abs(x) * 0.5f);
    let size = select((0.5f * e) * e - 0.5f / (e * e), (0.5f * e) * e, abs(x) > 20.0f);
    return select(select(size, -size, x < 0.0f), x * s, abs(x) < 1.0f);
}",
        &["exp_"],
    ),
    (
        "cosh_",
        "
fn cosh_(x: f32) -> f32 {
    let e = exp_(abs(x) * 0.5f);
    return (0.5f * e) * e + select(0.5f / (e * e), 0.0f, abs(x) > 20.0f);
}",
        &["exp_"],
    ),
    // The arc of a sine up to 1/2; above, that of half of the complement.
    (
        "arc_",
        "
fn arc_(a: f32) -> f32 {
    let steep = a > 0.5f;
    let z = select(a * a, (1.0f - a) * 0.5f, steep);
    var p = 0.017149238f + z * 0.033690847f;
    p = 0.031100662f + z * p;
    p = 0.0445994f + z * p;
    p = 0.07500094f + z * p;
    p = 0.16666666f + z * p;
    let s = select(a, sqrt(z), steep);
    return s + s * z * p;
}",
        &[],
    ),
    (
        "asin_",
        "
fn asin_(x: f32) -> f32 {
    let a = abs(x);
    let p = arc_(a);
    let size = select(p, 1.5707964f - 2.0f * p, a > 0.5f);
    return select(select(size, -size, x < 0.0f), bits(0x7fc00000u), a > 1.0f || is_nan_(x));
}",
        &["arc_", "bits", "is_nan_"],
    ),
    (
        "acos_",
        "
fn acos_(x: f32) -> f32 {
    let a = abs(x);
    let p = arc_(a);
    let side = select(2.0f * p, 3.1415927f - 2.0f * p, x < 0.0f);
    let middle = 1.5707964f - select(p, -p, x < 0.0f);
    return select(select(middle, side, a > 0.5f), bits(0x7fc00000u), a > 1.0f || is_nan_(x));
}",
        &["arc_", "bits", "is_nan_"],
    ),
    (
        "arctan_",
        "
fn arctan_(t: f32) -> f32 {
    let high = t > 2.4142137f;
    let beside = t > 0.41421357f;
    let above = select(select(t, t - 1.0f, beside), -1.0f, high);
    let below = select(select(1.0f, t + 1.0f, beside), t, high);
    let u = select(above / below, 0.0f, t > 1e30f);
    let z = u * u;
    var p = 0.10743099f - z * 0.06449835f;
    p = -0.14263897f + z * p;
    p = 0.19999538f + z * p;
    p = -0.3333333f + z * p;
    return select(select(0.0f, 0.7853982f, beside), 1.5707964f, high) + (u + u * z * p);
}",
        &[],
    ),
    (
        "atan_",
        "
fn atan_(x: f32) -> f32 {
    let size = arctan_(abs(x));
    return select(select(size, -size, x < 0.0f), x, is_nan_(x));
}",
        &["arctan_", "is_nan_"],
    ),
    (
        "atan2_",
        "
fn atan2_(y: f32, x: f32) -> f32 {
    let a = abs(y);
    let b = abs(x);
    let low = min(a, b);
    let high = max(a, b);
    // So that nothing overflows in the device's quotient.
    let scale = select(1.0f, 9.313226e-10f, high > 1e30f);
    var ratio = select((low * scale) / (high * scale), 0.0f, high == 0.0f);
    ratio = select(ratio, 1.0f, !is_finite_(low));
    ratio = select(ratio, 0.0f, !is_finite_(high) && is_finite_(low));
    var angle = arctan_(ratio);
    angle = select(angle, 1.5707964f - angle, a > b);
    angle = select(angle, 3.1415927f - angle, (bitcast<u32>(x) & 0x80000000u) != 0u);
    angle = bitcast<f32>(bitcast<u32>(angle) | (bitcast<u32>(y) & 0x80000000u));
    return select(angle, bits(0x7fc00000u), is_nan_(x) || is_nan_(y));
}",
        &["arctan_", "bits", "is_nan_", "is_finite_"],
    ),
    // Shepherd and Laframboise's form, 1981.
    (
        "scaled_",
        "
fn scaled_(size: f32) -> f32 {
    let t = min(size, 1e30f);
    let q = (t - 4.0f) / (t + 4.0f);
    var p = -2.486323e-4f + q * 1.16608e-4f;
    p = -7.1633945e-4f + q * p;
    p = 5.0828094e-3f + q * p;
    p = -0.016222274f + q * p;
    p = 0.03713992f + q * p;
    p = -0.06632326f + q * p;
    p = 0.09374044f + q * p;
    p = -0.10103995f + q * p;
    p = 0.06809613f + q * p;
    p = 0.015379684f + q * p;
    p = -0.13962108f + q * p;
    p = 1.2329952f + q * p;
    return 0.5f * p / (0.5f + size);
}",
        &[],
    ),
    // The exponential of a square with a sign: the square of the upper digits is exact.
    (
        "gauss_",
        "
fn gauss_(size: f32, sign: f32) -> f32 {
    let x = min(size, 20.0f);
    let high = bitcast<f32>(bitcast<u32>(x) & 0xfffff000u);
    return exp_(sign * high * high) * exp_(sign * (x - high) * (x + high));
}",
        &["exp_"],
    ),
    (
        "erfc_",
        "
fn erfc_(x: f32) -> f32 {
    let a = abs(x);
    let y = gauss_(a, -1.0f) * scaled_(a);
    return select(select(y, 2.0f - y, x < 0.0f), x, is_nan_(x));
}",
        &["gauss_", "scaled_", "is_nan_"],
    ),
    (
        "erfcx_",
        "
fn erfcx_(x: f32) -> f32 {
    let y = scaled_(abs(x));
    // Beyond, it overflows.
    let left = select(2.0f * gauss_(abs(x), 1.0f) - y, bits(0x7f800000u), x < -9.5f);
    return select(select(y, left, x < 0.0f), x, is_nan_(x));
}",
        &["bits", "gauss_", "scaled_", "is_nan_"],
    ),
    // To the right by the other tail.
    (
        "log_ndtr_",
        "
fn log_ndtr_(x: f32) -> f32 {
    let t = abs(x) * 0.70710677f;
    let half = 0.5f * scaled_(t);
    let high = bitcast<f32>(bitcast<u32>(min(abs(x), 20.0f)) & 0xfffff000u);
    let rest = min(abs(x), 20.0f) - high;
    let tail = exp_(-0.5f * high * high) * exp_(-0.5f * rest * (rest + 2.0f * high)) * half;
    let left = log_(half) - (0.5f * x) * x;
    return select(select(log1p_(-tail), left, x < 0.0f), x, is_nan_(x));
}",
        &["exp_", "log_", "log1p_", "scaled_", "is_nan_"],
    ),
    (
        "erfinv_",
        "
fn erfinv_(x: f32) -> f32 {
    let a = abs(x);
    let z = a * a;
    var p = -0.8308746f + z * 0.5816778f;
    p = 0.6441897f + z * p;
    p = -0.17263557f + z * p;
    p = 0.11210633f + z * p;
    p = 0.08113168f + z * p;
    p = 0.12786257f + z * p;
    p = 0.2320071f + z * p;
    p = 0.88622695f + z * p;
    let s = sqrt(-log_((1.0f - a) * (1.0f + a)));
    let u = s - 2.5f;
    var t = 5.80827e-7f + u * 7.937080e-7f;
    t = -9.949364e-6f + u * t;
    t = 2.8877776e-7f + u * t;
    t = 6.0762875e-5f + u * t;
    t = -7.2913586e-5f + u * t;
    t = -1.9961689e-4f + u * t;
    t = 8.3242514e-4f + u * t;
    t = -8.5352088e-4f + u * t;
    t = -3.8943291e-3f + u * t;
    t = 0.023653237f + u * t;
    t = 0.93347585f + u * t;
    var size = select(s * t, a * p, a < 0.75f);
    size = select(size, bits(0x7f800000u), a == 1.0f);
    size = select(size, bits(0x7fc00000u), a > 1.0f || is_nan_(x));
    return select(size, -size, x < 0.0f);
}",
        &["bits", "log_", "is_nan_"],
    ),
    (
        "floor_divide_",
        "
fn floor_divide_(x: i32, y: i32) -> i32 {
    if (y == 0i) { return 0i; }
    let q = x / y;
    return select(q, q - 1i, q * y != x && ((x < 0i) != (y < 0i)));
}",
        &[],
    ),
    (
        "remainder_",
        "
fn remainder_(x: i32, y: i32) -> i32 {
    if (y == 0i) { return 0i; }
    return x - floor_divide_(x, y) * y;
}",
        &["floor_divide_"],
    ),
];
