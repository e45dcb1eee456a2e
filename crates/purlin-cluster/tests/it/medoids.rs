//! k-medoids: known answers, the definition as loops, the doors that stay shut, the laws.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::common::{blobs, check_same_bits, model_unless, n_distinct, too_few_distinct};
use proptest::prelude::*;
use purlin_cluster::{
    CondensedMatrix, CustomMetric, KMedoids, KMedoidsModel, MedoidInit, MemoryBudget, Metric,
};
use purlin_core::{Matrix, MatrixView, Real};
use purlin_testkit::{Bits, strategies};

/// Everything of a model that is computed.
fn words<T: Real>(model: &KMedoidsModel<T>) -> Vec<u64> {
    let mut words = model.medoid_indices().to_words();
    words.extend(model.labels().to_words());
    words.extend([model.loss().to_bits(), model.n_swaps() as u64, model.n_iter() as u64]);
    words
}

/// All distances, both ways; a sample is 0 away from itself, whatever rounding makes of it.
fn square<T: Real>(x: MatrixView<'_, T>, metric: &Metric) -> Vec<Vec<f64>> {
    let distance = |i, j| if i == j { 0.0 } else { metric.distance(x.row(i), x.row(j)).to_f64() };
    (0..x.n_rows()).map(|i| (0..x.n_rows()).map(|j| distance(i, j)).collect()).collect()
}

/// What rounding may make of a loss: a part of the distances to the second medoids.
fn rounding(distances: &[Vec<f64>], medoids: &[usize]) -> f64 {
    let second = |row: &Vec<f64>| {
        let mut ways: Vec<f64> = medoids.iter().map(|&m| row[m]).collect();
        ways.sort_by(f64::total_cmp);
        ways[1]
    };
    1e-11 * distances.iter().map(second).sum::<f64>()
}

fn loss(distances: &[Vec<f64>], medoids: &[usize]) -> f64 {
    distances.iter().map(|row| medoids.iter().map(|&m| row[m]).fold(f64::INFINITY, f64::min)).sum()
}

/// The first of the candidates with the least value.
fn first_least(values: impl Iterator<Item = f64>) -> (usize, f64) {
    let mut best = (0, f64::INFINITY);
    for (i, value) in values.enumerate() {
        if value < best.1 {
            best = (i, value);
        }
    }
    best
}

/// PAM's start by definition.
fn naive_build(distances: &[Vec<f64>], k: usize) -> Vec<usize> {
    let mut medoids = Vec::new();
    while medoids.len() < k {
        let with = |c: usize| [&medoids[..], &[c]].concat();
        medoids.push(first_least((0..distances.len()).map(|c| loss(distances, &with(c)))).0);
    }
    medoids
}

/// Whether each step of the start is better than all others by more than rounding.
fn is_only_build(distances: &[Vec<f64>], medoids: &[usize]) -> bool {
    (0..medoids.len()).all(|step| {
        let with = |c: usize| loss(distances, &[&medoids[..step], &[c]].concat());
        let least = with(medoids[step]);
        let others = (0..distances.len()).filter(|&c| distances[c][medoids[step]] > 0.0);
        others.map(with).all(|loss| loss > least * (1.0 + 1e-11))
    })
}

/// The eager swaps by definition: every swap is judged by the whole loss. Medoids, swaps, rounds.
fn naive_swaps(distances: &[Vec<f64>], mut medoids: Vec<usize>) -> (Vec<usize>, usize, usize) {
    let (n, k) = (distances.len(), medoids.len());
    let (mut n_idle, mut n_tried, mut n_swaps) = (0, 0, 0);
    while n_idle < n {
        let c = n_tried % n;
        n_tried += 1;
        n_idle += 1;
        if medoids.contains(&c) {
            continue;
        }
        let swapped = |slot: usize| {
            let mut medoids = medoids.clone();
            medoids[slot] = c;
            medoids
        };
        let (slot, new) = first_least((0..k).map(|slot| loss(distances, &swapped(slot))));
        let old = loss(distances, &medoids);
        if new - old < -1e-12 * old {
            medoids[slot] = c;
            n_swaps += 1;
            n_idle = 0;
        }
    }
    (medoids, n_swaps, n_tried.div_ceil(n))
}

