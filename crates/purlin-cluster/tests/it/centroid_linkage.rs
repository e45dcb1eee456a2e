//! Centroid and median linkage from vectors: the definition to the bit, the distance matrix, offsets,
//! bits on threads and instruction sets.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::common::check_same_bits;
use proptest::prelude::*;
use purlin_cluster::{Agglomerative, AgglomerativeAlgorithm, Dendrogram, Linkage, Metric};
use purlin_core::rng::Stream;
use purlin_core::{Matrix, MatrixView, Real};
use purlin_testkit::{check_dendrogram, check_same_bits_on_threads, strategies};

const BOTH: [Linkage; 2] = [Linkage::Centroid, Linkage::Median];

/// Single precision against double and rows against the distance matrix, in units of the height:
/// some hundred roundings of either.
const NARROW_TOL: f64 = 1e-4;
const WIDE_TOL: f64 = 1e-11;

fn fit<T: Real>(linkage: Linkage, x: MatrixView<'_, T>) -> Dendrogram {
    let linear = Agglomerative::new(linkage).algorithm(AgglomerativeAlgorithm::LinearMemory);
    linear.fit(x).expect("the table is a good one")
}

fn noise<T: Real>(n: usize, d: usize, seed: u64) -> Matrix<T> {
    let mut rng = Stream::new(seed, "noise").rng(0);
    Matrix::from_fn(n, d, |_, _| T::from_f64(rng.normal()))
}

/// Whole numbers from 0 on: ties everywhere.
fn lattice<T: Real>(n: usize, d: usize, seed: u64) -> Matrix<T> {
    let mut rng = Stream::new(seed, "lattice").rng(0);
    Matrix::from_fn(n, d, |_, _| T::from_f64(rng.uniform_in(0.0, 9.0).floor()))
}

/// Equally far apart on a circle, whose middle is nearer to all than they are to each other.
fn circle<T: Real>(n: usize) -> Matrix<T> {
    let turn = std::f64::consts::TAU / n as f64;
    Matrix::from_fn(n, 2, |i, j| {
        let angle = turn * i as f64;
        T::from_f64(if j == 0 { angle.cos() } else { angle.sin() })
    })
}

/// The definition in the numbers of the table: in each step all pairs, of equals the first. Merges
/// with the first samples of both parts and the squared distance.
fn by_definition<T: Real>(linkage: Linkage, x: MatrixView<'_, T>) -> Vec<(usize, usize, T)> {
    let column = |j: usize| x.rows().map(move |row| row[j]);
    let origin: Vec<T> = (0..x.n_cols())
        .map(|j| {
            let least = column(j).fold(T::INFINITY, T::min);
            let most = column(j).fold(-T::INFINITY, T::max);
            T::ZERO.max(least).min(most)
        })
        .collect();
    let less = |row: &[T]| row.iter().zip(&origin).map(|(&x, &origin)| x - origin).collect();
    let mut points: Vec<(usize, f64, Vec<T>)> =
        x.rows().enumerate().map(|(i, row)| (i, 1.0, less(row))).collect();
    let squared = |a: &[T], b: &[T]| {
        a.iter().zip(b).fold(T::ZERO, |sum, (&a, &b)| (a - b).mul_add(a - b, sum))
    };
    let mut merges = Vec::new();
    while points.len() > 1 {
        let mut best = (T::INFINITY, 0, 0);
        for (i, (_, _, a)) in points.iter().enumerate() {
            for (j, (_, _, b)) in points.iter().enumerate().skip(i + 1) {
                let value = squared(a, b);
                if value < best.0 {
                    best = (value, i, j);
                }
            }
        }
        let (value, i, j) = best;
        let (first, n_b, b) = points.remove(j);
        let (own, n_a, a) = &mut points[i];
        merges.push((*own, first, value));
        *n_a += n_b;
        for (a, b) in a.iter_mut().zip(b) {
            let (x, y) = (a.to_f64(), b.to_f64());
            *a = T::from_f64(match linkage {
                Linkage::Median => 0.5 * x + 0.5 * y,
                _ => x + (y - x) * n_b / *n_a,
            });
        }
    }
    merges
}

/// The same merges at the same heights in the same order, to the bit.
fn check_definition<T: Real>(x: MatrixView<'_, T>) {
    for linkage in BOTH {
        let tree = fit(linkage, x);
        let mut firsts: Vec<usize> = (0..x.n_rows()).collect();
        let expected = by_definition(linkage, x);
        assert_eq!(tree.merges().len(), expected.len());
        for (step, (merge, (a, b, value))) in tree.merges().iter().zip(expected).enumerate() {
            let own = [firsts[merge.left], firsts[merge.right]];
            let place = format!("{linkage}, {:?}, merge {step}", x.shape());
            assert_eq!((own[0].min(own[1]), own[0].max(own[1])), (a, b), "{place}");
            assert_eq!(merge.dissimilarity.to_bits(), value.to_f64().sqrt().to_bits(), "{place}");
            firsts.push(a);
        }
    }
}

