//! How far an executor may be from the interpreter, per operation: declared in one table.

use dl_core::DType;

/// What is promised of one operation.
pub(crate) struct Row {
    /// The operation, or `composed` for programs of several.
    pub op: &'static str,
    /// Units in the last place of the result, for `cpu`, `ndarray`, `flex`, `wgpu`; 0 is bit for bit
    /// (but `-0` equals `0`, and one NaN equals another).
    pub ulps: [f64; 4],
    /// Results nearer to zero than this are judged as if they were this large: where terms cancel.
    pub floor: f64,
}

/// An operation without a row is exact on every executor.
#[rustfmt::skip]
pub(crate) static FIDELITY: &[Row] = &[
//        op                  cpu   ndarray flex  wgpu     floor
    row("exp",              [   4.0,   4.0,   4.0,   64.0], 0.0),
    row("expm1",            [   4.0,   4.0,   4.0,   64.0], 0.0),
    row("log",              [   4.0,   4.0,   4.0,   64.0], 0.0),
    row("log1p",            [   4.0,   4.0,   4.0,   64.0], 0.0),
    row("sqrt",             [   1.0,   1.0,   1.0,    4.0], 0.0),
    row("sin",              [   4.0,   4.0,   4.0,   64.0], 0.0),
    row("cos",              [   4.0,   4.0,   4.0,   64.0], 0.0),
    row("tanh",             [   4.0,   4.0,   4.0,   64.0], 0.0),
    row("sigmoid",          [   4.0,   4.0,   4.0,   64.0], 0.0),
    row("softplus",         [   4.0,   4.0,   4.0,   64.0], 0.0),
    row("erf",              [   4.0,   4.0,   4.0,   64.0], 0.0),
    row("log2",             [   4.0,    4.0,    4.0,   64.0], 0.0),
    row("exp2",             [   4.0,    4.0,    4.0,   64.0], 0.0),
    row("tan",              [   4.0,    4.0,    4.0,   64.0], 0.0),
    row("sinh",             [   4.0,    4.0,    4.0,   64.0], 0.0),
    row("cosh",             [   4.0,    4.0,    4.0,   64.0], 0.0),
    row("asin",             [   4.0,    4.0,    4.0,   64.0], 0.0),
    row("acos",             [   4.0,    4.0,    4.0,   64.0], 0.0),
    row("atan",             [   4.0,    4.0,    4.0,   64.0], 0.0),
    row("erfc",             [   4.0,    4.0,    4.0,   64.0], 0.0),
    row("erfcx",            [   4.0,    4.0,    4.0,   64.0], 0.0),
    row("erfinv",           [   4.0,    4.0,    4.0,   64.0], 0.0),
    row("log_ndtr",         [   4.0,    4.0,    4.0,   64.0], 0.0),
    row("lgamma",           [   4.0,    4.0,    4.0,    4.0], 0.0),
    row("digamma",          [   4.0,    4.0,    4.0,    4.0], 0.0),
    row("atan2",            [   4.0,    4.0,    4.0,   64.0], 0.0),
    row("floor_divide",     [   1.0,    1.0,    1.0,    1.0], 0.0),
    row("remainder",        [   1.0,    1.0,    1.0,    1.0], 0.0),
    row("ierfcx",           [   1.0,    1.0,    1.0,    1.0], 0.0),
    row("polygamma",        [   1.0,    1.0,    1.0,    1.0], 0.0),
    row("add",              [   1.0,   1.0,   1.0,    2.0], 0.0),
    row("sub",              [   1.0,   1.0,   1.0,    2.0], 0.0),
    row("mul",              [   1.0,   1.0,   1.0,    2.0], 0.0),
    row("div",              [   1.0,   1.0,   1.0,    4.0], 0.0),
    row("pow",              [   4.0,   4.0,   4.0,  256.0], 0.0),
    row("cast",             [   1.0,   1.0,   1.0,    1.0], 0.0),
    row("sum",              [  16.0, 256.0, 256.0,  256.0], 1.0),
    row("prod",             [  64.0, 256.0, 256.0,  256.0], 0.0),
    row("logsumexp",        [  16.0, 256.0, 256.0, 1024.0], 1.0),
    row("log_softmax",      [  16.0, 256.0, 256.0, 1024.0], 1.0),
    row("cumsum",           [  16.0,  16.0,  16.0,   16.0], 1.0),
    row("cumprod",          [  16.0,  16.0,  16.0,   16.0], 0.0),
    row("logcumsumexp",     [  16.0,  16.0,  16.0,   16.0], 1.0),
    row("linear_recurrence",[  16.0,  16.0,  16.0,   16.0], 1.0),
    row("contract",         [  64.0, 256.0, 256.0,  256.0], 8.0),
    row("scatter_add",      [  16.0,  64.0,  64.0,   64.0], 1.0),
    row("fold",             [  16.0,  64.0,  64.0,   64.0], 1.0),
    row("composed",         [ 512.0, 512.0, 512.0, 2048.0], 1.0),
];

const fn row(op: &'static str, ulps: [f64; 4], floor: f64) -> Row {
    Row { op, ulps, floor }
}

/// What is promised of `op`.
pub(crate) fn promised(op: &str) -> &'static Row {
    static EXACT: Row = row("", [0.0; 4], 0.0);
    FIDELITY.iter().find(|r| r.op == op).unwrap_or(&EXACT)
}

impl Row {
    /// Whether `got`, computed in `dtype` on `executor`, is near enough to `want`.
    pub(crate) fn allows(&self, executor: &str, dtype: DType, got: f64, want: f64) -> bool {
        let single = dtype == DType::F32;
        let rounded = if single { f64::from(want as f32) } else { want };
        if got == rounded || (got.is_nan() && rounded.is_nan()) {
            return true;
        }
        let executor = if executor == "schedule" { "cpu" } else { executor };
        let column = ["cpu", "ndarray", "flex", "wgpu"].iter().position(|e| *e == executor);
        let ulps = self.ulps[column.expect("every executor has a column")];
        if ulps == 0.0 {
            return false;
        }
        // In double precision the interpreter's own long sums are off by as much.
        let ulps = if !single && self.floor > 0.0 { 16.0 * ulps } else { ulps };
        let (epsilon, tiny, huge) = if single {
            (f64::from(f32::EPSILON), f64::from(f32::MIN_POSITIVE), f64::from(f32::MAX))
        } else {
            (f64::EPSILON, f64::MIN_POSITIVE, f64::MAX)
        };
        // What lies at the edge of overflow may be on either side of it; some devices flush denormals.
        let got = if got.is_infinite() && want.abs() > huge * (1.0 - ulps * epsilon) {
            huge.copysign(got)
        } else {
            got
        };
        let want = want.clamp(-huge, huge);
        (got - want).abs()
            <= ulps * epsilon * want.abs().max(self.floor) + tiny * f64::from(executor == "wgpu")
            || (got - want).abs() <= ulps * tiny * epsilon
    }
}

#[test]
fn an_envelope_is_relative() {
    let row = promised("exp");
    assert!(row.allows("cpu", DType::F32, 1.0000001, 1.0) && !row.allows("cpu", DType::F32, 1.000001, 1.0));
    assert!(!row.allows("cpu", DType::F64, 1.0000001, 1.0));
    assert!(
        row.allows("cpu", DType::F32, f64::INFINITY, 1e39)
            && !row.allows("cpu", DType::F32, f64::INFINITY, 1e30)
    );
    assert!(
        !row.allows("cpu", DType::F64, f64::NAN, 1.0) && !row.allows("cpu", DType::F64, 1.0, f64::INFINITY)
    );
}
