//! Two sample records side by side.

use expect_test::expect;

use super::*;
use crate::record::tests::sample;

fn compared(change: impl FnOnce(&mut Record)) -> Comparison {
    let mut b = sample();
    change(&mut b);
    Comparison::of(["a.json".into(), "b.json".into()], [sample(), b])
}

fn step(comparison: &Comparison) -> Verdict {
    comparison.places[0].pairs[0].step
}

fn times(spread: &mut Spread, factor: f64) {
    *spread = Spread { median: spread.median * factor, p10: spread.p10 * factor, p90: spread.p90 * factor };
}

#[test]
fn equal_records_have_no_change() {
    let same = compared(|_| ());
    assert_eq!(same.warnings, [""; 0]);
    assert_eq!(same.alone, [""; 0]);
    for pair in same.places.iter().flat_map(|place| &place.pairs) {
        assert_eq!((pair.step, pair.test), (Verdict::Same, Verdict::Same));
        assert_eq!(pair.noise, Some(1.03));
    }
}

#[test]
fn a_change_is_one_beyond_every_noise() {
    // 0.9 to 1.2 of the median are the spread: only a factor of more than 4/3 leaves no time in common.
    assert_eq!(step(&compared(|b| times(&mut b.rows[0].step_ms, 1.3))), Verdict::Same);
    assert_eq!(step(&compared(|b| times(&mut b.rows[0].step_ms, 1.4))), Verdict::More);
    assert_eq!(step(&compared(|b| times(&mut b.rows[0].step_ms, 0.7))), Verdict::Less);
    let of = |change: fn(&mut Record)| {
        step(&compared(|b| {
            times(&mut b.rows[0].step_ms, 1.4);
            change(b);
        }))
    };
    // The control row strays as far; the products have slowed as much; there is no control.
    assert_eq!(of(|b| b.control[0].ratio.p90 = 1.5), Verdict::Same);
    assert_eq!(of(|b| times(&mut b.floor[0].step_ms, 1.5)), Verdict::Same);
    assert_eq!(of(|b| b.control.clear()), Verdict::Unknown);
    assert_eq!(of(|b| b.floor.clear()), Verdict::Unknown);
}

#[test]
fn memory_and_compiling_stray_as_the_control_does() {
    let of = |peak: Option<f64>, change: fn(&mut Record)| {
        let comparison = compared(|b| {
            b.control[0].peak_ratio = peak;
            b.control[0].compile_ratio = peak;
            change(b);
        });
        let pair = &comparison.places[0].pairs[0];
        (pair.peak, pair.compile)
    };
    let more = |b: &mut Record| {
        b.rows[0].peak_mib = b.rows[0].peak_mib.map(|mib| mib * 1.1);
        b.rows[0].compile_ms = b.rows[0].compile_ms.map(|ms| ms * 1.1);
    };
    assert_eq!(of(Some(1.01), more), (Verdict::More, Verdict::More));
    assert_eq!(of(Some(0.9), more), (Verdict::Same, Verdict::Same));
    assert_eq!(of(Some(1.01), |_| ()), (Verdict::Same, Verdict::Same));
}

#[test]
fn accuracy_strays_by_chance() {
    // Of 97.81 % of 10,000 images, 2.576 standard errors of a difference are 0.53 percentage points.
    let of = |accuracy: f64| compared(|b| b.rows[0].test_accuracy = Some(accuracy)).places[0].pairs[0].test;
    assert_eq!([of(0.9730), of(0.9720), of(0.9850)], [Verdict::Same, Verdict::Less, Verdict::More]);
    let trained = compared(|b| b.rows[0].trained = "1 epoch".into());
    assert_eq!(trained.places[0].pairs[0].test, Verdict::Unknown);
}

#[test]
fn what_differs_beside_the_code_is_told() {
    let differs = compared(|b| {
        b.host.cpu = "Another CPU".into();
        b.data.name = "mnist".into();
        b.quick = true;
        b.revision = Some("fedcba9876543210-dirty".into());
        b.rows.iter_mut().for_each(|row| row.threads = 1);
    });
    expect![[r#"
        machine: A CPU, 2 cores, x86_64, avx2 avx512f in A, Another CPU, 2 cores, x86_64, avx2 avx512f in B; times are of different machines
        data: fashion-mnist (60000 to train, 10000 to test) in A, mnist (60000 to train, 10000 to test) in B
        threads: 2 in A, 1 in B
        measured by: a full run in A, --quick in B; medians of fewer rounds stray more
        revision: 0123456789abcdef in A, fedcba9876543210-dirty in B
        revision: B was built from a tree that differs from its commit"#]]
    .assert_eq(&differs.warnings.join("\n"));
    assert_eq!(differs.places.len(), 0);
    assert_eq!(differs.alone.len(), 4);
    let network = compared(|b| b.network.l2 = 0.5);
    assert_eq!(network.warnings, ["network: one description in A, another in B; the rows do other work"]);
}

#[test]
fn both_stand_side_by_side() {
    let comparison = compared(|b| {
        times(&mut b.rows[0].step_ms, 0.7);
        b.rows[0].test_accuracy = Some(0.9);
        b.rows[1].backend = "flex".into();
        b.revision = Some("fedcba9876543210".into());
    });
    expect![[r#"

        A          a.json: revision 0123456789, 2026-01-31T12:34:56Z, perceptron on fashion-mnist
        B          b.json: revision fedcba9876, 2026-01-31T12:34:56Z, perceptron on fashion-mnist
        DIFFERS    revision: 0123456789abcdef in A, fedcba9876543210 in B

                          A step            A  B step            B                   compile   peak            test
          backend             ms      p10–p90      ms      p10–p90  B ÷ A    step         ms    MiB

        batch 64, 2 threads; noise: a factor of 1.030
          products alone   0.160  0.144–0.192   0.160  0.144–0.192  1.000       ·          ·      ·               ·
          cpu              0.180  0.162–0.216   0.126  0.113–0.151  0.700  faster  3.25→3.25  81→81  !97.81%→90.00%

        ALONE      burn-flex, batch 64, threads 2: only in A
        ALONE      flex, batch 64, threads 2: only in B
        criterion  A step is called faster or slower where both hold: the ratio of the medians is farther from 1 than
                   noise, and the ranges p10–p90 of the two runs have no time in common. Noise is the largest of three
                   factors: how far the row that was measured twice (A/A) strays in A and in B at this batch size and
                   thread count, and how far the matrix products alone, whose code is the same in both, have moved
                   from A to B. Compile time and memory have one value a run: they are marked ! where they changed by
                   more than the largest A/A ratio of theirs anywhere in the two records, and compile time also by
                   more than the products moved. Accuracy is marked ! where the difference is beyond 2.576 standard
                   errors of two independent shares of that many test examples, after the same training. What a record
                   does not let judge is marked ?.
        summary    of 1 rows in both, 1 faster, 0 slower, 0 the same within noise, 0 not judged; 1 changed in compile
                   time, memory or accuracy
    "#]].assert_eq(&text(&comparison));
    let page = page(&comparison).html();
    for part in ["faster", "<svg", "b.json", "burn-flex, batch 64, threads 2: only in A", CRITERION] {
        assert!(page.contains(&dl_report::escape(part)) || page.contains(part), "{part}");
    }
}
