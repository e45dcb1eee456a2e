//! Against the definitions, and the same bits everywhere.

use super::{Gaussians, LANES, Moments};
use crate::distance::Panels;
use crate::isa::{self, IsaKind};
use purlin_core::Matrix;
use purlin_core::rng::Stream;

struct Case {
    x: Matrix<f64>,
    means: Matrix<f64>,
    factors: Vec<Matrix<f64>>,
    scales: Matrix<f64>,
    offsets: Vec<f64>,
}

fn case(n: usize, d: usize, k: usize) -> Case {
    let mut rng = Stream::new((n * 100 + d) as u64, "mixture").rng(k as u64);
    let mut number = |scale: f64| scale * rng.normal();
    let x = Matrix::from_fn(n, d, |_, _| number(2.0));
    let means = Matrix::from_fn(k, d, |_, _| number(2.0));
    let factor = |_| Matrix::from_fn(d, d, |i, j| if i <= j { number(0.5) } else { 0.0 });
    let factors = (0..k).map(factor).collect();
    let scales = Matrix::from_fn(k, d, |_, _| number(1.0).abs());
    let offsets = (0..k).map(|_| number(1.0)).collect();
    Case { x, means, factors, scales, offsets }
}

const SHAPES: [(usize, usize, usize); 7] =
    [(1, 1, 1), (7, 2, 3), (8, 3, 2), (65, 4, 2), (150, 5, 3), (77, 9, 4), (300, 16, 2)];

/// Shares and densities, row by row and without the padding.
fn shares_of(gaussians: &Gaussians, x: &Panels<f64>) -> (Vec<f64>, Matrix<f64>, Vec<f64>) {
    let (rows, k) = (x.n_panels() * LANES, gaussians.n_components());
    let (mut shares, mut densities) = (vec![f64::NAN; rows * k], vec![f64::NAN; rows]);
    gaussians.shares(x, 0..x.n_panels(), &mut shares, &mut densities);
    let at = |i: usize, c: usize| shares[(i / LANES * k + c) * LANES + i % LANES];
    let table = Matrix::from_fn(x.n_rows(), k, at);
    assert!((x.n_rows()..rows).all(|i| (0..k).all(|c| at(i, c) == 0.0)), "padding has no share");
    assert!(densities[x.n_rows()..].iter().all(|&density| density == 0.0));
    densities.truncate(x.n_rows());
    (shares, table, densities)
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-11 * b.abs().max(1.0)
}

#[test]
fn shares_are_those_of_the_definition() {
    for shape in SHAPES {
        let (n, d, k) = shape;
        let case = case(n, d, k);
        let (x, means) = (Panels::pack(case.x.view(), None), case.means.view());
        let diagonal =
            |c: usize| Matrix::from_fn(d, d, |i, j| if i == j { case.scales[(c, i)] } else { 0.0 });
        let all = [
            (Gaussians::full(means, &case.factors, &case.offsets), case.factors.clone()),
            (
                Gaussians::tied(means, case.factors[0].view(), &case.offsets),
                vec![case.factors[0].clone(); k],
            ),
            (
                Gaussians::diagonal(means, case.scales.view(), &case.offsets),
                (0..k).map(diagonal).collect(),
            ),
        ];
        for (gaussians, factors) in all {
            let (_, shares, densities) = shares_of(&gaussians, &x);
            for i in 0..n {
                let log = |c: usize| {
                    let y = |j: usize| -> f64 {
                        let term =
                            |l: usize| (case.x[(i, l)] - means.row(c)[l]) * factors[c][(l, j)];
                        (0..d).map(term).sum()
                    };
                    case.offsets[c] - 0.5 * (0..d).map(|j| y(j) * y(j)).sum::<f64>()
                };
                let logs: Vec<f64> = (0..k).map(log).collect();
                let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = logs.iter().map(|log| (log - most).exp()).sum();
                assert!(close(densities[i], most + sum.ln()), "{shape:?}, row {i}");
                for c in 0..k {
                    let expected = (logs[c] - most).exp() / sum;
                    assert!((shares[(i, c)] - expected).abs() <= 1e-11, "{shape:?}, row {i}");
                }
            }
        }
    }
}