/// No single swap lowers the loss by more than rounding.
fn check_optimum<T: Real>(x: MatrixView<'_, T>, metric: &Metric, model: &KMedoidsModel<T>) {
    let distances = square(x, metric);
    let medoids = model.medoid_indices();
    let (found, rounding) = (loss(&distances, medoids), rounding(&distances, medoids));
    assert!((model.loss() - found).abs() <= 1e-12 * found, "{} and {found}", model.loss());
    assert!(model.converged());
    for c in 0..x.n_rows() {
        for slot in 0..medoids.len() {
            let mut other = medoids.to_vec();
            other[slot] = c;
            let other = loss(&distances, &other);
            assert!(other >= found - rounding, "{c} for {slot}: {other} below {found}");
        }
    }
    for (row, &label) in distances.iter().zip(model.labels()) {
        assert_eq!(first_least(medoids.iter().map(|&m| row[m])).0, label);
    }
}

#[test]
fn the_best_medoids_of_small_tables_are_found() {
    let x = Matrix::from_rows(&[[1.0, 1.0], [1.0, 2.0], [2.0, 1.0], [8.0, 8.0], [8.0, 9.0]]);
    let model = KMedoids::new(2).metric(Metric::Manhattan).fit(x.view()).unwrap();
    assert_eq!(model.medoid_indices(), [0, 3]);
    assert_eq!(model.labels(), [0, 0, 0, 1, 1]);
    assert_eq!((model.loss(), model.cluster_sizes()), (3.0, &[3, 2][..]));
    assert_eq!(model.medoids().unwrap().row(1), [8.0, 8.0]);
    assert_eq!(model.predict(MatrixView::from_rows(&[[7.0, 7.0], [4.5, 4.5]])).unwrap(), [1, 0]);
}

#[test]
fn a_poor_start_is_swapped_away() {
    let x = blobs::<f64>(300, 3, 5, 0.3, 1);
    let by_build = KMedoids::new(5).fit(x.view()).unwrap();
    let poor = MedoidInit::Indices(vec![0, 5, 10, 15, 20]); // all in one blob
    let model = KMedoids::new(5).init(poor.clone()).fit(x.view()).unwrap();
    assert!(model.n_swaps() >= 4, "{} swaps", model.n_swaps());
    assert!((model.loss() - by_build.loss()).abs() < 1e-9 * model.loss());
    assert_eq!(model.cluster_sizes(), [60; 5]);
    let early = KMedoids::new(5).init(poor).max_iter(1).fit(x.view()).unwrap();
    assert_eq!((early.n_iter(), early.converged()), (1, false));
    let random = KMedoids::new(5).init(MedoidInit::Random).seed(3).fit(x.view()).unwrap();
    check_optimum(x.view(), &Metric::Euclidean, &random);
}

/// No ties: the fast and the plain way go through the same swaps.
#[test]
fn swaps_are_those_of_the_definition() {
    for (n, d, k, seed) in [(60, 2, 3, 1), (97, 4, 7, 2), (40, 1, 20, 3), (130, 3, 2, 4)] {
        let x = blobs::<f64>(n, d, 4, 3.0, seed);
        for metric in [Metric::Euclidean, Metric::Chebyshev, Metric::Canberra] {
            let distances = square(x.view(), &metric);
            let first: Vec<usize> = (0..k).collect();
            for (init, first) in [
                (MedoidInit::Build, naive_build(&distances, k)),
                (MedoidInit::Indices(first.clone()), first),
            ] {
                let model = KMedoids::new(k).metric(metric.clone()).init(init).fit(x.view());
                let model = model.unwrap();
                let expected = naive_swaps(&distances, first);
                let found = (model.medoid_indices().to_vec(), model.n_swaps(), model.n_iter());
                assert_eq!(found, expected, "{n}x{d}, {k}, {metric:?}");
            }
        }
    }
}