/// More samples than are left alone by empty slots, so that the slots are renumbered on the way.
#[test]
fn every_step_takes_the_pair_of_the_definition() {
    check_definition(noise::<f64>(300, 3, 1).view());
    check_definition(noise::<f32>(300, 10, 2).view());
    check_definition(lattice::<f64>(250, 2, 3).view());
    check_definition(lattice::<f32>(250, 3, 4).view());
    check_definition(Matrix::<f64>::from_fn(140, 3, |i, _| (i % 7) as f64 * 0.1).view());
    check_definition(Matrix::<f64>::from_fn(150, 1, |i, _| (i * i) as f64).view());
    check_definition(Matrix::<f32>::from_fn(150, 2, |i, j| -((i * (j + 1)) as f32)).view());
    check_definition(circle::<f64>(150).view());
    check_definition(circle::<f32>(97).view());
    check_definition(noise::<f64>(120, 2, 5).map(|x| x + 1e8).view());
    check_definition(noise::<f32>(120, 2, 6).map(|x| x + 1e8).view());
}

/// No distances tie: the trees are one.
#[test]
fn trees_are_those_of_the_distance_matrix() {
    let x = noise::<f64>(600, 3, 7);
    let narrow = x.cast::<f32>();
    for linkage in BOTH {
        let condensed = Agglomerative::new(linkage).algorithm(AgglomerativeAlgorithm::Condensed);
        let expected = condensed.fit(x.view()).unwrap();
        assert_ne!(expected.is_monotone(), linkage.is_euclidean(), "no inversion was met");
        let far = fit(linkage, x.map(|x| x + 1e3).view());
        for (tree, tol) in [(fit(linkage, x.view()), WIDE_TOL), (far, 1e-9)] {
            for (got, expected) in tree.merges().iter().zip(expected.merges()) {
                assert_eq!((got.left, got.right), (expected.left, expected.right), "{linkage}");
                let (got, expected) = (got.dissimilarity, expected.dissimilarity);
                assert!((got - expected).abs() <= tol * expected, "{linkage}: {got}, {expected}");
            }
        }
        let narrow = fit(linkage, narrow.view());
        for (got, expected) in narrow.heights().iter().zip(expected.heights()).take(300) {
            assert!((got - expected).abs() <= NARROW_TOL * expected, "{linkage}: {got}");
        }
    }
}

/// An offset that the numbers can hold changes nothing, to the bit: columns begin or end at 0 here.
#[test]
fn an_offset_costs_no_digits() {
    let up = lattice::<f64>(200, 3, 8).map(|x| x / 8.0);
    let down = up.map(|x| x - 1.0);
    let narrow = lattice::<f32>(200, 3, 9).map(|x| 8.0 * x);
    for linkage in BOTH {
        let same =
            |a: MatrixView<'_, f64>, b: Matrix<f64>| fit(linkage, a) == fit(linkage, b.view());
        assert!(same(up.view(), up.map(|x| x + 1e8)), "{linkage}");
        assert!(same(down.view(), down.map(|x| x - 1e8)), "{linkage}");
        assert!(fit(linkage, narrow.view()) == fit(linkage, narrow.map(|x| x + 1e8).view()));
    }
}

/// Samples that are equal merge at 0, however many there are.
#[test]
fn equal_samples_are_no_distance_apart() {
    let x = Matrix::from_fn(700, 3, |i, j| 0.1 + (i % 7) as f64 * (0.3 + j as f64));
    for linkage in BOTH {
        let heights = fit(linkage, x.view()).heights();
        assert_eq!(heights[..693], [0.0; 693], "{linkage}");
        assert!(heights[693..].iter().all(|&height| height > 0.3), "{linkage}");
    }
}

#[test]
fn threads_and_instruction_sets_do_not_change_a_bit() {
    let (x, y) = (noise::<f32>(900, 7, 10), lattice::<f64>(500, 3, 11));
    // Several tasks for the search of a row.
    let long = noise::<f64>(5200, 16, 12);
    for linkage in BOTH {
        let words = |tree: Dendrogram| tree.linkage_matrix().into_vec();
        let both = || (words(fit(linkage, x.view())), words(fit(linkage, y.view())));
        check_same_bits(both);
        check_same_bits_on_threads(|| words(fit(linkage, long.view())));
        let condensed = Agglomerative::new(linkage).algorithm(AgglomerativeAlgorithm::Condensed);
        let both = || {
            let (x, y) = (condensed.fit(x.view()).unwrap(), condensed.fit(y.view()).unwrap());
            (words(x), words(y))
        };
        check_same_bits(both);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_definition_is_followed_on_any_table(
        x in strategies::hostile_matrix(1usize..110, 1usize..4),
    ) {
        check_definition(x.view());
        for linkage in BOTH {
            check_dendrogram(x.view(), &Metric::Euclidean, linkage, fit(linkage, x.view()).merges());
        }
    }

    #[test]
    fn ties_go_to_the_first_pair(seed: u64, n in 2usize..160, d in 1usize..4) {
        check_definition(lattice::<f32>(n, d, seed).view());
        check_definition(lattice::<f64>(n, d, seed).map(|x| x + 1e8).view());
    }
}
