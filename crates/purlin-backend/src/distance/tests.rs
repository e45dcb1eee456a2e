//! Distances have the bits of their definition, and the nearest row is the definition's.

use super::{
    Assigned, Centroids, Panels, TwoNearest, add_rows, least_growth, naive, squared_euclidean,
    squared_to_assigned, two_nearest, within,
};
use crate::gemm::testing::{bits, numbers, on_threads};
use crate::isa::{IsaKind, pin};
use proptest::prelude::*;
use purlin_core::{MatrixView, Real};

/// Tables on which shortcuts go wrong.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Random,
    /// Whole numbers: ties everywhere.
    Lattice,
    /// Far from the origin, close together.
    Offset,
    /// Squares vanish.
    Tiny,
    /// Squares overflow.
    Huge,
}

const KINDS: [Kind; 5] = [Kind::Random, Kind::Lattice, Kind::Offset, Kind::Tiny, Kind::Huge];

fn table<T: Real>(kind: Kind, len: usize, seed: u64) -> Vec<T> {
    let is_single = size_of::<T>() == 4;
    let of = |x: T| match kind {
        Kind::Random => x,
        Kind::Lattice => T::from_f64((x.to_f64() * 2.0).round()),
        Kind::Offset => T::from_f64(1e8 + 64.0 * (x.to_f64() * 4.0).round()),
        Kind::Tiny => T::from_f64(x.to_f64() * if is_single { 1e-23 } else { 1e-165 }),
        Kind::Huge => T::from_f64(x.to_f64() * if is_single { 1e25 } else { 1e200 }),
    };
    numbers::<T>(len, seed).into_iter().map(of).collect()
}

fn view<T: Real>(data: &[T], n_cols: usize) -> MatrixView<'_, T> {
    MatrixView::from_slice(data, data.len() / n_cols, n_cols).unwrap()
}

/// Labels by the fast way.
fn labels<T: Real>(x: MatrixView<'_, T>, centroids: MatrixView<'_, T>) -> (Vec<u32>, Assigned) {
    let mut center = x.row(0).to_vec();
    center[0] = T::ZERO; // any common row will do
    let points = Panels::pack(x, Some(&center));
    let norms = points.squared_norms();
    let mut labels = vec![u32::MAX; x.n_rows()];
    let centroids = Centroids::new(centroids, &center);
    let assigned = centroids.nearest(x, &points, &norms, 0..points.n_panels(), &mut labels);
    (labels, assigned)
}