/// Kept or computed anew, from rows or from pairs: the same.
#[test]
fn every_source_of_distances_gives_the_same_bits() {
    let none = MemoryBudget::new(0);
    for d in [5, 40] {
        let x = blobs::<f32>(300, d, 4, 4.0, 5);
        for metric in [Metric::Euclidean, Metric::SquaredEuclidean, Metric::Manhattan] {
            let algorithm = KMedoids::new(6).metric(metric.clone());
            let expected = words(&algorithm.fit(x.view()).unwrap());
            let lean = algorithm.clone().memory(none).fit(x.view()).unwrap();
            assert_eq!(words(&lean), expected, "{d} columns, {metric:?}");
            let pairs = metric.pairwise(x.view()).unwrap();
            let kept = algorithm.fit_precomputed(&pairs).unwrap();
            assert_eq!(words(&kept), expected, "{d} columns, {metric:?}");
            let lean = algorithm.clone().memory(none).fit_precomputed(&pairs).unwrap();
            assert_eq!(words(&lean), expected, "{d} columns, {metric:?}");
        }
        let algorithm = KMedoids::new(6).metric(Metric::Cosine);
        let half = MemoryBudget::new(CondensedMatrix::<f32>::bytes_needed(300).unwrap());
        assert_eq!(
            words(&algorithm.clone().memory(half).fit(x.view()).unwrap()),
            words(&algorithm.fit(x.view()).unwrap())
        );
    }
}

#[test]
fn a_model_of_distances_has_no_rows_to_predict_from() {
    let pairs = CondensedMatrix::from_vec(3, vec![1.0, 9.0, 8.0]).unwrap();
    let model = KMedoids::new(2).fit_precomputed(&pairs).unwrap();
    assert_eq!((model.labels(), model.n_features()), (&[0, 0, 1][..], 0));
    assert!(model.medoids().is_none());
    assert_eq!(
        model.predict(MatrixView::from_rows(&[[1.0]])).unwrap_err().to_string(),
        "kmedoids: expected a model of rows, got one of distances"
    );
}

#[test]
fn degenerate_tables_are_clustered() {
    let one = Matrix::from_rows(&[[3.0, 4.0]]);
    let model = KMedoids::new(1).fit(one.view()).unwrap();
    assert_eq!((model.labels(), model.loss(), model.n_swaps()), (&[0][..], 0.0, 0));
    let x = blobs::<f64>(9, 2, 3, 1.0, 6);
    let all = KMedoids::new(9).fit(x.view()).unwrap();
    assert_eq!((all.loss(), all.converged(), all.cluster_sizes()), (0.0, true, &[1; 9][..]));
    // One medoid is the best of all, from any start.
    let distances = square(x.view(), &Metric::Euclidean);
    let best = naive_build(&distances, 1)[0];
    let model = KMedoids::new(1).init(MedoidInit::Indices(vec![(best + 1) % 9])).fit(x.view());
    let model = model.unwrap();
    assert_eq!((model.medoid_indices(), model.n_swaps()), (&[best][..], 1));
    let equal = Matrix::from_rows(&[[1.0, 2.0]; 5]);
    assert_eq!(KMedoids::new(1).fit(equal.view()).unwrap().loss(), 0.0);
}

#[test]
fn bad_input_is_refused_with_its_numbers() {
    let x = Matrix::from_rows(&[[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]]);
    let of = |algorithm: KMedoids| algorithm.fit(x.view()).unwrap_err().to_string();
    let new = KMedoids::new;
    let given = |rows: &[usize]| new(2).init(MedoidInit::Indices(rows.to_vec()));
    assert_eq!(of(given(&[0])), "kmedoids: expected init of 2 samples, got 1");
    assert_eq!(of(given(&[0, 3])), "kmedoids: init must be below 3, the samples, got 3 at index 1");
    assert_eq!(
        of(given(&[1, 1])),
        "kmedoids: init must be of different samples, got 1 at indices 0 and 1"
    );
    assert_eq!(
        of(given(&[0, 2])),
        "kmedoids: init must be of samples apart, got samples 0 and 2 at distance 0"
    );
    assert_eq!(
        of(new(1).metric(Metric::Minkowski(0.5))),
        "kmedoids: p must be finite and at least 1, got 0.5"
    );
    assert_eq!(
        of(new(1).metric(Metric::Cosine).memory(MemoryBudget::new(10))),
        "kmedoids: the distance matrix needs 24 bytes, allowed are 10"
    );
    let infinite = CustomMetric::new("infinite", |a, b| if a == b { 0.0 } else { f64::INFINITY });
    assert_eq!(
        of(new(1).metric(Metric::Custom(infinite))),
        "kmedoids: distances must be finite, got inf at (0, 1)"
    );
    let pairs = |values: [f64; 3]| {
        let pairs = CondensedMatrix::from_vec(3, values.to_vec()).unwrap();
        new(2).fit_precomputed(&pairs).unwrap_err().to_string()
    };
    assert_eq!(
        pairs([1.0, 2.0, f64::INFINITY]),
        "kmedoids: distances must be finite, got inf at (1, 2)"
    );
    assert_eq!(
        pairs([1.0, 1e308, 1.0]),
        "kmedoids: distances must be so small that sums are finite, got 1e308 at (0, 2)"
    );
    let nothing = CondensedMatrix::<f64>::from_vec(0, Vec::new()).unwrap();
    assert_eq!(
        new(1).fit_precomputed(&nothing).unwrap_err().to_string(),
        "kmedoids: expected at least 1 samples, got 0"
    );
}