#[test]
fn a_row_beyond_all_densities_is_shared_equally() {
    let means = Matrix::from_rows(&[[0.0], [1.0]]);
    let scales = Matrix::from_rows(&[[1e200], [1e200]]);
    let gaussians = Gaussians::diagonal(means.view(), scales.view(), &[0.0; 2]);
    let x = Panels::pack(Matrix::from_rows(&[[1e100f64]]).view(), None);
    let (_, shares, densities) = shares_of(&gaussians, &x);
    assert_eq!((shares.as_slice(), &densities[..]), (&[0.5, 0.5][..], &[f64::NEG_INFINITY][..]));
}

#[test]
fn moments_are_those_of_the_definition() {
    for shape in SHAPES {
        let (n, d, k) = shape;
        let case = case(n, d, k);
        let x = Panels::pack(case.x.view(), None);
        let gaussians = Gaussians::full(case.means.view(), &case.factors, &case.offsets);
        let (raw, shares, _) = shares_of(&gaussians, &x);
        let t = |i: usize, c: usize, j: usize| case.x[(i, j)] - case.means[(c, j)];
        let over_rows = |f: &dyn Fn(usize) -> f64| (0..n).map(f).sum::<f64>();
        for moments in [Moments::Full, Moments::Tied, Moments::Diagonal] {
            // What is there already stays.
            let mut sums = vec![1.0; moments.len(k, d)];
            moments.add(&x, 0..x.n_panels(), &raw, case.means.view(), &mut sums);
            let mut expected = Vec::new();
            for c in 0..k {
                expected.push(over_rows(&|i| shares[(i, c)]));
            }
            for c in 0..k {
                expected.extend((0..d).map(|j| over_rows(&|i| shares[(i, c)] * t(i, c, j))));
            }
            let second = |c: usize, a: usize, b: usize| {
                over_rows(&|i| shares[(i, c)] * t(i, c, a) * t(i, c, b))
            };
            let pairs: Vec<_> = (0..d).flat_map(|a| (a..d).map(move |b| (a, b))).collect();
            match moments {
                Moments::Full => {
                    for c in 0..k {
                        expected.extend(pairs.iter().map(|&(a, b)| second(c, a, b)));
                    }
                }
                Moments::Tied => {
                    let all = |&(a, b): &(usize, usize)| (0..k).map(|c| second(c, a, b)).sum();
                    expected.extend(pairs.iter().map(all).collect::<Vec<f64>>());
                }
                Moments::Diagonal => {
                    for c in 0..k {
                        expected.extend((0..d).map(|a| second(c, a, a)));
                    }
                }
            }
            assert_eq!(sums.len(), expected.len());
            for (at, (sum, expected)) in sums.iter().zip(expected).enumerate() {
                assert!(
                    close(sum - 1.0, expected),
                    "{moments:?} {shape:?}: {at}: {sum} {expected}"
                );
            }
        }
    }
}

#[test]
fn every_instruction_set_gives_the_same_bits() {
    let case = case(203, 7, 3);
    let x = Panels::pack(case.x.view(), None);
    let means = case.means.view();
    let all = [
        (Gaussians::full(means, &case.factors, &case.offsets), Moments::Full),
        (Gaussians::tied(means, case.factors[1].view(), &case.offsets), Moments::Tied),
        (Gaussians::diagonal(means, case.scales.view(), &case.offsets), Moments::Diagonal),
    ];
    for (gaussians, moments) in all {
        let bits = |kind| {
            let _pin = isa::pin(kind);
            let (raw, _, densities) = shares_of(&gaussians, &x);
            let mut sums = vec![0.0; moments.len(3, 7)];
            moments.add(&x, 0..x.n_panels(), &raw, means, &mut sums);
            [raw, densities, sums].concat().into_iter().map(f64::to_bits).collect::<Vec<_>>()
        };
        let expected = bits(IsaKind::Scalar);
        for kind in IsaKind::available() {
            assert!(bits(kind) == expected, "{moments:?} on {}", kind.name());
        }
    }
}