fn check<T: Real>(kind: Kind, n: usize, k: usize, d: usize, seed: u64) {
    let (x, centroids) = (table::<T>(kind, n * d, seed), table::<T>(kind, k * d, seed + 1));
    let (x, centroids) = (view(&x, d), view(&centroids, d));
    let mut expected = vec![0; n];
    naive::nearest(x, centroids, &mut expected);
    let distances: Vec<T> = x
        .rows()
        .flat_map(|a| centroids.rows().map(move |b| naive::squared_euclidean(a, b)))
        .collect();
    for isa in IsaKind::available() {
        let _pin = pin(isa);
        assert_eq!(labels(x, centroids).0, expected, "{kind:?} {n}x{d}, {k} centroids, {isa:?}");
        let mut out = vec![T::NAN; n * k];
        let panels = Panels::pack(centroids, None);
        squared_euclidean(x, &panels, 0..panels.n_panels(), &mut out);
        assert_eq!(bits(&out), bits(&distances), "{kind:?} {isa:?}");
        let mut own = vec![T::NAN; n];
        squared_to_assigned(x, centroids, &expected, &mut own);
        let of = |(i, &label): (usize, &u32)| distances[i * k + label as usize];
        let expected_own: Vec<T> = expected.iter().enumerate().map(of).collect();
        assert_eq!(bits(&own), bits(&expected_own), "{kind:?} {isa:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]
    #[test]
    fn the_nearest_row_is_the_definitions(
        n in 1usize..60, k in 1usize..40, d in 1usize..12, kind in 0usize..5, seed in 0u64..1000,
    ) {
        check::<f32>(KINDS[kind], n, k, d, seed);
        check::<f64>(KINDS[kind], n, k, d, seed);
    }

    /// Two centroids mirrored in a point near the row: the true distances differ by less than the
    /// score can tell.
    #[test]
    fn near_ties_are_ranked_by_the_definition(
        d in 1usize..20, seed in 0u64..1000, ulps in -3i32..=3,
    ) {
        let (x, step) = (numbers::<f32>(d, seed), numbers::<f32>(d, seed + 1));
        let mut centroids: Vec<f32> = x.iter().zip(&step).map(|(x, s)| x + s).collect();
        centroids.extend(x.iter().zip(&step).map(|(x, s)| x - s));
        centroids[0] += ulps as f32 * f32::EPSILON * centroids[0];
        let (x, centroids) = (view(&x, d), view(&centroids, d));
        let mut expected = [0];
        naive::nearest(x, centroids, &mut expected);
        for isa in IsaKind::available() {
            let _pin = pin(isa);
            prop_assert_eq!(&labels(x, centroids).0, &expected);
        }
    }
}

#[test]
fn most_rows_are_ranked_by_the_score() {
    let (x, centroids) = (numbers::<f32>(3000 * 16, 1), numbers::<f32>(20 * 16, 2));
    let (_, assigned) = labels(view(&x, 16), view(&centroids, 16));
    assert_eq!(assigned.n_changed, 3000);
    assert!(assigned.n_close < 30, "{assigned:?}");
}

#[test]
fn sums_over_labels_are_those_of_the_loop() {
    let (n, d, k) = (203, 11, 5);
    let (x, weights) = (numbers::<f32>(n * d, 1), numbers::<f32>(n, 2));
    let labels: Vec<u32> = (0..n).map(|i| (i * 7 % k) as u32).collect();
    for weights in [None, Some(&weights[..])] {
        let run = |f: &dyn Fn(&mut [f64], &mut [f64])| {
            let (mut sums, mut totals) = (vec![0.5; k * d], vec![1.0; k]);
            f(&mut sums, &mut totals);
            (bits(&sums), bits(&totals))
        };
        let expected =
            run(&|sums, totals| naive::add_rows(view(&x, d), &labels, weights, sums, totals));
        for isa in IsaKind::available() {
            let _pin = pin(isa);
            let got = run(&|sums, totals| add_rows(view(&x, d), &labels, weights, sums, totals));
            assert_eq!(got, expected, "{isa:?}");
        }
    }
}

#[test]
fn packing_does_not_depend_on_threads() {
    let (n, d) = (20_011, 9);
    let x = numbers::<f32>(n * d, 1);
    let center = numbers::<f32>(d, 2);
    let pack = || {
        let panels = Panels::pack(view(&x, d), Some(&center));
        let all: Vec<f32> = (0..panels.n_panels()).flat_map(|p| panels.panel(p).to_vec()).collect();
        (bits(&all), bits(&panels.squared_norms()))
    };
    let expected = on_threads(1, pack);
    assert_eq!(f32::from_bits(expected.0[16 * (d + 2) + 3] as u32), x[19 * d + 2] - center[2]);
    for threads in [2, 3, 8] {
        assert_eq!(on_threads(threads, pack), expected);
    }
}

#[test]
#[should_panic(expected = "nearest: expected at least 1 centroid, got 0")]
fn no_centroid_is_refused() {
    let x = [[1.0f32]];
    let points = Panels::pack(MatrixView::from_rows(&x), Some(&[0.0]));
    let none = Centroids::new(MatrixView::from_slice(&[], 0, 1).unwrap(), &[0.0]);
    none.nearest(MatrixView::from_rows(&x), &points, &points.squared_norms(), 0..1, &mut [0]);
}

/// One row beside all others, in panels from any panel on, against the loops.
fn check_scans<T: Real>(kind: Kind, n: usize, d: usize, seed: u64) {
    let b = table::<T>(kind, n * d, seed);
    let a = table::<T>(kind, d, seed + 1);
    let (b, lanes) = (view(&b, d), Panels::<T>::lanes());
    let some = |values: Vec<T>| -> Vec<T> {
        values.into_iter().enumerate().map(|(i, x)| if i % 7 == 3 { T::NAN } else { x }).collect()
    };
    let limits: Vec<T> = (0..n).map(|i| naive::squared_euclidean(b.row(i), b.row(i / 2))).collect();
    let sizes = some((0..n).map(|i| T::from_usize(1 + i % 3)).collect());
    let panels = Panels::pack(b, None);
    for isa in IsaKind::available() {
        let _pin = pin(isa);
        for first in 0..panels.n_panels() {
            let (start, range) = (first * lanes, first..panels.n_panels());
            let rest = b.row_range(start..n);
            for n_rows in [rest.n_rows(), rest.n_rows().saturating_sub(3)] {
                let limits = some(limits[start..start + n_rows].to_vec());
                let mut hits = Vec::new();
                within(&a, &panels, range.clone(), &limits, &mut hits);
                let mut expected = naive::within(&a, rest, &limits);
                for hit in &mut expected {
                    hit.0 += start as u32;
                }
                assert_eq!(hits, expected, "{kind:?} {n}x{d} from {start} {isa:?}");
                let (size, sizes) = (T::from_usize(2), &sizes[start..start + n_rows]);
                let least = least_growth(&a, size, &panels, range.clone(), sizes);
                let expected = naive::least_growth(&a, size, rest, sizes);
                let expected = expected.map(|(value, row)| (value, row + start as u32));
                assert_eq!(least, expected, "{kind:?} {n}x{d} from {start} {isa:?}");
            }
        }
        for start in 0..=n {
            for end in [n, n.saturating_sub(5).max(start)] {
                let floors: Vec<T> =
                    (start..end).map(|i| if i % 7 == 3 { T::INFINITY } else { T::ZERO }).collect();
                let found = two_nearest(&a, &panels, start..end, &floors);
                let expected = naive::two_nearest(&a, b.row_range(start..end), &floors);
                let expected = expected.map(|x| TwoNearest { row: x.row + start as u32, ..x });
                assert_eq!(found, expected, "{kind:?} {n}x{d}, {start}..{end} {isa:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]
    #[test]
    fn a_scan_finds_what_the_definition_finds(
        kind in prop::sample::select(KINDS.to_vec()),
        (n, d) in (1usize..120, 1usize..7),
        seed: u64,
    ) {
        check_scans::<f32>(kind, n, d, seed);
        check_scans::<f64>(kind, n, d, seed);
    }
}
