//! Contractions: every order of axes, every size, operands that lie in memory in every way.

use dl_core::{I64, Named};

use crate::case::{Case, case};
use crate::cases::ODD;
use crate::scene::Fill::{self, Ties, Uniform};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    sizes(&mut cases);
    specs(&mut cases);
    layouts(&mut cases);
    values(&mut cases);
    cases
}

fn sizes(cases: &mut Vec<Case>) {
    for m in ODD {
        for k in ODD {
            for n in ODD {
                cases.push(case("contract", format!("[{m}, {k}] with [{k}, {n}]"), move |s| {
                    let (a, b) = (s.float(&[m, k], Uniform), s.float(&[k, n], Uniform));
                    s.output(a.dot(b));
                }));
            }
        }
    }
    // Large enough to be shared between threads.
    cases.push(case("contract", "a layer and both of its gradients", |s| {
        const B: Named = Named("B");
        let x = s.input(s.float, (B, 130), &[97, 130], Uniform);
        let w = s.parameter(&[130, 67], Uniform);
        let d = s.input(s.float, (B, 67), &[97, 67], Uniform);
        s.output(x.dot(w));
        s.output(d.contract("bo,io->bi", w));
        s.output(x.contract("bi,bo->io", d));
        s.output(d.contract("bo,bi->io", x));
    }));
}

/// Sizes by letter, so that a spec alone says what its operands are.
fn size(letter: u8) -> usize {
    match letter {
        b'a' => 2,
        b'b' => 3,
        b'i' => 4,
        b'j' => 5,
        b'k' => 6,
        b'l' => 7,
        b'm' => 8,
        _ => 9,
    }
}

fn specs(cases: &mut Vec<Case>) {
    let specs = [
        "i,i->",
        "i,j->ij",
        "i,j->ji",
        "ik,k->i",
        "k,ki->i",
        "ik,kj->ij",
        "ik,kj->ji",
        "ki,jk->ij",
        "ki,jk->ji",
        "ij,ij->",
        "ij,ji->",
        "ij,ij->ij",
        "ij,ji->ji",
        "ij,i->ij",
        "ij,j->ji",
        "aik,akj->aij",
        "aik,akj->iaj",
        "aik,akj->ija",
        "iak,kja->jai",
        "abik,abkj->abij",
        "aibk,kbja->abij",
        "ikl,klj->ij",
        "ikl,lkj->ij",
        "kil,ljk->ij",
        "ijk,kl->ijl",
        "ijk,kl->lij",
        "ijk,kl->ilj",
        "ijk,klm->ijlm",
        "ijk,lkm->limj",
        "ij,kl->ijkl",
        "ij,kl->ikjl",
        "aij,aij->a",
        "abij,aij->ab",
        "ai,bi->ab",
    ];
    for spec in specs {
        let shapes = || {
            spec.split("->")
                .next()
                .expect("there is one")
                .split(',')
                .map(|l| l.bytes().map(size).collect::<Vec<_>>())
        };
        cases.push(case("contract", spec, move |s| {
            let [a, b] =
                shapes().map(|n| s.float(&n, Uniform)).collect::<Vec<_>>().try_into().expect("two operands");
            s.output(a.contract(spec, b));
        }));
        cases.push(case("contract", format!("{spec} of integers"), move |s| {
            let [a, b] = shapes()
                .map(|n| s.typed(I64, &n, Fill::Wide))
                .collect::<Vec<_>>()
                .try_into()
                .expect("two operands");
            s.output(a.contract(spec, b));
        }));
    }
}

fn layouts(cases: &mut Vec<Case>) {
    cases.push(case("contract", "slices, flips and broadcasts", |s| {
        let (a, b) = (s.float(&[9, 20], Uniform), s.float(&[20, 11], Uniform));
        let row = s.float(&[10], Uniform);
        s.output(a.slice_by(1, 0, 20, 2).dot(b.slice_by(0, 1, 20, 2)));
        s.output(a.flip(1).dot(b.flip([0, 1])));
        s.output(a.slice(0, 2, 5).slice(1, 3, 13).dot(b.slice(0, 3, 13).slice(1, 5, 6)));
        s.output(row.broadcast_to(&[4, 10].into()).dot(b.slice(0, 0, 10)));
        s.output(a.slice(1, 0, 10).dot(row.unsqueeze(1).broadcast_to(&[10, 3].into())));
        s.output(a.dot(s.g.full(s.float, [20, 4], 0.5)));
    }));
    cases.push(case("contract", "axes that cannot be merged", |s| {
        let (a, b) = (s.float(&[3, 4, 5], Uniform), s.float(&[5, 4, 6], Uniform));
        s.output(a.slice(2, 1, 4).contract("ikl,lkj->ij", b.slice(0, 1, 4)));
        s.output(a.permute(&[2, 0, 1]).contract("jik,lkm->jilm", b));
        s.output(a.slice_by(1, 0, 4, 2).contract("ijk,klm->imlj", b));
    }));
    cases.push(case("contract", "the result used at once", |s| {
        let (a, b) = (s.float(&[7, 8], Uniform), s.float(&[8, 9], Uniform));
        let y = a.contract("ik,kj->ji", b);
        s.output((y * 2.0 + 1.0).sum(0));
        s.output(y.reshape([7 * 9]));
        s.output(y.transpose().dot(y));
    }));
}

fn values(cases: &mut Vec<Case>) {
    cases.push(case("contract", "infinities and NaN stay in their rows", |s| {
        let a = s.float(
            &[5, 7],
            Fill::These(&[1.0, 2.0, 0.5, f64::INFINITY, 1.0, 1.0, f64::NAN, 1.0, 3.0, 0.0, 1.0]),
        );
        let b = s.float(&[7, 3], Ties);
        s.output(a.dot(b));
    }));
}
