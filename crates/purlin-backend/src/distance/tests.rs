//! Distances have the bits of their definition, and the nearest row is the definition's.

use super::{
    Assigned, Centroids, Drift, Frame, LabelSums, Panels, Points, TwoNearest, add_rows,
    least_growth, naive, squared_euclidean, squared_to_assigned, two_nearest, within,
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
    let extent = x.row(x.n_rows() - 1)[0].to_f64().abs(); // as any power of 2 will
    let frame = Frame::new(&center, extent);
    let points = Points::pack(x, &frame);
    let mut labels = vec![u32::MAX; x.n_rows()];
    let centroids = Centroids::new(centroids, &frame);
    let assigned = centroids.nearest(x, &points, 0..x.n_rows(), &mut labels);
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

/// Rounds in which some centroids stay, some move a little, and one jumps to a row. Returns the
/// distances that were computed in each round.
fn check_rounds<T: Real>(kind: Kind, n: usize, k: usize, d: usize, seed: u64) -> Vec<u64> {
    const ROUNDS: usize = 12;
    let (x, mut centroids) = (table::<T>(kind, n * d, seed), table::<T>(kind, k * d, seed + 1));
    let (x, steps) = (view(&x, d), numbers::<f64>(ROUNDS * (k * d + 2), seed + 2));
    let extent = x.as_slice().unwrap().iter().map(|v| v.to_f64().abs()).fold(0.0, f64::max);
    let frame = Frame::new(&vec![T::ZERO; d], extent);
    let points = Points::pack(x, &frame);
    let (mut labels, mut expected) = (vec![u32::MAX; n], vec![0; n]);
    let (mut drift, mut bounds, mut counts) = (Drift::new(k), None, Vec::new());
    for steps in steps.chunks_exact(k * d + 2) {
        let now = view(&centroids, d);
        let these = Centroids::after(now, &frame, &drift);
        let bounds = bounds.get_or_insert_with(|| these.bounds(n));
        let mut n_distances = 0;
        // Two pieces, the first of which is a whole number of panels.
        let half = n / 2 / Points::LANES * Points::LANES;
        for rows in [0..half, half..n] {
            let labels = &mut labels[rows.clone()];
            let bounds = bounds.of(rows.clone());
            n_distances += these.nearest_bounded(x, &points, rows, labels, bounds).n_distances;
        }
        counts.push(n_distances);
        naive::nearest(x, now, &mut expected);
        assert_eq!(labels, expected, "{kind:?} {n}x{d}, {k} centroids, {counts:?}");

        let before = centroids.clone();
        for (c, (centroid, steps)) in
            centroids.chunks_exact_mut(d).zip(steps.chunks_exact(d)).enumerate()
        {
            // In every other round more than the movers move.
            let sizes = [[0.0, 1e-4, 0.0, 0.01], [0.02, 0.03, 0.02, 0.04]];
            let size = extent * sizes[counts.len() % 2][c % 4];
            for (value, step) in centroid.iter_mut().zip(steps) {
                *value = T::from_f64(value.to_f64() + size * step);
            }
        }
        let [one, row] = [steps[k * d], steps[k * d + 1]].map(|v| (v.abs() * 1e4) as usize);
        centroids[one % k * d..][..d].copy_from_slice(x.row(row % n));
        let moves: Vec<f64> = before
            .chunks_exact(d)
            .zip(centroids.chunks_exact(d))
            .map(|(a, b)| {
                let apart = |(a, b): (&T, &T)| b.to_f64() / extent - a.to_f64() / extent;
                let square: f64 = a.iter().zip(b).map(apart).map(|t| t * t).sum();
                (square.sqrt() * (1.0 + 1e-9) + 1e-150) * extent
            })
            .collect();
        drift.add(&moves);
    }
    counts
}

#[test]
fn bounds_change_no_label() {
    for kind in KINDS {
        // The second and the last are worth bounds of each row.
        for (i, (n, k, d)) in
            [(70, 9, 3), (300, 40, 26), (33, 1, 2), (500, 130, 8)].into_iter().enumerate()
        {
            let counts = IsaKind::available().map(|isa| {
                let _pin = pin(isa);
                let seed = 10 * i as u64;
                (check_rounds::<f32>(kind, n, k, d, seed), check_rounds::<f64>(kind, n, k, d, seed))
            });
            let counts: Vec<_> = counts.collect();
            assert!(counts.windows(2).all(|pair| pair[0] == pair[1]), "{kind:?} {counts:?}");
        }
    }
    let counts = check_rounds::<f32>(Kind::Random, 2000, 64, 16, 5);
    assert!(counts[10] < counts[0] / 2, "{counts:?}");
}

#[test]
fn most_rows_are_ranked_by_the_score() {
    fn check<T: Real>(most_tied: usize) {
        let (x, mut centroids) = (numbers::<T>(3000 * 16, 1), numbers::<T>(20 * 16, 2));
        for outlier in [false, true] {
            // A centroid far away blurs no other.
            if outlier {
                centroids.extend([T::from_f64(1e6); 16]);
            }
            let (_, assigned) = labels(view(&x, 16), view(&centroids, 16));
            assert_eq!(assigned.n_changed, 3000);
            assert!(assigned.n_close < 30 && assigned.n_tied <= most_tied, "{assigned:?}");
        }
    }
    check::<f32>(30);
    check::<f64>(0);
}

/// With so many columns the rounding of a score could be as large as the score.
#[test]
fn scores_of_very_many_columns_certify_nothing() {
    let d = 1_000_000;
    let (x, mut centroids) = (vec![1.0f32; d], vec![0.0; d]);
    centroids.extend(vec![2.05; d]);
    let (x, frame) = (view(&x, d), Frame::new(&vec![0.0; d], 1.0));
    let centroids = Centroids::new(view(&centroids, d), &frame);
    let mut labels = [7];
    let assigned = centroids.nearest(x, &Points::pack(x, &frame), 0..1, &mut labels);
    assert_eq!((labels, assigned.n_tied), ([0], 1));
}

/// A centroid that single precision cannot hold is no reason to trust what it leaves.
#[test]
fn a_centroid_out_of_range_certifies_nothing() {
    for (far, extent) in [(1e19, 0.4), (1e30, 0.4), (1e200, 0.4), (1e19, 40.0), (1e300, 1e-3)] {
        let x = [0.0, 0.31, 0.32, 0.33, 0.35, 0.375, 0.4];
        let x = view(&x, 1);
        let centroids = [0.31 - 1e-9, 0.31, far, 0.0];
        let centroids = view(&centroids, 1);
        let frame = Frame::new(&[0.2], extent);
        let mut labels = [0; 7];
        let points = Points::pack(x, &frame);
        Centroids::new(centroids, &frame).nearest(x, &points, 0..7, &mut labels);
        let mut expected = [0; 7];
        naive::nearest(x, centroids, &mut expected);
        assert_eq!(labels, expected, "{far} {extent}");
    }
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
fn sums_that_follow_labels_are_those_of_the_labels() {
    fn check<T: Real>(d: usize, k: usize, by_weight: bool, seed: u64) {
        let n = 300;
        let x = numbers::<T>(n * d, seed);
        let weights: Vec<T> = numbers::<T>(n, seed + 1).iter().map(|w| w.abs()).collect();
        let weights = by_weight.then_some(&weights[..]);
        let mut labels = vec![u32::MAX; n];
        let mut parts = vec![LabelSums::new(k, d); 2];
        for round in 0..12 {
            // The last round leaves one label without a row.
            let n_labels = if round == 11 { k - 1 } else { k } as u64;
            let before = labels.clone();
            for (row, label) in labels.iter_mut().enumerate() {
                *label =
                    ((row as u64 * 2_654_435_761 + seed + round * round / 3) % n_labels) as u32;
            }
            for (part, rows) in parts.iter_mut().zip([0..130, 130..n]) {
                let weights = weights.map(|weights| &weights[rows.clone()]);
                let x = view(&x, d).row_range(rows.clone());
                part.follow(x, weights, &before[rows.clone()], &labels[rows]);
            }
        }
        let mut all = vec![0.0; k * (d + 1)];
        LabelSums::total(&parts.iter().collect::<Vec<_>>(), &mut all);
        let mut expected = vec![0.0; k * (d + 1)];
        let (rows, totals) = expected.split_at_mut(k * d);
        naive::add_rows(view(&x, d), &labels, weights, rows, totals);
        for (got, expected) in all.iter().zip(&expected) {
            assert!((got - expected).abs() <= 1e-14 * expected.abs().max(10.0), "{got} {expected}");
        }
        assert!(all[(k - 1) * d..k * d].iter().all(|&sum| sum == 0.0));
        assert_eq!(all[k * (d + 1) - 1], 0.0);
    }
    for d in 1..20 {
        for k in [2, 7] {
            check::<f32>(d, k, d % 2 == 0, d as u64);
            check::<f64>(d, k, d % 2 == 1, d as u64);
        }
    }
}

/// What was once in a sum and left takes nothing along.
#[test]
fn rows_leave_sums_as_they_came() {
    let (n, d) = (2_000, 9);
    let mut x = numbers::<f64>(n * d, 1);
    x[..d].fill(1e12);
    let first: Vec<u32> = (0..n as u32).map(|row| row % 5).collect();
    let second: Vec<u32> = (0..n).map(|row| if row < n / 2 { 4 } else { first[row] }).collect();
    let run = || {
        let mut sums = LabelSums::new(5, d);
        sums.follow(view(&x, d), None, &vec![u32::MAX; n], &first);
        sums.follow(view(&x, d), None, &first, &second);
        let mut all = vec![0.0; 5 * (d + 1)];
        LabelSums::total(&[&sums], &mut all);
        all
    };
    let got = run();
    let mut expected = vec![0.0; d];
    for row in (n / 2..n).filter(|row| row % 5 == 0) {
        for (sum, value) in expected.iter_mut().zip(&x[row * d..]) {
            *sum += value;
        }
    }
    for (got, expected) in got.iter().zip(&expected) {
        assert!((got - expected).abs() < 1e-12, "{got} {expected}");
    }
    for isa in IsaKind::available() {
        let _pin = pin(isa);
        assert_eq!(bits(&run()), bits(&got), "{isa:?}");
    }
}

#[test]
fn packing_does_not_depend_on_threads() {
    let (n, d) = (20_011, 9);
    let x = numbers::<f32>(n * d, 1);
    let center = numbers::<f32>(d, 2);
    let pack = || {
        let points = Points::pack(view(&x, d), &Frame::new(&center, 2.0));
        let panels = Panels::pack(view(&x, d), None);
        let all = (0..panels.n_panels()).flat_map(|p| panels.panel(p).to_vec());
        let ranked = (0..panels.n_panels()).flat_map(|p| points.panels.panel(p).to_vec());
        (bits(&all.chain(ranked).collect::<Vec<f32>>()), bits(&points.norms))
    };
    let expected = on_threads(1, pack);
    let (place, value) = (16 * (d + 2) + 3, x[19 * d + 2]);
    assert_eq!(f32::from_bits(expected.0[place] as u32), value);
    let framed = f32::from_bits(expected.0[20_016 * d + place] as u32);
    assert!((framed - (value - center[2]) / 2.0).abs() <= f32::EPSILON * framed.abs());
    let last = &expected.1[20_011..];
    assert_eq!(last, [0; 5], "rows that are missing");
    for threads in [2, 3, 8] {
        assert_eq!(on_threads(threads, pack), expected);
    }
}

#[test]
#[should_panic(expected = "nearest: expected at least 1 centroid, got 0")]
fn no_centroid_is_refused() {
    let x = [[1.0f32]];
    let frame = Frame::new(&[0.0f32], 1.0);
    let points = Points::pack(MatrixView::from_rows(&x), &frame);
    let none = Centroids::new(MatrixView::from_slice(&[], 0, 1).unwrap(), &frame);
    none.nearest(MatrixView::from_rows(&x), &points, 0..1, &mut [0]);
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