#[test]
fn threads_and_instruction_sets_do_not_change_a_bit() {
    let (x, y) = (blobs::<f32>(1500, 7, 8, 4.0, 7), blobs::<f64>(800, 40, 5, 6.0, 8));
    let fit = || {
        let random = KMedoids::new(12).init(MedoidInit::Random).seed(1);
        let build = KMedoids::new(12).metric(Metric::Manhattan);
        let square = KMedoids::new(5).init(MedoidInit::Random);
        [
            words(&random.fit(x.view()).unwrap()),
            words(&build.fit(x.view()).unwrap()),
            words(&square.fit(y.view()).unwrap()),
        ]
    };
    check_same_bits(fit);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_swap_is_left_that_lowers_the_loss(
        x in strategies::hostile_matrix(4usize..30, 1usize..5),
        metric in 0usize..6,
        init in 0usize..3,
        seed: u64,
    ) {
        let metric = [
            Metric::Euclidean,
            Metric::SquaredEuclidean,
            Metric::Manhattan,
            Metric::Minkowski(3.0),
            Metric::Cosine,
            Metric::Correlation,
        ][metric].clone();
        let init =
            [MedoidInit::Build, MedoidInit::Random, MedoidInit::Indices(vec![3, 1, 2])][init].clone();
        let (is_build, is_given) =
            (init == MedoidInit::Build, matches!(init, MedoidInit::Indices(_)));
        let algorithm = KMedoids::new(3).metric(metric.clone()).init(init).seed(seed);
        let fitted = algorithm.fit(x.view());
        // Rounding may tell rows of one direction apart.
        let is_rounded = matches!(metric, Metric::Cosine | Metric::Correlation);
        let least = if is_rounded { 1e-12 } else { 0.0 };
        let (rows, words) = if is_given {
            (x.view().select_rows(&[3, 1, 2]), "init must be of samples apart")
        } else {
            (x.clone(), "distinct samples, got")
        };
        let n_apart = n_distinct(rows.view(), |a, b| metric.distance(a, b) > least);
        let refusal = (n_apart < 3 && (!is_rounded || fitted.is_err())).then_some(words);
        let Some(model) = model_unless(refusal, fitted) else { return Ok(()) };
        check_optimum(x.view(), &metric, &model);
        if !is_rounded {
            // Else a row may lie a rounding away from itself.
            prop_assert_eq!(model.predict(x.view()).unwrap(), model.labels());
        }
        let distances = square(x.view(), &metric);
        let medoids = naive_build(&distances, 3);
        if is_build && is_only_build(&distances, &medoids) {
            let start = loss(&distances, &medoids);
            let rounding = rounding(&distances, model.medoid_indices());
            prop_assert!(model.loss() <= start + rounding, "{} above {start}", model.loss());
        }
    }

    /// Sums of whole numbers are exact: ties break as in the definition.
    #[test]
    fn ties_break_to_the_smallest_index(
        x in strategies::lattice(6usize..25, 1usize..4),
        k in 2usize..5,
    ) {
        for metric in [Metric::Manhattan, Metric::SquaredEuclidean] {
            let fitted = KMedoids::new(k).metric(metric.clone()).fit(x.view());
            let refusal = too_few_distinct(x.view(), k);
            let Some(model) = model_unless(refusal, fitted) else { continue };
            let distances = square(x.view(), &metric);
            let (medoids, n_swaps, n_iter) = naive_swaps(&distances, naive_build(&distances, k));
            prop_assert_eq!(model.medoid_indices(), medoids);
            prop_assert_eq!((model.n_swaps(), model.n_iter()), (n_swaps, n_iter));
        }
    }
}
